"""The documentation is built as ``make docs`` builds it, strictly; what its notebooks print is true."""

from __future__ import annotations

import html
import re
import subprocess
import sys
import threading
from collections.abc import Generator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import joulebench as jb
from drivers.virtual.truth import Point, operating_point
from energy.cli.main import VERBS
from energy.findings import REGISTER
from tests.browser import accessibility
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder of the pages."""
    folder = tmp_path_factory.mktemp("docs")
    words = ["-b", "html", "-E", "-W", "--keep-going", "-n", "-q", "-d", str(folder / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *words, str(ROOT / "docs"), str(folder / "pages")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=360, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder / "pages"


def text_of(page: Path) -> str:
    """What a reader sees of a page's article."""
    article = page.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", article)).split())


@pytest.fixture
def site(built) -> Generator[str]:
    """The address of a server of the pages on this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(built)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join(5.0)
    server.server_close()


def test_every_page_is_built_and_reached_from_the_first(built):
    pages = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    expected = {str(page) for page in pages if str(page) != "README"}
    made = {str(path.relative_to(built).with_suffix("")) for path in built.rglob("*.html")}
    assert expected <= made
    seen, rest = set(), ["index"]
    while rest:
        name = rest.pop()
        if name in seen:
            continue
        seen.add(name)
        page = built / f"{name}.html"
        links = re.findall(r'href="([^"#?:]+\.html)', page.read_text(encoding="utf-8"))
        rest += [str((page.parent / link).resolve().relative_to(built).with_suffix("")) for link in links]
    assert expected <= seen


def test_no_page_loads_anything_from_elsewhere_or_names_this_machine(built):
    loaded = re.compile(r'<(?:script|img|iframe|source|video)[^>]*\ssrc="([^"]+)"|<link[^>]*\shref="([^"]+)"')
    for path in built.rglob("*.html"):
        content = path.read_text(encoding="utf-8")
        addresses = ["".join(pair) for pair in loaded.findall(content)]
        assert not [one for one in addresses if re.match(r"(https?:)?//", one)], path
        assert str(ROOT) not in content, path


def test_what_follows_from_the_code_is_all_there(built):
    commands = text_of(built / "reference/command-line.html")
    assert not [verb for verb in VERBS if f"usage: joulebench {verb}" not in commands]
    interface = (built / "reference/python-api.html").read_text(encoding="utf-8")
    assert not [name for name in jb.__all__ if f'id="joulebench.{name}"' not in interface]
    findings = text_of(built / "reference/findings.html")
    assert not [code for code in REGISTER if code not in findings]
    assert "bench.driver-incomplete" in text_of(built / "reference/errors.html")
    assert "timestamp_hold_us" in text_of(built / "reference/bench-file-keys.html")


def test_the_first_figure_of_the_notebook_covers_the_truth(built):
    shown = text_of(built / "notebooks/first-figure.html")
    value, expanded = map(float, re.findall(r"([\d.]+) µJ ± ([\d.]+) µJ per inference", shown)[0])
    truth_j = operating_point("NUCLEO-L4R5ZI", "kws01", Point(voltage_v=1.8, clock_hz=120e6)).energy_j
    assert abs(value * 1e-6 - truth_j) < expanded * 1e-6
    by_hand, ours = map(float, re.findall(r"([\d.]+) µJ by hand, ([\d.]+) µJ by joulebench", shown)[0])
    assert by_hand == pytest.approx(ours, rel=1e-4)


def test_the_characterization_of_the_notebook_finds_the_true_best_point(built):
    shown = text_of(built / "notebooks/characterization.html")
    points = [(volt, hertz) for volt in (1.8, 2.4, 3.0) for hertz in (48e6, 80e6, 120e6)]
    true_j = {
        (volt, hertz): operating_point(
            "NUCLEO-L4R5ZI", "kws01", Point(voltage_v=volt, clock_hz=hertz)
        ).energy_j
        for volt, hertz in points
    }
    best = min(true_j, key=true_j.__getitem__)
    assert f"kws01: lowest energy per inference at {best[0]} V, {best[1] / 1e6:.1f} MHz" in shown


@pytest.mark.parametrize(
    "name", ["notebooks/first-figure", "notebooks/characterization", "explanation/the-window"]
)
def test_a_page_with_cells_shows_a_figure(built, name):
    page = built / f"{name}.html"
    pictures = re.findall(r'<img[^>]*src="([^"]*_images/[^"]+)"', page.read_text(encoding="utf-8"))
    assert pictures
    assert all((page.parent / picture).stat().st_size > 5000 for picture in pictures)


@pytest.mark.parametrize("name", ["index", "tutorial/getting-started", "reference/bench-file-keys"])
def test_a_page_opens_offline_and_can_be_read_by_everybody(site, browse, name):
    page = browse(site)
    page.goto(f"{site}{name}.html")
    assert page.title()
    assert page.locator("article h1").count() == 1
    assert accessibility(page) == []
    page.set_viewport_size({"width": 800, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
