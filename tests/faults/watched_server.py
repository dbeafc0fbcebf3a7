"""``drivers.virtual.server`` with a request more: ``works``, what the DUT has done until now.

Its times are those of the host's monotonic clock: both processes run on this machine, in real time.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import drivers.virtual.server
from drivers.virtual.bench import VirtualBench
from drivers.virtual.world import NS
from tests.faults.cells import Truth, watch
from tests.faults.session_phases import Phase


class Watched(VirtualBench):
    """A virtual bench that answers ``works``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        truth, handle = watch(self, Phase()), self.world.handle

        def answered(request: dict[str, Any]) -> dict[str, Any]:
            if request.get("op") != "works":
                return handle(request)
            return {"works": rows(truth, time.monotonic() - self.world.now_ns / NS)}

        self.world.handle = answered  # type: ignore[method-assign]


def rows(truth: Truth, later_s: float = 0.0) -> list[dict[str, Any]]:
    """The work that a DUT has done, as JSON.

    Args:
        truth: What the world knows.
        later_s: What is added to its times.
    """
    return [
        {
            "iterations": work.iterations,
            "start_s": work.start_ns / NS + later_s,
            "stop_s": work.stop_ns / NS + later_s,
            "energy_j": truth.energy_j(work),
            "answer": work.answer,
        }
        for work in truth.works
        if work.start_ns is not None and work.stop_ns is not None
    ]


if __name__ == "__main__":
    drivers.virtual.server.VirtualBench = Watched
    sys.exit(drivers.virtual.server.main())
