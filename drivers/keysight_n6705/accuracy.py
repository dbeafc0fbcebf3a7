"""Accuracy of an N6705's modules (protocols.md 7)."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.unverified import SPECIFICATION, Unverified
from energy.instruments import Accuracy, Status

_MEMORY = "from memory of data sheet 5990-5829EN (protocols.md 7)"
_GUIDE = "noise: N6700 specification guide, p. 52"
_AVERAGED = "1 year, 1 power line cycle; noise of one average over the aperture"
_APERTURES_S = (5.1e-6, 51.2e-6, 102.4e-6, 169e-6, 512e-6, 998.4e-6, 1.7e-3, 10e-3, 16.7e-3)
"""Averaging times in the guide's table, at 60 Hz. Below one cycle of the mains the guide adds the noise to
the accuracy; as it is the converter's noise, here it is that of one reading, which averages out."""

Noise = tuple[float, ...]
_N6781_20V: Noise = (2.3e-3, 1.2e-3, 993.7e-6, 894.8e-6, 533.4e-6, 297.5e-6, 276.6e-6, 87.4e-6, 69.6e-6)
_N6781_1V: Noise = (186.6e-6, 90.3e-6, 57.0e-6, 45.5e-6, 26.7e-6, 22.1e-6, 19.8e-6, 7.1e-6, 4.8e-6)
_N6785_20V: Noise = (2.9e-3, 1.3e-3, 1.0e-3, 1.0e-3, 394.2e-6, 298.5e-6, 260.6e-6, 98.1e-6, 69.8e-6)
_N6785_8A: Noise = (1.2e-3, 552.2e-6, 409.7e-6, 313.8e-6, 198.9e-6, 138.0e-6, 94.4e-6, 45.6e-6, 43.5e-6)
_N6785_100MA: Noise = (13.5e-6, 7.1e-6, 5.4e-6, 4.1e-6, 2.5e-6, 1.7e-6, 1.3e-6, 644.2e-9, 471.5e-9)
_N6785_1MA: Noise = (1.4e-6, 594.3e-9, 306.2e-9, 191.0e-9, 67.7e-9, 38.8e-9, 23.8e-9, 8.2e-9, 6.9e-9)


@dataclass(frozen=True, slots=True)
class _Row:
    """A range: name, upper end, gain, offset, and its noise at each averaging time where it is known."""

    name: str
    full_scale: float
    gain: float
    offset: float
    noise: Noise | None = None


@dataclass(frozen=True, slots=True)
class _Module:
    current: tuple[_Row, ...]
    voltage: tuple[_Row, ...]
    source: str


_N6781 = _Module(
    (
        _Row("3 A", 3.0, 0.0003, 250e-6),
        _Row("100 mA", 0.1, 0.00025, 10e-6),
        _Row("1 mA", 1e-3, 0.00025, 100e-9),
        _Row("10 µA", 10e-6, 0.00025, 8e-9),
    ),
    (_Row("20 V", 20.0, 0.00025, 1.2e-3, _N6781_20V), _Row("1 V", 1.0, 0.00025, 75e-6, _N6781_1V)),
    _MEMORY,
)
_N6785 = _Module(
    (
        _Row("8 A", 8.0, 0.001, 4e-3, _N6785_8A),
        _Row("100 mA", 0.1, 0.001, 50e-6, _N6785_100MA),
        _Row("1 mA", 1e-3, 0.001, 500e-9, _N6785_1MA),
    ),
    (_Row("20 V", 20.0, 0.001, 10e-3, _N6785_20V),),
    "assumed: no document at hand; about four times an N6781A's, 0.05 % of the range at least",
)
_MODULES = {"N6781A": _N6781, "N6785A": _N6785, "N6786A": _N6785}
_CLOCK = 100e-6


UNVERIFIED = (
    Unverified(
        "_N6781",
        "Gain and offset of the N6781A, from memory of its data sheet (protocols.md 7).",
        *SPECIFICATION,
    ),
    Unverified(
        "_N6785",
        "N6785A and N6786A are right to 0.1 % of the reading and 0.05 % of the range.",
        *SPECIFICATION,
    ),
    Unverified("_CLOCK", "The N6705's sample clock is right to 100 ppm.", *SPECIFICATION),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


def accuracy_lines(module: str, period_s: float) -> tuple[Accuracy, ...]:
    """The specification of a module: logged current and voltage, and the sample clock.

    The names of the ranges are those of ``current_range`` and ``voltage_range`` in the settings. Of another
    module than those whose figures are known or assumed, there is the clock alone.

    Args:
        module: Its model, such as ``N6781A``.
        period_s: Time that a record averages; the noise is that of the longest averaging time in the guide's
            table which it contains.
    """
    known = _MODULES.get(module, _Module((), (), ""))
    clock = Accuracy(
        *("time", "sample clock", 0.0, _CLOCK, 0.0),
        source="assumed: no document at hand; twice a B2900's (protocols.md 7)",
        status="assumed",
    )
    current = (_line("current", row, known.source, period_s) for row in known.current)
    voltage = (_line("voltage", row, known.source, period_s) for row in known.voltage)
    return (*current, *voltage, clock)


def _line(quantity: str, row: _Row, source: str, period_s: float) -> Accuracy:
    status: Status = "assumed"
    at = max((k for k, aperture_s in enumerate(_APERTURES_S) if aperture_s <= period_s * 1.001), default=0)
    return Accuracy(
        "current" if quantity == "current" else "voltage",
        *(row.name, row.full_scale, row.gain, row.offset),
        source=f"{source}; {_GUIDE}" if row.noise else source,
        status=status,
        conditions=_AVERAGED if row.noise else "1 year, 1 power line cycle",
        noise=row.noise[at] if row.noise else 0.0,
        aperture_s=_APERTURES_S[at] if row.noise else 0.0,
        interval_days=365.0,
    )
