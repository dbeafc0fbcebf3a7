"""Records a DUT that toggles its pin without commands: no protocol, windows as they close.

After the leading edges, every two edges make a window. Opening and closing edges look the same, so a
recording that begins within a window takes the pauses for windows; then the power between the windows is
higher than in them (finding ``record.pairing-doubtful``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from energy.bench.assemble import EnergyBench
from energy.bench.prompt import Prompt, no_operator
from energy.errors import JoulebenchError, StreamEndedError, UsageError
from energy.instruments import Deadline, is_gated
from energy.interrupts import WHOLE
from energy.recording.limits import MOST_WINDOWS, limit_reached
from energy.session.clockcheck import ClockCheck
from energy.session.edgewatch import EdgeWatch
from energy.session.giving import Giving
from energy.session.lease import lease_bench
from energy.session.observer import NOBODY, Observer
from energy.session.powercheck import zero_offset_a
from energy.session.prepare import make_edge_watch
from energy.session.recorded import Recorded, RecordLog, RecordPlan
from energy.signal import Edge
from energy.window.figures import WindowFigures
from energy.window.integrator import gap_findings
from energy.window.plausibility import check_samples

_LOOK_S = 0.05
T = TypeVar("T")
_FOREVER_S = 86_400.0


def run_record(
    plan: RecordPlan,
    path: Path,
    on_window: Callable[[WindowFigures], None],
    on_time: Callable[[float], None],
    prompt: Prompt = no_operator,
    observer: Observer = NOBODY,
) -> Recorded:
    """Records until a number of windows, a time, or Ctrl-C; the supply is off when it returns or raises.

    Args:
        plan: The plan.
        path: The folder, which is made.
        on_window: Called with each window as it closes.
        on_time: Called with the seconds that have been recorded.
        prompt: Asks the person at the bench.
        observer: Sees what is recorded.

    Raises:
        JoulebenchError: If something is wrong with the bench, or the monitor fails. Everything recorded
            before is in the folder.
    """
    log = RecordLog(plan, path, observer)
    with log.written_to_the_end():
        _record(log, on_window, on_time, prompt)
    return log.result


def _record(
    log: RecordLog,
    on_window: Callable[[WindowFigures], None],
    on_time: Callable[[float], None],
    prompt: Prompt,
) -> None:
    plan, result = log.plan, log.result
    clocks = ClockCheck(log.take_clocks)
    with (
        clocks.compare_on_exit(),
        lease_bench(plan.bench, plan.workload, "energy", log.folder.line, log.failed, prompt) as lease,
    ):
        bench = lease.bench
        watch, monitor = make_edge_watch(
            bench, log.path, result.virtual, {"recorded by": "record"}, plan.storage
        )
        log.storage = watch.recorder.storage
        log.take_monitor(bench, monitor)
        clocks.watch(bench, watch, monitor.model)
        lease.on_close(watch.recorder.close)
        watch.recorder.watched_by(log.observer)
        lease.power_on()
        lease.on_exit("monitor stop", lambda: _stop(bench, watch, result))
        lease.supervise(watch.recorder)
        watch.start(bench)
        watch.begin(bench, dut_responds=False)
        log.reached("recording")

        def closed(figures: WindowFigures) -> None:
            log.observer.window(figures)
            on_window(figures)

        try:
            _Windows(log, bench, watch, closed, on_time).run()
        finally:
            log.document["edges"] = _settle(bench, watch, result)


def _shown(show: Callable[[T], None]) -> Callable[[T], None]:
    """A callback that shows something; an output that cannot be written ends the recording with a code.

    Raises (the callback):
        UsageError: ``output.broken``.
    """

    def checked(value: T) -> None:
        try:
            show(value)
        except (
            OSError,
            SystemExit,
        ) as error:  # a terminal's library leaves by SystemExit when its reader has gone
            why = str(error) if isinstance(error, OSError) else "its reader has gone"
            raise UsageError(
                "output.broken",
                f"the output cannot be written: {why}",
                "What was recorded is in the folder, whole: `joulebench integrate` shows it.",
            ) from error

    return checked


class _Windows:
    """Makes windows while the recording runs."""

    def __init__(
        self,
        log: RecordLog,
        bench: EnergyBench,
        watch: EdgeWatch,
        on_window: Callable[[WindowFigures], None],
        on_time: Callable[[float], None],
    ) -> None:
        plan, result = log.plan, log.result
        self._plan, self._bench, self._watch, self._result = plan, bench, watch, result
        self._on_window, self._on_time = _shown(on_window), _shown(on_time)
        self._pairing = plan.pairing()
        self._giving = Giving(log, watch, bench) if log.storage.rotates else None
        self._gated = is_gated(bench.monitor)
        self._shown_count = 0
        self._end = Deadline(bench.clock, plan.seconds if plan.seconds is not None else math.inf)

    def run(self) -> None:
        """Makes windows until the plan is fulfilled."""
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
            self._show()

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
        with WHOLE:
            for edge in self._watch.take():
                if pair := self._pairing.add(edge):
                    self._watch.recorder.await_window(pair)
            self._close(last=False)
            if self._giving is not None:
                self._giving.give_up(self._pairing.open_at)
        self._show()

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
            figures = WindowFigures(window, self._plan.iterations_in(window.number))
            self._result.windows.append(figures)
            self._result.findings += window.findings
            if len(self._result.windows) == MOST_WINDOWS:
                raise limit_reached(str(self._result.folder), MOST_WINDOWS, "windows")

    def _show(self) -> None:
        """Shows the windows that were not shown yet; that may take long, and may be interrupted."""
        for figures in self._result.windows[self._shown_count :]:
            self._shown_count += 1
            self._on_window(figures)

    def _pause(self, last: Edge, opening: Edge) -> None:
        recorder = self._watch.recorder
        first, stop = math.ceil(last.position), math.floor(opening.position)
        if stop > first:
            seconds = (stop - first) / recorder.signal.rate_hz
            energy_j = self._giving.pause_j(first, stop) if self._giving else recorder.energy_j(first, stop)
            self._result.pauses_w.append(energy_j / seconds)

    def _take_quietly(self) -> None:
        """Takes what came before the end; an error here would hide the cause of the end."""
        try:
            self._take()
        except JoulebenchError as error:
            self._result.ended = error.code
        self._close(last=True)
        self._show()


def _settle(bench: EnergyBench, watch: EdgeWatch, result: Recorded) -> dict[str, Any]:
    """Takes the final windows."""
    settled = watch.finish(bench, [figures.window for figures in result.windows], dut_responds=False)
    result.findings += settled.findings
    result.findings += gap_findings(gap for gap in watch.recorder.gaps if gap.count is not None)
    result.windows = [
        WindowFigures(window, figures.iterations)
        for window, figures in zip(settled.windows, result.windows, strict=True)
    ]
    if bench.monitor.limits.live:
        recorder = watch.recorder
        breaks = [gap.first for gap in recorder.gaps if gap.count is None]
        voltage_v, offset_a = bench.file.dut.voltage_v, zero_offset_a(bench.monitor)
        rest = result.windows[result.checked :]
        result.findings += check_samples(recorder.source, rest, voltage_v, offset_a, breaks)
    return settled.record


def _stop(bench: EnergyBench, watch: EdgeWatch, result: Recorded) -> None:
    """Stops the monitor, and takes the last windows again: samples around their edges have arrived since."""
    bench.monitor.stop()
    watch.recorder.drain()
    for k in reversed(range(result.checked, len(result.windows))):
        known = result.windows[k]
        window = watch.recorder.window(known.window.number, known.window.opening, known.window.closing)
        if window == known.window:
            return
        result.windows[k] = WindowFigures(window, known.iterations)
