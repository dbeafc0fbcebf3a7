"""Ctrl-C again and again while a supply that does not answer is being switched off: the loud word stays."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from drivers.virtual.remote import RemoteBench
from energy.errors import (
    EXIT_SUPPLY_ON,
    BenchError,
    SupplyOnError,
    supply_on_behind,
)
from tests.conftest import ROOT

BENCH = """
schema = "joulebench.bench/1"
name = "attached"
dut = {{ board = "NUCLEO-L4R5ZI", voltage_v = 1.8 }}
limits = {{ highest_v = 3.3, highest_a = 0.05 }}
monitor = {{ driver = "lpm01a", port = "virtual" }}
io_manager = {{ driver = "uno", port = "virtual" }}
[virtual.settings.attach]
control = "{control}"
ports = {{ io = "{io}", monitor = "{monitor}" }}
"""
SILENT = [["silent-monitor", {"infer": 0, "delay_s": 0.05}]]


def switched_off(out):
    """Whether the session has begun to switch off what it has switched on."""
    log = next(iter(out.glob("*/log.txt")), None)
    _, on, after = (log.read_text() if log else "").partition("pwr on")
    return bool(on) and "pwr off" in after


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_is_impatient_still_learns_that_the_supply_may_be_on(number, tmp_path):
    with RemoteBench(
        board="NUCLEO-L4R5ZI", workload="ad01", mode="energy", io_manager="uno", faults=SILENT
    ) as bench:
        (tmp_path / "bench.toml").write_text(BENCH.format(control=bench.control, **bench.urls))
        out = tmp_path / "out"
        command = [
            sys.executable,
            "-m",
            "energy.cli.main",
            "measure",
            "--bench",
            str(tmp_path / "bench.toml"),
        ]
        command += ["--workload", "ad01", "--mode", "energy", "--out", str(out)]
        # Into a file: the guardian outlives the session, and has its standard error.
        with (tmp_path / "said").open("w") as said:
            host = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)
        deadline = time.monotonic() + 60
        while not switched_off(out) and time.monotonic() < deadline:
            time.sleep(0.01)
        while host.poll() is None and time.monotonic() < deadline:
            host.send_signal(number)
            time.sleep(0.7)
        assert host.wait(60) == EXIT_SUPPLY_ON
        assert "MAY STILL BE ON" in (tmp_path / "said").read_text()
        assert bench.world.request({"op": "state"})["supply_on"] is True


def test_an_interrupt_does_not_hide_what_was_on_its_way():
    loud = SupplyOnError("supply.may-be-on", "planted", "planted")
    error = BenchError("lpm01a.silent", "planted", "planted")
    error.also.append(loud)
    interrupt = KeyboardInterrupt()
    interrupt.__context__ = error
    assert supply_on_behind(interrupt) is loud
    assert supply_on_behind(KeyboardInterrupt()) is None
