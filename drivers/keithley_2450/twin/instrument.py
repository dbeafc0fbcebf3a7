"""Twin of a Keithley 2450: a source that integrates readings one after another (protocols.md 4.2).

It has SCPI on a raw socket. Readings have no fixed rate: each takes its integration time, an overhead, and a
small positive or negative jitter. Beyond its current limit a reading
stays at the limit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from drivers.keithley_2450.twin.buffers import Buffer, Buffers, Reading, elements, positions, shown
from drivers.keithley_2450.twin.settings import SettingCommands
from drivers.unverified import Unverified
from drivers.virtual.misreading import Misreading
from drivers.virtual.scpi_instrument import ScpiInstrument
from drivers.virtual.scpi_parser import ILLEGAL_PARAMETER, Call, ScpiError
from drivers.virtual.twin import MonitorTwin, Params, TwinSite
from drivers.virtual.world import nanoseconds

IDENTITY = "KEITHLEY INSTRUMENTS,MODEL 2450,{serial},1.7.12b"


UNVERIFIED = (
    Unverified("Keithley2450Twin", "Overhead and jitter of readings; ranges that are not in protocols.md 7."),
    Unverified("Keithley2450Twin", "All commands of the trigger model."),
    Unverified("Keithley2450Twin", "Beyond its current limit a reading stays at the limit."),
    Unverified(
        "Keithley2450Twin.overcurrent", "When its protection acts, the output goes off and readings continue."
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class Keithley2450Twin(MonitorTwin):
    """A source with a reading buffer.

    Args:
        site: Where the twin is put; it is the world's supply.
        ppm: By how much its clock runs fast.
        overhead_s: Time between two readings.
        jitter_s: Largest deviation of that time, in either direction; the same in every run.
        line_hz: Frequency of the mains, the unit of NPLC.
        latency_ns: Time from an edge on the digital line to the first reading.
        min_pulse_ns: Shortest pulse that the line detects.
        serial: Its serial number.
        gain: Relative error of its current; ``offset_a`` and ``voltage_gain`` as in `Misreading`.
    """

    def __init__(
        self,
        site: TwinSite,
        *,
        ppm: float = 20.0,
        overhead_s: float = 250e-6,
        jitter_s: float = 40e-6,
        line_hz: float = 50.0,
        latency_ns: int = 5000,
        min_pulse_ns: int = 1000,
        serial: str = "04012345",
        gain: float = 0.0,
        offset_a: float = 0.0,
        voltage_gain: float = 0.0,
    ) -> None:
        self._world, port = site.world, site.tcp_port()
        super().__init__(site, port.url, Misreading(gain, offset_a, voltage_gain))
        self._ppm, self._overhead_s, self._jitter_s, self._line_hz = ppm, overhead_s, jitter_s, line_hz
        self._latency_ns, self._min_pulse_ns = latency_ns, min_pulse_ns
        self._language = "SCPI"
        self._on = False
        self._overload = 0.0
        self._buffers = Buffers()
        self._stream: Buffer | None = None
        self._blocks: dict[int, str] = {}
        self._line_in = False
        self._block = 0
        self._running = False
        self._hurry = 1.0
        self._pause_s = 0.0
        self._forget(0)
        self._scpi = ScpiInstrument(port, IDENTITY.format(serial=serial))
        self._scpi.refuse = self.refuse
        self._scpi.is_silent = lambda: self.silent
        self._scpi.on_reset = self._reset
        self._settings = SettingCommands(self._scpi, line_hz)
        self._commands()
        self.faults = {
            "wrong-language": self._wrong_language,
            "buffer-full": self._buffer_full,
            "pause": self._fault_pause,
            "hurry": self._fault_hurry,
            "stopped": lambda params: self._abort,
            "overload": self._fault_overload,
        }

    # For the bench

    @property
    def running(self) -> bool:
        """Whether it takes readings."""
        return self._running

    def position(self) -> int:
        """Number of readings since its last start."""
        return self._complete()

    def edge(self, width_ns: int) -> None:
        """Takes a falling edge on digital line 1."""
        if self._line_in and self._block == 2 and not self._running and width_ns >= self._min_pulse_ns:
            self._begin(self._latency_ns)

    def overcurrent(self) -> None:
        """Its protection acts: here the output goes off and readings continue."""
        self._world.supply.switch(False)

    def lose_power(self) -> None:
        """The mains plug is pulled."""
        self._running = False
        self._world.supply.switch(False)

    # Faults

    def _wrong_language(self, params: Params) -> Callable[[], None]:
        def change() -> None:
            self._language = "TSP"

        return change

    def _buffer_full(self, params: Params) -> Callable[[], None]:
        def fill() -> None:
            if self._stream is not None:
                self._stream.capacity = self._stored()

        return fill

    def _fault_pause(self, params: Params) -> Callable[[], None]:
        pause_s = float(params.pop("pause_s", 0.5))

        def pause() -> None:
            self._complete()
            self._pause_s += pause_s

        return pause

    def _fault_overload(self, params: Params) -> Callable[[], None]:
        """``overload``: the last reading of the next fetch is ``value`` (9.9E37)."""
        value = float(params.pop("value", 9.9e37))

        def overload() -> None:
            self._overload = value

        return overload

    def _fault_hurry(self, params: Params) -> Callable[[], None]:
        factor = float(params.pop("factor", 0.9))

        def hurry() -> None:
            self._complete()
            self._hurry = factor

        return hurry

    # Commands

    def _commands(self) -> None:
        settings, buffers, add = self._settings, self._buffers, self._scpi.add
        supply = self._world.supply
        add("*LANG?", lambda call: self._language)
        add("SOURce:VOLTage:ILIMit[:LEVel]:TRIPped?", lambda call: f"{supply.exceeds(self._limit_a):d}")
        add("SOURce:CURRent:VLIMit[:LEVel]:TRIPped?", lambda call: "0")
        self._scpi.add_switch("OUTPut[:STATe]", lambda: self._is_on, self._switch)
        add("TRACe:MAKE", buffers.make)
        add("TRACe:DELete", self._delete)
        add("TRACe:CLEar", lambda call: buffers.of(call, 0).readings.clear())
        add("TRACe:FILL:MODE", lambda call: self._fill(call))
        add("TRACe:ACTual?", lambda call: str(self._count(call)))
        add("TRACe:POINts", buffers.resize)
        add("TRACe:POINts?", lambda call: str(buffers.of(call, 0).capacity))
        add("TRACe:DATA?", self._data)
        add("TRACe:TRIGger", lambda call: self._measure(call, 0) and None)
        for name in ("AVERage", "MAXimum", "MINimum", "STDDev"):
            add(f"TRACe:STATistics:{name}?", lambda call, name=name: self._statistics(call, name))
        add("READ?", lambda call: self._measure(call, 0))
        add("MEASure[:CURRent][:DC]?", lambda call: self._measure(call, 0))
        add("MEASure:VOLTage[:DC]?", lambda call: self._measure(call, 0, "VOLT"))
        add("FETCh?", self._fetch)
        add("DIGital:LINE#:MODE", self._line)
        add("TRIGger:DIGital#:IN:EDGE", lambda call: None)
        add("TRIGger:LOAD", lambda call: self._blocks.clear())
        for header, kind in (
            ("BUFFer:CLEar", "clear"),
            ("NOP", "nop"),
            ("WAIT", "wait"),
            ("MEASure", "measure"),
            ("BRANch:ALWays", "loop"),
        ):
            add(f"TRIGger:BLOCk:{header}", lambda call, kind=kind: self._set_block(call, kind))
        add("TRIGger:STATe?", lambda call: self._state())
        add("INITiate[:IMMediate]", lambda call: self._initiate())
        add("ABORt", lambda call: self._abort())
        settings.changed, settings.closed = self._apply, lambda: self._switch(False)

    @property
    def _limit_a(self) -> float:
        return self._settings["SOUR:VOLT:ILIM"]

    def _reset(self) -> None:
        """``*RST``: the output goes off, and everything has its first value."""
        self._switch(False)
        self._abort()
        self._settings.reset()
        self._buffers.reset()
        self._blocks.clear()
        self._line_in = False

    def _switch(self, on: bool) -> None:
        """Switches the output; a current source does not power the DUT here."""
        self._on = on
        self._world.supply.switch(on and self._settings.now.source == "VOLT")

    @property
    def _is_on(self) -> bool:
        return self._world.supply.on if self._settings.now.source == "VOLT" else self._on

    def _apply(self) -> None:
        self._world.supply.voltage_v = self.misreads.output_v(max(self._settings["SOUR:VOLT"], 0.0))

    def _delete(self, call: Call) -> None:
        if self._buffers.of(call, 0) is self._stream:
            self._stream = None
        self._buffers.delete(call)

    def _fill(self, call: Call) -> None:
        call.choice(("ONCE", "CONTinuous"))
        self._buffers.of(call, 1)

    def _count(self, call: Call) -> int:
        buffer = self._buffers.of(call, 0)
        return self._stored() if buffer is self._stream else len(buffer.readings)

    # Single readings

    def _measure(self, call: Call, index: int, function: str = "") -> str:
        """Makes ``SENSe:COUNt`` readings of the time just before, and answers with the last."""
        buffer, asked = self._buffers.of(call, index), elements(call, index + 1)
        count = 1 if function else int(self._settings["COUN"])
        for number in range(count):
            buffer.add(self._reading(function or self._settings.now.sense, count - 1 - number))
        return shown(buffer.readings[-1:], asked)

    def _reading(self, function: str, ago: int) -> Reading:
        """The reading that ended this number of apertures ago."""
        world, supply = self._world, self._world.supply
        aperture_ns = self._settings[f"{function}:NPLC"] / self._line_hz * 1e9
        stop = max(world.now_ns - ago * aperture_ns, 0.0)
        start = max(stop - aperture_ns, 0.0)
        current_a = 0.0
        if supply.on and stop > start:
            energy_j = world.timeline.energies_j(0, np.array([start, stop]))[0]
            true_a = float(energy_j / ((stop - start) * 1e-9) / max(supply.voltage_v, 1e-3))
            current_a = min(self.misreads.current(true_a), self._limit_a)
        volts = self.misreads.voltage(supply.terminal_v)
        value = {"CURR": current_a, "VOLT": volts, "RES": volts / current_a if current_a else 9.9e37}[
            function
        ]
        unit = {"CURR": "Amp DC", "VOLT": "Volt DC", "RES": "Ohm"}[function]
        return Reading(value, unit, stop * 1e-9 * (1 + self._ppm * 1e-6), self._settings["SOUR:VOLT"])

    def _fetch(self, call: Call) -> str:
        buffer, asked = self._buffers.of(call, 0), elements(call, 1)
        if not buffer.readings:
            raise ScpiError('-230,"Data corrupt or stale"')
        return shown(buffer.readings[-1:], asked)

    def _statistics(self, call: Call, name: str) -> str:
        values = np.array([reading.value for reading in self._buffers.of(call, 0).readings] or [0.0])
        functions = {"AVERage": np.mean, "MAXimum": np.max, "MINimum": np.min, "STDDev": np.std}
        return f"{float(functions[name](values)):.8E}"

    def _line(self, call: Call) -> None:
        self._line_in = [call.word(0), call.word(1)] == ["TRIG", "IN"]

    def _set_block(self, call: Call, kind: str) -> None:
        self._blocks[int(call.number())] = kind
        if kind == "measure":
            self._stream = self._buffers.of(call, 1)

    def _state(self) -> str:
        if self._running:
            return "RUNNING;RUNNING;3"
        return "WAITING;WAITING;2" if self._block else "IDLE;IDLE;0"

    def _initiate(self) -> None:
        order = [self._blocks.get(number) for number in (1, 2, 3, 4)]
        if order[0] != "clear" or order[2:] != ["measure", "loop"] or self._running or self._stream is None:
            raise ScpiError('-200,"Execution error: trigger model"')
        self._forget(self._world.now_ns)
        self._block = 2
        if order[1] == "nop":
            self._begin(0)

    def _abort(self) -> None:
        self._kept = self._complete()
        self._running, self._block = False, 0

    # Readings

    def _forget(self, origin_ns: int) -> None:
        self._origin_ns = origin_ns
        self._starts_ns = np.empty(0)
        self._next_ns = 0.0
        self._kept = 0
        self._random = np.random.default_rng(2450)

    def _begin(self, delay_ns: int) -> None:
        self._forget(self._world.now_ns + delay_ns)
        self._aperture_ns = self._settings["CURR:NPLC"] / self._line_hz * 1e9
        self._running = True

    def _complete(self) -> int:
        """Number of readings that are complete; plans further ones if needed."""
        if not self._running:
            return self._kept
        now = self._world.now_ns - self._origin_ns
        mean_ns = (self._aperture_ns + self._overhead_s * 1e9) * self._hurry
        while self._next_ns <= now:
            count = int((now - self._next_ns) / mean_ns) + 1
            noise = self._random.uniform(-1, 1, count) * self._jitter_s * 1e9
            periods = mean_ns + noise
            periods[0] += nanoseconds(self._pause_s)
            self._pause_s = 0.0
            ends = self._next_ns + np.cumsum(periods)
            starts = np.concatenate([[self._next_ns], ends[:-1]])
            self._starts_ns = np.concatenate([self._starts_ns, starts])
            self._next_ns = float(ends[-1])
        return int(np.searchsorted(self._starts_ns + self._aperture_ns * self._hurry, now, side="right"))

    def _indices(self) -> npt.NDArray[np.int64]:
        """Numbers of the readings in the buffer."""
        index = np.arange(self._complete(), dtype=np.int64)
        for low, high in self.drop:
            index = index[(index < low) | (index >= high)]
        return index[: self._stream.capacity if self._stream is not None else 0]

    def _stored(self) -> int:
        return len(self._indices())

    def _data(self, call: Call) -> str:
        buffer, asked = self._buffers.of(call, 2), elements(call, 3)
        if buffer is not self._stream:
            first, last = positions(call, len(buffer.readings))
            return shown(buffer.readings[first - 1 : last], asked)
        index = self._indices()
        first, last = positions(call, len(index))
        if asked != ("READ", "REL"):
            raise ScpiError(ILLEGAL_PARAMETER)
        starts = self._starts_ns[index[first - 1 : last]]
        bounds = np.column_stack([starts, starts + self._aperture_ns * self._hurry]).ravel()
        energies = self._world.timeline.energies_j(self._origin_ns, bounds)[0::2]
        voltage_v = self._world.supply.output_v
        currents = energies / (self._aperture_ns * self._hurry * 1e-9 * voltage_v)
        times = (starts - self._starts_ns[index[0]]) * 1e-9 * (1 + self._ppm * 1e-6)
        currents = np.minimum(self.misreads.current(currents), self._limit_a)
        if self._overload:
            currents[-1], self._overload = self._overload, 0.0
        pairs = np.column_stack([currents, times]).ravel().tolist()
        return ",".join(f"{value:.8E}" for value in pairs)
