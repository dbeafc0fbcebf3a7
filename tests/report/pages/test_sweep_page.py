"""The pages of sweeps and comparisons in a real browser: numbers of table.csv and of joulebench compare."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

import joulebench as jb
from tests.browser import Browse, accessibility, printed
from tests.cli.test_cli import joulebench
from tests.report.pages.support import headlines, numbers_in, shown_trace
from tests.report.pages.test_skeleton import HOSTILE

PLAN = {
    "schema": "joulebench.sweep/1",
    "name": "pages",
    "bench": "virtual",
    "axes": {"voltage_v": [1.8, 2.4], "clock_hz": [48e6, 120e6], "workload": ["kws01", "ad01"]},
    "set": {"virtual.settings.faults": []},
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of eight points."""
    out = tmp_path_factory.mktemp("sweeps") / "pages"
    return jb.sweep(PLAN, out=out, progress=False).folder


@pytest.fixture(scope="module")
def page_of_sweep(swept: Path) -> Path:
    """Its page."""
    return jb.report(swept, out=swept.parent / "page.html")


def _rows(swept: Path) -> list[dict[str, str]]:
    with (swept / "table.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _number(text: str) -> float:
    return float(text.split("[")[0])


def test_the_points_have_the_numbers_of_the_table(browse: Browse, page_of_sweep: Path, swept: Path):
    rows = _rows(swept)
    assert len(rows) == 8
    page = browse(page_of_sweep)
    shown = numbers_in(page, "#points")
    keys = ["point", "voltage_v", "clock_hz", "joule_per_inference", "inferences_per_second", "power_w"]
    for row, cells in zip(rows, shown, strict=True):
        known = [cell for cell in cells if cell is not None]
        assert known == [_number(row[key]) for key in keys]


def test_points_are_sorted_and_filtered(browse: Browse, page_of_sweep: Path, swept: Path):
    page = browse(page_of_sweep)
    page.locator("#points").get_by_role("button", name="energy/inference").click()
    energies = [row[4] for row in numbers_in(page, "#points")]
    assert energies == sorted(_number(row["joule_per_inference"]) for row in _rows(swept))
    page.get_by_label("workload", exact=True).select_option("ad01")
    page.get_by_label("voltage", exact=True).select_option("2.4 V")
    visible = page.locator("#points tbody tr:visible")
    assert visible.count() == 2
    assert all("ad01" in text and "2.4 V" in text for text in visible.all_inner_texts())


def test_the_optimum_is_the_lowest_valid_point(browse: Browse, page_of_sweep: Path, swept: Path):
    page = browse(page_of_sweep)
    for workload in ("kws01", "ad01"):
        lowest = min(
            _number(row["joule_per_inference"]) for row in _rows(swept) if row["workload"] == workload
        )
        assert headlines(page)[f"Lowest energy per inference, {workload}"] == lowest
    assert page.locator("#points td:last-child .tag").count() == 2


def test_energy_over_each_axis_is_that_of_the_table(browse: Browse, page_of_sweep: Path, swept: Path):
    page = browse(page_of_sweep)
    page.evaluate("jb.redraw(true)")
    rows = _rows(swept)
    for plot, axis, scale in (("over-voltage-v", "voltage_v", 1.0), ("over-clock-hz", "clock_hz", 1e-6)):
        drawn = page.evaluate(
            "plot => document.getElementById(plot).data.flatMap((of) => of.x.map((x, i) => "
            "[x, of.y[i], of.error_y.array[i]]))",
            plot,
        )
        wanted = [
            (
                _number(row[axis]) * scale,
                _number(row["joule_per_inference"]) * 1e6,
                _number(row["joule_per_inference_u95"]) * 1e6,
            )
            for row in rows
        ]
        assert len(drawn) == len(wanted) == 8
        for found, expected in zip(sorted(map(tuple, drawn)), sorted(wanted), strict=True):
            assert found == pytest.approx(expected, rel=1e-12)


def test_the_front_holds_what_nothing_beats(browse: Browse, page_of_sweep: Path, swept: Path):
    page = browse(page_of_sweep)
    rows = [
        (_number(row["latency_s"]), _number(row["joule_per_inference"]))
        for row in _rows(swept)
        if row["workload"] == "kws01"
    ]
    front = [
        a for a in rows if not any(b != a and b[0] <= a[0] and b[1] <= a[1] for b in rows)
    ]  # by its definition
    text = page.locator("#energy-latency + script + noscript + figcaption, #latency figcaption").inner_text()
    other = [
        (_number(row["latency_s"]), _number(row["joule_per_inference"]))
        for row in _rows(swept)
        if row["workload"] == "ad01"
    ]
    front += [a for a in other if not any(b != a and b[0] <= a[0] and b[1] <= a[1] for b in other)]
    assert f"of 8 points, {len(front)} of them on the front" in text


def test_a_point_that_failed_stands_with_what_to_do(browse: Browse, swept: Path, tmp_path: Path):
    folder = shutil.copytree(swept, tmp_path / "sweep")
    path = folder / "points" / "0003" / "point.json"
    point = json.loads(path.read_text(encoding="utf-8"))
    failure = {"mode": "energy", "code": "dut.silent", "message": HOSTILE, "hint": "Press reset."}
    point["failures"] = [failure]
    point["row"] |= {"verdict": "failed", "error": f"dut.silent: {HOSTILE}", "joule_per_inference": None}
    path.write_text(json.dumps(point), encoding="utf-8")
    (folder / "points" / "0008" / "point.json").unlink()
    page = browse(jb.report(folder, out=tmp_path / "page.html"))
    row = page.locator("#failures tbody tr").inner_text()
    assert HOSTILE in row
    assert "Press reset." in row
    assert page.locator("dl.large .tag").inner_text() == "6 of 8 points valid"
    assert "1 point not measured yet" in page.locator("#failed").inner_text()
    assert page.locator("img").count() == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda point: point["row"].update(joule_per_inference="1"),
        lambda point: point["row"].pop("verdict"),
        lambda point: point["row"].update(virtual=3),
        lambda point: point.update(failures=[{"code": 1}]),
        lambda point: point["point"].update(number=77),
    ],
)
def test_a_damaged_point_is_a_coded_error(swept: Path, tmp_path: Path, damage):
    folder = shutil.copytree(swept, tmp_path / "sweep")
    path = folder / "points" / "0002" / "point.json"
    point = json.loads(path.read_text(encoding="utf-8"))
    damage(point)
    path.write_text(json.dumps(point), encoding="utf-8")
    with pytest.raises(jb.JoulebenchError) as caught:
        jb.report(folder, out=tmp_path / "page.html")
    assert caught.value.code == "sweep.damaged"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "joulebench.sweep-folder/1", "plan": 1}'])
