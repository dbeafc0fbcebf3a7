"""The protocols of a monitor and of a supply, and the descriptions that they give of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeGuard, runtime_checkable

from energy.errors import JoulebenchError
from energy.instruments.links import Identity
from energy.instruments.specification import Accuracy
from energy.signal import Block, DigitalBlock, DigitalInput, Edge, Gap, RangeChange, Signal


class Sink(Protocol):
    """Takes a monitor's stream. Its methods are called from the driver's thread and return quickly."""

    def block(self, block: Block) -> None:
        """Takes samples, in order."""
        ...

    def edge(self, edge: Edge) -> None:
        """Takes an edge, in order; its samples may come earlier or later."""
        ...

    def gap(self, gap: Gap) -> None:
        """Notes lost samples."""
        ...

    def range_change(self, change: RangeChange) -> None:
        """Notes that the monitor changed its range."""
        ...

    def digital(self, source: DigitalInput, block: DigitalBlock) -> None:
        """Takes levels of a digital input; the sink finds the edges in them."""
        ...

    def edges_complete(self, position: float) -> None:
        """No edge before this position will still come.

        An edge that comes later and lies before it by more than its bound is left out, and an error.
        """
        ...

    def fault(self, error: JoulebenchError) -> None:
        """The stream has ended or cannot be trusted any more (overcurrent stop, unplugged, garbled).

        ``StreamEndedError`` is no fault: a recording has been played to its end.
        """
        ...


@dataclass(frozen=True, slots=True)
class MonitorLimits:
    """The abilities of a monitor, for checks before anything is switched.

    Attributes:
        lowest_v: Lowest supply voltage that it can give or measure.
        highest_v: Highest supply voltage that it can give or measure.
        highest_a: Highest current that it can measure.
        rates_hz: Sample rates that it offers; empty if it takes any rate up to a maximum.
        sees_edges: Whether the DUT's edges come in its own stream, or gate it.
        sources: Whether it powers the DUT itself.
        sees_levels: Whether it sees both edges of the DUT's pin, and not falling edges only.
        gated: Whether it delivers windows instead of a stream (``GatedMonitor``).
        starts_on_edge: Whether an edge of the DUT can start its stream (``Setup.edges`` is ``"io"``).
        start_latency_s: Shortest and longest time from such an edge to the beginning of sample 0.
        delivery_s: Shortest and longest time from a block's last sample until the block comes. A fault of
            the stream (its end, its silence, too much current) is reported within the longest time, too.
        clock_tolerance: Largest fraction by which its sample clock may run fast or slow.
        full_rate_hz: The sample rate that is used unless the bench file gives another.
        live: Whether its samples come as they are taken; False for a recording that is played.
    """

    lowest_v: float
    highest_v: float
    highest_a: float
    rates_hz: tuple[float, ...]
    sees_edges: bool
    sources: bool
    sees_levels: bool = False
    gated: bool = False
    starts_on_edge: bool = False
    start_latency_s: tuple[float, float] = (0.0, 0.0)
    delivery_s: tuple[float, float] = (0.0, 2.0)
    clock_tolerance: float = 5e-4
    full_rate_hz: float = 1000.0
    live: bool = True


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings that a session asks of a monitor.

    Attributes:
        rate_hz: Samples per second, one of its rates.
        voltage_v: The DUT's supply voltage: a source is set to it, an ammeter without voltmeter assumes it.
        highest_v: The bench's voltage limit; sets the protection of an instrument that has one.
        highest_a: The bench's current limit, likewise; a fixed range must include it.
        edges: ``"monitor"`` where it sees the DUT's edges, ``"io"`` where they come from the IO manager's
            clock: then, if it can, it waits after ``start`` for an edge and begins sample 0 with it.
    """

    rate_hz: float
    voltage_v: float
    highest_v: float
    highest_a: float
    edges: Literal["monitor", "io"] = "monitor"


@dataclass(frozen=True, slots=True)
class OwnEnergy:
    """The energy of a whole run by the monitor's own counter, independent of its samples: a check of them.

    Attributes:
        first: Position of the first sample that it covers.
        stop: Position after the last.
        energy_j: Energy between the two.
        tolerance: How far the samples' energy may differ, as a fraction.
    """

    first: int
    stop: int
    energy_j: float
    tolerance: float


