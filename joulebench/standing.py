"""Floors of a DUT: its power idle and asleep, and its wake-up."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy.bench.prompt import Prompt, no_operator
from energy.characterize.battery import Duty, Figure
from energy.characterize.floors import Floor, FloorsOutcome, make_floors_plan, rows_of, run_floors
from energy.report import notebook
from energy.report.floors import floors_table, pause_line
from energy.session.folder import default_folder
from joulebench.benches import AnyBench, AnyPath, load_bench
from joulebench.characterized import Characterized
from joulebench.hints import hinted
from joulebench.progress import Report, shown

if TYPE_CHECKING:
    import pandas as pd


class FloorsResult(Characterized[FloorsOutcome]):
    """Floors of a DUT, measured."""

    @property
    def floors(self) -> dict[str, Floor]:
        """The floors: ``idle`` and ``sleep`` in W, ``wake-up`` in J, ``wake-up time`` in s."""
        return {str(name): floor for name, floor in self.outcome.floors.items()}

    def duty(self, inference_j: Figure, inference_s: Figure, **more: Any) -> Duty:
        """What the DUT needs, for `energy.characterize.battery`: these floors with an inference's figures.

        Args:
            inference_j: Energy per inference.
            inference_s: Its time.
            more: Further fields of ``Duty``, such as ``inferences`` of a burst.
        """
        return self.outcome.duty(inference_j, inference_s, **more)

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each floor: value, expanded uncertainty, unit."""
        import pandas as pd

        return pd.DataFrame(rows_of(self.outcome.floors.values())).convert_dtypes()

    def _repr_html_(self) -> str:
        parts = [notebook.table(floors_table(self.outcome)), notebook.line(pause_line(self.outcome))]
        parts += [notebook.findings(self.findings), notebook.line(self.folder)]
        return notebook.card("floors", *parts, virtual=self.outcome.virtual)


@hinted
def floors(
    bench: AnyBench,
    workload: str = "kws01",
    *,
    window_s: float = 4.0,
    repeats: int = 3,
    wakes: int = 10,
    out: AnyPath = "sessions",
    note: str = "",
    progress: Report | bool = True,
    ask: Prompt = no_operator,
) -> FloorsResult:
    """Measures power idle and asleep, and energy and time of a wake-up; the supply is off when it returns.

    Args:
        bench: A bench, its name or its file; the DUT's firmware has the commands of protocols.md 1.11.
        workload: That of the firmware; it is not run.
        window_s: Length of a long window.
        repeats: How often each is measured, at least twice.
        wakes: Wake-ups in the window that counts them.
        out: Where the folder is made.
        note: A line for ``floors.json``.
        progress: True shows a bar in a notebook or a terminal; a function gets the part done (0 to 1) and a
            text.
        ask: Asks the operator; give ``input`` if there is one.

    Raises:
        JoulebenchError: ``dut.no-floors`` if the DUT's firmware cannot stand still on command; ``usage.*``;
            what is wrong with the bench.
    """
    plan = make_floors_plan(
        load_bench(bench), workload, window_s=window_s, repeats=repeats, wakes=wakes, note=note
    )
    folder = default_folder(Path(out), plan.workload.id, "floors", datetime.now(), plan.bench)
    with shown("measuring floors", progress) as report:
        return FloorsResult(run_floors(plan, folder, report, ask))
