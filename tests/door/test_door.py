"""The door compared with the truth: power and energy of known samples, errors, sessions, notebooks."""

from __future__ import annotations

import json
import math
import re
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import joulebench as jb
from energy.recording.store import RecordingWriter
from energy.signal import Block, Edge, SampleKind, Signal
from tests.cli.test_cli import DEMO, joulebench


def write_recording(folder: Path, *, rate=10.0, offset=0.0, first=0, about=None) -> np.ndarray:
    """Current and voltage whose power is 0, 1, 2, ... W, 20 samples, then 5 lost, then 15 more."""
    signal_ = Signal(SampleKind.CURRENT_VOLTAGE, rate, "float64", coverage_offset=offset)
    watt = np.arange(40, dtype=np.float64)
    with RecordingWriter(folder, signal_, virtual=True, about=about or {}) as writer:
        for low, high in ((0, 20), (25, 40)):
            columns = (watt[low:high] / 2.0, np.full(high - low, 2.0))
            writer.append(Block(first + low, columns))
        for position in (first + 5.0, first + 15.0):
            writer.edge(Edge(position, source="d7"))
    watt[20:25] = np.nan
    return watt


def code_of(call) -> str:
    with pytest.raises(jb.JoulebenchError) as caught:
        call()
    assert caught.value.hint
    return caught.value.code


# --- power, times and energy of samples that are known ---------------------------------------------------


def test_power_is_that_of_the_samples_that_begin_in_the_span(tmp_path):
    watt = write_recording(tmp_path / "r")
    recording = jb.open(tmp_path / "r")
    np.testing.assert_array_equal(recording.power_w(), watt)
    np.testing.assert_array_equal(recording.power_w(0.0, 1.0), watt[:10])
    np.testing.assert_array_equal(recording.power_w(0.25, 0.75), watt[3:8])
    np.testing.assert_array_equal(recording.power_w(1.95, 2.6), watt[20:26])
    np.testing.assert_array_equal(recording.power_w(-5, 0.3), watt[:3])
    np.testing.assert_array_equal(recording.power_w(3.9, math.inf), watt[39:])
    assert recording.power_w(1.0, 1.0).shape == recording.power_w(50, 60).shape == (0,)
    np.testing.assert_array_equal(recording.edges_s, [0.5, 1.5])


def test_a_time_that_is_a_sample_s_start_but_for_rounding_is_that_sample(tmp_path):
    watt = write_recording(tmp_path / "r")
    recording = jb.open(tmp_path / "r")
    for sample in range(20):  # 0.1 * 3 is not 0.3, and 1.1 * 10 not 11
        for start_s in (sample * 0.1, sample / 10, math.fsum([0.1] * sample), float(f"{sample / 10:.1f}")):
            assert recording.power_w(start_s, start_s + 0.1)[0] == watt[sample]
            assert len(recording.power_w(0.0, start_s)) == sample


@pytest.mark.parametrize(("offset", "first"), [(0.0, 0), (-0.5, 0), (-1.0, 0), (-0.5, 1000), (0.0, 7)])
def test_times_fit_the_samples_whatever_they_cover_and_where_they_begin(tmp_path, offset, first):
    watt = write_recording(tmp_path / "r", offset=offset, first=first)
    recording = jb.open(tmp_path / "r")
    expected = (np.arange(40) + first + offset) / 10
    np.testing.assert_allclose(recording.time_s(), expected, rtol=1e-12)
    assert recording.start_s == pytest.approx(expected[0])
    assert recording.stop_s == pytest.approx(expected[-1] + 0.1)
    for start_s, stop_s in ((expected[3], expected[9]), (expected[0] + 0.04, expected[17] + 0.04)):
        inside = (expected >= start_s - 1e-9) & (expected < stop_s - 1e-9)
        np.testing.assert_array_equal(recording.power_w(start_s, stop_s), watt[inside])
        frame = recording.to_dataframe(start_s, stop_s)
        np.testing.assert_allclose(frame["time_s"], expected[inside], rtol=1e-12)
        np.testing.assert_array_equal(frame["current_a"] * frame["voltage_v"], watt[inside])
        assert frame["virtual"].all()


