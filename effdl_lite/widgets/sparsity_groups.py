"""What a group is: slices of a convolution layer's weights, drawn as kernels and as the matrix of the product."""

import math
from html import escape

import traitlets

from effdl_lite.widgets.figure import Figure, plain
from effdl_lite.widgets.layer_groups import KINDS, group_block, group_counts, group_name, matrix_left

LIMITS = {"filters": 8, "channels": 6, "kernel": 5}  # what still can be seen on a phone
WIDTH, LEFT, GAP = 360, 38, 8


class SparsityGroups(Figure):
    """A small convolution layer, drawn as kernels and as a matrix, whose groups can be taken out and put back.

    Args:
        filters: filters N, at most 8.
        channels: input channels C, at most 6.
        kernel: height and width k of a filter, at most 5.
        kind: the kind of group at the start: "filter", "channel", "shape", "2-D filter", "filter + shape" or "layer".

    Attributes:
        selected: the number of the chosen group.
        removed: for each kind the numbers of the groups that are zero, such as `{"filter": [0, 2]}`.

    Raises:
        ValueError: if the layer is too large to draw.
        traitlets.TraitError: if `kind` is none of these.
    """

    source = "sparsity_groups"
    filters = traitlets.Int().tag(sync=True)
    channels = traitlets.Int().tag(sync=True)
    kernel = traitlets.Int().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    kinds = traitlets.Dict().tag(sync=True)
    rows = traitlets.List().tag(sync=True)
    kind = traitlets.Enum(list(KINDS), "filter").tag(sync=True)
    selected = traitlets.Int(0, min=0).tag(sync=True)
    removed = traitlets.Dict().tag(sync=True)

    def __init__(self, filters: int = 4, channels: int = 3, kernel: int = 3, kind: str = "filter"):
        for name, value in (("filters", filters), ("channels", channels), ("kernel", kernel)):
            if not 1 <= value <= LIMITS[name]:
                raise ValueError(
                    f"{name} is {value}; the drawing has room for 1..{LIMITS[name]}. "
                    "For a larger layer ask group_counts(filters, channels, kernel)"
                )
        super().__init__(filters=filters, channels=channels, kernel=kernel, kind=kind)
        self.frame = self._layout()
        self.rows = self.table()[1]
        layer = filters, channels, kernel
        area = f"{kernel**2} neighbouring columns" if kernel > 1 else "1 column"
        self.kinds = {
            "order": list(KINDS),  # stored JSON may be sorted by key
            "notes": {kind: note.format(area=area) for kind, (_, _, note) in KINDS.items()},
            "groups": {
                kind: [[group_name(kind, i, *layer), *group_block(kind, i, *layer)] for i in range(number)]
                for kind, number in group_counts(*layer).items()
            },
        }
        self.picture = self._draw()

    def left(self) -> dict:
        """`matrix_left` of the groups that are removed now."""
        return matrix_left(self.kind, self.removed.get(self.kind, []), self.filters, self.channels, self.kernel)

    def table(self) -> tuple[str, list[list[str]]]:
        layer = self.filters, self.channels, self.kernel
        rows = [["Kind", "Slice", "In the matrix", "Groups", "Weights in each", "√size", "Matrix without the first"]]
        for kind, number in group_counts(*layer).items():
            # The rows and the columns of "filter + shape" differ in size.
            blocks = [group_block(kind, index, *layer) for index in sorted({0, number - 1})]
            sizes = sorted({(b - a) * (d - c) for a, b, c, d in blocks}, reverse=True)
            left = matrix_left(kind, [0], *layer)
            rows.append(
                [
                    kind,
                    KINDS[kind][0],
                    KINDS[kind][1],
                    str(number),
                    " or ".join(str(size) for size in sizes),
                    " or ".join(plain(math.sqrt(size)) for size in sizes),
                    f"{len(left['rows'])} × {len(left['columns'])}",
                ]
            )
        return f"Groups of a layer of {self._layer()}", rows

    def _layer(self) -> str:
        one = "filter" if self.filters == 1 else "filters"
        channels = "channel" if self.channels == 1 else "channels"
        return f"{self.filters} {one}, {self.channels} {channels}, {self.kernel}×{self.kernel}"

    def _layout(self) -> dict[str, float]:
        """Where things stand: cells of the kernels are square, those of the matrix `width` by `height`."""
        room = WIDTH - LEFT - 1
        columns = self.channels * self.kernel**2
        cell = min(16, (room - GAP * (self.channels - 1)) / (self.channels * self.kernel))
        width = min(14, (room - 4 * (self.channels - 1)) / columns)
        kernels = 38
        matrix = kernels + self.filters * (self.kernel * cell + GAP) + 40
        rest = matrix + self.filters * 16 + 32
        return {
            "left": LEFT,
            "cell": round(cell, 2),
            "step": round(self.kernel * cell + GAP, 2),
            "width": round(width, 2),
            "height": 16,
            "gap": 4,
            "kernels": kernels,
            "matrix": round(matrix, 1),
            "rest": round(rest, 1),
        }

    def _draw(self) -> str:
        f, left, area = self.frame, self.left(), self.kernel**2
        columns = self.channels * area
        text = 'fill="currentColor" font-size="12"'
        title = 'fill="currentColor" font-size="12.5" font-weight="650"'
        heading = f"As the matrix of the product: {self.filters} × {columns}"
        remains = f"The dense matrix that is left: {len(left['rows'])} × {len(left['columns'])}"
        bottom = f["rest"] + self.filters * f["height"] + 26

        def cell(x, y, width, height):
            # A box with a cross in it; only the stroke shows the cross.
            width, height = width - min(1, width / 5), height - 1
            w, h = f"{width:.3g}", f"{height:.3g}"
            return f'<path class="kept" d="M{x:.4g} {y:.4g}l{w} {h}m0-{h}l-{w} {h}v-{h}h{w}v{h}h-{w}"/>'

        # JavaScript counts on this order: the weights as kernels, as the matrix, as what is left; row by row.
        kernels, matrix, rest = [], [], []
        for row in range(self.filters):
            for column in range(columns):
                channel, place = divmod(column, area)
                m, j = divmod(place, self.kernel)
                x, y = f["left"] + channel * f["step"] + j * f["cell"], f["kernels"] + row * f["step"] + m * f["cell"]
                kernels.append((x, y, f["cell"], f["cell"]))
                x, y = f["left"] + column * f["width"], row * f["height"]
                matrix.append((x + channel * f["gap"], f["matrix"] + y, f["width"], f["height"]))
                rest.append((x, f["rest"] + y, f["width"], f["height"]))

        def around(cells, top, bottom, left, right):
            x, y, *_ = cells[top * columns + left]
            x1, y1, width, height = cells[(bottom - 1) * columns + right - 1]
            return f"M{x - 2:.4g} {y - 2:.4g}H{x1 + width + 1:.4g}V{y1 + height + 1:.4g}H{x - 2:.4g}z"

        # A column is one cell in a kernel of every filter; the other groups are whole kernels side by side.
        a, b, c, d = group_block(self.kind, self.selected, self.filters, self.channels, self.kernel)
        spans = [(a, b)] if d - c >= area else [(row, row + 1) for row in range(a, b)]
        chosen = around(matrix, a, b, c, d) + "".join(around(kernels, *span, c, d) for span in spans)
        weights = "".join(cell(*place) for place in kernels + matrix + rest)
        parts = [
            # Where no style sheet is, kept weights are grey.
            f'<g class="weights" fill="currentColor" fill-opacity=".35">{weights}</g>',
            f'<path class="chosen" d="{chosen}" fill="none" stroke="currentColor" stroke-width="2.5"/>',
            f'<text x="0" y="13" {title}>As kernels: {self._layer()}</text>',
            f'<text x="0" y="{f["matrix"] - 24}" {title}>{heading}</text>',
            f'<text class="rest" x="0" y="{f["rest"] - 9}" {title}>{remains}</text>',
        ]
        for channel in range(self.channels):
            middle = f["left"] + channel * f["step"] + self.kernel * f["cell"] / 2
            block = area * f["width"]
            x = f["left"] + channel * (block + f["gap"]) + block / 2
            label = f"c = {channel}" if block > 34 else str(channel)
            parts += [
                f'<text x="{middle:.5g}" y="{f["kernels"] - 7}" text-anchor="middle" {text}>c = {channel}</text>',
                f'<text x="{x:.5g}" y="{f["matrix"] - 7}" text-anchor="middle" {text}>{label}</text>',
            ]
        for y, step, height in ((f["kernels"], f["step"], f["step"] - GAP), (f["matrix"], f["height"], f["height"])):
            for row in range(self.filters):
                parts.append(
                    f'<text class="row-name" x="0" y="{y + row * step + height / 2 + 4:.5g}" {text}>n = {row}</text>'
                )
        legend = [
            ("weight", 0, 'fill="currentColor" fill-opacity=".35"', "kept"),
            ("zero", 78, 'fill="none" stroke="currentColor"', "zero"),
            ("the chosen group", 140, 'fill="none" stroke="currentColor" stroke-width="2.5"', "edge"),
        ]
        for label, x, style, name in legend:
            cross = "l12 12m0-12l-12 12v-12h12v12h-12" if name == "zero" else "h12v12h-12z"
            parts.append(f'<path class="{name}" d="M{x + 1} {bottom - 11}{cross}" {style}/>')
            parts.append(f'<text x="{x + 19}" y="{bottom}" {text}>{label}</text>')
        name = (
            f"A layer of {self._layer()}, drawn as kernels and as the matrix of the product, "
            f"{self.filters} × {columns}; below it the dense matrix that is left."
        )
        return (
            f'<svg viewBox="0 0 {WIDTH} {bottom + 6:.5g}" role="img" aria-label="{escape(name)}">{"".join(parts)}</svg>'
        )
