"""The vocabulary of a measurement: kinds of samples, blocks, edges, gaps, range changes, digital inputs.

Positions are numbers of samples in a monitor's sample clock, as floats where they may fall inside a sample:
sample ``k`` covers the positions ``[k + offset, k + 1 + offset)`` with the signal's ``coverage_offset``.
Everything here is plain data; nothing in it knows a file, an instrument or a benchmark.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32] | npt.NDArray[np.float64]
"""One column of samples, shape (n,), float32 or float64."""


class SampleKind(StrEnum):
    """The kind of a monitor's samples: energy, current, or current and voltage."""

    ENERGY = "energy"
    """Energy within the sample's period (LPM01A in energy mode, EEMBC traces, MLCommons results.json)."""
    CURRENT = "current"
    """Current in ampere; the supply voltage is the signal's ``voltage_v``, assumed constant."""
    CURRENT_VOLTAGE = "current+voltage"
    """Current in ampere and voltage in volt, sampled together."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Rate, kind and units of a monitor's samples.

    Attributes:
        kind: What one sample is.
        rate_hz: Samples per second of the monitor's own clock.
        dtype: ``"float32"`` or ``"float64"``, as the monitor delivers them.
        energy_unit: Unit of an energy sample, ``"J"`` or ``"uJ"`` (EEMBC traces hold microjoule,
            protocols.md 3.6); kept as recorded so that no bit is lost in a conversion.
        voltage_v: Supply voltage in volt for ``CURRENT``; for other kinds a remark, or None.
        coverage_offset: Where sample 0 begins, in samples: 0 where a sample covers the period after its
            time, -0.5 where it is centred on it, -1 where it covers the period before it.
    """

    kind: SampleKind
    rate_hz: float
    dtype: Literal["float32", "float64"] = "float32"
    energy_unit: Literal["J", "uJ"] = "J"
    voltage_v: float | None = None
    coverage_offset: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise ValueError(f"a sample rate must be a positive number of Hz, not {self.rate_hz!r}")
        if self.kind is SampleKind.CURRENT and not (self.voltage_v and math.isfinite(self.voltage_v)):
            raise ValueError("a recording of current alone needs the supply voltage in volt (voltage_v)")
        if not -1.0 <= self.coverage_offset <= 0.0:
            raise ValueError(f"coverage_offset lies between -1 and 0, not {self.coverage_offset!r}")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the sample columns, the unit in the name."""
        if self.kind is SampleKind.ENERGY:
            return ("energy_j",) if self.energy_unit == "J" else ("energy_uj",)
        if self.kind is SampleKind.CURRENT:
            return ("current_a",)
        return ("current_a", "voltage_v")

    @property
    def joule_per_unit(self) -> float:
        """Joule per unit of a sample (of current times voltage where both are sampled)."""
        if self.kind is SampleKind.ENERGY:
            return 1.0 if self.energy_unit == "J" else 1e-6
        if self.kind is SampleKind.CURRENT:
            assert self.voltage_v is not None  # held by __post_init__
            return self.voltage_v / self.rate_hz
        return 1.0 / self.rate_hz

    def to_json(self) -> dict[str, Any]:
        """The signal as it is written into a recording's schema."""
        return {
            "kind": self.kind.value,
            "rate_hz": self.rate_hz,
            "dtype": self.dtype,
            "energy_unit": self.energy_unit,
            "voltage_v": self.voltage_v,
            "coverage_offset": self.coverage_offset,
        }


@dataclass(frozen=True, slots=True)
class Block:
    """A run of consecutive samples.

    Attributes:
        first: Position of the first sample in the monitor's sample clock.
        columns: One array of shape (n,) per column of the signal, in the signal's order. The receiver may
            keep them: whoever makes a block does not write to its arrays again.
    """

    first: int
    columns: tuple[Samples, ...]

    def __len__(self) -> int:
        return len(self.columns[0])

    @property
    def stop(self) -> int:
        """Position after the last sample."""
        return self.first + len(self)

    def clip(self, first: int, stop: int) -> Block:
        """The part of the block inside ``[first, stop)``, as views. It may be empty."""
        low = min(max(first, self.first), self.stop)
        high = max(min(stop, self.stop), low)
        cut = slice(low - self.first, high - self.first)
        return Block(low, tuple(column[cut] for column in self.columns))


class SampleSource(Protocol):
    """Whatever samples can be read from by position: a recording, a store being written, a foreign trace."""

    @property
    def signal(self) -> Signal:
        """Rate, kind and units of the samples."""
        ...

    def read(self, first: int, stop: int) -> Iterator[Block]:
        """The samples in ``[first, stop)`` in order, as blocks; where samples are missing, nothing comes."""
        ...


class EdgeKind(StrEnum):
    """Which way the DUT's timestamp pin went."""

    FALL = "fall"
    RISE = "rise"


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """An edge of the DUT's timestamp pin.

    Attributes:
        position: Where it lies in the monitor's sample clock, in samples.
        bound: How far from ``position`` it may truly lie, either way, in samples.
        kind: Falling (the benchmark's mark) or rising.
        source: Who saw it (``"d7"``, ``"gpi0"``, ``"uno"``).
    """

    position: float
    bound: float = 0.0
    kind: EdgeKind = EdgeKind.FALL
    source: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.position):
            raise ValueError(f"an edge needs a finite position, not {self.position!r}")
        if not (math.isfinite(self.bound) and self.bound >= 0):
            raise ValueError(f"an edge's bound is a number of samples, at least 0, not {self.bound!r}")


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples that are not there: the monitor took them and nobody got them, or they are not kept.

    Attributes:
        first: Position of the first missing sample.
        count: How many are missing, or None where the monitor cannot tell (the time base breaks there).
        reason: How it was noticed (``"sequence counter"``, ``"driver log: pkt_index skip"``).
        lost: Whether nobody got them; else they came, and the recording does not keep them.
    """

    first: int
    count: int | None
    reason: str
    lost: bool = True


@dataclass(frozen=True, slots=True)
class RangeChange:
    """From ``position`` on, the monitor measured on the range called ``name``."""

    position: int
    name: str


@dataclass(frozen=True, slots=True)
class DigitalInput:
    """A one-bit input of the monitor, sampled at a rate of its own.

    Attributes:
        name: ``"gpi0"``, ``"d7"``.
        rate_hz: Levels per second.
        offset: Position, in samples of the analogue signal, of the instant of level 0.
        phases: Whether the DUT's phase pin is wired to it, whose edges open and close no window.
    """

    name: str
    rate_hz: float
    offset: float = 0.0
    phases: bool = False

    def positions(self, index: npt.NDArray[np.int64], sample_rate_hz: float) -> npt.NDArray[np.float64]:
        """Positions in the analogue sample clock of the levels with these indices."""
        return self.offset + index.astype(np.float64) * (sample_rate_hz / self.rate_hz)


@dataclass(frozen=True, slots=True)
class DigitalBlock:
    """A run of consecutive levels, packed eight to a byte, least significant bit first.

    Attributes:
        first: Index of the first level in the input's own clock.
        count: Number of levels (the last byte may be filled up with bits that mean nothing).
        bits: uint8, shape (ceil(count / 8),).
    """

    first: int
    count: int
    bits: npt.NDArray[np.uint8]

    @property
    def stop(self) -> int:
        """Index after the last level."""
        return self.first + self.count
