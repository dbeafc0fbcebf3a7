"""Keithley 2461: source that digitizes current while the DUT's edges gate it (protocols.md 4.2).

The DUT's timestamp pin is wired to digital line 1. A trigger model begins to digitize at a falling edge and
ends at the next, so the reading buffer contains exactly one window; nothing streams. This was never tried
with an instrument: the blocks are documented, their combination is inferred.

Only current is digitized. The voltage is the programmed one, which is read back but not measured; sensing
with four wires keeps it at the DUT.

As nothing streams, ``check`` reads the output's state, and ``collect`` does so twice a second while it waits.
If the instrument does not answer, the fault follows after 1.5 s.
"""

from __future__ import annotations

import math
from typing import Any

from drivers.keithley import common as keithley
from drivers.keithley.common import SETTING
from drivers.keithley.readings import PIECE, Window, check_reading
from drivers.keithley.smu import Smu
from drivers.keithley.tsp import Tsp
from drivers.keithley_2461.accuracy import accuracy_lines
from drivers.keithley_2461.gate import HOLD_S, Gate, Stage
from drivers.keithley_2461.setup import FULL_RATE_HZ, WHO, capacity_for, check_settings, options_of
from drivers.links.switch_off import LONGEST_OFF_S, switch_off_at
from drivers.links.visa_link import VisaLink
from drivers.unverified import STEP, Unverified
from energy.errors import BenchError
from energy.instruments import (
    Accuracy,
    Clock,
    Deadline,
    MonitorLimits,
    Setup,
    Sink,
    Transcript,
    output_off,
)
from energy.instruments.specification import range_named
from energy.signal import Edge, Gap, SampleKind, Signal

__all__ = ["WHO", "Keithley2461", "check_settings", "open_2461", "switch_off"]

_LATENCY_S = 10e-6
"""Longest time from an edge on the digital line to the first reading, or to the end of the last. (The
digital ports of similar instruments of other makers take 5 us.)"""
_POLL_S = 0.05
_CHECK_S = 0.5
_BUFFER = "joulebench_buffer"


