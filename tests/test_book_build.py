"""The built book: strict, light, and without anything that students must not see."""

import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from book_site import ROOT, Site, figures_book, real_book, scratch_book, toc_pages
from bs4 import BeautifulSoup

HEAVIEST_PAGE = 1_600_000  # bytes, gzipped, with all that it loads
PRIVATE = ["solutions", "grading", "experiments", "tests", "effdl_lite", ".venv", "node_modules", "hidden"]
MARKS = ["BEGIN SOLUTION", "BEGIN HIDDEN TESTS", "BEGIN MARK SCHEME", "nbgrader_hidden"]


@pytest.fixture(scope="module", params=[real_book, figures_book], ids=["book", "figures"])
def site(request) -> Site:
    return request.param()


def parsed(site: Site):
    for path in sorted(site.html.rglob("*.html")):
        if "_static" not in path.parts:
            yield path, BeautifulSoup(path.read_text("utf-8"), "html.parser")


def test_strict_build_has_no_warning(site):
    assert site.returncode == 0, site.output
    assert "WARNING" not in site.output, site.output


def test_every_page_of_the_contents_is_there(site):
    if site is real_book():
        missing = [page for page in toc_pages() if not (site.html / page).exists()]
        assert not missing
    assert (site.html / "index.html").exists()


def test_nothing_private_is_published(site):
    folders = {part for path in site.html.rglob("*") for part in path.relative_to(site.html).parts}
    assert not folders.intersection(PRIVATE)
    pages = [str(path.relative_to(site.html)) for path, _ in parsed(site)]
    assert all(page.startswith(("book/", "labs/")) or "/" not in page for page in pages), pages
    for path in site.html.rglob("*"):
        if path.suffix in {".html", ".ipynb", ".md", ".txt", ".py", ".js"} and "vendor" not in path.parts:
            text = path.read_text("utf-8", errors="replace")
            assert not [mark for mark in MARKS if mark in text], path
            assert str(ROOT) not in text, f"{path} holds a path of this machine"


def weight(site: Site, page: Path, soup: BeautifulSoup) -> int:
    """At most what the page loads, each response gzipped: all that it names, its icons and, with math, all fonts."""
    names = {tag.get("src") for tag in soup.find_all(["script", "img"])}
    names |= {tag.get("href") for tag in soup.find_all("link") if tag.get("rel") != ["search"]}
    files = {page}
    for name in names - {None}:
        assert not re.match(r"(https?:)?//", name), f"{page} loads {name}"
        path = (page.parent / name.split("?")[0].split("#")[0]).resolve()
        if path.is_file() and path.suffix != ".html":
            files.add(path)
    files |= set(site.html.glob("_static/vendor/fontawesome/**/fa-solid-900.woff2"))
    if any("mathjax" in str(path) for path in files):
        files |= set(site.html.glob("_static/vendor/mathjax/**/*.woff"))
    return sum(len(gzip.compress(path.read_bytes())) for path in files)


def test_no_page_is_heavy(site):
    weights = {str(path.relative_to(site.html)): weight(site, path, soup) for path, soup in parsed(site)}
    heavy = {page: size for page, size in weights.items() if size > HEAVIEST_PAGE}
    assert not heavy, f"over {HEAVIEST_PAGE} bytes: {heavy}"


def test_no_page_names_a_script_of_another_site(site):
    for path, soup in parsed(site):
        for tag in soup.select("script:not([src]):not([type*=json])"):
            assert not re.search(r"https?://(?!www\.w3\.org)[^\s'\"]*\.js", tag.text), path


def unnamed_pictures(soup: BeautifulSoup) -> list[str]:
    """Pictures of the article without a text that replaces them; a file name is no such text."""
    found = []
    for image in soup.select("article img, article svg"):
        hidden = image.get("aria-hidden") == "true"
        text = image.get("alt") or image.get("aria-label") or (image.title and image.title.text) or ""
        inside = image.find_parent("svg") or image.find_parent(attrs={"role": "img"})
        if not hidden and not inside and (len(text.strip()) < 3 or re.search(r"_images/|\.(png|svg|jpe?g)$", text)):
            found.append(str(image)[:200])
    return found


def test_every_picture_has_a_text(site):
    assert not {str(path): pictures for path, soup in parsed(site) if (pictures := unnamed_pictures(soup))}


def test_a_picture_without_text_is_found():
    good = '<img src="b.png" alt="a rising curve"><svg role="img" aria-label="a falling curve"></svg>'
    bad = '<img src="a.png" alt="_images/a.png"><svg><path/></svg>'
    assert len(unnamed_pictures(BeautifulSoup(f"<article>{good}{bad}</article>", "html.parser"))) == 2


def test_a_broken_reference_fails_the_build(tmp_path):
    broken = scratch_book(tmp_path, "\n\nSee {ref}`nowhere`.\n")
    assert broken.returncode != 0
    assert "nowhere" in broken.output


def test_lock_file_names_versions_and_hashes_but_no_registry():
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not [name for name, entry in packages.items() if "resolved" in entry]


class TestVendor:
    def test_does_nothing_while_the_lock_is_the_same(self):
        real_book()
        stamp = ROOT / "book" / "_static" / "vendor" / "STAMP"
        before = stamp.stat().st_mtime_ns
        done = subprocess.run([sys.executable, str(ROOT / "tools" / "vendor.py")], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "")
        assert stamp.stat().st_mtime_ns == before

    @pytest.fixture
    def copy(self, tmp_path):
        (tmp_path / "tools").mkdir()
        for name in ("package.json", "package-lock.json", ".npmrc", "tools/vendor.py"):
            shutil.copy(ROOT / name, tmp_path / name)
        return tmp_path

    @pytest.mark.needs("node")
    def test_without_network_it_names_the_remedy_and_leaves_nothing(self, copy):
        (copy / ".npmrc").write_text("registry=http://127.0.0.1:9/\nfetch-retries=0\ncache=" + str(copy / "cache"))
        done = subprocess.run([sys.executable, str(copy / "tools" / "vendor.py")], capture_output=True, text=True)
        assert done.returncode == 1
        assert "Connect to a network" in done.stderr
        assert not (copy / "book" / "_static" / "vendor").exists()
        assert [path.name for path in (copy / "book").iterdir()] == ["_static"]
