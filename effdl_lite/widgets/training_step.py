"""The course's central picture: one training step, five places, five papers."""

from html import escape

import traitlets

from effdl_lite.widgets.figure import Figure

# number, hook of `Method`, the short text of the plain step, what happens there in the plain step
PLACES = [
    (1, "before_forward", "plain step: nothing", "Nothing. The loss is computed at the weights as they are."),
    (2, "after_backward", "plain step: nothing", "Nothing. Each shard keeps the gradient of its own loss."),
    (3, "combine", "plain step: the mean", "The gradients of the shards become one: the mean over the examples."),
    (4, "regularize", "plain step: nothing", "Nothing. The gradient is that of the loss alone."),
    (5, "after_step", "plain step: nothing", "Nothing. The weights stay as the optimizer left them."),
]

GROUP_LASSO = (
    "Adds the gradient of its penalty, the sum of the groups' norms, once a step and at the clean weights. "
    "It pulls a whole {group} toward zero together."
)
TO_ZERO = (
    "Sets small weights to exact zero, so that whole {groups} can be cut. Where we take the proximal step instead, "
    "it stands here and the penalty's gradient at place 4 is left out."
)

# place -> (what the paper does there, one formula)
METHODS = {
    "SSL": {
        4: (GROUP_LASSO.format(group="filter, channel, shape or layer"), "∇w ← ∇w + λ · w / ‖w_g‖"),
        5: (TO_ZERO.format(groups="groups"), "w ← 0 where |w| < τ"),
    },
    "ISS": {
        4: (GROUP_LASSO.format(group="hidden unit of an LSTM, with all its weights,"), "∇w ← ∇w + λ · w / ‖w_g‖"),
        5: (TO_ZERO.format(groups="hidden units"), "w ← 0 where |w| < τ"),
    },
    "Force": {
        4: (
            "Adds a force that pulls filters together, so that a few basis filters span them all: a lower rank.",
            "∇w_i ← ∇w_i − λ_s · Δw_i",
        ),
    },
    "TernGrad": {
        3: (
            (
                "Each worker sends only −1, 0 or +1 for an entry, drawn so that the expectation is its gradient, "
                "and one scale that all workers share. The mean of what was sent is the gradient."
            ),
            "g̃ = s · sign(g) ∘ b,  P(b = 1) = |g| / s,  s = max |g|",
        ),
    },
    "SmoothOut": {
        1: ("Perturbs the weights with noise, anew for each shard.", "w ← w + θ,  θ ∼ U(−a, a)"),
        2: ("Takes exactly this noise away again, so that the update starts from the clean weights.", "w ← w − θ"),
    },
}

TOPS = {1: 80, 2: 190, 3: 262, 4: 322, 5: 428}  # y of each place's bar
ARROW = "M{x} {y0} V{y1} m-4 -6 l4 6 l4 -6"


def papers_at(place: int) -> list[str]:
    """The papers that change this place of the step."""
    return [name for name, places in METHODS.items() if place in places]


