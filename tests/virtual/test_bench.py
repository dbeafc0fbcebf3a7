from __future__ import annotations

import pytest

from drivers.virtual.bench import VirtualBench
from energy.errors import UsageError
from tests.virtual.host import Host, Recorder
from tests.virtual.test_lpm01a import Shield, decoded


def trial(**options):
    """Load, infer and stop behind the IO manager, or not; everything that was said, and the truth."""
    behind = options.get("io_manager")
    with VirtualBench(workload="ad01", **options) as bench:
        host = Host(bench.urls["io" if behind else "dut"], bench.clock, 115200 if behind else 9600)
        shield = Shield(bench.urls["monitor"], bench.clock, 3686400)
        bench.clock.sleep(2.0)
        ready, prefix = ("[dut]: m-ready", "dut ") if behind else ("m-ready", "")
        if behind:
            host.ask("tm 0%")
            host.ask("enable-timer%")
        shield.set_up()
        shield.write(b"start\n")
        shield.until("\0PowerShield > ack start")
        recorder = Recorder(shield)
        said = host.until(ready)
        for command in ("db load 2560", *["db " + "00" * 20] * 128, "infer 2000 1"):
            said += host.ask(f"{prefix}{command}%", last=ready)
        bench.clock.sleep(0.3)
        shield.write(b"stop\n")
        recorder.stop()
        host.close()
        shield.close()
        edges = bench.world.handle({"op": "edges"})["falling_s"][-2:]
        truth = bench.world.handle({"op": "truth", "start_s": edges[0], "stop_s": edges[1]})["energy_j"]
        return said, bytes(recorder.data), truth, bench.world.now_ns


@pytest.mark.parametrize("transport", ["pty", "socket"])
@pytest.mark.parametrize("io_manager", [None, "uno"])
@pytest.mark.parametrize("baud_model", [False, True])
def test_a_trial_works_on_every_transport_with_and_without_io_manager(transport, io_manager, baud_model):
    said, stream, truth, _ = trial(transport=transport, io_manager=io_manager, baud_model=baud_model)
    assert any("m-load-done" in line for line in said)
    samples, events, _ = decoded(stream)
    (_, start), (_, stop) = events[-2:]
    assert abs(samples[start:stop].sum() - truth) <= 0.5e-3 * truth + 2 * 0.042 * 1e-3


def test_two_runs_give_the_same_bytes():
    assert trial(io_manager="uno") == trial(io_manager="uno")


def test_a_dut_without_monitor_is_powered_from_the_beginning():
    with VirtualBench(monitor=None) as bench:
        state = bench.world.handle({"op": "state"})
        assert (state["supply_on"], state["voltage_v"], state["virtual"]) == (True, 1.8, True)
        assert set(bench.urls) == {"dut"}


def test_a_port_that_the_bench_does_not_have_is_named():
    with VirtualBench(io_manager="uno") as bench, pytest.raises(UsageError, match="no port 'dut'") as caught:
        bench.port("dut")
    assert caught.value.hint == "it has io, monitor"
