"""Which weights of a layer a group takes, as rows and columns of the lowered matrix, and what is left without it."""

from collections.abc import Iterable

import numpy as np

# kind of group -> its slice of W, what it is in the lowered matrix, what one should know about it
KINDS = {
    "filter": (
        "W[n,:,:,:]",
        "a row",
        "A filter is a row of the matrix, and a map that the next layer no longer gets.",
    ),
    "channel": (
        "W[:,c,:,:]",
        "k² neighbouring columns",
        "A channel is a block of {area} of the matrix.",
    ),
    "shape": (
        "W[:,c,m,j]",
        "a column",
        "One position of one channel, over all filters, is a column of the matrix.",
    ),
    "2-D filter": (
        "W[n,c,:,:]",
        "a tile: 1 row, k² columns",
        "A 2-D filter is a tile: the matrix shrinks only when a whole row, or a whole block of columns, is gone.",
    ),
    "filter + shape": (
        "W[n,:,:,:] and W[:,c,m,j]",
        "a row or a column",
        (
            "Rows and columns cross: a weight is zero if its row or its column is. "
            "Click “n = 0” for a row, a weight for its column."
        ),
    ),
    "layer": (
        "W",
        "the whole matrix",
        "Only possible with a shortcut around the layer: else nothing reaches the layers behind it.",
    ),
}


def group_counts(filters: int, channels: int, kernel: int) -> dict[str, int]:
    """How many groups of each kind a convolution layer has.

    Args:
        filters: filters N.
        channels: input channels C.
        kernel: height and width k of a filter.

    Returns:
        The number of groups for each of `KINDS`: N, C, C·k², N·C, N + C·k² and 1.

    Raises:
        ValueError: if one of the three is below 1.

    Source: the groups of Wen et al., "Learning structured sparsity in deep neural networks", 2016.
    """
    for name, value in (("filters", filters), ("channels", channels), ("kernel", kernel)):
        if value < 1:
            raise ValueError(f"{name} is {value}; a layer has at least 1")
    columns = channels * kernel**2
    return {
        "filter": filters,
        "channel": channels,
        "shape": columns,
        "2-D filter": filters * channels,
        "filter + shape": filters + columns,
        "layer": 1,
    }


def group_block(kind: str, index: int, filters: int, channels: int, kernel: int) -> tuple[int, int, int, int]:
    """Where a group stands in the lowered matrix of N rows and C·k² columns: its rows a..b-1 and columns c..d-1.

    Args:
        kind: one of `KINDS`.
        index: the group's number, from 0; those of "filter + shape" are the rows, then the columns.
        filters, channels, kernel: N, C and k of the layer.

    Returns:
        (a, b, c, d).

    Raises:
        ValueError: if the layer has no such group.
    """
    counts = group_counts(filters, channels, kernel)
    if kind not in counts:
        raise ValueError(f"kind is {kind!r}; choose one of {', '.join(KINDS)}")
    if not 0 <= index < counts[kind]:
        raise ValueError(f"group {index} of kind {kind!r} is not in this layer; choose 0..{counts[kind] - 1}")
    area = kernel**2
    columns = channels * area
    if kind == "filter + shape":
        kind, index = ("filter", index) if index < filters else ("shape", index - filters)
    if kind == "filter":
        return index, index + 1, 0, columns
    if kind == "channel":
        return 0, filters, index * area, (index + 1) * area
    if kind == "shape":
        return 0, filters, index, index + 1
    if kind == "2-D filter":
        row, channel = divmod(index, channels)
        return row, row + 1, channel * area, (channel + 1) * area
    return 0, filters, 0, columns


def matrix_left(kind: str, removed: Iterable[int], filters: int, channels: int, kernel: int) -> dict:
    """What is left of the lowered matrix when groups are zero.

    Args:
        kind: one of `KINDS`.
        removed: the numbers of the groups that are zero; groups may cross.
        filters, channels, kernel: N, C and k of the layer.

    Returns:
        `zeros`: how many weights are zero; `rows`, `columns`: those that are not all zero; `sparse`: the share of the
        multiply-accumulates whose weight is not zero; `dense`: the share that a dense product of the rows and columns
        that are left takes.
    """
    weights = np.ones((filters, channels * kernel**2), dtype=bool)
    for index in removed:
        top, bottom, left, right = group_block(kind, index, filters, channels, kernel)
        weights[top:bottom, left:right] = False
    rows, columns = np.flatnonzero(weights.any(1)).tolist(), np.flatnonzero(weights.any(0)).tolist()
    return {
        "zeros": int((~weights).sum()),
        "rows": rows,
        "columns": columns,
        "sparse": float(weights.mean()),
        "dense": len(rows) * len(columns) / weights.size,
    }


def group_name(kind: str, index: int, filters: int, channels: int, kernel: int) -> str:
    """A group as an index of the weights, such as "W[:,1,0,2]"; the arguments are those of `group_block`."""
    top, _, left, _ = group_block(kind, index, filters, channels, kernel)
    channel, place = divmod(left, kernel**2)
    m, j = divmod(place, kernel)
    if kind == "filter + shape":
        kind = "filter" if index < filters else "shape"
    return {
        "filter": f"W[{top},:,:,:]",
        "channel": f"W[:,{channel},:,:]",
        "shape": f"W[:,{channel},{m},{j}]",
        "2-D filter": f"W[{top},{channel},:,:]",
        "layer": "W",
    }[kind]
