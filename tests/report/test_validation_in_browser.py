"""The page of a validation in a real browser: what it says, filters and draws, whatever the files hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from energy.findings import Finding
from energy.report.pages.validation import write_validation
from energy.validation.paths import validate_paths
from energy.validation.report import FolderReport, RunReport, SubmissionReport, ValidationReport
from tests.browser import accessibility, printed
from tests.conftest import shared_folder
from tests.report.test_validation_page import EVIL, make_report

SHOWN = """() => Array.from(document.querySelectorAll('#benchmarks tbody tr')).filter(row => !row.hidden)
  .map(row => row.cells[2].textContent.trim())"""
DRAWN = """id => document.getElementById(id).data.flatMap(trace => Array.from(trace.x, (x, place) =>
  [trace.customdata[place], x, trace.y[place]])).filter(point => point[2] !== null)"""


def draw(page, name: str) -> None:
    page.locator(f"#{name}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{name}[data-drawn]")


def of_energies(tmp_path, names: dict[str, tuple[str, str]]) -> ValidationReport:
    """A report whose benchmarks have these recomputed and printed median energies."""
    report = make_report(tmp_path, list(names))
    for folder, (ours, theirs) in zip(report.submissions[0].folders, names.values(), strict=True):
        (figure,) = folder.runs[0].figures
        figure = replace(figure, recomputed=ours, printed=theirs, agrees=float(ours) == float(theirs))
        folder.runs[0].figures = [figure, replace(figure, name="median throughput", unit="inf/s", agrees=None,
                                                  printed="200.0", recomputed=None)]  # fmt: skip
    return report


def test_the_page_has_no_barrier_opened_and_closed_in_light_and_dark(browse, tmp_path):
    page = browse(write_validation(make_report(tmp_path, ["acme", EVIL]), tmp_path / "page.html"))
    draw(page, "differences")
    assert accessibility(page) == []
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert accessibility(page) == []


def test_the_page_prints(browse, tmp_path):
    page = browse(write_validation(make_report(tmp_path, ["acme"]), tmp_path / "page.html"))
    sheets = printed(page, tmp_path / "page.pdf")
    assert len(sheets) >= 2
    assert all(" Tj" in sheet or " TJ" in sheet for sheet in sheets)


def test_filters_of_the_table_hold_in_the_plots_whose_figures_are_the_table_s(browse, tmp_path):
    energies = {"acme": ("100.0", "100.0"), "bolt": ("202.0", "200.0"), "cog": ("50.0", "50.0")}
    page = browse(write_validation(of_energies(tmp_path, energies), tmp_path / "page.html"))
    draw(page, "differences")
    assert sorted(page.evaluate(DRAWN, "differences")) == [
        ["benchmark-0", 100.0, 0.0], ["benchmark-1", 200.0, pytest.approx(1.0)], ["benchmark-2", 50.0, 0.0],
    ]  # fmt: skip
    draw(page, "energies")
    energy = page.evaluate(DRAWN, "energies")
    assert sorted(energy) == [
        [f"benchmark-{place}", pytest.approx(1 / 200.0), pytest.approx(float(ours) * 1e-6)]
        for place, (ours, _) in enumerate(energies.values())
    ]
    page.get_by_role("combobox", name="organization").select_option("bolt")
    assert page.evaluate(SHOWN) == ["bolt"]
    assert [point[0] for point in page.evaluate(DRAWN, "differences")] == ["benchmark-1"]
    assert [point[0] for point in page.evaluate(DRAWN, "energies")] == ["benchmark-1"]


def test_the_table_is_sorted_by_energy_as_a_number(browse, tmp_path):
    energies = {"acme": ("100.0", "100.0"), "bolt": ("9.5", "9.5"), "cog": ("1000.0", "1000.0")}
    page = browse(write_validation(of_energies(tmp_path, energies), tmp_path / "page.html"))
    page.get_by_role("button", name="µJ/inf recomputed").click()
    assert page.evaluate(SHOWN) == ["bolt", "acme", "cog"]
    page.get_by_role("button", name="µJ/inf recomputed").click()
    assert page.evaluate(SHOWN) == ["cog", "acme", "bolt"]


def test_a_link_of_what_must_be_acted_on_opens_the_benchmark_even_twice(browse, tmp_path):
    page = browse(write_validation(make_report(tmp_path, ["acme", "bolt"]), tmp_path / "page.html"))
    part = page.locator("#benchmark-1")
    for _ in range(2):
        part.evaluate("part => { part.open = false; }")
        page.locator('#act a[href="#benchmark-1"]').first.click()
        page.wait_for_selector("#benchmark-1[open]")
        assert part.locator("summary").first.bounding_box()["y"] < 900


def test_a_click_on_a_point_opens_its_benchmark(browse, tmp_path):
    energies = {"acme": ("100.0", "100.0")}
    page = browse(write_validation(of_energies(tmp_path, energies), tmp_path / "page.html"))
    draw(page, "energies")
    page.locator("#benchmark-0").evaluate("part => { part.open = false; }")
    box = page.locator("#energies .points path").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#benchmark-0[open]")


def test_a_whole_round_is_quick_and_holds_every_benchmark_and_every_figure(browse, tmp_path):
    report, failures = validate_paths([shared_folder("published") / "v1.3"], partial_copy=True, workers=1)
    assert not failures
    page = browse(write_validation(report, tmp_path / "page.html"))
    assert (tmp_path / "page.html").stat().st_size < 4_800_000 + 2_000_000  # plotly itself is 4.8 MB
    folders = list(report.folders)
    assert page.locator("#benchmarks tbody tr").count() == len(folders)
    cells = page.locator("#benchmarks tbody tr").evaluate_all(
        "rows => rows.map(row => [row.cells[3].textContent, row.cells[6].textContent.trim()])"
    )
    for (system, energy), folder in zip(cells, folders, strict=True):
        run = folder.run("energy")
        median = run.figure("median energy") if run else None
        assert system == folder.system
        assert energy == ((median and median.recomputed) or "–")
    count = len([figure for folder in folders for run in folder.runs for figure in run.all_figures])
    assert page.locator("table[id^=figures-] tbody tr, table[id^=window-figures-] tbody tr").count() == count
    draw(page, "energies")
    assert len(page.evaluate(DRAWN, "energies")) > 10


def hostile_report(number: int) -> ValidationReport:
    """Benchmarks without files, with evil names, figures that are no numbers, and many findings."""
    findings = [
        Finding("log.dut-error", f"{EVIL} {place}", window=place, path=EVIL) for place in range(number)
    ]
    runs = [RunReport(mode, EVIL, EVIL, findings=list(findings)) for mode in ("energy", "accuracy")]
    folders = [
        FolderReport(EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, runs, [Finding("tree.crlf", EVIL)]),
        FolderReport("", "", "", "", "", "", None, ""),
    ]
    return ValidationReport([], EVIL, [SubmissionReport(EVIL, EVIL, EVIL, EVIL, EVIL, folders, [], None)])


@pytest.mark.parametrize("number", [0, 1, 5000])
def test_hostile_and_very_many_findings_are_text_and_stay_usable(browse, tmp_path, number):
    page = browse(write_validation(hostile_report(number), tmp_path / "page.html", show_all=True))
    assert page.locator("script:not([type])").count() == page.locator("body > script:not([type])").count()
    assert page.locator("#benchmarks tbody tr").count() == 2
    if number:
        assert page.locator("#all-findings tbody tr").count() == 2 * number + 1
        page.locator("#findings-table > summary").click()
        page.locator("#findings-table .filter").fill("alert 17")
        shown = page.locator("#all-findings tbody tr:not([hidden])").count()
        assert shown == 2 * sum("17" in str(place) for place in range(number))


def test_nothing_validated_is_a_page_that_says_so(browse, tmp_path):
    page = browse(write_validation(ValidationReport([], None, []), tmp_path / "page.html"))
    assert "Nothing was found" in page.locator("#act").inner_text()
    assert accessibility(page) == []
