"""Traces in trees, with their logs and results: found, loaded, measured, compared with what was printed."""

from __future__ import annotations

import json
import math
import os
import re
import struct

import numpy as np
import pytest

from energy.errors import RecordingError, UsageError
from energy.recording.store import RecordingWriter
from energy.runs.find import find_traces
from energy.runs.measured import load, measure_run
from energy.runs.measurement import WindowOptions
from energy.signal import Block, Edge, SampleKind, Signal
from energy.window.rules import EnergyRule

STAMPS = [0.5, 1.0, 11.25, 12.0, 22.25, 23.0, 33.25, 34.0, 44.25, 45.0, 55.25]
"""One of the `timestamp` command, then five windows of 10.25 s."""


def eembc(folder, *, stamps=STAMPS, iterations=(20,) * 5, log=True, results=True, name="trace1", level=1.0):
    """Writes an EEMBC energy run whose every sample is ``level`` microjoule, and its printed figures."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = noisy(56_000, level).astype("<f4")
    (folder / f"{name}-energy.bin").write_bytes(struct.pack("<Bf", 0xF1, 1000.0) + samples.tobytes())
    (folder / f"{name}-timestamps.json").write_text(json.dumps(list(stamps)))
    if log:
        (folder / "log.txt").write_text(eembc_log(iterations))
    if results:
        (folder / "results.txt").write_text(eembc_results(stamps, iterations, samples))
    return folder / f"{name}-energy.bin"


def noisy(count, level):
    """Samples that differ from each other, as those of a monitor do, with the mean ``level``."""
    return level * (1 + np.resize([1, -1], count) / 1024)


def eembc_log(iterations):
    """The log of a run whose clock began at 100 s of the host's."""
    lines = ["00090.000 emon: m-voltage-mv[3000]", "00091.000 io: [dut]: m-model-[kws01]"]
    for k, count in enumerate(iterations):
        a, b = 100 + STAMPS[2 * k + 1], 100 + STAMPS[2 * k + 2]
        lines += [
            f'{a - 0.2:09.3f} parser: Command "io dut infer {count} 1"',
            f"{a + 0.004:09.3f} io: [dut]: m-infer-start-{count}",
            f"{b + 0.027:09.3f} io: [dut]: m-infer-done",
            f"{b + 0.090:09.3f} io: [dut]: m-results-[0.5,0.5]",
        ]
    return "\n".join([*lines, "00157.000 session: m-session-stop-id[1]"]) + "\n"


def eembc_results(stamps, iterations, samples):
    """What the runner prints, from its own loop."""
    times = np.concatenate([[0.0], np.cumsum(np.full(55_999, 1 / 1000.0))])
    lines, costs, rates = [], [], []
    for k, count in enumerate(iterations):
        a, b = stamps[2 * k + 1], stamps[2 * k + 2]
        inside = samples[(times >= a) & (times <= b)].astype(np.float64)
        energy = float(inside.sum())
        costs.append(energy / count)
        rates.append(count / (b - a))
        lines += [
            f"Energy data for window {2 * k + 2} at time {a:.2f} for {b - a:.2f} sec.:",
            f"  Energy       : {energy:12.3f} uJ",
            f"  Power        : {energy / (len(inside) / 1000):12.3f} uW",
            f"  Energy/Inf.  : {energy / count:12.3f} uJ/inf.",
            f"  # Inferences : {count:12d}",
        ]
    lines.append(f"Median energy cost is {np.median(costs):.3f} uJ/inf.")
    lines.append(f"Median throughput is {np.median(rates):.3f} inf./sec.")
    return "".join(f"00158.000 ulp-ml: {line}\n" for line in lines)


def trial(number, *, iterations=50, marks=None, samples=11_000, level=1e-5, boot=False):
    marks = [200, 10_700] if marks is None else marks
    if boot:
        marks = [3, *marks]
    return {
        "file": f"input{number}.bin",
        "infer": {"results": [0.5], "iterations": iterations, "warmups": 1},
        "power": {
            "samples": noisy(samples, level).tolist(),
            "timestamps": [[f"{3 * number + k:02d}", index] for k, index in enumerate(marks)],
            "voltage": 3.0,
        },
    }


