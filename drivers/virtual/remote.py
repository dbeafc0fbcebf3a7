"""A virtual bench in a process that is started here: for tests that kill a host, or for real time."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from types import TracebackType
from typing import IO, Any

from drivers.virtual.clock import RemoteWorld, VirtualClock
from energy.errors import BenchError


def pipe_of(stream: IO[bytes] | None) -> IO[bytes]:
    """A stream of a child process that was started with a pipe for it.

    Raises:
        ValueError: If it was started without.
    """
    if stream is None:
        raise ValueError("the process was started without this pipe")
    return stream


class RemoteBench:
    """A `VirtualBench` with its world in another process.

    Args:
        pace: Virtual seconds per real second; None: the world moves only with `clock`. A paced world has no
            `clock`: use a real one.
        linger_s: How long the process stays without a connection.
        arguments: Those of `VirtualBench`, with JSON types.

    Attributes:
        control: ``host:port`` for further connections (`RemoteWorld`).
        urls: Ports for a host.
        firmware: Image of the DUT's firmware, if it is real firmware.
        world: The connection; its ``request`` sends requests for `World.handle`.
    """

    SERVER = "drivers.virtual.server"
    """The module that runs the process."""

    def __init__(self, *, pace: float | None = None, linger_s: float = 30.0, **arguments: Any) -> None:
        command = [sys.executable, "-m", self.SERVER, "--bench", json.dumps(arguments)]
        command += ["--linger", str(linger_s), *([] if pace is None else ["--pace", str(pace)])]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is for the host
        )
        self._output = pipe_of(self.process.stdout)
        line = self._output.readline()
        if not line:
            self.process.wait()
            raise BenchError(
                "virtual.start",
                f"the virtual bench's process ended at its start with status {self.process.returncode}",
                "see its output on stderr",
            )
        announced = json.loads(line)
        self.control: str = announced["control"]
        self.urls: dict[str, str] = announced["ports"]
        self.firmware: str | None = announced["firmware"]
        self.world = RemoteWorld(self.control)
        self._clock = VirtualClock(self.world.request) if pace is None else None

    @property
    def clock(self) -> VirtualClock:
        """Virtual time for the host.

        Raises:
            BenchError: ``virtual.paced`` if the world follows real time.
        """
        if self._clock is None:
            raise BenchError(
                "virtual.paced", "this virtual bench follows real time", "use a real clock with it"
            )
        return self._clock

    def close(self) -> None:
        """Ends the process. May be called again."""
        with contextlib.suppress(BenchError):
            self.world.request({"op": "quit"})
        self.world.close()
        self._output.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> RemoteBench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
