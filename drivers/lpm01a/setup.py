"""Set-up of an LPM01A: rates, limits, commands, kinds of firmware (protocols.md 3.2, 3.5)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from drivers.unverified import LOG, STEP, Unverified
from energy.errors import BenchError
from energy.instruments import MonitorLimits
from energy.signal import SampleKind, Signal

Output = Literal["energy", "current"]
Format = Literal["ascii_dec", "bin_hexa"]
Function = Literal["optim", "high"]

IMPOSSIBLE_A = 0.1
"""Highest possible sample in ampere. Protection acts from 59 mA; spikes up to 75 mA are allowed for
milliseconds (protocols.md 3.5)."""
LOWEST_V, HIGHEST_V = 1.8, 3.3
HIGHEST_A = {"optim": 0.05, "high": 0.01}
"""Upper ends of the ranges of dynamic mode in ampere, by ``funcmode`` (protocols.md 3.5)."""
_RATES = (100e3, 50e3, 20e3, 10e3, 5e3, 2e3, 1e3, 500.0, 200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0)
_HIGHEST_HZ = {"ascii_dec": 5e3, "bin_hexa": 100e3}
"""Highest rates without a limit in time, by format (protocols.md 3.2, UM2269)."""
_HIGHEST_ENERGY_HZ = 10e3
"""From the help of newer firmware; UM2269 Rev 6 says 100 Hz. The instrument's refusal decides."""
_START_LATENCY_S = (0.0, 1e-3)
"""No source says how soon after an edge on D7 an acquisition begins: a step of ``trigdelay`` at most."""
_RUNNERS_HZ = 1000.0
"""Rate of the MLCommons runner."""

COMMANDS = (
    *("htc", "hrc", "lcd", "range", "volt", "freq", "acqtime", "acqmode", "funcmode", "output", "format"),
    *("trigsrc", "trigdelay", "currthre", "currthres", "pwr", "pwrend", "eventsrc", "start", "stop"),
    *("targrst", "temp", "autotest", "calib", "echo", "powershield", "version", "status", "psrst"),
)
"""Commands in protocols.md 3.2, to be searched in ``help``."""


