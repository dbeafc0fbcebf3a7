"""Independent clients against the twins, over real sockets and ptys in real time.

The sequences are those of the clients' own documentation: set up, measure, shut down. The truth beside
them is the virtual world's.
"""

from __future__ import annotations

import socket
import time

import numpy as np
import pytest

from drivers.virtual.remote import RemoteBench

VISA = "@py"
MAINS_HZ = 50.0


@pytest.fixture
def bench():
    """Makes benches that follow real time, four times as fast."""
    benches = []

    def make(pace=4.0, **arguments):
        benches.append(RemoteBench(pace=pace, **arguments))
        return benches[-1]

    yield make
    for each in benches:
        each.close()


def state(bench):
    return bench.world.request({"op": "state"})


def switched(bench, on):
    """Whether the output reaches this state: a command without an answer takes a moment."""
    deadline = time.monotonic() + 5.0
    while state(bench)["supply_on"] != on and time.monotonic() < deadline:
        time.sleep(0.02)
    return state(bench)["supply_on"] == on


def idle_current_a(bench):
    """The DUT's true current while it waits; it has booted after some seconds."""
    deadline = time.monotonic() + 15.0
    before = -1.0
    while time.monotonic() < deadline:
        now = state(bench)
        if now["power_w"] and now["power_w"] == before:
            return now["power_w"] / now["voltage_v"]
        before = now["power_w"]
        time.sleep(1.0)
    raise AssertionError("the DUT's power is not constant")


def qcodes_instrument(kind, bench, name):
    instrument = kind(name, bench.urls["monitor"], visalib=VISA, terminator="\n", timeout=5)
    instrument.visa_handle.read_termination = "\n"
    return instrument


@pytest.fixture
def pymeasure_2450(bench):
    keithley = pytest.importorskip("pymeasure.instruments.keithley", reason="pymeasure is in the dev extra")
    virtual = bench(monitor="keithley-2450", io_manager=None)
    terminations = {"read_termination": "\n", "write_termination": "\n"}
    client = keithley.Keithley2450(virtual.urls["monitor"], visa_library=VISA, timeout=5000, **terminations)
    yield virtual, client
    client.adapter.close()


def test_pymeasure_sets_a_2450_up_measures_and_shuts_it_down(pymeasure_2450):
    virtual, client = pymeasure_2450
    client.reset()
    assert client.source_mode == "voltage"
    client.apply_voltage(voltage_range=2, compliance_current=0.1)
    client.source_voltage = 1.8
    client.measure_current(nplc=1, current=0.1, auto_range=False)
    client.enable_source()
    assert client.compliance_current == pytest.approx(0.1)
    assert client.current_range == pytest.approx(0.1)
    assert client.current_nplc == 1
    assert client.source_voltage == pytest.approx(1.8)
    assert switched(virtual, True)
    truth_a = idle_current_a(virtual)
    assert client.current == pytest.approx(truth_a, rel=1e-4)
    client.measure_voltage(auto_range=True)
    assert client.voltage == pytest.approx(1.8)
    client.current_filter_count = 5
    assert client.current_filter_count == 5
    assert client.check_errors() == []
    client.shutdown()
    assert switched(virtual, False)


def test_pymeasure_s_reset_switches_a_2450_off_and_sets_it_back(pymeasure_2450):
    virtual, client = pymeasure_2450
    client.apply_voltage(compliance_current=0.1)
    client.source_voltage = 1.8
    client.enable_source()
    assert switched(virtual, True)
    client.reset()
    assert switched(virtual, False)
    assert client.source_voltage == 0
    assert client.compliance_current == pytest.approx(1.05e-4)
    assert client.check_errors() == []


