"""What is plugged in, by lists as pyserial, pyjoulescope_driver and PyVISA give them."""

from __future__ import annotations

import re
import threading

import pytest
from serial.tools.list_ports_common import ListPortInfo

from drivers.discovery import joulescopes, serial_instruments, visa_instruments
from energy.bench.discovery import Survey
from energy.errors import BenchError
from tests.conftest import ROOT

N6705_IDN = "Keysight Technologies,N6705C,MY12345678,E.02.07.3271\n"


def port(device, vid=None, pid=None, product=None, location=None):
    info = ListPortInfo(str(device))
    info.vid, info.pid, info.product, info.location = vid, pid, product, location
    return info


def serial_survey(*ports, by_id="/nowhere"):
    from pathlib import Path

    return Survey.model_validate(serial_instruments(lambda: ports, Path(by_id)))


def one(*ports):
    (found,) = serial_survey(*ports).found
    return found


def test_an_lpm01a_is_sure_by_its_product_string_and_otherwise_perhaps():
    sure = one(port("/dev/ttyACM7", 0x0483, 0x5740, "PowerShield (Virtual ComPort in FS Mode)"))
    assert (sure.driver, sure.role, sure.port, sure.sure) == ("lpm01a", "monitor", "/dev/ttyACM7", True)
    assert sure.remark == ""
    perhaps = one(port("/dev/ttyACM7", 0x0483, 0x5740, "STM32 Virtual ComPort"))
    assert (perhaps.driver, perhaps.sure) == ("lpm01a", False)
    assert "perhaps an X-NUCLEO-LPM01A" in perhaps.remark


@pytest.mark.parametrize(
    ("vid", "pid"), [(0x2341, 0x0043), (0x2341, 0x0001), (0x2A03, 0x0043), (0x2A03, 0x0243)]
)
def test_an_uno_may_be_an_io_manager(vid, pid):
    found = one(port("/dev/ttyACM7", vid, pid))
    assert (found.driver, found.role, found.sure) == ("uno", "io_manager", False)
    assert f"{vid:04X}:{pid:04X}" in found.description


def test_the_interface_boards_debugger_may_be_that_of_another_board():
    found = one(port("/dev/ttyACM7", 0x0483, 0x374E, "STLINK-V3"))
    assert (found.driver, found.role, found.sure) == ("interface-board", "io_manager", False)
    assert "DUT" in found.remark


def test_of_a_ppk2_only_the_first_port_is_a_monitor():
    ports = [port(f"/dev/ttyACM{n}", 0x1915, 0xC00A, "PPK2", f"1-3:1.{n}") for n in (1, 3)]
    first, second = serial_survey(*ports).found
    assert (first.driver, first.role, first.sure) == ("ppk2", "monitor", True)
    assert (second.driver, second.role) == (None, None)
    assert "second port" in second.remark
    assert not one(port("/dev/ttyACM7", 0x1915, 0xC00A, "PPK2")).sure


def test_a_ppk2_is_known_by_its_product_string_whatever_its_numbers():
    found = one(port("/dev/ttyACM7", 0x1234, 0x5678, "PPK2", "1-3:1.1"))
    assert (found.driver, found.sure) == ("ppk2", True)
    assert not one(port("/dev/ttyACM7", 0x1915, 0xC00A, "nRF something", "1-3:1.1")).sure


def test_any_other_usb_serial_port_is_perhaps_the_dut_and_one_without_usb_is_left_out_and_named():
    survey = serial_survey(port("/dev/ttyS0"), port("/dev/ttyUSB7", 0x0403, 0x6001, "FT232R"))
    (found,) = survey.found
    assert (found.driver, found.role, found.sure) == ("mlperf-tiny", "dut", False)
    assert any("/dev/ttyS0" in remark for remark in survey.remarks)


def test_names_that_stay_the_same_are_preferred(tmp_path):
    device, links = tmp_path / "ttyACM0", tmp_path / "by-id"
    device.touch()
    links.mkdir()
    (links / "usb-Arduino_Uno_5573-if00").symlink_to(device)
    (found,) = serial_survey(port(device, 0x2341, 0x0043), by_id=links).found
    assert found.port == str(links / "usb-Arduino_Uno_5573-if00")
    assert str(device) in found.description


def test_a_port_that_may_not_be_opened_says_what_helps(tmp_path, monkeypatch):
    device = tmp_path / "ttyACM0"
    device.touch()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert "--udev" in one(port(device, 0x2341, 0x0043)).remark


class JsDriver:
    def __init__(self, paths):
        self.paths, self.finalized = paths, 0

    def device_paths(self):
        if isinstance(self.paths, Exception):
            raise self.paths
        return self.paths

    def finalize(self):
        self.finalized += 1


def test_joulescopes_are_listed_by_their_paths_and_a_js320_has_no_driver():
    driver = JsDriver(["u/js320/8W2A", "u/js220/000415", "u/js110/001234"])
    survey = Survey.model_validate(joulescopes(lambda: driver))
    assert [(found.driver, found.port) for found in survey.found] == [
        ("joulescope", "u/js110/001234"),
        ("joulescope", "u/js220/000415"),
        (None, "u/js320/8W2A"),
    ]
    assert survey.found[1].description == "Joulescope JS220 000415"
    assert driver.finalized == 1


def test_the_joulescope_driver_is_let_go_when_it_fails():
    driver = JsDriver(RuntimeError("usb"))
    with pytest.raises(RuntimeError):
        joulescopes(lambda: driver)
    assert driver.finalized == 1


