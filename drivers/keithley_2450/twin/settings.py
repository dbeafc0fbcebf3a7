"""Settings of the Keithley 2450 twin, as after ``*RST``, and their commands (protocols.md 4.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.virtual.scpi_instrument import ScpiInstrument
from drivers.virtual.scpi_parser import OUT_OF_RANGE, ScpiError

RANGES_A = (10e-9, 100e-9, 1e-6, 10e-6, 100e-6, 1e-3, 10e-3, 100e-3, 1.0)
RANGES_V = (0.02, 0.2, 2.0, 20.0, 200.0)
_RANGES_OHM = (20.0, 200.0, 2e3, 2e4, 2e5, 2e6, 2e7, 2e8)
_PROTECTIONS = ("PROT2", "PROT5", "PROT10", "PROT20", "PROT40", "PROT60", "PROT80", "PROT100", "NONE")
_OFF_MODES = ("NORMal", "HIMPedance", "ZERO", "GUARd")
_FUNCTIONS = {"CURR": '"CURR:DC"', "VOLT": '"VOLT:DC"', "RES": '"RES"'}
"""Answers to ``SENSe:FUNCtion?``."""


@dataclass
class Settings:
    """The settings; a new one is as after ``*RST``.

    Attributes:
        source: The source's function: ``VOLT`` or ``CURR``.
        sense: The measured function: ``CURR``, ``VOLT`` or ``RES``.
        numbers: Numbers by header, such as ``SOUR:VOLT:ILIM``; flags are 0 or 1.
        words: Words by header.
    """

    source: str = "VOLT"
    sense: str = "CURR"
    numbers: dict[str, float] = field(default_factory=dict[str, float])
    words: dict[str, str] = field(default_factory=dict[str, str])


class SettingCommands:
    """The commands of the settings.

    Args:
        scpi: Receives them.
        line_hz: Frequency of the mains.

    Attributes:
        now: The settings in force.
        changed: Called after a change of the source.
        closed: Called when the source's function changes: the output goes off.
    """

    def __init__(self, scpi: ScpiInstrument, line_hz: float) -> None:
        self._scpi = scpi
        self.now = Settings()
        self._defaults = Settings()
        self.changed = lambda: None
        self.closed = lambda: None
        functions = ("VOLTage", "CURRent")
        scpi.add("SOURce:FUNCtion[:MODE]", lambda call: self._set_source(call.choice(functions)))
        scpi.add("SOURce:FUNCtion[:MODE]?", lambda call: self.now.source)
        names = ("CURRent", "CURRent:DC", "VOLTage", "VOLTage:DC", "RESistance")
        scpi.add("[SENSe:]FUNCtion[:ON]", lambda call: self._set_sense(call.choice(names)))
        scpi.add("[SENSe:]FUNCtion[:ON]?", lambda call: _FUNCTIONS[self.now.sense])
        self._source("VOLT", "VOLTage", RANGES_V, 0.02, 210.0)
        self._source("CURR", "CURRent", RANGES_A, 1e-4, 1.05)
        self._number("SOURce:VOLTage:ILIMit[:LEVel]", "SOUR:VOLT:ILIM", 1e-9, 1.05, 1.05e-4)
        self._number("SOURce:CURRent:VLIMit[:LEVel]", "SOUR:CURR:VLIM", 0.02, 210.0, 21.0)
        for short, header, ranges, default in (
            ("CURR", "CURRent[:DC]", RANGES_A, 1e-4),
            ("VOLT", "VOLTage[:DC]", RANGES_V, 0.02),
            ("RES", "RESistance", _RANGES_OHM, 200.0),
        ):
            self._sense(short, header, ranges, default)
        self._number("[SENSe:]COUNt", "COUN", 1, 300_000, 1)
        self._word("ROUTe:TERMinals", "TERM", ("FRONt", "REAR"))
        scpi.add("SYSTem:LFRequency?", lambda call: f"{line_hz:g}")
        scpi.add("SYSTem:BEEPer[:IMMediate]", lambda call: None)
        scpi.add("SYSTem:CLEar", lambda call: scpi.errors.clear())
        self._word("FORMat[:DATA]", "FORM", ("ASCii", "REAL", "SREal"))

    def reset(self) -> None:
        """Sets everything as after ``*RST``."""
        self.now = Settings(numbers=dict(self._defaults.numbers), words=dict(self._defaults.words))
        self.changed()

    def __getitem__(self, key: str) -> float:
        return self.now.numbers[key]

    def _source(
        self, short: str, word: str, ranges: tuple[float, ...], range_default: float, high: float
    ) -> None:
        at = f"SOUR:{short}"
        self._ranges(f"SOURce:{word}:RANGe", f"{at}:RANG", ranges, range_default)
        self._flag(f"SOURce:{word}:RANGe:AUTO", f"{at}:RANG:AUTO", default=True)
        level = f"SOURce:{word}[:LEVel][:IMMediate][:AMPLitude]"
        self._level(level, at, ranges, high)
        self._word(f"SOURce:{word}:PROTection[:LEVel]", f"{at}:PROT", _PROTECTIONS, "NONE")
        self._scpi.add(f"SOURce:{word}:PROTection:TRIPped?", lambda call: "0")
        self._number(f"SOURce:{word}:DELay", f"{at}:DEL", 0.0, 1e4, 0.0)
        self._flag(f"SOURce:{word}:DELay:AUTO", f"{at}:DEL:AUTO", default=True)
        self._flag(f"SOURce:{word}:READ:BACK", f"{at}:READ:BACK", default=True)
        self._word(f"OUTPut:{word}:SMODe", f"OUTP:{short}:SMOD", _OFF_MODES)

    def _sense(self, short: str, header: str, ranges: tuple[float, ...], range_default: float) -> None:
        at, head = short, f"[SENSe:]{header}"
        self._ranges(f"{head}:RANGe[:UPPer]", f"{at}:RANG", ranges, range_default)
        self._flag(f"{head}:RANGe:AUTO", f"{at}:RANG:AUTO", default=True)
        self._number(f"{head}:NPLCycles", f"{at}:NPLC", 0.01, 10.0, 1.0)
        self._flag(f"{head}:RSENse", f"{at}:RSEN", default=False)
        self._flag(f"{head}:AZERo[:STATe]", f"{at}:AZER", default=True)
        self._flag(f"{head}:AVERage[:STATe]", f"{at}:AVER", default=False)
        self._number(f"{head}:AVERage:COUNt", f"{at}:AVER:COUN", 1, 100, 10)
        self._word(f"{head}:AVERage:TCONtrol", f"{at}:AVER:TCON", ("REPeat", "MOVing"))
        self._scpi.add("[SENSe:]AZERo:ONCE", lambda call: None)

    def _set_source(self, function: str) -> None:
        if function != self.now.source:
            self.closed()
        self.now.source = function
        self.changed()

    def _set_sense(self, function: str) -> None:
        self.now.sense = function.partition(":")[0]

    def _number(self, header: str, key: str, low: float, high: float, default: float) -> None:
        self._defaults.numbers[key] = self.now.numbers[key] = default

        def change(value: float) -> None:
            self.now.numbers[key] = value
            self.changed()

        self._scpi.add_number(header, lambda: self.now.numbers[key], change, low, high, default)

    def _level(self, header: str, key: str, ranges: tuple[float, ...], high: float) -> None:
        """The source's level, within its range; with the automatic range, the range follows."""
        self._defaults.numbers[key] = self.now.numbers[key] = 0.0

        def change(value: float) -> None:
            numbers = self.now.numbers
            if numbers[f"{key}:RANG:AUTO"]:
                numbers[f"{key}:RANG"] = next((top for top in ranges if top >= abs(value)), ranges[-1])
            elif abs(value) > numbers[f"{key}:RANG"] * 1.05:
                raise ScpiError(OUT_OF_RANGE)
            numbers[key] = value
            self.changed()

        self._scpi.add_number(header, lambda: self.now.numbers[key], change, -high, high, 0.0)

    def _ranges(self, header: str, key: str, ranges: tuple[float, ...], default: float) -> None:
        """A range: the smallest that contains the number; setting it ends the automatic choice."""
        self._defaults.numbers[key] = self.now.numbers[key] = default

        def change(value: float) -> None:
            wanted = abs(value)
            self.now.numbers[key] = next((top for top in ranges if top >= wanted), ranges[-1])
            self.now.numbers[f"{key}:AUTO"] = 0.0
            self.changed()

        low = -ranges[-1] * 1.05
        self._scpi.add_number(header, lambda: self.now.numbers[key], change, low, ranges[-1] * 1.05, default)

    def _flag(self, header: str, key: str, *, default: bool) -> None:
        self._defaults.numbers[key] = self.now.numbers[key] = float(default)

        def change(on: bool) -> None:
            self.now.numbers[key] = float(on)

        self._scpi.add_switch(header, lambda: self.now.numbers[key] != 0, change)

    def _word(self, header: str, key: str, words: tuple[str, ...], default: str = "") -> None:
        short = default or "".join(letter for letter in words[0] if not letter.islower())
        self._defaults.words[key] = self.now.words[key] = short

        def change(word: str) -> None:
            self.now.words[key] = word

        self._scpi.add_choice(header, words, lambda: self.now.words[key], change)
