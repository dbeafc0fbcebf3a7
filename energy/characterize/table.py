"""The table of a sweep: a row for each point, as CSV and Parquet, as pandas and xarray."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy.characterize.points import write_whole
from energy.characterize.sweep_file import SweepPlan
from energy.errors import UsageError
from energy.printable import for_cell
from energy.recording.jsonvalues import json_text
from energy.uncertainty.floors import UNITS as FLOOR_UNITS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

TABLE_SCHEMA = "joulebench.sweep-table/1"
CSV_NAME, PARQUET_NAME = "table.csv", "table.parquet"
UNITS = {
    **FLOOR_UNITS,
    "joule_per_inference": "J",
    "net_joule_per_inference": "J",
    "inferences_per_second": "1/s",
    "performance_inferences_per_second": "1/s",
    "power_w": "W",
    "latency_s": "s",
    "voltage_v": "V",
    "clock_hz": "Hz",
    "temperature_c": "degC",
    "window_s": "s",
    "flash_bytes": "B",
    "ram_bytes": "B",
}
"""Units of the columns, also of ``_u95`` columns; all others are numbers or texts."""
TEXTS = ("board", "workload", "firmware", "verdict", "findings", "error", "folder")
_WHOLE = ("point", "repeat", "flash_bytes", "ram_bytes", "macs", "iterations")


def unit_of(column: str) -> str:
    """The unit of a column; empty for texts and pure numbers."""
    return UNITS.get(column.removesuffix("_u95"), "")


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows as a pandas table, SI units; what is not known is missing."""
    import pandas as pd

    columns = list(dict.fromkeys(name for row in rows for name in row))
    frame = pd.DataFrame([dict(row) for row in rows], columns=columns)
    for name in columns:
        if name in _WHOLE:
            frame[name] = frame[name].astype("Int64")
        elif name == "virtual":
            frame[name] = frame[name].astype(bool)
        elif name not in TEXTS and not any(isinstance(row.get(name), str) for row in rows):
            frame[name] = frame[name].astype("float64")
    return frame


def write_tables(rows: Sequence[Mapping[str, Any]], plan: SweepPlan, folder: Path) -> None:
    """Writes ``table.csv`` and ``table.parquet``, each whole.

    Args:
        rows: The rows.
        plan: The plan; Parquet holds it in its schema, with the units of the columns.
        folder: The folder of the sweep.

    Raises:
        RecordingError: ``sweep.write-failed``.
    """
    write_whole(folder / CSV_NAME, lambda draft: draft.write_text(_csv(rows), encoding="utf-8"))
    write_whole(folder / PARQUET_NAME, lambda draft: _write_parquet(rows, plan, draft))


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return for_cell(value) if isinstance(value, str) else value


def _write_parquet(rows: Sequence[Mapping[str, Any]], plan: SweepPlan, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame_of(rows), preserve_index=False)
    document = {
        "schema": TABLE_SCHEMA,
        "plan": plan.model_dump(by_alias=True, mode="json"),
        "units": {name: unit_of(name) for name in table.column_names if unit_of(name)},
    }
    about = {**(table.schema.metadata or {}), b"joulebench": json_text(document).encode()}
    table = table.replace_schema_metadata(about)
    with pq.ParquetWriter(str(path), table.schema, compression="zstd") as writer:
        writer.write_table(table)


def dataset_of(rows: Sequence[Mapping[str, Any]], plan: SweepPlan) -> xr.Dataset:
    """The rows as labelled arrays: a dimension for each axis, and ``repeat`` where there are several.

    A point that was skipped or is not measured yet is NaN, or an empty text.

    Raises:
        UsageError: ``sweep.no-xarray`` where xarray is not installed.
    """
    try:
        import xarray as xr
    except ImportError as error:
        raise UsageError(
            "sweep.no-xarray", "labelled arrays need xarray", "pip install 'joulebench[sweep]'"
        ) from error
    axes = [*plan.axes, *(["repeat"] if plan.repeats > 1 else [])]
    frame = frame_of(rows)
    for name in frame.columns:
        if str(frame[name].dtype) == "Int64" and name not in axes:
            frame[name] = frame[name].astype("float64")
        elif str(frame[name].dtype) in ("object", "str", "string"):
            frame[name] = frame[name].astype(object)
    if plan.repeats == 1:
        frame = frame.drop(columns="repeat")
    frame["virtual"] = frame["virtual"].astype(object)
    dataset = xr.Dataset.from_dataframe(frame.set_index(axes))
    whole = {name: [number if isinstance(number, str) else float(number) for number in plan.axes[name].values]
             for name in plan.axes}  # fmt: skip
    dataset = dataset.reindex(whole)
    for name in dataset.variables:
        if unit := unit_of(str(name)):
            dataset[name].attrs["units"] = unit
    dataset.attrs = {"title": plan.name, "virtual": str(any(row["virtual"] for row in rows)).lower()}
    return dataset


def lowest(rows: Sequence[Mapping[str, Any]], figure: str = "joule_per_inference") -> list[Mapping[str, Any]]:
    """The row of each workload with the lowest figure among the valid points, in order of appearance."""
    best: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        value = row.get(figure)
        if value is None or row["verdict"] != "valid":
            continue
        if row["workload"] not in best or value < best[row["workload"]][figure]:
            best[row["workload"]] = row
    return list(best.values())
