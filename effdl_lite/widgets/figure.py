"""What all figures share: one look, one file of helpers, and a picture with a table where JavaScript is off."""

import math
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path
from typing import ClassVar

import anywidget
import traitlets
from IPython.display import display

from effdl_lite.tables import html_table

HERE = Path(__file__).parent


def short(number: float) -> str:
    """Three significant digits and a prefix of the SI: `short(75_497_472) == "75.5 M"`; the same as in family.js."""
    if number == 0 or not math.isfinite(number):
        return str(number)
    power = min(max(math.floor(math.log10(abs(number)) / 3), -3), 4)
    if abs(_rounded(number / 1000**power, 3)) >= 1000 and power < 4:  # 999,900 is 1.00 M, not 1000 k
        power += 1
    value = number / 1000**power
    digits = max(0, 2 - math.floor(math.log10(abs(_rounded(value, 3)))))
    shown = Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{shown} {['n', 'µ', 'm', '', 'k', 'M', 'G', 'T'][power + 3]}".strip()


def plain(number: float, digits: int = 3) -> str:
    """So many significant digits and no prefix: `plain(0.25) == "0.25"`; the same as in family.js."""
    value = _rounded(number, digits)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def decimal(number: float, places: int = 6) -> str:
    """A number rounded to so many places, 1 or more, without zeros at its end; the same as in family.js."""
    text = f"{number:.{places}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text.replace("-", "−")


def _rounded(number: float, digits: int) -> float:
    """To so many significant digits; a tie away from zero, as JavaScript does, where Python's formats round to even."""
    return float(Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal_from_float(number))


class Figure(anywidget.AnyWidget):
    """An interactive figure. A subclass names its files and says how it looks when nothing moves.

    Attributes:
        source: the name of the subclass's .js file, without its ending (a .css file of that name may stand beside it).
        helpers: names of .js files that stand before it.
        picture: the figure as SVG text. The JavaScript starts from it and the page without JavaScript shows it, so
            that both show the same drawing.
    """

    source: ClassVar[str] = ""
    helpers: ClassVar[tuple[str, ...]] = ()
    picture = traitlets.Unicode().tag(sync=True)

    def __init_subclass__(cls, **kwargs):
        if "source" in cls.__dict__:
            cls._esm = "\n".join(
                (HERE / f"{name}.js").read_text("utf-8") for name in ("family", *cls.helpers, cls.source)
            )
            own_style = HERE / f"{cls.source}.css"
            cls._css = (HERE / "family.css").read_text("utf-8")
            if own_style.exists():
                cls._css += own_style.read_text("utf-8")
        super().__init_subclass__(**kwargs)

    def table(self) -> tuple[str, list[list[str]]]:
        """The caption and the rows (header first) of the table that holds the figure's numbers or texts."""
        raise NotImplementedError

    def static_html(self) -> str:
        """The picture and the table, for a page without JavaScript."""
        return f'<div class="effdl effdl-static">{self.picture}{html_table(*self.table())}</div>'

    def outputs(self) -> list[tuple[dict, dict]]:
        """The two outputs of a cell that shows this figure, as (data, metadata): the widget, and the static picture.

        They are two outputs because a page shows only one form of each, and the widget view comes first. A browser
        with JavaScript ignores `<noscript>`, so nothing is shown twice.
        """
        static = f"<noscript>{self.static_html()}</noscript>"
        return [self._repr_mimebundle_(), ({"text/html": static, "text/plain": ""}, {})]

    def _ipython_display_(self) -> None:
        for data, metadata in self.outputs():
            display(data, metadata=metadata, raw=True)
