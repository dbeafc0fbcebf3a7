"""Runs a program to its end: returns its status and output, and leaves no process or memory behind.

It waits for the end of the program, not for the end of its output: a process that the program leaves in the
background may hold the pipe for ever. Only the beginning of a long output is kept.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Sequence

_KEPT = 64 * 1024
_REST_S = 0.5
"""Longest time that the last output may take to arrive, in real time."""


class _Output:
    """Reads a pipe in a thread, so that its writer never waits."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._data = bytearray()
        self._thread = threading.Thread(target=self._run, name="output of a program", daemon=True)
        self._thread.start()

    def taken(self) -> bytes:
        """The beginning of the output, once the program has ended."""
        self._thread.join(_REST_S)
        return bytes(self._data)

    def _run(self) -> None:
        try:
            while data := os.read(self._pipe, _KEPT):
                self._data += data[: _KEPT - len(self._data)]
        finally:
            os.close(self._pipe)


def run_program(command: Sequence[str], timeout_s: float) -> tuple[int, bytes, bytes]:
    """Runs a program, without a shell and in a session of its own, until it ends.

    Args:
        command: Its words.
        timeout_s: How long it may take, in real time; then it is killed with all that it has started.

    Returns:
        Its exit status, and the first 64 KiB of what it wrote to standard output and to standard error.

    Raises:
        subprocess.TimeoutExpired: If it took longer.
        OSError: If it cannot be run.
    """
    read_out, write_out = os.pipe()
    read_err, write_err = os.pipe()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=write_out,
            stderr=write_err,
            start_new_session=True,
        )
    except BaseException:
        os.close(read_out)
        os.close(read_err)
        raise
    finally:
        os.close(write_out)
        os.close(write_err)
    out, err = _Output(read_out), _Output(read_err)
    try:
        status = process.wait(timeout_s)
    except BaseException:
        _kill(process)
        raise
    return status, out.taken(), err.taken()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a program and all that it has started, where the system has groups of processes."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
