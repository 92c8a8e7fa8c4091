"""Tables of a page, as HTML that a screen reader can walk and a phone can scroll."""

import html

from IPython.display import HTML


def html_table(caption: str, rows: list[list[str]]) -> str:
    """An HTML table; the first row is the header, the first column names its row."""

    def row(cells: list[str], tag: str, scope: str) -> str:
        first = f'<th scope="{scope}">{html.escape(str(cells[0]))}</th>'
        attribute = ' scope="col"' if tag == "th" else ""
        return f"<tr>{first}" + "".join(f"<{tag}{attribute}>{html.escape(str(c))}</{tag}>" for c in cells[1:]) + "</tr>"

    body = "".join(row(cells, "td", "row") for cells in rows[1:])
    return (
        f'<table class="effdl-table"><caption>{html.escape(caption)}</caption>'
        f"<thead>{row(rows[0], 'th', 'col')}</thead><tbody>{body}</tbody></table>"
    )


STYLE = """<style>
.effdl-results table { border-collapse: collapse; margin: 0; font-size: .92em; color: inherit; width: 100% }
.effdl-results caption { caption-side: top; text-align: left; color: inherit; padding: .25rem 0 }
.effdl-results :is(th, td) {
  text-align: left; vertical-align: top; padding: .4rem 1rem .4rem 0; background: none; color: inherit;
  border: 0; border-bottom: 1px solid var(--pst-color-border, #8b929c); font-variant-numeric: tabular-nums;
}
.effdl-results :is(td, th[scope=row]) { font-weight: 400; min-width: 4.5rem }
.effdl-results td:last-child { white-space: nowrap }
</style>"""


def show_table(caption: str, rows: list[list[str]]) -> HTML:
    """A table for a notebook: header first, the first column names its row. Where it is too wide, it scrolls alone."""
    return HTML(
        '<div class="effdl-figure effdl-results" style="overflow-x:auto" tabindex="0" role="region" '
        f'aria-label="{html.escape(caption)}">{STYLE}{html_table(caption, rows)}</div>'
    )
