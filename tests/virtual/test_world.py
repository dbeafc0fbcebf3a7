from __future__ import annotations

import time

import pytest

from drivers.virtual.clock import VirtualClock
from drivers.virtual.pty_port import PtyPort
from drivers.virtual.socket_port import SocketPort
from drivers.virtual.wire import Wire
from drivers.virtual.world import NS, World
from energy.errors import BenchError
from tests.virtual.host import Host


@pytest.fixture(params=[PtyPort, SocketPort])
def echo(request):
    """A world whose only port answers 10 ms later with what it got."""
    world = World()
    port = request.param()
    world.add_port(port)
    port.on_bytes = lambda data: world.after(10_000_000, lambda: port.write(data))
    yield world, port
    world.close()


def test_time_stands_still_until_the_host_waits_and_an_answer_stops_it(echo):
    world, port = echo
    clock = VirtualClock(world.handle)
    host = Host(port.url, clock)
    host.write(b"hello\n")
    assert clock.now() == 0
    assert host.line() == "hello"
    assert clock.now() == pytest.approx(0.010, abs=1e-12)
    host.close()


def test_a_thousand_answers_come_at_exact_virtual_times(echo):
    world, port = echo
    clock = VirtualClock(world.handle)
    host = Host(port.url, clock)
    for k in range(1000):
        host.write(b"%d\n" % k)
        assert host.line() == str(k)
    assert world.now_ns == 1000 * 10_000_000
    host.close()


def test_sleep_moves_the_whole_time_though_nobody_reads_the_answers(echo):
    world, port = echo
    clock = VirtualClock(world.handle)
    host = Host(port.url, clock)
    host.write(b"unread\n")
    clock.sleep(2.5)
    assert clock.now() == pytest.approx(2.5, abs=1e-9)
    assert host.line() == "unread"
    host.close()


def test_a_port_that_nobody_opened_swallows_what_is_written_and_does_not_block(echo):
    world, port = echo
    clock = VirtualClock(world.handle)
    port.write(b"lost\n")
    clock.sleep(1)
    host = Host(port.url, clock)
    assert host.quiet(0.1) == b""
    host.close()
    clock.sleep(1)
    port.write(b"lost again\n")
    second = Host(port.url, clock)
    second.write(b"x\n")
    assert second.line() == "x"
    second.close()


def test_the_far_end_of_a_pty_sees_the_baud_rate():
    port = PtyPort()
    world = World()
    world.add_port(port)
    host = Host(port.url, VirtualClock(world.handle), baud=3686400)
    assert port.baud == 3686400
    host.port.baudrate = 9600
    assert port.baud == 9600
    host.close()
    world.close()


def test_bytes_that_never_come_are_an_error_and_not_a_hang(echo, monkeypatch):
    monkeypatch.setattr("drivers.virtual.ports.STUCK_S", 0.05)
    world, port = echo
    clock = VirtualClock(world.handle)
    host = Host(port.url, clock)
    host.traffic.sent += 1
    with pytest.raises(BenchError, match="stuck"):
        clock.wait(1)
    host.close()


def test_unknown_requests_and_ports_are_named():
    world = World()
    with pytest.raises(BenchError, match="'fly'"):
        world.handle({"op": "fly"})
    with pytest.raises(BenchError, match="no-port"):
        world.handle({"op": "attach", "url": "nowhere"})


def test_a_wire_delivers_pieces_when_their_last_byte_is_through():
    world = World()
    seen = []
    wire = Wire(world, 9600, lambda data, start: seen.append((data, start, world.now_ns)), split=b"%")
    wire.send(b"db%in")
    wire.send(b"fer%")
    world.run(NS)
    byte = 1_041_667
    assert seen == [
        (b"db%", 0, 3 * byte),
        (b"in", 3 * byte, 5 * byte),
        (b"fer%", 5 * byte, 9 * byte),
    ]


def test_a_host_that_waits_for_a_reader_leaves_the_reader_its_turn(echo, monkeypatch):
    """It looks a few times and then pauses: on a busy machine the reader is the one that needs the turn."""
    monkeypatch.setattr("drivers.virtual.clock.PATIENCE_S", 60.0)
    world, port = echo
    clock = VirtualClock(world.handle)
    host = Host(port.url, clock)
    host.write(b"unread\n")
    clock.wait(1)  # the answer is on its way, and nobody reads it
    begun, waits = time.monotonic(), 0
    while time.monotonic() < begun + 0.3:
        clock.wait(1)
        waits += 1
    assert clock.now() == pytest.approx(0.010, abs=1e-12)
    assert waits <= 0.3 / 0.004
    assert host.line() == "unread"
    host.close()
