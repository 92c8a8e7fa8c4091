"""The pages in a browser that has no network: every page, light and dark, on a desk and on a phone."""

import contextlib
import functools
import http.server
import itertools
import json
import re
import shutil
import threading
import xml.etree.ElementTree as ET

import pytest
from book_site import energy_curve, figures_book, loss_slices, lstm_sizes, real_book, toc_pages, tradeoff

from effdl_lite.widgets import (
    ClipTradeoff,
    FilterForces,
    GroupShrinkage,
    RooflineExplorer,
    SmoothedLoss,
    SparsityGroups,
    StepTimeModel,
    TernaryWalk,
    UnitStrips,
)
from effdl_lite.widgets.energy_curve_picture import draw as draw_curve
from effdl_lite.widgets.figure import plain
from effdl_lite.widgets.filter_forces import STRENGTHS
from effdl_lite.widgets.group_shrinkage import CHOICES
from effdl_lite.widgets.layer_groups import KINDS, group_block
from effdl_lite.widgets.lstm_sizes_picture import draw
from effdl_lite.widgets.step_time_model import CHOICES as STEP_CHOICES
from effdl_lite.widgets.ternary_walk import STARTS

pytestmark = pytest.mark.needs("chromium")

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
FIGURES = "book/figures.html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def served(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def book():
    with served(real_book().html) as address:
        yield address


@pytest.fixture(scope="module")
def figures():
    with served(figures_book().html) as address:
        yield address


class Visit:
    """A page in a context of its own; `wrong` collects errors, and requests that leave this machine (they are cut)."""

    def __init__(self, browser, viewport=DESK, **options):
        self.context = browser.new_context(viewport=viewport, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.wrong = []
        self.context.route("**/*", self._cut)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("console", lambda m: m.type == "error" and self.wrong.append(f"console: {m.text}"))
        self.page.on("response", lambda r: r.status >= 400 and self.wrong.append(f"{r.status}: {r.url}"))

    def _cut(self, route):
        if route.request.url.startswith(("http://127.0.0.1:", "data:", "blob:", "file:")):
            route.continue_()
        else:
            self.wrong.append(f"outside: {route.request.url}")
            route.abort()

    def open(self, address):
        self.page.goto(address, wait_until="load")
        # Formulas and figures are drawn after the page is loaded.
        self.page.wait_for_function(
            """() => (!document.querySelector('script[src*=mathjax]') || window.MathJax?.startup?.promise)
                && document.querySelectorAll('script[type*="widget-view"]').length
                   === document.querySelectorAll('.effdl-widget:has(*)').length"""
        )
        self.page.evaluate("window.MathJax?.startup?.promise.then(() => 0)")
        return self.page


@pytest.fixture
def visit(browser):
    visits = []

    def make(viewport=DESK, **options):
        visits.append(Visit(browser, viewport, **options))
        return visits[-1]

    yield make
    for each in visits:
        each.context.close()


def findings(page, *rules: str) -> list[str]:
    """What axe-core finds, one line each; with `rules`, only these are asked."""
    from axe_playwright_python.sync_playwright import Axe

    # The inside of a formula is hidden from readers of the screen, and holds most of a chapter's elements.
    context = {"exclude": [["mjx-math"]]}
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})  # others take half the time
    violations = Axe().run(page, context=context, options=options).response["violations"]
    return [f"{v['id']}: {[node['target'] for node in v['nodes']]}" for v in violations]


# Axe spends its time on the contrast of thousands of coloured words of code: it gets three of each kind.
FEWER_TOKENS = """const seen = {};
for (const token of document.querySelectorAll(".highlight pre span[class]:not(:has(*))")) {
  seen[token.className] = (seen[token.className] || 0) + 1;
  if (seen[token.className] > 3) token.replaceWith(token.textContent);
}"""


SETTLED = """Promise.allSettled(
    document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished)
).then(() => null)"""


def check_page(visit, address, viewport):
    """No request outside, no error, no sideways scrolling, nothing for axe in light and dark."""
    seen = visit(viewport, reduced_motion="reduce")
    page = seen.open(address)
    page.wait_for_load_state("networkidle")
    assert seen.wrong == []  # before axe, which asks for style sheets at addresses of its own
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    ids = page.evaluate("[...document.querySelectorAll('[id^=effdl]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    page.evaluate(f"() => {{ {FEWER_TOKENS} }}")
    for theme, rules in {"light": [], "dark": ["color-contrast"]}.items():
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        page.evaluate(SETTLED)  # colours may still be on their way from one theme to the other
        assert findings(page, *rules) == [], theme


SIZES = pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])


@SIZES
@pytest.mark.parametrize("name", toc_pages())
def test_every_page(visit, book, name, viewport):
    check_page(visit, book + name, viewport)


@SIZES
def test_the_page_of_all_figures(visit, figures, viewport):
    check_page(visit, figures + FIGURES, viewport)


def test_the_first_page_leads_to_the_book(visit, book):
    seen = visit()
    seen.page.goto(book)
    seen.page.wait_for_url("**/book/index.html")
    assert seen.wrong == []


def test_a_request_to_another_site_is_noticed(visit, figures):
    seen = visit()
    page = seen.open(figures + FIGURES)
    page.evaluate(
        "new Promise(done => { const i = new Image(); i.onerror = done; i.src = 'https://example.org/x.png' })"
    )
    assert seen.wrong[0] == "outside: https://example.org/x.png"


class TestTrainingStep:
    def test_mouse(self, visit, figures):
        seen = visit()
        page = seen.open(figures + FIGURES)
        panel = page.locator(".effdl-panel")
        for place, papers in {1: ["SmoothOut"], 3: ["TernGrad"], 4: ["SSL", "ISS", "Force"], 5: ["SSL", "ISS"]}.items():
            page.click(f".place[data-place='{place}']")
            text = panel.inner_text()
            assert text.startswith(f"{place} · ")
            assert [name for name in ("SSL", "ISS", "Force", "TernGrad", "SmoothOut") if f"{name}." in text] == papers
        page.click(".place[data-place='5']")
        assert panel.inner_text().startswith("One step, five places")
        assert seen.wrong == []

    def test_a_paper_marks_its_places_and_they_stay_clickable(self, visit, figures):
        page = visit().open(figures + FIGURES)
        marked = "[...document.querySelectorAll('.place.is-filled')].map(g => g.dataset.place).join('')"
        for name, places in {"SSL": "45", "ISS": "45", "Force": "4", "TernGrad": "3", "SmoothOut": "12"}.items():
            page.click(f"button[data-method={name}]")
            assert page.evaluate(marked) == places
            assert page.locator(".place.is-filled .who").first.text_content().count(f"✓ {name}") == 1
            assert page.locator(f"button[data-method={name}]").get_attribute("aria-pressed") == "true"
        page.click(".place[data-place='5']")  # not one of SmoothOut's
        assert page.locator(".effdl-panel").inner_text().startswith("5 · after_step")

    def test_keyboard(self, visit, figures):
        page = visit().open(figures + FIGURES)
        page.focus("button[data-method=SmoothOut]")
        page.keyboard.press("Enter")
        assert page.locator(".effdl-panel").inner_text().startswith("SmoothOut fills places 1 and 2")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.dataset.place") == "1"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        assert page.locator(".effdl-panel").inner_text().startswith("3 · combine")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        assert page.locator(".place[data-place='2']").get_attribute("aria-pressed") == "true"


class TestRoofline:
    def test_numbers_are_those_of_python(self, visit, figures):
        page = visit().open(figures + FIGURES)
        table = page.locator(".effdl-roofline").first.locator(".effdl-scroll td")
        python = RooflineExplorer(200, 20)
        for stops in ((0, 0, 0, 0, 0), (8, 7, 3, 7, 8), (1, 3, 1, 4, 2), (5, 5, 0, 6, 0)):
            for slider, stop in zip(python.choices, stops, strict=True):
                setattr(python, slider, python.choices[slider][stop])
                page.locator(f".effdl-roofline >> nth=0 >> input[id$='-{slider}']").fill(str(stop))
            assert table.all_text_contents()[3:6] == python.table()[1][2][1:]

    def test_keyboard_moves_both_views_and_reset_returns(self, visit, figures):
        page = visit().open(figures + FIGURES)
        verdicts = page.locator(".effdl-verdict")
        before = verdicts.all_inner_texts()
        assert before[0].startswith("Limited by compute.")
        page.locator("input[id$='-kernel']").first.focus()
        page.keyboard.press("ArrowLeft")
        page.locator("input[id$='-channels']").first.focus()
        page.keyboard.press("Home")
        after = verdicts.all_inner_texts()
        assert after[0] == after[1]
        assert after[0].startswith("Limited by memory.")
        page.locator(".effdl-roofline >> nth=1 >> text=Reset").click()
        assert verdicts.all_inner_texts() == before


