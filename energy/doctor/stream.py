"""Checks of the monitor's stream: lost samples and the time base."""

from __future__ import annotations

from energy.doctor.causes import cause
from energy.doctor.report import Step
from energy.doctor.watch import WatchingRecorder
from energy.session.losses import samples_lost
from energy.window.sampleclock import Caution, rate_of_stream

_TIME = Caution(drift_s=0.1, fewest=4)
"""Wider limits than a session's: in a short time a block's length or a busy host has more effect."""
_TIME_TOLERANCE = 0.01
"""Twice the tolerance of a ceramic resonator; a wrong time base is wrong by whole factors."""


def refuse_losses(recorder: WatchingRecorder) -> None:
    """Refuses a stream that loses samples: an edge may be among them, and its wire is not the reason.

    Raises:
        BenchError: ``samples.gap``.
    """
    recorder.pump()
    if losses := recorder.losses():
        raise samples_lost(losses)


def judge_time(recorder: WatchingRecorder, step: Step) -> None:
    """Compares the rate of the samples with the host's clock.

    Raises:
        BenchError: ``monitor.time-base``.
    """
    nominal_hz = recorder.signal.rate_hz
    breaks = [gap.first for gap in recorder.gaps if gap.count is None]
    rate = rate_of_stream(recorder.arrivals, nominal_hz, breaks, _TIME)
    if rate is None:
        step.observe("time base: too few samples to judge it")
        return
    rate_hz, off = rate.factor * nominal_hz, rate.factor - 1
    step.observe(
        f"time base: {rate_hz:.6g} samples/s by the host's clock, {nominal_hz:g} stated ({off:+.2%}, "
        f"uncertainty {rate.uncertainty:.1%})"
    )
    if rate.beyond(_TIME_TOLERANCE):
        raise cause("monitor.time-base", f"{rate_hz:.6g} instead of {nominal_hz:g} samples/s ({off:+.1%}).")


def judge_gaps(recorder: WatchingRecorder, step: Step, before: int = 0) -> None:
    """Adds an error for samples that were lost, from gap number ``before`` on."""
    losses = recorder.losses(before)
    if losses:
        step.add_error(samples_lost(losses))
    else:
        step.observe("no samples lost")
