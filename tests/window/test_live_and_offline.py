"""Measuring live, reading a recording back and a foreign trace give the same windows to the last bit."""

from __future__ import annotations

import itertools
import math
import tempfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.recording.store import Recording, RecordingWriter
from energy.recording.trace import ArrayTrace
from energy.signal import Block, Edge, EdgeKind, Gap, SampleKind, Signal
from energy.window.integrator import Window, WindowIntegrator, integrate_trace
from energy.window.pairing import SequencePairing
from energy.window.prefix import CHUNK
from energy.window.rules import EnergyRule
from tests.window.support import PiecesTrace, bits

LENGTH = 3 * CHUNK + 500
FILES = settings(deadline=None, max_examples=60)
SIGNALS = [
    Signal(SampleKind.ENERGY, 1000.0, energy_unit="uJ"),
    Signal(SampleKind.CURRENT, 2e6, voltage_v=3.0),
    Signal(SampleKind.CURRENT_VOLTAGE, 4882.8125, coverage_offset=-0.5),
    Signal(SampleKind.ENERGY, 3.0, dtype="float64", coverage_offset=-1.0),
]


@dataclass
class Plan:
    """What happens to a monitor's samples and edges, in the order in which a session learns of it."""

    signal: Signal
    edges: list[Edge]
    seed: int
    damaged: list[int]
    """Samples that are NaN or infinite."""
    lost: list[tuple[int, int]] = field(default_factory=list)
    """Runs of samples that were lost: [first, stop)."""
    cuts: list[int] = field(default_factory=list)
    """Where blocks end."""
    progress: list[float] = field(default_factory=list)
    """For each edge, how much of the recording has passed when it is told (0 before all, 1 after all)."""
    tell: int = 1
    """``samples_complete`` is called after every so many blocks."""
    behind: int = 0
    """And then for a position so many samples before the last one that came."""

    @cached_property
    def columns(self) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng(self.seed)
        columns = tuple(rng.lognormal(-6, 2, LENGTH).astype(self.signal.dtype) for _ in self.signal.columns)
        for at in self.damaged:
            columns[at % len(columns)][at] = (math.nan, math.inf, -math.inf)[at % 3]
        return columns

    @property
    def blocks(self) -> list[Block]:
        """The samples that are not lost, cut."""
        ends = sorted({0, LENGTH, *self.cuts, *(end for run in self.lost for end in run)})
        whole = Block(0, self.columns)
        pieces = [whole.clip(low, high) for low, high in itertools.pairwise(ends)]
        return [piece for piece in pieces if not any(low <= piece.first < high for low, high in self.lost)]


@st.composite
def plans(draw):
    signal = draw(st.sampled_from(SIGNALS))
    places = st.one_of(
        st.floats(1, LENGTH),
        st.integers(1, LENGTH).map(float),
        st.sampled_from([CHUNK - 1.0, CHUNK * 1.0, CHUNK + 0.5, 2.0 * CHUNK, 3.0 * CHUNK, LENGTH - 0.5]),
    )
    positions = sorted(draw(st.lists(places, min_size=2, max_size=8)))
    edges = [Edge(at, bound=draw(st.sampled_from([0.0, 0.5, 1.0, 700.0]))) for at in positions]
    index = st.integers(0, LENGTH - 1)
    damaged = draw(st.lists(index, max_size=4))
    starts = draw(st.lists(index, max_size=3))
    lost = [(low, min(low + draw(st.sampled_from([1, 100, CHUNK])), LENGTH - 1)) for low in starts]
    return Plan(
        signal,
        edges,
        draw(st.integers(0, 2**32)),
        damaged,
        [(low, high) for low, high in lost if 0 < low < high],
        draw(st.lists(index, max_size=12)),
        sorted(draw(st.lists(st.floats(0, 1), min_size=len(edges), max_size=len(edges)))),
        draw(st.integers(1, 5)),
        draw(st.sampled_from([0, 1, 777, CHUNK])),
    )


