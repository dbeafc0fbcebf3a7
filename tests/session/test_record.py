"""Recording a DUT that toggles its pin by itself."""

from __future__ import annotations

import json

import numpy as np
import pytest

from energy.bench.benchfile import bench_of
from energy.errors import BenchError, RecordingError, UsageError
from energy.recording.limits import MOST_WINDOWS
from energy.recording.store import RecordingWriter
from energy.runs.measured import load, measure_run
from energy.session.record import run_record
from energy.session.record_plan import make_record_plan, replay_bench
from energy.session.recorded import RecordPlan
from energy.signal import Block, Edge, EdgeKind, SampleKind, Signal
from energy.window.rules import EnergyRule
from tests.session.support import Watcher, virtual, watcher
from tests.window.support import bits

__all__ = ["watcher"]

AUTORUN = (40, 0.3)


def record(tmp_path, plan, seen=None):
    windows = [] if seen is None else seen
    return run_record(plan, tmp_path / "recording", windows.append, lambda seconds: None)


def test_windows_come_as_they_close_and_agree_with_the_worlds_truth(watcher, tmp_path):
    seen = []
    result = record(
        tmp_path, RecordPlan(virtual(autorun=AUTORUN, ppm=0.0), windows=3, iterations=40, leading=1), seen
    )
    assert result.ended == "windows"
    assert seen == result.windows
    marks = watcher.edges_s()[1:]  # after the boot's
    spans = list(zip(marks[::2], marks[1::2], strict=False))[: len(seen)]
    for figures, (start, stop) in zip(seen, spans, strict=True):
        window = figures.window
        truth_j = watcher.truth_j(start, stop)
        energy = window.energies[EnergyRule.EXACT].energy_j
        bound = window.bounds.step_j + window.bounds.position_j + 0.0005 * truth_j
        assert abs(energy - truth_j) <= bound
        assert abs(window.duration_s - (stop - start)) <= 2e-3
    assert not watcher.states[-1]["supply_on"]


def test_a_recording_integrates_to_the_same_bits(watcher, tmp_path):
    result = record(tmp_path, RecordPlan(virtual(autorun=AUTORUN), windows=2, iterations=40, leading=1))
    measured = measure_run(load(result.folder), None, lambda done: None)
    again = measured.session.windows[: len(result.windows)]
    assert [one.to_json() for one in again] == [one.to_json() for one in result.windows]


def test_it_ends_after_a_time_and_leading_edges_are_left_out(watcher, tmp_path):
    result = record(tmp_path, RecordPlan(virtual(autorun=AUTORUN), seconds=7.0, leading=3))
    assert result.ended == "time"
    first = result.windows[0].window
    assert first.opening.position > 2000  # the first window of the DUT lies before
    assert result.figures.joule_per_inference() is None  # nobody said how many inferences there are


def test_pauses_that_are_taken_for_windows_are_doubted(watcher, tmp_path):
    plan = RecordPlan(virtual(autorun=AUTORUN), windows=3)  # the boot edge opens the first
    codes = {finding.code for finding in record(tmp_path, plan).findings}
    assert codes == {"record.pairing-doubtful"}
    plan = RecordPlan(virtual(autorun=AUTORUN), windows=3, leading=1)
    assert not run_record(plan, tmp_path / "right", lambda window: None, lambda seconds: None).findings


def test_a_fault_of_the_monitor_ends_it_and_leaves_what_came(watcher, tmp_path):
    bench = virtual(autorun=AUTORUN, faults=[("overcurrent-stop", {"at_s": 6.0})])
    seen = []
    with pytest.raises(BenchError) as caught:
        record(tmp_path, RecordPlan(bench, windows=50), seen)
    assert caught.value.code == "bench.current"
    assert len(seen) >= 1
    assert not watcher.states[-1]["supply_on"]


