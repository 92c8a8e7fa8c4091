"""The training step: five places in their order, shards, carried state, and clear refusals."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from effdl_lite.batches import TextBatches
from effdl_lite.models import ConvNet, LSTMLanguageModel, RecurrentHighwayNetwork
from effdl_lite.training import (
    Method,
    TrainingDiverged,
    accuracy,
    classification_loss,
    constant_then_linear,
    fit,
    language_model_loss,
    perplexity,
    training_step,
    warmup_then_linear,
)


def small_problem(examples: int = 12, seed: int = 0) -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))
    inputs = torch.randn(examples, 5)
    return model, (inputs, inputs[:, :3].argmax(dim=1))


def sgd(model: nn.Module, lr: float = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), lr=lr)


class Recorder(Method):
    """Writes down which place was called."""

    def __init__(self, log: list[str], name: str = ""):
        self.log, self.name = log, name

    def before_forward(self, model):
        self.log.append(f"1{self.name}")

    def after_backward(self, model):
        self.log.append(f"2{self.name}")

    def regularize(self, model):
        self.log.append(f"4{self.name}")

    def after_step(self, model, optimizer):
        self.log.append(f"5{self.name}")

    def after_epoch(self, model, optimizer):
        self.log.append(f"e{self.name}")


class CombiningRecorder(Recorder):
    def combine(self, gradients, shares):
        self.log.append(f"3{self.name}")
        return super().combine(gradients, shares)


class Noise(Method):
    """Place 1 adds noise, place 2 puts the kept weights back, as SmoothOut will."""

    def __init__(self, model: nn.Module, size: float = 0.5):
        self.weights = list(model.parameters())
        self.size = size

    @torch.no_grad()
    def before_forward(self, model):
        self.kept = [weight.clone() for weight in self.weights]
        for weight in self.weights:
            weight.add_(self.size * torch.randn_like(weight))

    @torch.no_grad()
    def after_backward(self, model):
        for weight, kept in zip(self.weights, self.kept, strict=True):
            weight.copy_(kept)


class Decay(Method):
    """Adds the gradient of strength / 2 * |w|^2, as SSL and ISS will add theirs."""

    def __init__(self, model: nn.Module, strength: float):
        self.weights = list(model.parameters())
        self.strength = strength

    def penalty(self):
        return self.strength / 2 * sum(weight.square().sum() for weight in self.weights)

    @torch.no_grad()
    def regularize(self, model):
        for weight in self.weights:
            weight.grad += self.strength * weight


class Threshold(Method):
    """Sets small weights to zero after the update."""

    def __init__(self, model: nn.Module, threshold: float):
        self.weights = list(model.parameters())
        self.threshold = threshold

    @torch.no_grad()
    def after_step(self, model, optimizer):
        for weight in self.weights:
            weight[weight.abs() < self.threshold] = 0


class Signs(Method):
    """Replaces each shard's gradient by its signs before the mean, as TernGrad will by three levels."""

    def combine(self, gradients, shares):
        return super().combine([[g.sign() for g in shard] for shard in gradients], shares)


class Rebuild(Method):
    """Puts a new layer into the model after an epoch, as PruneTrain will a smaller one."""

    def after_epoch(self, model, optimizer):
        model[0] = nn.Linear(5, 7)
        optimizer.param_groups[0]["params"] = list(model.parameters())


def test_the_five_places_are_called_in_their_order():
    model, batch = small_problem()
    log = []
    fit(model, [batch, batch], sgd(model), epochs=2, shards=2, methods=[CombiningRecorder(log)], progress=False)
    step = ["1", "2", "1", "2", "3", "4", "5"]
    assert log == [*step, *step, "e", *step, *step, "e"]


def test_with_several_methods_the_last_change_is_undone_first():
    model, batch = small_problem()
    log = []
    training_step(model, batch, sgd(model), classification_loss, [Recorder(log, "a"), Recorder(log, "b")])
    assert log == ["1a", "1b", "2b", "2a", "4a", "4b", "5a", "5b"]


@settings(max_examples=30, deadline=None)
@given(examples=st.integers(1, 20), shards=st.integers(1, 20), seed=st.integers(0, 99))
def test_the_mean_over_shards_is_the_gradient_of_the_whole_batch(examples, shards, seed):
    shards = min(shards, examples)
    model, batch = small_problem(examples, seed)
    classification_loss(model, batch)[0].backward()
    whole = [weight.grad.clone() for weight in model.parameters()]
    loss, _ = training_step(model, batch, sgd(model, lr=0.0), classification_loss, shards=shards)
    assert all(torch.allclose(w.grad, g, atol=1e-6) for w, g in zip(model.parameters(), whole, strict=True))
    assert loss == pytest.approx(classification_loss(model, batch)[0].item(), abs=1e-6)


