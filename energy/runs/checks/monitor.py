"""The monitor: its range, the voltage, and whether all samples came."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import numpy as np

from energy.findings import Finding
from energy.runs.measurement import Measurement
from energy.runs.run import Run, pieces

LPM01A_HIGHEST_A = 0.05
"""Of dynamic mode (protocols.md 7)."""
LPM01A_V = (1.8, 3.3)
_GAIN = 1.02
"""Its gain is specified at 2 % (protocols.md 7): a sample above by less may have been within."""
_UNSTEADY = 0.02
_FROZEN_S = 0.5
_LATE_S = 0.1
"""By how much an LPM01A's trace may be shorter than the log's: the published ones are 0.03 to 1 s longer."""
_OTHERS_LATE_S = 2.0
_SET_VOLTAGE = re.compile(r"emon\s+voltage\s+([0-9]{1,6})")


def voltage_of(run: Run) -> float | None:
    """Supply voltage in volt, as far as there is evidence: the log's (EEMBC), the trials' (MLCommons)."""
    if run.trials is not None:
        values = [trial.voltage_v for trial in run.trials if trial.voltage_v is not None]
        return values[0] if values else None
    return run.log.voltage_mv[-1] / 1000 if run.log and run.log.voltage_mv else None


def voltage(run: Run) -> Iterable[Finding]:
    """Whether the voltage is stated, consistent, and one that the monitor supplies."""
    if run.mode != "energy":
        return
    stated = voltage_of(run)
    if stated is None:
        at_hand = run.log is not None if run.runner == "eembc" else run.trials is not None
        if at_hand and run.benchmark != "sww":
            where = "m-voltage-mv in the log" if run.runner == "eembc" else "voltage in results.json"
            yield Finding("voltage.not-stated", f"there is no {where}", path=run.shown)
        return
    values = [trial.voltage_v for trial in run.trials or [] if trial.voltage_v]
    if values and max(values) - min(values) > _UNSTEADY * max(values):
        yield Finding(
            "voltage.unsteady", f"{min(values):g} to {max(values):g} V over the trials", path=run.shown
        )
    if runs_on_lpm01a(run) and not LPM01A_V[0] - 1e-9 <= stated <= LPM01A_V[1] + 1e-9:
        yield Finding("voltage.out-of-range", f"{stated:g} V", path=run.log_path)
    asked = _SET_VOLTAGE.findall(run.script or "")
    if asked and abs(int(asked[-1]) / 1000 - stated) > _UNSTEADY * stated:
        evidence = f"the script sets {int(asked[-1]) / 1000:g} V, the log reports {stated:g} V"
        yield Finding("voltage.disagrees", evidence, path=run.show(run.folder.script))


def current_range(measured: Measurement) -> Iterable[Finding]:
    """Whether an LPM01A was asked for more than 50 mA inside a window."""
    run, volts = measured.run, voltage_of(measured.run)
    if run.mode != "energy" or not runs_on_lpm01a(run) or not volts:
        return
    for window in measured.windows:
        if window.power_w is not None and window.power_w / volts > LPM01A_HIGHEST_A:
            evidence = f"the mean current is {window.power_w / volts * 1e3:.1f} mA at {volts:g} V"
            yield Finding("monitor.over-range", evidence, window.number, time_s=window.time_s)
        elif run.trace and window.in_trace:
            signal = run.trace.signal
            first, stop = (
                math.ceil(window.in_trace.opening.position),
                math.floor(window.in_trace.closing.position),
            )
            per_sample = signal.joule_per_unit * signal.rate_hz / volts
            above = highest = 0
            for block in pieces(run.trace, first, stop):
                with np.errstate(all="ignore"):
                    currents = block.columns[0] * per_sample
                    above += int((currents > LPM01A_HIGHEST_A * _GAIN).sum())
                    highest = max(highest, float(np.nanmax(currents, initial=0.0)))
            if above:
                evidence = f"{above} samples, up to {highest * 1e3:.1f} mA at {volts:g} V"
                yield Finding("monitor.peaks", evidence, window.number, time_s=window.time_s)


def samples_complete(measured: Measurement) -> Iterable[Finding]:
    """Whether there are as many samples as the log's time (EEMBC) or count (MLCommons) asks for."""
    run = measured.run
    if run.trace is None or run.log is None or measured.mixed:
        return
    rate_hz = run.trace.signal.rate_hz
    if run.stops:
        captured = [inference.captured for inference in run.log.inferences]
        lengths = np.diff([0, *run.stops]).tolist()
        if len(captured) != len(lengths):
            return
        for number, (count, length) in enumerate(zip(captured, lengths, strict=True), start=1):
            if count is not None and count[0] != length:
                line = run.log.inferences[number - 1].line
                evidence = f"the log has captured {count[0]} samples, results.json holds {length}"
                yield Finding("samples.few", evidence, number, run.show(run.trace_path), lines=(line,))
        return
    on = [event for event in run.log.of("trace") if event.text == "on"]
    off = [event for event in run.log.of("trace") if event.text == "off"]
    if not on or not off or not off[-1].time_s > on[-1].time_s:
        return
    lasted, length = off[-1].time_s - on[-1].time_s, run.trace.count / rate_hz
    if length < lasted - (_LATE_S if runs_on_lpm01a(run) else _OTHERS_LATE_S):
        evidence = f"the log traces for {lasted:.3f} s, the samples last {length:.3f} s"
        lines = (on[-1].line, off[-1].line)
        yield Finding("samples.few", evidence, path=run.show(run.trace_path), lines=lines)


def frozen(measured: Measurement) -> Iterable[Finding]:
    """The same value for half a second or longer inside a window."""
    trace = measured.run.trace
    if trace is None:
        return
    wanted = max(int(_FROZEN_S * trace.signal.rate_hz), 100)
    for window in measured.windows:
        if window.in_trace is None:
            continue
        first, stop = (
            math.ceil(window.in_trace.opening.position),
            math.floor(window.in_trace.closing.position),
        )
        for block in pieces(trace, first, stop):
            found = _longest_run(block.columns[0])
            if found and found[1] >= wanted:
                start_s = (block.first + found[0]) / trace.signal.rate_hz
                evidence = f"{found[1]} samples of the same value from {start_s:.3f} s on"
                time_s = (start_s, start_s + found[1] / trace.signal.rate_hz)
                yield Finding("samples.frozen", evidence, window.number, time_s=time_s)
                break


def _longest_run(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> tuple[int, int] | None:
    """Where the longest run of equal values begins and how long it is; zeros and NaN make none."""
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    bounds = np.concatenate([[0], changes, [len(values)]])
    lengths = np.diff(bounds)
    for at in np.argsort(lengths)[::-1][:2].tolist():
        start = int(bounds[at])
        if len(values) and values[start] != 0:
            return start, int(lengths[at])
    return None


def runs_on_lpm01a(run: Run) -> bool:
    """Whether the log names an LPM01A; the MLCommons runner's names none."""
    return bool(run.log and run.log.monitor and run.log.monitor.casefold().startswith("lpm01"))
