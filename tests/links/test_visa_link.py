"""The VISA link on real sockets, in real time and in a virtual world."""

from __future__ import annotations

import sys
import threading
import time
import types

import numpy as np
import pytest

from drivers.dut.twin.dut import DutTwin
from drivers.links.clock import RealClock
from drivers.links.visa_link import VisaLink
from drivers.virtual.boards import load_board
from drivers.virtual.clock import PATIENCE_S, VirtualClock
from drivers.virtual.scpi_instrument import ScpiInstrument, definite_block
from drivers.virtual.twin import TwinSite
from drivers.virtual.world import World, nanoseconds
from energy.errors import BenchError
from tests.links.peer import Log
from tests.links.scpi_peer import ScpiPeer

IDENTITY = b"Maker,Model 1,SN7,1.0\n"
BYTES = bytes(range(256)) * 40
REALS = np.linspace(-1.0, 1.0, 3000).astype(">f4")
ANSWERS = {
    "*IDN?": IDENTITY,
    "BLOCK?": b"#510240" + BYTES + b"\n",
    "CRLF?": b"#3256" + bytes(range(256)) + b"\r\n",
    "EMPTY?": b"#10\n",
    "LONGER?": b"#15abcdef\n",
    "LONGER REALS?": b"#0" + bytes(13) + b"\n",
    "REALS?": b"#0" + REALS.tobytes() + b"\n",
    "NONE?": b'-113,"Undefined header"\n',
    "CUT?": b"#41000" + bytes(400),
    "LONG?": b"x" * 100_000 + b"\n",
}


INTERRUPTED = threading.Event()


def answer(line):
    if line == "LATE?":  # only once whoever asked has been interrupted while he waited
        INTERRUPTED.wait(10.0)
        return ANSWERS["LONG?"]
    return ANSWERS.get(line, b"")


class InterruptedClock(RealClock):
    def wait(self, seconds):
        INTERRUPTED.set()
        raise KeyboardInterrupt


def test_after_an_interrupt_the_next_answer_is_the_right_one(link):
    link.clock, clock = InterruptedClock(), link.clock
    INTERRUPTED.clear()
    with pytest.raises(KeyboardInterrupt):
        link.query("LATE?")
    link.clock = clock
    assert link.query("*IDN?") == IDENTITY.decode().rstrip()


@pytest.fixture
def peer():
    with ScpiPeer(answer) as it:
        yield it


@pytest.fixture
def link(peer):
    it = VisaLink(peer.resource, clock=RealClock(), transcript=Log(), timeout_s=2.0)
    yield it
    it.close()


def code_of(action, *arguments, **named):
    with pytest.raises(BenchError) as caught:
        action(*arguments, **named)
    assert caught.value.hint
    return caught.value.code


def test_a_query_is_answered_by_its_line(link, peer):
    log = Log()
    link._transcript = log
    assert link.query("*IDN?") == IDENTITY.decode().rstrip()
    link.write("OUTP OFF")
    assert link.query("LONG?") == "x" * 100_000
    assert peer.lines == ["*IDN?", "OUTP OFF", "LONG?"]
    assert log.texts(sent=True) == peer.lines
    assert max(len(text) for text in log.texts()) < 300


@pytest.mark.parametrize(
    ("query", "data"), [("BLOCK?", BYTES), ("CRLF?", bytes(range(256))), ("EMPTY?", b"")]
)
def test_a_definite_block_holds_any_bytes_and_leaves_nothing_behind(link, query, data):
    for _ in range(2):
        assert link.query_block(query) == data
        assert link.query("*IDN?") == IDENTITY.decode().rstrip()


def test_an_indefinite_block_of_known_count_is_read_and_leaves_nothing_behind(link):
    assert np.array_equal(link.query_reals("REALS?", len(REALS)), REALS)
    assert link.query("*IDN?") == IDENTITY.decode().rstrip()


def test_every_byte_is_counted(link):
    link.query("*IDN?")
    link.query_block("BLOCK?")
    link.query_reals("REALS?", len(REALS))
    assert link.traffic.sent == len(b"*IDN?\nBLOCK?\nREALS?\n")
    assert link.traffic.received == sum(len(ANSWERS[name]) for name in ("*IDN?", "BLOCK?", "REALS?"))


@pytest.mark.parametrize("method", ["block", "reals"])
def test_text_in_place_of_a_block_is_an_error_and_the_next_answer_is_the_right_one(link, method):
    ask = link.query_block if method == "block" else lambda query: link.query_reals(query, 5)
    assert code_of(ask, "NONE?") == "visa.block"
    assert link.query("*IDN?") == IDENTITY.decode().rstrip()


