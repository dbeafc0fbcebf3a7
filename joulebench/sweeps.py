"""Sweeps from a script or a notebook: a plan, its points, its table as pandas and xarray."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy.bench.prompt import Prompt, no_operator
from energy.characterize.forecast import Forecast
from energy.characterize.plan import Point, load_sweep
from energy.characterize.plan import Sweep as CheckedPlan
from energy.characterize.sweep import SweepRun, open_sweep, run_sweep
from energy.characterize.table import dataset_of, frame_of, lowest
from energy.report import notebook
from energy.report.sweeps import best_lines, duration_text, plan_table, sweep_table
from joulebench.benches import AnyPath
from joulebench.hints import hinted
from joulebench.progress import Report, shown

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

AnyPlan = AnyPath | Mapping[str, Any]
"""A plan's file, or its content as a dictionary."""


@dataclass(frozen=True)
class SweepPoints:
    """The points of a plan, checked against the limits of its bench; nothing is measured.

    Attributes:
        checked: The plan with its points.
    """

    checked: CheckedPlan

    @property
    def points(self) -> tuple[Point, ...]:
        """The points in the order in which they are measured."""
        return self.checked.points

    @property
    def skipped(self) -> tuple[Point, ...]:
        """The points that a skip rule leaves out."""
        return self.checked.skipped

    @property
    def time_s(self) -> float:
        """Expected time on the bench's clock."""
        return Forecast(self.checked).total_s(self.points)

    def _repr_html_(self) -> str:
        content = plan_table(self.checked, Forecast(self.checked), self.points)
        line = f"{len(self.points)} points, about {duration_text(self.time_s)}"
        virtual = self.checked.bench.virtual is not None
        return notebook.card("Plan", notebook.table(content), notebook.line(line), virtual=virtual)


@dataclass(frozen=True)
class Sweep:
    """A sweep that was measured.

    Attributes:
        done: Its points.
    """

    done: SweepRun

    @property
    def folder(self) -> Path:
        """Its folder, with ``table.csv``, ``table.parquet`` and the sessions of each point."""
        return self.done.folder

    @property
    def valid(self) -> bool:
        """Whether every point is finished and valid."""
        return self.done.valid

    @property
    def virtual(self) -> bool:
        """Whether it comes from the virtual bench."""
        return self.done.sweep.bench.virtual is not None

    @property
    def failures(self) -> list[dict[str, Any]]:
        """What kept a session from its end: point, mode, code, message, hint."""
        return [
            {"point": finished.point.number, **failure}
            for finished in self.done.finished
            for failure in finished.failures
        ]

    def to_dataframe(self) -> pd.DataFrame:
        """The table: a row for each point, SI units.

        ``_u95`` is a figure's expanded uncertainty (95 %), ``_k`` its coverage factor.
        """
        return frame_of(self.done.rows)

    def to_xarray(self) -> xr.Dataset:
        """The table as labelled arrays: a dimension for each axis; NaN where a point was left out.

        Raises:
            UsageError: ``sweep.no-xarray`` where xarray is not installed.
        """
        return dataset_of(self.done.rows, self.done.sweep.plan)

    def lowest(self, figure: str = "joule_per_inference") -> pd.DataFrame:
        """The row of each workload with the lowest figure among the valid points."""
        return frame_of(lowest(self.done.rows, figure))

    def __repr__(self) -> str:
        measured, left = len(self.done.finished), len(self.done.left)
        return f"<Sweep {self.done.sweep.plan.name}: {measured} points measured, {left} left>"

    def _repr_html_(self) -> str:
        rows, plan = self.done.rows, self.done.sweep.plan
        lines = [*best_lines(plan, lowest(rows)), str(self.folder)]
        parts = [notebook.table(sweep_table(rows, plan)), *map(notebook.line, lines)]
        return notebook.card(f"Sweep {plan.name}", *parts, virtual=self.virtual)


@hinted
def sweep_points(plan: AnyPlan) -> SweepPoints:
    """The points of a plan, checked; nothing is opened.

    Args:
        plan: The plan's file, or its content.

    Raises:
        UsageError: What is wrong with the plan, or which points are beyond the limits of the bench.
    """
    return SweepPoints(_checked(plan))


@hinted
def sweep(
    plan: AnyPlan,
    *,
    out: AnyPath | None = None,
    resume: bool = False,
    progress: Report | bool = True,
    ask: Prompt = no_operator,
) -> Sweep:
    """Measures the points of a plan (docs/how-to/sweep.md); the supply is off when it returns.

    Args:
        plan: The plan's file, or its content; paths in it are then relative to the working directory.
        out: The folder of the sweep; None: ``sweeps/`` and the plan's name.
        resume: Measures the points that are left in the folder.
        progress: A function to call; True: a bar in a notebook, a line in a terminal; False: nothing.
        ask: Asks the person at the bench.

    Raises:
        UsageError: What is wrong with the plan or the folder, or which points are beyond the limits.
        JoulebenchError: The error of a point, where the plan stops at it (``on_failure = "stop"``).
    """
    checked = _checked(plan)
    folder = Path("sweeps") / checked.plan.name if out is None else Path(out)
    opened = open_sweep(checked, folder, resume=resume)
    with shown("sweep", progress) as report:

        def on_time(done: float, doing: str, left_s: float) -> None:
            report(done, f"{doing}, {duration_text(max(left_s, 0.0))} left")

        run_sweep(opened, on_time, ask)
    if opened.stopped is not None:
        raise opened.stopped
    return Sweep(opened)


def _checked(plan: AnyPlan) -> CheckedPlan:
    return load_sweep(plan if isinstance(plan, Mapping) else Path(plan))
