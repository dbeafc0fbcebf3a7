"""From edges to windows: what is found where edges, gaps or samples are not as they should be."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

from energy.findings import REGISTER, Finding
from energy.signal import Block, Edge, Gap, SampleKind, Signal
from energy.window.integrator import WindowIntegrator, gap_findings, integrate_trace
from energy.window.pairing import SequencePairing, TrialPairing
from energy.window.rules import EnergyRule
from tests.window.support import PiecesTrace, whole

ONES = np.ones(1000)


def found(trace, pairing=None):
    """Windows, codes of the session's findings, and codes of each window's."""
    windows, findings = integrate_trace(trace, pairing or SequencePairing())
    return windows, [f.code for f in findings], [[f.code for f in window.findings] for window in windows]


def live(count=1000):
    integrator = WindowIntegrator(whole(np.ones(count), []), SequencePairing())
    integrator.samples_complete(count)
    return integrator


def test_a_sound_recording_has_no_findings():
    windows, session, each = found(whole(ONES, [10.5, 20.5, 30.0, 50.0]))
    assert (session, each) == ([], [[], []])
    assert [window.energies[EnergyRule.EXACT].energy_j for window in windows] == [10.0, 20.0]
    assert [window.number for window in windows] == [1, 2]
    assert (windows[0].start_s, windows[0].stop_s, windows[0].duration_s) == (0.0105, 0.0205, 0.01)


def test_a_doubled_edge_is_one_edge_and_a_warning():
    windows, session, _ = found(whole(ONES, [10.0, 10.0, 20.0, 20.0, 20.0]))
    assert [(window.opening.position, window.closing.position) for window in windows] == [(10.0, 20.0)]
    assert session == ["edge.bounce"]


def test_the_number_of_bounces_and_the_hold_are_said():
    _, findings = integrate_trace(whole(ONES, [10.0, 10.0, 20.0, 20.0, 20.0]), SequencePairing())
    assert findings == [Finding("edge.bounce", "3 edges within 50 us of another")]


@pytest.mark.parametrize("order", list(permutations([10.0, 20.0, 30.0])))
def test_edges_out_of_order_are_sorted_and_an_error(order):
    trace = whole(ONES, [*order, 40.0])
    windows, session, _ = found(trace)
    assert [(window.opening.position, window.closing.position) for window in windows] == [(10, 20), (30, 40)]
    assert session == ([] if list(order) == sorted(order) else ["edge.unsorted"])


def test_a_reader_that_said_so_already_is_not_repeated():
    trace = whole(ONES, [20.0, 10.0])
    trace.findings = [Finding("edge.unsorted", "as the file has it")]
    assert integrate_trace(trace, SequencePairing())[1] == trace.findings


def test_what_a_reader_noticed_is_passed_on():
    trace = whole(ONES, [10.0, 20.0, 30.0])
    trace.findings = [Finding("trace.truncated", "two bytes")]
    assert found(trace)[1] == ["trace.truncated", "edge.unpaired"]
    assert trace.findings == [Finding("trace.truncated", "two bytes")]


def test_rising_edges_may_be_told_in_any_order():
    from energy.signal import EdgeKind

    trace = whole(ONES, [10.0, 20.0])
    trace.edges.append(Edge(11.0, kind=EdgeKind.RISE))
    assert found(trace)[1] == []


def test_an_edge_earlier_than_the_last_one_is_left_out_and_an_error():
    integrator = live()
    integrator.edge(Edge(100.0))
    assert integrator.edge(Edge(50.0)) == []
    (window,) = integrator.edge(Edge(200.0))
    assert (window.opening.position, window.closing.position) == (100.0, 200.0)
    assert integrator.findings == [Finding("edge.unsorted", "an edge at sample 50 came after 100 was passed")]


def test_an_edge_behind_the_watermark_of_its_source_is_left_out_and_an_error():
    integrator = live()
    integrator.edges_complete(150.5)
    assert integrator.edge(Edge(150.0)) == []
    assert integrator.edge(Edge(160.0)) == []
    (window,) = integrator.edge(Edge(200.0))
    assert window.opening.position == 160.0
    assert [finding.code for finding in integrator.findings] == ["edge.unsorted"]


def test_a_watermark_never_goes_back():
    integrator = live(1000)
    integrator.samples_complete(10)
    integrator.edges_complete(100.0)
    integrator.edges_complete(5.0)
    integrator.edge(Edge(50.0))
    assert [finding.code for finding in integrator.findings] == ["edge.unsorted"]
    integrator.edge(Edge(100.0))
    assert len(integrator.edge(Edge(900.0))) == 1


def test_a_window_past_the_end_lacks_samples_and_says_how_many():
    windows, _, _ = found(whole(ONES, [900.5, 1100.5]))
    exact = windows[0].energies[EnergyRule.EXACT]
    assert (exact.energy_j, exact.missing) == (99.5, 101)
    assert windows[0].findings == (Finding("window.samples-missing", "101 of 201 samples are missing", 1),)


def test_a_window_before_the_first_sample_lacks_samples():
    windows, _, each = found(whole(ONES, [-5.5, 4.5, 10.0, 20.0]))
    assert windows[0].energies[EnergyRule.EXACT].missing == 6
    assert each == [["window.samples-missing"], []]


@pytest.mark.parametrize("at", [10.0, 10.5])
def test_a_window_without_length_is_empty_and_nothing_else(at):
    trace = whole(ONES, [at, at, 50.0, 60.0])
    windows, findings = integrate_trace(trace, SequencePairing(), hold_s=0.0)
    assert [finding.code for finding in windows[0].findings] == ["window.empty"]
    assert windows[0].energies[EnergyRule.EXACT].energy_j == 0.0
    assert windows[0].duration_s == 0.0
    assert math.isnan(windows[0].energies[EnergyRule.EXACT].power_w)
    assert windows[1].findings == ()
    assert findings == []


@pytest.mark.parametrize(
    ("level", "flagged"),
    [(-1e-9, True), (0.0, False), (0.999, False), (1.001, True), (1e300, True)],
)
def test_power_below_nothing_or_above_a_kilowatt_is_implausible(level, flagged):
    _, _, each = found(whole(ONES * level, [100.0, 200.0]))  # 1 J a sample at 1 kHz is 1 kW
    assert each == [["window.implausible-power"] if flagged else []]


def test_power_that_adds_up_to_infinity_is_implausible():
    _, _, each = found(whole(ONES * 1e308, [100.0, 200.0]))
    assert each == [["window.implausible-power"]]


def test_a_window_of_nothing_but_nan_has_no_energy_and_says_so():
    values = ONES.copy()
    values[100:200] = np.nan
    windows, _, each = found(whole(values, [100.0, 200.0, 300.0, 400.0]))
    assert windows[0].energies[EnergyRule.EXACT].energy_j == 0.0
    assert windows[0].energies[EnergyRule.EXACT].missing == 100
    assert each == [["samples.not-finite", "window.samples-missing"], []]


@pytest.mark.parametrize("at", [99, 100, 150, 200, 201])
def test_a_gap_of_unknown_length_spoils_the_window_it_is_in(at):
    trace = whole(ONES, [100.0, 200.0, 300.0, 400.0])
    trace.gaps = [Gap(at, None, "queue full")]
    windows, session, each = found(trace)
    assert session == ["samples.gap"]
    assert each == [["window.samples-missing"] if 100 <= at <= 200 else [], []]
    if each[0]:
        assert "unknown number" in windows[0].findings[0].evidence
        assert "queue full" in windows[0].findings[0].evidence


def test_a_gap_of_unknown_length_spoils_a_live_window_too():
    integrator = live()
    integrator.gap(Gap(150, None, "queue full"))
    integrator.edge(Edge(100.0))
    (window,) = integrator.edge(Edge(200.0))
    assert [finding.code for finding in window.findings] == ["window.samples-missing"]


def test_a_gap_of_known_length_spoils_only_the_windows_that_lack_its_samples():
    blocks = [Block(0, (np.ones(150),)), Block(160, (np.ones(840),))]
    trace = PiecesTrace(Signal(SampleKind.ENERGY, 1000.0, dtype="float64"), blocks)
    trace.edges = [Edge(at) for at in (100.0, 150.0, 155.0, 158.0, 160.0, 200.0, 300.0, 400.0)]
    trace.gaps = [Gap(150, 10, "sequence counter")]
    windows, findings = integrate_trace(trace, SequencePairing())
    assert [[f.evidence for f in window.findings] for window in windows] == [
        [],
        ["3 of 3 samples are missing"],
        [],
        [],
    ]
    assert findings == [Finding("samples.gap", "10 samples from sample 150 (sequence counter)")]


def test_of_very_many_gaps_the_first_have_a_finding_each_and_one_counts_the_others():
    gaps = [Gap(10 * k, None if k % 1000 == 999 else 1 + k % 3, "lost") for k in range(5000)]
    findings = gap_findings(gaps)
    assert findings[:2] == [
        Finding("samples.gap", "1 samples from sample 0 (lost)"),
        Finding("samples.gap", "2 samples from sample 10 (lost)"),
    ]
    assert len(findings) == 1001
    lost = sum(gap.count or 0 for gap in gaps[1000:])
    assert findings[-1].evidence == (
        f"4000 more gaps, the last at sample 49990: {lost} samples, in 4 of them an unknown number"
    )
    assert gap_findings([]) == []


@pytest.mark.parametrize("offset", [0.0, -0.5, -1.0])
def test_the_number_of_samples_asked_for_is_that_of_the_shifted_samples(offset):
    signal = Signal(SampleKind.ENERGY, 1000.0, dtype="float64", coverage_offset=offset)
    blocks = [Block(0, (np.ones(10),)), Block(13, (np.ones(20),))]
    trace = PiecesTrace(signal, blocks, edges=[Edge(8.0 + offset), Edge(14.0 + offset)])
    windows, _ = integrate_trace(trace, SequencePairing())
    assert [f.evidence for f in windows[0].findings] == ["3 of 6 samples are missing"]


def test_findings_carry_the_number_of_their_window():
    values = ONES.copy()
    values[[250, 850]] = np.nan
    trace = whole(values, [100.0, 200.0, 210.0, 300.0, 500.0, 600.0, 800.0, 900.0])
    windows, _ = integrate_trace(trace, SequencePairing())
    assert [[finding.window for finding in window.findings] for window in windows] == [[], [2, 2], [], [4, 4]]


def test_windows_come_in_the_order_of_time_with_the_numbers_of_their_trials():
    trace = whole(ONES, [10, 90, 120, 210, 290, 310, 390])
    windows, findings = integrate_trace(trace, TrialPairing([100, 200, 300, 400]))
    assert [(window.number, window.opening.position) for window in windows] == [(1, 10), (3, 210), (4, 310)]
    assert [(finding.code, finding.window) for finding in findings] == [("edge.count", 2)]


def test_windows_close_in_order_even_if_a_later_one_could_be_closed_first():
    integrator = WindowIntegrator(whole(ONES, []), SequencePairing(), hold_s=0.0)
    for at in (10.0, 500.0, 501.0, 502.0):
        assert integrator.edge(Edge(at, bound=400.0 if at == 500.0 else 0.0)) == []
    assert integrator.samples_complete(510) == []
    assert [window.number for window in integrator.samples_complete(900)] == [1, 2]


def test_a_window_that_never_closes_is_said():
    integrator = live()
    integrator.edge(Edge(10.0))
    assert integrator.finish(1000) == []
    assert [finding.code for finding in integrator.findings] == ["edge.unpaired"]


def test_edges_without_samples_are_no_reason_to_fail():
    trace = PiecesTrace(Signal(SampleKind.ENERGY, 1.0, dtype="float64"), [Block(7, (np.ones(0),))])
    trace.edges = [Edge(1.0), Edge(3.0)]
    windows, _, each = found(trace)
    assert windows[0].energies[EnergyRule.EXACT].missing == 2
    assert each == [["window.samples-missing"]]


def test_every_code_that_these_tests_name_is_registered():
    assert {"edge.unsorted", "edge.bounce", "window.empty", "samples.gap"} <= set(REGISTER)
