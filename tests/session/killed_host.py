"""A host that is killed: runs one energy session and sends itself SIGKILL at a given write of a document.

``python -m tests.session.killed_host FOLDER WRITE SETTINGS``, for test_kill.py and test_recover.py.
``edges`` among the settings is the monitor's in the bench file.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.workloads import WORKLOADS
from energy.session.folder import SessionFolder
from energy.session.outcome import Plan
from energy.session.run import run_session
from tests.session.support import virtual


def main(folder: str, write: str, settings: str) -> None:
    left = [int(write)]
    original = SessionFolder.write

    def counted(self: SessionFolder, name: str, document: dict[str, Any]) -> None:
        original(self, name, document)
        left[0] -= 1
        if left[0] == 0:
            sys.stdout.write(f"{document.get('state', name)}\n")
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    SessionFolder.write = counted  # type: ignore[method-assign]
    workload = WORKLOADS["ad01"]
    world = json.loads(settings)
    io = world.pop("edges", None)
    bench = virtual(**world)
    if io is not None:
        bench = bench.model_copy(update={"monitor": bench.monitor.model_copy(update={"edges": io})})
    plan = Plan(bench, workload, "energy", synthetic_inputs(workload, 5))
    run_session(plan, Path(folder), lambda part, doing: None)
    sys.stdout.write("survived\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])
