"""Reading buffers of the Keithley 2450 twin: the default ones and others, and what is read from them."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.virtual.scpi_parser import ILLEGAL_PARAMETER, OUT_OF_RANGE, Call, ScpiError

DEFAULT = "defbuffer1"
_DEFAULTS = (DEFAULT, "defbuffer2")
_CAPACITY = 100_000
_LEAST, _MOST = 10, 4_000_000
_MOST_AT_ONCE = 10_000
_EXISTS = '1115,"Parameter error: buffer exists already"'
_UNKNOWN = '1116,"Parameter error: there is no such buffer"'
_ELEMENTS = ("READing", "RELative", "SOURce", "STATus", "UNIT", "SEConds", "FRACtional")


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading: value, unit, seconds on the instrument's clock, value of the source."""

    value: float
    unit: str
    time_s: float
    source: float


@dataclass
class Buffer:
    """A reading buffer.

    Attributes:
        capacity: Number of readings that fit.
        readings: The readings that were asked for one by one.
        streams: Whether the trigger model fills it; the twin then computes its readings.
    """

    capacity: int = _CAPACITY
    readings: list[Reading] = field(default_factory=list[Reading])
    streams: bool = False

    def add(self, reading: Reading) -> None:
        """Adds a reading; a full buffer loses its oldest."""
        self.readings.append(reading)
        del self.readings[: -self.capacity]


class Buffers:
    """The buffers by name."""

    def __init__(self) -> None:
        self._buffers: dict[str, Buffer] = {}
        self.reset()

    def reset(self) -> None:
        """Deletes all but the default buffers."""
        self._buffers = {name: Buffer() for name in _DEFAULTS}

    def make(self, call: Call) -> None:
        """``TRACe:MAKE "name", size[, style]``."""
        name, size = call.string(0), int(call.number(1, _LEAST, _MOST))
        if name in self._buffers:
            raise ScpiError(_EXISTS)
        self._buffers[name] = Buffer(size)

    def delete(self, call: Call) -> None:
        """``TRACe:DELete "name"``; the default buffers stay."""
        name = call.string(0)
        self.named(name)
        if name in _DEFAULTS:
            raise ScpiError(ILLEGAL_PARAMETER)
        del self._buffers[name]

    def resize(self, call: Call) -> None:
        """``TRACe:POINts size[, "name"]``."""
        self.named(call.string(1, DEFAULT)).capacity = int(call.number(0, _LEAST, _MOST))

    def named(self, name: str) -> Buffer:
        """A buffer.

        Raises:
            ScpiError: There is none of this name.
        """
        if name not in self._buffers:
            raise ScpiError(_UNKNOWN)
        return self._buffers[name]

    def of(self, call: Call, index: int) -> Buffer:
        """The buffer that a parameter names; the first default buffer without one."""
        return self.named(call.string(index, DEFAULT))


def positions(call: Call, count: int) -> tuple[int, int]:
    """First and last reading, from 1, of ``TRACe:DATA? first, last``.

    Raises:
        ScpiError: The buffer has no such readings.
    """
    first, last = int(call.number(0)), int(call.number(1))
    if not 1 <= first <= last <= count or last - first >= _MOST_AT_ONCE:
        raise ScpiError(OUT_OF_RANGE)
    return first, last


def elements(call: Call, index: int) -> tuple[str, ...]:
    """Elements from a parameter on; ``READ`` if there are none."""
    asked = tuple(call.choice(_ELEMENTS, at) for at in range(index, len(call.arguments)))
    return asked or ("READ",)


def shown(readings: list[Reading], asked: tuple[str, ...]) -> str:
    """The elements of readings, in text."""
    first_s = readings[0].time_s if readings else 0.0
    parts: list[str] = []
    for reading in readings:
        texts = {
            "READ": f"{reading.value:.8E}",
            "REL": f"{reading.time_s - first_s:.8E}",
            "SOUR": f"{reading.source:.8E}",
            "STAT": "8",
            "UNIT": reading.unit,
            "SEC": f"{int(reading.time_s)}",
            "FRAC": f"{reading.time_s % 1:.9f}",
        }
        parts += [texts[name] for name in asked]
    return ",".join(parts)
