"""A session or recording that its parent kills; what the world knows goes into a file of its own first.

``python -m tests.faults.crashing FOLDER TRUTH BENCH MODE``, for ``tests.faults.crashes``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Literal, cast

from drivers.virtual.world import NS
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS
from energy.session.folder import SessionFolder
from energy.session.outcome import Plan
from energy.session.record import run_record
from energy.session.recorded import RecordPlan
from energy.session.run import run_session
from tests.faults.catalogue import Fault
from tests.faults.cells import WORKLOAD, Truth, planted, watched
from tests.session.support import virtual

AUTORUN = (40, 0.3)
INFERENCES = 40


def main(folder: str, truth: str, bench: str, mode: str) -> None:
    with watched() as truths:
        _tell(truths, Path(truth))
        if mode == "record":
            recording = RecordPlan(virtual(autorun=AUTORUN), windows=60, iterations=INFERENCES, leading=1)
            run_record(recording, Path(folder), lambda window: None, lambda seconds: None)
        else:
            facts = WORKLOADS[WORKLOAD]
            kind = cast("Literal['energy', 'performance']", mode)
            session = Plan(
                planted(bench, Fault("none", "nothing")), facts, kind, synthetic_inputs(facts, WINDOWS)
            )
            run_session(session, Path(folder), lambda part, doing: None)


def _tell(truths: list[Truth], path: Path) -> None:
    """Lets every document be preceded by the world's account of what the DUT has done until then."""
    write = SessionFolder.write

    def told(self: SessionFolder, name: str, document: dict[str, Any]) -> None:
        if truths:
            known = truths[-1]
            rows = [
                {
                    "iterations": work.iterations,
                    "start_s": work.start_ns / NS,
                    "stop_s": work.stop_ns / NS,
                    "energy_j": known.energy_j(work),
                    "answer": work.answer,
                }
                for work in known.works
                if work.start_ns is not None and work.stop_ns is not None
            ]
            draft = path.with_suffix(".part")
            draft.write_text(json.dumps(rows), encoding="utf-8")
            draft.replace(path)
        write(self, name, document)

    SessionFolder.write = told  # type: ignore[method-assign]


if __name__ == "__main__":
    main(*sys.argv[1:5])
