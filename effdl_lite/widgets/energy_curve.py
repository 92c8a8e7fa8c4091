"""How much of the energy of a layer few basis filters keep, and what the layer then costs."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral

import traitlets

from effdl_lite.methods.low_rank.ranks import check_share
from effdl_lite.tables import html_table
from effdl_lite.widgets.energy_curve_picture import draw
from effdl_lite.widgets.energy_layers import LayerEnergy, checked_networks
from effdl_lite.widgets.figure import Figure, plain

ENERGIES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0)
TASK = (
    "How many basis filters keep 95 % of the energy, and how wrong are the weights then? "
    "Find a layer where that rank saves nothing."
)


class EnergyCurve(Figure):
    """The energy that the first basis filters of a layer keep, for one network or for two or three beside each other.

    Args:
        networks: by name their layers, such as `{"no force": layer_spectra(a), "force": layer_spectra(b)}`; all with
            layers of the same names and sizes. Or the list of layers of one network. See `layer_spectra` for what a
            layer is.
        layer: number of the layer at the start, from 0.
        rank: the rank at the start; None for the one at which the first network keeps `energy`.
        energy: the share of the energy to keep, in (0, 1]; it becomes a stop of the slider.
        task: what the reader should find out, in one line of plain text.

    Raises:
        ValueError: if a network or a layer is damaged (see `energy_layers.checked_networks`), or if the layer, the rank
            or the energy are not there to choose.
        traitlets.TraitError: if later ones are not.
    """

    source = "energy_curve"
    layer = traitlets.Int().tag(sync=True)
    rank = traitlets.Int().tag(sync=True)
    energy = traitlets.Float().tag(sync=True)
    first = traitlets.Dict().tag(sync=True)
    layers = traitlets.List(traitlets.Dict()).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    stops = traitlets.List(traitlets.Float()).tag(sync=True)
    task = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        networks: Mapping[str, Sequence[dict]] | Sequence[dict],
        layer: int = 0,
        rank: int | None = None,
        energy: float = 0.95,
        task: str = TASK,
    ):
        self._networks = checked_networks(networks)
        own = next(iter(self._networks.values()))
        check_share("energy", energy)
        layer = _one_of("layer", layer, 0, len(own) - 1)
        rank = own[layer].rank_at(energy) if rank is None else _one_of("rank", rank, 1, own[layer].filters)
        first = {"layer": layer, "rank": rank, "energy": float(energy)}
        stops = sorted({*ENERGIES, float(energy)})
        layers = [_layer_data(self.networks_at(i), stops, float(energy)) for i in range(len(own))]
        super().__init__(first=first, stops=stops, names=list(self._networks), task=task, layers=layers, **first)
        self.picture = draw(self.networks_at(layer), rank, first["energy"])

    def networks_at(self, layer: int) -> dict[str, LayerEnergy]:
        """One layer of each network."""
        return {name: layers[layer] for name, layers in self._networks.items()}

    @traitlets.validate("layer", "rank")
    def _check_number(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        low, high = (1, max(layer["filters"] for layer in self.layers)) if name == "rank" else (0, len(self.layers) - 1)
        if not low <= value <= high:
            raise traitlets.TraitError(f"{name} is {value}; choose {low}..{high}")
        return value

    @traitlets.validate("energy")
    def _check_energy(self, proposal):
        if proposal["value"] not in self.stops:
            raise traitlets.TraitError(
                f"energy is {proposal['value']}; choose one of {', '.join(map(plain, self.stops))}"
            )
        return proposal["value"]

    def table(self) -> tuple[str, list[list[str]]]:
        rows = [["Layer", "Filters × weights", "Break-even rank"]]
        for name in self.names:
            rows[0] += [f"Rank, {name}", f"MACs, {name}"]
        for number, layer in enumerate(self.layers):
            cells = [layer["name"], layer["size"], plain(layer["breakEven"])]
            for own in self.networks_at(number).values():
                rank = own.rank_at(self.energy)
                cells += [str(rank), percent(own.macs(rank))]
            rows.append(cells)
        return f"Ranks that keep {percent(self.energy)} of the energy, and the MACs of the pair", rows

    def layer_table(self) -> tuple[str, list[list[str]]]:
        """Caption and rows of a second table: the ranks of the chosen layer; of many filters some are left out."""
        rows, layer = [["Rank", "MACs"]], self.layers[self.layer]
        for name in self.names:
            rows[0] += [f"Energy, {name}", f"Error, {name}"]
        own, filters = self.networks_at(self.layer), layer["filters"]
        every = math.ceil(filters / 64)
        for rank in (rank for rank in range(1, filters + 1) if rank % every == 0 or rank == filters):
            cells = [str(rank), percent(next(iter(own.values())).macs(rank))]
            for shares in layer["shares"]:
                cells += [percent(shares[rank - 1]), percent(math.sqrt(1 - shares[rank - 1]))]
            rows.append(cells)
        return f"Ranks of {layer['name']}, {layer['size']}", rows

    def static_html(self) -> str:
        tables = html_table(*self.table()) + html_table(*self.layer_table())
        return f'<div class="effdl effdl-static">{self.picture}<div class="effdl-scroll">{tables}</div></div>'


def percent(share: float) -> str:
    return f"{plain(100 * share)} %"


def _layer_data(networks: dict[str, LayerEnergy], stops: list[float], energy: float) -> dict:
    one = next(iter(networks.values()))
    filters, channels, height, width = one.shape
    return {
        "name": one.name,
        "size": f"{filters} × {channels * height * width}",
        "filters": filters,
        "breakEven": one.break_even,
        "shares": [own.shares() for own in networks.values()],
        "ranks": [[own.rank_at(stop) for stop in stops] for own in networks.values()],
        "picture": draw(networks, one.rank_at(energy), energy),
    }


def _one_of(name: str, value: int, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}; choose a whole number, {low}..{high}")
    return int(value)
