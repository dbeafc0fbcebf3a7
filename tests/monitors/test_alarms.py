"""Every monitor and supply against what can go wrong while a session waits: named in time."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

import pytest

from drivers.io_managers.uno import open_uno
from drivers.links.silence import Silence
from drivers.supplies.scpi import open_scpi
from drivers.testkit import driver
from drivers.virtual.bench import VirtualBench
from energy.errors import BenchError
from energy.instruments import Setup
from energy.signal import SampleKind
from tests.links.peer import Log
from tests.monitors.sink import Keeper

VOLTAGE_V, HIGHEST_A, SHORT_A = 1.8, 0.05, 1.0
PERIOD_S = 0.5
"""A session asks twice a second."""
ANSWER_S = 1.5
"""So long an answer may take."""
SLACK_S = 0.15


@dataclass(frozen=True)
class Kind:
    """A monitor, the supply beside it, and how long it may take until each trouble is named."""

    driver: str
    settings: dict[str, Any] = field(default_factory=dict)
    twin: dict[str, Any] = field(default_factory=dict)
    rate_hz: float | None = None
    edges: str | None = None
    supply: bool = False
    gone: str = "link.unplugged"
    silent: str = "visa.silent"
    off: tuple[str, ...] = ()


KINDS = {
    "lpm01a": Kind("lpm01a", silent="lpm01a.silent", off=("lpm01a.output-off",)),
    "lpm01a-binary": Kind(
        "lpm01a",
        {"format": "bin_hexa"},
        rate_hz=10_000.0,
        silent="lpm01a.silent",
        off=("lpm01a.output-off",),
    ),
    "joulescope-js110": Kind(
        "joulescope",
        twin={"model": "js110"},
        supply=True,
        gone="joulescope.removed",
        silent="joulescope.silent",
        off=("joulescope.output-off", "scpi.output-off"),
    ),
    "joulescope-js220": Kind(
        "joulescope",
        supply=True,
        gone="joulescope.removed",
        silent="joulescope.silent",
        off=("joulescope.output-off", "scpi.output-off"),
    ),
    "keysight-n6705": Kind("keysight-n6705", gone="visa.lost", off=("n6705.output-off",)),
    "keithley-2461": Kind("keithley-2461", gone="visa.lost", off=("k2461.output-off",)),
    "keithley-2450": Kind("keithley-2450", gone="visa.lost", off=("k2450.output-off",)),
    "ppk2": Kind("ppk2", silent="ppk2.silent", off=("ppk2.output-off",)),
    "ppk2-ampere": Kind(
        "ppk2",
        {"mode": "ampere"},
        {"ampere": True},
        supply=True,
        silent="ppk2.silent",
        off=("scpi.output-off", "ppk2.output-off"),
    ),
}


class Rig(contextlib.ExitStack):
    """A monitor with its DUT, and what powers it."""

    def __init__(self, kind: Kind):
        super().__init__()
        self.kind = kind
        supply = "scpi" if kind.supply else None
        self.bench = self.enter_context(
            VirtualBench(monitor=kind.driver, io_manager="uno", supply=supply, **kind.twin)
        )
        self.clock, self.sink, self.log = self.bench.clock, Keeper(), Log()
        common = {"clock": self.clock, "transcript": self.log}
        settings = {**kind.settings, "virtual": True, **self.bench.given.get("monitor", {})}
        self.monitor = driver("monitors", kind.driver)(
            self.bench.urls["monitor"], settings=settings, **common
        )
        self.callback(self.monitor.close)
        self.supply = self.monitor
        if kind.supply:
            limits = {"voltage_v": VOLTAGE_V, "highest_v": 3.6, "highest_a": HIGHEST_A, "virtual": True}
            self.supply = open_scpi(self.bench.urls["supply"], settings=limits, **common)
            self.callback(self.supply.close)
        self.io = open_uno(self.bench.urls["io"], settings={}, **common)
        self.callback(self.io.close)
        self.dut = self.io.dut()

    def power(self):
        limits = self.monitor.limits
        self.edges = "monitor" if limits.sees_edges else "io"
        rate_hz = self.kind.rate_hz or limits.full_rate_hz
        self.signal = self.monitor.configure(Setup(rate_hz, VOLTAGE_V, 3.6, HIGHEST_A, self.edges))
        self.supply.set_voltage(VOLTAGE_V)
        self.io.prepare()
        self.supply.on()
        return self

    def begin(self, stage="streaming"):
        """Up to a stage: booting, armed (for the edge that starts or opens it), streaming."""
        self.power()
        if stage == "booting":
            return self
        assert self.dut.wait_ready(5.0) == "energy"
        self.monitor.start(self.sink)
        if self.monitor.limits.gated:
            self.monitor.arm()
        if stage == "streaming":
            self.dut.timestamp()
            self.clock.sleep(1.2)
        return self

    def fault(self, name, **params):
        self.bench.world.handle({"op": "fault", "name": name, "params": params})
        self.since = self.clock.now()

    def too_much(self):
        """Whether a sample is above the limit: what the session's own side finds."""
        energy = self.signal.kind is SampleKind.ENERGY
        per_ampere = VOLTAGE_V / self.signal.rate_hz / self.signal.joule_per_unit if energy else 1.0
        return any(float(block.columns[0].max()) > HIGHEST_A * per_ampere for block in self.sink.blocks[-3:])

    def alarm(self, longest_s=6.0):
        """What is noticed first and when, by somebody who does as a session does; None for nothing."""
        due_s = self.clock.now() + PERIOD_S
        while self.clock.now() < self.since + longest_s:
            self.clock.wait(0.05)
            if self.sink.faults:
                return self.sink.faults[0].code, self.clock.now() - self.since
            if self.too_much():
                return "bench.current", self.clock.now() - self.since
            if self.clock.now() >= due_s:
                try:
                    self.monitor.check()
                    if self.supply is not self.monitor:
                        self.supply.check()
                except BenchError as error:
                    return error.code if error.hint else "no hint", self.clock.now() - self.since
                due_s = self.clock.now() + PERIOD_S
        return None, longest_s