class TestPrediction:
    def test_commit_compare_keep_and_change(self, visit, figures):
        seen = visit()
        page = seen.open(figures + FIGURES)
        box = page.locator(".effdl-predict")
        assert "36864" not in box.inner_text()
        box.locator("input").fill("-5")
        page.keyboard.press("Enter")
        assert "at least 1" in box.inner_text()
        box.locator("input").fill("73728")
        box.get_by_text("Commit").click()
        assert "2 times too high" in box.inner_text()
        assert "36864" in box.inner_text()
        page = seen.open(figures + FIGURES)
        assert "73728" in page.locator(".effdl-predict").inner_text()
        page.get_by_text("Change my guess").press("Enter")
        assert "36864" not in page.locator(".effdl-predict").inner_text()
        assert page.evaluate("localStorage.getItem('effdl:test.parameters')") is None
        assert seen.wrong == []

    def test_works_where_the_browser_keeps_nothing(self, visit, figures):
        seen = visit()
        seen.context.add_init_script(
            """for (const name of ["getItem", "setItem", "removeItem"]) {
              const own = Storage.prototype[name];
              Storage.prototype[name] = function (key, ...rest) {
                if (key.startsWith("effdl:")) throw new DOMException("no storage");
                return own.call(this, key, ...rest);
              };
            }"""
        )
        page = seen.open(figures + FIGURES)
        page.locator(".effdl-predict input").fill("36864")
        page.keyboard.press("Enter")
        assert "exactly the measured number" in page.locator(".effdl-predict").inner_text()
        assert seen.wrong == []


class TestSparsityGroups:
    """The picture holds the weights three times: as kernels, as the matrix, as what is left of it; 108 each."""

    @pytest.fixture
    def groups(self, visit, figures):
        return visit().open(figures + FIGURES).locator(".effdl-groups")

    def kind(self, groups, name):
        groups.locator(f"button[data-kind='{name}']").click()

    def test_mouse_chooses_and_removes_in_both_drawings(self, groups):
        says, weights = groups.locator("[aria-live]"), groups.locator(".weights path")
        for first in (0, 108):  # as kernels, as the matrix
            self.kind(groups, "filter")
            weights.nth(first + 27 + 4).hover()
            assert says.inner_text().startswith("W[1,:,:,:] is kept.")
            weights.nth(first + 27 + 4).click()
            assert says.inner_text().startswith("W[1,:,:,:] is zero.")
            assert "27 of 108 weights are zero" in says.inner_text()
            for drawing in (0, 108):
                states = [weights.nth(drawing + row * 27 + 26).get_attribute("class") for row in range(4)]
                assert states == ["kept", "zero", "kept", "kept"]
            weights.nth(first + 27 + 4).click()
            assert "0 of 108 weights are zero" in says.inner_text()
            for kind, name in {"channel": "W[:,1,:,:]", "shape": "W[:,1,2,0]", "2-D filter": "W[2,1,:,:]"}.items():
                self.kind(groups, kind)
                weights.nth(first + 2 * 27 + 9 + 6).click()
                assert says.inner_text().startswith(f"{name} is zero.")
                weights.nth(first + 2 * 27 + 9 + 6).click()

    def test_of_rows_and_columns_a_label_is_the_row_and_a_weight_its_column(self, groups):
        says = groups.locator("[aria-live]")
        self.kind(groups, "filter + shape")
        groups.locator(".row-name", has_text="n = 2").last.click()
        assert says.inner_text().startswith("W[2,:,:,:] is zero.")
        groups.locator(".weights path").nth(108 + 5).click()
        assert says.inner_text().startswith("W[:,0,1,2] is zero.")
        assert "30 of 108 weights are zero" in says.inner_text()
        assert "3 × 26 instead of 4 × 27" in says.inner_text().replace("\u00a0", " ")

    def test_numbers_and_drawing_are_those_of_python(self, groups):
        for kind in KINDS:
            self.kind(groups, kind)
            python, slider = SparsityGroups(kind=kind), groups.locator("input")
            states = "(paths) => paths.map((path) => path.getAttribute('class'))"
            for index in {"layer": [0], "filter + shape": [1, 4, 29], "shape": [0, 1, 26]}.get(kind, [0, 1]):
                if kind != "layer":
                    slider.fill(str(index))
                groups.locator(".effdl-toggle").click()
                python.removed = {kind: [*python.removed.get(kind, []), index]}
                left = python.left()
                text = groups.locator("[aria-live]").inner_text().replace("\u00a0", " ")
                assert f"{left['zeros']} of 108 weights are zero" in text
                assert f"leave {plain(100 * left['sparse'])} % of the MACs" in text
                shape = f"{len(left['rows'])} × {len(left['columns'])}"
                assert f"Dense matrix: {shape} instead of 4 × 27, {plain(100 * left['dense'])} % of" in text
                assert ("multiplied all the same" in text) == (left["dense"] > left["sparse"] + 1e-9)
                assert groups.locator("svg .rest").text_content().endswith(f": {shape}")
                drawn = groups.locator(".weights path").evaluate_all(states)
                zero = [False] * 108
                for block in python.removed[kind]:
                    top, bottom, first, last = group_block(kind, block, 4, 3, 3)
                    for weight in range(108):
                        zero[weight] |= top <= weight // 27 < bottom and first <= weight % 27 < last
                assert drawn[:108] == drawn[108:216] == ["zero" if each else "kept" for each in zero]
                rest = [state for state in drawn[216:] if state != "gone"]
                assert len(rest) == len(left["rows"]) * len(left["columns"])

    def test_what_is_left_stands_close_together(self, groups):
        self.kind(groups, "channel")
        groups.locator(".effdl-toggle").click()
        boxes = [groups.locator(".weights path").nth(216 + column).bounding_box() for column in range(9, 27)]
        first = groups.locator(".weights path").nth(108).bounding_box()
        assert boxes[0]["x"] == pytest.approx(first["x"], abs=2.5)  # a zero has an edge
        steps = [after["x"] - before["x"] for before, after in itertools.pairwise(boxes)]
        assert steps == pytest.approx([steps[0]] * 17, abs=0.5)

    def test_the_first_outline_is_that_of_the_static_picture(self, groups):
        static = re.search(r'class="chosen" d="([^"]+)"', SparsityGroups().picture)[1]
        live = groups.locator(".chosen").get_attribute("d")
        assert re.sub(r"[\d.]+", "", live) == re.sub(r"[\d.]+", "", static)
        numbers = [[float(number) for number in re.findall(r"[\d.]+", path)] for path in (live, static)]
        assert numbers[0] == pytest.approx(numbers[1], abs=1.1)

    def test_keyboard_and_reset(self, groups):
        page, says = groups.page, groups.locator("[aria-live]")
        groups.locator("button[data-kind='2-D filter']").focus()
        page.keyboard.press("Enter")
        groups.locator("input").focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        assert says.inner_text().startswith("W[3,1,:,:] is kept.")
        page.keyboard.press("Enter")
        assert says.inner_text().startswith("W[3,1,:,:] is zero.")
        assert groups.locator("input").get_attribute("aria-valuetext") == "W[3,1,:,:], removed"
        page.keyboard.press("Space")
        assert says.inner_text().startswith("W[3,1,:,:] is kept.")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert groups.locator(".effdl-toggle").inner_text() == "Restore it"
        self.kind(groups, "filter")
        assert "0 removed" in says.inner_text()
        self.kind(groups, "2-D filter")
        assert "1 removed" in says.inner_text()  # each kind keeps its own
        groups.get_by_text("Reset").click()
        assert "0 removed" in says.inner_text()
        assert says.inner_text().startswith("W[0,0,:,:] is kept.")


