"""The slots of the N6705 twin: per-channel settings, and the commands for them (protocols.md 4.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from drivers.unverified import Unverified
from drivers.virtual.scpi_instrument import ScpiInstrument
from drivers.virtual.scpi_parser import ILLEGAL_PARAMETER, MISSING_PARAMETER, Call, ScpiError, limit_of

_UNKNOWN_CHANNEL = ScpiError('+308,"Bad channel list"')
HIGHEST_V, HIGHEST_A = 20.0, 3.0
PER_PARAMETER_S = 102.4e-6
OVER_CURRENT, LIMITED = 2, 128
"""Bits of the questionable condition register (N6705C Operating and Service Guide, status registers)."""
_EMULATIONS = ("PS4Q", "PS2Q", "PS1Q", "BATT", "CHAR", "CCL", "CVL", "CURRM")


UNVERIFIED = (
    Unverified(
        "Slots.reset",
        "The values after `*RST`, except the outputs; another emulation begins with the output off.",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


@dataclass
class Channel:
    """A slot with its module.

    Attributes:
        words: Settings that are words, by header.
        numbers: Settings that are numbers, by header.
        logged: Quantities in a log: ``CURR``, ``VOLT``, ``CURR:MINM``, ``VOLT:MINM``.
        armed: Whether one of its logs waits for a trigger.
        tripped: Bits of the protections that have switched it off.
    """

    module: str
    on: bool = False
    words: dict[str, str] = field(default_factory=dict[str, str])
    numbers: dict[str, float] = field(default_factory=dict[str, float])
    logged: set[str] = field(default_factory=set[str])
    armed: bool = False
    tripped: int = 0

    def parameters(self) -> int:
        """Number of values in a record."""
        return sum(
            1 + 2 * (f"{name}:MINM" in self.logged) for name in ("CURR", "VOLT") if name in self.logged
        )


class Slots:
    """The modules, and their settings over SCPI.

    Args:
        scpi: Receives the commands.
        modules: Modules in the slots.
        switch: Switches an output.
        set_voltage: Sets an output's voltage.
        measured_v: A channel's voltage now, in text.
        measured_a: A channel's current now, in text.
    """

    def __init__(
        self,
        scpi: ScpiInstrument,
        modules: Sequence[str],
        switch: Callable[[int, bool], None],
        set_voltage: Callable[[int, float], None],
        measured_v: Callable[[Channel], str],
        measured_a: Callable[[Channel], str],
    ) -> None:
        self._scpi = scpi
        self.channels = {slot + 1: Channel(module) for slot, module in enumerate(modules)}
        scpi.add("SYSTem:CHANnel[:COUNt]?", lambda call: str(len(self.channels)))
        scpi.add("SYSTem:CHANnel:MODel?", self._models)
        scpi.add("OUTPut[:STATe]", lambda call: self.each(call, lambda n: switch(n, call.switch())))
        self._query("OUTPut[:STATe]", lambda channel: f"{channel.on:d}")

        def emulation(number: int) -> None:
            switch(number, False)  # another mode begins with the output off

        self._word("EMULation", "EMUL", _EMULATIONS, emulation)
        self._word("OUTPut:PMODe", "PMOD", ("VOLT", "CURR"))
        self._word("[SOURce:]FUNCtion", "FUNC", ("VOLT", "CURR"))
        self._word("[SOURce:]VOLTage:SENSe:SOURce", "SENS", ("INT", "EXT"))
        self._value("[SOURce:]CURRent:LIMit[:POSitive][:IMMediate][:AMPLitude]", "LIM", HIGHEST_A)
        self._value("[SOURce:]VOLTage:PROTection:REMote[:POSitive][:LEVel]", "PROT", HIGHEST_V * 1.1)
        voltage = "[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]"
        scpi.add(voltage, lambda call: self.each(call, lambda n: set_voltage(n, _within(call, HIGHEST_V))))
        self._number(voltage, "VOLT", HIGHEST_V)
        self._value("[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]", "CURR", HIGHEST_A)
        self._value("[SOURce:]VOLTage:PROTection[:LEVel]", "PROT", HIGHEST_V * 1.1)
        self._query("MEASure[:SCALar]:VOLTage[:DC]", measured_v)
        self._query("MEASure[:SCALar]:CURRent[:DC]", measured_a)
        for header, name in (
            ("CURRent", "CURR"),
            ("VOLTage", "VOLT"),
            ("CURRent:MINMax", "CURR:MINM"),
            ("VOLTage:MINMax", "VOLT:MINM"),
        ):
            self._logged(f"[SENSe:]ELOG:FUNCtion:{header}", name)
        self._value("[SENSe:]ELOG:CURRent[:DC]:RANGe[:UPPer]", "RANG", HIGHEST_A)
        self._value("[SENSe:]ELOG:VOLTage[:DC]:RANGe[:UPPer]", "VRANG", HIGHEST_V)
        self._word("[SENSe:]ELOG:CURRent[:DC]:RANGe:AUTO", "AUTO", ("ON", "OFF"), flag=True)
        self._query("[SENSe:]ELOG:PERiod", lambda channel: f"{channel.numbers['PER']:.7E}")

    def reset(self) -> None:
        """Sets everything as after ``*RST``; the twin switches the outputs."""
        for channel in self.channels.values():
            channel.words = {"EMUL": "PS4Q", "FUNC": "VOLT", "SENS": "INT", "AUTO": "0", "PMOD": "VOLT"}
            channel.numbers = {
                "VOLT": 0.0,
                "LIM": 0.01,
                "CURR": 0.08,
                "PROT": HIGHEST_V * 1.1,
                "RANG": HIGHEST_A,
            }
            channel.numbers |= {"PER": PER_PARAMETER_S, "VRANG": HIGHEST_V}
            channel.logged, channel.armed = set(), False

    def chosen(self, call: Call) -> tuple[int, ...]:
        """The channels in a command.

        Raises:
            ScpiError: There are none, or one that does not exist.
        """
        if not call.channels:
            raise ScpiError(MISSING_PARAMETER)
        if any(number not in self.channels for number in call.channels):
            raise _UNKNOWN_CHANNEL
        return call.channels

    def each(self, call: Call, action: Callable[[int], None]) -> None:
        """Runs an action for every channel in a command."""
        for number in self.chosen(call):
            action(number)

    def _list(self, call: Call, show: Callable[[Channel], str]) -> str:
        return ",".join(show(self.channels[number]) for number in self.chosen(call))

    def _models(self, call: Call) -> str:
        return ",".join(f'"{self.channels[number].module}"' for number in self.chosen(call))

    def _query(self, header: str, show: Callable[[Channel], str]) -> None:
        self._scpi.add(header + "?", lambda call: self._list(call, show))

    def _word(
        self,
        header: str,
        name: str,
        words: tuple[str, ...],
        then: Callable[[int], None] = lambda number: None,
        *,
        flag: bool = False,
    ) -> None:
        """Adds a setting that is one of several words, or on or off, with its query."""

        def change(call: Call) -> None:
            word = f"{call.switch():d}" if flag else call.word()
            if not flag and word not in words:
                raise ScpiError(ILLEGAL_PARAMETER)
            for number in self.chosen(call):
                self.channels[number].words[name] = word
                then(number)

        self._scpi.add(header, change)
        self._query(header, lambda channel: channel.words[name])

    def _value(self, header: str, name: str, high: float) -> None:
        """Adds a setting that is a number from 0 up, with its query."""

        def change(call: Call) -> None:
            value = _within(call, high)
            for number in self.chosen(call):
                self.channels[number].numbers[name] = value

        self._scpi.add(header, change)
        self._number(header, name, high)

    def _number(self, header: str, name: str, high: float) -> None:
        """Adds the query of a number, also for ``MIN`` and ``MAX``."""

        def show(call: Call, channel: Channel) -> str:
            special = limit_of(call.word(), 0.0, high, None) if call.arguments else None
            return f"{channel.numbers[name] if special is None else special:.6E}"

        self._scpi.add(f"{header}?", lambda call: self._list(call, lambda channel: show(call, channel)))

    def _logged(self, header: str, name: str) -> None:
        def change(call: Call) -> None:
            on = call.switch()
            for number in self.chosen(call):
                logged = self.channels[number].logged
                (logged.add if on else logged.discard)(name)

        self._scpi.add(header, change)
        self._query(header, lambda channel: f"{name in channel.logged:d}")


def _within(call: Call, high: float) -> float:
    return call.number(0, 0.0, high)
