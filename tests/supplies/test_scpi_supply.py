"""The SCPI supply against its twin, reached by PyVISA on a real socket."""

from __future__ import annotations

import contextlib

import pytest

from drivers.dut.driver import open_dut
from drivers.links.clock import RealClock
from drivers.supplies.scpi import open_scpi, switch_off
from drivers.virtual.bench import VirtualBench
from drivers.virtual.remote import RemoteBench
from energy.errors import BenchError
from tests.links.peer import Log
from tests.links.scpi_peer import ScpiPeer

LIMITS = {"voltage_v": 1.8, "highest_v": 3.6, "highest_a": 0.1, "virtual": True}


class Powered(contextlib.ExitStack):
    def __init__(self, settings=None, **twin):
        super().__init__()
        self.bench = self.enter_context(VirtualBench(monitor=None, supply="scpi", supply_settings=twin))
        self.log = Log()
        self.common = {"clock": self.bench.clock, "transcript": self.log}
        settings = {**LIMITS, **(settings or {})}
        self.supply = open_scpi(self.bench.urls["supply"], settings=settings, **self.common)
        self.callback(self.supply.close)

    def state(self):
        return self.bench.world.handle({"op": "state"})

    def sent(self):
        return [line.text for line in self.log if line.sent and line.source == "supply"]


def code_of(action, *arguments):
    with pytest.raises(BenchError) as caught:
        action(*arguments)
    assert caught.value.hint
    return caught.value.code


def test_a_dut_boots_when_its_supply_is_on_and_is_dead_when_it_is_off():
    with Powered() as it:
        assert not it.state()["supply_on"]
        it.supply.set_voltage(1.8)
        assert not it.state()["supply_on"]
        it.supply.on()
        assert it.state()["supply_on"]
        assert it.state()["voltage_v"] == pytest.approx(1.8)
        dut = open_dut(it.bench.urls["dut"], settings={"baud": 9600}, **it.common)
        it.callback(dut.close)
        assert dut.wait_ready(20.0) == "energy"
        it.supply.off()
        assert not it.state()["supply_on"]
        assert it.state()["power_w"] == 0.0


def test_the_limit_of_current_is_read_back_before_a_voltage_is_set_and_before_the_output_is_touched():
    with Powered({"set_protection": "VOLT:PROT {v}"}) as it:
        it.supply.set_voltage(1.8)
        it.supply.on()
        sent = [text for text in it.sent() if "ERR" not in text]
        limits = ["CURR 0.1", "CURR?", "VOLT:PROT 3.6", "MEAS:VOLT?"]
        assert sent == [*limits, "VOLT 1.8", "VOLT?", "OUTP ON", "OUTP?"]


def test_a_channel_list_and_a_selection_go_with_every_command():
    with Powered({"channels": "(@2)", "first": "INST OUT2"}) as it:
        it.supply.set_voltage(1.8)
        it.supply.on()
        it.supply.off()
        sent = [text for text in it.sent() if "ERR" not in text]
        assert sent[0] == "INST OUT2"
        assert "VOLT 1.8,(@2)" in sent
        assert "OUTP? (@2)" in sent
        assert not it.state()["supply_on"]


def test_no_voltage_above_the_benchs_limit_is_sent():
    with Powered() as it:
        assert code_of(it.supply.set_voltage, 5.0) == "scpi.voltage"
        assert it.sent() == []


@pytest.mark.parametrize(
    ("settings", "twin", "code"),
    [
        ({}, {"step_v": 0.5}, "scpi.readback"),
        ({}, {"most_a": 0.05}, "scpi.readback"),
        ({"set_current": "AMPS {i}"}, {}, "scpi.readback"),
        ({"set_current": "AMPS {i}", "ask_current": ""}, {}, "scpi.refused"),
        ({"ask_voltage": "*IDN?"}, {}, "scpi.answer"),
    ],
)
def test_what_is_not_read_back_as_it_was_set_is_an_error_before_the_output_is_touched(settings, twin, code):
    with Powered(settings, **twin) as it:
        assert code_of(it.supply.set_voltage, 1.8) == code
        assert not it.state()["supply_on"]


def test_a_voltage_that_breaks_down_is_switched_off_again():
    with Powered({"measure": "MEAS:VOLT?", "highest_a": 0.005, "settle_s": 0.01}) as it:
        it.supply.set_voltage(1.8)
        assert code_of(it.supply.on) == "scpi.measured"
        assert not it.state()["supply_on"]


def test_a_voltage_that_is_measured_right_stays_on():
    with Powered({"measure": "MEAS:VOLT?", "settle_s": 0.01}) as it:
        it.supply.set_voltage(1.8)
        it.supply.on()
        assert it.state()["supply_on"]


def test_a_supply_that_does_not_go_off_or_says_nothing_is_an_error():
    with Powered(sticks=True) as it:
        it.supply.set_voltage(1.8)
        it.supply.on()
        assert code_of(it.supply.off) == "scpi.off-unconfirmed"
        assert it.sent().count("OUTP OFF") == 3
    with Powered() as it:
        it.supply.set_voltage(1.8)
        it.supply.on()
        wire = it.bench.port("supply").mangles
        wire.append(lambda data: b"")
        assert code_of(it.supply.off) == "scpi.off-unconfirmed"
        wire.clear()
        it.supply.off()
        assert not it.state()["supply_on"]


