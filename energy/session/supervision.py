"""Looks after a bench while its session waits: the stream, the instruments, the guardian of the supply.

A session waits for the DUT for minutes. Its clock calls ``Supervision.look`` meanwhile
(``energy.bench.watched_clock``), so that a current above the limit, an instrument that has gone, a supply
that has switched itself off or a stream that has ended is noticed at once, and what the monitor streams goes
to the disk and not into a queue.
"""

from __future__ import annotations

from energy.bench.assemble import Bench
from energy.session.guardian import Guardian
from energy.session.recorder import Recorder

CHECK_S = 0.5
"""So often instruments are asked whether all is well."""


class Supervision:
    """Watches a powered bench.

    Args:
        bench: The instruments.
        guardian: The guardian of its supply.

    Attributes:
        recorder: The monitor's stream, once there is one.
    """

    def __init__(self, bench: Bench, guardian: Guardian) -> None:
        self.recorder: Recorder | None = None
        self._bench, self._guardian = bench, guardian
        self._next_s = bench.clock.now() + CHECK_S

    def look(self) -> None:
        """Takes what the stream has brought, and asks the instruments now and then.

        Raises:
            JoulebenchError: What has gone wrong: ``bench.current``, ``monitor.silent``, ``guardian.died``, a
                fault that the monitor has reported, or what an instrument's ``check`` says.
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
        if bench.monitor is not None and self.recorder is not None:
            getattr(bench.monitor, "check", lambda: None)()
        if bench.supply is not None and bench.supply is not bench.monitor:
            getattr(bench.supply, "check", lambda: None)()
