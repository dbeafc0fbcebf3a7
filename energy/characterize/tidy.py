"""A tidy table on disk: a row for each observation, a column for each quantity with its unit in the name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from energy.errors import BenchError
from energy.printable import for_cell


def write_table(rows: Sequence[Mapping[str, Any]], stem: Path) -> tuple[Path, Path]:
    """Writes rows as Parquet and as CSV, with the same columns.

    Args:
        rows: The rows; each has the same keys.
        stem: Path of both files without its suffix.

    Returns:
        Paths of the Parquet file and of the CSV file.

    Raises:
        BenchError: ``session.write-failed``.
    """
    import pandas as pd

    table = pd.DataFrame([dict(row) for row in rows]).convert_dtypes()
    parquet, text = stem.with_suffix(".parquet"), stem.with_suffix(".csv")
    shown = pd.DataFrame([{key: _shown(cell) for key, cell in row.items()} for row in rows]).convert_dtypes()
    try:
        table.to_parquet(parquet, index=False)
        shown.to_csv(text, index=False)
    except OSError as error:
        raise BenchError(
            "session.write-failed",
            f"{stem.name}.parquet and {stem.name}.csv cannot be written: {error}",
            "Free disk space; the figures are in the JSON document.",
        ) from error
    return parquet, text


def _shown(cell: object) -> object:
    """A cell as it may stand in a CSV file, which a spreadsheet opens."""
    return for_cell(cell) if isinstance(cell, str) else cell
