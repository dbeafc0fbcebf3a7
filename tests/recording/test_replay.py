"""A recording played as a monitor gives what was recorded, bit for bit and in the order of time."""

from __future__ import annotations

import json
import math
import struct

import numpy as np
import pytest

from drivers.links.clock import RealClock
from drivers.virtual.bench import VirtualBench
from energy.bench.assemble import MONITORS
from energy.bench.entrypoints import load
from energy.errors import BenchError, JoulebenchError, RecordingError
from energy.instruments import Deadline
from energy.recording.replay import open_replay
from energy.recording.store import Recording, RecordingWriter
from energy.recording.trace import ArrayTrace
from energy.runs.measured import load as load_trace
from energy.runs.measured import measure_run
from energy.signal import DigitalBlock, DigitalInput, Edge, EdgeKind, Gap, RangeChange, SampleKind, Signal
from energy.window.edges import edges_of_input
from tests.benchmark.published import measured, runs
from tests.conftest import ROOT, shared_folder
from tests.monitors.sink import Keeper, setup
from tests.recording.support import block_at, same_bits

DEMO = ROOT / "fixtures/recordings/kws01-closed-form"
SIGNAL = Signal(SampleKind.CURRENT_VOLTAGE, 1000.0)


class HandClock:
    """A clock that is moved by hand and then does what is due."""

    def __init__(self):
        self.time_s, self.actions = 50.0, []

    def now(self):
        return self.time_s

    def every(self, period_s, action):
        self.actions.append(action)
        return lambda: self.actions.remove(action)

    def move(self, seconds):
        self.time_s += seconds
        for action in list(self.actions):
            action()


class Order(Keeper):
    """Also keeps what came after what."""

    def __init__(self):
        super().__init__()
        self.came = []

    def block(self, block):
        if self.came and self.came[-1][0] == "samples":
            self.came[-1] = ("samples", self.came[-1][1], block.stop)
        else:
            self.came.append(("samples", block.first, block.stop))
        super().block(block)

    def edge(self, edge):
        self.came.append(("edge", edge.position))
        super().edge(edge)

    def gap(self, gap):
        self.came.append(("gap", gap.first, gap.count))
        super().gap(gap)

    def range_change(self, change):
        self.came.append(("range", change.position))
        super().range_change(change)


def replay(path, clock=None, **settings):
    return open_replay(str(path), settings=settings, clock=clock or HandClock(), transcript=lambda line: None)


def play(path, sink=None, **settings):
    """All of it, without waiting."""
    clock, sink = HandClock(), sink or Keeper()
    monitor = replay(path, clock, speed=math.inf, **settings)
    monitor.start(sink)
    for _ in range(1000):
        if sink.faults:
            break
        clock.move(0.001)
    monitor.stop()
    return sink


def codes(sink):
    return [error.code for error in sink.faults]


def planted(folder):
    """Everything that a recording can hold, at known places."""
    source = DigitalInput("gpi0", 4000.0, offset=0.25)
    levels = np.ones(4 * 1000, np.uint8)
    levels[1000:1010] = levels[3000:3010] = 0
    with RecordingWriter(folder, SIGNAL, virtual=True, about={"monitor": "hand"}) as writer:
        writer.append(block_at(SIGNAL, 0, 100))
        writer.range_change(RangeChange(100, "18 mA"))
        writer.append(block_at(SIGNAL, 100, 300))
        writer.gap(Gap(300, 50, "planted"))
        writer.append(block_at(SIGNAL, 350, 600))
        writer.gap(Gap(600, None, "nobody knows"))
        writer.append(block_at(SIGNAL, 600, 1000))
        for first in range(0, 4000, 500):
            bits = np.packbits(levels[first : first + 500], bitorder="little")
            writer.digital(source, DigitalBlock(first, 500, bits))
        for edge in (Edge(40.5, 0.1), Edge(320.0, 1.0, source="d7"), Edge(999.9, 0.5, EdgeKind.RISE)):
            writer.edge(edge)
        blocks = [
            DigitalBlock(f, 500, np.packbits(levels[f : f + 500], bitorder="little"))
            for f in range(0, 4000, 500)
        ]
        for edge in edges_of_input(source, blocks, 1000.0):
            writer.edge(edge)
    return folder