class TestGroupShrinkage:
    @pytest.fixture
    def shrink(self, visit, figures):
        return visit().open(figures + FIGURES).locator(".effdl-shrink")

    def move(self, shrink, **values):
        for name, value in values.items():
            shrink.locator(f"input[id$='-{name}']").fill(str(CHOICES[name].index(value)))

    def test_table_is_that_of_python(self, shrink):
        cells = shrink.locator(".effdl-scroll tbody").locator("th, td")
        shrink.get_by_role("button", name="sub-gradient + threshold").click()
        for values in (
            {"strength": 2.0, "rate": 0.1, "usefulness": 1.0, "threshold": 0.0001},
            {"strength": 5.5, "rate": 0.2, "usefulness": 5.0, "threshold": 0.5},
            {"strength": 0.3, "rate": 0.02, "usefulness": 0.0, "threshold": 0.1},
        ):
            self.move(shrink, **values)
            caption, rows = GroupShrinkage(**values).table()
            assert shrink.locator(".effdl-scroll caption").text_content() == caption
            assert cells.all_text_contents() == [cell for row in rows[1:] for cell in row]

    def test_the_task(self, shrink):
        says = shrink.locator("[aria-live]")
        assert says.inner_text().startswith("Exactly zero since step 17.")
        self.move(shrink, usefulness=5.0, strength=5.0)
        assert "still on its way. Each step comes nearer; zero is only the limit." in says.inner_text()
        shrink.locator("input[id$='-strength']").focus()
        shrink.page.keyboard.press("ArrowRight")
        assert says.inner_text().startswith("Exactly zero since step 37.")
        shrink.get_by_role("button", name="sub-gradient", exact=True).press("Enter")
        assert says.inner_text().startswith("Not zero: it bounces, ‖w‖ = 0.268 to 0.269 in the last 50 steps.")
        assert "(1 − λ/‖target‖)₊ · target = (0, 0), ‖w‖ = 0" in says.inner_text()
        assert shrink.locator(".bound text").text_content() == "– – η(λ + ‖target‖) = 1.01"

    def test_drawing_follows_the_numbers(self, shrink):
        def dot(name):
            return shrink.locator(f".plane > .{name}").first.evaluate(
                "(g) => { const { e, f } = g.transform.baseVal.consolidate().matrix;"
                " return [(e - 106) / 40, (262 - f) / 40]; }"
            )

        shrink.get_by_role("button", name="l1").click()
        self.move(shrink, usefulness=5.0, strength=3.5)
        assert dot("target") == pytest.approx([3, 4], abs=0.01)
        assert dot("best") == pytest.approx([0, 0.5], abs=0.01)
        assert dot("end") == pytest.approx([0, 0.5], abs=0.01)
        assert dot("start") == pytest.approx([5, 1], abs=0.01)
        heights = [float(point.split(",")[1]) for point in shrink.locator(".norms").get_attribute("points").split()]
        assert len(heights) == 201
        self.move(shrink, strength=4.5)  # both weights are zero now: the line ends at the zero mark, below 10^-4
        last = shrink.locator(".norms").get_attribute("points").split()[-1]
        assert last == "346,208.0"
        assert 33 < heights[-1] < 178

    def test_threshold_is_free_only_where_it_acts(self, shrink):
        threshold = shrink.locator("input[id$='-threshold']")
        assert threshold.is_disabled()
        shrink.get_by_role("button", name="sub-gradient + threshold").click()
        assert threshold.is_enabled()
        says = shrink.locator("[aria-live]")
        assert says.inner_text().startswith("Not zero: it bounces")
        self.move(shrink, threshold=0.5)
        assert says.inner_text().startswith("Exactly zero since step")

    def test_keyboard_and_reset(self, shrink):
        page, says = shrink.page, shrink.locator("[aria-live]")
        before = says.inner_text()
        shrink.get_by_role("button", name="l2 decay").press("Space")
        assert says.inner_text().startswith("Not zero: it rests at ‖w‖ = 0.333.")
        assert shrink.get_by_role("button", name="l2 decay").get_attribute("aria-pressed") == "true"
        shrink.locator("input[id$='-rate']").focus()
        page.keyboard.press("Home")
        assert "still on its way" in says.inner_text()
        shrink.get_by_text("Reset").press("Enter")
        assert says.inner_text() == before

    @pytest.mark.parametrize(("viewport", "beside"), [(DESK, True), (PHONE, False)], ids=["desk", "phone"])
    def test_the_plots_stand_beside_or_below_each_other(self, visit, figures, viewport, beside):
        shrink = visit(viewport).open(figures + FIGURES).locator(".effdl-shrink")
        plane, norm = (shrink.locator(name).bounding_box() for name in (".plane", ".norm"))
        assert (norm["x"] > plane["x"] + plane["width"]) is beside
        assert (norm["y"] > plane["y"] + plane["height"]) is not beside


class TestTradeoff:
    @pytest.fixture
    def figure(self, visit, figures):
        return visit().open(figures + FIGURES).locator(".effdl-tradeoff")

    def check(self, figure, number):
        """The text, the ring and the bars are those of the point with this number."""
        point = tradeoff().points[number]
        text = figure.locator("[aria-live]").inner_text()
        assert text == f"{tradeoff().names[point['series']]}, {point['label']}: {point['says']}"
        ring, mark = (
            box["x"] + box["width"] / 2 + 1j * (box["y"] + box["height"] / 2)
            for box in (figure.locator(name).bounding_box() for name in (".ring", f".dot >> nth={number}"))
        )
        assert abs(ring - mark) < 2
        bars = figure.locator(".effdl-bar").evaluate_all(
            "(bars) => bars.map((bar) => bar.firstChild.offsetWidth / bar.clientWidth)"
        )
        assert bars == pytest.approx([kept / total for _, kept, total in point["layers"]], abs=0.02)
        assert "conv <wide>" in figure.locator("li").nth(1).inner_text()

    def test_buttons_slider_and_reset(self, figure):
        page = figure.page
        self.check(figure, 0)
        figure.locator("input").focus()
        page.keyboard.press("ArrowRight")
        self.check(figure, 1)
        assert figure.locator("[aria-live]").inner_text().replace("\u00a0", " ").startswith(
            "filters, strength 3e-3: 46 % of the MACs, 75.9 % (75.5 to 76.3), 0.4 points below the dense network"
        )  # fmt: skip
        assert figure.locator("input").get_attribute("aria-valuetext") == "strength 3e-3"
        page.keyboard.press("End")
        self.check(figure, 2)
        figure.get_by_role("button", name="l1 <weights>").press("Enter")
        self.check(figure, 3)
        assert figure.locator("input").is_disabled()  # it has one point
        assert figure.locator(".series.is-chosen").get_attribute("data-series") == "1"
        figure.get_by_text("Reset").press("Enter")
        self.check(figure, 0)

    def test_a_click_takes_a_point(self, figure):
        figure.locator(".point").nth(2).click()
        self.check(figure, 2)
        figure.locator(".point").nth(3).click()
        self.check(figure, 3)
        assert figure.get_by_role("button", name="l1 <weights>").get_attribute("aria-pressed") == "true"

    def test_table_is_that_of_python(self, figure):
        cells = figure.locator("tbody").locator("th, td").all_text_contents()
        assert cells == [cell for row in tradeoff().table()[1][1:] for cell in row]


