"""Kernels switched on and off between timed runs of one process."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager

from energy.kernels import VARIABLE


@contextmanager
def kernels(use: str) -> Generator[None]:
    """Sets when kernels are used, ``"on"``, ``"off"`` or ``"auto"``, and sets it back afterwards."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = use
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
