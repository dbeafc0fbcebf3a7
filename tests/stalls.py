"""How busy the machine is, measured: what a test that compares with real time may allow for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

_STEP_S = 0.01
_NOTICED_S = 0.05


class Stalls:
    """Within its context, a thread sleeps in short steps, and adds up by how much each came late.

    Attributes:
        late_s: So long, in all, this process has waited for its turn.
    """

    def __init__(self) -> None:
        self.late_s = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Stalls:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.is_set():
            begun = time.monotonic()
            time.sleep(_STEP_S)
            self.late_s += max(time.monotonic() - begun - 2 * _STEP_S, 0.0)


def unless_stalled(attempt: Callable[[Stalls], None], tries: int = 5) -> None:
    """Runs a check that compares with real time; one that fails while the machine stalled is repeated.

    A check that fails on a machine with time to spare fails at once.
    """
    for left in reversed(range(tries)):
        with Stalls() as machine:
            try:
                attempt(machine)
            except AssertionError:
                if not left or machine.late_s < _NOTICED_S:
                    raise
            else:
                return
