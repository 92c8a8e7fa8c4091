"""What a group of Intrinsic Sparse Structures is made of: strips of weight matrices, one of each for every unit."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Rectangle:
    """A part of a matrix: which matrix, by its name in the model, which rows and which columns of it."""

    matrix: str
    rows: range
    columns: range


@dataclass(frozen=True, eq=False)
class Strip:
    """The part of one weight matrix that belongs to the units of a layer, and how it is shared among them.

    PyTorch stores a matrix as [outputs, inputs]. What *makes* unit k are rows: one in each of `gates` blocks of `units`
    rows. What *reads* unit k is one column, number `start` + k.

    Args:
        matrix: name of the weight in the model, for figures and errors.
        weight: [outputs, inputs].
        side: "rows" or "columns".
        units: how many units the layer has.
        gates: for rows, blocks of `units` rows: 4 for an LSTM, 2 for a recurrent highway network.
        start: for columns, the column of unit 0; the reader may have other inputs before it.

    Raises:
        ValueError: if the matrix does not have these rows or columns.
    """

    matrix: str
    weight: nn.Parameter
    side: str
    units: int
    gates: int = 1
    start: int = 0

    def __post_init__(self):
        outputs, inputs = self.weight.shape
        if self.side == "rows" and outputs != self.gates * self.units:
            raise ValueError(f"{self.matrix} has {outputs} rows, not {self.gates} for each of {self.units} units")
        if self.side == "columns" and not 0 <= self.start <= inputs - self.units:
            raise ValueError(
                f"{self.matrix} has {inputs} columns; units {self.start} to {self.start + self.units - 1} do not fit"
            )
        if self.side not in ("rows", "columns"):
            raise ValueError(f"side {self.side!r} is unknown; choose 'rows' or 'columns'")

    def of(self, matrix: Tensor) -> Tensor:
        """A view [:, units, :] of a tensor of the weight's shape, be it the weight or its gradient."""
        if self.side == "rows":
            return matrix.unflatten(0, (self.gates, self.units))
        return matrix[:, self.start : self.start + self.units].unsqueeze(-1)

    def squares(self) -> Tensor:
        """The sum of squares of what each unit owns of the matrix, [units]."""
        if self.side == "columns":
            return self.of(self.weight).square().sum((0, 2))
        # The same sum, row by row first: more than twice as fast, since nothing is stored in between.
        return torch.linalg.vector_norm(self.weight, dim=1).square().view(self.gates, self.units).sum(0)

    def rectangles(self, unit: int) -> list[Rectangle]:
        """The parts of the matrix that one unit owns: a row for each gate, or one column."""
        outputs, inputs = self.weight.shape
        if self.side == "columns":
            column = self.start + unit
            return [Rectangle(self.matrix, range(outputs), range(column, column + 1))]
        rows = [gate * self.units + unit for gate in range(self.gates)]
        return [Rectangle(self.matrix, range(row, row + 1), range(inputs)) for row in rows]


@dataclass(frozen=True, eq=False)
class Crossing:
    """The weights of one matrix that belong to a unit both by their row and by their column: one for each gate."""

    rows: Strip
    columns: Strip

    @property
    def weight(self) -> nn.Parameter:
        return self.rows.weight

    def of(self, matrix: Tensor) -> Tensor:
        """A view [gates, units] of a tensor of the weight's shape."""
        first, units = self.columns.start, self.columns.units
        return self.rows.of(matrix)[:, :, first : first + units].diagonal(dim1=1, dim2=2)


@dataclass(frozen=True, eq=False)
class UnitGroups:
    """The groups of one layer, one a unit: everything that must vanish for the unit to be dropped.

    Args:
        units: how many units, so how many groups.
        strips: what each of them owns. Where both rows and columns of a matrix belong to the layer, as in the recurrent
            matrix of an LSTM, row k and column k cross: the crossing weight belongs to one unit from both sides.
    """

    units: int
    strips: tuple[Strip, ...]

    @property
    def crossings(self) -> list[Crossing]:
        """Where a unit's own row and column meet, one for each matrix of which the layer owns both."""
        rows = [strip for strip in self.strips if strip.side == "rows"]
        columns = [strip for strip in self.strips if strip.side == "columns"]
        return [Crossing(row, column) for row in rows for column in columns if row.weight is column.weight]

    def squares(self, double_count: bool = False) -> Tensor:
        """The sum of squares of each group, [units].

        Args:
            double_count: count a crossing weight twice, as the authors' code does, which adds up rows and columns.
        """
        squares = sum(strip.squares() for strip in self.strips)
        if double_count:
            return squares
        twice = sum(crossing.of(crossing.weight).square().sum(0) for crossing in self.crossings)
        return (squares - twice).clamp(min=0)  # rounding must not make it negative

    def size(self, double_count: bool = False) -> int:
        """How many weights a group has."""
        counted = sum(strip.of(strip.weight)[:, 0].numel() for strip in self.strips)
        return counted - (0 if double_count else sum(crossing.rows.gates for crossing in self.crossings))

    def alive(self) -> Tensor:
        """Whether any weight of the group is not exactly zero, bool [units]."""
        return torch.stack([(strip.of(strip.weight) != 0).any(2).any(0) for strip in self.strips]).any(0)

    def owned(self, unit: int) -> list[Rectangle]:
        """All parts of matrices that one unit owns."""
        if not 0 <= unit < self.units:
            raise ValueError(f"unit {unit} is not one of the units 0..{self.units - 1}")
        return [rectangle for strip in self.strips for rectangle in strip.rectangles(unit)]


def weights_of(groups: Iterable[UnitGroups]) -> list[nn.Parameter]:
    """The matrices behind the groups, each once."""
    return list({id(strip.weight): strip.weight for group in groups for strip in group.strips}.values())
