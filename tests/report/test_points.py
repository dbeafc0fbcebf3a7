"""Operating points: what is read from sessions, sweeps, recordings, published trees and the catalogue."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import joulebench as jb
from energy.catalogue.processors import kind_of_board, kind_of_row, processor_kind
from energy.catalogue.row import read_rows
from energy.errors import UsageError
from energy.report.point_sources import points_of
from energy.report.points import PointSet, catalogue_points, clock_of
from fixtures.make_recordings import ENERGY_J, FOLDER, INFERENCE_S
from tests.conftest import SHARED, shared_folder

ROWS = read_rows()


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both modes of two workloads on the virtual bench, and an accuracy session of one of them."""
    folder = tmp_path_factory.mktemp("points") / "sessions"
    jb.measure_all("virtual", ["kws01", "ad01"], out=folder, progress=False)
    jb.measure("virtual", "kws01", mode="accuracy", limit=4, out=folder, progress=False)
    return folder


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> jb.Sweep:
    plan = {
        "schema": "joulebench.sweep/1",
        "name": "clocks",
        "modes": ["performance", "energy"],
        "axes": {"workload": ["kws01"], "clock_hz": [60e6, 120e6]},
    }
    return jb.sweep(plan, out=tmp_path_factory.mktemp("points") / "sweep", progress=False)