def stages(*names):
    return pytest.mark.parametrize("stage", names)


every = pytest.mark.parametrize("name", KINDS)


@every
@stages("booting", "armed", "streaming")
def test_nothing_is_wrong_with_a_healthy_one(name, stage):
    with Rig(KINDS[name]) as it:
        it.monitor.identify()
        it.monitor.check()
        it.begin(stage)
        it.since = it.clock.now()
        assert it.alarm(3.0)[0] is None
        assert not [gap for gap in it.sink.gaps if gap.count]


@every
@stages("booting", "armed", "streaming")
def test_a_short_circuit_is_too_much_current_within_a_second(name, stage):
    with Rig(KINDS[name]) as it:
        it.begin(stage)
        it.fault("short-circuit", current_a=SHORT_A)
        code, after_s = it.alarm()
        assert code == "bench.current"
        assert after_s <= 1.0


@every
@stages("booting", "armed", "streaming")
def test_an_output_that_goes_off_by_itself_is_named(name, stage):
    kind = KINDS[name]
    with Rig(kind) as it:
        it.begin(stage)
        it.fault("lost-supply")
        code, after_s = it.alarm()
        if name == "ppk2" and stage == "booting":
            assert code is None  # nothing streams, and a DUT that has not begun to run may draw nothing
            return
        assert code in kind.off
        assert after_s <= (2 * PERIOD_S + 0.6 if kind.driver in ("ppk2", "lpm01a") else 1.0)


@every
@stages("booting", "armed", "streaming")
def test_one_that_is_unplugged_is_gone_at_once(name, stage):
    with Rig(KINDS[name]) as it:
        it.begin(stage)
        it.fault("unplugged-port", port="monitor")
        code, after_s = it.alarm()
        assert code == KINDS[name].gone
        assert after_s <= PERIOD_S + SLACK_S