def test_a_damaged_sweep_is_a_coded_error(tmp_path: Path, text: str):
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(jb.JoulebenchError) as caught:
        jb.report(tmp_path, out=tmp_path / "page.html")
    assert caught.value.code == "sweep.damaged"


def test_the_page_of_a_sweep_passes_axe_and_prints(browse: Browse, page_of_sweep: Path, tmp_path: Path):
    page = browse(page_of_sweep)
    page.evaluate("for (const of of document.querySelectorAll('details')) of.open = true; jb.redraw(true)")
    assert accessibility(page) == []
    assert len(printed(page, tmp_path / "page.pdf")) >= 2


# --- comparisons -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two sessions that differ by half a percent of energy."""
    out = tmp_path_factory.mktemp("two")
    other = jb.load_bench("virtual", {"virtual.settings.energy_factor": 1.005})
    benches = ("virtual", other)
    return [
        jb.measure(bench, "kws01", out=out / name, progress=False).folder
        for bench, name in zip(benches, "ab", strict=True)
    ]


def test_a_comparison_has_the_numbers_of_joulebench_compare(browse: Browse, two: list[Path], tmp_path: Path):
    page = browse(jb.report(*two, out=tmp_path / "page.html"))
    compared = jb.compare(*two)
    ratio = compared.ratio
    assert ratio is not None
    rows = numbers_in(page, "#compared-energy")
    of = compared.of()
    assert [row[1] for row in rows] == [of.first.budget.value, of.second.budget.value]
    assert rows[1][2] == ratio.value
    assert headlines(page)["B against A"] == ratio.value
    assert page.locator("dl.large .tag").inner_text() == compared.verdict == "differ"


