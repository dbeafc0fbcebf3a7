"""The page of a session in a real browser: the numbers of its documents, and the samples of its recording."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import joulebench as jb
from energy.report.pages.pyramid import EDGE_S
from tests.browser import Browse, accessibility, printed
from tests.report.pages.support import (
    LOST,
    RATE_HZ,
    WINDOWS,
    document,
    headlines,
    long_recording,
    numbers_in,
    shown_trace,
)
from tests.report.pages.test_skeleton import HOSTILE


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A valid energy session of the virtual bench."""
    out = tmp_path_factory.mktemp("sessions")
    return jb.measure("virtual", "kws01", out=out, progress=False).folder


@pytest.fixture(scope="module")
def page_of_session(session: Path) -> Path:
    """Its page."""
    return jb.report(session, out=session.parent / "page.html")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """The page of a recording of 600 000 samples, and their power."""
    folder = tmp_path_factory.mktemp("long")
    power_w = long_recording(folder / "recording")
    return jb.report(folder / "recording", out=folder / "page.html", iterations=100), power_w


# --- the same numbers everywhere -------------------------------------------------------------------------


def test_headline_figures_are_those_of_the_uncertainty_statement(
    browse: Browse, page_of_session: Path, session: Path
):
    page = browse(page_of_session)
    stated, found = document(session, "result.json")["uncertainty"], headlines(page)
    for name, key in (
        ("Energy per inference", "joule_per_inference"),
        ("Inferences per second", "inferences_per_second"),
        ("Mean power", "power_w"),
    ):
        assert found[name] == stated[key]["value"], name
    assert page.locator("dl.large .tag").inner_text() == "valid"
    assert page.get_by_text("VIRTUAL", exact=True).count() >= 1


def test_the_table_of_windows_has_the_numbers_of_result_json(
    browse: Browse, page_of_session: Path, session: Path
):
    result = document(session, "result.json")
    expected: list[list[float | None]] = []
    by_rule: list[list[float | None]] = []
    for window in result["windows"]:
        exact, *_ = of = [window["energies"][rule] for rule in ("exact", "mlcommons", "eembc")]
        expected.append(
            [window["number"], window["start_s"], window["window_s"], window["iterations"], exact["energy_j"],
             exact["power_w"], exact["joule_per_inference"], window["inferences_per_second"], None]
        )  # fmt: skip
        energies, costs = ([energy[key] for energy in of] for key in ("energy_j", "joule_per_inference"))
        by_rule.append([window["number"], *energies, *costs, exact["missing_samples"]])
    page = browse(page_of_session)
    assert len(expected) == 5
    assert numbers_in(page, "#window-table") == expected
    assert numbers_in(page, "#rules-table") == by_rule
    page.locator("#window-table").get_by_role("button", name="µJ/inf").click()
    costs = [row[6] for row in numbers_in(page, "#window-table")]
    assert costs == sorted(row[6] for row in expected)
    medians = page.evaluate(
        "Array.from(document.querySelector('#window-table tfoot tr').cells, (cell) => cell.dataset.v ?? null)"
    )
    assert float(medians[6]) == result["session"]["joule_per_inference"]["exact"]["median"]


def test_the_budget_has_every_term_with_its_share(browse: Browse, page_of_session: Path, session: Path):
    budget = document(session, "result.json")["uncertainty"]["joule_per_inference"]
    page = browse(page_of_session)
    rows = numbers_in(page, "#budget-0")
    assert [(row[7], row[8]) for row in rows] == [(of["contribution"], of["share"]) for of in budget["terms"]]
    sources = page.locator("#budget-0 tbody tr td:last-child").all_inner_texts()
    assert all(of["source"] in text for of, text in zip(budget["terms"], sources, strict=True))


def test_the_files_are_listed_with_their_hashes(browse: Browse, page_of_session: Path, session: Path):
    files = document(session, "manifest.json")["files"]
    page = browse(page_of_session)
    rows = page.locator("#files tbody tr").all_inner_texts()
    assert len(rows) == len(files)
    for (name, entry), row in zip(files.items(), rows, strict=True):
        assert row.split() == [name, str(entry["bytes"]), entry["sha256"], "as", "written"]


# --- the trace -------------------------------------------------------------------------------------------


def test_every_sample_of_a_short_session_is_drawn(browse: Browse, page_of_session: Path, session: Path):
    with pa.memory_map(str(session / "trace.arrow")) as file:
        table = pa.ipc.open_file(file).read_all()
    power_mw = table.column("energy_j").to_numpy().astype(np.float64) * 1000.0 * 1e3  # 1000 S/s
    trial = document(session, "session.json")["trials"][1]
    page = browse(page_of_session)
    _reach_trace(page)
    page.get_by_label("Part of the trace").select_option("start of window 2")
    times, values = shown_trace(page, "every sample")
    inside = np.flatnonzero((times * 1000.0 >= trial["opening"]) & (times * 1000.0 < trial["opening"] + 10))
    positions = np.round(times[inside] * 1000.0).astype(int)
    assert len(inside) == 10
    np.testing.assert_allclose(values[inside], power_mw[positions], rtol=1e-7)


