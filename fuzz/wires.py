"""Wires against mutated bytes: what a DUT, an IO manager, an instrument or a monitor may send.

Only the port is left out: the drivers' own parsers run, and answer with a result or with an error with a
code. Time passes only where a driver waits. The byte FE divides an input: each command gets the next part.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from drivers.dut.driver import SerialDut
from drivers.io_managers.interface_board import InterfaceBoard
from drivers.io_managers.uno import UnoIoManager
from drivers.joulescope.device import JS110, JS220
from drivers.joulescope.stream import Stream, stream_error
from drivers.keithley.readings import Window
from drivers.keithley.tsp import Tsp
from drivers.keithley_2450.buffer import ReadingBuffer
from drivers.keithley_2461.gate import Gate
from drivers.keysight_n6705.log import ElogReader
from drivers.links.channel import DirectChannel
from drivers.links.scpi import Scpi, is_off
from drivers.links.serial_link import SerialLink
from drivers.links.visa_worker import BlockError, definite_block
from drivers.lpm01a.console import Console
from drivers.lpm01a.extras import Extras
from drivers.ppk2.port import ask_metadata
from drivers.testkit import Keeper
from drivers.virtual.ports import Port
from drivers.virtual.scpi_instrument import ScpiInstrument
from energy.errors import BenchError
from energy.instruments import Traffic

_DIVIDER = b"\xfe"
_MOST_WAITS = 2000


class Time:
    """A clock that moves when somebody waits on it, and gives up where a driver waits for ever."""

    lag_s = 0.0

    def __init__(self) -> None:
        self.time_s = 0.0
        self.waits = 0

    def now(self) -> float:
        """Seconds that were waited for."""
        return self.time_s

    def sleep(self, seconds: float) -> None:
        """Moves on."""
        self.waits += 1
        if self.waits > _MOST_WAITS:
            raise AssertionError("a driver waits without end")
        self.time_s += max(seconds, 1e-3)

    wait = sleep

    def attach(self, url: str, traffic: Traffic) -> None:
        """Nothing comes by itself."""


class Serial(SerialLink):
    """A serial link without its port: each command is answered by the next part of the data.

    Args:
        data: The parts.
        speaks: Whether the first one comes unasked.
        bare_cr: As of a link.
        strip_nul: As of a link.
    """

    def __init__(
        self, data: bytes, *, speaks: bool = False, bare_cr: bool = False, strip_nul: bool = False
    ) -> None:
        self.url, self.baud, self.clock, self.source = "fuzz", 115200, Time(), "fuzz"
        self.traffic = Traffic()
        self.irregularities: Counter[str] = Counter()
        self._transcript, self._strip_nul, self._bare_cr = None, strip_nul, bare_cr
        self._max_line, self._after_cr, self._partial = 4096, False, b""
        self._lines, self._sink, self._failure, self._closing = deque(), None, None, False
        self._lock = threading.RLock()
        self._parts = deque(data.split(_DIVIDER))
        if speaks:
            self.write(b"")

    def write(self, data: bytes) -> None:
        """Takes a command."""
        if self._parts:
            self._take(self._parts.popleft())

    def close(self) -> None:
        """There is nothing to close."""

    def _check(self) -> None:
        """The port is there."""


class Visa:
    """A link to an instrument: each query is answered by the next part of the data."""

    resource = "fuzz"

    def __init__(self, data: bytes) -> None:
        self.clock, self.traffic = Time(), Traffic()
        self._parts = deque(data.split(_DIVIDER))

    def write(self, command: str) -> None:
        """Takes a command."""

    push = note = write

    def query(self, command: str, timeout_s: float | None = None) -> str:
        """The next part as text."""
        return self._next(command).decode("latin-1").rstrip("\r\n")

    def query_block(self, command: str, timeout_s: float | None = None) -> bytes:
        """The next part as a block."""
        try:
            return definite_block(self._next(command))
        except BlockError as error:
            raise BenchError("visa.block", str(error), "fuzz") from error

    def _next(self, command: str) -> bytes:
        self.clock.sleep(1e-3)
        if not self._parts:
            raise BenchError("visa.silent", f"no answer to {command}", "fuzz")
        return self._parts.popleft()


def _each(*calls: Callable[[], object]) -> None:
    """Calls that may refuse, with a code and a hint."""
    for call in calls:
        try:
            call()
        except BenchError as error:
            if "." not in error.code or not error.hint:
                raise AssertionError(f"{error.code!r} without a room or a hint") from error


def serial_lines(data: bytes) -> None:
    """The division into lines: every byte is in one, and none is longer than the limit."""
    link = Serial(b"")
    for at in range(0, len(data), 251):
        link._take(data[at : at + 251])  # pyright: ignore[reportPrivateUsage]
    lines = link.take_lines()
    assert all(line.text.isascii() and line.text.isprintable() for line in lines)
    assert sum(len(line.text) for line in lines) >= data.count(b"x") - link.pending.count("x")


def _talk(dut: SerialDut) -> None:
    _each(
        lambda: dut.wait_ready(1.0),
        dut.name,
        dut.profile,
        dut.timestamp,
        dut.results,
        dut.layers,
        lambda: dut.load(b"abc"),
        lambda: dut.infer(70, 10, 1.0),
        lambda: dut.infer_layer(1, 10, 1.0),
        lambda: dut.stand("idle", 100, 2, 1.0),
        lambda: dut.mark_phases(True),
    )


def dut(data: bytes) -> None:
    """What a DUT answers (protocols.md 1)."""
    _talk(SerialDut(DirectChannel(Serial(data, speaks=True, bare_cr=True))))


def uno(data: bytes) -> None:
    """What an Uno sends, and the DUT behind it (protocols.md 2.1)."""
    manager = UnoIoManager(Serial(data), reset_s=0.0)
    _each(manager.identify, manager.prepare, manager.laps, lambda: manager.pulse_s(lambda: None))
    _talk(manager.dut())
    _each(manager.laps, manager.release)


def interface_board(data: bytes) -> None:
    """What an interface board sends, and the DUT behind it (protocols.md 2.2)."""
    link = Serial(data)
    manager = InterfaceBoard(link, lambda: link)
    _each(manager.identify, manager.prepare, manager.files, lambda: manager.set_baud(9600))
    _talk(manager.dut())


def lpm01a_console(data: bytes) -> None:
    """The LPM01A's answers to commands (protocols.md 3.2)."""
    console = Console(Serial(data, strip_nul=True))
    extras = Extras(console)
    _each(
        lambda: console.text("help"),
        extras.voltage_v,
        extras.temperature_c,
        extras.calibrate,
        extras.autotest,
        lambda: extras.reset_target(0.1),
        lambda: extras.static_currents(2),
        lambda: console.check_status(1.0),
        console.stop_old_stream,
    )


