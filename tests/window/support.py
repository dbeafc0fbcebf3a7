"""What the tests of this room share: an exact oracle, traces in pieces, and the bits of a window.

The oracle works in fractions over a list of segments and shares no formula with the code under test.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from energy.findings import Finding
from energy.recording.trace import ArrayTrace
from energy.signal import Block, Edge, Gap, SampleKind, Signal
from energy.window.integrator import Window

SLOW = settings(deadline=None, max_examples=40)
"""For properties whose examples take milliseconds each."""
QUICK = settings(deadline=None, max_examples=300)

JOULE_EACH = Signal(SampleKind.ENERGY, 1000.0, dtype="float64")
"""A sample is its energy in joule: sums of whole numbers are exact."""


@dataclass(frozen=True)
class Step:
    """Power ``watt`` from the position before up to ``until``, in samples."""

    until: Fraction
    watt: Fraction


def true_energy(
    steps: list[Step], begin: Fraction, start: Fraction, stop: Fraction, rate: Fraction
) -> Fraction:
    """Energy in joule between two positions of power that is constant from ``begin`` to each step's end."""
    total = Fraction(0)
    since = begin
    for step in steps:
        overlap = min(stop, step.until) - max(start, since)
        if overlap > 0:
            total += overlap * step.watt
        since = step.until
    return total / rate


def sampled(steps: list[Step], begin: Fraction, count: int, rate: Fraction) -> list[Fraction]:
    """True energy in each of ``count`` samples from position ``begin`` on."""
    return [true_energy(steps, begin, begin + k, begin + k + 1, rate) for k in range(count)]


def as_columns(signal: Signal, energies: list[Fraction], volts: list[float]) -> tuple[np.ndarray, ...]:
    """Samples of a signal that has these energies; ``volts`` is used where voltage is sampled."""
    if signal.kind is SampleKind.ENERGY:
        per_joule = 1 if signal.energy_unit == "J" else 1_000_000
        return (np.array([float(energy * per_joule) for energy in energies]),)
    rate = Fraction(signal.rate_hz)
    if signal.kind is SampleKind.CURRENT:
        assert signal.voltage_v
        volt = Fraction(signal.voltage_v)
        return (np.array([float(energy * rate / volt) for energy in energies]),)
    pairs = zip(energies, volts, strict=False)
    current = np.array([float(energy * rate / Fraction(volt)) for energy, volt in pairs])
    return (current, np.array(volts[: len(energies)]))


@dataclass
class PiecesTrace:
    """A trace in memory that yields its samples in the blocks it was given."""

    signal: Signal
    blocks: list[Block]
    edges: list[Edge] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    about: dict = field(default_factory=dict)
    virtual: bool = False

    @property
    def first(self) -> int:
        return self.blocks[0].first

    @property
    def stop(self) -> int:
        return self.blocks[-1].stop

    @property
    def count(self) -> int:
        return sum(len(block) for block in self.blocks)

    def read(self, first: int, stop: int) -> Iterator[Block]:
        for block in self.blocks:
            part = block.clip(first, stop)
            if len(part):
                yield part


def in_blocks(columns: tuple[np.ndarray, ...], cuts: list[int], first: int = 0) -> list[Block]:
    """The columns as consecutive blocks, cut at these indices."""
    count = len(columns[0])
    ends = sorted({0, count, *(min(cut, count) for cut in cuts)})
    return [
        Block(first + low, tuple(column[low:high] for column in columns))
        for low, high in itertools.pairwise(ends)
    ]


def whole(
    values: np.ndarray | list[float], positions: list[float], *, first: int = 0, signal=JOULE_EACH
) -> ArrayTrace:
    """A trace of one column in memory, with exact edges."""
    edges = [Edge(float(position)) for position in positions]
    return ArrayTrace(signal, (np.asarray(values, dtype=signal.dtype),), edges=edges, first=first)


def bits(window: Window) -> tuple:
    """Everything about a window, every float by its bits."""

    def of(value: float) -> bytes:
        return struct.pack("<d", value)

    energies = {
        rule.value: (of(one.energy_j), of(one.duration_s), of(one.power_w), one.missing, one.not_finite)
        for rule, one in window.energies.items()
    }
    return (
        window.number,
        of(window.opening.position),
        of(window.closing.position),
        energies,
        of(window.bounds.step_j),
        of(window.bounds.position_j),
        window.findings,
    )


RATES = [1000.0, 3.0, 1e6, 2e6, 4882.8125, 0.1, 1.0, 0.5, 2.0**20, 2.0**-7, 1 / 3, 48000.0, 7812.5, 1e5, 99.9]
rates = st.one_of(
    st.sampled_from(RATES),
    st.floats(1e-3, 1e8, allow_nan=False, allow_infinity=False),
    # 1 / rate with few bits: the accumulated clock meets ties in every binade
    st.builds(
        lambda n, e: 1 / (n * 2.0**-e), st.integers(1, 4095).map(lambda n: 2 * n + 1), st.integers(0, 20)
    ),
)
