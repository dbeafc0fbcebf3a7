"""The guardian of the supply: replaced when it dies, patient when nobody confirms, loud when it gives up."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

import pytest
import serial

import energy.session.guardian as guardian_module
from drivers.lpm01a.driver import Lpm01a
from drivers.virtual.remote import RemoteBench
from energy.bench.entrypoints import Switch
from energy.errors import EXIT_SUPPLY_ON, BenchError, SupplyOnError
from energy.session.guardian import keep_switching_off
from tests.session.support import virtual, watcher

__all__ = ["watcher"]


def attached(bench: RemoteBench):
    return virtual(attach={"control": bench.control, "ports": bench.urls})


@pytest.fixture
def remote():
    with RemoteBench(board="NUCLEO-L4R5ZI", workload="ad01", mode="energy", io_manager="uno") as bench:
        yield bench


def guardians() -> list[int]:
    """The process ids of this process's guardians."""
    said = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "energy.session.guardian"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(word) for word in said.stdout.split()]


def test_a_guardian_that_is_killed_in_a_trial_is_replaced_and_the_new_one_does_the_work(
    watcher, remote, monkeypatch
):
    infer, seen = guardian_module.Guardian.check, []

    def killing(self):
        infer(self)
        if not seen and self._armed:
            (pid,) = guardians()
            seen.append(pid)
            os.kill(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    monkeypatch.setattr(guardian_module.Guardian, "check", killing)

    off = Lpm01a.off

    def failing(self):
        if not seen:
            off(self)  # before the session switches on
            return
        seen.append(*guardians())
        raise BenchError("lpm01a.off-unconfirmed", "planted", "planted")

    monkeypatch.setattr(Lpm01a, "off", failing)
    with pytest.raises(BenchError, match=r"off-unconfirmed"):
        watcher.run(attached(remote), "ad01")
    assert seen[1] != seen[0]
    log = (watcher.folder / "session" / "log.txt").read_text()
    assert "the guardian of the supply has ended with status -9" in log
    assert "the guardian has switched the supply off, and the instrument has confirmed it" in log
    assert remote.world.request({"op": "state"})["supply_on"] is False


def test_a_guardian_that_dies_again_and_again_ends_the_session_with_the_supply_off(watcher, monkeypatch):
    check = guardian_module.Guardian.check

    def killing(self):
        if self._armed and self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        check(self)

    monkeypatch.setattr(guardian_module.Guardian, "check", killing)
    with pytest.raises(BenchError) as caught:
        watcher.run(virtual(), "ad01")
    assert caught.value.code == "guardian.died"
    assert watcher.states[-1]["supply_on"] is False


def test_the_guardian_tries_again_until_the_instrument_confirms():
    """Somebody else holds the port for longer than one attempt of 3 s."""
    with RemoteBench(board="NUCLEO-L4R5ZI", workload="ad01", mode="energy", pace=1.0) as bench:
        switch = Switch("lpm01a", bench.urls["monitor"], {})
        port = serial.serial_for_url(switch.port, exclusive=True)
        threading.Timer(4.5, port.close).start()
        begun = time.monotonic()
        assert keep_switching_off(switch, seconds=30.0) == 0
        assert time.monotonic() - begun > 4.0


def test_the_guardian_gives_up_after_its_time_and_says_so(remote, capfd):
    switch = Switch("lpm01a", remote.urls["monitor"], {})
    with serial.serial_for_url(remote.urls["monitor"], exclusive=True):
        assert keep_switching_off(switch, seconds=0.5) == 1
    assert "PULL ITS PLUG" in capfd.readouterr().err


def test_what_nobody_confirms_is_an_exit_status_of_its_own_and_the_loudest_word(watcher):
    faults = [("silent-monitor", {"infer": 2, "delay_s": 2.0})]
    with pytest.raises(BenchError) as caught:
        watcher.run(virtual(faults=faults), "ad01")
    error = caught.value
    assert error.worst_status == EXIT_SUPPLY_ON
    (loud,) = [one for one in (error, *error.also) if isinstance(one, SupplyOnError)]
    assert "MAY STILL BE ON" in loud.message
    assert watcher.states[-1]["supply_on"] is True  # the word is true
