"""Checks of the timestamp wire, where the monitor's own stream brings the edges."""

from __future__ import annotations

from energy.bench.assemble import EnergyBench
from energy.doctor.causes import cause
from energy.doctor.report import Step, counted, si
from energy.doctor.stream import judge_time, refuse_losses
from energy.doctor.watch import WatchingRecorder
from energy.session.edgewatch import StreamEdges
from energy.signal import Edge, EdgeKind

_LEVELS = 3
"""Shortest pulse in periods of the input's clock: a shorter one may be missed if either clock is off."""
_LATE_S = 2.0
_EVENT_S = 1e-6
"""The shortest pulse that an event input must notice (protocols.md 1.5)."""


def check_edges(bench: EnergyBench, watch: StreamEdges, recorder: WatchingRecorder, step: Step) -> None:
    """Asks for one mark and checks what arrives: number of edges, polarity, length of the pulse.

    Raises:
        BenchError: ``timestamp.missing``, ``timestamp.not-at-monitor``, ``timestamp.short-pulse``,
            ``timestamp.too-many``; ``samples.gap`` or ``monitor.time-base`` where the stream is the reason.
    """
    manager = bench.io_manager
    timed = manager is not None and manager.timing is not None
    if manager is not None and timed:
        manager.prepare()
    watch.ready()
    before = recorder.edge_stream.seen
    bench.dut.timestamp()
    edges = watch.collect()
    if recorder.edge_stream.seen == before:  # they may be late where the monitor's clock is badly off
        bench.clock.sleep(_LATE_S)
        edges += watch.collect()
    every = [taken.edge for taken in recorder.edge_stream.since(before)]
    laps = len(manager.laps()) if manager is not None and timed else None
    step.observe(
        f"one `timestamp`: {counted(len(edges), 'edge')} at the monitor"
        + ("" if laps is None else f", {laps} at the IO manager")
    )
    if not edges and not every:
        refuse_losses(recorder)
        judge_time(recorder, step)
        _blame_wire(bench, recorder, step, laps)
    rate_hz = recorder.signal.rate_hz
    if len(edges) > 1:
        at = ", ".join(f"{(edge.position - edges[0].position) / rate_hz * 1e3:.4g} ms" for edge in edges)
        raise cause("timestamp.too-many", f"{len(edges)} edges, at {at} after the first.")
    if recorder.input_rates_hz:
        _judge_levels(every, recorder, step)
    else:
        step.observe("the polarity of the pin is not known: this monitor reports events, not levels")
    for finding in recorder.findings:
        step.add_finding(finding)


def _blame_wire(bench: EnergyBench, recorder: WatchingRecorder, step: Step, laps: int | None) -> None:
    """Raises the reason why no edge came: the pin, the wire, or the pulse.

    Raises:
        BenchError: ``timestamp.missing``, ``timestamp.not-at-monitor``, ``timestamp.short-pulse``.
    """
    if not laps:
        who = "The monitor saw none" if laps is None else "Neither the monitor nor the IO manager saw one"
        raise cause("timestamp.missing", f"{who}.")
    width_s = bench.io_manager.pulse_s(bench.dut.timestamp) if bench.io_manager is not None else None
    if width_s is not None:
        step.observe(f"the pulse is {si(width_s, 's')} long by the IO manager's clock")
        needed_s = _LEVELS / max(recorder.input_rates_hz.values(), default=1 / _EVENT_S)
        if width_s < needed_s:
            raise cause("timestamp.short-pulse", f"{si(width_s, 's')}, {si(needed_s, 's')} are needed.")
    raise cause("timestamp.not-at-monitor", "")


def _judge_levels(every: list[Edge], recorder: WatchingRecorder, step: Step) -> None:
    """Judges polarity and length of the pulse, where the monitor samples the pin."""
    rate_hz = recorder.signal.rate_hz
    if len(every) < 2:
        return
    first, last = every[0], every[-1]
    width_s = (last.position - first.position) / rate_hz
    if first.kind is EdgeKind.RISE:
        step.add_cause("timestamp.inverted", f"It was high for {si(width_s, 's')} and is low between marks.")
    else:
        step.observe(f"the pin idles high and was low for {si(width_s, 's')}")
    period_s = 1 / min(recorder.input_rates_hz.values())
    if width_s < _LEVELS * period_s:
        step.add_cause("timestamp.short-pulse", f"{si(width_s, 's')}; a level every {si(period_s, 's')}.")
