"""The protocols of a DUT and of the IO manager between it and the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from energy.instruments.links import Identity

Mode = Literal["performance", "energy"]


Standing = Literal["idle", "sleep"]
"""How a DUT does nothing."""


@dataclass(frozen=True, slots=True)
class Inference:
    """A DUT's answer to an ``infer`` command.

    Attributes:
        results: The scores of the last inference; none for a layer alone.
        start_us: The DUT's own time before the first measured inference; None in energy mode.
        stop_us: The same after the last; None in energy mode.
        lines: All lines of the answer.
        reported_s: When the lines before the first and after the last measured inference had arrived, on the
            session's clock; None if either did not come.
    """

    results: tuple[float, ...]
    start_us: int | None
    stop_us: int | None
    lines: tuple[str, ...]
    reported_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A DUT's description of its firmware.

    Attributes:
        name: The profile.
        model: Id of the model; empty if the firmware does not state it.
        weights: Origin of weights that are not those of a trained network (``"synthetic, seed 1"``); empty
            if the firmware states none.
    """

    name: str
    model: str
    weights: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a DUT's network.

    Attributes:
        index: Its place in the order of execution, from 0.
        operator: The operator's name in a ``.tflite`` file (``"CONV_2D"``).
        macs: Multiply-accumulates of an inference; padding counts as if it were input.
        parameter_bytes: Size of its weights and biases.
    """

    index: int
    operator: str
    macs: int
    parameter_bytes: int


class Dut(Protocol):
    """The board that is measured, through its serial protocol (protocols.md 1)."""

    def wait_ready(self, timeout_s: float) -> Mode:
        """Waits for the end of the boot messages; returns the mode that the firmware was built for."""
        ...

    def name(self) -> str:
        """``name%``: the vendor's name."""
        ...

    def profile(self) -> Profile:
        """``profile%``: profile, model id, and what else the firmware states about its network."""
        ...

    def command(self, text: str, timeout_s: float | None = None) -> tuple[str, ...]:
        """Any line, such as ``clock 80000000``; returns the lines before its ``m-ready``."""
        ...

    def timestamp(self) -> int | None:
        """``timestamp%``: microseconds in performance mode; in energy mode an edge and None."""
        ...

    def load(self, data: bytes) -> None:
        """``db load``, then as many ``db`` commands as the data need."""
        ...

    def infer(self, iterations: int, warmups: int, timeout_s: float) -> Inference:
        """``infer N W``: always with W, whose default is 10 and documented as 0 (protocols.md 1.3)."""
        ...

    def results(self) -> tuple[float, ...]:
        """``results%``: the scores of the last inference, again."""
        ...

    def layers(self) -> tuple[Layer, ...]:
        """The layers of its network, in the order of their execution; firmware of ours only."""
        ...

    def infer_layer(self, index: int, iterations: int, timeout_s: float) -> Inference:
        """Runs a layer alone, of the loaded input, between two marks; firmware of ours only."""
        ...

    def stand(self, how: Standing, milliseconds: int, count: int, timeout_s: float) -> Inference:
        """Idles or sleeps between two marks, so often and so long each time; awake again after each sleep."""
        ...

    def mark_phases(self, on: bool) -> float | None:
        """Whether ``infer`` marks the phases of each inference; firmware of ours only.

        Returns:
            Length in s of the mark before each inference; None if they are not marked.
        """
        ...

    def close(self) -> None:
        """Closes the link. It may be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Lap:
    """The time of an edge, as an IO manager measured it.

    Attributes:
        own_s: The edge on the IO manager's clock, in seconds; never goes back.
        host_s: When the IO manager's message had arrived, on the session's clock.
    """

    own_s: float
    host_s: float


@dataclass(frozen=True, slots=True)
class LapTiming:
    """The stated limits of an IO manager's times.

    Attributes:
        tick_s: Resolution of its clock: a time is at most this much too early.
        late_s: Longest delay from the edge until its clock is read (interrupt latency).
        message_s: Shortest and longest delay from the edge until its message has arrived.
        rate_tolerance: Largest fraction by which its clock may run fast or slow.
    """

    tick_s: float
    late_s: float
    message_s: tuple[float, float]
    rate_tolerance: float


class IoManager(Protocol):
    """The isolated relay between host and DUT, usually with a timer for the DUT's edges (protocols.md 2).

    Attributes:
        timing: Limits of its times; None where it has no timer.
    """

    timing: LapTiming | None

    def identify(self) -> Identity:
        """Asks for its name and version."""
        ...

    def prepare(self) -> None:
        """Falling edges, timer on: ``tm 0`` then ``enable-timer``, in this order."""
        ...

    def dut(self) -> Dut:
        """The DUT behind it."""
        ...

    def laps(self) -> list[Lap]:
        """The edges that it has timed since the last call."""
        ...

    def pulse_s(self, mark: Callable[[], object]) -> float | None:
        """How long a mark of the DUT holds the pin, by both its edges; then it is as after ``prepare``.

        Args:
            mark: Has the DUT make a mark, and returns when it has.

        Returns:
            Seconds, 0 for a pulse too short for two separate edges; None if no edge came, or where it
            times none.
        """
        ...

    def release(self) -> None:
        """Timer off."""
        ...

    def close(self) -> None:
        """Closes the link. It may be called twice."""
        ...