def test_figures_are_the_closed_form_s_by_each_rule_and_as_the_command_line_has_them():
    truth = json.loads((DEMO / "truth.json").read_text())
    shown = json.loads(joulebench("integrate", DEMO, "--json").stdout)["traces"][0]
    for rule in ("exact", "mlcommons", "eembc"):
        frame = jb.integrate(jb.open(DEMO), rule=rule).to_dataframe()
        assert frame["energy_j"].tolist() == [one["energies"][rule]["energy_j"] for one in shown["windows"]]
        assert set(frame["rule"]) == {rule}
        assert frame["virtual"].all()
    np.testing.assert_allclose(jb.integrate(DEMO).to_dataframe()["energy_j"], truth["energy_j"], rtol=1e-4)


def test_what_the_user_knows_better_counts_also_for_a_recording_that_is_open(tmp_path):
    write_recording(tmp_path / "r")
    recording = jb.open(tmp_path / "r")
    unknown = jb.integrate(recording)
    assert unknown.joule_per_inference is None
    assert unknown.to_dataframe()["joule_per_inference"].isna().all()
    known = jb.integrate(recording, iterations=4)
    assert known.energy_j is not None
    assert known.energy_j.median == pytest.approx(sum(range(5, 15)) * 0.1)
    assert known.joule_per_inference is not None
    assert known.joule_per_inference.median == pytest.approx(sum(range(5, 15)) * 0.1 / 4)
    assert list(jb.integrate(jb.open(tmp_path / "r", iterations=4)).to_dataframe()["iterations"]) == [4]


def test_every_kind_of_file_opens(tmp_path):
    folder = tmp_path / "energy"
    folder.mkdir()
    samples = np.array([1.0, 2.0, 3.0, 4.0] * 100, dtype=np.float32)
    (folder / "trace1-energy.bin").write_bytes(struct.pack(f"<Bf{len(samples)}f", 0xF1, 100.0, *samples))
    (folder / "trace1-timestamps.json").write_text("[0.1, 0.5, 2.5]")
    for path in (folder, str(folder / "trace1-energy.bin")):
        power = jb.open(path).power_w(1.0, 2.0)  # microjoule in 10 ms
        np.testing.assert_allclose(power, samples[100:200].astype(float) * 1e-6 * 100.0, rtol=1e-12)
    assert jb.open(DEMO / "trace.arrow").path == DEMO
    several = jb.integrate_all(folder, DEMO)
    assert list(several.to_dataframe()["virtual"]) == [False, True]
    assert not several.failures


# --- what goes wrong has a code, and nothing is lost --------------------------------------------------------


def test_a_wrong_call_is_a_coded_error(tmp_path):
    write_recording(tmp_path / "r")
    recording = jb.open(tmp_path / "r")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.zip").write_bytes(b"no archive")
    bench = jb.load_bench("virtual")
    cases = {
        "usage.span": [lambda: recording.power_w(2, 1), lambda: recording.power_w(math.nan, 1)],
        "usage.rule": [
            lambda: jb.integrate(recording, rule="exactly"),
            lambda: jb.integrate_all(DEMO, rule=""),
        ],
        "usage.iterations": [lambda: jb.open(DEMO, iterations=0), lambda: jb.record(iterations=0)],
        "usage.leading": [lambda: jb.open(DEMO, leading_edges=-1), lambda: jb.record(leading_edges=-1)],
        "usage.hold": [lambda: jb.open(DEMO, hold_us=math.nan), lambda: jb.integrate(DEMO, hold_us=-1)],
        "usage.one-trace": [lambda: jb.open(tmp_path / "empty")],
        "path.no-traces": [lambda: jb.integrate_all(tmp_path / "empty"), lambda: jb.integrate_all()],
        "path.missing": [lambda: jb.open(tmp_path / "none"), lambda: jb.validate(tmp_path / "none")],
        "path.nothing": [lambda: jb.validate(tmp_path / "empty")],
        "usage.empty": [lambda: jb.validate(), lambda: jb.measure_all(bench, []), lambda: jb.demo("")],
        "usage.workload": [lambda: jb.measure(bench, "kws02"), lambda: jb.doctor(bench, "")],
        "usage.mode": [lambda: jb.measure(bench, "kws01", "fast"), lambda: jb.measure_all(bench, modes="x")],
        "usage.limit": [lambda: jb.measure(bench, "kws01", "accuracy", limit=0)],
        "usage.picture": [lambda: jb.plot(DEMO, tmp_path / "a.gif")],
        "usage.format": [lambda: jb.export(DEMO, tmp_path / "a.xls")],
        "usage.html": [lambda: jb.validate(DEMO, html=tmp_path / "a.txt")],
        "usage.seconds": [lambda: jb.record(seconds=math.inf), lambda: jb.record(seconds=-1)],
        "usage.windows": [lambda: jb.record(windows=0)],
        "usage.speed": [lambda: jb.record(replay=DEMO, speed=0)],
        "usage.replay": [lambda: jb.record(bench, replay=DEMO)],
        "bench.missing": [lambda: jb.load_bench("lpm01a-virtul"), lambda: jb.load_bench(tmp_path / "b.toml")],
        "bench.no-twin": [lambda: jb.virtual_bench("ppk2").__enter__()],
        "session.resume": [lambda: jb.resume(tmp_path / "empty", bench)],
        "shipped.unknown": [lambda: jb.shipped("lpm02a")],
    }
    for code, calls in cases.items():
        for call in calls:
            assert code_of(call) == code
    assert code_of(lambda: jb.validate(tmp_path / "file.zip")).startswith("archive.")