class TestUnitStrips:
    """The picture holds the 480 weights, matrix by matrix and row by row."""

    @pytest.fixture
    def strips(self, visit, figures):
        return visit().open(figures + FIGURES).locator(".effdl-strips")

    def check(self, strips, layer, unit, removed):
        """Text, drawing and table are those of Python."""
        python, says = UnitStrips(), strips.locator("[aria-live]").inner_text().replace("\u00a0", " ")
        python.removed = removed
        left = python.left()
        assert says.startswith(f"Unit {unit} of LSTM {layer + 1} is {'zero' if unit in removed[layer] else 'kept'}.")
        assert f"Weights left: {left['weights']} of 480 ({plain(100 * left['weights'] / 480)} %)" in says
        assert f"MACs a word: {left['macs']} of 440" in says
        assert f"hidden sizes {left['hidden'][0]} and {left['hidden'][1]}." in says
        weights = strips.locator(".weights path").evaluate_all("(all) => all.map((one) => [...one.classList])")
        owners = [[tuple(owner) for owner in weight] for weight in python.owners]
        out = {(i, one) for i, units in enumerate(removed) for one in units}
        assert ["zero" in names for names in weights] == [bool(out & set(weight)) for weight in owners]
        assert ["kept" in names for names in weights] == [not out & set(weight) for weight in owners]
        chosen = [not out & set(weight) and (layer, unit) in weight for weight in owners]
        assert ["own" in names for names in weights] == chosen
        assert strips.locator(".chosen").get_attribute("d") == python.groups[layer]["outlines"][unit][0]
        cells = strips.locator(".effdl-scroll tbody").locator("th, td").all_text_contents()
        assert cells == [cell for row in python.table()[1][1:] for cell in row]
        assert strips.locator(".size").all_text_contents() == [f"{a}×{b}" for a, b in left["shapes"]]

    def test_a_click_takes_the_unit_of_the_row_then_that_of_the_column(self, strips):
        weights = strips.locator(".weights path")
        recurrent = 40 + 96  # W_hh of LSTM 1 begins here, 6 a row
        weights.nth(recurrent + 8 * 6 + 5).click()  # row 8 is unit 2 of the forget gate
        self.check(strips, 0, 2, [[], []])
        weights.nth(recurrent + 8 * 6 + 5).click()
        self.check(strips, 0, 5, [[], []])
        weights.nth(40 + 96 + 144 + 3).click()  # W_ih of LSTM 2: made by a unit of LSTM 2, read from one of LSTM 1
        self.check(strips, 1, 0, [[], []])
        weights.nth(40 + 96 + 144 + 3).click()
        self.check(strips, 0, 3, [[], []])
        weights.nth(0).click()  # nobody owns the embedding
        self.check(strips, 0, 3, [[], []])

    def test_keyboard_the_task_and_reset(self, strips):
        page, says = strips.page, strips.locator("[aria-live]")
        strips.locator("input").focus()
        for unit in range(4):
            page.keyboard.press("Enter")
            self.check(strips, 0, unit, [list(range(unit + 1)), []])
            assert ("Half of the weights are gone." in says.inner_text()) == (unit == 3)
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
        assert strips.locator("input").get_attribute("aria-valuetext") == "Unit 4 of LSTM 1, removed"
        page.keyboard.press("ArrowRight")
        assert "It stays, the last of its layer" in says.inner_text()
        assert strips.locator(".effdl-toggle").is_disabled()
        page.keyboard.press("Enter")
        self.check(strips, 0, 5, [[0, 1, 2, 3, 4], []])
        strips.get_by_role("button", name="LSTM 2").press("Enter")
        strips.locator(".effdl-toggle").press("Enter")
        self.check(strips, 1, 0, [[0, 1, 2, 3, 4], [0]])
        assert strips.get_by_text("Restore it").is_visible()
        strips.get_by_text("Reset").press("Enter")
        self.check(strips, 0, 0, [[], []])

    def test_the_others_of_a_unit_may_be_zero_already(self, strips):
        says = strips.locator("[aria-live]")
        assert "Taking it out takes away 76 weights." in says.inner_text()
        strips.locator(".effdl-toggle").click()
        assert "Putting it back brings 76 weights." in says.inner_text()
        strips.locator("input").fill("1")
        python = UnitStrips()
        python.removed = [[0, 1], []]
        assert f"takes away {480 - 76 - python.left()['weights']} weights; the others" in says.inner_text()

    def test_a_link_restores_the_state(self, visit, figures, strips):
        strips.locator("input").fill("2")
        strips.locator(".effdl-toggle").click()
        strips.get_by_role("button", name="LSTM 2").click()
        strips.locator("input").fill("3")
        strips.locator(".effdl-toggle").click()
        strips.locator("input").fill("1")
        link = strips.locator(".effdl-link").get_attribute("href")
        seen = visit()
        other = seen.open(figures + FIGURES + link).locator(".effdl-strips")
        self.check(other, 1, 1, [[2], [3]])
        assert other.locator(".effdl-task").is_visible()
        seen.page.evaluate("location.hash = '#unit-strips-4-6-4-10=0.9..'")  # damaged: nothing happens
        self.check(other, 1, 1, [[2], [3]])
        assert seen.wrong == []


class TestLSTMSizes:
    @pytest.fixture
    def figure(self, visit, figures):
        return visit().open(figures + FIGURES).locator(".effdl-sizes")

    def check(self, figure, hidden, vocabulary=10_000, softmax=True):
        """Text, bars and table are those of Python."""
        python = lstm_sizes()
        python.hidden, python.vocabulary, python.softmax = hidden, vocabulary, softmax
        caption, rows = python.table()
        assert figure.locator("caption").first.text_content() == caption
        cells = figure.locator("tbody").first.locator("th, td").all_text_contents()
        assert cells == [cell for row in rows[1:] for cell in row]
        shown = "(all) => all.map((one) => one.textContent)"
        widths = "(all) => all.map((one) => +one.getAttribute('width'))"
        drawn = ET.fromstring(draw(python))
        bars = [float(bar.get("width")) for bar in drawn.iter("rect")]
        assert figure.locator("svg rect").evaluate_all(widths) == pytest.approx(bars, abs=0.01)
        values = [text.text for text in drawn.iter("text") if text.get("class") == "value"]
        assert figure.locator("svg .value").evaluate_all(shown) == values
        line = next(group for group in drawn if group.get("class") == "choice")
        assert figure.locator(".choice text").text_content() == line[1].text
        at, top, bottom = (float(number) for number in re.findall(r"[\d.]+", line[0].get("d")))
        live = [float(n) for n in re.findall(r"[\d.]+", figure.locator(".choice path").get_attribute("d"))]
        assert live == pytest.approx([at, top, bottom], abs=0.06)
        points = [group.get("style") for group in drawn if group.get("class", "").startswith("point")]
        visible = figure.locator(".point").evaluate_all("(all) => all.map((one) => one.style.display !== 'none')")
        assert visible == [style is None for style in points]
        assert figure.locator(".none").evaluate("(text) => text.style.display !== 'none'") == (not any(visible))
        for i, size in enumerate(hidden):
            assert figure.locator("[type=number]").nth(i).input_value() == str(size)
            assert figure.locator("[type=range]").nth(i).input_value() == str(size)

    def test_presets_words_and_softmax(self, figure):
        says = figure.locator("[aria-live]")
        self.check(figure, [750, 750])
        assert "Larger than a cache" not in says.inner_text()
        figure.get_by_role("button", name="1500, 1500").click()
        self.check(figure, [1500, 1500])
        assert says.inner_text().startswith("Hidden sizes 1500 and 1500: the dense model.")
        assert "Larger than a cache of 32 MB: LSTM 1, LSTM 2, Softmax." in says.inner_text()
        assert figure.locator(".over").count() == 3
        figure.get_by_role("button", name="373, 315").click()
        self.check(figure, [373, 315])
        assert figure.get_by_role("button", name="373, 315").get_attribute("aria-pressed") == "true"
        text = says.inner_text().replace("\u00a0", " ")
        assert text.startswith("Hidden sizes 373 and 315: 7.49 times fewer MACs. 6.81 M of 51.0 M a word.")
        assert "The largest part: Embedding, 68.7 %." in text
        assert "A: 10.9 (10.5 to 11.3) times as fast, 14.8 ms. <B>: 9.1 (8.9 to 9.3) times as fast, 44.8 ms." in text
        figure.get_by_role("button", name="without").click()
        self.check(figure, [373, 315], softmax=False)
        assert says.inner_text().startswith("Hidden sizes 373 and 315, without the softmax: 9.83 times fewer MACs.")
        assert "A: 21.6 (21 to 22) times as fast, 4.8 ms." in says.inner_text()
        figure.get_by_role("button", name="2,000").click()
        self.check(figure, [373, 315], 2000, softmax=False)
        assert "Not measured at these sizes." in says.inner_text()

    def test_keyboard_typing_and_reset(self, figure):
        page, says = figure.page, figure.locator("[aria-live]")
        first, second = figure.locator("[type=number]").all()
        first.fill("400")
        page.keyboard.press("Enter")
        second.fill("300")
        page.keyboard.press("Tab")
        self.check(figure, [400, 300])
        page.keyboard.press("ArrowRight")  # on the second slider now
        self.check(figure, [400, 301])
        for wrong in ("0", "1501", "12.5", ""):
            before = says.inner_text()
            first.fill(wrong)
            page.keyboard.press("Enter")
            first.blur()
            assert figure.get_by_role("alert").first.inner_text() == "Please write a whole number from 1 to 1500."
            assert first.get_attribute("aria-invalid") == "true"
            assert says.inner_text() == before
        first.fill("1")
        page.keyboard.press("Enter")
        self.check(figure, [1, 301])
        assert first.get_attribute("aria-invalid") == "false"
        assert figure.get_by_role("alert").first.inner_text() == ""
        figure.get_by_role("button", name="without").press("Space")
        figure.get_by_text("Reset").press("Enter")
        self.check(figure, [750, 750])

    def test_a_ratio_beyond_the_chart_says_so(self, figure):
        for i in range(2):
            figure.locator("[type=range]").nth(i).focus()
            figure.page.keyboard.press("Home")
        assert figure.locator(".choice text").text_content() == f"{plain(51e6 / 16012)} times →"

    def test_a_link_restores_the_state(self, visit, figures, figure):
        figure.get_by_role("button", name="381, 535").click()
        figure.get_by_role("button", name="2,000").click()
        figure.get_by_role("button", name="without").click()
        seen = visit()
        address = figures + FIGURES + figure.locator(".effdl-link").get_attribute("href")
        other = seen.open(address).locator(".effdl-sizes")
        self.check(other, [381, 535], 2000, softmax=False)
        seen.page.evaluate("location.hash = '#lstm-sizes-1500-1500-1500=0-0-2000-1'")  # damaged: nothing happens
        self.check(other, [381, 535], 2000, softmax=False)
        assert seen.wrong == []

    def test_the_second_table_is_that_of_python(self, figure):
        cells = figure.locator("tbody").nth(1).locator("th, td").all_text_contents()
        assert cells == [cell for row in lstm_sizes().measured_table()[1][1:] for cell in row]


