"""Hooks that switch a virtual bench: one that obeys, and one that lies. The stream shows which is which."""

from __future__ import annotations

import shlex
import sys

import pytest

from drivers.virtual.remote import RemoteBench
from energy.bench.benchfile import bench_of
from energy.errors import EXIT_SUPPLY_ON, BenchError
from tests.session.dangers import planted
from tests.session.support import watcher

__all__ = ["watcher"]

HOOK = """
import json, socket, sys
if sys.argv[-1] == "off" and "obeys" in sys.argv:
    host, port = sys.argv[1].split(":")
    with socket.create_connection((host, int(port))) as world:
        world.sendall(json.dumps({"op": "fault", "name": "lost-supply", "params": {}}).encode() + b"\\n")
        world.recv(4096)
"""


@pytest.fixture
def remote():
    with RemoteBench(
        board="NUCLEO-L4R5ZI", workload="ad01", mode="energy", io_manager="uno", monitor="ppk2", ampere=True
    ) as bench:
        yield bench


def bench_with_hook(folder, remote, character):
    program = folder / "hook.py"
    program.write_text(HOOK)
    bench = planted("ppk2-ampere").model_dump(by_alias=True, mode="json")
    bench["virtual"] = {"settings": {"attach": {"control": remote.control, "ports": remote.urls}}}
    command = shlex.join([sys.executable, "-S", str(program), remote.control, character])
    bench["supply"] = {"driver": "hook", "port": command}
    return bench_of(bench, "hook")


def test_a_hook_that_obeys_switches_the_virtual_supply_off(watcher, remote, tmp_path):
    watcher.run(bench_with_hook(tmp_path, remote, "obeys"))
    assert remote.world.request({"op": "state"})["supply_on"] is False


def test_a_hook_that_says_nothing_and_does_nothing_is_found_out_by_the_stream(watcher, remote, tmp_path):
    with pytest.raises(BenchError) as caught:
        watcher.run(bench_with_hook(tmp_path, remote, "lies"))
    assert caught.value.code == "supply.current-flows"
    assert caught.value.worst_status == EXIT_SUPPLY_ON
    assert remote.world.request({"op": "state"})["supply_on"] is True
