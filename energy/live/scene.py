"""What a view shows: the sessions that its feed has brought, as frames that a page or a terminal draws."""

from __future__ import annotations

import base64
import math
import threading
from dataclasses import dataclass, field
from typing import Any

from energy.live.buckets import QUANTITIES, bucket_size
from energy.live.feed import Feed, Watched
from energy.live.pyramid import Pyramid
from energy.printable import printable
from energy.recording.jsonvalues import for_json
from energy.report.tables import RECORDED_COLUMNS, recorded_row
from energy.report.units import engineering
from energy.signal import Gap
from energy.window.figures import SessionFigures

MOST_COLUMNS = 4000
_MARKS = 400
"""Edges, windows and gaps of a frame at most, of each: more cannot be told apart in a picture."""
_ROWS = 500
"""Rows of windows of a frame at most, the latest ones."""
_FINDINGS = 100


@dataclass(slots=True)
class Known:
    """What a viewer has got already, so that only the rest is sent.

    Attributes:
        session: Number of the session that it shows.
        windows: Rows of windows that it has.
        settled: Whether these are final.
    """

    session: int = -1
    windows: int = 0
    settled: bool = False


@dataclass(slots=True)
class _Shown:
    """A session as it is shown."""

    source: Watched
    pyramid: Pyramid | None = None
    next: int = 0
    dropped: int = 0
    energy_j: float = 0.0
    samples: int = 0
    missing: int = 0
    edges: list[float] = field(default_factory=list[float])


