"""From the edges of a DUT's phase pin to the phases of each inference, or to what is wrong with its marks.

The pin (firmware/dut/README.md, "Layers and phases") idles low. In each inference it gives a short pulse of
known length P, with a pause P before and after it, then a longer one:

    mark (low P, high P, low P) | pre-processing (low) | network (high) | post-processing (low) | next mark

So levels last P at least, and an input sees all of them, however short pre- and post-processing are. A pulse
is told by its length, so an edge that is lost or doubled shows where it happens: two marks, or two networks,
follow each other. A mark and a network that are lost together leave a pause as long as a network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from energy.findings import Finding
from energy.signal import Edge, EdgeKind
from energy.window.integrator import Window

BOUNCE = 0.25
"""Edges no further apart than this part of a mark belong together: a bouncing pin, or a spike."""
_TOLERANCE = 0.25
"""By how much a mark's length may differ from the stated one, beyond the bounds of its edges."""
_SHORTEST = 2.0
"""A network lasts longer than so many marks."""
_HALF = 0.5
_SAME = 0.2
"""By how much two networks together may differ from the usual length, if they are one that was cut."""


@dataclass(frozen=True, slots=True)
class MarkedInference:
    """The borders of an inference.

    Attributes:
        mark: The mark begins: a pause before the rising edge of its pulse.
        pre: Pre-processing begins: a pause after the falling edge.
        network: Rising edge: the network begins.
        post: Falling edge: post-processing begins, and lasts until the next mark, or to the window's end.
    """

    mark: Edge
    pre: Edge
    network: Edge
    post: Edge


@dataclass
class MarkedWindow:
    """The inferences of a window, as the phase pin marks them.

    Attributes:
        inferences: In order of time; only complete where no finding is an error.
        findings: What is wrong with the marks.
    """

    inferences: list[MarkedInference] = field(default_factory=list[MarkedInference])
    findings: list[Finding] = field(default_factory=list[Finding])


@dataclass(frozen=True, slots=True)
class _Pulse:
    """The pin is high from one edge to another; ``long``: it is a network, else a mark."""

    rise: Edge
    fall: Edge
    long: bool

    @property
    def length(self) -> float:
        """In samples."""
        return self.fall.position - self.rise.position


def marked(edges: Sequence[Edge], window: Window, pulse_s: float, iterations: int | None) -> MarkedWindow:
    """Reads the marks of a window.

    Args:
        edges: Edges of the phase pin in order of time, of the whole recording, in the recording's samples.
        window: The window.
        pulse_s: Length of a mark, as the DUT states it.
        iterations: Inferences in the window; None if not known.
    """
    result = MarkedWindow()
    pulse = pulse_s * window.rate_hz
    opening, closing = window.opening.position, window.closing.position + window.closing.bound
    # The last network's end may lie within the closing edge's own bound: post-processing can be that short.
    inside = [edge for edge in edges if opening < edge.position <= closing + edge.bound]
    clean = _without_bounces(inside, pulse, window, result.findings)
    pulses = _pulses(clean, pulse, window, result.findings)
    _sequence(pulses, pulse, window, result)
    count = len(result.inferences)
    if iterations is not None and count != iterations and not _has_error(result.findings):
        evidence = f"{count} inferences are marked, the DUT ran {iterations}"
        result.findings.append(Finding("phase.count", evidence, window.number))
    return result


def _has_error(findings: Sequence[Finding]) -> bool:
    return any(finding.severity.value == "error" for finding in findings)


def _without_bounces(
    edges: Sequence[Edge], pulse: float, window: Window, findings: list[Finding]
) -> list[Edge]:
    """Edges that are close together as one, or as none where the level is afterwards what it was before."""
    clean: list[Edge] = []
    bounced: list[Edge] = []
    for group in _groups(edges, pulse):
        first, last = group[0], group[-1]
        if len(group) == 1:
            clean.append(first)
            continue
        bounced.append(first)
        if len(group) % 2:
            bound = first.bound + last.position - first.position
            clean.append(Edge(first.position, bound, first.kind, first.source))
    if bounced:
        more = f", and {len(bounced) - 1} more" if len(bounced) > 1 else ""
        evidence = f"edges that belong together at {_at(bounced[0], window)}{more}"
        findings.append(Finding("phase.mark-bounce", evidence, window.number))
    return clean


def _groups(edges: Sequence[Edge], pulse: float) -> Iterator[list[Edge]]:
    """Edges in groups that follow each other closely."""
    group: list[Edge] = []
    for edge in edges:
        if group and edge.position - group[-1].position >= BOUNCE * pulse:
            yield group
            group = []
        group.append(edge)
    if group:
        yield group


