"""The rate of a sample clock from marks that come late, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from energy.window.sampleclock import (
    Arrivals,
    Caution,
    Rate,
    rate_of_marks,
    rate_of_reported_windows,
    rate_of_stream,
    rate_of_windows,
)

RATE_HZ = 1000.0
DRIFTS = (0.0, 0.002, -0.002, 0.01, -0.01, 0.1, -0.1)


def arrivals(rng, seconds, factor, block_s=0.05, delay=0.001, stalls=0, stall_s=2.0):
    """Blocks of a clock that runs at a factor, read by a host that stands still now and then."""
    taken = np.arange(block_s, seconds * factor, block_s) / factor
    came = taken + delay * rng.pareto(1.5, len(taken))
    for start in rng.uniform(0, seconds, stalls):
        came = np.where((came > start) & (came < start + stall_s), start + stall_s, came)
    came = np.maximum.accumulate(came)
    positions = np.rint(np.arange(1, len(taken) + 1) * block_s * RATE_HZ).astype(int)
    return list(zip(positions.tolist(), (777.0 + came).tolist(), strict=True))


@pytest.mark.parametrize("seconds", [10.0, 75.0])
@pytest.mark.parametrize(
    "busy",
    [{}, {"delay": 0.02}, {"stalls": 1}, {"stalls": 3, "delay": 0.005}, {"block_s": 0.5}],
    ids=["idle", "heavy tails", "a stall", "stalls", "long blocks"],
)
def test_the_truth_lies_within_the_bound_in_every_one_of_many_draws(seconds, busy):
    rng = np.random.default_rng(int(seconds) + len(str(busy)))
    known = untold = 0
    for draw in range(100):
        factor = 1 + DRIFTS[draw % len(DRIFTS)]
        rate = rate_of_stream(arrivals(rng, seconds, factor, **busy), RATE_HZ)
        if rate is None:  # it stood still for most of the time
            untold += 1
            continue
        assert abs(rate.factor - factor) <= rate.uncertainty
        known += rate.beyond(6e-4) == (factor != 1)
        if factor == 1:
            assert not rate.beyond(6e-4)
    assert untold <= (100 if seconds < 60 and busy.get("stalls") == 3 else 5)
    if seconds > 60 and "delay" not in busy:
        assert known >= 95  # 0.2 % is seen in a minute, stalls or not


def test_a_stall_of_two_seconds_hardly_moves_the_rate_of_a_minute():
    rng = np.random.default_rng(1)
    rate = rate_of_stream(arrivals(rng, 60.0, 1.0, stalls=1), RATE_HZ)
    assert rate is not None
    assert abs(rate.factor - 1) < 2e-5
    assert rate.uncertainty < 1e-3


def test_a_step_of_the_least_delay_in_mid_run_is_no_false_alarm():
    rng = np.random.default_rng(2)
    for step_s in (0.01, 0.03, 0.1, 0.3):
        for _ in range(20):
            at = rng.uniform(0, 60)
            marks = [
                (position, came + step_s * (came > 777 + at))
                for position, came in arrivals(rng, 60.0, 1.0, delay=0.002)
            ]
            rate = rate_of_stream(marks, RATE_HZ)
            assert rate is not None
            assert not rate.beyond(6e-4), (step_s, at, rate)


def test_no_line_goes_across_lost_samples_of_unknown_number():
    rng = np.random.default_rng(3)
    marks = arrivals(rng, 60.0, 1.0)
    lost = marks[:600] + [(position - 5000, came) for position, came in marks[600:]]
    whole = rate_of_stream(lost, RATE_HZ)
    apart = rate_of_stream(lost, RATE_HZ, [marks[599][0]])
    assert apart is not None
    assert abs(apart.factor - 1) < 1e-4
    assert whole is None or abs(whole.factor - 1) > 1e-3 or whole.uncertainty > 1e-2


def test_a_backlog_after_a_gap_is_no_clock():
    """Two seconds of samples that come within a tenth of a second, and nothing else."""
    burst = [(50 * n, 5.0 + 0.0025 * n) for n in range(1, 41)]
    assert rate_of_stream(burst, RATE_HZ) is None


def test_a_stream_that_stands_still_again_and_again_tells_nothing_and_raises_no_alarm():
    rng = np.random.default_rng(6)
    for _ in range(300):
        marks = arrivals(rng, 30.0, 1.0, stalls=12, stall_s=rng.uniform(1.0, 10.0))
        rate = rate_of_stream(marks, RATE_HZ)
        assert rate is None or not rate.beyond(6e-4), rate


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_marks_tell_nothing(count):
    assert rate_of_marks(np.arange(count) * 30.0, np.arange(count) * 30.0) is None


def test_marks_that_come_in_unequal_numbers_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="pairs"):
        rate_of_marks([1.0], [])


@pytest.mark.parametrize("seconds", [10, 600, 36_000])
@pytest.mark.parametrize("factor", [1.0, 1.002, 0.9])
def test_arrivals_stay_few_and_still_tell_the_rate(seconds, factor):
    kept = Arrivals(RATE_HZ)
    rng = np.random.default_rng(seconds)
    for position, came in arrivals(rng, float(seconds), factor, delay=0.002):
        kept.add(position, came)
    assert len(kept) <= 4096
    assert list(kept) == sorted(kept)
    assert kept[-1][1] >= 777 + seconds * 0.99 - 20
    rate = rate_of_stream(kept, RATE_HZ)
    assert rate is not None
    assert abs(rate.factor - factor) <= rate.uncertainty
    assert rate.uncertainty < (0.01 if seconds == 10 else 1e-3)


def test_of_two_neighbours_the_less_late_one_is_kept():
    kept = Arrivals(RATE_HZ, most=8)
    for n in range(1, 10):
        kept.add(1000 * n, n + (0.5 if n % 2 else 0.0))
    assert [position for position, _ in kept] == [2000, 4000, 6000, 8000, 9000]


def test_windows_on_two_clocks_give_their_rate_with_what_the_edges_may_be_wrong_by():
    true_s = np.array([0.06, 0.25, 10.2, 10.2, 10.21, 10.2, 10.2])
    rng = np.random.default_rng(4)
    for factor in (1.0, 1.002, 0.9):
        own = factor * true_s + rng.uniform(-1e-4, 1e-4, len(true_s))
        rate = rate_of_windows(own, true_s, 2e-4)
        assert rate is not None
        assert abs(rate.factor - factor) <= rate.uncertainty < 1e-4
    assert rate_of_windows([], [], 1e-3) is None


def test_lines_that_come_late_by_what_all_windows_have_in_common_give_the_rate():
    true_s = np.array([0.06, 0.25, 10.2, 10.2, 10.21, 10.2, 10.2])
    rng = np.random.default_rng(5)
    for _ in range(200):
        factor = 1 + DRIFTS[rng.integers(len(DRIFTS))]
        told = true_s + 0.13 + rng.exponential(0.01, len(true_s)) - rng.exponential(0.01, len(true_s))
        rate = rate_of_reported_windows(factor * true_s, told)
        assert rate is not None
        assert abs(rate.factor - factor) <= rate.uncertainty
        assert not (factor == 1 and rate.beyond(6e-4))
        assert rate.beyond(6e-4) or abs(factor - 1) < 0.05
    assert rate_of_reported_windows([10.2], [10.2]) is None
    assert rate_of_reported_windows([10.2, 10.2], [10.2, 10.2]) is None


@pytest.mark.parametrize("stood_s", [3.0, 25.0, 300.0])
@pytest.mark.parametrize("line", ["first", "second"])
@pytest.mark.parametrize("window", range(6))
def test_a_host_that_stands_still_at_a_line_accuses_no_clock(window, line, stood_s):
    true_s = np.array([0.43, 10.2, 10.2, 10.2, 10.21, 10.2])
    told = true_s + 0.06
    # The first line comes late, but not after the second; or the second comes late.
    told[window] = max(told[window] - stood_s, 0.001) if line == "first" else told[window] + stood_s
    rate = rate_of_reported_windows(true_s, told)
    assert rate is None or not rate.beyond(6e-4)
    assert rate is None or abs(rate.factor - 1) < 0.01 < rate.uncertainty


def test_two_rates_give_the_third():
    monitor, io = Rate(1.01, 1e-5, 7, 50.0), Rate(1.004, 1e-4, 16, 80.0)
    rate = monitor.by(io)
    assert rate.factor == pytest.approx(1.01 * 1.004)
    assert rate.uncertainty == pytest.approx(1.1e-4, rel=0.02)


def test_less_caution_tells_of_a_shorter_run():
    marks = [(500 * n, 0.5 * n / 1.1) for n in range(1, 4)]
    assert rate_of_stream(marks, RATE_HZ) is None
    bold = rate_of_stream(marks, RATE_HZ, (), Caution(shortest_s=0.5, drift_s=0.01, fewest=3))
    assert bold is not None
    assert bold.factor == pytest.approx(1.1)