def ppk2_port(data: bytes) -> None:
    """The PPK2's answer to the request for its metadata (protocols.md 6)."""
    _each(lambda: ask_metadata(Serial(data)))


def scpi(data: bytes) -> None:
    """Answers of instruments with SCPI (protocols.md 4, 5)."""
    scpi = Scpi(Visa(data), "fuzz", without_errors="fuzz")  # type: ignore[arg-type]  # the same methods
    _each(
        lambda: scpi.number("MEAS?"),
        lambda: is_off(scpi.ask("OUTP?")),
        lambda: scpi.set_and_read("VOLT 3", "VOLT?", 3.0),
        lambda: scpi.set_and_read("OUTP ON", "OUTP?", "1"),
        scpi.drain_errors,
        lambda: scpi.check_errors("fuzz"),
    )


def tsp(data: bytes) -> None:
    """Answers of a 2461 (protocols.md 4.2)."""
    tsp = Tsp(Visa(data), "k2461")  # type: ignore[arg-type]
    gate = Gate(tsp, "buffer")
    _each(
        lambda: tsp.number("x"),
        lambda: tsp.set_number("x", 1.0, at_least=True),
        lambda: tsp.set_name("x", "smu.ON"),
        gate.arm,
        gate.stage,
        gate.highest_a,
        gate.line_overrun,
        lambda: tsp.check_errors("fuzz"),
    )


