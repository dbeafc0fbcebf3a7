"""The recorder: typed items from a driver's thread, in order; edges and watermarks into the integrator."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from drivers.links.clock import RealClock
from energy.errors import BenchError, JoulebenchError
from energy.recording.store import Recording
from energy.session.recorder import Recorder
from energy.session.stream import Fault, Levels, Samples, StreamQueue, Watermark
from energy.signal import (
    Block,
    DigitalBlock,
    DigitalInput,
    Edge,
    EdgeKind,
    Gap,
    RangeChange,
    SampleKind,
    Signal,
)
from energy.window.integrator import integrate_trace
from energy.window.pairing import Pair, SequencePairing
from tests.window.support import bits

SIGNAL = Signal(SampleKind.ENERGY, 1000.0, energy_unit="uJ")


@pytest.fixture
def recorder(tmp_path):
    made = Recorder(
        tmp_path / "taken",
        SIGNAL,
        RealClock(),
        virtual=True,
        about={},
        hold_s=50e-6,
        highest_a=1.0,
        supply_v=3.0,
    )
    yield made
    made.close()


def samples(first, count):
    rng = np.random.default_rng(first)
    return Block(first, (rng.uniform(1, 2, count).astype(np.float32),))


def at(edges):
    return [edge.position for edge in edges]


def test_everything_that_a_driver_hands_over_comes_out_once_in_order_and_typed():
    stream = StreamQueue(RealClock())
    source, levels = DigitalInput("d7", 1000.0), DigitalBlock(0, 8, np.zeros(1, np.uint8))
    block, edge, gap, error = samples(0, 4), Edge(1.0), Gap(4, None, "test"), BenchError("a.b", "c", "d")
    change = RangeChange(2, "low")

    def drive():
        stream.block(block)
        stream.digital(source, levels)
        stream.edge(edge)
        stream.gap(gap)
        stream.range_change(change)
        stream.edges_complete(3)
        stream.fault(error)

    thread = threading.Thread(target=drive)
    thread.start()
    thread.join()
    first, *rest = stream.items()
    assert isinstance(first, Samples)
    assert first.block is block
    assert rest == [Levels(source, levels), edge, gap, change, Watermark(3), Fault(error)]
    assert list(stream.items()) == []


def test_what_follows_a_fault_is_dealt_with_later(recorder):
    recorder.block(samples(0, 100))
    recorder.fault(BenchError("test.fault", "the cable is out", "Put it in."))
    recorder.edge(Edge(50.0))
    recorder.block(samples(100, 100))
    with pytest.raises(JoulebenchError, match="the cable is out"):
        recorder.pump()
    assert (recorder.stop, recorder.take_edges()) == (100, [])
    recorder.pump()
    assert (recorder.stop, at(recorder.take_edges())) == (200, [50])


def test_edges_are_those_since_they_were_last_taken(recorder):
    for position in (10.0, 10.01, 300.0):
        recorder.edge(Edge(position))
    recorder.edge(Edge(310.0, kind=EdgeKind.RISE))
    recorder.pump()
    assert at(recorder.take_edges()) == [10, 300]
    recorder.edge(Edge(400.0))
    assert recorder.take_edges() == []  # before it is pumped
    recorder.pump()
    assert at(recorder.take_edges()) == [400]
    assert [(finding.code, finding.evidence) for finding in recorder.findings] == [
        ("edge.bounce", "1 edges within 50 us of another")
    ]
    recorder.forget_edges()
    assert recorder.findings == []


def test_an_edge_behind_the_drivers_watermark_is_left_out_and_an_error(recorder):
    recorder.edges_complete(500)
    recorder.edge(Edge(499.0))
    recorder.edge(Edge(499.0, bound=1.0))
    recorder.pump()
    assert [edge.bound for edge in recorder.take_edges()] == [1.0]
    assert [finding.code for finding in recorder.findings] == ["edge.unsorted"]


def test_after_a_restart_positions_and_watermarks_follow_what_came_before(recorder):
    recorder.block(samples(0, 100))
    recorder.edges_complete(90.0)
    recorder.pump()
    assert recorder.edge_stream.complete == 90
    assert recorder.restart() == 100
    recorder.block(samples(0, 50))
    recorder.edge(Edge(20.0))
    recorder.edges_complete(40.0)
    recorder.pump()
    assert recorder.edge_stream.complete == 140
    assert at(recorder.take_edges()) == [120]
    assert [(gap.first, gap.count) for gap in recorder.gaps] == [(100, None)]
    assert recorder.stop == 150


def test_a_window_awaited_closes_with_its_samples_and_has_the_bits_of_its_recording(recorder, tmp_path):
    opening, closing = Edge(10.25), Edge(290.5)
    recorder.edge(opening)
    recorder.edge(closing)
    recorder.pump()
    recorder.await_window(Pair(1, *recorder.take_edges()))
    closed = []
    for first in range(0, 400, 50):
        recorder.block(samples(first, 50))
        recorder.pump()
        if windows := recorder.closed_windows():
            closed.append((recorder.stop, windows))
    ((stop, (window,)),) = closed
    assert stop == 300
    assert recorder.closed_windows(float("inf")) == []
    recorder.close()
    (offline,), _ = integrate_trace(Recording(tmp_path / "taken"), SequencePairing())
    assert bits(window) == bits(offline)


def test_a_window_whose_surroundings_never_come_closes_when_it_is_asked_to(recorder):
    recorder.block(samples(0, 100))
    recorder.pump()
    recorder.await_window(Pair(1, Edge(10.0), Edge(95.0, bound=30.0)))
    recorder.await_window(Pair(2, Edge(96.0), Edge(150.0)))
    assert recorder.closed_windows() == []
    assert [window.number for window in recorder.closed_windows(recorder.stop)] == [1]
    (late,) = recorder.closed_windows(float("inf"))
    assert [finding.code for finding in late.findings] == ["window.samples-missing"]


def limited(path: Path, signal: Signal) -> Recorder:
    """A recorder that may see up to 40 mA, of a monitor whose range ends at 50 mA."""
    return Recorder(
        path,
        signal,
        RealClock(),
        virtual=True,
        about={},
        hold_s=50e-6,
        highest_a=0.04,
        range_a=0.05,
        supply_v=3.0,
    )


@pytest.mark.parametrize("kind", list(SampleKind))
@pytest.mark.parametrize("reading_a", [9.9e37, 9.91e37, -9.9e37, 0.0601, -0.1, float("inf")])
def test_a_reading_beyond_the_range_is_the_monitors_overload_and_is_never_stored(tmp_path, kind, reading_a):
    signal = Signal(kind, 1000.0, energy_unit="uJ", voltage_v=3.0)
    unit = 3000.0 if kind is SampleKind.ENERGY else 1.0  # uJ in 1 ms at 3 V and 1 A
    made = limited(tmp_path / "taken", signal)
    with np.errstate(over="ignore"):
        readings = np.array([0.01, 0.02, reading_a, 0.03], np.float64) * unit
        columns = (readings.astype(np.float32), np.full(4, 3.0, np.float32))[: len(signal.columns)]
    made.block(Block(0, columns))
    with pytest.raises(BenchError) as caught:
        made.pump()
    made.block(Block(4, tuple(column[:2] for column in columns)))
    made.pump()  # reported once; the rest is recorded while the supply goes off
    assert caught.value.code == "monitor.overload"
    assert "Raise the monitor's range" in caught.value.hint
    made.close()
    stored = np.concatenate([block.columns[0] for block in Recording(tmp_path / "taken").read(0, 6)])
    wanted = np.array([0.01, 0.02, np.nan, 0.03, 0.01, 0.02]) * unit
    np.testing.assert_allclose(stored, wanted, rtol=1e-6)


def test_a_current_above_the_limit_and_within_the_range_is_the_duts(tmp_path, recorder):
    made = limited(tmp_path / "limit", SIGNAL)
    made.block(Block(0, (np.array([30.0, np.nan, 0.055 * 3000], np.float32),)))
    with pytest.raises(BenchError) as caught:
        made.pump()
    assert caught.value.code == "bench.current"
    assert "0.055 A" in caught.value.message
    made.close()