class TestFilterForces:
    @pytest.fixture
    def forces(self, visit, figures):
        return visit(reduced_motion="reduce").open(figures + FIGURES).locator(".effdl-forces")

    def check(self, forces, **values):
        """Tables and drawing are those of Python."""
        python = FilterForces(**values)
        captions = forces.locator("caption").all_text_contents()
        cells = forces.locator("tbody").locator("th, td").all_text_contents()
        tables = [python.table(), python.steps_table()]
        assert captions == [caption for caption, _ in tables]
        assert cells == [cell for _, rows in tables for row in rows[1:] for cell in row]
        drawn = {part.get("class"): part for part in ET.fromstring(python.picture).iter()}
        for name, attribute in (("filters", "d"), ("pulls", "d"), ("trail", "d"), ("axis", "d"), ("share", "points")):
            live = re.findall(r"[\d.-]+", forces.locator(f".{name}").get_attribute(attribute))
            expected = re.findall(r"[\d.-]+", drawn[name].get(attribute))
            assert list(map(float, live)) == pytest.approx(list(map(float, expected)), abs=0.11), name
        live = forces.locator(".labels text").all_text_contents()
        assert live == [text.text for text in drawn["labels"]]
        for name in ("share-now", "distance-now"):
            live = [float(forces.locator(f".{name}").get_attribute(key)) for key in ("cx", "cy")]
            assert live == pytest.approx([float(drawn[name].get(key)) for key in ("cx", "cy")], abs=0.11)

    def strength(self, forces, value):
        forces.locator("input[id$='-strength']").fill(str(STRENGTHS.index(value)))

    def test_the_task(self, forces):
        says = forces.locator("[aria-live]")
        self.check(forces)
        forces.get_by_role("button", name="Play").click()  # with reduced motion it goes to the end at once
        self.check(forces, step=20)
        self.strength(forces, 0.011)
        assert "rank 2 at 95\u00a0%" in says.inner_text()
        forces.locator("input[id$='-strength']").focus()
        forces.page.keyboard.press("ArrowRight")
        assert says.inner_text().startswith(
            "Step 20: 95.45\u00a0% of the energy in one direction, rank 1 at 95\u00a0%."
        )
        forces.get_by_role("button", name="L1-norm").press("Enter")
        self.strength(forces, 0.03)
        self.check(forces, kind="L1", strength=0.03, step=20)
        assert "6 of 20 steps took the filters apart: the L1-norm force does not fade" in says.inner_text()

    def test_what_goes_wrong_is_said(self, forces):
        says = forces.locator("[aria-live]")
        forces.locator("input[id$='-filters']").fill("8")
        forces.locator("input[id$='-step']").fill("20")
        self.strength(forces, 0.5)
        self.check(forces, filters=8, strength=0.5, step=20)
        assert "the steps are too long. Keep ηλN well below 1." in says.inner_text()
        assert "A step is tangential, so it makes filters longer" in says.inner_text()
        forces.get_by_role("button", name="(3, 4), (1, 0)", exact=True).click()
        forces.locator("input[id$='-step']").fill("0")
        assert "a long filter holds most of the energy" in says.inner_text()
        forces.get_by_role("button", name="(2, 0), (0, 1)", exact=True).click()
        forces.get_by_role("button", name="repulsion").click()
        self.strength(forces, 0.1)
        forces.locator("input[id$='-step']").fill("20")
        self.check(forces, start="(2, 0), (0, 1)", strength=0.1, repel=True, step=20)
        assert "Filters on opposite sides lie on one line" in says.inner_text()

    def test_the_worked_example_and_reset_by_keyboard(self, forces):
        forces.get_by_role("button", name="(3, 4), (1, 0)", exact=True).press("Space")
        assert forces.locator("input[id$='-filters']").is_disabled()
        self.strength(forces, 0.1)
        forces.get_by_role("button", name="One step").press("Enter")
        self.check(forces, start="(3, 4), (1, 0)", strength=0.1, step=1)
        assert "0.719555" in forces.locator("tbody").first.text_content()
        forces.locator("input[id$='-step']").press("End")
        assert forces.get_by_role("button", name="One step").is_disabled()
        forces.get_by_text("Reset").press("Enter")
        self.check(forces)

    def test_play_and_pause(self, visit, figures):
        forces = visit().open(figures + FIGURES).locator(".effdl-forces")
        step, says = forces.locator("input[id$='-step']"), forces.locator(".effdl-says")
        forces.locator(".effdl-play").click()
        assert forces.locator(".effdl-play").inner_text() == "Pause"
        assert says.get_attribute("aria-live") == "off"
        forces.page.wait_for_function("step => +step.value >= 3", arg=step.element_handle())
        forces.locator(".effdl-play").click()
        at = int(step.input_value())
        self.check(forces, step=at)
        forces.page.wait_for_timeout(800)
        assert int(step.input_value()) == at
        assert says.get_attribute("aria-live") == "polite"
        step.fill("19")
        forces.locator(".effdl-play").click()
        forces.page.wait_for_function(
            "play => play.textContent === 'Play'", arg=forces.locator(".effdl-play").element_handle()
        )
        self.check(forces, step=20)
        forces.locator(".effdl-play").click()  # from the start again
        forces.page.wait_for_function("step => +step.value === 2", arg=step.element_handle())
        forces.get_by_text("Reset").click()
        assert forces.locator(".effdl-play").inner_text() == "Play"
        self.check(forces)

    def test_a_link_restores_the_state(self, visit, figures, forces):
        forces.get_by_role("button", name="L1-norm").click()
        forces.get_by_role("button", name="repulsion").click()
        forces.locator("input[id$='-filters']").fill("4")
        self.strength(forces, 0.025)
        forces.locator("input[id$='-step']").fill("7")
        link = forces.locator(".effdl-link").get_attribute("href")
        seen = visit()
        other = seen.open(figures + FIGURES + link).locator(".effdl-forces")
        state = {"filters": 4, "kind": "L1", "strength": 0.025, "repel": True, "step": 7}
        self.check(other, **state)
        for damaged in (
            "9_4_L1_0.1_0_7",
            "0_9_L1_0.1_0_7",
            "0_4_L3_0.1_0_7",
            "0_4_L1_0.9_0_7",
            "0_4_L1_0.0_0_7",
            "0_4_L1_0.1_0_21",
        ):
            seen.page.evaluate(f"location.hash = '#filter-forces={damaged}'")  # nothing happens
            self.check(other, **state)
        assert seen.wrong == []


