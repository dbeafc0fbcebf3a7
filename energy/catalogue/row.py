"""A published result, and the file that holds all of them.

The file has a row for each benchmark of each system in each round: the figures as its files print them, in
the units in which they print them, and what this program recomputed from those files where it had them.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from energy.catalogue.names import known_names
from energy.errors import RecordingError, UsageError
from energy.printable import for_cell
from energy.recording.limits import LARGEST_CATALOGUE
from energy.recording.trace import read_text_file

SHIPPED = "published.csv"
INFERRED = "(inferred)"
_HINT = "`joulebench catalogue build PATH --out FILE` writes such a file."
_MARK = "'"
"""What a cell begins with that a spreadsheet would take for a formula."""

FIELDS = (
    "round",
    "division",
    "organization",
    "system",
    "processor",
    "benchmark",
    "throughput_ips",
    "latency_ms",
    "accuracy_metric",
    "accuracy",
    "energy_uj_per_inf",
    "emon",
    "runner",
    "voltage_mv",
    "path",
    "energy_mode_ips",
    "power_mw",
    "n_windows",
    "accelerator",
    "freq",
    "recomputed_uj_per_inf",
    "recomputed_ips",
    "scatter_rsd",
    "verdict",
    "findings",
)
"""Columns of the file."""


@dataclass(frozen=True)
class Row:
    """A published result. SI units; None where no file states a figure.

    Attributes:
        round: ``"v0.5"`` to ``"v1.3"``.
        division: ``"open"`` or ``"closed"``.
        organization: Who submitted it, as its folder is called.
        system: The system, as its folder is called.
        processor: Name of the processor.
        benchmark: ``"ad"``, ``"ic"``, ``"kws"``, ``"vww"`` or ``"sww"``.
        path: Its folder in the round.
        inferences_per_second: Median in performance mode.
        joule_per_inference: Median energy per inference; of ``sww``, the energy of the whole stream.
        energy_mode_inferences_per_second: Median in energy mode.
        power_w: Mean power, where it is printed: ``sww``.
        voltage_v: Supply voltage.
        monitor: ``"lpm01a"``, ``"js110"``, or empty.
        monitor_inferred: Whether no file names the monitor, and it is inferred from their form.
        windows: Windows of the energy run.
        accuracy_metric: ``"top-1"``, ``"AUC"`` or ``"TP/FN/FP"``.
        accuracy: As it is printed.
        runner: Runner and version.
        accelerator: Name of the accelerator; empty if there is none.
        frequency: Clock, as the system's description gives it.
        recomputed_joule_per_inference: As this program computes it from the trace.
        recomputed_inferences_per_second: Likewise, in performance mode.
        scatter_rsd: Relative standard deviation of the windows' energies per inference.
        verdict: ``"sound"``, ``"warning"`` or ``"error"``; empty where its files were not checked.
        findings: Codes of the errors and warnings.
        printed: The figures as they stand in the file, by column.
    """

    round: str
    division: str
    organization: str
    system: str
    processor: str
    benchmark: str
    path: str
    inferences_per_second: float | None
    joule_per_inference: float | None
    energy_mode_inferences_per_second: float | None
    power_w: float | None
    voltage_v: float | None
    monitor: str
    monitor_inferred: bool
    windows: int | None
    accuracy_metric: str
    accuracy: str
    runner: str
    accelerator: str
    frequency: str
    recomputed_joule_per_inference: float | None
    recomputed_inferences_per_second: float | None
    scatter_rsd: float | None
    verdict: str
    findings: tuple[str, ...]
    printed: dict[str, str]

    @property
    def id(self) -> str:
        """Its name, the path without the level ``results``: ``v0.5/closed/reference/Nucleo-L4R5ZI/ic``."""
        return self.path.replace("/results/", "/", 1)

    @property
    def latency_s(self) -> float | None:
        """Seconds per inference in performance mode."""
        return 1.0 / self.inferences_per_second if self.inferences_per_second else None

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which people know it."""
        return known_names(self.path)

    @property
    def streaming(self) -> bool:
        """Whether its energy is that of a whole stream, not of an inference."""
        return self.benchmark == "sww"

    def to_json(self) -> dict[str, Any]:
        """A flat document in SI units, for ``--json``, exports and data frames."""
        return {
            "id": self.id,
            "round": self.round,
            "division": self.division,
            "organization": self.organization,
            "system": self.system,
            "known_as": "; ".join(self.names),
            "processor": self.processor,
            "accelerator": self.accelerator,
            "frequency": self.frequency,
            "benchmark": self.benchmark,
            "inferences_per_second": self.inferences_per_second,
            "latency_s": self.latency_s,
            "joule_per_inference": self.joule_per_inference,
            "energy_mode_inferences_per_second": self.energy_mode_inferences_per_second,
            "power_w": self.power_w,
            "voltage_v": self.voltage_v,
            "monitor": self.monitor,
            "monitor_inferred": self.monitor_inferred,
            "windows": self.windows,
            "accuracy_metric": self.accuracy_metric,
            "accuracy": self.accuracy,
            "runner": self.runner,
            "recomputed_joule_per_inference": self.recomputed_joule_per_inference,
            "recomputed_inferences_per_second": self.recomputed_inferences_per_second,
            "scatter_rsd": self.scatter_rsd,
            "verdict": self.verdict,
            "findings": ", ".join(self.findings),
            "path": self.path,
        }


