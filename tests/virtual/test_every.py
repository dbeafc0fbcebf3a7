"""What is done again and again, in virtual and in real time."""

from __future__ import annotations

import threading

from drivers.links.clock import RealClock
from drivers.virtual.bench import VirtualBench


def test_in_virtual_time_an_action_comes_once_per_period_on_time():
    with VirtualBench(monitor=None) as bench:
        times: list[float] = []
        end = bench.clock.every(0.5, lambda: times.append(bench.clock.now()))
        bench.clock.sleep(2.2)
        end()
        bench.clock.sleep(2.0)
    assert [round(time, 6) for time in times] == [0.5, 1.0, 1.5, 2.0]


def test_an_action_that_waits_itself_is_not_entered_again():
    with VirtualBench(monitor=None) as bench:
        depth, deepest, count = 0, 0, 0

        def action() -> None:
            nonlocal depth, deepest, count
            depth, count = depth + 1, count + 1
            deepest = max(deepest, depth)
            bench.clock.sleep(0.7)
            depth -= 1

        bench.clock.every(0.1, action)
        bench.clock.sleep(3.0)
    assert deepest == 1
    assert count == 4  # every 0.8 s: 0.1 s after the end of the one before


def test_in_real_time_nothing_runs_any_more_after_the_end():
    ran = threading.Event()
    count = 0

    def action() -> None:
        nonlocal count
        count += 1
        ran.set()

    end = RealClock().every(0.001, action)
    assert ran.wait(10.0)
    end()
    seen = count
    assert not threading.Event().wait(0.02)
    assert count == seen
