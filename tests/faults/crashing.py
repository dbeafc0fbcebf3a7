"""A session or recording that its parent kills; it prints each phase as it enters it.

``python -m tests.faults.crashing FOLDER TRUTH BENCH MODE PACE``, for ``tests.faults.crashes``. Without a
pace the bench is in this process and in virtual time, and what the world knows goes into the file TRUTH
before each document is written. With ``1.0`` it is in a process of its own, in real time, and outlives this
process.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

import drivers.virtual.environment as environment
import energy.session.guardian as guardian
import energy.session.prepare as prepare
import energy.session.record as record
import energy.session.run as run
from drivers.dut.driver import SerialDut
from drivers.virtual.remote import RemoteBench
from energy.bench.benchfile import BenchFile, bench_of
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS
from energy.instruments import Line
from energy.session.folder import SessionFolder
from energy.session.lease import BenchLease
from energy.session.outcome import Plan
from energy.session.recorded import RecordLog, RecordPlan
from tests.faults.catalogue import Fault
from tests.faults.cells import WORKLOAD, Truth, planted, watched
from tests.faults.session_phases import Phase
from tests.faults.watched_server import rows
from tests.session.support import virtual

AUTORUN = (40, 0.3)
INFERENCES = 40
RECORDED = {True: 8, False: 60}
"""Windows of a recording, in real time and in virtual time."""

PHASES = (
    "start",
    "identify",
    "configure",
    "supply on",
    "boot",
    "load",
    "warm-up",
    "in window",
    "closing edge",
    "stop",
    "supply off",
    "writing results",
)
"""The phases of a session. A recording has no boot, load, warm-up and closing edge of its own."""
_LINES = (("m-infer-start", "in window"), ("m-infer-done", "closing edge"))
"""The DUT's lines at the beginning and the end of its inferences."""
_HOOKS: tuple[tuple[Any, str, str], ...] = (
    (prepare, "refuse_other_instrument", "configure"),
    (BenchLease, "power_on", "supply on"),
    (run, "check_dut", "boot"),
    (SerialDut, "load", "load"),
    (SerialDut, "infer", "warm-up"),
    (record, "_Windows", "in window"),
    (run, "_stop", "stop"),
    (record, "_stop", "stop"),
    (BenchLease, "_power_off", "supply off"),
    (run, "conclude", "writing results"),
    (RecordLog, "conclude", "writing results"),
)
"""Whoever calls one of these enters a phase."""


def main(folder: str, truth: str, bench: str, mode: str, pace: str = "") -> None:
    """Runs the session to its end, if nobody kills it."""
    _mark("start")
    for owner, name, phase in _HOOKS:
        _enters(owner, name, phase)
    _watch_lines()
    _announce_guardian()
    with watched(Phase()) as truths:
        if pace:
            environment.RemoteBench = _Apart
            environment.Twins = functools.partial(environment.Twins, ends_with_us=False)  # type: ignore[misc]
        else:
            _announce_world()
            _account(truths, Path(truth))
        run_kind(Path(folder), bench, mode, float(pace) if pace else None)


def run_kind(folder: Path, bench: str, mode: str, pace: float | None = None) -> None:
    """Runs a session or recording to its end.

    Args:
        folder: Its folder.
        bench: The bench, as in ``fixtures/benches``.
        mode: ``"energy"``, ``"performance"`` or ``"record"``.
        pace: Of real time; None for virtual time.
    """
    settings = {} if pace is None else {"pace": pace}
    if mode == "record":
        windows = RECORDED[pace is not None]
        plan = RecordPlan(
            virtual(autorun=AUTORUN, **settings), windows=windows, iterations=INFERENCES, leading=1
        )
        record.run_record(plan, folder, lambda window: None, lambda seconds: None)
        return
    facts = WORKLOADS[WORKLOAD]
    kind = cast("Literal['energy', 'performance']", mode)
    session = Plan(
        _in_time(planted(bench, _NOTHING), settings), facts, kind, synthetic_inputs(facts, WINDOWS)
    )
    run.run_session(session, folder, lambda part, doing: None)


_NOTHING = Fault("none", "nothing")


def _in_time(bench: BenchFile, settings: dict[str, Any]) -> BenchFile:
    document = bench.model_dump(by_alias=True, mode="json")
    document["virtual"]["settings"] |= settings
    return bench_of(document, bench.name)


def _mark(phase: str) -> None:
    sys.stdout.write(f"{phase}\n")
    sys.stdout.flush()


def _enters(owner: Any, name: str, phase: str) -> None:
    """Lets a function print the phase that it begins."""
    function: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(function)
    def marked(*args: Any, **kwargs: Any) -> Any:
        if phase != "supply off" or args[0]._powered:
            _mark(phase)
        return function(*args, **kwargs)

    setattr(owner, name, marked)


def _watch_lines() -> None:
    line = SessionFolder.line

    def seen(self: SessionFolder, received: Line) -> None:
        for word, phase in _LINES:
            if word in received.text and not received.sent:
                _mark(phase)
        line(self, received)

    SessionFolder.line = seen  # type: ignore[method-assign]


def _announce_guardian() -> None:
    started = guardian._started

    def announced(*args: Any) -> Any:
        process = started(*args)
        _mark(f"guardian {process.pid}")
        return process

    guardian._started = announced


class _Apart(RemoteBench):
    """A world that is watched, and that outlives its host."""

    SERVER = "tests.faults.watched_server"

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        _mark(f"world {self.control}")
        _mark("identify")

    def close(self) -> None:
        """Leaves the world alone: whoever watches asks it, and ends it."""
        self.world.close()
        self._output.close()


def _announce_world() -> None:
    bench = environment.VirtualBench

    class Announced(bench):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            _mark("identify")

    environment.VirtualBench = Announced


def _account(truths: list[Truth], path: Path) -> None:
    """Lets every document be preceded by the world's account of what the DUT has done until then."""
    write = SessionFolder.write

    def accounted(self: SessionFolder, name: str, document: dict[str, Any]) -> None:
        if truths:
            draft = path.with_suffix(".part")
            draft.write_text(json.dumps(rows(truths[-1])), encoding="utf-8")
            draft.replace(path)
        write(self, name, document)

    SessionFolder.write = accounted  # type: ignore[method-assign]


if __name__ == "__main__":
    main(*sys.argv[1:])