def test_it_ends_before_its_windows_are_too_many_for_its_document(watcher, tmp_path, monkeypatch):
    monkeypatch.setattr("energy.session.record.MOST_WINDOWS", 4)
    with pytest.raises(RecordingError) as caught:
        record(tmp_path, RecordPlan(virtual(autorun=AUTORUN), windows=50, iterations=40, leading=1))
    assert caught.value.code == "recording.limit-reached"
    assert not watcher.states[-1]["supply_on"]
    document = json.loads((tmp_path / "recording/session.json").read_text(encoding="utf-8"))
    assert (document["state"], document["error"]["code"]) == ("failed", "recording.limit-reached")
    assert 4 <= len(document["windows"]) <= 6
    assert len(read_back(tmp_path / "recording").session.windows) >= 4
    monkeypatch.undo()
    with pytest.raises(UsageError, match=r"usage\.windows"):
        make_record_plan(virtual(), windows=MOST_WINDOWS + 1)


# The end of a recording, and what is read back of it


def read_back(folder):
    """A recording's windows and findings, integrated offline."""
    return measure_run(load(folder), None, lambda done: None)


@pytest.mark.parametrize("pause_s", [0.3, 0.463, 0.468])
def test_edges_of_an_io_manager_until_a_time_integrate_to_the_same_bits(watcher, tmp_path, pause_s):
    """The last edge is 505, 16 and 1 samples before the end of the samples that have come by then."""
    document = virtual(autorun=(40, pause_s)).model_dump(by_alias=True, exclude_unset=True)
    document["monitor"]["edges"] = "io"
    bench = bench_of(document, "test")
    result = record(tmp_path, RecordPlan(bench, seconds=5.5, leading=1))
    assert result.ended == "time"
    assert result.windows
    again = read_back(result.folder).session.windows[: len(result.windows)]  # another may end after the time
    assert [bits(one.window) for one in result.windows] == [bits(one.window) for one in again]


def replayed(path):
    return bench_of(
        {
            "schema": "joulebench.bench/1",
            "scope": {"feeds": ["core"]},
            "name": "replay",
            "dut": {"board": "replayed", "voltage_v": 3.3},
            "limits": {"highest_v": 60.0, "highest_a": 10.0},
            "monitor": {"driver": "replay", "port": str(path), "settings": {"speed": float("inf")}},
        },
        "replay",
    )


def planted(folder, edges, count=2000):
    """A recording of noise at 1 kHz with these edges."""
    values = np.random.default_rng(7).uniform(1e-6, 2e-6, count).astype(np.float32)
    with RecordingWriter(folder, Signal(SampleKind.ENERGY, 1000.0)) as writer:
        writer.append(Block(0, (values,)))
        for edge in edges:
            writer.edge(edge)
    return folder


def test_a_replay_ends_by_itself_and_closes_the_window_whose_edge_may_lie_beyond_its_end(tmp_path):
    edges = [Edge(100.5, 1.0), Edge(700.25, 1.0), Edge(1200.0, 1.0), Edge(1990.0, 300.0), Edge(1995.0)]
    played = planted(tmp_path / "played", edges)
    result = record(tmp_path, RecordPlan(replayed(played), iterations=5))
    assert result.ended == "replay"
    assert [(one.window.opening, one.window.closing) for one in result.windows] == [
        (edges[0], edges[1]),
        (edges[2], edges[3]),
    ]
    offline = read_back(played).session.windows
    assert [bits(one.window) for one in result.windows] == [bits(one.window) for one in offline]


def test_what_is_said_of_edges_live_is_said_offline(tmp_path):
    falls = [100.0, 100.02, 100.04, 700.0, 700.01, 1200.0, 1900.0]
    edges = [Edge(at) for at in falls]
    edges[3:3] = [Edge(100.05, kind=EdgeKind.RISE)]
    played = planted(tmp_path / "played", edges)
    result = record(tmp_path, RecordPlan(replayed(played)))
    offline = read_back(played)
    found = {finding for finding in result.findings if finding.code.startswith("edge.")}
    assert [finding.evidence for finding in found] == ["3 edges within 50 us of another"]
    assert found == {finding for finding in offline.findings if finding.code.startswith("edge.")}
    assert [bits(one.window) for one in result.windows] == [
        bits(one.window) for one in offline.session.windows
    ]


# A replay has the windows of its recording


def replay_of(tmp_path, played, **settings):
    plan = make_record_plan(replay_bench(played, float("inf")), replay=played, **settings)
    return run_record(plan, tmp_path / "replay", lambda window: None, lambda seconds: None)


