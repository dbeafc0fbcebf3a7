"""What all tests share: where the published recordings lie, and what their absence means."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.browser",)

pytest.register_assert_rewrite("drivers.testkit")  # its assertions show their values, as a test's do

settings.register_profile(
    "joulebench",
    deadline=None,  # timings belong in benchmarks
    suppress_health_check=[HealthCheck.too_slow],  # so does the speed of this machine
    print_blob=True,
)
settings.load_profile("joulebench")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
MATRIX_SEED = "JOULEBENCH_MATRIX_SEED"
"""Of the cells of the break-in matrix that are drawn (``tests/faults/sampling.py``)."""


def pytest_configure(config: pytest.Config) -> None:
    """Sets the seed before there are workers, so that all of them draw the same cells.

    Under ``nohup``, or in a shell's background, signals are ignored, and so they are by every program that is
    started there. A signal with a handler is not passed on: the tests' programs get it as from a terminal.
    """
    os.environ.setdefault(MATRIX_SEED, date.today().isoformat())
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)


def pytest_report_header(config: pytest.Config) -> str:
    """Names the seed."""
    return f"break-in matrix: {MATRIX_SEED}={os.environ[MATRIX_SEED]}"


def shared_folder(name: str) -> Path:
    """A folder of the published material; skips the test where it is absent, but fails it in CI."""
    folder = SHARED / name
    if not folder.is_dir():
        reason = (
            f"the published recordings are not here ({folder.name} beside the project): see CONTRIBUTING.md"
        )
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@contextmanager
def machine(*, alone: bool) -> Generator[None]:
    """Shares this machine with the other workers' tests, or has it alone from those that share it this way.

    Tests with emulators, compilers and fuzzers share it; one in real time cannot stand several of them.
    """
    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir())
    with ExitStack() as stack:
        gate, place = (
            stack.enter_context((folder / f"joulebench-tests-{name}.{part}").open("w"))
            for part in ("gate", "machine")
        )
        fcntl.flock(gate, fcntl.LOCK_EX)  # whoever wants it alone is not overtaken
        fcntl.flock(place, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(gate, fcntl.LOCK_UN)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test in real time comes first, so that another worker runs the others meanwhile."""
    items.sort(key=lambda item: not any(mark.kwargs.get("first") for mark in item.iter_markers("clock")))


@pytest.fixture
def published() -> Path:
    """The published rounds v0.5, v1.2 and v1.3."""
    return shared_folder("published")
