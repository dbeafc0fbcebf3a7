"""Records a DUT that toggles its pin by itself: no protocol, windows as they close.

Every two edges make a window, after as many as are left out at the beginning. An opening edge looks like a
closing one, so a recording that begins within a window takes the pauses for windows; the power in and between
the windows shows that (finding ``record.pairing-doubtful``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from energy import __version__
from energy.bench.assemble import EnergyBench
from energy.bench.benchfile import BenchFile
from energy.bench.prompt import Prompt, no_operator
from energy.errors import JoulebenchError, StreamEndedError, defects
from energy.evidence.documents import ClockRecord
from energy.evidence.names import SESSION_NAME
from energy.findings import Finding
from energy.instruments import Deadline, is_gated
from energy.session.clockcheck import ClockCheck
from energy.session.edgewatch import EdgeWatch
from energy.session.folder import SessionFolder
from energy.session.held import held
from energy.session.prepare import watch_of
from energy.signal import Edge
from energy.window.figures import SessionFigures, WindowFigures
from energy.window.integrator import gap_finding
from energy.window.pairing import SequencePairing
from energy.window.rules import EnergyRule

SCHEMA = "joulebench.record/1"
_LOOK_S = 0.05
_FOREVER_S = 86_400.0


@dataclass(frozen=True)
class RecordPlan:
    """The plan of a recording.

    Attributes:
        bench: The bench.
        windows: Number of windows after which it ends; None: no limit.
        seconds: Time after which it ends; None: no limit.
        iterations: Inferences in each window, where known.
        leading: Number of edges at the beginning that open and close no window.
        workload: Workload of a virtual DUT.
    """

    bench: BenchFile
    windows: int | None = None
    seconds: float | None = None
    iterations: int | None = None
    leading: int = 0
    workload: str = "kws01"


@dataclass
class Recorded:
    """A recording and its results.

    Attributes:
        folder: Its folder.
        virtual: Whether it comes from the virtual bench.
        windows: Its windows with their figures.
        pauses_w: Mean power between each window and the next.
        findings: Its findings.
        ended: Reason of its end: ``"windows"``, ``"time"``, ``"interrupted"``, ``"replay"``.
    """

    folder: Path
    virtual: bool
    windows: list[WindowFigures] = field(default_factory=list[WindowFigures])
    pauses_w: list[float] = field(default_factory=list[float])
    findings: list[Finding] = field(default_factory=list[Finding])
    ended: str = "windows"

    @property
    def figures(self) -> SessionFigures:
        """Median and spread."""
        return SessionFigures(tuple(self.windows))


def run_record(
    plan: RecordPlan,
    path: Path,
    on_window: Callable[[WindowFigures], None],
    on_time: Callable[[float], None],
    ask: Prompt = no_operator,
) -> Recorded:
    """Records until a number of windows, a time, or Ctrl-C; the supply is off when it returns or raises.

    Args:
        plan: The plan.
        path: The folder, which is created.
        on_window: Called with each window when it closes.
        on_time: Called with the seconds that have been recorded.
        ask: Asks the person at the bench.

    Raises:
        JoulebenchError: If something is wrong with the bench, or the monitor fails. Everything recorded
            before is in the folder.
    """
    folder = SessionFolder(path)
    result = Recorded(path, plan.bench.virtual is not None)
    about: dict[str, Any] = {
        "schema": SCHEMA,
        "joulebench": __version__,
        "virtual": result.virtual,
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
        "bench": plan.bench.model_dump(by_alias=True, mode="json"),
        "state": "started",
    }

    def failed(what: str, error: JoulebenchError) -> None:
        folder.note(0.0, f"{what} failed: {error}")

    def compared(records: list[ClockRecord], findings: list[Finding]) -> None:
        about["clocks"] = [record.model_dump() for record in records]
        result.findings += findings

    clocks = ClockCheck(compared)
    try:
        with defects():
            folder.write(SESSION_NAME, about)
            with (
                clocks.at_the_end(),
                held(plan.bench, plan.workload, "energy", folder.line, failed, ask) as hand,
            ):
                bench = hand.bench
                watch, monitor = watch_of(bench, path, result.virtual, {"recorded by": "record"})
                result.virtual = result.virtual or monitor.virtual
                about |= {"monitor": monitor.model_dump(), "virtual": result.virtual}
                clocks.watch(bench, watch, monitor.model)
                hand.finally_(watch.recorder.close)
                hand.power_on()
                hand.at_the_end("monitor stop", lambda: _stop(bench, watch, result))
                hand.supervise(watch.recorder)
                watch.start(bench)
                watch.begin(bench, talk=False)
                try:
                    _Windows(plan, bench, watch, result, on_window, on_time).run()
                finally:
                    about["edges"] = _settle(bench, watch, result)
        about["state"] = "finished"
    except JoulebenchError as error:
        about |= {"state": "failed", "error": {"code": error.code, "message": error.message}}
        raise
    except KeyboardInterrupt:
        result.ended = "interrupted"  # the usual way to end it
        about["state"] = "finished"
    finally:
        result.findings += _doubts(result)
        about |= {
            "ended": result.ended,
            "leading_edges": plan.leading,
            "iterations": [plan.iterations] * len(result.windows) if plan.iterations else [],
            "windows": [window.to_json() for window in result.windows],
            "findings": [finding.to_json() for finding in result.findings],
        }
        folder.write(SESSION_NAME, about)
        folder.close()
    return result


class _Windows:
    """Makes windows during the recording."""

    def __init__(
        self,
        plan: RecordPlan,
        bench: EnergyBench,
        watch: EdgeWatch,
        result: Recorded,
        on_window: Callable[[WindowFigures], None],
        on_time: Callable[[float], None],
    ) -> None:
        self._plan, self._bench, self._watch, self._result = plan, bench, watch, result
        self._on_window, self._on_time = on_window, on_time
        self._pairing = SequencePairing(plan.leading)
        self._gated = is_gated(bench.monitor)
        self._end = Deadline(bench.clock, plan.seconds if plan.seconds is not None else math.inf)

    def run(self) -> None:
        """Runs until the plan's limit or the end of the stream."""
        try:
            self._until_enough()
        except StreamEndedError:
            self._take_quietly()
            self._result.ended = "replay"
        except (JoulebenchError, KeyboardInterrupt):
            self._take_quietly()
            raise
        else:
            self._close(last=True)

    def _until_enough(self) -> None:
        begun, monitor = self._bench.clock.now(), self._bench.monitor
        while not self._enough():
            if is_gated(monitor):
                monitor.arm()
                monitor.collect(min(self._end.remaining(), _FOREVER_S))
            else:
                self._bench.clock.wait(min(self._end.remaining(), _LOOK_S))
            self._take()
            self._on_time(self._bench.clock.now() - begun)

    def _enough(self) -> bool:
        plan = self._plan
        if plan.windows is not None and len(self._result.windows) >= plan.windows:
            self._result.ended = "windows"
            return True
        if self._end.expired():
            self._result.ended = "time"
            return True
        return False

    def _take(self) -> None:
        for edge in self._watch.take():
            if pair := self._pairing.add(edge):
                self._watch.recorder.await_window(pair)
        self._close(last=False)

    def _close(self, *, last: bool) -> None:
        """Takes the windows whose samples have arrived.

        Args:
            last: Whether no more samples will arrive. A gated monitor sends none before the next window.
        """
        recorder = self._watch.recorder
        stop = math.inf if self._gated else float(recorder.stop) if last else None
        for window in recorder.closed_windows(stop):
            if self._plan.windows is not None and window.number > self._plan.windows:
                return
            if self._result.windows and not self._gated:
                self._pause(self._result.windows[-1].window.closing, window.opening)
            figures = WindowFigures(window, self._plan.iterations)
            self._result.windows.append(figures)
            self._result.findings += window.findings
            self._on_window(figures)

    def _pause(self, last: Edge, opening: Edge) -> None:
        recorder = self._watch.recorder
        first, stop = math.ceil(last.position), math.floor(opening.position)
        if stop > first:
            seconds = (stop - first) / recorder.signal.rate_hz
            self._result.pauses_w.append(recorder.energy_j(first, stop) / seconds)

    def _take_quietly(self) -> None:
        """Takes what arrived before the end; a failure here would hide the cause of the end."""
        try:
            self._take()
        except JoulebenchError as error:
            self._result.ended = error.code
        self._close(last=True)


