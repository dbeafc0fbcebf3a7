"""The test kit for drivers, ours and third parties': a sink that checks, and the contract of a monitor.

A driver's tests subclass `MonitorContract` and set the driver's name; pytest runs the rest against the
driver's twin on the virtual bench (docs/how-to/write-a-driver.md)::

    class TestMyMonitor(MonitorContract):
        driver = "my-monitor"

It needs a twin at the entry point ``joulebench.twins`` under the driver's name, or under ``twin``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from drivers.io_managers.uno import UnoIoManager, open_uno
from drivers.virtual.bench import VirtualBench
from energy.errors import BenchError, JoulebenchError
from energy.instruments import Accuracy, Line, Monitor, Setup, Supply, is_gated
from energy.signal import Block, DigitalBlock, DigitalInput, Edge, Gap, RangeChange

_ITERATIONS = 20
_DISCONNECT_S = 30.0


class Keeper:
    """A `energy.instruments.Sink` that stores everything, and checks that it comes in order."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.edges: list[Edge] = []
        self.gaps: list[Gap] = []
        self.ranges: list[RangeChange] = []
        self.inputs: dict[str, DigitalInput] = {}
        self.levels: dict[str, list[DigitalBlock]] = {}
        self.faults: list[JoulebenchError] = []
        self.complete = 0.0
        self.stop = 0

    def block(self, block: Block) -> None:
        """Stores samples; they must follow each other, or a gap must be between them."""
        assert block.first == self.stop, f"samples from {block.first} follow {self.stop}"
        self.stop = block.stop
        self.blocks.append(block)

    def edge(self, edge: Edge) -> None:
        """Stores an edge; none may come before a watermark."""
        assert edge.position + edge.bound >= self.complete
        self.edges.append(edge)

    def gap(self, gap: Gap) -> None:
        """Stores a gap; its count moves the next samples."""
        if gap.count is not None:
            assert gap.first == self.stop
            self.stop += gap.count
        self.gaps.append(gap)

    def range_change(self, change: RangeChange) -> None:
        """Stores a change of range."""
        self.ranges.append(change)

    def digital(self, source: DigitalInput, block: DigitalBlock) -> None:
        """Stores levels; an input must keep its rate, and its levels must not overlap."""
        assert self.inputs.setdefault(source.name, source) == source
        blocks = self.levels.setdefault(source.name, [])
        assert not blocks or block.first >= blocks[-1].stop
        blocks.append(block)

    def edges_complete(self, position: float) -> None:
        """Stores a watermark; it must never go back."""
        assert position >= self.complete
        self.complete = position

    def fault(self, error: JoulebenchError) -> None:
        """Stores a fault."""
        self.faults.append(error)

    def values(self) -> npt.NDArray[Any]:
        """All samples of the first column."""
        return np.concatenate([block.columns[0] for block in self.blocks])


@dataclass
class Stand:
    """An open monitor on the virtual bench.

    Attributes:
        bench: The virtual bench.
        monitor: The driver.
        supply: The supply of the DUT: the monitor, or the twin of a supply, or None.
        io: The channel to the DUT.
        sink: The sink of the monitor's stream.
        lines: The lines on its wire.
    """

    bench: VirtualBench
    monitor: Monitor
    supply: Supply | None
    io: UnoIoManager
    sink: Keeper
    lines: list[Line]


def driver(group: str, name: str) -> Callable[..., Any]:
    """The object at a driver's entry point."""
    found = [point for point in entry_points(group=f"joulebench.{group}") if point.name == name]
    assert len(found) == 1, f"{len(found)} entry points in joulebench.{group} have the name {name!r}"
    return found[0].load()


def check_accuracy(lines: Sequence[Accuracy], settings: Mapping[str, Any]) -> None:
    """Checks a monitor's specification, and that its settings name ranges of it.

    Args:
        lines: The specification.
        settings: The monitor's settings after ``configure``: ``current_range`` and ``voltage_range``, if they
            are there and not None, are names of ranges.
    """
    assert any(line.quantity == "time" for line in lines), "there is no line for the sample clock"
    assert any(line.quantity in ("current", "power") for line in lines), "there is no line for the current"
    for line in lines:
        assert line.source.strip(), f"{line.quantity}, {line.range}: where the figures come from is missing"
        assert line.status in ("specified", "typical", "assumed")
        assert all(math.isfinite(value) for value in asdict(line).values() if isinstance(value, float)), line
        assert 0 < line.gain < 1, line
        assert line.offset >= 0, line
        assert line.noise >= 0, line
        assert (line.full_scale > 0) == (line.quantity != "time"), line
        if line.status == "assumed":
            assert "assumed" in line.source or "protocols.md" in line.source, f"on what does it rest: {line}"
    keys = [(line.quantity, line.role, line.range) for line in lines]
    assert len(set(keys)) == len(keys), f"two lines are for the same range: {sorted(keys)}"
    for name in ("current", "voltage"):
        chosen = settings.get(f"{name}_range")
        known = {line.range for line in lines if line.quantity == name}
        assert chosen is None or chosen in known, f"{name}_range is {chosen!r}, not one of {sorted(known)}"


