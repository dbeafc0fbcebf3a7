"""Layers of a network, each measured alone beside the whole."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from energy.bench.prompt import Prompt, no_operator
from energy.characterize.layer_figures import Attribution, LayerFigures, rows_of
from energy.characterize.layer_plan import make_layers_plan
from energy.characterize.layers import LayersOutcome, run_layers
from energy.report import notebook
from energy.report.figures.layers import draw_layers
from energy.report.figures.style import parse_width
from energy.report.layers import attribution_line, layers_table
from energy.session.folder import default_folder
from joulebench.benches import AnyBench, AnyPath, load_bench
from joulebench.characterized import Characterized
from joulebench.hints import hinted
from joulebench.progress import Report, shown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class LayersResult(Characterized[LayersOutcome]):
    """Layers of a network, measured."""

    @property
    def figures(self) -> Attribution:
        """Layers, whole network, and their sum with its uncertainty."""
        return self.outcome.figures

    @property
    def layers(self) -> tuple[LayerFigures, ...]:
        """Each layer's energy and time, in the order of execution."""
        return self.outcome.figures.layers

    @property
    def attributed(self) -> bool:
        """Whether the sum over the layers is the whole network's energy within the uncertainty."""
        return self.outcome.figures.agrees

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each layer, and a last one for the whole network; units stand in the names."""
        import pandas as pd

        return pd.DataFrame(rows_of(self.figures)).convert_dtypes()

    def plot(self, *, width: str = "screen") -> Figure:
        """Energy and energy per multiply-accumulate of each layer, as bars.

        Args:
            width: ``3.3in``, ``7in``, ``84mm``: as wide as the figure will be shown.
        """
        return draw_layers(self.outcome, width_in=parse_width(width))

    def _repr_html_(self) -> str:
        parts = [notebook.table(layers_table(self.figures)), notebook.line(attribution_line(self.figures))]
        parts += [notebook.findings(self.findings), notebook.line(self.folder)]
        title = f"{self.outcome.plan.workload.id}, layer by layer"
        return notebook.card(title, *parts, virtual=self.outcome.virtual)


@hinted
def layers(
    bench: AnyBench,
    workload: str = "kws01",
    *,
    window_s: float = 1.0,
    repeats: int = 3,
    datasets: AnyPath | None = None,
    out: AnyPath = "sessions",
    note: str = "",
    progress: Report | bool = True,
    ask: Prompt = no_operator,
) -> LayersResult:
    """Measures each layer of the DUT's network alone, and the whole; the supply is off when it returns.

    Args:
        bench: A bench, its name or its file; the DUT runs the firmware of this project.
        workload: ``"kws01"``, ``"vww01"``, ``"ic01"`` or ``"ad01"``.
        window_s: Shortest length of a window.
        repeats: How often each layer is measured, at least twice.
        datasets: Folder of the official inputs; None: a synthetic input.
        out: Where the folder is made.
        note: A line for ``layers.json``.
        progress: True shows a bar in a notebook or a terminal; a function gets the part done (0 to 1) and a
            text.
        ask: Asks the operator; give ``input`` if there is one.

    Raises:
        JoulebenchError: ``dut.no-layers`` if the DUT's firmware cannot run a layer alone; ``usage.*``; what
            is wrong with the bench.
    """
    plan = make_layers_plan(
        load_bench(bench),
        workload,
        window_s=window_s,
        repeats=repeats,
        datasets=None if datasets is None else Path(datasets),
        note=note,
    )
    folder = default_folder(Path(out), plan.workload.id, "layers", datetime.now(), plan.bench)
    with shown("measuring layers", progress) as report:
        return LayersResult(run_layers(plan, folder, report, ask))
