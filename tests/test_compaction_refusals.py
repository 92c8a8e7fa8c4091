"""What compaction refuses, with the reason and the remedy."""

import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize, prune
from zero_groups import Net, images_of, made_random, means, small_images

from effdl_lite.methods.compaction import compact, dead_channels
from effdl_lite.methods.compaction import rebuild as rebuild_module
from effdl_lite.methods.lowering import lower
from effdl_lite.models import MLP, CifarResNet, ConvNet, LeNet, LSTMLanguageModel


def test_a_dead_network_is_refused_by_the_layer_where_the_image_is_lost():
    model = made_random(LeNet())
    model.conv2.weight.data.zero_()
    with pytest.raises(ValueError, match=r"nothing passes conv2, .*lower strength"):
        compact(model, images_of(model))
    assert all(layer.gone and not layer.macs_kept for layer in dead_channels(model, images_of(model)).values())
    resnet = made_random(CifarResNet(8))
    resnet.blocks[0].conv1.weight.data.zero_()  # harmless: the shortcut leads around
    resnet.blocks[1].shortcut.weight.data.zero_()
    resnet.blocks[1].norm2.weight.data.zero_()
    with pytest.raises(ValueError, match=r"nothing passes blocks\.1\.norm2 and blocks\.1\.shortcut,"):
        compact(resnet, images_of(resnet))


class Deciding(LeNet):
    def forward(self, images):
        return super().forward(images if images.sum() > 0 else -images)


class TwoInputs(LeNet):
    def forward(self, images, scale=1.0):
        return super().forward(images * scale)


class ByKeyword(LeNet):
    def forward(self, *, images):
        return super().forward(images)


def hidden_overwriting(between):
    """ReLU overwrites `a` under another name, and then `a` is read."""
    layers = {"same": between, "relu": nn.ReLU(inplace=True)}
    return Net(lambda net, a, b: net.fc(net.relu(net.same(a)).flatten(1) + a.flatten(1)), 6 * 36, **layers)


def twice(net, a, b):
    return net.fc(means(net.c(net.c(a + b))))


def overwritten(net, a, b):
    return net.fc(means(F.relu(a, inplace=True) + a + b))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Deciding(), "this Deciding cannot be traced .*without decisions"),
        (
            Net(lambda net, a, b: net.fc(means(torch.softmax(a + b, 1)))),
            "what 'softmax' .* is not known; supported are",
        ),
        (Net(lambda net, a, b: net.fc(means(net.n(a + b))), n=nn.GroupNorm(2, 6)), r"'n' \(a GroupNorm\) .* not known"),
        (Net(lambda net, a, b: net.fc(torch.cat([means(a), means(b)], 1)), 12), "what 'cat' .* is not known"),
        (Net(lambda net, a, b: net.fc(means(a + b) * net.fc.weight[0])), "what 'fc_weight' .* is not known"),
        (Net(lambda net, a, b: net.fc((a + b).mean(1).flatten(1)), 36), "'mean' does not reduce over height and width"),
        (Net(lambda net, a, b: net.fc(means(a + b) / a.size(1))), "'truediv' computes with the size of a tensor"),
        (Net(lambda net, a, b: net.fc(means(a * b.mean(1, keepdim=True)))), "'mean' does not reduce"),
        (Net(lambda net, a, b: net.fc(means(a * means(b)[0]))), "what 'getitem' .* is not known"),
        (Net(lambda net, a, b: net.fc(means(F.dropout(a + b)))), "'dropout' drops at random"),
        (Net(lambda net, a, b: net.fc((a + b).flatten(2).mean(2)), 6), "'flatten' turns .* which is not `flatten"),
        (Net(lambda net, a, b: net.c(a + b), c=nn.Linear(6, 2)), r"'c' takes a tensor of shape \(1, 6, 6, 6\)"),
        (Net(lambda net, a, b: net.c(a + b)[:, :1] + a, c=nn.Conv2d(6, 6, 1)), "what 'getitem' .* is not known"),
        (Net(lambda net, a, b: net.c(a + b) + (a + b), c=nn.Conv2d(6, 1, 1)), "'add_2' joins tensors of shapes"),
        (Net(overwritten), "'relu' changes a tensor in place that another operation reads too"),
        (Net(twice, c=nn.Conv2d(6, 6, 1)), "a weight of c is used twice"),
        (
            Net(lambda net, a, b: net.fc(means(net.n(net.n(a)) + b)), n=nn.BatchNorm2d(6, affine=False)),
            "n is used twice",
        ),
        (
            Net(lambda net, a, b: net.fc(F.max_pool2d((a + b).mean(2), 3, 1, 1).mean(2))),
            r"'max_pool2d' pools .*not a map",
        ),
        (Net(lambda net, a, b: net.fc(net.p((a + b).mean(2)).flatten(1)), 9, p=nn.AvgPool2d(2)), "'p' pools a tensor"),
        (hidden_overwriting(nn.Identity()), "'relu' changes a tensor in place that another operation reads too"),
        (hidden_overwriting(nn.Dropout()), "'relu' changes a tensor in place that another operation reads too"),
        (hidden_overwriting(nn.Flatten()), "'relu' changes a tensor in place that another operation reads too"),
        (Net(lambda net, a, b: net.fc((a + b).view(1, -1)), 216), r"one image, but not a batch of two; .*images\.size"),
        (Net(lambda net, a, b: (a, b)), "the network returns a tuple, not one tensor"),
        (nn.Flatten(), "this Flatten has no parameters"),
        (LSTMLanguageModel(8, 4, (4, 4)), "reads words, not images; cut it with `compact_recurrent"),
        (
            TwoInputs(),
            "the network takes 2 inputs, images, scale; pass one that takes images only, such as a module around",
        ),
        (ByKeyword(), "takes its images by keyword only; wrap it in a module whose forward"),
    ],
)
def test_what_is_not_understood_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        compact(model, small_images() if not isinstance(model, Deciding) else torch.ones(1, 1, 28, 28))


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (torch.jit.script, r"a torch\.jit module cannot be cut; give the nn\.Module that it was made from"),
        (lambda model: torch.jit.trace(model, images_of(model)), r"a torch\.jit module cannot be cut"),
        (torch.compile, r"wrapped by torch\.compile cannot be cut; give the module inside, `\._orig_mod`, and wrap"),
        (nn.DataParallel, r"wrapped by DataParallel cannot be cut; give the module inside, `\.module`, and wrap"),
        (lambda model: nn.Sequential(torch.compile(model)), r"^0: a network wrapped by torch\.compile cannot be cut"),
    ],
)
def test_wrapped_networks_are_refused_with_what_to_give_instead(wrap, message):
    for use in (compact, dead_channels):
        with pytest.raises(ValueError, match=message):
            use(wrap(LeNet()), images_of(LeNet()))