@pytest.mark.parametrize("query", ["LONGER?", "LONGER REALS?"])
def test_a_byte_too_many_in_a_block_is_an_error_and_the_next_answer_is_the_right_one(link, query):
    ask = link.query_block if query == "LONGER?" else lambda query: link.query_reals(query, 3)
    assert code_of(ask, query) == "visa.block"
    assert link.query("*IDN?") == IDENTITY.decode().rstrip()


def test_a_late_answer_is_never_taken_for_the_next_one():
    held = threading.Event()
    released = threading.Event()

    def slow(line):
        if line == "SLOW?":
            held.set()
            released.wait(5.0)
            return b"the old one\n"
        return {"NEW?": b"the new one\n", "*IDN?": IDENTITY}.get(line, b"")

    with ScpiPeer(slow) as peer:
        link = VisaLink(peer.resource, clock=RealClock(), timeout_s=2.0)
        assert code_of(link.query, "SLOW?", 0.1) == "visa.silent"
        held.wait(5.0)
        released.set()
        assert link.query("NEW?") == "the new one"
        assert peer.connections == 2
        link.close()


def test_an_answer_that_a_new_connection_gets_from_before_is_thrown_away():
    silent = True

    def one_queue(line):
        nonlocal silent
        if line == "SLOW?":
            return b""
        late, silent = (b"3.1\n0\n" if silent else b""), False
        return late + {"NEW?": b"2.5\n", "*IDN?": IDENTITY}.get(line, b"")

    with ScpiPeer(one_queue) as peer:
        link = VisaLink(peer.resource, clock=RealClock(), timeout_s=2.0)
        assert code_of(link.query, "SLOW?", 0.05) == "visa.silent"
        assert link.query("NEW?") == "2.5"
        link.close()


def test_a_command_can_be_pushed_to_an_instrument_that_answers_nothing(link, peer):
    ANSWERS.pop("*IDN?")
    try:
        assert code_of(link.query, "NOTHING?", 0.05) == "visa.silent"
        link.push("OUTP OFF")
        assert code_of(link.query, "NOTHING?", 0.05) == "visa.silent"
        assert peer.lines == ["NOTHING?", "OUTP OFF", "*IDN?"]
    finally:
        ANSWERS["*IDN?"] = IDENTITY


def test_a_block_that_is_cut_short_is_silence(link):
    assert code_of(link.query_block, "CUT?", 0.2) == "visa.silent"
    assert link.query_block("BLOCK?") == BYTES


def test_a_lost_connection_is_noticed_between_queries_and_has_a_code(link, peer):
    link.query("*IDN?")
    peer.hang_up()
    end = time.monotonic() + 5.0
    while not link.traffic.lost and time.monotonic() < end:
        time.sleep(0.005)
    assert link.traffic.lost


def test_a_connection_that_is_lost_during_a_query_has_a_code():
    def hang_up(line):
        if line == "*IDN?":
            return IDENTITY
        raise OSError

    with ScpiPeer(hang_up) as peer:
        link = VisaLink(peer.resource, clock=RealClock(), timeout_s=60.0)
        begin = time.monotonic()
        assert code_of(link.query, "VOLT?") == "visa.lost"
        assert time.monotonic() - begin < 30.0  # and not as long as silence
        assert link.traffic.lost
        assert link.query("*IDN?") == IDENTITY.decode().rstrip()  # a new connection
        link.close()


class RunningAway(RealClock):
    """Time that has gone by as soon as the other side has hung up, before anybody could read that."""

    def __init__(self, hung_up):
        self.hung_up, self.late_s = hung_up, 0.0

    def now(self):
        return super().now() + self.late_s

    def wait(self, seconds):
        self.hung_up.wait(5.0)
        self.late_s += 100.0


def test_a_connection_that_is_lost_is_so_called_however_little_real_time_the_thread_gets():
    hung_up = threading.Event()

    def hang_up(line):
        assert peer._peer is not None
        peer.hang_up()
        hung_up.set()
        return b""

    with ScpiPeer(hang_up) as peer:
        link = VisaLink(peer.resource, clock=RunningAway(hung_up), timeout_s=3.0)
        assert code_of(link.query, "VOLT?") == "visa.lost"
        link.close()


def test_after_its_end_the_instrument_cannot_be_opened_again(link, peer):
    link.query("*IDN?")
    peer.close()
    for _ in range(3):
        assert code_of(link.query, "*IDN?", 0.5) == "visa.lost"


def test_nobody_there_and_no_such_resource_have_a_code():
    with ScpiPeer(answer) as peer:
        resource = peer.resource
    assert code_of(VisaLink, resource, clock=RealClock(), timeout_s=0.5) == "visa.open"
    assert code_of(VisaLink, "nonsense", clock=RealClock(), timeout_s=0.5) == "visa.open"