def play(plan: Plan, integrator: WindowIntegrator, take) -> list[Window]:
    """Runs a plan against an integrator; ``take`` hands a block to the integrator's source."""
    windows: list[Window] = []
    waiting = list(zip(plan.progress, plan.edges, strict=True))
    for number, block in enumerate(plan.blocks):
        while waiting and waiting[0][0] * LENGTH < block.first:
            windows += integrator.edge(waiting.pop(0)[1])
        take(block)
        if number % plan.tell == 0:
            windows += integrator.samples_complete(max(block.stop - plan.behind, 0))
    for _, edge in waiting:
        windows += integrator.edge(edge)
    return windows + integrator.finish(LENGTH)


def live(plan: Plan, folder: Path) -> tuple[list[Window], list]:
    """The windows of a plan that is measured into a real recording."""
    with RecordingWriter(folder, plan.signal, flush_interval_s=60) as writer:
        integrator = WindowIntegrator(writer, SequencePairing(), hold_s=0.0)
        windows = play(plan, integrator, writer.append)
        for edge in plan.edges:
            writer.edge(edge)
    return windows, integrator.findings


@FILES
@given(plan=plans())
def test_a_live_session_its_recording_and_a_trace_in_memory_have_the_same_bits(plan):
    with tempfile.TemporaryDirectory() as folder:
        windows, findings = live(plan, Path(folder) / "live")
        assert len(windows) == len(plan.edges) // 2
        recording = Recording(Path(folder) / "live")
        replayed, replay_findings = integrate_trace(recording, SequencePairing(), hold_s=0.0)
        assert list(map(bits, replayed)) == list(map(bits, windows))
        assert [finding for finding in replay_findings if finding.code != "samples.gap"] == findings
        pieces = PiecesTrace(plan.signal, plan.blocks, edges=plan.edges)
        in_memory, _ = integrate_trace(pieces, SequencePairing(), hold_s=0.0)
        assert list(map(bits, in_memory)) == list(map(bits, windows))
        del recording
    if not plan.lost:
        trace = ArrayTrace(plan.signal, plan.columns, edges=plan.edges)
        whole, _ = integrate_trace(trace, SequencePairing(), hold_s=0.0)
        assert list(map(bits, whole)) == list(map(bits, windows))


@FILES
@given(plan=plans(), cuts=st.lists(st.integers(0, LENGTH), max_size=30), tell=st.integers(1, 9))
def test_the_order_and_size_in_which_samples_and_edges_come_change_no_bit(plan, cuts, tell):
    results = []
    for other in (
        plan,
        replace(plan, cuts=cuts, progress=[0.0] * len(plan.edges), tell=tell),
        replace(plan, cuts=cuts, progress=[1.0] * len(plan.edges), tell=tell),
    ):
        store = PiecesTrace(plan.signal, [])
        integrator = WindowIntegrator(store, SequencePairing(), hold_s=0.0)
        results.append(list(map(bits, play(other, integrator, store.blocks.append))))
    assert results[0] == results[1] == results[2]
    assert len(results[0]) == len(plan.edges) // 2


def test_one_sample_at_a_time_gives_the_bits_of_one_block():
    rng = np.random.default_rng(5)
    values = rng.lognormal(-6, 2, 3000).astype(np.float32)
    signal = SIGNALS[0]
    edges = [Edge(10.25, 1.0), Edge(2000.75, 1.0)]
    whole, _ = integrate_trace(ArrayTrace(signal, (values,), edges=edges), SequencePairing())
    store = PiecesTrace(signal, [])
    integrator = WindowIntegrator(store, SequencePairing())
    windows = integrator.edge(edges[0]) + integrator.edge(edges[1])
    for k in range(len(values)):
        store.blocks.append(Block(k, (values[k : k + 1],)))
        windows += integrator.samples_complete(k + 1)
    assert list(map(bits, windows)) == list(map(bits, whole))