def test_a_combining_method_gets_every_shards_gradient_and_share():
    model, batch = small_problem(examples=5)
    seen = {}

    class Spy(Method):
        def combine(self, gradients, shares):
            seen.update(gradients=gradients, shares=shares)
            return gradients[0]

    training_step(model, batch, sgd(model), classification_loss, [Spy()], shards=2)
    assert seen["shares"] == [3 / 5, 2 / 5]
    assert [len(shard) for shard in seen["gradients"]] == [4, 4]
    assert all(torch.equal(w.grad, g) for w, g in zip(model.parameters(), seen["gradients"][0], strict=True))


def test_a_combining_method_is_asked_also_when_there_is_one_shard():
    model, batch = small_problem()
    training_step(model, batch, sgd(model), classification_loss, [Signs()])
    assert set(model[0].weight.grad.unique().tolist()) <= {-1.0, 0.0, 1.0}


def test_noise_shapes_the_gradient_but_the_update_starts_at_the_clean_weights():
    model, batch = small_problem()
    clean = [weight.detach().clone() for weight in model.parameters()]
    plain = copy.deepcopy(model)
    training_step(plain, batch, sgd(plain), classification_loss)
    torch.manual_seed(1)
    training_step(model, batch, sgd(model), classification_loss, [Noise(model)])
    assert not torch.allclose(model[0].weight.grad, plain[0].weight.grad)
    for weight, before in zip(model.parameters(), clean, strict=True):
        assert torch.allclose(weight, before - 0.1 * weight.grad)


def test_each_shard_has_its_own_noise():
    model, batch = small_problem()
    seen = []

    class Watched(Noise):
        def after_backward(self, model):
            seen.append(self.weights[0].detach().clone())
            super().after_backward(model)

    training_step(model, batch, sgd(model), classification_loss, [Watched(model)], shards=3)
    assert len(seen) == 3
    assert not torch.equal(seen[0], seen[1])


def test_a_failing_forward_pass_leaves_the_weights_clean():
    model, (inputs, labels) = small_problem()
    before = model[0].weight.detach().clone()
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        training_step(model, (inputs[:, :3], labels), sgd(model), classification_loss, [Noise(model)])
    assert torch.equal(model[0].weight, before)


def test_a_regularizer_acts_once_a_step_whatever_the_number_of_shards():
    model, batch = small_problem()
    other = copy.deepcopy(model)
    training_step(model, batch, sgd(model), classification_loss, [Decay(model, 0.3)], shards=1)
    training_step(other, batch, sgd(other), classification_loss, [Decay(other, 0.3)], shards=4)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_a_regularizer_equals_the_same_penalty_in_the_loss():
    model, batch = small_problem()
    other = copy.deepcopy(model)
    training_step(model, batch, sgd(model), classification_loss, [Decay(model, 0.3)])

    def loss_with_penalty(model, batch, state):
        penalty = 0.15 * sum(weight.square().sum() for weight in model.parameters())
        return classification_loss(model, batch)[0] + penalty, None

    training_step(other, batch, sgd(other), loss_with_penalty)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_the_clip_bounds_the_whole_gradient_after_the_regularizer():
    model, batch = small_problem()
    training_step(model, batch, sgd(model), classification_loss, [Decay(model, 100.0)], clip_norm=0.01)
    norm = torch.stack([weight.grad.norm() for weight in model.parameters()]).norm()
    assert norm.item() == pytest.approx(0.01, rel=1e-3)


def test_all_kinds_of_methods_train_together_and_the_loss_falls():
    model, batch = small_problem(examples=40)
    methods = [Noise(model, 0.01), Decay(model, 1e-3), Signs(), Threshold(model, 1e-3)]
    history = fit(model, [batch] * 40, sgd(model, 0.02), epochs=3, methods=methods, shards=4, progress=False)
    assert history.epochs[-1]["loss"] < 0.8 * history.loss[0]
    assert history.epochs[-1]["penalty of Decay"] == pytest.approx(methods[1].penalty().item())
    assert not any(((w != 0) & (w.abs() < 1e-3)).any() for w in model.parameters())


def test_a_frozen_weight_is_left_alone():
    model, batch = small_problem()
    model[0].weight.requires_grad_(False)
    before = model[0].weight.clone()
    training_step(model, batch, sgd(model), classification_loss, shards=2)
    assert torch.equal(model[0].weight, before)
    assert model[0].weight.grad is None


