"""Battery life against a day that the virtual bench lives through, other integrators, and Monte Carlo."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from drivers.virtual.bench import VirtualBench
from drivers.virtual.truth import idle_w, operating_point, pre_processing, sleep_w, state_w, wake_up
from energy.characterize.battery import (
    YEAR_S,
    Battery,
    Duty,
    Figure,
    break_even,
    highest_rate,
    life,
    lives,
    mean_power,
    race,
)
from energy.errors import UsageError

BOARD = "NUCLEO-U575ZI-Q"
DUTY = Duty(
    inference_j=Figure(650e-6, 3e-6),
    inference_s=Figure(29e-3, 5e-6),
    idle_w=Figure(4.9e-3, 30e-6),
    sleep_w=Figure(0.3e-3, 4e-6),
    wake_j=Figure(90e-6, 2e-6),
    wake_s=Figure(6e-3, 10e-6),
    inferences=5,
    extra_j=Figure(40e-6, 1e-6),
    extra_s=Figure(4e-3),
    gain=0.01,
)
CELL = Battery(
    capacity_ah=Figure(0.220, 0.006),
    curve=((0.0, 3.1), (0.1, 2.95), (0.85, 2.75), (1.0, 1.9)),
    cut_off_v=2.1,
    self_discharge=Figure(0.02, 0.004),
    efficiency=Figure(0.88, 0.01),
    regulator_a=Figure(2e-6, 0.2e-6),
)


def duty_of_truth(inferences, workload="kws01"):
    """The figures of the virtual board, as its closed form has them."""
    truth, wake, load = operating_point(BOARD, workload), wake_up(BOARD), pre_processing(BOARD)
    # Beside its inferences a burst has the load, one to warm up, and two marks of 1 ms.
    extra_j = load.energy_j + truth.energy_j + 2e-3 * state_w(BOARD, "load")
    extra_s = load.duration_s + 1 / truth.throughput_ips + 2e-3
    return Duty(
        inference_j=Figure(truth.energy_j),
        inference_s=Figure(1 / truth.throughput_ips),
        idle_w=Figure(idle_w(BOARD)),
        sleep_w=Figure(sleep_w(BOARD)),
        wake_j=Figure(wake.energy_j),
        wake_s=Figure(wake.duration_s),
        inferences=inferences,
        extra_j=Figure(extra_j),
        extra_s=Figure(extra_s),
    )


@pytest.mark.parametrize(("rest", "pause_s"), [("sleep", 30.0), ("sleep", 2.0), ("idle", 5.0)])
def test_the_battery_is_flat_when_the_simulated_days_have_drained_it(rest, pause_s):
    inferences, duty = 20, duty_of_truth(20)
    burst_s = inferences * duty.inference_s.value + duty.extra_s.value
    period_s = burst_s + pause_s + (duty.wake_s.value if rest == "sleep" else 0.0)
    capacity_ah = 0.003 if pause_s == 30.0 else 0.03
    small = replace(CELL, capacity_ah=Figure(capacity_ah), self_discharge=Figure(0.9))
    with VirtualBench(BOARD, monitor=None, autorun=(inferences, pause_s, rest)) as bench:
        bench.clock.sleep(86400.0)
        seconds_j = bench.world.timeline.energies_j(0, np.arange(0, 86401) * 1e9)
        bursts = bench.dut.infers
    assert bursts == pytest.approx(86400 / period_s, abs=2)
    # The battery second by second, from what the DUT drew in it; the day repeats.
    capacity_c, drawn_c, lost = capacity_ah * 3600, 0.0, -math.log(1 - 0.9) / YEAR_S
    shares, volts = zip(*small.curve, strict=True)
    flat_s = 0
    for second, energy_j in enumerate(itertools.cycle(seconds_j.tolist())):
        volt = float(np.interp(drawn_c / capacity_c, shares, volts))
        if volt <= small.cut_off_v:
            flat_s = second
            break
        drawn_c += energy_j / 0.88 / volt + 2e-6 + lost * (capacity_c - drawn_c)
    per_hour = inferences * 3600 / period_s
    assert flat_s > 10_000
    assert life(duty, small, per_hour, rest).life_s.value == pytest.approx(flat_s, rel=5e-3)
    if (rest, pause_s) == ("sleep", 2.0):  # without a burst's extras it would not agree
        wrong = replace(duty, extra_j=Figure(0.0))
        assert abs(life(wrong, small, per_hour, rest).life_s.value / flat_s - 1) > 5e-3


@pytest.mark.parametrize(
    ("per_hour", "cut_off_v"), [(0.0, 2.1), (20.0, 2.1), (3000.0, 2.8), (40000.0, 3.0), (20.0, 2.75)]
)
def test_the_life_is_that_of_an_integrator_of_the_differential_equation(per_hour, cut_off_v):
    cell = replace(CELL, cut_off_v=cut_off_v)
    found = life(DUTY, cell, per_hour, "sleep")
    power_w, lost = found.power_w.value, -math.log(1 - 0.02) / YEAR_S
    shares, volts = (np.array(column) for column in zip(*CELL.curve, strict=True))
    capacity_c = 0.220 * 3600

    def rate(_, drawn):
        volt = np.interp(drawn[0] / capacity_c, shares, volts)
        return [power_w / 0.88 / volt + 2e-6 + lost * (capacity_c - drawn[0])]

    def flat(_, drawn):
        return np.interp(drawn[0] / capacity_c, shares, volts) - cut_off_v

    flat.terminal = True
    end_s, step_s = 2 * found.life_s.value, 1e-3 * found.life_s.value
    solved = solve_ivp(rate, (0, end_s), [0.0], events=flat, rtol=1e-10, max_step=step_s)
    assert found.life_s.value == pytest.approx(solved.t_events[0][0], rel=1e-5)


def test_uncertainties_are_those_of_monte_carlo():
    rng, count = np.random.default_rng(14), 400_000

    def draw(figure):
        return rng.normal(figure.value, figure.standard, count)

    gain = 1 + DUTY.gain * rng.normal(size=count)
    bursts = 2000.0 / 5 / 3600
    asleep_s = 1 - bursts * (5 * draw(DUTY.inference_s) + 4e-3 + draw(DUTY.wake_s))
    burst_j = 5 * draw(DUTY.inference_j) + draw(DUTY.extra_j) + draw(DUTY.wake_j)
    power_w = gain * (bursts * burst_j + asleep_s * draw(DUTY.sleep_w))
    line = {"curve": ((0.0, 3.0), (1.0, 2.0)), "cut_off_v": 2.5}
    plain = replace(CELL, self_discharge=Figure(0.0), regulator_a=Figure(0.0), **line)
    life_s = draw(CELL.capacity_ah) * 3600 * 0.5 * 2.75 * draw(CELL.efficiency) / power_w
    found = life(DUTY, plain, 2000.0)
    assert found.rest == "sleep"
    assert found.power_w.value == pytest.approx(power_w.mean(), rel=1e-3)
    assert found.power_w.standard == pytest.approx(power_w.std(), rel=0.01)
    assert found.life_s.value == pytest.approx(np.median(life_s), rel=1e-3)
    assert found.life_s.standard == pytest.approx(life_s.std(), rel=0.02)
    assert found.life_s.expanded == pytest.approx(1.96 * found.life_s.standard, rel=1e-3)
    sleep, idle = draw(DUTY.sleep_w), draw(DUTY.idle_w)
    pause_s = (draw(DUTY.wake_j) - sleep * draw(DUTY.wake_s)) / (idle - sleep)  # the gain cancels
    even = break_even(DUTY)
    assert even.value == pytest.approx(pause_s.mean(), rel=1e-3)
    assert even.standard == pytest.approx(pause_s.std(), rel=0.01)


def test_few_repeats_widen_the_interval():
    few = replace(DUTY, inference_j=Figure(650e-6, 300e-6, freedom=4), gain=0.0)
    power_w = mean_power(few, 10_000.0, "idle")
    assert power_w.freedom == pytest.approx(4, rel=0.05)
    assert power_w.expanded == pytest.approx(2.78 * power_w.standard, rel=0.02)  # Student's t


def test_at_the_break_even_both_ways_to_rest_need_the_same_and_beside_it_the_better_is_taken():
    pause_s = break_even(DUTY).value
    assert pause_s > DUTY.wake_s.value
    burst_s = 5 * DUTY.inference_s.value + DUTY.extra_s.value
    rates = [5 * 3600 / (burst_s + factor * pause_s) for factor in (0.5, 1.0, 2.0)]
    powers = [[mean_power(DUTY, rate, rest).value for rest in ("idle", "sleep")] for rate in rates]
    assert powers[1][0] == pytest.approx(powers[1][1], rel=1e-9)
    assert powers[0][0] < powers[0][1]
    assert powers[2][0] > powers[2][1]
    assert [each.rest for each in lives(DUTY, CELL, [rates[0], rates[2]])] == ["idle", "sleep"]


def test_a_break_even_is_not_shorter_than_the_wake_up_and_infinite_where_sleep_saves_nothing():
    assert break_even(replace(DUTY, wake_j=Figure(1e-6))) == DUTY.wake_s
    assert break_even(replace(DUTY, sleep_w=DUTY.idle_w)).value == math.inf


def test_the_shares_of_the_power_are_those_of_a_period():
    found = life(DUTY, CELL, 3600.0, "sleep")  # a burst of 5 in 5 s
    asleep_s = 5.0 - 5 * 29e-3 - 4e-3 - 6e-3
    parts_j = {"inference": 5 * 650e-6, "extra": 40e-6, "wake-up": 90e-6, "sleep": asleep_s * 0.3e-3}
    total_j = sum(parts_j.values())
    assert found.shares == pytest.approx({name: part / total_j for name, part in parts_j.items()})
    assert found.power_w.value == pytest.approx(total_j / 5.0)


def test_a_race_is_won_by_whom_the_rate_suits_and_the_gain_cancels_in_the_difference():
    """Slow and steady where idling costs the same; race to idle where a fast DUT can sleep."""
    fast = replace(DUTY, sleep_w=None, inference_j=Figure(600e-6), inference_s=Figure(20e-3))
    slow = replace(fast, inference_j=Figure(520e-6), inference_s=Figure(60e-3), idle_w=Figure(4.5e-3))
    seldom = race({"fast": fast, "slow": slow}, 100.0)
    assert [runner.name for runner in seldom] == ["slow", "fast"]
    saved = mean_power(fast, 100.0, "idle").value - mean_power(slow, 100.0, "idle").value
    assert seldom[0].saves_w.value == pytest.approx(saved)
    sleepy = replace(fast, sleep_w=Figure(0.1e-3), wake_j=Figure(50e-6), wake_s=Figure(5e-3))
    assert [runner.name for runner in race({"slow": slow, "fast": sleepy}, 100.0)] == ["fast", "slow"]
    often = race({"slow": slow, "fast": fast}, 70_000.0)
    assert [(runner.name, runner.power_w is None) for runner in often] == [("fast", False), ("slow", True)]
    assert often[0].saves_w is None  # the first, which it is compared with, is not fast enough
    one, other = race({"a": fast, "b": replace(fast)}, 100.0)
    assert one.power_w.standard > 1e-5
    assert other.saves_w.standard == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: life(DUTY, CELL, 1e9), "battery.rate"),
        (lambda: life(DUTY, CELL, math.nan), "battery.rate"),
        (lambda: life(DUTY, CELL, -1.0), "battery.rate"),
        (lambda: life(replace(DUTY, sleep_w=None), CELL, 1.0, "sleep"), "battery.no-sleep"),
        (lambda: break_even(replace(DUTY, sleep_w=None)), "battery.no-sleep"),
        (lambda: replace(DUTY, idle_w=Figure(-1e-6)), "battery.figure"),
        (lambda: replace(DUTY, inference_s=Figure(0.0)), "battery.figure"),
        (lambda: replace(DUTY, inferences=0), "battery.figure"),
        (lambda: replace(CELL, efficiency=Figure(1.2)), "battery.figure"),
        (lambda: replace(CELL, capacity_ah=Figure(math.nan)), "battery.figure"),
        (lambda: replace(CELL, curve=((0.0, 3.0), (1.0, 3.0))), "battery.curve"),
        (lambda: replace(CELL, curve=((0.1, 3.0), (1.0, 2.0))), "battery.curve"),
        (lambda: replace(CELL, cut_off_v=3.1), "battery.cut-off"),
        (lambda: replace(CELL, cut_off_v=1.0), "battery.cut-off"),
    ],
)
def test_what_cannot_be_is_refused_with_a_code(call, code):
    with pytest.raises(UsageError) as caught:
        call()
    assert caught.value.code == code


def test_a_dut_that_draws_nothing_lives_for_ever_and_one_that_cannot_sleep_idles():
    nothing = replace(DUTY, idle_w=Figure(0.0), sleep_w=None)
    ideal = replace(CELL, self_discharge=Figure(0.0), regulator_a=Figure(0.0))
    assert life(nothing, ideal, 0.0).life_s.value == math.inf
    assert life(replace(DUTY, sleep_w=None), CELL, 10.0).rest == "idle"
    burst_w = (5 * 650e-6 + 40e-6) / (5 * 29e-3 + 4e-3)
    assert life(DUTY, CELL, highest_rate(DUTY, "idle")).power_w.value == pytest.approx(burst_w, rel=1e-9)