def test_a_traceback_says_what_to_do(tmp_path):
    with pytest.raises(jb.JoulebenchError) as caught:
        jb.integrate(tmp_path / "none")
    assert caught.value.__notes__ == [f"hint: {caught.value.hint}"]
    (tmp_path / "bad.toml").write_text("")
    words = [sys.executable, "-c", "import joulebench as jb; jb.measure('bad.toml', 'kws01')"]
    said = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False).stderr
    (page,) = re.findall(r"^hint: .* described in (\S+)\.$", said, re.MULTILINE)
    assert Path(page).is_file()


def test_a_wrong_setting_of_a_twin_is_named_when_it_is_used(tmp_path):
    with jb.virtual_bench("lpm01a", no_such_setting=1) as bench:
        assert code_of(lambda: jb.measure(bench, "kws01", out=tmp_path)) == "virtual.settings"
    with jb.virtual_bench("joulescope-js220", ppm=30.0) as bench:
        assert bench.virtual is not None
        assert bench.virtual.settings["ppm"] == 30.0
    assert "ppm" not in jb.load_bench("joulescope-js220-virtual").virtual.settings


def test_one_file_that_cannot_be_read_stops_no_other_and_is_not_lost(tmp_path):
    write_recording(tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "trace.arrow").write_bytes(b"garbage" * 100)
    found = jb.integrate_all(tmp_path)
    assert [one.path.name for one in found] == ["good"]
    assert [path.name for path, _ in found.failures] == ["bad"]
    assert not found.sound
    assert "bad" in found._repr_html_()
    assert code_of(lambda: jb.integrate_all(tmp_path / "bad")).startswith("recording.")


def test_a_failure_among_several_sessions_is_kept_beside_the_others(tmp_path):
    with jb.virtual_bench("lpm01a", faults=["no-such-fault"]) as bench:
        sessions = jb.measure_all(bench, "kws01", "energy", out=tmp_path)
    assert len(sessions) == 0
    ((name, error),) = sessions.failures
    assert name == "kws01 energy"
    assert error.code in sessions._repr_html_()
    assert not sessions.valid


# --- sessions ---------------------------------------------------------------------------------------------


def test_sessions_of_each_mode_are_what_their_folders_say(sessions):
    performance, energy, accuracy = sessions[0]
    assert isinstance(performance, jb.PerformanceSession)
    assert isinstance(energy, jb.EnergySession)
    assert isinstance(accuracy, jb.AccuracySession)
    for session in sessions[0]:
        written = json.loads((session.folder / "result.json").read_text())
        assert [one.code for one in session.findings] == [one["code"] for one in written["findings"]]
        assert session.valid is written["valid"]
        assert session.virtual is written["virtual"] is True
    written = json.loads((energy.folder / "result.json").read_text())
    assert energy.joule_per_inference.median == written["session"]["joule_per_inference"]["exact"]["median"]
    assert [trial.energy_j for trial in energy.trials] == list(energy.to_dataframe()["energy_j"])
    rate = written["session"]["inferences_per_second"]["median"]
    assert energy.inferences_per_second.median == rate
    assert performance.inferences_per_second.median == pytest.approx(rate, rel=1e-3)
    assert all(trial.energy_j is None for trial in performance.trials)
    assert jb.integrate(energy).joule_per_inference == energy.joule_per_inference
    assert code_of(lambda: jb.open(performance)) == "usage.one-trace"