def mlcommons(folder, trials=None, *, log=True, results=True):
    """Writes an energy run of the MLCommons runner. Event numbers run on."""
    folder.mkdir(parents=True, exist_ok=True)
    trials = trials or [trial(n, boot=n == 0) for n in range(5)]
    event = 0
    for one in trials:
        for mark in one["power"]["timestamps"]:
            mark[0] = f"{event:02d}"
            event += 1
    (folder / "results.json").write_text(json.dumps(trials))
    counts = [one["infer"].get("iterations") for one in trials]
    if log:
        text = "".join(f"Running inference with 1/{n} (warmup/measured) iterations ...\n" for n in counts)
        (folder / "log.txt").write_text(text)
    if results:
        lines, costs = [], []
        for number, one in enumerate(trials):
            low, high = (index for _, index in one["power"]["timestamps"][-2:])
            energy = sum(one["power"]["samples"][low:high]) * 1e6
            costs.append(energy / counts[number])
            lines += [
                f"Energy data for trial {number}",
                f"  Inferences    : {counts[number]}",
                f"  Power         : {energy / (high - low):.4f} mW.",
                f"  Total Energy  : {energy:.3f} uJ",
                f"  Energy/Inf    : {energy / counts[number]:.3f} uJ/inf",
            ]
        lines.append(f"Median energy cost is {np.median(costs):.4f} uJ/inf.")
        (folder / "results.txt").write_text("\n".join(lines) + "\n")
    return folder / "results.json"


def recording(folder, *, session=None, edges=(100.0, 200.0, 300.0, 450.0), values=None, rate=10.0):
    values = np.ones(2000, np.float32) if values is None else values
    with RecordingWriter(
        folder, Signal(SampleKind.ENERGY, rate), virtual=True, about={"board": "b"}
    ) as writer:
        for at in edges:
            writer.edge(Edge(at))
        writer.append(Block(0, (values,)))
    if session is not None:
        (folder / "session.json").write_text(session if isinstance(session, str) else json.dumps(session))
    return folder


def measured(path, options=None):
    options = options or WindowOptions()
    return measure_run(load(path), options)


def codes(one, *, without=("timestamps.unused",)):
    return [finding.code for finding in one.all_findings if finding.code not in without]


# Finding


def test_every_trace_of_a_tree_is_found_in_the_order_of_names(tmp_path):
    expected = [
        eembc(tmp_path / "a" / "kws" / "energy"),
        mlcommons(tmp_path / "b" / "ad" / "energy"),
        recording(tmp_path / "c"),
        eembc(tmp_path / "d (2)" / "kws"),
    ]
    assert list(find_traces(tmp_path)) == expected
    assert [load(path).rule for path in find_traces(tmp_path)] == [
        EnergyRule.EEMBC,
        EnergyRule.MLCOMMONS,
        EnergyRule.EXACT,
        EnergyRule.EEMBC,
    ]


def test_a_file_is_found_as_itself_and_a_store_as_its_folder(tmp_path):
    trace, run, store = eembc(tmp_path / "a"), mlcommons(tmp_path / "b"), recording(tmp_path / "c")
    assert list(find_traces(trace)) == [trace]
    assert list(find_traces(run)) == [run]
    assert list(find_traces(store)) == [store]
    assert list(find_traces(store / "trace.arrow")) == [store]


def test_a_store_by_another_name_is_read_too(tmp_path):
    store = recording(tmp_path / "c")
    (store / "trace.arrow").rename(store / "mine.arrow")
    (path,) = find_traces(store / "mine.arrow")
    assert len(measured(path).session.windows) == 2


def test_two_traces_in_a_folder_are_two(tmp_path):
    first, second = eembc(tmp_path, name="trace1"), eembc(tmp_path, name="trace2", level=1.0)
    run = mlcommons(tmp_path, log=False, results=False)
    assert list(find_traces(tmp_path)) == [first, second, run]
    assert [codes(measured(path)) for path in (first, second)] == [[], []]


def test_a_missing_path_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match=r"path\.missing"):
        list(find_traces(tmp_path / "absent"))


@pytest.mark.parametrize("name", ["log.txt", "trace1-energy.txt", "edges.jsonl", "energy.bin"])
def test_another_file_is_wrong_usage(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match=r"path\.not-a-trace"):
        list(find_traces(tmp_path / name))
    assert list(find_traces(tmp_path)) == []


def test_an_empty_folder_holds_no_trace(tmp_path):
    assert list(find_traces(tmp_path)) == []


