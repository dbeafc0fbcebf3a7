"""The atlas: all published results as one page, with own points beside them.

The page filters, limits, sorts and draws by its own scripts (``templates/atlas*.js``), and reads own sessions
from files that the reader chooses. Its policy lets it load and send nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from energy.benchmark.workloads import WORKLOADS
from energy.catalogue.processors import KINDS
from energy.catalogue.row import Row, read_rows
from energy.report.catalogue import accuracy_cell
from energy.report.pages.colours import COLOURS, OTHER_COLOUR
from energy.report.pages.parts import Fact, Included, Lines, Part, Section
from energy.report.pages.skeleton import Page, check_page, write_page
from energy.report.point_sources import points_of
from energy.report.points import LeftOut, OperatingPoint, PointSet, point_of_row
from energy.report.table import NOT_KNOWN
from energy.report.units import engineering
from energy.uncertainty.rounding import figure_text

_TITLES = {
    "ad": "anomaly detection",
    "ic": "image classification",
    "kws": "keyword spotting",
    "vww": "visual wake words",
    "sww": "streaming wake word",
}
_COLUMNS = (
    ("label", "system", False),
    ("benchmark", "workload", False),
    ("latency_s", "latency", True),
    ("joule_per_inference", "energy ± U, 95 %", True),
    ("power_w", "power", True),
    ("accuracy", "accuracy", True),
    ("files", "files", False),
    ("front", "front", False),
    ("processor_kind", "processor", False),
    ("voltage_v", "supply", True),
)
"""Columns of the table: column of a point, heading, whether it is a number."""
_LIMITS = (
    ("latency_s", "Latency at most", "ms", 1e-3, "most"),
    ("power_w", "Power at most", "mW", 1e-3, "most"),
    ("joule_per_inference", "Energy at most", "µJ", 1e-6, "most"),
    ("accuracy", "Accuracy at least", "%", 0.01, "least"),
    ("memory_bytes", "Memory at most", "KiB", 1024.0, "most"),
)
"""Limits of the region: column of a point, label, unit, factor to the SI unit, direction."""


def write_atlas(
    path: Path,
    paths: Sequence[str | Path] = (),
    *,
    catalogue: Path | None = None,
    workers: int | None = None,
    progress: Callable[[float, str], None] = lambda done, doing: None,
) -> PointSet:
    """Writes the atlas.

    Args:
        path: The file to write.
        paths: Own sessions, recordings, sweeps, published trees, or folders of them.
        catalogue: A catalogue that ``catalogue build`` wrote; None: the one that is shipped.
        workers: Processes that recompute published trees; None for one per core.
        progress: Called with what is done so far.

    Returns:
        The own points, and what has none.

    Raises:
        UsageError: ``usage.html``, ``page.unwritable``, ``path.missing``, ``path.nothing``.
        RecordingError: ``catalogue.damaged``.
        BenchError: ``report.jinja2``, ``report.plotly`` if a package is not installed.
    """
    check_page(path)
    rows = read_rows(catalogue)
    own = points_of(paths, rows, progress, workers) if paths else PointSet()
    write_page(atlas_page(rows, own), path)
    return own


def atlas_page(rows: Sequence[Row], own: PointSet | None = None) -> Page:
    """The page of published results and own points.

    Args:
        rows: The catalogue: rows without an energy are shown, too, by their latency.
        own: Own points. One of a published tree stands beside the row that was published.
    """
    own = own or PointSet()
    documents = [_document(point_of_row(row), accuracy_cell(row)) for row in rows]
    documents += [_document(point) for point in own]
    rounds = sorted({row.round for row in rows})
    energies = sum(row.joule_per_inference is not None for row in rows)
    facts = [
        Fact("published rows", str(len(rows)), float(len(rows))),
        Fact("of them with an energy", str(energies), float(energies)),
        Fact("rounds", f"{rounds[0]} to {rounds[-1]}" if rounds else NOT_KNOWN),
    ]
    if len(own):
        facts.append(Fact("own points", str(len(own)), float(len(own))))
    parts: list[Part] = [Included("atlas.html.j2", _data(documents))]
    if lines := left_out_lines(own.left_out):
        parts.append(Lines(lines))
    return Page(
        "Atlas",
        "Published MLPerf Tiny results" + (" beside own points" if len(own) else ""),
        [
            Section("points", "Energy and latency", parts),
            Section("reading", "How to read it", [Lines(_READING)]),
        ],
        facts,
        scripts=("atlas_rules.js", "atlas_own.js", "atlas_chart.js", "atlas.js"),
        styles=("atlas.css",),
        notes=[_VIRTUAL] if own.virtual else [],
    )


_VIRTUAL = (
    "Points marked VIRTUAL come from the virtual bench, not from hardware: they are on a front only where "
    "their workload has no other point."
)
_READING = (
    "Latency is 1 / inferences per second, of performance mode where there is such a run. Power is the "
    "mean inside the windows: as printed, else energy per inference times inferences per second in "
    "energy mode. Of the streaming wake word (sww) the published energy is that of the whole stream, so "
    "it is drawn only where no other workload is.",
    "U is the expanded uncertainty (95 %). No published result states its own: U is that of an assumed "
    "budget, made from the specification of the monitor (`joulebench catalogue show ROW` lists its "
    "terms).",
    "On the front of a workload is every remaining row that no other remaining row of the same workload "
    "beats in latency or in energy (or power, where that is drawn) without being worse in the other. Rows "
    "with errors in their files are on none. It is computed again when a filter or a limit changes. The "
    "scopes of the measured rails differ between systems, and most rounds do not state them, so a place "
    "on the front is not yet a ranking.",
    "A limit leaves out rows that do not state the figure that it limits; the line above the chart "
    "counts them. Memory is flash and RAM together: no published row states it; own sessions do where "
    "their bench file does.",
    "Files: what joulebench's validation found in a row's published files; “not checked” where they "
    "were not at hand.",
)


def left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """A line for each own measurement that has no point, with the reason."""
    return [f"{left.name} has no point: {left.reason}." for left in left_out]


def _document(point: OperatingPoint, accuracy: str | None = None) -> dict[str, Any]:
    """A point as the page's scripts read it: its columns, and its figures as text."""
    files = point.published.get("verdict", "") if not point.own else _WORDS[point.valid]
    return {
        **point.to_json(),
        "own": point.own,
        "streaming": point.streaming,
        "files": files or "not checked",
        "texts": _texts(point, accuracy),
    }


