"""Expanded uncertainty at 95 %: degrees of freedom, coverage factor, and which way it was found.

As a rule k comes from the t-distribution with the effective degrees of freedom (JCGM 100:2008, G.3 and G.4).
Where one term that is not normal carries more than half of the variance, the combined distribution is far
from normal, and k is taken from that distribution itself (JCGM 101:2008): the sum of independent inputs, each
with its own distribution, here by numerical convolution in place of random draws. There a scatter of few
windows is a t-distribution with long tails, so that the interval of three windows covers up to 98 %. So the
smaller of the two factors counts, which covers 95 to 97 % from three windows on (decision 0032).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from energy.uncertainty.inputs import DIVISORS, Distribution
from energy.uncertainty.libraries import special

CONFIDENCE = 0.95
DOMINANT = 0.5
"""A term that is not normal dominates if it carries more than this part of the variance."""
_SHAPELESS = 0.05
"""Part of the combined standard uncertainty below which a bounded term counts as a normal one."""
_FEWEST = 2.0
"""Degrees of freedom below which the formula of Welch and Satterthwaite covers too little (93 % with one)."""
Method = Literal["t-distribution", "distribution"]

_STEP = 0.0025
_REACH = 40.0
"""Grid of the convolution, in combined standard uncertainties; what lies beyond is outside any interval."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """A term's contribution to a combined uncertainty.

    Attributes:
        standard: Its standard uncertainty in the unit of the result.
        distribution: Its distribution.
        freedom: Its degrees of freedom.
    """

    standard: float
    distribution: Distribution
    freedom: float = math.inf


@dataclass(frozen=True, slots=True)
class Coverage:
    """Coverage of a combined uncertainty.

    Attributes:
        k: Coverage factor.
        method: Whether k is from the t-distribution, or from the combined distribution itself.
    """

    k: float
    method: Method


def effective_freedom(contributions: Sequence[Contribution]) -> float:
    """Effective degrees of freedom by the formula of Welch and Satterthwaite (JCGM 100:2008, G.4.1, G.2b).

    Infinite where no term has a finite number of degrees of freedom, or all terms are zero.
    """
    variance = math.fsum(term.standard**2 for term in contributions)
    bottom = math.fsum(term.standard**4 / term.freedom for term in contributions)
    return variance**2 / bottom if bottom else math.inf


def t_factor(freedom: float, confidence: float = CONFIDENCE) -> float:
    """The coverage factor of the t-distribution, its degrees of freedom cut to an integer (G.4.1, note 1).

    Args:
        freedom: Degrees of freedom, at least 1; infinite for the normal distribution.
        confidence: Coverage probability.
    """
    tail = (1.0 + confidence) / 2.0
    if freedom > 1e6:
        return float(special().ndtri(tail))
    return float(special().stdtrit(max(1, math.floor(freedom + 1e-9)), tail))


def coverage(contributions: Sequence[Contribution], confidence: float = CONFIDENCE) -> Coverage:
    """The coverage factor for independent terms.

    Args:
        contributions: The terms.
        confidence: Coverage probability.
    """
    variance = math.fsum(term.standard**2 for term in contributions)
    others = [term for term in contributions if term.distribution not in ("normal", "t")]
    by_t = t_factor(effective_freedom(contributions), confidence)
    if variance and any(term.standard**2 > DOMINANT * variance for term in others):
        key = tuple(
            sorted((t.standard / math.sqrt(variance), t.distribution, t.freedom) for t in contributions)
        )
        by_distribution = _convolved(key, confidence)
        if by_distribution <= by_t or min(term.freedom for term in contributions) < _FEWEST:
            return Coverage(by_distribution, "distribution")
    return Coverage(by_t, "t-distribution")


@lru_cache(maxsize=256)
def _convolved(terms: tuple[tuple[float, Distribution, float], ...], confidence: float) -> float:
    """Half-width of the interval that holds ``confidence`` of the sum, in combined standard uncertainties."""
    grid = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
    size = 1 << (2 * len(grid)).bit_length()
    normal = math.sqrt(math.fsum(u * u for u, kind, freedom in terms if _normal(u, kind, freedom)))
    spectrum = np.fft.rfft(_masses(grid, normal, "normal", math.inf), size)
    shifts = 0
    for u, kind, freedom in terms:
        if u > 0 and not _normal(u, kind, freedom):
            spectrum *= np.fft.rfft(_masses(grid, u, kind, freedom), size)
            shifts += 1
    sums = np.roll(np.fft.irfft(spectrum, size), -shifts * (len(grid) // 2))[: len(grid)]
    middle = len(grid) // 2  # every term is symmetric, and so is their sum
    inside = sums[middle] + 2.0 * np.concatenate(([0.0], np.cumsum(sums[middle + 1 :])))
    return float(np.interp(confidence, inside, grid[middle:] + _STEP / 2))


def _normal(u: float, kind: Distribution, freedom: float) -> bool:
    """Whether a term counts with the normal ones: so do bounded ones too small for their shape to matter."""
    return kind == "normal" or (freedom > 1e6 if kind == "t" else u < _SHAPELESS)


def _masses(
    grid: npt.NDArray[np.float64], u: float, kind: Distribution, freedom: float
) -> npt.NDArray[np.float64]:
    """Probability of each cell of the grid for a term with standard uncertainty ``u``; shape of the grid."""
    if u < _STEP / 100:  # far narrower than a cell
        return np.asarray(np.abs(grid) < _STEP / 2, dtype=np.float64)
    upper = grid[len(grid) // 2 :] + _STEP / 2  # it is symmetric: the upper half is enough
    below = _cumulative(upper / (u * DIVISORS[kind]), kind, freedom)
    half = np.diff(below)
    return np.concatenate((half[::-1], [2.0 * below[0] - 1.0], half))


def _cumulative(x: npt.NDArray[np.float64], kind: Distribution, freedom: float) -> npt.NDArray[np.float64]:
    """The distribution function at x, in half-widths (standard deviations for normal and t)."""
    if kind == "normal":
        return np.asarray(special().ndtr(x))
    if kind == "t":
        return np.asarray(special().stdtr(freedom, x))
    inside = np.clip(x, -1.0, 1.0)
    if kind == "rectangular":
        return (inside + 1.0) / 2.0
    if kind == "triangular":
        return 0.5 + inside - np.sign(inside) * inside**2 / 2.0
    return 0.5 + np.arcsin(inside) / np.pi
