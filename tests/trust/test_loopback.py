"""Every socket that the program or its twins listen on is reached from this machine alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drivers.virtual.remote import RemoteBench
from energy.bench.assemble import open_bench
from energy.bench.benchfile import read_bench
from energy.bench.shipped import BENCHES
from energy.live.feed import Feed
from energy.live.server import served
from tests.conftest import ROOT
from tests.trust.sockets import Listening, listening

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="no /proc: sockets cannot be seen")
VIRTUAL = sorted(path.stem for path in BENCHES.glob("*-virtual.toml"))


def new(before: list[Listening], *pids: int) -> list[Listening]:
    return [each for each in listening(os.getpid(), *pids) if each not in before]


def test_a_socket_that_anybody_reaches_would_be_seen():
    before = listening(os.getpid())
    with socket.create_server(("0.0.0.0", 0)) as open_to_all, socket.create_server(("127.0.0.1", 0)) as own:
        found = {each.port: each.on_loopback for each in new(before)}
        assert found == {open_to_all.getsockname()[1]: False, own.getsockname()[1]: True}


@pytest.mark.parametrize("name", VIRTUAL)
def test_the_twins_of_a_bench_listen_on_the_loopback_alone(name):
    before = listening(os.getpid())
    file = read_bench(BENCHES / f"{name}.toml")
    assert file.monitor is not None
    with open_bench(file, "kws01", "energy", lambda line: None):
        found = new(before)
        assert all(each.on_loopback for each in found), found
        over_visa = file.monitor.driver.startswith(("keithley", "keysight"))
        assert found or not (over_visa or file.supply)  # such an instrument listens on a socket


def test_a_bench_in_a_process_of_its_own_listens_on_the_loopback_alone():
    before = listening(os.getpid())
    with RemoteBench(monitor="keithley-2450") as bench:
        found = new(before, bench.process.pid)
        assert len(found) >= 2  # its control, and the instrument
        assert all(each.on_loopback for each in found), found


def test_the_live_page_listens_on_the_loopback_alone():
    before = listening(os.getpid())
    with served(Feed()) as server:
        (found,) = new(before)
        assert found.on_loopback
        assert found.port == server.server_port


def test_a_session_with_a_live_page_listens_on_the_loopback_alone(tmp_path):
    words = ("record", "--windows", "3", "--iterations", "40", "--live", "--out", str(tmp_path))
    command = [sys.executable, "-m", "energy.cli.main", *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        seen: set[Listening] = set()
        while process.poll() is None and not seen:
            seen |= set(listening(process.pid))
            time.sleep(0.05)
        assert seen
        assert all(each.on_loopback for each in seen), seen
    finally:
        process.terminate()
        process.wait()
