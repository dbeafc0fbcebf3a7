"""Cells of the Monte Carlo check of uncertainty statements: a virtual measurement, repeated many times.

A cell is a kind of monitor with a number of windows. The truth is the energy of the virtual world's timeline,
whose samples are taken once. A draw is a measurement of it by another instrument of the same specification:
gain, offset, voltage, sample clock (each rectangular within its limits, as the specification states them),
the edges (each within its bound), noise, and the DUT's scatter. It scales and shifts the samples, integrates
the windows by the same integrator as every measurement, and makes the budget by the same path. Nothing here
knows the model of the budget.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from drivers.joulescope.accuracy import accuracy_lines as joulescope_lines
from drivers.joulescope.device import JS220
from drivers.keithley_2450.accuracy import accuracy_lines as keithley_2450_lines
from drivers.keysight_n6705.accuracy import accuracy_lines as n6705_lines
from drivers.lpm01a.accuracy import accuracy_lines as lpm01a_lines
from drivers.ppk2.accuracy import accuracy_lines as ppk2_lines
from drivers.virtual.sampler import Sampler
from drivers.virtual.timeline import Pattern, Timeline, picowatts
from energy.evidence.scope import Scope
from energy.instruments import Accuracy
from energy.recording.trace import ArrayTrace
from energy.signal import Edge, RangeChange, SampleKind, Signal
from energy.uncertainty.budget import Budget
from energy.uncertainty.facts import Conditions, VoltageSource
from energy.uncertainty.gather import windows_of
from energy.uncertainty.model import Model
from energy.window.figures import SessionFigures, WindowFigures
from energy.window.integrator import integrate_trace
from energy.window.pairing import SequencePairing

VOLTAGE_V = 3.0
ACTIVE_W, IDLE_W = 0.030, 0.012
"""Mean power in a window, and before and after it: 10 mA and 4 mA."""
SCATTER = 0.00071
"""Relative standard deviation of a window's energy, as in published results (mlperf-tiny.md 4)."""
_APART_S = 0.1137
"""Pause between windows: no multiple of any sample period."""
_MARGIN = 4
"""Samples beside a window that its edges may need."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """A kind of monitor with its settings.

    Attributes:
        name: For tables.
        kind: Kind of its samples.
        rate_hz: Samples per second.
        lines: Its specification.
        current_range: The range; None: each sample is on the smallest range that includes it.
        voltage_range: Likewise of the voltage.
        voltage_source: Who measured the voltage.
        edge_s: Bound of each edge.
        common_edges: Whether all windows have the same error of their edges.
        window_s: Length of a window.
        inference_s: Length of an inference.
        scatter: Relative standard deviation of a window's energy.
    """

    name: str
    kind: SampleKind
    rate_hz: float
    lines: tuple[Accuracy, ...]
    current_range: str | None
    voltage_range: str | None = None
    voltage_source: VoltageSource = "assumed"
    edge_s: float = 0.0
    common_edges: bool = False
    window_s: float = 10.0
    inference_s: float = 0.02
    scatter: float = SCATTER

    def line(self, quantity: str, name: str | None, role: str = "measure") -> Accuracy:
        """The line of a range."""
        return next(
            row for row in self.lines if (row.quantity, row.role) == (quantity, role) and row.range == name
        )

    @property
    def iterations(self) -> int:
        """Inferences in a window."""
        return round(self.window_s / self.inference_s)


_CURRENT, _BOTH = SampleKind.CURRENT, SampleKind.CURRENT_VOLTAGE
_2450 = keithley_2450_lines(1.0)
_IO_EDGE_S = 5e-4
"""A bound that the fit of an IO manager's clock may have."""
LPM01A = Kind(
    "LPM01A, energy",
    SampleKind.ENERGY,
    1e3,
    lpm01a_lines("ascii_dec", 0.05),
    "dynamic",
    "1.8 to 3.3 V",
    edge_s=1e-3,
)
_2450_10_MA = Kind(
    "2450, 10 mA", _CURRENT, 50.0, _2450, "10 mA", "20 V", edge_s=_IO_EDGE_S, common_edges=True
)
N6781A = Kind(
    "N6781A, 100 mA",
    _BOTH,
    1 / 204.8e-6,
    n6705_lines("N6781A", 204.8e-6),
    *("100 mA", "20 V", "samples"),
    edge_s=_IO_EDGE_S,
    common_edges=True,
)
KINDS = (
    LPM01A,
    Kind(
        "PPK2, two ranges", _CURRENT, 1e5, ppk2_lines("source"), None, "0.8 to 5 V", edge_s=1e-5, window_s=1
    ),
    _2450_10_MA,
    replace(_2450_10_MA, name="2450, 100 mA", current_range="100 mA"),
    N6781A,
    Kind(
        "JS220, 18 mA",
        _BOTH,
        1e4,
        joulescope_lines(JS220),
        *("18 mA", "15 V", "samples"),
        edge_s=1e-4,
    ),
)
"""The kinds of monitor: an energy counter, current at an assumed voltage, current and voltage."""
EXTREME = (
    replace(LPM01A, name="LPM01A, 10.4 ms windows", window_s=0.0104, inference_s=0.0008, scatter=1e-5),
    replace(N6781A, name="N6781A, scatter 1 %", scatter=0.01),
    replace(_2450_10_MA, name="2450, 200 ms windows", window_s=0.2, scatter=1e-5),
)
"""Cells in which a single kind of term is nearly everything: edges, scatter, the power step at the edges."""


