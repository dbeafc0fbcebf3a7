"""A few sessions in one process leave nothing behind; what would be left is noticed."""

from __future__ import annotations

import mmap
import os
import threading

import pytest

from tests.soak import sessions as module
from tests.soak.memory import can_measure
from tests.soak.sessions import run_sessions

pytestmark = pytest.mark.skipif(not can_measure(), reason="this system has no /proc")


def counted(problems: list[str]) -> list[str]:
    """The problems but that of memory, which so few sessions cannot show."""
    return [problem for problem in problems if "memory" not in problem]


def test_a_few_recordings_leave_nothing_behind(tmp_path):
    done = run_sessions("record", 6, tmp_path)
    assert len(done.held) == 6
    assert counted(done.problems()) == []


@pytest.mark.parametrize("what", ["threads", "descriptors", "temporary"])
def test_what_is_left_behind_is_noticed(tmp_path, monkeypatch, what):
    ended = threading.Event()
    opened: list[int] = []

    def leaky(folder):
        folder.mkdir()
        if what == "threads":
            threading.Thread(target=ended.wait).start()
        elif what == "descriptors":
            opened.append(os.open(os.devnull, os.O_RDONLY))
        else:
            (folder.parent / "temporary" / folder.name).touch()
        return ""

    monkeypatch.setattr(module, "record_once", leaky)
    try:
        found = counted(run_sessions("record", 6, tmp_path).problems())
    finally:
        ended.set()
        for descriptor in opened:
            os.close(descriptor)
    assert [problem.split(":")[0] for problem in found] == [what]


def test_memory_that_grows_is_noticed(tmp_path, monkeypatch):
    left: list[mmap.mmap] = []  # of the system: the heap may have room from tests before

    def leaky(folder):
        folder.mkdir()
        left.append(mmap.mmap(-1, 1_000_000))
        left[-1].write(b"x" * 1_000_000)
        return ""

    monkeypatch.setattr(module, "record_once", leaky)
    done = run_sessions("record", 20, tmp_path)
    assert done.slope > 500_000
    assert any("memory grows" in problem for problem in done.problems())
