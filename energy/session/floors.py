"""The floors of a session: windows in which the DUT is idle, asleep, or wakes up again and again.

The DUT's firmware makes them between marks, as it makes the windows of inferences: ``idle MS`` waits for MS
milliseconds, ``sleep MS N`` sleeps for MS and wakes up, N times.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from energy.bench.assemble import EnergyBench
from energy.evidence.documents import FloorRecord, SessionRecord, StretchRecord
from energy.findings import Finding
from energy.instruments import DutRefusalError, Inference
from energy.session.edgewatch import EdgeWatch
from energy.session.trials import Trial, timed

_MARK_S = 0.02
"""Left out at the ends of the idle window: the DUT holds its pin for a millisecond, awake."""
Attempt = Callable[[Callable[[], Trial]], Trial]


@dataclass(frozen=True)
class FloorCommand:
    """A command of a floor's window.

    Attributes:
        name: Name of the window.
        word: The command.
        each_ms: Length of a stretch.
        count: Number of stretches.
    """

    name: str
    word: str
    each_ms: int
    count: int

    @property
    def line(self) -> str:
        """The line for the DUT."""
        return f"{self.word} {self.each_ms}" + (f" {self.count}" if self.count > 1 else "")

    @property
    def expected_s(self) -> float:
        """Its least time."""
        return self.each_ms * self.count * 1e-3


FLOORS = (
    FloorCommand("idle", "idle", 10_000, 1),
    FloorCommand("sleep", "sleep", 10_000, 1),
    FloorCommand("short sleep", "sleep", 2_000, 1),
    FloorCommand("wake-ups", "sleep", 200, 50),
)
"""Three windows with sleep, so that marks and wake-ups cancel in their differences: the first two differ by
8 s of sleep, the first and the last by 49 wake-ups."""


def measure_floors(
    bench: EnergyBench, watch: EdgeWatch, findings: list[Finding], number: int, until_valid: Attempt
) -> dict[str, Trial]:
    """Measures the floors' windows; what the DUT's firmware cannot do is a finding.

    Args:
        bench: The instruments, the monitor streaming.
        watch: The source of edges.
        findings: Takes ``floors.not-measured``.
        number: Number of the last trial.
        until_valid: Runs a window, again if it is not valid.

    Returns:
        The windows by the names of their commands.
    """
    windows: dict[str, Trial] = {}
    refused: list[str] = []
    for place, floor in enumerate(FLOORS, start=1):
        if floor.word in refused:
            continue

        def attempt(floor: FloorCommand = floor, place: int = place) -> Trial:
            command = partial(_stand, bench, floor)
            return timed(bench, watch, floor.count, floor.expected_s, number + place, command)

        try:
            windows[floor.name] = until_valid(attempt)
        except DutRefusalError as error:
            refused.append(floor.word)
            findings.append(Finding("floors.not-measured", f"`{floor.line}`: {error.message}"))
    return windows


def _stand(bench: EnergyBench, floor: FloorCommand, timeout_s: float) -> Inference:
    lines = bench.dut.command(floor.line, timeout_s)
    return Inference((), None, None, lines)


def record_floors(record: SessionRecord, windows: dict[str, Trial], rate_hz: float) -> None:
    """Notes the final windows of the floors; the idle one is the session's idle stretch, if it has none.

    Args:
        record: The session's record; ``floors`` and ``idle`` are set.
        windows: The windows by name.
        rate_hz: Samples per second.
    """
    commands = {floor.name: floor for floor in FLOORS}
    record.floors = [
        FloorRecord(
            name=name,
            command=commands[name].line,
            opening=trial.window.opening.position,
            closing=trial.window.closing.position,
            duration_s=trial.duration_s,
        )
        for name, trial in windows.items()
        if trial.window is not None
    ]
    idle = windows.get("idle")
    if record.idle is None and idle is not None and idle.window is not None:
        margin = math.ceil(_MARK_S * rate_hz)
        first = math.ceil(idle.window.opening.position) + margin
        stop = math.floor(idle.window.closing.position) - margin
        record.idle = StretchRecord(first=first, stop=stop)