def test_state_is_carried_from_batch_to_batch_a_shard_each_and_starts_anew_each_epoch():
    torch.manual_seed(0)
    model = LSTMLanguageModel(11, 4, (4,))
    states = []

    def spy(model, batch, state):
        states.append(state)
        return language_model_loss(model, batch, state)

    batches = TextBatches(torch.arange(88) % 11, streams=4, steps=7)
    fit(model, batches, sgd(model), epochs=2, loss_of=spy, shards=2, progress=False)
    assert len(batches) == 3
    assert [state is None for state in states] == 2 * [True, True, False, False, False, False]
    hidden, _ = states[2][0]
    assert hidden.shape == (1, 2, 4)  # two of the four streams
    assert not hidden.requires_grad


def test_two_shards_of_a_text_train_like_the_whole_batch():
    torch.manual_seed(0)
    model = LSTMLanguageModel(11, 4, (5, 3))
    other = copy.deepcopy(model)
    batches = TextBatches(torch.randint(11, (200,)), streams=4, steps=7)
    for trained, shards in ((model, 1), (other, 2)):
        fit(
            trained,
            batches,
            sgd(trained, 1.0),
            loss_of=language_model_loss,
            shards=shards,
            clip_norm=0.5,
            progress=False,
        )
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_training_is_the_same_for_the_same_seed_and_leaves_the_callers_generator_alone():
    def trained(seed: int) -> Tensor:
        model, batch = small_problem()
        model = nn.Sequential(*model, nn.Dropout(0.5))
        fit(model, [batch] * 5, sgd(model), epochs=2, seed=seed, progress=False)
        return model[0].weight.detach()

    torch.manual_seed(5)
    expected = torch.rand(1)
    model, batch = small_problem()
    torch.manual_seed(5)
    fit(model, [batch], sgd(model), progress=False)
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


def test_the_schedule_sets_the_rate_of_every_step_and_the_optimizer_gets_its_own_back():
    model, batch = small_problem()
    optimizer = sgd(model, 0.4)
    history = fit(model, [batch] * 2, optimizer, epochs=2, schedule=lambda progress: 1 - progress, progress=False)
    assert history.learning_rate == pytest.approx([0.35, 0.25, 0.15, 0.05])
    assert optimizer.param_groups[0]["lr"] == 0.4


def test_schedules_rise_stay_and_fall():
    rise = warmup_then_linear(0.1)
    assert [rise(p) for p in (0, 0.05, 0.1, 0.55, 1)] == pytest.approx([0, 0.5, 1, 0.5, 0])
    stay = constant_then_linear(0.02, 0.5)
    assert [stay(p) for p in (0.01, 0.02, 0.5, 0.75, 1)] == pytest.approx([0.5, 1, 1, 0.5, 0])
    assert warmup_then_linear(0)(0) == 1
    for make in (lambda: warmup_then_linear(1.0), lambda: constant_then_linear(0.6, 0.5)):
        with pytest.raises(ValueError, match="warmup"):
            make()


def test_convolution_weights_go_to_channels_last_memory():
    model = ConvNet()
    batch = (torch.randn(2, 3, 32, 32), torch.tensor([0, 1]))
    fit(model, [batch], sgd(model), progress=False)
    assert model.convs[1].weight.is_contiguous(memory_format=torch.channels_last)


def test_bf16_runs_the_forward_pass_in_bfloat16_and_keeps_float32_weights():
    model, batch = small_problem()
    seen = []
    model[0].register_forward_hook(lambda layer, inputs, output: seen.append(output.dtype))
    fit(model, [batch], sgd(model), bf16=True, progress=False)
    assert seen == [torch.bfloat16]
    assert model[0].weight.dtype == torch.float32


def test_evaluate_joins_the_record_of_the_epoch():
    model, batch = small_problem()
    history = fit(model, [batch], sgd(model), 2, evaluate=lambda m: {"accuracy": accuracy(m, [batch])}, progress=False)
    assert [e["epoch"] for e in history.epochs] == [1, 2]
    assert history.epochs[1]["accuracy"] == accuracy(model, [batch])
    assert history.epochs[1]["core_seconds"] >= history.epochs[0]["core_seconds"] > 0


def test_evaluation_is_without_dropout_and_puts_the_mode_back():
    model = nn.Sequential(nn.Linear(5, 3), nn.Dropout(0.9)).train()
    batch = small_problem(200)[1]
    assert accuracy(model, [batch]) == accuracy(model, [batch])
    assert model.training


