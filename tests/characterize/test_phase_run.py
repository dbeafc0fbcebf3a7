"""Phases measured on whole benches: against the world's truth, on real firmware, and with a damaged wire."""

from __future__ import annotations

import csv
import json

import numpy as np
import pyarrow.parquet
import pytest

import drivers.virtual.environment
from drivers.virtual.bench import VirtualBench
from drivers.virtual.phase_pin import PhasePin
from drivers.virtual.truth import operating_point, post_processing, pre_processing
from drivers.virtual.world import World
from energy.bench.benchfile import BenchFile, load_bench
from energy.bench.changes import change_bench
from energy.characterize.phase_again import divide_again
from energy.characterize.phase_run import (
    PHASES_NAME,
    SCHEMA,
    PhasesOutcome,
    make_phases_plan,
    medians,
    run_phases,
)
from energy.characterize.phases import phase_edges, phases_of
from energy.cli.layout import drawn
from energy.cli.main import main
from energy.errors import BenchError, RecordingError, UsageError
from energy.findings import REGISTER
from energy.recording.store import Recording
from energy.report.figures.phases import draw_phases
from energy.report.phases import phases_table
from tests.firmware.support import needs
from tests.report.boxes import assert_readable
from tests.report.traces import EVERY_WIDTH

BENCH = "ppk2-source-virtual"


def bench(**changes) -> BenchFile:
    return change_bench(load_bench(BENCH), {"monitor.settings.phases": 1, **changes})


def measure(file: BenchFile, folder, workload: str = "kws01", *, count: int = 3) -> PhasesOutcome:
    plan = make_phases_plan(file, workload, window_s=0.3, count=count)
    return run_phases(plan, folder / "phases", lambda part, doing: None)


def codes(outcome: PhasesOutcome) -> list[str]:
    return [finding.code for finding in outcome.findings if finding.severity != "info"]


@pytest.fixture(scope="module")
def on_twin(tmp_path_factory) -> PhasesOutcome:
    return measure(bench(), tmp_path_factory.mktemp("twin"))


@pytest.mark.parametrize("workload", ["kws01", "ad01"])
def test_parts_are_the_worlds(workload, tmp_path):
    outcome = measure(bench(), tmp_path, workload)
    assert outcome.valid, outcome.findings
    parts = {row["part"]: row for row in medians(outcome.windows)}
    truths = {
        "pre-processing": pre_processing("NUCLEO-L4R5ZI"),
        "post-processing": post_processing("NUCLEO-L4R5ZI"),
    }
    for name, true in truths.items():
        # The borders' bound, and what the twin's currents and its regulator may be off: 2 ppt.
        assert parts[name]["energy_j"] == pytest.approx(
            true.energy_j, abs=parts[name]["bound_j"] + 2e-3 * true.energy_j
        )
        assert parts[name]["time_s"] == pytest.approx(true.duration_s, abs=parts[name]["bound_s"])
    network = operating_point("NUCLEO-L4R5ZI", workload)
    assert parts["network"]["energy_j"] == pytest.approx(
        network.energy_j, abs=parts["network"]["bound_j"] + 2e-3 * network.energy_j
    )
    assert parts["network"]["edp_js"] == pytest.approx(network.energy_j / network.throughput_ips, rel=5e-3)


def test_their_sum_is_the_windows_energy(on_twin):
    for row in on_twin.windows:
        window = row.figures.window
        assert row.sum_j == pytest.approx(row.figures.energy_j(), rel=1e-9)
        assert sum(part.time_s for part in row.parts) == pytest.approx(window.duration_s, rel=1e-9)


def test_the_folder_divides_again_to_the_same_parts(on_twin):
    document = json.loads((on_twin.folder / PHASES_NAME).read_text(encoding="utf-8"))
    assert (document["schema"], document["state"], document["virtual"]) == (SCHEMA, "finished", True)
    assert (document["phase_input"], document["pulse_s"]) == ("d1", pytest.approx(100e-6))
    recording = Recording(on_twin.folder)
    edges = phase_edges(recording, document["phase_input"])
    for row, told in zip(on_twin.windows, document["figures"]["windows"], strict=True):
        again = phases_of(row.figures, recording, edges, document["pulse_s"])
        assert again.parts == row.parts
        assert told["parts"][2]["energy_j"] == row.parts[2].energy_j / row.iterations
    found = divide_again(on_twin.folder)
    assert found.valid
    assert found.virtual
    assert [row.parts for row in found.windows] == [row.parts for row in on_twin.windows]
    assert all(edge.source != "d1" for edge in recording.edges)  # they open and close no window


