"""Edges from an IO manager's clock, against simulated clocks of which the truth is known in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.errors import BenchError
from energy.instruments import Lap, LapTiming
from energy.signal import EdgeKind, SampleKind, Signal
from energy.window.clockfit import fit_clock, map_edges

TIMING = LapTiming(tick_s=4e-6, late_s=20e-6, message_s=(0.001, 0.020), rate_tolerance=0.005)
LATENCY_S = (0.0, 0.005)
ARRIVAL_S = (0.002, 0.300)
PPM = 1e-6


@dataclass
class Bench:
    """An IO manager, a monitor and a host, and edges at known times of the true clock."""

    rate_hz: float = 10_000.0
    coverage_offset: float = 0.0
    own_rate: float = 1.005
    sample_ppm: float = 30.0
    host_ppm: float = -20.0
    windows: int = 5
    started: bool = True

    def __post_init__(self):
        self.signal = Signal(
            SampleKind.CURRENT, self.rate_hz, voltage_v=1.8, coverage_offset=self.coverage_offset
        )
        gaps = [2.0, 0.3] + [10.4, 2.1] * self.windows  # started by the boot's edge; `timestamp`; windows
        self.edges_s = 100.0 + np.cumsum(gaps)
        self.end_s = self.edges_s[-1] + 1.0

    def host(self, true_s):
        return 5000.0 + true_s * (1 + self.host_ppm * PPM)

    def measure(self, seed: int):
        """Laps, arrivals and the true positions of the edges, with every delay drawn anew."""
        rng = np.random.default_rng(seed)
        late = rng.uniform(0.0, TIMING.late_s, len(self.edges_s))
        raw = 7.0 + (self.edges_s + late) * self.own_rate
        own = np.floor(raw / TIMING.tick_s) * TIMING.tick_s
        came = self.host(self.edges_s + rng.uniform(*TIMING.message_s, len(own)))
        rate_hz = self.rate_hz * (1 + self.sample_ppm * PPM)
        zero_s = self.edges_s[0] + rng.uniform(*LATENCY_S)
        counts = np.arange(0.25, self.end_s - zero_s, 0.25) * rate_hz // 1
        arrived = self.host(zero_s + counts / rate_hz + rng.uniform(*ARRIVAL_S, len(counts)))
        truth = (self.edges_s - zero_s) * rate_hz + self.coverage_offset
        laps = [Lap(o, h) for o, h in zip(own.tolist(), came.tolist(), strict=True)]
        return laps, list(zip(counts.tolist(), arrived.tolist(), strict=True)), truth

    def map(self, laps, arrivals, **changes):
        known = {
            "arrival_s": ARRIVAL_S,
            "sample_tolerance": 50 * PPM,
            "start": laps[0] if self.started else None,
            "start_latency_s": LATENCY_S,
        }
        return map_edges(laps, TIMING, arrivals, self.signal, **{**known, **changes})


BENCHES = {
    "started": Bench(),
    "slow": Bench(own_rate=0.995, sample_ppm=-50.0, host_ppm=90.0),
    "centred": Bench(coverage_offset=-0.5, rate_hz=4882.8125),
    "by-host": Bench(started=False),
}


@pytest.mark.parametrize("name", BENCHES)
def test_every_edge_and_duration_lies_within_its_bound_and_no_bound_is_ten_times_the_worst_error(name):
    bench = BENCHES[name]
    errors, bounds, length_errors, length_bounds = [], [], [], []
    for seed in range(100):
        laps, arrivals, truth = bench.measure(seed)
        mapped = bench.map(laps, arrivals)
        assert mapped.findings == ()
        positions, bound = mapped.positions([lap.own_s for lap in laps])
        errors.append(np.abs(positions - truth))
        bounds.append(bound)
        pairs = list(pairwise(range(2, len(laps))))[::2]
        lengths = [mapped.duration(laps[a].own_s, laps[b].own_s) for a, b in pairs]
        length_errors.append(
            [abs(n - (truth[b] - truth[a])) for (n, _), (a, b) in zip(lengths, pairs, strict=True)]
        )
        length_bounds.append([wrong for _, wrong in lengths])
    assert (np.array(errors) <= bounds).all()
    assert (np.array(length_errors) <= length_bounds).all()
    worst, widest = np.max(errors, axis=0), np.max(bounds, axis=0)
    # An offset through the host's clock is the mean of all delays, which might all be the same: a worst case
    # that independent draws come the less near to the more blocks there are.
    assert (widest <= (10 if bench.started else 20) * worst).all()
    assert np.max(length_bounds) <= 10 * np.max(length_errors)


def test_a_duration_is_known_far_better_than_a_position_because_the_offset_cancels():
    bench = BENCHES["by-host"]
    laps, arrivals, truth = bench.measure(1)
    mapped = bench.map(laps, arrivals)
    _, bound = mapped.positions(laps[2].own_s)
    length, length_bound = mapped.duration(laps[2].own_s, laps[3].own_s)
    assert length_bound < 0.25 * bound
    assert abs(length - (truth[3] - truth[2])) <= length_bound
    assert mapped.duration_bound(laps[2].own_s, laps[3].own_s) == length_bound


def test_the_duration_is_the_difference_of_the_positions():
    bench = BENCHES["started"]
    laps, arrivals, _ = bench.measure(2)
    mapped = bench.map(laps, arrivals)
    opening, closing = mapped.edge(laps[4].own_s), mapped.edge(laps[5].own_s)
    assert mapped.duration(laps[4].own_s, laps[5].own_s)[0] == closing.position - opening.position


def test_an_edge_is_a_falling_one_of_the_io_manager_with_the_bound_of_its_position():
    bench = BENCHES["started"]
    laps, arrivals, truth = bench.measure(3)
    edge = bench.map(laps, arrivals).edge(laps[-1].own_s)
    assert (edge.kind, edge.source) == (EdgeKind.FALL, "io")
    assert 0 < abs(edge.position - truth[-1]) <= edge.bound


def test_delays_at_the_very_ends_of_their_intervals_are_within_the_bound():
    bench = Bench(own_rate=1.001, sample_ppm=0.0, host_ppm=0.0)
    early = bench.edges_s < bench.edges_s.mean()
    span = np.where(early, *TIMING.message_s)  # tilts the line as far as it can be
    for tilt in (span, sum(TIMING.message_s) - span):
        own = 7.0 + bench.edges_s * bench.own_rate
        laps = [Lap(o, h) for o, h in zip(own, 5000.0 + bench.edges_s + tilt, strict=True)]
        counts = np.arange(2500, 600_000, 2500)
        arrivals = list(zip(counts, 5000.0 + bench.edges_s[0] + counts / 1e4 + 0.1, strict=True))
        exact = {"start_latency_s": (0.0, 0.0), "sample_tolerance": 0.0, "host_tolerance": 0.0}
        mapped = bench.map(laps, arrivals, **exact)
        positions, bound = mapped.positions(own)
        wrong = np.abs(positions - (bench.edges_s - bench.edges_s[0]) * 1e4)
        assert (wrong <= bound).all()
        assert wrong[-1] > 0.9 * bound[-1]


def test_the_bound_of_the_rate_is_the_sum_of_the_absolute_weights():
    """Four marks by hand: x = 0, 1, 2, 3 has weights -0.3, -0.1, 0.1, 0.3, in exact fractions."""
    weights = [Fraction(2 * k - 3, 10) for k in range(4)]
    assert sum(weights) == 0
    assert sum(w * k for k, w in enumerate(weights)) == 1
    fit = fit_clock([0, 1, 2, 3], [10, 12, 14, 16], delay=(-0.5, 0.5), rate=(0.1, 10.0), what="marks")
    assert fit.rate == pytest.approx(2.0, rel=1e-12)
    assert fit.rate_bound == pytest.approx(float(sum(map(abs, weights)) / 2), rel=1e-12)
    assert fit.at(1.5)[0] == pytest.approx(13.0)
    assert fit.at(1.5)[1] == pytest.approx(0.5)


def test_the_middle_of_the_delay_is_taken_off():
    fit = fit_clock([0, 10], [3.0, 13.0], delay=(2.0, 4.0), rate=(0.9, 1.1), what="marks")
    assert fit.at([0, 10])[0].tolist() == pytest.approx([0.0, 10.0])


def test_the_bound_does_not_depend_on_how_the_marks_happen_to_lie():
    bench = BENCHES["started"]
    bounds = set()
    for seed in range(5):
        laps, _, _ = bench.measure(seed)
        host = [lap.host_s for lap in laps]
        fit = fit_clock(bench.edges_s, host, delay=TIMING.message_s, rate=(0.9, 1.1), what="marks")
        bounds.add(round(fit.rate_bound, 15))
    assert len(bounds) == 1


def test_what_is_known_of_the_rate_beforehand_is_used_where_marks_say_less():
    few = fit_clock([5.0], [8.0], delay=(0.0, 1.0), rate=(0.99, 1.01), what="marks")
    assert (few.rate, few.rate_bound) == (pytest.approx(1.0), pytest.approx(0.01))
    close = fit_clock([5.0, 5.1], [8.0, 8.7], delay=(0.0, 1.0), rate=(0.99, 1.01), what="marks")
    assert close.rate_bound <= 0.01 * (1 + 1e-9)
    none = fit_clock([], [], delay=(0.0, 1.0), rate=(0.99, 1.01), what="marks")
    assert none.rate_bound == pytest.approx(0.01)
    assert np.isinf(none.at(0.0)[1])


def test_one_message_later_than_it_may_be_is_named_with_its_excess():
    bench = BENCHES["started"]
    laps, arrivals, _ = bench.measure(4)
    laps[5] = Lap(laps[5].own_s, laps[5].host_s + 0.5)
    (finding,) = bench.map(laps, arrivals).findings
    assert finding.code == "clock.contradicted"
    assert finding.severity == "error"
    assert "IO manager" in finding.evidence
    assert f"mark 6 (at {laps[5].own_s:.6f})" in finding.evidence


def test_samples_lost_unseen_contradict_the_monitors_rate():
    bench = BENCHES["started"]
    laps, arrivals, _ = bench.measure(5)
    middle = len(arrivals) // 2
    lost = arrivals[:middle] + [(count - 8000, came) for count, came in arrivals[middle:]]
    (finding,) = bench.map(laps, lost).findings
    assert finding.code == "clock.contradicted"
    assert "blocks" in finding.evidence


def test_a_clock_outside_its_tolerance_contradicts_it():
    bench = Bench(own_rate=1.02)
    laps, arrivals, _ = bench.measure(6)
    assert [found.code for found in bench.map(laps, arrivals).findings] == ["clock.contradicted"]


def test_an_edge_that_did_not_start_the_monitor_is_found_out_by_the_hosts_clock():
    bench = BENCHES["started"]
    laps, arrivals, _ = bench.measure(7)
    (finding,) = bench.map(laps, arrivals, start=laps[2]).findings
    assert finding.code == "clock.wrong-start"
    assert bench.map(laps, arrivals).findings == ()


def test_without_a_start_or_marks_of_both_clocks_there_is_no_offset():
    bench = BENCHES["by-host"]
    laps, arrivals, _ = bench.measure(8)
    for some, others in (([], arrivals), (laps, [])):
        with pytest.raises(BenchError, match=r"clock\.no-marks"):
            bench.map(some, others)


def test_a_start_alone_gives_positions_by_what_is_known_of_the_rates():
    bench = BENCHES["started"]
    laps, _, truth = bench.measure(9)
    mapped = map_edges(
        [], TIMING, [], bench.signal,
        arrival_s=ARRIVAL_S, sample_tolerance=50 * PPM, start=laps[0], start_latency_s=LATENCY_S,
    )  # fmt: skip
    positions, bound = mapped.positions([lap.own_s for lap in laps])
    assert (np.abs(positions - truth) <= bound).all()
    assert bound[-1] > 0.004 * truth[-1]


@given(st.data())
def test_marks_made_within_the_intervals_never_contradict_and_the_line_is_within_its_bound(data):
    number = st.floats(0.0, 1.0)
    count = data.draw(st.integers(1, 12))
    x = np.sort(data.draw(st.lists(st.floats(0, 1000), min_size=count, max_size=count)))
    shares = np.array(data.draw(st.lists(number, min_size=count, max_size=count)))
    delay = (-0.2, 0.8)
    rate = 0.995 + 0.01 * data.draw(number)
    y = 40.0 + rate * x + delay[0] + shares * (delay[1] - delay[0])
    fit = fit_clock(x, y, delay=delay, rate=(0.995, 1.005), what="marks")
    assert fit.findings == ()
    assert abs(fit.rate - rate) <= fit.rate_bound + 1e-9
    line, bound = fit.at([-10.0, 0.0, 500.0, 2000.0])
    truth = 40.0 + rate * np.array([-10.0, 0.0, 500.0, 2000.0])
    assert (np.abs(line - truth) <= bound + 1e-6).all()


@pytest.mark.parametrize(
    "change",
    [
        {"delay": (1.0, 0.0)},
        {"rate": (1.1, 0.9)},
        {"rate": (0.0, 1.0)},
        {"x": [1.0]},
        {"x": [[1.0, 2.0]], "y": [[1.0, 2.0]]},
    ],
)
def test_intervals_that_are_none_and_marks_without_partner_are_refused(change):
    marks = {"x": [1.0, 2.0], "y": [1.0, 2.0], "delay": (0.0, 1.0), "rate": (0.9, 1.1), "what": "marks"}
    with pytest.raises(ValueError, match=r"interval|pairs"):
        fit_clock(**{**marks, **change})