def test_the_results_of_a_performance_run_are_no_trace(tmp_path):
    (tmp_path / "results.json").write_text(json.dumps([{"file": "a", "infer": {"iterations": 10}}]))
    assert list(find_traces(tmp_path)) == []
    with pytest.raises(RecordingError, match=r"trace\.no-power"):
        load(tmp_path / "results.json")


def test_links_to_folders_are_not_followed_and_loops_end(tmp_path):
    trace = eembc(tmp_path / "real")
    (tmp_path / "real" / "loop").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "real")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "results.json").symlink_to(tmp_path / "results.json")
    assert list(find_traces(tmp_path)) == [trace]


def test_a_trace_that_is_a_link_to_itself_is_an_error_and_no_hang(tmp_path):
    (tmp_path / "trace1-energy.bin").symlink_to("trace1-energy.bin")
    (path,) = find_traces(tmp_path)
    with pytest.raises(RecordingError, match=r"file\.link"):
        load(path)


def test_what_macos_leaves_behind_is_no_trace(tmp_path):
    trace = eembc(tmp_path)
    (tmp_path / "._trace1-energy.bin").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "._results.json").write_bytes(b"\x00\x05\x16\x07")
    assert list(find_traces(tmp_path)) == [trace]


def test_one_unreadable_results_file_does_not_stop_the_search(tmp_path, monkeypatch):
    first, second = mlcommons(tmp_path / "a"), mlcommons(tmp_path / "b")
    opened = os.open

    def refuse(name, flags, mode=0o777, *, dir_fd=None):
        if dir_fd is not None and os.path.samestat(first.parent.stat(), os.fstat(dir_fd)):
            raise PermissionError(13, "Permission denied")
        return opened(name, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse)
    assert list(find_traces(tmp_path)) == [first, second]
    with pytest.raises(RecordingError, match=r"file\.unreadable"):
        load(first)


def test_a_pipe_by_the_name_of_a_trace_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "trace1-energy.bin")
    os.mkfifo(tmp_path / "results.json")
    for path in find_traces(tmp_path):
        with pytest.raises(RecordingError, match=r"file\.unreadable"):
            load(path)


# EEMBC runs


def test_a_sound_run_has_its_figures_and_no_findings(tmp_path):
    one = measured(eembc(tmp_path))
    assert codes(one) == []
    assert one.sound
    assert [figures.iterations for figures in one.session.windows] == [20] * 5
    assert one.session.joule_per_inference(EnergyRule.EEMBC).median == pytest.approx(10_251e-6 / 20, rel=1e-3)
    assert one.session.inferences_per_second().median == pytest.approx(20 / 10.25)
    assert one.run.about["model"] == "kws01"
    assert one.run.about["voltage"] == "3 V"


def test_without_log_and_results_there_is_energy_and_a_warning(tmp_path):
    one = measured(eembc(tmp_path, log=False, results=False))
    assert codes(one) == ["iterations.unknown"]
    assert one.sound
    assert one.session.joule_per_inference() is None
    assert one.session.energy_j().count == 5


@pytest.mark.parametrize("without", ["log", "results"])
def test_either_log_or_results_tell_the_iterations(tmp_path, without):
    one = measured(eembc(tmp_path, iterations=(20, 21, 22, 23, 24), **{without: False}))
    assert [figures.iterations for figures in one.session.windows] == [20, 21, 22, 23, 24]
    assert codes(one)[:1] != ["iterations.unknown"]


def test_prefixed_names_of_log_and_results_are_read(tmp_path):
    path = eembc(tmp_path)
    (tmp_path / "log.txt").rename(tmp_path / "energy_log.txt")
    (tmp_path / "results.txt").rename(tmp_path / "energy_results.txt")
    one = measured(path)
    assert one.run.printed is not None
    assert [figures.iterations for figures in one.session.windows] == [20] * 5
    assert codes(one) == ["tree.file-name"] * 2


def test_log_and_results_that_disagree_are_an_error_and_the_log_counts(tmp_path):
    path = eembc(tmp_path)
    (tmp_path / "log.txt").write_text("m-infer-start-40\n" * 5)
    one = measured(path)
    assert "iterations.disagree" in codes(one)
    assert not one.sound
    assert [figures.iterations for figures in one.session.windows] == [40] * 5


