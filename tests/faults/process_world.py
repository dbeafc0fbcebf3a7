"""The twins of a bench in a process of their own, which announces the DUT's phases and answers ``works``.

``python -m tests.faults.process_world BENCH WORKLOAD MODE [PACE]``, for ``tests.faults.processes``.
"""

from __future__ import annotations

import json
import sys
from typing import cast

import drivers.virtual.environment
import drivers.virtual.ports
import drivers.virtual.server
from drivers.virtual.environment import world_settings
from drivers.virtual.server import Server
from energy.instruments import Mode
from tests.faults.catalogue import Fault
from tests.faults.cells import planted, watched
from tests.faults.process_phases import Announcer, announced, works_of
from tests.faults.session_phases import Phase


def main(bench: str, workload: str, mode: str, pace: str = "", backlog: str = "") -> None:
    drivers.virtual.server.TICK_S = 0.005  # many of them run at the same time
    if backlog:
        drivers.virtual.ports.BACKLOG_LIMIT = int(backlog)
    settings = world_settings(planted(bench, Fault("none", "nothing")), workload, cast("Mode", mode))
    with watched(Phase()) as truths:
        twins = drivers.virtual.environment.VirtualBench(**settings)
    announced(truths[0], Announcer())
    twins.world.answer("works", lambda request: {"works": works_of(truths[0])})
    server = Server(twins, float(pace) if pace else None, linger_s=20.0)
    try:
        sys.stdout.write(json.dumps(server.announcement()) + "\n")
        sys.stdout.flush()
        server.run()
    finally:
        server.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