@pytest.mark.parametrize(
    "settings", [{"volts": 3}, {"highest_a": 0.0}, {"set_voltage": "VOLT 3"}, {"timeout_s": "long"}]
)
def test_settings_that_mean_nothing_are_named(settings):
    with pytest.raises(BenchError) as caught:
        open_scpi("TCPIP::127.0.0.1::1::SOCKET", settings={**LIMITS, **settings}, clock=None, transcript=None)
    assert caught.value.code == "scpi.setting"


def trouble(it, name, **params):
    """The code that ``check`` finds after a fault, and how long that took."""
    it.supply.set_voltage(1.8)
    it.supply.on()
    it.supply.check()
    it.bench.world.handle({"op": "fault", "name": name, "params": params})
    begun = it.bench.clock.now()
    return code_of(it.supply.check), it.bench.clock.now() - begun


@pytest.mark.parametrize(
    ("name", "params", "code", "longest_s"),
    [
        ("short-circuit", {}, "bench.current", 0.1),
        ("lost-supply", {}, "scpi.output-off", 0.1),
        ("unplugged-port", {"port": "supply"}, "visa.lost", 0.1),
        ("silent-supply", {}, "visa.silent", 1.6),
    ],
)
@pytest.mark.parametrize(
    "settings", [{}, {"first": "INST OUT1", "channels": "(@1)"}], ids=["plain", "channel"]
)
def test_what_goes_wrong_while_it_is_on_is_found_by_asking(settings, name, params, code, longest_s):
    with Powered(settings) as it:
        assert it.supply.off_confirmed
        assert trouble(it, name, **params) == (code, pytest.approx(0.0, abs=longest_s))


@pytest.mark.parametrize("settings", [{"watch": ""}, {"watch": "READ:VOLT?"}, {"watch": "*IDN?"}], ids=str)
def test_one_that_cannot_tell_its_voltage_is_not_asked_for_it_again(settings):
    with Powered(settings) as it:
        it.supply.set_voltage(1.8)
        it.supply.on()
        begun = it.bench.clock.now()
        for _ in range(3):
            it.supply.check()
        assert it.bench.clock.now() - begun < 0.1
        assert sum("READ" in text for text in it.sent()) <= 1


def test_one_that_cannot_tell_whether_it_is_on_does_not_confirm_that_it_is_off():
    with Powered({"ask_output": ""}) as it:
        assert not it.supply.off_confirmed
        assert trouble(it, "silent-supply")[0] == "visa.silent"


def test_an_output_that_is_off_on_purpose_is_no_trouble():
    with Powered() as it:
        it.supply.set_voltage(1.8)
        it.supply.check()
        it.supply.on()
        it.supply.off()
        it.supply.check()


class Dialect:
    """A supply's answers in a maker's own way, over a real socket: voltage, current, output, errors."""

    def __init__(self, empty, on="ON", off="OFF"):
        self.empty, self.words = empty, (off, on)
        self.values = {"VOLT": 0.0, "CURR": 0.0}
        self.on = False

    def __call__(self, line):
        name, _, value = line.partition(" ")
        if name == "SYST:ERR?":
            return b"" if self.empty is None else f"{self.empty}\n".encode()
        if name == "OUTP?":
            return f"{self.words[self.on]}\n".encode()
        if name == "MEAS:VOLT?":
            return f"{self.on * self.values['VOLT']:.3f}\n".encode()
        if name.endswith("?"):
            return f"{self.values[name[:-1]]:.3f}\n".encode()
        if name == "OUTP":
            self.on = value == "ON"
        else:
            self.values[name] = float(value)
        return b""


def powered_by(dialect, settings=None):
    stack = contextlib.ExitStack()
    peer = stack.enter_context(ScpiPeer(dialect))
    settings = {**LIMITS, "timeout_s": 0.3, **(settings or {})}
    supply = open_scpi(peer.resource, settings=settings, clock=RealClock(), transcript=Log())
    stack.callback(supply.close)
    return stack, supply, peer


@pytest.mark.parametrize("empty", ["0  No Error", '+0,"No error"', "0", '0, "No Error"'])
def test_a_supply_in_every_dialect_of_an_empty_error_queue_powers_the_dut(empty):
    dialect = Dialect(empty, on="1", off="0.0")
    stack, supply, _ = powered_by(dialect)
    with stack:
        supply.set_voltage(1.8)
        supply.on()
        assert dialect.on
        assert dialect.values == {"VOLT": 1.8, "CURR": 0.1}
        supply.check()
        supply.off()
        assert not dialect.on


@pytest.mark.parametrize("empty", ["No error", "none", None])
def test_a_supply_without_numbered_errors_is_named_with_the_setting_that_helps(empty):
    dialect = Dialect(empty)
    stack, supply, _ = powered_by(dialect)
    with stack:
        with pytest.raises(BenchError) as caught:
            supply.set_voltage(1.8)
        assert caught.value.code == "scpi.errors"
        assert 'errors = ""' in caught.value.hint
        assert not dialect.on
    stack, supply, peer = powered_by(dialect, {"errors": ""})
    with stack:
        supply.set_voltage(1.8)
        supply.on()
        assert dialect.on
        assert not [line for line in peer.lines if "ERR" in line]
        supply.off()


def test_the_guardian_switches_it_off_by_its_port():
    with RemoteBench(monitor=None, supply="scpi", pace=1.0) as bench:
        supply = open_scpi(bench.urls["supply"], settings=LIMITS, clock=RealClock(), transcript=Log())
        supply.set_voltage(1.8)
        supply.on()
        assert bench.world.request({"op": "state"})["supply_on"]
        supply.close()
        assert switch_off(bench.urls["supply"], settings={"channels": "(@1)"})
        assert not bench.world.request({"op": "state"})["supply_on"]