@pytest.mark.parametrize("line", range(5))
def test_a_garbled_start_in_the_log_is_made_up_for(tmp_path, line):
    path = eembc(tmp_path, iterations=(20, 21, 22, 23, 24))
    text = (tmp_path / "log.txt").read_text()
    (tmp_path / "log.txt").write_text(text.replace(f"m-infer-start-{20 + line}", "m-inf\ufffdr-start-20"))
    one = measured(path)
    assert [figures.iterations for figures in one.session.windows] == [20, 21, 22, 23, 24]
    assert "iterations.disagree" not in codes(one)
    assert "edge.count" not in codes(one)


def test_a_garbled_start_without_results_leaves_a_wrong_number_of_edges(tmp_path):
    path = eembc(tmp_path, results=False)
    (tmp_path / "log.txt").write_text("m-infer-start-20\n" * 4)
    assert "edge.count" in codes(measured(path))


@pytest.mark.parametrize("log", [True, False])
def test_an_even_number_of_timestamps_is_found(tmp_path, log):
    one = measured(eembc(tmp_path, stamps=STAMPS[:-1], log=log, results=False))
    assert not one.sound
    if log:
        assert "edge.lost" in codes(one)
        assert len(one.session.windows) == 5
    else:
        assert {"edge.unpaired", "session.not-five-windows"} <= set(codes(one))
        assert len(one.session.windows) == 4


def test_an_edge_lost_in_the_middle_is_found_and_the_windows_are_those_of_the_log(tmp_path):
    path = eembc(tmp_path)
    (tmp_path / "trace1-timestamps.json").write_text(json.dumps(STAMPS[:4] + STAMPS[5:]))
    one = measured(path)
    assert codes(one) == ["edge.lost"]
    assert [figures.window.duration_s for figures in one.session.windows] == pytest.approx(
        [10.25] * 5, abs=0.01
    )


def test_leading_edges_are_the_users_to_say(tmp_path):
    path = eembc(tmp_path)
    (tmp_path / "trace1-timestamps.json").write_text(json.dumps([0.1, *STAMPS]))
    assert codes(measured(path)) == ["edge.stray"]
    assert codes(measured(path, WindowOptions(leading_edges=2))) == []
    without = measured(path, WindowOptions(leading_edges=0))
    assert without.session.windows[0].window.start_s == 0.1


def test_iterations_are_the_users_to_say_for_every_window(tmp_path):
    for path in (
        eembc(tmp_path / "a", log=False, results=False),
        mlcommons(tmp_path / "b"),
        recording(tmp_path / "c"),
    ):
        one = measured(path, WindowOptions(iterations=80))
        assert {figures.iterations for figures in one.session.windows} == {80}
        assert "iterations.unknown" not in codes(one)
        assert "iterations.disagree" not in codes(one)


def test_the_hold_is_the_users_to_say(tmp_path):
    path = recording(tmp_path / "c", edges=(100.0, 104.0, 200.0))
    assert len(measured(path).session.windows) == 1
    held = measured(path, WindowOptions(hold_s=0.5))
    assert [figures.window.closing.position for figures in held.session.windows] == [200.0]
    assert codes(held)[:1] == ["edge.bounce"]


@pytest.mark.parametrize("line", ["Energy       :", "Median energy", "Median throughput"])
@pytest.mark.parametrize("digit", [0, -1])
def test_a_changed_digit_is_found(tmp_path, line, digit):
    path = eembc(tmp_path)
    lines = (tmp_path / "results.txt").read_text().splitlines()
    at = next(k for k, text in enumerate(lines) if line in text)
    number = list(re.finditer(r"\d+\.\d{3}", lines[at]))[-1]
    place = number.start() if digit == 0 else number.end() - 1
    changed = str((int(lines[at][place]) + 1) % 10)
    lines[at] = lines[at][:place] + changed + lines[at][place + 1 :]
    (tmp_path / "results.txt").write_text("\n".join(lines) + "\n")
    one = measured(path)
    assert codes(one) == ["result.differs"]
    assert not one.sound
    (finding,) = one.findings[-1:]
    assert finding.window == (1 if line.startswith("Energy") else None)


