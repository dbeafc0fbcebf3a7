"""The atlas in a real browser: what it filters, draws, lists and exports, beside independent computations."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import joulebench as jb
from energy.catalogue.row import read_rows
from energy.report.catalogue_export import frame_of
from energy.report.pages.atlas import atlas_page, write_atlas
from energy.report.pages.skeleton import write_page
from energy.report.point_sources import points_of
from energy.report.points import OperatingPoint, PointSet
from energy.report.units import engineering
from energy.validation.archive import list_sessions
from tests.browser import Pages, accessibility, printed
from tests.conftest import SHARED

NAMES = "() => Array.from(document.querySelectorAll('#atlas-rows tbody tr'), row => row.dataset.name)"
CELLS = """column => {
  const headings = Array.from(document.querySelectorAll('#atlas-rows th'), heading => heading.dataset.column);
  const place = headings.indexOf(column);
  return Object.fromEntries(Array.from(document.querySelectorAll('#atlas-rows tbody tr'),
    row => [row.dataset.name, [row.cells[place].dataset.v ?? null, row.cells[place].textContent]]));
}"""
PLACE = """name => {
  const div = document.getElementById('atlas-plot'), row = document.querySelector(`tr[data-name="${name}"]`);
  const cell = column => Number(row.cells[Array.from(document.querySelectorAll('#atlas-rows th'),
    heading => heading.dataset.column).indexOf(column)].dataset.v);
  div.scrollIntoView({block: 'center'});
  const {xaxis, yaxis} = div._fullLayout, box = div.getBoundingClientRect();
  return [box.left + xaxis._offset + xaxis.d2p(cell('latency_s')),
    box.top + yaxis._offset + yaxis.d2p(cell('joule_per_inference'))];
}"""
RESET = """() => new Promise(done => {
  document.getElementById('atlas-filters').reset();
  setTimeout(done, 50);
})"""
DRAWN = """() => document.getElementById('atlas-plot').data
  .filter(trace => trace.customdata && trace.mode === 'markers' && trace.hoverinfo === 'text')
  .flatMap(trace => Array.from(trace.x, (x, place) =>
    [trace.yaxis ?? 'y', x, trace.y[place], trace.text[place].split('<br>')[1], trace.name]))"""


@pytest.fixture(scope="module")
def frame():
    """The catalogue as a user's data frame, whose figures do not come from the page's points."""
    return jb.catalogue()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("atlas") / "atlas.html"
    write_atlas(path)
    return path


@pytest.fixture(scope="module")
def shared(chromium, page_file):
    """One page for all tests that change nothing but its form."""
    with chromium.here() as browser:
        pages = Pages(browser)
        found = opened(pages.open, page_file)
    yield pages, found
    with chromium.here():
        pages.close()


@pytest.fixture
def page(chromium, shared):
    """The page with its form as it was; files, order and chosen row are not to be changed."""
    pages, found = shared
    with chromium.here():
        found.evaluate(RESET)
        yield found
    assert pages.taken_complaints() == []


@pytest.fixture
def fresh(browse, page_file):
    """A page of the test's own."""
    return opened(browse, page_file)


def opened(browse, path: Path, **options):
    page = browse(path, **options)
    page.wait_for_selector("#atlas-plot[data-drawn]")
    return page


def names(page) -> set[str]:
    found = page.evaluate(NAMES)
    assert len(set(found)) == len(found)
    return set(found)


def only(page, *benchmarks: str) -> None:
    for box in page.locator("[name=benchmark]").all():
        box.set_checked(box.get_attribute("value") in benchmarks)


def choice(page, label: str):
    return page.get_by_role("combobox", name=label, exact=True)


