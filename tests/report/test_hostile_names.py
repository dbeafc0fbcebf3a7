"""Pages of a session whose every text is an attack, in a real browser: it stays text, and nothing runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import joulebench as jb
from energy.bench.benchfile import load_bench
from energy.live.feed import Feed
from energy.live.server import served
from energy.session.record import run_record
from energy.session.record_plan import make_record_plan
from tests.browser import Browse
from tests.report.hostile import EVIL, PROFILE, SPOKEN, STEERS, hostile_session, rewrite

SWEEP = {
    "schema": "joulebench.sweep/1",
    "name": "hostile",
    "bench": "virtual",
    "axes": {"voltage_v": [1.8], "workload": ["kws01"]},
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of a DUT that names itself with markup, as it was measured."""
    return hostile_session(tmp_path_factory.mktemp("sessions"))


@pytest.fixture(scope="module")
def rewritten(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with every text of its documents replaced."""
    folder = shutil.copytree(measured, tmp_path_factory.mktemp("hostile") / "=1+1<b>session")
    assert rewrite(folder) > 100
    return folder


def is_only_text(page: Any, *, shows: str = "") -> None:
    """Nothing of it ran, became an element, or steers what shows it."""
    page.wait_for_load_state()
    page.wait_for_timeout(200)
    assert page.title() != "taken"
    assert page.locator("img, b, iframe, object, embed, base, form[action]").count() == 0
    assert page.evaluate("Array.from(document.querySelectorAll('*')).every(of => "
                         "!Array.from(of.attributes).some(at => at.name.startsWith('on')))")  # fmt: skip
    assert page.evaluate("document.querySelectorAll('a:not([href^=\"#\"])').length") == 0
    text = page.evaluate(
        "(() => { const copy = document.documentElement.cloneNode(true); "
        "copy.querySelectorAll('script, style').forEach(of => of.remove()); return copy.textContent; })()"
    )
    assert not STEERS.search(text), ascii(STEERS.findall(text)[:5])
    assert shows in text


def test_a_dut_that_names_itself_with_markup_is_named_so_on_its_page(browse: Browse, measured, tmp_path):
    name = json.loads((measured / "session.json").read_text(encoding="utf-8"))["dut"]["name"]
    assert name == SPOKEN.replace("\x1b", r"\x1b").replace("\x9b", r"\x9b")  # as the wire's log has it
    is_only_text(browse(jb.report(measured, out=tmp_path / "page.html")), shows=PROFILE)


def test_the_page_of_a_session(browse: Browse, rewritten, tmp_path):
    page = browse(jb.report(rewritten, out=tmp_path / "page.html"))
    is_only_text(page, shows=SPOKEN.partition("\x1b")[0])


def test_a_comparison(browse: Browse, rewritten, tmp_path):
    other = shutil.copytree(rewritten, tmp_path / "other")
    is_only_text(browse(jb.report(rewritten, other, out=tmp_path / "page.html")))


def test_a_validation(browse: Browse, rewritten, tmp_path):
    jb.validate(rewritten.parent, html=tmp_path / "page.html", show_all=True, progress=False)
    is_only_text(browse(tmp_path / "page.html"))


def test_the_atlas_with_the_session(browse: Browse, rewritten, tmp_path):
    page = browse(jb.atlas(tmp_path / "atlas.html", rewritten))
    is_only_text(page, shows=SPOKEN.partition("\x1b")[0])


def test_a_sweep(browse: Browse, tmp_path):
    folder = jb.sweep(SWEEP, out=tmp_path / "sweep", progress=False).folder
    (path,) = folder.glob("points/*/point.json")
    point = json.loads(path.read_text(encoding="utf-8"))
    point["failures"] = [{"mode": "energy", "code": EVIL, "message": EVIL, "hint": EVIL}]
    point["row"] |= {"verdict": EVIL, "error": EVIL, "findings": EVIL, "board": EVIL}
    path.write_text(json.dumps(point), encoding="utf-8")
    is_only_text(browse(jb.report(folder, out=tmp_path / "page.html")), shows="=cmd|")


class Noting(Feed):
    """A feed of a session that remarks on every window in the words of its DUT."""

    def window(self, figures):
        self.note(EVIL)
        super().window(figures)


def test_the_live_page(browse: Browse, tmp_path):
    file = load_bench("virtual")
    file = file.model_copy(update={"label": EVIL, "name": EVIL})
    feed = Noting()
    plan = make_record_plan(file, windows=1, iterations=40)
    with served(feed) as server:
        page = browse(server.url)
        run_record(plan, tmp_path / "session", lambda figures: None, lambda seconds: None, observer=feed)
        page.wait_for_selector("#windows tbody tr", timeout=60_000)
        is_only_text(page)
