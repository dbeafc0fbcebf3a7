"""That a port is gone is news on its way: virtual time waits until the host has noticed."""

from __future__ import annotations

import pytest

from drivers.virtual.bench import VirtualBench
from tests.virtual.host import Host


@pytest.mark.drivers
def test_time_stands_still_between_the_plug_and_the_host_that_notices_it():
    with VirtualBench(monitor=None) as bench:
        host = Host(bench.urls["dut"], bench.clock, 9600)
        host.until("m-ready")
        pulled_s = bench.clock.now()
        bench.world.handle({"op": "fault", "name": "unplugged-port", "params": {"at_s": pulled_s + 0.5}})
        for _ in range(50):
            bench.clock.wait(0.1)
        assert bench.clock.now() == pytest.approx(pulled_s + 0.5, abs=1e-6)
        host.traffic.lost = True
        bench.clock.sleep(1.0)
        assert bench.clock.now() == pytest.approx(pulled_s + 1.5, abs=1e-6)
        host.close()
