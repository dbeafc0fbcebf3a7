"""Kernels switched on or off for a test; those that need numba are skipped without it, but fail in CI."""

from __future__ import annotations

import os

import pytest

from benchmarks.kernels import kernels as kernels
from energy.kernels import installed


def need_numba() -> None:
    """Skips the test where numba is not installed, but fails it in CI."""
    if not installed():
        reason = "numba is not installed (the extra fast)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
