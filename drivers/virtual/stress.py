"""More faults of the virtual bench: wires that delay, supplies that sag, converters that stand still.

They begin at the time that their parameters give (``drivers/virtual/triggers.py``).

- ``late-bytes``: what comes on the wire ``port`` (dut, io, monitor) within ``for_s`` (1 s) arrives ``by_s``
  (50 ms) late, and nothing overtakes it.
- ``early-mark``: the firmware makes the mark ``which`` (start) ``by_s`` (50 ms) too early: of the ``infer``
  number ``of`` (every).
- ``stray-edge``: ``count`` (1) pulses on the timestamp wire that the firmware did not make, ``gap_s`` (10 ms)
  apart, each ``width_s`` (1 ms) long.
- ``sagging-supply``: the DUT's supply gives ``by_v`` (0.1) less than it was set to; a negative one is more.
- ``extra-load``: something else on the supply draws ``current_a`` (0.01), for ``duration_s`` (for ever).
- ``stuck-readings``: the monitor's converter stands still: all samples have the power of that moment.
- ``zeroed-readings``: one in ``each`` (2) samples of the monitor is exactly zero.
- ``sparse-samples``: the monitor does not send ``count`` samples of each ``each_s`` (0.1 s), for ``for_s``
  (12 s).
- ``misreading``: the monitor's systematic errors become ``gain`` and ``offset_a``, as in its settings; a
  parameter that is not given leaves its error as it is. Readings that an instrument keeps, to be fetched
  (2450, 2461, N6705), have the errors of the moment when they are fetched.
- ``losing-host``: only the first ``keep`` (833) of every ``of`` (5000) samples of the monitor arrive.
- ``drifting-clock``: the clock of ``port`` (monitor, io) becomes faster by ``ppm`` (2000).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from drivers.virtual.pin import Cause
from drivers.virtual.world import nanoseconds
from energy.errors import UsageError

if TYPE_CHECKING:
    from drivers.virtual.bench import VirtualBench
    from drivers.virtual.twin import MonitorTwin

Params = dict[str, Any]
Action = Callable[[], None]

_LOSS_LOOK_NS = 5_000_000
"""Shorter than any monitor's block, so that the next loss is planned before its samples are sent."""


def monitor_of(bench: VirtualBench) -> MonitorTwin:
    """The bench's monitor; ``virtual.fault`` where it has none."""
    if bench.monitor is None:
        raise UsageError(
            "virtual.fault", "this virtual bench has no monitor", "make it with monitor='lpm01a'"
        )
    return bench.monitor


class _Late:
    """Holds back what is sent on a wire for some time; what is sent meanwhile waits behind it."""

    def __init__(
        self, bench: VirtualBench, deliver: Callable[[bytes], None], by_ns: int, for_ns: int
    ) -> None:
        self._bench, self._world, self._deliver = bench, bench.world, deliver
        self._by_ns, self._for_ns = by_ns, for_ns
        self._until_ns = self._free_ns = -1
        self._delivering = False

    def begin(self) -> None:
        """From now on."""
        self._until_ns = self._world.now_ns + self._for_ns

    def __call__(self, data: bytes) -> bytes:
        now_ns = self._world.now_ns
        if self._delivering or (now_ns > self._until_ns and now_ns > self._free_ns) or not data:
            return data
        self._bench.struck += 1
        self._free_ns = max(now_ns + self._by_ns if now_ns <= self._until_ns else now_ns, self._free_ns)

        def arrive() -> None:
            self._delivering = True
            self._deliver(data)
            self._delivering = False

        self._world.at(self._free_ns, arrive)
        return b""


def _late_bytes(bench: VirtualBench, params: Params) -> Action:
    name: str = params.pop("port", "dut")
    by_ns, for_ns = nanoseconds(params.pop("by_s", 50e-3)), nanoseconds(params.pop("for_s", 1.0))
    if name == "dut":
        dut = bench.dut

        def arrive(data: bytes) -> None:
            dut.listener(data, bench.world.now_ns - len(data) * dut.tx.byte_ns, dut.tx.byte_ns)

        late = _Late(bench, arrive, by_ns, for_ns)
        dut.mangles.append(late)
    else:
        port = bench.port(name)
        late = _Late(bench, port.write, by_ns, for_ns)
        port.mangles.append(late)
    return late.begin


def _early_mark(bench: VirtualBench, params: Params) -> Action:
    cause: Cause = params.pop("which", "start")
    of: int | None = params.pop("of", None)
    by_ns = nanoseconds(params.pop("by_s", 50e-3))
    dut = bench.dut
    if dut.early is None:
        raise UsageError("virtual.fault", "an emulated DUT has no early marks", "Use the twin of the DUT.")

    def begin() -> None:
        def early(number: int) -> int:
            return by_ns if of in (None, number) else 0

        dut.early = {**(dut.early or {}), cause: early}

    return begin


