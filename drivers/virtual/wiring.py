"""Faults of a wrongly wired bench, by name, as they occur when a person builds a bench.

They are present from the beginning, or from the time that their parameters give (``triggers.py``).

- ``open-timestamp``: the wire from the timestamp pin is open; ``at`` (both): only to the ``monitor``,
  or only to the ``io`` manager.
- ``inverted-pin``: the pin idles low, and a mark is a high pulse.
- ``open-supply``: the supply's wire does not lead to the DUT: it draws nothing and is silent.
- ``other-output``: another supply than the one beside the monitor powers the DUT, all the time.
- ``back-powered``: the DUT lives on its signal wires while the supply is off.
- ``short-circuit``: the DUT's supply is shorted and draws ``current_a`` (1.0), for ``duration_s`` (for
  ever); then the DUT boots.
- ``missing-ground``: one in ``each`` (3) bytes of the DUT is xored with ``xor`` (0x80) on its way.
- ``silent-io``: the IO manager answers nothing.
- ``other-firmware``: the DUT was flashed with ``workload`` and built for ``mode`` (both as asked for).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from drivers.virtual.pin import Watcher
from drivers.virtual.world import nanoseconds
from energy.errors import UsageError

if TYPE_CHECKING:
    from drivers.virtual.bench import VirtualBench

Params = dict[str, Any]
Action = Callable[[], None]


def _open_timestamp(bench: VirtualBench, params: Params) -> Action:
    at: str = params.pop("at", "both")
    watchers = bench.dut.pin.watchers

    def cut() -> None:
        def remains(watcher: Watcher) -> bool:
            twin = getattr(watcher, "__self__", None)
            return (twin is bench.monitor and at == "io") or (twin is bench.io and at == "monitor")

        watchers[:] = [watcher for watcher in watchers if remains(watcher)]

    return cut


def _inverted_pin(bench: VirtualBench, params: Params) -> Action:
    def invert() -> None:
        bench.dut.pin.inverted = True

    return invert


def _open_supply(bench: VirtualBench, params: Params) -> Action:
    def open_wire() -> None:
        bench.dut.supplied = False
        bench.dut.power()

    return open_wire


def _other_output(bench: VirtualBench, params: Params) -> Action:
    def power() -> None:
        bench.world.supply.voltage_v = bench.board.voltage_v
        if bench.supply is None:
            bench.world.supply.switch(True)
        else:
            bench.supply.power_nothing()

    return power


def _back_powered(bench: VirtualBench, params: Params) -> Action:
    def feed() -> None:
        bench.dut.back_powered = True
        bench.dut.power()

    return feed


def _short_circuit(bench: VirtualBench, params: Params) -> Action:
    current_a = float(params.pop("current_a", 1.0))
    duration_s: float | None = params.pop("duration_s", None)

    def short(current_a: float = current_a) -> None:
        bench.dut.short_a = current_a
        bench.dut.power()
        if current_a and duration_s is not None:
            bench.world.after(nanoseconds(duration_s), lambda: short(0.0))

    return short


def _missing_ground(bench: VirtualBench, params: Params) -> Action:
    each, mask = int(params.pop("each", 3)), int(params.pop("xor", 0x80))
    count = 0

    def flip(data: bytes) -> bytes:
        nonlocal count
        first, count = count, count + len(data)
        return bytes(byte ^ mask if (first + k) % each == 0 else byte for k, byte in enumerate(data))

    return lambda: bench.dut.mangles.append(flip)


def _silent_io(bench: VirtualBench, params: Params) -> Action:
    if bench.io is None:
        raise UsageError("virtual.fault", "this virtual bench has no IO manager", "make it with one")
    return lambda: bench.port("io").mangles.append(lambda data: b"")


def _other_firmware(bench: VirtualBench, params: Params) -> Action:
    workload, mode = params.pop("workload", bench.dut.workload), params.pop("mode", bench.dut.mode)

    def flash() -> None:
        bench.dut.flash(bench.dut.board, workload, mode)
        bench.dut.reset()

    return flash


WIRING: dict[str, Callable[[VirtualBench, Params], Action]] = {
    "open-timestamp": _open_timestamp,
    "inverted-pin": _inverted_pin,
    "open-supply": _open_supply,
    "other-output": _other_output,
    "back-powered": _back_powered,
    "short-circuit": _short_circuit,
    "missing-ground": _missing_ground,
    "silent-io": _silent_io,
    "other-firmware": _other_firmware,
}
"""Functions of the parameters that return the action for the fault's time."""
