"""Known loads on the virtual bench: the errors that a twin was given are found back, and then corrected."""

from __future__ import annotations

import json
import math
from datetime import date

import pytest

import joulebench as jb
from drivers.virtual.bench import VirtualBench
from energy.bench.benchfile import builtin_bench
from energy.bench.changes import change_bench
from energy.calibration import reader
from energy.calibration.check import CalcheckPlan, MeterVoltage, run_calcheck
from energy.calibration.loads import loads_of
from energy.cli.main import main
from energy.errors import BenchError, JoulebenchError, UsageError
from energy.evidence.calibration import calibration_text, read_calibration, write_calibration
from tests.session.support import watcher

__all__ = ["watcher"]

GAIN, OFFSET_A = 0.013, 5e-6
TRUE_GAIN, TRUE_OFFSET_A = 1 / (1 + GAIN) - 1, -OFFSET_A / (1 + GAIN)
RESISTORS = ["330 ohm 0.05%", "1 kohm 0.05%", "3.3 kohm 0.05%"]
METER = MeterVoltage(3.0, 0.0003)


def bench_with(name="lpm01a-virtual", **settings):
    changes = {f"virtual.settings.{key}": value for key, value in settings.items()}
    bench = builtin_bench(name)
    assert bench is not None
    return change_bench(bench, {"dut.voltage_v": 3.0, **changes})


def checked(bench, resistors=RESISTORS, meter=METER, **more):
    return run_calcheck(CalcheckPlan(bench, loads_of(resistors, []), meter, 2.0, asks=False, **more))


@pytest.mark.parametrize("name", ["lpm01a-virtual", "keithley-2450-virtual"])
@pytest.mark.parametrize("deviation", [0.0, 4e-4, -4e-4])
def test_the_errors_of_a_monitor_are_found_within_the_stated_uncertainty(name, deviation):
    """``deviation``: all resistors are off by four fifths of their tolerance, the same way."""
    dut = {"deviation": deviation}
    result = checked(bench_with(name, gain=GAIN, offset_a=OFFSET_A, dut_settings=dut))
    (line,) = result.calibration.lines
    assert abs(line.gain_correction - TRUE_GAIN) <= line.gain_uncertainty
    assert abs(line.offset_correction - TRUE_OFFSET_A) <= line.offset_uncertainty
    assert line.gain_uncertainty < 0.001
    assert line.offset_uncertainty < 2e-6
    assert result.calibration.date == date.today()
    assert result.virtual
    assert result.calibration.certificate.startswith("VIRTUAL joulebench calcheck at 3 V: 330 ohm 0.05%")
    assert result.outside is (name == "keithley-2450-virtual")  # 0.025 % and 2 %


def test_a_measurement_with_the_file_agrees_with_the_truth(watcher, tmp_path):
    """By hand (energy = reading x (1 + gain) + offset x voltage x time) and by the session's budget."""
    errors = {"gain": GAIN, "offset_a": OFFSET_A, "serial": "No 7"}
    result = checked(bench_with(**errors), ["82 ohm 0.05%", *RESISTORS[:2]])
    write_calibration(tmp_path / "no-7.toml", calibration_text(result.calibration, result.remarks))
    (line,) = read_calibration(tmp_path / "no-7.toml").lines
    bench = change_bench(bench_with(**errors), {"monitor.calibration": str(tmp_path / "no-7.toml")})
    outcome = watcher.run(bench)
    assert watcher.session["calibration"]["serial_number"] == "No 7"
    assert outcome.valid
    assert not [finding for finding in outcome.findings if finding.code.startswith("calibration.")]
    window = outcome.trials[-1].window
    (opening, closing) = watcher.edges_s()[-2:]
    truth_w = watcher.truth_j(opening, closing) / (closing - opening)
    energy = window.energies["exact"]
    assert energy.power_w / truth_w == pytest.approx(1 + GAIN, abs=2e-3)
    corrected_w = energy.power_w * (1 + line.gain_correction) + line.offset_correction * 3.0
    uncertainty = math.hypot(line.gain_uncertainty, line.offset_uncertainty * 3.0 / energy.power_w)
    assert abs(corrected_w / truth_w - 1) <= uncertainty + window.bounds.step_j / energy.energy_j
    power = outcome.stated.power_w
    assert power.indicated / truth_w == pytest.approx(1 + GAIN, abs=2e-3)
    assert power.value / truth_w == pytest.approx(1, abs=2e-3)
    assert abs(power.value - truth_w) <= power.expanded < 0.012 * truth_w  # 0.023 without the file
    watcher.folder = tmp_path / "other"
    with pytest.raises(BenchError, match="No 7"):
        watcher.run(change_bench(bench, {"virtual.settings.serial": "No 8"}))


