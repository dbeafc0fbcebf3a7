"""Lost samples, in words: what a stream that loses too many of them is refused with."""

from __future__ import annotations

from collections.abc import Sequence

from energy.errors import BenchError, TimingError
from energy.signal import Gap


def losses_of(gaps: Sequence[Gap]) -> str:
    """Gaps in a sentence; empty if there are none."""
    if not gaps:
        return ""
    counts = [gap.count for gap in gaps if gap.count is not None]
    at_least = "" if len(counts) == len(gaps) else "at least "
    plural = "" if len(gaps) == 1 else "s"
    first = gaps[0]
    return (
        f"{len(gaps)} gap{plural}, {at_least}{sum(counts)} samples lost, the first at sample {first.first}: "
        f"{first.reason}"
    )


class SamplesLostError(BenchError):
    """A stream loses so many samples that nothing can be measured: ``samples.gap``."""


def samples_lost(evidence: str) -> SamplesLostError:
    """The error for such a stream, with a hint."""
    return SamplesLostError(
        "samples.gap",
        evidence,
        "Lower the rate, shorten the cable or hub chain, use another USB port, close other programs; then "
        "try again.",
    )


def fallen_behind(samples: float, seconds: float, rate_hz: float, gaps: Sequence[Gap]) -> BenchError:
    """The error for a stream that brings fewer samples than its time allows.

    Args:
        samples: How many came, lost ones that were counted included.
        seconds: Time since the stream's start.
        rate_hz: Its nominal rate.
        gaps: Its losses so far.

    Returns:
        ``samples.gap`` if losses were seen, ``monitor.time-base`` if not.
    """
    evidence = (
        f"the monitor's stream came to sample {samples:.0f} in {seconds:.1f} s, "
        f"{samples / (seconds * rate_hz):.0%} of {rate_hz:g} samples/s"
    )
    if gaps:
        return samples_lost(f"{evidence}; {losses_of(gaps)}")
    return TimingError(
        "monitor.time-base",
        evidence,
        "Samples are lost without a trace, or the monitor samples at another rate: read its rate back, use "
        "another USB port and cable, close other programs.",
    )
