"""Compiled decoders: the twins' streams, damaged and cut anywhere, give the bits that NumPy gives."""

from __future__ import annotations

import itertools
import threading
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drivers.lpm01a.kernels as lpm01a
import drivers.ppk2.kernels as ppk2
from drivers.io_managers.uno import open_uno
from drivers.links.serial_link import SerialLink
from drivers.lpm01a.ascii import AsciiDecoder
from drivers.lpm01a.binary import BinaryDecoder
from drivers.lpm01a.lines import LARGEST_EXACT, lines_of
from drivers.ppk2.stream import PhaseLevels, SampleDecoder
from drivers.testkit import driver
from drivers.virtual.bench import VirtualBench
from energy.kernels import Kernel
from energy.signal import Block, DigitalBlock
from tests.kernels import kernels, need_numba
from tests.links.peer import Log
from tests.monitors.sink import Keeper, setup

TABLE = np.arange(1 << 17, dtype=np.float32)
STREAMS = {
    # monitor, its settings, samples/s, seconds, decoder, its kernel
    "ascii": (
        "lpm01a",
        {},
        5000.0,
        1.5,
        lambda: AsciiDecoder(5000.0, largest=0.1, elapsed_s=lambda: 9.0),
        lpm01a.PARSE,
    ),
    "binary": (
        "lpm01a",
        {"format": "bin_hexa", "output": "current"},
        100e3,
        0.09,
        lambda: BinaryDecoder(100e3, largest=0.1, elapsed_s=lambda: 9.0),
        lpm01a.CONVERT,
    ),
    "ppk2": ("ppk2", {}, 100e3, 0.05, lambda: SampleDecoder(TABLE, 2, phases=3), ppk2.CONVERT),
}


@pytest.fixture(autouse=True)
def numba():
    need_numba()


class Desk:
    """A monitor on the virtual bench with an Uno, and what its link gives to the stream.

    Attributes:
        chunks: What the stream got while it ran.
    """

    def __init__(self, name: str) -> None:
        self.name, self.chunks = STREAMS[name][0], []
        self.settings, self.rate_hz, self.seconds = STREAMS[name][1:4]

    def stream(self) -> bytes:
        """Its bytes."""
        with VirtualBench(monitor=self.name, io_manager="uno") as bench:
            io = open_uno(bench.urls["io"], settings={}, clock=bench.clock, transcript=Log())
            io.prepare()
            dut = io.dut()
            monitor = driver("monitors", self.name)(
                bench.urls["monitor"], settings=self.settings, clock=bench.clock, transcript=Log()
            )
            monitor.identify()
            edges = "io" if "format" in self.settings else "monitor"  # in binary an edge starts the stream
            monitor.configure(setup(self.rate_hz, 3.0, edges))
            monitor.on()
            dut.wait_ready(20.0)
            with pytest.MonkeyPatch.context() as patch:
                take = SerialLink._take

                def keeping(link: SerialLink, chunk: bytes) -> None:
                    if link._sink is not None:
                        self.chunks.append(chunk)
                    take(link, chunk)

                patch.setattr(SerialLink, "_take", keeping)
                monitor.start(Keeper())
                bench.clock.sleep(0.1)
                dut.timestamp()
                bench.clock.sleep(self.seconds)
                dut.timestamp()
                monitor.stop()
            monitor.close()
            io.close()
        return b"".join(self.chunks)


@cache
def stream(name: str) -> bytes:
    with kernels("off"):
        return Desk(name).stream()


def plain(item):
    """An item as a value that can be compared."""
    if isinstance(item, Block):
        return item.first, item.columns[0].dtype, item.columns[0].tobytes()
    if isinstance(item, DigitalBlock):
        return item.first, item.count, item.bits.tobytes()
    return plain(item.block) if isinstance(item, PhaseLevels) else item


def decoded(name: str, use: str, data: bytes, cuts: list[int]) -> dict[str, object]:
    """Everything that a decoder makes of the bytes."""
    with kernels(use):
        decoder = STREAMS[name][4]()
        seen: list[bytes] = []
        if isinstance(decoder, AsciiDecoder):
            decoder.peek = lambda values: seen.append(values.tobytes())
        items = []
        for start, stop in itertools.pairwise([0, *sorted(cuts), len(data)]):
            items += decoder.feed(data[start:stop])
        items += decoder.finish()
    names = ("irregularities", "unknown", "fullest", "bare_lf", "ended", "begun", "position")
    state = {name: getattr(decoder, name, None) for name in names}
    return {"items": [plain(item) for item in items], "seen": seen, **state}


@pytest.mark.parametrize("name", STREAMS)
def test_the_streams_of_these_tests_are_whole_and_go_through_the_compiled_code(name, monkeypatch):
    """Without this, the next test could compare NumPy with itself, or nothing with nothing."""
    calls, kernel, data = [], STREAMS[name][5], stream(name)
    with kernels("on"):
        compiled = kernel.get()
    monkeypatch.setattr(kernel, "_compiled", lambda *given: calls.append(1) or compiled(*given))
    found = decoded(name, "on", data, list(range(4095, len(data), 4095)))
    samples = sum(len(item[2]) for item in found["items"] if isinstance(item, tuple) and len(item) == 3)
    assert len(calls) >= len(data) // 4095 - 1
    assert samples >= 4000
    assert not found["irregularities"]


