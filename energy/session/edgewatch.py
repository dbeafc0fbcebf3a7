"""Where a session's edges come from: the monitor's stream, its gate, or the IO manager's clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from energy.bench.assemble import EnergyBench
from energy.errors import TimingError
from energy.findings import Finding
from energy.instruments import GatedMonitor
from energy.session.losses import samples_lost
from energy.session.recorder import Recorder
from energy.session.witness import Witness
from energy.signal import Edge
from energy.window.edges import TIMESTAMP_HOLD_S, Marker
from energy.window.integrator import Window

_WIRE = (
    "Check the wire from the DUT's timestamp pin to the edge input ({input}) and their common ground; the "
    "pin idles high and falls for longer than one sample."
)
_INPUTS = "LPM01A: D7, Joulescope: IN0, PPK2: D0"
_GATE_S = 5.0
_LATE_S = 2.0


@dataclass
class Settled:
    """The final windows of a session, and how their edges came onto the sample clock.

    Attributes:
        windows: The windows; made again where later marks have moved their edges.
        record: The source of the edges and their bounds, for the session's record.
        findings: About the edges as a whole.
        length_bound_s: Largest error of a window's length beside that of the clock's rate, which all windows
            share; None where it is that of the edges' positions.
    """

    windows: list[Window]
    record: dict[str, Any]
    findings: list[Finding] = field(default_factory=list[Finding])
    length_bound_s: float | None = None


class EdgeWatch(Protocol):
    """The source of the edges of each trial.

    Attributes:
        recorder: The monitor's stream.
        witness: The lengths of the windows on other clocks.
    """

    recorder: Recorder
    witness: Witness

    def start(self, bench: EnergyBench) -> None:
        """Starts the monitor, as soon as the supply is on, unless an edge of the DUT must start it."""
        ...

    def begin(self, bench: EnergyBench, *, dut_responds: bool = True) -> None:
        """Once the DUT has booted: does what needs its edges before the first trial.

        Args:
            bench: The instruments.
            dut_responds: Whether the DUT takes commands.
        """
        ...

    def verify_edge(self, bench: EnergyBench) -> None:
        """Asks the DUT for an edge and checks that it arrives, before anything is measured.

        Raises:
            TimingError: ``edge.not-seen``, ``edge.too-many``.
        """
        ...

    def take(self) -> list[Edge]:
        """The edges that have come since they were last taken, without waiting for any."""
        ...

    def ready(self) -> list[Edge]:
        """Before ``infer``: gets ready; returns edges that belong to no command."""
        ...

    def collect(self) -> list[Edge]:
        """After the DUT has answered: the edges since ``ready``, every one of them."""
        ...

    def finish(self, bench: EnergyBench, windows: list[Window], *, dut_responds: bool = True) -> Settled:
        """After the last window, the monitor still running."""
        ...


class StreamEdges:
    """Edges in the monitor's own stream.

    Args:
        recorder: The monitor's stream.
        hold_s: Edges closer than this are one edge.
        marker: How the DUT's pin marks its work.
    """

    def __init__(
        self, recorder: Recorder, hold_s: float = TIMESTAMP_HOLD_S, marker: Marker = Marker.PULSE
    ) -> None:
        self.recorder, self.witness = recorder, Witness(hold_s, by_monitor=marker is Marker.PULSE)
        self._marker = marker

    def start(self, bench: EnergyBench) -> None:
        """Starts the stream."""
        self.witness.start(bench.io_manager)
        self.recorder.begin()
        bench.monitor.start(self.recorder)

    def begin(self, bench: EnergyBench, *, dut_responds: bool = True) -> None:
        """Leaves out the edges of the boot."""
        if dut_responds:
            self.recorder.catch_up()
            self.recorder.forget_edges()

    def verify_edge(self, bench: EnergyBench) -> None:
        """Expects an edge for a ``timestamp`` command, where the pin marks by pulses."""
        if self._marker is not Marker.PULSE:
            return  # such firmware may move its pin around inferences only: the pilot shows its edges
        self.ready()
        bench.dut.timestamp()
        edges = self.collect()
        if not edges:  # it may be late where the monitor's clock runs fast; by then it is known how fast
            bench.clock.sleep(_LATE_S)
            edges = self.collect()
        if len(edges) != 1 and (losses := self.recorder.losses()):
            raise samples_lost(f"`timestamp` of the DUT gave {len(edges)} edges instead of 1; {losses}")
        expect_edges(len(edges), 1, "`timestamp`", _WIRE.format(input=_INPUTS))

    def take(self) -> list[Edge]:
        """Takes the edges from the stream."""
        self.recorder.pump()
        return self.recorder.take_edges()

    def ready(self) -> list[Edge]:
        """Waits for the stream to catch up."""
        self.recorder.catch_up()
        return self.recorder.take_edges()

    def collect(self) -> list[Edge]:
        """Waits for the stream to catch up."""
        self.recorder.catch_up()
        return self.recorder.take_edges()

    def finish(self, bench: EnergyBench, windows: list[Window], *, dut_responds: bool = True) -> Settled:
        """Nothing is left to do."""
        return Settled(windows, {"source": "monitor"}, self.recorder.findings)


class GateEdges:
    """The edges that open and close the gate of a monitor that measures windows only.

    Args:
        recorder: Takes the windows.
        monitor: The monitor.
        hold_s: Edges closer than this are one edge.
    """

    def __init__(self, recorder: Recorder, monitor: GatedMonitor, hold_s: float = TIMESTAMP_HOLD_S) -> None:
        self.recorder, self.witness = recorder, Witness(hold_s)
        self._monitor = monitor

    def start(self, bench: EnergyBench) -> None:
        """Starts the monitor; it measures nothing before it is armed."""
        self.witness.start(bench.io_manager)
        self._monitor.start(self.recorder)

    def begin(self, bench: EnergyBench, *, dut_responds: bool = True) -> None:
        """Nothing is left to do."""

    def verify_edge(self, bench: EnergyBench) -> None:
        """Expects a short window between two ``timestamp`` commands."""
        self.ready()
        bench.dut.timestamp()
        bench.dut.timestamp()
        expect_edges(
            len(self.collect()), 2, "two `timestamp`", _WIRE.format(input="Keithley: digital line 1")
        )

    def take(self) -> list[Edge]:
        """Takes the edges from the monitor."""
        self.recorder.pump()
        return self.recorder.take_edges()

    def ready(self) -> list[Edge]:
        """Arms the gate."""
        strays = self.take()
        self._monitor.arm()
        return strays

    def collect(self) -> list[Edge]:
        """Takes over what was measured while the gate was open."""
        self._monitor.collect(_GATE_S)
        return self.take()

    def finish(self, bench: EnergyBench, windows: list[Window], *, dut_responds: bool = True) -> Settled:
        """Nothing is left to do."""
        return Settled(windows, {"source": "gate"}, self.recorder.findings)


def expect_edges(count: int, expected: int, commands: str, hint: str) -> None:
    """Raises unless commands to the DUT gave the expected number of edges.

    Raises:
        TimingError: ``edge.not-seen``, ``edge.too-many``.
    """
    if count != expected:
        raise TimingError(
            "edge.not-seen" if count < expected else "edge.too-many",
            f"{commands} gave {count} edges instead of {expected}",
            hint,
        )
