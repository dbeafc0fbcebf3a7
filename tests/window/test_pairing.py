"""Which edges make which window, and what is said when they do not fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.signal import Edge
from energy.window.pairing import GivenPairing, Pair, SequencePairing, TrialPairing
from tests.window.support import QUICK


def run(pairing, positions):
    """All pairs as (number, opening, closing), and the findings as (code, window)."""
    pairs = [pair for at in positions if (pair := pairing.add(Edge(float(at))))]
    late, findings = pairing.finish()
    flat = [(pair.number, pair.opening.position, pair.closing.position) for pair in pairs + late]
    return flat, [(finding.code, finding.window) for finding in findings], [f.evidence for f in findings]


@QUICK
@given(leading=st.integers(0, 4), count=st.integers(0, 15))
def test_edges_after_the_leading_ones_are_paired_two_by_two(leading, count):
    pairs, findings, _ = run(SequencePairing(leading), range(count))
    rest = list(range(leading, count))
    assert pairs == [(k // 2 + 1, rest[k], rest[k + 1]) for k in range(0, len(rest) - 1, 2)]
    codes = [code for code, _ in findings]
    assert ("edge.unpaired" in codes) == (len(rest) % 2 == 1)
    assert ("timestamps.unused" in codes) == (leading > 0)
    assert "edge.count" not in codes


@QUICK
@given(leading=st.integers(0, 3), windows=st.integers(0, 6), count=st.integers(0, 16))
def test_a_wrong_number_of_edges_is_an_error_and_the_right_one_is_none(leading, windows, count):
    _, findings, _ = run(SequencePairing(leading, windows), range(count))
    codes = [code for code, _ in findings]
    assert ("edge.count" in codes) == (count != leading + 2 * windows)
    assert "edge.unpaired" not in codes


def test_a_window_is_there_with_its_closing_edge_and_not_before():
    pairing = SequencePairing(1)
    edges = [Edge(float(at)) for at in (1, 5, 9)]
    assert [pairing.add(edge) for edge in edges] == [None, None, Pair(1, edges[1], edges[2])]


def test_eleven_timestamps_are_five_windows_after_the_one_of_the_timestamp_command():
    pairs, findings, _ = run(SequencePairing(1, 5), range(11))
    assert pairs == [(n, 2 * n - 1, 2 * n) for n in range(1, 6)]
    assert findings == [("timestamps.unused", None)]


def test_findings_say_how_many_edges_there_were_and_how_many_are_needed():
    _, _, evidence = run(SequencePairing(1, 5), range(10))
    assert "10 edges; 5 windows and 1 leading edges need 11" in evidence[1]
    _, _, evidence = run(SequencePairing(0), [3, 8, 12])
    assert "edge 3 at sample 12" in evidence[0]
    _, _, evidence = run(SequencePairing(5), [1, 2])
    assert evidence == ["2 before window 1"]


STOPS = [100, 200, 300]


def test_each_trial_has_the_window_of_its_two_edges():
    pairs, findings, _ = run(TrialPairing(STOPS), [10, 90, 110, 190, 210, 290])
    assert pairs == [(1, 10, 90), (2, 110, 190), (3, 210, 290)]
    assert findings == []


def test_the_first_trial_may_have_a_boot_edge():
    pairs, findings, _ = run(TrialPairing(STOPS), [2, 10, 90, 110, 190, 210, 290])
    assert pairs == [(1, 10, 90), (2, 110, 190), (3, 210, 290)]
    assert findings == [("timestamps.unused", 1)]


def test_two_edges_too_many_in_the_first_trial_are_an_error():
    pairs, findings, _ = run(TrialPairing(STOPS), [1, 2, 10, 90, 110, 190, 210, 290])
    assert pairs[0] == (1, 10, 90)
    assert findings == [("edge.count", 1)]


def test_an_extra_edge_in_a_later_trial_is_an_error_and_its_last_two_count():
    pairs, findings, evidence = run(TrialPairing(STOPS), [10, 90, 101, 110, 190, 210, 290])
    assert pairs == [(1, 10, 90), (2, 110, 190), (3, 210, 290)]
    assert findings == [("edge.count", 2)]
    assert evidence == ["trial 1 has 3 edges instead of 2"]


@pytest.mark.parametrize("left", [[], [110]])
def test_a_missing_edge_costs_its_own_trial_only_and_the_others_keep_their_numbers(left):
    pairs, findings, _ = run(TrialPairing(STOPS), [10, 90, *left, 210, 290])
    assert pairs == [(1, 10, 90), (3, 210, 290)]
    assert findings == [("edge.count", 2)]


def test_an_event_at_the_very_end_of_a_trial_is_its_own():
    pairs, findings, _ = run(TrialPairing(STOPS), [10, 100, 110, 200, 210, 300])
    assert pairs == [(1, 10, 100), (2, 110, 200), (3, 210, 300)]
    assert findings == []


def test_an_event_beyond_the_last_trial_is_the_last_ones():
    pairs, findings, _ = run(TrialPairing(STOPS), [10, 90, 110, 190, 210, 999])
    assert pairs[2] == (3, 210, 999)
    assert findings == []


def test_an_event_before_the_first_sample_is_the_first_trials():
    pairs, _, _ = run(TrialPairing(STOPS), [-5, 90, 110, 190, 210, 290])
    assert pairs[0] == (1, -5, 90)


def test_a_trial_without_samples_has_no_window_and_shifts_none():
    pairs, findings, _ = run(TrialPairing([100, 100, 200]), [10, 90, 110, 190])
    assert pairs == [(1, 10, 90), (3, 110, 190)]
    assert findings == [("edge.count", 2)]


def test_two_pairings_do_not_share_edges():
    first, second = TrialPairing(STOPS), TrialPairing(STOPS)
    first.add(Edge(10.0))
    assert run(second, [])[0] == []
    assert len(first.finish()[1]) == 3


CHOSEN = [(10.0, 90.0), (110.25, 190.5), (210.0, 290.0)]


def test_windows_that_a_session_chose_are_made_of_its_edges_and_no_others():
    positions = [2, 10, 90, 95, 110.25, 150, 190.5, 210, 290, 295]
    pairs, findings, _ = run(GivenPairing(CHOSEN), positions)
    assert pairs == [(1, 10, 90), (2, 110.25, 190.5), (3, 210, 290)]
    assert findings == []


def test_a_chosen_window_is_there_with_its_closing_edge():
    pairing = GivenPairing(CHOSEN)
    edges = [Edge(10.0), Edge(90.0)]
    assert [pairing.add(edge) for edge in edges] == [None, Pair(1, *edges)]


@pytest.mark.parametrize("lost", [110.25, 190.5])
def test_a_chosen_edge_that_is_not_recorded_is_an_error_of_its_window(lost):
    positions = [at for at in (10, 90, 110.25, 190.5, 210, 290) if at != lost]
    pairs, findings, evidence = run(GivenPairing(CHOSEN), positions)
    assert pairs == [(1, 10, 90), (3, 210, 290)]
    assert findings == [("edge.count", 2)]
    assert f"no edge is recorded at sample {lost}" in evidence[0]


def test_a_chosen_window_that_ends_before_it_begins_is_not_lost_in_silence():
    pairs, findings, evidence = run(GivenPairing([(90.0, 10.0), (210.0, 290.0)]), [10, 90, 210, 290])
    assert pairs == [(2, 210, 290)]
    assert findings == [("edge.count", 1)]
    assert "it ends first" in evidence[0]


def test_two_chosen_windows_may_not_share_a_closing_edge():
    pairs, findings, _ = run(GivenPairing([(10.0, 90.0), (20.0, 90.0)]), [10, 20, 90])
    assert pairs == [(1, 10, 90)]
    assert findings == [("edge.count", 2)]


def test_a_doubled_closing_edge_makes_no_second_window():
    pairs, findings, _ = run(GivenPairing(CHOSEN[:1]), [10, 90, 90])
    assert pairs == [(1, 10, 90)]
    assert findings == []
