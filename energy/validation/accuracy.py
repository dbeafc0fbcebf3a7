"""Accuracy: recomputed from the stored answers, compared with the printed figures and the targets."""

from __future__ import annotations

from collections.abc import Iterator

from energy.findings import Finding
from energy.runs.printed import FigureCheck, FigureSource, compare
from energy.runs.results_json import StreamingEntry
from energy.runs.results_text import PrintedStreaming
from energy.runs.run import Run
from energy.runs.streaming import count_detections, duty_cycle_of
from energy.validation.coverage import Coverage
from energy.validation.rounds import MOST_FALSE, TARGETS


def figures(run: Run, coverage: Coverage) -> Iterator[FigureCheck]:
    """The printed figures of an accuracy run; compared where the answers cover the whole set."""
    found, source = coverage.whole, coverage.source
    printed = run.printed
    if printed is None:
        return
    if printed.top_1:
        value = found.top_1_by(run.runner) if found else None
        yield compare("top-1", None, "%", printed.top_1, value, source)
    if printed.auc:
        value = found.auc_by(run.runner) if found else None
        yield compare("AUC", None, "", printed.auc, value, source)


def check(run: Run, checks: list[FigureCheck], why: str = "") -> Iterator[Finding]:
    """Whether printed and recomputed accuracy agree.

    Args:
        run: Its files.
        checks: Its figures.
        why: Why none could be recomputed.
    """
    for figure in checks:
        if figure.agrees is False:
            evidence = f"results.txt prints {figure.name} {figure.printed}, "
            evidence += f"{figure.source} gives {figure.recomputed}"
            yield Finding("accuracy.differs", evidence, path=run.results_path)
    if checks and all(figure.recomputed is None for figure in checks):
        evidence = why or "the answers, or their true classes, are not at hand"
        yield Finding("accuracy.not-recomputable", evidence, path=run.shown)


def complete(run: Run) -> Iterator[Finding]:
    """Whether results.txt has the figure that the benchmark is judged by."""
    printed = run.printed
    if printed is None:
        return
    if run.benchmark == "sww":
        if run.mode == "performance" and printed.streaming is None:
            yield Finding("result.incomplete", "no counts of detections", path=run.results_path)
        return
    name = TARGETS.get(run.benchmark, ("top-1", 0.0))[0]
    if (printed.auc if name == "AUC" else printed.top_1) is None:
        yield Finding("result.incomplete", f"no {name}", path=run.results_path)


def target(run: Run, coverage: Coverage, division: str) -> Iterator[Finding]:
    """Whether an accuracy run reaches the closed division's target, as far as its answers show."""
    goal = TARGETS.get(run.benchmark)
    if division != "closed" or goal is None:
        return
    name, wanted = goal
    value, found = None, coverage.whole
    if found is not None:
        value = found.top_1_by(run.runner) if name == "top-1" else found.auc
    elif name == "top-1" and coverage.figures is not None:
        bounds = coverage.bounds(coverage.figures.top_1_by(run.runner))
        value = bounds[1] if bounds and bounds[1] < wanted else None
    if value is None and run.printed:
        printed = run.printed.top_1 if name == "top-1" else run.printed.auc
        value = printed.number if printed else None
    if value is not None and value < wanted - 1e-9:
        unit = " %" if name == "top-1" else ""
        evidence = f"{name} is {value:.4g}{unit}, the target {wanted:g}{unit}"
        yield Finding("accuracy.below-target", evidence, path=run.shown)


def streaming_figures(run: Run) -> Iterator[FigureCheck]:
    """The printed figures of streaming wake word."""
    printed = run.printed.streaming if run.printed else None
    if printed is None:
        return
    trial = next((trial.streaming for trial in run.trials or [] if trial.streaming), None)
    source: FigureSource = "results.json" if trial else "results.txt"
    values = _of_trial(trial) if trial else {}
    for name, unit, figure in (
        ("true positives", "", printed.true_positives),
        ("false negatives", "", printed.false_negatives),
        ("false positives", "", printed.false_positives),
        ("duty cycle", "", printed.duty_cycle),
        ("period", "s", printed.period_s),
        ("throughput", "inf/s", printed.throughput),
    ):
        if figure:
            yield compare(name, None, unit, figure, values.get(name), source)


def streaming_target(run: Run, division: str) -> Iterator[Finding]:
    """At most eight false positives and eight false negatives in the closed division."""
    printed = run.printed
    if division != "closed" or printed is None or printed.streaming is None:
        return
    trial = next((trial.streaming for trial in run.trials or [] if trial.streaming), None)
    for name, count in _false(printed.streaming, trial):
        if count > MOST_FALSE:
            evidence = f"{count} {name}, at most {MOST_FALSE} are allowed"
            yield Finding("accuracy.below-target", evidence, path=run.shown)


def _false(streaming: PrintedStreaming, trial: StreamingEntry | None) -> Iterator[tuple[str, int]]:
    values = _of_trial(trial) if trial else {}
    for name, figure in (
        ("false negatives", streaming.false_negatives),
        ("false positives", streaming.false_positives),
    ):
        if name in values:
            yield name, round(values[name])
        elif figure:
            yield name, round(figure.number)


def _of_trial(trial: StreamingEntry) -> dict[str, float]:
    values: dict[str, float] = {}
    if counted := count_detections(trial.detections_ms, trial.windows):
        values["true positives"] = len(counted.hits_s)
        values["false negatives"] = len(counted.missed_s)
        values["false positives"] = len(counted.false_s)
    if duty := duty_cycle_of(trial):
        values["duty cycle"] = duty.duty_cycle
        values["period"] = duty.period_s
        values["throughput"] = duty.throughput
    return values
