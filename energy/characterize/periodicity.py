"""The period of a repeated pattern in evenly spaced samples, or why the samples cannot show it.

A pattern that repeats every T samples has its power in lines at the multiples of 1 / T. Candidates for T come
from the autocorrelation; each is scored by the part of the variance that lies on its lines. Samples that are
means over their period cannot show a pattern whose lines lie beyond half their rate: its lines appear
elsewhere (aliasing). So a period is given only where nearly all variance lies at low frequencies, and where
the pattern is stronger than averaging over whole periods would leave of a faster one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Reason = Literal["flat", "irregular", "few", "fast", "weak", "ambiguous"]

LEAST_SAMPLES = 8.0
"""A shorter period, in samples, is not resolved."""
LEAST_PERIODS = 20
"""Fewer periods have lines that are too close to each other to be told apart."""
LEAST_SCORE = 0.7
"""The part of the variance that must lie on the lines of the period."""
NEARLY = 0.9
"""Of two periods with nearly the same score, the shorter one is the period, the longer its multiple."""
DOUBTED = 0.6
"""A shorter period with a score between this part of the best and ``NEARLY`` of it leaves the period open."""
MOST_FAST = 0.3
"""The part of the variance that may lie beyond a quarter of the sample rate."""
PEAK = 3.0
"""Averages over k + e periods (e < 1) keep at most e times the difference between peak and mean of a faster
pattern; patterns with a peak of up to so many times their mean are excluded by the strength that is seen."""

_LINE = 5
_CANDIDATES = 12
_DIVISIONS = 200
_REFINED = 40
_PARTS = 8
"""A period that is found may be so many times the true one: its whole parts are tried as well."""
_SHORTEST = 3.0


@dataclass(frozen=True, slots=True)
class Periodicity:
    """The period of a pattern, or why none is given.

    Attributes:
        period: In samples; None where none is given.
        score: Part of the variance on its lines, 0 to 1.
        reason: Why none is given; None where there is a period.
        evidence: The numbers behind it, in a sentence.
    """

    period: float | None
    score: float
    reason: Reason | None
    evidence: str


class _Spectrum:
    """Power over frequency of samples without their mean."""

    def __init__(self, samples: Floats) -> None:
        signal = _scipy_signal()
        self.count = len(samples)
        window = signal.windows.hann(self.count, sym=False)
        self._power = np.abs(np.fft.rfft(samples * window)) ** 2
        self._below = np.concatenate([[0.0], np.cumsum(self._power)])
        self.total = float(self._below[-1])

    def score(self, frequency: float) -> float:
        """Part of the variance on the multiples of a frequency, less what would lie there by chance."""
        lines = np.arange(1, int(0.5 / frequency) + 1) * (frequency * self.count)
        low = np.clip(np.round(lines).astype(np.int64) - _LINE // 2, 0, len(self._power))
        high = np.clip(low + _LINE, 0, len(self._power))
        got = float((self._below[high] - self._below[low]).sum()) / self.total
        chance = min(len(lines) * _LINE / len(self._power), 0.999)
        return (got - chance) / (1.0 - chance)

    def refined(self, period: float) -> tuple[float, float]:
        """Score and period at the best frequency near a period."""
        frequency = 1.0 / period
        for span in (1.5 / self.count, 0.3 / self.count, 0.06 / self.count):
            grid = frequency + np.linspace(-span, span, 25)
            frequency = float(grid[int(np.argmax([self.score(one) for one in grid.tolist()]))])
        return self.score(frequency), 1.0 / frequency

    @property
    def fast(self) -> float:
        """Part of the variance beyond a quarter of the sample rate."""
        return float(self._power[len(self._power) // 2 :].sum()) / self.total


def find_period(samples: Floats) -> Periodicity:
    """The period of the pattern that the samples repeat.

    Args:
        samples: Shape (n,), mean power or current over each sample's period.
    """
    mean = float(samples.mean())
    low, high = np.percentile(samples, (2.0, 98.0)).tolist()
    strength = (high - low) / abs(mean) if mean else math.inf
    if not high > low:
        return Periodicity(None, 0.0, "flat", "the samples are all the same")
    spectrum = _Spectrum(samples - mean)
    candidates = _candidates(samples - mean)
    if not candidates:
        return Periodicity(None, 0.0, "irregular", "no delay brings the samples onto themselves")
    rough = sorted(candidates, key=lambda period: -spectrum.score(1.0 / period))[:_REFINED]
    scored = [spectrum.refined(period) for period in rough]
    best = max(score for score, _ in scored)
    if best < LEAST_SCORE:
        return Periodicity(None, best, "irregular", f"{best * 100:.0f} % of the variance repeats at most")
    period = min(period for score, period in scored if score >= NEARLY * best)
    scored += [spectrum.refined(period / part) for part in range(2, _PARTS + 1) if period / part > _SHORTEST]
    period = min(period for score, period in scored if score >= NEARLY * best)
    score = max(score for score, other in scored if math.isclose(other, period, rel_tol=1e-6))
    shown = f"period {period:.5g} samples, {score * 100:.0f} % of the variance"
    if period < LEAST_SAMPLES or spectrum.fast > MOST_FAST:
        fast = f"{spectrum.fast * 100:.0f} % of the variance lies beyond a quarter of the sample rate"
        return Periodicity(None, score, "fast", f"{shown}; {fast}")
    if len(samples) / period < LEAST_PERIODS:
        return Periodicity(None, score, "few", f"{shown}; only {len(samples) / period:.0f} periods")
    if strength * period < PEAK:
        left = f"{strength * 100:.2g} % from low to high, as averages of a faster pattern could leave"
        return Periodicity(None, score, "weak", f"{shown}; {left}")
    rivals = [p for s, p in scored if DOUBTED * best <= s < NEARLY * best and p < 0.75 * period]
    if rivals:
        return Periodicity(
            None, score, "ambiguous", f"{shown}; {min(rivals):.5g} samples fits nearly as well"
        )
    return Periodicity(period, score, None, shown)


def _candidates(samples: Floats) -> list[float]:
    """Delays at which the samples are most like themselves, and whole parts of them."""
    signal = _scipy_signal()
    count = len(samples)
    longest = count // (LEAST_PERIODS // 2)
    products = signal.correlate(samples, samples, method="fft")[count - 1 : count + longest]
    likeness = products / products[0] * count / (count - np.arange(len(products)))
    peaks: npt.NDArray[np.int64] = signal.find_peaks(likeness, height=0.15)[0]
    strongest = peaks[np.argsort(-likeness[peaks])[:_CANDIDATES]]
    periods: set[float] = set()
    for peak in strongest.tolist():
        before, at, after = likeness[peak - 1 : peak + 2].tolist()
        delay = peak + 0.5 * (before - after) / (before - 2 * at + after)
        parts = int(min(_DIVISIONS, delay / _SHORTEST))
        periods |= {delay / part for part in range(1, parts + 1)}
    return sorted(periods)


def _scipy_signal() -> Any:
    from importlib import import_module

    return import_module("scipy.signal")
