"""What a session hands to its view, and that the session is the same with and without it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import energy.live.feed as feed_module
from energy.bench.benchfile import load_bench
from energy.errors import BenchError
from energy.live.feed import Feed
from energy.live.scene import Known, Scene
from energy.recording.store import Recording, RecordingWriter
from energy.report.tables import recorded_row
from energy.session.observer import Beginning
from energy.session.plans import make_plans
from energy.session.run import run_session
from energy.signal import Block, Gap, SampleKind, Signal
from tests.live.support import frame_of, record_seen

RATE_HZ = 1e5
CURRENT = Signal(SampleKind.CURRENT, RATE_HZ, voltage_v=2.0)


def begun(folder=Path("session")) -> Feed:
    feed = Feed()
    feed.begun(Beginning(folder, load_bench("virtual"), "kws01", "energy", True))
    feed.stream(CURRENT)
    return feed


def block(first, count, current_a=0.5):
    return Block(first, (np.full(count, current_a, np.float32),))


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.suffix in (".arrow", ".jsonl") and path.name != "lines.jsonl"
    }


def test_a_recording_is_the_same_to_the_byte_with_and_without_a_view(tmp_path, monkeypatch):
    # Batches are written twice a second of real time, which no two runs share.
    defaults = {**RecordingWriter.__init__.__kwdefaults__, "flush_interval_s": 1e9}
    monkeypatch.setattr(RecordingWriter.__init__, "__kwdefaults__", defaults)
    plain = record_seen(tmp_path / "plain", None)
    feed = Feed()
    seen = record_seen(tmp_path / "seen", feed)
    feed.end()
    assert len(digests(tmp_path / "plain")) >= 2
    assert digests(tmp_path / "seen") == digests(tmp_path / "plain")
    assert [w.to_json() for w in seen.windows] == [w.to_json() for w in plain.windows]
    assert feed.defect is None


def test_the_view_shows_the_windows_of_the_result_and_the_energy_of_the_samples(tmp_path):
    feed = Feed()
    result = record_seen(tmp_path / "session", feed, windows=4)
    feed.end()
    frame = frame_of(feed, 1e9, 300)
    assert [row[:-1] for row in frame["windows"]["rows"]] == [recorded_row(w) for w in result.windows]
    assert frame["windows"]["settled"]
    assert frame["session"]["state"] == "finished"
    recording = Recording(tmp_path / "session")
    signal = recording.signal
    energy_j = sum(
        float(np.prod(np.array(part.columns, np.float64), axis=0).sum()) * signal.joule_per_unit
        for part in recording.read(recording.first, recording.stop)
    )
    assert frame["session"]["energy_j"] == pytest.approx(energy_j, rel=1e-6)
    assert frame["session"]["samples"] == recording.count
    spans = [[w.window.start_s, w.window.stop_s, w.window.number] for w in result.windows]
    assert frame["wave"]["windows"] == spans


def test_a_session_of_trials_shows_its_states_trials_and_verdict(tmp_path):
    (plan,) = make_plans(load_bench("virtual"), ["ad01"], ["energy"])
    feed, states = Feed(), []
    note = feed.state

    def state(name, findings):
        states.append(name)
        note(name, findings)

    feed.state = state
    outcome = run_session(plan, tmp_path / "session", feed.doing, observer=feed)
    feed.end()
    assert list(dict.fromkeys(states)) == ["started", "powered", "ready", "measuring", "finished"]
    frame = frame_of(feed)
    assert frame["windows"]["settled"]
    windows = [row[:-1] for row in frame["windows"]["rows"]]
    assert windows == [recorded_row(figures) for figures in outcome.figures.windows]
    codes = sorted(found[1] for found in frame["session"]["findings"])
    assert codes == sorted(finding.code for finding in outcome.findings)
    assert frame["sessions"][0]["workload"] == "ad01"


def test_a_trial_that_is_repeated_is_told(tmp_path):
    bench = load_bench("virtual")
    settings = {**bench.virtual.settings, "faults": [("missing-edge", {"infer": 2, "which": "stop"})]}
    bench = bench.model_copy(update={"virtual": bench.virtual.model_copy(update={"settings": settings})})
    (plan,) = make_plans(bench, ["ad01"], ["energy"])
    feed = Feed()
    outcome = run_session(plan, tmp_path / "session", feed.doing, observer=feed)
    assert outcome.rejected
    number = outcome.rejected[0].trial
    notes = frame_of(feed)["session"]["notes"]
    assert any(f"trial {number}, attempt 1 is not valid" in note for note in notes)


def test_an_error_that_ends_a_session_is_shown_with_what_to_do(tmp_path):
    feed = Feed()
    with pytest.raises(BenchError) as caught:
        record_seen(tmp_path / "session", feed, windows=50, faults=[("overcurrent-stop", {"at_s": 6.0})])
    frame = frame_of(feed)
    assert frame["session"]["error"] == [caught.value.code, caught.value.message, caught.value.hint]
    assert frame["session"]["state"] == "failed"
    assert frame["sessions"][0]["worst"] == "error"


def test_a_view_that_does_not_come_loses_updates_which_are_counted_and_nothing_else(monkeypatch):
    monkeypatch.setattr(feed_module, "_EACH_S", 0.0)
    feed = begun()
    for k in range(1000):
        feed.block(block(k * 100, 100))
    assert len(feed.sessions[0].reductions) == 600
    session = frame_of(feed)["session"]
    assert session["dropped_by_view"] == 400
    assert session["samples"] == 100_000
    assert session["energy_j"] == pytest.approx(0.5 * 2.0 * 100_000 / RATE_HZ)


def test_samples_are_reduced_at_a_bounded_rate_however_fast_they_come():
    feed = begun()
    for k in range(2000):
        feed.block(block(k * 10, 10))
    assert len(feed.sessions[0].reductions) <= 20  # 2000 blocks in well under a second
    feed.end()
    assert frame_of(feed)["session"]["samples"] == 20_000


def test_many_samples_do_not_wait_in_memory(monkeypatch):
    monkeypatch.setattr(feed_module, "_EACH_S", 1e9)  # they come faster than in real time
    feed = begun()
    for k in range(12):
        feed.block(block(k << 20, 1 << 20))
    assert sum(map(len, feed._waiting)) < 1 << 21


def test_gaps_and_edges_of_a_recording_are_shown_where_they_are(tmp_path):
    feed = Feed()
    lost = ("dropped-samples", {"count": 300, "at_s": 3.0})
    record_seen(tmp_path / "session", feed, faults=[lost])
    feed.end()
    recording = Recording(tmp_path / "session")
    rate_hz = recording.signal.rate_hz
    wave = frame_of(feed, 1e9, 300)["wave"]
    assert [
        [gap.first / rate_hz, (gap.first + (gap.count or 0)) / rate_hz] for gap in recording.gaps
    ] == wave["gaps"]
    assert len(wave["gaps"]) == 1
    assert wave["edges"] == [edge.position / rate_hz for edge in recording.edges]
    assert len(wave["edges"]) >= 6


def test_a_gap_is_shown_where_it_is():
    feed = begun()
    feed.block(block(0, 10_000))
    feed.gap(Gap(10_000, 5000, "test"))
    feed.block(block(15_000, 10_000))
    feed.gap(Gap(25_000, None, "test"))
    feed.end()
    wave = frame_of(feed, 1e9, 250)["wave"]
    assert wave["gaps"] == [[0.1, 0.15], [0.25, 0.25]]


def test_a_defect_of_the_view_does_not_end_the_recording(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "joulebench.live")

    def broken(signal, blocks):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(feed_module, "reduced", broken)
    feed = Feed()
    result = record_seen(tmp_path / "session", feed)
    assert result.ended == "windows"
    assert len(result.windows) == 3
    assert isinstance(feed.defect, ZeroDivisionError)
    assert "ZeroDivisionError" in frame_of(feed)["defect"]
    assert "the live view has ended by a defect" in caplog.text


def test_a_frame_brings_only_the_windows_that_are_new(tmp_path):
    feed, known = Feed(), Known()
    scene = Scene(feed)
    counts = []

    class Counting(Feed):
        def window(self, figures):
            super().window(figures)
            counts.append(len(scene_frame(self)["windows"]["rows"]))

    def scene_frame(source):
        return scene.frame(10.0, 100, known)

    feed = Counting()
    scene = Scene(feed)
    record_seen(tmp_path / "session", feed, windows=3)
    assert counts == [1, 1, 1]
    final = scene.frame(10.0, 100, known)["windows"]
    assert (final["replace"], len(final["rows"])) == (True, 3)  # the final ones take their place
    assert scene.frame(10.0, 100, known)["windows"]["rows"] == []


def test_text_from_elsewhere_is_shown_without_control_characters(tmp_path):
    feed = Feed()
    bench = load_bench("virtual").model_copy(update={"label": "a\x1b[31mb<script>"})
    feed.begun(Beginning(tmp_path, bench, "", "record", False))
    feed.note("x\x07y")
    document = json.dumps(frame_of(feed), ensure_ascii=False)
    assert "\\u001b" not in document
    assert "\\u0007" not in document