def document(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def folder_of(sessions: Path, *words: str) -> Path:
    (found,) = [path for path in sessions.iterdir() if all(word in path.name for word in words)]
    return found


def test_a_sessions_point_is_its_result_and_the_latency_of_its_performance_session(sessions):
    found = points_of([sessions], ROWS)
    assert [point.benchmark for point in found] == ["kws", "ad"]
    assert found.left_out == ()
    for point in found:
        energy = document(Path(point.path))
        performance = document(folder_of(sessions, f"{point.benchmark}01", "performance"))
        stated = energy["uncertainty"]
        assert point.joule_per_inference == stated["joule_per_inference"]["value"]
        assert point.expanded_uncertainty_j == stated["joule_per_inference"]["expanded_uncertainty"]
        assert point.coverage_factor == stated["joule_per_inference"]["coverage_factor"]
        assert point.power_w == stated["power_w"]["value"]
        assert point.power_expanded_w == stated["power_w"]["expanded_uncertainty"]
        rate = performance["session"]["inferences_per_second"]["median"]
        assert (point.latency_s, point.latency_mode) == (1 / rate, "performance")
        assert (point.virtual, point.valid, point.findings) == (True, True, ())
        assert point.scope == "core, memories, flash, PLL, regulator, peripherals; inference only"
        assert (point.board, point.voltage_v, point.processor_kind) == ("NUCLEO-L4R5ZI", 1.8, "Cortex-M4")
        assert point.joule_seconds == pytest.approx(stated["joule_per_inference"]["value"] / rate)
    accuracy = document(folder_of(sessions, "kws01", "accuracy"))["session"]["value"]
    assert [point.accuracy for point in found] == [accuracy, None]


def test_without_its_performance_session_the_latency_is_that_of_energy_mode(sessions, tmp_path):
    alone = shutil.copytree(folder_of(sessions, "kws01", "energy"), tmp_path / "alone")
    (point,) = points_of([alone], ROWS)
    rate = document(alone)["uncertainty"]["inferences_per_second"]["value"]
    assert (point.latency_s, point.latency_mode) == (1 / rate, "energy")
    (by_file,) = points_of([alone / "result.json", alone], ROWS)
    assert replace(by_file, name="") == replace(point, name="")
    named = [alone, folder_of(sessions, "kws01", "performance")]
    (left,) = points_of(named, ROWS).left_out
    assert left.reason == "it has no energy: its mode is performance"


def test_sessions_that_are_named_each_by_itself_belong_together(sessions):
    found = points_of(sorted(sessions.iterdir()), ROWS)
    together = points_of([sessions], ROWS)
    assert found.left_out == ()
    assert [replace(point, name="") for point in found] == [replace(point, name="") for point in together]


def test_what_has_no_point_is_left_out_with_its_reason(sessions, tmp_path):
    folder = tmp_path / "sessions"
    for words in (("kws01", "performance"), ("kws01", "accuracy"), ("ad01", "energy")):
        source = folder_of(sessions, *words)
        shutil.copytree(source, folder / "-".join(words))
    damaged = folder / "damaged"
    shutil.copytree(folder_of(sessions, "kws01", "energy"), damaged)
    (damaged / "result.json").write_text("{", encoding="utf-8")
    shutil.copytree(damaged, folder / "broken")
    (folder / "broken" / "session.json").write_text('{"state": 3}', encoding="utf-8")
    found = points_of([folder], ROWS)
    assert [Path(point.path).name for point in found] == ["ad01-energy"]
    reasons = {Path(left.name).name: left.reason for left in found.left_out}
    assert reasons["kws01-performance"] == "it has no energy: its mode is performance"
    assert "cannot be read" in reasons["damaged"]
    assert "cannot be read" in reasons["broken"]
    assert reasons["kws01-accuracy"] == "it has no energy: its mode is accuracy"
    assert set(reasons) == {"kws01-performance", "kws01-accuracy", "damaged", "broken"}
    lines = found.left_out_lines()
    assert len(lines) == 4
    assert any(line.startswith("1 left out: it has no energy: its mode is performance (") for line in lines)


def test_a_session_that_was_altered_or_is_not_valid_keeps_its_point_and_is_marked(sessions, tmp_path):
    folder = tmp_path / "altered"
    shutil.copytree(folder_of(sessions, "kws01", "energy"), folder)
    result = document(folder)
    result["uncertainty"]["joule_per_inference"]["value"] *= 0.5
    result["valid"] = False
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    (point,) = points_of([folder], ROWS)
    assert point.valid is False
    assert point.findings == ("session.not-valid", "session.altered")
    result["valid"] = True
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    (point,) = points_of([folder], ROWS)
    assert (point.valid, point.findings) == (False, ("session.altered",))


@pytest.mark.parametrize(("value", "words"), [(-1e-6, "is not above zero"), (0.0, "is not above zero")])
def test_an_energy_that_no_logarithmic_axis_has_is_left_out(sessions, tmp_path, value, words):
    folder = tmp_path / "negative"
    shutil.copytree(folder_of(sessions, "kws01", "energy"), folder)
    result = document(folder)
    result["uncertainty"] = None
    result["session"]["joule_per_inference"]["exact"]["median"] = value
    result["mode"] = "record"
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    (folder / "trace.arrow").unlink()
    found = points_of([folder], ROWS)
    assert found.points == ()
    assert words in found.left_out[0].reason


def test_a_sweeps_points_are_the_rows_of_its_table(swept):
    found = points_of([swept.folder], ROWS)
    frame = swept.to_dataframe()
    assert len(found) == len(frame) == 2
    for point, (_, row) in zip(found, frame.iterrows(), strict=True):
        assert point.joule_per_inference == row["joule_per_inference"]
        assert point.expanded_uncertainty_j == row["joule_per_inference_u95"]
        assert point.power_w == row["power_w"]
        assert point.latency_s == row["latency_s"]
        assert (point.valid, point.virtual) == (True, True)
    assert [point.clock_hz for point in found] == [60e6, 120e6]
    (session,) = points_of([swept.folder / "points/0001/energy"], ROWS)
    for name in ("scope", "monitor", "temperature_c", "processor_kind", "joule_per_inference", "latency_s"):
        assert getattr(session, name) == getattr(found.points[0], name), name


def test_a_sweep_that_is_not_finished_says_how_many_points_are_missing(swept, tmp_path):
    folder = tmp_path / "sweep"
    shutil.copytree(swept.folder, folder)
    lines = (folder / "table.csv").read_text(encoding="utf-8").splitlines()
    failed = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    failed |= {"joule_per_inference": "", "verdict": "failed", "error": "dut.silent: no answer", "point": "2"}
    (folder / "table.csv").write_text("\n".join([lines[0], ",".join(failed.values())]), encoding="utf-8")
    found = points_of([folder], ROWS)
    assert found.points == ()
    assert [left.reason for left in found.left_out] == [
        "it has no energy per inference: dut.silent",
        "1 of its points are not measured yet",
    ]
    (folder / "table.csv").unlink()
    (left,) = points_of([folder], ROWS).left_out
    assert "--resume` writes it again" in left.reason


def test_a_tree_of_everything_is_read_once(sessions, swept, tmp_path):
    folder = tmp_path / "all"
    shutil.copytree(sessions, folder / "a" / "sessions")
    shutil.copytree(swept.folder, folder / "b" / "sweep")
    shutil.copytree(FOLDER, folder / "recording")
    assert len(points_of([folder], ROWS)) == 2 + 2 + 1
    assert len(points_of([folder, folder / "recording"], ROWS)) == 5


def test_a_recording_without_a_result_is_measured():
    (point,) = points_of([FOLDER], ROWS)
    assert point.joule_per_inference == pytest.approx(float(ENERGY_J), rel=1e-4)
    assert point.latency_s == pytest.approx(float(INFERENCE_S), rel=1e-4)
    assert (point.source, point.valid) == ("recording", True)
    assert "samples.gap" in point.findings
    assert point.notes[0].startswith("No uncertainty is stated: ")


def test_published_trees_give_the_published_energies_from_their_traces():
    tree = shared_folder("published") / "v1.3/closed/syntiant"
    with (SHARED / "published_results.csv").open(encoding="utf-8", newline="") as file:
        facts = {row["path"]: row for row in csv.DictReader(file)}
    found = points_of([tree], ROWS, workers=1)
    assert len(found) == 7
    for point in found:
        printed = facts[point.path]
        assert point.joule_per_inference == pytest.approx(
            float(printed["energy_uj_per_inf"]) * 1e-6, rel=1e-5
        )
        assert point.latency_s == pytest.approx(float(printed["latency_ms"]) * 1e-3, rel=1e-5)
        assert (point.source, point.own, point.assumed) == ("tree", True, True)
    both = found + catalogue_points(ROWS)
    assert len(both) == 163


def test_the_catalogue_gives_every_published_energy_and_counts_the_rest():
    shared_folder("published")
    with (SHARED / "published_results.csv").open(encoding="utf-8", newline="") as file:
        facts = list(csv.DictReader(file))
    energies = {
        row["path"]: float(row["energy_uj_per_inf"]) * 1e-6 for row in facts if row["energy_uj_per_inf"]
    }
    found = catalogue_points(ROWS)
    assert {point.path: point.joule_per_inference for point in found} == energies
    assert len(found.left_out) == len(facts) - len(energies) == 202
    assert found.left_out_lines() == ["202 published results left out: no energy was published"]
    for point in found:
        rate = float(next(row["throughput_ips"] for row in facts if row["path"] == point.path))
        assert point.latency_s == 1 / rate
        assert point.expanded_uncertainty_j is not None


def test_a_published_result_can_be_named_and_stands_in_the_catalogues_place():
    named = points_of(["v1.3 syntiant 1v1 kws"], ROWS)
    assert [point.own for point in named] == [True]
    both = named + catalogue_points(ROWS)
    assert len(both) == 163
    assert sum(point.own for point in both) == 1


@pytest.mark.parametrize(
    ("path", "code"), [("no/such/place", "path.missing"), ("v1.3 kws", "catalogue.several")]
)
def test_a_name_that_is_nothing_is_an_error(path, code):
    with pytest.raises(UsageError) as caught:
        points_of([path], ROWS)
    assert caught.value.code == code


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="holds no session, recording, sweep or submission"):
        points_of([tmp_path], ROWS)


