"""Keithley 2461: source that digitizes current while the DUT's edges gate it (protocols.md 4.2).

The DUT's timestamp pin goes to digital line 1. A trigger model begins to digitize with one falling edge and
ends with the next, so that the reading buffer holds exactly one window; nothing streams. No one has tried this
on an instrument: that the blocks exist is documented, their combination is inferred [I], and what is marked
[U] below is not in our sources.

Digitizing takes current only. The voltage is the programmed one, read back but not measured; four-wire sensing
keeps it at the DUT.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from drivers.links.visa_link import VisaLink
from drivers.monitors import keithley
from drivers.monitors.keithley_readings import PIECE, Window
from drivers.monitors.keithley_tsp import Tsp
from energy.errors import BenchError
from energy.instruments import (
    Accuracy,
    Clock,
    Deadline,
    Identity,
    MonitorLimits,
    OwnEnergy,
    Setup,
    Sink,
    Transcript,
)
from energy.signal import Edge, Gap, SampleKind, Signal

WHO = "k2461"
MOST_READINGS = 2**22
"""Relative times come as float32: two that are one period apart are told apart, and a missing reading is
noticed, as long as half a period is above the spacing of float32 at the window's end. That spacing is at most
2^-23 of it, so a window must have fewer than 2^22 readings, whatever the rate."""

_RATES_HZ = (1000.0, 1e6)
_LATENCY_S = 10e-6
"""[U] Longest time from an edge on the digital line to the first reading, or to the end of the last. (The
digital ports of other makers' instruments of this kind take 5 us.)"""
_HOLD_S = 50e-6
"""Edges within this time of another are part of it: EEMBC's ``timestamp-hold-us`` (protocols.md 1.5)."""
_POLL_S = 0.05
_ARM_S = 2.0
_BUFFER = "joulebench_buffer"
_OPENS, _CLOSES, _ENDS = 2, 5, 8
"""Blocks at which the trigger model waits: for the edge that opens the gate, for the one that closes it, and
for one too many."""
_ACCURACY = (
    Accuracy(
        "current",
        "100 mA",
        0.1,
        0.0002,
        15e-6,
        "protocols.md 7: an example in the manual, of the source",
        verified=False,
        conditions="the source's accuracy; that of measuring and of the digitizer was not found",
    ),
)


class Keithley2461:
    """A 2461: an ``energy.instruments`` GatedMonitor and Supply.

    Args:
        link: The way to it.
        four_wire: Whether the sense leads are connected.
        window_s: Longest window that must fit into its buffer.
        virtual: Whether it is a twin.

    Raises (all methods):
        BenchError: ``k2461.language``, ``k2461.model``; ``k2461.rate``, ``k2461.voltage``, ``k2461.current`` for
            set-ups that it cannot have; ``k2461.refused``, ``k2461.readback``, ``k2461.answer``,
            ``k2461.not-armed``, ``k2461.off-unconfirmed``; ``visa.*``.
    """

    # Ranges of voltage and current [U]: what a DUT of this kind may need, not what the instrument can do.
    limits = MonitorLimits(
        lowest_v=0.1,
        highest_v=20.0,
        highest_a=1.0,
        rates_hz=(),
        sees_edges=True,
        sources=True,
        gated=True,
        full_rate_hz=50_000.0,
    )

    def __init__(
        self, link: VisaLink, *, four_wire: bool = True, window_s: float = 40.0, virtual: bool = False
    ) -> None:
        self._link = link
        self._tsp = Tsp(link, WHO)
        self._four_wire, self._window_s, self._virtual = four_wire, window_s, virtual
        self._spoken = False
        self._signal: Signal | None = None
        self._capacity = 0
        self._limit_a = 0.0
        self._range_a = 0.0
        self._sink: Sink | None = None
        self._armed = False
        self._windows = 0
        self._position = 0
        self._strange: list[str] = []

    def identify(self) -> Identity:
        """``*LANG?`` and ``*IDN?``."""
        self._speak()
        return keithley.ask_identity(self._link, WHO, ("2461",), self._virtual)

    def configure(self, setup: Setup) -> Signal:
        """Source with its limits first, digitizer, buffer, trigger model; each read back."""
        protection = keithley.check_setup(WHO, setup, self.limits)
        rate_hz = self._rate(setup.rate_hz)
        self._speak()
        tsp = self._tsp
        tsp.do("trigger.model.abort()")  # one that runs refuses settings [U]
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
        voltage_v = self.set_voltage(setup.voltage_v)
        # A change of range may move the limit [U], so it is looked at once more.
        if tsp.number("smu.source.ilimit.level") > setup.highest_a * (1 + 1e-6):
            raise BenchError(
                f"{WHO}.readback",
                f"the current limit of {self._link.resource} was set to {setup.highest_a:g} A and has changed",
                "Is no other program changing it?",
            )
        self._prepare_buffer(rate_hz)
        self._prepare_gate()
        tsp.check_errors("its buffer and trigger model")
        self._signal = Signal(SampleKind.CURRENT, rate_hz, "float32", voltage_v=voltage_v)
        return self._signal

    def settings(self) -> dict[str, Any]:
        """What the instrument has read back, and what is assumed."""
        return {
            **self._tsp.record,
            "voltage": "programmed and read back, not measured: digitizing takes current only",
            "trigger_latency_s": _LATENCY_S,
            "hold_s": _HOLD_S,
            "buffer_readings": self._capacity,
            "windows": self._windows,
            "strange": list(self._strange),
        }

    def accuracy(self) -> tuple[Accuracy, ...]:
        """One line, and that of the source: accuracy of the digitizer was not found."""
        return _ACCURACY

    def own_energy(self) -> OwnEnergy | None:
        """It keeps none."""
        return None

    def start(self, sink: Sink) -> None:
        """Remembers where windows go; ``arm`` begins."""
        if self._signal is None:
            raise RuntimeError("configure comes before start")
        self._sink = sink
        self._windows = self._position = 0
        self._strange.clear()

    def arm(self) -> None:
        """Starts the trigger model, and sees that it waits for the edge that opens the gate."""
        if self._sink is None:
            raise RuntimeError("start comes before arm")
        self._tsp.do("trigger.digin[1].clear()")
        self._tsp.do("trigger.model.initiate()")
        self._armed = True
        deadline = Deadline(self._link.clock, _ARM_S)
        while (state := self._state())[1] != _OPENS:
            if deadline.expired():
                self._disarm()
                self._tsp.check_errors("to start its trigger model")
                raise BenchError(
                    f"{WHO}.not-armed",
                    f"the trigger model of {self._link.resource} was expected to wait at block {_OPENS} within "
                    f"{_ARM_S:g} s; it says {state[0]} at block {state[1]}",
                    "Look at its display; does something pull digital line 1 all the time?",
                )
            self._link.clock.sleep(_POLL_S / 5)

    def collect(self, timeout_s: float) -> None:
        """Waits for the window's end, and hands it over."""
        sink, signal = self._sink, self._signal
        if sink is None or signal is None:
            raise RuntimeError("start comes before collect")
        deadline = Deadline(self._link.clock, timeout_s)
        state = self._state()
        while 0 < state[1] < _ENDS and not deadline.expired():
            self._link.clock.sleep(min(_POLL_S, deadline.remaining()))
            state = self._state()
        overrun = self._tsp.ask("trigger.digin[1].overrun") == "true"
        self._disarm()
        if state[1] == _OPENS:
            self._note(f"no edge opened the gate in {timeout_s:g} s; the line has seen one: {overrun}")
            return
        if self._windows:
            sink.gap(Gap(self._position, None, "between two windows"))
        self._windows += 1
        bound = 1.0 + _LATENCY_S * signal.rate_hz
        sink.edge(Edge(float(self._position), bound, source="digio1"))
        window = Window(sink, self._position, signal.rate_hz, self._limit_a)
        count = int(self._tsp.number(f"{_BUFFER}.n"))
        self._read(window, count)
        if state[1] == 0:
            self._note(f"window {self._windows}: a third edge came before it was collected")
            sink.gap(
                Gap(window.stop, None, "more than two edges on the digital line: which are the window's?")
            )
        elif state[1] == _ENDS and not overrun:
            self._note(f"window {self._windows}: its line saw one edge only, and yet the gate has closed")
            sink.gap(Gap(window.stop, None, "the gate was closed by something else than the digital line"))
        self._position = window.stop
        if state[1] in (0, _ENDS):
            sink.edge(Edge(float(window.stop), bound, source="digio1"))
        else:
            self._note(f"window {self._windows}: no edge closed the gate in {timeout_s:g} s")
        sink.edges_complete(float(window.stop))
        if count >= self._capacity:
            sink.fault(self._full(count))
        elif window.fault is not None:
            sink.fault(window.fault)

    def stop(self) -> None:
        """Ends a trigger model that still waits."""
        self._sink = None
        if self._armed:
            self._disarm()

    def set_voltage(self, voltage_v: float) -> float:
        """Range and level of the source; returns the level that was read back, in volt."""
        if not self.limits.lowest_v <= voltage_v <= self.limits.highest_v:
            raise BenchError(
                f"{WHO}.voltage",
                f"{voltage_v:g} V is not between {self.limits.lowest_v:g} and {self.limits.highest_v:g} V",
                "Change the voltage in the bench file.",
            )
        self._speak()
        self._tsp.set_number("smu.source.range", voltage_v, at_least=True)
        return self._tsp.set_number("smu.source.level", voltage_v)

    def on(self) -> None:
        """``smu.source.output = smu.ON``, read back."""
        self._speak()
        self._tsp.set_name("smu.source.output", "smu.ON")

    def off(self) -> None:
        """``smu.source.output = smu.OFF``, read back; with a running trigger model ended if it must be."""
        tries: list[Callable[[], None]] = [lambda: None, lambda: self._tsp.do("trigger.model.abort()")]

        def attempt() -> bool:
            if tries:
                tries.pop(0)()
            self._tsp.do("smu.source.output = smu.OFF")
            return self._tsp.ask("smu.source.output") == "smu.OFF"

        keithley.switch_off_repeatedly(attempt, WHO, self._link.resource)

    def close(self) -> None:
        """Ends the trigger model and lets go of the link; the output stays as it is."""
        with contextlib.suppress(BenchError):
            self.stop()
        self._link.close()

    def _speak(self) -> None:
        if not self._spoken:
            keithley.check_language(self._link, WHO, "TSP")
            self._spoken = True

    def _rate(self, rate_hz: float) -> float:
        self._capacity = round(rate_hz * self._window_s)
        low, high = _RATES_HZ
        if not (low <= rate_hz <= high and self._capacity < MOST_READINGS):
            raise BenchError(
                f"{WHO}.rate",
                f"{rate_hz:g} readings/s over {self._window_s:g} s: the 2461 digitizes {low:g} to {high:g} a "
                f"second, and a window must have fewer than {MOST_READINGS} readings",
                "Choose a lower rate, or a shorter longest window (`window_s`); 50000 is enough for 10 s windows.",
            )
        return rate_hz

    def _prepare_buffer(self, rate_hz: float) -> None:
        """A buffer of its own, that fills up once. [U] ``fillmode``, and how many readings there is room for."""
        tsp = self._tsp
        tsp.do(f"{_BUFFER} = nil")
        tsp.do("collectgarbage()")  # the memory of one from an earlier session
        tsp.do(f"{_BUFFER} = buffer.make({self._capacity})")
        tsp.check_errors(f"a buffer of {self._capacity} readings ({self._window_s:g} s at {rate_hz:g}/s)")
        tsp.set_name(f"{_BUFFER}.fillmode", "buffer.FILL_ONCE")
        self._capacity = int(tsp.number(f"{_BUFFER}.capacity"))
        tsp.set_name("format.data", "format.REAL32")
        tsp.set_name("format.byteorder", "format.LITTLEENDIAN")

    def _prepare_gate(self) -> None:
        """The digital line and the trigger model (protocols.md 4.2).

        Beyond the five blocks there: a wait clears edges from before as it is entered, a pause after each edge
        skips its bounces, and a last wait tells whether an edge came that belongs to no window. [U] the
        constants ``CLEAR_ENTER`` and ``BLOCK_DELAY_CONSTANT``, and the template ``Empty``.
        """
        tsp = self._tsp
        tsp.set_name("digio.line[1].mode", "digio.MODE_TRIGGER_IN")
        tsp.set_name("trigger.digin[1].edge", "trigger.EDGE_FALLING")
        tsp.do('trigger.model.load("Empty")')
        wait = "trigger.BLOCK_WAIT, trigger.EVENT_DIGIO1, trigger.CLEAR_ENTER"
        pause = f"trigger.BLOCK_DELAY_CONSTANT, {_HOLD_S:g}"
        for number, block in enumerate(
            (
                f"trigger.BLOCK_BUFFER_CLEAR, {_BUFFER}",
                wait,
                f"trigger.BLOCK_MEASURE_DIGITIZE, {_BUFFER}, trigger.COUNT_INFINITE",
                pause,
                wait,
                f"trigger.BLOCK_MEASURE_DIGITIZE, {_BUFFER}, trigger.COUNT_STOP",
                pause,
                wait,
            ),
            start=1,
        ):
            tsp.do(f"trigger.model.setblock({number}, {block})")

    def _state(self) -> tuple[str, int]:
        """``trigger.model.state()``: the state, and the block it is at, 0 once it is over.

        [U] for the answer's form: the state first, the block's number last.
        """
        answer = self._tsp.ask("trigger.model.state()")
        words = answer.split()
        if len(words) < 2 or not words[-1].isdigit():
            self._tsp.check_errors("to tell the trigger model's state")
            raise BenchError(
                f"{WHO}.answer",
                f"the trigger model's state was expected from {self._link.resource}; {answer!r} came",
                "Another program may be talking to it: only one at a time.",
            )
        over = not words[0].endswith(("WAITING", "RUNNING", "BUILDING"))
        return words[0], 0 if over else int(words[-1])

    def _disarm(self) -> None:
        self._tsp.do("trigger.model.abort()")
        self._armed = False

    def _read(self, window: Window, count: int) -> None:
        """The buffer's readings and their times, piece by piece (indefinite blocks, protocols.md 4.2)."""
        for first in range(0, count, PIECE):
            last = min(first + PIECE, count)
            command = f"printbuffer({first + 1}, {last}, {_BUFFER}.readings, {_BUFFER}.relativetimestamps)"
            pairs = self._link.query_reals(command, 2 * (last - first), "<f4")
            window.take(pairs[0::2], pairs[1::2])

    def _note(self, text: str) -> None:
        self._strange.append(text)
        self._link.note(text)

    def _full(self, count: int) -> BenchError:
        return BenchError(
            f"{WHO}.buffer-full",
            f"the buffer of {self._link.resource} was full with {count} readings before the gate closed",
            "Choose a lower rate or a longer `window_s` in the bench file's monitor settings.",
        )


def open_2461(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> Keithley2461:
    """Opens a 2461: the bench's monitor ``keithley-2461``.

    Args:
        url: VISA resource.
        settings: ``four_wire`` (true), ``window_s`` (40, the longest window), ``backend`` (PyVISA's).
        clock: The bench's clock.
        transcript: Takes every line.

    Raises:
        BenchError: ``k2461.setting``, ``visa.*``.
    """
    choices = keithley.Choices(WHO, settings)
    four_wire = choices.take("four_wire", True)
    window_s = choices.take("window_s", 40.0, 0.01, 3600.0)
    backend = choices.take("backend", "@py")
    choices.finish()
    link = keithley.open_link(url, clock, transcript, backend)
    return Keithley2461(link, four_wire=four_wire, window_s=window_s, virtual=choices.virtual)


def switch_off(url: str, *, settings: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bool:
    """Switches a 2461's output off by its address alone, whatever it is doing: for the guardian.

    Returns:
        Whether the instrument has said that it is off.

    Raises:
        BenchError: ``visa.*`` if it does not answer in this time.
    """
    commands = ("trigger.model.abort()", "smu.source.output = smu.OFF")
    backend = str((settings or {}).get("backend", "@py"))
    return keithley.switch_off_anew(
        url, backend, timeout_s, commands, "print(smu.source.output)", ("SMU.OFF",)
    )
