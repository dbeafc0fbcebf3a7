"""Spreads the re-analysis of an archive over processes or machines, with Dask.

A worker that is lost takes nothing with it: its recordings are given to others. Scheduler, workers and this
process execute what they send each other, so only a scheduler that a person named is used, and processes of
this machine listen on its loopback alone.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from energy import __version__
from energy.errors import BenchError, UsageError
from energy.validation.reanalysis import Progress, Reanalysed, Spread, Task, one_by_one

_WORKERS_S = 30.0
"""Longest time without any worker before it is given up."""
_LOOK_S = 0.05
_MOST_AT_ONCE = 512
"""Recordings that a scheduler has at a time."""
_LOSSES = 5
"""A recording during which so many workers were lost is not given to another."""


def spread_over(scheduler: str | None, workers: int) -> Spread:
    """Who does the work.

    Args:
        scheduler: Address of a Dask scheduler (``tcp://host:8786``); None for this machine.
        workers: Processes of this machine, where there is no scheduler; 1 for this process alone.

    Raises:
        UsageError: ``cluster.workers`` if there are fewer than one.
    """
    if workers < 1:
        raise UsageError("cluster.workers", f"{workers} workers were asked for", "Ask for at least 1.")
    if scheduler is None and workers == 1:
        return one_by_one

    def spread(
        task: Task, archive: str, names: list[str], progress: Progress
    ) -> tuple[list[Reanalysed], list[str]]:
        with cluster(scheduler, workers) as client:
            return gathered(client, task, archive, names, progress)

    return spread


def gathered(
    client: Any, task: Task, archive: str, names: list[str], progress: Progress
) -> tuple[list[Reanalysed], list[str]]:
    """Runs a task for each recording by a Dask client.

    Args:
        client: A ``distributed.Client``.
        task: The task.
        archive: The archive, as the workers reach it.
        names: Its recordings.
        progress: Called as recordings are done.

    Raises:
        UsageError: ``cluster.version`` if a worker has another version of joulebench.
        BenchError: ``cluster.no-workers`` if there is none for half a minute; ``cluster.lost``.
    """
    try:
        _same_version(client)
        return _gathered(client, task, archive, names, progress)
    except OSError as error:  # what Dask raises for a connection that has ended
        raise _lost(str(error)) from error


def _gathered(
    client: Any, task: Task, archive: str, names: list[str], progress: Progress
) -> tuple[list[Reanalysed], list[str]]:
    rows: list[Reanalysed] = []
    ever: set[str] = set()
    lost: set[str] = set()
    seen_s = time.monotonic()
    left, waiting = iter(names), dict[Any, str]()
    run = time.time_ns()  # a key that a scheduler has seen before would give the answer from then
    while True:
        for name in islice(left, _MOST_AT_ONCE - len(waiting)):
            waiting[client.submit(task, archive, name, pure=False, key=f"reanalyse-{run}-{name}")] = name
        if not waiting:
            break
        done = [future for future in waiting if future.done()]
        for future in done:
            rows.append(_row_of(future, waiting.pop(future)))
            progress(len(rows), len(names), rows[-1].path)
        if done:
            continue
        present = set(client.scheduler_info(n_workers=-1)["workers"])
        ever |= present
        lost = ever - present  # one that is started again has another address
        if present:
            seen_s = time.monotonic()
        elif time.monotonic() - seen_s > _WORKERS_S:
            raise _no_workers(client)
        time.sleep(_LOOK_S)
    lost |= ever - set(client.scheduler_info(n_workers=-1)["workers"])
    return rows, [f"workers lost: {len(lost)}; others did their work"] if lost else []


def _row_of(future: Any, name: str) -> Reanalysed:
    """The row of a task; of one that no worker survived, what Dask reports.

    Raises:
        BenchError: ``cluster.lost`` if the scheduler has forgotten it.
    """
    if future.status == "finished":
        row: Reanalysed = future.result()
        _refuse_other(row.version, f"that analysed {name}")
        return row
    if future.status != "error":
        raise _lost(f"the work on {name} is {future.status}")
    error = future.exception()
    return Reanalysed(name, "failed", error=f"cluster.task: {type(error).__name__}: {error}"[:400])


def _lost(why: str) -> BenchError:
    return BenchError(
        "cluster.lost",
        f"the scheduler was lost: {why}",
        "Look at the scheduler's output, and run it again.",
    )


@contextmanager
def cluster(scheduler: str | None, workers: int) -> Generator[Any]:
    """A Dask client of a scheduler, or of processes on this machine's loopback.

    Args:
        scheduler: Address of a Dask scheduler; None for this machine.
        workers: Processes of this machine, where there is no scheduler.

    Yields:
        A ``distributed.Client``.

    Raises:
        UsageError: ``cluster.no-dask``.
        BenchError: ``cluster.unreachable``.
    """
    try:
        from dask import config
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise UsageError(
            "cluster.no-dask",
            "the work cannot be spread: Dask is not installed",
            "pip install 'joulebench[cluster]', or leave out --scheduler and --workers.",
        ) from error
    make: Any = LocalCluster  # its types forbid what it allows
    loopback: dict[str, Any] = {
        "host": "127.0.0.1",
        "dashboard_address": "127.0.0.1:0",
        "worker_dashboard_address": "127.0.0.1:0",
    }
    with config.set({"distributed.scheduler.allowed-failures": _LOSSES}):
        if scheduler is None:
            local = make(n_workers=workers, threads_per_worker=1, **loopback)
            with local, Client(local) as client:
                yield client
            return
        try:
            client = Client(scheduler, timeout=_WORKERS_S)
        except (OSError, ValueError) as error:  # a timeout is an OSError, too
            raise BenchError(
                "cluster.unreachable",
                f"no scheduler answers at {scheduler}: {error}",
                "Start one with `dask scheduler`, and name its address as it prints it (tcp://host:8786).",
            ) from error
        with client:
            yield client


def _same_version(client: Any) -> None:
    """Makes sure that every worker computes with this version."""
    try:
        client.wait_for_workers(1, timeout=_WORKERS_S)
    except TimeoutError as error:
        raise _no_workers(client) from error
    # A worker that is lost just now does not answer; whoever takes its place shows its version in its rows.
    found: dict[str, str] = client.run(_version, on_error="ignore")
    for address, version in found.items():
        _refuse_other(version, address)


def _refuse_other(version: str, address: str) -> None:
    if version != __version__:
        raise UsageError(
            "cluster.version",
            f"the worker {address} has joulebench {version}; here it is {__version__}",
            "Install the same version on all workers: figures of different versions may differ.",
        )


def _version() -> str:
    """The version of the process that calls it."""
    return __version__


def _no_workers(client: Any) -> BenchError:
    address = client.scheduler_info()["address"]
    return BenchError(
        "cluster.no-workers",
        f"the scheduler at {address} has had no worker for {_WORKERS_S:g} s",
        f"Start workers with `dask worker {address}`.",
    )
