"""Checks of a monitor with known loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy.bench.prompt import Prompt, no_operator
from energy.calibration.check import SECONDS, Calcheck, CalcheckPlan, meter_of, run_calcheck
from energy.calibration.evaluate import Point
from energy.calibration.loads import loads_of
from energy.evidence.calibration import Calibration, calibration_text, refuse_existing, write_calibration
from energy.report import notebook
from energy.report.calchecks import calcheck_table, correction_line
from joulebench.benches import AnyBench, AnyPath, load_bench
from joulebench.frames import frame
from joulebench.hints import hinted
from joulebench.progress import Report, shown

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (
    "load",
    "range",
    "voltage_v",
    "reference_a",
    "reading_a",
    "deviation_a",
    "expanded_uncertainty_a",
    "specification_a",
    "within_specification",
    "left_a",
)


@dataclass(frozen=True)
class CheckedMonitor:
    """A monitor that was checked with known loads.

    Attributes:
        result: Its certificate, and what that was made of.
        path: The certificate's file; None if none was written.
    """

    result: Calcheck
    path: Path | None

    @property
    def calibration(self) -> Calibration:
        """The certificate."""
        return self.result.calibration

    @property
    def points(self) -> tuple[Point, ...]:
        """Each load beside its reading."""
        return self.result.evaluation.points

    @property
    def virtual(self) -> bool:
        """Whether the monitor was a twin."""
        return self.result.virtual

    @property
    def within_specification(self) -> bool:
        """Whether no reading is outside the monitor's specification, beyond the uncertainty."""
        return not self.result.outside

    def to_json(self) -> dict[str, Any]:
        """As ``joulebench calcheck --json``, SI units."""
        return self.result.to_json()

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each load, SI units."""
        return frame(self.to_json()["loads"], _COLUMNS)

    def _repr_html_(self) -> str:
        calibration = self.calibration
        parts = [notebook.table(calcheck_table(self.result))]
        parts += [notebook.line(correction_line(line)) for line in calibration.lines]
        parts += [notebook.line(self.path)] if self.path is not None else []
        return notebook.card(
            f"{calibration.model}, serial number {calibration.serial_number}", *parts, virtual=self.virtual
        )


@hinted
def calcheck(
    bench: AnyBench,
    resistors: Sequence[str] = (),
    reference_currents: Sequence[str] = (),
    *,
    voltage_v: float | None = None,
    voltage_uncertainty_v: float | None = None,
    seconds: float = SECONDS,
    due: date | None = None,
    out: AnyPath | None = None,
    ask: Prompt | None = None,
    progress: Report | bool = True,
) -> CheckedMonitor:
    """Checks a monitor with known loads in place of the DUT; the supply is off before each is asked for.

    Args:
        bench: A bench, its name or its file.
        resistors: Resistors with their tolerances: ``["330 ohm 0.1%", "1 kohm 0.1%", "3.3 kohm 0.1%"]``.
        reference_currents: Loads of known current: ``["1 mA 0.05%"]``.
        voltage_v: The voltage at the loads by a meter; None: the monitor's own voltage counts.
        voltage_uncertainty_v: Expanded uncertainty of that (k = 2).
        seconds: How long each load is read.
        due: Day on which the certificate is due.
        out: The certificate to write (TOML), applied only where a bench file names it; None: none is written.
        ask: Asks the person at the bench to connect each load; None: they are connected.
        progress: True: a bar in a notebook or a terminal.

    Raises:
        JoulebenchError: ``calcheck.*``, ``calibration.exists``, or what is wrong with the bench.
    """
    meter = meter_of(voltage_v, voltage_uncertainty_v)
    loads = loads_of(resistors, reference_currents)
    plan = CalcheckPlan(load_bench(bench), loads, meter, seconds, due, asks=ask is not None)
    path = Path(out) if out is not None else None
    if path is not None:
        refuse_existing(path)
    done: list[None] = []
    with shown("reading loads", progress) as report:

        def on_reading(reading: object) -> None:
            done.append(None)
            report(len(done) / len(loads), f"{len(done)} of {len(loads)} loads")

        result = run_calcheck(plan, on_reading, ask or no_operator)
    if path is not None:
        write_calibration(path, calibration_text(result.calibration, result.remarks))
    return CheckedMonitor(result, path)
