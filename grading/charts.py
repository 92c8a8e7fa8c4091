"""Bars as inline SVG, with the numbers beside them and in a text for whoever does not see them."""

from collections.abc import Sequence

from grading.webpage import plain

WIDTH, ROW, LABEL, NUMBER = 480, 22, 210, 40  # in units of the picture
LETTERS = 26  # that fit in front of a bar
COLUMNS_HEIGHT = 110


def rows(alt: str, bars: Sequence[tuple[str, int]]) -> str:
    """Horizontal bars with their labels.

    Args:
        alt: what the picture shows, in words; the numbers are added.
        bars: labels, and how many.
    """
    longest = max((count for _, count in bars), default=0) or 1
    drawn = []
    for place, (label, count) in enumerate(bars):
        middle = place * ROW + ROW * 0.7
        width = (WIDTH - LABEL - NUMBER) * count / longest
        shown = label if len(label) <= LETTERS else label[: LETTERS - 1] + "…"
        drawn.append(f'<text x="{LABEL - 6}" y="{middle:g}" text-anchor="end">{plain(shown)}</text>')
        drawn.append(f'<rect x="{LABEL}" y="{place * ROW + 3}" width="{width:.1f}" height="{ROW - 6}" {FILL}/>')
        drawn.append(f'<text x="{LABEL + width + 5:.1f}" y="{middle:g}">{count}</text>')
    return _picture(alt, bars, len(bars) * ROW + 4, drawn)


def columns(alt: str, bars: Sequence[tuple[str, int]]) -> str:
    """A histogram: columns with their labels below.

    Args:
        alt: what the picture shows, in words; the numbers are added.
        bars: labels, and how many.
    """
    highest = max((count for _, count in bars), default=0) or 1
    drawn, width = [], WIDTH / max(len(bars), 1)
    for place, (label, count) in enumerate(bars):
        height = COLUMNS_HEIGHT * count / highest
        left, top = place * width, 20 + COLUMNS_HEIGHT - height
        middle = left + width / 2
        drawn.append(f'<rect x="{left + 2:.1f}" y="{top:.1f}" width="{width - 4:.1f}" height="{height:.1f}" {FILL}/>')
        drawn.append(f'<text x="{middle:.1f}" y="{top - 5:.1f}" text-anchor="middle">{count or ""}</text>')
        drawn.append(f'<text x="{middle:.1f}" y="{COLUMNS_HEIGHT + 37}" text-anchor="middle">{plain(label)}</text>')
    drawn.append(f'<path d="M0 {COLUMNS_HEIGHT + 20.5}H{WIDTH}" stroke="currentColor"/>')
    return _picture(alt, bars, COLUMNS_HEIGHT + 44, drawn)


FILL = 'style="fill: var(--bar)"'


def _picture(alt: str, bars: Sequence[tuple[str, int]], height: float, drawn: list[str]) -> str:
    told = plain(f"{alt}: " + "; ".join(f"{label}: {count}" for label, count in bars) + ".")
    opened = f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{told}">'
    return "\n".join([opened, f"<title>{told}</title>", *drawn, "</svg>"])
