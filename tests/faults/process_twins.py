"""The twins of a cell, in a process of their own, and the command's words for them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from drivers.virtual.clock import RemoteWorld
from energy.errors import BenchError
from tests.conftest import ROOT

WORKLOAD = "kws01"


def command(bench: str, out: Path) -> list[str]:
    return [
        "measure",
        "--bench",
        bench,
        "--workload",
        WORKLOAD,
        "--mode",
        "energy",
        "--out",
        str(out),
        "--json",
    ]


class World:
    """The twins' process.

    Args:
        bench: Of which shipped bench.
        environment: With the announcer's descriptors.
        announcer: These descriptors.
        paced: Whether they follow real time.
        backlog: Bytes that a port keeps for a host that does not read; 0: very many.
    """

    def __init__(
        self,
        bench: str,
        environment: dict[str, str],
        announcer: tuple[int, int],
        *,
        paced: bool,
        backlog: int = 0,
    ) -> None:
        words = [bench, WORKLOAD, "energy", "1" if paced else "", str(backlog or "")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.process_world", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            env=environment,
            pass_fds=announcer,
        )
        assert self.process.stdout is not None
        announced = json.loads(self.process.stdout.readline())
        self.control, self.ports = announced["control"], announced["ports"]
        self.paced = paced
        self._world = RemoteWorld(self.control)

    def known(self) -> dict[str, Any]:
        """Its state, and the DUT's works."""
        return {"state": self._world.request({"op": "state"}), **self._world.request({"op": "works"})}

    def close(self) -> None:
        """Ends it."""
        with suppress(BenchError):
            self._world.request({"op": "quit"})
        self._world.close()
        self.process.communicate(timeout=30)


def bench_text(bench: str, world: World | None) -> str:
    """The shipped bench file, attached to the world."""
    text = (ROOT / "fixtures/benches" / f"{bench}-virtual.toml").read_text(encoding="utf-8")
    if world is None:
        return text
    ports = ", ".join(f'{role} = "{url}"' for role, url in world.ports.items())
    pace = "pace = 1.0, " if world.paced else ""
    attach = f'settings = {{ {pace}attach = {{ control = "{world.control}", ports = {{ {ports} }} }} }}'
    attached, count = re.subn(r'(?m)^bench = "virtual"$', f'bench = "virtual"\n{attach}', text)
    assert count == 1, text
    return attached
