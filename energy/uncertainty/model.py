"""The measurement model: from indicated windows to uncertain energy, power and throughput.

For every kind of monitor, with the relative error g of a gain, the error o of an offset, the relative error c
of the sample clock, and the parts r of a window by range:

    E = (sum over r of [E_r (1 + l) (1 + g_r) + o_r V t_r]) (1 + g_V + o_V / V) (1 + c) - R (E / V t)^2 t + D

E_r and t_r are indicated energy and time; V is the supply voltage: the samples' mean where they hold it, else
the stated one. An energy counter multiplies current by an assumed voltage inside the instrument, so the same
terms apply. R is a resistance between monitor and DUT (at its mean current), l the part that lost samples had
in the energy, D the error of the edges. Figures:

    energy per inference  E / N;   mean power  E / (t (1 + c));   throughput  N / (t (1 + c))

Gain and offset are the same in all samples, windows and trials (mlperf-tiny.md 4). Noise differs from window
to window: it is a part of the scatter. The errors of edges on a sample grid do not always differ: windows of
nearly equal length are rounded alike, and a power step that follows each edge by the same time is cut with
the same sign each time (JCGM 100:2008, F.2.2.1). So they are stated beside the scatter, of which they may be
a part (decision 0032).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from energy.uncertainty.budget import Budget, budget_of
from energy.uncertainty.estimator import median_factor, median_uncertainty
from energy.uncertainty.facts import Conditions, IdleFacts, RangePart, WindowFacts
from energy.uncertainty.inputs import Input, Inputs, normal, rectangular, triangular
from energy.uncertainty.specified import Errors, clock_error, errors_of, noise_of, voltage_error

_IDLE_AT = "idle"
WindowModel = Callable[[WindowFacts], Any]


class Local(NamedTuple):
    """Errors of a single window in the unit of a figure: of its edges (largest), and of noise (standard)."""

    step: float
    position: float
    noise: float


class Model:
    """The measurement model of a session.

    Args:
        conditions: Instruments and conditions.
        windows: Its windows, at least one, each with its number of inferences.
        inputs: Where the inputs go; shared by everything that is to be correlated.

    Raises:
        MissingLineError: If nobody says how accurate the monitor is.
    """

    def __init__(
        self, conditions: Conditions, windows: Sequence[WindowFacts], inputs: Inputs | None = None
    ) -> None:
        self.conditions = conditions
        self.windows = tuple(windows)
        self.inputs = inputs or Inputs()
        self._clock = self.inputs.number(clock_error(conditions))
        self._voltage = self._voltage_factor()

    def joule_per_inference(self) -> Budget:
        """The budget of the median energy per inference."""
        return self._median(
            "energy per inference",
            "J",
            lambda window: self.energy(window) / window.iterations,
            lambda window: window.energy_j / window.iterations,
            self._local_j,
        )

    def power(self) -> Budget:
        """The budget of the median mean power."""
        return self._median(
            "mean power",
            "W",
            lambda window: self.energy(window) / self.duration(window),
            lambda window: window.power_w,
            self._local_w,
        )

    def inferences_per_second(self) -> Budget:
        """The budget of the median throughput."""
        return self._median(
            "inferences per second",
            "inf/s",
            lambda window: window.iterations / self.duration(window),
            lambda window: window.iterations / window.duration_s,
            self._local_rate,
        )

    def net_joule_per_inference(self, idle: IdleFacts) -> Budget:
        """The budget of the median energy per inference above idle.

        The idle power is measured with the same gain, offset and clock, so that these cancel in part.

        Args:
            idle: A stretch in which the DUT was idle.
        """
        as_window = WindowFacts(idle.energy_j, idle.duration_s, 1)
        idle_w = self.energy(as_window, _IDLE_AT) / self.duration(as_window)

        def net(window: WindowFacts) -> Any:
            return (self.energy(window) - idle_w * self.duration(window)) / window.iterations

        def indicated(window: WindowFacts) -> float:
            return (window.energy_j - as_window.power_w * window.duration_s) / window.iterations

        def local(window: WindowFacts) -> Local:
            shift_j = abs(window.position_j - as_window.power_w * window.position_s)
            return self._local_j(window)._replace(position=shift_j / window.iterations)

        return self._median("energy per inference above idle", "J", net, indicated, local)

    def energy(self, window: WindowFacts, at: str = "") -> Any:
        """The energy of a window as an uncertain number, in joule; without scatter and edges.

        Args:
            window: The window.
            at: Name of its level of power, where it is far from that of the windows: the gain of an
                instrument that is not linear is another quantity there.
        """
        voltage_v = self.conditions.voltage_v
        read: Any = window.energy_j  # exactly: the parts are of whole samples
        offsets: Any = 0.0
        for name, part in self._parts(window).items():
            gain, offset = self._numbers(self._current(name or None, part, at))
            read = read + part.energy_j * gain
            offsets = offsets + offset * (voltage_v * part.time_s)
        total = (read * (1.0 + self._lost(window)) + offsets) * self._voltage * (1.0 + self._clock)
        current_a = window.energy_j / (voltage_v * window.duration_s)
        for name, ohm, tolerance in self.conditions.resistances:
            total = total - self._resistance(name, ohm, tolerance) * (current_a**2 * window.duration_s)
        return total

    def duration(self, window: WindowFacts) -> Any:
        """The duration of a window as an uncertain number, in seconds."""
        return window.duration_s * (1.0 + self._clock)

    def _parts(self, window: WindowFacts) -> Mapping[str | None, RangePart]:
        """A window by range; where the range did not change in it, the whole of it."""
        if window.ranges:
            return {**window.ranges}
        return {self.conditions.current_range: RangePart(window.energy_j, window.duration_s)}

    def _reading(self, part: RangePart) -> float:
        """Mean current of a part, without its sign."""
        return abs(part.energy_j / (self.conditions.voltage_v * part.time_s)) if part.time_s else 0.0

    def _current(self, name: str | None, part: RangePart, at: str) -> Errors:
        return errors_of("current", self.conditions, self._reading(part), name, at=at)

    def _lost(self, window: WindowFacts) -> Any:
        """What lost samples add to the energy, as a part of it: they are best taken for average ones.

        The energy is that of the samples that exist, so it is too small by what the others had: something
        between nothing and twice the average.
        """
        if not window.missing:
            return 0.0
        part = window.missing / (window.samples - window.missing)
        name = f"lost samples, {window.missing} of {window.samples}"
        source = "taken for average ones; their energy is unknown: none to twice the average"
        key = f"{self.conditions.session}/{name}"
        return self.inputs.number(rectangular(key, name, part, "", source, "measured", estimate=part))

    def _voltage_factor(self) -> Any:
        errors, difference = voltage_error(self.conditions)
        gain, offset = self._numbers(errors)
        factor = 1.0 + gain + offset / self.conditions.voltage_v
        if difference is not None and difference.limit:
            factor = factor + self.inputs.number(difference)
        return factor

    def _numbers(self, errors: Errors) -> tuple[Any, Any]:
        """Gain and offset as uncertain numbers; an offset that there is not is 0."""
        if errors.offset is None:
            return self.inputs.number(errors.gain), 0.0
        if errors.correlation:
            pair = (errors.gain.key, errors.offset.key)
            gain, offset = self.inputs.correlated((errors.gain, errors.offset), {pair: errors.correlation})
            return gain, offset
        return self.inputs.number(errors.gain), self.inputs.number(errors.offset)

    def _resistance(self, name: str, ohm: float, tolerance: float) -> Any:
        return self.inputs.number(
            rectangular(
                f"bench {self.conditions.bench}/{name}",
                f"resistance of the {name}",
                ohm * tolerance,
                "Ω",
                "bench file",
                "specified",
                estimate=ohm,
            )
        )

    def _local_j(self, window: WindowFacts) -> Local:
        """Errors of a window's energy per inference."""
        errors_j = window.step_j, window.position_j, self._noise_j(window)
        return Local(*(error / window.iterations for error in errors_j))

    def _local_w(self, window: WindowFacts) -> Local:
        """Errors of a window's power: a shifted edge changes energy and duration alike."""
        power_w = window.power_w * window.position_s / window.duration_s
        shift_w = abs(window.position_j / window.duration_s - power_w)
        return Local(window.step_j / window.duration_s, shift_w, self._noise_j(window) / window.duration_s)

    def _local_rate(self, window: WindowFacts) -> Local:
        """Errors of a window's throughput: the position of its edges alone."""
        return Local(0.0, window.iterations / window.duration_s**2 * window.position_s, 0.0)

    def _noise_j(self, window: WindowFacts) -> float:
        """Standard deviation of a window's energy by the noise of its samples, independent of each other."""
        if not window.samples:
            return 0.0
        voltage_v, apart_s = self.conditions.voltage_v, window.duration_s / window.samples
        variance = 0.0
        for name, part in self._parts(window).items():
            current_a = self._reading(part)
            noise_a = noise_of("current", self.conditions, current_a, name or None)
            noise_v = 0.0
            if self.conditions.voltage_source == "samples":
                noise_v = noise_of("voltage", self.conditions, voltage_v, self.conditions.voltage_range)
            of_sample = math.hypot(noise_a * voltage_v, noise_v * current_a) * apart_s
            variance += of_sample**2 * part.time_s / apart_s
        return math.sqrt(variance)

    def _median(
        self,
        quantity: str,
        unit: str,
        figure_of: WindowModel,
        indicated_of: Callable[[WindowFacts], float],
        local_of: Callable[[WindowFacts], Local],
    ) -> Budget:
        figures = [figure_of(window) for window in self.windows]
        values = [float(figure.x) for figure in figures]
        order = sorted(range(len(values)), key=values.__getitem__)
        middle = {order[(len(order) - 1) // 2], order[len(order) // 2]}
        figure = sum((figures[i] for i in middle), 0.0) / len(middle)
        notes: list[str] = []
        for extra in self._extra(quantity, unit, values, local_of, notes):
            figure = figure + self.inputs.number(extra)
        indicated = math.fsum(indicated_of(self.windows[i]) for i in middle) / len(middle)
        return budget_of(quantity, unit, figure, indicated, self.inputs, notes)

    def _scatter(self, quantity: str, unit: str, values: Sequence[float]) -> Input:
        """The type A term: scatter of the windows, for their median."""
        n = len(values)
        return Input(
            f"{self.conditions.session}/{quantity}/scatter",
            f"scatter of {n} windows, median",
            "A",
            "t",
            median_uncertainty(values),
            1.0,
            n - 1,
            unit,
            f"standard deviation / sqrt({n}) x {median_factor(n):.3f} (the median's factor)",
            "measured",
        )

    def _extra(
        self,
        quantity: str,
        unit: str,
        values: Sequence[float],
        local_of: Callable[[WindowFacts], Local],
        notes: list[str],
    ) -> list[Input]:
        """The terms of the figure itself: scatter and edges."""
        extra: list[Input] = []

        def add(name: str, make: Callable[..., Input], limit: float, source: str) -> None:
            if limit:
                key = f"{self.conditions.session}/{quantity}/{name}"
                extra.append(make(key, name, limit, unit, source, "measured"))

        step, position, noise = (max(errors) for errors in zip(*map(local_of, self.windows), strict=True))
        if len(values) > 1:
            extra.append(self._scatter(quantity, unit, values))
        else:
            notes.append("One window: its scatter is unknown and not in the budget.")
            add("noise of the samples", normal, noise, "specification, over the root of their number")
        if self.conditions.common_edges:
            source = "the IO manager's clock fitted to the samples'; it may be the same in every window"
            add("edges, position", rectangular, position, source)
        else:
            source = "each edge within its bound; it may be the same in every window"
            add("edges, position", triangular, position, source)
        source = "at most a quarter of the step each, with the same sign"
        add("edges, power step in their samples", rectangular, step, source)
        return extra
