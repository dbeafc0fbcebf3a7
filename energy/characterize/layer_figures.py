"""Figures of layers: energy and time of each, their sum beside the whole network, and uncertainties.

A layer is measured in pairs of windows, with few and with many iterations. Their difference is what the layer
needs; what both windows contain (the mark, the first pass of the loop) cancels. So

    energy of a layer = (E_many - E_few) / (N_many - N_few)

and the whole network likewise. Layers and network are measured with the same instruments: gain, offset and
clock are fully correlated, so the difference of sum and whole is far better known than either
(JCGM 100:2008, 5.2.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from energy.characterize.layer_plan import Subject
from energy.characterize.windows import window_of
from energy.findings import Finding
from energy.instruments import Layer
from energy.recording.jsonvalues import for_json
from energy.session.trials import Trial
from energy.signal import SampleSource
from energy.uncertainty.budget import Budget, budget_of, linear
from energy.uncertainty.coverage import t_factor
from energy.uncertainty.estimator import median_uncertainty
from energy.uncertainty.facts import Conditions, RangePart, WindowFacts
from energy.uncertainty.gather import NoBudgetError, conditions_of, range_parts, stated_conditions
from energy.uncertainty.inputs import Inputs
from energy.uncertainty.model import Model
from energy.uncertainty.specified import MissingLineError
from energy.window.rules import EnergyRule

ALLOWED = 0.01
"""Difference of sum and whole, as a part of the whole, that is no reason for a remark: caches and memory may
be in another state when a layer runs alone. Without a budget it is also what the sum may be off."""


@dataclass(frozen=True)
class LayerFigures:
    """Figures of a layer, or of the whole network.

    Attributes:
        layer: The layer; None for the whole network.
        energies_j: Energy of an iteration, from each pair of windows.
        times_s: Time of an iteration likewise.
        iterations: Iterations by which the windows of a pair differ.
        budget: Budget of the median energy; None where there can be none.
    """

    layer: Layer | None
    energies_j: tuple[float, ...]
    times_s: tuple[float, ...]
    iterations: int
    budget: Budget | None

    @property
    def energy_j(self) -> float:
        """Median energy of an iteration."""
        return median(self.energies_j)

    @property
    def time_s(self) -> float:
        """Median time of an iteration."""
        return median(self.times_s)

    @property
    def repeatability_j(self) -> float:
        """Expanded uncertainty (95 %) of the energy by scatter alone."""
        return median_uncertainty(self.energies_j) * t_factor(len(self.energies_j) - 1)

    @property
    def u_energy_j(self) -> float:
        """Expanded uncertainty (95 %) of the energy; by scatter alone where there is no budget."""
        return self.budget.expanded if self.budget else self.repeatability_j

    @property
    def joule_per_mac(self) -> float | None:
        """Energy over multiply-accumulates; None for a layer without any."""
        return self.energy_j / self.layer.macs if self.layer and self.layer.macs else None

    @property
    def edp_js(self) -> float:
        """Energy-delay product, in J s."""
        return self.energy_j * self.time_s

    def to_json(self) -> dict[str, Any]:
        """The figures in SI units."""
        layer = self.layer
        about: dict[str, Any] = (
            {}
            if layer is None
            else {
                "index": layer.index,
                "operator": layer.operator,
                "macs": layer.macs,
                "parameter_bytes": layer.parameter_bytes,
            }
        )
        return for_json(
            {
                **about,
                "energy_j": self.energy_j,
                "u_energy_j": self.u_energy_j,
                "repeatability_j": self.repeatability_j,
                "time_s": self.time_s,
                "power_w": self.energy_j / self.time_s if self.time_s else math.nan,
                "edp_js": self.edp_js,
                "joule_per_mac": self.joule_per_mac,
                "iterations": self.iterations,
                "energies_j": list(self.energies_j),
                "times_s": list(self.times_s),
                "budget": self.budget.to_json() if self.budget else None,
            }
        )


@dataclass(frozen=True)
class Attribution:
    """All layers beside the whole network.

    Attributes:
        layers: The layers, in the order of execution.
        whole: The whole network.
        sum_j: Sum of the layers' energies.
        u_sum_j: Its expanded uncertainty (95 %).
        u_difference_j: Expanded uncertainty (95 %) of sum minus whole, in which shared errors cancel.
        findings: About them.
    """

    layers: tuple[LayerFigures, ...]
    whole: LayerFigures
    sum_j: float
    u_sum_j: float
    u_difference_j: float
    findings: tuple[Finding, ...]

    @property
    def difference_j(self) -> float:
        """Sum minus whole."""
        return self.sum_j - self.whole.energy_j

    @property
    def allowed_j(self) -> float:
        """How far the sum may be from the whole: by both uncertainties; without a budget, by a part."""
        if self.whole.budget is None:
            return math.hypot(self.u_difference_j, ALLOWED * self.whole.energy_j)
        return math.hypot(self.u_sum_j, self.whole.u_energy_j)

    @property
    def agrees(self) -> bool:
        """Whether the sum is that of the whole within the uncertainty, so that shares may be stated."""
        return abs(self.difference_j) <= self.allowed_j

    def share(self, layer: LayerFigures) -> float | None:
        """A layer's part of the sum; None where sum and whole differ."""
        return layer.energy_j / self.sum_j if self.agrees and self.sum_j > 0 else None

    def to_json(self) -> dict[str, Any]:
        """The figures in SI units."""
        layers = [{**layer.to_json(), "share": self.share(layer)} for layer in self.layers]
        return for_json(
            {
                "layers": layers,
                "whole": self.whole.to_json(),
                "sum_j": self.sum_j,
                "u_sum_j": self.u_sum_j,
                "difference_j": self.difference_j,
                "u_difference_j": self.u_difference_j,
                "allowed_j": self.allowed_j,
                "attributed": self.agrees,
                "findings": [finding.to_json() for finding in self.findings],
            }
        )


