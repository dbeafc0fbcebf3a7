"""The monitor: its range, the voltage, and whether all samples came."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import numpy as np

from energy.findings import Finding
from energy.runs.measurement import Measurement
from energy.runs.run import Run, pieces
from energy.runs.runner_log import RunnerLog

LPM01A_HIGHEST_A = 0.05
"""Of dynamic mode (protocols.md 7)."""
LPM01A_V = (1.8, 3.3)
_GAIN = 1.02
"""Its gain is specified at 2 % (protocols.md 7): a sample above by less may have been within."""
_UNSTEADY = 0.02
_LATE_S = 0.1
"""By how much an LPM01A's trace may be shorter than the log's: the published ones are 0.03 to 1 s longer."""
_OTHERS_LATE_S = 2.0
_LONGER_S, _LONGER = 2.0, 0.005
"""By how much a trace may be longer than the log's time: 0.03 to 1 s in the published ones."""
_FEWEST_LOADS = 4
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


def samples_against_time(measured: Measurement) -> Iterable[Finding]:
    """Whether there are as many samples as the log's time and count ask for, neither fewer nor more."""
    run = measured.run
    if run.trace is None or run.log is None or measured.mixed:
        return
    if run.stops:
        yield from _captured(run, run.log)
        yield from _between_loads(measured, run.log, run.trace.signal.rate_hz)
        return
    on = [event for event in run.log.of("trace") if event.text == "on"]
    off = [event for event in run.log.of("trace") if event.text == "off"]
    if not on or not off or not off[-1].time_s > on[-1].time_s:
        return
    lasted, length = off[-1].time_s - on[-1].time_s, run.trace.count / run.trace.signal.rate_hz
    late_s = _LATE_S if runs_on_lpm01a(run) else _OTHERS_LATE_S
    yield from _compared(run, length, lasted, late_s, (on[-1].line, off[-1].line))


def _captured(run: Run, log: RunnerLog) -> Iterable[Finding]:
    """Samples of each trial beside the number that the MLCommons runner logs for it."""
    lengths = np.diff([0, *run.stops]).tolist()
    if len(log.inferences) != len(lengths):
        return
    for number, (inference, length) in enumerate(zip(log.inferences, lengths, strict=True), start=1):
        if inference.captured is not None and inference.captured[0] != length:
            code = "samples.few" if length < inference.captured[0] else "samples.many"
            evidence = f"the log has captured {inference.captured[0]} samples, results.json holds {length}"
            yield Finding(code, evidence, number, run.show(run.trace_path), lines=(inference.line,))


def _between_loads(measured: Measurement, log: RunnerLog, rate_hz: float) -> Iterable[Finding]:
    """Samples of all trials but the first and the last beside the time between the log's loads.

    The stamps of the MLCommons runner are whole seconds. A trial's samples reach from the end of the trial
    before. A log without counts of samples is not the official runner's, and may have pauses that it lacks:
    of one after the first trial the samples count, so that only that trial's load is surely before them.
    """
    run, loads = measured.run, list(log.of("load"))
    if len(loads) != len(run.stops) or len(loads) < _FEWEST_LOADS or loads[1].time_s == loads[-1].time_s:
        return
    begun, late_s, paused_s = loads[1], _OTHERS_LATE_S, 0.0
    length = (run.stops[-2] - run.stops[0]) / rate_hz
    if any(inference.captured is None for inference in log.inferences):
        first_s = (measured.windows[0].duration_s or 0.0) if measured.windows else 0.0
        late_s, paused_s = math.inf, max(begun.time_s - loads[0].time_s - first_s, 0.0)
    lasted = loads[-1].time_s - begun.time_s
    if length > lasted:
        lasted += paused_s
    yield from _compared(run, length, lasted, late_s, (begun.line, loads[-1].line))


def _compared(
    run: Run, length_s: float, lasted_s: float, late_s: float, lines: tuple[int, ...]
) -> Iterable[Finding]:
    """Whether samples last as long as the log's time."""
    code = ""
    if length_s < lasted_s - late_s:
        code = "samples.few"
    elif length_s > lasted_s + _LONGER_S + _LONGER * lasted_s:
        code = "samples.many"
    if code:
        evidence = (
            f"the log traces for {lasted_s:.3f} s, the samples last {length_s:.3f} s: "
            f"{length_s / lasted_s:.4g} times as long"
        )
        yield Finding(code, evidence, path=run.show(run.trace_path), lines=lines)


def runs_on_lpm01a(run: Run) -> bool:
    """Whether the log names an LPM01A; the MLCommons runner's names none."""
    return bool(run.log and run.log.monitor and run.log.monitor.casefold().startswith("lpm01"))