def test_a_closed_link_says_so(link):
    link.close()
    link.close()
    assert code_of(link.write, "*CLS") == "visa.closed"


class Instrument:
    """In place of PyVISA's resource for one on USB or with VXI-11: messages have an end."""

    session = 0
    visalib = types.SimpleNamespace()
    read_termination = write_termination = None
    timeout = 0.0

    def __init__(self):
        self.messages = []
        self.cleared = 0

    def write_raw(self, data):
        self.messages.append(answer(data.decode().strip()))

    def read_raw(self):
        message = self.messages.pop(0)
        if not message:
            raise TimeoutError
        return message

    def clear(self):
        self.messages.clear()
        self.cleared += 1

    def close(self):
        pass


@pytest.fixture
def whole_messages(monkeypatch):
    instrument = Instrument()
    manager = types.SimpleNamespace(open_resource=lambda resource, open_timeout: instrument)
    monkeypatch.setattr("pyvisa.ResourceManager", lambda backend: manager)
    link = VisaLink("USB0::2391::3847::SN::INSTR", clock=RealClock(), timeout_s=1.0)
    yield link, instrument
    link.close()


def test_where_messages_have_an_end_they_are_read_up_to_it(whole_messages):
    link, instrument = whole_messages
    assert link.query("*IDN?") == IDENTITY.decode().rstrip()
    assert link.query_block("BLOCK?") == BYTES
    assert np.array_equal(link.query_reals("REALS?", len(REALS)), REALS)
    assert code_of(link.query_reals, "REALS?", 17) == "visa.block"
    assert code_of(link.query_block, "NONE?") == "visa.block"
    assert link.query_block("BLOCK?") == BYTES
    assert instrument.cleared == 2  # a device clear after each of the two


def test_without_pyvisa_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvisa", None)
    assert code_of(VisaLink, "TCPIP::127.0.0.1::1::SOCKET", clock=RealClock()) == "visa.missing"


class Slow:
    """An SCPI instrument in a virtual world; its block takes a while."""

    def __init__(self, *, delay_s=0.0, size=0):
        self.world = World()
        dut = DutTwin(self.world, load_board("NUCLEO-L4R5ZI"), "kws01", "energy", baud=9600)
        self.port = TwinSite(self.world, dut, "monitor").tcp_port()
        self.scpi = ScpiInstrument(self.port, "Maker,Model 2,SN8,1.0")
        self.data = np.random.default_rng(1).bytes(size)
        self.scpi.add("SLOW?", lambda call: self.world.after(nanoseconds(delay_s), self._say))
        self.scpi.add("DATA?", lambda call: definite_block(self.data))
        self.clock = VirtualClock(self.world.handle)
        self.link = VisaLink(self.port.url, clock=self.clock)

    def _say(self):
        self.scpi.reply(b"here I am")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.close()
        self.world.close()


def test_in_virtual_time_an_answer_comes_when_it_comes():
    with Slow(delay_s=0.7) as it:
        begin = it.clock.now()
        assert it.link.query("SLOW?") == "here I am"
        assert it.clock.now() - begin == pytest.approx(0.7, abs=1e-6)
        begin = it.clock.now()
        for _ in range(20):
            it.link.query("*IDN?")
        assert it.clock.now() == begin  # and one that comes at once takes no time


def test_in_virtual_time_a_timeout_is_one_of_that_time():
    with Slow(delay_s=140.0) as it:
        began = time.monotonic()
        begin = it.clock.now()
        assert code_of(it.link.query, "SLOW?", 100.0) == "visa.silent"
        assert it.clock.now() - begin == pytest.approx(100.0, abs=1e-6)
        assert time.monotonic() - began < 60.0
        assert it.link.query("*IDN?").startswith("Maker")
        it.clock.sleep(100.0)  # in which the answer to the first one is said
        assert it.link.query_block("DATA?") == b""


def test_in_virtual_time_blocks_of_megabytes_come_whole():
    with Slow(size=5_000_000) as it:
        begin = it.clock.now()
        for _ in range(2):
            assert it.link.query_block("DATA?") == it.data
        assert it.clock.now() - begin < 1e-3


def test_in_virtual_time_a_pulled_plug_is_news():
    with Slow() as it:
        it.link.query("*IDN?")
        it.port.unplug()
        began = time.monotonic()
        it.clock.sleep(0.5)
        it.clock.sleep(0.5)
        assert it.link.traffic.lost
        assert time.monotonic() - began < PATIENCE_S  # and not as long as for a link that nobody reads
        assert code_of(it.link.query, "*IDN?") == "visa.lost"
