"""What the tests of monitors share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def patient_worlds(monkeypatch):
    """A busy machine may keep a link's thread waiting longer than a virtual clock waits by default."""
    monkeypatch.setattr("drivers.virtual.clock.PATIENCE_S", 5.0)
