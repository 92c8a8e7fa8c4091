"""The drawing of `EnergyCurve`: one layer, a curve for each network, and what is chosen on them."""

from html import escape

from effdl_lite.widgets.energy_layers import LayerEnergy
from effdl_lite.widgets.figure import plain
from effdl_lite.widgets.tradeoff import MARKERS, nice_ticks

LEFT, RIGHT, TOP, BOTTOM = 44, 386, 36, 236
DASHES = ("", "8 4", "2 3")


def x(rank: float, filters: int) -> float:
    return LEFT + (RIGHT - LEFT) * rank / filters


def y(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def draw(networks: dict[str, LayerEnergy], rank: int, energy: float) -> str:
    """One layer of each network as SVG. The JavaScript takes the drawing of the layer and moves what depends on the
    rank and on the energy."""
    text = 'fill="currentColor" font-size="12"'
    line = 'fill="none" stroke="currentColor"'
    pale = 'fill-opacity=".14"'
    grid = f'{line} stroke-opacity=".15"'
    layer = next(iter(networks.values()))
    filters, even = layer.filters, layer.break_even
    middle, side = x(even, filters), "end" if 2 * even > filters else "start"
    beside = middle + (-5 if side == "end" else 5)
    parts = [
        f'<path class="dearer" d="M{middle:.1f} {TOP}H{RIGHT}V{BOTTOM}H{middle:.1f}z" fill="currentColor" {pale}/>',
        f'<path class="even" d="M{middle:.1f} {TOP - 18}V{BOTTOM}" {line} stroke-width="1.5" stroke-dasharray="5 3"/>',
        f'<text x="{beside:.1f}" y="{TOP - 21}" text-anchor="{side}" {text}>break-even at rank {plain(even)}</text>',
    ]
    for tick in nice_ticks(0, filters):
        if tick <= filters and tick == int(tick):
            at = x(tick, filters)
            parts.append(
                f'<path d="M{at:.1f} {TOP}V{BOTTOM}" {grid}/><text x="{at:.1f}" y="{BOTTOM + 17}" '
                f'text-anchor="middle" {text}>{int(tick)}</text>'
            )
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(
            f'<path d="M{LEFT} {y(tick)}H{RIGHT}" {grid}/><text x="{LEFT - 6}" y="{y(tick) + 4}" text-anchor="end" '
            f"{text}>{100 * tick:g}</text>"
        )
    parts += [
        f'<text x="215" y="{BOTTOM + 35}" text-anchor="middle" {text}>rank, of {filters} filters</text>',
        f'<text transform="translate(11 136) rotate(-90)" text-anchor="middle" {text}>energy kept, %</text>',
        f'<path class="goal" d="M{LEFT} {y(energy):.1f}H{RIGHT}" {line} stroke-width="1.5" stroke-dasharray="5 4"/>',
        f'<path class="rank" d="M{x(rank, filters):.1f} {TOP}V{BOTTOM}" {line} stroke-width="1.5"/>',
    ]
    for i, own in enumerate(networks.values()):
        shares = own.shares()
        points = " ".join(f"{x(r, filters):.1f},{y(share):.1f}" for r, share in enumerate([0, *shares]))
        need = x(own.rank_at(energy), filters)
        dash = f' stroke-dasharray="{DASHES[i]}"' if DASHES[i] else ""
        parts.append(
            f'<g class="s{i}"><polyline points="{points}" {line} stroke-width="2.2" stroke-linejoin="round"{dash}/>'
            f'<path class="need" d="M{need:.1f} {y(energy):.1f}V{BOTTOM}" {line} stroke-width="1.5"{dash}/>'
            f'<path class="dot" transform="translate({x(rank, filters):.1f} {y(shares[rank - 1]):.1f})" '
            f'd="{MARKERS[i]}" fill="currentColor"/></g>'
        )
    height = BOTTOM + 40
    for i, name in enumerate(networks):
        height += 20
        dash = f' stroke-dasharray="{DASHES[i]}"' if DASHES[i] else ""
        parts.append(
            f'<g class="s{i}"><path d="M{LEFT} {height - 4}h40" {line} stroke-width="2.2"{dash}/>'
            f'<path transform="translate({LEFT + 20} {height - 4})" d="{MARKERS[i]}" fill="currentColor"/></g>'
            f'<text x="{LEFT + 48}" y="{height}" {text}>{escape(name)}</text>'
        )
    legend = (
        (f'<path d="M{LEFT + 20} -13v16" {line} stroke-width="1.5"/>', "the rank that is chosen"),
        (
            f'<path class="goal" d="M{LEFT} -5h40" {line} stroke-width="1.5" stroke-dasharray="5 4"/>',
            "the energy to keep; lines below it: its ranks",
        ),
        (
            f'<rect x="{LEFT}" y="-11" width="40" height="13" fill="currentColor" {pale}/>',
            "the pair needs more MACs than the layer",
        ),
    )
    for shape, words in legend:
        height += 20
        parts.append(f'<g transform="translate(0 {height})">{shape}<text x="{LEFT + 48}" {text}>{words}</text></g>')
    name = (
        f"Energy kept against rank for {layer.name}, {filters} filters: {', '.join(networks)}. "
        f"Break-even at rank {plain(even)}."
    )
    return f'<svg viewBox="0 0 400 {height + 8}" role="img" aria-label="{escape(name)}">{"".join(parts)}</svg>'