def _stray_edge(bench: VirtualBench, params: Params) -> Action:
    count, gap_ns = int(params.pop("count", 1)), nanoseconds(params.pop("gap_s", 10e-3))
    width_ns = nanoseconds(params.pop("width_s", 1e-3))

    def begin() -> None:
        for k in range(count):
            bench.world.after(k * gap_ns, lambda: bench.dut.pin.stray(width_ns))

    return begin


def _sagging_supply(bench: VirtualBench, params: Params) -> Action:
    by_v = float(params.pop("by_v", 0.1))

    def sag() -> None:
        bench.world.supply.sag_v = by_v

    return sag


def _extra_load(bench: VirtualBench, params: Params) -> Action:
    current_a = float(params.pop("current_a", 0.01))
    duration_s: float | None = params.pop("duration_s", None)

    def load(current_a: float = current_a) -> None:
        bench.dut.extra_w = current_a * bench.world.supply.output_v
        bench.dut.power()
        if current_a and duration_s is not None:
            bench.world.after(nanoseconds(duration_s), lambda: load(0.0))

    return load


Numbers = npt.NDArray[np.float64]


def _stuck_readings(bench: VirtualBench, params: Params) -> Action:
    world = bench.world

    def stick() -> None:
        power_w, since_ns = world.timeline.power_w(world.now_ns), world.now_ns

        def stuck(origin_ns: int, offsets_ns: Numbers, energies: Numbers) -> Numbers:
            late = origin_ns + offsets_ns[:-1] >= since_ns
            return np.where(late, np.diff(offsets_ns) * 1e-9 * power_w, energies)

        world.timeline.disturb.append(stuck)

    return stick


def _zeroed_readings(bench: VirtualBench, params: Params) -> Action:
    each = int(params.pop("each", 2))
    world = bench.world

    def begin() -> None:
        since_ns = world.now_ns

        def zero(origin_ns: int, offsets_ns: Numbers, energies: Numbers) -> Numbers:
            periods = np.rint(offsets_ns[:-1] / (offsets_ns[-1] - offsets_ns[0]) * (len(offsets_ns) - 1))
            hit = (origin_ns + offsets_ns[:-1] >= since_ns) & (periods % each == 0)
            return np.where(hit, 0.0, energies)

        world.timeline.disturb.append(zero)

    return begin


def _sparse_samples(bench: VirtualBench, params: Params) -> Action:
    monitor, world = monitor_of(bench), bench.world
    count, each_ns = int(params.pop("count")), nanoseconds(params.pop("each_s", 0.1))
    for_ns = nanoseconds(params.pop("for_s", 12.0))

    def begin() -> None:
        end_ns = world.now_ns + for_ns

        def lose() -> None:
            if monitor.running:
                first = monitor.position()
                monitor.drop.append((first, first + count))
            if world.now_ns < end_ns:
                world.after(each_ns, lose)

        lose()

    return begin


def _losing_host(bench: VirtualBench, params: Params) -> Action:
    monitor = monitor_of(bench)
    keep, of = int(params.pop("keep", 833)), int(params.pop("of", 5000))

    def lose(following: int = 0) -> None:
        position = monitor.position() if monitor.running else 0
        following = following if following <= position + 2 * of else 0  # a new acquisition
        monitor.drop[:] = [lost for lost in monitor.drop if lost[1] > position - 50 * of]
        while following <= position + of:
            monitor.drop.append((following + keep, following + of))
            following += of
        bench.world.after(_LOSS_LOOK_NS, lambda: lose(following))

    return lose


def _misreading(bench: VirtualBench, params: Params) -> Action:
    monitor = monitor_of(bench)
    given = {name: params.pop(name) for name in ("gain", "offset_a") if name in params}
    errors = replace(monitor.misreads, **given)  # checks them

    def misread() -> None:
        for name in given:  # of the same object: parts of a twin have it, too
            setattr(monitor.misreads, name, getattr(errors, name))

    return misread


def _drifting_clock(bench: VirtualBench, params: Params) -> Action:
    ppm = float(params.pop("ppm", 2000.0))
    twin: Any = monitor_of(bench) if params.pop("port", "monitor") == "monitor" else bench.io
    if not hasattr(twin, "hasten"):
        raise UsageError(
            "virtual.fault", f"the clock of {type(twin).__name__} does not drift", "Plant another fault."
        )
    return lambda: twin.hasten(ppm)


STRESS: dict[str, Callable[[VirtualBench, Params], Action]] = {
    "late-bytes": _late_bytes,
    "early-mark": _early_mark,
    "stray-edge": _stray_edge,
    "sagging-supply": _sagging_supply,
    "extra-load": _extra_load,
    "stuck-readings": _stuck_readings,
    "zeroed-readings": _zeroed_readings,
    "sparse-samples": _sparse_samples,
    "misreading": _misreading,
    "losing-host": _losing_host,
    "drifting-clock": _drifting_clock,
}
"""Functions of the parameters that return the action for the fault's time."""
