"""Faults of the virtual bench, by name.

When a fault begins: ``drivers/virtual/triggers.py``.

- ``silent-dut``: the DUT neither receives nor sends. ``silent-monitor``: the monitor neither answers nor
  streams, but still supplies. ``silent-supply``: the same for the supply beside it.
- ``wrong-baud``: the DUT's UART runs at ``baud`` (57600).
- ``garbled-bytes``: ``count`` (1) bytes to the host on the wire ``port`` (dut, io, monitor, supply;
  ``to-dut``, ``to-io`` and so on are the wires from the host) are xored with ``xor`` (0x80); if ``after`` is
  given, those after that text, and after ``skip`` (0) more bytes.
- ``lost-bytes``: the same, but the bytes are lost. ``doubled-bytes``: they arrive twice.
- ``lost-message``: the next ``count`` (1) messages on the wire ``port``, each what is sent at once, are lost.
  ``half-message``: their second halves are. ``doubled-message``: they arrive twice.
  ``garbled-message``: their middle byte is xored with ``xor`` (0x80).
- ``missing-edge``: the mark ``edge`` (number from 0, the boot mark), or ``which`` (start, stop) of ``infer``,
  does not arrive. The same parameters for:
- ``doubled-edge``: it arrives again after ``gap_s`` (5 ms).
- ``bouncing-edge``: it arrives ``bounces`` (3) more times, ``gap_s`` (10 us) apart.
- ``short-pulse``: it is ``width_s`` (200 ns) long. ``late-edge``: it arrives ``by_s`` (50 ms) late.
- ``error-answer``: the command that begins with ``command`` is refused, ``times`` (1) times, by ``port``
  (monitor, dut), with ``text``.
- ``overcurrent-stop``: the monitor's protection ends the acquisition.
- ``dropped-samples``: the monitor does not send ``count`` (100) samples.
- ``brown-out``: the DUT resets.
- ``lost-supply``: the output that powers the DUT, of the monitor or the supply beside it, goes off by itself.
- ``unplugged-port``: the host's link ``port`` (dut, io, monitor, supply) is gone. The monitor, and the DUT's
  supply with it, lose their power with the USB plug, unless ``powered`` (false) is true.

Edge faults with ``every`` (false) apply to each mark, or to each mark ``which``. Wrong wiring:
``drivers/virtual/wiring.py``. Consoles of other DUTs: ``drivers/virtual/consoles.py``. More faults:
``drivers/virtual/stress.py``. A monitor's twin may have faults of its own (``MonitorTwin.faults``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from drivers.virtual.consoles import CONSOLES
from drivers.virtual.damage import Change, Damage, MessageDamage, first_half, in_the_middle
from drivers.virtual.pin import Mark, Pulse
from drivers.virtual.stress import STRESS, monitor_of
from drivers.virtual.triggers import when
from drivers.virtual.wiring import WIRING
from drivers.virtual.world import nanoseconds
from energy.errors import UsageError

if TYPE_CHECKING:
    from drivers.virtual.bench import VirtualBench
    from drivers.virtual.twin import Params


def plant(bench: VirtualBench, name: str, params: Params) -> None:
    """Plants a fault.

    Raises:
        UsageError: ``virtual.fault`` for an unknown name or parameter.
    """
    left = dict(params)
    own = bench.monitor.faults if bench.monitor else {}
    if name in FAULTS:
        FAULTS[name](bench, left)
    elif name in ACTIONS:
        when(bench, left, ACTIONS[name](bench, left), strikes=name != "late-bytes")
    elif name in own:
        when(bench, left, own[name](left))
    else:
        raise UsageError(
            "virtual.fault",
            f"the virtual bench has no fault {name!r}",
            f"it has {', '.join(sorted({*FAULTS, *ACTIONS, *own}))}",
        )
    if left:
        raise UsageError(
            "virtual.fault",
            f"the fault {name} has no parameter {', '.join(sorted(left))}",
            "its parameters are listed in drivers/virtual: faults.py, stress.py, wiring.py, consoles.py",
        )


def of_monitor(fault: str | Sequence[Any]) -> bool:
    """Whether a fault (a name, or name and parameters) needs a monitor."""
    name: str = fault if isinstance(fault, str) else fault[0]
    params: Params = {} if isinstance(fault, str) else fault[1]
    if name == "error-answer":
        return params.get("port", "monitor") == "monitor"
    known = name in FAULTS or name in ACTIONS
    return name in _OF_MONITOR or not known or params.get("port") == "monitor"


# UART and USB


def _damage(bench: VirtualBench, params: Params, damage: Callable[[bytes], bytes]) -> None:
    name = params.pop("port", "dut")
    fault = Damage(
        int(params.pop("count", 1)),
        int(params.pop("skip", 0)),
        params.pop("after", "").encode("latin-1"),
        damage,
        bench,
    )
    _put_on(bench, name, fault)
    when(bench, params, fault.arm, strikes=False)


def _put_on(bench: VirtualBench, wire: str, damage: Change) -> None:
    """Puts damage on a wire: one from an instrument, or ``to-`` it."""
    if wire in ("dut", "to-dut"):
        (bench.dut.mangles if wire == "dut" else bench.dut.hears).append(damage)
    elif wire.startswith("to-"):
        port = bench.port(wire.removeprefix("to-"))
        take = port.on_bytes
        port.on_bytes = lambda data: take(damage(data))
    else:
        bench.port(wire).mangles.append(damage)


def _damage_message(bench: VirtualBench, params: Params, damage: Change) -> None:
    name = params.pop("port", "dut")
    fault = MessageDamage(int(params.pop("count", 1)), damage, bench)
    _put_on(bench, name, fault)
    when(bench, params, fault.arm, strikes=False)


def _lost_message(bench: VirtualBench, params: Params) -> None:
    _damage_message(bench, params, lambda data: b"")


def _half_message(bench: VirtualBench, params: Params) -> None:
    _damage_message(bench, params, first_half)


def _doubled_message(bench: VirtualBench, params: Params) -> None:
    _damage_message(bench, params, lambda data: data + data)


def _garbled_message(bench: VirtualBench, params: Params) -> None:
    mask = int(params.pop("xor", 0x80))
    _damage_message(bench, params, lambda data: in_the_middle(data, mask))


def _garbled_bytes(bench: VirtualBench, params: Params) -> None:
    mask = int(params.pop("xor", 0x80))
    _damage(bench, params, lambda data: bytes(byte ^ mask for byte in data))


def _lost_bytes(bench: VirtualBench, params: Params) -> None:
    _damage(bench, params, lambda data: b"")


def _doubled_bytes(bench: VirtualBench, params: Params) -> None:
    _damage(bench, params, lambda data: data + data)


def _silent_dut(bench: VirtualBench, params: Params) -> None:
    def silence() -> None:
        bench.dut.silent = True

    when(bench, params, silence)


def _silent_monitor(bench: VirtualBench, params: Params) -> None:
    monitor = monitor_of(bench)

    def silence() -> None:
        monitor.silent = True

    when(bench, params, silence)


def _silent_supply(bench: VirtualBench, params: Params) -> None:
    supply = bench.supply
    if supply is None:
        raise UsageError("virtual.fault", "this virtual bench has no supply", "make it with supply='scpi'")

    def silence() -> None:
        supply.silent = True

    when(bench, params, silence)


def _wrong_baud(bench: VirtualBench, params: Params) -> None:
    baud = int(params.pop("baud", 57600))

    def change() -> None:
        bench.dut.baud = baud

    when(bench, params, change)


def _unplugged_port(bench: VirtualBench, params: Params) -> None:
    name: str = params.pop("port", "dut")
    # A Joulescope's twin has no port, only its plug.
    port = None if name == "monitor" and "monitor" not in bench.ports else bench.port(name)
    powered = bool(params.pop("powered", False)) and port is not None

    def unplug() -> None:
        if port is not None:
            port.unplug()
        if name == "monitor" and not powered:
            monitor_of(bench).lose_power()

    when(bench, params, unplug)


def _error_answer(bench: VirtualBench, params: Params) -> None:
    port: str = params.pop("port", "monitor")
    command: str = params.pop("command")
    left = int(params.pop("times", 1))
    text: str = params.pop("text", "e-[planted error]" if port == "dut" else "planted error")
    armed = False

    def arm() -> None:
        nonlocal armed
        armed = True

    def refuse(received: str) -> str | None:
        nonlocal left
        if not armed or not left or not received.startswith(command):
            return None
        left -= 1
        bench.struck += 1
        return text

    when(bench, params, arm, strikes=False)
    (bench.dut.answers if port == "dut" else monitor_of(bench).refuse).append(refuse)


# The timestamp wire


def _edge_fault(bench: VirtualBench, params: Params, change: Callable[[list[Pulse]], list[Pulse]]) -> None:
    edge: int | None = params.pop("edge", None)
    infer: int | None = params.pop("infer", None)
    which: str | None = params.pop("which", None)
    every = bool(params.pop("every", False))

    def disturb(mark: Mark, pulses: list[Pulse]) -> list[Pulse]:
        if every:
            hit = which in (None, mark.cause)
        elif edge is not None:
            hit = mark.index == edge
        else:
            hit = (mark.infer, mark.cause) == (infer or 0, which or "start")
        bench.struck += hit
        return change(pulses) if hit else pulses

    bench.dut.pin.disturb.append(disturb)


def _missing_edge(bench: VirtualBench, params: Params) -> None:
    _edge_fault(bench, params, lambda pulses: [])


def _repeated_edge(bench: VirtualBench, params: Params, bounces: int, gap_s: float) -> None:
    bounces = int(params.pop("bounces", bounces))
    gap_ns = nanoseconds(params.pop("gap_s", gap_s))

    def repeat(pulses: list[Pulse]) -> list[Pulse]:
        width = min(pulses[0][1], max(gap_ns // 2, 1))
        return [
            *((delay, width) for delay in range(0, bounces * gap_ns, gap_ns)),
            (bounces * gap_ns, pulses[0][1]),
        ]

    _edge_fault(bench, params, repeat)


def _doubled_edge(bench: VirtualBench, params: Params) -> None:
    _repeated_edge(bench, params, 1, 5e-3)


def _bouncing_edge(bench: VirtualBench, params: Params) -> None:
    _repeated_edge(bench, params, 3, 10e-6)


def _short_pulse(bench: VirtualBench, params: Params) -> None:
    width_ns = nanoseconds(params.pop("width_s", 200e-9))
    _edge_fault(bench, params, lambda pulses: [(delay, width_ns) for delay, _ in pulses])


def _late_edge(bench: VirtualBench, params: Params) -> None:
    late_ns = nanoseconds(params.pop("by_s", 50e-3))
    _edge_fault(bench, params, lambda pulses: [(delay + late_ns, width) for delay, width in pulses])


# The monitor and the board


def _overcurrent_stop(bench: VirtualBench, params: Params) -> None:
    monitor = monitor_of(bench)

    def protect() -> bool:
        if monitor.running:
            monitor.overcurrent()
            return True
        return False

    when(bench, params, protect)


def _dropped_samples(bench: VirtualBench, params: Params) -> None:
    monitor = monitor_of(bench)
    count = int(params.pop("count", 100))

    def drop() -> None:
        first = monitor.position()
        monitor.drop.append((first, first + count))

    when(bench, params, drop)


def _brown_out(bench: VirtualBench, params: Params) -> None:
    when(bench, params, bench.dut.reset)


def _lost_supply(bench: VirtualBench, params: Params) -> None:
    def lose() -> None:
        if bench.monitor is not None and bench.monitor.sources:
            bench.monitor.lose_output()
        elif bench.supply is not None:
            bench.supply.lose_output()
        else:
            bench.world.supply.switch(False)

    when(bench, params, lose)


ACTIONS = {**WIRING, **STRESS, **CONSOLES}
"""Faults whose functions return the action for their time."""
_OF_MONITOR = frozenset(
    ("silent-monitor", "overcurrent-stop", "dropped-samples", "sparse-samples", "losing-host", "misreading")
)

FAULTS: dict[str, Callable[[VirtualBench, Params], None]] = {
    "silent-dut": _silent_dut,
    "wrong-baud": _wrong_baud,
    "garbled-bytes": _garbled_bytes,
    "lost-bytes": _lost_bytes,
    "doubled-bytes": _doubled_bytes,
    "lost-message": _lost_message,
    "half-message": _half_message,
    "doubled-message": _doubled_message,
    "garbled-message": _garbled_message,
    "missing-edge": _missing_edge,
    "doubled-edge": _doubled_edge,
    "bouncing-edge": _bouncing_edge,
    "short-pulse": _short_pulse,
    "late-edge": _late_edge,
    "error-answer": _error_answer,
    "overcurrent-stop": _overcurrent_stop,
    "dropped-samples": _dropped_samples,
    "brown-out": _brown_out,
    "lost-supply": _lost_supply,
    "unplugged-port": _unplugged_port,
    "silent-monitor": _silent_monitor,
    "silent-supply": _silent_supply,
}
"""All faults by name."""