def test_the_perplexity_of_a_model_that_knows_nothing_is_the_size_of_the_vocabulary():
    model = LSTMLanguageModel(23, 4, (4,))
    nn.init.zeros_(model.decoder.weight)
    text = torch.randint(23, (300,))
    assert perplexity(model, TextBatches(text, 3, 10)) == pytest.approx(23, rel=1e-5)


def test_perplexity_does_not_depend_on_where_the_text_is_cut_into_batches():
    torch.manual_seed(0)
    model, text = LSTMLanguageModel(23, 4, (4,)), torch.randint(23, (301,))
    assert perplexity(model, TextBatches(text, 3, 10)) == pytest.approx(perplexity(model, TextBatches(text, 3, 99)))


def test_an_optimizer_of_a_part_of_the_model_leaves_the_gradients_of_the_rest_clean():
    model, batch = small_problem()
    head = torch.optim.SGD(model[2].parameters(), lr=0.0)
    norms = []
    for _ in range(3):
        training_step(model, batch, head, classification_loss, shards=3)
        norms.append(model[0].weight.grad.norm().item())
    assert norms == pytest.approx([norms[0]] * 3)
    training_step(model, batch, head, classification_loss)
    assert model[0].weight.grad.norm().item() == pytest.approx(norms[0], rel=1e-5)


def test_a_method_that_fails_at_place_1_does_not_leave_the_noise_of_the_one_before():
    model, batch = small_problem()
    before = model[0].weight.detach().clone()

    class Fails(Method):
        def before_forward(self, model):
            raise KeyError

    with pytest.raises(KeyError):
        training_step(model, batch, sgd(model), classification_loss, [Noise(model), Fails()])
    assert torch.equal(model[0].weight, before)


def test_the_model_is_in_training_mode_while_it_trains():
    model, batch = small_problem()
    modes = []

    def spy(model, batch, state):
        modes.append(model.training)
        return classification_loss(model, batch)

    fit(model.eval(), [batch], sgd(model), loss_of=spy, progress=False)
    assert modes == [True]


def test_an_evaluation_does_not_change_the_training_or_the_mode_of_a_frozen_part():
    def trained(evaluate):
        model, batch = small_problem()
        model = nn.Sequential(*model, nn.Dropout(0.5))
        fit(model, [batch] * 3, sgd(model), epochs=2, evaluate=evaluate, progress=False)
        return model[0].weight.detach()

    assert torch.equal(trained(None), trained(lambda model: {"x": torch.rand(3).sum().item()}))
    model = nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3).eval())
    accuracy(model, [small_problem()[1]])
    assert [module.training for module in model] == [True, False]


def test_a_model_with_volumes_trains_too():
    model = nn.Sequential(nn.Conv3d(1, 2, 3), nn.Flatten(), nn.Linear(16, 3))
    fit(model, [(torch.randn(4, 1, 4, 4, 4), torch.tensor([0, 1, 2, 0]))], sgd(model), progress=False)


def test_a_recurrent_highway_network_trains_in_bfloat16():
    torch.manual_seed(0)
    model = RecurrentHighwayNetwork(11, 6, depth=2)
    batches = TextBatches(torch.arange(88) % 11, streams=4, steps=7)
    fit(model, batches, sgd(model), loss_of=language_model_loss, bf16=True, progress=False)


# --- bad input ---------------------------------------------------------------------------------------------------


def test_two_methods_that_both_combine_are_refused_before_a_step():
    model, batch = small_problem()
    before = model[0].weight.detach().clone()
    with pytest.raises(ValueError, match="Signs and CombiningRecorder both combine"):
        fit(model, [batch], sgd(model), methods=[Signs(), CombiningRecorder([])], progress=False)
    assert torch.equal(model[0].weight, before)


def test_a_batch_smaller_than_the_shards_is_refused():
    model, batch = small_problem(examples=3)
    with pytest.raises(ValueError, match=r"3 examples cannot be cut into 4 shards; choose 1\.\.3"):
        fit(model, [batch], sgd(model), shards=4, progress=False)


def test_a_method_made_for_another_model_is_refused():
    model, batch = small_problem()
    with pytest.raises(ValueError, match=r"Decay holds 4 weights \(of 4\) that are not in this Sequential; make the"):
        fit(model, [batch], sgd(model), methods=[Decay(copy.deepcopy(model), 0.1)], progress=False)


def test_an_optimizer_made_for_another_model_is_refused():
    model, batch = small_problem()
    with pytest.raises(ValueError, match="the optimizer holds 4 weights"):
        fit(model, [batch], sgd(copy.deepcopy(model)), progress=False)


