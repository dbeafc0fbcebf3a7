"""Decoding the LPM01A's ASCII stream as it comes through a real pty, beside reading the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.kernels import kernels
from benchmarks.results import Line, Section, Target, by_name, rows_beside
from benchmarks.timing import Contender, alternate
from drivers.links.clock import RealClock
from drivers.links.serial_link import SerialLink
from drivers.lpm01a.ascii import AsciiDecoder
from drivers.lpm01a.marks import SAMPLES_PER_MARK
from energy.errors import BenchError
from energy.kernels import installed
from energy.signal import Block, Gap

_COPY = "pty: the same bytes, read only"
_NUMPY = "pty: LPM01A ASCII, decoded"
_NUMBA = "pty: LPM01A ASCII, decoded, numba"
_REQUIRED_PER_S = 10e6
_PATIENCE_S = 60.0


def lpm01a_ascii(count: int, repeats: int) -> Section:
    """Times a stream of ``count`` samples with its time marks."""
    data, total = _make_stream(count)
    decoders: list[_Decoder] = []
    ways = {_NUMPY: "off", **({_NUMBA: "on"} if installed() else {})}

    def decoder(use: str) -> _Decoder:
        with kernels(use):
            decoders.append(_Decoder(len(data)))
        return decoders[-1]

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream"
        path.write_bytes(data)
        ptys = {_COPY: _Pty(path, lambda: _Counter(len(data)))}
        ptys |= {name: _Pty(path, lambda use=use: decoder(use)) for name, use in ways.items()}
        timings = alternate(
            [Contender(name, pty.run, pty.open, pty.close) for name, pty in ptys.items()], repeats
        )
    rows = rows_beside(timings, _COPY, count)
    wrong = sum(
        decoder.samples != count or decoder.gaps > 0 or abs(decoder.total - total) > 1e-9 * total
        for decoder in decoders
    )
    named = by_name(rows)
    ours = named.get(_NUMBA, named[_NUMPY])
    spent = (f"{name} {1e9 * min(pty.spent_s) / count:.0f} ns" for name, pty in ptys.items())
    return Section(
        f"LPM01A ASCII through a pty: {count:,} samples, {len(data) / 1e6:.0f} MB",
        rows,
        [
            Target("runs that gave other samples than were sent", wrong, 0, "at most"),
        ],
        [
            "The sender is another process; the instrument sends at most 5000 samples/s. A read of a tty "
            "gives at most 4095 bytes.",
            f"Processor time of the reading process for a sample, at least: {'; '.join(spent)}.",
        ],
        [
            Line(
                "LPM01A ASCII by pty, samples/s",
                ours,
                Target("samples decoded per second", count / ours.median_s, _REQUIRED_PER_S, "at least"),
                named[_COPY],
            )
        ],
    )


_SENDER = """
import os, sys
with open(sys.argv[1], "rb") as file:
    view = memoryview(file.read())
os.write(1, b"r")
os.read(0, 1)
while view:
    view = view[os.write(int(sys.argv[2]), view[:65536]) :]
"""
"""Sends the bytes of a file into a descriptor, when a byte comes."""


class _Counter:
    """Reads and forgets."""

    def __init__(self, length: int) -> None:
        self.received = 0
        self.complete = threading.Event()
        self._length = length

    def feed(self, chunk: bytes) -> None:
        self.received += len(chunk)
        if self.received >= self._length:
            self.complete.set()

    def failed(self, error: BenchError) -> None:
        raise error


class _Decoder(_Counter):
    """Reads and decodes."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
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


class _Pty:
    """A real pty with a real link at one end, and a process that sends the bytes at the other.

    Args:
        path: File with the bytes.
        sink: Makes what receives them.

    Attributes:
        spent_s: This process's processor time of each run.
    """

    def __init__(self, path: Path, sink: Callable[[], _Counter]) -> None:
        self.spent_s: list[float] = []
        self._path, self._make_sink = path, sink

    def open(self) -> None:
        """Opens the pty and starts the sender, which waits."""
        self._sink = self._make_sink()
        self._master, self._slave = os.openpty()
        self._link = SerialLink(os.ttyname(self._slave), baud=3686400, clock=RealClock(), source="monitor")
        self._link.divert(self._sink)
        self._sender = subprocess.Popen(
            [sys.executable, "-c", _SENDER, str(self._path), str(self._master)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._master],
        )
        if self._sender.stdout is None or self._sender.stdout.read(1) != b"r":
            raise RuntimeError("the sender did not start")

    def run(self) -> None:
        """Lets the sender send, and returns when the sink has had all bytes."""
        before_s = time.process_time()
        if self._sender.stdin is None or self._sender.stdin.write(b"g") != 1:
            raise RuntimeError("the sender cannot be started")
        if not self._sink.complete.wait(_PATIENCE_S):
            raise TimeoutError(f"only {self._sink.received} bytes came in {_PATIENCE_S:g} s")
        self.spent_s.append(time.process_time() - before_s)

    def close(self) -> None:
        """Ends both."""
        self._sender.communicate()
        self._link.close()
        os.close(self._slave)
        os.close(self._master)
