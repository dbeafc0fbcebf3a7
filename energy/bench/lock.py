"""The lock of a bench: a single session uses it; the operating system frees it if the session is killed."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from energy.bench.benchfile import BenchFile
from energy.errors import BenchError


@contextmanager
def locked(bench: BenchFile) -> Generator[None]:
    """Locks a bench. Twins that a session starts for itself are its own and are not locked.

    Two bench files that name the same port cannot be used at the same time.

    Raises:
        BenchError: ``bench.locked``.
    """
    ports = _ports(bench)
    locks = [FileLock(_path(port), timeout=0) for port in ports]
    acquired: list[FileLock] = []
    try:
        for lock, port in zip(locks, ports, strict=True):
            try:
                lock.acquire()
            except Timeout as error:
                raise BenchError(
                    "bench.locked",
                    f"another session uses {port} of bench {bench.name}",
                    "Wait for it to end, or stop it; a killed session does not keep the lock.",
                ) from error
            except OSError as error:
                what = f"the lock of {port} cannot be made: {error}"
                raise BenchError("bench.lock", what, "Is it another user's session?") from error
            acquired.append(lock)
        yield
    finally:
        for lock in acquired:
            lock.release()


def _ports(bench: BenchFile) -> list[str]:
    """The ports that others could use as well: those of instruments, and of twins that run already."""
    if bench.virtual is not None:
        attach: Any = bench.virtual.settings.get("attach") or {}
        try:
            return sorted({str(port) for port in attach["ports"].values()})
        except (KeyError, TypeError, AttributeError):  # of another kind: the environment refuses it
            return []
    parts = (bench.monitor, bench.io_manager, bench.supply)
    return sorted({part.port for part in parts if part} | ({bench.dut.port} if bench.dut.port else set()))


def _path(port: str) -> Path:
    if Path(port).exists():
        port = str(Path(port).resolve())  # /dev/serial/by-id/... and /dev/ttyACM0 may be the same port
    digest = hashlib.sha256(port.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"joulebench-{digest}.lock"