def _is_mark(rise: Edge, fall: Edge, pulse: float) -> bool:
    """Whether the pin is high for the length of a mark."""
    slack = _TOLERANCE * pulse + rise.bound + fall.bound
    return abs(fall.position - rise.position - pulse) <= slack


def _pulses(edges: Sequence[Edge], pulse: float, window: Window, findings: list[Finding]) -> list[_Pulse]:
    """The times at which the pin is high, each a mark or a network by its length."""
    if not edges:
        findings.append(
            Finding("phase.mark-missing", "the phase pin has no edge in the window", window.number)
        )
        return []
    if edges[0].kind is EdgeKind.FALL or edges[-1].kind is EdgeKind.RISE:
        where = edges[0] if edges[0].kind is EdgeKind.FALL else edges[-1]
        evidence = f"the phase pin is high at the window's {'start' if where is edges[0] else 'end'}"
        findings.append(Finding("phase.mark-missing", evidence, window.number, time_s=_time(where, window)))
        return []
    pulses: list[_Pulse] = []
    for rise, fall in zip(edges[::2], edges[1::2], strict=True):
        length, us = fall.position - rise.position, 1e6 / window.rate_hz
        if not _is_mark(rise, fall, pulse) and length < _SHORTEST * pulse:
            evidence = (
                f"the phase pin is high for {length * us:.4g} us at {_at(rise, window)}: no mark of "
                f"{pulse * us:.4g} us, and too short for a network"
            )
            found = Finding("phase.mark-odd", evidence, window.number, time_s=_time(rise, window))
            findings.append(found)
            return []
        pulses.append(_Pulse(rise, fall, length >= _SHORTEST * pulse))
    return pulses


def _sequence(pulses: Sequence[_Pulse], pause: float, window: Window, result: MarkedWindow) -> None:
    """Mark and network in turn; else what is missing or doubled."""
    usual = median([pulse.length for pulse in pulses if pulse.long] or [0.0])
    mark: _Pulse | None = None
    last: _Pulse | None = None
    for pulse in pulses:
        if pulse.long and mark is not None:
            begins, pre = _moved(mark.rise, -pause), _moved(mark.fall, pause)
            result.inferences.append(MarkedInference(begins, pre, pulse.rise, pulse.fall))
            mark = None
        elif pulse.long:
            result.findings.append(_two_networks(last, pulse, usual, window))
        else:
            if mark is not None:
                result.findings.append(_two_marks(mark, pulse, usual, window))
            mark = pulse
        last = pulse
    if mark is not None:
        result.findings.append(_missing("network", "after the last mark", mark.fall, window))
    lows = [
        (after.mark.position - before.post.position, before.post)
        for before, after in pairwise(result.inferences)
    ]
    if not lows:
        return
    shortest = min(low for low, _ in lows)
    end = result.inferences[-1].post
    for low, edge in [*lows, (window.closing.position - end.position, end)]:
        if low - shortest > _HALF * usual and not result.findings:
            result.findings.append(_missing("mark and network", "where the pin stays low", edge, window))


def _moved(edge: Edge, by: float) -> Edge:
    return Edge(edge.position + by, edge.bound, edge.kind, edge.source)


def _two_marks(first: _Pulse, second: _Pulse, usual: float, window: Window) -> Finding:
    """Two marks with no network between: one too many, or the network's pulse is lost."""
    if second.rise.position - first.fall.position < _HALF * usual:
        return _doubled("mark", second.rise, window)
    return _missing("network", "between two marks", second.rise, window)


def _two_networks(before: _Pulse | None, second: _Pulse, usual: float, window: Window) -> Finding:
    """A network that no mark precedes: it is lost, or a network was cut in two."""
    if before is None or not before.long:
        return _missing("mark", "before the first network", second.rise, window)
    whole = second.fall.position - before.rise.position
    if abs(whole - usual) <= _SAME * usual or second.length + before.length < (1.0 + _HALF) * usual:
        return _doubled("network", second.rise, window)
    return _missing("mark", "between two networks", second.rise, window)


def _missing(what: str, where: str, edge: Edge, window: Window) -> Finding:
    evidence = f"the {what}'s pulse is missing {where}, at {_at(edge, window)}"
    return Finding("phase.mark-missing", evidence, window.number, time_s=_time(edge, window))


def _doubled(what: str, edge: Edge, window: Window) -> Finding:
    evidence = f"a second pulse of the same {what} at {_at(edge, window)}"
    return Finding("phase.mark-doubled", evidence, window.number, time_s=_time(edge, window))


def _at(edge: Edge, window: Window) -> str:
    return f"{edge.position / window.rate_hz:.6f} s"


def _time(edge: Edge, window: Window) -> tuple[float, float]:
    at_s = edge.position / window.rate_hz
    return (at_s, at_s)