@every
@stages("booting", "armed", "streaming")
def test_one_that_falls_silent_is_named(name, stage):
    kind = KINDS[name]
    with Rig(kind) as it:
        it.begin(stage)
        it.fault("silent-monitor")
        code, after_s = it.alarm()
        if code is None:
            # Nothing streams, and its driver package answers for it: the start of the stream tells.
            assert (stage, kind.driver) == ("booting", "joulescope")
            return
        assert code == kind.silent
        asked = kind.silent == "visa.silent" or (kind.driver in ("lpm01a", "ppk2") and stage != "streaming")
        assert after_s <= (PERIOD_S + ANSWER_S if asked else 1.0) + SLACK_S


def test_a_target_that_is_reset_on_purpose_is_no_lost_output():
    with Rig(KINDS["lpm01a"]) as it:
        it.begin()
        it.monitor.reset_target(1.0)
        it.clock.sleep(0.8)
        it.monitor.check()
        it.since = it.clock.now()
        assert it.alarm(4.0)[0] is None


def test_too_much_current_at_a_low_rate_is_noticed_long_before_its_samples_are_counted():
    with Rig(Kind("lpm01a", rate_hz=100.0)) as it:
        it.begin()
        it.fault("short-circuit", current_a=0.055)  # below the instrument's own protection
        code, after_s = it.alarm()
        assert code == "bench.current"
        assert after_s <= 0.3  # a block of 1000 samples takes 10 s


@pytest.mark.parametrize("name", ["keithley-2450"])
def test_readings_that_stop_are_noticed_though_it_answers(name):
    with Rig(KINDS[name]) as it:
        it.begin()
        it.fault("stopped")
        code, after_s = it.alarm()
        assert code == "k2450.silent"
        assert after_s <= 1.5


@pytest.mark.parametrize("name", ["joulescope-js220", "ppk2-ampere"])
@pytest.mark.parametrize(
    ("fault", "code"), [("silent-supply", "visa.silent"), ("unplugged-port", "visa.lost")]
)
def test_a_supply_beside_the_monitor_is_gone_or_silent(name, fault, code):
    with Rig(KINDS[name]) as it:
        it.begin()
        it.fault(fault, **({"port": "supply"} if fault == "unplugged-port" else {}))
        seen, after_s = it.alarm()
        assert seen == code
        assert after_s <= PERIOD_S + (ANSWER_S if fault == "silent-supply" else 0.0) + SLACK_S


def test_a_peak_in_a_fixed_range_of_a_joulescope_is_too_much_though_it_saturates():
    kind = Kind("joulescope", {"current_range": "180 mA"}, supply=True)
    with Rig(kind) as it:
        it.begin()
        it.bench.world.supply.limit_a = 10.0
        it.fault("short-circuit", current_a=SHORT_A)
        it.clock.sleep(0.2)
        peak = max(float(block.columns[0].max()) for block in it.sink.blocks)
        assert peak == pytest.approx(0.18)
        with pytest.raises(BenchError, match=r"bench\.current"):
            it.monitor.check()


def test_a_peak_between_two_questions_is_found_in_the_buffer_of_a_2461():
    with Rig(KINDS["keithley-2461"]) as it:
        it.begin()
        it.bench.dut.short_a = SHORT_A
        it.bench.dut.power()
        it.clock.sleep(0.02)
        it.bench.dut.short_a = 0.0
        it.bench.dut.power()
        it.clock.sleep(0.2)
        with pytest.raises(BenchError, match=r"bench\.current"):
            it.monitor.check()


def test_what_waits_for_the_end_of_a_window_asks_by_itself():
    with Rig(KINDS["keithley-2461"]) as it:
        it.begin()
        it.fault("short-circuit", current_a=SHORT_A)
        begun = it.clock.now()
        with pytest.raises(BenchError, match=r"bench\.current"):
            it.monitor.collect(100.0)
        assert it.clock.now() - begun <= 1.0


