"""Phases of inferences: pre-processing, network, post-processing."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from energy.bench.prompt import Prompt, no_operator
from energy.characterize.phase_run import PhasesOutcome, make_phases_plan, medians, rows_of, run_phases
from energy.characterize.phases import PhasedWindow
from energy.report import notebook
from energy.report.figures.phases import draw_phases
from energy.report.figures.style import parse_width
from energy.report.phases import divided_line, phases_table
from energy.session.folder import default_folder
from joulebench.benches import AnyBench, AnyPath, load_bench
from joulebench.characterized import Characterized
from joulebench.hints import hinted
from joulebench.progress import Report, shown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class PhasesResult(Characterized[PhasesOutcome]):
    """Phases of inferences, measured."""

    @property
    def windows(self) -> tuple[PhasedWindow, ...]:
        """Each window and its parts."""
        return self.outcome.windows

    @property
    def phases(self) -> dict[str, dict[str, float]]:
        """Each phase of an inference: energy, time, power, energy-delay product; medians over windows."""
        found = [dict(row) for row in medians(self.outcome.windows)]
        return {str(row.pop("part")): row for row in found}

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each part of each window; units stand in the names."""
        import pandas as pd

        return pd.DataFrame(rows_of(self.windows)).convert_dtypes()

    def plot(self, *, width: str = "screen") -> Figure:
        """Energy and time of an inference, each as a bar of its phases.

        Args:
            width: ``3.3in``, ``7in``, ``84mm``: as wide as the figure will be shown.
        """
        return draw_phases(self.outcome, width_in=parse_width(width))

    def _repr_html_(self) -> str:
        parts = [notebook.table(phases_table(self.windows)), notebook.line(divided_line(self.windows))]
        parts += [notebook.findings(self.findings), notebook.line(self.folder)]
        title = f"{self.outcome.plan.workload.id}, phases of an inference"
        return notebook.card(title, *parts, virtual=self.outcome.virtual)


@hinted
def phases(
    bench: AnyBench,
    workload: str = "kws01",
    *,
    window_s: float = 1.0,
    windows: int = 5,
    datasets: AnyPath | None = None,
    out: AnyPath = "sessions",
    note: str = "",
    progress: Report | bool = True,
    ask: Prompt = no_operator,
) -> PhasesResult:
    """Measures the phases of inferences; the supply is off when it returns.

    Args:
        bench: A bench, its name or its file; its monitor samples the DUT's phase pin, too.
        workload: ``"kws01"``, ``"vww01"``, ``"ic01"`` or ``"ad01"``.
        window_s: Shortest length of a window.
        windows: Number of windows.
        datasets: Folder of the official inputs; None: a synthetic input.
        out: Where the folder is made.
        note: A line for ``phases.json``.
        progress: True shows a bar in a notebook or a terminal; a function gets the part done (0 to 1) and a
            text.
        ask: Asks the operator; give ``input`` if there is one.

    Raises:
        JoulebenchError: ``bench.phases`` if no input sees the phase pin, ``dut.no-phases`` if the DUT's
            firmware marks no phases; ``usage.*``; what is wrong with the bench.
    """
    plan = make_phases_plan(
        load_bench(bench),
        workload,
        window_s=window_s,
        count=windows,
        datasets=None if datasets is None else Path(datasets),
        note=note,
    )
    folder = default_folder(Path(out), plan.workload.id, "phases", datetime.now(), plan.bench)
    with shown("measuring phases", progress) as report:
        return PhasesResult(run_phases(plan, folder, report, ask))