class MonitorContract:
    """The duties of every monitor.

    Attributes:
        driver: Name of its entry point.
        twin: Name of its twin, if that differs from the driver's.
        settings: Its settings in a bench file.
        twin_settings: Settings of the twin.
        rate_hz: Its rate; None: the driver's own.
        voltage_v: Voltage of the DUT's supply.
        edges: ``"monitor"`` or ``"io"``; None: what the driver can do.
        impossible_v: A voltage that it cannot supply or measure.
    """

    driver: ClassVar[str]
    twin: ClassVar[str | None] = None
    settings: ClassVar[dict[str, Any]] = {}
    twin_settings: ClassVar[dict[str, Any]] = {}
    rate_hz: ClassVar[float | None] = None
    voltage_v: ClassVar[float] = 1.8
    edges: ClassVar[str | None] = None
    impossible_v: ClassVar[float] = 59.0

    @contextmanager
    def stand(self) -> Generator[Stand]:
        """The monitor and its environment."""
        twin = self.twin or self.driver
        with VirtualBench(monitor=twin, io_manager="uno", workload="kws01", **self.twin_settings) as bench:
            lines: list[Line] = []
            settings = {**self.settings, "virtual": True, **bench.given.get("monitor", {})}
            opened = driver("monitors", self.driver)(
                bench.urls["monitor"], settings=settings, clock=bench.clock, transcript=lines.append
            )
            monitor = cast(Monitor, opened)
            io = open_uno(bench.urls["io"], settings={}, clock=bench.clock, transcript=lines.append)
            supply = cast(Supply, opened) if monitor.limits.sources else None
            try:
                yield Stand(bench, monitor, supply, io, Keeper(), lines)
            finally:
                monitor.close()
                monitor.close()  # may be called again
                io.close()

    def setup_for(self, monitor: Monitor, voltage_v: float | None = None) -> Setup:
        """The monitor's set-up."""
        edges = self.edges or ("monitor" if monitor.limits.sees_edges else "io")
        rate_hz = self.rate_hz or monitor.limits.full_rate_hz
        return Setup(rate_hz, voltage_v or self.voltage_v, 3.6, 0.05, cast(Any, edges))

    def power(self, it: Stand) -> None:
        """Switches the DUT on and waits until it is ready."""
        if it.supply is not None:
            it.supply.set_voltage(self.voltage_v)
            it.supply.on()
        it.io.prepare()
        assert it.io.dut().wait_ready(5.0) == "energy"

    def test_it_says_who_it_is_and_switches_nothing(self) -> None:
        with self.stand() as it:
            before = it.bench.world.supply.on
            identity = it.monitor.identify()
            assert identity.model
            assert it.bench.world.supply.on == before

    def test_it_is_set_up_acknowledged_and_switches_nothing_on(self) -> None:
        with self.stand() as it:
            before = it.bench.world.supply.on
            it.monitor.identify()
            setup = self.setup_for(it.monitor)
            signal = it.monitor.configure(setup)
            assert it.bench.world.supply.on == before
            assert 0.5 * setup.rate_hz <= signal.rate_hz <= 2 * setup.rate_hz
            assert 0 <= it.monitor.delivery_delay_s < math.inf
            celsius = it.monitor.temperature_c()
            assert celsius is None or -60 < celsius < 150
            settings = it.monitor.settings()
            assert settings
            assert json.loads(json.dumps(settings, allow_nan=False))
            check_accuracy(it.monitor.accuracy(), settings)

    def test_what_it_cannot_give_is_refused_before_anything_is_switched(self) -> None:
        with self.stand() as it:
            before = it.bench.world.supply.on, it.bench.world.supply.voltage_v
            it.monitor.identify()
            limits = it.monitor.limits
            # A session checks this first.
            refused = not limits.lowest_v <= self.impossible_v <= limits.highest_v
            try:
                it.monitor.configure(self.setup_for(it.monitor, self.impossible_v))
            except BenchError:
                refused = True
            assert refused, f"{self.impossible_v} V was accepted"
            assert (it.bench.world.supply.on, it.bench.world.supply.voltage_v) == before

    def test_a_window_is_measured_with_its_edges_and_nothing_is_lost(self) -> None:
        with self.stand() as it:
            energy_j, truth_j = self.measure(it)
            assert not it.sink.faults
            assert not [gap for gap in it.sink.gaps if gap.count]
            assert abs(energy_j - truth_j) <= 0.02 * truth_j
            known = {line.range for line in it.monitor.accuracy() if line.quantity in ("current", "power")}
            assert {change.name for change in it.sink.ranges} <= known

    def measure(self, it: Stand) -> tuple[float, float]:
        """Measures a window: its energy by whole samples, and the true energy between the DUT's edges."""
        it.monitor.identify()
        signal = it.monitor.configure(self.setup_for(it.monitor))
        self.power(it)
        it.monitor.start(it.sink)
        dut = it.io.dut()
        if is_gated(it.monitor):
            it.monitor.arm()
        elif self.setup_for(it.monitor).edges == "io" and it.monitor.limits.starts_on_edge:
            dut.timestamp()
        started_s = it.bench.world.falling_ns[-1] * 1e-9
        dut.infer(_ITERATIONS, 1, 30.0)
        fall_s = [fall * 1e-9 for fall in it.bench.world.falling_ns[-2:]]
        if is_gated(it.monitor):
            it.monitor.collect(5.0)
        else:
            it.bench.clock.sleep(2.5)
        it.monitor.stop()
        it.monitor.stop()  # may be called again
        first, stop = self._samples(it, signal.rate_hz, started_s, fall_s)
        assert 0 <= first < stop <= it.sink.stop
        columns = [np.concatenate(parts) for parts in zip(*(b.columns for b in it.sink.blocks), strict=True)]
        product = np.prod([column[first:stop].astype(np.float64) for column in columns], axis=0)
        truth = it.bench.world.handle({"op": "truth", "start_s": fall_s[0], "stop_s": fall_s[1]})
        return float(product.sum()) * signal.joule_per_unit, truth["energy_j"]

    def _samples(self, it: Stand, rate_hz: float, started_s: float, fall_s: list[float]) -> tuple[int, int]:
        """Whole samples of the last window, by the monitor's edges or by the edge that started it."""
        if it.sink.levels:
            (source,) = it.sink.inputs.values()
            falls: list[float] = []
            before = 1
            for block in it.sink.levels[source.name]:
                bits = np.unpackbits(block.bits, count=block.count, bitorder="little").astype(np.int8)
                index = np.flatnonzero(np.diff(bits, prepend=before) < 0) + block.first
                falls += source.positions(index, rate_hz).tolist()
                before = int(bits[-1])
        elif self.setup_for(it.monitor).edges == "monitor":
            falls = [edge.position for edge in it.sink.edges]
        else:
            falls = [(fall - started_s) * rate_hz for fall in fall_s]
        return round(falls[-2]), round(falls[-1])

    def test_a_healthy_one_that_is_asked_all_the_time_reports_nothing_and_loses_nothing(self) -> None:
        with self.stand() as it:
            it.monitor.identify()
            it.monitor.check()
            it.monitor.configure(self.setup_for(it.monitor))
            self.power(it)
            it.monitor.check()
            it.monitor.start(it.sink)
            if is_gated(it.monitor):
                it.monitor.arm()
            elif self.setup_for(it.monitor).edges == "io":
                it.io.dut().timestamp()
            for _ in range(4):
                it.bench.clock.sleep(0.5)
                it.monitor.check()
            it.monitor.stop()
            it.monitor.check()
            assert not it.sink.faults
            assert not [gap for gap in it.sink.gaps if gap.count]
            assert it.supply is None or type(it.supply.off_confirmed) is bool

    def test_stop_and_off_are_harmless_before_anything_has_begun(self) -> None:
        with self.stand() as it:
            it.monitor.identify()
            it.monitor.stop()
            if it.supply is not None:
                it.supply.off()
                assert not it.bench.world.supply.on

    def test_the_supply_is_off_when_it_was_told_so(self) -> None:
        with self.stand() as it:
            if it.supply is None:
                return  # another supply powers the DUT
            it.monitor.identify()
            it.monitor.configure(self.setup_for(it.monitor))
            self.power(it)
            assert it.bench.world.supply.on
            it.monitor.start(it.sink)
            it.supply.off()
            assert not it.bench.world.supply.on

    def test_when_it_is_unplugged_in_mid_stream_that_is_told(self) -> None:
        with self.stand() as it:
            it.monitor.identify()
            it.monitor.configure(self.setup_for(it.monitor))
            self.power(it)
            it.monitor.start(it.sink)
            if self.setup_for(it.monitor).edges == "io":
                it.io.dut().timestamp()
            it.bench.clock.sleep(1.0)
            assert self.unplug(it).hint

    def unplug(self, it: Stand) -> JoulebenchError:
        """Pulls the plug, and returns the driver's error."""
        it.bench.port("monitor").unplug()
        assert it.bench.monitor is not None
        it.bench.monitor.lose_power()
        end_s = it.bench.clock.now() + _DISCONNECT_S
        while not it.sink.faults and it.bench.clock.now() < end_s:
            try:
                it.bench.clock.wait(0.1)
                if is_gated(it.monitor):
                    it.monitor.arm()
            except BenchError as error:
                return error
        assert it.sink.faults, "no fault was reported"
        return it.sink.faults[0]
