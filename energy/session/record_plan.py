"""Plans of recordings without a protocol: on a bench, of a virtual DUT, or a recording replayed."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path

from energy.bench.benchfile import SCHEMA, BenchFile, bench_of
from energy.errors import UsageError
from energy.evidence.names import SESSION_NAME
from energy.evidence.reader import SessionEvidence, SessionWindows
from energy.recording.imports.given import Given
from energy.recording.inside import within
from energy.recording.keep import EVERYTHING, Storage
from energy.recording.limits import MOST_WINDOWS
from energy.runs.find import find_traces
from energy.runs.measured import load, measure_run
from energy.session.recorded import ChosenWindow, RecordPlan
from energy.window.edges import Marker

_VIRTUAL_ITERATIONS = 40
_VIRTUAL_PAUSE_S = 0.3


def make_record_plan(
    bench: BenchFile,
    *,
    windows: int | None = None,
    seconds: float | None = None,
    iterations: int | None = None,
    leading: int | None = None,
    replay: Path | None = None,
    marker: str | None = None,
    storage: Storage = EVERYTHING,
) -> RecordPlan:
    """The plan of a recording on a bench; a virtual DUT then runs windows without commands.

    Args:
        bench: The bench file.
        windows: Ends after this number of windows.
        seconds: Ends after this time.
        iterations: Inferences in each window, where known.
        leading: Edges that are left out at the beginning; None: the boot edge of a virtual DUT, and none
            of a real DUT; of a replay those that its recording names.
        marker: How the DUT's pin marks its work: ``pulse``, ``high`` or ``low`` (held during it); None: as
            the bench file states, or the replayed recording.
        storage: Which samples are kept, and how many bytes they may take.
        replay: The recording that the bench replays. Its windows are those of its session or runner, unless
            ``leading`` is given.

    Raises:
        UsageError: ``usage.seconds``, ``usage.leading``, ``usage.windows``, ``usage.iterations``,
            ``usage.marker``.
        RecordingError: If the replayed recording cannot be read.
    """
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise UsageError("usage.seconds", f"the time must be above 0 s, not {seconds} s", "Try 60.")
    if leading is not None and leading < 0:
        raise UsageError("usage.leading", f"{leading} leading edges is below 0", "Try 0.")
    for name, number in (("windows", windows), ("iterations", iterations)):
        if number is not None and number < 1:
            raise UsageError(f"usage.{name}", f"{number} {name} is below 1", "Give 1 or more.")
    if windows is not None and windows > MOST_WINDOWS:
        raise UsageError(
            "usage.windows", f"{windows} windows are more than {MOST_WINDOWS}", "Make several recordings."
        )
    bench = _marked(bench, marker, replay)
    if bench.scope is None and (recorded := _session_of(replay)) is not None:
        bench = bench.model_copy(update={"scope": recorded.setup.scope})
    chosen: tuple[ChosenWindow, ...] = ()
    if leading is None and replay is not None:
        leading, chosen = _windows_of(replay, _given_to(bench))
    elif leading is None:
        leading = 1 if bench.virtual and bench.dut.marker is Marker.PULSE else 0
    bench = _by_itself(bench, iterations)
    storage = replace(storage, seconds=seconds)
    return RecordPlan(bench, windows, seconds, iterations, leading, chosen=chosen, storage=storage)


def _given_to(bench: BenchFile) -> Given:
    """The facts about a replayed file that its bench holds."""
    settings = bench.monitor.settings if bench.monitor else {}
    return Given(settings.get("voltage_v"), settings.get("marker_line"))


def _marked(bench: BenchFile, marker: str | None, replay: Path | None) -> BenchFile:
    """The bench, with the marker that was asked for, or that of the replayed recording.

    Raises:
        UsageError: ``usage.marker``.
    """
    if marker is None and (recorded := _session_of(replay)) is not None:
        marker = recorded.marker
    if marker is None:
        return bench
    try:
        held = Marker(marker)
    except ValueError as error:
        text = f"{marker!r} is not a marker"
        raise UsageError("usage.marker", text, f"There are: {', '.join(Marker)}.") from error
    return bench.model_copy(update={"dut": bench.dut.model_copy(update={"marker": held})})


def _session_of(replay: Path | None) -> SessionWindows | None:
    """What the replayed recording's ``session.json`` states, if it has one."""
    if replay is None or not (replay / SESSION_NAME).is_file():
        return None
    with within(replay):
        return SessionEvidence(replay).windows()


def _windows_of(recording: Path, given: Given) -> tuple[int, tuple[ChosenWindow, ...]]:
    """The leading edges and the windows of a recording, as `integrate` finds them."""
    try:
        traces = list(find_traces(recording))
    except UsageError:
        traces = []
    if len(traces) != 1:
        return 0, ()  # the replay refuses it, with its reason
    measured = measure_run(load(traces[0], recording, given))
    session = measured.run.session
    found = [window.in_trace for window in measured.windows if window.in_trace is not None]
    counts = [window.iterations for window in measured.windows if window.in_trace is not None]
    if not found or None in counts:
        if session is not None:
            return session.leading_edges, ()
        first_s = found[0].start_s - 1 / found[0].rate_hz if found else 0.0
        return sum(edge_s < first_s for edge_s in measured.edges_s), ()
    pairs = zip(found, counts, strict=True)
    return 0, tuple(
        ChosenWindow(window.opening.position, window.closing.position, count) for window, count in pairs
    )


def replay_bench(recording: Path, speed: float = 1.0, given: Given | None = None) -> BenchFile:
    """A bench that replays a recording as if a monitor streamed it.

    Args:
        recording: Its folder or file.
        speed: Seconds of the recording in one second; ``inf``: without waiting.
        given: Facts that a file of a monitor's own program does not hold.

    Raises:
        UsageError: ``usage.speed``.
    """
    if math.isnan(speed) or speed <= 0:
        raise UsageError("usage.speed", f"a replay's speed is above 0, not {speed}", "Try 1, 10 or inf.")
    stated = {name: value for name, value in asdict(given or Given()).items() if value is not None}
    document = {
        "schema": SCHEMA,
        "name": "replay",
        "dut": {"board": "replayed", "voltage_v": 3.3},  # nothing is powered
        "limits": {"highest_v": 60.0, "highest_a": 10.0},
        "monitor": {"driver": "replay", "port": str(recording), "settings": {"speed": speed, **stated}},
    }
    return bench_of(document, "the replayed recording")


def _by_itself(bench: BenchFile, iterations: int | None) -> BenchFile:
    """The bench, whose DUT runs windows without commands if it is a twin."""
    if bench.virtual is None or "autorun" in bench.virtual.settings:
        return bench
    autorun = (iterations or _VIRTUAL_ITERATIONS, _VIRTUAL_PAUSE_S)
    settings = {**bench.virtual.settings, "autorun": autorun}
    return bench.model_copy(update={"virtual": bench.virtual.model_copy(update={"settings": settings})})