def rows_of(figures: Attribution) -> list[dict[str, Any]]:
    """A tidy table of layers: a row for each, and a last row, without an index, for the whole network."""
    columns = ("energy_j", "u_energy_j", "time_s", "power_w", "edp_js", "joule_per_mac", "iterations")
    rows: list[dict[str, Any]] = []
    for row in (*figures.layers, figures.whole):
        layer, known = row.layer, row.to_json()
        rows.append(
            {
                "layer": None if layer is None else layer.index,
                "operator": "whole network" if layer is None else layer.operator,
                "macs": layer.macs
                if layer
                else sum(each.layer.macs for each in figures.layers if each.layer),
                "parameter_bytes": layer.parameter_bytes
                if layer
                else sum(each.layer.parameter_bytes for each in figures.layers if each.layer),
                **{name: known[name] for name in columns},
                "share": None if layer is None else figures.share(row),
            }
        )
    return rows


def attribute(document: Mapping[str, Any], subjects: Sequence[Subject], source: SampleSource) -> Attribution:
    """The figures of all layers and of the whole network.

    Args:
        document: Conditions of the measurement, as ``session.json`` has them.
        subjects: The whole network first, then its layers.
        source: The recording.
    """
    findings: list[Finding] = []
    try:
        conditions = measured_conditions(document, source)
    except NoBudgetError as error:
        conditions, findings = None, [error.finding]
    rows: list[LayerFigures] = []
    for subject in subjects:
        try:
            rows.append(_figures(subject, conditions, source))
        except MissingLineError as error:
            findings.append(Finding("uncertainty.no-specification", str(error)))
            conditions = None
            rows.append(_figures(subject, None, source))
    if conditions is None:  # all or none: sums of both kinds would mean nothing
        rows = [replace(row, budget=None) for row in rows]
    whole, layers = rows[0], tuple(rows[1:])
    u_sum_j, u_difference_j = _combined(whole, layers)
    total_j = math.fsum(layer.energy_j for layer in layers)
    result = Attribution(layers, whole, total_j, u_sum_j, u_difference_j, ())
    return replace(result, findings=(*findings, *_remarks(result)))


def measured_conditions(document: Mapping[str, Any], source: SampleSource) -> Conditions:
    """The conditions of a measurement, from its document."""
    conditions = conditions_of(stated_conditions(document), source.signal)
    # Scatter has a session's name; each subject will get its own. An instrument without a serial number has
    # that name, too, and stays the same.
    return replace(conditions, serial_number=conditions.serial_number or conditions.session)