def test_the_demo_recording_comes_bit_for_bit_with_its_edges_and_gaps():
    sink, truth = play(DEMO), Recording(DEMO)
    expected = np.concatenate([block.columns[0] for block in truth.read(0, truth.stop)])
    assert same_bits(sink.values(), expected)
    assert len(expected) == truth.count > 60_000
    assert sink.edges == truth.edges
    assert sink.gaps == truth.gaps == [Gap(28300, 240, "planted")]
    assert sink.stop == truth.stop
    assert codes(sink) == ["replay.ended"]


def test_everything_that_a_recording_holds_is_played_in_the_order_of_time(tmp_path):
    path = planted(tmp_path / "all")
    sink = play(path, Order())
    assert [item for item in sink.came if item[0] != "edge"] == [
        ("samples", 0, 100),
        ("range", 100),
        ("samples", 100, 300),
        ("gap", 300, 50),
        ("samples", 350, 600),
        ("gap", 600, None),
        ("samples", 600, 1000),
    ]
    truth = Recording(path)
    for number in range(2):
        ours = np.concatenate([block.columns[number] for block in sink.blocks])
        theirs = np.concatenate([block.columns[number] for block in truth.read(0, 1000)])
        assert same_bits(ours, theirs)
    source, blocks = truth.digital("gpi0")
    assert sink.inputs == {"gpi0": source}
    bits = [(block.first, block.count, block.bits.tobytes()) for block in blocks]
    assert [(block.first, block.count, block.bits.tobytes()) for block in sink.levels["gpi0"]] == bits


def test_edges_of_a_digital_input_are_left_to_be_found_once(tmp_path):
    path = planted(tmp_path / "all")
    sink = play(path)
    assert [edge.position for edge in sink.edges] == [40.5, 320.0, 999.9]
    found = list(edges_of_input(sink.inputs["gpi0"], sink.levels["gpi0"], SIGNAL.rate_hz))
    recorded = [edge for edge in Recording(path).edges if edge.source == "gpi0"]
    assert found == recorded
    assert len(found) == 4


def test_edges_are_played_where_the_levels_that_they_were_found_in_are_damaged(tmp_path):
    path = planted(tmp_path / "all")
    (path / "digital-gpi0.arrow").write_bytes(b"ARROW1\0\0nothing")
    sink = play(path)
    assert sink.levels == {}
    assert sum(edge.source == "gpi0" for edge in sink.edges) == 4


@pytest.mark.parametrize("speed", [0.5, 1, 20.0])
def test_what_has_been_played_is_what_has_become_due(tmp_path, speed):
    clock, sink = HandClock(), Order()
    monitor = replay(planted(tmp_path / "all"), clock, speed=speed)
    monitor.start(sink)
    clock.move(0.2504 / speed)
    assert sink.stop == 250
    assert [edge.position for edge in sink.edges] == [40.5]
    assert sink.levels["gpi0"][-1].stop == 500  # the next block ends at level 999, position 250
    clock.move(0.001 / speed)
    assert sink.levels["gpi0"][-1].stop == 1000
    assert not sink.faults
    clock.move(1.0 / speed)
    assert codes(sink) == ["replay.ended"]
    monitor.stop()
    assert not clock.actions


def test_no_edge_comes_before_a_watermark_that_was_given(tmp_path):
    """Keeper checks each edge against the watermark; levels still to come hold it back, too."""
    clock, sink = HandClock(), Keeper()
    monitor = replay(planted(tmp_path / "all"), clock)
    monitor.start(sink)
    seen = []
    for _ in range(60):
        clock.move(0.02)
        seen.append(sink.complete)
        found = edges_of_input(sink.inputs["gpi0"], sink.levels["gpi0"], 1000.0) if sink.inputs else []
        known = sum(edge.position < sink.complete for edge in found)
        falls = (250.125, 252.625, 750.125, 752.625)  # halfway to the level before: (0.25 + 1000 / 4) - 1 / 8
        assert known == sum(position < sink.complete for position in falls)
    assert seen == sorted(seen)
    assert seen[-1] == 1000.0
    assert any(0 < mark < 1000 for mark in seen)


