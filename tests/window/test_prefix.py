"""Chunk sums: threads, gaps, damaged samples, and precision late in a long recording."""

from __future__ import annotations

import math
import struct
import time
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.recording.trace import ArrayTrace
from energy.signal import Block, Edge, SampleKind, Signal
from energy.window import prefix as module
from energy.window.integrator import WindowIntegrator, integrate_trace
from energy.window.pairing import SequencePairing
from energy.window.prefix import CHUNK, EnergyPrefix, Sum
from energy.window.rules import EnergyRule
from tests.window.support import JOULE_EACH, SLOW, PiecesTrace, bits, in_blocks

BOTH = Signal(SampleKind.CURRENT_VOLTAGE, 1.0)


def hexed(total: Sum) -> tuple[bytes, int, int]:
    return struct.pack("<d", total.value), total.count, total.not_finite


def trace_of(values: np.ndarray, first: int = 0) -> ArrayTrace:
    return ArrayTrace(JOULE_EACH, (np.asarray(values, dtype=np.float64),), first=first)


@pytest.fixture
def four_cores(monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: 4)


@pytest.mark.parametrize("first", [0, 5 * CHUNK + 17])
@pytest.mark.parametrize("both", [False, True])
def test_threads_give_the_bits_of_one_after_the_other(four_cores, monkeypatch, first, both):
    monkeypatch.setattr(module, "_TASK", 3)
    rng = np.random.default_rng(7)
    columns = tuple(rng.lognormal(0, 3, 30 * CHUNK + 99).astype(np.float32) for _ in range(1 + both))
    columns[0][12 * CHUNK + 5] = np.nan
    signal = BOTH if both else Signal(SampleKind.ENERGY, 1.0)
    trace = ArrayTrace(signal, columns, first=first)
    threaded, one_by_one = EnergyPrefix(trace), EnergyPrefix(trace)
    told: list[int] = []
    threaded.advance_all(trace, told.append)
    for complete in range(first, trace.stop, 100_003):
        one_by_one.advance(complete)
    one_by_one.advance(trace.stop)
    for low in range(first, trace.stop, 313_131):
        for high in range(low, trace.stop + 10, 412_121):
            assert hexed(threaded.sum(low, high)) == hexed(one_by_one.sum(low, high))
    assert hexed(threaded.sum(0, trace.stop)) == hexed(EnergyPrefix(trace).sum(0, trace.stop))
    assert told == sorted(told)
    assert told[-1] <= trace.count


@pytest.mark.parametrize("cores", [1, 4])
def test_progress_is_told_up_to_the_last_whole_chunk(monkeypatch, cores):
    monkeypatch.setattr(module.os, "cpu_count", lambda: cores)
    monkeypatch.setattr(module, "_TASK", 2)
    trace = trace_of(np.ones(9 * CHUNK))
    told: list[int] = []
    EnergyPrefix(trace).advance_all(trace, told.append)
    assert len(told) > 1
    assert told[-1] == 9 * CHUNK


def test_a_failing_source_fails_the_whole_sum(four_cores, monkeypatch):
    monkeypatch.setattr(module, "_TASK", 2)

    class Failing(ArrayTrace):
        def read(self, first, stop):
            if first >= 5 * CHUNK:
                raise OSError("the disk is gone")
            return super().read(first, stop)

    trace = Failing(JOULE_EACH, (np.ones(9 * CHUNK),))
    with pytest.raises(OSError, match="disk is gone"):
        EnergyPrefix(trace).advance_all(trace)


