from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """These hosts read in the thread that waits: an unread link is really not read, patience is no use."""
    monkeypatch.setattr("drivers.virtual.clock.PATIENCE_S", 0.02)