def test_a_replayed_session_has_the_windows_and_iterations_of_its_trials(watcher: Watcher, tmp_path):
    outcome = watcher.run(virtual(), "ad01")
    assert outcome.figures is not None
    result = replay_of(tmp_path, outcome.folder)
    assert [bits(one.window) for one in result.windows] == [
        bits(one.window) for one in outcome.figures.windows
    ]
    assert [one.iterations for one in result.windows] == [one.iterations for one in outcome.figures.windows]
    assert not result.findings
    again = read_back(result.folder)  # the replay's own folder says which windows it has
    assert [bits(one.window) for one in again.session.windows] == [bits(one.window) for one in result.windows]
    assert [one.iterations for one in again.session.windows] == [one.iterations for one in result.windows]


@pytest.mark.parametrize("iterations", [None, 7])
@pytest.mark.parametrize("leading", [1, 3])
def test_a_replayed_recording_leaves_out_the_same_edges(tmp_path, leading, iterations):
    played = planted(tmp_path / "played", [Edge(100.0 * k) for k in range(1, 10)])
    first = record(tmp_path, RecordPlan(replayed(played), leading=leading, iterations=iterations))
    result = replay_of(tmp_path, first.folder)
    assert len(result.windows) == (9 - leading) // 2
    assert [bits(one.window) for one in result.windows] == [bits(one.window) for one in first.windows]
    assert [one.iterations for one in result.windows] == [iterations] * len(result.windows)


def test_a_number_of_leading_edges_that_is_given_is_taken_in_place_of_the_recordings(tmp_path):
    played = planted(tmp_path / "played", [Edge(100.0 * k) for k in range(1, 10)])
    first = record(tmp_path, RecordPlan(replayed(played), leading=1, iterations=7))
    result = replay_of(tmp_path, first.folder, leading=2)
    assert [one.window.opening.position for one in result.windows] == [300.0, 500.0, 700.0]


# The state of a recording is on disk, however it ends


@pytest.mark.parametrize(
    "broken", [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left"), SystemExit(1)]
)
@pytest.mark.parametrize("callback", ["window", "time"])
def test_an_output_that_cannot_be_written_ends_a_recording_with_a_code(watcher, tmp_path, callback, broken):
    def fail(value):
        raise broken

    shown = {"window": lambda window: None, "time": lambda seconds: None, callback: fail}
    plan = RecordPlan(virtual(autorun=AUTORUN), windows=3, leading=1)
    with pytest.raises(UsageError) as caught:
        run_record(plan, tmp_path / "recording", shown["window"], shown["time"])
    assert caught.value.code == "output.broken"
    document = json.loads((tmp_path / "recording" / "session.json").read_text(encoding="utf-8"))
    assert (document["state"], document["error"]["code"]) == ("failed", "output.broken")
    assert not watcher.states[-1]["supply_on"]


def test_what_decides_about_windows_is_on_disk_before_the_first_sample(watcher, tmp_path):
    seen = []

    def look(seconds):
        document = json.loads((tmp_path / "recording" / "session.json").read_text(encoding="utf-8"))
        seen.append((document["state"], document["leading_edges"], document["iterations_each"]))

    plan = RecordPlan(virtual(autorun=AUTORUN), windows=2, leading=3, iterations=40)
    run_record(plan, tmp_path / "recording", lambda window: None, look)
    assert seen[0] == ("started", 3, 40)


def test_a_recording_that_was_cut_off_integrates_with_its_leading_edges_and_iterations(watcher, tmp_path):
    plan = RecordPlan(virtual(autorun=AUTORUN), windows=4, leading=3, iterations=40)
    first = run_record(plan, tmp_path / "recording", lambda window: None, lambda seconds: None)
    document = json.loads((first.folder / "session.json").read_text(encoding="utf-8"))
    at_first = {"schema", "joulebench", "virtual", "begun", "bench", "leading_edges", "iterations_each"}
    cut = {key: value for key, value in document.items() if key in at_first} | {"state": "started"}
    (first.folder / "session.json").write_text(json.dumps(cut), encoding="utf-8")
    windows = read_back(first.folder).session.windows
    assert [bits(one.window) for one in windows[:4]] == [bits(one.window) for one in first.windows]
    assert {one.iterations for one in windows} == {40}
