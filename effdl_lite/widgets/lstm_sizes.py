"""Hidden sizes of a language model of two LSTM layers: what they cost, and what was measured at some of them."""

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from numbers import Real

import traitlets

from effdl_lite.tables import html_table
from effdl_lite.widgets.figure import Figure, plain, short
from effdl_lite.widgets.lstm_matrices import whole_numbers
from effdl_lite.widgets.lstm_parts import PARTS, PartCost, part_costs, times_fewer_macs
from effdl_lite.widgets.lstm_sizes_picture import draw, frame_of
from effdl_lite.widgets.measured_speed import measured_points

PRESETS = ((1500, 1500), (373, 315), (381, 535))  # the first table of the ISS paper
LIMITS = {"hidden": 10_000, "embedding": 10_000, "vocabulary": 1_000_000}
KEYS = ("parameters", "macs", "bytes")
HEAD = ["Part", "Parameters", "of dense", "MACs a word", "of dense", "Read in a time step", "of dense"]
TASK = (
    "Find hidden sizes that cut the MACs by five. The embedding stays as it is: "
    "which part then holds most of the weights?"
)
HINT = (
    "Outlines: the dense model. Numbers of parameters are PyTorch's, with two bias vectors in each LSTM layer; "
    "the paper's code has one. Of the embedding a time step reads one row a word. MB are 10⁶ bytes, in fp32."
)