def test_printed_windows_that_are_too_few_or_too_many_are_found(tmp_path):
    path = eembc(tmp_path)
    text = (tmp_path / "results.txt").read_text()
    lines = text.splitlines(keepends=True)
    (tmp_path / "results.txt").write_text("".join(lines[:20] + lines[25:]))
    assert codes(measured(path)) == ["session.not-five-windows"]
    sixth = "".join(lines[20:25]).replace("window 10", "window 12")
    (tmp_path / "results.txt").write_text(text + sixth)
    assert codes(measured(path)) == ["session.mixed", "edge.count"]


def test_figures_with_fewer_decimals_are_compared_as_printed(tmp_path):
    path = eembc(tmp_path)
    text = (tmp_path / "results.txt").read_text()
    shorter = re.sub(r"(?<=Energy       : )\s+\d+\.\d{3}", lambda found: f"{float(found[0]):.1f}", text)
    assert shorter != text
    (tmp_path / "results.txt").write_text(shorter)
    one = measured(path)
    assert codes(one) == []
    assert {len(check.printed.partition(".")[2]) for check in one.figures if check.name == "energy"} == {1}


# MLCommons runs


def test_a_sound_run_of_the_mlcommons_runner_has_no_findings(tmp_path):
    one = measured(mlcommons(tmp_path))
    assert codes(one) == []
    assert [figures.iterations for figures in one.session.windows] == [50] * 5
    assert [figures.window.number for figures in one.session.windows] == [1, 2, 3, 4, 5]
    assert one.run.about["voltage"] == "3 V"


def test_a_trial_that_lost_an_edge_takes_no_other_trials_iterations_or_results(tmp_path):
    """Trials have different numbers of inferences: a shift by one would show in every figure after it."""
    trials = [trial(n, iterations=50 + n, level=1e-5 * (50 + n)) for n in range(5)]
    path = mlcommons(tmp_path, trials)
    trials[2]["power"]["timestamps"].pop()
    events = (str(n) for n in range(100))
    for one in trials:
        for mark in one["power"]["timestamps"]:
            mark[0] = next(events)
    path.write_text(json.dumps(trials))
    found = measured(path)
    assert [(figures.window.number, figures.iterations) for figures in found.session.windows] == [
        (1, 50),
        (2, 51),
        (4, 53),
        (5, 54),
    ]
    cost = found.session.joule_per_inference(EnergyRule.MLCOMMONS)
    assert cost.low == pytest.approx(cost.high, rel=1e-12)
    differing = [(f.code, f.window) for f in found.findings if f.code in ("edge.count", "result.differs")]
    assert differing == [("edge.count", 3)]


def test_iterations_of_results_json_that_the_log_contradicts_are_an_error(tmp_path):
    path = mlcommons(tmp_path)
    (tmp_path / "log.txt").write_text("Running inference with 1/60 (warmup/measured) iterations ...\n" * 5)
    one = measured(path)
    assert codes(one) == ["iterations.disagree"] * 5
    assert [figures.iterations for figures in one.session.windows] == [50] * 5


def test_iterations_of_results_json_that_results_txt_contradicts_are_an_error(tmp_path):
    path = mlcommons(tmp_path)
    text = (tmp_path / "results.txt").read_text()
    (tmp_path / "results.txt").write_text(text.replace("Inferences    : 50", "Inferences    : 51", 1))
    assert codes(measured(path)) == ["iterations.disagree"]


def test_what_the_user_says_of_iterations_ends_all_disagreement(tmp_path):
    runs = [mlcommons(tmp_path / "a"), eembc(tmp_path / "b")]
    for path in runs:
        (path.parent / "log.txt").write_text("m-infer-start-33\n" * 5)
        assert "iterations.disagree" in codes(measured(path))
        assert "iterations.disagree" not in codes(measured(path, WindowOptions(iterations=70)))


def test_a_log_that_lacks_an_inference_is_no_evidence_and_takes_no_windows_iterations(tmp_path):
    path = mlcommons(tmp_path)
    text = (tmp_path / "log.txt").read_text()
    (tmp_path / "log.txt").write_text(text.replace("Running", "Runn\ufffdng", 1))
    one = measured(path)
    assert codes(one) == ["session.mixed"]
    assert [figures.iterations for figures in one.session.windows] == [50] * 5


