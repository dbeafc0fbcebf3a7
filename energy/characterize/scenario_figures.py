"""Figures of a scenario: energy per query with its uncertainty, waiting power, percentiles of the latency."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from energy.characterize.arrivals import PERCENTILES, Load, long_run, percentile_of, randomness_of
from energy.characterize.scenario_plan import LABEL
from energy.characterize.scenario_queries import Query, Served
from energy.findings import Finding
from energy.recording.jsonvalues import for_json
from energy.session.trials import Trial
from energy.signal import SampleSource
from energy.uncertainty.budget import Budget
from energy.uncertainty.facts import Conditions, IdleFacts, WindowFacts
from energy.uncertainty.gather import (
    NoBudgetError,
    conditions_of,
    idle_of,
    stated_conditions,
    windows_of,
)
from energy.uncertainty.model import Model
from energy.uncertainty.specified import MissingLineError
from energy.window.figures import SessionFigures, WindowFigures
from energy.window.integrator import Window
from energy.window.rules import EnergyRule

Purpose = Literal["asked", "curve", "search"]
"""The run that was asked for; a point of the curves over the load; a step of the search."""


@dataclass
class LoadTrial(Trial):
    """A run under a load, as a trial: its window holds all queries.

    Attributes:
        load: The load.
        served: The queries.
        inner: The window of each query, from mark to mark.
        purpose: Why it is run.
    """

    load: Load = field(default_factory=lambda: Load("single-stream", 2))
    served: Served = field(default_factory=lambda: Served(()))
    inner: list[Window] = field(default_factory=list[Window])
    purpose: Purpose = "asked"

    @property
    def counted(self) -> int:
        """What energy is divided by: queries; samples of the one query of the offline scenario."""
        queries = self.served.queries
        return queries[0].samples if self.load.scenario == "offline" else len(queries)


@dataclass(frozen=True)
class LoadFigures:
    """Figures of a run under a load.

    Attributes:
        load: The load.
        queries: The queries.
        counted: What energy is divided by: queries, or samples of the offline query.
        energy_j: Energy of the whole window.
        window_s: Its length.
        marked_j: Part of the energy that lies between the marks of each query: inferences.
        marked_s: Its time.
        budget: Budget of the energy per query; None where there can be none.
        purpose: Why it was run.
        loadgen: LoadGen's verdict; None where it did not send the queries.
        opening: Position of the window's opening edge, in samples; likewise ``closing``.
        closing: See ``opening``.
    """

    load: Load
    queries: tuple[Query, ...]
    counted: int
    energy_j: float
    window_s: float
    marked_j: float
    marked_s: float
    budget: Budget | None
    purpose: Purpose
    loadgen: dict[str, Any] | None
    opening: float
    closing: float

    @property
    def joule_per_query(self) -> float:
        """Energy of the window over its queries, waiting included."""
        return self.energy_j / self.counted

    @property
    def u_joule_per_query(self) -> float | None:
        """Its expanded uncertainty (95 %); None without a budget."""
        return self.budget.expanded if self.budget else None

    @property
    def samples(self) -> int:
        """Inferences of all queries."""
        return sum(query.samples for query in self.queries)

    @property
    def rate_hz(self) -> float:
        """Queries (offline: samples) per second of the window."""
        return self.counted / self.window_s

    @property
    def offered_hz(self) -> float | None:
        """Rate at which the server's queries were to arrive; None in other scenarios."""
        return self.load.rate_hz if self.load.scenario == "server" else None

    @property
    def busy(self) -> float:
        """Part of the window in which the DUT, or the wire to it, was busy with a query."""
        return math.fsum(query.service_s for query in self.queries) / self.window_s

    @property
    def waiting_w(self) -> float:
        """Mean power between the marks of two queries: idle, the wire, loading the input."""
        return (self.energy_j - self.marked_j) / (self.window_s - self.marked_s)

    @property
    def power_w(self) -> float:
        """Mean power of the window."""
        return self.energy_j / self.window_s

    def latency_s(self, percentile: float) -> float:
        """A percentile of the latency, as LoadGen computes it."""
        return percentile_of([query.latency_s for query in self.queries], percentile)

    @property
    def keeps_bound(self) -> bool | None:
        """Whether its percentile of the latency keeps the bound; None where there is no bound."""
        bound_s = self.load.bound_s
        return None if bound_s is None else self.latency_s(self.load.percentile) <= bound_s

    def to_json(self) -> dict[str, Any]:
        """The figures in SI units."""
        return for_json(
            {
                **row_of(self),
                "opening": self.opening,
                "closing": self.closing,
                "energy_j": self.energy_j,
                "marked_j": self.marked_j,
                "marked_s": self.marked_s,
                "budget": self.budget.to_json() if self.budget else None,
                "loadgen": self.loadgen,
                "latencies_s": [query.latency_s for query in self.queries],
                "services_s": [query.service_s for query in self.queries],
            }
        )