def downloaded(page, folder: Path) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download these rows as CSV").click()
    download.value.save_as(folder / "atlas.csv")
    with (folder / "atlas.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def own_point(**facts) -> OperatingPoint:
    given = {"name": "mine", "source": "session", "label": "mine", "benchmark": "kws", "latency_s": 1e-3,
             "joule_per_inference": 1e-6, "power_w": 1e-3, **facts}  # fmt: skip
    return OperatingPoint(**given)


def test_every_row_is_in_the_table_with_the_figures_of_the_data_frame(page, frame):
    assert names(page) == set(frame.id)
    for column in ("latency_s", "joule_per_inference"):
        shown = page.evaluate(CELLS, column)
        for name, value in zip(frame.id, frame[column], strict=True):
            number, text = shown[name]
            assert (number is None and text == "–") if math.isnan(value) else float(number) == value
    powers = page.evaluate(CELLS, "power_w")
    for row in frame[frame.energy_mode_inferences_per_second.notna() & frame.power_w.isna()].itertuples():
        expected = row.joule_per_inference * row.energy_mode_inferences_per_second
        assert float(powers[row.id][0]) == pytest.approx(expected, rel=1e-12)


def test_every_row_with_a_latency_has_a_place_in_the_chart_and_can_be_identified(page, frame):
    drawn = page.evaluate(DRAWN)
    above = {(name, x, y) for axis, x, y, name, _ in drawn if axis == "y"}
    known = frame[frame.joule_per_inference.notna() & (frame.benchmark != "sww")]
    assert above == set(zip(known.id, known.latency_s, known.joule_per_inference, strict=True))
    assert {name for axis, _, _, name, _ in drawn if axis == "y2"} == set(frame.id) - set(known.id)


def test_a_published_figure_is_on_the_page_as_it_was_printed(page):
    table = SHARED / "published_results.csv"
    if not table.is_file():
        pytest.skip("the table of published results is not beside the project")
    with table.open(encoding="utf-8", newline="") as file:
        rows = {row["path"].replace("/results/", "/", 1): row for row in csv.DictReader(file)}
    only(page, "kws")
    choice(page, "Round").select_option("v1.3")
    choice(page, "Division").select_option("closed")
    page.get_by_label("Energy at most").fill("900")
    kept = {
        name for name, row in rows.items()
        if (row["round"], row["division"], row["benchmark"]) == ("v1.3", "closed", "kws")
        and row["energy_uj_per_inf"] and float(row["energy_uj_per_inf"]) <= 900
    }  # fmt: skip
    assert len(kept) > 3
    assert names(page) == kept
    shown = page.evaluate(CELLS, "joule_per_inference")
    for name in kept:
        assert float(shown[name][0]) == pytest.approx(
            float(rows[name]["energy_uj_per_inf"]) * 1e-6, rel=1e-12
        )


@pytest.mark.parametrize(
    ("label", "option", "column"),
    [
        ("Round", "v0.7", "round"),
        ("Division", "open", "division"),
        ("Organisation", "Syntiant", "organization"),
        ("Files", "error", "verdict"),
    ],
)
def test_a_choice_leaves_the_rows_that_have_it(page, frame, label, option, column):
    if label == "Organisation":
        option = frame[frame.id.str.contains("yntiant")].organization.iloc[0]
    choice(page, label).select_option(option)
    assert names(page) == set(frame[frame[column] == option].id) != set()


def test_words_find_what_the_catalogue_finds(page):
    for words in ("syntiant ndp120", "nucleo", "pynq z2"):
        page.get_by_role("searchbox", name="Words").fill(words)
        assert names(page) == set(jb.catalogue(words).id) != set()


def powers_of(frame):
    """Mean power as printed, else energy times rate in energy mode, else in performance mode."""
    rate = frame.energy_mode_inferences_per_second.fillna(frame.inferences_per_second)
    return frame.power_w.fillna(frame.joule_per_inference * rate)


def test_limits_leave_what_is_inside_all_of_them_and_count_what_states_none(page, frame):
    page.get_by_label("Latency at most").fill("50")
    page.get_by_label("Power at most").fill("20,5")
    page.get_by_label("Accuracy at least").fill("85")
    power = powers_of(frame)
    number = frame.accuracy.where(frame.accuracy_metric != "TP/FN/FP").replace("", None).astype(float)
    fraction = number.where(frame.accuracy_metric == "AUC", number / 100)
    inside = (frame.latency_s <= 0.05) & (power <= 0.0205) & (fraction >= 0.85)
    assert names(page) == set(frame[inside].id) != set()
    unstated = (frame.latency_s.isna() | power.isna() | fraction.isna()).sum()
    assert f"{unstated} left out because they do not state" in page.locator("#atlas-status").inner_text()
    assert page.evaluate("document.getElementById('atlas-plot').data[0].name") == "region of interest"


def test_a_limit_that_is_no_number_is_named_and_not_applied(page):
    field = page.get_by_label("Latency at most")
    field.fill("10 ms")
    assert "“10 ms” is no number above 0" in page.locator("#limit-problem").inner_text()
    assert field.get_attribute("aria-invalid") == "true"
    assert len(names(page)) == 365
    page.get_by_role("button", name="Reset filters").click()
    page.wait_for_selector("#limit-problem", state="hidden")


def dominated(row, others, up: str) -> bool:
    """The definition itself: another is no worse in both figures, and better in one."""
    return any(
        other.latency_s <= row.latency_s
        and getattr(other, up) <= getattr(row, up)
        and (other.latency_s < row.latency_s or getattr(other, up) < getattr(row, up))
        for other in others
    )


def front_of(frame, up: str) -> set[str]:
    rows = list(frame[frame[up].notna() & frame.latency_s.notna() & (frame.verdict != "error")].itertuples())
    return {
        row.id for row in rows
        if not dominated(row, [other for other in rows if other.benchmark == row.benchmark], up)
    }  # fmt: skip


def fronts(page) -> set[str]:
    return {name for name, (_, text) in page.evaluate(CELLS, "front").items() if text == "front"}


def test_the_front_is_that_of_the_definition_and_follows_filters_and_limits(page, frame):
    rows = frame[frame.benchmark != "sww"]
    assert fronts(page) == front_of(rows, "joule_per_inference") != set()
    choice(page, "Division").select_option("open")
    assert fronts(page) == front_of(rows[rows.division == "open"], "joule_per_inference")
    choice(page, "Division").select_option("closed")
    page.get_by_label("Energy at most").fill("500")
    limited = rows[(rows.division == "closed") & (rows.joule_per_inference <= 500e-6)]
    assert fronts(page) == front_of(limited, "joule_per_inference") != front_of(rows, "joule_per_inference")


def test_a_point_that_is_not_valid_or_virtual_takes_no_place_on_a_front_of_hardware(browse, tmp_path):
    better = {"latency_s": 1e-9, "joule_per_inference": 1e-12}
    points = PointSet((
        own_point(name="bad", valid=False, **better),
        own_point(name="virtual", virtual=True, valid=True, **better),
        own_point(name="good", valid=True),
    ))  # fmt: skip
    write_page(atlas_page(read_rows(), points), tmp_path / "atlas.html")
    found = fronts(opened(browse, tmp_path / "atlas.html"))
    assert "good" in found
    assert not {"bad", "virtual"} & found


def test_energy_of_a_stream_is_not_limited_as_energy_per_inference(page, frame):
    page.get_by_label("Energy at most").fill("99999999")
    per_inference = frame[frame.joule_per_inference.notna() & (frame.benchmark != "sww")]
    assert names(page) == set(per_inference.id)
    unstated = len(frame) - len(per_inference)
    assert f"{unstated} left out because" in page.locator("#atlas-status").inner_text()


def test_the_front_is_that_of_the_definition_where_many_figures_are_equal(page):
    random = np.random.default_rng(11)
    points = [
        {"benchmark": benchmark, "latency_s": float(x), "joule_per_inference": float(y), "place": place}
        for place, (benchmark, x, y) in enumerate(
            zip(random.choice(["kws", "ad"], 300), *random.integers(1, 40, (2, 300)), strict=True)
        )
    ]
    found = page.evaluate(
        "points => Array.from(atlas.front(points, 'joule_per_inference'), point => point.place)", points
    )
    rows = [SimpleNamespace(**point) for point in points]
    up = "joule_per_inference"
    assert sorted(found) == [
        row.place for row in rows
        if not dominated(row, [other for other in rows if other.benchmark == row.benchmark], up)
    ]  # fmt: skip


def test_the_front_of_power_is_another(page, frame):
    rows = frame.assign(power=powers_of(frame))
    page.get_by_label("Vertical axis").select_option("power")
    assert fronts(page) == front_of(rows, "power") != front_of(rows, "joule_per_inference")


def test_energies_of_streams_are_drawn_only_among_themselves(page, frame):
    only(page, "sww")
    drawn = page.evaluate(DRAWN)
    assert {name for axis, _, _, name, _ in drawn if axis == "y"} == set(frame[frame.benchmark == "sww"].id)
    title = page.evaluate("document.getElementById('atlas-plot').layout.yaxis.title.text")
    assert title == "Energy of the whole stream"


def test_the_table_is_sorted_by_figures_and_what_is_not_known_stays_below(fresh, frame):
    heading = fresh.locator("#atlas-rows th[data-column=joule_per_inference] button")
    known = frame.joule_per_inference.dropna()
    for values, order in ((sorted(known), "ascending"), (sorted(known, reverse=True), "descending")):
        heading.click()
        shown = [number for number, _ in fresh.evaluate(CELLS, "joule_per_inference").values()]
        assert [float(number) for number in shown[: len(values)]] == values
        assert set(shown[len(values) :]) == {None}
        assert fresh.locator("th[data-column=joule_per_inference]").get_attribute("aria-sort") == order


def test_the_csv_has_the_remaining_rows_with_full_figures(page, frame, tmp_path):
    only(page, "ic")
    choice(page, "Round").select_option("v1.2")
    rows = downloaded(page, tmp_path)
    expected = frame[(frame.benchmark == "ic") & (frame["round"] == "v1.2")]
    assert {row["name"] for row in rows} == set(expected.id) != set()
    energies = {row["name"]: row["joule_per_inference"] for row in rows}
    for name, energy in zip(expected.id, expected.joule_per_inference, strict=True):
        assert energies[name] == "" if math.isnan(energy) else float(energies[name]) == energy


def test_a_row_is_chosen_by_keyboard_and_described_and_marked_in_the_chart(fresh):
    fresh.get_by_role("searchbox", name="Words").fill("l4r5zi harvard")
    fresh.locator("button.choose").first.focus()
    fresh.keyboard.press("Enter")
    details = fresh.locator("#atlas-details").inner_text()
    name = fresh.evaluate(NAMES)[0]
    assert name in details
    assert "assumed budget" in details or "Energy per inference" not in details
    assert fresh.evaluate("document.activeElement.className") == "choose"
    assert fresh.locator("button.choose[aria-pressed=true]").count() == 1
    fresh.keyboard.press("Enter")
    assert fresh.locator("button.choose[aria-pressed=true]").count() == 0


def test_a_click_on_a_point_brings_its_row(fresh):
    only(fresh, "ic")
    fresh.get_by_label("Energy at most").fill("100")
    name = fresh.evaluate(NAMES)[-1]
    assert fresh.evaluate(NAMES)[0] != name
    fresh.mouse.click(*fresh.evaluate(PLACE, name))
    fresh.wait_for_selector("#atlas-rows tr.chosen")
    assert fresh.locator("#atlas-rows tr.chosen").get_attribute("data-name") == name
    assert name in fresh.locator("#atlas-details").inner_text()


@pytest.fixture(scope="module")
def own_sessions(tmp_path_factory) -> Path:
    """An energy session of the virtual bench and the performance session that it belongs to."""
    folder = tmp_path_factory.mktemp("own")
    timed = jb.measure("virtual", "kws01", mode="performance", out=folder, progress=False)
    jb.measure("virtual", "kws01", out=folder, performance=timed, progress=False)
    return folder


def energy_folder(sessions: Path) -> Path:
    (folder,) = sessions.glob("*kws01-energy")
    return folder


def add_files(page, *files: Path) -> list[str]:
    before = page.locator("#atlas-messages li").count()
    page.set_input_files("#atlas-files", list(files))
    page.wait_for_function(
        "count => document.querySelectorAll('#atlas-messages li').length >= count", arg=before + len(files)
    )
    return page.locator("#atlas-messages li").all_inner_texts()[before:]


def test_own_sessions_named_at_build_time_stand_beside_the_published_rows(browse, own_sessions, tmp_path):
    write_atlas(tmp_path / "atlas.html", [own_sessions])
    page = opened(browse, tmp_path / "atlas.html")
    (point,) = points_of([own_sessions])
    choice(page, "Source").select_option("own")
    assert names(page) == {point.name}
    session = jb.open(energy_folder(own_sessions))
    energy = jb.integrate(session).joule_per_inference.median
    assert float(page.evaluate(CELLS, "joule_per_inference")[point.name][0]) == pytest.approx(
        energy, rel=1e-9
    )
    assert page.locator("#atlas-rows .virtual").inner_text() == "VIRTUAL"
    assert fronts(page) == {point.name}  # alone: nothing of hardware is left
    assert accessibility(page, schemes=("light",)) == []
    choice(page, "Source").select_option("")
    assert point.name not in fronts(page)


def test_a_result_dropped_in_is_the_point_that_the_program_makes_of_its_session(fresh, own_sessions):
    (point,) = points_of([own_sessions])
    assert add_files(fresh, energy_folder(own_sessions) / "result.json") == ["result.json: 1 point added"]
    choice(fresh, "Source").select_option("own")
    assert names(fresh) == {"result.json"}
    for column in ("joule_per_inference", "power_w"):
        number, _ = fresh.evaluate(CELLS, column)["result.json"]
        assert float(number) == getattr(point, column)
    text = fresh.evaluate(CELLS, "joule_per_inference")["result.json"][1]
    assert text == page_text(point)
    fresh.locator("button.choose").click()
    details = fresh.locator("#atlas-details").inner_text()
    assert "energy mode" in details
    assert point.processor_kind in details


def page_text(point: OperatingPoint) -> str:
    from energy.uncertainty.rounding import figure_text

    assert point.joule_per_inference is not None
    assert point.expanded_uncertainty_j is not None
    return figure_text(point.joule_per_inference, point.expanded_uncertainty_j, "J")


def test_a_list_of_sessions_dropped_in_takes_the_latency_of_the_performance_session(
    fresh, own_sessions, tmp_path
):
    listed = [session.to_json() for session in list_sessions(own_sessions)]
    path = tmp_path / "sessions.json"
    path.write_text(json.dumps({"schema": "joulebench.sessions/1", "sessions": listed}), encoding="utf-8")
    drop(fresh, path)
    assert fresh.locator("#atlas-messages").inner_text() == "sessions.json: 1 point added"
    (point,) = points_of([own_sessions])
    choice(fresh, "Source").select_option("own")
    (name,) = names(fresh)
    assert name == str(energy_folder(own_sessions))
    assert float(fresh.evaluate(CELLS, "latency_s")[name][0]) == pytest.approx(point.latency_s, rel=1e-12)
    assert float(fresh.evaluate(CELLS, "power_w")[name][0]) == point.power_w


def drop(page, path: Path) -> None:
    """Drops a file on the page, as a hand does."""
    transfer = page.evaluate_handle(
        """([name, text]) => { const transfer = new DataTransfer();
        transfer.items.add(new File([text], name, {type: "application/json"})); return transfer; }""",
        [path.name, path.read_text(encoding="utf-8")],
    )
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    page.wait_for_selector("#atlas-messages li")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not json", "it is not JSON"),
        ("[]", "its schema is not stated"),
        ('{"schema": "joulebench.bench/1"}', "its schema is joulebench.bench/1; the page reads"),
        ('{"schema": "joulebench.result/2"}', "of another version; the page reads joulebench.result/1"),
        ('{"schema": "joulebench.result/1", "mode": "accuracy"}', "it is of mode accuracy"),
        ('{"schema": "joulebench.result/1", "mode": "energy", "session": {}}', "no energy session"),
        ('{"schema": "joulebench.result/1", "mode": "energy", "session": '
         '{"joule_per_inference": {"exact": {"median": "1"}}}}', 'is "1", not a number'),
        ('{"schema": "joulebench.sessions/1", "sessions": 3}', "it has no list of sessions"),
        ('{"schema": "joulebench.sessions/1", "sessions": [{"mode": "energy", "power_w": -1}]}', "is -1,"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_its_reason_and_nothing_changes(page, tmp_path, text, complaint):
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    (message,) = add_files(page, path)
    assert message.startswith("bad.json was not added: ")
    assert complaint in message
    assert len(names(page)) == 365


def test_a_good_file_beside_a_bad_one_is_added(fresh, own_sessions, tmp_path):
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_text("{", encoding="utf-8")
    shutil.copy(energy_folder(own_sessions) / "result.json", good)
    messages = add_files(fresh, bad, good)
    assert messages[1] == "good.json: 1 point added"
    assert len(names(fresh)) == 366


EVIL = (
    "<a href=https://192.0.2.1>a</a><img src=x onerror=alert(1)><b>&amp;</b>"
    "{{ 7*7 }}%{x}</script><script>alert(2)</script>"
)


def test_texts_from_elsewhere_stay_text_in_table_chart_details_and_messages(browse, tmp_path):
    point = own_point(
        name=EVIL, label=EVIL, path=EVIL, scope=EVIL, findings=(EVIL,), notes=(EVIL,), monitor=EVIL
    )
    other = own_point(name="other", label="=cmd()", benchmark=EVIL, latency_s=2e-3)
    path = tmp_path / "atlas.html"
    write_page(atlas_page(read_rows()[:5], PointSet((point, other))), path)
    page = opened(browse, path)
    dropped = tmp_path / "evil.json"
    session = {"mode": "energy", "folder": EVIL + "2", "board": EVIL, "label": EVIL, "workload": EVIL,
               "joule_per_inference": 1e-6, "inferences_per_second": 10.0, "findings": EVIL}  # fmt: skip
    dropped.write_text(
        json.dumps({"schema": "joulebench.sessions/1", "sessions": [session]}), encoding="utf-8"
    )
    add_files(page, dropped)
    assert {EVIL, EVIL + "2", "other"} <= names(page)
    for button in page.locator("tr.own button.choose").all():
        button.click()
    assert page.locator("#atlas b, #atlas img, #atlas-rows script, #atlas-details script").count() == 0
    assert page.evaluate("document.querySelectorAll('#atlas-plot a, #atlas-plot image').length") == 0
    rows = downloaded(page, tmp_path)
    assert "'=cmd()" in {row["label"] for row in rows}


def test_figures_are_written_as_the_program_writes_them(page):
    values = [10.0**power * digits for power in range(-11, 9) for digits in (1.0, 1.23456, 9.9994, 9.99996)]
    written = page.evaluate("values => values.map(value => atlas.engineering(value, 'J'))", values)
    assert written == [engineering(value, "J") for value in values]


def test_uncertain_figures_are_written_as_the_program_writes_them(page, frame):
    from energy.uncertainty.rounding import figure_text

    known = frame[frame.expanded_uncertainty_j.notna()]
    pairs = list(zip(known.joule_per_inference, known.expanded_uncertainty_j, strict=True))
    pairs += [(value, value * part) for value, _ in pairs for part in (1e-5, 0.0996, 0.4, 2.0)]
    written = page.evaluate("pairs => pairs.map(([value, U]) => atlas.uncertain(value, U, 'J'))", pairs)
    assert written == [figure_text(value, expanded, "J") for value, expanded in pairs]


def test_an_empty_catalogue_and_points_without_figures_are_shown(browse, tmp_path):
    write_page(atlas_page([]), tmp_path / "empty.html")
    page = opened(browse, tmp_path / "empty.html")
    assert "0 of 0 rows remain" in page.locator("#atlas-status").inner_text()
    nothing = own_point(latency_s=None, joule_per_inference=None, power_w=None)
    odd = own_point(name="odd", latency_s=float("nan"), joule_per_inference=float("inf"))
    write_page(atlas_page([], PointSet((nothing, odd))), tmp_path / "odd.html")
    assert names(opened(browse, tmp_path / "odd.html")) == {"mine", "odd"}


def test_the_page_has_no_barrier_in_light_and_dark_and_with_filters(fresh):
    only(fresh, "sww", "kws")
    choice(fresh, "Round").select_option("v1.3")
    assert accessibility(fresh) == []
    fresh.get_by_label("Latency at most").fill("x")
    fresh.locator("button.choose").first.click()
    only(fresh, "ad")
    assert accessibility(fresh) == []


def test_the_page_prints_the_chart_and_the_rows(fresh, tmp_path):
    only(fresh, "kws")
    choice(fresh, "Round").select_option("v1.3")
    rows = len(names(fresh))
    sheets = printed(fresh, tmp_path / "atlas.pdf")
    assert len(sheets) >= 2
    assert sum(sheet.count(" Tj") + sheet.count(" TJ") for sheet in sheets) > rows * 4
    assert fresh.evaluate("document.documentElement.dataset.theme ?? ''") == ""


def test_the_page_loads_nothing_and_lets_only_its_own_scripts_run(page_file):
    text = page_file.read_text(encoding="utf-8")
    policy = text.partition('http-equiv="Content-Security-Policy" content="')[2].partition('"')[0]
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    assert "script-src &#39;unsafe-inline" not in policy


def test_the_catalogue_of_the_data_frame_is_that_of_the_page(frame):
    assert frame_of(read_rows()).equals(frame)
