"""The skeleton of pages in a real browser: hostile text, sorting, filters, themes, print, names, contrast."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from energy.errors import UsageError
from energy.findings import Finding
from energy.report.pages.parts import (
    Cell,
    Column,
    Fact,
    Facts,
    Folded,
    Lines,
    PageTable,
    Plot,
    Remarks,
    Section,
)
from energy.report.pages.skeleton import Page, check_page, json_script, write_page
from tests.browser import Browse, accessibility, printed

HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
ENERGIES_UJ = [3.0, 22.5, 100.0, 0.4, 7.25]


def _energy(energy_uj: float) -> Cell:
    """A cell in µJ or mJ, so that sorting by its text would be wrong."""
    text = f"{energy_uj:.1f} µJ" if energy_uj < 50 else f"{energy_uj / 1e3:.1f} mJ"
    return Cell(text, energy_uj * 1e-6)


def _table(rows: int = 5, filtered: bool | None = True) -> PageTable:
    cells = [
        [
            Cell(str(number)),
            _energy(ENERGIES_UJ[number % 5]),
            Cell(HOSTILE if number == 1 else f"name {number}"),
            Cell("not valid" if number == 2 else "valid", grade="error" if number == 2 else "good"),
        ]
        for number in range(rows)
    ]
    cells.append([Cell("9"), Cell("–"), Cell("never measured"), Cell("failed", grade="error")])
    columns = [Column("point", True), Column("energy", True), Column("name"), Column("verdict", choices=True)]
    return PageTable("points", "Points of the sweep", columns, cells, filtered=filtered)


def _page(path: Path, plots: int = 1) -> Path:
    time_s = np.linspace(0.0, 1.0, 101)
    power_w = np.sin(time_s).astype("f4")
    power_w[50] = np.nan
    wave = {"x": time_s, "y": power_w, "name": HOSTILE, "mode": "lines", "line": {"color": "--c1"}}
    drawn = [
        Plot(f"wave-{number}", "Power over time", [wave, {**wave, "name": "twice"}], table=None)
        for number in range(plots)
    ]
    sections = [
        Section("figures", "Figures", [Facts([Fact("energy", "3 µJ", 3e-6, HOSTILE)], large=True)]),
        Section(
            "findings", "Findings", [Remarks([Finding("iterations.unknown", HOSTILE)]), Lines([HOSTILE])]
        ),
        Section("table", "Table", [_table()]),
        Section("plots", "Plots", drawn),
        Section("log", "Log", [Folded("Lines", [Lines([HOSTILE, "m-ready"], plain=True)])]),
    ]
    page = Page("Session", f"kws01 {HOSTILE}", sections, [Fact("board", HOSTILE)], True, notes=[HOSTILE])
    return write_page(page, path)


def test_text_from_elsewhere_stays_text(browse: Browse, tmp_path: Path):
    page = browse(_page(tmp_path / "page.html"))
    page.wait_for_selector("#wave-0[data-drawn]")
    assert page.title() == f"VIRTUAL Session: kws01 {HOSTILE}"
    assert page.locator("td", has_text=HOSTILE).count() == 1
    assert page.locator("img").count() == 0
    assert (
        page.evaluate(
            "jb.drawn.size && JSON.parse(document.getElementById('wave-0-data').textContent).data[0].name"
        )
        == HOSTILE.replace("<", "&lt;")  # plotly takes tags as markup
    )


def test_no_script_but_the_pages_own_runs(chromium: Any, tmp_path: Path):
    path = _page(tmp_path / "page.html")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("<main>", "<main><script>document.title = 'taken'</script>", 1), "utf-8")
    with chromium.here() as browser:  # not watched: the browser complains about the script
        page = browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(path.as_uri())
        title = page.title()
        page.close()
    assert title == f"VIRTUAL Session: kws01 {HOSTILE}"
    assert ["Content Security Policy" in complaint for complaint in complaints] == [True]


def test_columns_sort_by_the_numbers_behind_the_text(browse: Browse, tmp_path: Path):
    page = browse(_page(tmp_path / "page.html"))
    energies = (
        "Array.from(document.querySelectorAll('#points tbody tr'), row => row.cells[1].dataset.v ?? null)"
    )
    button = page.get_by_role("button", name="energy")
    button.click()
    shown = page.evaluate(energies)
    assert [float(value) for value in shown[:-1]] == [value * 1e-6 for value in sorted(ENERGIES_UJ)]
    assert shown[-1] is None
    button.click()
    shown = page.evaluate(energies)
    assert [float(value) for value in shown[:-1]] == [
        value * 1e-6 for value in sorted(ENERGIES_UJ, reverse=True)
    ]
    assert shown[-1] is None  # what is not known stays below
    assert page.locator("th", has_text="energy").get_attribute("aria-sort") == "descending"


def test_rows_are_filtered_by_words_and_by_choice(browse: Browse, tmp_path: Path):
    page = browse(_page(tmp_path / "page.html"))
    rows = page.locator("#points tbody tr:visible")
    page.get_by_label("Filter").fill("MEASURED never")
    assert rows.count() == 1
    page.get_by_label("Filter").fill("")
    page.get_by_label("verdict").select_option("valid")
    assert rows.count() == 4
    assert page.get_by_role("status").inner_text() == "4 of 6 rows"


def test_tables_work_without_plotly(browse: Browse, tmp_path: Path):
    path = _page(tmp_path / "page.html")
    text = path.read_text(encoding="utf-8")
    start = text.rindex("<script>")
    path.write_text(text[:start] + text[text.index("</script>", start) + 9 :], encoding="utf-8")
    page = browse(path)
    page.get_by_label("Filter").fill("never")
    assert page.locator("#points tbody tr:visible").count() == 1


def test_plots_follow_the_theme(browse: Browse, tmp_path: Path):
    page = browse(_page(tmp_path / "page.html"), color_scheme="light")
    page.wait_for_selector("#wave-0[data-drawn]")
    paper = "document.getElementById('wave-0').layout.paper_bgcolor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Dark or light").click()
    assert (
        page.evaluate(paper)
        == page.evaluate("getComputedStyle(document.body).backgroundColor")
        != "rgb(255, 255, 255)"
    )


def test_a_page_passes_axe_in_light_and_dark(browse: Browse, tmp_path: Path):
    page = browse(_page(tmp_path / "page.html"))
    page.wait_for_selector("#wave-0[data-drawn]")
    assert accessibility(page) == []


def test_the_bundle_is_inlined_once(tmp_path: Path):
    text = _page(tmp_path / "page.html", plots=5).read_text(encoding="utf-8")
    assert text.count("plotly.js v") == 1


def test_a_page_prints_in_light_with_its_rows_and_plots(browse: Browse, tmp_path: Path):
    page = browse(_page(tmp_path / "page.html"), color_scheme="dark")
    sheets = printed(page, tmp_path / "page.pdf")
    assert len(sheets) >= 2
    assert page.evaluate("document.getElementById('wave-0').dataset.drawn") == "yes"


def test_json_holds_arrays_and_no_markup():
    text = json_script(
        {"a": np.array([1.5, np.nan], "f4"), "b": math.inf, "c": "</script>\u202e", "d": (1, None)}
    )
    assert "<" not in text
    value = json.loads(text)
    assert value["a"]["dtype"] == "f4"
    assert (value["b"], value["c"], value["d"]) == (None, "</script>\N{REPLACEMENT CHARACTER}", [1, None])


@pytest.mark.parametrize(
    ("name", "code"),
    [("page.txt", "usage.html"), ("there.html", "page.unwritable"), ("file/page.html", "page.unwritable")],
)
def test_a_page_that_cannot_be_written_is_refused(tmp_path: Path, name: str, code: str):
    (tmp_path / "there.html").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        check_page(tmp_path / name)
    assert caught.value.code == code


def test_a_name_in_a_plot_is_text_in_legend_ticks_and_labels(browse, tmp_path):
    evil = '<a href="https://192.0.2.1/">name</a> <b>bold</b><br>second line'
    trace = {"type": "scatter", "x": [evil, "b"], "y": [1.0, 2.0], "name": evil, "text": [evil, "t"],
             "mode": "markers+text", "showlegend": True}  # fmt: skip
    layout = {"xaxis": {"title": {"text": evil}}, "annotations": [{"x": "b", "y": 1.5, "text": evil}]}
    plot = Plot("evil", "A plot.", [trace], layout)
    page = browse(write_page(Page("Test", "Plot", [Section("s", "Plot", [plot])]), tmp_path / "page.html"))
    page.wait_for_selector("#evil[data-drawn]")
    assert page.locator("#evil a[href], #evil svg tspan[style*='bold']").count() == 0
    texts = page.locator("#evil svg text").all_text_contents()
    assert sum("<b>bold</b>" in text for text in texts) >= 4  # legend, tick, title, label
