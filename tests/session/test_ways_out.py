"""Every way out of a session, the ugly ones too: the supply is off and the first cause is told."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import Any

import pytest

import drivers.virtual.bench
from drivers.lpm01a.driver import Lpm01a
from drivers.virtual.remote import RemoteBench
from energy.bench.benchfile import bench_of
from energy.errors import BenchError, UsageError
from energy.instruments import Line
from energy.report.sessions import session_table
from energy.runs.measured import load, measure_run
from energy.session.folder import SessionFolder
from tests.session.support import virtual, watcher

__all__ = ["watcher"]


class _Full:
    """A log on a disk that is full after so many lines."""

    def __init__(self, file: Any, lines: int) -> None:
        self._file, self._left = file, lines

    def write(self, data: bytes) -> int:
        self._left -= 1
        if self._left < 0:
            raise OSError(28, "No space left on device")
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.mark.parametrize("lines", [5, 60, 400, 800])
def test_a_log_that_cannot_be_written_ends_the_session_with_the_supply_off(watcher, monkeypatch, lines):
    original = SessionFolder.__init__

    def full(self, path):
        original(self, path)
        self._lines = _Full(self._lines, lines)

    monkeypatch.setattr(SessionFolder, "__init__", full)
    with pytest.raises(BenchError) as caught:
        watcher.run(virtual(), "ad01")
    assert caught.value.code == "session.write-failed"
    assert watcher.states[-1]["supply_on"] is False


class _NearlyFull(_Full):
    """A log on a disk that takes a part of a line and refuses the rest."""

    def write(self, data: bytes) -> int:
        return super().write(data[: len(data) // 2])


def test_a_log_line_that_is_written_in_part_is_not_taken_for_written(tmp_path):
    folder = SessionFolder(tmp_path / "session")
    folder._lines = _NearlyFull(folder._lines, 1)
    folder.line(Line(0.0, "dut", sent=True, text="name%"))
    with pytest.raises(BenchError, match=r"session\.write-failed"):
        folder.check()
    folder._lines.close()
    folder._text.close()


def test_an_impatient_ctrl_c_while_switching_off_does_not_keep_the_supply_on(watcher, monkeypatch):
    off, interrupts = Lpm01a.off, [2]

    def interrupted(self):
        if interrupts[0]:
            interrupts[0] -= 1
            raise KeyboardInterrupt
        off(self)

    monkeypatch.setattr(Lpm01a, "off", interrupted)
    with pytest.raises(KeyboardInterrupt):
        watcher.run(virtual(), "ad01")
    assert watcher.states[-1]["supply_on"] is False
    assert watcher.session["state"] == "interrupted"


def test_a_supply_that_does_not_answer_at_the_end_is_told_beside_the_first_cause(watcher):
    faults = [("silent-monitor", {"infer": 3, "delay_s": 2.0})]
    with pytest.raises(BenchError) as caught:
        watcher.run(virtual(faults=faults), "ad01")
    codes = {caught.value.code, *(other.code for other in caught.value.also)}
    assert "lpm01a.off-unconfirmed" in codes
    assert any(failed["action"] == "supply off" for failed in watcher.session["at_the_end"])


def test_a_supply_that_the_session_could_not_switch_off_is_switched_off_by_the_guardian(watcher, monkeypatch):
    def failing(self):
        raise BenchError("lpm01a.off-unconfirmed", "planted", "planted")

    monkeypatch.setattr(Lpm01a, "off", failing)
    with RemoteBench(board="NUCLEO-L4R5ZI", workload="ad01", mode="energy", io_manager="uno") as bench:
        attach = {"control": bench.control, "ports": bench.urls}
        with pytest.raises(BenchError, match=r"off-unconfirmed"):
            watcher.run(virtual(attach=attach), "ad01")
        assert bench.world.request({"op": "state"})["supply_on"] is False


def test_an_error_of_our_own_is_recorded_and_the_supply_is_off(watcher, monkeypatch):
    def broken(self, data):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("drivers.dut.driver.SerialDut.load", broken)
    with pytest.raises(ZeroDivisionError):
        watcher.run(virtual(), "ad01")
    assert watcher.states[-1]["supply_on"] is False
    assert watcher.session["state"] == "failed"
    assert watcher.session["error"]["code"] == "internal"


def test_a_current_above_the_bench_s_limit_ends_the_session(watcher):
    bench = virtual().model_dump(by_alias=True)
    bench["limits"]["highest_a"] = 0.010
    with pytest.raises(BenchError, match=r"bench\.current") as caught:
        watcher.run(bench_of(bench, "test"), "ad01")
    assert "limits.highest_a" in caught.value.message
    assert watcher.states[-1]["supply_on"] is False


@pytest.mark.parametrize("mode", ["performance", "energy"])
def test_a_dut_that_takes_four_seconds_for_an_inference_is_waited_for(watcher, monkeypatch, mode):
    original = drivers.virtual.bench.load_board

    def slow(name):
        board = original(name)
        slowed = dataclasses.replace(board.workloads["ad01"], throughput_ips=0.25)
        return dataclasses.replace(board, workloads=board.workloads | {"ad01": slowed})

    monkeypatch.setattr(drivers.virtual.bench, "load_board", slow)
    outcome = watcher.run(virtual(), "ad01", mode)
    assert outcome.valid
    assert [trial.iterations for trial in outcome.trials] == [10] * 5


def test_a_folder_that_cannot_be_made_is_wrong_usage(watcher, tmp_path):
    (tmp_path / "file").write_text("here already")
    watcher.folder = tmp_path / "file"
    with pytest.raises(UsageError, match=r"session\.folder"):
        watcher.run(virtual(), "ad01")


def test_a_rate_that_the_official_format_cannot_hold_is_said(watcher):
    bench = virtual().model_dump(by_alias=True)
    bench["monitor"]["rate_hz"] = 500.0
    outcome = watcher.run(bench_of(bench, "test"), "ad01")
    assert outcome.valid
    assert [finding.code for finding in outcome.findings] == ["session.no-official-files"]
    assert not (outcome.folder / "mlperf").exists()


def test_a_session_whose_files_were_changed_afterwards_is_not_sound(watcher, tmp_path):
    outcome = watcher.run(virtual(), "ad01")
    assert measure_run(load(outcome.folder)).sound
    changes = {
        "session.json": lambda path: path.write_text(
            path.read_text().replace('"iterations": 19', '"iterations": 38')
        ),
        "result.json": lambda path: path.write_text("{}"),
        "edges.jsonl": lambda path: path.write_text(path.read_text() + "\n"),
        "log.txt": lambda path: path.unlink(),
    }
    for name, change in changes.items():
        copy = tmp_path / f"copy-{name}"
        shutil.copytree(outcome.folder, copy)
        change(copy / name)
        measured = measure_run(load(copy))
        found = [finding for finding in measured.findings if finding.code == "session.altered"]
        assert len(found) == 1
        assert name in found[0].evidence
        assert not measured.sound


def test_a_manifest_cannot_lead_out_of_its_folder(watcher):
    outcome = watcher.run(virtual(), "ad01")
    path = outcome.folder / "manifest.json"
    document = json.loads(path.read_text())
    document["files"]["../../etc/passwd"] = {"sha256": "0", "bytes": 0}
    path.write_text(json.dumps(document))
    measured = measure_run(load(outcome.folder))
    assert "outside the folder" in next(f.evidence for f in measured.findings if f.code == "session.altered")


def test_a_workload_with_a_failed_mode_is_not_called_valid(watcher):
    outcome = watcher.run(virtual(), "ad01")
    failed = dataclasses.replace(outcome.plan, mode="performance")
    table = session_table([outcome], [(failed, BenchError("dut.silent", "nothing came", "look"))])
    assert table.rows[0][-1] == "no: performance failed (dut.silent)"
    assert session_table([outcome], []).rows[0][-1] == "yes"