def test_edges_that_are_out_of_order_in_their_file_keep_that_order(tmp_path):
    with RecordingWriter(tmp_path / "r", SIGNAL) as writer:
        writer.append(block_at(SIGNAL, 0, 500))
        for position in (100.0, 90.0, 400.0, 300.0, 700.0):
            writer.edge(Edge(position, 0.5))
    clock, sink = HandClock(), Keeper()
    monitor = replay(tmp_path / "r", clock)
    monitor.start(sink)
    clock.move(0.095)
    assert (sink.edges, sink.complete) == ([], 89.5)
    clock.move(0.010)
    assert [edge.position for edge in sink.edges] == [100.0, 90.0]
    clock.move(1.0)
    assert [edge.position for edge in sink.edges] == [100.0, 90.0, 400.0, 300.0, 700.0]


def test_samples_lost_before_the_first_one_are_a_gap(tmp_path):
    with RecordingWriter(tmp_path / "r", SIGNAL) as writer:
        writer.gap(Gap(0, 30, "late"))
        writer.append(block_at(SIGNAL, 30, 90))
        writer.gap(Gap(90, 10, "cut"))
    sink = play(tmp_path / "r")
    assert sink.gaps == [Gap(0, 30, "late"), Gap(90, 10, "cut")]
    assert sink.stop == 100


def test_a_long_recording_is_handed_over_piece_by_piece_without_copies(tmp_path):
    count = 3_000_000
    (tmp_path / "t-energy.bin").write_bytes(
        struct.pack("<Bf", 0xF1, 1e6) + np.arange(count, dtype="<f4").tobytes()
    )
    (tmp_path / "t-timestamps.json").write_text(json.dumps([0.5, 2.5]))
    sink = play(tmp_path)
    assert len(sink.blocks) == 3
    assert not any(block.columns[0].flags.owndata for block in sink.blocks)
    assert same_bits(sink.values(), np.arange(count, dtype="<f4"))


@pytest.mark.parametrize("path", runs("v0.5/**/energy/*-energy.bin"))
def test_windows_of_a_replayed_eembc_trace_have_the_energies_that_integrate_gives(path):
    if path is None:
        shared_folder("published")
    sink, material = play(path), load_trace(path)
    signal = material.trace.signal
    material.trace = ArrayTrace(signal, (sink.values(),), edges=sink.edges, gaps=sink.gaps)
    windows = measure_run(material).session.windows
    expected = measured(path).session.windows
    assert len(windows) == 5
    assert [figures.window.energies for figures in windows] == [
        figures.window.energies for figures in expected
    ]


@pytest.mark.parametrize("path", runs("v1.3/**/energy/results.json")[:1])
def test_a_replayed_results_json_of_the_mlcommons_runner_is_the_same_trace(path):
    if path is None:
        shared_folder("published")
    sink = play(path)
    trace = load_trace(path).trace
    expected = np.concatenate([block.columns[0] for block in trace.read(0, trace.stop)])
    assert same_bits(sink.values(), expected)
    assert sink.edges == trace.edges


def test_in_real_time_a_thread_plays_it(tmp_path):
    clock, sink = RealClock(), Keeper()
    monitor = load(MONITORS, "replay")(
        str(planted(tmp_path / "all")), settings={"speed": math.inf}, clock=clock, transcript=None
    )
    monitor.start(sink)
    deadline = Deadline(clock, 30.0)
    while not sink.faults and not deadline.expired():
        clock.wait(0.01)
    monitor.close()
    monitor.close()
    assert codes(sink) == ["replay.ended"]
    assert sink.stop == 1000


def test_in_virtual_time_it_plays_while_somebody_waits():
    with VirtualBench(monitor=None) as bench:
        sink = Keeper()
        monitor = replay(DEMO, bench.clock)
        monitor.start(sink)
        bench.clock.sleep(2.0)
        assert 1900 <= sink.stop <= 2000
        monitor.stop()
        stop = sink.stop
        bench.clock.sleep(1.0)
    assert sink.stop == stop


