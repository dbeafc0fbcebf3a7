"""Refreshes the catalogue from checkouts of rounds: printed figures beside recomputed ones, and verdicts."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from energy.catalogue.row import FIELDS, Row, row_of
from energy.findings import Severity
from energy.runs.files import benchmark_of
from energy.runs.printed import FigureCheck
from energy.submission.places import Place
from energy.submission.tree import read_tree
from energy.validation.paths import Failure, validate_paths
from energy.validation.report import FolderReport, RunReport, ValidationReport
from energy.validation.rounds import rules_for
from energy.validation.run import Progress

_VERDICTS = {Severity.ERROR: "error", Severity.WARNING: "warning"}
_RUNNERS = {"eembc": "EEMBC", "mlcommons": "MLC"}
_METRICS = {"ad": ("AUC", "AUC"), "sww": ("TP/FN/FP", "")}
_STREAMING = ("true positives", "false negatives", "false positives")
_PRINTED = ("energy_uj_per_inf", "throughput_ips", "energy_mode_ips")
"""Columns whose figures in the files are compared with those of the catalogue."""


@dataclass(frozen=True)
class Changed:
    """A printed figure that is not the catalogue's.

    Attributes:
        id: The row.
        column: Column of the figure.
        was: As the catalogue had it.
        now: As the files print it.
    """

    id: str
    column: str
    was: str
    now: str


@dataclass
class Built:
    """A refreshed catalogue.

    Attributes:
        rows: All rows: those of the files that were named, and all others as they were.
        refreshed: Those of the files, in the order in which they were found.
        added: Ids of rows that were not in the catalogue.
        changed: Printed figures that are not the catalogue's.
        report: The validation.
        failures: Archives that were refused.
    """

    rows: list[Row]
    refreshed: list[Row] = field(default_factory=list[Row])
    added: list[str] = field(default_factory=list[str])
    changed: list[Changed] = field(default_factory=list[Changed])
    report: ValidationReport = field(default_factory=lambda: ValidationReport([]))
    failures: list[Failure] = field(default_factory=list[Failure])


def build(
    paths: Sequence[Path],
    rows: Iterable[Row],
    *,
    partial_copy: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Built:
    """Refreshes a catalogue from what some paths hold.

    Args:
        paths: Checkouts of rounds, submissions, or archives of them.
        rows: The catalogue.
        partial_copy: Whether somebody declares that files may be missing because they were not copied.
        workers: How many processes; None for one per core.
        progress: Called with how many folders are done, how many there are, and the name of the last.

    Raises:
        UsageError: ``path.missing``, ``path.nothing``.
    """
    built = Built(list(rows))
    places: dict[str, Place] = {}

    def look(report: ValidationReport) -> None:
        for root in {submission.root for submission in report.submissions if submission.root}:
            places.update({_name(place.name, place.round.name): place for place in read_tree(root).places()})

    built.report, built.failures = validate_paths(
        paths, workers=workers, progress=progress, partial_copy=partial_copy, use=look
    )
    known = {_canonical(row): index for index, row in enumerate(built.rows)}
    for folder in built.report.folders:
        place = places.get(_name(folder.name, folder.round))
        if place is not None:  # a session of our own is no published result
            _take(built, known, folder, place)
    return built


def _take(built: Built, known: dict[str, int], folder: FolderReport, place: Place) -> None:
    name = _name(folder.name, folder.round)
    printed = _printed(folder)
    index = known.get(name)
    if index is None:
        row = row_of({**_about(folder, place), **printed, **_streamed(folder), **_recomputed(folder)})
        known[name] = len(built.rows)
        built.rows.append(row)
        built.added.append(row.id)
    else:
        before = built.rows[index]
        differing = {
            column: printed[column]
            for column in _PRINTED
            if printed.get(column) and not _same(before.printed[column], printed[column])
        }
        built.changed += [Changed(before.id, c, before.printed[c], now) for c, now in differing.items()]
        row = row_of({**before.printed, **differing, **_recomputed(folder)})
        built.rows[index] = row
    built.refreshed.append(row)


def _name(name: str, round_name: str) -> str:
    """The display name of a benchmark, its round as people call it (``tiny_results_v1.2`` is v1.2)."""
    rules = rules_for(round_name)
    return f"{rules.name}{name.removeprefix(round_name)}" if rules.known else name


def _canonical(row: Row) -> str:
    """The display name that a validation gives to a row."""
    parts = row.id.split("/")
    level = next((n for n, part in enumerate(parts) if n > 3 and benchmark_of(part) == row.benchmark), None)
    if level is not None:
        parts[level] = row.benchmark
    return "/".join(parts)


def _same(ours: str, theirs: str) -> bool:
    return bool(ours) and float(ours) == float(theirs)


def _about(folder: FolderReport, place: Place) -> dict[str, str]:
    """What the folders and the system's description say of a row that is new."""
    description = place.system.description
    fields = {name: (description.get(name) or "").strip() if description else "" for name in _DESCRIBED}
    round_name = _name(folder.round, folder.round)
    below = [folder.benchmark, *([folder.variant] if folder.variant else [])]
    path = [round_name, folder.division, folder.organization, "results", folder.system, *below]
    runners = {run.runner for run in folder.runs} & set(_RUNNERS)
    return {
        **dict.fromkeys(FIELDS, ""),
        "round": round_name,
        "division": folder.division,
        "organization": folder.organization,
        "system": f"{folder.system} [{folder.variant}]" if folder.variant else folder.system,
        "benchmark": folder.benchmark,
        "path": "/".join(path),
        "runner": " and ".join(sorted(_RUNNERS[name] for name in runners)),
        **{column: fields[name] for name, column in _DESCRIBED.items()},
    }


