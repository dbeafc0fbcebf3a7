"""The stream of edges: what counts, what is left out and why, watermarks, and what a trial takes."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.findings import Finding
from energy.signal import Edge, EdgeKind
from energy.window.edges import Marker
from energy.window.edgestream import EdgeStream, LeftOut, TakenEdges, counted_edges
from energy.window.pairing import SequencePairing, pairing_in_sequence
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


def test_a_pin_that_is_held_during_the_work_counts_by_both_its_edges():
    pulses = [Edge(10.0, kind=EdgeKind.RISE), Edge(900.0), Edge(2000.0, kind=EdgeKind.RISE), Edge(3000.0)]
    assert at(counted_edges(pulses, RATE, marker=Marker.HIGH)) == [10, 900, 2000, 3000]
    assert at(counted_edges(pulses, RATE, marker=Marker.LOW)) == [10, 900, 2000, 3000]
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


def pulses(count, width, apart):
    """The edges of low pulses of ``width`` samples, every ``apart`` samples."""
    kinds = (EdgeKind.FALL, EdgeKind.RISE)
    return [
        Edge(k * apart + w, kind=kind)
        for k in range(count)
        for w, kind in zip((0, width), kinds, strict=True)
    ]


@pytest.mark.parametrize(
    ("width_s", "apart_s", "long"),
    [
        (1e-3, 10.0, False),
        (20e-3, 10.0, False),
        (0.15, 10.0, True),
        (2.047, 2.911, True),
        (5e-3, 15e-3, True),
    ],
)
def test_a_pin_that_is_low_as_long_as_work_lasts_makes_no_marks(width_s, apart_s, long):
    edges = EdgeStream(RATE, TakenEdges())
    for edge in pulses(5, width_s * RATE, apart_s * RATE):
        edges.add(edge)
    codes = [finding.code for finding in edges.findings]
    assert codes == (["edge.long-pulse"] if long else [])
    if long:
        assert f"for up to {width_s:.4g} s" in edges.findings[0].evidence
    edges.forget()
    assert edges.findings == []


@pytest.mark.parametrize("marker", [Marker.HIGH, Marker.LOW])
def test_a_held_pin_opens_and_closes_windows_wherever_the_recording_begins(marker):
    work = [(1000.0, 1800.0), (3000.0, 3900.0), (5000.0, 5700.0)]
    edges = [
        Edge(at, kind=kind)
        for pair in work
        for at, kind in zip(pair, (marker.opens, marker.closes), strict=True)
    ]
    for first in (0, 1):  # before the work, or within it
        stream = EdgeStream(RATE, pairing_in_sequence(marker), marker=marker)
        pairs = [pair for edge in edges[first:] if (pair := stream.add(edge))]
        assert [(pair.opening.position, pair.closing.position) for pair in pairs] == work[first:]
        assert [pair.number for pair in pairs] == list(range(1, 4 - first))
        assert stream.finish() == []
        assert stream.findings == []


def test_a_held_pin_that_bounces_or_loses_an_edge():
    kinds = {"r": EdgeKind.RISE, "f": EdgeKind.FALL}
    bounce = [(1000, "r"), (1010, "f"), (1020, "r"), (800_000, "f"), (900_000, "r"), (1_700_000, "f")]
    stream = EdgeStream(RATE, pairing_in_sequence(Marker.HIGH), marker=Marker.HIGH)
    pairs = [p for at, k in bounce if (p := stream.add(Edge(float(at), kind=kinds[k])))]
    assert [(p.opening.position, p.closing.position) for p in pairs] == [
        (1000, 800_000),
        (900_000, 1_700_000),
    ]
    assert [finding.code for finding in stream.findings] == ["edge.bounce"]
    lost = EdgeStream(RATE, pairing_in_sequence(Marker.HIGH, windows=2), marker=Marker.HIGH)
    for at, kind in ((1e6, "r"), (3e6, "r"), (4e6, "f")):
        lost.add(Edge(at, kind=kinds[kind]))
    lost.finish()
    assert [finding.code for finding in lost.findings] == ["edge.count", "edge.count"]