_WORDS = {True: "valid", False: "not valid", None: "not checked"}


def _texts(point: OperatingPoint, accuracy: str | None) -> dict[str, str]:
    energy, expanded = point.joule_per_inference, point.expanded_uncertainty_j
    if energy is not None and expanded:
        energy_text = figure_text(energy, expanded, "J")
    else:
        energy_text = _engineering(energy, "J")
    return {
        "latency_s": _engineering(point.latency_s, "s"),
        "joule_per_inference": energy_text,
        "power_w": _engineering(point.power_w, "W"),
        "accuracy": accuracy or accuracy_text(point),
        "voltage_v": NOT_KNOWN if point.voltage_v is None else f"{point.voltage_v:g} V",
    }


def accuracy_text(point: OperatingPoint) -> str:
    """A point's accuracy with its metric."""
    if point.accuracy is None:
        return NOT_KNOWN
    if point.accuracy_metric == "AUC":
        return f"AUC {point.accuracy:.4g}"
    return f"{100 * point.accuracy:.4g} %"


def _engineering(value: float | None, unit: str) -> str:
    return NOT_KNOWN if value is None else engineering(value, unit)


def _data(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    known = list(dict.fromkeys(workload.benchmark for workload in WORKLOADS.values()))
    used = {document["benchmark"] for document in documents}
    names = [name for name in known if name in used] + sorted(used - set(known))
    workloads = [
        {"id": name, "colour": COLOURS.get(name, OTHER_COLOUR), "title": _TITLES.get(name, "")}
        for name in names
    ]
    columns = [{"column": column, "title": title, "number": number} for column, title, number in _COLUMNS]
    return {
        "workloads": workloads,
        "selects": _selects(documents),
        "limits": [
            {"column": column, "title": title, "unit": unit, "scale": scale, "kind": kind}
            for column, title, unit, scale, kind in _LIMITS
        ],
        "columns": columns,
        "label": "Energy per inference or mean power over latency, both logarithmic, a point a row. "
        "The table beside it holds the same rows.",
        "caption": "Colour: workload. Shape: kind of processor. Larger, with an outline: own points. Lines: "
        "the front of each workload. Ticks below: rows that have no place above, by their latency.",
        "document": {
            "points": documents,
            "columns": [name for name in documents[0] if name != "texts"] if documents else [],
            "workloads": workloads,
        },
    }


def _selects(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The choices that narrow the rows, each with the values that there are."""

    def of(column: str, title: str, order: Sequence[str] = ()) -> dict[str, Any]:
        values = {str(document[column]) for document in documents} - {""}
        sorted_values = [value for value in order if value in values]
        sorted_values += sorted(values - set(sorted_values), key=str.casefold)
        options = [{"value": value, "text": value} for value in sorted_values]
        return {"column": column, "title": title, "options": options}

    return [
        of("round", "Round"),
        of("division", "Division"),
        of("organization", "Organisation"),
        of("processor_kind", "Processor", KINDS),
        of("files", "Files", ("sound", "warning", "error", "not checked", "valid", "not valid")),
        {
            "column": "own",
            "title": "Source",
            "options": [{"value": "false", "text": "published"}, {"value": "true", "text": "own"}],
        },
    ]