def test_an_edge_that_comes_a_million_samples_late_closes_its_window(tmp_path):
    rng = np.random.default_rng(11)
    signal = Signal(SampleKind.CURRENT_VOLTAGE, 1e6)
    edges = [Edge(1000.3, 2.0), Edge(70_000.6, 2.0), Edge(80_000.1, 2.0), Edge(90_000.9, 2.0)]
    with RecordingWriter(tmp_path / "late", signal) as writer:
        integrator = WindowIntegrator(writer, SequencePairing())
        for first in range(0, 1_200_000, 50_000):
            columns = tuple(rng.uniform(0.5, 1.0, 50_000).astype(np.float32) for _ in range(2))
            writer.append(Block(first, columns))
            assert integrator.samples_complete(first + 50_000) == []
        opened = integrator.edge(edges[0])
        closed = integrator.edge(edges[1])
        assert opened == []
        assert [window.number for window in closed] == [1]
        writer.edge(edges[0])
        writer.edge(edges[1])
        for edge in edges[2:]:
            closed += integrator.edge(edge)
            writer.edge(edge)
        assert [window.number for window in closed] == [1, 2]
        assert integrator.finish(1_200_000) == []
    offline, findings = integrate_trace(Recording(tmp_path / "late"), SequencePairing())
    assert list(map(bits, offline)) == list(map(bits, closed))
    assert findings == []
    assert 0.25 < closed[0].energies[EnergyRule.EXACT].power_w < 1.0


def test_a_window_closes_with_the_first_sample_that_settles_it_and_not_before():
    values = np.ones(100, np.float32)
    signal = Signal(SampleKind.ENERGY, 1.0)
    store = PiecesTrace(signal, [])
    integrator = WindowIntegrator(store, SequencePairing(), hold_s=0.0)
    integrator.edge(Edge(3.0))
    integrator.edge(Edge(10.5))
    closed_at = []
    for k in range(30):
        store.blocks.append(Block(k, (values[k : k + 1],)))
        if integrator.samples_complete(k + 1):
            closed_at.append(k + 1)
    assert closed_at == [12]  # sample 10 is cut; its neighbour 11 tells of a step


def test_an_edges_bound_is_waited_for_before_its_cost_is_stated():
    values = np.ones(1000)
    values[700] = 9.0
    edges = [Edge(100.0, bound=50.0), Edge(500.0, bound=250.0)]
    signal = Signal(SampleKind.ENERGY, 1000.0, dtype="float64")
    whole, _ = integrate_trace(ArrayTrace(signal, (values,), edges=edges), SequencePairing())
    store = PiecesTrace(signal, [])
    integrator = WindowIntegrator(store, SequencePairing())
    integrator.edge(edges[0])
    integrator.edge(edges[1])
    windows = []
    for first in range(0, 1000, 10):
        store.blocks.append(Block(first, (values[first : first + 10],)))
        windows += integrator.samples_complete(first + 10)
    assert windows[0].bounds.position_j == 50.0 * 1 + 250.0 * 9.0
    assert bits(windows[0]) == bits(whole[0])


def test_a_window_past_the_end_has_the_bits_of_its_recording(tmp_path):
    values = np.random.default_rng(2).uniform(1, 2, 2 * CHUNK + 77).astype(np.float32)
    edges = [Edge(CHUNK - 3.5), Edge(9.0 * CHUNK)]
    with RecordingWriter(tmp_path / "cut", SIGNALS[0]) as writer:
        integrator = WindowIntegrator(writer, SequencePairing())
        writer.append(Block(0, (values,)))
        writer.gap(Gap(len(values), 5 * CHUNK, "cable"))
        for edge in edges:
            writer.edge(edge)
            integrator.edge(edge)
        windows = integrator.finish(len(values) + 5 * CHUNK)
    offline, _ = integrate_trace(Recording(tmp_path / "cut"), SequencePairing())
    assert list(map(bits, offline)) == list(map(bits, windows))
    assert [finding.code for finding in windows[0].findings] == ["window.samples-missing"]
    exact = windows[0].energies[EnergyRule.EXACT]
    assert exact.missing == 9 * CHUNK - (2 * CHUNK + 77)


@pytest.mark.parametrize("kind", list(EdgeKind))
def test_rising_edges_open_and_close_nothing_live_or_offline(kind):
    values = np.ones(1000)
    signal = Signal(SampleKind.ENERGY, 1000.0, dtype="float64")
    edges = [Edge(100.0, kind=kind), Edge(500.0, kind=kind)]
    windows, _ = integrate_trace(ArrayTrace(signal, (values,), edges=edges), SequencePairing())
    assert len(windows) == (kind is EdgeKind.FALL)
