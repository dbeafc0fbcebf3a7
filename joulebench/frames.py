"""Figures as pandas tables, SI units, the unit in each column's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from energy.errors import UsageError
from energy.window.figures import WindowFigures
from energy.window.rules import EnergyRule

if TYPE_CHECKING:
    import pandas as pd

WINDOW_COLUMNS = (
    "window",
    "start_s",
    "stop_s",
    "window_s",
    "iterations",
    "rule",
    "energy_j",
    "power_w",
    "joule_per_inference",
    "inferences_per_second",
    "missing_samples",
    "edge_bound_j",
    "findings",
    "virtual",
)


def rule_named(rule: str) -> EnergyRule:
    """A rule by its name.

    Raises:
        UsageError: ``usage.rule``.
    """
    try:
        return EnergyRule(rule)
    except ValueError as error:
        known = ", ".join(member.value for member in EnergyRule)
        raise UsageError("usage.rule", f"there is no rule {rule!r}", f"There are {known}.") from error


def window_frame(windows: Sequence[WindowFigures], rule: str, *, virtual: bool) -> pd.DataFrame:
    """A row for each window; what is not known is missing.

    ``edge_bound_j`` is by how much the energy may be wrong because of the edges, either way.
    """
    by = rule_named(rule)
    rows: list[dict[str, Any]] = []
    for figures in windows:
        window, energy = figures.window, figures.window.energies[by]
        rows.append(
            {
                "window": window.number,
                "start_s": window.start_s,
                "stop_s": window.stop_s,
                "window_s": window.duration_s,
                "iterations": figures.iterations,
                "rule": by.value,
                "energy_j": energy.energy_j,
                "power_w": energy.power_w,
                "joule_per_inference": figures.joule_per_inference(by),
                "inferences_per_second": figures.inferences_per_second,
                "missing_samples": energy.missing,
                "edge_bound_j": window.bounds.step_j + window.bounds.position_j,
                "findings": ", ".join(finding.code for finding in window.findings),
                "virtual": virtual,
            }
        )
    result = frame(rows, WINDOW_COLUMNS)
    result["iterations"] = result["iterations"].astype("Int64")
    return result


def frame(rows: list[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A table with these columns, also where there are no rows."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns))
