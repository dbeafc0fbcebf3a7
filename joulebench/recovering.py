"""Interrupted sessions, finished from their folders."""

from __future__ import annotations

from pathlib import Path

from energy.session.batch_recovery import Recovered, recover_all
from energy.session.recovery import Recovery
from joulebench.benches import AnyPath
from joulebench.hints import hinted

__all__ = ["Recovered", "Recovery", "recover"]


@hinted
def recover(*folders: AnyPath) -> Recovered:
    """Finishes what can be finished of interrupted sessions, as ``joulebench recover`` does.

    Args:
        folders: Sessions, or folders of them.

    Returns:
        The outcome of each, and the folders that could not be read with their errors.

    Raises:
        JoulebenchError: ``path.missing`` if there is no such folder.
    """
    return recover_all([Path(folder) for folder in folders])
