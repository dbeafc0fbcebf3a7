"""What a DUT and the IO manager before it must be able to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from energy.instruments.links import Identity

Mode = Literal["performance", "energy"]


@dataclass(frozen=True, slots=True)
class Inference:
    """What a DUT said to one ``infer`` command.

    Attributes:
        results: The scores of the last inference.
        start_us: DUT's own time before the first measured inference; None in energy mode.
        stop_us: After the last; None in energy mode.
        lines: Everything it said.
        told_s: When the lines before the first measured inference and after the last one had come, on the
            session's clock; None where one of them did not come.
    """

    results: tuple[float, ...]
    start_us: int | None
    stop_us: int | None
    lines: tuple[str, ...]
    told_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """What a DUT says of its firmware.

    Attributes:
        name: The profile.
        model: Id of the model; empty where the firmware does not tell it.
        weights: What it says of weights that are not those of a trained network (``"synthetic, seed 1"``);
            empty for a firmware that says nothing of the kind.
    """

    name: str
    model: str
    weights: str = ""


class Dut(Protocol):
    """The board that is measured, through its serial protocol (protocols.md 1)."""

    def wait_ready(self, timeout_s: float) -> Mode:
        """Waits for the end of the boot messages; returns the mode that the firmware was built for."""
        ...

    def name(self) -> str:
        """``name%``: the vendor's name."""
        ...

    def profile(self) -> Profile:
        """``profile%``: profile, model id, and what else the firmware says of its network."""
        ...

    def timestamp(self) -> int | None:
        """``timestamp%``: microseconds in performance mode; in energy mode an edge and None."""
        ...

    def load(self, data: bytes) -> None:
        """``db load`` and as many ``db`` as it takes."""
        ...

    def infer(self, iterations: int, warmups: int, timeout_s: float) -> Inference:
        """``infer N W``: always with W, whose default is 10 and documented as 0 (protocols.md 1.3)."""
        ...

    def results(self) -> tuple[float, ...]:
        """``results%``: the scores of the last inference once more."""
        ...

    def close(self) -> None:
        """Lets go of the link. Harmless if done twice."""
        ...


@dataclass(frozen=True, slots=True)
class Lap:
    """An edge as an IO manager has timed it.

    Attributes:
        own_s: On its own clock, in seconds; never goes back.
        host_s: When its message had come, on the session's clock.
    """

    own_s: float
    host_s: float


@dataclass(frozen=True, slots=True)
class LapTiming:
    """What is known beforehand of an IO manager's times.

    Attributes:
        tick_s: Resolution of its clock: a time is this much too early at most.
        late_s: How long after the edge its clock is read, at most (interrupt latency).
        message_s: How long after the edge its message has come, at least and at most.
        rate_tolerance: By which fraction its clock may run fast or slow.
    """

    tick_s: float
    late_s: float
    message_s: tuple[float, float]
    rate_tolerance: float


class IoManager(Protocol):
    """The isolated relay between host and DUT, mostly with a timer on the DUT's edge (protocols.md 2).

    Attributes:
        timing: What its times are worth; None where it has no timer.
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
        """The edges that it has timed since it was asked last."""
        ...

    def pulse_s(self, mark: Callable[[], object]) -> float | None:
        """How long a mark of the DUT holds the pin, by both its edges; then it is as after ``prepare``.

        Args:
            mark: Has the DUT make a mark, and returns when it has.

        Returns:
            Seconds, 0 for a pulse too short for two edges to be told apart; None if no edge came, or where it
            times none.
        """
        ...

    def release(self) -> None:
        """Timer off."""
        ...

    def close(self) -> None:
        """Lets go of the link. Harmless if done twice."""
        ...
