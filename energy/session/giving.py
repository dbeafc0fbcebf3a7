"""Gives up samples while a recording runs, once nothing will need them: the side of the session."""

from __future__ import annotations

import math

from energy.bench.assemble import EnergyBench
from energy.recording.keep import Keep
from energy.session.edgewatch import EdgeWatch
from energy.session.powercheck import zero_offset_a
from energy.session.recorded import RecordLog
from energy.window.plausibility import check_samples
from energy.window.prefix import CHUNK


class Giving:
    """Knows up to where the samples of a running recording can be given up.

    Where no samples are kept at all, the windows are checked and noted in ``session.json`` before theirs go,
    and the energy of the pause that follows the last window is begun.

    Args:
        log: The recording's evidence.
        watch: The source of edges.
        bench: The instruments.
    """

    def __init__(self, log: RecordLog, watch: EdgeWatch, bench: EnergyBench) -> None:
        self._log, self._recorder, self._bench = log, watch.recorder, bench
        self._all = log.storage.keep is Keep.LEVELS
        self._noted = 0
        self._begun: tuple[int, int, float] | None = None

    def give_up(self, open_at: float) -> None:
        """Gives up what can be.

        Args:
            open_at: Position of the edge that has opened a window; infinite if there is none.
        """
        recorder, result = self._recorder, self._log.result
        stop = min(recorder.edge_stream.complete, recorder.stop, open_at, recorder.awaited_from)
        if self._all:
            self._check()
            self._begin_pause()
            left = result.windows[result.checked :]
            stop = min([stop, *(figures.window.opening.position for figures in left[:1])])
        stop -= recorder.margin
        if self._all and result.windows and self._begun is None:
            stop = min(stop, result.windows[-1].window.closing.position - 1)
        if not math.isfinite(stop) or not recorder.writer.gives_up(math.floor(stop)):
            return
        if self._all and self._noted < len(result.windows):
            self._log.note_windows()
            self._noted = len(result.windows)
        recorder.writer.decide(math.floor(stop))

    def pause_j(self, first: int, stop: int) -> float:
        """Energy of the samples ``[first, stop)`` between the last window and the next, in joule."""
        begun, self._begun = self._begun, None
        if begun is None or begun[0] != first or begun[1] >= stop:
            return self._recorder.energy_j(first, stop)
        return begun[2] + self._recorder.energy_j(begun[1], stop)

    def _check(self) -> None:
        """Checks the windows around which all samples have come."""
        recorder, result = self._recorder, self._log.result
        rows = [
            figures
            for figures in result.windows[result.checked :]
            if figures.window.closing.position + recorder.margin <= recorder.stop
        ]
        if not rows:
            return
        if self._bench.monitor.limits.live:
            breaks = [gap.first for gap in recorder.gaps if gap.count is None]
            voltage_v, offset_a = self._bench.file.dut.voltage_v, zero_offset_a(self._bench.monitor)
            result.findings += check_samples(recorder.source, rows, voltage_v, offset_a, breaks)
        result.checked += len(rows)

    def _begin_pause(self) -> None:
        """Sums the pause after the last window up to the end of its first chunk, while it can be read."""
        if self._begun is not None or not self._log.result.windows:
            return
        first = math.ceil(self._log.result.windows[-1].window.closing.position)
        end = (first // CHUNK + 1) * CHUNK
        if self._recorder.stop >= end:
            self._begun = first, end, self._recorder.energy_j(first, end)