_DESCRIBED = {
    "Processor(s) Name": "processor",
    "Accelerator": "accelerator",
    "Processor(s) Frequencies": "freq",
}
"""Fields of a system's description, and their columns."""


def _printed(folder: FolderReport) -> dict[str, str]:
    """The figures as the files print them."""
    energy, performance = folder.run("energy"), folder.run("performance")
    metric, name = _METRICS.get(folder.benchmark, ("top-1", "top-1"))
    timed = energy if folder.benchmark == "sww" else performance
    cells = {
        "energy_uj_per_inf": _text(_energy(energy)),
        "energy_mode_ips": _text(_figure(energy, "median throughput")),
        "throughput_ips": _text(_figure(timed, "median throughput", "throughput")),
        "accuracy_metric": metric,
        "accuracy": _accuracy(folder, name),
    }
    throughput = float(cells["throughput_ips"] or 0)
    if throughput:
        cells["latency_ms"] = f"{1e3 / throughput:.6f}"
    if energy is not None:
        cells["emon"] = energy.monitor or ""
        cells["voltage_mv"] = f"{energy.voltage_v * 1e3:.1f}" if energy.voltage_v else ""
        cells["n_windows"] = str(len(energy.windows)) if energy.windows else ""
    return cells


def _streamed(folder: FolderReport) -> dict[str, str]:
    """Energy and power of a stream, which its results state for the one window that there is."""
    energy = folder.run("energy")
    if folder.benchmark != "sww" or energy is None or len(energy.windows) != 1:
        return {}
    window = energy.windows[0]
    joule, power_w = window.energy_j, window.power_w
    return {
        "energy_uj_per_inf": f"{joule * 1e6:.4f}" if joule else "",
        "power_mw": f"{power_w * 1e3:.7g}" if power_w else "",
    }


def _energy(run: RunReport | None) -> FigureCheck | None:
    return _figure(run, "median energy")


def _figure(run: RunReport | None, *names: str) -> FigureCheck | None:
    found = (run.figure(name) for name in names) if run else ()
    return next((figure for figure in found if figure), None)


def _text(figure: FigureCheck | None) -> str:
    return figure.printed if figure else ""


def _accuracy(folder: FolderReport, name: str) -> str:
    run = folder.run("accuracy")
    if name:
        return _text(_figure(run, name))
    runs = (_figure(run, *_STREAMING[:1]) and run for run in folder.runs)
    counted = next((run for run in runs if run), None)
    return "/".join(_text(_figure(counted, part)) for part in _STREAMING) if counted else ""


def _recomputed(folder: FolderReport) -> dict[str, str]:
    """What this program computes from the files: figures with as many digits as the printed ones."""
    worst = {found.severity for found in folder.all_findings}
    codes = [found.code for found in folder.all_findings if found.severity in _VERDICTS]
    scatter = _scatter(folder.run("energy"))
    return {
        "recomputed_uj_per_inf": _evidence(_energy(folder.run("energy"))),
        "recomputed_ips": _evidence(_figure(folder.run("performance"), "median throughput", "throughput")),
        "scatter_rsd": f"{scatter:.3g}" if scatter is not None else "",
        "verdict": next((word for severity, word in _VERDICTS.items() if severity in worst), "sound"),
        "findings": " ".join(dict.fromkeys(codes)),
    }


def _evidence(figure: FigureCheck | None) -> str:
    """A recomputed figure, unless it only follows from other printed figures."""
    return figure.recomputed or "" if figure and figure.source != "results.txt" else ""


def _scatter(run: RunReport | None) -> float | None:
    """Relative standard deviation of the windows' energies per inference, where there is a trace."""
    if run is None or run.trace is None:
        return None
    costs = [w.energy_j / w.iterations for w in run.windows if w.energy_j and w.iterations]
    return statistics.stdev(costs) / statistics.fmean(costs) if len(costs) > 1 else None
