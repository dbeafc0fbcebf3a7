"""Every printed figure, recomputed where the files allow it, and compared with the others where not."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator

from energy.benchmark.limits import WINDOWS
from energy.findings import Finding
from energy.runs.measurement import Measurement, RunWindow
from energy.runs.printed import FigureCheck, FigureSource, compare, half_unit
from energy.runs.results_text import Figure, PrintedWindow, ResultsText, figures
from energy.runs.run_windows import stated_iterations

_CODES = {"iterations": "iterations.disagree"}


def recompute(measured: Measurement) -> Iterator[FigureCheck]:
    """Every figure that an energy or performance run prints."""
    printed = measured.run.printed
    if printed is None or measured.run.benchmark == "sww":
        return
    by_number = {window.number: window for window in measured.windows}
    usable = not measured.broken
    for number, theirs in enumerate(printed.windows, start=1):
        ours = by_number.get(number)
        yield from _window(theirs, number, ours if ours and usable and not ours.tainted else None)
    whole = usable and measured.from_evidence and not any(window.tainted for window in measured.windows)
    if printed.median_energy_uj:
        value = _median([window.joule_per_inference for window in measured.windows]) if whole else None
        scaled = None if value is None else value * 1e6
        yield compare("median energy", None, "µJ/inf", printed.median_energy_uj, scaled, _source(measured))
    if printed.median_throughput:
        value = _median([window.throughput for window in measured.windows]) if whole else None
        yield compare("median throughput", None, "inf/s", printed.median_throughput, value, _source(measured))


def _source(measured: Measurement) -> FigureSource:
    return measured.windows[0].source if measured.windows else "results.txt"


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known and len(known) == len(values) else None


def _window(theirs: PrintedWindow, number: int, ours: RunWindow | None) -> Iterator[FigureCheck]:
    evidence = ours if ours and ours.source != "results.txt" else None
    source: FigureSource = evidence.source if evidence else "results.txt"
    power_unit = "mW" if theirs.power_unit == 1e-3 else "µW"

    def scaled(value: float | None, factor: float) -> float | None:
        return None if value is None else value * factor

    rows: tuple[tuple[str, str, Figure | None, float | None], ...] = (
        ("start", "s", theirs.starts_s, evidence.time_s[0] if evidence and evidence.time_s else None),
        ("length", "s", theirs.lasts_s, evidence.duration_s if evidence else None),
        ("energy", "µJ", theirs.energy_uj, scaled(evidence.energy_j, 1e6) if evidence else None),
        (
            "power",
            power_unit,
            theirs.power,
            scaled(evidence.power_w, 1 / theirs.power_unit) if evidence else None,
        ),
        (
            "energy per inference",
            "µJ/inf",
            theirs.per_inference_uj,
            scaled(evidence.joule_per_inference, 1e6) if evidence else None,
        ),
        ("iterations", "", theirs.iterations, evidence.iterations if evidence else None),
        ("duration", "s", theirs.duration_s, evidence.duration_s if evidence else None),
        ("throughput", "inf/s", theirs.throughput, evidence.throughput if evidence else None),
    )
    for name, unit, figure, value in rows:
        if figure:
            yield compare(name, number, unit, figure, value, source)


def differing(measured: Measurement) -> Iterator[Finding]:
    """Printed figures that are not those that follow from the evidence."""
    printed, path = measured.run.printed, measured.run.results_path
    lines = _lines_of(printed) if printed else {}
    bad = [figure for figure in measured.figures if figure.agrees is False]
    counts = {figure.window for figure in bad if figure.name == "iterations"}
    for figure in bad:
        if figure.window in counts and figure.name in ("energy per inference", "throughput"):
            continue  # they follow from the number of inferences, which is a finding of its own
        if figure.name == "iterations" and measured.options.iterations:
            continue  # the user knows the number better than any file
        code = _CODES.get(figure.name, "result.differs")
        unit = f" {figure.unit}" if figure.unit else ""
        evidence = f"results.txt prints {figure.name} {figure.printed}{unit}; "
        evidence += f"{figure.source} gives {figure.recomputed}"
        line = lines.get((figure.name, figure.window))
        yield Finding(code, evidence, figure.window, path, lines=(line,) if line else ())


def _lines_of(printed: ResultsText) -> dict[tuple[str, int | None], int]:
    """Line of each printed figure, by name and window."""
    lines: dict[tuple[str, int | None], int] = {}
    for number, window in enumerate(printed.windows, start=1):
        for name, figure in (
            ("start", window.starts_s),
            ("length", window.lasts_s),
            ("energy", window.energy_uj),
            ("power", window.power),
            ("energy per inference", window.per_inference_uj),
            ("iterations", window.iterations),
            ("duration", window.duration_s),
            ("throughput", window.throughput),
        ):
            if figure:
                lines[name, number] = figure.line
    for name, figure in (
        ("median energy", printed.median_energy_uj),
        ("median throughput", printed.median_throughput),
        ("top-1", printed.top_1),
        ("AUC", printed.auc),
    ):
        if figure:
            lines[name, None] = figure.line
    return lines


def counts(measured: Measurement) -> Iterator[Finding]:
    """Windows in results.txt and inferences in log and results.json: as many, with the same iterations."""
    run = measured.run
    if run.benchmark == "sww" or measured.mixed or measured.broken:
        return
    printed = len(run.printed.windows) if run.printed else 0
    if printed and measured.from_evidence and printed != len(measured.windows) == WINDOWS:
        evidence = f"{printed} windows in results.txt, {len(measured.windows)} by {_source(measured)}"
        yield Finding("session.not-five-windows", evidence, path=run.results_path)
    if run.log is None or measured.options.iterations:
        return
    for inference in run.log.inferences:
        if (
            inference.asked is not None
            and inference.iterations is not None
            and inference.asked != inference.iterations
        ):
            evidence = (
                f"infer {inference.asked} in the log, m-infer-start-{inference.iterations} in its answer"
            )
            yield Finding(
                "iterations.disagree", evidence, inference.number, run.log_path, lines=(inference.line,)
            )
    asked = [inference.iterations or inference.asked for inference in run.log.inferences]
    stated = stated_iterations(run, use_log=False)
    if not stated or len(asked) != len(stated):
        return
    for number, (logged, other) in enumerate(zip(asked, stated, strict=True), start=1):
        if logged is not None and other and logged != other and run.trials:
            evidence = f"the log has {logged} inferences, results.json {other}"
            line = run.log.inferences[number - 1].line
            yield Finding("iterations.disagree", evidence, number, run.log_path, lines=(line,))


def consistent(measured: Measurement, checks: Iterable[FigureCheck]) -> Iterator[Finding]:
    """Printed figures compared with each other, as far as nothing better is at hand for them."""
    printed = measured.run.printed
    if printed is None:
        return
    open_ones = {(figure.name, figure.window) for figure in checks if figure.recomputed is None}
    if measured.run.benchmark == "sww":
        open_ones = {
            (name, number) for name in _RELATED for number in (None, *range(1, len(printed.windows) + 1))
        }
    path = measured.run.results_path
    for number, window in enumerate(printed.windows, start=1):
        for name, low, high, figure in _relations(window):
            if (name, number) in open_ones and not _within(figure, low, high):
                given = f"{low:.8g} to {high:.8g}"
                evidence = f"{name} is printed as {figure.text}; the window's other figures give {given}"
                yield Finding("result.inconsistent", evidence, number, path, lines=(figure.line,))
    for name, figure, values in (
        ("median energy", printed.median_energy_uj, [window.per_inference_uj for window in printed.windows]),
        ("median throughput", printed.median_throughput, [window.throughput for window in printed.windows]),
    ):
        known = [value for value in values if value]
        if figure is None or (name, None) not in open_ones or not known or len(known) != len(values):
            continue
        middle = statistics.median(value.number for value in known)
        half = max(half_unit(value) for value in known)
        if not _within(figure, middle - half, middle + half):
            evidence = f"{name} is printed as {figure.text}; that of the printed windows is {middle:.8g}"
            yield Finding("result.inconsistent", evidence, None, path, lines=(figure.line,))


_RELATED = ("energy per inference", "power", "throughput", "median energy", "median throughput")


def _relations(window: PrintedWindow) -> Iterator[tuple[str, float, float, Figure]]:
    """For each figure that follows from others: its name, its least and largest value, and the figure."""
    count = window.iterations.number if window.iterations else 0.0
    length = window.duration_s
    if window.energy_uj and window.per_inference_uj and count > 0:
        half = half_unit(window.energy_uj)
        number = window.energy_uj.number
        yield (
            "energy per inference",
            (number - half) / count,
            (number + half) / count,
            window.per_inference_uj,
        )
    if window.energy_uj and window.power and length and length.number > 0:
        # EEMBC's mean power counts both ends of the window: a sample more than the time between its edges.
        slack = 0.002 + half_unit(length)
        number = window.energy_uj.number * 1e-6 / window.power_unit
        yield (
            "power",
            number / (length.number + slack),
            number / max(length.number - slack, 1e-9),
            window.power,
        )
    if window.throughput and length and length.number > 0 and count > 0:
        half = half_unit(length)
        yield (
            "throughput",
            count / (length.number + half),
            count / max(length.number - half, 1e-9),
            window.throughput,
        )


def _within(figure: Figure, low: float, high: float) -> bool:
    slack = half_unit(figure) + 1e-9 * abs(figure.number)
    return low - slack <= figure.number <= high + slack


def complete(measured: Measurement) -> Iterator[Finding]:
    """Figures and medians that results.txt lacks."""
    run, printed = measured.run, measured.run.printed
    if printed is None:
        return
    sww = run.benchmark == "sww"
    energy = run.mode == "energy"
    median = printed.median_energy_uj if energy else printed.median_throughput
    if median is None and not (sww and not energy):
        name = "energy" if energy else "throughput"
        yield Finding("result.no-median", f"no line with the median {name}", path=run.results_path)
    for number, window in enumerate(printed.windows, start=1):
        wanted = (
            {
                "energy": window.energy_uj,
                "power": window.power,
                "energy per inference": window.per_inference_uj,
            }
            if energy
            else {
                "iterations": window.iterations,
                "runtime": window.duration_s,
                "throughput": window.throughput,
            }
        )
        lacking = [name for name, figure in wanted.items() if figure is None]
        if lacking:
            yield Finding("result.incomplete", f"no {', '.join(lacking)}", number, run.results_path)
        for name, figure in figures(window).items():
            if not math.isfinite(figure.number):
                evidence, line = f"{name} is printed as {figure.text}", (figure.line,)
                yield Finding("result.not-a-number", evidence, number, run.results_path, lines=line)
    if median is not None and not math.isfinite(median.number):
        evidence, line = f"the median is printed as {median.text}", (median.line,)
        yield Finding("result.not-a-number", evidence, path=run.results_path, lines=line)
    if printed.errors:
        evidence = f"{len(printed.errors)} times, first: {printed.errors[0][:200]}"
        yield Finding("result.runner-error", evidence, path=run.results_path)