def k2450_buffer(data: bytes) -> None:
    """Readings of a 2450, as text (protocols.md 4.2)."""
    buffer = ReadingBuffer(Scpi(Visa(data), "k2450"))  # type: ignore[arg-type]
    _each(
        buffer.count,
        buffer.room,
        buffer.now,
        lambda: buffer.read(0, 2),
        lambda: buffer.prepare(100),
        lambda: buffer.trial(4, 1e-3),
    )


def readings(data: bytes) -> None:
    """Readings of a 2461 with their times, whatever the bytes mean (protocols.md 4.2)."""
    keeper = Keeper()
    window = Window(keeper, 0, 1e6, 1.0)
    for at in range(0, len(data) - 7, 64):
        pairs = np.frombuffer(data[at : at + 64][: len(data[at : at + 64]) // 8 * 8], "<f4")
        with np.errstate(all="ignore"):
            window.add(pairs[0::2], pairs[1::2])
        if window.fault is not None:
            return


def n6705_log(data: bytes) -> None:
    """Records of an N6705's log: blocks of IEEE 488.2 (protocols.md 5)."""
    link = Visa(data)
    reader = ElogReader(
        *(Scpi(link, "n6705"), 1, ("Iavg", "Vavg"), 20.48e-6, ">f4"),  # type: ignore[arg-type]
        *(link.clock, Keeper(), lambda: None),
    )
    _each(*[reader.read] * 3)


def _floats(part: bytes) -> npt.NDArray[Any]:
    return np.frombuffer(part[: len(part) // 4 * 4], "<f4")


def joulescope(data: bytes) -> None:
    """Messages of Joulescope's package: a byte names the stream, eight its first sample, then its data."""
    for model in (JS110, JS220):
        stream = Stream(model, Keeper(), 0, 1 << 20)
        for message in data.split(_DIVIDER):
            try:
                _joulescope_message(stream, model.factor, message)
            except (ValueError, TypeError, KeyError, BenchError) as error:
                stream_error("fuzz", error)  # as the driver's callback makes of it
                break
        else:
            with suppress(ValueError, TypeError, LookupError, BenchError):  # as the driver does
                stream.finish()
                stream.own_energy()


def _joulescope_message(stream: Stream, factor: int, message: bytes) -> None:
    kind, first, body = message[:1], int.from_bytes(message[1:5], "little"), message[5:]
    entry = {"sample_id": first, "sample_rate": 2_000_000, "decimate_factor": factor}
    bits = np.frombuffer(body, np.uint8)
    if kind in b"iv":
        (stream.current if kind == b"i" else stream.voltage)({**entry, "data": _floats(body)})
    elif kind == b"d":
        stream.digital({**entry, "data": bits})
    elif kind == b"r":
        stream.ranges({**entry, "data": bits})
    elif kind == b"l":
        stream.log(body.decode("latin-1"))
    else:
        stream.statistics(json.loads(body or b"null"))


class _Nowhere(Port):
    """A port that no host has open."""

    def _read(self) -> bytes | None:
        return None

    def _send(self, data: bytes | bytearray) -> int:
        return len(data)

    def _shut(self) -> None:
        """There is nothing to close."""


def twin_scpi(data: bytes) -> None:
    """The twins' own parser of SCPI, which listens on the loopback."""
    instrument = ScpiInstrument(_Nowhere("fuzz"), "fuzz,twin,0,0")
    value = [1.0]
    instrument.add_number("VOLTage[:LEVel]", lambda: value[0], lambda to: value.__setitem__(0, to), 0, 5, 1)
    instrument.add_switch("OUTPut[:STATe]", lambda: True, lambda on: None)
    instrument.add_choice("SENSe:FUNCtion", ("CURRent", "VOLTage"), lambda: "CURR", lambda word: None)
    for line in data.split(b"\n"):
        instrument.execute(line.decode("latin-1"))
