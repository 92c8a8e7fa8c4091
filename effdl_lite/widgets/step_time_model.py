"""When TernGrad pays: the time of a step by the performance model, with sliders for its numbers."""

import math
from numbers import Real

import traitlets

from effdl_lite.methods.terngrad import ALL_GATHER, PARAMETER_SERVER, Cluster
from effdl_lite.tables import html_table
from effdl_lite.widgets.figure import Figure, plain, short
from effdl_lite.widgets.step_networks import IMAGES, NETWORKS, Network, count_network
from effdl_lite.widgets.step_time_picture import GRID, draw, seconds, with_unit
from effdl_lite.widgets.step_times import CODECS, StepTime, speedups, step_times

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
EXCHANGES = (PARAMETER_SERVER, ALL_GATHER)
# The stops of the sliders: bits a second, seconds, seconds, bytes of fp32 gradient a second (0: takes no time)
CHOICES = {
    "bandwidth": [1e7, 2e7, 5e7, 1e8, 2e8, 5e8, 1e9, 2e9, 5e9, 1e10, 2e10, 5e10, 1e11],
    "latency": [0.0, 1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2],
    "compute": [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0],
    "codec": [1e8, 2e8, 5e8, 1e9, 2e9, 5e9, 1e10, 2e10, 5e10, 1e11, 0.0],
}
UNITS = {"bandwidth": "bits a second", "latency": "seconds", "compute": "seconds", "codec": "bytes a second"}
HEAD = ["Way", "Compute", "Network", "Codec", "Step", "Speed-up", "Sent by a worker", "Pays below"]
NETWORKS_HEAD = ["Network", "Ternary weights", "In fp32", "MACs an image", "Compute", *CODECS]
TASK = (
    "Exchange by all-gather: from how many workers on is AlexNet slower with 2-bit TernGrad than in fp32? "
    "Which network is slower already with half as many?"
)
HINT = (
    f"A network's button also sets its compute time: {IMAGES} images a worker, 6 FLOPs a MAC (forward and backward), "
    "at 10¹² FLOP/s. Weights in tensors of fewer than 256 elements are sent in fp32. Nothing overlaps."
)