def test_without_the_joulescope_package_a_remark_says_what_to_install():
    def missing():
        raise BenchError("joulescope.package", "there is none", "Install joulebench[joulescope].")

    survey = Survey.model_validate(joulescopes(missing))
    assert survey.found == ()
    assert "Install joulebench[joulescope]" in survey.remarks[0]


def test_the_real_joulescope_driver_lists_what_is_there():
    survey = Survey.model_validate(joulescopes())
    assert all(found.port.startswith("u/") for found in survey.found)
    assert survey.remarks == ()


class Visa:
    """A resource manager that answers as it is told, and counts what it opens."""

    def __init__(self, answers, hang=None):
        self.answers, self.hang, self.opened = answers, hang, []

    def list_resources(self, query):
        assert query == "?*::INSTR"
        if self.hang == "listing":
            threading.Event().wait(5.0)
        return tuple(self.answers)

    def open_resource(self, name, open_timeout, timeout):
        assert 0 < open_timeout <= 2000
        assert 0 < timeout <= 2000
        self.opened.append(name)
        visa = self

        class Instrument:
            write_termination = "\r\n"

            def query(self, command):
                assert (command, self.write_termination) == ("*IDN?", "\n")
                if visa.hang == name:
                    threading.Event().wait(5.0)
                if isinstance(visa.answers[name], Exception):
                    raise visa.answers[name]
                return visa.answers[name]

            def close(self):
                pass

        return Instrument()

    def close(self):
        pass


def visa_survey(answers, hang=None, timeout_s=5.0):
    visa = Visa(answers, hang)
    return Survey.model_validate(visa_instruments(lambda: visa, timeout_s)), visa


def test_visa_instruments_are_known_by_what_they_answer():
    survey, _ = visa_survey(
        {
            "TCPIP::192.0.2.5::inst0::INSTR": N6705_IDN,
            "USB0::1510::9313::04012345::0::INSTR": "KEITHLEY INSTRUMENTS,MODEL 2461,04012345,1.7.0b\n",
            "USB0::1510::9296::04012346::0::INSTR": "KEITHLEY INSTRUMENTS,MODEL 2450,04012346,1.7.0b\n",
            "GPIB0::5::INSTR": "ACME,PS-1,1,1\n",
        }
    )
    known = {found.port: (found.driver, found.role, found.sure) for found in survey.found}
    assert known == {
        "TCPIP::192.0.2.5::inst0::INSTR": ("keysight-n6705", "monitor", True),
        "USB0::1510::9313::04012345::0::INSTR": ("keithley-2461", "monitor", True),
        "USB0::1510::9296::04012346::0::INSTR": ("keithley-2450", "monitor", True),
        "GPIB0::5::INSTR": ("scpi", "supply", False),
    }


def test_a_serial_port_is_never_opened():
    survey, visa = visa_survey({"ASRL/dev/ttyACM0::INSTR": "x", "PRLGX-ASRL::/dev/ttyS0::INTFC": "x"})
    assert survey.found == ()
    assert visa.opened == []


@pytest.mark.parametrize("numbers", ["2391::3847", "0x0957::0x0F07"])
def test_an_instrument_that_does_not_answer_is_listed_with_the_reason_and_stops_no_other(numbers):
    silent, other = f"USB0::{numbers}::MY1::0::INSTR", "TCPIP::192.0.2.9::inst0::INSTR"
    survey, _ = visa_survey({silent: Exception("error creating link: 3"), other: OSError("reset")})
    by_port = {found.port: found for found in survey.found}
    assert (by_port[silent].driver, by_port[silent].sure) == ("keysight-n6705", False)
    assert "error creating link: 3" in by_port[silent].remark
    assert by_port[other].driver is None
    assert "reset" in by_port[other].remark


def test_a_search_that_hangs_is_left_behind_with_what_it_had_found():
    first, second = "GPIB0::1::INSTR", "TCPIP::192.0.2.7::inst0::INSTR"
    survey, _ = visa_survey({first: N6705_IDN, second: "x"}, hang=second, timeout_s=0.5)
    assert [found.port for found in survey.found] == [first]
    assert any(second in remark and "0.5 s" in remark for remark in survey.remarks)
    survey, _ = visa_survey({}, hang="listing", timeout_s=0.05)
    assert any("listing" in remark for remark in survey.remarks)


def test_a_visa_that_does_not_start_is_a_remark():
    def broken():
        raise ValueError("no backend")

    survey = Survey.model_validate(visa_instruments(broken))
    assert survey.found == ()
    assert "starting" in survey.remarks[0]
    assert "no backend" in survey.remarks[0]


def test_the_udev_rules_have_every_usb_number_of_the_protocols():
    rules = (ROOT / "drivers/udev/70-joulebench.rules").read_text(encoding="utf-8")
    pairs = set(re.findall(r'idVendor\}=="(\w{4})", ATTRS?\{idProduct\}=="(\w{4})"', rules))
    assert len(pairs) >= 10
    text = (ROOT / "docs/reference/protocols.md").read_text(encoding="utf-8")
    named = {
        (vid.lower(), pid.lower())
        for line in text.splitlines()
        if "VID:PID" in line or "USB id" in line
        for vid, pid in re.findall(r"\b([0-9A-F]{4}):([0-9A-F]{4})\b", line)
    }
    assert len(named) >= 8
    assert named <= pairs


def test_every_udev_rule_is_one_that_udev_would_read():
    lines = (ROOT / "drivers/udev/70-joulebench.rules").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    part = re.compile(r'[A-Z]+(\{\w+\})?(==|=|\+=)"[^"]*"')
    for rule in rules:
        parts = rule.split(", ")
        assert all(part.fullmatch(one) for one in parts), rule
        assert 'MODE="0660"' in parts
        assert 'TAG+="uaccess"' in parts