def test_who_it_is_says_virtual_where_the_recording_does(tmp_path):
    identity = replay(planted(tmp_path / "all")).identify()
    assert identity.virtual
    assert identity.model == f"replay of {tmp_path / 'all'}"
    assert identity.details["monitor"] == "hand"
    with RecordingWriter(tmp_path / "real", SIGNAL) as writer:
        writer.append(block_at(SIGNAL, 0, 10))
    assert not replay(tmp_path / "real").identify().virtual


def test_what_is_wrong_with_a_recording_is_said_at_once(tmp_path):
    path = planted(tmp_path / "all")
    (path / "edges.jsonl").unlink()
    assert "recording.edges-missing" in str(replay(path).identify().details["findings"])


def test_it_is_set_up_as_it_was_recorded_or_not_at_all(tmp_path):
    monitor = replay(planted(tmp_path / "all"))
    assert monitor.limits.sees_edges
    assert not monitor.limits.sources
    assert monitor.limits.rates_hz == (1000.0,) == (monitor.limits.full_rate_hz,)
    assert monitor.configure(setup(1000.0)) == SIGNAL
    assert monitor.settings()["samples"] == 950
    assert json.dumps(replay(DEMO, speed=math.inf).settings())
    with pytest.raises(BenchError, match=r"replay\.rate"):
        monitor.configure(setup(2000.0))
    with pytest.raises(BenchError, match=r"replay\.edges"):
        monitor.configure(setup(1000.0, edges="io"))
    assert monitor.own_energy() is None
    assert monitor.accuracy() == ()


def test_it_is_not_started_twice():
    monitor = replay(DEMO)
    monitor.start(Keeper())
    with pytest.raises(BenchError, match=r"replay\.running"):
        monitor.start(Keeper())


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"pace": 2}, "replay.setting"),
        ({"speed": 0}, "replay.speed"),
        ({"speed": math.nan}, "replay.speed"),
        ({"speed": "fast"}, "replay.speed"),
        ({"speed": True}, "replay.speed"),
    ],
)
def test_a_wrong_setting_is_named(settings, code):
    with pytest.raises(BenchError) as caught:
        replay(DEMO, **settings)
    assert caught.value.code == code
    assert replay(DEMO, virtual=True).limits.sees_edges


def test_a_path_that_holds_no_trace_or_several_is_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}-energy.bin").write_bytes(struct.pack("<Bff", 0xF1, 1000.0, 1.0))
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    for path, named in (
        (tmp_path, "a-energy.bin"),
        (tmp_path / "empty", "none"),
        (tmp_path / "notes.txt", ""),
    ):
        with pytest.raises(BenchError, match=r"replay\.not-a-recording") as caught:
            replay(path)
        assert named in caught.value.message
    with pytest.raises(RecordingError, match="missing"):
        replay(tmp_path / "gone.arrow")


def test_a_file_that_fails_on_the_way_is_a_fault_and_not_an_end():
    class Torn(ArrayTrace):
        def read(self, first, stop):
            if stop > 200:
                raise OSError("input/output error")
            return super().read(first, stop)

    from energy.recording.replay import Replay

    clock, sink = HandClock(), Keeper()
    trace = Torn(Signal(SampleKind.ENERGY, 1000.0), (np.ones(500, np.float32),))
    Replay(trace, "torn", 1.0, clock).start(sink)
    clock.move(0.1)
    clock.move(0.2)
    clock.move(1.0)
    assert codes(sink) == ["replay.unreadable"]
    assert "sample 100" in sink.faults[0].message
    assert sink.stop == 100


def test_a_sink_that_refuses_ends_the_replay_with_its_own_words():
    class Full(Keeper):
        def block(self, block):
            raise RecordingError("recording.write-failed", "the disk is full", "Make room.")

    clock, sink = HandClock(), Full()
    replay(DEMO, clock).start(sink)
    clock.move(0.1)
    clock.move(0.1)
    assert codes(sink) == ["recording.write-failed"]
    assert isinstance(sink.faults[0], JoulebenchError)