def test_qcodes_sets_a_2450_up_measures_into_a_buffer_and_shuts_it_down(bench):
    qcodes = pytest.importorskip(
        "qcodes.instrument_drivers.Keithley.Keithley_2450", reason="qcodes is in the dev extra"
    )
    virtual = bench(monitor="keithley-2450", io_manager=None)
    client = qcodes_instrument(qcodes.Keithley2450, virtual, "k2450")
    try:
        client.reset()
        assert client.line_frequency() == f"{MAINS_HZ:g}"
        assert client.source_function() == "voltage"
        assert client.sense_function() == "current"
        client.terminals("front")
        client.source_function("voltage")
        client.sense_function("current")
        client.source.range(2)
        client.source.limit(0.1)
        client.source.voltage(1.8)
        client.sense.range(0.1)
        client.sense.four_wire_measurement(True)
        client.sense.nplc(1)
        client.sense.count(3)
        assert client.sense.range() == pytest.approx(0.1)
        assert client.sense.four_wire_measurement()
        assert not client.sense.auto_range()
        client.output_enabled(True)
        truth_a = idle_current_a(virtual)
        with client.buffer("joules", size=100) as buffer:
            client.buffer_name("joules")
            assert client.sense.current() == pytest.approx(truth_a, rel=1e-4)
            assert buffer.size() == 100
            assert buffer.number_of_readings() == 3
            assert buffer.get_data(1, 3) == pytest.approx([truth_a] * 3, rel=1e-4)
            buffer.elements(["measurement", "relative_time"])
            times = [float(text) for text in buffer.get_data(1, 3)[1::2]]
            assert np.diff(times) == pytest.approx(1 / MAINS_HZ, rel=1e-3)
            buffer.clear_buffer()
            assert buffer.number_of_readings() == 0
        assert not client.source.limit_tripped()
        client.output_enabled(False)
        assert switched(virtual, False)
        assert client.ask("SYST:ERR?").startswith("0,")
    finally:
        client.close()


def test_qcodes_sets_an_n6705_up_measures_and_switches_it_off(bench):
    qcodes = pytest.importorskip(
        "qcodes.instrument_drivers.Keysight.Keysight_N6705B", reason="qcodes is in the dev extra"
    )
    virtual = bench(monitor="keysight-n6705", io_manager=None)
    client = qcodes_instrument(qcodes.KeysightN6705B, virtual, "n6705")
    try:
        assert client.get_idn()["model"] == "N6705C"
        channel = client.channels[0]
        channel.source_mode("voltage")
        channel.source_voltage(1.8)
        client.write("CURR:LIM 0.1,(@1)")
        assert channel.source_voltage() == pytest.approx(1.8)
        assert channel.source_current() >= 0
        assert channel.voltage_limit() == pytest.approx(22.0)
        assert float(client.ask("VOLT? MAX,(@1)")) == pytest.approx(20.0)
        channel.enable("on")
        assert channel.enable() == "on"
        truth_a = idle_current_a(virtual)
        assert channel.voltage() == pytest.approx(1.8)
        assert channel.current() == pytest.approx(truth_a, rel=1e-4)
        channel.enable("off")
        assert switched(virtual, False)
        assert channel.voltage() == 0
        assert client.ask("SYST:ERR?").startswith("0,")
        assert client.ask("*OPT?").split(",")[0] == "N6781A"
    finally:
        client.close()


@pytest.mark.parametrize("monitor", ["supply", "keithley-2450"])
def test_easy_scpi_sets_a_source_up_measures_and_switches_it_off(bench, monitor):
    easy_scpi = pytest.importorskip("easy_scpi", reason="easy-scpi is in the dev extra")
    arguments = {"monitor": None, "supply": "scpi"} if monitor == "supply" else {"monitor": monitor}
    virtual = bench(io_manager=None, **arguments)
    url = virtual.urls["supply" if monitor == "supply" else "monitor"]
    client = easy_scpi.Instrument(
        url, port_match=False, backend=VISA, read_termination="\n", write_termination="\n", timeout=5000
    )
    client.connect()
    try:
        assert client.id
        client.reset()
        client.source.voltage.level(1.8)
        assert float(client.source.voltage.level()) == pytest.approx(1.8)
        if monitor == "supply":
            client.source.current(0.1)
            assert float(client.query("VOLT? MAX")) == 30
        else:
            client.source.voltage.ilimit(0.1)
            assert float(client.query("SOUR:VOLT:ILIM? MIN")) == pytest.approx(1e-9)
            assert float(client.query("SENS:CURR:RANG:UPP? MAX")) == pytest.approx(1.05)
        client.output.state("on")
        assert int(client.output.state()) == 1
        truth_a = idle_current_a(virtual)
        assert float(client.measure.current()) == pytest.approx(truth_a, rel=1e-3)
        assert float(client.measure.voltage()) == pytest.approx(1.8, rel=1e-3)
        client.output("off")
        assert switched(virtual, False)
        assert client.query("SYST:ERR?").startswith("0,")
    finally:
        client.disconnect()


