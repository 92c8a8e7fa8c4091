"""The stand-ins can be learned, and not by the simplest model: otherwise nothing of the course would show on them."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from effdl_lite import data
from effdl_lite.data import standin_images, standin_text

pytestmark = pytest.mark.filterwarnings("ignore::effdl_lite.data.errors.StandInWarning")


@pytest.fixture(scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def arrays():
    return standin_images.generate()


@pytest.fixture(scope="module")
def texts():
    return standin_text.generate()


def accuracy_after_training(arrays, model, epochs, rate, decay):
    """Accuracy on the validation images, 0..1."""

    def split(part):
        images = torch.from_numpy(arrays["train_images"][part]).permute(0, 3, 1, 2).float()
        return (images - 127) / 64, torch.from_numpy(arrays["train_labels"][part]).long()

    (images, labels), (new_images, new_labels) = split(slice(0, -2_000)), split(slice(-2_000, None))
    steps = math.ceil(len(images) / 64) * epochs
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.9, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    order = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images), generator=order).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        return (model(new_images).argmax(1) == new_labels).float().mean().item()


def linear():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3_072, 10))


def small_cnn():
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 5, stride=2, padding=2), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(512, 10)),
    ).to(memory_format=torch.channels_last)


@pytest.mark.usefixtures("one_thread")
def test_a_linear_model_stays_far_below_a_small_cnn(arrays):
    # The linear model gets a decay that helps it, tried on these images: it shall not lose by overfitting alone.
    flat = accuracy_after_training(arrays, linear(), epochs=6, rate=0.002, decay=0.1)
    convolutional = accuracy_after_training(arrays, small_cnn(), epochs=8, rate=0.05, decay=0.0)
    assert 0.15 < flat < 0.45
    assert convolutional > 0.70


def test_each_class_is_as_frequent_as_any_other(arrays):
    assert np.bincount(arrays["train_labels"]).tolist() == [800] * 10
    assert np.bincount(arrays["test_labels"]).tolist() == [200] * 10


def test_the_first_images_are_the_same_however_many_are_made(arrays):
    more = standin_images.generate(7_000)
    assert len(more["train_images"]) == 9_000
    assert (more["train_images"][:6_000] == arrays["train_images"][:6_000]).all()
    assert (more["train_images"][-2_000:] == arrays["train_images"][-2_000:]).all(), "the validation images"
    assert (more["test_images"] == arrays["test_images"]).all()


def test_no_validation_or_test_image_is_a_training_image(arrays):
    seen = {image.tobytes() for image in arrays["train_images"]} | {image.tobytes() for image in arrays["test_images"]}
    assert len(seen) == len(arrays["train_images"]) + len(arrays["test_images"])


def test_a_seed_gives_the_same_images_and_another_seed_others(arrays):
    again, other = standin_images.generate(), standin_images.generate(seed=1)
    assert (again["train_images"] == arrays["train_images"]).all()
    assert (other["train_images"] != arrays["train_images"]).any()


def test_the_loader_makes_as_many_stand_in_images_as_are_asked_for(tmp_path):
    images = data.load_cifar10(folder=tmp_path)
    assert [len(images.train_images), len(images.validation_images), len(images.test_images)] == [6_000, 2_000, 2_000]
    assert len(images.class_names) == 10
    few, many = data.load_cifar10(100, folder=tmp_path), data.load_cifar10(6_500, folder=tmp_path)
    assert [len(few.train_labels), len(many.train_labels)] == [100, 6_500]
    assert few.train_labels.tolist() == images.train_labels[:100].tolist()
    assert images.source.sha256 == many.source.sha256
    with pytest.raises(data.DataError, match=r"choose 1\.\.48000"):
        data.load_cifar10(48_001, folder=tmp_path)


def perplexity(order, train, new):
    """Of `new` under an n-gram model of words with absolute discounting, which falls back on shorter contexts."""
    discount, words = 0.75, standin_text.VOCABULARY
    tables = []
    for length in range(order):
        pairs = Counter((tuple(train[i - length : i]), train[i]) for i in range(2, len(train)))
        total, kinds = Counter(), Counter()
        for (context, _), count in pairs.items():
            total[context] += count
            kinds[context] += 1
        tables.append((pairs, total, kinds))
    loss = 0.0
    for i in range(2, len(new)):
        probability = 1 / words
        for length, (pairs, total, kinds) in enumerate(tables):
            context = tuple(new[i - length : i])
            if total[context]:
                rest = discount * kinds[context] * probability
                probability = (max(pairs[context, new[i]] - discount, 0) + rest) / total[context]
        loss -= math.log(probability)
    return math.exp(loss / (len(new) - 2))


def test_two_words_of_memory_beat_one_and_one_beats_none(texts):
    train, new = (text.replace("\n", " <eos> ").split() for text in texts[:2])
    unigram, bigram, trigram = (perplexity(order, train, new) for order in (1, 2, 3))
    assert bigram < 0.3 * unigram
    assert trigram < 0.9 * bigram
    assert trigram > 10, "it is not trivial either"


def test_the_stand_in_text_has_the_promised_size(tmp_path):
    text = data.load_ptb(folder=tmp_path)
    assert len(text.words) == 2_000
    for part, size in zip((text.train, text.validation, text.test), standin_text.TOKENS, strict=True):
        assert size <= len(part) < size + 300
        assert text.words[part[-1]] == "<eos>"
    counts = torch.bincount(text.train, minlength=2_000).float()
    assert counts.min() >= 1, "every word occurs in the training text"
    assert counts[:200].sum() > 0.5 * counts.sum(), "a tenth of the words makes more than half of the text"
    assert str(text.source) == "synthetic stand-in for Penn Treebank"


def test_a_smaller_vocabulary_of_the_stand_in_is_given(tmp_path):
    assert len(data.load_ptb(vocabulary=500, folder=tmp_path).words) == 500


def test_a_seed_gives_the_same_text_and_another_seed_another(texts):
    assert standin_text.generate() == texts
    assert standin_text.generate(seed=1) != texts
