"""A host that dies with SIGKILL, in every step of a session: the supply is off and the folder opens."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from drivers.virtual.remote import RemoteBench
from energy.recording.store import Recording
from tests.conftest import ROOT
from tests.stalls import Stalls

STEPS = {1: "started", 2: "powered", 3: "ready"} | dict.fromkeys((4, 5, 7, 9), "measuring")
"""What has just been written when the host dies: start, power, first edge, pilot, trials 1, 3 and 5."""


@pytest.mark.clock
@pytest.mark.parametrize("write", STEPS)
def test_a_killed_host_leaves_the_supply_off_within_a_second_and_a_folder_that_opens(write, tmp_path):
    with (
        ExitStack() as stack,
        RemoteBench(board="NUCLEO-L4R5ZI", workload="ad01", mode="energy", io_manager="uno") as bench,
    ):
        settings = json.dumps({"attach": {"control": bench.control, "ports": bench.urls}})
        folder = tmp_path / "session"
        command = [sys.executable, "-m", "tests.session.killed_host", str(folder), str(write), settings]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
        died = time.monotonic()
        machine = stack.enter_context(Stalls())
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert done.stdout.strip() == STEPS[write]
        while (state := bench.world.request({"op": "state"}))["supply_on"] and time.monotonic() < died + 5:
            time.sleep(0.01)
        assert not state["supply_on"]
        assert time.monotonic() - died < 1.0 + machine.late_s
    session = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    assert session["state"] == STEPS[write]
    assert session["virtual"] is True
    assert all(json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines())
    if write >= 3:
        recording = Recording(folder)
        assert recording.count > 0 or write == 3
        assert [finding.code for finding in recording.findings] == ["recording.unclosed"]
        assert len(session["trials"]) == max(write - 4, 0)
        for trial in session["trials"]:
            assert trial["closing"] <= recording.stop


def test_a_host_that_is_terminated_switches_off_and_says_interrupted(tmp_path):
    with RemoteBench(board="NUCLEO-L4R5ZI", workload="ad01", mode="energy", io_manager="uno") as bench:
        attach = {"control": bench.control, "ports": bench.urls}
        bench_file = tmp_path / "bench.toml"
        bench_file.write_text(
            f"""
            schema = "joulebench.bench/1"
            name = "attached"
            virtual = {{ settings = {{ attach = {{ control = "{attach["control"]}",
                ports = {{ io = "{bench.urls["io"]}", monitor = "{bench.urls["monitor"]}" }} }} }} }}
            dut = {{ board = "NUCLEO-L4R5ZI", voltage_v = 1.8 }}
            limits = {{ highest_v = 3.3, highest_a = 0.05 }}
            monitor = {{ driver = "lpm01a", port = "virtual" }}
            io_manager = {{ driver = "uno", port = "virtual" }}
            """.replace("\n                ports", " ports")
        )
        out = tmp_path / "out"
        command = [sys.executable, "-m", "energy.cli.main", "measure", "--bench", str(bench_file)]
        command += ["--workload", "ad01", "--mode", "energy", "--out", str(out)]
        host = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while not list(out.glob("*/trace.arrow")) and time.monotonic() < deadline:
            time.sleep(0.01)
        host.send_signal(signal.SIGTERM)
        _, errors = host.communicate(timeout=60)
        assert host.returncode == 4, errors
        assert "interrupted" in errors
        assert bench.world.request({"op": "state"})["supply_on"] is False
    session = json.loads(next(out.glob("*/session.json")).read_text(encoding="utf-8"))
    assert session["state"] == "interrupted"
