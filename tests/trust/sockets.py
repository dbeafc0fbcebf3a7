"""Sockets that processes listen on, as the kernel lists them (Linux, /proc/net)."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path

_LISTENS = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
"""State of a socket that waits for anybody, by table."""


@dataclass(frozen=True)
class Listening:
    """A socket that waits for connections or datagrams.

    Attributes:
        kind: ``tcp``, ``tcp6``, ``udp``, ``udp6``.
        address: Its own address.
        port: Its port.
        inode: Its number.
    """

    kind: str
    address: str
    port: int
    inode: str

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.address.startswith("127.") or self.address == "::1"


def all_listening() -> list[Listening]:
    """Every such socket of this machine."""
    found: list[Listening] = []
    for kind, state in _LISTENS.items():
        table = Path("/proc/net") / kind
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        for line in lines:
            fields = line.split()
            if fields[3] == state:
                host, _, port = fields[1].partition(":")
                found.append(Listening(kind, _address(host), int(port, 16), fields[9]))
    return found


def _address(digits: str) -> str:
    raw = bytes.fromhex(digits)
    words = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))  # little-endian words
    return socket.inet_ntop(socket.AF_INET if len(words) == 4 else socket.AF_INET6, words)


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found


def listening(*pids: int) -> list[Listening]:
    """The sockets that some processes listen on, themselves or by anything below them."""
    inodes: set[str] = set()
    for each in {child for pid in pids for child in descendants(pid)}:
        with contextlib.suppress(OSError):  # it has ended
            for entry in list(Path(f"/proc/{each}/fd").iterdir()):
                with contextlib.suppress(OSError):  # it was closed meanwhile
                    inodes.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    return [each for each in all_listening() if each.inode in inodes]