def row_of(cells: dict[str, str]) -> Row:
    """A row from the cells of the file.

    Args:
        cells: Texts by column; a column that is missing is empty.

    Raises:
        ValueError: If a number is none, or the path is empty.
    """
    cell = {name: cells.get(name) or "" for name in FIELDS}
    if not cell["path"]:
        raise ValueError("the path is empty")
    windows, monitor = _number(cell, "n_windows"), cell["emon"]
    return Row(
        round=cell["round"],
        division=cell["division"],
        organization=cell["organization"],
        system=cell["system"],
        processor=cell["processor"],
        benchmark=cell["benchmark"],
        path=cell["path"],
        inferences_per_second=_number(cell, "throughput_ips"),
        joule_per_inference=_number(cell, "energy_uj_per_inf", 1e-6),
        energy_mode_inferences_per_second=_number(cell, "energy_mode_ips"),
        power_w=_number(cell, "power_mw", 1e-3),
        voltage_v=_number(cell, "voltage_mv", 1e-3),
        monitor=monitor.removesuffix(INFERRED),
        monitor_inferred=monitor.endswith(INFERRED),
        windows=None if windows is None else round(windows),
        accuracy_metric=cell["accuracy_metric"],
        accuracy=cell["accuracy"],
        runner=cell["runner"],
        accelerator=cell["accelerator"],
        frequency=cell["freq"],
        recomputed_joule_per_inference=_number(cell, "recomputed_uj_per_inf", 1e-6),
        recomputed_inferences_per_second=_number(cell, "recomputed_ips"),
        scatter_rsd=_number(cell, "scatter_rsd"),
        verdict=cell["verdict"],
        findings=tuple(cell["findings"].split()),
        printed=cell,
    )


def _number(cells: dict[str, str], column: str, factor: float = 1.0) -> float | None:
    """A printed figure in the SI unit; None where there is none."""
    text = cells[column].strip()
    if not text:
        return None
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{column} is {text!r}")
    return value * factor


def read_rows(path: Path | None = None) -> list[Row]:
    """The rows of a catalogue.

    Args:
        path: A file that ``catalogue build`` wrote; None for the one that is shipped.

    Raises:
        UsageError: ``path.missing``.
        RecordingError: ``catalogue.damaged``.
    """
    if path is None:
        text = resources.files("energy.catalogue").joinpath(SHIPPED).read_text(encoding="utf-8")
        return rows_in(text, SHIPPED)
    if not path.is_file():
        raise UsageError("path.missing", f"there is no file {path}", _HINT)
    return rows_in(read_text_file(path, LARGEST_CATALOGUE, hint=_HINT), path.name)


def rows_in(text: str, what: str) -> list[Row]:
    """The rows in the text of a catalogue.

    Args:
        text: The text, CSV.
        what: Its file, for the error.

    Raises:
        RecordingError: ``catalogue.damaged``.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    try:
        missing = set(FIELDS[:20]) - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"it has no columns {', '.join(sorted(missing))}")
        rows += [row_of({name: _plain(cells[name]) for name in cells if name}) for cells in reader]
    except (ValueError, csv.Error, AttributeError) as error:
        where = f"{what}, line {reader.line_num}"
        raise RecordingError("catalogue.damaged", f"{where}: {error}"[:300], _HINT) from error
    if len({row.path for row in rows}) < len(rows):
        raise RecordingError("catalogue.damaged", f"{what} has two rows with the same path", _HINT)
    return rows


def _plain(value: str | None) -> str:
    return (value or "").removeprefix(_MARK)


def rows_text(rows: Iterable[Row]) -> str:
    """The text of a catalogue with these rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list[str](FIELDS), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: for_cell(text) for name, text in row.printed.items()})
    return text.getvalue()
