"""What an instrument must be able to do: the protocols between a session and the drivers.

A driver implements one of these protocols over a link; a session knows nothing else of it. Whatever a
monitor streams goes into a ``Sink``, from a thread of the driver's own; commands and replies run in the
session's thread. All waiting is done on one injected ``Clock``, so that the same code runs in real time with
instruments and in virtual time with their twins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from energy.errors import JoulebenchError
from energy.signal import Block, Edge, Gap, RangeChange, Signal

Mode = Literal["performance", "energy"]


@dataclass(slots=True)
class Traffic:
    """Bytes that have gone over a link: ``sent`` by the host, ``received`` and dealt with by the host."""

    sent: int = 0
    received: int = 0


class Clock(Protocol):
    """Time for whoever waits. Only differences of ``now`` mean anything."""

    def now(self) -> float:
        """Seconds since some beginning; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Lets this much time pass."""
        ...

    def wait(self, seconds: float) -> None:
        """Lets at most this much time pass, and less as soon as something may have arrived on a link."""
        ...

    def attach(self, url: str, traffic: Traffic) -> None:
        """Makes a link known. A virtual clock does not move before what is on its way has arrived."""
        ...


@dataclass(slots=True)
class Deadline:
    """A point in time on a clock."""

    clock: Clock
    seconds: float
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = self.clock.now() + self.seconds

    def remaining(self) -> float:
        """Seconds left, at least 0."""
        return max(self._end - self.clock.now(), 0.0)

    def expired(self) -> bool:
        """Whether no time is left."""
        return self.clock.now() >= self._end


@dataclass(frozen=True, slots=True)
class Line:
    r"""One line on one wire, as a session's log keeps it.

    Attributes:
        time_s: On the session's clock.
        source: The wire: ``"dut"``, ``"io"``, ``"monitor"``.
        sent: True for host to instrument.
        text: The line without its terminator; bytes that are not printable ASCII as ``\\xNN``.
    """

    time_s: float
    source: str
    sent: bool
    text: str


Transcript = Callable[[Line], None]
"""Takes every line as it passes; must be quick and may be called from any thread."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answered.

    Attributes:
        model: ``"X-NUCLEO-LPM01A"``.
        serial_number: As the instrument states it, or empty.
        firmware: As the instrument states it, or empty.
        url: Where it is connected.
        virtual: Whether it is a twin.
        details: Anything else it said.
    """

    model: str
    serial_number: str = ""
    firmware: str = ""
    url: str = ""
    virtual: bool = False
    details: dict[str, Any] = field(default_factory=dict[str, Any])


class Sink(Protocol):
    """Takes what a monitor streams. Its methods are called from the driver's thread and return quickly."""

    def block(self, block: Block) -> None:
        """Samples, in order."""
        ...

    def edge(self, edge: Edge) -> None:
        """An edge, in order; its samples may have come already or not yet."""
        ...

    def gap(self, gap: Gap) -> None:
        """Samples were lost."""
        ...

    def range_change(self, change: RangeChange) -> None:
        """The monitor changed its range."""
        ...

    def edges_complete(self, position: float) -> None:
        """No edge before this position will still come."""
        ...

    def fault(self, error: JoulebenchError) -> None:
        """The stream has ended or cannot be trusted any more (overcurrent stop, unplugged, garbled)."""
        ...


@dataclass(frozen=True, slots=True)
class MonitorLimits:
    """What a monitor can do, for checks before anything is switched.

    Attributes:
        lowest_v: Lowest supply voltage that it can give or measure.
        highest_v: Highest.
        highest_a: Highest current that it can measure.
        rates_hz: Sample rates that it offers.
        sees_edges: Whether edges come in its own stream.
        sources: Whether it powers the DUT itself.
    """

    lowest_v: float
    highest_v: float
    highest_a: float
    rates_hz: tuple[float, ...]
    sees_edges: bool
    sources: bool


class Monitor(Protocol):
    """Watches the DUT's supply."""

    limits: MonitorLimits

    def identify(self) -> Identity:
        """Asks the instrument who it is. Nothing is switched."""
        ...

    def configure(self, rate_hz: float, voltage_v: float) -> Signal:
        """Sets it up, each setting acknowledged; returns what its samples will mean."""
        ...

    def settings(self) -> dict[str, Any]:
        """The settings that the instrument acknowledged, for the session's record."""
        ...

    def start(self, sink: Sink) -> None:
        """Starts the stream."""
        ...

    def stop(self) -> None:
        """Stops the stream; when it returns the sink has everything."""
        ...

    def close(self) -> None:
        """Lets go of the link. Harmless if done twice."""
        ...


class Supply(Protocol):
    """Powers the DUT. A monitor that sources is one, too."""

    def set_voltage(self, voltage_v: float) -> None:
        """Sets the output voltage; the output stays as it is."""
        ...

    def on(self) -> None:
        """Switches the output on."""
        ...

    def off(self) -> None:
        """Switches the output off. It is tried even if the instrument is in an unknown state."""
        ...

    def close(self) -> None:
        """Lets go of the link. Harmless if done twice."""
        ...


@dataclass(frozen=True, slots=True)
class Inference:
    """What a DUT said to one ``infer`` command.

    Attributes:
        results: The scores of the last inference.
        start_us: DUT's own time before the first measured inference; None in energy mode.
        stop_us: After the last; None in energy mode.
        lines: Everything it said.
    """

    results: tuple[float, ...]
    start_us: int | None
    stop_us: int | None
    lines: tuple[str, ...]


class Dut(Protocol):
    """The board that is measured, through its serial protocol (protocols.md 1)."""

    def wait_ready(self, timeout_s: float) -> Mode:
        """Waits for the end of the boot messages; returns the mode that the firmware was built for."""
        ...

    def name(self) -> str:
        """``name%``: the vendor's name."""
        ...

    def profile(self) -> tuple[str, str]:
        """``profile%``: profile and model id."""
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


class IoManager(Protocol):
    """The isolated relay between host and DUT, with a timer on the DUT's edge (protocols.md 2)."""

    def identify(self) -> Identity:
        """Asks for its name and version."""
        ...

    def prepare(self) -> None:
        """Falling edges, timer on: ``tm 0`` then ``enable-timer``, in this order."""
        ...

    def dut(self) -> Dut:
        """The DUT behind it."""
        ...

    def laps_us(self) -> list[int]:
        """Times of the edges that it saw since it was asked last, in its own microseconds, unwrapped."""
        ...

    def release(self) -> None:
        """Timer off."""
        ...

    def close(self) -> None:
        """Lets go of the link. Harmless if done twice."""
        ...