def row_of(run: LoadFigures) -> dict[str, Any]:
    """A run as a row of the tidy table."""
    return {
        "label": LABEL,
        "scenario": run.load.scenario,
        "purpose": run.purpose,
        "offered_hz": run.offered_hz,
        "rate_hz": run.rate_hz,
        "queries": len(run.queries),
        "samples": run.samples,
        "window_s": run.window_s,
        "joule_per_query": run.joule_per_query,
        "u_joule_per_query": run.u_joule_per_query,
        "joule_per_sample": run.energy_j / run.samples,
        "joule_per_sample_between_marks": run.marked_j / run.samples,
        "power_w": run.power_w,
        "waiting_w": run.waiting_w,
        "busy": run.busy,
        **{f"latency_p{100 * part:g}_s": run.latency_s(part) for part in PERCENTILES},
        "percentile": run.load.percentile,
        "latency_s": run.latency_s(run.load.percentile),
        "latency_bound_s": run.load.bound_s,
        "keeps_bound": run.keeps_bound,
        "loadgen_valid": None if run.loadgen is None else run.loadgen["valid"],
    }


@dataclass(frozen=True)
class HighestRate:
    """The highest rate of a server that keeps the bound of the latency.

    Attributes:
        rate_hz: Highest rate of a run that kept it.
        above_hz: Lowest rate, above that, of a run that did not.
        latency_s: The percentile of the latency at ``rate_hz``.
        random_hz: How far the rate would lie from that of other random arrivals, as many (95 %).
        long_run_hz: What it would be in a run without end.
    """

    rate_hz: float
    above_hz: float
    latency_s: float
    random_hz: float
    long_run_hz: float

    def to_json(self) -> dict[str, Any]:
        """In SI units."""
        return asdict(self)


@dataclass(frozen=True)
class ScenarioFigures:
    """All figures of a scenario.

    Attributes:
        runs: The runs, by rate.
        service_s: Median time of a query alone, wire included, before the runs.
        highest: The highest rate that keeps the bound; None where it was not searched.
        idle_w: Power of the idle DUT, which is its energy per second; None where it was not measured.
        u_idle_w: Its expanded uncertainty (95 %); None without a budget.
        findings: About the figures.
    """

    runs: tuple[LoadFigures, ...]
    service_s: float
    highest: HighestRate | None
    idle_w: float | None
    u_idle_w: float | None
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """The figures in SI units."""
        return for_json(
            {
                "service_s": self.service_s,
                "idle_w": self.idle_w,
                "u_idle_w": self.u_idle_w,
                "highest": self.highest.to_json() if self.highest else None,
                "runs": [run.to_json() for run in self.runs],
            }
        )


