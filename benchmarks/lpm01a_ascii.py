"""Decoding the LPM01A's ASCII stream as it comes through a real pty, beside reading the same bytes."""

from __future__ import annotations

import os
import threading
import time

import numpy as np

from benchmarks.results import Line, Section, Target, rows_beside
from benchmarks.timing import Contender, alternate
from drivers.links.clock import RealClock
from drivers.links.serial_link import SerialLink
from drivers.lpm01a.ascii import AsciiDecoder
from drivers.lpm01a.marks import SAMPLES_PER_MARK
from energy.errors import BenchError
from energy.signal import Block, Gap

_COPY = "pty: the same bytes, read only"
_DECODE = "pty: LPM01A ASCII, decoded"
_REQUIRED_PER_S = 10e6
_PATIENCE_S = 60.0


def lpm01a_ascii(count: int, repeats: int) -> Section:
    """Times a stream of ``count`` samples with its time marks."""
    data, total = _make_stream(count)
    counters: list[_Counter] = []
    decoders: list[_Decoder] = []

    def copy() -> None:
        counters.append(_Counter())
        _through_pty(data, counters[-1])

    def decode() -> None:
        decoders.append(_Decoder())
        _through_pty(data, decoders[-1])

    timings = alternate([Contender(_COPY, copy), Contender(_DECODE, decode)], repeats)
    rows = rows_beside(timings, _COPY, count)
    wrong = sum(
        decoder.samples != count or decoder.gaps > 0 or abs(decoder.total - total) > 1e-9 * total
        for decoder in decoders
    )
    return Section(
        f"LPM01A ASCII through a pty: {count:,} samples, {len(data) / 1e6:.0f} MB",
        rows,
        [
            Target("runs that gave other samples than were sent", wrong, 0, "at most"),
        ],
        ["The sender is a thread of the same process; the instrument sends at most 5000 samples/s."],
        [
            Line(
                "LPM01A ASCII by pty, samples/s",
                rows[1],
                Target("samples decoded per second", count / rows[1].median_s, _REQUIRED_PER_S, "at least"),
                rows[0],
            )
        ],
    )


class _Counter:
    """Reads and forgets."""

    def __init__(self) -> None:
        self.received = 0

    def feed(self, chunk: bytes) -> None:
        self.received += len(chunk)

    def failed(self, error: BenchError) -> None:
        raise error


class _Decoder(_Counter):
    """Reads and decodes."""

    def __init__(self) -> None:
        super().__init__()
        self.samples = 0
        self.gaps = 0
        self.total = 0.0
        self._decoder = AsciiDecoder(1000.0)

    def feed(self, chunk: bytes) -> None:
        for item in self._decoder.feed(chunk):
            if isinstance(item, Block):
                self.samples += len(item)
                self.total += float(item.columns[0].sum())
            elif isinstance(item, Gap):
                self.gaps += 1
        super().feed(chunk)


def _make_stream(count: int) -> tuple[bytes, float]:
    """A stream of ``count`` samples, a multiple of 1000, and the sum of its samples."""
    rng = np.random.default_rng(1)
    mantissas, exponents = rng.integers(1000, 10000, count), rng.integers(7, 9, count)
    lines: list[str] = []
    for k, (mantissa, exponent) in enumerate(zip(mantissas.tolist(), exponents.tolist(), strict=True), 1):
        lines.append(f"{mantissa:04d}-{exponent:02d}\r\n")
        if k % SAMPLES_PER_MARK == 0:
            lines.append(f"TimeStamp: {k // SAMPLES_PER_MARK:03d}s 000ms, buff 07%\r\n\0")
    return "".join(lines).encode("ascii"), float((mantissas / 10.0**exponents).sum())


def _through_pty(data: bytes, sink: _Counter) -> None:
    """Sends all bytes through a real pty to a real link, and returns when the sink has had them."""
    master, slave = os.openpty()
    link = SerialLink(os.ttyname(slave), baud=3686400, clock=RealClock(), source="monitor")
    link.divert(sink)

    def send() -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(master, view[:65536]) :]

    sender = threading.Thread(target=send)
    sender.start()
    end = time.monotonic() + _PATIENCE_S
    while sink.received < len(data):
        if time.monotonic() > end:
            raise TimeoutError(f"{sink.received} of {len(data)} bytes came in {_PATIENCE_S:g} s")
        time.sleep(0.001)
    sender.join()
    link.close()
    os.close(slave)
    os.close(master)
