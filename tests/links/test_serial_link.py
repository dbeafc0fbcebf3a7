from __future__ import annotations

import errno
import socket
import threading
import time

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st

from drivers.links.clock import RealClock
from drivers.links.serial_link import SerialLink, printable
from energy.errors import BenchError
from energy.instruments import Deadline
from tests.links.peer import Log, Peer

CLOCK = RealClock()


@pytest.fixture
def peer():
    with Peer() as peer:
        yield peer


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def link(peer, log):
    link = SerialLink(peer.url, baud=115200, clock=CLOCK, transcript=log, source="dut")
    yield link
    link.close()


def soon(seconds=2.0):
    return Deadline(CLOCK, seconds)


def until(condition):
    deadline = soon()
    while not condition():
        assert not deadline.expired()
        time.sleep(0.001)


def test_lines_come_out_as_they_were_sent(peer, link, log):
    peer.say(b"m-init-done\r\nm-rea")
    assert link.read_line(soon()).text == "m-init-done"
    assert link.read_line(soon(0.05)) is None
    assert link.pending == "m-rea"
    peer.say(b"dy\r\n")
    assert link.read_line(soon()).text == "m-ready"
    assert log.texts() == ["m-init-done", "m-ready"]
    assert not link.irregularities


def test_a_bare_line_feed_ends_a_line_and_is_counted(peer, link):
    peer.say(b"baud is: 9600\nm-ready\r\n")
    assert [link.read_line(soon()).text for _ in range(2)] == ["baud is: 9600", "m-ready"]
    assert link.irregularities == {"bare-lf": 1}


def test_bytes_that_are_not_ascii_are_kept_as_escapes(peer, link, log):
    peer.say(b"m-re\xff\x00dy\r\n")
    line = link.read_line(soon())
    assert (line.text, line.clean) == (r"m-re\xff\x00dy", False)
    assert log.texts() == [r"m-re\xff\x00dy"]
    assert link.irregularities == {"non-ascii": 1}


def test_nul_bytes_vanish_only_where_that_was_asked_for(peer, log):
    link = SerialLink(peer.url, baud=115200, clock=CLOCK, transcript=log, source="monitor", strip_nul=True)
    peer.say(b"\r\n\0PowerShield > ack htc\r\n\0")
    assert [link.read_line(soon()).text for _ in range(2)] == ["", "PowerShield > ack htc"]
    link.close()


def test_a_line_that_never_ends_is_cut(peer, log):
    link = SerialLink(peer.url, baud=115200, clock=CLOCK, transcript=log, source="dut", max_line=100)
    peer.say(b"x" * 250)
    assert len(link.read_line(soon()).text) == 100
    assert link.irregularities["overlong"] >= 1
    link.close()
    assert "".join(log.texts()) == "x" * 250


def test_what_nobody_asks_for_is_kept_beyond_the_buffer_of_a_tty(peer, link):
    lines = [f"line {k}" for k in range(5000)]
    peer.say("".join(f"{line}\r\n" for line in lines).encode())
    assert [link.read_line(soon()).text for _ in lines] == lines


def test_traffic_counts_what_went_and_what_was_dealt_with(peer, link, log):
    link.write(b"name%")
    until(lambda: peer.commands == [b"name"])
    peer.say(b"m-name-dut-[x]\r\n")
    until(lambda: link.traffic.received)
    assert (link.traffic.sent, link.traffic.received) == (5, 16)
    assert [line.text for line in link.take_lines()] == ["m-name-dut-[x]"]
    assert log.texts(sent=True) == ["name%"]


def test_draining_forgets_old_lines_and_the_beginning_of_one(peer, link, log):
    peer.say(b"old\r\nbegin")
    until(lambda: link.pending)
    assert [line.text for line in link.drain(0.02, 1.0)] == ["old"]
    peer.say(b"new\r\n")
    assert link.read_line(soon()).text == "new"
    assert log.texts() == ["old", "begin", "new"]


def test_draining_ends_even_if_the_line_is_never_quiet(peer, link):
    stop = threading.Event()

    def chatter():
        while not stop.is_set():
            peer.say(b"x\r\n")
            time.sleep(0.002)

    thread = threading.Thread(target=chatter)
    thread.start()
    begin = time.monotonic()
    link.drain(0.1, 0.3)
    stop.set()
    thread.join()
    assert time.monotonic() - begin < 1.0


