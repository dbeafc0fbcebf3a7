from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import serial

from drivers.links.clock import RealClock
from drivers.virtual.clock import RemoteWorld
from drivers.virtual.environment import virtual_bench
from drivers.virtual.remote import RemoteBench
from energy.errors import BenchError, UsageError
from tests.session.support import virtual
from tests.virtual.host import Host


@pytest.mark.parametrize("transport", ["pty", "socket"])
def test_a_remote_world_moves_with_the_hosts_waiting_only(transport):
    with RemoteBench(mode="performance", monitor=None, transport=transport) as bench:
        host = Host(bench.urls["dut"], bench.clock)
        time.sleep(0.05)
        assert bench.world.request({"op": "state"})["now"] == 0
        assert host.until("m-ready")[0] == "m-timestamp-mode-performance"
        lines = host.ask("infer 250 1%")
        assert lines[-1] == "m-ready"
        assert bench.clock.now() == pytest.approx(0.237 + 251 / 23.155, abs=0.1)
        host.close()


def test_a_paced_world_goes_by_real_time_and_refuses_to_be_moved():
    with RemoteBench(monitor=None, pace=20.0, mode="performance") as bench:
        port = serial.Serial(bench.urls["dut"], 115200, timeout=5)
        time.sleep(0.1)  # two virtual seconds: it has booted
        port.reset_input_buffer()
        before = time.monotonic()
        first = bench.world.request({"op": "state"})["now"]
        begin = time.monotonic()
        port.write(b"name%")
        assert port.read_until(b"m-ready\r\n").endswith(b"m-name-dut-[stm]\r\nm-ready\r\n")
        time.sleep(0.2)
        end = time.monotonic()
        passed = bench.world.request({"op": "state"})["now"] - first
        after = time.monotonic()  # each state was told between two looks at the clock
        assert (end - begin) * 20 - 1.0 <= passed <= (after - before) * 20 + 1.0
        with pytest.raises(BenchError, match="paced"):
            bench.world.request({"op": "advance", "seconds": 1, "sent": {}})
        with pytest.raises(BenchError, match="paced"):
            _ = bench.clock
        port.close()


HOST = """
import sys
from drivers.virtual.clock import RemoteWorld, VirtualClock
from tests.virtual.host import Host, Recorder
control, monitor = sys.argv[1:]
clock = VirtualClock(RemoteWorld(control).request)
shield = Host(monitor, clock, 3686400)
for text in ("htc", "acqtime inf", "eventsrc d7 fal", "output energy", "freq 1k", "pwr on nostatus", "start"):
    shield.write(text.encode() + b"\\n")
    shield.until("\\0PowerShield > ack " + text)
Recorder(shield)
print("streaming", flush=True)
while True:
    clock.sleep(0.1)
"""


def test_after_a_killed_host_the_world_goes_on_and_a_fresh_link_can_switch_off():
    with RemoteBench() as bench:
        command = [sys.executable, "-c", HOST, bench.control, bench.urls["monitor"]]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as host:
            assert host.stdout.readline() == b"streaming\n"
            assert bench.world.request({"op": "state"})["supply_on"]
            os.kill(host.pid, signal.SIGKILL)
        port = serial.Serial(bench.urls["monitor"], 3686400, timeout=1)
        port.write(b"stop\npwr off\n")
        text = port.read_until(b"ack pwr off\r\n")
        assert b"PowerShield > Acquisition completed" in text
        assert text.endswith(b"ack pwr off\r\n")
        state = bench.world.request({"op": "state"})
        assert not state["supply_on"]
        time.sleep(0.05)
        assert bench.world.request({"op": "state"})["now"] > state["now"]
        port.close()


def test_after_a_host_that_was_killed_before_it_moved_the_world_it_goes_on():
    with RemoteBench() as bench:
        host = RemoteWorld(bench.control)
        host.request({"op": "attach", "url": bench.urls["monitor"]})
        host.close()
        deadline = time.monotonic() + 30
        while bench.world.request({"op": "state"})["now"] == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert bench.world.request({"op": "state"})["now"] > 0


def test_a_session_joins_a_world_that_follows_real_time():
    with RemoteBench(pace=1.0) as bench:
        file = virtual(attach={"control": bench.control, "ports": bench.urls}, pace=1.0)
        with virtual_bench(file, "kws01", "energy") as twins:
            assert isinstance(twins.clock, RealClock)
            assert not twins.ends_with_us
            assert twins.urls == bench.urls


@pytest.mark.parametrize("attach", ["127.0.0.1:1", {"control": "127.0.0.1:1"}, {"control": 1, "ports": {}}])
def test_what_is_no_address_of_a_world_is_said_so(attach):
    with (
        pytest.raises(UsageError, match=r"attach is .*virtual\.settings"),
        virtual_bench(virtual(attach=attach), "kws01", "energy"),
    ):
        pass


def test_a_server_that_nobody_wants_ends_by_itself():
    bench = RemoteBench(linger_s=0.2, monitor=None)
    bench.world.close()
    assert bench.process.wait(10) == 0
    bench.close()


def test_errors_come_over_the_wire_as_errors():
    with RemoteBench(monitor=None) as bench:
        with pytest.raises(BenchError, match=r"'fly'.*\[virtual.request\]"):
            bench.world.request({"op": "fly"})
        with pytest.raises(BenchError, match="not a request"):
            bench.world.request({"op": "truth"})
        other = RemoteWorld(bench.control)
        assert other.request({"op": "state"})["virtual"] is True
        other.close()


def test_no_server_is_said_so():
    with pytest.raises(BenchError, match="unreachable"):
        RemoteWorld("127.0.0.1:1")


def test_a_reply_that_an_interrupt_left_behind_is_not_taken_for_the_next_one():
    with RemoteBench(board="NUCLEO-L4R5ZI", workload="ad01", mode="energy") as bench:
        bench.world._socket.sendall(b'{"op": "ports", "number": 0}\n')  # Ctrl-C before its reply was read
        assert "now" in bench.world.request({"op": "state"})
        assert "open" in bench.world.request({"op": "ports"})
