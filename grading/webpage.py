"""A page of HTML in one file: no script, nothing from elsewhere, and text of students only as text."""

import html

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --text: #1c1c1c; --quiet: #555555; --line: #c8c8c8;
  --good: #17652a; --bad: #9c1f17; --bar: #2f6690; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181b; --text: #e9e7e3; --quiet: #b5b2ac; --line: #4a4d52;
  --good: #86d391; --bad: #ff9f95; --bar: #8ab8dc; } }
body { background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem;
  margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.25rem; margin: 2rem 0 0.3rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 0.3rem; }
ul { padding-left: 1.2rem; } li { margin: 0.3rem 0; }
.good { color: var(--good); } .bad { color: var(--bad); } .quiet { color: var(--quiet); }
.said { white-space: pre-wrap; border-left: 3px solid var(--line); margin: 0.3rem 0; padding-left: 0.7rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 0.25rem 0.5rem 0.25rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; } .number { text-align: right; }
th, td:first-child { white-space: nowrap; }
svg { display: block; width: 100%; height: auto; max-width: 34rem; } svg text { fill: currentColor; font-size: 15px; }
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def page(title: str, body: str) -> str:
    """A page.

    Args:
        title: plain text.
        body: HTML, in which what is not ours went through `plain`.
    """
    return PAGE.format(title=plain(title), style=STYLE, body=body)


def plain(text: str) -> str:
    """Text that stands in HTML, also in an attribute, as just this text; characters that cannot be shown are spaces."""
    return html.escape("".join(c if c.isprintable() or c == "\n" else " " for c in text), quote=True)


def number(points: float | None) -> str:
    """Points as one writes them; a dash where there are none."""
    return "–" if points is None else f"{round(points, 2):g}"
