"""Twin of a Keithley 2461: a source that digitizes current while a digital line gates it (protocols.md 4.2).

It has TSP on a raw socket, with exactly the statements of ``keithley/tsp`` and below. Beyond its current
limit a reading stays at the limit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from drivers.keithley_2461.twin import trigger as blocks
from drivers.keithley_2461.twin.names import (
    CONSTANTS,
    FILLS,
    LITTLE,
    PROTECTIONS,
    RANGES_A,
    RANGES_V,
    REAL32,
    SOURCES,
    SWITCH,
)
from drivers.keithley_2461.twin.trigger import DigitalLine, TriggerModel
from drivers.keithley_2461.twin.tsp import (
    OUT_OF_RANGE,
    RUNTIME,
    Attribute,
    Interpreter,
    Name,
    TspError,
    Value,
    choice,
    number,
    step,
)
from drivers.unverified import Unverified
from drivers.virtual.misreading import Misreading
from drivers.virtual.sampler import Sampler
from drivers.virtual.twin import MonitorTwin, Params, TwinSite

IDENTITY = "KEITHLEY INSTRUMENTS,MODEL 2461,{serial},1.7.1"
_LINE_HZ = 50.0
_PIECE = 1 << 16


UNVERIFIED = (
    Unverified(
        "Keithley2461Twin",
        "The number of readings in its memory, the shortest pulse that a digital line detects, the latency"
        " from edge to first reading, and its ranges.",
    ),
    Unverified("Keithley2461Twin", "Beyond its current limit a reading stays at the limit."),
    Unverified("Keithley2461Twin.overcurrent", "When its current limit acts, the output goes off."),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class _Buffer:
    """A reading buffer. Readings are not stored, but computed from the world's past when they are read."""

    def __init__(self, twin: Keithley2461Twin, capacity: int) -> None:
        self.capacity = capacity
        self.members = {
            "n": Attribute(read=twin.stored),
            "capacity": Attribute(read=lambda: self.capacity),
            "fillmode": Attribute(Name(FILLS[0]), choice(*FILLS)),
            "readings": Attribute("readings"),
            "relativetimestamps": Attribute("relativetimestamps"),
        }


class _Statistics:
    """The result of ``buffer.getstats``."""

    def __init__(self, highest_a: float) -> None:
        self.members = {"max.reading": Attribute(highest_a)}