@dataclass(frozen=True)
class Base:
    """The world of a cell: samples of its true power, and the true edges.

    Attributes:
        kind: The monitor.
        count: Number of windows.
    """

    kind: Kind
    count: int

    @cached_property
    def timeline(self) -> Timeline:
        """Idle, then windows of inferences, each beginning with its edge and ending with it."""
        timeline = Timeline()
        timeline.set(0, Pattern.constant(IDLE_W))
        inference_ns = round(self.kind.inference_s * 1e9)
        busy_ns = inference_ns * 3 // 5
        low_w = 0.4 * ACTIVE_W
        high_w = (ACTIVE_W * inference_ns - low_w * (inference_ns - busy_ns)) / busy_ns
        phases = [(busy_ns, picowatts(high_w)), (inference_ns - busy_ns, picowatts(low_w))]
        for start_ns, stop_ns in self.edges_ns:
            timeline.set(start_ns, Pattern(phases))
            timeline.set(stop_ns, Pattern.constant(IDLE_W))
        return timeline

    @cached_property
    def edges_ns(self) -> list[tuple[int, int]]:
        """True edges of each window."""
        length_ns = self.kind.iterations * round(self.kind.inference_s * 1e9)
        step_ns = length_ns + round((_APART_S + 0.25 * math.pi / self.kind.rate_hz) * 1e9)
        return [(10**8 + k * step_ns, 10**8 + k * step_ns + length_ns) for k in range(self.count)]

    @cached_property
    def truth_j(self) -> float:
        """True energy per inference; the same in every window."""
        start_ns, stop_ns = self.edges_ns[0]
        return float(self.timeline.energy_j(start_ns, stop_ns)) / self.kind.iterations

    @cached_property
    def positions(self) -> Floats:
        """True edges in samples, shape (count, 2)."""
        return np.array(self.edges_ns) * 1e-9 * self.kind.rate_hz

    @cached_property
    def powers_w(self) -> Floats:
        """Mean power in each sample."""
        sampler = Sampler(self.timeline, 0, self.kind.rate_hz, 0.0)
        return sampler.powers_w(0, math.ceil(self.positions[-1, 1]) + _MARGIN)

    @cached_property
    def ranges(self) -> tuple[list[str], npt.NDArray[np.int64]]:
        """Names of ranges, and the range of each sample."""
        kind = self.kind
        if kind.current_range is not None:
            return [kind.current_range], np.zeros(len(self.powers_w), dtype=np.int64)
        lines = sorted(
            (row for row in kind.lines if row.quantity == "current"), key=lambda row: row.full_scale
        )
        ends = np.array([row.full_scale for row in lines])
        return [row.range for row in lines], np.searchsorted(ends, self.powers_w / VOLTAGE_V)

    @cached_property
    def changes(self) -> npt.NDArray[np.int64]:
        """Positions at which the range changes."""
        return np.flatnonzero(np.diff(self.ranges[1])) + 1