def test_the_overview_has_the_extremes_of_each_column(browse: Browse, long: tuple[Path, np.ndarray]):
    path, power_w = long
    page = browse(path)
    _reach_trace(page)
    assert page.locator("#trace").get_attribute("data-level") == "columns"
    _columns_agree(page, power_w)


def _reach_trace(page) -> None:
    """Scrolls to the trace: plots are drawn when they come into view."""
    page.locator("#trace").scroll_into_view_if_needed()
    page.wait_for_selector("#trace[data-drawn]")


def _columns_agree(page, power_w: np.ndarray) -> int:
    """Compares the drawn columns with the samples; returns their width."""
    text = page.locator("#trace + p").inner_text()
    width = int(text.split("a column is ")[1].split()[0])
    times, values = shown_trace(page, "lowest to highest")
    pairs = np.stack([values[0::2], values[1::2]])
    middles = times[0::2] * RATE_HZ
    known = 0
    for middle, low, high in zip(middles, *pairs, strict=True):
        start = round(middle - width / 2)
        part = power_w[start : start + width] * 1e3
        part = part[np.isfinite(part)]
        if len(part) == width:
            np.testing.assert_allclose((low, high), (part.min(), part.max()), rtol=1e-6)
            known += 1
    assert known > 100
    return width


def test_zooming_shows_finer_columns_then_every_sample(browse: Browse, long: tuple[Path, np.ndarray]):
    path, power_w = long
    page = browse(path)
    _reach_trace(page)
    coarse = _columns_agree(page, power_w)
    _zoom(page, 2.1, 2.6)  # inside window 2
    fine = _columns_agree(page, power_w)
    assert fine * 4 <= coarse
    for number, (opening, closing) in enumerate(WINDOWS, start=1):
        for edge, end in ((opening, "start"), (closing, "end")):
            page.get_by_label("Part of the trace").select_option(f"{end} of window {number}")
            assert page.locator("#trace").get_attribute("data-level") == "samples"
            times, values = shown_trace(page, "every sample")
            first, stop = (
                (edge, edge + EDGE_S * RATE_HZ) if end == "start" else (edge - EDGE_S * RATE_HZ, edge)
            )
            drawn = dict(zip(np.round(times * RATE_HZ).astype(int).tolist(), values.tolist(), strict=True))
            wanted = np.arange(int(np.ceil(first)), int(np.floor(stop)))
            assert len(wanted) >= 999
            np.testing.assert_allclose(
                [drawn[at] for at in wanted.tolist()], power_w[wanted] * 1e3, rtol=1e-6
            )
    page.evaluate("Plotly.relayout('trace', {'xaxis.autorange': true})")
    assert _columns_agree(page, power_w) == coarse


def _zoom(page, start_s: float, stop_s: float) -> None:
    page.evaluate(
        "([start, stop]) => Plotly.relayout('trace', {'xaxis.range[0]': start, 'xaxis.range[1]': stop})",
        [start_s, stop_s],
    )


def test_lost_samples_are_a_gap_in_the_curve(browse: Browse, long: tuple[Path, np.ndarray]):
    path, _ = long
    page = browse(path)
    _reach_trace(page)
    _zoom(page, (LOST[0] - 3000) / RATE_HZ, (LOST[1] + 3000) / RATE_HZ)
    times, values = shown_trace(page, "lowest to highest")
    inside = (times * RATE_HZ > LOST[0] + 10) & (times * RATE_HZ < LOST[1] - 10)
    assert inside.sum() > 20
    assert np.isnan(values[inside]).all()
    assert np.isfinite(values[times * RATE_HZ < LOST[0] - 10]).all()
    assert page.evaluate("document.getElementById('trace').layout.shapes.length") > 1  # it is marked


def test_a_windows_number_leads_to_it_in_the_trace(browse: Browse, page_of_session: Path, session: Path):
    page = browse(page_of_session)
    page.locator("#window-table").get_by_role("link", name="3").click()
    _reach_trace(page)
    start, stop = page.evaluate("document.getElementById('trace').layout.xaxis.range")
    window = document(session, "result.json")["windows"][2]
    assert start < window["start_s"] < window["stop_s"] < stop
    assert stop - start < 1.2 * window["window_s"]


# --- page, print, names ----------------------------------------------------------------------------------


def test_the_page_passes_axe_in_light_and_dark(browse: Browse, page_of_session: Path):
    page = browse(page_of_session)
    page.evaluate("for (const of of document.querySelectorAll('details')) of.open = true; jb.redraw(true)")
    assert accessibility(page) == []


def test_the_page_prints_with_its_plots_and_budgets(browse: Browse, page_of_session: Path, tmp_path: Path):
    page = browse(page_of_session)
    assert len(printed(page, tmp_path / "page.pdf")) >= 4
    drawn = page.evaluate("Array.from(document.querySelectorAll('.plot'), (plot) => plot.dataset.drawn)")
    assert len(drawn) >= 3
    assert set(drawn) == {"yes"}


