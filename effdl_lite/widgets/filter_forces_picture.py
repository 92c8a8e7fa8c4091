"""The drawing of `FilterForces`: directions on the unit circle, and two charts of what 20 steps do."""

from effdl_lite.widgets.filter_motion import (
    NUMBER,
    Pair,
    directions,
    energy_share,
    forces,
    length,
    mean_distance,
    principal_angle,
    unit,
)

LEFT, RADIUS = 180, 100  # the middle of the circle stands at (LEFT, TOP)
TOP = 148
SPLIT = 336  # above it the circle, below it the charts
HEIGHT = 588
PULL = 45  # length of the arrow of a mean pull of 1
SAME = 0.14  # directions nearer than this share a label


def arrow(x: float, y: float, dx: float, dy: float, head: float = 7) -> str:
    """The path of an arrow from (x, y); none where it is shorter than a dot."""
    size = length((dx, dy))
    if size < 1.5:
        return ""
    ux, uy = dx / size * head, dy / size * head
    return (
        f"M{x:.1f} {y:.1f}l{dx:.1f} {dy:.1f}m{-ux - uy / 2:.1f} {-uy + ux / 2:.1f}l{ux + uy / 2:.1f} {uy - ux / 2:.1f}"
        f"l{-ux + uy / 2:.1f} {-uy - ux / 2:.1f}"
    )


def place(direction: Pair, radius: float = RADIUS) -> Pair:
    return LEFT + radius * direction[0], TOP - radius * direction[1]


def mean_pulls(filters: list[Pair], kind: str, repel: bool) -> list[Pair]:
    """The mean pull of the others at each direction, 0..1 long, in the direction of the next step."""
    share = (-1 if repel else 1) / (len(filters) - 1)
    pulls = zip(filters, forces(filters, kind), strict=True)
    return [(x / length(filter) * share, y / length(filter) * share) for filter, (x, y) in pulls]


def labels(units: list[Pair]) -> list[tuple[str, float, float]]:
    """Numbers of the filters outside the circle; those of nearly one direction share a label."""
    together: list[list[int]] = []
    for i, (a, b) in enumerate(units):
        for group in together:
            if length((units[group[0]][0] - a, units[group[0]][1] - b)) < SAME:
                group.append(i)
                break
        else:
            together.append([i])
    if len(together) == 1 and len(units) > 2:
        return [("all", *place(units[0], 117))]
    return [(",".join(str(i + 1) for i in group), *place(units[group[0]], 117)) for group in together]


def draw(path: list[list[Pair]], step: int, kind: str, repel: bool, name: str) -> str:
    """The figure after `step` steps of a path, as SVG; the JavaScript starts from it."""
    text = 'fill="currentColor" font-size="12"'
    title = 'fill="currentColor" font-size="12.5" font-weight="650"'
    line = 'fill="none" stroke="currentColor"'
    grid = f'{line} stroke-opacity=".18"'
    now, units = path[step], directions(path[step])
    a, b = unit(principal_angle(now))
    (x0, y0), (x1, y1) = place((-a, -b), 105), place((a, b), 105)
    arrows = "".join(arrow(LEFT, TOP, RADIUS * a, -RADIUS * b) for a, b in units)
    pulls = "".join(
        arrow(*place(direction), PULL * x, -PULL * y, 5)
        for direction, (x, y) in zip(units, mean_pulls(now, kind, repel), strict=True)
    )
    passed = [place(direction) for filters in path[:step] for direction in directions(filters)]
    trail = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in passed)
    parts = [
        f'<g class="circle"><text x="0" y="12" {title}>Directions of the filters</text>',
        f'<circle cx="{LEFT}" cy="{TOP}" r="{RADIUS}" {grid}/>',
        f'<path class="axis" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}" {line} stroke-width="2" stroke-dasharray="7 5"/>',
        f'<path class="trail" d="{trail}" {line} stroke-width="3" stroke-linecap="round" stroke-opacity=".5"/>',
        f'<path class="filters" d="{arrows}" {line} stroke-width="2"/>',
        f'<path class="pulls" d="{pulls}" {line} stroke-width="2.6"/>',
        f'<g class="labels" text-anchor="middle" {text}>',
        *(f'<text x="{x:.1f}" y="{y + 4:.1f}">{words}</text>' for words, x, y in labels(units)),
        "</g>",
    ]
    legend = (
        ("filters", arrow(8, 0, 26, 0), 2, "direction of a filter; dots: where it was"),
        ("pulls", arrow(8, 0, 20, 0, 5), 2.6, "mean pull at it, as the next step goes"),
        ("axis", "M4 0H38", 2, "first principal direction"),
    )
    for i, (kind_of_line, shape, width, words) in enumerate(legend):
        y, dash = 285 + 19 * i, ' stroke-dasharray="7 5"' if kind_of_line == "axis" else ""
        parts.append(
            f'<path class="{kind_of_line}-key" transform="translate(0 {y - 4})" d="{shape}" {line} '
            f'stroke-width="{width}"{dash}/><text x="46" y="{y}" {text}>{words}</text>'
        )
    parts.append(f'</g><g class="charts" transform="translate(0 {SPLIT})">')
    goal = height("share", 0.95)
    parts += [
        f'<text x="0" y="12" {title}>Energy in the first direction</text>',
        f'<path class="goal" d="M46 {goal:.1f}H346" {line} stroke-width="1.4" stroke-dasharray="5 4"/>',
        f'<text x="50" y="{goal + 13:.1f}" {text}>95 %</text>',
        f'<text x="0" y="145" {title}>Mean distance of two directions</text>',
    ]
    ticks = {"share": ((0.5, "50 %"), (0.75, "75 %"), (1, "100 %")), "distance": ((0, "0"), (1, "1"), (2, "2"))}
    values = {"share": [energy_share(filters) for filters in path], "distance": [mean_distance(f) for f in path]}
    for chart, marks in ticks.items():
        for value, words in marks:
            y = height(chart, value)
            parts.append(
                f'<path d="M46 {y}H346" {grid}/><text x="40" y="{y + 4}" text-anchor="end" {text}>{words}</text>'
            )
        points = " ".join(f"{46 + 15 * i},{height(chart, value):.1f}" for i, value in enumerate(values[chart]))
        parts.append(f'<polyline class="{chart}" points="{points}" {line} stroke-width="2" stroke-linejoin="round"/>')
        y = height(chart, values[chart][step])
        parts.append(f'<circle class="{chart}-now" cx="{46 + 15 * step}" cy="{y:.1f}" r="5" fill="currentColor"/>')
    for step in range(0, NUMBER + 1, 5):
        parts.append(f'<text x="{46 + 15 * step}" y="234" text-anchor="middle" {text}>{step}</text>')
    parts.append(f'<text x="196" y="250" text-anchor="middle" {text}>steps</text></g>')
    return f'<svg viewBox="0 0 360 {HEIGHT}" role="img" aria-label="{name}">{"".join(parts)}</svg>'


def height(chart: str, value: float) -> float:
    """Where a value of 0.5..1 ("share") or 0..2 ("distance") stands in its chart."""
    return 115 - 180 * (value - 0.5) if chart == "share" else 217 - 29 * value