def test_the_own_voltage_of_the_monitor_counts_with_its_specification():
    meter, own = (checked(bench_with(), meter=meter) for meter in (METER, None))
    assert own.calibration.lines[0].gain_uncertainty > 5 * meter.calibration.lines[0].gain_uncertainty
    assert "by the monitor" in own.voltage.source


def test_a_wrong_voltage_of_the_monitor_is_within_its_specification_and_a_meter_finds_it():
    """A source that gives 0.5 % less than it is set to: 1 % is its specification."""
    bench = bench_with(voltage_gain=0.005)
    own, meter = checked(bench, meter=None), checked(bench, meter=MeterVoltage(3.0 / 1.005, 0.0003))
    assert abs(own.calibration.lines[0].gain_correction) <= own.calibration.lines[0].gain_uncertainty
    (line,) = meter.calibration.lines
    assert abs(line.gain_correction) <= line.gain_uncertainty < 0.001


def test_an_ammeter_without_a_known_voltage_needs_a_meter():
    bench = bench_with("ppk2-ampere-virtual")
    loose = bench.model_copy(update={"dut": bench.dut.model_copy(update={"voltage_tolerance": None})})
    with pytest.raises(BenchError) as caught:
        checked(loose, RESISTORS[:1], meter=None)
    assert caught.value.code == "calcheck.voltage-unknown"
    result = checked(bench, RESISTORS[:1], meter=None)
    assert "dut.voltage_tolerance" in result.voltage.source
    of_voltage = 0.01 / math.sqrt(3) * 1.96  # and some for the offset of the specification
    assert of_voltage <= result.calibration.lines[0].gain_uncertainty < 1.5 * of_voltage


@pytest.mark.parametrize(
    "key", ["dut.marker", "dut.clock_hz", "virtual.settings.autorun", "dut.firmware_energy"]
)
def test_what_a_bench_states_about_its_dut_does_not_matter(key):
    """A load has neither a pin nor a clock nor a firmware."""
    values = {"dut.marker": "high", "dut.clock_hz": 80e6, "virtual.settings.autorun": [10, 0.3]}
    bench = change_bench(bench_with("joulescope-js220-virtual"), {key: values.get(key, __file__)})
    (line,) = checked(bench, RESISTORS[:1]).calibration.lines
    assert abs(line.gain_correction) <= line.gain_uncertainty


def test_a_load_of_known_current_is_a_reference():
    plan = CalcheckPlan(bench_with(gain=GAIN), loads_of([], ["2 mA 0.05%"]), METER, 2.0, asks=False)
    (line,) = run_calcheck(plan).calibration.lines
    assert line.gain_correction == pytest.approx(TRUE_GAIN, abs=line.gain_uncertainty)


def test_a_monitor_that_measures_only_between_edges_is_refused():
    with pytest.raises(BenchError) as caught:
        checked(bench_with("keithley-2461-virtual"))
    assert caught.value.code == "calcheck.gated"


def test_another_load_than_the_one_named_is_noticed(monkeypatch):
    original = reader._bench_with

    def half(bench, load):
        found = original(bench, load)
        settings = {**found.virtual.settings, "dut_settings": {"ohm": load.value / 2}}
        return found.model_copy(update={"virtual": found.virtual.model_copy(update={"settings": settings})})

    monkeypatch.setattr(reader, "_bench_with", half)
    with pytest.raises(BenchError) as caught:
        checked(bench_with())
    assert caught.value.code == "calcheck.other-load"
    assert "330 ohm" in caught.value.message


def test_each_load_is_asked_for_while_the_supply_is_off(watcher):
    asked = []

    def answer(question):
        asked.append(question)
        assert len(watcher.worlds) == len(watcher.states)  # no bench is open
        assert all(world.world.supply.off_at_ns is not None for world in watcher.worlds)
        return ""

    plan = CalcheckPlan(bench_with(), loads_of(RESISTORS, []), METER, 1.0)
    run_calcheck(plan, prompt=answer)
    assert len(asked) == len(RESISTORS)
    assert "330 ohm 0.05%" in asked[0]
    assert "9.091 mA" in asked[0]
    assert len(watcher.worlds) == 3
    assert all(not world.world.supply.on for world in watcher.worlds)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"meter": MeterVoltage(3.0, 0.0)}, "calcheck.voltage"),
        ({"meter": MeterVoltage(1.8, 0.001)}, "calcheck.voltage"),
        ({"seconds": 0.0}, "calcheck.seconds"),
        ({"seconds": math.nan}, "calcheck.seconds"),
        ({"loads": loads_of(["60 ohm 1%"], [])}, "calcheck.too-much"),
        ({"loads": loads_of([], ["50 mA 1%"])}, "calcheck.too-much"),
    ],
)
def test_what_cannot_be_checked_is_refused_before_the_bench_is_opened(changes, code):
    arguments = {"bench": bench_with(), "loads": loads_of(RESISTORS, []), **changes}
    with pytest.raises(UsageError) as caught:
        CalcheckPlan(**arguments)
    assert caught.value.code == code