def test_text_of_documents_and_logs_stays_text(browse: Browse, session: Path, tmp_path: Path):
    folder = shutil.copytree(session, tmp_path / "copy")
    record, result = document(folder, "session.json"), document(folder, "result.json")
    record["note"], record["bench"]["label"], record["dut"]["board"] = HOSTILE, HOSTILE, HOSTILE
    record["monitor"]["serial_number"] = HOSTILE
    result["findings"] = [{"code": HOSTILE, "severity": "error", "evidence": HOSTILE}]
    result["uncertainty"]["joule_per_inference"]["terms"][0]["source"] = HOSTILE
    (folder / "session.json").write_text(json.dumps(record), encoding="utf-8")
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    (folder / "log.txt").write_text(f"{HOSTILE}\n", encoding="utf-8")
    page = browse(jb.report(folder, out=tmp_path / "page.html"))
    page.wait_for_selector("html[data-ready]")
    assert HOSTILE in page.title()
    assert page.locator("img").count() == 0
    assert page.locator("pre.plain").text_content().strip() == HOSTILE
    assert page.get_by_text("session.altered").count() >= 1


def test_a_fault_of_the_bench_stands_on_the_page_with_what_to_do(browse: Browse, tmp_path: Path):
    lost = ["dropped-samples", {"count": 50, "infer": 3, "delay_s": 5.0}]
    bench = jb.load_bench("virtual", {"virtual.settings.faults": [lost]})
    folder = jb.measure(bench, "kws01", out=tmp_path, progress=False).folder
    page = browse(jb.report(folder, out=tmp_path / "page.html"))
    result = document(folder, "result.json")
    codes = {finding["code"] for finding in result["findings"]} | {
        finding["code"] for attempt in result["rejected"] for finding in attempt["findings"]
    }
    assert codes
    text = page.locator("main").inner_text()
    assert all(code in text for code in codes)


# --- other sessions, and what is no session --------------------------------------------------------------


def test_a_performance_session_shows_its_trials(browse: Browse, tmp_path: Path):
    folder = jb.measure("virtual", "ad01", "performance", out=tmp_path, progress=False).folder
    result = document(folder, "result.json")
    page = browse(jb.report(folder, out=tmp_path / "page.html"))
    median = result["session"]["inferences_per_second"]["median"]
    assert headlines(page)["Inferences per second"] == pytest.approx(median, rel=1e-12)
    rows = numbers_in(page, "#window-table")
    assert [row[1] for row in rows] == [window["window_s"] for window in result["windows"]]


def test_an_accuracy_session_shows_its_metric(browse: Browse, tmp_path: Path):
    folder = jb.measure("virtual", "kws01", "accuracy", limit=20, out=tmp_path, progress=False).folder
    page = browse(jb.report(folder, out=tmp_path / "page.html"))
    scored = document(folder, "result.json")["session"]
    assert headlines(page)[f"Accuracy ({scored['metric']})"] == scored["value"]
    assert page.locator("dl.large .tag").inner_text() == "not valid"  # a part of the set is no result


def test_a_trace_of_another_program_is_not_mixed_with_the_session_beside_it(
    browse: Browse, session: Path, tmp_path: Path
):
    folder = shutil.copytree(session, tmp_path / "copy")
    (folder / "result.json").write_text("[]")  # damaged, and none of the trace's business
    table = jb.export(folder, folder / "capture.csv")
    page = browse(jb.report(table, out=tmp_path / "page.html", iterations=237, marker_line="none"))
    assert page.locator("#bench").count() == 0
    assert page.locator("#files tbody tr").count() == 1
    assert page.get_by_text("session.altered").count() == 0


def test_a_damaged_result_is_a_finding_of_the_session(browse: Browse, session: Path, tmp_path: Path):
    folder = shutil.copytree(session, tmp_path / "copy")
    (folder / "result.json").write_text("[]")
    page = browse(jb.report(folder, out=tmp_path / "page.html"))
    assert page.title().startswith("VIRTUAL Session: kws01")
    assert page.locator("dl.large .tag").inner_text() == "not valid"
    assert page.locator(".findings code", has_text="file.damaged").count() == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [("missing", "path.missing"), ("empty", "usage.one-trace"), ("text.txt", "path.not-a-trace"),
     ("floors", "report.kind"), ("cut", "recording.empty")],
)  # fmt: skip
def test_what_has_no_page_is_a_coded_error(tmp_path: Path, name: str, code: str):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("text")
    (tmp_path / "floors").mkdir()
    (tmp_path / "floors" / "floors.json").write_text("{}")
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "trace.arrow").write_bytes(b"")
    with pytest.raises(jb.JoulebenchError) as caught:
        jb.report(tmp_path / name, out=tmp_path / "page.html")
    assert caught.value.code == code
    assert not (tmp_path / "page.html").exists()