def test_the_traces_of_a_comparison_begin_at_their_opening_edges(
    browse: Browse, two: list[Path], tmp_path: Path
):
    page = browse(jb.report(*two, out=tmp_path / "page.html"))
    page.locator("#overlay").scroll_into_view_if_needed()
    page.wait_for_selector("#overlay[data-drawn]")
    page.get_by_label("Part of the trace").select_option("start of window 1")
    for name, folder in zip("AB", two, strict=True):
        times, values = shown_trace(page, f"{name}: every sample", "overlay")
        trial = json.loads((folder / "session.json").read_text(encoding="utf-8"))["trials"][0]
        power_w = jb.open(folder).power_w()
        inside = (times > -1e-9) & (times < 0.0095)
        positions = (times[inside] * 1000.0 + trial["opening"]).round().astype(int)
        assert len(positions) >= 9
        assert values[inside] == pytest.approx(power_w[positions] * 1e3, rel=1e-6)


def test_what_is_not_comparable_is_stated_with_its_reason(browse: Browse, two: list[Path], tmp_path: Path):
    other = jb.load_bench("virtual", {"dut.voltage_v": 3.0})
    folder = jb.measure(other, "kws01", out=tmp_path / "c", progress=False).folder
    page = browse(jb.report(two[0], folder, out=tmp_path / "page.html"))
    assert page.locator("dl.large .tag").inner_text() == "not comparable"
    assert "1.8 V against 3 V" in page.locator("dl.large").inner_text()
    assert accessibility(page) == []


def test_the_verb_writes_pages_and_its_status_states_errors(two: list[Path], swept: Path, tmp_path: Path):
    done = joulebench("report", two[0], "--out", tmp_path / "a.html")
    assert done.returncode == 0
    assert "kws01 on NUCLEO-L4R5ZI at 1.8 V" in done.stdout
    assert (tmp_path / "a.html").stat().st_size > 1e6
    damaged = shutil.copytree(two[0], tmp_path / "damaged")
    (damaged / "log.txt").write_text("other")
    assert joulebench("report", damaged, "--out", tmp_path / "b.html").returncode == 1
    assert joulebench("report", swept, "--out", tmp_path / "c.html").returncode == 0
    for words, code in (
        (["--out", "x.txt", str(two[0])], "usage.html"),
        (["--out", str(tmp_path / "d.html"), "--across", "voltage", str(two[0])], "usage.report"),
        (["--out", str(tmp_path / "d.html"), str(tmp_path / "nothing")], "path.missing"),
        (["--out", str(tmp_path / "d.html"), str(two[0]), str(two[0])], "usage.compare"),
    ):
        done = joulebench("report", *words)
        assert done.returncode == 2
        assert f"[{code}]" in done.stderr


def test_names_in_plots_are_text(browse: Browse, swept: Path, tmp_path: Path):
    folder = shutil.copytree(swept, tmp_path / "sweep")
    link = '<a href="https://elsewhere.example/">kws01</a>'
    text = (folder / "sweep.json").read_text(encoding="utf-8")
    (folder / "sweep.json").write_text(text.replace('"kws01"', json.dumps(link)), encoding="utf-8")
    for path in folder.glob("points/*/point.json"):
        point = path.read_text(encoding="utf-8").replace('"kws01"', json.dumps(link))
        path.write_text(point, encoding="utf-8")
    page = browse(jb.report(folder, out=tmp_path / "page.html"))
    page.evaluate("jb.redraw(true)")
    assert page.locator("svg a").count() == 0
    assert link in page.locator("#energy-latency .legendtext").all_inner_texts() or any(
        link in text for text in page.locator("#energy-latency text").all_text_contents()
    )
