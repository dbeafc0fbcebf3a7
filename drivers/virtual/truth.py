"""The truth of a virtual board at any voltage, clock and temperature, in closed form.

It is what a measurement should find. Nothing is simulated here: the world of the virtual bench has the same
energies, to the nanosecond and picowatt that it counts in (`drivers.virtual.timeline`). The formulas stand in
`drivers.virtual.boards.silicon`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drivers.virtual.boards import Board, load_board
from drivers.virtual.boards.silicon import Law, Outcome
from drivers.virtual.networks import Layer
from drivers.virtual.timeline import JOULE_PER_UNIT, Pattern
from drivers.virtual.world import REFERENCE_C

AwakeState = Literal["boot", "idle", "receive", "load", "post", "wake-up"]
"""States of constant power awake: it starts, waits, receives a command, loads the input, makes scores of the
output, wakes up."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where a board runs; None stands for the published voltage or clock.

    Attributes:
        voltage_v: Supply voltage.
        clock_hz: Clock of the processor.
        temperature_c: Temperature of the air, which is also the processor's.
    """

    voltage_v: float | None = None
    clock_hz: float | None = None
    temperature_c: float = REFERENCE_C


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A board with a workload at a point.

    Attributes:
        energy_j: Energy per inference.
        power_w: Mean power during inferences.
        throughput_ips: Inferences per second.
        outcome: ``runs``; ``wrong``: with these figures, but wrong scores; ``hangs``: no inferences.
        capacitance_f: C of the dynamic power C V^2 f of the inferences.
        dynamic_w: Dynamic part of the power; likewise ``leakage_w``, ``constant_w`` of a constant current.
    """

    energy_j: float
    power_w: float
    throughput_ips: float
    outcome: Outcome
    capacitance_f: float
    dynamic_w: float
    leakage_w: float
    constant_w: float


@dataclass(frozen=True, slots=True)
class LayerTruth:
    """A layer at a point.

    Attributes:
        layer: Operator, multiply-accumulates and parameters: facts of the model.
        duration_s: Its time in an inference, or alone.
        energy_j: Its energy.
    """

    layer: Layer
    duration_s: float
    energy_j: float


@dataclass(frozen=True, slots=True)
class PhaseTruth:
    """A phase of constant power: its time and energy."""

    duration_s: float
    energy_j: float


def operating_point(
    board: str | Board, workload: str, at: Point | None = None, *, deviation: float = 0.0
) -> OperatingPoint:
    """Energy, power, speed of inferences at a point, and whether they are right.

    Args:
        board: A board, or the name of an included board.
        workload: Workload id.
        at: Where it runs; None: at the published voltage and clock and 25 degC.
        deviation: Of the power at the published voltage: `Board.scatter` has one for each ``infer`` command.

    Raises:
        UsageError: ``virtual.no-board``, ``virtual.no-workload``, ``virtual.no-clock``.
    """
    board, voltage_v, clock_hz, temperature_c = _placed(board, at)
    pattern = board.inference(workload, deviation, clock_hz)
    law = board.awake(voltage_v, temperature_c)
    power_w = law.power_w(pattern.period_energy / pattern.period_ns * 1e-12)
    silicon = board.silicon
    leakage_a = silicon.leakage_a * silicon.leaks(board.voltage_v, voltage_v, temperature_c)
    leakage_w, constant_w = voltage_v * leakage_a, voltage_v * silicon.constant_a
    dynamic_w = power_w - leakage_w - constant_w
    return OperatingPoint(
        energy_j=_energy_j(pattern, law),
        power_w=power_w,
        throughput_ips=1e9 / pattern.period_ns,
        outcome=board.outcome(voltage_v, clock_hz),
        capacitance_f=dynamic_w / (voltage_v**2 * clock_hz) if clock_hz else 0.0,
        dynamic_w=dynamic_w,
        leakage_w=leakage_w,
        constant_w=constant_w,
    )


def true_layers(
    board: str | Board, workload: str, at: Point | None = None, *, deviation: float = 0.0
) -> tuple[LayerTruth, ...]:
    """Time and energy of each layer of an inference; their sums are those of `operating_point`.

    Args:
        board: A board, or the name of an included board.
        workload: Workload id.
        at: Where it runs; None: at the published voltage and clock and 25 degC.
        deviation: As `operating_point`; layers that run alone have none.

    Raises:
        UsageError: As `operating_point`.
    """
    board, voltage_v, clock_hz, temperature_c = _placed(board, at)
    law = board.awake(voltage_v, temperature_c)
    patterns = [board.layer(workload, k, deviation, clock_hz) for k in range(len(board.layers(workload)))]
    return tuple(
        LayerTruth(layer, pattern.period_ns * 1e-9, _energy_j(pattern, law))
        for layer, pattern in zip(board.layers(workload), patterns, strict=True)
    )


def state_w(board: str | Board, state: AwakeState, at: Point | None = None) -> float:
    """Power in a state of constant power awake, in watt; `sleep_w` is the power asleep."""
    board, voltage_v, clock_hz, temperature_c = _placed(board, at)
    if state == "boot":
        reference_w = board.boot_w  # on a clock of its own
    else:
        powers = {
            "idle": board.idle_w,
            "receive": board.receive_w,
            "load": board.load_w,
            "post": board.post_w,
            "wake-up": board.wake_w,
        }
        reference_w = board.clocked_w(powers[state], clock_hz)
    return board.awake(voltage_v, temperature_c).power_w(reference_w)


def idle_w(board: str | Board, at: Point | None = None) -> float:
    """Power while it waits for commands, in watt."""
    return state_w(board, "idle", at)


def sleep_w(board: str | Board, at: Point | None = None) -> float:
    """Power asleep, in watt; the clock does not matter."""
    board, voltage_v, _, temperature_c = _placed(board, at)
    return board.asleep(voltage_v, temperature_c).power_w(board.sleep_w)


def wake_up(board: str | Board, at: Point | None = None) -> PhaseTruth:
    """Time and energy from sleep until it runs."""
    board, *_ = _placed(board, at)
    return PhaseTruth(board.wake_s, board.wake_s * state_w(board, "wake-up", at))


def pre_processing(board: str | Board, at: Point | None = None) -> PhaseTruth:
    """Time and energy to load the input tensor."""
    board, _, clock_hz, _ = _placed(board, at)
    duration_s = board.slowed(board.load_s, clock_hz)
    return PhaseTruth(duration_s, duration_s * state_w(board, "load", at))


def post_processing(board: str | Board, at: Point | None = None) -> PhaseTruth:
    """Time and energy to make scores of the output tensor."""
    board, _, clock_hz, _ = _placed(board, at)
    duration_s = board.slowed(board.post_s, clock_hz)
    return PhaseTruth(duration_s, duration_s * state_w(board, "post", at))


def _placed(board: str | Board, at: Point | None) -> tuple[Board, float, float | None, float]:
    """The board, and voltage, clock and temperature of a point."""
    board, at = load_board(board) if isinstance(board, str) else board, at or Point()
    clock_hz = board.clock_hz if at.clock_hz is None else board.checked_clock(at.clock_hz)
    voltage_v = board.voltage_v if at.voltage_v is None else at.voltage_v
    return board, voltage_v, clock_hz, at.temperature_c


def _energy_j(pattern: Pattern, law: Law) -> float:
    """Energy of a whole pattern under a law."""
    return law.slope * pattern.period_energy * JOULE_PER_UNIT + law.offset_w * pattern.period_ns * 1e-9
