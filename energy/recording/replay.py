"""A monitor that plays a recording, or another tool's trace, as if it were measured now.

Samples, gaps, range changes, levels of digital inputs and edges come in the recorded order of time, bit for
bit, with the watermarks that follow from them. Edges that were found in a digital input are not sent: the
sink finds them again in the levels.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from energy.errors import BenchError, JoulebenchError, StreamEndedError
from energy.instruments import (
    Accuracy,
    Clock,
    Identity,
    MonitorLimits,
    OwnEnergy,
    Setup,
    Sink,
    Transcript,
)
from energy.recording import eembc, mlcommons
from energy.recording.batches import ARROW_ERRORS
from energy.recording.imports.given import Given
from energy.recording.imports.opened import may_be_import, open_import
from energy.recording.inside import within
from energy.recording.store import TRACE_NAME, Recording
from energy.recording.trace import Trace
from energy.signal import DigitalBlock, DigitalInput, Edge, Gap, RangeChange, Signal

_PERIOD_S = 0.02
"""Time between two deliveries of what has become due."""
_NO_WAIT_S = 0.001
_PIECE = 1 << 20
"""Largest number of samples in a delivery, also when the replay does not wait."""
_HIGHEST_V, _HIGHEST_A = 60.0, 10.0
"""Highest limit that a bench file can set: a recording cannot exceed any limit, it has been measured."""
_KNOWN = ("speed", "virtual", "voltage_v", "marker_line")


def open_replay(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> Replay:
    """Opens a recording as a monitor.

    Args:
        url: A recording's folder or ``trace.arrow``, an ``*-energy.bin``, a ``results.json``, or the folder
            that holds one of them.
        settings: ``speed``: 1 as it was measured, 10 ten times as fast, infinite without waiting;
            ``voltage_v`` and ``marker_line`` of a file of a monitor's own program.
        clock: The clock to wait on.
        transcript: Not used: there is no wire.

    Raises:
        BenchError: ``replay.setting``, ``replay.speed``, ``replay.not-a-recording``.
        RecordingError: If the file cannot be read.
    """
    check_settings(url, settings, None)
    path = Path(url)
    with within(path):
        trace = open_trace(path, Given(settings.get("voltage_v"), settings.get("marker_line")))
    return Replay(trace, url, float(settings.get("speed", 1.0)), clock)


def check_settings(port: str | None, settings: dict[str, Any], rate_hz: float | None) -> None:
    """Checks the settings; a rate is that of the recording, which is not opened here.

    Raises:
        BenchError: ``replay.setting``, ``replay.speed``.
    """
    unknown = sorted(set(settings) - set(_KNOWN))
    if unknown:
        raise BenchError(
            "replay.setting",
            f"monitor.settings of a replay has no {', '.join(unknown)}",
            "It knows `speed`, and for a file of a monitor's own program `voltage_v` and `marker_line`.",
        )
    speed = settings.get("speed", 1.0)
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not speed > 0:
        raise BenchError("replay.speed", f"speed is {speed!r}, not a number above 0", "Try 1.0, 10.0 or inf.")


def open_trace(path: Path, given: Given | None = None) -> Trace:
    """Opens the single trace that a path names.

    Args:
        path: The path.
        given: Facts that a file of a monitor's own program does not hold.

    Raises:
        BenchError: ``replay.not-a-recording``.
        RecordingError: If the file cannot be read.
    """
    if path.is_dir() and not (path / TRACE_NAME).is_file():
        inside = sorted(path.glob(f"*{eembc.ENERGY_SUFFIX}"))
        if (path / mlcommons.FILE_NAME).is_file():
            inside.append(path / mlcommons.FILE_NAME)
        if len(inside) != 1:
            names = ", ".join(file.name for file in inside) or "none"
            raise BenchError(
                "replay.not-a-recording",
                f"{path} should hold one recording or trace; it holds {names}",
                "Name one trace.arrow, *-energy.bin or results.json.",
            )
        path = inside[0]
    if path.name.endswith(eembc.ENERGY_SUFFIX):
        return eembc.read_eembc_trace(path)
    if path.suffix == ".json":
        return mlcommons.read_mlcommons_results(path)[0]
    if path.is_dir() or path.suffix == ".arrow":
        return Recording(path)
    if path.is_file() and may_be_import(path):
        return open_import(path, given or Given())
    raise BenchError(
        "replay.not-a-recording",
        f"{path} is neither a recording nor a trace that joulebench reads",
        "Name one trace.arrow, *-energy.bin or results.json, or the folder that holds it.",
    )


class Replay:
    """A recording as an ``energy.instruments.Monitor``.

    Args:
        trace: The trace that is played.
        url: Its path.
        speed: Recorded seconds per second of the clock; may be infinite.
        clock: The clock to wait on.
    """

    delivery_delay_s = 0.0

    def __init__(self, trace: Trace, url: str, speed: float, clock: Clock) -> None:
        self._trace, self._url, self._speed, self._clock = trace, url, speed, clock
        self._end: Callable[[], None] | None = None
        rate_hz = trace.signal.rate_hz
        self.limits = MonitorLimits(
            lowest_v=0.0,
            highest_v=_HIGHEST_V,
            highest_a=_HIGHEST_A,
            rates_hz=(rate_hz,),
            sees_edges=True,
            sees_levels=True,
            sources=False,
            full_rate_hz=rate_hz,
            live=False,
        )

    def identify(self) -> Identity:
        """The recording's identity: its path, the remarks kept with it, and its findings."""
        trace = self._trace
        found = [f"{finding.code}: {finding.evidence}" for finding in trace.findings]
        details = {**trace.about, **({"findings": found} if found else {})}
        return Identity(f"replay of {self._url}", url=self._url, virtual=trace.virtual, details=details)

    def configure(self, setup: Setup) -> Signal:
        """The signal of the recorded samples, with the voltage at which they were measured.

        Raises:
            BenchError: ``replay.rate``, ``replay.edges``.
        """
        signal = self._trace.signal
        if setup.rate_hz != signal.rate_hz:
            raise BenchError(
                "replay.rate",
                f"{self._url} was recorded at {signal.rate_hz:g} Hz, not at {setup.rate_hz:g} Hz",
                "Leave rate_hz out of the bench file's [monitor].",
            )
        if setup.edges != "monitor":
            raise BenchError(
                "replay.edges",
                f"the edges of {self._url} are in the recording and do not come from an IO manager's clock",
                "Leave `edges` out of the bench file's [monitor].",
            )
        return signal

    def settings(self) -> dict[str, Any]:
        """The recording that is played, and its speed."""
        trace = self._trace
        return {
            "recording": self._url,
            "speed": self._speed if math.isfinite(self._speed) else "inf",
            "rate_hz": trace.signal.rate_hz,
            "voltage_v": trace.signal.voltage_v,
            "samples": trace.count,
            "edges": len(trace.edges),
        }

    def accuracy(self) -> tuple[Accuracy, ...]:
        """An empty list: the instrument that measured it is not known."""
        return ()

    def start(self, sink: Sink) -> None:
        """Plays it from its beginning.

        Raises:
            BenchError: ``replay.running``.
        """
        if self._end is not None:
            raise BenchError("replay.running", f"{self._url} is being played already", "Stop it first.")
        player = _Player(self._trace, sink)
        begun = self._clock.now()
        rate, endless = self._trace.signal.rate_hz * self._speed, math.isinf(self._speed)

        def play() -> None:
            if player.ended:
                return
            due = math.inf if endless else self._trace.first + (self._clock.now() - begun) * rate
            try:
                player.play(due)
            except JoulebenchError as error:
                player.give_up(error)
            except ARROW_ERRORS as error:
                player.give_up(
                    BenchError(
                        "replay.unreadable",
                        f"{self._url} cannot be read after sample {player.reached}: {error}",
                        "Check the file and its disk with `joulebench integrate`.",
                    )
                )
            if player.complete:
                player.give_up(
                    StreamEndedError(
                        "replay.ended",
                        f"{self._url} has been played to its end, sample {self._trace.stop}",
                        "This is how a replay ends; ask for no more windows than it holds.",
                    )
                )

        self._end = self._clock.every(_NO_WAIT_S if endless else _PERIOD_S, play)

    def stop(self) -> None:
        """Ends the replay."""
        if self._end is not None:
            self._end()
            self._end = None

    def temperature_c(self) -> float | None:
        """None: a recording has no thermometer."""
        return None

    def measured_voltage_v(self) -> float | None:
        """None: a recording has no voltmeter beside its samples."""
        return None

    def own_energy(self) -> OwnEnergy | None:
        """None: a recording has no energy counter beside its samples."""
        return None

    def check(self) -> None:
        """Does nothing: errors of the file go to the sink."""

    def close(self) -> None:
        """Ends the replay."""
        self.stop()


