"""The lock of a bench: a single session uses it; the operating system frees it if the session is killed."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from energy.bench.benchfile import BenchFile
from energy.errors import BenchError


@contextmanager
def locked(bench: BenchFile) -> Generator[None]:
    """Locks a bench. A virtual bench belongs to its process and is not locked.

    Two bench files that name the same port cannot be used at the same time.

    Raises:
        BenchError: ``bench.locked``.
    """
    if bench.virtual is not None:
        yield
        return
    parts = (bench.monitor, bench.io_manager, bench.supply)
    ports = sorted({part.port for part in parts if part} | ({bench.dut.port} if bench.dut.port else set()))
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


def _path(port: str) -> Path:
    if Path(port).exists():
        port = str(Path(port).resolve())  # /dev/serial/by-id/... and /dev/ttyACM0 may be the same port
    digest = hashlib.sha256(port.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"joulebench-{digest}.lock"
