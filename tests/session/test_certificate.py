"""Scope and calibration certificate of a bench, in sessions, recordings, and what the doctor reports."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from energy.bench.benchfile import read_bench
from energy.benchmark.workloads import WORKLOADS
from energy.doctor.examination import Examination
from energy.errors import BenchError, UsageError
from energy.evidence.calibration import Calibration
from energy.evidence.documents import SessionRecord
from energy.evidence.reader import SessionEvidence
from energy.evidence.scope import Scope
from energy.session.certificate import date_findings
from energy.session.record import run_record
from energy.session.record_plan import make_record_plan
from tests.session.support import watcher

__all__ = ["watcher"]

TODAY = date.today()
BENCH = """
schema = "joulebench.bench/1"
name = "desk"
[virtual]
[dut]
board = "NUCLEO-L4R5ZI"
voltage_v = 1.8
[scope]
feeds = ["flash", "core", "flash"]
pre_processing = true
[limits]
highest_v = 3.3
highest_a = 0.05
[monitor]
driver = "lpm01a"
port = "virtual"
calibration = "papers/monitor.toml"
[io_manager]
driver = "uno"
port = "virtual"
"""
CERTIFICATE = """
schema = "joulebench.calibration/1"
model = "X-NUCLEO-LPM01A"
serial_number = "{serial}"
date = {date}
due = {due}
certificate = "K-118"
[[lines]]
quantity = "current"
gain_correction = -0.0128
gain_uncertainty = 0.001
"""

GOOD = CERTIFICATE.format(serial="4", date="2026-01-02", due="2027-01-01")


def twin_number(model="lpm01a"):
    """The serial number that the twin of the LPM01A states."""
    from energy.bench.assemble import open_bench
    from energy.bench.benchfile import load_bench
    from tests.links.peer import Log

    with open_bench(load_bench(f"{model}-virtual"), "kws01", "energy", Log()) as opened:
        return opened.monitor.identify().serial_number


def bench_with(folder, *, serial=None, due=TODAY + timedelta(days=30), text=BENCH):
    (folder / "papers").mkdir()
    (folder / "papers/monitor.toml").write_text(
        CERTIFICATE.format(serial=serial or twin_number(), date=TODAY - timedelta(days=400), due=due)
    )
    (folder / "desk.toml").write_text(text)
    return read_bench(folder / "desk.toml")


def overdue(findings):
    return [finding.evidence for finding in findings if finding.code == "calibration.overdue"]


def test_a_session_records_scope_and_the_certificate_in_force(watcher, tmp_path):
    outcome = watcher.run(bench_with(tmp_path))
    assert watcher.session["calibration"]["certificate"] == "K-118"
    assert watcher.session["calibration"]["lines"][0]["gain_correction"] == -0.0128
    record = SessionEvidence(outcome.folder).record()
    assert record.calibration.due == TODAY + timedelta(days=30)
    stated = Scope(feeds=("core", "flash"), pre_processing=True)
    assert outcome.setup.scope == SessionEvidence(outcome.folder).session.setup.scope == stated
    assert stated.text() == "core, flash; inference + pre-processing"
    assert outcome.to_json()["setup"]["scope"]["feeds"] == ["core", "flash"]
    assert not [found for found in outcome.findings if found.code.startswith("calibration.")]
    assert outcome.valid


def test_an_overdue_certificate_is_a_warning_in_session_recording_and_doctor(watcher, tmp_path):
    bench = bench_with(tmp_path, due=TODAY - timedelta(days=3))
    outcome = watcher.run(bench)
    assert len(overdue(outcome.findings)) == 1
    assert "3 days before" in overdue(outcome.findings)[0]
    assert outcome.valid
    recorded = run_record(
        make_record_plan(bench, windows=1), tmp_path / "recorded", lambda _: None, lambda _: None
    )
    assert len(overdue(recorded.findings)) == 1
    document = json.loads((tmp_path / "recorded/session.json").read_text(encoding="utf-8"))
    assert Calibration.model_validate(document["calibration"]).certificate == "K-118"
    assert SessionEvidence(tmp_path / "recorded").windows().setup.scope.feeds == ("core", "flash")
    report = Examination(bench, WORKLOADS["kws01"], out=tmp_path, write_s=0.01).run()
    (step,) = [step for step in report.steps.values() if step.name == "settings"]
    told = json.dumps(step.to_json())
    assert "K-118" in told
    assert "calibration.overdue" in told


def test_a_certificate_of_another_instrument_is_refused_before_anything_is_switched_on(watcher, tmp_path):
    with pytest.raises(BenchError) as caught:
        watcher.run(bench_with(tmp_path, serial="not-this-instrument"))
    assert caught.value.code == "calibration.other-instrument"
    assert "not-this-instrument" in caught.value.message
    assert twin_number() in caught.value.message
    assert watcher.session["calibration"] is None
    assert watcher.session["state"] == "failed"
    assert "powered" not in watcher.session["state"]


@pytest.mark.parametrize(
    ("certificate", "code", "says"),
    [
        (None, "calibration.missing", "monitor.toml"),
        ("model = [", "calibration.invalid", "not TOML"),
        ("model = 'x'", "calibration.invalid", "schema"),
        (CERTIFICATE.format(serial="", date="2026-01-01", due="2027-01-01"), "calibration.invalid", "serial"),
        (CERTIFICATE.format(serial="4", date="2026-01-02", due="2026-01-01"), "calibration.invalid", "due"),
        (
            GOOD
            + "[[lines]]\nquantity = 'current'\ngain_uncertainty = 0.1\n",
            "calibration.invalid",
            "two lines for current",
        ),
        (
            GOOD + "lowest = 1.0\nhighest = 0.5\n",
            "calibration.invalid",
            "lowest (1) is not below highest (0.5)",
        ),
        (
            GOOD + "gain_corection = 0.1\n",
            "calibration.invalid",
            "gain_corection",
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_no_certificate_is_refused_with_the_reason(watcher, tmp_path, certificate, code, says):
    (tmp_path / "papers").mkdir()
    (tmp_path / "desk.toml").write_text(BENCH)
    if certificate is not None:
        (tmp_path / "papers/monitor.toml").write_text(certificate)
    with pytest.raises(UsageError) as caught:
        watcher.run(read_bench(tmp_path / "desk.toml"))
    assert caught.value.code == code
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("theirs", "ours", "same"),
    [
        (("2450", "04012345"), ("Keithley 2450", "04012345"), True),
        (("Joulescope JS220", "000415"), ("JS220", "000415"), True),
        (("2450", "04012345"), ("2450", "04012346"), False),
        (("2450", "04012345"), ("2461", "04012345"), False),
        (("2450", ""), ("2450", "04012345"), False),
    ],
)
def test_a_certificate_is_recognized_by_model_and_serial_number(theirs, ours, same):
    text = {"date": TODAY, "lines": [{"quantity": "current", "gain_uncertainty": 0.001}]}
    certificate = Calibration.model_validate({"model": ours[0], "serial_number": ours[1], **text})
    assert certificate.is_of(*theirs) is same


@pytest.mark.parametrize(
    ("url", "same"),
    [("/dev/serial/by-id/usb-Nordic_Semiconductor_PPK2_D3A1F2-if01", True), ("/dev/ttyACM0", False)],
)
def test_an_instrument_without_a_serial_number_is_recognized_by_its_port(url, same):
    from energy.evidence.documents import Instrument
    from energy.session.certificate import refuse_other_instrument

    lines = [{"quantity": "current", "gain_uncertainty": 0.001}]
    certificate = Calibration.model_validate(
        {"model": "PPK2", "serial_number": "D3A1F2", "date": TODAY, "lines": lines}
    )
    if same:
        refuse_other_instrument(certificate, Instrument(model="PPK2", url=url))
        return
    with pytest.raises(BenchError, match="no serial number") as caught:
        refuse_other_instrument(certificate, Instrument(model="PPK2", url=url))
    assert "by-id" in caught.value.hint


@pytest.mark.parametrize(
    ("dated", "due", "code"),
    [(0, 0, None), (1, 5, None), (2, 5, "calibration.in-future"), (-9, -1, "calibration.overdue")],
)
def test_dates_are_compared_with_the_day_of_the_session(dated, due, code):
    certificate = Calibration.model_validate(
        {
            "model": "PPK2",
            "serial_number": "1",
            "date": TODAY + timedelta(days=dated),
            "due": TODAY + timedelta(days=due),
            "lines": [{"quantity": "current", "gain_uncertainty": 0.001}],
        }
    )
    assert [finding.code for finding in date_findings(certificate, TODAY)] == ([code] if code else [])


@pytest.mark.parametrize(
    ("span", "beyond"), [("lowest = 1e-3\nhighest = 0.05", False), ("highest = 1e-3", True)]
)
def test_currents_that_the_certificate_does_not_hold_for_are_a_warning(watcher, tmp_path, span, beyond):
    bench = bench_with(tmp_path)
    path = tmp_path / "papers/monitor.toml"
    path.write_text(path.read_text() + span + "\n")
    outcome = watcher.run(bench)
    recorded = run_record(
        make_record_plan(bench, windows=1), tmp_path / "recorded", lambda _: None, lambda _: None
    )
    for findings in (outcome.findings, recorded.findings):
        found = [finding.evidence for finding in findings if finding.code == "calibration.beyond"]
        assert len(found) == beyond
        assert all("the certificate holds to 0.001 A" in evidence for evidence in found)
    assert outcome.valid


def test_a_folder_of_an_older_version_has_neither_scope_nor_certificate(watcher, tmp_path):
    outcome = watcher.run(bench_with(tmp_path))
    path = outcome.folder / "session.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["calibration"], document["bench"]["scope"]
    path.write_text(json.dumps(document), encoding="utf-8")
    evidence = SessionEvidence(outcome.folder)
    assert evidence.session.setup.scope is None
    assert evidence.record().calibration is None
    SessionRecord.model_validate(document)


def test_a_newer_scope_is_read_as_far_as_this_version_knows_it(watcher, tmp_path):
    outcome = watcher.run(bench_with(tmp_path))
    path = outcome.folder / "session.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["bench"]["scope"]["temperature"] = "hot"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert SessionEvidence(outcome.folder).session.setup.scope.feeds == ("core", "flash")