@dataclass(frozen=True)
class Draw:
    """A measurement by an instrument within its specification: reading = (truth - offset) / (1 + gain).

    Attributes:
        base: The world.
        rng: Where chance comes from.
    """

    base: Base
    rng: np.random.Generator

    def budget(self, windows: int) -> Budget:
        """The budget of the energy per inference of some windows."""
        base, kind, rng = self.base, self.base.kind, self.rng
        first_window = int(rng.integers(0, base.count - windows + 1))
        true = base.positions[first_window : first_window + windows]
        first, stop = math.floor(true[0, 0]) - _MARGIN, math.ceil(true[-1, 1]) + _MARGIN
        scale = np.ones(stop - first)
        for start, end in true:
            part = slice(math.floor(start) - _MARGIN - first, math.ceil(end) + _MARGIN - first)
            scale[part] = 1.0 + kind.scatter * rng.standard_normal()
        clock = self._error(kind.line("time", self._clock_name()).gain)
        volts, shown_v = self._voltage()
        current = self._current(base.powers_w[first:stop] * scale / volts, first, stop)
        signal, columns = self._signal(current, shown_v, clock)
        trace = _Ranged(
            signal, columns, self._edges(true), first=first, ranges=list(self._changes(first, stop))
        )
        found, _ = integrate_trace(trace, SequencePairing())
        if len(found) != windows:
            raise RuntimeError(f"{len(found)} of {windows} windows were found")
        figures = SessionFigures(tuple(WindowFigures(window, kind.iterations) for window in found))
        return Model(self._conditions(columns), windows_of(figures, trace)).joule_per_inference()

    def _error(self, limit: float) -> float:
        return float(self.rng.uniform(-limit, limit))

    def _clock_name(self) -> str:
        return next(row.range for row in self.base.kind.lines if row.quantity == "time")

    def _voltage(self) -> tuple[float, float]:
        """The true voltage at the DUT, and what is shown or assumed of it."""
        kind = self.base.kind
        if kind.voltage_source == "samples":
            line = kind.line("voltage", kind.voltage_range)
            return VOLTAGE_V, (VOLTAGE_V - self._error(line.offset)) / (1.0 + self._error(line.gain))
        line = kind.line("voltage", kind.voltage_range, "source")
        return VOLTAGE_V * (1.0 + self._error(line.gain)) + self._error(line.offset), VOLTAGE_V

    def _current(self, true_a: Floats, first: int, stop: int) -> Floats:
        """Readings of current."""
        names, of_sample = self.base.ranges
        lines = [self.base.kind.line("current", name) for name in names]
        gains = np.array([self._error(line.gain) for line in lines])
        offsets = np.array([self._error(line.offset) for line in lines])
        which = of_sample[first:stop]
        reading = (true_a - offsets[which]) / (1.0 + gains[which])
        noise = np.array([line.noise for line in lines])
        if not noise.any():
            return reading
        return reading + noise[which] * self.rng.standard_normal(len(reading))

    def _signal(self, current: Floats, shown_v: float, clock: float) -> tuple[Signal, tuple[Floats, ...]]:
        """Samples as the monitor gives them; its clock is slow by ``clock``."""
        kind = self.base.kind
        if kind.kind is SampleKind.ENERGY:
            energy = current * shown_v / (kind.rate_hz * (1.0 + clock))
            return Signal(kind.kind, kind.rate_hz * (1.0 + clock), "float64"), (energy,)
        signal = Signal(kind.kind, kind.rate_hz * (1.0 + clock), "float64", voltage_v=shown_v)
        if kind.kind is SampleKind.CURRENT:
            return signal, (current,)
        noise = kind.line("voltage", kind.voltage_range).noise
        volts = np.full(len(current), shown_v)
        return signal, (current, volts + noise * self.rng.standard_normal(len(volts)) if noise else volts)

    def _edges(self, true: Floats) -> list[Edge]:
        """Edges as they are seen, each within its bound of the true one."""
        kind, bound = self.base.kind, self.base.kind.edge_s * self.base.kind.rate_hz
        errors = self.rng.uniform(-bound, bound, (1 if kind.common_edges else len(true), 2))
        seen = (true + errors).ravel()
        return [Edge(float(position), bound) for position in seen]

    def _changes(self, first: int, stop: int) -> Iterator[RangeChange]:
        names, of_sample = self.base.ranges
        if len(names) == 1:
            return
        yield RangeChange(first, names[int(of_sample[first])])
        low, high = np.searchsorted(self.base.changes, (first, stop), side="right")
        positions: list[int] = self.base.changes[low:high].tolist()
        for position in positions:
            yield RangeChange(position, names[int(of_sample[position])])

    def _conditions(self, columns: Sequence[Floats]) -> Conditions:
        kind = self.base.kind
        return Conditions(
            kind=kind.kind,
            session="draw",
            model=kind.name,
            serial_number="1",
            bench="virtual",
            voltage_v=float(columns[1].mean()) if kind.voltage_source == "samples" else VOLTAGE_V,
            scope=Scope(feeds=("core",)),
            voltage_source=kind.voltage_source,
            lines=kind.lines,
            current_range=kind.current_range,
            voltage_range=kind.voltage_range,
            temperature_c=23.0,
            common_edges=kind.common_edges,
        )