class Monitor(Protocol):
    """Watches the DUT's supply."""

    limits: MonitorLimits

    @property
    def delivery_delay_s(self) -> float:
        """How long it keeps samples back to count them, at most, in seconds; 0 where it does not.

        After ``configure``: it may depend on the rate.
        """
        ...

    def identify(self) -> Identity:
        """Asks the instrument for its identity. Nothing is switched."""
        ...

    def configure(self, setup: Setup) -> Signal:
        """Applies the settings, each acknowledged or read back; returns the signal that its samples will be.

        Limits are set before the settings that they limit; the output stays as it is.
        """
        ...

    def settings(self) -> dict[str, Any]:
        """The settings that the instrument acknowledged, for the session's record."""
        ...

    def accuracy(self) -> tuple[Accuracy, ...]:
        """Its accuracy specification, where it is known."""
        ...

    def temperature_c(self) -> float | None:
        """Its own temperature in °C, asked for now; None where it has no thermometer.

        Raises:
            BenchError: Those of the link.
        """
        ...

    def measured_voltage_v(self) -> float | None:
        """The voltage at its output or input, measured now; None where it has no voltmeter for that.

        It is called between windows, while the stream runs or the gate is not armed, and after ``stop``. A
        monitor whose samples hold the voltage need not answer.

        Raises:
            BenchError: Those of the link.
        """
        ...

    def start(self, sink: Sink) -> None:
        """Starts the stream, or prepares it to start with an edge (``Setup.edges``)."""
        ...

    def stop(self) -> None:
        """Stops the stream; when it returns, the sink has all samples and edges."""
        ...

    def own_energy(self) -> OwnEnergy | None:
        """The energy of the run by its own counter, after ``stop``; None where it has no counter."""
        ...

    def check(self) -> None:
        """Raises an error if something has gone wrong with the instrument.

        For example: output off by itself, current limit reached, protection tripped, instrument gone. It is
        quick, and returns at once where the stream reports everything. It is called in the session's thread,
        between commands, while the stream runs or the gate is armed or open, and before the stream begins; it
        may wait on the clock for one or two answers. The sink need not get the error as well.

        Raises:
            BenchError: ``bench.current`` (``energy.instruments.alarms``), ``<who>.output-off``, errors of
                the link.
        """
        ...

    def close(self) -> None:
        """Closes the link. It may be called twice."""
        ...


class GatedMonitor(Monitor, Protocol):
    """A monitor that measures while the DUT's edges open its gate: it delivers windows instead of a stream.

    Between ``start`` and ``stop``, ``arm`` and ``collect`` are called in turn. A window's samples go to the
    sink with its two edges; their positions continue those of the window before, with a gap of unknown length
    in between (``Gap.count`` is None).
    """

    def arm(self) -> None:
        """Arms the gate: the next edge opens it."""
        ...

    def collect(self, timeout_s: float) -> None:
        """Waits until an edge closes the gate, then gives the window's samples and edges to the sink.

        If none has closed it after ``timeout_s``, the wait ends, and the sink gets only the edges that the
        instrument saw: none, or the one that opened the gate.
        """
        ...


@runtime_checkable
class Quantizing(Protocol):
    """A monitor whose stream has few digits, so that a steady reading is rounded noticeably."""

    def resolution(self, reading: float) -> float:
        """The step between two values of the stream near a reading, both in the unit of its samples."""
        ...


class Supply(Protocol):
    """A supply of the DUT. A monitor that powers the DUT itself is a supply, too.

    Attributes:
        off_confirmed: Whether ``off`` returns only after the instrument's answer, or its samples, have shown
            that the output is off. If False, only the monitor's stream can show it.
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

    def measured_voltage_v(self) -> float | None:
        """The voltage at its output, measured now; None where it cannot be measured.

        Raises:
            BenchError: Those of the link.
        """
        ...

    def off(self) -> None:
        """Switches the output off. It tries to do so even if the instrument is in an unknown state.

        Raises:
            BenchError: ``<who>.off-unconfirmed`` if the instrument should have confirmed it and did not.
        """
        ...

    def check(self) -> None:
        """Raises an error as ``Monitor.check`` does; monitor and supply may be the same object."""
        ...

    def close(self) -> None:
        """Closes the link. It may be called twice."""
        ...


class SourcingMonitor(Monitor, Supply, Protocol):
    """A monitor that powers the DUT itself: one instrument, both roles."""


def is_gated(monitor: Monitor) -> TypeGuard[GatedMonitor]:
    """Whether a monitor delivers windows and no stream."""
    return monitor.limits.gated


def is_source(monitor: Monitor) -> TypeGuard[SourcingMonitor]:
    """Whether a monitor powers the DUT itself."""
    return monitor.limits.sources