@pytest.mark.parametrize("damaged", [None, "fifty", 0, -5, 1.5, 10**400])
def test_iterations_that_results_json_lacks_are_taken_from_the_results(tmp_path, damaged):
    path = mlcommons(tmp_path)
    trials = json.loads(path.read_text())
    trials[3]["infer"]["iterations"] = damaged
    path.write_text(json.dumps(trials))
    one = measured(path)
    assert [figures.iterations for figures in one.session.windows] == [50] * 5
    (tmp_path / "log.txt").unlink()
    (tmp_path / "results.txt").unlink()
    one = measured(path)
    assert "iterations.unknown" in codes(one)
    assert not one.session.joule_per_inference()


def test_an_event_at_the_end_of_a_trial_closes_its_window(tmp_path):
    trials = [trial(n, marks=[500, 11_000]) for n in range(5)]
    one = measured(mlcommons(tmp_path, trials))
    assert codes(one) == []
    assert [figures.window.closing.position for figures in one.session.windows] == [
        11_000.0 * (n + 1) for n in range(5)
    ]


# Our recordings


def test_a_recording_without_a_session_gives_energy_per_window(tmp_path):
    one = measured(recording(tmp_path / "r"))
    assert codes(one) == ["iterations.unknown"]
    assert [figures.energy_j() for figures in one.session.windows] == [100.0, 150.0]
    assert one.to_json()["virtual"] is True
    assert one.run.about == {"format": "joulebench recording", "board": "b"}


def test_a_session_says_iterations_and_leading_edges(tmp_path):
    session = {"leading_edges": 1, "iterations": [10, 20]}
    path = recording(tmp_path / "r", edges=(5.0, 100.0, 200.0, 300.0, 450.0), session=session)
    one = measured(path)
    assert codes(one) == []
    assert [figures.iterations for figures in one.session.windows] == [10, 20]
    assert "edge.count" in codes(measured(path, WindowOptions(leading_edges=0)))


def test_limits_apply_to_a_session_with_a_workload_only(tmp_path):
    plain = recording(tmp_path / "a", session={"iterations": [10, 20]})
    benchmark = recording(tmp_path / "b", session={"iterations": [10, 20], "workload": "kws01"})
    assert "session.not-five-windows" not in codes(measured(plain))
    assert "session.not-five-windows" in codes(measured(benchmark))


def test_a_session_with_fewer_iterations_than_windows_is_not_guessed_at(tmp_path):
    one = measured(recording(tmp_path / "r", session={"iterations": [10]}))
    assert [figures.iterations for figures in one.session.windows] == [10, None]
    assert codes(one) == ["edge.count", "iterations.unknown"]
    (finding,) = (finding for finding in one.findings if finding.code == "iterations.unknown")
    assert finding.evidence == "known for 1 of 2 windows"


