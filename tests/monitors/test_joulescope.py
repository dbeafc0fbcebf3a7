from __future__ import annotations

import contextlib
import time

from drivers.dut import open_dut
from drivers.monitors.joulescope import open_joulescope
from drivers.virtual.bench import VirtualBench
from tests.links.peer import Log
from tests.monitors.sink import Keeper, setup


class Host(contextlib.ExitStack):
    def __init__(self, model="js220", faults=(), settings=None, bench=None, **twin):
        super().__init__()
        self.bench = VirtualBench(
            monitor="joulescope", faults=faults, model=model, transport="socket", **(bench or {}), **twin
        )
        self.callback(self.bench.close)
        self.clock, self.sink, self.log = self.bench.clock, Keeper(), Log()
        self.monitor = open_joulescope(
            self.bench.urls["monitor"],
            settings={**(settings or {}), **self.bench.given["monitor"], "virtual": True},
            clock=self.clock,
            transcript=self.log,
        )
        self.callback(self.monitor.close)
        self.dut = open_dut(
            self.bench.urls["dut"], settings={"baud": 9600}, clock=self.clock, transcript=Log()
        )
        self.callback(self.dut.close)


def test_smoke():
    t0 = time.time()
    with Host() as h:
        print(h.monitor.identify())
        sig = h.monitor.configure(setup(1e6, 1.8))
        assert h.dut.wait_ready(20.0) == "energy"
        h.monitor.start(h.sink)
        h.dut.load(bytes(490))
        t1 = time.time()
        n = h.clock.now()
        h.dut.infer(30, 1, 60.0)
        h.clock.sleep(0.3)
        print("virtual", h.clock.now() - n, "real", time.time() - t1)
        h.monitor.stop()
        print(h.monitor.settings(), h.monitor.own_energy())
        print(
            h.sink.faults,
            h.sink.gaps,
            h.sink.ranges[:5],
            h.sink.inputs,
            h.sink.stop,
            h.sink.complete,
            [len(b) for b in h.sink.blocks][:10],
            h.bench.world.falling_ns,
        )
    print(time.time() - t0)