def test_progress_rises_from_0_to_1(sessions):
    parts = [part for part, _ in sessions[1]]
    assert parts == sorted(parts)
    assert 0 <= parts[0] < 0.4
    assert parts[-1] == 1.0
    assert {doing.split(":")[0] for _, doing in sessions[1]} >= {"ad01 performance", "ad01 energy"}


def test_sessions_are_validated_packaged_drawn_and_exported(sessions, tmp_path):
    report = jb.validate(*sessions[0], html=tmp_path / "page.html")
    assert report.virtual
    assert "VIRTUAL" in (tmp_path / "page.html").read_text()
    assert len(report.to_dataframe()) == len(
        [one for folder in report.report.folders for run in folder.runs for one in run.figures]
    )
    names = {"organization": "Lab", "system": "board", "division": "open"}
    made = jb.package(list(sessions[0]), tmp_path / "tree", form={"Status": "Available"}, **names)
    assert not made.written
    assert "package.virtual" in {one.code for one in made.refused}
    assert not (tmp_path / "tree").exists()
    assert "VIRTUAL" in made._repr_html_()
    form = jb.package_form(list(sessions[0]), tmp_path / "form.toml", **names)
    assert "Lab" in form.read_text()
    figure = jb.plot(sessions[0][1], tmp_path / "picture.svg")
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "picture.svg").read_text()
    import pandas as pd

    table = pd.read_parquet(jb.export(sessions[0][1], tmp_path / "samples.parquet"))
    np.testing.assert_array_equal(table["power_w"], jb.open(sessions[0][1]).power_w())


def test_an_accuracy_session_that_is_cut_off_says_how_to_resume_it_and_is_resumed(tmp_path):
    script = """if True:
        import os, signal, sys
        import joulebench as jb
        def stop(part, doing):
            if "file 3" in doing:
                os.kill(os.getpid(), signal.SIGINT)
        jb.measure("virtual", "ad01", "accuracy", limit=4, out=sys.argv[1], progress=stop)
    """
    words = [sys.executable, "-c", script, str(tmp_path)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == -signal.SIGINT
    (folder,) = re.findall(r"joulebench\.resume\('(.+)', bench\)", ended.stderr)
    session = jb.resume(folder, "virtual")
    assert isinstance(session, jb.AccuracySession)
    record = json.loads((session.folder / "session.json").read_text())
    assert record["state"] == "finished"
    assert record["resumed"][0]["answers"] >= 2


def test_a_recording_without_a_protocol_ends_after_its_windows(tmp_path):
    closed = []
    done = jb.record(windows=2, iterations=20, out=tmp_path, on_window=closed.append, progress=False)
    assert done.ended == "windows"
    assert len(closed) == len(done.windows) == 2
    assert done.virtual
    again = jb.integrate(done).to_dataframe()
    np.testing.assert_allclose(again["energy_j"], done.to_dataframe()["energy_j"], rtol=1e-9)
    replayed = jb.record(replay=DEMO, speed=math.inf, windows=1, out=tmp_path, progress=False)
    assert replayed.virtual
    assert len(replayed.windows) == 1


def test_the_doctor_and_what_is_plugged_in(tmp_path):
    steps = []
    bench = jb.load_bench("lpm01a-virtual")
    found = jb.doctor(
        bench, out=tmp_path, bundle=tmp_path / "report.zip", on_step=lambda one: steps.append(one.name)
    )
    assert found.works
    assert found.virtual
    assert {"bench", "window", "off"} <= set(steps)
    assert (tmp_path / "report.zip").is_file()
    assert code_of(lambda: jb.doctor(bench, bundle=tmp_path / "report.zip")) == "bundle.exists"
    assert not jb.doctor("no-such.toml", out=tmp_path).works
    plugged = jb.discover()
    assert plugged.to_json()["looked_for"]
    assert plugged._repr_html_()