def test_capacitors_that_charge_for_a_moment_are_no_short_circuit():
    for name in ("keysight-n6705", "keithley-2461", "keithley-2450", "joulescope-js220"):
        with Rig(KINDS[name]) as it:
            it.begin("booting")
            it.bench.world.supply.short_a = SHORT_A  # as it is asked for the first time
            it.bench.world.after(20_000_000, lambda it=it: setattr(it.bench.world.supply, "short_a", 0.0))
            it.supply.check()


@every
def test_whether_off_is_confirmed_is_said(name):
    with Rig(KINDS[name]) as it:
        assert it.supply.off_confirmed is True
        it.begin()
        it.supply.off()
        assert not it.bench.world.supply.on
        it.since = it.clock.now()


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("fault", ["deaf", "silent-monitor"])
def test_a_ppk2_that_hangs_does_not_confirm_that_it_is_off(fault, streaming):
    with Rig(KINDS["ppk2"]) as it:
        it.begin("streaming" if streaming else "booting")
        it.fault(fault)
        with pytest.raises(BenchError) as caught:
            it.monitor.off()
        assert caught.value.code == "ppk2.off-unconfirmed"
        assert "USB" in caught.value.hint
        assert it.clock.now() - it.since <= 1.5
        assert it.bench.world.supply.on


def test_a_ppk2_that_nobody_switched_on_is_asked_whether_it_listens():
    with Rig(KINDS["ppk2"]) as it:
        it.monitor.off()
        it.fault("silent-monitor")
        with pytest.raises(BenchError, match=r"ppk2\.off-unconfirmed"):
            it.monitor.off()


class LateClock:
    """A clock whose periodic actions come late, as on a host that is busy with other things."""

    lag_s = 0.0

    def __init__(self, late_s):
        self.late_s, self.time_s, self.action = late_s, 0.0, None

    def now(self):
        return self.time_s

    def every(self, period_s, action):
        self.action = action
        return lambda: None

    def pass_by(self, seconds):
        end_s = self.time_s + seconds
        while self.time_s < end_s:
            self.time_s += 0.1 + self.late_s
            self.action()


@pytest.mark.parametrize(
    ("late_s", "least_s", "most_s"), [(0.0, 0.7, 1.05), (0.0005, 1.2, 1.7), (0.02, 8.0, 12.0)]
)
def test_on_a_host_that_is_late_itself_silence_is_told_later(late_s, least_s, most_s):
    clock, told = LateClock(late_s), []
    silence = Silence(clock, lambda: 1, lambda seconds: told.append(clock.now()))
    clock.pass_by(100.0)
    silence.end()
    (when_s,) = told
    assert least_s <= when_s <= most_s


SUPPLIES = ("lpm01a", "lpm01a-binary", "keysight-n6705", "keithley-2461", "keithley-2450", "ppk2")


@pytest.mark.parametrize("name", SUPPLIES)
@pytest.mark.parametrize("fault", ["short-circuit", "silent-monitor"])
def test_after_an_alarm_it_is_stopped_and_switched_off_in_no_time(name, fault):
    with Rig(KINDS[name]) as it:
        it.begin()
        it.fault(fault)
        assert it.alarm()[0] is not None
        it.bench.monitor.silent = False  # that it listens again is the best case: only the waiting counts
        begun = it.clock.now()
        it.monitor.stop()
        it.monitor.off()
        assert not it.bench.world.supply.on
        assert it.clock.now() - begun <= 1.0


@pytest.mark.parametrize("name", SUPPLIES)
def test_one_that_is_silent_is_known_to_be_unconfirmed_in_a_few_seconds(name):
    with Rig(KINDS[name]) as it:
        it.begin()
        it.fault("silent-monitor")
        assert it.alarm()[0] is not None
        begun = it.clock.now()
        with contextlib.suppress(BenchError):
            it.monitor.stop()
        assert it.clock.now() - begun <= 3.0
        begun = it.clock.now()
        with pytest.raises(BenchError, match="off-unconfirmed"):
            it.monitor.off()
        assert it.clock.now() - begun <= 4.0
