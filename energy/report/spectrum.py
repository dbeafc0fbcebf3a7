"""The power spectral density of a recording's power, by Welch's method over its runs without a gap.

P. D. Welch, "The use of fast Fourier transform for the estimation of power spectra", IEEE Trans. Audio
Electroacoust. 15 (1967), as ``scipy.signal.welch`` computes it: Hann window, half overlap, the mean of each
segment removed, one-sided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.errors import UsageError
from energy.recording.trace import Trace
from energy.report.decimation import values_of

_LEAST, _MOST = 64, 1 << 14
_SEGMENTS = 16
"""Segments that a span is cut into at least, by default: fewer would scatter too much."""
_READ = 1 << 20
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spectrum:
    """A power spectral density.

    Attributes:
        frequency_hz: Frequencies, shape (n,), from 0 to half the sample rate.
        density_w2_per_hz: Density at each, shape (n,).
        segments: How many segments were averaged.
        length: Samples of a segment.
        left_out: Samples in runs shorter than a segment, and not finite ones: they are not in it.
    """

    frequency_hz: Floats
    density_w2_per_hz: Floats
    segments: int
    length: int
    left_out: int

    @property
    def resolution_hz(self) -> float:
        """Distance of two frequencies."""
        return float(self.frequency_hz[1] - self.frequency_hz[0])


def segment_length(rate_hz: float, samples: int, resolution_hz: float | None = None) -> int:
    """Samples of a segment: for a resolution, or a power of two that cuts ``samples`` into sixteen or more.

    Raises:
        UsageError: ``usage.resolution`` if it needs fewer than 64 samples, or more than there are.
    """
    if resolution_hz is None:
        wanted = max(min(samples // _SEGMENTS, _MOST), min(_LEAST, samples))
        return 1 << max(wanted.bit_length() - 1, 1)
    length = round(rate_hz / resolution_hz)
    if not _LEAST <= length <= samples:
        text = f"a resolution of {resolution_hz:g} Hz needs {length} samples in a row"
        hint = f"Give {rate_hz / max(samples, 1):.3g} Hz to {rate_hz / _LEAST:.3g} Hz."
        raise UsageError("usage.resolution", f"{text}, and the longest part has {samples}", hint)
    return length


def spectrum(trace: Trace, spans: Iterable[tuple[int, int]], length: int) -> Spectrum:
    """The density over some spans of a recording; nothing is interpolated over a gap.

    Args:
        trace: The recording.
        spans: Position of the first sample, and after the last, of each span.
        length: Samples of a segment.

    Raises:
        UsageError: ``usage.spectrum`` if no run without a gap holds a segment.
    """
    from scipy.signal import welch  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    half = length // 2
    step = length - half
    total = np.zeros(half + 1)
    segments = asked = used = 0
    for first, stop in spans:
        asked += stop - first
        held = np.empty(0)
        begun = False  # whether a segment of this run was used
        for fresh, piece in _runs(trace, first, stop):
            held, begun = (piece, False) if fresh else (np.concatenate([held, piece]), begun)
            count = (len(held) - half) // step
            if count < 1:
                continue
            end = half + count * step
            found: Any = welch(  # pyright: ignore[reportUnknownVariableType]
                held[:end], trace.signal.rate_hz, "hann", length, half
            )
            total += np.asarray(found[1], dtype=np.float64) * count
            segments += count
            used += count * step + (0 if begun else half)
            held, begun = held[end - half :], True
    if not segments:
        text = f"no run without a gap holds a segment of {length} samples"
        raise UsageError("usage.spectrum", text, "Give a coarser --resolution, or a longer part.")
    frequency_hz = np.asarray(np.fft.rfftfreq(length, 1 / trace.signal.rate_hz), dtype=np.float64)
    return Spectrum(frequency_hz, total / segments, segments, length, asked - used)


def _runs(trace: Trace, first: int, stop: int) -> Iterator[tuple[bool, Floats]]:
    """The finite samples in pieces, shape (n,), in watt; and whether each begins a new run, after a gap."""
    expected = -1
    for start in range(first, stop, _READ):
        for block in trace.read(start, min(start + _READ, stop)):
            power = values_of(block, trace.signal)
            finite = np.isfinite(power)
            borders = np.flatnonzero(np.diff(finite)) + 1
            for begin, end in zip([0, *borders.tolist()], [*borders.tolist(), len(power)], strict=True):
                if begin < end and finite[begin]:
                    yield block.first + begin != expected, power[begin:end]
                    expected = block.first + end
