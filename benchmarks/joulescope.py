"""A Joulescope's messages through driver, store and windows, beside a plain write of their bytes."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.kernels import kernels
from benchmarks.results import Section, Target, against_floor, rows_beside
from benchmarks.samples import Float32, current_and_voltage
from benchmarks.timing import Contender, alternate
from drivers.joulescope.driver import open_joulescope
from drivers.links.clock import RealClock
from energy.errors import JoulebenchError
from energy.instruments import Setup
from energy.kernels import installed
from energy.recording.store import RecordingWriter
from energy.session.recorder import Recorder
from energy.signal import Block, SampleKind, Signal
from energy.window.integrator import Window
from energy.window.rules import EnergyRule

_PLAIN = "plain write of the same bytes, until on the disk"
_STORE = "driver and store, until on the disk"
_PATH = "driver, recorder, store, windows, until on the disk"
_DRIVER = "driver alone"
_SAMPLES = 394 * 127
"""Samples of a message: 394 USB frames of the instrument, about 20 messages a second (joulescope.md 1.3)."""
_BITS = 25 * 4064
_LATER = 127
"""Voltage begins a frame after current, so that messages are not cut at the same places."""
_PATH_NAME = "u/js220/000000"
_PULSE_S, _LOW_S = 10.0, 1e-3
"""One window is as long as the rules ask for."""
_LOOK = 3
"""Messages between two looks of a session: it looks every 50 ms, and each stream sends 20 a second."""
_TICKS = 2

Message = tuple[str, dict[str, Any]]


def joulescope(count: int, repeats: int, folder: Path) -> Section:
    """Times ``count`` samples of current and voltage at 1 MS/s with a digital input at 2 MS/s.

    One window per pulse of the input but the first is measured, as they come.
    """
    current, voltage = current_and_voltage(count)
    bits = _levels(_TICKS * count)
    messages = _messages(current, voltage, bits)
    size = sum(message["data"].nbytes for _, message in messages)
    windows: list[list[Window]] = []
    with tempfile.TemporaryDirectory(dir=folder) as place:
        plain_file, path = Path(place) / "plain", Path(place) / "recording"

        def write_plain() -> None:
            with FileIO(str(plain_file), "xb") as file:
                for _, message in messages:
                    file.write(message["data"].data)
                os.fsync(file.fileno())

        def store() -> None:
            with _Store(path, Signal(SampleKind.CURRENT_VOLTAGE, 1e6), virtual=True) as sink:
                _drive(messages, sink)

        def measure() -> None:
            with kernels("on" if installed() else "off"):
                windows.append(_measure(messages, path))

        def remove() -> None:
            plain_file.unlink(missing_ok=True)
            shutil.rmtree(path, ignore_errors=True)

        def rehearse(run: Callable[[], None]) -> Callable[[], None]:
            def rehearsal() -> None:  # as in benchmarks/append.py: the host of a virtual machine is slow
                run()
                remove()
                os.sync()

            return rehearsal

        cores = _one_core()
        try:
            timings = alternate(
                [
                    Contender(_PLAIN, write_plain, rehearse(write_plain), remove),
                    Contender(_STORE, store, rehearse(store), remove),
                    Contender(_PATH, measure, rehearse(measure), remove),
                    Contender(_DRIVER, lambda: _drive(messages, _Forgetful())),
                ],
                repeats,
            )
        finally:
            if cores:
                os.sched_setaffinity(0, cores)
    rows = rows_beside(timings, _PLAIN, size, "B")
    plain, stored, measured, driver = rows
    path_s, driver_s = measured.median_s, driver.median_s
    wrong = sum(_wrong(found, current, voltage) for found in windows)
    seconds = count / 1e6
    return Section(
        f"Joulescope JS220: {count:,} samples, {size / 1e6:.0f} MB in {len(messages)} messages",
        rows,
        [
            Target("windows that are missing or whose energy is off by more than 1e-9", wrong, 0, "at most"),
        ],
        [
            f"That is {seconds / path_s:.0f} times real time, on one core; {len(windows[-1])} windows a run.",
            f"The driver takes {1e6 * driver_s / len(messages):.0f} us a message, of the 50 ms between them.",
        ],
        [
            against_floor("Joulescope: all with windows", measured, plain, 1 / 0.8),
            against_floor("Joulescope: driver, store", stored, plain, 1 / 0.8),
        ],
    )


class _Replay:
    """A driver package that knows one instrument and repeats what it is given."""

    def __init__(self) -> None:
        self.log_level: Any = -1
        self.callbacks: dict[str, Callable[[str, Any], None]] = {}
        self._values: dict[str, Any] = {}

    def device_paths(self, timeout: float | None = None) -> list[str]:
        return [_PATH_NAME]

    def open(self, device_prefix: str, mode: Any = None, timeout: float | None = None) -> None:
        pass

    def close(self, device_prefix: str, timeout: float | None = None) -> None:
        pass

    def publish(self, topic: str, value: Any, timeout: float | None = None) -> None:
        self._values[topic] = value

    def query(self, topic: str, timeout: float | None = None) -> Any:
        return self._values[topic]

    def subscribe(
        self, topic: str, flags: Any, fn: Callable[[str, Any], None], timeout: float | None = None
    ) -> None:
        self.callbacks[topic] = fn

    def unsubscribe(self, topic: str, fn: Callable[[str, Any], None], timeout: float | None = None) -> None:
        pass

    def finalize(self, timeout: float | None = None) -> None:
        pass


class _Store(RecordingWriter):
    """A recording as a sink: what a session writes, without what it computes."""

    def block(self, block: Block) -> None:
        self.append(block)

    def edges_complete(self, position: float) -> None:
        pass

    def fault(self, error: JoulebenchError) -> None:
        raise error


class _Forgetful:
    """A sink that takes everything and keeps nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return _nothing