@st.composite
def damaged(draw, name: str) -> bytes:
    """A part of the twin's stream with bytes that are lost, added, changed, repeated."""
    whole = stream(name)
    data = bytearray(whole[: draw(st.integers(min(20_000, len(whole)), len(whole)))])
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data) - 1))
        what = draw(st.sampled_from(["lost", "added", "changed", "digit", "repeated", "line feed alone"]))
        length = draw(st.integers(1, 40) | st.integers(1, 5000))
        if what == "lost" and length < len(data):
            del data[at : at + length]
        elif what == "added":
            data[at:at] = draw(st.binary(min_size=1, max_size=12))
        elif what == "changed":
            data[at] ^= draw(st.integers(1, 255))
        elif what == "digit":
            data[at] = draw(st.sampled_from(b"0123456789+-\r\n\xf0\xf3\xff"))
        elif what == "repeated":
            data[at:at] = data[at : at + length]
        else:
            data[at:] = data[at:].replace(b"\r\n", b"\n", length)
        data = data or bytearray(whole[:1])
    return bytes(data)


@pytest.mark.parametrize("name", STREAMS)
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_compiled_code_decodes_a_damaged_stream_as_numpy_does_wherever_it_is_cut(name, data):
    sent = data.draw(damaged(name))
    cuts = data.draw(st.lists(st.integers(0, len(sent)), max_size=12))
    assert decoded(name, "on", sent, cuts) == decoded(name, "off", sent, cuts)


@pytest.mark.parametrize("name", STREAMS)
def test_compiled_code_decodes_every_changed_byte_of_a_stretch_as_numpy_does(name):
    """The stretch holds a time mark in binary, an event or a time mark in ASCII, many words."""
    whole = stream(name)
    first = {"ascii": whole.find(b"TimeStamp", 9000) - 40, "binary": whole.find(b"\xf0\xf3", 5000) - 20}
    at = first.get(name, 4 * 700)
    begin, cuts = whole[: at + 60 + 3 * 4096], [at + 40]  # so that a sample that waits may be changed, too
    for place in range(at, at + 60):
        for byte in (begin[place] ^ 1, begin[place] ^ 0x80, begin[place] | 0xF0, 0x0A, 0x0D, 0x2D, 0x39):
            sent = begin[:place] + bytes((byte,)) + begin[place + 1 :]
            assert decoded(name, "on", sent, cuts) == decoded(name, "off", sent, cuts), (place, byte)


@pytest.mark.parametrize("use", ["on", "off"])
def test_every_number_of_an_ascii_sample_is_the_float_that_python_makes_of_it(use):
    with kernels(use):
        kernel = lpm01a.PARSE.get()
    assert (kernel is not None) == (use == "on")
    mantissas = [f"{mantissa:04d}" for mantissa in range(10_000)]
    exponents = [f"{sign}{exponent:02d}" for sign in "+-" for exponent in range(LARGEST_EXACT + 1)]
    for exponent in exponents:
        found = lines_of("".join(f"{digits}{exponent}\r\n" for digits in mantissas).encode(), 1e99, kernel)
        expected = np.array([f"{digits}e{exponent}" for digits in mantissas]).astype(np.float64)
        assert found.values.tobytes() == expected.tobytes()
        assert found.values[1234] == float(f"1234e{exponent}")
        assert not found.others


@pytest.mark.parametrize("use", ["on", "off"])
@given(st.lists(st.tuples(st.integers(0, 9999), st.sampled_from("+-"), st.integers(0, 99)), min_size=1))
def test_numbers_with_large_exponents_are_those_that_python_makes_of_them(use, numbers):
    with kernels(use):
        kernel = lpm01a.PARSE.get()
    text = "".join(f"{mantissa:04d}{sign}{exponent:02d}\n" for mantissa, sign, exponent in numbers)
    expected = [float(f"{mantissa}e{sign}{exponent}") for mantissa, sign, exponent in numbers]
    assert lines_of(text.encode(), 1e200, kernel).values.tolist() == expected


@pytest.mark.parametrize("name", STREAMS)
def test_compiled_code_is_loaded_before_the_stream_starts_and_not_by_the_thread_that_receives(
    name, monkeypatch
):
    """Loading takes some tenths of a second, compiling some seconds: a tty keeps only a few milliseconds."""
    kernel, desk, loads = STREAMS[name][5], Desk(name), []
    load = Kernel._load

    def watching(loaded, use):
        loads.append((loaded, threading.current_thread(), len(desk.chunks)))
        load(loaded, use)

    monkeypatch.setattr(Kernel, "_load", watching)
    monkeypatch.setattr(kernel, "_compiled", None)
    with kernels("on"):
        desk.stream()
    assert loads == [(kernel, threading.main_thread(), 0)]
    assert desk.chunks
