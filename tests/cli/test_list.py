"""``joulebench list``: what the discovery functions found, as a table, as JSON, and as a bench file."""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import entry_points

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.bench.benchfile import bench_of
from energy.bench.discovery import DISCOVERY, Found, bench_fragment, discover
from energy.cli.main import main
from energy.errors import BenchError
from tests.conftest import ROOT

LPM01A = {
    "driver": "lpm01a",
    "role": "monitor",
    "port": "/dev/serial/by-id/usb-STM_PowerShield-if00",
    "description": "PowerShield (0483:5740)",
    "sure": True,
}
UNO = {
    "driver": "uno",
    "role": "io_manager",
    "port": 'COM\\3"',
    "description": "Uno [red]\n",
    "remark": "may run anything",
}
DUT = {"driver": "mlperf-tiny", "role": "dut", "port": "/dev/ttyUSB0", "description": "FT232R"}


class Point:
    """An entry point of a discovery function."""

    def __init__(self, name, result):
        self.name, self.value, self.module, self.result = name, f"drivers.x:{name}", "drivers.x", result

    def load(self):
        def look():
            if isinstance(self.result, Exception):
                raise self.result
            return self.result

        return look


@pytest.fixture
def plugged(monkeypatch):
    """Takes what each discovery function is to return."""

    def plug(**surveys):
        points = [Point(name, result) for name, result in surveys.items()]
        monkeypatch.setattr("energy.bench.discovery.entry_points", lambda group: points)

    return plug


def survey(*found, remarks=()):
    return {"looked_for": "a thing", "found": list(found), "remarks": list(remarks)}


def test_the_table_and_a_bench_file_that_can_be_read_are_printed(plugged, capsys):
    perhaps = {**LPM01A, "sure": False, "port": "/dev/ttyACM9", "remark": "an ST demo?"}
    plugged(serial=survey(perhaps, UNO, DUT), visa=survey(LPM01A, remarks=["no libusb"]))
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert "PowerShield" in text
    assert "perhaps" in text
    assert "no libusb" in text
    assert "[red]" in text
    bench = bench_of(tomllib.loads(text[text.index("schema = ") :]), "printed")
    assert bench.monitor is not None
    assert (bench.monitor.driver, bench.monitor.port) == ("lpm01a", LPM01A["port"])  # the sure one
    assert bench.io_manager is not None
    assert bench.io_manager.port == 'COM\\3"'
    assert bench.dut.port == "/dev/ttyUSB0"
    assert '# port = "/dev/ttyACM9"' in text


def test_json_has_the_same_and_the_bench_file(plugged, capsys):
    plugged(serial=survey(LPM01A, DUT, remarks=["left out: /dev/ttyS0"]))
    assert main(["list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "joulebench.list/1"
    assert [(one["role"], one["port"]) for one in document["found"]] == [
        ("dut", "/dev/ttyUSB0"),
        ("monitor", LPM01A["port"]),
    ]
    assert document["remarks"] == ["left out: /dev/ttyS0"]
    assert tomllib.loads(document["bench_file"])["monitor"]["driver"] == "lpm01a"


def test_where_nothing_is_plugged_in_it_says_what_was_looked_for_and_what_to_check(plugged, capsys):
    plugged(serial=survey(), visa={"looked_for": "VISA instruments"})
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert "Nothing was found" in text
    assert "a thing" in text
    assert "VISA instruments" in text
    assert "--udev" in text
    assert "schema" not in text


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (ImportError("no module named x"), "no module named x"),
        (Exception("whatever"), "whatever"),
        (BenchError("x.y", "the thing is stuck", "Pull it."), "Pull it."),
        ({"looked_for": "x", "found": [{"driver": "lpm01a"}]}, "found.0"),
        ({"looked_for": "x", "found": [{**LPM01A, "role": "toaster"}]}, "role"),
        (None, "discovery.survey"),
    ],
)
def test_a_broken_source_is_a_remark_and_the_others_are_heard(plugged, broken, said):
    plugged(broken=broken, serial=survey(LPM01A))
    discovery = discover()
    assert [one.port for one in discovery.found] == [LPM01A["port"]]
    (remark,) = discovery.remarks
    assert "broken" in remark or "drivers.x" in remark
    assert said in remark


def test_an_entry_point_that_cannot_be_imported_is_a_remark(plugged, monkeypatch):
    def load(self):
        raise ImportError("drivers.x is not there")

    plugged(other=survey())
    monkeypatch.setattr(Point, "load", load)
    assert "drivers.x is not there" in discover().remarks[0]


def test_the_udev_rules_of_the_package_are_printed_without_searching(monkeypatch, capsys):
    monkeypatch.setattr("energy.bench.discovery.discover", lambda: pytest.fail("it searched"))
    assert main(["list", "--udev"]) == 0
    assert capsys.readouterr().out == (ROOT / "drivers/udev/70-joulebench.rules").read_text(encoding="utf-8")


def test_every_discovery_function_of_the_package_can_be_imported():
    points = entry_points(group=DISCOVERY)
    assert {point.name for point in points} >= {"serial", "joulescope", "visa"}
    assert all(callable(point.load()) for point in points)


@given(st.lists(st.builds(
    Found,
    driver=st.sampled_from(["lpm01a", "uno", None]),
    role=st.sampled_from(["monitor", "supply", "io_manager", "dut", None]),
    port=st.text(max_size=20),
    description=st.text(max_size=20),
    sure=st.booleans(),
), max_size=6))  # fmt: skip
def test_whatever_was_found_the_bench_file_is_toml_with_the_very_ports(found):
    document = tomllib.loads(bench_fragment(found))
    for role in {one.role for one in found if one.role}:
        assert document[role]["port"] == next(one.port for one in found if one.role == role)
