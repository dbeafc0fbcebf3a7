"""Twin of a Keysight N6705 with four modules, one of which powers the DUT (protocols.md 4.1).

It has SCPI on a raw socket. Each parameter that any channel logs stretches the period to 102.4 us, while
``SENS:ELOG:PER?`` still answers with the setting.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from drivers.keysight_n6705.twin.log import FIFO_S, ExternalLog, Pin, on_grid
from drivers.keysight_n6705.twin.slots import LIMITED, OVER_CURRENT, PER_PARAMETER_S, Channel, Slots
from drivers.unverified import Unverified
from drivers.virtual.misreading import Misreading
from drivers.virtual.scpi_instrument import Answer, ScpiInstrument, definite_block
from drivers.virtual.scpi_parser import ILLEGAL_PARAMETER, OUT_OF_RANGE, Call, ScpiError
from drivers.virtual.twin import MonitorTwin, Params, TwinSite

IDENTITY = "Keysight Technologies,N6705C,{serial},E.02.07.3260"
GRIDS_S = {"RES20": 20.48e-6, "RES40": 40.96e-6}
MODULES = ("N6781A", "N6781A", "N6731B", "N6731B")
_NOT_RUNNING = '-230,"Data corrupt or stale"'


UNVERIFIED = (
    Unverified("N6705Twin", "Forms of the answers to queries."),
    Unverified(
        "N6705Twin",
        "Each parameter that any channel logs stretches the period to 102.4 us, while `SENS:ELOG:PER?` "
        "still answers with the setting.",
    ),
    Unverified("N6705Twin", "The rate of its sample clock."),
    Unverified("N6705Twin.overcurrent", "Protection switches the output off, and the log continues."),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class N6705Twin(MonitorTwin):
    """A DC power analyzer; channel ``channel`` is the world's supply.

    Args:
        site: Where the twin is put.
        ppm: By how much its sample clock runs fast.
        modules: Modules in its slots; an empty text for an empty slot.
        channel: Channel that powers the DUT.
        identity: Answer to ``*IDN?``, with ``{serial}`` in the place of the serial number.
        serial: Its serial number.
        pin: Pin of the digital port that the DUT's timestamp pin is wired to.
        latency_s: Time from edge to trigger.
        min_pulse_ns: Shortest low pulse that the pin detects.
        old: Whether it has ``TRIG:TRAN:SOUR`` in place of ``TRIG:ELOG:SOUR`` for logs.
        gain: Relative error of its current; ``offset_a`` and ``voltage_gain`` as in `Misreading`.
    """

    def __init__(
        self,
        site: TwinSite,
        *,
        ppm: float = 15.0,
        modules: tuple[str, ...] | list[str] = MODULES,
        channel: int = 1,
        identity: str = IDENTITY,
        serial: str = "MY56000000",
        pin: int = 1,
        latency_s: float = 5e-6,
        min_pulse_ns: int = 10_000,
        old: bool = False,
        gain: float = 0.0,
        offset_a: float = 0.0,
        voltage_gain: float = 0.0,
    ) -> None:
        self._world, port = site.world, site.tcp_port()
        super().__init__(site, port.url, Misreading(gain, offset_a, voltage_gain))
        self.ppm, self._number = ppm, channel
        self._pin_number, self._pin = pin, Pin(latency_s, min_pulse_ns)
        self._grid = "RES20"
        self._binary = self._swapped = False
        self._trigger = "IMM"
        self._fifo_s = FIFO_S
        self._overload = 0.0
        self._log: ExternalLog | None = None
        identity = identity.replace("{serial}", serial)
        self.scpi = ScpiInstrument(port, identity, ",".join(module or "0" for module in modules))
        self.scpi.refuse = self.refuse
        self.scpi.is_silent = lambda: self.silent
        self.scpi.on_reset = self._reset
        self._slots = Slots(
            self.scpi, modules, self._switch, self._set_voltage, self._measured_v, self._measured_a
        )
        self.channels = self._slots.channels
        self._slots.reset()
        self._add_log(old)
        site.world.supply.listeners.append(self._supply_changed)
        self.faults = {
            "second-channel": self._second_channel,
            "second-channel-later": self._second_channel,
            "fifo-overrun": self._short_fifo,
            "error-queue": self._error,
            "overload": self._fault_overload,
        }

    @property
    def running(self) -> bool:
        """Whether a log runs."""
        return self._log is not None

    def position(self) -> int:
        """Number of records of the running log that are complete."""
        return max(self._log.complete(), 0) if self._log else 0

    def edge(self, width_ns: int) -> None:
        """Takes a falling edge on the digital port."""
        channel = self._dut
        if channel.armed and self._trigger == f"PIN{self._pin_number}" and self._pin.triggers(width_ns):
            self._begin(self._pin.latency_ns)

    def overcurrent(self) -> None:
        """Protection switches the output off; the log continues."""
        self._switch(self._number, False)
        self._dut.tripped = OVER_CURRENT
        self.scpi.fail('-240,"Hardware error;Overcurrent protection, channel 1"')

    def lose_output(self) -> None:
        """The output goes off; the log continues."""
        self._switch(self._number, False)

    def hasten(self, ppm: float) -> None:
        """Its clock becomes faster by so many millionths."""
        self.ppm += ppm
        if self._log is not None:
            self._log.hasten(ppm)

    def lose_power(self) -> None:
        """The mains plug is pulled."""
        self._log = None
        for number in self.channels:
            self._switch(number, False)

    # Source

    @property
    def _dut(self) -> Channel:
        return self.channels[self._number]

    def _reset(self) -> None:
        self._log = None
        for number in self.channels:
            self._switch(number, False)
        self._slots.reset()

    def _switch(self, number: int, on: bool) -> None:
        channel = self.channels[number]
        if on and channel.numbers["VOLT"] > channel.numbers["PROT"]:
            self.scpi.fail('-221,"Settings conflict;Overvoltage protection"')
            on = False
        channel.on = on
        if on:
            channel.tripped = 0
        if number == self._number:
            self._world.supply.switch(on)

    def _set_voltage(self, number: int, volts: float) -> None:
        self.channels[number].numbers["VOLT"] = volts
        if number == self._number:
            self._world.supply.voltage_v = volts
            self._supply_changed()

    def _measured_v(self, channel: Channel) -> str:
        volts = self._world.supply.terminal_v if channel is self._dut else channel.numbers["VOLT"]
        return f"{self.misreads.voltage(volts) if channel.on else 0.0:.6E}"

    def _measured_a(self, channel: Channel) -> str:
        world = self._world
        drawn_w = world.timeline.power_w(world.now_ns) if channel is self._dut and channel.on else 0.0
        read_a = self.misreads.current(drawn_w / max(world.supply.voltage_v, 1e-3))
        return f"{min(read_a, channel.numbers['LIM']):.6E}"

    def _condition(self, number: int) -> int:
        """The questionable condition register of a channel."""
        channel, world = self.channels[number], self._world
        drawn_w = world.timeline.power_w(world.now_ns) if number == self._number and channel.on else 0.0
        limited = drawn_w > channel.numbers["LIM"] * world.supply.output_v
        return channel.tripped | (LIMITED if limited else 0)

    def _supply_changed(self) -> None:
        if self._log is not None:
            self._log.supply_changed()

    # External log

    def _add_log(self, old: bool) -> None:
        add = self.scpi.add
        add(
            "STATus:QUEStionable:CONDition?",
            lambda call: ",".join(str(self._condition(number)) for number in self._slots.chosen(call)),
        )
        add("[SENSe:]ELOG:PERiod", self._set_period)
        add("[SENSe:]SWEep:TINTerval:RESolution", self._set_grid)
        add("[SENSe:]SWEep:TINTerval:RESolution?", lambda call: self._grid)
        add("FORMat[:DATA]", self._set_format)
        add("FORMat[:DATA]?", lambda call: "REAL" if self._binary else "ASC")
        add("FORMat:BORDer", self._set_order)
        add("FORMat:BORDer?", lambda call: "SWAP" if self._swapped else "NORM")
        add("DIGital:PIN#:FUNCtion", lambda call: self._set_pin(call, "function", ("TINP", "DIO")))
        add("DIGital:PIN#:FUNCtion?", lambda call: self._pin.function if self._wired(call) else "DIO")
        add("DIGital:PIN#:POLarity", lambda call: self._set_pin(call, "polarity", ("NEG", "POS")))
        add("DIGital:PIN#:POLarity?", lambda call: self._pin.polarity if self._wired(call) else "POS")
        add("TRIGger:TRANsient:SOURce" if old else "TRIGger:ELOG:SOURce", self._set_trigger)
        add("TRIGger:ELOG[:IMMediate]", self._force)
        add("INITiate[:IMMediate]:ELOG", self._arm)
        add("ABORt:ELOG", self._abort)
        add("FETCh:ELOG?", self._fetch)

    def _set_period(self, call: Call) -> None:
        grid_s = GRIDS_S[self._grid]
        for number in self._slots.chosen(call):
            channel = self.channels[number]
            least = PER_PARAMETER_S * max(channel.parameters(), 1)
            channel.numbers["PER"] = max(round(call.number() / grid_s) * grid_s, least)

    def _set_grid(self, call: Call) -> None:
        if call.word() not in GRIDS_S:
            raise ScpiError(ILLEGAL_PARAMETER)
        self._grid = call.word()

    def _set_format(self, call: Call) -> None:
        if call.word() not in ("REAL", "ASC", "ASCII"):
            raise ScpiError(ILLEGAL_PARAMETER)
        self._binary = call.word() == "REAL"

    def _set_order(self, call: Call) -> None:
        if call.word() not in ("NORM", "SWAP"):
            raise ScpiError(ILLEGAL_PARAMETER)
        self._swapped = call.word() == "SWAP"

    def _wired(self, call: Call) -> bool:
        return call.suffixes[0] == self._pin_number

    def _set_pin(self, call: Call, name: str, words: tuple[str, ...]) -> None:
        if call.word() not in words:
            raise ScpiError(ILLEGAL_PARAMETER)
        if self._wired(call):
            setattr(self._pin, name, call.word())

    def _set_trigger(self, call: Call) -> None:
        if not re.fullmatch(r"BUS|EXT|IMM|PIN[1-7]", call.word()):
            raise ScpiError(ILLEGAL_PARAMETER)
        self._slots.chosen(call)
        self._trigger = call.word()

    def _arm(self, call: Call) -> None:
        for number in self._slots.chosen(call):
            if not self.channels[number].parameters():
                raise ScpiError('-221,"Settings conflict"')
            self.channels[number].armed = True
        if self._trigger == "IMM":
            self._begin(0)

    def _force(self, call: Call) -> None:
        self._slots.chosen(call)
        if self._dut.armed:
            self._begin(0)

    def _begin(self, latency_ns: int) -> None:
        self._dut.armed = False
        origin_ns = on_grid(self._world.now_ns + latency_ns, GRIDS_S[self._grid], self.ppm)
        self._log = ExternalLog(self._world, origin_ns, self._real_period(), self.ppm, self.drop)
        self._log.fifo_s = self._fifo_s

    def _real_period(self) -> float:
        parameters = sum(channel.parameters() for channel in self.channels.values())
        return max(self._dut.numbers["PER"], PER_PARAMETER_S * parameters)

    def _abort(self, call: Call) -> None:
        if self._number in self._slots.chosen(call):
            if self._log is not None:
                self.drop.clear()  # its records are gone, too
            self._log = None
            self._dut.armed = False

    def _fetch(self, call: Call) -> Answer:
        if self._number not in self._slots.chosen(call):
            raise ScpiError(_NOT_RUNNING)
        most = call.number()
        if not 1 <= most <= 1_000_000:
            raise ScpiError(OUT_OF_RANGE)
        if self._log is None:
            if not self._dut.armed:
                raise ScpiError(_NOT_RUNNING)
            records = np.empty((0, 2))
        else:
            records = self._log.fetch(int(most))
        limit_a = self._dut.numbers["LIM"]
        over = records[:, 0] > limit_a  # the output gives no more current, and its voltage falls
        records[over, 1] *= limit_a / records[over, 0]
        records[over, 0] = limit_a
        records[:, 0] = np.minimum(self.misreads.current(records[:, 0]), limit_a)
        records[:, 1] *= 1.0 + self.misreads.voltage_gain
        if self._overload and len(records):
            records[-1, 0], self._overload = self._overload, 0.0
        logged = self._dut.logged
        columns = [
            records[:, column]
            for column, name in enumerate(("CURR", "VOLT"))
            for _ in range((name in logged) * (1 + 2 * (f"{name}:MINM" in logged)))
        ]
        values = np.column_stack(columns) if columns else np.empty((0, 0))
        if not self._binary:
            return ",".join(f"{value:.6E}" for value in values.ravel())
        return definite_block(values.astype("<f4" if self._swapped else ">f4").tobytes())

    # Faults

    def _second_channel(self, params: Params) -> Callable[[], None]:
        number = int(params.pop("channel", 2))

        def log() -> None:
            self.channels[number].logged |= {"CURR", "VOLT"}
            if self._log is not None:
                self._log.stretch(self._real_period())

        return log

    def _short_fifo(self, params: Params) -> Callable[[], None]:
        seconds = float(params.pop("fifo_s", 0.2))

        def shorten() -> None:
            self._fifo_s = seconds
            if self._log is not None:
                self._log.fifo_s = seconds

        return shorten

    def _fault_overload(self, params: Params) -> Callable[[], None]:
        """``overload``: the last record of the next fetch has this current, ``value`` (9.9E37)."""
        value = float(params.pop("value", 9.9e37))

        def overload() -> None:
            self._overload = value

        return overload

    def _error(self, params: Params) -> Callable[[], None]:
        text = str(params.pop("text", '-310,"System error"'))
        return lambda: self.scpi.fail(text)
