"""A deadline on a host that stands still now and then."""

from __future__ import annotations

import pytest

from energy.instruments import Deadline


class StallingClock:
    """A clock whose wait number ``stalls_at`` takes ``stall_s`` longer than it should."""

    def __init__(self, stalls_at, stall_s):
        self.time_s, self.waits, self.stalls_at, self.stall_s = 100.0, 0, stalls_at, stall_s

    def now(self):
        return self.time_s

    def wait(self, seconds):
        self.waits += 1
        self.time_s += seconds + (self.stall_s if self.waits == self.stalls_at else 0.0)


@pytest.mark.parametrize(("stall_s", "waits"), [(0.0, 40), (0.2, 36), (2.5, 40), (60.0, 40)])
def test_a_host_that_stood_still_looks_as_often_before_it_gives_up(stall_s, waits):
    clock = StallingClock(10, stall_s)
    deadline = Deadline(clock, 2.0)
    while not deadline.expired() and clock.waits < 1000:
        deadline.wait(0.05)
    assert clock.waits == pytest.approx(waits, abs=1)
