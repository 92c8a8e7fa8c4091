"""Tables of a page, as HTML that a screen reader can walk; the tables of results become cards on a phone."""

import html

from IPython.display import HTML


def html_table(caption: str, rows: list[list[str]]) -> str:
    """An HTML table; the first row is the header, the first column names its row."""
    return _table(caption, rows, cards=False)


def _table(caption: str, rows: list[list[str]], cards: bool) -> str:
    """With `cards` the cells name their column and the parts their role, which CSS for cards would take away."""
    header = [html.escape(str(cell)) for cell in rows[0]]
    roles = {
        tag: f' role="{role}"' if cards else ""
        for tag, role in zip(
            ("table", "part", "row", "column", "name", "cell"),
            ("table", "rowgroup", "row", "columnheader", "rowheader", "cell"),
            strict=True,
        )
    }

    def row(cells: list[str]) -> str:
        first, *rest = (html.escape(str(cell)) for cell in cells)
        named = [f' data-column="{column}"' if cards else "" for column in header[1:]]
        inner = "".join(f"<td{roles['cell']}{name}>{cell}</td>" for name, cell in zip(named, rest, strict=True))
        return f'<tr{roles["row"]}><th scope="row"{roles["name"]}>{first}</th>{inner}</tr>'

    head = "".join(f'<th scope="col"{roles["column"]}>{cell}</th>' for cell in header)
    body = "".join(row(cells) for cells in rows[1:])
    return (
        f'<table class="effdl-table"{roles["table"]}><caption>{html.escape(caption)}</caption>'
        f"<thead{roles['part']}><tr{roles['row']}>{head}</tr></thead><tbody{roles['part']}>{body}</tbody></table>"
    )


STYLE = """<style>
.effdl-results table { border-collapse: collapse; margin: 0; font-size: .92em; color: inherit; width: 100% }
.effdl-results caption { caption-side: top; text-align: left; color: inherit; padding: .25rem 0 }
.effdl-results :is(th, td) {
  text-align: left; vertical-align: top; padding: .4rem 1rem .4rem 0; background: none; color: inherit;
  border: 0; border-bottom: 1px solid var(--pst-color-border, #8b929c); font-variant-numeric: tabular-nums;
}
.effdl-results :is(td, th[scope=row]) { font-weight: 400; min-width: 4.5rem }
@media (min-width: 40.01rem) { .effdl-results td:last-child { white-space: nowrap } }
@media (max-width: 40rem) {
  .effdl-results :is(table, caption, tbody, tr, tbody th, td) { display: block; width: auto }
  .effdl-results thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
  .effdl-results tbody tr { border-bottom: 1px solid var(--pst-color-border, #8b929c); padding: .6rem 0 }
  .effdl-results tbody :is(th[scope=row], td) { border: 0; padding: .1rem 0; white-space: normal }
  .effdl-results tbody th[scope=row] { font-weight: 650 }
  .effdl-results td::before { content: attr(data-column) ": " }
}
</style>"""


def show_table(caption: str, rows: list[list[str]]) -> HTML:
    """A table for a notebook: header first, the first column names its row. On a phone each row becomes a card."""
    return HTML(
        '<div class="effdl-figure effdl-results" style="overflow-x:auto" tabindex="0" role="region" '
        f'aria-label="{html.escape(caption)}">{STYLE}{_table(caption, rows, cards=True)}</div>'
    )
