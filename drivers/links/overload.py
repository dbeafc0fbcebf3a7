"""Readings that are no currents: SCPI's marks, and values beyond an instrument's range."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

MARK = 9e36
"""SCPI marks infinity by 9.9E37, its negative by -9.9E37, no number by 9.91E37 (SCPI-99, volume 1, 7.2.1)."""
_BEYOND = 1.2
"""Instruments measure up to 105 or 120 % of a range."""


def without_overload(values: npt.NDArray[Any], range_a: float) -> tuple[npt.NDArray[Any], float | None]:
    """Readings with NaN in place of those that no current can give.

    Args:
        values: Ampere, shape (n,), floating.
        range_a: The range of current in use, in ampere.

    Returns:
        The readings, shape (n,), and the largest of the replaced ones by amount; None if there are none.
    """
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(values) <= min(_BEYOND * range_a, MARK))
    if not bad.any():
        return values, None
    found = np.abs(values[bad])
    return np.where(bad, np.nan, values).astype(values.dtype), float(np.nanmax(found, initial=0.0)) or np.inf
