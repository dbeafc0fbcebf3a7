"""Switches the supply off when its session could not: because it was killed, or because switching off failed.

``Guardian`` starts a process that holds one end of a pipe. A session that has switched the supply off by
itself writes a word into the pipe; otherwise the pipe just closes, and the process switches the supply off
by its port.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import asdict
from types import TracebackType

from energy.bench.assemble import SWITCHES, Switch, load
from energy.errors import BenchError

_RELEASED = b"released\n"
_READY = b"ready\n"
_END_S = 10.0


class Guardian:
    """Watches over one supply from ``watch`` until the context is left.

    Its context encloses that of the bench: when it is left, the session's own ports are closed.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._armed = False

    def watch(self, switch: Switch | None) -> None:
        """Starts the guardian's process.

        Args:
            switch: The supply; None for a bench without one that can be switched.

        Raises:
            BenchError: ``guardian.start``.
            UsageError: ``bench.no-driver`` if the supply's driver cannot switch off by the port alone.
        """
        if switch is None:
            return
        load(SWITCHES, switch.driver)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "energy.session.guardian", json.dumps(asdict(switch))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is not for it
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != _READY:
            self._process.kill()
            raise BenchError(
                "guardian.start",
                f"the process that would switch {switch.port} off after a kill did not start",
                "Look at what it wrote to the terminal; nothing has been switched on.",
            )

    def arm(self) -> None:
        """From now on the supply may be on."""
        self._armed = True

    def disarm(self) -> None:
        """The supply is off, and the instrument has said so."""
        self._armed = False

    def __enter__(self) -> Guardian:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Sends the guardian home, or, if the supply may still be on, lets it do its work."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended by itself: then there is nobody to tell
            if not self._armed:
                self._process.stdin.write(_RELEASED)
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it goes on alone
            self._process.wait(_END_S)
        assert self._process.stdout is not None
        self._process.stdout.close()


def watch(switch: Switch) -> int:
    """What the guardian's process does.

    Returns:
        Its exit status: 0 if it was sent home or the supply is off, 1 if nobody acknowledged that.
    """
    switch_off = load(SWITCHES, switch.driver)  # now: nothing slow is left for the moment it counts
    sys.stdout.buffer.write(_READY)
    sys.stdout.buffer.flush()
    if sys.stdin.buffer.readline() == _RELEASED:
        return 0
    if switch_off(switch.port, settings=switch.settings):
        return 0
    sys.stderr.write(f"the supply at {switch.port} could not be switched off: pull its plug\n")
    return 1


if __name__ == "__main__":
    sys.exit(watch(Switch(**json.loads(sys.argv[1]))))
