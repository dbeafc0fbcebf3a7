"""The median of n windows as an estimator: its standard uncertainty beside that of the mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import stdev

import numpy as np

from energy.uncertainty.libraries import special

_REACH = 8.0
_POINTS = 2001
_EXACT = 60
"""Number of windows up to which the factor is integrated; beyond it, the limit for many is near enough."""


@cache
def median_factor(n: int) -> float:
    """Standard deviation of the median of n normal values over that of their mean.

    Integrated over the joint density of the middle order statistics (David and Nagaraja, Order Statistics,
    2.1 and 2.2): the middle value for an odd n, half the sum of the middle two for an even n. It goes to
    sqrt(pi / 2) for large n.

    Args:
        n: Number of values, at least 1.
    """
    if n <= 2:
        return 1.0
    if n > _EXACT:
        return math.sqrt(math.pi / 2)
    x = np.linspace(-_REACH, _REACH, _POINTS)
    log_density = -(x**2) / 2 - math.log(math.sqrt(2 * math.pi))
    log_below = np.asarray(special().log_ndtr(x))
    log_above = log_below[::-1]
    step = x[1] - x[0]
    half = (n - 1) // 2
    if n % 2:
        size = math.lgamma(n + 1) - 2 * math.lgamma(half + 1)
        density = np.exp(size + half * (log_below + log_above) + log_density)
        return math.sqrt(float(np.sum(density * x**2)) * step * n)
    size = math.lgamma(n + 1) - 2 * math.lgamma(half + 1)
    low = np.exp(size / 2 + half * log_below + log_density)
    high = np.exp(size / 2 + half * log_above + log_density)
    joint = np.triu(np.outer(low, high))  # the lower of the two along the rows
    joint[np.diag_indices(_POINTS)] /= 2
    square = np.add.outer(x, x) ** 2 / 4
    return math.sqrt(float(np.sum(joint * square)) * step**2 * n)


def median_uncertainty(values: Sequence[float]) -> float:
    """Standard uncertainty of the median of repeated observations (type A, n - 1 degrees of freedom).

    ``s / sqrt(n)`` is that of the mean (JCGM 100:2008, 4.2.3); the median's is larger by ``median_factor``.

    Args:
        values: At least two observations.
    """
    return median_factor(len(values)) * stdev(values) / math.sqrt(len(values))
