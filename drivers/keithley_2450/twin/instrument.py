"""Twin of a Keithley 2450: a source that integrates readings one after another (protocols.md 4.2).

It has SCPI on a raw socket. Readings have no fixed rate: each takes its integration time, an overhead, and a
small positive or negative jitter. Beyond its current limit a reading
stays at the limit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from drivers.unverified import Unverified
from drivers.virtual.scpi_instrument import (
    ILLEGAL_PARAMETER,
    OUT_OF_RANGE,
    Call,
    ScpiError,
    ScpiInstrument,
)
from drivers.virtual.twin import MonitorTwin, Params, TwinSite
from drivers.virtual.world import nanoseconds

IDENTITY = "KEITHLEY INSTRUMENTS,MODEL 2450,04012345,1.7.12b"
RANGES_A = (10e-9, 100e-9, 1e-6, 10e-6, 100e-6, 1e-3, 10e-3, 100e-3, 1.0)
RANGES_V = (0.02, 0.2, 2.0, 20.0, 200.0)
_PROTECTIONS = ("PROT2", "PROT5", "PROT10", "PROT20", "PROT40", "PROT60", "PROT80", "PROT100", "NONE")
_MOST_AT_ONCE = 10_000


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
    ) -> None:
        self._world, port = site.world, site.tcp_port()
        super().__init__(site, port.url)
        self._ppm, self._overhead_s, self._jitter_s, self._line_hz = ppm, overhead_s, jitter_s, line_hz
        self._latency_ns, self._min_pulse_ns = latency_ns, min_pulse_ns
        self._language = "SCPI"
        self._nplc, self._range_a, self._range_v, self._limit_a = 1.0, 1e-4, 0.2, 1e-4
        self._words: dict[str, str] = {"SOUR:FUNC": "CURR", "SENS:FUNC": '"VOLT"', "RSEN": "0"}
        self._protection = "NONE"
        self._capacity = 0
        self._blocks: dict[int, str] = {}
        self._line_in = False
        self._block = 0
        self._running = False
        self._hurry = 1.0
        self._pause_s = 0.0
        self._forget(0)
        self._scpi = ScpiInstrument(port, IDENTITY)
        self._scpi.refuse = self.refuse
        self._scpi.is_silent = lambda: self.silent
        self._commands()
        self.faults = {
            "wrong-language": self._wrong_language,
            "buffer-full": self._buffer_full,
            "pause": self._fault_pause,
            "hurry": self._fault_hurry,
            "stopped": lambda params: self._abort,
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
            self._capacity = self._stored()

        return fill

    def _fault_pause(self, params: Params) -> Callable[[], None]:
        pause_s = float(params.pop("pause_s", 0.5))

        def pause() -> None:
            self._complete()
            self._pause_s += pause_s

        return pause

    def _fault_hurry(self, params: Params) -> Callable[[], None]:
        factor = float(params.pop("factor", 0.9))

        def hurry() -> None:
            self._complete()
            self._hurry = factor

        return hurry

    # Commands

    def _commands(self) -> None:
        supply, add = self._world.supply, self._scpi.add
        add("*LANG?", lambda call: self._language)
        for header, key in (("SOURce:FUNCtion", "SOUR:FUNC"), ("SENSe:FUNCtion", "SENS:FUNC")):
            add(header, lambda call, key=key: self._words.update({key: call.word().replace("'", '"')}))
            add(f"{header}?", lambda call, key=key: self._words[key])
        add("SENSe:CURRent:RSENse", lambda call: self._words.update(RSEN=str(int(call.switch()))))
        add("SENSe:CURRent:RSENse?", lambda call: self._words["RSEN"])
        add("SOURce:VOLTage:PROTection", self._set_protection)
        add("SOURce:VOLTage:PROTection?", lambda call: self._protection)
        self._number("SOURce:VOLTage:ILIMit", "_limit_a", 1e-9, 1.05)
        self._number("SENSe:CURRent:NPLCycles", "_nplc", 0.01, 10.0)
        self._number("SOURce:VOLTage:RANGe", "_range_v", 0.0, RANGES_V[-1], RANGES_V)
        self._number("SENSe:CURRent:RANGe", "_range_a", 0.0, RANGES_A[-1], RANGES_A)
        add("SOURce:VOLTage:ILIMit[:LEVel]:TRIPped?", lambda call: f"{supply.exceeds(self._limit_a):d}")
        add("SOURce:VOLTage[:LEVel]", self._level)
        add("SOURce:VOLTage[:LEVel]?", lambda call: f"{supply.voltage_v:.9g}")
        add("OUTPut", lambda call: supply.switch(call.switch()))
        add("OUTPut?", lambda call: str(int(supply.on)))
        add("TRACe:MAKE", self._make)
        add("TRACe:DELete", self._delete)
        add("TRACe:FILL:MODE", lambda call: self._known(call, 1))
        add("TRACe:ACTual?", lambda call: self._known(call, 0) or str(self._stored()))
        add("TRACe:POINts?", lambda call: self._known(call, 0) or str(self._capacity))
        add("TRACe:DATA?", self._data)
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
        add("INITiate", lambda call: self._initiate())
        add("ABORt", lambda call: self._abort())

    def _number(
        self, header: str, name: str, least: float, most: float, steps: tuple[float, ...] = ()
    ) -> None:
        def take(call: Call) -> None:
            value = call.number()
            if not least <= value <= most:
                raise ScpiError(OUT_OF_RANGE)
            setattr(self, name, next((step for step in steps if step >= value), value))

        self._scpi.add(header, take)
        self._scpi.add(f"{header}?", lambda call: f"{getattr(self, name):.9g}")

    def _level(self, call: Call) -> None:
        if not 0 <= call.number() <= self._range_v * 1.05:
            raise ScpiError(OUT_OF_RANGE)
        self._world.supply.voltage_v = call.number()

    def _set_protection(self, call: Call) -> None:
        if call.word() not in _PROTECTIONS:
            raise ScpiError(ILLEGAL_PARAMETER)
        self._protection = call.word()

    def _make(self, call: Call) -> None:
        if self._capacity:
            raise ScpiError('1115,"Parameter error: buffer exists already"')
        if not 10 <= call.number(1) <= 4_000_000:
            raise ScpiError(OUT_OF_RANGE)
        self._capacity = int(call.number(1))
        self._forget(0)

    def _delete(self, call: Call) -> None:
        self._known(call, 0)
        self._capacity = 0

    def _known(self, call: Call, index: int) -> None:
        if not self._capacity or not call.word(index).startswith('"'):
            raise ScpiError('1116,"Parameter error: there is no such buffer"')

    def _line(self, call: Call) -> None:
        self._line_in = [call.word(0), call.word(1)] == ["TRIG", "IN"]

    def _set_block(self, call: Call, kind: str) -> None:
        self._blocks[int(call.number())] = kind

    def _state(self) -> str:
        if self._running:
            return "RUNNING;RUNNING;3"
        return "WAITING;WAITING;2" if self._block else "IDLE;IDLE;0"

    def _initiate(self) -> None:
        order = [self._blocks.get(number) for number in (1, 2, 3, 4)]
        if order[0] != "clear" or order[2:] != ["measure", "loop"] or self._running or not self._capacity:
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
        self._aperture_ns = self._nplc / self._line_hz * 1e9
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
        return index[: self._capacity]

    def _stored(self) -> int:
        return len(self._indices())

    def _data(self, call: Call) -> str:
        self._known(call, 2)
        first, last = int(call.number(0)), int(call.number(1))
        index = self._indices()
        if [call.word(3), call.word(4)] != ["READ", "REL"]:
            raise ScpiError(ILLEGAL_PARAMETER)
        if not 1 <= first <= last <= len(index) or last - first >= _MOST_AT_ONCE:
            raise ScpiError(OUT_OF_RANGE)
        starts = self._starts_ns[index[first - 1 : last]]
        bounds = np.column_stack([starts, starts + self._aperture_ns * self._hurry]).ravel()
        energies = self._world.timeline.energies_j(self._origin_ns, bounds)[0::2]
        voltage_v = self._world.supply.output_v
        currents = energies / (self._aperture_ns * self._hurry * 1e-9 * voltage_v)
        times = (starts - self._starts_ns[index[0]]) * 1e-9 * (1 + self._ppm * 1e-6)
        pairs = np.column_stack([np.minimum(currents, self._limit_a), times]).ravel().tolist()
        return ",".join(f"{value:.8E}" for value in pairs)