def test_a_method_whose_model_was_rebuilt_after_an_epoch_is_refused_in_the_next():
    model, batch = small_problem()

    with pytest.raises(ValueError, match="Decay holds 2 weights"):
        fit(model, [batch], sgd(model), 2, methods=[Decay(model, 0.1), Rebuild()], progress=False)
    fit(model, [batch], sgd(model), 2, methods=[Rebuild()], progress=False)


def test_a_method_behind_the_one_that_rebuilds_may_take_the_new_weights_in_its_turn():
    model, batch = small_problem()

    class Follows(Decay):
        def after_epoch(self, model, optimizer):
            self.weights = list(model.parameters())

    history = fit(model, [batch], sgd(model), 3, methods=[Rebuild(), Follows(model, 0.1)], progress=False)
    assert len(history.epochs) == 3


def test_a_gradient_that_is_no_number_stops_the_training_before_the_update():
    model, batch = small_problem()
    before = model[0].weight.detach().clone()

    class Spoils(Method):
        def regularize(self, model):
            model[0].weight.grad[0, 0] = float("nan")

    with pytest.raises(TrainingDiverged, match=r"step 1 of 1: the gradient's norm is nan at a learning rate of 0\.1"):
        fit(model, [batch], sgd(model), methods=[Spoils()], progress=False)
    assert torch.equal(model[0].weight, before)


def test_a_method_may_not_change_the_number_of_parameter_groups():
    model, batch = small_problem()

    class Splits(Method):
        def after_epoch(self, model, optimizer):
            optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))]})
            model.extra = optimizer.param_groups[-1]["params"][0]

    with pytest.raises(ValueError, match="Splits left 2 of the optimizer's 1 parameter groups"):
        fit(model, [batch], sgd(model), methods=[Splits()], progress=False)


def test_a_model_without_anything_to_train_is_refused():
    model, batch = small_problem()
    with pytest.raises(ValueError, match="no weight of this Sequential asks for a gradient"):
        fit(model.requires_grad_(False), [batch], sgd(model), progress=False)
    with pytest.raises(ValueError, match="has no weights to train"):
        fit(nn.Flatten(), [batch], sgd(model), progress=False)


def test_a_refused_training_leaves_the_model_as_it_was():
    model = ConvNet()
    with pytest.raises(ValueError, match="both combine"):
        fit(model, [0], sgd(model), methods=[Signs(), Signs()], progress=False)
    assert model.convs[1].weight.is_contiguous()


def test_an_evaluation_on_nothing_is_refused_and_a_hopeless_model_is_infinitely_perplexed():
    model, _ = small_problem()
    with pytest.raises(ValueError, match="no images"):
        accuracy(model, [])
    language = LSTMLanguageModel(11, 4, (4,))
    with pytest.raises(ValueError, match="no words"):
        perplexity(language, [])
    nn.init.constant_(language.decoder.bias[:5], 1e4)
    assert perplexity(language, TextBatches(torch.full((30,), 9), 1, 5)) == float("inf")


@pytest.mark.parametrize("device", ["cuda:99", "xpu:99", "gpu", "meta"])
def test_a_device_that_is_not_there_is_refused(device):
    model, batch = small_problem()
    with pytest.raises(ValueError, match=f"device '{device}' is not on this machine; choose device='cpu'"):
        fit(model, [batch], sgd(model), device=device, progress=False)


def test_a_model_without_numbers_is_refused():
    model, batch = small_problem()
    model = model.to("meta")
    with pytest.raises(ValueError, match="'meta', which holds no numbers"):
        fit(model, [batch], sgd(model), progress=False)


@pytest.mark.parametrize(("epochs", "batches"), [(0, 1), (1, 0)])
def test_nothing_to_train_on_is_said(epochs, batches):
    model, batch = small_problem()
    with pytest.raises(ValueError, match="nothing to train on"):
        fit(model, [batch] * batches, sgd(model), epochs, progress=False)


def test_a_loss_that_is_no_number_names_step_and_rate_and_leaves_the_weights_of_the_step_before():
    model, (inputs, labels) = small_problem()
    optimizer = sgd(model, 0.25)
    spoiled = inputs.clone()
    spoiled[3, 2] = float("nan")
    reference = copy.deepcopy(model)
    fit(reference, [(inputs, labels)], sgd(reference, 0.25), progress=False)
    with pytest.raises(TrainingDiverged, match=r"step 2 of 2: the loss is nan at a learning rate of 0\.25; lower"):
        fit(model, [(inputs, labels), (spoiled, labels)], optimizer, progress=False)
    assert torch.equal(model[0].weight, reference[0].weight)
