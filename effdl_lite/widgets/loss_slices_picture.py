"""The drawing of `LossSlices`: a line for each network, the spread of its directions, and what is chosen."""

from collections.abc import Mapping
from html import escape

from effdl_lite.widgets.network_slices import NetworkSlices
from effdl_lite.widgets.tradeoff import MARKERS, nice_ticks

LEFT, RIGHT, TOP, BOTTOM = 52, 386, 36, 246
DASHES = ("", "8 4", "2 3", "9 3 2 3")
VIEWS = {"loss": "Loss", "rise": "Rise of the loss"}  # how each is called on its axis


def signed(number: float) -> str:
    """Six digits at most, for an axis."""
    return f"{number:g}".replace("-", "−")


def frame(networks: Mapping[str, NetworkSlices], view: str) -> list[float]:
    """Left, right, lowest and highest number of the axes; the last two are ticks."""
    ends = [
        value - (network.trained if view == "rise" else 0)
        for network in networks.values()
        for pair in network.spread()
        for value in pair
    ]
    ticks = nice_ticks(min(0, *ends), max(ends))
    alphas = next(iter(networks.values())).alphas
    return [alphas[0], alphas[-1], ticks[0], ticks[-1]]


def draw(networks: Mapping[str, NetworkSlices], view: str, alpha: float, data: str) -> str:
    """The figure as SVG. The JavaScript takes the drawing of the view and moves what depends on alpha.

    Args:
        networks: by name.
        view: "loss", or "rise" above the loss at alpha 0.
        alpha: the position that is chosen.
        data: what the loss is of.
    """
    text, line = 'fill="currentColor" font-size="12"', 'fill="none" stroke="currentColor"'
    grid = f'{line} stroke-opacity=".15"'
    left, right, low, high = frame(networks, view)

    def x(position: float) -> float:
        return LEFT + (RIGHT - LEFT) * (position - left) / (right - left)

    def y(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low)

    title = 'fill="currentColor" font-size="12.5" font-weight="650"'
    parts = [f'<text x="0" y="12" {title}>{escape(f"{VIEWS[view]}, {data}")}</text>']
    for tick in nice_ticks(low, high):
        parts.append(
            f'<path d="M{LEFT} {y(tick):.1f}H{RIGHT}" {grid}/><text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" '
            f'text-anchor="end" {text}>{signed(tick)}</text>'
        )
    for tick in nice_ticks(left, right):
        if left <= tick <= right:
            parts.append(
                f'<path d="M{x(tick):.1f} {TOP}V{BOTTOM}" {grid}/><text x="{x(tick):.1f}" y="{BOTTOM + 17}" '
                f'text-anchor="middle" {text}>{signed(tick)}</text>'
            )
    middle = (LEFT + RIGHT) / 2
    parts += [
        f'<text x="{middle}" y="{BOTTOM + 35}" text-anchor="middle" {text}>α, in lengths of the filters</text>',
        f'<path class="here" d="M{x(alpha):.1f} {TOP}V{BOTTOM}" {line} stroke-width="1.5"/>',
    ]
    for i, network in enumerate(networks.values()):
        own = network.trained if view == "rise" else 0
        spread, alphas = network.spread(), network.alphas
        edge = [(a, high - own) for a, (_, high) in zip(alphas, spread, strict=True)]
        edge += [(a, low - own) for a, (low, _) in zip(alphas, spread, strict=True)][::-1]
        means = [mean - own for mean in network.means()]
        dash = f' stroke-dasharray="{DASHES[i]}"' if DASHES[i] else ""
        points = " ".join(f"{x(a):.1f},{y(mean):.1f}" for a, mean in zip(alphas, means, strict=True))
        band = " ".join(f"{x(a):.1f},{y(value):.1f}" for a, value in edge)
        parts.append(
            f'<g class="s{i}"><polygon points="{band}" fill="currentColor" fill-opacity=".13"/>'
            f'<polyline points="{points}" {line} stroke-width="2.2" stroke-linejoin="round"{dash}/>'
            f'<path class="dot" transform="translate({x(alpha):.1f} {y(means[alphas.index(alpha)]):.1f})" '
            f'd="{MARKERS[i]}" fill="currentColor"/></g>'
        )
    height = BOTTOM + 38
    for i, (name, network) in enumerate(networks.items()):
        height += 20
        dash = f' stroke-dasharray="{DASHES[i]}"' if DASHES[i] else ""
        number = len(network.losses)
        words = f"{name}, mean of {number} directions" if number > 1 else f"{name}, one direction"
        parts.append(
            f'<g class="s{i}"><path d="M{LEFT} {height - 4}h40" {line} stroke-width="2.2"{dash}/>'
            f'<path transform="translate({LEFT + 20} {height - 4})" d="{MARKERS[i]}" fill="currentColor"/></g>'
            f'<text x="{LEFT + 48}" y="{height}" {text}>{escape(words)}</text>'
        )
    if any(len(network.losses) > 1 for network in networks.values()):
        height += 20
        parts.append(
            f'<rect x="{LEFT}" y="{height - 11}" width="40" height="13" fill="currentColor" fill-opacity=".18"/>'
            f'<text x="{LEFT + 48}" y="{height}" {text}>from the lowest to the highest direction</text>'
        )
    name = f"{VIEWS[view]} along directions through the weights, {data}: {', '.join(networks)}."
    return f'<svg viewBox="0 0 400 {height + 8}" role="img" aria-label="{escape(name)}">{"".join(parts)}</svg>'
