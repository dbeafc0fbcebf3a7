"""Published results as a data frame, and as files: CSV, JSON, Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from energy.catalogue.row import Row
from energy.errors import RecordingError, UsageError
from energy.recording.inside import refuse_special
from energy.recording.jsonvalues import json_text
from energy.report.catalogue import as_csv, columns, documents

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "joulebench.catalogue/1"


def frame_of(rows: Iterable[Row]) -> pd.DataFrame:
    """The rows as a table: the columns of ``Row.to_json`` in SI units, and the U of each assumed budget."""
    import pandas as pd

    return pd.DataFrame(documents(rows), columns=list(columns()))


def export_rows(rows: list[Row], path: Path) -> None:
    """Writes rows as CSV, JSON or Parquet, by the ending of the file's name; never half of a file.

    Args:
        rows: The rows.
        path: The file.

    Raises:
        UsageError: ``usage.format``.
    """
    writers: dict[str, Callable[[list[Row], Path], None]] = {
        ".csv": _write_csv,
        ".json": _write_json,
        ".parquet": _write_parquet,
    }
    writer = writers.get(path.suffix.casefold())
    if writer is None:
        raise UsageError("usage.format", f"{path} ends in none of {', '.join(writers)}", "Rename it.")
    replaced(path, lambda part: writer(rows, part))


def replaced(path: Path, write: Callable[[Path], None]) -> None:
    """Writes a file beside its place and moves it there when it is whole.

    Args:
        path: The file.
        write: Writes the file that it is given.

    Raises:
        RecordingError: ``file.write``.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        refuse_special(path)
        part.unlink(missing_ok=True)  # it may be anything
        write(part)
        part.replace(path)
    except OSError as error:
        text = f"{path} cannot be written: {error.strerror or error}"
        raise RecordingError("file.write", text, "Name another file.") from error
    finally:
        part.unlink(missing_ok=True)


def write_rows(path: Path, text: str) -> None:
    """Writes the text of a CSV file, its line ends as they are."""
    path.write_text(text, encoding="utf-8", newline="")


def _write_csv(rows: list[Row], path: Path) -> None:
    write_rows(path, as_csv(rows))


def _write_json(rows: list[Row], path: Path) -> None:
    document = {"schema": SCHEMA, "rows": documents(rows)}
    path.write_text(json_text(document, indent=2, ascii_only=True) + "\n", encoding="utf-8")


def _write_parquet(rows: list[Row], path: Path) -> None:
    frame_of(rows).to_parquet(path, index=False)