def test_ppk2_api_reads_the_calibration_powers_the_dut_and_measures_its_current(bench):
    ppk2_api = pytest.importorskip("ppk2_api.ppk2_api", reason="ppk2-api is in the dev extra")
    virtual = bench(pace=1.0, monitor="ppk2", io_manager=None)
    client = ppk2_api.PPK2_API(virtual.urls["monitor"], timeout=1)
    assert client.get_modifiers()
    assert client.modifiers["R"]["3"] == 0.9421
    client.set_source_voltage(1800)
    client.use_source_meter()
    client.toggle_DUT_power("ON")
    truth_a = idle_current_a(virtual)
    assert state(virtual)["voltage_v"] == pytest.approx(1.8)
    client.start_measuring()
    data, deadline = b"", time.monotonic() + 5.0
    while len(data) < 40_000 and time.monotonic() < deadline:
        data += client.get_data()
        time.sleep(0.02)
    client.stop_measuring()
    samples_ua, bits = client.get_samples(data[: len(data) // 4 * 4])
    assert np.mean(samples_ua[100:]) * 1e-6 == pytest.approx(truth_a, rel=0.01)
    assert len(set(samples_ua)) > 2
    assert set(bits) == {1}
    client.toggle_DUT_power("OFF")
    time.sleep(0.2)
    assert switched(virtual, False)
    client.ser.close()


class Tsp:
    """A bare client of TSP: a line, and a line back."""

    def __init__(self, resource):
        _, host, port, _ = resource.split("::")
        self._socket = socket.create_connection((host, int(port)), timeout=5.0)
        self._file = self._socket.makefile("rb")

    def write(self, line):
        self._socket.sendall(line.encode() + b"\n")

    def ask(self, line):
        self.write(line)
        return self._file.readline().decode().strip()

    def close(self):
        self._file.close()
        self._socket.close()


def test_a_2461_answers_the_manual_s_first_steps_and_resets_safely(bench):
    virtual = bench(monitor="keithley-2461", io_manager=None)
    client = Tsp(virtual.urls["monitor"])
    assert client.ask("*OPC?") == "1"
    assert float(client.ask("print(localnode.linefreq)")) == MAINS_HZ
    assert float(client.ask("print(2 + 3 * (4 - 1) / 2)")) == 6.5
    assert client.ask("print(smu.source.func)") == "smu.FUNC_DC_VOLTAGE"
    client.write("smu.source.range = 2")
    client.write("smu.source.ilimit.level = 0.1")
    client.write("smu.source.level = 1.8")
    client.write("smu.measure.func = smu.FUNC_DC_CURRENT")
    client.write("smu.source.output = smu.ON")
    truth_a = idle_current_a(virtual)
    assert float(client.ask("print(smu.measure.read())")) == pytest.approx(truth_a, rel=1e-4)
    assert client.ask("print(eventlog.getcount(eventlog.SEV_ERROR))") == "0"
    client.write("*RST")
    assert client.ask("print(smu.source.output)") == "smu.OFF"
    assert switched(virtual, False)
    assert float(client.ask("print(smu.source.level)")) == 0
    client.close()