class LSTMSizes(Figure):
    """The hidden sizes of a two-layer LSTM language model against its parameters, MACs and time.

    Args:
        measured: measured times, as rows of a benchmark: `{"hidden": (373, 315), "softmax": True, "milliseconds": 14.8,
            "speedup": 10.6, "quartiles": (10.4, 10.8)}`; `speedup` is how many times as fast as the dense model in the
            same mode, with its first and third quartile. `"vocabulary"` (the last of `vocabularies` if left out) and
            `"mode"` (such as "oneDNN", at most 3 different ones) may be there; other keys are ignored.
        embedding: E, width of the word vectors.
        dense: hidden sizes of the dense model, with which all others are compared.
        vocabularies: numbers of words to choose from, at most 4; the figure starts with the last.
        presets: pairs of hidden sizes to jump to, none larger than the dense model's.
        start: hidden sizes at the start; None for half of the dense model's.
        cache_mb: size of the cache that the weights are compared with, in 10⁶ bytes.

    Attributes:
        hidden: the chosen sizes of the two layers.
        vocabulary: the chosen number of words.
        softmax: whether the softmax layer counts.

    Raises:
        ValueError: if a size is no whole number or out of its range, or a measurement is damaged.
        traitlets.TraitError: if later sizes or a later vocabulary are not there to choose.
    """

    source = "lstm_sizes"
    sizes = traitlets.Dict().tag(sync=True)
    first = traitlets.Dict().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    points = traitlets.List(traitlets.Dict()).tag(sync=True)
    texts = traitlets.Dict().tag(sync=True)
    hidden = traitlets.List(traitlets.Int()).tag(sync=True)
    vocabulary = traitlets.Int().tag(sync=True)
    softmax = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self,
        measured: Sequence[dict] = (),
        *,
        embedding: int = 1500,
        dense: Sequence[int] = PRESETS[0],
        vocabularies: Sequence[int] = (2_000, 10_000),
        presets: Sequence[Sequence[int]] = PRESETS,
        start: Sequence[int] | None = None,
        cache_mb: float = 32,
    ):
        (embedding,) = _within("embedding", [embedding], 1, [LIMITS["embedding"]])
        dense = _within("dense", dense, 2, [LIMITS["hidden"]] * 2)
        if not isinstance(vocabularies, Sequence) or not 1 <= len(vocabularies) <= 4:
            raise ValueError(f"vocabularies is {vocabularies!r}; give 1 to 4 numbers of words")
        vocabularies = _within("vocabularies", vocabularies, len(vocabularies), [LIMITS["vocabulary"]] * 4)
        presets = [_within(f"presets[{i}]", preset, 2, dense) for i, preset in enumerate(presets)]
        start = _within("start", [(size + 1) // 2 for size in dense] if start is None else start, 2, dense)
        if not isinstance(cache_mb, Real) or not 0 < cache_mb < 1e6:
            raise ValueError(f"cache_mb is {cache_mb!r}; it must be above 0 and below 10⁶ (MB, not bytes)")
        sizes = {
            "embedding": embedding,
            "dense": dense,
            "vocabularies": vocabularies,
            "presets": presets,
            "cache_mb": float(cache_mb),
        }
        first = {"hidden": start, "vocabulary": vocabularies[-1], "softmax": True}
        super().__init__(sizes=sizes, first=first, **first)
        points = measured_points(measured, vocabularies, dense)
        for point in points:
            point["ratio"] = self._ratio(**{key: point[key] for key in first})
        self.frame = frame_of([self.costs(dense, words) for words in vocabularies], points, cache_mb)
        self.points = points
        self.texts = {"task": TASK, "hint": HINT, "parts": PARTS, "head": HEAD, "measured": self.measured_table()}
        self.picture = draw(self)

    @traitlets.validate("hidden")
    def _check_hidden(self, proposal):
        try:
            return _within("hidden", proposal["value"], 2, self.sizes["dense"])
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from error

    @traitlets.validate("vocabulary")
    def _check_vocabulary(self, proposal):
        if proposal["value"] not in self.sizes["vocabularies"]:
            raise traitlets.TraitError(
                f"vocabulary is {proposal['value']}; choose one of {', '.join(map(str, self.sizes['vocabularies']))}"
            )
        return proposal["value"]

    def costs(self, hidden: Sequence[int] | None = None, vocabulary: int | None = None) -> list[PartCost]:
        """`part_costs` of these sizes, by default of the chosen ones."""
        return part_costs(self.sizes["embedding"], hidden or self.hidden, vocabulary or self.vocabulary)

    def times_fewer_macs(self) -> float:
        """How many times fewer MACs than the dense model the chosen sizes need."""
        return self._ratio(self.hidden, self.vocabulary, self.softmax)

    def _ratio(self, hidden: Sequence[int], vocabulary: int, softmax: bool) -> float:
        return times_fewer_macs(self.costs(self.sizes["dense"], vocabulary), self.costs(hidden, vocabulary), softmax)

    def table(self) -> tuple[str, list[list[str]]]:
        rows = [HEAD]
        small, dense = (
            [asdict(part) for part in self.costs(hidden)][: len(PARTS) - (not self.softmax)]
            for hidden in (self.hidden, self.sizes["dense"])
        )
        total = [{"name": "All"} | {key: sum(part[key] for part in parts) for key in KEYS} for parts in (small, dense)]
        for part, whole in zip((*small, total[0]), (*dense, total[1]), strict=True):
            cells = [f"{of[key]:,}" if key != "bytes" else f"{short(of[key])}B" for key in KEYS for of in (part, whole)]
            rows.append([part["name"], *cells])
        caption = (
            f"Hidden sizes {self.hidden[0]} and {self.hidden[1]}, {self.vocabulary:,} words, "
            f"{'with' if self.softmax else 'without'} the softmax: {plain(self.times_fewer_macs())} times fewer MACs"
        )
        return caption, rows

    def measured_table(self) -> tuple[str, list[list[str]]]:
        """Caption and rows of a second table: the presets, with what was measured there, and all other measurements."""
        rows = [["Hidden sizes", "Softmax", "Words", "Parameters", "Times fewer MACs", "Times as fast", "Time", "Mode"]]
        words = self.sizes["vocabularies"][-1]
        wanted = [(preset, words, softmax) for softmax in (True, False) for preset in self.sizes["presets"]]
        found = [(point["hidden"], point["vocabulary"], point["softmax"]) for point in self.points]
        places = wanted + [place for i, place in enumerate(found) if place not in wanted + found[:i]]
        for hidden, vocabulary, softmax in places:
            parameters = [part.parameters for part in self.costs(hidden, vocabulary)][: None if softmax else -1]
            facts = [f"{hidden[0]}, {hidden[1]}", "with" if softmax else "without", f"{vocabulary:,}"]
            facts += [short(sum(parameters)), plain(self._ratio(hidden, vocabulary, softmax))]
            points = [
                point for point, place in zip(self.points, found, strict=True) if place == (hidden, vocabulary, softmax)
            ]
            rows += [[*facts, point["says"], f"{plain(point['milliseconds'])} ms", point["mode"]] for point in points]
            if not points:
                rows.append([*facts, "-", "not measured", "-"])
        return f"Against hidden sizes {self.sizes['dense'][0]} and {self.sizes['dense'][1]}", rows

    def static_html(self) -> str:
        second = html_table(*self.measured_table())
        return super().static_html().removesuffix("</div>") + f"<p>{escape(HINT)}</p>{second}</div>"


def _within(name: str, values: Sequence[int], number: int, limits: Sequence[int]) -> list[int]:
    values = whole_numbers(name, values, number)
    for value, limit in zip(values, limits, strict=False):
        if not 1 <= value <= limit:
            raise ValueError(f"{name} has {value}; choose 1..{limit}")
    return values
