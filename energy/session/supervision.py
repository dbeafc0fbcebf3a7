"""Looks after a bench while its session waits: the stream, the instruments, the guardian of the supply.

A session waits for the DUT for minutes. Its clock calls ``Supervision.look`` meanwhile
(``energy.bench.watched_clock``), so that a current above the limit, an instrument that has gone, a supply
that has switched itself off or a stream that has ended is noticed at once, and what the monitor streams goes
to the disk and not into a queue.
"""

from __future__ import annotations

from energy.bench.assemble import Bench, EnergyBench
from energy.instruments import Clock, Deadline
from energy.session.guardian import Guardian
from energy.session.recorder import Recorder

OFF_A = 1e-3
"""The most that may flow with the supply off: decoupling, level shifters, the monitor's zero error."""
_FALLEN = 0.1
_FALL_S = 3.0
"""For so long a DUT may live on its capacitors."""
CHECK_S = 0.5
"""Time between two checks of the instruments."""


class Supervision:
    """Watches a powered bench.

    Args:
        bench: The instruments.
        guardian: The guardian of its supply.

    Attributes:
        recorder: The monitor's stream; None before it is set up.
    """

    def __init__(self, bench: Bench, guardian: Guardian) -> None:
        self.recorder: Recorder | None = None
        self._bench, self._guardian = bench, guardian
        self._next_s = bench.clock.now() + CHECK_S

    def look(self) -> None:
        """Takes what the stream has brought, and asks the instruments now and then.

        Raises:
            JoulebenchError: The fault: ``bench.current``, ``monitor.silent``, ``guardian.died``, a
                fault that the monitor has reported, or one of an instrument's ``check``.
        """
        self._guardian.check()
        if self.recorder is not None:
            self.recorder.pump()
            self.recorder.check_flow()
        now_s = self._bench.clock.now()
        if now_s >= self._next_s:
            self._next_s = now_s + CHECK_S
            self._check_instruments()

    def _check_instruments(self) -> None:
        bench = self._bench
        if isinstance(bench, EnergyBench) and self.recorder is not None:
            bench.monitor.check()
        if bench.supply is not None and bench.file.supply is not None:  # else it is the monitor itself
            bench.supply.check()


def current_falls(recorder: Recorder, clock: Clock, before_a: float) -> bool | None:
    """Looks at the monitor's stream after a supply was switched off that cannot confirm it.

    Args:
        recorder: The stream, still running.
        clock: The clock to wait on.
        before_a: What the DUT drew before.

    Returns:
        Whether the current has fallen; None if the DUT drew too little before.
    """
    if not before_a > OFF_A:
        return None
    deadline = Deadline(clock, _FALL_S)
    while not deadline.expired():
        clock.wait(0.05)
        recorder.pump()
        if recorder.latest_a < max(OFF_A, _FALLEN * before_a):
            return True
    return False