UNVERIFIED = (
    Unverified(
        "_LATENCY_S",
        "Longest time from an edge on the digital line to the first reading, or to the end of the last.",
        "the bound of a window's edges",
        STEP,
    ),
    Unverified("Keithley2461.limits", "Ranges of voltage and current.", *SETTING),
    Unverified(
        "Keithley2461.configure",
        "A running trigger model refuses settings; a change of range may move the current limit.",
        *SETTING,
    ),
    Unverified(
        "Keithley2461",
        "`fillmode`, and how many readings fit into a buffer.",
        "the longest window at a rate: the buffer overruns, which is a fault",
        "make a buffer of 2 million readings and fill it",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class Keithley2461(Smu):
    """A 2461: an ``energy.instruments`` GatedMonitor and Supply.

    Args:
        link: The link to it.
        four_wire: Whether the sense leads are connected.
        window_s: Longest window, which must fit in its buffer.
        virtual: Whether it is a twin.

    Raises (all methods):
        BenchError: ``k2461.language``, ``k2461.model``; ``k2461.rate``, ``k2461.voltage``, ``k2461.current``
            for set-ups that are not possible; ``k2461.refused``, ``k2461.readback``, ``k2461.answer``,
            ``k2461.not-armed``, ``k2461.off-unconfirmed``; ``bench.current``, ``k2461.output-off`` from
            ``check`` and ``collect``; ``visa.*``.
    """

    who, model, language = WHO, "2461", "TSP"
    limits = MonitorLimits(
        lowest_v=0.1,
        highest_v=20.0,
        highest_a=1.0,
        rates_hz=(),
        sees_edges=True,
        sources=True,
        gated=True,
        full_rate_hz=FULL_RATE_HZ,
    )

    def __init__(
        self, link: VisaLink, *, four_wire: bool = True, window_s: float = 40.0, virtual: bool = False
    ) -> None:
        super().__init__(link, virtual=virtual)
        self._tsp = Tsp(link, WHO)
        self._gate = Gate(self._tsp, _BUFFER)
        self._four_wire, self._window_s = four_wire, window_s
        self._signal: Signal | None = None
        self._capacity = 0
        self._range_a = 0.0
        self._sink: Sink | None = None
        self._windows = 0
        self._position = 0
        self._strange: list[str] = []

    def configure(self, setup: Setup) -> Signal:
        """Sets limits and source, then digitizer, buffer and trigger model; each is read back."""
        protection = keithley.check_setup(WHO, setup, self.limits)
        rate_hz = setup.rate_hz
        self._capacity = capacity_for(rate_hz, self._window_s)
        self._check_language()
        tsp = self._tsp
        self._gate.disarm()  # a running model refuses settings
        tsp.clear_errors()
        self._signal = None
        tsp.set_name("smu.source.func", "smu.FUNC_DC_VOLTAGE")
        tsp.set_name("smu.source.protect.level", f"smu.PROTECT_{protection}V")
        self._limit_a = tsp.set_number("smu.source.ilimit.level", setup.highest_a)
        tsp.set_name("smu.digitize.func", "smu.FUNC_DIGITIZE_CURRENT")
        tsp.set_name("smu.digitize.sense", "smu.SENSE_4WIRE" if self._four_wire else "smu.SENSE_2WIRE")
        self._range_a = tsp.set_number("smu.digitize.range", setup.highest_a, at_least=True)
        tsp.set_number("smu.digitize.samplerate", rate_hz)  # before the aperture
        tsp.set_name("smu.digitize.aperture", "smu.APERTURE_AUTO")
        tsp.set_number("smu.digitize.count", 1)
        tsp.check_errors("its set-up")
        self._highest_v = setup.highest_v
        voltage_v = self._set_voltage(setup.voltage_v)
        # A change of range may move the limit, so it is read again.
        if tsp.number("smu.source.ilimit.level") > setup.highest_a * (1 + 1e-6):
            raise BenchError(
                f"{WHO}.readback",
                f"the current limit of {self._link.resource} was {setup.highest_a:g} A, but has changed",
                "Is no other program changing it?",
            )
        self._prepare_buffer(rate_hz)
        self._gate.prepare()
        tsp.check_errors("its buffer and trigger model")
        self._signal = Signal(SampleKind.CURRENT, rate_hz, "float32", voltage_v=voltage_v)
        return self._signal

    def settings(self) -> dict[str, Any]:
        """Settings that were read back, and assumptions."""
        return {
            **self._tsp.record,
            **self._ranges(),
            "voltage": "programmed and read back, not measured: digitizing takes current only",
            "trigger_latency_s": _LATENCY_S,
            "hold_s": HOLD_S,
            "buffer_readings": self._capacity,
            "windows": self._windows,
            "strange": list(self._strange),
        }

    def accuracy(self) -> tuple[Accuracy, ...]:
        """By range, all of it assumed: no specification was found (protocols.md 7)."""
        return accuracy_lines()

    def _ranges(self) -> dict[str, str | None]:
        """Names of the ranges in use, by what the instrument answered."""
        source_v = self._tsp.record.get("smu.source.range")
        if source_v is None:
            return {}
        lines = self.accuracy()
        return {
            "current_range": range_named(lines, "current", self._range_a),
            "voltage_range": range_named(lines, "voltage", float(source_v), "source"),
        }

    def measured_voltage_v(self) -> float | None:
        """The voltage at its output by ``smu.measure.read()``; None before ``stop``: it digitizes current."""
        if self._sink is not None:
            return None
        with self._link.within(keithley.ANSWER_S):
            self._link.push("smu.measure.func = smu.FUNC_DC_VOLTAGE")
            return self._tsp.number("smu.measure.read()")

    def start(self, sink: Sink) -> None:
        """Stores the sink for the windows; ``arm`` begins."""
        if self._signal is None:
            raise RuntimeError("configure must be called before start")
        self._sink = sink
        self._windows = self._position = 0
        self._strange.clear()

    def arm(self) -> None:
        """Starts the trigger model, and checks that it waits for the edge that opens the gate."""
        if self._sink is None:
            raise RuntimeError("start must be called before arm")
        self._gate.arm()

    def collect(self, timeout_s: float) -> None:
        """Waits for the window's end, and passes its readings on."""
        sink, signal = self._sink, self._signal
        if sink is None or signal is None:
            raise RuntimeError("start must be called before collect")
        stage = self._wait_for_the_end(timeout_s)
        twice = self._gate.line_overrun()
        self._gate.disarm()
        if stage is Stage.ARMED:
            self._note(f"no edge opened the gate in {timeout_s:g} s (the line detected two: {twice})")
            return
        if self._windows:
            self._separate_windows()
        self._windows += 1
        bound = 1.0 + _LATENCY_S * signal.rate_hz
        sink.edge(Edge(float(self._position), bound, source="digio1"))
        window = Window(sink, self._position, signal.rate_hz, self._limit_a, self._range_a)
        count = int(self._tsp.number(f"{_BUFFER}.n"))
        self._read(window, count)
        if stage is Stage.OPEN:
            self._note(f"window {self._windows}: no edge closed the gate in {timeout_s:g} s")
        else:
            if stage is Stage.OVER:
                more = "there were more than two edges: it is unknown which belong to the window"
                self._add_doubt(window, more if twice else "the trigger model ended for another reason")
            elif not twice:
                self._add_doubt(window, "the line detected only one edge, but the gate was closed")
            sink.edge(Edge(float(window.stop), bound, source="digio1"))
        self._position = window.stop
        sink.edges_complete(float(window.stop))
        if fault := self._fault(window, count):
            sink.fault(fault)

    def _wait_for_the_end(self, timeout_s: float) -> Stage:
        clock = self._link.clock
        deadline, due = Deadline(clock, timeout_s), Deadline(clock, _CHECK_S)
        while (stage := self._gate.stage()) in (Stage.ARMED, Stage.OPEN) and not deadline.expired():
            clock.sleep(min(_POLL_S, deadline.remaining()))
            if due.expired():
                self.check()
                due = Deadline(clock, _CHECK_S)
        return stage

    def check(self) -> None:
        """Checks ``smu.source.output``, ``smu.source.ilimit.tripped``, and with an open gate its readings."""
        self._check_language()
        with self._link.within(keithley.ANSWER_S):
            if not self._on:
                self._tsp.ask("smu.source.output")  # that it answers is enough
                return
            keithley.check_source(
                WHO,
                self._link,
                self._limit_a,
                self._is_on,
                lambda: self._tsp.ask("smu.source.ilimit.tripped") == "smu.ON",
            )
            if self._gate.armed:
                check_reading(self._gate.highest_a(), self._limit_a, self._range_a)

    def stop(self) -> None:
        """Ends a trigger model that still waits."""
        self._sink = None
        if self._gate.armed:
            with self._link.within(keithley.ANSWER_S):
                self._gate.disarm()

    def _switch_on(self) -> None:
        self._tsp.set_name("smu.source.output", "smu.ON")

    def _switch_off(self) -> bool:
        confirmed = False
        try:
            confirmed = _off(self._link)
        finally:
            if not confirmed:
                self._link.push("trigger.model.abort()")  # before the next try
        return confirmed

    def _set_voltage(self, voltage_v: float) -> float:
        self._tsp.set_number("smu.source.range", voltage_v, at_least=True)
        return self._tsp.set_number("smu.source.level", voltage_v)

    def _prepare_buffer(self, rate_hz: float) -> None:
        """Makes a separate buffer that is filled once."""
        tsp = self._tsp
        tsp.do(f"{_BUFFER} = nil")
        tsp.do("collectgarbage()")  # the memory of a buffer of an earlier session
        tsp.do(f"{_BUFFER} = buffer.make({self._capacity})")
        tsp.check_errors(f"a buffer of {self._capacity} readings ({self._window_s:g} s at {rate_hz:g}/s)")
        tsp.set_name(f"{_BUFFER}.fillmode", "buffer.FILL_ONCE")
        self._capacity = int(tsp.number(f"{_BUFFER}.capacity"))
        tsp.set_name("format.data", "format.REAL32")
        tsp.set_name("format.byteorder", "format.LITTLEENDIAN")

    def _read(self, window: Window, count: int) -> None:
        """Reads the buffer's readings and their times, in pieces (indefinite blocks, protocols.md 4.2)."""
        for first in range(0, count, PIECE):
            last = min(first + PIECE, count)
            command = f"printbuffer({first + 1}, {last}, {_BUFFER}.readings, {_BUFFER}.relativetimestamps)"
            pairs = self._link.query_reals(command, 2 * (last - first), "<f4")
            window.add(pairs[0::2], pairs[1::2])

    def _separate_windows(self) -> None:
        """Adds two gaps between windows: one of a smallest length, and one of unknown length.

        The smallest length makes the positions of the edges on both sides differ by their hold.
        """
        assert self._sink is not None
        assert self._signal is not None
        least = 2 * math.ceil(HOLD_S * self._signal.rate_hz) + 2
        self._sink.gap(Gap(self._position, least, "between two windows, at least"))
        self._sink.gap(Gap(self._position + least // 2, None, "between two windows"))
        self._position += least

    def _add_doubt(self, window: Window, why: str) -> None:
        """Marks a window as doubtful: a gap of unknown length in its middle invalidates only this window."""
        assert self._sink is not None
        self._note(f"window {self._windows}: {why}")
        self._sink.gap(Gap((self._position + window.stop) // 2, None, why))

    def _note(self, text: str) -> None:
        self._strange.append(text)
        self._link.note(text)

    def _is_on(self) -> bool:
        return self._tsp.ask("smu.source.output") == "smu.ON"

    def _fault(self, window: Window, count: int) -> BenchError | None:
        """The error for the window that was just read; None if it is sound."""
        if count >= self._tsp.number(f"{_BUFFER}.capacity"):
            return BenchError(
                f"{WHO}.buffer-full",
                f"the buffer of {self._link.resource} was full with {count} readings before the gate closed",
                "Choose a lower rate or a longer `window_s` in the bench file's monitor settings.",
            )
        if self._on and not (self._is_on() or self._is_on()):  # asked again: an answer may be damaged
            return output_off(WHO, f"{self._link.resource} reports that its output is off")
        if errors := self._tsp.errors():
            return BenchError(
                f"{WHO}.event",
                f"{self._link.resource} has logged errors during a window: {' | '.join(errors)}",
                "Read about them in its manual; the window's readings may be wrong.",
            )
        return window.fault


def open_2461(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> Keithley2461:
    """Opens a 2461: the bench's monitor ``keithley-2461``.

    Args:
        url: VISA resource.
        settings: ``four_wire`` (true), ``window_s`` (40, the longest window), ``backend`` (PyVISA's).
        clock: The bench's clock.
        transcript: Receives every line.

    Raises:
        BenchError: ``k2461.setting``, ``visa.*``.
    """
    options = options_of(settings)
    link = keithley.open_link(url, clock, transcript, options.backend)
    return Keithley2461(link, four_wire=options.four_wire, window_s=options.window_s, virtual=options.virtual)


def switch_off(url: str, *, settings: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bool:
    """Switches a 2461's output off by its address alone, in any state: for the guardian.

    Returns:
        Whether the instrument has confirmed that it is off.

    Raises:
        BenchError: ``visa.*`` if it does not answer in this time.
    """

    def attempt(link: VisaLink) -> bool:
        link.push("trigger.model.abort()")
        return _off(link)

    return switch_off_at(url, str((settings or {}).get("backend", "@py")), timeout_s, attempt)


def _off(link: VisaLink) -> bool:
    link.push("smu.source.output = smu.OFF")
    return link.query("print(smu.source.output)", LONGEST_OFF_S).strip() == "smu.OFF"
