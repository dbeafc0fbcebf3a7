from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _impatient(monkeypatch, request):
    """These hosts read in the thread that waits: an unread link is really not read, patience is no use.

    Tests marked ``drivers`` use links with a thread of their own, which may have to wait for its turn.
    """
    if "drivers" not in request.keywords:
        monkeypatch.setattr("drivers.virtual.clock.PATIENCE_S", 0.02)
    else:
        monkeypatch.setattr("drivers.virtual.clock.PATIENCE_S", 10.0)