def draw() -> str:
    """The step as SVG, from top to bottom, so that it fits a phone."""
    line = 'fill="none" stroke="currentColor" stroke-width="1.3"'
    box = 'rx="6" fill="none" stroke="currentColor" stroke-opacity=".55"'
    middle = 'text-anchor="middle" fill="currentColor"'
    parts = [
        f'<rect x="83" y="4" width="160" height="32" {box}/>',
        f'<text x="163" y="25" {middle}>a batch of examples</text>',
    ]
    for shard in range(3):
        left, center = 8 + 106 * shard, 57 + 106 * shard
        parts += [
            f'<path d="M163 36 L{center} 50" {line}/>',
            f'<rect x="{left}" y="50" width="98" height="196" rx="6" fill="currentColor" fill-opacity=".06"/>',
            f'<text x="{center}" y="70" {middle} font-size="12">shard {shard + 1}</text>',
            f'<path d="{ARROW.format(x=center, y0=126, y1=138)}" {line}/>',
            f'<rect x="{left + 8}" y="138" width="82" height="40" {box}/>',
            f'<text x="{center}" y="155" {middle} font-size="12">forward</text>',
            f'<text x="{center}" y="170" {middle} font-size="12">backward</text>',
            f'<path d="{ARROW.format(x=center, y0=178, y1=190)}" {line}/>',
            f'<path d="M{center} 246 L{163 + 40 * (shard - 1)} 262" {line}/>',
        ]
    parts += [
        f'<path d="{ARROW.format(x=163, y0=308, y1=322)}" {line}/>',
        f'<path d="{ARROW.format(x=163, y0=368, y1=380)}" {line}/>',
        f'<rect x="8" y="380" width="310" height="34" {box}/>',
        f'<text x="163" y="402" {middle}>clip the norm · <tspan class="mono">optimizer.step()</tspan></text>',
        f'<path d="{ARROW.format(x=163, y0=414, y1=428)}" {line}/>',
        f'<path d="M318 451 H336 V20 H243 m6 -4 l-6 4 l6 4" {line}/>',
        f'<text transform="translate(350 236) rotate(90)" {middle} font-size="12">next batch</text>',
        f'<path d="M163 474 V488" {line} stroke-dasharray="3 3"/>',
        f'<rect x="8" y="488" width="310" height="34" {box} stroke-dasharray="4 3"/>',
        (
            f'<text x="163" y="510" {middle} font-size="12"><tspan class="mono">after_epoch</tspan>'
            " may rebuild a smaller model</text>"
        ),
    ]
    for number, hook, plain, _ in PLACES:
        top, who = TOPS[number], " · ".join(papers_at(number))
        parts.append(
            f'<g class="place" data-place="{number}">'
            f'<rect class="bar" x="8" y="{top}" width="310" height="46" rx="8" fill="none" stroke="currentColor"'
            ' stroke-width="1.5"/>'
            f'<circle cx="32" cy="{top + 23}" r="13" fill="none" stroke="currentColor" stroke-width="1.5"/>'
            f'<text class="number" x="32" y="{top + 28}" {middle} font-weight="700">{number}</text>'
            f'<text class="mono" x="54" y="{top + 20}" fill="currentColor" font-weight="600">{hook}</text>'
            f'<text x="54" y="{top + 37}" fill="currentColor" font-size="12">{escape(plain)}</text>'
            f'<text class="who" x="308" y="{top + 20}" text-anchor="end" fill="currentColor" font-size="12">{who}'
            "</text></g>"
        )
    name = "One training step. The batch is split into shards; " + " ".join(
        f"place {number}, {hook}: {' and '.join(papers_at(number))}." for number, hook, *_ in PLACES
    )
    return f'<svg viewBox="0 0 360 526" role="img" aria-label="{escape(name)}" font-size="13.5">{"".join(parts)}</svg>'


class TrainingStep(Figure):
    """One SGD step, the five places where the papers of the course change it, and what each paper does there.

    Args:
        place: the place that is open at the start, 1..5; 0 for none.
        method: the paper that is marked at the start: "SSL", "ISS", "Force", "TernGrad" or "SmoothOut"; "" for none.

    Raises:
        traitlets.TraitError: if `place` or `method` is none of these.
    """

    source = "training_step"
    place = traitlets.Int(0).tag(sync=True)
    method = traitlets.Unicode("").tag(sync=True)
    content = traitlets.Dict().tag(sync=True)

    def __init__(self, place: int = 0, method: str = ""):
        content = {
            "order": list(METHODS),  # stored JSON may be sorted by key
            "rows": self.table()[1],
            "places": [{"number": n, "hook": hook, "plain": plain} for n, hook, _, plain in PLACES],
            "methods": {
                name: {str(n): {"does": does, "formula": formula} for n, (does, formula) in places.items()}
                for name, places in METHODS.items()
            },
        }
        super().__init__(place=place, method=method, content=content, picture=draw())

    @traitlets.validate("place")
    def _check_place(self, proposal):
        if proposal["value"] not in range(6):
            raise traitlets.TraitError(f"place is {proposal['value']}; choose 1..5, or 0 to close all")
        return proposal["value"]

    @traitlets.validate("method")
    def _check_method(self, proposal):
        if proposal["value"] not in ("", *METHODS):
            raise traitlets.TraitError(f"method is {proposal['value']!r}; choose one of {', '.join(METHODS)}, or ''")
        return proposal["value"]

    def table(self) -> tuple[str, list[list[str]]]:
        rows = [["Place", "Who", "What happens there"]]
        for number, hook, _, plain in PLACES:
            rows.append([f"{number} {hook}", "plain step", plain])
            for name in papers_at(number):
                does, formula = METHODS[name][number]
                rows.append([f"{number} {hook}", name, f"{does} {formula}"])
        return "The five places of the training step", rows
