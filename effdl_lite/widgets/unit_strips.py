"""What a hidden unit owns: strips of rows and columns, over the matrices of a language model of two LSTM layers."""

from collections.abc import Sequence
from dataclasses import asdict
from html import escape

import traitlets

from effdl_lite.methods.intrinsic_sparsity import groups_of
from effdl_lite.methods.intrinsic_sparsity.strips import Rectangle
from effdl_lite.widgets.figure import Figure
from effdl_lite.widgets.lstm_matrices import (
    matrices_of,
    model_on_shapes,
    owners_of,
    shapes_left,
    strip_texts,
    weights_owned,
    whole_numbers,
)

LIMITS = {"embedding": 8, "hidden[0]": 8, "hidden[1]": 8, "vocabulary": 32}  # what still can be seen on a phone
WIDTH, TOP, GATE_GAP = 360, 42, 3
SLOTS = (58, 30, 30, 30, 30, 30)  # the least room of each matrix, that of its title
GAPS = (0, 22, 6, 22, 6, 10)  # before each matrix; the wide ones hold the names of the gates
GATES = "ifuo"
TASK = "Guess which layer's units own more weights. Then look, and halve the weights with as few units as you can."
HINT = (
    "Click on a weight for the unit of its row, once more for that of its column; "
    "or move the slider with the arrow keys and press Enter."
)
TEXT = 'fill="currentColor" font-size="12"'
TITLE = 'fill="currentColor" font-size="12.5" font-weight="650"'


