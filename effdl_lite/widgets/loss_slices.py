"""The loss of trained networks along random directions through their weights: which of them rises least."""

from collections.abc import Mapping, Sequence
from numbers import Real

import traitlets

from effdl_lite.tables import html_table
from effdl_lite.widgets.figure import Figure, decimal
from effdl_lite.widgets.loss_slices_picture import VIEWS, draw, frame
from effdl_lite.widgets.network_slices import Points, checked_slices

HEAD = ["Network", "Loss at α = 0", "Loss here", "Lowest", "Highest", "Rise", "Rise, times that of the first"]
TASK = (
    "Move α away from 0: which network's loss rises least? Is the difference larger than the spread of the directions?"
)
HINT = (
    "In each direction α = 1 would move every filter by its own length. Networks differ in their losses at α = 0, so "
    "that the rise says more than the loss; and a flatter slice is no proof of a better network."
)


class LossSlices(Figure):
    """Losses of one to four networks along filter-normalised directions: read at α, with the rise since α = 0.

    Args:
        networks: by name their slice, a list of (alpha, loss), or one such list for each of several directions; all at
            the same positions, with 0 among them. Such as `{"SGD": [[(-0.5, 1.9), (0, 0.1), (0.5, 2.2)], ...]}`.
        data: what the losses are of, for the title: "1,000 training images of CIFAR-10".
        alpha: the position at the start; None for the last.
        view: "loss", or "rise" above the loss at 0.
        task: what the reader should find out, in one line of plain text.

    Raises:
        ValueError: if a network is damaged (see `network_slices.checked_slices`), or if alpha is none of the positions.
        traitlets.TraitError: if a later alpha is none, or if a view is unknown.

    Source: Li et al., Visualizing the Loss Landscape of Neural Nets (NeurIPS 2018), for the directions.
    """

    source = "loss_slices"
    alpha = traitlets.Float().tag(sync=True)
    view = traitlets.Enum(list(VIEWS)).tag(sync=True)
    first = traitlets.Dict().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        networks: Mapping[str, Points | Sequence[Points]],
        data: str,
        alpha: float | None = None,
        view: str = "rise",
        task: str = TASK,
    ):
        self._networks, self._of = checked_slices(networks), str(data)
        self._alphas = next(iter(self._networks.values())).alphas
        alpha = self._alphas[-1] if alpha is None else alpha
        if isinstance(alpha, bool) or not isinstance(alpha, Real) or alpha not in self._alphas:
            raise ValueError(f"alpha is {alpha!r}; choose one of {', '.join(map(str, self._alphas))}")
        first = {"alpha": float(alpha), "view": view}
        values = {
            "alphas": self._alphas,
            "names": list(self._networks),
            "means": [network.means() for network in self._networks.values()],
            "rises": [network.rises() for network in self._networks.values()],
            "texts": [[self._texts(name, i) for name in self._networks] for i in range(len(self._alphas))],
            "positions": [decimal(one) for one in self._alphas],
            "views": {
                name: [draw(self._networks, name, alpha, self._of), *frame(self._networks, name)] for name in VIEWS
            },
            "of": self._of,
            "head": HEAD,
            "task": task,
            "hint": HINT,
        }
        super().__init__(**first, first=first, data=values)
        self.picture = draw(self._networks, self.view, self.alpha, self._of)

    @traitlets.validate("alpha")
    def _check_alpha(self, proposal):
        if proposal["value"] not in self._alphas:
            raise traitlets.TraitError(
                f"alpha is {proposal['value']}; choose one of {', '.join(map(str, self._alphas))}"
            )
        return proposal["value"]

    def _texts(self, name: str, index: int) -> list[str]:
        """What the table says of a network at a position."""
        network, one = self._networks[name], next(iter(self._networks.values()))
        values = (network.trained, network.means()[index], *network.spread()[index], network.rises()[index])
        ratio = decimal(network.rises()[index] / one.rises()[index], 2) if one.rises()[index] > 0 else "–"
        return [*(decimal(value, 4) for value in values), ratio]

    def table(self) -> tuple[str, list[list[str]]]:
        index = self._alphas.index(self.alpha)
        rows = [[name, *self._texts(name, index)] for name in self._networks]
        return f"Losses at α = {decimal(self.alpha)}, {self._of}", [HEAD, *rows]

    def slices_table(self) -> tuple[str, list[list[str]]]:
        """Caption and rows of a second table: the mean losses at all positions."""
        means = [network.means() for network in self._networks.values()]
        rows = [[decimal(alpha), *(decimal(own[i], 4) for own in means)] for i, alpha in enumerate(self._alphas)]
        return f"Mean losses of all directions, {self._of}", [["α", *self._networks], *rows]

    def static_html(self) -> str:
        tables = html_table(*self.table()) + html_table(*self.slices_table())
        return f'<div class="effdl effdl-static">{self.picture}<div class="effdl-scroll">{tables}</div></div>'
