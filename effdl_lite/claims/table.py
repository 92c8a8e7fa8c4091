"""The ledger as a table for a page: the paper's number beside ours."""

import math
from collections import Counter
from collections.abc import Iterable
from html import escape

from IPython.display import HTML

from effdl_lite.claims.evidence import VERDICTS, Check, Evidence, Range
from effdl_lite.claims.ledger import Claim, load_claims, load_papers
from effdl_lite.widgets.figure import plain

SIGNS = dict(zip(VERDICTS, "✓↗?✗–", strict=True))
HEADER = ("Claim", "Paper", "Here", "Verdict")

# A table on a desk, cards on a phone. `display` takes a table's meaning away from screen readers; the roles keep it.
STYLE = """<style>
.effdl-claims table {
  border-collapse: collapse; width: 100%; margin: 0; font-size: .9em; line-height: 1.45; color: inherit;
}
.effdl-claims caption { caption-side: top; text-align: left; color: inherit; padding: .25rem 0 }
.effdl-claims :is(thead, tbody, tr) { background: none; border: 0 }
.effdl-claims :is(th, td) {
  text-align: left; vertical-align: top; padding: .5rem .9rem .5rem 0; white-space: normal; max-width: none;
  border: 0; border-bottom: 1px solid var(--pst-color-border, #8b929c);
  background: none; color: inherit; overflow-wrap: anywhere;
}
.effdl-claims :is(td, th[scope=row]) { font-weight: 400 }
.effdl-claims :is(strong, code) { overflow-wrap: normal }
.effdl-claims small { display: block; font-size: .88em; margin-top: .2rem }
.effdl-claims p { margin: 0 0 .3rem; font-size: inherit; line-height: inherit; text-align: left }
.effdl-claims summary { cursor: pointer; padding: .5rem 0 }
@media (min-width: 40.01rem) {
  .effdl-claims th:first-child { width: 35% }
  .effdl-claims th:nth-child(2) { width: 16% }
  .effdl-claims th:last-child { width: 16% }
}
@media (max-width: 40rem) {
  .effdl-claims :is(table, caption, tbody, tr, tbody th, td) { display: block; width: auto }
  .effdl-claims thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
  .effdl-claims tbody tr { border-bottom: 1px solid var(--pst-color-border, #8b929c); padding: .75rem 0 }
  .effdl-claims tbody :is(th, td) { border: 0; padding: .15rem 0 }
  .effdl-claims td::before { content: attr(data-column) ": "; font-weight: 650 }
  .effdl-claims td > p:first-child { display: inline }
}
</style>"""


def count_verdicts(claims: Iterable[Claim]) -> Counter:
    """How often each verdict fell, as (verdict, how): how is "measured", "counted", or "" where it is out of reach."""
    return Counter((claim.evaluate().verdict, _how(claim)) for claim in claims)


def claims_table(paper: str, fold: bool = True) -> HTML:
    """The claims of a paper with its numbers, ours and the verdicts, all computed now.

    Args:
        paper: key of the bibliography.
        fold: the claims that are out of reach here stand in a second table, below a line to open; False opens it.

    Raises:
        ValueError: if the ledger has no such paper, or an entry is not whole.
    """
    claims, name = load_claims(paper), load_papers()[paper]
    shown, apart = ([claim for claim in claims if bool(claim.checks) is tested] for tested in (True, False))
    text = f"{name}. {summary(claims)}"
    parts = [_table(text, shown) if shown else f"<p>{escape(text)}</p>"]
    if apart:
        line = f"The {len(apart)} out of reach here, and why"
        table = _table(f"{name}: claims that are out of reach here", apart)
        parts.append(f"<details{'' if fold else ' open'}><summary>{line}</summary>{table}</details>")
    return HTML(f'<div class="effdl-figure effdl-claims">{STYLE}{"".join(parts)}</div>')


def summary(claims: list[Claim]) -> str:
    """The verdicts in a sentence: what was counted apart from what was measured."""
    counts = count_verdicts(claims)
    parts = [
        (f"{how}: " if how else "") + ", ".join(found)
        for how in ("measured", "counted", "")
        if (found := [f"{counts[verdict, how]} {verdict}" for verdict in VERDICTS if counts[verdict, how]])
    ]
    number = "1 claim" if len(claims) == 1 else f"{len(claims)} claims"
    return f"{number}. {'; '.join(parts).capitalize()}."


def _how(claim: Claim) -> str:
    if not claim.checks:
        return ""
    return "counted" if claim.counted else "measured"


def _table(caption: str, claims: list[Claim]) -> str:
    head = "".join(f'<th scope="col" role="columnheader">{text}</th>' for text in HEADER)
    body = "".join(_row(claim) for claim in claims)
    return (
        f'<table role="table"><caption>{escape(caption)}</caption><thead role="rowgroup"><tr role="row">{head}</tr>'
        f'</thead><tbody role="rowgroup">{body}</tbody></table>'
    )


def _row(claim: Claim) -> str:
    note = f"<small>Note: {escape(claim.note)}</small>" if claim.note else ""
    source = f"<small>{escape(claim.where)}; {escape(claim.provenance)}. <code>{claim.id}</code></small>"
    evidence = claim.evidence()
    if claim.checks:
        here = "".join(_finding(check, found) for check, found in zip(claim.checks, evidence, strict=True))
        here += f"<small>{escape(claim.setting)}</small>"
    else:
        here = f"<p>{escape(claim.reason)}</p>"
    verdict = claim.evaluate().verdict
    how = "<small>by counting</small>" if claim.counted else ""
    sign = f'<p><span aria-hidden="true">{SIGNS[verdict]} </span><strong>{verdict}</strong>{how}</p>'
    cells = (f"<p>{escape(claim.paper_value)}</p>", here, sign)
    return (
        f'<tr role="row"><th scope="row" role="rowheader">{escape(claim.claim)}{source}{note}</th>'
        + "".join(
            f'<td role="cell" data-column="{column}">{cell}</td>'
            for column, cell in zip(HEADER[1:], cells, strict=True)
        )
        + "</tr>"
    )


def _finding(check: Check, found: Evidence) -> str:
    """One number of ours: its interval, its seeds, and what was asked of it."""
    if not found.runs:
        how = "counted"
    elif found.runs == 1:
        how = "one seed, so no interval"
    else:
        how = f"95 % interval {_number(found.low)} to {_number(found.high)}, {found.runs} seeds"
    number = f"<strong>{_number(found.mean, 3 if found.runs else 5)}\u00a0{escape(check.unit)}</strong>"
    asked = f"asked: {asked_text(check.criterion)}"
    if check.direction:
        asked += f"; same direction: {asked_text(check.direction)}"
    return f"<p>{escape(check.what)}: {number} ({how}; {asked})</p>"


def asked_text(bounds: Range) -> str:
    """A criterion or a direction in words."""
    low, high = ("above", "below") if bounds.open else ("at least", "at most")
    if math.isinf(bounds.low):
        return f"{high} {_number(bounds.high, 5)}"
    if math.isinf(bounds.high):
        return f"{low} {_number(bounds.low, 5)}"
    return f"{_number(bounds.low, 5)} to {_number(bounds.high, 5)}"


def _number(number: float, digits: int = 3) -> str:
    return plain(number, digits).replace("-", "−")