@pytest.mark.parametrize(
    "session",
    [
        "", "{", "[]", "3", "null", '"x"', "[" * 100_000, '{"iterations": 5}', '{"iterations": null}',
        '{"iterations": [1.5]}', '{"iterations": [0]}', '{"iterations": [-3]}', '{"iterations": [true]}',
        '{"iterations": ["10"]}', '{"iterations": {"1": 10}}', '{"leading_edges": -1}',
        '{"leading_edges": 1.0}', '{"leading_edges": "1"}', '{"leading_edges": null}',
        '{"iterations": [1' + "0" * 400 + "]}", '{"iterations": "10"}',
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_a_damaged_session_is_an_error_that_names_the_file(tmp_path, session):
    path = recording(tmp_path / "r", session=session)
    with pytest.raises(RecordingError, match=r"session\.json.*session\.damaged"):
        load(path)


def test_a_session_that_names_its_trials_edges_has_those_windows(tmp_path):
    trials = [
        {"iterations": 10, "opening": 100.0, "closing": 200.0},
        {"iterations": 15, "opening": 300, "closing": 450.0},
    ]
    edges = (5.0, 100.0, 200.0, 250.0, 260.0, 300.0, 450.0)
    path = recording(tmp_path / "r", edges=edges, session={"workload": "kws01", "trials": trials})
    one = measured(path)
    assert [(figures.energy_j(), figures.iterations) for figures in one.session.windows] == [
        (100.0, 10),
        (150.0, 15),
    ]
    assert codes(one, without=("samples.frozen",)) == ["session.not-five-windows"]  # all samples are alike
    assert len(measured(path, WindowOptions(leading_edges=1)).session.windows) == 3


def test_a_trial_of_the_session_without_its_edge_takes_no_others_iterations(tmp_path):
    trials = [
        {"iterations": 10, "opening": 100.0, "closing": 210.0},
        {"iterations": 30, "opening": 300.0, "closing": 450.0},
    ]
    one = measured(recording(tmp_path / "r", session={"trials": trials}))
    assert [(figures.window.number, figures.iterations) for figures in one.session.windows] == [(2, 30)]
    assert codes(one) == ["edge.count"]


@pytest.mark.parametrize(
    "changed",
    [{"iterations": 0}, {"iterations": None}, {"opening": None}, {"opening": "1"}, {"closing": math.inf},
     {"closing": math.nan}, {"closing": 10**400}, {"opening": True}],
    ids=repr,
)  # fmt: skip
def test_a_damaged_trial_of_a_session_is_an_error(tmp_path, changed):
    trials = [{"iterations": 10, "opening": 100.0, "closing": 200.0, **changed}]
    path = recording(tmp_path / "r", session={"trials": trials})
    with pytest.raises(RecordingError, match=r"session\.damaged"):
        load(path)


@pytest.mark.parametrize("name", ["results.json", "mine.json", "trace1-energy.bin", "x.arrow"])
def test_a_recording_may_have_a_folder_of_any_name(tmp_path, name):
    folder = recording(tmp_path / name, session={"iterations": [10, 10]})
    (path,) = find_traces(tmp_path)
    assert path == folder
    assert [window.iterations for window in measure_run(load(path)).windows] == [10, 10]


@pytest.mark.parametrize("trials", ["{}", "5", "null", "[1]", "[{}]", "[[]]", '"x"'])
def test_trials_that_are_none_are_an_error(tmp_path, trials):
    if trials == "{}":
        trials = '{"a": 1}'
    path = recording(tmp_path / "r", session=f'{{"trials": {trials}}}')
    with pytest.raises(RecordingError, match=r"session\.damaged"):
        load(path)


def test_the_official_files_of_a_session_are_not_measured_a_second_time(tmp_path):
    store = recording(tmp_path / "session")
    mlcommons(store / "mlperf")
    alone = mlcommons(tmp_path / "mlperf")
    assert list(find_traces(tmp_path)) == [alone, store]
    assert list(find_traces(store / "mlperf")) == [store / "mlperf" / "results.json"]


# JSON


def test_the_json_of_a_sound_run_is_valid_and_complete(tmp_path):
    document = json.loads(json.dumps(measured(eembc(tmp_path)).to_json(), allow_nan=False))
    assert document["runner_rule"] == "eembc"
    assert document["sound"] is True
    assert len(document["windows"]) == 5
    assert document["rate_hz"] == 1000.0
    assert document["samples"] == 56_000
    assert document["session"]["joule_per_inference"]["eembc"]["windows"] == 5


@pytest.mark.parametrize("level", [math.nan, math.inf, 3e38, -1.0, 0.0])
def test_the_json_of_damaged_samples_is_valid(tmp_path, level):
    one = measured(eembc(tmp_path, level=level, results=False))
    document = json.loads(json.dumps(one.to_json(), allow_nan=False))
    assert document["sound"] is False


def test_the_json_of_float64_samples_that_add_up_to_infinity_is_valid(tmp_path):
    values = np.full(2000, 1e308)
    values[300:450] = -1e308
    folder = tmp_path / "r"
    with RecordingWriter(
        folder, Signal(SampleKind.ENERGY, 10.0, dtype="float64"), about={"x": math.nan}
    ) as writer:
        for at in (100.0, 200.0, 250.0, 400.0, 500.0, 500.0):
            writer.edge(Edge(at))
        writer.append(Block(0, (values,)))
    one = measured(folder, WindowOptions(hold_s=0.0, iterations=10))
    document = json.loads(json.dumps(one.to_json(), allow_nan=False))
    assert document["windows"][0]["energies"]["exact"]["energy_j"] is None
    assert document["session"]["power_w"]["exact"]["median"] is None
    assert document["sound"] is False


def test_a_results_file_of_a_hostile_size_of_number_does_not_fail(tmp_path):
    path = eembc(tmp_path, log=False)
    text = (tmp_path / "results.txt").read_text().replace("          20\n", "9" * 390 + "\n")
    (tmp_path / "results.txt").write_text(text)
    assert {"iterations.unknown", "results.unknown-line"} <= set(codes(measured(path)))
