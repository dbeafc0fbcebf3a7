"""A monitor of somebody else's: a package of ten lines, found by its entry points."""

from __future__ import annotations

import json
import sys

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