def test_tables_and_picture_hold_the_parts(on_twin):
    rows = pyarrow.parquet.read_table(on_twin.folder / "phases.parquet").to_pylist()
    with (on_twin.folder / "phases.csv").open(encoding="utf-8", newline="") as file:
        text = list(csv.DictReader(file))
    assert [row["part"] for row in rows] == [row["part"] for row in text]
    assert len(rows) == 4 * 3
    assert rows[2]["energy_j"] == on_twin.windows[0].parts[2].energy_j / on_twin.windows[0].iterations
    table = phases_table(on_twin.windows)
    for width in (60, 80, 120):
        assert all(len(line.text) <= width for line in drawn(table, width))
    (axes,) = draw_phases(on_twin).axes
    assert len(axes.patches) == 8
    for width_in in EVERY_WIDTH:
        assert_readable(draw_phases(on_twin, width_in=width_in))


@pytest.mark.parametrize(("kind", "board"), [("qemu", "mps2-an386"), ("posix", "native")])
def test_real_firmware_marks_its_phases(kind, board, tmp_path):
    needs("make", "gcc", *(("arm-none-eabi-gcc", "qemu-system-arm") if kind == "qemu" else ()))
    settings = {"dut": kind, **({"dut_settings": {"scale": 20.0}} if kind == "posix" else {})}
    outcome = measure(bench(**{"virtual.settings": settings, "dut.board": board}), tmp_path)
    if kind == "posix" and not outcome.valid:
        # Its marks are timed by this host, which may take the processor away in the middle of one.
        errors = {finding.code for finding in outcome.findings if finding.severity == "error"}
        assert errors <= {code for code in REGISTER if code.startswith("phase.mark")}
        return
    assert outcome.valid, outcome.findings
    parts = {row["part"]: row for row in medians(outcome.windows)}
    assert parts["network"]["share"] > 0.9
    for name in ("pre-processing", "post-processing"):  # some microseconds: as short as its bound, or shorter
        assert abs(parts[name]["time_s"]) < 1e-3
        assert parts[name]["bound_s"] == pytest.approx(1e-5, rel=0.1)
    for row in outcome.windows:
        assert row.sum_j == pytest.approx(row.figures.energy_j(), rel=1e-9)


def damaged(monkeypatch: pytest.MonkeyPatch, disturb) -> None:
    """A wire from the phase pin that is damaged as the function says."""

    class Damaged(VirtualBench):
        def __init__(self, *arguments, **settings) -> None:
            super().__init__(*arguments, **settings)
            self.dut.phase_pin.disturb.append(disturb)

    monkeypatch.setattr(drivers.virtual.environment, "VirtualBench", Damaged)


@pytest.mark.parametrize("first", [0, 2])
def test_a_pulse_that_the_wire_loses_is_a_missing_mark(first, monkeypatch, tmp_path):
    lost = 4 * 20 + first  # in the second window: four changes make an inference
    damaged(monkeypatch, lambda number, change: [] if number in (lost, lost + 1) else [change])
    outcome = measure(bench(), tmp_path)
    assert codes(outcome) == ["phase.mark-missing"]
    assert not outcome.valid
    assert sorted(bool(row.parts) for row in outcome.windows) == [False, True, True]
    assert medians(outcome.windows)  # of the windows that could be divided


def test_a_pulse_that_the_wire_adds_is_a_doubled_mark(monkeypatch, tmp_path):
    def disturb(number, change):
        time_ns, _ = change
        if number != 4 * 20 + 1:
            return [change]
        return [change, (time_ns + 300_000, True), (time_ns + 400_000, False)]

    damaged(monkeypatch, disturb)
    outcome = measure(bench(), tmp_path)
    assert codes(outcome) == ["phase.mark-doubled"]
    assert sorted(bool(row.parts) for row in outcome.windows) == [False, True, True]