def figures_of(
    document: Mapping[str, Any],
    trials: Sequence[LoadTrial],
    service_s: float,
    source: SampleSource,
) -> ScenarioFigures:
    """The figures of all runs.

    Args:
        document: Conditions of the measurement, as ``session.json`` has them.
        trials: The runs, with their final windows.
        service_s: Median time of a query alone.
        source: The recording.
    """
    findings: list[Finding] = []
    conditions: Conditions | None = None
    idle: IdleFacts | None = None
    try:
        stated = stated_conditions(document)
        idle = idle_of(stated, source)
        conditions = conditions_of(stated, source.signal)
        conditions = replace(conditions, serial_number=conditions.serial_number or conditions.session)
    except NoBudgetError as error:
        findings.append(error.finding)
    runs: list[LoadFigures] = []
    for trial in trials:
        budget = _budget(trial, conditions, source, findings)
        runs.append(_figures(trial, budget))
    runs.sort(key=lambda run: run.load.rate_hz)
    u_idle_w = _u_idle(idle, conditions, findings) if idle else None
    idle_w = idle.energy_j / idle.duration_s if idle else None
    findings += [found for run in runs for found in _remarks(run)]
    return ScenarioFigures(
        tuple(runs), service_s, _highest(runs, service_s), idle_w, u_idle_w, tuple(findings)
    )


def _figures(trial: LoadTrial, budget: Budget | None) -> LoadFigures:
    window = trial.window
    assert window is not None  # a run without its window is not valid, and is repeated
    return LoadFigures(
        load=trial.load,
        queries=trial.served.queries,
        counted=trial.counted,
        energy_j=window.energies[EnergyRule.EXACT].energy_j,
        window_s=window.duration_s,
        marked_j=math.fsum(inner.energies[EnergyRule.EXACT].energy_j for inner in trial.inner),
        marked_s=math.fsum(inner.duration_s for inner in trial.inner),
        budget=budget,
        purpose=trial.purpose,
        loadgen=trial.served.loadgen,
        opening=window.opening.position,
        closing=window.closing.position,
    )


def _budget(
    trial: LoadTrial, conditions: Conditions | None, source: SampleSource, findings: list[Finding]
) -> Budget | None:
    if conditions is None or trial.window is None:
        return None
    own = replace(conditions, session=f"{conditions.session}, run {trial.number}")
    try:
        facts = windows_of(SessionFigures((WindowFigures(trial.window, trial.counted),)), source)
        return Model(own, facts).joule_per_inference()
    except NoBudgetError as error:
        findings.append(error.finding)
    except MissingLineError as error:
        findings.append(Finding("uncertainty.no-specification", str(error)))
    return None


def _u_idle(idle: IdleFacts, conditions: Conditions | None, findings: list[Finding]) -> float | None:
    if conditions is None:
        return None
    own = replace(conditions, session=f"{conditions.session}, idle")
    try:
        return Model(own, [WindowFacts(idle.energy_j, idle.duration_s, 1)]).power().expanded
    except MissingLineError as error:
        findings.append(Finding("uncertainty.no-specification", str(error)))
        return None


def _highest(runs: Sequence[LoadFigures], service_s: float) -> HighestRate | None:
    """From the runs of a search: the highest rate below every rate that did not keep the bound."""
    searched = [run for run in runs if run.purpose == "search"]
    late = [run.load.rate_hz for run in searched if not run.keeps_bound]
    if not late:
        return None
    kept = [run for run in searched if run.keeps_bound and run.load.rate_hz < min(late)]
    if not kept:
        return None
    best = max(kept, key=lambda run: run.load.rate_hz)
    load = best.load
    return HighestRate(
        rate_hz=load.rate_hz,
        above_hz=min(late),
        latency_s=best.latency_s(load.percentile),
        random_hz=randomness_of(load, service_s),
        long_run_hz=long_run(load, service_s, load.rate_hz),
    )


def _remarks(run: LoadFigures) -> list[Finding]:
    found: list[Finding] = []
    name = f"{run.load.scenario} at {run.load.rate_hz:.4g}/s" if run.offered_hz else run.load.scenario
    expected = run.keeps_bound is False and run.purpose != "asked"
    if run.loadgen is not None and not run.loadgen["valid"] and not expected:
        found.append(Finding("scenario.not-valid", f"{name}: the logs are in {run.loadgen['logs']}"))
    if run.keeps_bound is False and run.purpose == "asked":
        part, bound_s = run.load.percentile, run.load.bound_s or 0.0
        found.append(
            Finding(
                "scenario.late",
                f"{name}: p{100 * part:g} of the latency is {run.latency_s(part):.4g} s, above {bound_s:g} s",
            )
        )
    return found
