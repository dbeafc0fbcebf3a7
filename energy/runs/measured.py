"""From files to figures: a run is read once, measured once, and checked.

``integrate`` shows the result as a table, ``validate`` adds the checks of a whole submission.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

from energy.benchmark.limits import check_limits
from energy.errors import UsageError
from energy.findings import Finding, has_errors
from energy.recording.eembc import ENERGY_SUFFIX
from energy.recording.imports.given import Given
from energy.recording.inside import within
from energy.runs.checks import figures, log, monitor, windows
from energy.runs.files import benchmark_above, files_beside
from energy.runs.find import is_import
from energy.runs.measurement import Measurement, WindowOptions
from energy.runs.run import Run, read_import, read_recording, read_run
from energy.runs.run_windows import windows_of
from energy.runs.session_result import compare_result, errors_of_session


def load(path: Path, named: Path | None = None, given: Given | None = None) -> Run:
    """Reads the run of a trace that ``find_traces`` found.

    Args:
        path: The trace: a recording's folder, an ``*-energy.bin``, a ``results.json``, or a ``trace.arrow``.
        named: What a person named, in which it was found: no link below it is followed (``inside``).
        given: Facts that a file of a monitor's own program does not hold.

    Raises:
        RecordingError: If it cannot be read as what it is.
    """
    with within(named) if named is not None else nullcontext():
        if is_import(path):
            return read_import(path, given or Given())
        if given is not None and given != Given():
            raise UsageError(
                "usage.given",
                f"{path} holds its voltage and its edges itself",
                "--voltage and --marker-line are for files of the monitors' own programs: leave them out.",
            )
        if path.is_dir() or not path.name.endswith((ENERGY_SUFFIX, ".json")):
            return read_recording(path)
        return read_run(files_beside(path), benchmark_above(path.parent), trace=path)


def measure_run(
    run: Run, options: WindowOptions | None = None, progress: Callable[[int], None] | None = None
) -> Measurement:
    """The windows of an energy or performance run, its printed figures, and its findings.

    Args:
        run: Its files.
        options: What the user knows better than the files.
        progress: Called with the number of samples integrated so far.
    """
    about_log = list(log.one_session(run))
    answer = windows_of(run, options, mixed=has_errors(about_log), progress=progress)
    found = [*run.findings, *about_log, *answer.findings]
    found += _iterations_unknown(answer)
    strange = list(windows.strange_samples(answer))
    found += strange
    if run.session is not None:
        found += check_limits(answer.session) if run.session.workload is not None else []
        answer.figures, differing = compare_result(run.result, answer.to_json(), "trace")
        found += differing
        found += errors_of_session(run.result, found)
    else:
        answer.figures += figures.recompute(answer)
        found += _checks(answer, {finding.window for finding in strange if finding.window})

    answer.findings = found
    return answer


def _checks(measured: Measurement, strange: set[int]) -> Iterator[Finding]:
    """Every check of a run of one of the runners, with the numbers of windows whose samples are strange."""
    run = measured.run
    yield from log.model(run)
    yield from log.log_of_a_run(run)
    yield from windows.against_log(measured, strange)
    yield from windows.within_log(measured)
    yield from windows.limits(measured)
    yield from windows.scatter(measured)
    yield from monitor.voltage(run)
    yield from monitor.current_range(measured)
    yield from monitor.samples_against_time(measured)
    yield from figures.differing(measured)
    yield from figures.counts(measured)
    yield from figures.consistent(measured, measured.figures)
    yield from figures.complete(measured)


def _iterations_unknown(measured: Measurement) -> Iterator[Finding]:
    counts = [window.iterations for window in measured.windows if window.in_trace]
    if counts and None in counts and not measured.run.streaming:
        known = sum(count is not None for count in counts)
        yield Finding("iterations.unknown", f"known for {known} of {len(counts)} windows")