class UnitStrips(Figure):
    """The group of a unit in Intrinsic Sparse Structures: 4 rows of two matrices and a column of two matrices.

    A small language model (embedding, two LSTM layers, softmax) is drawn to scale. Units can be chosen, taken out and
    put back; below stands the compact model that is left. A link holds what is chosen and what is out.

    Args:
        embedding: E, width of the word vectors, at most 8.
        hidden: widths of the two layers, at most 8 each.
        vocabulary: V, number of words, at most 32.

    Attributes:
        layer: of the chosen unit, 0 or 1.
        unit: the chosen unit of that layer.
        removed: for each layer the units that are out, such as `[[0, 2], []]`.

    Raises:
        ValueError: if a size is no whole number, the model is too large to draw, or it has not two layers.
        traitlets.TraitError: if `unit` or `removed` names no unit, or nothing of a layer would be left.
    """

    source = "unit_strips"
    sizes = traitlets.Dict().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    matrices = traitlets.List().tag(sync=True)
    groups = traitlets.List().tag(sync=True)
    owners = traitlets.List().tag(sync=True)
    texts = traitlets.Dict().tag(sync=True)
    layer = traitlets.Int(0, min=0, max=1).tag(sync=True)
    unit = traitlets.Int(0, min=0).tag(sync=True)
    removed = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)

    def __init__(self, embedding: int = 4, hidden: Sequence[int] = (6, 4), vocabulary: int = 10):
        hidden = whole_numbers("hidden", hidden, 2)
        embedding, vocabulary = whole_numbers("embedding and vocabulary", (embedding, vocabulary), 2)
        for (name, limit), value in zip(LIMITS.items(), (embedding, *hidden, vocabulary), strict=True):
            if not 1 <= value <= limit:
                raise ValueError(
                    f"{name} is {value}; the drawing has room for 1..{limit}. For a larger model ask groups_of(model)"
                )
        self._model = model_on_shapes(embedding, hidden, vocabulary)
        self._groups, self._matrices = list(groups_of(self._model).values()), matrices_of(self._model)
        sizes = {"embedding": embedding, "hidden": hidden, "vocabulary": vocabulary}
        super().__init__(sizes=sizes, removed=[[], []])
        self.frame = self._layout()
        self.matrices = [asdict(matrix) for matrix in self._matrices]
        self.owners = owners_of(self._model)
        self.groups = [
            {
                "size": group.size(),
                "owns": text,
                "outlines": [self._outline(group.owned(unit)) for unit in range(group.units)],
            }
            for group, text in zip(self._groups, strip_texts(self._model), strict=True)
        ]
        caption, (head, *rows) = self.table()
        self.texts = {"task": TASK, "hint": HINT, "caption": caption, "head": head, "rows": [row[:-1] for row in rows]}
        self.picture = self._draw()

    @traitlets.validate("unit")
    def _check_unit(self, proposal):
        if proposal["value"] >= max(self.sizes["hidden"]):
            first, second = self.sizes["hidden"]
            raise traitlets.TraitError(f"unit is {proposal['value']}; the layers have {first} and {second} units")
        return proposal["value"]

    @traitlets.validate("removed")
    def _check_removed(self, proposal):
        removed, hidden = proposal["value"], self.sizes["hidden"]
        if len(removed) != 2:
            raise traitlets.TraitError(f"removed has {len(removed)} lists; give one for each of the two layers")
        for layer, (units, number) in enumerate(zip(removed, hidden, strict=True)):
            if unknown := sorted(set(units) - set(range(number))):
                raise traitlets.TraitError(f"removed[{layer}] has {unknown}; choose units of 0..{number - 1}")
            if len(set(units)) == number:
                raise traitlets.TraitError(
                    f"removed[{layer}] has all {number} units; keep one, else the output does not depend on the words"
                )
        return [sorted(set(units)) for units in removed]

    def left(self) -> dict:
        """What is left without the removed units: "hidden" sizes, "weights" of all matrices, "macs" a word."""
        shapes = shapes_left(self._model, self.removed)
        sizes = [rows * columns for rows, columns in shapes]
        multiplied = [size for size, matrix in zip(sizes, self.matrices, strict=True) if matrix["multiplied"]]
        hidden = [units - len(gone) for units, gone in zip(self.sizes["hidden"], self.removed, strict=True)]
        return {"hidden": hidden, "weights": sum(sizes), "macs": sum(multiplied), "shapes": shapes}

    def table(self) -> tuple[str, list[list[str]]]:
        left = self.left()
        rows = [["Matrix", "Rows × columns", "Weights", "Of a unit of LSTM 1", "Of a unit of LSTM 2", "Left"]]
        for matrix, (height, width) in zip(self._matrices, left["shapes"], strict=True):
            owned = [weights_owned(group, matrix.parameter) for group in self._groups]
            shape, weights = f"{matrix.rows} × {matrix.columns}", matrix.rows * matrix.columns
            rows.append([matrix.name, shape, *map(str, (weights, *owned)), f"{height} × {width} = {height * width}"])
        weights = sum(int(row[2]) for row in rows[1:])
        sizes = [str(group.size()) for group in self._groups]
        rows.append(["All", "", str(weights), *sizes, str(left["weights"])])
        return "The matrices (without biases), what a unit owns of them, each weight once, and what is left", rows

    def _layout(self) -> dict:
        """The side of a cell, the left end of each matrix, and the top of both drawings."""
        matrices, room, cell = self._matrices, WIDTH - 2 - sum(GAPS), 9.0

        def slots_of(cell: float) -> list[float]:
            return [max(slot, matrix.columns * cell) for slot, matrix in zip(SLOTS, matrices, strict=True)]

        while sum(slots_of(cell)) > room:
            cell -= 0.05
        slots = slots_of(cell)
        spare = (room - sum(slots)) / 3
        x, left = 0.0, []
        for gap, slot in zip(GAPS, slots, strict=True):
            x += gap + (spare if gap > 6 else 0)
            left.append(round(x, 2))
            x += slot
        height = max(matrix.rows * cell + 3 * GATE_GAP for matrix in matrices)
        return {"cell": round(cell, 2), "left": left, "top": TOP, "rest": round(TOP + height + TOP + 12, 1)}

    def _box(self, rows: range, columns: range, matrix: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of a part of a matrix, without the thin gap after it."""
        cell, own = self.frame["cell"], self._matrices[matrix]

        def top(row: int) -> float:
            gate = row * own.gates // own.rows  # the gates of a matrix stand a little apart
            return self.frame["top"] + row * cell + gate * GATE_GAP

        left = self.frame["left"][matrix]
        return (
            left + columns.start * cell,
            top(rows.start),
            left + columns.stop * cell - 1,
            top(rows.stop - 1) + cell - 1,
        )

    def _outline(self, owned: list[Rectangle]) -> list[str]:
        """Two paths: around every strip, and a dot on each weight in which two strips cross."""
        names = [matrix.parameter for matrix in self._matrices]
        outline = dots = ""
        for i, part in enumerate(owned):
            left, top, right, bottom = self._box(part.rows, part.columns, names.index(part.matrix))
            outline += f"M{left - 1:.5g} {top - 1:.5g}H{right + 1:.5g}V{bottom + 1:.5g}H{left - 1:.5g}z"
            for other in (other for other in owned[i + 1 :] if other.matrix == part.matrix):
                row, column = set(part.rows) & set(other.rows), set(part.columns) & set(other.columns)
                if row and column:
                    cell = range(min(row), min(row) + 1), range(min(column), min(column) + 1)
                    left, top, right, bottom = self._box(*cell, names.index(part.matrix))
                    dots += f"M{(left + right) / 2:.5g} {(top + bottom) / 2:.5g}h0"
        return [outline, dots]

    def _draw(self) -> str:
        matrices, f = self._matrices, self.frame
        cell, (outline, dots) = f["cell"], self.groups[self.layer]["outlines"][self.unit]
        end = 2 * (f["rest"] - TOP) - 12
        # JavaScript counts on this order: matrix by matrix, row by row. A weight is a box with a cross in it, of which
        # only the stroke shows the cross.
        side = f"{cell - 1:.3g}"
        cross = f"l{side} {side}m0-{side}l-{side} {side}v-{side}h{side}v{side}h-{side}"
        weights, rest, labels = "", "", []
        for i, matrix in enumerate(matrices):
            for row in range(matrix.rows):
                for column in range(matrix.columns):
                    left, top, *_ = self._box(range(row, row + 1), range(column, column + 1), i)
                    weights += f'<path class="kept" d="M{left:.5g} {top:.5g}{cross}"/>'
            gates = max(1, matrix.gates)
            height, x = matrix.rows // gates * cell, f["left"][i]
            tops = [gate * (height + GATE_GAP) for gate in range(gates)]
            rest += '<path class="kept" d="{}"/>'.format(
                "".join(
                    f"M{x} {f['rest'] + top:.5g}h{matrix.columns * cell - 1:.5g}v{height - 1:.5g}H{x}z" for top in tops
                )
            )
            name = matrix.name.split(" ")[0] if matrix.gates else f"{matrix.rows}×{matrix.columns}"
            labels.append(f'<text class="mono" x="{x}" y="{TOP - 7}" {TEXT}>{name}</text>')
            size = f"{matrix.rows}×{matrix.columns}"
            labels.append(f'<text class="mono size" x="{x}" y="{f["rest"] - 7}" {TEXT}>{size}</text>')
            if i in (1, 3):
                for gate, top in zip(GATES, tops, strict=True):
                    y = TOP + top + height / 2 + 4
                    labels.append(f'<text class="gate" x="{x - 5}" y="{y:.5g}" text-anchor="end" {TEXT}>{gate}</text>')
        for text, x, anchor in (
            ("Embedding", 0, "start"),
            ("LSTM 1", f["left"][1], "start"),
            ("LSTM 2", f["left"][3], "start"),
            ("Softmax", WIDTH, "end"),
        ):
            labels.append(f'<text x="{x}" y="14" text-anchor="{anchor}" {TITLE}>{text}</text>')
        hidden = self.sizes["hidden"]
        labels.append(
            f'<text class="rest" x="0" y="{f["rest"] - 25}" {TITLE}>'
            f"The compact model: hidden sizes {hidden[0]} and {hidden[1]}</text>"
        )
        name = (
            f"The weight matrices of a language model to scale: embedding, two LSTM layers of {hidden[0]} and "
            f"{hidden[1]} units with four gates, softmax. Around what the chosen unit owns stands a line. "
            "Below, the matrices of the compact model."
        )
        return (
            f'<svg viewBox="0 0 {WIDTH} {end + 54:.5g}" role="img" aria-label="{escape(name)}">'
            # Where no style sheet is, kept weights are grey.
            f'<g class="weights" fill="currentColor" fill-opacity=".35">{weights}</g>'
            f'<g class="compact" fill="currentColor" fill-opacity=".35">{rest}</g>'
            f'<path class="chosen" d="{outline}" fill="none" stroke="currentColor" stroke-width="2"/>'
            f'<path class="crossing" d="{dots}" fill="none" stroke="currentColor" stroke-width="{cell / 2:.3g}"'
            f' stroke-linecap="round"/>{"".join(labels)}{_legend(end + 24)}</svg>'
        )


def _legend(y: float) -> str:
    marks = [
        ("weight", 0, "kept", "h10v10h-10z", 'fill="currentColor" fill-opacity=".35"'),
        ("zero", 66, "zero", "l10 10m0-10l-10 10v-10h10v10h-10", 'fill="none" stroke="currentColor"'),
        ("the chosen unit", 118, "edge", "h10v10h-10z", 'fill="none" stroke="currentColor" stroke-width="2"'),
        ("its crossings", 230, "dot", "m5 5h0", 'stroke="currentColor" stroke-width="5" stroke-linecap="round"'),
    ]
    parts = [
        f'<path class="{name}" d="M{x + 1} {y - 10:.5g}{shape}" {style}/>'
        f'<text x="{x + 17}" y="{y:.5g}" {TEXT}>{label}</text>'
        for label, x, name, shape, style in marks
    ]
    gates = "Gates: i input, f forget, u candidate, o output"
    return f'{"".join(parts)}<text x="0" y="{y + 22:.5g}" {TEXT}>{gates}</text>'
