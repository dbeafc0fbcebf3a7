"""Figures as rows of text. The command line or the page draws them."""

from __future__ import annotations

from energy.evidence.scope_text import scope_line
from energy.report.repeats import repeat_cell
from energy.report.setups import with_setups
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import engineering, significant
from energy.runs.measurement import Measurement
from energy.window.figures import SessionFigures, Spread, WindowFigures
from energy.window.rules import EnergyRule


def window_table(measured: Measurement) -> Table:
    """A table with a row per window: the energy by each rule; median and spread in the footer.

    Power and energy per inference follow the ``exact`` rule, which gives the figure that joulebench quotes.
    """
    session = measured.session
    table = Table(
        title="Windows",
        columns=["#", "start s", "window s", "inferences", *(f"{rule.value} µJ" for rule in EnergyRule),
                 "mW", "µJ/inf", "inf/s"],
        text=(),
        parts=([0, 1, 2, 3, 7, 8, 9], [0, 4, 5, 6]),
        notes=[scope_line(measured.run.setup.scope)],
    )  # fmt: skip
    for figures in session.windows:
        window = figures.window
        flawed = any(finding.severity == "error" for finding in window.findings)
        cost, throughput = figures.joule_per_inference(), figures.inferences_per_second
        table.rows.append(
            [
                f"{window.number}{'!' if flawed else ''}",
                f"{window.start_s:.3f}",
                f"{window.duration_s:.3f}",
                str(figures.iterations) if figures.iterations else NOT_KNOWN,
                *(f"{figures.energy_j(rule) * 1e6:.3f}" for rule in EnergyRule),
                significant(window.energies[EnergyRule.EXACT].power_w * 1e3, 5),
                significant(cost * 1e6) if cost is not None else NOT_KNOWN,
                significant(throughput) if throughput is not None else NOT_KNOWN,
            ]
        )
    if session.windows:
        table.footer = _footer(session)
    return table


def summary_table(measured: list[Measurement], names: list[str]) -> Table:
    """A table with a row per trace: its medians. Energy is never shown without throughput."""
    table = Table(
        title="Sessions, each the median of its windows",
        columns=[
            "trace",
            "windows",
            "µJ/inf",
            "by runner's rule",
            "inf/s",
            "mW",
            "spread",
            "repeated",
            "findings",
        ],
        text=(0, 7, 8),
    )
    for trace, name in zip(measured, names, strict=True):
        session = trace.session
        cost, runner = session.joule_per_inference(), session.joule_per_inference(trace.rule)
        throughput, power = session.inferences_per_second(), session.power_w()
        codes = sorted({finding.code for finding in trace.all_findings if finding.severity != "info"})
        table.rows.append(
            [
                ("VIRTUAL " if trace.run.virtual else "") + name,
                str(len(session.windows)),
                significant(cost.median * 1e6) if cost else NOT_KNOWN,
                significant(runner.median * 1e6) if runner else NOT_KNOWN,
                significant(throughput.median) if throughput else NOT_KNOWN,
                significant(power.median * 1e3, 4) if power else NOT_KNOWN,
                percent(cost),
                repeat_cell(trace.run.rejected) if trace.run.session else NOT_KNOWN,
                ", ".join(codes) or "none",
            ]
        )
    return with_setups(table, [trace.run.setup for trace in measured])


RECORDED_COLUMNS = ["window", "start", "length", "energy", "mean power", "J/inference", "inf/s"]
"""Headings of the table of recorded windows."""


def recorded_row(figures: WindowFigures) -> list[str]:
    """A recorded window's cells, in the order of ``RECORDED_COLUMNS``."""
    window, cost, throughput = figures.window, figures.joule_per_inference(), figures.inferences_per_second
    return [
        str(window.number),
        engineering(window.start_s, "s"),
        engineering(window.duration_s, "s"),
        engineering(figures.energy_j(), "J"),
        engineering(window.energies[EnergyRule.EXACT].power_w, "W"),
        NOT_KNOWN if cost is None else engineering(cost, "J"),
        NOT_KNOWN if throughput is None else significant(throughput, 5),
    ]


def percent(spread: Spread | None) -> str:
    """Relative standard deviation in percent."""
    if spread is None or spread.relative_deviation is None:
        return NOT_KNOWN
    return f"{spread.relative_deviation * 100:.3f} %"


def headline(session: SessionFigures) -> str:
    """The session's score in one line."""
    cost, throughput, energy = (
        session.joule_per_inference(),
        session.inferences_per_second(),
        session.energy_j(),
    )
    if cost and throughput:
        return (
            f"median {significant(cost.median * 1e6)} µJ per inference at a median of "
            f"{significant(throughput.median)} inferences per second"
        )
    if energy:
        return f"median {significant(energy.median * 1e6)} µJ per window (inferences per window not known)"
    return "no windows"


def edge_bound_line(session: SessionFigures) -> str:
    """A line about the largest error that edges can cause in a window's energy; for the worst window."""
    windows = [(figures.window.bounds, abs(figures.energy_j())) for figures in session.windows]
    step = max((bounds.step_j / energy for bounds, energy in windows if energy), default=0.0)
    position = max((bounds.position_j / energy for bounds, energy in windows if energy), default=0.0)
    return (
        f"edges: their positions leave at most ±{position * 100:.2g} % of a window's energy open, "
        f"power steps inside the samples they cut at most ±{step * 100:.2g} %"
    )


def _footer(session: SessionFigures) -> list[list[str]]:
    energies = [session.energy_j(rule) for rule in EnergyRule]
    power, cost, throughput = (
        session.power_w(),
        session.joule_per_inference(),
        session.inferences_per_second(),
    )
    medians = [f"{energy.median * 1e6:.3f}" if energy else NOT_KNOWN for energy in energies]
    return [
        ["median", "", "", "", *medians,
         significant(power.median * 1e3, 5) if power else NOT_KNOWN,
         significant(cost.median * 1e6) if cost else NOT_KNOWN,
         significant(throughput.median) if throughput else NOT_KNOWN],
        ["spread", "", "", "", *(percent(energy) for energy in energies), percent(power), percent(cost),
         percent(throughput)],
    ]  # fmt: skip
