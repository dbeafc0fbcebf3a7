"""Switches the supply off when its session could not: because it was killed, or because switching off failed.

``Guardian`` starts a process that holds one end of a pipe. A session that has switched the supply off by
itself writes a word into the pipe; otherwise the pipe just closes, and the process switches the supply off
by its port. It tries again for ``KEEP_TRYING_S``, and its exit status states whether an instrument has
confirmed that the supply is off.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from io import FileIO
from types import TracebackType

from energy.bench.entrypoints import SWITCHES, Switch, load
from energy.errors import BenchError, JoulebenchError, SupplyOnError

KEEP_TRYING_S = 60.0
"""For so long the guardian tries to switch a supply off that does not confirm it."""
_PAUSE_S = 0.5
_RELEASED = b"released\n"
_READY = b"ready\n"
_END_S = 10.0
_DEATHS = 3
"""A guardian that ends by itself is replaced so often; then something on this machine kills it."""


class Guardian:
    """Watches over one supply from ``watch`` until the context is left.

    Its context encloses that of the bench: when it is left, the session's own ports are closed.

    Args:
        note: Called with the guardian's events, for the session's log.
    """

    def __init__(self, note: Callable[[str], None] = lambda text: None) -> None:
        self._note = note
        self._process: _Process | None = None
        self._switch: Switch | None = None
        self._armed = False
        self._unreachable = self._doubted = False
        self._deaths = 0

    def watch(self, switch: Switch | None, *, gone_with_us: bool = False) -> None:
        """Starts the guardian's process.

        Args:
            switch: The supply; None for a bench without one that can be switched.
            gone_with_us: Whether the supply is a twin in this process: its port ends with the process, and
                its name may soon be another's, so that nothing may be sent to it.

        Raises:
            BenchError: ``guardian.start``.
            UsageError: ``bench.no-driver`` if the supply's driver cannot switch off by the port alone.
        """
        if switch is None:
            return
        load(SWITCHES, switch.driver)
        self._switch, self._unreachable = switch, gone_with_us
        self._process = _started(switch, gone_with_us)

    def check(self) -> None:
        """Replaces a guardian that has ended; without it, a kill of the session would leave the supply on.

        Raises:
            BenchError: ``guardian.died`` if it ends again and again; ``guardian.start``.
        """
        process = self._process
        if process is None or self._switch is None or process.poll() is None:
            return
        self._deaths += 1
        self._process = None
        process.dispose()
        self._note(f"(the guardian of the supply has ended with status {process.returncode})")
        if self._deaths > _DEATHS:
            raise BenchError(
                "guardian.died",
                f"the process that would switch {self._switch.port} off after a kill has ended "
                f"{self._deaths} times, the last time with status {process.returncode}",
                "Something on this machine ends it (out of memory, a clean-up job): look for that first.",
            )
        self._process = _started(self._switch, self._unreachable)
        self._note("(another guardian has taken its place)")

    def arm(self) -> None:
        """From now on the supply may be on."""
        self._armed = True

    def disarm(self) -> None:
        """The supply is off, and the instrument has confirmed it."""
        self._armed = False

    def doubt(self) -> None:
        """The supply reports off, and the current still flows: its report is not trusted again."""
        self._doubted = True

    def __enter__(self) -> Guardian:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Releases the guardian, or, if the supply may still be on, lets it do its work and waits for it.

        Raises:
            SupplyOnError: ``supply.may-be-on`` if no instrument has confirmed that the supply is off. To an
                error that is being raised already it is added.
        """
        if not self._armed:
            self._release()
            return
        if self._unreachable or self._switch is None:
            self._release()
            confirmed = False
        else:
            confirmed = self._let_it_work(self._switch) and not self._doubted
        if confirmed:
            self._note("(the guardian has switched the supply off, and the instrument has confirmed it)")
            return
        may_be_on = self._may_be_on()
        self._note(f"({may_be_on.message})")
        if isinstance(error, JoulebenchError):
            error.also.append(may_be_on)
            return
        raise may_be_on from error

    def _release(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(OSError):  # it has ended by itself, and need not be released
            self._process.leash.write(_RELEASED)
        self._process.let_go()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self._process.dispose()

    def _let_it_work(self, switch: Switch) -> bool:
        """Closes the pipe and waits until the guardian has come to an end.

        Returns:
            Whether the instrument has confirmed that the supply is off.
        """
        process = self._process
        if process is None or process.poll() is not None:  # it is not there: its work is done here
            if process is not None:
                process.dispose()
            return keep_switching_off(switch) == 0
        process.let_go()
        try:
            return process.wait(KEEP_TRYING_S + _END_S) == 0
        except subprocess.TimeoutExpired:
            return False
        except KeyboardInterrupt:
            self._note("(interrupted while the guardian works: it continues alone)")
            return False
        finally:
            process.dispose()

    def _may_be_on(self) -> SupplyOnError:
        where = f"at {self._switch.port} " if self._switch else ""
        return SupplyOnError(
            "supply.may-be-on",
            f"the supply {where}was commanded off and has not confirmed it: the DUT MAY STILL BE ON",
            "Switch the supply off by hand or pull its plug NOW; then find out why it does not answer.",
        )


class _Process(subprocess.Popen[bytes]):
    """The guardian's process, with this side's ends of its pipes.

    Args:
        switch: The supply.
        gone_with_us: Whether nothing may be sent to it once this process is gone.

    Attributes:
        leash: Its standard input; when it closes, the guardian does its work, unless it was released.
        answers: Its standard output.
    """

    def __init__(self, switch: Switch, gone_with_us: bool) -> None:
        words = json.dumps({"switch": asdict(switch), "gone_with_us": gone_with_us})
        reads, leash = os.pipe()
        answers, writes = os.pipe()
        self.leash, self.answers = FileIO(leash, "wb"), FileIO(answers, "rb")
        try:
            super().__init__(
                [sys.executable, "-m", "energy.session.guardian", words],
                stdin=reads,
                stdout=writes,
                start_new_session=True,  # a Ctrl-C in the terminal is not for it
            )
        except BaseException:
            self.dispose()
            raise
        finally:
            os.close(reads)
            os.close(writes)

    def let_go(self) -> None:
        """Closes its standard input."""
        with contextlib.suppress(OSError):
            self.leash.close()

    def dispose(self) -> None:
        """Closes this side's ends of both pipes."""
        self.let_go()
        with contextlib.suppress(OSError):
            self.answers.close()


def _started(switch: Switch, gone_with_us: bool) -> _Process:
    process = _Process(switch, gone_with_us)
    if process.answers.readline() != _READY:
        process.kill()
        process.dispose()
        raise BenchError(
            "guardian.start",
            f"the process that would switch {switch.port} off after a kill did not start",
            "Look at what it wrote to the terminal; the supply is not switched on without it.",
        )
    return process


def keep_switching_off(switch: Switch, *, seconds: float | None = None) -> int:
    """Switches a supply off by its port alone; tries again until it confirms, or the time is over.

    Args:
        switch: The supply.
        seconds: How long is tried; ``KEEP_TRYING_S`` by default.

    Returns:
        0 if an instrument has confirmed that it is off, 1 if none has.
    """
    switch_off = load(SWITCHES, switch.driver)
    end = time.monotonic() + (KEEP_TRYING_S if seconds is None else seconds)
    attempt = 0
    while True:
        attempt += 1
        try:
            if switch_off(switch.port, settings=switch.settings):
                return 0
            why = "it does not confirm"
        except (JoulebenchError, OSError) as error:
            why = str(error)
        left_s = end - time.monotonic()
        if left_s <= 0:
            break
        if attempt == 1:
            sys.stderr.write(
                f"\aTHE SUPPLY AT {switch.port} MAY STILL BE ON: {why}. Trying again for {left_s:.0f} s.\n"
            )
            sys.stderr.flush()
        time.sleep(min(_PAUSE_S, left_s))
    sys.stderr.write(f"\aTHE SUPPLY AT {switch.port} COULD NOT BE SWITCHED OFF ({why}): PULL ITS PLUG.\n")
    return 1


def watch(switch: Switch, *, gone_with_us: bool) -> int:
    """Waits for the session's end: the guardian's process.

    Returns:
        Its exit status: 0 if it was released or the supply is off, 1 if that is not confirmed.
    """
    load(SWITCHES, switch.driver)  # now: nothing slow is left for the moment it counts
    sys.stdout.buffer.write(_READY)
    sys.stdout.buffer.flush()
    if sys.stdin.buffer.readline() == _RELEASED or gone_with_us:
        return 0
    return keep_switching_off(switch)


if __name__ == "__main__":
    _asked = json.loads(sys.argv[1])
    sys.exit(watch(Switch(**_asked["switch"]), gone_with_us=_asked["gone_with_us"]))
