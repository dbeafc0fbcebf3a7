"""Accuracy: recomputed from the stored answers, compared with the printed figures and the targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources

from energy.findings import Finding
from energy.runs.accuracy import (
    AccuracyFigures,
    accuracy,
    answers_of_log,
    answers_of_trials,
    label_in_name,
    tabulate,
)
from energy.runs.printed import FigureCheck, FigureSource, compare
from energy.runs.results_json import StreamingEntry
from energy.runs.results_text import PrintedStreaming
from energy.runs.run import Run
from energy.runs.runner_log import RunnerLog
from energy.runs.streaming import count_detections, duty_cycle_of
from energy.validation.rounds import MOST_FALSE, TARGETS


def recomputed(run: Run, *, mixed: bool) -> tuple[AccuracyFigures | None, FigureSource, list[Finding]]:
    """The accuracy that follows from a run's answers, what it follows from, and what could not be used."""
    if run.trials:
        table = tabulate(answers_of_trials(run.trials), run.show(run.folder.results_json))
        found = accuracy(table)
        return found, "results.json", [] if found is None else list(found.findings)
    # How the EEMBC runner computes the two figures of anomaly detection is not known here [U].
    if run.log and run.runner == "eembc" and run.benchmark != "ad" and not mixed:
        if any(inference.results is None for inference in run.log.inferences):
            return None, "log", []  # answers were lost on their way; the runner's file had them
        table = tabulate(answers_of_log(run.log, _labels(run.benchmark, run.log)), run.log_path)
        found = accuracy(table)
        return found, "log", [] if found is None else list(found.findings)
    return None, "results.txt", []


def figures(run: Run, found: AccuracyFigures | None, source: FigureSource) -> Iterator[FigureCheck]:
    """The printed figures of an accuracy run."""
    printed = run.printed
    if printed is None:
        return
    if printed.top_1:
        yield compare("top-1", None, "%", printed.top_1, found.top_1 if found else None, source)
    if printed.auc:
        eembc = run.runner == "eembc"
        value = None if found is None else found.auc_by_thresholds if eembc else found.auc
        yield compare("AUC", None, "", printed.auc, value, source)


def check(run: Run, checks: Iterable[FigureCheck]) -> Iterator[Finding]:
    """Whether printed and recomputed accuracy agree."""
    seen = False
    for figure in checks:
        seen = True
        if not figure.agrees:
            evidence = f"results.txt prints {figure.name} {figure.printed}, "
            evidence += f"{figure.source} gives {figure.recomputed}"
            yield Finding("accuracy.differs", evidence, path=run.results_path)
    if seen and all(figure.recomputed is None for figure in checks):
        evidence = "the answers, or their true classes, are not at hand"
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


def target(run: Run, found: AccuracyFigures | None, division: str) -> Iterator[Finding]:
    """Whether an accuracy run reaches the closed division's target."""
    goal = TARGETS.get(run.benchmark)
    if division != "closed" or goal is None:
        return
    name, wanted = goal
    printed = (
        run.printed.top_1 if run.printed and name == "top-1" else run.printed.auc if run.printed else None
    )
    value = (found.top_1 if name == "top-1" else found.auc) if found else None
    if value is None:
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


def _labels(benchmark: str, log: RunnerLog) -> dict[str, int]:
    """True classes by file: in the names, else from the table of the official datasets."""
    labels = dict(_table(benchmark))
    for inference in log.inferences:
        if inference.file is not None and (label := label_in_name(benchmark, inference.file)) is not None:
            labels[inference.file] = label
    return labels


@cache
def _table(benchmark: str) -> dict[str, int]:
    """True classes of the official validation set, read off the published results.json of v1.3."""
    file = resources.files("energy.validation") / f"labels-{benchmark}.tsv"
    if not file.is_file():
        return {}
    rows = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())
    return {name: int(label) for name, label in rows}
