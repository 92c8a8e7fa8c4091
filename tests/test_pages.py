"""The pages in a browser that has no network: every page, light and dark, on a desk and on a phone."""

import contextlib
import functools
import http.server
import json
import shutil
import threading

import pytest
from book_site import figures_book, real_book, toc_pages

from effdl_lite.widgets import RooflineExplorer

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
        self.page.set_default_timeout(10_000)
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
    options = {"runOnly": list(rules)} if rules else {}
    violations = Axe().run(page, context=context, options=options).response["violations"]
    return [f"{v['id']}: {[node['target'] for node in v['nodes']]}" for v in violations]


# Axe spends its time on the contrast of thousands of coloured words of code: it gets three of each kind.
FEWER_TOKENS = """const seen = {};
for (const token of document.querySelectorAll(".highlight pre span[class]:not(:has(*))")) {
  seen[token.className] = (seen[token.className] || 0) + 1;
  if (seen[token.className] > 3) token.replaceWith(token.textContent);
}"""


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
        assert len([note for note in notes if "could not be shown" in note and "render function" in note]) == 4

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
        assert left == [0, 0, 0]

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
    assert page.locator(".effdl-static").count() == 4
    for text in ("before_forward", "TernGrad", "Measured: conv 64→64", "36864 parameters"):
        assert page.locator(".effdl-static table", has_text=text).first.is_visible(), text
    for picture in page.locator(".effdl-static svg").all():
        assert picture.is_visible()
        assert picture.bounding_box()["height"] > 50


def test_with_javascript_the_static_picture_takes_no_room(visit, figures):
    page = visit().open(figures + FIGURES)
    assert page.locator(".effdl-static").count() == 0
    heights = page.evaluate("[...document.querySelectorAll('.output:has(> noscript)')].map(e => e.offsetHeight)")
    assert heights == [0] * 4


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