@dataclass
class _Ranged(ArrayTrace):
    ranges: list[RangeChange] = field(default_factory=list[RangeChange])


@dataclass(frozen=True)
class Cell:
    """What many draws of a cell gave.

    Attributes:
        name: The monitor.
        windows: Number of windows.
        draws: Number of draws.
        covered: Part of the draws whose interval held the truth.
        expanded: Median of U, relative to the truth.
        half_width: Half-width of the interval that holds 95 % of the errors, relative to the truth.
        freedom: Median of the effective degrees of freedom; infinite ones included.
        factor: Median of k.
        by_distribution: Part of the draws whose k is from the distribution itself.
        bias: Mean error, relative to the truth.
    """

    name: str
    windows: int
    draws: int
    covered: float
    expanded: float
    half_width: float
    freedom: float
    factor: float
    by_distribution: float
    bias: float

    @property
    def ratio(self) -> float:
        """U over the half-width that the errors truly have."""
        return self.expanded / self.half_width


def cell(kind: Kind, windows: int, draws: int, seed: int) -> Cell:
    """Repeats a measurement.

    Args:
        kind: The monitor.
        windows: Number of windows.
        draws: How often.
        seed: Seed of the generator.
    """
    base = Base(kind, max(2 * windows, 6))
    rng = np.random.default_rng(seed)
    budgets = [Draw(base, rng).budget(windows) for _ in range(draws)]
    errors = np.array([budget.value for budget in budgets]) / base.truth_j - 1.0
    expanded = np.array([budget.expanded for budget in budgets]) / base.truth_j
    return Cell(
        kind.name,
        windows,
        draws,
        float(np.mean(np.abs(errors) <= expanded)),
        float(np.median(expanded)),
        float(np.quantile(np.abs(errors), 0.95)),
        float(np.median([budget.freedom for budget in budgets])),
        float(np.median([budget.k for budget in budgets])),
        float(np.mean([budget.coverage.method == "distribution" for budget in budgets])),
        float(errors.mean()),
    )