class Keithley2461Twin(MonitorTwin):
    """A source with a digitizer.

    Args:
        site: Where the twin is put; it is the world's supply.
        ppm: By how much its sample clock runs fast.
        capacity: Number of readings that fit in its memory.
        latency_ns: Time from an edge on the digital line to the first reading, and to the end of the last.
        min_pulse_ns: Shortest pulse that the line detects.
        serial: Its serial number.
        gain: Relative error of its current; ``offset_a`` and ``voltage_gain`` as in `Misreading`.
    """

    def __init__(
        self,
        site: TwinSite,
        *,
        ppm: float = 20.0,
        capacity: int = 4_000_000,
        latency_ns: int = 2000,
        min_pulse_ns: int = 1000,
        serial: str = "04110442",
        gain: float = 0.0,
        offset_a: float = 0.0,
        voltage_gain: float = 0.0,
    ) -> None:
        self._world, self._port = site.world, site.tcp_port()
        super().__init__(site, self._port.url, Misreading(gain, offset_a, voltage_gain))
        self._identity = IDENTITY.format(serial=serial)
        self._ppm, self._memory, self._min_pulse_ns = ppm, capacity, min_pulse_ns
        self._language = "TSP"
        self._input = bytearray()
        self._overload = 0.0
        self._line = DigitalLine()
        self._buffer: _Buffer | None = None
        self._sampler: Sampler | None = None
        self._running = False
        self._taken = 0
        self._base = 0
        self._seen, self._highest_a = 0, 0.0
        self._model = TriggerModel(
            self._world, latency_ns, clear=lambda _: self._clear(), begin=self._begin, stop=self._end
        )
        self._tsp = Interpreter(names={*blocks.NAMES, *CONSTANTS})
        self._describe()
        self._port.on_bytes = self._bytes
        self._port.on_open = self._input.clear
        self.faults = {
            "buffer-full": self._fault(self._fill),
            "wrong-language": self._fault(self._scpi),
            "overrun": self._fault(lambda: self.edge(self._min_pulse_ns)),
            "overload": self._fault_overload,
        }

    # For the bench

    @property
    def running(self) -> bool:
        """Whether it digitizes."""
        return self._running

    def position(self) -> int:
        """Number of readings in all windows since it was switched on."""
        return self._base + self._complete()

    def edge(self, width_ns: int) -> None:
        """Takes a falling edge on digital line 1."""
        values = self._tsp.attributes
        armed = (
            values["digio.line[1].mode"].value == "digio.MODE_TRIGGER_IN"
            and values["trigger.digin[1].edge"].value == "trigger.EDGE_FALLING"
        )
        if armed and width_ns >= self._min_pulse_ns:
            self._line.edge()
            self._model.event()

    def overcurrent(self) -> None:
        """Its current limit acts: here the output goes off."""
        self._world.supply.switch(False)

    def lose_power(self) -> None:
        """The mains plug is pulled."""
        self._model.abort()
        self._world.supply.switch(False)

    def stored(self) -> int:
        """Number of readings in the buffer."""
        kept = self._complete() - sum(high - low for low, high in self._dropped())
        return max(min(kept, self._limit()), 0)

    # Language

    def _fault(self, action: Callable[[], None]) -> Callable[[Params], Callable[[], None]]:
        return lambda params: action

    def _fault_overload(self, params: Params) -> Callable[[], None]:
        """``overload``: a reading of the next ``printbuffer`` is ``value`` (9.9E37)."""
        value = float(params.pop("value", 9.9e37))

        def overload() -> None:
            self._overload = value

        return overload

    def _fill(self) -> None:
        if self._buffer is not None:
            self._buffer.capacity = self.stored()

    def _scpi(self) -> None:
        self._language = "SCPI"

    def _bytes(self, data: bytes) -> None:
        self._input += data
        while b"\n" in self._input:
            line, _, rest = self._input.partition(b"\n")
            self._input[:] = rest
            text = line.decode("latin-1").strip()
            if text and not self.silent:
                self._command(text)

    def _command(self, text: str) -> None:
        common = {"*LANG?": self._language, "*IDN?": self._identity, "*OPC?": "1", "*STB?": "0", "*TST?": "0"}
        if text.upper() in common:
            self._port.write(common[text.upper()].encode() + b"\n")
            return
        if text.upper() in ("*RST", "*CLS", "*WAI"):
            self._reset() if text.upper() == "*RST" else self._tsp.log.clear()
            return
        if self._language != "TSP":
            return  # SCPI's parser puts it into an error queue that TSP does not read
        for refuse in self.refuse:
            detail = refuse(text)
            if detail is not None:
                self._tsp.log.append(TspError(RUNTIME, detail))
                return
        answer = self._tsp.run(text)
        if answer:
            self._port.write(answer)

    def _describe(self) -> None:
        """Defines all names of the interpreter."""
        supply = self._world.supply
        protections, on_off = choice(*PROTECTIONS), choice(*SWITCH)

        def switch(value: Value) -> Value:
            supply.switch(on_off(value) == "smu.ON")
            return value

        def level(value: Value) -> Value:
            checked = number(0.0, self._tsp.attributes["smu.source.range"].value)(value)
            supply.voltage_v = self.misreads.output_v(checked)
            return value

        def source(value: Value) -> Value:
            chosen = choice(*SOURCES)(value)
            if chosen != self._tsp.attributes["smu.source.func"].value:
                supply.switch(False)  # another function begins with the output off
            return chosen

        def aperture(value: Value) -> Value:
            if value == "smu.APERTURE_AUTO":
                return value
            return number(1e-6, 1.0 / self._tsp.attributes["smu.digitize.samplerate"].value)(value)

        self._tsp.attributes |= {
            "smu.source.func": Attribute(Name(SOURCES[0]), source),
            "smu.source.ilimit.level": Attribute(1.05e-4, number(1e-9, 7.35)),
            "smu.source.ilimit.tripped": Attribute(
                read=lambda: Name("smu.ON" if supply.exceeds(self._limit_a()) else "smu.OFF")
            ),
            "smu.source.protect.level": Attribute(Name(PROTECTIONS[-1]), protections),
            "smu.source.range": Attribute(0.2, step(RANGES_V)),
            "smu.source.level": Attribute(0.0, level),
            "smu.source.output": Attribute(
                take=switch, read=lambda: Name("smu.ON" if supply.on else "smu.OFF")
            ),
            "smu.measure.func": Attribute(Name(SOURCES[1]), choice(*SOURCES)),
            "smu.measure.nplc": Attribute(1.0, number(0.01, 10.0)),
            "localnode.linefreq": Attribute(_LINE_HZ),
            "localnode.model": Attribute("2461"),
            "smu.digitize.func": Attribute(None, choice("smu.FUNC_DIGITIZE_CURRENT")),
            "smu.digitize.sense": Attribute(
                Name("smu.SENSE_2WIRE"), choice("smu.SENSE_2WIRE", "smu.SENSE_4WIRE")
            ),
            "smu.digitize.range": Attribute(1e-4, step(RANGES_A)),
            "smu.digitize.samplerate": Attribute(1e5, number(1e3, 1e6)),
            "smu.digitize.aperture": Attribute(Name("smu.APERTURE_AUTO"), aperture),
            "smu.digitize.count": Attribute(1.0, number(1, 1e6)),
            "format.data": Attribute(Name("format.ASCII"), choice("format.ASCII", REAL32)),
            "format.byteorder": Attribute(Name("format.BIGENDIAN"), choice("format.BIGENDIAN", LITTLE)),
            "digio.line[1].mode": Attribute(
                Name("digio.MODE_DIGITAL_IN"), choice("digio.MODE_DIGITAL_IN", "digio.MODE_TRIGGER_IN")
            ),
            "trigger.digin[1].edge": Attribute(
                Name("trigger.EDGE_RISING"), choice("trigger.EDGE_FALLING", "trigger.EDGE_RISING")
            ),
            "trigger.digin[1].overrun": Attribute(read=lambda: self._line.overrun),
        }
        self._tsp.functions |= {
            "trigger.digin[1].clear": self._line.clear,
            "trigger.model.load": self._model.load,
            "trigger.model.setblock": self._model.set_block,
            "trigger.model.initiate": self._model.initiate,
            "trigger.model.abort": self._model.abort,
            "trigger.model.state": self._model.state,
            "buffer.make": self._make,
            "buffer.getstats": self._statistics,
            "smu.measure.read": self._measure,
            "smu.reset": self._reset,
            "reset": self._reset,
            "collectgarbage": lambda: 0,
            "printbuffer": self._print_buffer,
            "eventlog.clear": lambda: self._tsp.log.clear(),
            "eventlog.getcount": self._count_events,
            "eventlog.next": self._next_event,
        }

    def _reset(self) -> None:
        """``*RST`` and ``reset()``: the output goes off, and everything has its first value."""
        self._world.supply.switch(False)
        self._model.abort()
        self._end()
        self._tsp.variables.clear()
        self._describe()

    def _measure(self) -> float:
        """``smu.measure.read()``: the mean of the time just before, one integration long."""
        aperture_ns = self._tsp.attributes["smu.measure.nplc"].value / _LINE_HZ * 1e9
        stop, supply = float(self._world.now_ns), self._world.supply
        start = max(stop - aperture_ns, 0.0)
        if self._tsp.attributes["smu.measure.func"].value == SOURCES[0]:
            return self.misreads.voltage(supply.terminal_v)
        if not supply.on or stop <= start:
            return 0.0
        energy_j = float(self._world.timeline.energies_j(0, np.array([start, stop]))[0])
        true_a = energy_j / ((stop - start) * 1e-9) / max(supply.voltage_v, 1e-3)
        return min(self.misreads.current(true_a), self._limit_a())

    def _count_events(self, severity: Value) -> int:
        return len(self._tsp.log)

    def _next_event(self, severity: Value) -> Value:
        if not self._tsp.log:
            return None
        event = self._tsp.log.popleft()
        return event.number, event.text, 1, 0, self._world.now_ns // 10**9, self._world.now_ns % 10**9

    # Digitizing

    def _make(self, capacity: Value) -> Value:
        if not 10 <= capacity <= self._memory:
            raise TspError(
                OUT_OF_RANGE, f"Parameter, buffer of {capacity:g} readings, {self._memory} at most"
            )
        self._buffer = _Buffer(self, int(capacity))
        return self._buffer

    def _clear(self) -> None:
        self._base += self._complete()
        self._sampler, self._taken = None, 0
        self._seen, self._highest_a = 0, 0.0

    def _begin(self, buffer: Value) -> None:
        rate_hz: float = self._tsp.attributes["smu.digitize.samplerate"].value
        self._sampler = Sampler(self._world.timeline, self._world.now_ns, rate_hz, self._ppm)
        self._running = True

    def _end(self) -> None:
        self._taken = self._complete()
        self._running = False

    def _complete(self) -> int:
        if self._running and self._sampler is not None:
            return self._sampler.complete(self._world.now_ns)
        return self._taken

    def _limit(self) -> int:
        return self._buffer.capacity if self._buffer is not None else 0

    def _dropped(self) -> list[tuple[int, int]]:
        """Ranges of this window's readings that are not stored in the buffer, in order."""
        stop = self._complete()
        inside = ((max(low - self._base, 0), min(high - self._base, stop)) for low, high in self.drop)
        return sorted((low, high) for low, high in inside if low < high)

    def _samples(self, first: int, stop: int) -> npt.NDArray[np.int64]:
        """Samples of the buffer's readings ``[first, stop)``."""
        samples = np.arange(first, stop, dtype=np.int64)
        for low, high in self._dropped():
            samples[samples >= low] += high - low
        return samples

    def _print_buffer(self, first: Value, last: Value, readings: Value, times: Value) -> bytes:
        begin, stop = int(first) - 1, int(last)
        if (readings, times) != ("readings", "relativetimestamps") or self._sampler is None:
            raise TspError(RUNTIME, "printbuffer: only readings, relativetimestamps of a filled buffer here")
        if not 0 <= begin < stop <= self.stored():
            raise TspError(OUT_OF_RANGE, f"Parameter, the buffer has {self.stored()} readings")
        if self._tsp.attributes["format.data"].value != REAL32:
            raise TspError(RUNTIME, "printbuffer: only format.REAL32 here")
        little = self._tsp.attributes["format.byteorder"].value == LITTLE
        samples = self._samples(begin, stop)
        zero = int(self._samples(0, 1)[0])
        low, high = int(samples[0]), int(samples[-1]) + 1
        rate_hz: float = self._tsp.attributes["smu.digitize.samplerate"].value
        pairs = np.empty((len(samples), 2), dtype="<f4" if little else ">f4")
        pairs[:, 0] = self._currents(low, high)[samples - low]
        pairs[:, 1] = (samples - zero) / rate_hz
        if self._overload:
            pairs[len(pairs) // 2, 0], self._overload = self._overload, 0.0
        return b"#0" + pairs.tobytes() + b"\n"

    def _currents(self, first: int, stop: int) -> npt.NDArray[np.float64]:
        assert self._sampler is not None
        voltage_v = self._world.supply.output_v
        currents = self.misreads.current(self._sampler.powers_w(first, stop) / voltage_v)
        return np.minimum(currents, self._limit_a())

    def _limit_a(self) -> float:
        return self._tsp.attributes["smu.source.ilimit.level"].value

    def _statistics(self, buffer: Value) -> Value:
        """The answer to ``buffer.getstats``: about the readings that it did not cover before."""
        stop = self._complete()
        for first in range(self._seen, stop, _PIECE):
            currents = self._currents(first, min(first + _PIECE, stop))
            self._highest_a = max(self._highest_a, float(currents.max()))
        self._seen = stop
        return _Statistics(self._highest_a)