def _figures(subject: Subject, conditions: Conditions | None, source: SampleSource) -> LayerFigures:
    facts = [difference(pair, source) for pair in subject.pairs]
    energies = tuple(fact.energy_j / fact.iterations for fact in facts)
    budget = None
    if conditions is not None and all(fact.energy_j > 0 and fact.duration_s > 0 for fact in facts):
        own = replace(conditions, session=f"{conditions.session}, {subject.name}")
        budget = Model(own, facts).joule_per_inference()
    times = tuple(fact.duration_s / fact.iterations for fact in facts)
    return LayerFigures(subject.layer, energies, times, facts[-1].iterations, budget)


def difference(pair: tuple[Trial, Trial], source: SampleSource, iterations: int | None = None) -> WindowFacts:
    """What the longer window of a pair holds beyond the shorter; errors of their edges add up.

    Args:
        pair: The shorter window, and the longer.
        source: The recording.
        iterations: Of what they differ by; None: those that the longer has more.
    """
    (few, short), (many, long) = ((trial.iterations, window_of(trial)) for trial in pair)
    low, high = short.energies[EnergyRule.EXACT], long.energies[EnergyRule.EXACT]
    energy_j = high.energy_j - low.energy_j
    duration_s = long.duration_s - short.duration_s
    part = energy_j / high.energy_j if high.energy_j else 0.0
    ranges = range_parts(source, getattr(source, "ranges", ()), long.opening.position, long.closing.position)
    return WindowFacts(
        energy_j,
        duration_s,
        many - few if iterations is None else iterations,
        round(duration_s * long.rate_hz),
        high.missing + low.missing,
        long.bounds.step_j + short.bounds.step_j,
        long.bounds.position_j + short.bounds.position_j,
        sum(edge.bound for window in (long, short) for edge in (window.opening, window.closing))
        / long.rate_hz,
        {name: RangePart(given.energy_j * part, given.time_s * part) for name, given in ranges.items()},
    )


def _combined(whole: LayerFigures, layers: Sequence[LayerFigures]) -> tuple[float, float]:
    """Expanded uncertainties of the sum, and of the sum minus the whole."""
    budgets = [layer.budget for layer in layers if layer.budget is not None]
    if whole.budget is None or len(budgets) != len(layers):
        scatter_j = math.hypot(*(layer.repeatability_j for layer in layers))
        return scatter_j, math.hypot(scatter_j, whole.repeatability_j)
    inputs = Inputs()
    total: Any = sum((linear(budget, inputs) for budget in budgets), 0.0)
    difference = total - linear(whole.budget, inputs)
    indicated_j = math.fsum(budget.indicated for budget in budgets)
    of_sum = budget_of("sum of the layers", "J", total, indicated_j, inputs)
    of_difference = budget_of(
        "sum minus whole", "J", difference, indicated_j - whole.budget.indicated, inputs
    )
    return of_sum.expanded, of_difference.expanded


def _remarks(result: Attribution) -> list[Finding]:
    whole_j, difference_j = result.whole.energy_j, result.difference_j
    found = [
        Finding(
            "layers.not-resolved", f"layer {row.layer.index}: {row.energy_j:.3g} J ± {row.u_energy_j:.2g} J"
        )
        for row in result.layers
        if row.layer is not None and row.energy_j <= row.u_energy_j
    ]
    evidence = (
        f"sum {result.sum_j:.6g} J ± {result.u_sum_j:.2g} J, whole {whole_j:.6g} J ± "
        f"{result.whole.u_energy_j:.2g} J: they differ by {difference_j:.3g} J "
        f"± {result.u_difference_j:.2g} J" + (f" ({difference_j / whole_j:+.2%})" if whole_j else "")
    )
    if not result.agrees:
        found.append(Finding("layers.sum-differs", f"{evidence}; {result.allowed_j:.2g} J is allowed"))
    elif abs(difference_j) > math.hypot(result.u_difference_j, ALLOWED * whole_j):
        found.append(Finding("layers.sum-apart", evidence))
    return found
