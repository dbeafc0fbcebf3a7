"""Dialects of DUT consoles, by name: text that a firmware's console adds to the protocol.

They are present from the beginning, or from the time in the parameters of ``drivers/virtual/faults.py``.

- ``echo``: the console sends each command back, followed by ``end`` (nothing); with ``each`` (false)
  it sends every character as soon as it arrives.
- ``prompt``: it prints ``text`` ("> ") after each ``m-ready`` line, without a line end.
- ``line-ends``: its lines end with ``end`` in place of CR LF.
- ``waiting-bytes``: another program has sent ``text`` ("AT" and a line end) to the DUT, and it waits in the
  command buffer.
- ``chatter``: it prints ``text`` every ``every_s`` (0.2) seconds, for ``duration_s`` (1.0) from power-on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from drivers.virtual.world import nanoseconds

if TYPE_CHECKING:
    from drivers.virtual.bench import VirtualBench

Params = dict[str, Any]
Action = Callable[[], None]


def _echo(bench: VirtualBench, params: Params) -> Action:
    end = str(params.pop("end", "")).encode("latin-1")
    each = bool(params.pop("each", False))
    dut = bench.dut

    def echo(data: bytes) -> bytes:
        if each:
            for k in range(len(data)):
                dut.tx.send(data[k : k + 1])
        else:
            dut.tx.send(data)
        if end and data.endswith(b"%"):
            dut.tx.send(end)
        return data

    return lambda: dut.hears.append(echo)


def _prompt(bench: VirtualBench, params: Params) -> Action:
    text = str(params.pop("text", "> ")).encode("latin-1")
    return lambda: bench.dut.mangles.append(lambda data: data.replace(b"m-ready\r\n", b"m-ready\r\n" + text))


def _line_ends(bench: VirtualBench, params: Params) -> Action:
    end = str(params.pop("end")).encode("latin-1")
    return lambda: bench.dut.mangles.append(lambda data: data.replace(b"\r\n", end))


def _waiting_bytes(bench: VirtualBench, params: Params) -> Action:
    text = str(params.pop("text", "AT\r\n")).encode("latin-1")
    return lambda: bench.dut.receive(text)


def _chatter(bench: VirtualBench, params: Params) -> Action:
    text = str(params.pop("text")).encode("latin-1")
    every_ns = nanoseconds(params.pop("every_s", 0.2))
    count = nanoseconds(params.pop("duration_s", 1.0)) // every_ns
    dut, world = bench.dut, bench.world

    def speak(left: int) -> None:
        if left > 0 and dut.state != "off":
            dut.tx.send(text)
            world.after(every_ns, lambda: speak(left - 1))

    def powered() -> None:
        if world.supply.on:
            world.after(every_ns, lambda: speak(count))

    def begin() -> None:
        world.supply.listeners.append(powered)
        powered()

    return begin


CONSOLES: dict[str, Callable[[VirtualBench, Params], Action]] = {
    "echo": _echo,
    "prompt": _prompt,
    "line-ends": _line_ends,
    "waiting-bytes": _waiting_bytes,
    "chatter": _chatter,
}
"""Functions of the parameters that return the action for the fault's time."""
