"""What a monitor and a supply must be able to do, and what they say about themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from energy.errors import JoulebenchError
from energy.instruments.links import Identity
from energy.signal import Block, DigitalBlock, DigitalInput, Edge, Gap, RangeChange, Signal


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

    def digital(self, source: DigitalInput, block: DigitalBlock) -> None:
        """Levels of a digital input; the edges on it are found by whoever takes them."""
        ...

    def edges_complete(self, position: float) -> None:
        """No edge before this position will still come.

        An edge that comes later and lies before it by more than its bound is left out, and an error.
        """
        ...

    def fault(self, error: JoulebenchError) -> None:
        """The stream has ended or cannot be trusted any more (overcurrent stop, unplugged, garbled).

        ``StreamEndedError`` says that nothing is wrong: what is played has come to its end.
        """
        ...


@dataclass(frozen=True, slots=True)
class MonitorLimits:
    """What a monitor can do, for checks before anything is switched.

    Attributes:
        lowest_v: Lowest supply voltage that it can give or measure.
        highest_v: Highest.
        highest_a: Highest current that it can measure.
        rates_hz: Sample rates that it offers; empty where any up to some maximum will do.
        sees_edges: Whether edges come in its own stream, or gate it.
        sources: Whether it powers the DUT itself.
        gated: Whether it delivers windows and no stream (``GatedMonitor``).
        starts_on_edge: Whether an edge of the DUT can start its stream (``Setup.edges`` is ``"io"``).
        start_latency_s: How long after such an edge sample 0 begins, at least and at most.
        delivery_s: How long after its last sample a block comes, at least and at most; so late at most a
            fault of the stream is told, too: its end, its silence, too much current.
        clock_tolerance: By which fraction its sample clock may run fast or slow.
        full_rate_hz: The rate that it is used at unless the bench file says another one.
        live: Whether its samples come as they are taken; False for a recording that is played.
    """

    lowest_v: float
    highest_v: float
    highest_a: float
    rates_hz: tuple[float, ...]
    sees_edges: bool
    sources: bool
    gated: bool = False
    starts_on_edge: bool = False
    start_latency_s: tuple[float, float] = (0.0, 0.0)
    delivery_s: tuple[float, float] = (0.0, 2.0)
    clock_tolerance: float = 5e-4
    full_rate_hz: float = 1000.0
    live: bool = True


@dataclass(frozen=True, slots=True)
class Setup:
    """What a monitor is set up for.

    Attributes:
        rate_hz: Samples per second, one of its rates.
        voltage_v: The DUT's supply voltage: what a source is set to, what a bare ammeter assumes.
        highest_v: The bench's limit of voltage, as protection where the instrument has one.
        highest_a: The bench's limit of current, likewise; also what a fixed range must hold.
        edges: ``"monitor"`` where it sees the DUT's edges, ``"io"`` where they come from the IO manager's
            clock: then, if it can, it waits after ``start`` for an edge and begins sample 0 with it.
    """

    rate_hz: float
    voltage_v: float
    highest_v: float
    highest_a: float
    edges: Literal["monitor", "io"] = "monitor"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One line of an instrument's accuracy specification: ± (gain of the reading + offset).

    Attributes:
        quantity: What is specified; ``"time"`` is the sample clock.
        range: Name of the range.
        full_scale: Upper end of the range, in A, V; 0 for time.
        gain: Fraction of the reading.
        offset: In A, V; 0 for time.
        source: Document, with page or section.
        verified: False where the figure was not read in a document of its maker ([U]).
        conditions: Temperature, time since calibration, integration time.
    """

    quantity: Literal["current", "voltage", "power", "time"]
    range: str
    full_scale: float
    gain: float
    offset: float
    source: str
    verified: bool = True
    conditions: str = ""


@dataclass(frozen=True, slots=True)
class OwnEnergy:
    """A monitor's own account of energy, which did not go through the samples: a check of a whole run.

    Attributes:
        first: Position of the first sample that it covers.
        stop: After the last.
        energy_j: Energy in between.
        tolerance: How far the samples' energy may differ, as a fraction.
    """

    first: int
    stop: int
    energy_j: float
    tolerance: float


class Monitor(Protocol):
    """Watches the DUT's supply."""

    limits: MonitorLimits

    def identify(self) -> Identity:
        """Asks the instrument who it is. Nothing is switched."""
        ...

    def configure(self, setup: Setup) -> Signal:
        """Sets it up, each setting acknowledged or read back; returns what its samples will mean.

        Limits are set before anything that they limit; the output stays as it is.
        """
        ...

    def settings(self) -> dict[str, Any]:
        """The settings that the instrument acknowledged, for the session's record."""
        ...

    def accuracy(self) -> tuple[Accuracy, ...]:
        """Its accuracy specification, as far as it is known."""
        ...

    def start(self, sink: Sink) -> None:
        """Starts the stream, or has it wait for the edge that starts it (``Setup.edges``)."""
        ...

    def stop(self) -> None:
        """Stops the stream; when it returns the sink has everything."""
        ...

    def own_energy(self) -> OwnEnergy | None:
        """After ``stop``: its own account of the run's energy, where it keeps one."""
        ...

    def check(self) -> None:
        """Raises what has gone wrong with the instrument.

        Output off by itself, current limit reached, protection tripped, instrument gone. Quick; returns at
        once where the stream tells everything. Called from the session's thread, between commands, while the
        stream runs or the gate is armed or open, and before the stream begins; may wait on the clock for one
        or two answers. What it raises need not be in the sink.

        Raises:
            BenchError: ``bench.current`` (``energy.instruments.alarms``), ``<who>.output-off``, those of the
                link.
        """
        ...

    def close(self) -> None:
        """Lets go of the link. Harmless if done twice."""
        ...


class GatedMonitor(Monitor, Protocol):
    """A monitor whose measuring is gated by the DUT's edges: it delivers windows, not a stream with edges.

    Between ``start`` and ``stop``, ``arm`` and ``collect`` come in turns. A window's samples go to the sink
    with its two edges, at positions that go on from the window before, with a gap in between of which nobody
    knows the length (``Gap.count`` is None).
    """

    def arm(self) -> None:
        """Waits, from now on, for an edge that opens the gate."""
        ...

    def collect(self, timeout_s: float) -> None:
        """Hands the window's samples and edges to the sink, once an edge has closed the gate.

        If that has not happened after ``timeout_s`` the wait is given up, and only those edges go to the
        sink that the instrument saw: none, or the one that opened the gate.
        """
        ...


class Supply(Protocol):
    """Powers the DUT. A monitor that sources is one, too.

    Attributes:
        off_confirmed: Whether ``off`` returns only after the instrument has said, or its samples have shown,
            that the output is off. Where it is False nobody but the monitor's stream can tell.
    """

    @property
    def off_confirmed(self) -> bool:
        """Whether ``off`` is confirmed by the instrument itself."""
        ...

    def set_voltage(self, voltage_v: float) -> None:
        """Sets the output voltage; the output stays as it is."""
        ...

    def on(self) -> None:
        """Switches the output on."""
        ...

    def off(self) -> None:
        """Switches the output off. It is tried even if the instrument is in an unknown state.

        Raises:
            BenchError: ``<who>.off-unconfirmed`` where the instrument should have confirmed it and has not.
        """
        ...

    def check(self) -> None:
        """Raises what has gone wrong with the instrument, as `Monitor.check` does; they may be one object."""
        ...

    def close(self) -> None:
        """Lets go of the link. Harmless if done twice."""
        ...
