"""The stream of edges: what counts, what is left out and why, watermarks, and what a trial takes."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from energy.findings import Finding
from energy.signal import Edge, EdgeKind
from energy.window.edgestream import EdgeStream, LeftOut, TakenEdges, counted_edges
from energy.window.pairing import SequencePairing
from tests.window.support import QUICK

RATE = 1e6


def stream(**options):
    taken = TakenEdges()
    return EdgeStream(RATE, taken, **options), taken


def at(edges):
    return [edge.position for edge in edges]


def test_edges_are_kept_until_a_trial_takes_them():
    edges, taken = stream()
    for position in (0.0, 1000.0):
        assert edges.add(Edge(position)) is None
    assert at(taken.take()) == [0, 1000]
    edges.add(Edge(2000.0))
    assert at(taken.take()) == [2000]
    assert taken.take() == []
    assert edges.finish() == []
    assert edges.findings == []


def test_edges_are_paired_after_the_leading_ones():
    edges = EdgeStream(RATE, SequencePairing(leading=1))
    pairs = [edges.add(Edge(1000.0 * k)) for k in range(6)]
    assert [pair and (pair.number, pair.opening.position, pair.closing.position) for pair in pairs] == [
        None,
        None,
        (1, 1000, 2000),
        None,
        (2, 3000, 4000),
        None,
    ]
    assert edges.finish() == []
    assert [finding.code for finding in edges.findings] == ["timestamps.unused", "edge.unpaired"]


def test_each_edge_that_is_left_out_has_its_reason():
    edges, taken = stream()
    given_edges = [
        (Edge(0.0), None),
        (Edge(10.0, kind=EdgeKind.RISE), LeftOut.POLARITY),
        (Edge(20.0), LeftOut.BOUNCE),
        (Edge(69.0), LeftOut.BOUNCE),  # 69 us after the edge that counts, 49 after the last one
        (Edge(500.0), None),
        (Edge(400.0), LeftOut.LATE),
        (Edge(560.0), None),  # what is late holds nothing
    ]
    for edge, _ in given_edges:
        edges.add(edge)
    assert [(one.edge, one.left_out) for one in edges.since(0)] == given_edges
    assert [(one.edge, one.left_out) for one in edges.since(5)] == given_edges[5:]
    assert edges.since(7) == []
    assert edges.left_out == Counter({LeftOut.BOUNCE: 2, LeftOut.POLARITY: 1, LeftOut.LATE: 1})
    assert at(taken.take()) == [0, 500, 560]
    assert edges.findings == [
        Finding("edge.unsorted", "an edge at sample 400 came after 500 was passed"),
        Finding("edge.bounce", "2 edges within 50 us of another"),
    ]


def test_a_clock_that_jumps_back_is_one_finding_with_its_first_edge_and_a_count():
    edges = EdgeStream(1.0, TakenEdges(), unit="second")
    edges.accept(Edge(10.0))
    for k in range(1000):
        edges.accept(Edge(2.0 + k * 1e-3))
    evidence = "an edge at second 2 came after 10 was passed, and 999 more"
    assert edges.findings == [Finding("edge.unsorted", evidence)]


def test_a_pulse_the_other_way_round_counts_by_its_other_edge():
    pulses = [Edge(10.0, kind=EdgeKind.RISE), Edge(900.0), Edge(2000.0, kind=EdgeKind.RISE), Edge(3000.0)]
    assert at(counted_edges(pulses, RATE, polarity=EdgeKind.RISE)) == [10, 2000]
    assert at(counted_edges(pulses, RATE)) == [900, 3000]


def test_an_edge_of_the_other_polarity_may_come_in_any_order():
    edges, taken = stream()
    for edge in (Edge(100.0), Edge(50.0, kind=EdgeKind.RISE), Edge(900.0, kind=EdgeKind.RISE), Edge(500.0)):
        edges.add(edge)
    assert at(taken.take()) == [100, 500]
    assert edges.findings == []


def test_an_edge_behind_the_watermark_is_late_unless_its_bound_reaches_over_it():
    edges, taken = stream()
    edges.edges_complete(1000.0)
    edges.edges_complete(5.0)
    assert edges.complete == 1000.0
    edges.add(Edge(999.0, bound=0.5))
    edges.add(Edge(999.5, bound=0.5))
    assert at(taken.take()) == [999.5]
    assert [one.left_out for one in edges.since(0)] == [LeftOut.LATE, None]
    assert [finding.code for finding in edges.findings] == ["edge.unsorted"]


def test_before_a_watermark_any_edge_may_come():
    edges, _ = stream()
    assert edges.complete == -math.inf
    assert edges.accept(Edge(-1e12))


def test_what_is_forgotten_holds_nothing_and_is_no_finding():
    edges, taken = stream()
    for position in (0.0, 10.0, 5.0):
        edges.add(Edge(position))
    edges.edges_complete(20.0)
    assert len(edges.findings) == 2
    edges.forget()
    taken.take()
    assert edges.findings == []
    assert not edges.left_out
    edges.add(Edge(30.0))  # within the hold time of what is forgotten
    assert at(taken.take()) == [30]
    edges.add(Edge(8.0))  # but time does not run back
    assert [finding.code for finding in edges.findings] == ["edge.unsorted"]
    assert edges.complete == 20.0
    assert edges.seen == 5


def test_a_pin_that_never_rests_needs_no_memory_without_end():
    edges, _ = stream()
    for position in range(10_000):
        edges.add(Edge(float(position)))
    assert edges.seen == 10_000
    assert edges.left_out[LeftOut.BOUNCE] == 9999
    latest = edges.since(0)
    assert 1000 < len(latest) < 10_000
    assert latest[-1].edge.position == 9999
    assert at(one.edge for one in edges.since(9998)) == [9998, 9999]


def test_a_clock_in_seconds_judges_as_one_in_samples_does():
    times = [0.0, 40e-6, 1.0, 1.0 + 60e-6, 2.0]
    by_seconds = counted_edges([Edge(time_s) for time_s in times], 1.0)
    by_samples = counted_edges([Edge(time_s * RATE) for time_s in times], RATE)
    assert at(by_seconds) == [0.0, 1.0, 1.0 + 60e-6, 2.0]
    assert [edge.position / RATE for edge in by_samples] == at(by_seconds)


@QUICK
@given(
    gaps=st.lists(st.sampled_from([0, 1, 30, 49, 51, 80, 1000]), max_size=30),
    kinds=st.lists(st.sampled_from(list(EdgeKind)), min_size=31, max_size=31),
    hold=st.sampled_from([0.0, 50e-6, 1e-3]),
)
def test_an_edge_counts_exactly_if_the_one_before_of_its_polarity_is_a_hold_away(gaps, kinds, hold):
    positions = np.cumsum([5, *gaps]).tolist()
    falls = [place for place, kind in zip(positions, kinds, strict=False) if kind is EdgeKind.FALL]
    expected = [
        place for k, place in enumerate(falls) if k == 0 or place - falls[k - 1] >= round(hold * RATE)
    ]
    edges = [Edge(float(place), kind=kind) for place, kind in zip(positions, kinds, strict=False)]
    assert at(counted_edges(edges, RATE, hold_s=hold)) == expected