class _Bytes:
    def __init__(self):
        self.data = b""
        self.error = None

    def feed(self, chunk):
        self.data += chunk

    def failed(self, error):
        self.error = error


def test_a_byte_sink_gets_every_byte_from_the_unfinished_line_on(peer, link):
    peer.say(b"ack start\r\n64")
    until(lambda: link.pending)
    sink = _Bytes()
    link.divert(sink)
    peer.say(b"09-07\r\n")
    until(lambda: len(sink.data) == 9)
    link.divert(None)
    peer.say(b"ack stop\r\n")
    assert sink.data == b"6409-07\r\n"
    assert [link.read_line(soon()).text for _ in range(2)] == ["ack start", "ack stop"]


def test_an_unplugged_port_is_named_to_whoever_waits_writes_or_listens(peer, link):
    sink = _Bytes()
    link.divert(sink)
    peer.say(b"last words")
    until(lambda: sink.data == b"last words")
    peer.unplug()
    with pytest.raises(BenchError, match="has disappeared") as caught:
        link.read_line(soon())
    assert caught.value.code == "link.unplugged"
    assert "USB cable" in caught.value.hint
    assert sink.error.code == "link.unplugged"
    with pytest.raises(BenchError, match=r"link\.unplugged"):
        link.write(b"x")


def test_a_closed_port_says_so(peer, link):
    link.close()
    link.close()
    with pytest.raises(BenchError, match=r"link\.closed"):
        link.write(b"x")


def test_a_port_that_is_not_there():
    with pytest.raises(BenchError) as caught:
        SerialLink("/dev/ttyNOT-THERE", baud=9600, clock=CLOCK, source="dut")
    assert caught.value.code == "link.missing"
    assert "plugged in" in caught.value.hint


def test_a_port_that_somebody_else_has(peer, link):
    with pytest.raises(BenchError) as caught:
        SerialLink(peer.url, baud=9600, clock=CLOCK, source="dut")
    assert caught.value.code == "link.busy"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (serial.SerialException(errno.EACCES, "Permission denied"), "link.permission"),
        (serial.SerialException("could not open port 'COM3': FileNotFoundError(2)"), "link.missing"),
        (serial.SerialException("something else"), "link.open-failed"),
        (ValueError("Failed to set custom baud rate (3686400): [Errno 22]"), "link.baud"),
        (ValueError("invalid URL, protocol 'x' not known"), "link.open-failed"),
    ],
)
def test_what_can_be_wrong_with_a_port_has_a_code_each(monkeypatch, error, code):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(serial, "serial_for_url", fail)
    with pytest.raises(BenchError) as caught:
        SerialLink("COM3", baud=3686400, clock=CLOCK, source="monitor")
    assert caught.value.code == code
    assert caught.value.hint
    assert "COM3" in caught.value.message


def test_a_socket_serves_as_well_and_a_refused_one_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        link = SerialLink(url, baud=9600, clock=CLOCK, source="dut")
        end, _ = server.accept()
        link.write(b"name%")
        assert end.recv(100) == b"name%"
        end.sendall(b"m-ready\r\n")
        assert link.read_line(soon()).text == "m-ready"
        end.close()
        with pytest.raises(BenchError, match=r"link\.unplugged"):
            link.read_line(soon())
        link.close()
    with pytest.raises(BenchError, match=r"link\.refused"):
        SerialLink(url, baud=9600, clock=CLOCK, source="dut")


def test_a_port_that_has_no_descriptor_to_wait_on_is_polled():
    link = SerialLink("loop://", baud=9600, clock=CLOCK, source="dut")
    link.write(b"m-ready\r\n")
    assert link.read_line(soon()).text == "m-ready"
    link.close()


@given(st.binary())
def test_text_of_bytes_loses_none(data):
    text = printable(data)
    assert text.isascii()
    assert text.isprintable()
    if b"\\" not in data:
        assert text.encode().decode("unicode_escape").encode("latin-1") == data


def test_real_time_passes_and_a_wait_is_short():
    begin = CLOCK.now()
    CLOCK.sleep(0.01)
    CLOCK.sleep(-1.0)
    middle = CLOCK.now()
    CLOCK.wait(10.0)
    assert middle - begin >= 0.01
    assert CLOCK.now() - middle < 1.0
