"""The drivers' specifications as data, beside the table of protocols.md 7, and how a line is found."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

import drivers.joulescope.accuracy as joulescope
import drivers.keithley_2450.accuracy as k2450
import drivers.keithley_2461.accuracy as k2461
import drivers.keysight_n6705.accuracy as n6705
import drivers.lpm01a.accuracy as lpm01a
import drivers.ppk2.accuracy as ppk2
from drivers.io_managers.uno import CLOCK_ACCURACY
from drivers.joulescope.device import JS110, JS220
from drivers.testkit import MonitorContract, check_accuracy
from energy.instruments import Accuracy
from energy.instruments.specification import line_for, range_named
from tests.conftest import ROOT

STATUS = {"V": "specified", "T": "typical", "U": "assumed"}
SCALE = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}
CURRENT, VOLTAGE, SUPPLY, CLOCK = (
    ("current", "measure"),
    ("voltage", "measure"),
    ("voltage", "source"),
    ("time", "measure"),
)
LPM01A = lpm01a.accuracy_lines("ascii_dec", 0.05)
TABLES = {
    "LPM01A dynamic": (LPM01A, CURRENT),
    "LPM01A static": (LPM01A, CURRENT),
    "LPM01A V source": (LPM01A, SUPPLY),
    "LPM01A clock": (LPM01A, CLOCK),
    "Keithley 2450 I measure": (k2450.accuracy_lines(), CURRENT),
    "Keithley 2450 V measure": (k2450.accuracy_lines(), VOLTAGE),
    "Keithley 2450 V source": (k2450.accuracy_lines(), SUPPLY),
    "Keithley 2450 clock": (k2450.accuracy_lines(), CLOCK),
    "Keithley 2461 I digitize": (k2461.accuracy_lines(), CURRENT),
    "Keithley 2461 V measure": (k2461.accuracy_lines(), VOLTAGE),
    "Keithley 2461 V source": (k2461.accuracy_lines(), SUPPLY),
    "Keithley 2461 clock": (k2461.accuracy_lines(), CLOCK),
    "N6781A I measure": (n6705.accuracy_lines("N6781A", 1e-3), CURRENT),
    "N6781A V measure": (n6705.accuracy_lines("N6781A", 1e-3), VOLTAGE),
    "N6785A/86A I measure": (n6705.accuracy_lines("N6785A", 1e-3), CURRENT),
    "N6785A/86A V measure": (n6705.accuracy_lines("N6786A", 1e-3), VOLTAGE),
    "N6705 clock": (n6705.accuracy_lines("N6781A", 1e-3), CLOCK),
    "JS220 I measure": (joulescope.accuracy_lines(JS220), CURRENT),
    "JS220 V measure": (joulescope.accuracy_lines(JS220), VOLTAGE),
    "JS220 clock": (joulescope.accuracy_lines(JS220), CLOCK),
    "JS110 I measure": (joulescope.accuracy_lines(JS110), CURRENT),
    "JS110 V measure": (joulescope.accuracy_lines(JS110), VOLTAGE),
    "JS110 clock": (joulescope.accuracy_lines(JS110), CLOCK),
    "PPK2 I measure": (ppk2.accuracy_lines("source"), CURRENT),
    "PPK2 V source": (ppk2.accuracy_lines("source"), SUPPLY),
    "PPK2 clock": (ppk2.accuracy_lines("ampere"), CLOCK),
    "Uno clock": ((CLOCK_ACCURACY,), CLOCK),
}


def documented() -> dict[str, list[tuple[str, str, str]]]:
    """The rows of protocols.md 7 by instrument: range, accuracy, status."""
    text = (ROOT / "docs/reference/protocols.md").read_text(encoding="utf-8")
    section = text.split("## 7. Accuracy")[1].split("\n## 8.")[0]
    rows: dict[str, list[tuple[str, str, str]]] = {}
    instrument = ""
    for line in re.findall(r"^\| (.*) \|$", section, re.MULTILINE)[1:]:
        cells = [cell.strip() for cell in line.split("|")]
        instrument = cells[0] or instrument
        rows.setdefault(instrument, []).append((cells[1], cells[2], cells[3].strip("*")[:1]))
    return rows


def value(text: str) -> float:
    """A number with a unit, in SI."""
    number, prefix = re.match(r"([\d.]+) ?([pnum]?)[AVs]\b", text).groups()
    return float(number) * SCALE[prefix]


def figures(text: str, full_scale: float) -> tuple[float, float]:
    """Gain and offset of a row of the table, for a range with this upper end."""
    gain, offset = re.match(r"([\d.]+) %(?: \+ (.*))?", text).groups()
    if offset is None:
        return float(gain) / 100, 0.0
    if part := re.match(r"([\d.]+) % of range", offset):
        offset_si = float(part[1]) / 100 * full_scale
        least = re.search(r"at least ([^(]*)", offset)
        return float(gain) / 100, max(offset_si, value(least[1]) if least else 0.0)
    return float(gain) / 100, value(offset)


def of_kind(lines, kind):
    """The lines that state what an instrument measures; not those of times when it does not."""
    return [line for line in lines if (line.quantity, line.role) == kind and line.gain < 0.9]


@pytest.mark.parametrize("name", TABLES)
def test_a_drivers_figures_are_those_of_the_reference(name):
    lines = of_kind(TABLES[name][0], TABLES[name][1])
    rows = documented()[name]
    left = {line.range: line for line in lines}
    for label, text, status in rows:
        short = label.replace("u", "µ").split(",")[0]
        if name.startswith("LPM01A") and len(lines) == 2:  # dynamic and static are names of the instrument
            short = name.removeprefix("LPM01A ")
            left = {short: left[short]}
        wanted = list(left) if label in ("every", "others", "") else [short]
        for each in wanted:
            line = left.pop(each)
            assert (line.gain, line.offset) == pytest.approx(figures(text, line.full_scale), rel=1e-9), line
            assert line.status == STATUS[status], line
            if ranged := re.fullmatch(r"(?:.*to )?([\d.]+ [num]?[AV])", label):
                assert line.full_scale == pytest.approx(value(ranged[1])), line
    assert not left, "the reference has no row for these ranges"


def test_no_row_of_an_instrument_that_has_a_driver_is_left_out():
    others = r"B2\d\d|Otii|R&S|N6700|derating|temperature|example|quantisation|noise"
    assert {name for name in documented() if not re.search(others, name)} == set(TABLES)


@pytest.mark.parametrize(
    ("module", "quantity", "name"),
    [
        *(("N6781A", "voltage", "20 V"), ("N6781A", "voltage", "1 V"), ("N6785A", "voltage", "20 V")),
        *(("N6785A", "current", "8 A"), ("N6785A", "current", "100 mA"), ("N6786A", "current", "1 mA")),
    ],
)
def test_the_noise_of_an_n6705_is_that_of_the_longest_average_within_the_logs_period(module, quantity, name):
    head = "N6781A" if module == "N6781A" else "N6785A/86A"
    ((_, text, _),) = documented()[f"{head} noise, {name}"]
    pairs = [part.split() for part in text.split(", ")]
    noise = [(value(f"{a} {b}"), value(f"{c} {d}")) for a, b, c, d in pairs]
    assert len(noise) == 9
    for aperture_s, expected in noise:
        for period_s in (aperture_s, 1.2 * aperture_s):
            line = line_for(n6705.accuracy_lines(module, period_s), quantity, "measure", name)
            assert line is not None
            assert (line.noise, line.aperture_s) == pytest.approx((expected, aperture_s))


def test_a_module_of_which_nothing_is_known_has_its_clock_alone():
    assert [line.quantity for line in n6705.accuracy_lines("N6783A", 1e-3)] == ["time"]


@pytest.mark.parametrize(("nplc", "added"), [(10.0, 0.0), (1.0, 0.0), (0.5, 1e-4), (0.1, 1e-4), (0.02, 5e-4)])
def test_a_2450_below_one_cycle_of_the_mains_is_less_accurate_and_that_is_assumed(nplc, added):
    whole = {line.range: line for line in of_kind(k2450.accuracy_lines(), CURRENT)}
    for line in of_kind(k2450.accuracy_lines(nplc), CURRENT):
        assert line.offset == pytest.approx(whole[line.range].offset + added * line.full_scale)
        assert line.status == ("assumed" if added else "specified")
    assert of_kind(k2450.accuracy_lines(nplc), SUPPLY) == of_kind(k2450.accuracy_lines(), SUPPLY)


def test_the_digits_of_an_lpm01a_are_noise_by_its_format():
    rows = {
        name: text for name in documented() for _, text, _ in documented()[name] if "quantisation" in name
    }
    for word, stream_format in (("binary", "bin_hexa"), ("ASCII", "ascii_dec")):
        worst = float(rows[f"LPM01A {word} quantisation"].split(" %")[0]) / 100
        line = line_for(lpm01a.accuracy_lines(stream_format, 0.05), "current", "measure", "dynamic")
        assert line is not None
        assert line.noise == pytest.approx(worst * 0.05 / math.sqrt(3))


def test_a_wide_range_with_one_figure_does_not_cancel_and_a_range_of_an_smu_does():
    assert not any(
        line.linear for line in (*of_kind(LPM01A, CURRENT), *of_kind(ppk2.accuracy_lines("source"), CURRENT))
    )
    assert all(line.linear for line in k2450.accuracy_lines())


def test_an_ammeter_supplies_no_voltage():
    assert of_kind(ppk2.accuracy_lines("source"), SUPPLY)
    assert not of_kind(ppk2.accuracy_lines("ampere"), SUPPLY)


@pytest.mark.parametrize(
    ("driver", "settings", "twin", "current", "voltage"),
    [
        ("lpm01a", {}, {}, "dynamic", "1.8 to 3.3 V"),
        ("ppk2", {}, {}, None, None),
        ("keithley-2450", {}, {}, "100 mA", "2 V"),
        ("keithley-2461", {}, {}, "100 mA", "2 V"),
        ("keysight-n6705", {}, {}, "100 mA", "20 V"),
        ("keysight-n6705", {"range": 3.0}, {}, "3 A", "20 V"),
        ("joulescope", {}, {}, None, "15 V"),
        ("joulescope", {"current_range": "180 mA"}, {"model": "js110"}, "180 mA", "5 V"),
    ],
)
def test_the_settings_name_the_ranges_in_use(driver, settings, twin, current, voltage):
    """1.8 V, limits of 3.6 V and 50 mA."""
    kit = MonitorContract()
    kit.driver, kit.settings, kit.twin_settings = driver, settings, twin
    with kit.stand() as it:
        it.monitor.identify()
        it.monitor.configure(kit.setup_for(it.monitor))
        told = it.monitor.settings()
        assert (told.get("current_range"), told.get("voltage_range")) == (current, voltage)
        reading = line_for(it.monitor.accuracy(), "current", reading=0.04)
        assert reading is not None
        assert reading.full_scale >= 0.04


LINES = (
    Accuracy("current", "1 A", 1.0, 0.03, 0.0, "s"),
    Accuracy("current", "10 mA", 0.01, 0.01, 0.0, "s"),
    Accuracy("current", "100 mA", 0.1, 0.02, 0.0, "s"),
    Accuracy("voltage", "2 V", 2.0, 0.01, 0.0, "s", role="source"),
    Accuracy("voltage", "20 V", 20.0, 0.02, 0.0, "s"),
    Accuracy("time", "clock", 0.0, 1e-4, 0.0, "s"),
)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (("current", "measure", "100 mA", 1e-3), "100 mA"),
        (("current", "measure", None, 9e-3), "10 mA"),
        (("current", "measure", None, 0.01), "10 mA"),
        (("current", "measure", None, -0.011), "100 mA"),
        (("current", "measure", None, None), "10 mA"),
        (("current", "measure", None, 1.1), None),
        (("current", "measure", "3 A", 1e-3), None),
        (("current", "source", None, 1e-3), None),
        (("voltage", "source", None, 1.8), "2 V"),
        (("voltage", "measure", None, 1.8), "20 V"),
        (("power", "measure", None, 1.0), None),
        (("time", "measure", None, 0.0), "clock"),
    ],
)
def test_the_line_of_a_reading_is_that_of_its_range_or_of_the_smallest_that_includes_it(asked, found):
    line = line_for(LINES, *asked)
    assert (line.range if line else None) == found


def test_a_range_is_named_by_its_upper_end():
    assert range_named(LINES, "current", 0.1) == "100 mA"
    assert range_named(LINES, "current", 0.1005) == "100 mA"
    assert range_named(LINES, "current", 0.2) is None
    assert range_named(LINES, "voltage", 2.0, "source") == "2 V"
    assert range_named(LINES, "voltage", 2.0) is None


GOOD = (LINES[2], replace(LINES[5], status="assumed", source="assumed: a quartz"))


def test_the_kit_accepts_a_specification_without_ranges_in_the_settings():
    check_accuracy(GOOD, {"current_range": "100 mA", "voltage_range": None})
    check_accuracy(GOOD, {})


@pytest.mark.parametrize(
    ("lines", "settings", "why"),
    [
        ((), {}, "sample clock"),
        (GOOD[:1], {}, "sample clock"),
        (GOOD[1:], {}, "line for the current"),
        ((*GOOD, replace(GOOD[0], gain=0.5)), {}, "same range"),
        ((replace(GOOD[0], source=" "), GOOD[1]), {}, "come from"),
        ((replace(GOOD[0], status="certain"), GOOD[1]), {}, "certain"),
        ((replace(GOOD[0], offset=math.nan), GOOD[1]), {}, "nan"),
        ((replace(GOOD[0], gain=0.0), GOOD[1]), {}, "gain=0"),
        ((replace(GOOD[0], full_scale=0.0), GOOD[1]), {}, "full_scale=0"),
        ((GOOD[0], replace(GOOD[1], source="somewhere")), {}, "rest"),
        (GOOD, {"current_range": "1 A"}, "1 A"),
    ],
)
def test_the_kit_finds_a_specification_that_no_budget_can_use(lines, settings, why):
    with pytest.raises(AssertionError, match=why):
        check_accuracy(lines, settings)