class TestEnergyCurve:
    @pytest.fixture
    def curve(self, visit, figures):
        return visit().open(figures + FIGURES).locator(".effdl-energy")

    def check(self, curve, layer, rank, energy):
        """Tables and drawing are those of Python."""
        python = energy_curve()
        python.layer, python.rank, python.energy = layer, rank, energy
        tables = [python.table(), python.layer_table()]
        assert curve.locator("caption").all_text_contents() == [caption for caption, _ in tables]
        cells = curve.locator("tbody").locator("th, td").all_text_contents()
        assert cells == [cell for _, rows in tables for row in rows[1:] for cell in row]
        drawn = ET.fromstring(draw_curve(python.networks_at(layer), rank, energy))
        for name, attribute in (("rank", "d"), ("goal", "d"), ("need", "d"), ("dot", "transform"), ("even", "d")):
            parts = curve.locator(f".{name}").evaluate_all(
                f"(all) => all.map((one) => one.getAttribute('{attribute}'))"
            )
            expected = [part.get(attribute) for part in drawn.iter() if part.get("class") == name]
            assert len(parts) == len(expected)
            for one, other in zip(parts, expected, strict=True):
                numbers = [list(map(float, re.findall(r"[\d.]+", text))) for text in (one, other)]
                assert numbers[0] == pytest.approx(numbers[1], abs=0.11), name
        assert curve.locator("input").nth(1).input_value() == str(rank)

    def test_keyboard_buttons_and_reset(self, curve):
        says, (layer, rank, energy) = curve.locator("[aria-live]"), curve.locator("input").all()
        self.check(curve, 0, 4, 0.95)
        text = says.inner_text().replace("\u00a0", " ")
        assert text.startswith("Rank 4: the pair needs 144 % of the layer's MACs, so nothing is saved.")
        assert "no force: 100 % of the energy kept" in text
        assert "To keep 95 % takes rank 4, 144 % of the MACs: nothing is saved." in text
        assert "To keep 95 % takes rank 2, 72.2 % of the MACs." in text
        rank.focus()
        curve.page.keyboard.press("ArrowLeft")
        self.check(curve, 0, 3, 0.95)
        assert "√(1 − energy) = 25.8 %" in says.inner_text()
        energy.focus()
        curve.page.keyboard.press("ArrowLeft")
        self.check(curve, 0, 3, 0.9)
        assert curve.get_by_role("button", name="no force: 3").get_attribute("aria-pressed") == "true"
        curve.get_by_role("button", name="<force>: 2").press("Enter")
        self.check(curve, 0, 2, 0.9)
        layer.press("ArrowRight")
        self.check(curve, 1, 6, 0.9)  # the rank that the first network needs in this layer
        assert rank.get_attribute("aria-valuetext") == "6 of 8"
        rank.press("End")
        layer.press("ArrowLeft")
        self.check(curve, 0, 3, 0.9)
        curve.get_by_text("Reset").press("Enter")
        self.check(curve, 0, 4, 0.95)

    def test_a_link_restores_the_state(self, visit, figures, curve):
        layer, rank, energy = curve.locator("input").all()
        layer.fill("1")
        rank.fill("2")
        energy.fill("0")
        seen = visit()
        other = seen.open(figures + FIGURES + curve.locator(".effdl-link").get_attribute("href")).locator(
            ".effdl-energy"
        )
        self.check(other, 1, 2, 0.5)
        for damaged in ("2-1-0", "0-5-0", "0-0-0", "0-1-99", "0-1", "-"):
            seen.page.evaluate(f"location.hash = '#energy-curve-2-12={damaged}'")  # nothing happens
            self.check(other, 1, 2, 0.5)
        assert seen.wrong == []


def numbers_of(part) -> list[float]:
    """All numbers of a drawing's shapes, in order; `part` is a locator or an element of the static picture."""
    keys = ("d", "points", "transform", "x", "y", "width", "height", "cx", "cy")
    if isinstance(part, ET.Element):
        texts = [one.get(key) for one in part.iter() for key in keys if one.get(key)]
    else:
        texts = part.evaluate(
            "(part, keys) => [part, ...part.querySelectorAll('*')].flatMap("
            "(one) => keys.map((key) => one.getAttribute(key)).filter(Boolean))",
            list(keys),
        )
    return [float(number) for text in texts for number in re.findall(r"-?[\d.]+", text)]


def check_drawing(figure, python, names):
    """The parts with these classes and the tables are those of Python."""
    tables = [value() for value in (python.table, *python_tables(python))]
    assert figure.locator("caption").all_text_contents() == [caption for caption, _ in tables]
    cells = figure.locator("tbody").locator("th, td").all_text_contents()
    assert cells == [cell for _, rows in tables for row in rows[1:] for cell in row]
    drawn = list(ET.fromstring(python.picture).iter())
    for name in names:
        parts = [part for part in drawn if name in part.get("class", "").split()]
        live = figure.locator(f"svg .{name}").all()
        assert len(live) == len(parts) > 0, name
        for one, other in zip(live, parts, strict=True):
            assert numbers_of(one) == pytest.approx(numbers_of(other), abs=0.11), name
            assert one.text_content().split() == "".join(other.itertext()).split(), name


def python_tables(python):
    """The methods of the figures whose second table has one."""
    names = [f"{name}_table" for name in ("steps", "clips", "networks", "slices")]
    return [getattr(python, name) for name in names if hasattr(python, name)]


class TestTernaryWalk:
    PARTS = ("names", "columns", "walk-title", "walk-1", "walk-band", "walk-truth", "walk-line", "walk-now")

    @pytest.fixture
    def walk(self, visit, figures):
        return visit(reduced_motion="reduce").open(figures + FIGURES).locator(".effdl-walk")

    def check(self, walk, start="three elements", **values):
        python = TernaryWalk(None if start == "three elements" else STARTS[start], **values)
        check_drawing(walk, python, self.PARTS)
        assert walk.locator("[type=number]").input_value() == str(python.steps)
        assert walk.locator(".effdl-seed-now").inner_text() == f"Seed {python.seed}"

    def test_the_task(self, walk):
        says = walk.locator("[aria-live]")
        self.check(walk)
        walk.locator("[type=number]").fill("55")
        walk.page.keyboard.press("Enter")
        self.check(walk, steps=55)
        assert "expected 0.0991." in says.inner_text()
        walk.locator("input[id$='-workers']").fill("4")
        walk.locator("[type=number]").fill("4")
        walk.page.keyboard.press("Tab")
        self.check(walk, steps=4, workers=16)
        assert "expected 0.0919." in says.inner_text()

    def test_buttons_and_keyboard(self, walk):
        says = walk.locator("[aria-live]")
        walk.get_by_role("button", name="+1", exact=True).press("Enter")
        self.check(walk, steps=11)
        walk.get_by_role("button", name="+100", exact=True).click()
        walk.get_by_role("button", name="+10", exact=True).click()
        self.check(walk, steps=121)
        walk.get_by_role("button", name="New random numbers").press("Space")
        self.check(walk, steps=121, seed=2)
        walk.locator("input[id$='-element']").press("ArrowRight")
        self.check(walk, steps=121, seed=2, element=1)
        assert walk.locator(".walk-1").text_content() == "−s"
        walk.get_by_role("button", name="six elements").click()
        self.check(walk, "six elements", steps=121, seed=2)
        walk.locator("input[id$='-element']").press("End")
        self.check(walk, "six elements", steps=121, seed=2, element=5)
        assert "the worker sent (+, " in says.inner_text()
        for wrong in ("0", "1001", "1.5", ""):
            walk.locator("[type=number]").fill(wrong)
            walk.page.keyboard.press("Enter")
            assert walk.get_by_role("alert").inner_text() == "Please write a whole number from 1 to 1000."
        walk.get_by_role("button", name="Play").click()  # with reduced motion it goes to the end at once
        self.check(walk, "six elements", steps=1000, seed=2, element=5)
        assert walk.get_by_role("button", name="+1", exact=True).is_disabled()
        walk.get_by_text("Reset").press("Enter")
        self.check(walk)

    def test_play_and_pause(self, visit, figures):
        walk = visit().open(figures + FIGURES).locator(".effdl-walk")
        steps, says = walk.locator("[type=number]"), walk.locator(".effdl-says")
        walk.locator(".effdl-play").click()
        assert says.get_attribute("aria-live") == "off"
        walk.page.wait_for_function("steps => +steps.value >= 13", arg=steps.element_handle())
        walk.locator(".effdl-play").click()
        at = int(steps.input_value())
        walk.page.wait_for_timeout(700)
        self.check(walk, steps=at)
        assert says.get_attribute("aria-live") == "polite"

    def test_a_link_restores_the_state(self, visit, figures, walk):
        walk.get_by_role("button", name="six elements").click()
        walk.locator("input[id$='-element']").fill("3")
        walk.locator("input[id$='-workers']").fill("2")
        walk.get_by_role("button", name="New random numbers").click()
        seen = visit()
        other = seen.open(figures + FIGURES + walk.locator(".effdl-link").get_attribute("href")).locator(".effdl-walk")
        state = {"element": 3, "workers": 4, "seed": 2}
        self.check(other, "six elements", **state)
        for damaged in ("2_0_10_1_1", "0_3_10_1_1", "0_0_0_1_1", "0_0_1001_1_1", "0_0_10_3_1", "0_0_10_1_0", "x"):
            seen.page.evaluate(f"location.hash = '#ternary-walk-2-3={damaged}'")  # nothing happens
            self.check(other, "six elements", **state)
        assert seen.wrong == []