class Scene:
    """The state of a view. Several threads may ask for frames at the same time.

    Args:
        feed: What the session hands over.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._lock = threading.Lock()
        self._shown: list[_Shown] = []

    def frame(self, span_s: float, columns: int, known: Known) -> dict[str, Any]:
        """A frame for one viewer: JSON values, in SI units beside text as the tables have it.

        Args:
            span_s: Length of the waveform; infinite: the whole session.
            columns: Columns of the waveform.
            known: What the viewer has; brought up to date.
        """
        with self._lock:
            over = self._feed.over  # before the rest is taken, which may end meanwhile
            self._take()
            document: dict[str, Any] = {
                "over": over,
                "progress": self._feed.progress,
                "defect": None if self._feed.defect is None else repr(self._feed.defect),
                "sessions": [_line(shown.source) for shown in self._shown],
                "session": None,
            }
            if self._shown:
                document |= self._session(self._shown[-1], span_s, columns, known)
            return for_json(document)

    def keep_up(self) -> None:
        """Takes what the feed has brought."""
        with self._lock:
            self._take()

    def _take(self) -> None:
        for source in self._feed.sessions[len(self._shown) :]:
            self._finish_last()
            self._shown.append(_Shown(source))
        if self._shown:
            _take(self._shown[-1])

    def _finish_last(self) -> None:
        """A session that is over keeps its figures, and no waveform: the next takes its place."""
        if self._shown:
            self._shown[-1].pyramid = None
            self._shown[-1].source.reductions.clear()

    def _session(self, shown: _Shown, span_s: float, columns: int, known: Known) -> dict[str, Any]:
        source, signal, pyramid = shown.source, shown.source.signal, shown.pyramid
        number = len(self._shown)
        windows = list(source.windows)
        if known.session != number or (source.settled and not known.settled):
            known.session, known.windows, known.settled = number, 0, source.settled
        rows = [
            [*recorded_row(figures), ", ".join(finding.code for finding in figures.window.findings)]
            for figures in windows[max(known.windows, len(windows) - _ROWS) :]
        ]
        first, known.windows = known.windows, len(windows)
        document: dict[str, Any] = {
            "session": {
                "number": number,
                **_line(source),
                "folder": printable(str(source.beginning.folder)),
                "doing": printable(source.doing),
                "error": source.error and [printable(text) for text in source.error],
                "notes": [printable(note) for note in source.notes[-20:]],
                "findings": [
                    [finding.severity.value, finding.code, printable(finding.evidence), finding.window]
                    for finding in source.findings[:_FINDINGS]
                ],
                "findings_count": len(source.findings),
                "rate_hz": signal.rate_hz if signal else None,
                "energy_j": shown.energy_j,
                "energy": engineering(shown.energy_j, "J", 5),
                "samples": shown.samples,
                "missing": shown.missing,
                "dropped_by_view": shown.dropped,
                "elapsed_s": pyramid.stop_s if pyramid else 0.0,
            },
            "windows": {
                "columns": [*RECORDED_COLUMNS, "findings"],
                "count": len(windows),
                "replace": first == 0,
                "settled": source.settled,
                "rows": rows,
            },
            "wave": None,
        }
        if signal is not None and pyramid is not None and shown.samples:
            document["wave"] = _wave(shown, pyramid, span_s, columns)
        return document


def _take(shown: _Shown) -> None:
    source = shown.source
    if shown.pyramid is None and source.signal is not None:
        signal = source.signal
        quantities = len(QUANTITIES[signal.kind])
        shown.pyramid = Pyramid(bucket_size(signal.rate_hz), signal.rate_hz, quantities)
    while source.reductions:
        reduction = source.reductions.popleft()
        shown.dropped += reduction.number - shown.next
        shown.next = reduction.number + 1
        shown.energy_j, shown.samples = reduction.energy_j, reduction.samples
        shown.missing = reduction.missing
        assert shown.pyramid is not None
        shown.pyramid.add(reduction.buckets, reduction.stop)
    while source.edges:
        shown.edges.append(source.edges.popleft())
    del shown.edges[: -4 * _MARKS]


def _line(source: Watched) -> dict[str, Any]:
    """A session in one line."""
    beginning = source.beginning
    figures = SessionFigures(tuple(source.windows))
    cost, rate = figures.joule_per_inference(), figures.inferences_per_second()
    return {
        "name": printable(beginning.folder.name),
        "board": printable(beginning.bench.dut.board),
        "voltage_v": beginning.bench.dut.voltage_v,
        "bench": printable(beginning.bench.name),
        "label": printable(beginning.bench.label or ""),
        "workload": beginning.workload,
        "mode": beginning.mode,
        "virtual": beginning.virtual,
        "state": source.state,
        "windows": len(source.windows),
        "joule_per_inference": cost.median if cost else None,
        "cost": engineering(cost.median, "J") if cost else "",
        "rate": f"{rate.median:.5g} inf/s" if rate else "",
        "worst": _worst(source),
    }


def _worst(source: Watched) -> str:
    """The gravest severity among its findings; empty without any."""
    severities = {finding.severity.value for finding in source.findings}
    if source.error is not None:
        return "error"
    return next((name for name in ("error", "warning", "info") if name in severities), "")


def _wave(shown: _Shown, pyramid: Pyramid, span_s: float, columns: int) -> dict[str, Any]:
    signal = shown.source.signal
    assert signal is not None
    drawn = pyramid.columns(span_s, min(max(columns, 2), MOST_COLUMNS))
    start_s, stop_s = drawn.start_s, drawn.stop_s

    def inside(first_s: float, last_s: float) -> bool:
        return last_s >= start_s and first_s <= stop_s

    spans = [
        [figures.window.start_s, figures.window.stop_s, figures.window.number]
        for figures in shown.source.windows[-_MARKS:]
        if inside(figures.window.start_s, figures.window.stop_s)
    ]
    seconds = [position / signal.rate_hz for position in shown.edges[-_MARKS:]]
    gaps = [_seconds(gap, signal.rate_hz) for gap in list(shown.source.gaps)[-_MARKS:]]
    return {
        "start_s": start_s,
        "stop_s": stop_s,
        "columns": drawn.mean.shape[1],
        "quantities": list(QUANTITIES[signal.kind]),
        # float32, little-endian: least, greatest, mean of each quantity in turn
        "data": base64.b64encode(
            b"".join(
                array[k].astype("<f4").tobytes()
                for k in range(len(drawn.mean))
                for array in (drawn.low, drawn.high, drawn.mean)
            )
        ).decode("ascii"),
        "edges": [second for second in seconds if inside(second, second)],
        "windows": spans,
        "gaps": [[first, stop] for first, stop in gaps if inside(first, stop)],
    }


def _seconds(gap: Gap, rate_hz: float) -> tuple[float, float]:
    """Where a gap begins and ends; one of unknown length has none."""
    return gap.first / rate_hz, (gap.first + (gap.count or 0)) / rate_hz


def span_of(text: str) -> float:
    """A length of the waveform that a viewer asks for; 10 s where it is none.

    Args:
        text: Seconds, or ``all``.
    """
    try:
        span_s = math.inf if text == "all" else float(text)
    except ValueError:
        return 10.0
    return span_s if span_s > 0 else 10.0