def _nothing(*_: Any) -> None:
    pass


def _drive(messages: list[Message], sink: Any, after: Callable[[], None] = _nothing) -> None:
    """Sends all messages through a driver; ``after`` is called after each."""
    replay = _Replay()
    monitor = open_joulescope(
        _PATH_NAME,
        # The messages come faster than in real time: the clock is not to be looked at.
        settings={"make_driver": lambda: replay, "virtual": True, "clock_tolerance": 1e9},
        clock=RealClock(),
        transcript=_nothing,
    )
    monitor.configure(Setup(1e6, 3.3, 3.6, 0.1))
    monitor.start(sink)
    for topic, message in messages:
        replay.callbacks[f"{_PATH_NAME}/{topic}"](topic, message)
        after()
    monitor.stop()
    monitor.close()


def _measure(messages: list[Message], path: Path) -> list[Window]:
    """One run as a session makes it, the windows taken as their edges come."""
    recorder = Recorder(
        path,
        Signal(SampleKind.CURRENT_VOLTAGE, 1e6),
        RealClock(),
        virtual=True,
        about={},
        hold_s=50e-6,
        highest_a=1.0,
        supply_v=3.3,
    )
    count = itertools.count(1)
    _drive(messages, recorder, lambda: recorder.pump() if next(count) % _LOOK == 0 else None)
    recorder.drain()
    edges = recorder.take_edges()
    windows = [
        recorder.window(number, opening, closing)
        for number, (opening, closing) in enumerate(itertools.pairwise(edges), 1)
    ]
    recorder.close()
    return windows


def _levels(count: int) -> npt.NDArray[np.uint8]:
    """Packed levels: high, but for a millisecond low in every second."""
    step, low = round(_PULSE_S * 2e6) // 8, round(_LOW_S * 2e6) // 8
    bits = np.full(-(-count // 8), 0xFF, dtype=np.uint8)
    for at in range(step // 2, len(bits), step):
        bits[at : at + low] = 0
    return bits


def _messages(current: Float32, voltage: Float32, bits: npt.NDArray[np.uint8]) -> list[Message]:
    """The messages of all streams in the order of their ends."""
    made: list[tuple[int, str, dict[str, Any]]] = []
    for topic, data, factor, chunk, first in (
        ("s/i/!data", current, _TICKS, _SAMPLES, 0),
        ("s/v/!data", voltage[_LATER:], _TICKS, _SAMPLES, _LATER),
        ("s/gpi/0/!data", bits, 8, _BITS // 8, 0),
    ):
        for at in range(0, len(data), chunk):
            piece = data[at : at + chunk]
            sample_id = (first + at) * factor
            message = {
                "sample_id": sample_id,
                "sample_rate": 2_000_000,
                "decimate_factor": 1 if factor == 8 else factor,
                "data": piece,
            }
            made.append((sample_id + len(piece) * factor, topic, message))
    return [(topic, message) for _, topic, message in sorted(made, key=lambda entry: entry[0])]


def _wrong(windows: list[Window], current: Float32, voltage: Float32) -> int:
    """How many windows are missing, or have another energy than NumPy finds."""
    pulses = int(len(current) / 1e6 / _PULSE_S)
    wrong = max(pulses - 1 - len(windows), 0)
    for window in windows[:1] + windows[-1:]:
        # Positions are a quarter of a sample off whole samples: half a level before an even tick.
        low, high = (position + _LATER for position in (window.opening.position, window.closing.position))
        a, b = int(np.floor(low)), int(np.floor(high))
        power = current[a : b + 1].astype(np.float64) * voltage[a : b + 1]
        energy = (power[:-1].sum() - power[0] * (low - a) + power[-1] * (high - b)) / 1e6
        wrong += abs(window.energies[EnergyRule.EXACT].energy_j - energy) > 1e-9 * energy
    return wrong


def _one_core() -> set[int] | None:
    """Keeps this process to one core where that can be; returns the cores that it had."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    return cores