class TestClipTradeoff:
    PARTS = ("bias", "variance", "error", "here", "dot", "zeros", "zeros-dot")

    @pytest.fixture
    def figure(self, visit, figures):
        return visit().open(figures + FIGURES).locator(".effdl-clip")

    def check(self, figure, **values):
        check_drawing(figure, ClipTradeoff(**values), self.PARTS)

    def test_the_task_by_keyboard(self, figure):
        says, (clip, workers) = figure.locator("[aria-live]"), figure.locator("input").all()
        self.check(figure)
        assert "the smallest of this slider" not in says.inner_text()
        clip.focus()
        for _ in range(30):
            figure.page.keyboard.press("ArrowLeft")
        self.check(figure, c=1.0)
        text = says.inner_text()
        assert text.startswith("c = 1, 1 worker: error 0.266 σ², the smallest of this slider.")
        assert "the larger part is what clipping cuts off." in text
        workers.fill("6")
        clip.fill("46")
        self.check(figure, c=2.4, workers=64)
        assert "the smallest of this slider" in says.inner_text()
        assert "the larger part is what ternary rounding adds." in says.inner_text()
        clip.press("End")
        self.check(figure, c=5.5, workers=64)
        assert "Bias² below 0.0001" in says.inner_text()
        figure.get_by_text("Reset").press("Enter")
        self.check(figure)
        assert "−1.13\u00a0% and the direction by 2.75°" in says.inner_text().replace("\n", " ")

    def test_a_link_restores_the_state(self, visit, figures, figure):
        figure.locator("input").nth(0).fill("0")
        figure.locator("input").nth(1).fill("9")
        seen = visit()
        other = seen.open(figures + FIGURES + figure.locator(".effdl-link").get_attribute("href")).locator(
            ".effdl-clip"
        )
        self.check(other, c=0.1, workers=512)
        for damaged in ("109_1", "0_3", "0", "-1_1"):
            seen.page.evaluate(f"location.hash = '#clip-tradeoff-109={damaged}'")  # nothing happens
            self.check(other, c=0.1, workers=512)
        assert seen.wrong == []


class TestStepTimeModel:
    PARTS = ("bars", "curve", "dot", "here")

    @pytest.fixture
    def figure(self, visit, figures):
        return visit().open(figures + FIGURES).locator(".effdl-steps")

    def check(self, figure, **values):
        check_drawing(figure, StepTimeModel(**values), self.PARTS)

    def move(self, figure, **values):
        for name, value in values.items():
            figure.locator(f"input[id$='-{name}']").fill(str(STEP_CHOICES[name].index(value)))

    def test_the_task(self, figure):
        says, workers = figure.locator("[aria-live]"), figure.locator("input[id$='-workers']")
        self.check(figure)
        figure.get_by_role("button", name="all-gather").press("Enter")
        workers.press("ArrowRight")
        self.check(figure, workers=16, exchange="all-gather")
        assert says.inner_text().startswith("AlexNet with 2 bits: 1.26 times as fast")
        figure.get_by_role("button", name="ConvNet").click()
        self.check(figure, network="ConvNet", workers=16, exchange="all-gather")
        assert says.inner_text().startswith("ConvNet with 2 bits: slower, 0.895 times as fast")
        figure.get_by_role("button", name="AlexNet").click()
        workers.press("ArrowRight")
        self.check(figure, workers=32, exchange="all-gather")
        assert says.inner_text().startswith("AlexNet with 2 bits: slower")
        workers.press("Home")
        self.check(figure, workers=1, exchange="all-gather")
        assert "nothing to send" in says.inner_text()

    def test_every_slider_and_reset(self, figure):
        values = {"bandwidth": 1e11, "latency": 0.0, "compute": 1e-4, "codec": 0.0}
        self.move(figure, **values)
        figure.get_by_role("button", name="fp32").click()
        self.check(figure, **values, last_float=True)
        assert "pays at any bandwidth" in figure.locator("[aria-live]").inner_text()
        outputs = figure.locator("output").all_inner_texts()
        assert outputs == ["8", "100 Gbit/s", "0 s", "100 µs", "takes no time"]
        self.move(figure, latency=1e-2, codec=1e8, compute=10.0, bandwidth=1e7)
        figure.get_by_role("button", name="ResNet-20").click()  # sets the compute time, too
        self.check(figure, network="ResNet-20", bandwidth=1e7, latency=1e-2, codec=1e8, last_float=True)
        figure.get_by_text("Reset").press("Enter")
        self.check(figure)
        sliders = figure.locator("input").evaluate_all("(all) => all.map((one) => one.value)")
        assert sliders == ["3", "6", "6", "10", "4"]  # the compute time lies between two stops

    def test_a_link_restores_the_state(self, visit, figures, figure):
        figure.get_by_role("button", name="VGG-A").click()
        figure.get_by_role("button", name="all-gather").click()
        self.move(figure, latency=1e-6, bandwidth=1e11, codec=0.0)
        seen = visit()
        address = figures + FIGURES + figure.locator(".effdl-link").get_attribute("href")
        other = seen.open(address).locator(".effdl-steps")
        state = {"network": "VGG-A", "exchange": "all-gather", "latency": 1e-6, "bandwidth": 1e11, "codec": 0.0}
        self.check(other, **state)
        for damaged in (
            "6_0_0_8_1000000000_0.00005_0.1_0",
            "0_2_0_8_1000000000_0.00005_0.1_0",
            "0_0_2_8_1000000000_0.00005_0.1_0",
            "0_0_0_9_1000000000_0.00005_0.1_0",
            "0_0_0_8_1_0.00005_0.1_0",
            "0_0_0_8_1000000000_0.5_0.1_0",
            "0_0_0_8_1000000000_0.00005_0_0",
            "0_0_0_8_1000000000_0.00005_0.1_7",
            "0_0_0_8",
        ):
            seen.page.evaluate(f"location.hash = '#step-time={damaged}'")  # nothing happens
            self.check(other, **state)
        assert seen.wrong == []


class TestSmoothedLoss:
    PARTS = (
        *("own", "soft", "minima", "reach", "probe", "plain-now", "soft-now"),
        *("levels", "plain-way", "soft-way", "plain-end", "soft-end"),
    )

    @pytest.fixture
    def figure(self, visit, figures):
        return visit(reduced_motion="reduce").open(figures + FIGURES).locator(".effdl-smooth")

    def check(self, figure, **values):
        python = SmoothedLoss(**values)
        check_drawing(figure, python, self.PARTS)
        assert figure.locator(".effdl-seed-now").inner_text() == f"Seed {python.seed}"

    def test_the_task_by_keyboard(self, figure):
        says, strength = figure.locator("[aria-live]"), figure.locator("input[id$='-a']")
        self.check(figure)
        strength.fill("47")
        self.check(figure, a=0.94)
        assert says.inner_text().startswith("a = 0.94, uniform noise: the sharp minimum is still there.")
        strength.press("ArrowRight")
        self.check(figure, a=0.96)
        assert says.inner_text().startswith("a = 0.96, uniform noise: the sharp minimum is gone.")
        assert "the smoothed loss 1. Second derivative at the sharpest: 1.09, of C 33.86." in says.inner_text()
        assert strength.get_attribute("aria-valuetext") == "0.96, deviation 0.554"
        figure.get_by_role("button", name="normal").press("Enter")
        strength.fill("26")
        self.check(figure, a=0.52, kind="normal")
        assert says.inner_text().startswith("a = 0.52, normal noise: the sharp minimum is gone.")
        figure.get_by_role("button", name="ripples").press("Space")
        figure.get_by_role("button", name="uniform").click()
        strength.fill("20")
        self.check(figure, a=0.4, loss="ripples")
        assert "the ripples are gone." in says.inner_text()
        strength.fill("28")
        self.check(figure, a=0.56, loss="ripples")
        assert "the ripples keep 21.6\u00a0% of their height, upside down." in says.text_content()

    def test_every_slider_and_reset(self, figure):
        figure.locator("input[id$='-start']").press("End")
        figure.locator("input[id$='-rate']").press("End")
        figure.locator("input[id$='-steps']").press("Home")
        self.check(figure, start=2.6, rate=0.3, steps=0)
        assert figure.locator("svg .probe").get_attribute("d") == ""
        figure.get_by_role("button", name="One step").press("Enter")
        self.check(figure, start=2.6, rate=0.3, steps=1)
        figure.get_by_role("button", name="New noise").click()
        self.check(figure, start=2.6, rate=0.3, steps=1, seed=2)
        figure.locator("input[id$='-a']").press("Home")
        self.check(figure, start=2.6, rate=0.3, steps=1, seed=2, a=0.0)
        figure.get_by_role("button", name="Play").click()  # with reduced motion it goes to the end at once
        self.check(figure, start=2.6, rate=0.3, steps=200, seed=2, a=0.0)
        assert figure.get_by_role("button", name="One step").is_disabled()
        figure.get_by_text("Reset").press("Enter")
        self.check(figure)

    def test_play_and_pause(self, visit, figures):
        figure = visit().open(figures + FIGURES).locator(".effdl-smooth")
        steps, says = figure.locator("input[id$='-steps']"), figure.locator(".effdl-says")
        figure.locator(".effdl-play").click()
        assert says.get_attribute("aria-live") == "off"
        figure.page.wait_for_function("steps => +steps.value >= 106", arg=steps.element_handle())
        figure.locator(".effdl-play").click()
        at = int(steps.input_value())
        figure.page.wait_for_timeout(500)
        self.check(figure, steps=at)
        assert says.get_attribute("aria-live") == "polite"

    def test_a_link_restores_the_state(self, visit, figures, figure):
        figure.get_by_role("button", name="ripples").click()
        figure.get_by_role("button", name="normal").click()
        for name in ("a", "start", "rate", "steps"):
            figure.locator(f"input[id$='-{name}']").press("ArrowLeft")
        figure.get_by_role("button", name="New noise").click()
        seen = visit()
        address = figures + FIGURES + figure.locator(".effdl-link").get_attribute("href")
        other = seen.open(address).locator(".effdl-smooth")
        state = {"a": 0.28, "start": -2.1, "rate": 0.04, "steps": 99, "seed": 2, "loss": "ripples", "kind": "normal"}
        self.check(other, **state)
        for damaged in (
            *("2_0_0.3_-2_0.05_100_1", "0_2_0.3_-2_0.05_100_1", "0_0_1.3_-2_0.05_100_1", "0_0_0.3_-2_0.05_100"),
            *("0_0_0.3_-3_0.05_100_1", "0_0_0.3_-2_0_100_1", "0_0_0.3_-2_0.05_1.5_1", "0_0_0.3_-2_0.05_100_0", "x"),
        ):
            seen.page.evaluate(f"location.hash = '#smoothed-loss={damaged}'")  # nothing happens
            self.check(other, **state)
        assert seen.wrong == []


