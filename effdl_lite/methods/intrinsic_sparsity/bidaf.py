"""A worked example of groups: the three pairs of LSTM directions of BiDAF, the paper's question-answering network."""

import torch
from torch import nn

from effdl_lite.methods.intrinsic_sparsity.groups import lstm_strips
from effdl_lite.methods.intrinsic_sparsity.strips import Strip, UnitGroups


def bidaf_groups(hidden: int = 100) -> dict[str, UnitGroups]:
    """The six sets of groups of BiDAF, by the paper's names, on shapes alone: no weight holds a number.

    Three bidirectional LSTMs follow each other. The first reads 8 vectors of `hidden` entries; the second reads both
    directions of the first; the third reads the 8 vectors, and the second's output twice: as it is, and once more
    multiplied by attention. Two softmax layers of one output read the second and the third. So a unit of the second
    owns columns in five places, and it is gone only if all of them are zero.

    The counted sizes, `size(double_count=True)`, are those that the authors' code prints: 4800, 3201 and 6401.

    Source: `groups_hidden100.json` of the authors' code, whose matrices are transposed and hold all gates.
    """
    wide = 8 * hidden
    with torch.device("meta"):
        layers = {
            "g0": nn.LSTM(wide, hidden, bidirectional=True),
            "g1": nn.LSTM(2 * hidden, hidden, bidirectional=True),
            "g2": nn.LSTM(wide + 6 * hidden, hidden, bidirectional=True),
        }
        softmax = {name: nn.Linear(wide + 2 * hidden, 1) for name in ("logits1", "logits2")}
    # Where a layer's output, forward then backward, begins in what reads it: columns of LSTMs, columns of a softmax.
    read_by = {
        "g0": ([("g1", 0)], []),
        "g1": ([("g2", wide), ("g2", wide + 4 * hidden)], [("logits1", wide)]),
        "g2": ([], [("logits2", wide)]),
    }
    groups = {}
    for name, title in (("g0", "Mod{}1"), ("g1", "Mod{}2"), ("g2", "Out{}")):
        lstms, linears = read_by[name]
        for number, (direction, suffix) in enumerate((("Fwd", "l0"), ("Bwd", "l0_reverse"))):
            offset = number * hidden
            strips = list(lstm_strips(name, layers[name], suffix))
            for reader, start in lstms:
                for matrix in ("weight_ih_l0", "weight_ih_l0_reverse"):
                    weight = getattr(layers[reader], matrix)
                    strips.append(Strip(f"{reader}.{matrix}", weight, "columns", hidden, start=start + offset))
            for reader, start in linears:
                weight = softmax[reader].weight
                strips.append(Strip(f"{reader}.weight", weight, "columns", hidden, start=start + offset))
            groups[title.format(direction)] = UnitGroups(hidden, tuple(strips))
    return groups
