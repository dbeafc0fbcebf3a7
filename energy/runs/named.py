"""Traces by the path that a person names: its only trace, or all of them, each with its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from energy.errors import JoulebenchError, UsageError
from energy.recording.imports.given import Given
from energy.runs.find import find_traces
from energy.runs.measured import load, measure_run
from energy.runs.measurement import Measurement, WindowOptions
from energy.runs.run import Run

HOLD_US = 50.0
"""Edges this close count as a single edge (protocols.md 1.5)."""
_ANY = "A trace is a trace.arrow, an *-energy.bin, or a results.json of an energy run."


@dataclass
class AllMeasured:
    """Figures of several traces.

    Attributes:
        measured: Those that could be read.
        failures: Those that could not, with their errors.
    """

    measured: list[Measurement] = field(default_factory=list[Measurement])
    failures: list[tuple[Path, JoulebenchError]] = field(default_factory=list[tuple[Path, JoulebenchError]])


def make_options(
    iterations: int | None = None,
    leading_edges: int | None = None,
    hold_us: float = HOLD_US,
    voltage_v: float | None = None,
    marker_line: str | None = None,
) -> WindowOptions:
    """Checks and collects what a person knows better than the files.

    Args:
        iterations: Inferences in each window.
        leading_edges: Edges before the first window.
        hold_us: Edges this close count as a single edge, in microseconds.
        voltage_v: The supply voltage of a file of a monitor's own program that does not hold it.
        marker_line: The digital line with the DUT's timestamps in such a file.

    Raises:
        UsageError: ``usage.hold``, ``usage.iterations``, ``usage.leading``, ``usage.voltage``.
    """
    if not 0 <= hold_us <= 1e6:
        raise UsageError("usage.hold", f"a hold of {hold_us} µs is not within 0 and 1000000", "Try 50.")
    if iterations is not None and iterations < 1:
        raise UsageError("usage.iterations", f"{iterations} iterations is below 1", "Give 1 or more.")
    if leading_edges is not None and leading_edges < 0:
        raise UsageError("usage.leading", f"{leading_edges} leading edges is below 0", "Try 0.")
    return WindowOptions(iterations, leading_edges, hold_us * 1e-6, Given(voltage_v, marker_line))


def load_named(path: Path, given: Given | None = None) -> Run:
    """The run of the one trace that a path holds.

    Args:
        path: The path.
        given: Facts that a file of a monitor's own program does not hold.

    Raises:
        UsageError: ``path.*``; ``usage.one-trace`` if there is none or more than one.
        RecordingError: If it cannot be read as what it is.
    """
    found = list(find_traces(path))
    if len(found) != 1:
        raise UsageError(
            "usage.one-trace",
            f"{path} holds {len(found)} traces, not one",
            f"{_ANY} Sessions in performance and accuracy mode have none."
            if not found
            else "Name one trace: its folder, its *-energy.bin or its results.json.",
        )
    return load(found[0], path, given)


def find_all(paths: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Every trace under some paths, each with the path in which it was found.

    Raises:
        UsageError: ``path.*``; ``path.no-traces`` if there is none.
    """
    paths = list(paths)
    found = [(path, root) for root in paths for path in find_traces(root)]
    if not found:
        where = ", ".join(str(path) for path in paths)
        raise UsageError("path.no-traces", f"no trace under {where}", _ANY)
    return found


def measure_all(
    found: list[tuple[Path, Path]], options: WindowOptions, progress: Callable[[float], None]
) -> AllMeasured:
    """Figures of every trace that can be read, and the error of every one that cannot: none stops the others.

    Args:
        found: What ``find_all`` found.
        options: What a person knows better than the files.
        progress: Called with how many traces are done.
    """
    result = AllMeasured()
    for number, (path, root) in enumerate(found):
        try:
            traced = load(path, root, options.given)
            span = max(traced.samples.stop - traced.samples.first, 1)
            result.measured.append(
                measure_run(traced, options, lambda done, n=number, s=span: progress(n + done / s))
            )
        except JoulebenchError as error:
            result.failures.append((path, error))
        progress(number + 1)
    return result
