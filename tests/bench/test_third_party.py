"""A monitor of somebody else's: a package of ten lines, found by its entry points."""

from __future__ import annotations

import json
import sys

import pytest

from energy.cli.main import main

PACKAGE = """\
from dataclasses import replace
from drivers.lpm01a.driver import Lpm01a, open_lpm01a


class MyMonitor(Lpm01a):
    def identify(self):
        return replace(super().identify(), model="My monitor")


def open_mine(url, **given):
    monitor = open_lpm01a(url, **given)
    monitor.__class__ = MyMonitor
    return monitor
"""
ENTRY_POINTS = """\
[joulebench.monitors]
mine = my_monitor:open_mine
[joulebench.switches]
mine = drivers.lpm01a.driver:switch_off
[joulebench.twins]
mine = drivers.lpm01a.twin.instrument:Lpm01aTwin
"""
BENCH = """\
schema = "joulebench.bench/1"
name = "theirs"
[virtual]
[dut]
board = "NUCLEO-L4R5ZI"
voltage_v = 1.8
[limits]
highest_v = 3.3
highest_a = 0.05
[monitor]
driver = "mine"
port = "virtual"
[io_manager]
driver = "uno"
port = "virtual"
"""


def test_measure_runs_on_a_monitor_that_only_an_entry_point_names(tmp_path, monkeypatch, capsys):
    site = tmp_path / "site"
    about = site / "my_monitor-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-monitor\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "my_monitor.py").write_text(PACKAGE)
    (tmp_path / "bench.toml").write_text(BENCH)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))  # the guardian's process must find it, too
    bench, out = str(tmp_path / "bench.toml"), str(tmp_path / "out")
    status = main(
        ["measure", "--bench", bench, "--workload", "ad01", "--mode", "energy", "--out", out, "--json"]
    )
    document = json.loads(capsys.readouterr().out)
    assert not document["failed"]
    assert status == 0
    (session,) = document["sessions"]
    assert session["valid"]
    record = json.loads((tmp_path / "out").glob("*/session.json").__next__().read_text())
    assert record["monitor"]["model"] == "My monitor"
    assert "my_monitor" in sys.modules


def third_party(tmp_path, monkeypatch, package):
    """A package with this driver, found by its entry points, and a bench file that names it."""
    site = tmp_path / "site"
    about = site / "my_monitor-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-monitor\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "my_monitor.py").write_text(package)
    (tmp_path / "bench.toml").write_text(BENCH)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "my_monitor", raising=False)
    return tmp_path / "bench.toml"


HALF = """\
class Half:
    def identify(self): ...
    def configure(self, setup): ...
    def close(self): print("closed")


def open_mine(url, *, settings, clock, transcript):
    return Half()
"""
NOTHING = "def open_mine(url, *, settings, clock, transcript): ...\n"
OTHER = "def open_mine(port): ...\n"


@pytest.mark.parametrize(
    ("package", "named"), [(HALF, "lacks limits"), (NOTHING, "NoneType"), (OTHER, "cannot be called")]
)
def test_a_driver_that_lacks_methods_is_a_coded_error_that_names_them(
    tmp_path, monkeypatch, capsys, package, named
):
    bench = third_party(tmp_path, monkeypatch, package)
    for verb in (["measure", "--workload", "kws01", "--out", str(tmp_path / "out")], ["doctor"]):
        assert main([verb[0], "--bench", str(bench), *verb[1:]]) != 0
        told = capsys.readouterr()
        shown = " ".join((told.out + told.err).split())
        assert "bench.driver-incomplete" in shown
        assert named in shown
        assert "Traceback" not in shown
        if package is HALF:
            assert "check, start" in shown or "start" in shown
            assert "closed" in shown
