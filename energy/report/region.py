"""The region of interest: limits on latency, power, energy, accuracy, memory, and what lies within them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from energy.catalogue.choose import quantity
from energy.errors import UsageError
from energy.report.points import OperatingPoint
from energy.report.units import compact

Verdict = Literal["inside", "outside", "unknown"]


@dataclass(frozen=True)
class Region:
    """Limits in SI units; None: no limit.

    Attributes:
        max_latency_s: Longest time of an inference.
        max_power_w: Highest mean power inside the windows.
        max_energy_j: Highest energy per inference.
        min_accuracy: Lowest accuracy, as a fraction.
        max_memory_bytes: Most flash and RAM together.
    """

    max_latency_s: float | None = None
    max_power_w: float | None = None
    max_energy_j: float | None = None
    min_accuracy: float | None = None
    max_memory_bytes: float | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))

    def verdict(self, point: OperatingPoint) -> Verdict:
        """Whether a point lies within all limits; ``"unknown"`` where a limited figure is not known."""
        found: list[bool | None] = [
            None if value is None else value <= limit if upper else value >= limit
            for value, limit, upper in self._checks(point)
        ]
        if False in found:
            return "outside"
        return "unknown" if None in found else "inside"

    def unknown(self, point: OperatingPoint) -> list[str]:
        """The limited figures of a point that are not known."""
        names = dict(zip(_NAMES, self._all(point), strict=True))
        return [name for name, (value, limit, _) in names.items() if limit is not None and value is None]

    def text(self) -> str:
        """The limits in a line: ``latency ≤ 20 ms, energy ≤ 1 mJ``."""
        parts = [
            f"{name} {'≤' if upper else '≥'} {compact(limit, unit) if unit else f'{limit:g}'}"
            for name, unit, (limit, upper) in zip(_NAMES, _UNITS, self._limits(), strict=True)
            if limit is not None
        ]
        return ", ".join(parts)

    def to_json(self) -> dict[str, float | None]:
        """For ``--json``."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _limits(self) -> list[tuple[float | None, bool]]:
        return [
            (self.max_latency_s, True),
            (self.max_power_w, True),
            (self.max_energy_j, True),
            (self.min_accuracy, False),
            (self.max_memory_bytes, True),
        ]

    def _all(self, point: OperatingPoint) -> list[tuple[float | None, float | None, bool]]:
        joule = None if point.streaming else point.joule_per_inference
        values = (point.latency_s, point.power_w, joule, point.accuracy, point.memory_bytes)
        return [(value, *limit) for value, limit in zip(values, self._limits(), strict=True)]

    def _checks(self, point: OperatingPoint) -> Iterator[tuple[float | None, float, bool]]:
        for value, limit, upper in self._all(point):
            if limit is not None:
                yield value, limit, upper


_NAMES = ("latency", "power", "energy", "accuracy", "memory")
_UNITS = ("s", "W", "J", "", "B")


def region_of(
    max_latency: str | float | None = None,
    max_power: str | float | None = None,
    max_energy: str | float | None = None,
    min_accuracy: str | float | None = None,
    max_memory: str | float | None = None,
) -> Region:
    """A region from limits as a person writes them: ``20ms``, ``10 mW``, ``1mJ``, ``85 %``, ``256KiB``.

    Args:
        max_latency: Of an inference; a number is in seconds.
        max_power: Mean power inside the windows; in watt.
        max_energy: Per inference; in joule.
        min_accuracy: A fraction, or a percentage with its sign.
        max_memory: Flash and RAM together; in bytes.

    Raises:
        UsageError: ``usage.limit``.
    """
    return Region(
        _limit("latency", max_latency, "s", "20ms"),
        _limit("power", max_power, "W", "10mW"),
        _limit("energy", max_energy, "J", "1mJ"),
        _fraction(min_accuracy),
        _limit("memory", max_memory, "B", "256KiB"),
    )


def _limit(name: str, given: str | float | None, unit: str, example: str) -> float | None:
    if given is None:
        return None
    value = quantity(str(given), unit)
    if value is None or not 0 < value < float("inf"):
        raise UsageError(
            "usage.limit", f"{given!r} is no limit of {name} above 0", f"Write a quantity, such as {example}."
        )
    return value


def _fraction(given: str | float | None) -> float | None:
    if given is None:
        return None
    text = str(given).strip()
    value = quantity(text.removesuffix("%"), "")
    if value is not None and text.endswith("%"):
        value /= 100.0
    if value is None or not 0 <= value <= 1:
        raise UsageError(
            "usage.limit", f"{given!r} is no accuracy", "Write a fraction or a percentage: 0.85 or 85%."
        )
    return value