def test_a_bouncing_wire_is_named_and_divided_all_the_same(on_twin, monkeypatch, tmp_path):
    def disturb(number, change):
        time_ns, high = change
        return (
            [change, (time_ns + 6_000, not high), (time_ns + 17_000, high)] if number == 4 * 20 else [change]
        )

    damaged(monkeypatch, disturb)
    outcome = measure(bench(), tmp_path)
    assert codes(outcome) == ["phase.mark-bounce"]
    assert outcome.valid
    for row, clean in zip(medians(outcome.windows), medians(on_twin.windows), strict=True):
        assert row["energy_j"] == pytest.approx(clean["energy_j"], rel=1e-2)


def test_a_wire_that_is_off_is_a_missing_mark_in_every_window(monkeypatch, tmp_path):
    damaged(monkeypatch, lambda number, change: [])
    outcome = measure(bench(), tmp_path)
    assert codes(outcome) == ["phase.mark-missing"] * 3
    assert medians(outcome.windows) == []
    assert "no window" in draw_phases(outcome).axes[0].texts[0].get_text()


def test_a_monitor_without_a_second_input_is_refused(tmp_path):
    for file in (load_bench("virtual"), load_bench(BENCH)):
        with pytest.raises(BenchError) as caught:
            measure(file, tmp_path / file.name)
        assert caught.value.code == "bench.phases"
        assert "phases = 1" in caught.value.hint


def test_both_pins_on_one_input_are_refused(tmp_path):
    with pytest.raises(BenchError) as caught:
        measure(bench(**{"monitor.settings.logic": 1}), tmp_path)
    assert caught.value.code == "ppk2.setting"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"window_s": 0.0}, "usage.window"),
        ({"count": 0}, "usage.windows"),
        ({"count": 1000}, "usage.windows"),
        ({"workload": "kws"}, "usage.workload"),
    ],
)
def test_plans_that_cannot_be_are_refused(options, code):
    with pytest.raises(UsageError) as caught:
        make_phases_plan(bench(), **{"workload": "kws01", **options})
    assert caught.value.code == code


def test_the_verb_shows_every_phase(tmp_path, capsys):
    assert main(["phases", "--window", "0.2", "--windows", "2", "--out", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["part"] for row in document["parts"]] == [
        "mark",
        "pre-processing",
        "network",
        "post-processing",
    ]
    (folder,) = tmp_path.iterdir()
    assert (folder / "figures" / "phases.png").stat().st_size > 10_000


def test_the_verb_divides_a_folder_again(on_twin, capsys):
    assert main(["phases", str(on_twin.folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["parts"] == json.loads(json.dumps(medians(on_twin.windows)))
    assert main(["phases", str(on_twin.folder)]) == 0
    assert "pre-processing" in capsys.readouterr().out
    assert main(["phases", str(on_twin.folder), "--bench", "virtual"]) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda document: document.update(schema="joulebench.layers/1"), "phases.document"),
        (lambda document: document.pop("pulse_s"), "phases.document"),
        (lambda document: document["windows"][0].update(opening="here"), "phases.document"),
        (lambda document: document.update(phase_input="d7"), "recording.missing"),
    ],
)
def test_a_damaged_document_is_a_coded_error(change, code, on_twin, tmp_path):
    for path in on_twin.folder.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    document = json.loads((tmp_path / PHASES_NAME).read_text(encoding="utf-8"))
    change(document)
    (tmp_path / PHASES_NAME).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(RecordingError) as caught:
        divide_again(tmp_path)
    assert caught.value.code == code


def test_the_pin_shows_its_level_at_any_time():
    world = World()
    pin = PhasePin(world)
    for time_ns, high in ((100, True), (100, True), (250, False), (400, True)):
        world.at(time_ns, lambda high=high: pin.set(high))
    world.run(500)
    times = np.array([0, 99, 100, 249, 250, 399, 400, 499])
    expected = [False, False, True, True, False, False, True, True]
    assert pin.levels(times).tolist() == expected
    assert pin.levels(times[4:]).tolist() == expected[4:]
    assert pin.levels(np.array([], np.int64)).tolist() == []