def _settle(bench: EnergyBench, watch: EdgeWatch, result: Recorded) -> dict[str, Any]:
    """Takes the windows with the final positions of their edges."""
    settled = watch.finish(bench, [figures.window for figures in result.windows], talk=False)
    result.findings += settled.findings
    result.findings += [gap_finding(gap) for gap in watch.recorder.gaps if gap.count is not None]
    result.windows = [
        WindowFigures(window, figures.iterations)
        for window, figures in zip(settled.windows, result.windows, strict=True)
    ]
    return settled.said


def _stop(bench: EnergyBench, watch: EdgeWatch, result: Recorded) -> None:
    """Stops the monitor, and takes the last windows again: samples around their edges have arrived since."""
    bench.monitor.stop()
    watch.recorder.drain()
    for k in reversed(range(len(result.windows))):
        known = result.windows[k]
        window = watch.recorder.window(known.window.number, known.window.opening, known.window.closing)
        if window == known.window:
            return
        result.windows[k] = WindowFigures(window, known.iterations)


def _doubts(result: Recorded) -> list[Finding]:
    """A finding if the power is higher in the pauses than in the windows."""
    if not result.pauses_w:
        return []
    inside_w = median(figures.window.energies[EnergyRule.EXACT].power_w for figures in result.windows)
    between_w = median(result.pauses_w)
    if between_w <= inside_w:
        return []
    evidence = f"mean power is {between_w:.4g} W between the windows and {inside_w:.4g} W in them"
    return [Finding("record.pairing-doubtful", evidence)]