class TestLossSlices:
    PARTS = ("here", "dot", "s0", "s1")

    @pytest.fixture
    def figure(self, visit, figures):
        return visit().open(figures + FIGURES).locator(".effdl-slices")

    def check(self, figure, **values):
        check_drawing(figure, loss_slices(**values), self.PARTS)

    def test_keyboard_buttons_and_reset(self, figure):
        says, slider = figure.locator("[aria-live]"), figure.locator("input")
        self.check(figure)
        assert says.inner_text().startswith("At α = 1 the loss rises least for <Smooth>Out.")
        assert (
            "<Smooth>Out: loss 1, a rise of 0.8, 0.4 times that of SGD. Directions from 0.9 to 1.1."
            in says.inner_text()
        )
        slider.press("ArrowLeft")
        self.check(figure, alpha=0.5)
        figure.get_by_role("button", name="loss", exact=True).press("Enter")
        self.check(figure, alpha=0.5, view="loss")
        slider.press("ArrowLeft")
        self.check(figure, alpha=0, view="loss")
        assert says.inner_text().startswith("At α = 0 these are the trained networks.")
        assert "times" not in says.inner_text()
        slider.press("Home")
        self.check(figure, alpha=-1, view="loss")
        assert slider.get_attribute("aria-valuetext") == "−1"
        figure.get_by_text("Reset").press("Enter")
        self.check(figure)

    def test_a_link_restores_the_state(self, visit, figures, figure):
        figure.locator("input").fill("1")
        figure.get_by_role("button", name="loss", exact=True).click()
        seen = visit()
        address = figures + FIGURES + figure.locator(".effdl-link").get_attribute("href")
        other = seen.open(address).locator(".effdl-slices")
        self.check(other, alpha=-0.5, view="loss")
        for damaged in ("5_loss", "1_gain", "1", "-1_rise"):
            seen.page.evaluate(f"location.hash = '#loss-slices-2-5={damaged}'")  # nothing happens
            self.check(other, alpha=-0.5, view="loss")
        assert seen.wrong == []


class TestLoader:
    def test_a_control_without_our_code_says_what_it_needs(self, visit, figures):
        page = visit().open(figures + FIGURES)
        assert page.locator(".effdl-note").all_inner_texts() == [
            "This control needs a running kernel: open the notebook in JupyterLab."
        ]

    def test_an_error_of_a_figure_is_shown_in_its_place(self, visit, figures):
        seen = visit()
        text = (
            (figures_book().html / FIGURES).read_text("utf-8").replace("export default { render }", "export default {}")
        )
        seen.page.route(f"**/{FIGURES}", lambda route: route.fulfill(body=text, content_type="text/html"))
        page = seen.open(figures + FIGURES)
        notes = page.locator(".effdl-note").all_inner_texts()
        assert len([note for note in notes if "could not be shown" in note and "render function" in note]) == 16

    def test_cleanup_removes_every_listener(self, visit, figures):
        page = visit().open(figures + FIGURES)
        left = page.evaluate(
            """async () => {
              const { state } = JSON.parse(document.querySelector('script[type*="widget-state"]').textContent);
              const left = [];
              for (const { state: values } of Object.values(state).filter((entry) => entry.state._esm)) {
                const url = URL.createObjectURL(new Blob([values._esm], { type: "text/javascript" }));
                const { default: figure } = await import(url);
                const listening = new Set();
                let saved = 0;
                const model = {
                  get: (name) => values[name], set() {}, save_changes() { saved += 1 },
                  on: (name, callback) => listening.add(callback), off: (name, callback) => listening.delete(callback),
                };
                const el = document.createElement("div");
                const close = await figure.render({ model, el });
                if (!listening.size) left.push("never listened");
                close();
                el.querySelectorAll("button, .place").forEach((e) => e.dispatchEvent(new MouseEvent("click")));
                left.push(listening.size + saved);
              }
              return left;
            }"""
        )
        assert left == [0] * 15

    def test_works_from_a_file(self, visit):
        seen = visit()
        page = seen.open((figures_book().html / FIGURES).as_uri())
        page.click(".place[data-place='3']")
        assert "TernGrad" in page.locator(".effdl-panel").inner_text()
        assert page.locator("mjx-container").count() >= 2
        assert seen.wrong == []


def test_without_javascript_picture_and_table_are_visible(visit, figures):
    page = visit(java_script_enabled=False).page
    page.goto(figures + FIGURES)
    assert page.locator(".effdl-static").count() == 16
    texts = ("before_forward", "TernGrad", "Measured: conv 64→64", "36864 parameters")
    for text in (
        *texts,
        "W[:,c,m,j]",
        "yes, since step 17",
        "strength 9e-3",
        "W_hh of LSTM 1",
        "6,756,000",
        "60.23 %",
        "Rank, <force>",
        "Off by, in errors",
        "Smallest error",
        "228 Gbit/s",
        "Second derivative",
        "Mean losses of all directions",
    ):
        assert page.locator(".effdl-static table", has_text=text).first.is_visible(), text
    for picture in page.locator(".effdl-static svg").all():
        assert picture.is_visible()
        assert picture.bounding_box()["height"] > 50


def test_with_javascript_the_static_picture_takes_no_room(visit, figures):
    page = visit().open(figures + FIGURES)
    assert page.locator(".effdl-static").count() == 0
    heights = page.evaluate("[...document.querySelectorAll('.output:has(> noscript)')].map(e => e.offsetHeight)")
    assert heights == [0] * 16


def test_a_finger_hits_every_control(visit, figures):
    page = visit(PHONE).open(figures + FIGURES)
    page.locator(".effdl-predict input").fill("5")
    for control in page.locator(".effdl :is(button, input, summary, .place)").all():
        if control.is_visible():
            assert control.bounding_box()["height"] >= 43.5, control.evaluate("e => e.outerHTML.slice(0, 90)")


def test_stored_state_can_be_read_by_other_tools(figures):
    notebook = json.loads((figures_book().html / "_sources" / "book" / "figures.ipynb").read_text("utf-8"))
    state = notebook["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]
    assert state["version_major"] == 2