class StepTimeModel(Figure):
    """The performance model of TernGrad with sliders: compute, network and codec of a step, and the speed-up.

    Nothing here is measured; `effdl_lite.methods.terngrad.performance` says what the model leaves out.

    Args:
        network: one of `step_networks.NETWORKS`, counted from the models.
        workers: 1, 2, 4, ..., 512.
        bandwidth: of each link, bits a second, 1e7..1e11.
        latency: seconds before a message arrives, 0..0.01.
        compute: seconds of the forward and backward pass, 1e-4..10; None for the network's own, see `Network.compute`.
        codec: bytes of fp32 gradient that are encoded and decoded a second, 1e8..1e11; 0 leaves the codec out.
        exchange: "parameter server" or "all-gather".
        last_float: whether the last layer is sent in fp32.

    Raises:
        ValueError: if a number is no number or outside its range, or a name is unknown.
        traitlets.TraitError: if a later one is.
    """

    source = "step_time_model"
    helpers = ("step_times", "step_time_picture")
    network = traitlets.Enum(list(NETWORKS)).tag(sync=True)
    exchange = traitlets.Enum(list(EXCHANGES)).tag(sync=True)
    last_float = traitlets.Bool().tag(sync=True)
    workers = traitlets.Enum(list(WORKERS)).tag(sync=True)
    bandwidth = traitlets.Float().tag(sync=True)
    latency = traitlets.Float().tag(sync=True)
    compute = traitlets.Float().tag(sync=True)
    codec = traitlets.Float().tag(sync=True)
    first = traitlets.Dict().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        network: str = "AlexNet",
        workers: int = 8,
        bandwidth: float = 1e9,
        latency: float = 50e-6,
        compute: float | None = None,
        codec: float = 2e9,
        exchange: str = PARAMETER_SERVER,
        last_float: bool = False,
    ):
        own = count_network(network)
        if exchange not in EXCHANGES:
            raise ValueError(f"exchange {exchange!r} is unknown; choose one of {', '.join(EXCHANGES)}")
        if workers not in WORKERS or isinstance(workers, bool):
            raise ValueError(f"workers is {workers!r}; choose one of {', '.join(map(str, WORKERS))}")
        numbers = {
            "bandwidth": bandwidth,
            "latency": latency,
            "compute": own.compute if compute is None else compute,
            "codec": codec,
        }
        for name, value in numbers.items():
            if problem := _problem(name, value):
                raise ValueError(problem)
        first = {"network": network, "exchange": exchange, "last_float": bool(last_float), "workers": int(workers)}
        first |= {name: float(value) for name, value in numbers.items()}
        data = {
            "networks": [_network_data(count_network(name)) for name in NETWORKS],
            "exchanges": EXCHANGES,
            "workers": WORKERS,
            "choices": CHOICES,
            "codecs": [[way, codec.per_byte] for way, codec in CODECS.items()],
            "grid": GRID,
            "head": HEAD,
            "networksHead": NETWORKS_HEAD,
            "task": TASK,
            "hint": HINT,
        }
        super().__init__(**first, first=first, data=data)
        self.picture = draw(self.times(), self._curves(), self.bandwidth, network)

    @traitlets.validate("bandwidth", "latency", "compute", "codec")
    def _check_number(self, proposal):
        if problem := _problem(proposal["trait"].name, proposal["value"]):
            raise traitlets.TraitError(problem)
        return proposal["value"]

    def times(self, network: str | None = None) -> list[StepTime]:
        """Of fp32 and of each codec; of another network with that network's own compute time."""
        work = count_network(network or self.network).work(None if network else self.compute, self.last_float)
        return step_times(self._cluster(), work, self.codec)

    def table(self) -> tuple[str, list[list[str]]]:
        rows = [HEAD]
        for time in self.times():
            parts = map(seconds, (time.compute, time.network, time.codec, time.step))
            rows.append([time.way, *parts, plain(time.speedup), with_unit(time.sent, "B"), below(time.pays_below)])
        return f"{self.network}, {seconds(self.compute)} of compute: {self._setting()}", rows

    def networks_table(self) -> tuple[str, list[list[str]]]:
        """Caption and rows of a second table: the speed-up of all networks, each with its own compute time."""
        rows = [NETWORKS_HEAD]
        for name in NETWORKS:
            network, gains = count_network(name), [plain(time.speedup) for time in self.times(name)[1:]]
            work = network.work(last_float=self.last_float)
            counts = (f"{work.weights:,}", f"{work.float_weights:,}", short(network.macs))
            rows.append([name, *counts, seconds(work.compute), *gains])
        return f"Speed-up of all networks: {self._setting()}", rows

    def static_html(self) -> str:
        tables = html_table(*self.table()) + html_table(*self.networks_table())
        return f'<div class="effdl effdl-static">{self.picture}<div class="effdl-scroll">{tables}</div></div>'

    def _cluster(self) -> Cluster:
        return Cluster(self.workers, self.bandwidth / 8, self.latency, self.exchange)

    def _curves(self) -> list[list[float]]:
        work = count_network(self.network).work(self.compute, self.last_float)
        return speedups(self._cluster(), work, self.codec, [bits / 8 for bits in GRID])

    def _setting(self) -> str:
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        codec = f"codec {with_unit(self.codec, 'B/s')}" if self.codec else "no time for the codec"
        last = "last layer in fp32" if self.last_float else "last layer ternary"
        network = f"{with_unit(self.bandwidth, 'bit/s')}, latency {seconds(self.latency)}"
        return f"{self.exchange}, {workers}, {network}, {codec}, {last}"


def below(bandwidth: float) -> str:
    """A break-even bandwidth in bytes a second as text, in bits a second."""
    if math.isnan(bandwidth):
        return "–"
    if math.isinf(bandwidth):
        return "always"
    return with_unit(8 * bandwidth, "bit/s") if bandwidth else "never"


def _problem(name: str, value: float) -> str | None:
    stops = CHOICES[name]
    low, high = min(stop for stop in stops if stop or name == "latency"), max(stops)
    number = isinstance(value, Real) and not isinstance(value, bool)
    if number and (low <= value <= high or (name == "codec" and value == 0)):
        return None
    free = ", or 0 for a codec that takes no time" if name == "codec" else ""
    return f"{name} is {value!r}; choose {plain(low)}..{high:g} {UNITS[name]}{free}"


def _network_data(network: Network) -> dict:
    return {
        "name": network.name,
        "macs": network.macs,
        "compute": network.compute,
        "works": [
            {"weights": work.weights, "rest": work.float_weights, "tensors": work.tensors}
            for work in (network.work(), network.work(last_float=True))
        ],
    }
