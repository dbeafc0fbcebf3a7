"""The real command ``joulebench``, whose phases are announced to the parent that strikes it.

``python -m tests.faults.process_host TRUTH measure ...``, for ``tests.faults.processes``. What it does is the
command's own but for three things: windows are short, a phase's name goes into a pipe, and on SIGUSR1 a fault
begins that only it can have.
"""

from __future__ import annotations

import datetime as datetime_module
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

STRIKE = "JOULEBENCH_TEST_STRIKE"
"""Name in the environment: what SIGUSR1 begins: ``clock+3600``, ``slow``, ``busy``."""
SLOW_FOR_S, SLOW_SYNC_S, SLOW_WRITE_S = 15.0, 3.0, 0.2
BUSY_S = 12.0


class Clock:
    """The system's clock of this process, which may step; the monotonic one does not."""

    offset_s = 0.0


def _steppable() -> None:
    """Lets ``time.time``, ``time.time_ns`` and ``datetime.now`` follow `Clock`; before any import."""
    now, now_ns, real = time.time, time.time_ns, datetime_module.datetime

    class Stepped(real):
        __slots__ = ()  # compiled modules check its size

        @classmethod
        def now(cls, tz: datetime_module.tzinfo | None = None) -> Any:
            return real.now(tz) + datetime_module.timedelta(seconds=Clock.offset_s)

    time.time = lambda: now() + Clock.offset_s
    time.time_ns = lambda: now_ns() + round(Clock.offset_s * 1e9)
    datetime_module.datetime = Stepped  # type: ignore[misc]


def _slow_disk() -> None:
    """For a while a write takes long, and a sync of the disk takes longer."""
    from energy.recording.batches import BatchWriter
    from energy.session.folder import SessionFolder

    end_s = time.monotonic() + SLOW_FOR_S
    sync = os.fsync

    def slow_sync(descriptor: int) -> None:
        if time.monotonic() < end_s:
            time.sleep(SLOW_SYNC_S)
        sync(descriptor)

    os.fsync = slow_sync

    def wait() -> None:
        if time.monotonic() < end_s:
            time.sleep(SLOW_WRITE_S)

    _before(SessionFolder, "line", wait)
    _before(BatchWriter, "_write", wait)


def _strike(number: int, frame: FrameType | None) -> None:
    what = os.environ[STRIKE]
    if what.startswith("clock"):
        Clock.offset_s += float(what.removeprefix("clock"))
    elif what == "slow":
        _slow_disk()
    elif what == "busy":
        time.sleep(BUSY_S)  # the session's thread takes nothing out of its queues
    else:
        raise ValueError(what)


def _before(owner: Any, name: str, act: Callable[[], None]) -> None:
    """Lets a function be preceded by an act."""
    original = getattr(owner, name)

    def acted(*args: Any, **kwargs: Any) -> Any:
        act()
        return original(*args, **kwargs)

    setattr(owner, name, acted)


def _announce(announce: Callable[[str], None]) -> None:
    import energy.session.prepare as prepare
    import energy.session.run as run
    from energy.session.lease import BenchLease

    for owner, name, phase in (
        (run, "_prepare", "identify"),
        (prepare, "refuse_other_instrument", "configure"),
        (BenchLease, "power_on", "supply-on"),
        (run, "check_dut", "boot"),
        (run, "_run_trials", "loading"),
        (run, "run_trial", "loading"),
        (run, "_stop", "stop"),
        (BenchLease, "_power_off", "supply-off"),
        (run, "conclude", "writing-results"),
    ):
        _before(owner, name, lambda phase=phase: announce(phase))


def _own_world(announce: Callable[[str], None], path: Path) -> Any:
    """Of twins in this process: keeps what the world knows in a file, before each document and at its end."""
    from energy.session.folder import SessionFolder
    from tests.faults.cells import Truth, watched
    from tests.faults.process_phases import announced, works_of
    from tests.faults.session_phases import Phase

    context = watched(Phase())
    truths = context.__enter__()
    known: list[Truth] = []

    def tell() -> None:
        if not truths:
            return
        truth = truths[-1]
        if truth not in known:
            known.append(truth)
            announced(truth, announce)
        state = truth.bench.world.handle({"op": "state"})
        draft = path.with_suffix(".part")
        full = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, full[1]))  # a disk of its own
        try:
            draft.write_text(json.dumps({"works": works_of(truth), "state": state}), encoding="utf-8")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, full)
        draft.replace(path)

    import drivers.virtual.environment as environment

    _before(environment.VirtualBench, "close", tell)
    _before(SessionFolder, "write", tell)
    return context


def main() -> int:
    _steppable()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # as of a terminal, whoever has started the parent
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGUSR1, _strike)
    from tests.faults.process_phases import Announcer, shorten_windows

    shorten_windows()
    truth, *words = sys.argv[1:]
    announce = Announcer()
    _announce(announce)
    context = _own_world(announce, Path(truth)) if truth else None
    assert context is None or context
    sys.argv = ["joulebench", *words]
    from energy.cli.main import main as joulebench

    return joulebench()


if __name__ == "__main__":
    sys.exit(main())
