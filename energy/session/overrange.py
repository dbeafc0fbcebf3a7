"""Readings that no current can give: what an instrument sends where it is overloaded."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from energy.signal import Block


def without_overrange(block: Block, limit: float) -> tuple[Block, float, float | None]:
    """A block without readings beyond a limit.

    An instrument that is overloaded reads a mark (9.9E37) or the end of its converter: NaN takes its place,
    which counts as a missing sample.

    Args:
        block: The samples; the first column is looked at.
        limit: The largest magnitude that a reading can have, in the units of this column.

    Returns:
        The block; the highest value of its column, NaN if any value is, or none is there; and the largest
        magnitude beyond the limit, None if there is none.
    """
    if not len(block):
        return block, math.nan, None
    values = block.columns[0]
    highest = float(values.max())  # NaN if any value is: so two passes show that all is well
    if highest <= limit and values.min() >= -limit:
        return block, highest, None
    with np.errstate(invalid="ignore"):
        beyond = np.abs(values) > limit
    if not beyond.any():
        return block, highest, None
    largest = float(np.abs(values[beyond]).max())
    columns = (np.where(beyond, np.nan, values).astype(values.dtype), *block.columns[1:])
    return replace(block, columns=columns), math.nan, largest
