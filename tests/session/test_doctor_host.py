"""What the doctor sees of the host: ports, the disk, unverified facts, the bundle."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from pathlib import Path

import pytest

import energy.doctor.host as host
from energy.benchmark.workloads import WORKLOADS
from energy.doctor.bundle import write_bundle
from energy.doctor.examination import Examination
from energy.doctor.report import Report, Status, si
from energy.errors import BenchError
from energy.instruments import Line
from tests.session.support import virtual


def examination(bench, tmp_path) -> Examination:
    return Examination(str(bench), WORKLOADS["ad01"], tmp_path, write_s=0.0)


def desk(tmp_path, *, monitor: str, io: str) -> Path:
    """A bench file with these ports."""
    path = tmp_path / "desk.toml"
    path.write_text(
        f"""
        schema = "joulebench.bench/1"
        name = "desk"
        dut = {{ board = "NUCLEO-L4R5ZI", voltage_v = 1.8 }}
        limits = {{ highest_v = 3.3, highest_a = 0.05 }}
        monitor = {{ driver = "lpm01a", port = "{monitor}" }}
        io_manager = {{ driver = "uno", port = "{io}" }}
        """
    )
    return path


def test_every_port_that_is_not_there_is_named_with_its_role_before_any_is_opened(tmp_path):
    path = desk(tmp_path, monitor="/dev/no-such-port", io="/dev/no-such-port-either")
    report = examination(path, tmp_path).run()
    assert [remark.code for remark in report.remarks] == ["link.missing", "link.missing"]
    assert "the monitor, /dev/no-such-port," in report.remarks[0].message
    assert "the io_manager, /dev/no-such-port-either," in report.remarks[1].message
    assert report.steps["instruments"].status is Status.SKIPPED
    assert report.exit_status == 3


def test_a_port_that_one_may_not_open_names_its_group(monkeypatch, tmp_path):
    port = tmp_path / "ttyACM0"
    port.touch(mode=0o600)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(BenchError) as caught:
        host.check_port("monitor", port)
    assert caught.value.code == "link.permission"
    assert f"mode {stat.S_IMODE(port.stat().st_mode):o}" in caught.value.message
    assert "usermod -aG" in caught.value.hint


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux tells who holds a file")
def test_a_port_that_another_process_holds_names_that_process(monkeypatch, tmp_path):
    port = tmp_path / "ttyACM0"
    with port.open("w"):
        number = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: 0)  # so that this process is another one
        with pytest.raises(BenchError) as caught:
            host.check_port("monitor", port)
    assert caught.value.code == "link.busy"
    assert f"(process {number})" in caught.value.message
    assert str(port) in host.check_port("monitor", port)  # it is closed now


def test_a_bench_file_that_is_not_there_has_the_status_of_wrong_usage(tmp_path):
    report = examination(tmp_path / "no.toml", tmp_path).run()
    assert [remark.code for remark in report.remarks] == ["bench.missing"]
    assert report.exit_status == 2


def test_a_driver_that_is_not_installed_is_named(tmp_path):
    path = desk(tmp_path, monitor="/dev/null", io="/dev/null")
    path.write_text(path.read_text().replace('"uno"', '"duo"'))
    report = examination(path, tmp_path).run()
    assert [remark.code for remark in report.remarks] == ["bench.no-driver"]
    assert "'duo'" in report.remarks[0].message


def test_a_disk_that_is_slower_or_smaller_than_a_session_needs_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(host, "write_rate", lambda folder, seconds: 10e6)
    step = Report("x", "ad01").steps["disk"]
    host.check_disk(step, tmp_path, bytes_per_s=2e6)
    assert step.remarks == []
    host.check_disk(step, tmp_path, bytes_per_s=8e6)
    assert [remark.code for remark in step.remarks] == ["disk.slow"]
    host.check_disk(step, tmp_path / "not" / "there", bytes_per_s=1e15)
    assert "disk.full" in [remark.code for remark in step.remarks]


def test_a_disk_that_cannot_be_written_is_an_error_with_its_folder(tmp_path):
    with pytest.raises(BenchError, match=r"disk\.not-writable") as caught:
        host.write_rate(tmp_path / "not" / "there", 0.0)
    assert str(tmp_path / "not") in caught.value.message


def test_unverified_facts_of_the_bench_s_drivers_come_from_whoever_lists_them(monkeypatch):
    asked = []

    class Point:
        value = "planted:facts"

        def load(self):
            return lambda modules: asked.extend(modules) or ["one fact [U]"]

    original = host.entry_points
    monkeypatch.setattr(
        host, "entry_points", lambda group: [Point()] if group == host.UNVERIFIED else original(group=group)
    )
    step = Report("x", "ad01").steps["unverified"]
    host.check_unverified(step, virtual())
    assert step.evidence == ["one fact [U]"]
    assert asked == ["drivers.lpm01a.driver", "drivers.io_managers.uno"]


def test_a_bundle_holds_report_wires_bench_and_versions_and_no_path_of_one_s_home(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    path = desk(tmp_path, monitor="/dev/no-such-port", io="/dev/no-such-port-either")
    patient = examination(path, tmp_path)
    patient.run()
    patient.lines.append(Line(1.5, "dut", sent=True, text="name%"))
    write_bundle(tmp_path / "report.zip", patient)
    with zipfile.ZipFile(tmp_path / "report.zip") as bundle:
        texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert set(texts) == {
        "report.json", "transcript.txt", "system.txt", "ports.txt", "bench.json", "bench.toml",
    }  # fmt: skip
    assert json.loads(texts["report.json"])["schema"] == "joulebench.doctor/1"
    assert texts["transcript.txt"] == "    1.500000 dut     > name%\n"
    assert json.loads(texts["bench.json"])["monitor"]["port"] == "/dev/no-such-port"
    assert 'name = "desk"' in texts["bench.toml"]
    assert "pyserial" in texts["system.txt"]
    assert not [name for name, text in texts.items() if str(tmp_path) in text]
    with pytest.raises(BenchError, match=r"bundle\.exists"):
        write_bundle(tmp_path / "report.zip", patient)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00655, "6.55 mA"), (1.2, "1.2 A"), (-3.5e-6, "-3.5 µA"), (0.0, "0 A"), (2e-10, "0.2 nA")],
)
def test_numbers_have_a_prefix_that_fits(value, text):
    assert si(value, "A") == text