def test_conditions_on_published_columns_leave_own_points_alone(sessions):
    both = points_of([sessions], ROWS) + catalogue_points(ROWS)
    assert len(both) == 165
    kws = both.where(["benchmark=kws"])
    assert (len(kws), len(kws.own)) == (43, 1)
    new = both.where(["round=v1.3"])
    assert (len(new), len(new.own)) == (29, 2)
    cheap = both.where(["energy<1mJ", "latency<=20ms", "accuracy>=0.8"])
    assert all(p.joule_per_inference < 1e-3 and p.latency_s <= 0.02 and p.accuracy >= 0.8 for p in cheap)
    assert len(cheap) > 10
    with pytest.raises(UsageError, match="there is no column"):
        both.where(["colour=red"])


def test_every_published_processor_has_a_kind_and_boards_are_found_by_name():
    assert {kind_of_row(row) for row in ROWS}.isdisjoint({"not known"})
    assert processor_kind("Something new") == "not known"
    assert processor_kind("ARM Cortex A9 Based", "XC7Z020") == "FPGA"
    assert processor_kind("HiFi3 + M0", "Syntiant Core 2") == "accelerator"
    assert kind_of_board("NUCLEO-L4R5ZI", ROWS) == "Cortex-M4"
    assert kind_of_board("nucleo_u575zi_q", ROWS) == "Cortex-M33"
    assert (
        kind_of_board("my board", ROWS) == kind_of_board(None, ROWS) == kind_of_board("", ROWS) == "not known"
    )


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("120 MHz", 120e6),
        ("650Mhz", 650e6),
        ("1.5 GHz", 1.5e9),
        ("", None),
        ("fast MHz", None),
        ("120", None),
    ],
)
def test_clocks_of_descriptions(text, clock):
    assert clock_of(text) == clock


def test_an_empty_set_of_points_is_empty():
    assert len(PointSet() + PointSet()) == 0