class _Levels:
    """The levels of one digital input that are still to come."""

    def __init__(self, source: DigitalInput, blocks: Iterator[DigitalBlock], rate_hz: float) -> None:
        self.source = source
        self._blocks, self._samples_per_level = blocks, rate_hz / source.rate_hz
        self._next = next(blocks, None)
        self._sent = self._next.first if self._next else 0

    def due(self, goal: float) -> Iterator[DigitalBlock]:
        """Blocks whose last level lies before ``goal`` and that were not delivered before."""
        while self._next is not None and self._position(self._next.stop - 1) < goal:
            yield self._next
            self._sent = self._next.stop
            self._next = next(self._blocks, None)

    @property
    def complete(self) -> float:
        """The position before which no further edge will be found in them."""
        return math.inf if self._next is None else self._position(self._sent - 1)

    def _position(self, level: int) -> float:
        return self.source.offset + level * self._samples_per_level


class _Player:
    """Delivers a trace to a sink, each time up to a position.

    Attributes:
        reached: Position up to which samples have been delivered.
        complete: Whether everything has been delivered.
        ended: Whether nothing more will be delivered.
    """

    def __init__(self, trace: Trace, sink: Sink) -> None:
        self._trace, self._sink = trace, sink
        self.reached = min([trace.first, *(gap.first for gap in trace.gaps)])
        self.complete = self.ended = False
        recording = trace if isinstance(trace, Recording) else None
        self._levels = list(_levels_of(recording)) if recording else []
        inputs = {levels.source.name for levels in self._levels}
        self._edges = [edge for edge in trace.edges if edge.source not in inputs]
        self._due, self._ahead = _order(self._edges)
        self._sent = 0
        # A gap in mid-batch, a change of range within it: sorting is stable, so they keep their order.
        ranges = [(change.position, change) for change in recording.ranges] if recording else []
        notes = [*ranges, *((gap.first, gap) for gap in trace.gaps)]
        self._notes: deque[tuple[int, Gap | RangeChange]] = deque(sorted(notes, key=lambda note: note[0]))
        self._stop = max([trace.stop, *(gap.first + (gap.count or 0) for gap in trace.gaps)])

    def play(self, due: float) -> None:
        """Delivers everything before ``due``, but at most one piece of samples per call."""
        until = math.floor(min(due, self._stop))
        goal = min(max(until, self.reached), self.reached + _PIECE)
        self.complete = goal >= self._stop
        before = math.inf if self.complete else float(goal)
        while self._notes and self._notes[0][0] < before:
            position, note = self._notes.popleft()
            self._play_samples(min(position, goal))
            self._play_note(note)
        self._play_samples(goal)
        for levels in self._levels:
            for block in levels.due(before):
                self._sink.digital(levels.source, block)
        self._play_edges(before)

    def give_up(self, error: JoulebenchError) -> None:
        """Ends the replay with an error that explains why nothing more will come."""
        if not self.ended:
            self.ended = True
            self._sink.fault(error)

    def _play_samples(self, stop: int) -> None:
        for block in self._trace.read(self.reached, stop):
            self._sink.block(block)
        self.reached = max(self.reached, stop)

    def _play_note(self, note: Gap | RangeChange) -> None:
        if isinstance(note, RangeChange):
            self._sink.range_change(note)
        elif note.count is None:
            self._sink.gap(note)
        elif note.first + note.count > self.reached:  # where gaps overlap, only the part that is new
            first = max(note.first, self.reached)
            self.reached = note.first + note.count
            self._sink.gap(Gap(first, self.reached - first, note.reason))

    def _play_edges(self, before: float) -> None:
        """Delivers edges in file order, each when the samples have reached it; then the watermark."""
        while self._sent < len(self._edges) and self._due[self._sent] < before:
            self._sink.edge(self._edges[self._sent])
            self._sent += 1
        ahead = self._ahead[self._sent] if self._sent < len(self._edges) else math.inf
        found_later = min((levels.complete for levels in self._levels), default=math.inf)
        self._sink.edges_complete(max(min(float(self.reached), ahead, found_later), 0.0))


def _levels_of(recording: Recording) -> Iterator[_Levels]:
    for name in recording.digital_inputs():
        try:
            source, blocks = recording.digital(name)
        except JoulebenchError:
            continue  # a finding reports it, and the recorded edges are played instead
        yield _Levels(source, blocks, recording.signal.rate_hz)


def _order(edges: list[Edge]) -> tuple[list[float], list[float]]:
    """For each edge: when it is due, and the lowest position of it and all later edges.

    Edges keep the order of their file, so an edge that lies before its predecessor is due together with it.
    """
    due: list[float] = []
    for edge in edges:
        due.append(max(edge.position, due[-1] if due else -math.inf))
    ahead: list[float] = []
    for edge in reversed(edges):
        ahead.append(min(edge.position - edge.bound, ahead[-1] if ahead else math.inf))
    return due, ahead[::-1]
