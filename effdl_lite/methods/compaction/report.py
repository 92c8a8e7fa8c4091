"""What compaction would leave of each layer, before anything is cut."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from effdl_lite.methods.compaction.channels import find_channels
from effdl_lite.methods.compaction.operations import Kind


@dataclass(frozen=True)
class LayerChannels:
    """A convolution or fully connected layer before and after compaction; all `_kept` are 0 if the layer goes.

    Attributes:
        filters, filters_kept: output channels (of a fully connected layer: rows).
        inputs, inputs_kept: input channels (columns).
        macs, macs_kept: multiply-accumulates for one image.
    """

    filters: int
    filters_kept: int
    inputs: int
    inputs_kept: int
    macs: int
    macs_kept: int

    @property
    def gone(self) -> bool:
        """Whether nothing is left of the layer."""
        return self.filters_kept == 0


def dead_channels(
    model: nn.Module, images: Tensor, *, round_to: int = 1, leave: Iterable[str] = ()
) -> dict[str, LayerChannels]:
    """What `compact` would leave of each layer; arguments and errors as there, and `model` is not changed.

    A network whose output does not depend on the image is no error here: all its layers are gone.

    Returns:
        For each convolution and fully connected layer, by name and in order of execution, what it has and keeps.
    """
    channels = find_channels(model, images, round_to, leave)
    report = {}
    for node, kind in channels.kinds.items():
        if kind is Kind.LAYER:
            layer = channels.network.get_submodule(node.target)
            kept, kept_inputs = channels.kept[node], channels.kept[node.all_input_nodes[0]]
            lives = bool(channels.alive[node].any())
            filters, inputs = int(kept.sum()) * lives, int(kept_inputs.sum()) * lives
            macs = layer.weight.numel() * channels.values[node][0, 0].numel()
            # Whole products, so that the division is exact: a grouped convolution is not cut.
            macs_kept = macs * filters * inputs // (len(kept) * len(kept_inputs))
            report[node.target] = LayerChannels(len(kept), filters, len(kept_inputs), inputs, macs, macs_kept)
    return report
