"""Supplies that a program or a person switches."""

from __future__ import annotations

import shlex
import sys
import time
import tracemalloc

import pytest

from drivers.links.clock import RealClock
from drivers.supplies.hook import open_hook, switch_off
from drivers.supplies.manual import open_manual
from energy.errors import BenchError
from tests.links.peer import Log

LIMITS = {"voltage_v": 1.8, "highest_v": 3.6, "highest_a": 0.1}
RELAY = """
import pathlib, sys
print("relay is", sys.argv[2])
print("a remark", file=sys.stderr)
with pathlib.Path(sys.argv[1]).open("a") as file:
    file.write(sys.argv[2] + " ")
{end}
"""


def relay(folder, end=""):
    """A command line for a program that notes what it was told."""
    program = folder / "a relay.py"
    program.write_text(RELAY.format(end=end))
    return shlex.join([sys.executable, "-S", str(program), str(folder / "what it was told")])


def told(folder):
    file = folder / "what it was told"
    return file.read_text().split() if file.exists() else []


def hook(url, **settings):
    log = Log()
    return open_hook(url, settings={**LIMITS, **settings}, clock=RealClock(), transcript=log), log


def code_of(action, *arguments, **named):
    with pytest.raises(BenchError) as caught:
        action(*arguments, **named)
    assert caught.value.hint
    return caught.value.code


def shell(folder, body):
    """A hook that is a shell script."""
    program = folder / "hook.sh"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return shlex.quote(str(program))


def test_a_program_that_hangs_is_killed_with_all_that_it_has_started(tmp_path):
    supply, _ = hook(shell(tmp_path, f"sleep 2\ntouch {tmp_path}/late"), timeout_s=0.5)
    begun = time.monotonic()
    assert code_of(supply.on) == "hook.timeout"
    assert code_of(supply.off) == "hook.off-unconfirmed"
    assert time.monotonic() - begun < 1.9  # a program that hangs is tried once
    supply, _ = hook(shell(tmp_path, f"(sleep 2; touch {tmp_path}/late)"), timeout_s=0.5)
    assert code_of(supply.on) == "hook.timeout"
    time.sleep(2.5)
    assert not (tmp_path / "late").exists()  # nothing is switched on when nobody waits any more


def test_a_program_that_leaves_a_process_behind_has_ended(tmp_path):
    supply, log = hook(shell(tmp_path, "echo done\nsleep 20 &"), timeout_s=10.0)
    begun = time.monotonic()
    supply.on()
    assert time.monotonic() - begun < 5.0
    assert log.texts() == ["done"]


def test_of_a_program_that_writes_without_end_only_the_beginning_is_kept(tmp_path):
    supply, log = hook(shell(tmp_path, "head -c 50000000 /dev/zero | tr '\\0' '\\n'\necho late\nexit 3"))
    tracemalloc.start()
    try:
        assert code_of(supply.on) == "hook.failed"
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
    assert log.texts() == []


def test_a_program_is_told_on_and_off_and_what_it_says_is_kept(tmp_path):
    supply, log = hook(relay(tmp_path))
    supply.set_voltage(1.8)
    assert told(tmp_path) == []
    supply.on()
    supply.off()
    assert told(tmp_path) == ["on", "off"]
    assert log.texts() == ["relay is on", "a remark", "relay is off", "a remark"]
    assert [text.split()[-1] for text in log.texts(sent=True)] == ["on", "off"]


def test_nothing_in_a_command_is_for_a_shell(tmp_path):
    mark = tmp_path / "mark"
    supply, _ = hook(f"{relay(tmp_path)} ; touch {mark} #")
    supply.on()
    assert not mark.exists()


def test_a_program_that_fails_is_an_error_with_what_it_said(tmp_path):
    supply, _ = hook(relay(tmp_path, "sys.exit(3)"))
    with pytest.raises(BenchError, match=r"status 3.*a remark") as caught:
        supply.on()
    assert caught.value.code == "hook.failed"
    assert code_of(supply.off) == "hook.off-unconfirmed"
    assert told(tmp_path) == ["on", "off", "off", "off"]
    assert not switch_off(relay(tmp_path, "sys.exit(3)"))


def test_a_program_that_hangs_is_ended(tmp_path):
    supply, _ = hook(relay(tmp_path, "import time; time.sleep(60)"), timeout_s=0.3)
    assert code_of(supply.on) == "hook.timeout"


@pytest.mark.parametrize(
    ("url", "code"), [("", "hook.command"), ("'open", "hook.command"), ("/no/such/relay", "hook.missing")]
)
def test_a_command_that_is_none_has_a_code(url, code):
    assert code_of(lambda: hook(url)[0].on()) == code


def test_a_program_cannot_set_a_voltage(tmp_path):
    supply, _ = hook(relay(tmp_path))
    assert code_of(supply.set_voltage, 3.3) == "hook.voltage"
    assert code_of(hook, relay(tmp_path), voltage_v=5.0) == "hook.voltage"
    assert code_of(hook, relay(tmp_path), colour="red") == "hook.setting"


def test_the_guardian_runs_the_program(tmp_path):
    assert switch_off(relay(tmp_path), settings={})
    assert told(tmp_path) == ["off"]
    assert not switch_off("/no/such/relay")


def manual(ask, **settings):
    log = Log()
    settings = {**LIMITS, "ask": ask, **settings}
    return open_manual("the lab supply", settings=settings, clock=RealClock(), transcript=log), log


def test_a_person_is_asked_for_each_step_with_the_limit_first():
    asked = []
    supply, log = manual(lambda text: asked.append(text) or "yes")
    supply.off()
    assert asked == []  # nobody has switched it on
    supply.set_voltage(1.8)
    supply.on()
    supply.off()
    supply.off()
    assert len(asked) == 3
    assert asked[0].index("0.1 A") < asked[0].index("1.8 V")
    assert "ON" in asked[1]
    assert "OFF" in asked[2]
    assert all("the lab supply" in text for text in asked)
    assert log.texts(sent=True) == asked
    assert log.texts() == ["yes"] * 3


def test_nobody_to_ask_is_an_error():
    def nobody(text):
        raise BenchError("bench.no-operator", "nobody is there", "run it in a terminal")

    supply, _ = manual(nobody)
    assert code_of(supply.on) == "bench.no-operator"
    assert code_of(supply.off) == "bench.no-operator"  # it may be on: that is not passed over
    assert code_of(manual, None) == "manual.no-operator"


def test_a_voltage_above_the_limit_is_not_asked_for():
    asked = []
    supply, _ = manual(asked.append)
    assert code_of(supply.set_voltage, 5.0) == "manual.voltage"
    assert asked == []


def test_nothing_can_be_asked_of_a_program_or_a_person_and_off_is_only_said(tmp_path):
    supply, log = hook(relay(tmp_path))
    supply.check()
    assert log.texts() == []
    assert told(tmp_path) == []
    assert not supply.off_confirmed
    asked = []
    by_hand = open_manual(
        "lab", settings={**LIMITS, "ask": asked.append}, clock=RealClock(), transcript=Log()
    )
    by_hand.check()
    assert asked == []
    assert not by_hand.off_confirmed