@SLOW
@given(
    data=st.data(),
    runs=st.lists(st.tuples(st.integers(0, 2 * CHUNK), st.integers(1, CHUNK + 9)), min_size=1, max_size=6),
)
def test_any_range_has_the_sum_and_the_number_of_the_samples_that_are_there(data, runs):
    """Runs of samples with gaps between them; whole numbers, so that sums are exact."""
    blocks, at = [], 0
    rng = np.random.default_rng(3)
    for gap, length in runs:
        blocks += in_blocks((rng.integers(-50, 100, length) * 1.0,), [length // 3], at + gap)
        at += gap + length
    trace = PiecesTrace(JOULE_EACH, blocks)
    everything = np.full(at, np.nan)
    for block in blocks:
        everything[block.first : block.stop] = block.columns[0]
    prefix = EnergyPrefix(trace)
    prefix.advance(data.draw(st.integers(0, at)))
    for _ in range(8):
        low, high = sorted((data.draw(st.integers(-5, at + 5)), data.draw(st.integers(-5, at + 5))))
        inside = everything[max(low, 0) : max(high, 0)]
        assert prefix.sum(low, high) == Sum(float(np.nansum(inside)), int(np.isfinite(inside).sum()))
    prefix.advance(at)
    assert prefix.sum(0, at) == Sum(float(np.nansum(everything)), int(np.isfinite(everything).sum()))


class Counting(ArrayTrace):
    """Counts the samples that are asked for."""

    asked = 0

    def read(self, first, stop):
        Counting.asked += max(min(stop, self.stop) - first, 0)
        return super().read(first, stop)


@pytest.mark.parametrize("threads", [False, True])
def test_whole_chunks_that_were_summed_are_not_read_again(four_cores, monkeypatch, threads):
    monkeypatch.setattr(module, "_TASK", 2)
    trace = Counting(JOULE_EACH, (np.ones(9 * CHUNK),))
    prefix = EnergyPrefix(trace)
    Counting.asked = 0
    if threads:
        prefix.advance_all(trace)
    prefix.advance(trace.stop)
    assert Counting.asked == 9 * CHUNK
    Counting.asked = 0
    assert prefix.sum(CHUNK - 10, 8 * CHUNK + 20) == Sum(7.0 * CHUNK + 30, 7 * CHUNK + 30)
    assert Counting.asked == 30


def test_a_live_window_is_summed_while_it_lasts_and_not_when_it_closes():
    trace = Counting(JOULE_EACH, (np.ones(40 * CHUNK),))
    Counting.asked = 0
    integrator = WindowIntegrator(trace, SequencePairing())
    integrator.edge(Edge(5.5))
    for position in range(0, 40 * CHUNK, 10_000):
        integrator.samples_complete(position)
    assert Counting.asked >= 39 * CHUNK
    Counting.asked = 0
    (window,) = integrator.edge(Edge(38.5 * CHUNK))
    assert window.energies[EnergyRule.EXACT].energy_j == 38.5 * CHUNK - 5.5
    assert Counting.asked < 6 * CHUNK  # the ends, by each of the three rules


def test_a_finished_recording_has_the_same_windows_by_threads(four_cores, monkeypatch):
    values = np.random.default_rng(4).lognormal(0, 2, 30 * CHUNK + 7)
    edges = [Edge(3.5), Edge(9 * CHUNK + 0.25), Edge(11.0 * CHUNK), Edge(29.75 * CHUNK)]
    trace = ArrayTrace(JOULE_EACH, (values,), edges=edges)
    by_one, _ = integrate_trace(trace, SequencePairing())
    monkeypatch.setattr(module, "_TASK", 2)
    by_four, _ = integrate_trace(trace, SequencePairing())
    assert list(map(bits, by_four)) == list(map(bits, by_one))
    assert len(by_four) == 2


def test_an_empty_range_sums_to_nothing():
    prefix = EnergyPrefix(trace_of(np.ones(10)))
    assert prefix.sum(5, 5) == prefix.sum(7, 2) == Sum(0.0, 0)


def test_a_gap_of_2_to_the_50_samples_costs_neither_time_nor_memory():
    far = 2**50
    blocks = [Block(0, (np.ones(3 * CHUNK),)), Block(far + 7, (np.ones(3 * CHUNK),))]
    edges = [Edge(10.0), Edge(far + 100.0)]
    trace = PiecesTrace(Signal(SampleKind.ENERGY, 1e6, dtype="float64"), blocks, edges=edges)
    began = time.process_time()
    tracemalloc.start()
    try:
        (window,), _ = integrate_trace(trace, SequencePairing())
        live = EnergyPrefix(trace)
        live.advance(CHUNK + 5)
        live.advance(far + 3 * CHUNK)
        unadvanced = EnergyPrefix(trace).sum(10, far + 100)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < 10
    assert peak < 64 << 20
    exact = window.energies[EnergyRule.EXACT]
    assert exact.missing == far + 7 - 3 * CHUNK
    assert exact.energy_j == 3 * CHUNK - 10 + 93
    assert live.sum(10, far + 100) == unadvanced == Sum(exact.energy_j, 3 * CHUNK - 10 + 93)


def test_an_edge_far_beyond_the_recording_costs_no_time():
    trace = trace_of(np.ones(2 * CHUNK + 9))
    trace.edges = [Edge(5.0), Edge(1e17)]
    began = time.process_time()
    (window,), _ = integrate_trace(trace, SequencePairing())
    assert time.process_time() - began < 10
    assert window.energies[EnergyRule.EXACT].energy_j == 2 * CHUNK + 4
    assert window.energies[EnergyRule.EXACT].missing == 10**17 - (2 * CHUNK + 9)


def test_a_source_that_yields_empty_blocks_is_read_to_its_end():
    class Strange(PiecesTrace):
        def read(self, first, stop):
            yield Block(first, (np.empty(0),))
            yield from super().read(first, stop)

    trace = Strange(JOULE_EACH, [Block(9 * CHUNK, (np.ones(2 * CHUNK),))])
    prefix = EnergyPrefix(trace)
    prefix.advance(trace.stop)
    assert prefix.sum(0, trace.stop) == Sum(2.0 * CHUNK, 2 * CHUNK)


# Damaged samples

BAD = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("bad", [[value] for value in BAD] + [[math.inf, -math.inf], BAD * 3])
def test_damaged_samples_are_counted_and_poison_no_other_window(bad):
    rng = np.random.default_rng(1)
    clean = rng.uniform(0, 1, 4 * CHUNK)
    damaged = clean.copy()
    damaged[CHUNK + 100 : CHUNK + 100 + len(bad)] = bad
    edges = [10.5, CHUNK + 50.5, CHUNK + 60.0, CHUNK + 500.0, CHUNK + 600.5, 3 * CHUNK + 7.25]
    windows = []
    for values in (clean, damaged):
        trace = trace_of(values)
        trace.edges = [Edge(at) for at in edges]
        windows.append(integrate_trace(trace, SequencePairing())[0])
    for number in (0, 2):
        assert windows[0][number] == windows[1][number]
    exact = windows[1][1].energies[EnergyRule.EXACT]
    assert (exact.missing, exact.not_finite) == (len(bad), len(bad))
    lost = clean[CHUNK + 100 : CHUNK + 100 + len(bad)].sum()
    assert exact.energy_j == pytest.approx(
        windows[0][1].energies[EnergyRule.EXACT].energy_j - lost, rel=1e-12
    )
    codes = [finding.code for finding in windows[1][1].findings]
    assert codes == ["samples.not-finite", "window.samples-missing"]


def test_a_chunk_of_nothing_but_nan_counts_as_there_but_damaged():
    values = np.full(3 * CHUNK, np.nan)
    values[2 * CHUNK :] = 1.0
    prefix = EnergyPrefix(trace_of(values))
    prefix.advance(3 * CHUNK)
    assert prefix.sum(0, 3 * CHUNK) == Sum(1.0 * CHUNK, CHUNK, 2 * CHUNK)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_finite_garbage_does_not_eat_the_digits_of_later_windows(dtype):
    """Two damaged samples of different size once halved every later window, without a finding."""
    values = np.full(8 * CHUNK, 10.1, dtype=dtype)
    values[100], values[CHUNK + 5] = 3e38, 1.2345e22
    edges = [Edge(3 * CHUNK + 0.5), Edge(5 * CHUNK + 0.5)]
    trace = ArrayTrace(Signal(SampleKind.ENERGY, 1000.0, dtype=np.dtype(dtype).name), (values,), edges=edges)
    (window,), _ = integrate_trace(trace, SequencePairing())
    truth = Fraction(float(dtype(10.1))) * 2 * CHUNK
    assert abs(Fraction(window.energies[EnergyRule.EXACT].energy_j) / truth - 1) < Fraction(1, 10**12)


def test_sums_beyond_float64_spoil_only_the_windows_that_hold_them():
    values = np.ones(6 * CHUNK)
    values[CHUNK : CHUNK + 100] = 1e308
    values[2 * CHUNK : 2 * CHUNK + 100] = -1e308
    prefix = EnergyPrefix(trace_of(values))
    prefix.advance(6 * CHUNK)
    assert prefix.sum(0, 2 * CHUNK).value == math.inf
    assert math.isnan(prefix.sum(0, 6 * CHUNK).value)
    assert prefix.sum(3 * CHUNK + 1, 5 * CHUNK + 1).value == 2 * CHUNK


# Precision


class Repeated:
    """A recording of any length: the same chunk of samples over and over, in the loud part times 10^9."""

    def __init__(self, values: np.ndarray, chunks: int, loud: int) -> None:
        self.signal = JOULE_EACH
        self.first, self.stop = 0, chunks * CHUNK
        self.count = self.stop
        self._quiet, self._loud = values, values * 1e9
        self._border = loud * CHUNK

    def read(self, first, stop):
        while first < min(stop, self.stop):
            low = first % CHUNK
            high = min(low + stop - first, CHUNK)
            values = self._loud if first < self._border else self._quiet
            yield Block(first, (values[low:high],))
            first += high - low


def test_a_short_window_late_in_a_long_loud_recording_keeps_its_digits():
    """500 chunks at 10^9 times its power lie before it: a plain running total would leave a digit."""
    values = np.random.default_rng(9).uniform(1e-3, 1.0, CHUNK)
    trace = Repeated(values, 520, 500)
    prefix = EnergyPrefix(trace)
    prefix.advance(trace.stop)
    for low, high in (
        (510 * CHUNK - 3, 511 * CHUNK + 5),
        (511 * CHUNK, 512 * CHUNK),
        (501 * CHUNK + 7, 501 * CHUNK + 8),
    ):
        truth = sum(
            (Fraction(value) for block in trace.read(low, high) for value in block.columns[0].tolist()),
            Fraction(0),
        )
        assert abs(Fraction(prefix.sum(low, high).value) - truth) <= truth / 10**13


def test_a_sum_over_everything_is_right_to_the_thirteenth_digit():
    values = np.random.default_rng(9).uniform(1e-3, 1.0, CHUNK)
    trace = Repeated(values, 300, 100)
    prefix = EnergyPrefix(trace)
    prefix.advance(trace.stop)
    once = sum(map(Fraction, values.tolist()), Fraction(0))
    loud = sum(map(Fraction, (values * 1e9).tolist()), Fraction(0))
    truth = 100 * loud + 200 * once
    assert abs(Fraction(prefix.sum(0, trace.stop).value) - truth) <= truth / 10**13