UNVERIFIED = (
    Unverified(
        "_START_LATENCY_S",
        "How soon after an edge on D7 an acquisition begins: a step of `trigdelay` at most.",
        "the position of every edge of a recording that an edge started; its bound contains it",
        STEP,
    ),
    Unverified(
        "_FIRMWARES",
        "The highest rate of firmwares before 1.0.6.",
        "a rate that is refused, but no wrong figure",
        LOG,
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


@dataclass(frozen=True, slots=True)
class Firmware:
    """Facts about a firmware version.

    Attributes:
        version: As the instrument states it.
        highest_energy_hz: Highest rate of energy output.
        source: Document that states this rate.
    """

    version: str
    highest_energy_hz: float
    source: str

    def to_json(self) -> dict[str, Any]:
        """The facts, for a session's record."""
        return {
            "version": self.version,
            "highest_energy_hz": self.highest_energy_hz,
            "according_to": self.source,
        }


_FIRMWARES = (
    ((1, 0, 6), 10e3, "the help text of firmware 1.0.6"),
    ((0,), 100.0, "UM2269 Rev 6; not checked for every firmware before 1.0.6"),
)


def firmware(version: str) -> Firmware | None:
    """The facts about a version such as ``1.0.6``; None if they are not known."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version))
    for least, highest_hz, source in _FIRMWARES if numbers else ():
        if numbers >= least:
            return Firmware(version, highest_hz, source)
    return None


@dataclass(frozen=True, slots=True)
class Choice:
    """Settings of the LPM01A in the bench file.

    Attributes:
        output: ``"energy"`` in joule per sample, as the MLCommons runner reads it, or ``"current"``.
        format: ``"ascii_dec"`` with the DUT's edges in the stream, or ``"bin_hexa"``, faster and without
            edges.
        funcmode: ``"optim"``, or ``"high"`` for 30 uA to 10 mA at 50 or 100 kHz; with current output only.
        baud: Baud rate of the port; over USB it has no effect (protocols.md 3.1).
        virtual: Whether it is a twin.
    """

    output: Output = "energy"
    format: Format = "ascii_dec"
    funcmode: Function = "optim"
    baud: int | None = None
    virtual: bool = False

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Choice:
        """Reads and checks a bench file's settings.

        Raises:
            BenchError: ``lpm01a.setting``.
        """
        allowed = {"output": get_args(Output), "format": get_args(Format), "funcmode": get_args(Function)}
        for name, value in settings.items():
            if name in allowed and value not in allowed[name]:
                raise _wrong(f"{name} is {' or '.join(allowed[name])}, not {value!r}")
            if name == "baud" and (type(value) is not int or value <= 0):
                raise _wrong(f"baud is a number above 0, not {value!r}")
            if name not in allowed and name not in ("baud", "virtual"):
                raise _wrong(f"there is no setting {name!r}, only {', '.join(allowed)} and baud")
        choice = cls(
            cast(Output, settings.get("output", "energy")),
            cast(Format, settings.get("format", "ascii_dec")),
            cast(Function, settings.get("funcmode", "optim")),
            settings.get("baud"),
            bool(settings.get("virtual", False)),
        )
        if choice.funcmode == "high" and choice.output == "energy":
            raise _wrong("funcmode needs output = 'current'")
        return choice

    @property
    def binary(self) -> bool:
        """Whether the stream is binary."""
        return self.format == "bin_hexa"

    def resolution(self, reading: float) -> float:
        """The step between two values near a reading: four decimal digits, or twelve bits at a power of 16.

        protocols.md 3.3, 3.4.
        """
        if not reading > 0:
            return 0.0
        if not self.binary:
            return 10.0 ** (math.floor(math.log10(reading)) - 3)
        return 16.0 ** -min(max(math.floor(math.log(4095 / reading, 16)), 0), 14)

    def limits(self) -> MonitorLimits:
        """Rates and ranges with these settings."""
        highest_hz = _HIGHEST_HZ[self.format]
        if self.output == "energy":
            highest_hz = min(highest_hz, _HIGHEST_ENERGY_HZ)
        rates = tuple(rate for rate in _RATES if rate <= highest_hz)
        if self.funcmode == "high":  # its bandwidth is for 50 and 100 kHz, which ASCII does not have
            rates = tuple(rate for rate in rates if rate >= 50e3) or rates
        full_hz = highest_hz if self.binary and self.output == "current" else _RUNNERS_HZ
        return MonitorLimits(
            lowest_v=LOWEST_V,
            highest_v=HIGHEST_V,
            highest_a=HIGHEST_A[self.funcmode],
            rates_hz=rates,
            sees_edges=not self.binary,  # how a binary stream marks them is not known
            sources=True,
            starts_on_edge=True,
            start_latency_s=_START_LATENCY_S,
            full_rate_hz=full_hz,
        )

    def commands(self, rate_hz: float, *, on_edge: bool) -> list[str]:
        """The sequence of the MLCommons runner (protocols.md 3.2), from ``acqtime`` to ``freq``.

        Args:
            rate_hz: One of the rates.
            on_edge: Whether an edge on D7 starts the stream; then the stream contains no edges.
        """
        return [
            "acqtime inf",
            "acqmode dyn",
            *([f"funcmode {self.funcmode}"] if self.output == "current" else []),
            "trigdelay 0",
            *(["trigsrc d7"] if on_edge else ["trigsrc sw", "eventsrc d7 fal"]),
            "freq 100",  # a rate for every output and format, whatever was set before
            f"output {self.output}",
            f"format {self.format}",
            f"freq {frequency(rate_hz)}",
        ]

    def signal(self, rate_hz: float, voltage_v: float) -> Signal:
        """Unit and rate of its samples. A binary sample, of 12 bits, is exact in float32."""
        kind = SampleKind.ENERGY if self.output == "energy" else SampleKind.CURRENT
        return Signal(kind, rate_hz, "float32" if self.binary else "float64", "J", voltage_v)

    def largest(self, rate_hz: float, voltage_v: float) -> float:
        """The largest possible sample: ampere, or joule."""
        return IMPOSSIBLE_A * self.per_ampere(rate_hz, voltage_v)

    def per_ampere(self, rate_hz: float, voltage_v: float) -> float:
        """The sample for a current of 1 A: ampere, or joule."""
        return voltage_v / rate_hz if self.output == "energy" else 1.0


def frequency(rate_hz: float) -> str:
    """A rate in the form of ``freq``."""
    return f"{rate_hz / 1000:.0f}k" if rate_hz >= 1000 else f"{rate_hz:.0f}"


def check_settings(port: str | None, settings: dict[str, Any], rate_hz: float | None) -> Choice:
    """Reads and checks the settings in the bench file and the rate; nothing is opened.

    Raises:
        BenchError: ``lpm01a.setting``, ``lpm01a.rate``.
    """
    choice = Choice.of(settings)
    if rate_hz is not None:
        checked_rate(rate_hz, choice.limits(), choice)
    return choice


def checked_rate(rate_hz: float, limits: MonitorLimits, choice: Choice) -> float:
    """The rate, if this output and format have it.

    Raises:
        BenchError: ``lpm01a.rate``.
    """
    if rate_hz not in limits.rates_hz:
        how = f"{choice.output} in {'binary' if choice.binary else 'ASCII'}"
        raise BenchError(
            "lpm01a.rate",
            f"the LPM01A has no rate of {rate_hz:g} samples/s of {how} without a time limit",
            f"Choose one of {', '.join(f'{rate:g}' for rate in limits.rates_hz)}"
            + ("." if choice.binary else ", or settings = { format = 'bin_hexa' } for up to 100000."),
        )
    return rate_hz


def millivolts(voltage_v: float, highest_v: float = HIGHEST_V) -> int:
    """The voltage in whole millivolts, checked against the ranges of the instrument and of the bench.

    Raises:
        BenchError: ``lpm01a.voltage``.
    """
    value = round(voltage_v * 1000)
    if abs(voltage_v * 1000 - value) > 1e-6 or not LOWEST_V * 1000 <= value <= HIGHEST_V * 1000:
        raise BenchError(
            "lpm01a.voltage",
            f"the LPM01A supplies 1.8 to 3.3 V in steps of 1 mV, not {voltage_v:g} V",
            "Change the voltage in the bench file, or use another supply.",
        )
    if voltage_v > highest_v:
        raise BenchError(
            "lpm01a.voltage",
            f"{voltage_v:g} V is above the bench's limit of {highest_v:g} V",
            "The LPM01A has no voltage limit that could be set: lower the voltage, or raise the bench's "
            "limit.",
        )
    return value


def _wrong(message: str) -> BenchError:
    return BenchError(
        "lpm01a.setting", f"the LPM01A's settings: {message}", "Correct [monitor.settings] in the bench file."
    )
