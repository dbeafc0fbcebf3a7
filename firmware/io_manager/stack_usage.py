"""The deepest stack that the IO manager can need, from its machine code.

    python stack_usage.py io_manager.elf

Main loop and interrupts are added up: the interrupts nest, each once, but for the one that refills the host's
UART, which may interrupt itself once (a real UART takes two bytes at once). In each function all pushes, its
frame and the deepest call count, whatever the path. Calls through pointers are those of commands and answers.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

RETURN_ADDRESS = 2
"""Bytes that a call or an interrupt puts on the stack of an ATmega328P."""

NOT_NESTING = frozenset({"__vector_6"})
"""The watchdog's: after it comes the reset."""

TWICE = frozenset({"__vector_19"})
"""USART_UDRE."""

POINTED_TO = re.compile(r"(do|answer|selftest)_\w+")


class Function(NamedTuple):
    """What a function does to the stack."""

    own: int
    calls: frozenset[str]
    jumps: frozenset[str]
    calls_pointer: bool


def functions(listing: str) -> dict[str, Function]:
    """Reads the functions off a listing of ``avr-objdump -d``."""
    found: dict[str, Function] = {}
    for block in re.split(r"\n(?=[0-9a-f]{8} <)", listing):
        head = re.match(r"[0-9a-f]{8} <([^>]+)>:", block.strip())
        if not head:
            continue
        name = head[1]
        own = len(re.findall(r"\tpush\t", block)) + RETURN_ADDRESS * len(
            re.findall(r"\trcall\t\.\+0 ", block)
        )
        # A frame: the stack pointer is read into Y, lowered, and written back.
        if re.search(r"\tout\t0x3d, r28", block):
            frame = re.search(r"\tin\tr29, 0x3e.*\n.*\t(?:sbiw\tr28, 0x(\w+)|subi\tr28, 0x(\w+))", block)
            if frame:
                own += int(frame[1] or frame[2], 16)
        calls = frozenset(re.findall(r"\tr?call\t[^;\n]*;\s*0x\w+ <([^>+]+)>", block))
        jumps = frozenset(re.findall(r"\tr?jmp\t[^;\n]*;\s*0x\w+ <([^>+]+)>", block)) - {name}
        found[name] = Function(own, calls, jumps, bool(re.search(r"\te?icall|\te?ijmp", block)))
    return found


def deepest(table: dict[str, Function]) -> dict[str, int]:
    """Depth of each part: the main loop by ``main``, interrupts by their vectors."""
    pointed_to = [name for name in table if POINTED_TO.match(name)]

    @cache
    def depth(name: str) -> int:
        function = table[name]
        below: list[int] = [RETURN_ADDRESS + depth(callee) for callee in function.calls if callee in table]
        below += [depth(target) for target in function.jumps if target in table]
        if function.calls_pointer:
            below += [RETURN_ADDRESS + depth(callee) for callee in pointed_to]
        return function.own + max(below, default=0)

    parts = {"main": RETURN_ADDRESS + depth("main")}
    for name in table:
        if re.fullmatch(r"__vector_\d+", name) and name not in NOT_NESTING:
            parts[name] = (RETURN_ADDRESS + depth(name)) * (2 if name in TWICE else 1)
    return parts


def main(arguments: Iterable[str]) -> int:
    """Writes the depth of each part, and their sum last."""
    (elf,) = arguments
    done = subprocess.run(["avr-objdump", "-d", elf], capture_output=True, text=True, check=True)
    parts = deepest(functions(done.stdout))
    for name, bytes_ in parts.items():
        sys.stdout.write(f"{bytes_:5} {name}\n")
    sys.stdout.write(f"{sum(parts.values())}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