def pruned(model):
    prune.ln_structured(model.conv1, "weight", amount=0.5, n=2, dim=0)


def pruned_and_run_without_gradients(model):
    """Its weight is a tensor that can be copied, and holds the mask of the last forward pass."""
    pruned(model)
    with torch.no_grad():
        model(images_of(model))


@pytest.mark.parametrize("use", [compact, dead_channels, lambda model, _: lower(model)])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pruned, r"the weight of layer 'conv1' .* pruning mask; .*prune\.remove\(layer, 'weight'\)"),
        (pruned_and_run_without_gradients, r"layer 'conv1' .* pruning mask; .*prune\.remove\(layer, 'weight'\)"),
        (
            lambda model: parametrizations.weight_norm(model.fc1, "weight"),
            r"the weight of layer 'fc1' .* parametrization; .*remove_parametrizations\(layer, 'weight'\)",
        ),
        (
            lambda model: model.conv2.register_forward_hook(lambda module, inputs, output: output * 2),
            r"layer 'conv2' has a forward hook, .*lambda.*; remove it first",
        ),
        (
            lambda model: model.register_forward_pre_hook(lambda module, inputs: None),
            "this LeNet has a forward hook, .*; remove it first",
        ),
    ],
)
def test_computed_weights_and_hooks_are_refused_with_the_remedy(use, change, message):
    model = made_random(LeNet())
    change(model)
    with pytest.raises(ValueError, match=message):
        use(model, images_of(model))


def test_a_network_is_cut_once_masks_parametrizations_and_hooks_are_gone():
    model = made_random(LeNet())
    pruned(model)
    parametrizations.weight_norm(model.fc1, "weight")
    hook = model.register_forward_hook(lambda module, inputs, output: output)
    prune.remove(model.conv1, "weight")
    parametrize.remove_parametrizations(model.fc1, "weight")
    hook.remove()
    assert compact(model, images_of(model)).conv1.out_channels == 10


def test_two_layers_that_share_a_weight_are_refused():
    model = Net(lambda net, a, b: net.fc(means(a + b)))
    model.b.weight = model.a.weight
    with pytest.raises(ValueError, match="a weight of a and b is used twice"):
        compact(model, small_images())


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.ones(1, 1, 32, 32), r"this ConvNet does not take images of shape \(1, 1, 32, 32\)"),
        (torch.ones(1, 3, 20, 20), r"this ConvNet does not take images of shape"),
        (torch.ones(1, 3, 32, 32, dtype=torch.uint8), r"does not take images of .* type torch.uint8"),
        (torch.ones(0, 3, 32, 32), r"images must be a batch .* got a tensor of shape \(0, 3, 32, 32\)"),
        (torch.full((1, 3, 32, 32), torch.nan), "without NaN"),
        ([1, 2], "got list"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        compact(ConvNet((4, 4, 4)), images)


@pytest.mark.parametrize("round_to", [0, -8, 2.5])
def test_rounding_to_less_than_one_is_refused(round_to):
    with pytest.raises(ValueError, match=f"round_to is {re.escape(str(round_to))}; choose a whole number"):
        compact(LeNet(), images_of(LeNet()), round_to=round_to)


def test_an_unknown_layer_to_leave_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"leave names 'layers\.7', .*choose from layers\.0, layers\.1"):
        compact(MLP((784, 3, 2)), torch.zeros(1, 784), leave="layers.7")


@pytest.mark.parametrize("name", ["convs.1.weight", "norms.0.running_var"])
def test_weights_that_are_not_numbers_are_refused(name):
    model = ConvNet((4, 4, 4))
    model.state_dict()[name].view(-1)[0] = torch.nan
    with pytest.raises(ValueError, match=f"{re.escape(name)} holds NaN or infinite values; take the weights of before"):
        compact(model, images_of(model))


def test_a_result_that_computes_something_else_is_never_returned(monkeypatch):
    model = made_random(LeNet())
    model.conv1.weight.data[:10] = 0
    monkeypatch.setattr(rebuild_module, "_product", lambda layer, values, weight: torch.zeros(1, len(weight)))
    with pytest.raises(RuntimeError, match="is a bug of compaction: please report"):
        compact(model, images_of(model))
