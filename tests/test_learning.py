"""The two recipes learn, in a few seconds, on real data where there is some and on the stand-in where there is none."""

import pytest
import torch

from effdl_lite.batches import TextBatches
from effdl_lite.data import load_cifar10, load_ptb
from effdl_lite.measure import cpu_has_bf16, num_threads
from effdl_lite.methods.compaction import compact_recurrent
from effdl_lite.methods.intrinsic_sparsity import IntrinsicSparsity, groups_of, zero_units
from effdl_lite.models import ConvNet, LSTMLanguageModel
from effdl_lite.recipes import image_batches, sgd, train_image_classifier, train_language_model
from effdl_lite.training import accuracy, perplexity


@pytest.fixture(autouse=True)
def one_thread():
    with num_threads(1):
        yield


def test_a_small_convnet_learns_its_images():
    data = load_cifar10(train_images=4000)
    torch.manual_seed(0)
    model = ConvNet((16, 16, 32))
    before = accuracy(model, image_batches(data)["validation"])
    history = train_image_classifier(model, data, epochs=3, bf16=cpu_has_bf16(), progress=False)
    assert before < 0.2
    assert history.epochs[-1]["validation"] > 0.38  # ten classes: chance is 0.10
    assert history.epochs[-1]["validation"] == accuracy(model, image_batches(data)["validation"])


def test_two_trainings_with_one_seed_are_equal_to_the_bit():
    data = load_cifar10(train_images=512)

    def trained() -> torch.Tensor:
        torch.manual_seed(0)
        model = ConvNet((8, 8, 8))
        train_image_classifier(model, data, epochs=1, seed=3, progress=False)
        return model.fc.weight.detach()

    assert torch.equal(trained(), trained())


def test_a_two_layer_lstm_beats_what_word_frequencies_alone_can_say():
    data = load_ptb(vocabulary=1000)
    train, held_out = data.train[:200_000], data.validation[:8_000]
    counts = torch.bincount(train, minlength=len(data.words)) + 1.0
    unigram = (-(counts / counts.sum()).log()[held_out].mean()).exp().item()
    torch.manual_seed(0)
    model = LSTMLanguageModel(len(data.words), 64, (64, 64))
    few = type(data)(**(vars(data) | {"train": train, "validation": held_out}))
    history = train_language_model(model, few, epochs=2, bf16=cpu_has_bf16(), progress=False)
    learned = perplexity(model, TextBatches(held_out, 10, 35))
    assert history.epochs[-1]["validation"] == pytest.approx(learned)
    assert learned < 0.8 * unigram


def test_hidden_units_die_in_training_and_the_model_without_them_has_the_same_perplexity():
    data = load_ptb(vocabulary=500)
    few = type(data)(**(vars(data) | {"train": data.train[:60_000], "validation": data.validation[:5_000]}))
    torch.manual_seed(0)
    model = LSTMLanguageModel(500, 32, (32, 32))
    for strip in groups_of(model)["layers.0"].strips:  # ten units begin small, so that they are the first to die
        strip.of(strip.weight).data[:, :10] *= 0.1
    method = IntrinsicSparsity(model, 1e-4, step="proximal", absorbing=True, epochs=2)
    history = train_language_model(model, few, epochs=4, methods=[method], progress=False)
    units = [int((~zero).sum()) for zero in zero_units(model).values()]
    assert 5 <= 32 - units[0] <= 10
    small = compact_recurrent(model)
    assert [layer.hidden_size for layer in small.layers] == units
    found = perplexity(small, TextBatches(few.validation, 10, 35))
    assert found == pytest.approx(history.epochs[-1]["validation"], rel=1e-5)


def test_weight_decay_is_for_matrices_and_filters_only():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    model.scale = torch.nn.Parameter(torch.tensor(1.0))
    decayed, plain = sgd(model, 0.1, 0.5).param_groups
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.5, 0.0)
    assert [weight.ndim for weight in decayed["params"]] == [4]
    assert len(plain["params"]) == 4


def test_validation_and_test_images_are_on_the_training_images_scale_and_only_those_are_augmented():
    batches = image_batches(load_cifar10(train_images=512))
    assert batches["train"].augment
    assert batches["train"].shuffle
    for name in ("validation", "test"):
        assert not batches[name].augment
        assert not batches[name].shuffle
        assert torch.equal(batches[name].mean, batches["train"].mean)
        assert torch.equal(batches[name].std, batches["train"].std)
