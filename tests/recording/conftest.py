"""Nothing here has to survive a power failure, so nothing waits for the disk."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="module", autouse=True)
def forced_to_disk():
    """Inodes that would have been forced to the disk, which takes up to 0.1 s each."""
    forced: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: forced.append(os.fstat(descriptor).st_ino))
        yield forced
