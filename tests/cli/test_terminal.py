"""Progress and questions on a real terminal (a pty): a bar never draws over a question."""

from __future__ import annotations

import os
import pty
import select
import sys
import time

import pytest

from tests.conftest import ROOT

PROGRAM = """
import time
from energy.cli.terminal import ask, progress
with progress("measuring", 10) as report:
    time.sleep({before})
    report(1, "kws01: opening")
    answer = ask("Switch the supply on?")
    time.sleep(1.0)
raise SystemExit(0 if answer == "yes" else 1)
"""


def conversation(before: float) -> tuple[str, str]:
    """What the terminal shows before the answer is typed, 1.5 s after the question, and after it."""
    child, master = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM.format(before=before)])
    shown = [b"", b""]
    deadline = time.monotonic() + 30
    answer_at = float("inf")
    while time.monotonic() < deadline:
        if b"supply on?" in shown[0] and answer_at == float("inf"):
            answer_at = time.monotonic() + 1.5
        part = 0
        if time.monotonic() > answer_at:
            part = 1
            if not shown[1]:
                os.write(master, b"yes\n")
                shown[1] = b" "
        if select.select([master], [], [], 0.05)[0]:
            try:
                data = os.read(master, 65536)
            except OSError:  # it has ended
                break
            if not data:
                break
            shown[part] += data
    _, status = os.waitpid(child, 0)
    os.close(master)
    assert os.waitstatus_to_exitcode(status) == 0  # the answer was heard
    return shown[0].decode("utf-8", "replace"), shown[1].decode("utf-8", "replace")


@pytest.mark.clock
def test_no_bar_appears_while_a_question_stands():
    before, after = conversation(0.0)
    assert before.endswith("Switch the supply on? ")
    assert "measuring" in after or "kws01: opening" in after  # then it does


@pytest.mark.clock
def test_a_bar_that_is_shown_makes_room_for_a_question():
    before, _ = conversation(2.0)
    assert "measuring" in before
    assert before.endswith("Switch the supply on? ")
