"""The log of a run: of the same session as the results, with inferences, of the right model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from energy.findings import Finding
from energy.runs.results_text import ResultsText
from energy.runs.run import Run
from energy.runs.runner_log import RunnerLog

MODELS: dict[str, str] = {"ad": "ad01", "ic": "ic01", "kws": "kws01", "vww": "vww01", "sww": "sww01"}
"""Model that a DUT states, by benchmark. What it states for ic2 is not known here."""
LATEST_S = 20.0
"""Results are written within this time of the log's end (mlperf-tiny.md 3)."""
_WHOLE_SECOND = 1.0
_PRINTED_S = 0.0006
"""Durations have three decimals in the log."""


def one_session(run: Run) -> Iterable[Finding]:
    """Whether results.txt and log are of one session, by the clock and by what both state."""
    log, printed = run.log, run.printed
    if log is None or printed is None:
        return
    stop = log.session_stop_s
    last = stop if stop is not None and stop == stop else log.last_s
    if printed.first_s is not None and last is not None and printed.runner == log.runner:
        after = printed.first_s - last
        if not -_WHOLE_SECOND <= after <= LATEST_S:
            order = "after" if after > 0 else "before"
            evidence = f"results.txt is stamped {abs(after):.3f} s {order} the log's end"
            if printed.windows and len(log.inferences) != len(printed.windows):
                evidence += f"; {len(log.inferences)} inferences in the log, {len(printed.windows)} windows"
            yield Finding("session.mixed", evidence, path=run.results_path)
            return
    if run.mode == "accuracy" or run.benchmark == "sww":
        return
    few = bool(printed.windows) and 0 < len(log.inferences) < len(printed.windows)
    pairs = _figures_in_both(run, log, printed) if log.runner == "mlcommons" else []
    alike = [pair for pair in pairs if pair.same]
    if few:
        code = "log.incomplete" if alike else "session.mixed"
        evidence = (
            f"{len(log.inferences)} inferences in the log, {len(printed.windows)} windows in results.txt"
        )
        if alike:
            evidence += f"; both have {alike[0].in_results}"
        yield Finding(code, evidence, path=run.results_path)
    elif pairs and not alike:
        evidence = f"results.txt has {pairs[0].in_results}, the log {pairs[0].in_log} and no such"
        yield Finding("session.mixed", evidence, path=run.results_path)


class _Pair(NamedTuple):
    """A figure of results.txt, the nearest one of the log, as text, and whether they are the same."""

    in_results: str
    in_log: str
    same: bool


def _figures_in_both(run: Run, log: RunnerLog, printed: ResultsText) -> list[_Pair]:
    """Durations (performance) or energies, which the MLCommons runner prints into its log as well."""
    if run.mode == "performance":
        logged_s = [inference.runtime_s for inference in log.inferences if inference.runtime_s is not None]
        durations = [window.duration_s.number for window in printed.windows if window.duration_s]
        if len(logged_s) == len(durations):
            nearest = list(zip(durations, logged_s, strict=True))
        else:
            nearest = [(ours, _nearest(logged_s, ours)) for ours in durations if logged_s]
        return [
            _Pair(f"a window of {ours:.6g} s", f"{theirs:.6g} s", abs(ours - theirs) <= _PRINTED_S)
            for ours, theirs in nearest
        ]
    logged = {text.partition(":")[2].strip() for text in log.texts("printed") if "Total Energy" in text}
    energies = [f"{window.energy_uj.text} uJ" for window in printed.windows if window.energy_uj]
    return [
        _Pair(f"an energy of {text}", text if text in logged else min(logged), text in logged)
        for text in energies
        if logged
    ]


def model(run: Run) -> Iterable[Finding]:
    """Whether the DUT states the model of the folder's benchmark, as far as it states one of the known."""
    stated = run.log.model if run.log else None
    wanted = MODELS.get(run.benchmark)
    if stated in MODELS.values() and wanted is not None and stated != wanted:
        yield Finding(
            "model.differs", f"the DUT states {stated}, the folder is {run.benchmark}", path=run.log_path
        )


def log_of_a_run(run: Run) -> Iterable[Finding]:
    """Whether the log is one: some runner's, with inferences in it (streaming wake word logs none)."""
    if run.log is None:
        return
    if run.log.runner == "unknown":
        evidence = f"none of its {run.log.lines} lines is one that a runner begins its log with"
        yield Finding("log.foreign", evidence, path=run.log_path)
    elif run.benchmark != "sww" and not run.log.inferences:
        yield Finding("log.foreign", f"there is no inference in its {run.log.lines} lines", path=run.log_path)


def _nearest(values: list[float], value: float) -> float:
    return min(values, key=lambda each: abs(each - value))