def test_the_command_writes_a_file_that_is_read_again_and_does_not_overwrite_it(tmp_path, capsys):
    words = ["calcheck", "--bench", "lpm01a-virtual", "--set", "dut.voltage_v=3.0", "--seconds", "1", "--yes"]
    words += ["--voltage", "3.0", "--voltage-uncertainty", "0.0003", "--due", "2099-01-31"]
    words += [word for text in RESISTORS for word in ("--resistor", text)]
    words += ["--set", f"virtual.settings.gain={GAIN}", "--out", str(tmp_path / "a.toml")]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "VIRTUAL" in shown
    assert "+1.3" in shown
    assert "voltage: 3 V +- 0.0003 V" in shown
    calibration = read_calibration(tmp_path / "a.toml")
    assert calibration.due == date(2099, 1, 31)
    assert calibration.lines[0].gain_correction == pytest.approx(TRUE_GAIN, abs=0.001)
    text = (tmp_path / "a.toml").read_text(encoding="utf-8")
    assert text.startswith("# VIRTUAL: not measured on hardware\n")
    assert main(words) == 2
    assert "calibration.exists" in capsys.readouterr().err
    assert (tmp_path / "a.toml").read_text(encoding="utf-8") == text
    words[words.index(str(tmp_path / "a.toml"))] = str(tmp_path / "b.toml")
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "joulebench.calcheck/1"
    assert document["loads"][1]["reference_a"] == pytest.approx(3e-3)


def test_the_command_exits_with_1_for_a_monitor_outside_its_specification(tmp_path, capsys):
    words = ["calcheck", "--bench", "keithley-2450-virtual", "--set", f"virtual.settings.gain={GAIN}"]
    words += ["--resistor", "1 kohm 0.1%", "--seconds", "2", "--yes", "--out", str(tmp_path / "a.toml")]
    assert main(words) == 1
    assert "outside its specification" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--voltage", "3.0"], ["--voltage-uncertainty", "0.001"], []])
def test_half_a_meter_or_no_load_is_wrong_usage(tmp_path, capsys, words):
    loads = ["--resistor", "1 kohm 0.1%"] if words else []
    out = ["--yes", "--out", str(tmp_path / "a.toml")]
    assert main(["calcheck", "--bench", "lpm01a-virtual", *loads, *words, *out]) == 2
    assert "calcheck." in capsys.readouterr().err
    assert not (tmp_path / "a.toml").exists()


def test_without_a_person_it_asks_in_vain(tmp_path):
    words = ["calcheck", "--bench", "lpm01a-virtual", "--resistor", "1 kohm 0.1%"]
    assert main([*words, "--out", str(tmp_path / "a.toml")]) == 3


def test_from_python(tmp_path):
    checked = jb.calcheck(
        bench_with(gain=GAIN), RESISTORS, voltage_v=3.0, voltage_uncertainty_v=0.0003, seconds=1.0,
        out=tmp_path / "a.toml", progress=False,
    )  # fmt: skip
    assert checked.calibration == read_calibration(tmp_path / "a.toml")
    assert checked.virtual
    assert checked.within_specification
    table = checked.to_dataframe()
    assert list(table["load"]) == RESISTORS
    assert table["reading_a"][1] == pytest.approx(3e-3 * (1 + GAIN), rel=1e-3)
    assert "VIRTUAL" in checked._repr_html_()
    with pytest.raises(JoulebenchError):
        jb.calcheck(bench_with(), ["1 kohm"], progress=False)


@pytest.mark.parametrize(
    "settings", [{}, {"ohm": 0.0}, {"ohm": 10.0, "ampere": 1e-3}, {"ohm": 10.0, "deviation": -1.0}]
)  # fmt: skip
def test_a_virtual_load_has_exactly_one_value(settings):
    with pytest.raises(UsageError) as caught:
        VirtualBench(dut="load", dut_settings=settings, monitor=None)
    assert caught.value.code == "virtual.settings"


def test_a_virtual_resistor_draws_the_square_of_the_voltage_over_its_resistance():
    with VirtualBench(dut="load", dut_settings={"ohm": 1000.0}, monitor=None, powered=True) as bench:
        supply = bench.world.supply
        bench.clock.sleep(1.0)
        supply.voltage_v = 2.7
        bench.clock.sleep(1.0)
        supply.switch(False)
        bench.clock.sleep(1.0)
        truth = [
            bench.world.handle({"op": "truth", "start_s": s, "stop_s": s + 1.0}) for s in (0.0, 1.0, 2.0)
        ]
    volts = bench.board.voltage_v
    expected = [volts**2 / 1000, 2.7**2 / 1000, 0.0]
    assert volts != 2.7
    assert [part["energy_j"] for part in truth] == pytest.approx(expected, rel=1e-9)
