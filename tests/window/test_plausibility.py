"""Windows that cannot be what they claim to be: each check on samples whose truth the test has made."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from energy.signal import Block, Edge, SampleKind, Signal
from energy.window.edgestream import TakenEdges
from energy.window.figures import WindowFigures
from energy.window.integrator import WindowIntegrator
from energy.window.pairing import Pair
from energy.window.plausibility import (
    TimedRun,
    check_lengths,
    check_samples,
    edges_shifted,
    idle_inside,
    lengths_apart,
    lines_apart,
    mean_power_w,
    no_energy,
    throughput_apart,
)
from energy.window.strange_samples import dropped_to_zero, frozen_samples
from tests.window.support import PiecesTrace

RATE_HZ = 1000.0
VOLTS = 1.8
SIGNAL = Signal(SampleKind.CURRENT, RATE_HZ, dtype="float64", voltage_v=VOLTS)


@dataclass(frozen=True)
class Dut:
    """A DUT that rests, infers with a pattern of two powers, and rests.

    Attributes:
        period: Samples of an inference; the last third draws less.
        count: Inferences.
        rest_a: Current at rest.
        noise_a: Standard deviation of every sample.
    """

    period: int = 43
    count: int = 236
    rest_a: float = 6e-3
    noise_a: float = 2e-4
    before: int = 3000
    after: int = 3000

    def samples(self) -> np.ndarray:
        """All samples."""
        one = np.full(self.period, 25e-3)
        one[self.period * 2 // 3 :] = 18e-3
        rest = np.full(self.before, self.rest_a), np.full(self.after, self.rest_a)
        clean = np.concatenate([rest[0], np.tile(one, self.count), rest[1]])
        return clean + np.random.default_rng(7).normal(0.0, self.noise_a, len(clean))


def figures(samples, first, stop, count, signal=SIGNAL):
    trace = PiecesTrace(signal, [Block(0, (samples,))])
    integrator = WindowIntegrator(trace, TakenEdges())
    integrator.samples_complete(len(samples))
    window = integrator.window(Pair(1, Edge(first), Edge(stop)))
    return trace, [WindowFigures(window, count)]


def window_of(dut, late_start=0.0, late_stop=0.0, samples=None):
    """The trace, and its window with edges that are late by these times in seconds."""
    values = dut.samples() if samples is None else samples
    first = dut.before + late_start * RATE_HZ
    stop = dut.before + dut.period * dut.count + late_stop * RATE_HZ
    return figures(values, first, stop, dut.count)


def codes(findings):
    return [finding.code for finding in findings]


@pytest.mark.parametrize(
    "dut", [Dut(), Dut(period=165, count=62), Dut(period=5, count=2100), Dut(noise_a=2e-3)]
)
def test_a_sound_window_has_no_finding(dut):
    trace, rows = window_of(dut)
    assert check_samples(trace, rows, VOLTS) == []


@pytest.mark.parametrize("shift_s", [0.02, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("dut", [Dut(), Dut(period=165, count=62), Dut(period=5, count=2100)])
def test_a_window_that_ends_late_or_begins_early_holds_idle_power(dut, shift_s):
    for late_start, late_stop, where in ((-shift_s, 0.0, "first"), (0.0, shift_s, "last")):
        trace, rows = window_of(dut, late_start, late_stop)
        (found,) = idle_inside(trace, rows)
        assert found.code == "window.idle-inside"
        assert f"its {where}" in found.evidence


@pytest.mark.parametrize("shift_s", [0.02, 0.1, 0.2])
@pytest.mark.parametrize("way", [1, -1])
def test_a_window_of_the_right_length_at_the_wrong_time_is_found(shift_s, way):
    trace, rows = window_of(Dut(), way * shift_s, way * shift_s)
    assert codes(check_samples(trace, rows, VOLTS)) == ["window.idle-inside"]


def test_an_inference_that_ends_with_a_pause_of_its_own_is_no_idle_end():
    samples = np.tile(np.concatenate([np.full(100, 25e-3), np.full(60, 6e-3)]), 64)
    rest = np.full(2000, 6e-3)
    trace, rows = figures(np.concatenate([rest, samples, rest]), 2000, 2000 + len(samples), 64)
    assert list(idle_inside(trace, rows)) == []


def test_a_dut_that_draws_the_same_at_rest_gives_no_reason_for_a_finding():
    dut = Dut(rest_a=22.6e-3)
    trace, rows = window_of(dut, 0.1, 0.1)
    assert list(idle_inside(trace, rows)) == []


def test_a_window_without_samples_around_it_is_judged_by_its_inside():
    dut = Dut(before=0, after=0)
    samples = np.concatenate([dut.samples()[:-40], np.full(100, 6e-3)])
    trace, rows = figures(samples, 0, len(samples), dut.count)
    assert codes(idle_inside(trace, rows)) == ["window.idle-inside"]


def test_mean_power_is_that_of_the_whole_samples_and_unknown_where_one_is_missing():
    signal = replace(SIGNAL, coverage_offset=-0.5)
    trace = PiecesTrace(signal, [Block(0, (np.array([1.0, 2.0, 4.0]),)), Block(4, (np.array([8.0]),))])
    assert mean_power_w(trace, 0.5, 2.5) == pytest.approx(3.0 * VOLTS)  # samples 1 and 2 cover 0.5 to 2.5
    assert mean_power_w(trace, 0.4, 2.6) == pytest.approx(3.0 * VOLTS)
    assert math.isnan(mean_power_w(trace, 1.5, 4.5))


def runs(shift_s, pilot=10, trial=236, each_s=0.0432, lines_late_s=0.0):
    """A pilot and five trials whose windows are longer than their inferences by this time."""
    make = [
        TimedRun(count, count * each_s + shift_s, 2e-3, count * each_s + lines_late_s)
        for count in (pilot, *[trial] * 5)
    ]
    return make[:1], make[1:]


@pytest.mark.parametrize("shift_s", [0.0, 0.001, -0.001, 0.005])
def test_lengths_of_sound_windows_are_those_of_their_inferences(shift_s):
    assert list(edges_shifted(*runs(shift_s))) == []


@pytest.mark.parametrize("shift_s", [0.02, -0.02, 0.2, -0.2])
@pytest.mark.parametrize(
    ("pilot", "trial", "each_s"), [(10, 236, 0.0432), (52, 1940, 0.00526), (10, 62, 0.165)]
)
def test_windows_that_are_longer_or_shorter_than_their_inferences_by_the_same_time(
    shift_s, pilot, trial, each_s
):
    (found,) = edges_shifted(*runs(shift_s, pilot, trial, each_s))
    assert found.code == "window.edges-shifted"
    assert f"{abs(shift_s) * 1e3:.1f} ms {'longer' if shift_s > 0 else 'shorter'}" in found.evidence


def test_the_windows_own_lengths_outweigh_stamps_of_the_host():
    pilots, trials = runs(0.0, lines_late_s=0.095)
    assert check_lengths(pilots, trials) == []
    assert codes(check_lengths([], trials)) == ["window.unlike-lines"]


def test_a_single_late_line_is_no_finding_and_lines_that_are_not_known_are_none():
    _, trials = runs(0.0)
    late = replace(trials[2], lines_s=trials[2].duration_s + 0.4)
    assert list(lines_apart([*trials[:2], late, *trials[3:]])) == []
    assert list(lines_apart([replace(run, lines_s=None) for run in trials])) == []
    assert codes(lines_apart(runs(0.1)[1])) == ["window.unlike-lines"]


@pytest.mark.parametrize("level_a", [0.0, 4e-6, -3e-3])
def test_inferences_without_energy(level_a):
    trace, rows = window_of(Dut(), samples=np.full(16148, level_a))
    assert codes(check_samples(trace, rows, VOLTS)) == ["window.no-energy"]


def test_what_the_monitors_offset_can_make_is_no_energy():
    _, rows = window_of(Dut(), samples=Dut().samples() * 1e-2)
    assert list(no_energy(rows, VOLTS, offset_a=1e-6)) == []
    assert codes(no_energy(rows, VOLTS, offset_a=1e-3)) == ["window.no-energy"]
    assert list(no_energy([replace(rows[0], iterations=None)], VOLTS, offset_a=1e-3)) == []


def test_a_constant_trace_is_found_and_a_slow_inference_with_a_constant_part_is_not():
    dut = Dut()
    trace, rows = window_of(dut, samples=np.full(16148, 20e-3))
    (found,) = frozen_samples(trace, rows)
    assert f"{dut.period * dut.count} samples of the same value (0.02)" in found.evidence
    samples = np.tile(np.repeat([25e-3, 18e-3], 900), 12)
    trace, rows = figures(samples, 0, len(samples), 12)
    assert list(frozen_samples(trace, rows)) == []
    assert codes(frozen_samples(trace, [replace(rows[0], iterations=2000)])) == ["samples.frozen"]


def test_a_constant_part_across_pieces_of_a_recording_is_one_part():
    samples = Dut().samples()
    samples[5000:5700] = 20e-3
    blocks = [Block(at, (samples[at : at + 400],)) for at in range(0, len(samples), 400)]
    trace = PiecesTrace(SIGNAL, blocks)
    _, rows = window_of(Dut(), samples=samples)
    (found,) = frozen_samples(trace, rows)
    assert "700 samples" in found.evidence
    assert found.time_s == (5.0, 5.7)


@pytest.mark.parametrize("every", [2, 7, 500])
def test_zeros_between_samples_are_found(every):
    samples = Dut().samples()
    samples[::every] = 0.0
    trace, rows = window_of(Dut(), samples=samples)
    found = list(dropped_to_zero(trace, rows))
    count = Dut().period * Dut().count
    assert codes(found) == ["samples.zeros"]
    assert (
        f"{len(range(-(-3000 // every) * every, 3000 + count, every))} of {count} samples"
        in found[0].evidence
    )


def test_a_dut_that_sleeps_at_zero_between_bursts_has_no_finding():
    samples = np.tile(np.concatenate([np.full(20, 25e-3), np.geomspace(25e-3, 1e-6, 30), np.zeros(950)]), 12)
    trace, rows = figures(samples, 0, len(samples), 12)
    assert list(dropped_to_zero(trace, rows)) == []


@pytest.mark.parametrize(
    ("energy_ips", "code"),
    [
        (23.155, []),
        (22.8, []),
        (22.4, ["throughput.apart"]),
        (21.5, ["throughput.differs"]),
        (24.5, ["throughput.differs"]),
    ],
)
def test_throughput_is_that_of_performance_mode(energy_ips, code):
    assert codes(throughput_apart(energy_ips, 23.155)) == code
    assert list(throughput_apart(None, 23.155)) == []


@pytest.mark.parametrize("apart_s", [0.03, -0.03, 0.05, -0.2])
def test_a_trial_of_another_length_has_a_wrong_edge_unless_the_duts_lines_show_the_same(apart_s):
    _, trials = runs(0.0)
    trials = [replace(run, number=k) for k, run in enumerate(trials, start=1)]
    wrong = replace(trials[1], duration_s=trials[1].duration_s + apart_s)
    slower = replace(wrong, lines_s=trials[1].lines_s + apart_s)
    for run, wanted in ((wrong, [2]), (replace(wrong, lines_s=None), [2]), (slower, [])):
        found = list(lengths_apart([trials[0], run, *trials[2:]]))
        assert [finding.window for finding in found] == wanted
        assert codes(found) == ["window.edges-shifted"] * len(wanted)


def test_trials_of_other_numbers_of_inferences_and_a_clock_that_warms_are_of_one_length():
    _, trials = runs(0.0)
    longer = TimedRun(240, 240 * 0.0432 * (1 + 4e-4), 2e-3, 240 * 0.0432)
    assert list(lengths_apart([*trials[:4], longer])) == []
