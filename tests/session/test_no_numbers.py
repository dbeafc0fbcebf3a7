"""NaN and infinity from a DUT or a monitor, and defects: files are written, and the next session runs."""

from __future__ import annotations

import hashlib
import json
import math

import jsonschema
import numpy as np
import pytest

from drivers.dut.driver import SerialDut
from energy.bench.benchfile import bench_of
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.validation_set import official_set, synthetic_set
from energy.benchmark.workloads import WORKLOADS
from energy.cli.main import main
from energy.errors import InternalError, JoulebenchError
from energy.evidence.documents import SCHEMAS, Instrument, SessionRecord, unknown_numbers
from energy.evidence.manifest import check_manifest
from energy.session.folder import SessionFolder
from energy.session.record import run_record
from energy.session.recorded import RecordPlan
from energy.session.recorder import Recorder
from energy.signal import Block
from tests.session.support import virtual, watcher
from tests.session.test_accuracy_run import datasets_with, document
from tests.session.test_accuracy_run import session as accuracy_session

__all__ = ["watcher"]

NOT_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def strict(text: str):
    """A document whose numbers are numbers: JSON has no others."""

    def refuse(word):
        raise AssertionError(f"{word} stands in a JSON document")

    return json.loads(text, parse_constant=refuse)


def answers(tmp_path, workload: str, value: float) -> dict[str, str]:
    """A table by which the DUT answers every input of a workload with this."""
    facts = WORKLOADS[workload]
    table = {
        hashlib.sha256(one.data).hexdigest(): [value] * facts.outputs for one in synthetic_inputs(facts, 5)
    }
    (tmp_path / "table.json").write_text(json.dumps(table))
    return {"table": str(tmp_path / "table.json")}


def bench_file(tmp_path, table: dict[str, str] | None = None) -> str:
    settings = json.dumps(table["table"]) if table else ""
    more = f"answers = {{ table = {settings} }}, " if table else ""
    (tmp_path / "bench.toml").write_text(
        'schema = "joulebench.bench/1"\nname = "numbers"\nscope = { feeds = ["core"] }\n'
        f"virtual = {{ settings = {{ {more}baud_model = false, baud = 115200 }} }}\n"
        'dut = { board = "NUCLEO-L4R5ZI", voltage_v = 1.8 }\n'
        "limits = { highest_v = 3.3, highest_a = 0.05 }\n"
        'monitor = { driver = "lpm01a", port = "virtual" }\n'
    )
    return str(tmp_path / "bench.toml")


def measured(capsys, *words: str):
    """The verb's exit status and its document."""
    status = main(["measure", *words, "--json"])
    return status, strict(capsys.readouterr().out)


def sound_folder(folder) -> None:
    """Finished, sealed, and by the schemas that are shipped."""
    for name, schema in (("session.json", "session-1.json"), ("result.json", "result-1.json")):
        said = strict((folder / name).read_text(encoding="utf-8"))
        jsonschema.validate(said, json.loads((SCHEMAS / schema).read_text(encoding="utf-8")))
    assert strict((folder / "session.json").read_text(encoding="utf-8"))["state"] == "finished"
    assert (folder / "manifest.json").is_file()
    assert not check_manifest(folder)


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_scores_that_are_no_numbers_are_kept_with_a_finding_and_the_next_session_runs(
    tmp_path, capsys, value
):
    table = answers(tmp_path, "kws01", NOT_NUMBERS[value])
    words = ("--bench", bench_file(tmp_path, table), "--workload", "kws01,ad01", "--out", str(tmp_path / "o"))
    status, said = measured(capsys, *words)
    assert status == 0
    assert [(one["workload"], one["mode"], one["valid"]) for one in said["sessions"]] == [
        (workload, mode, True) for workload in ("kws01", "ad01") for mode in ("performance", "energy")
    ]
    assert not said["failed"]
    for one in said["sessions"]:
        folder = tmp_path / "o" / one["folder"].rpartition("/")[2]
        sound_folder(folder)
        assert main(["validate", str(folder), "--json"]) == 0
        strict(capsys.readouterr().out)
        codes = [finding["code"] for finding in one["findings"]]
        results = document(folder, "session.json")["trials"][0]["results"]
        official = strict((folder / "mlperf/results.json").read_text(encoding="utf-8"))
        if one["workload"] == "kws01":
            assert codes == ["dut.not-a-number"] * 5
            assert results == official[0]["infer"]["results"] == [None] * 12
            assert f"m-results-[{value}" in (folder / "log.txt").read_text()
        else:
            assert codes == []
            assert all(map(math.isfinite, results))


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_an_answer_that_is_no_number_has_no_class_and_the_accuracy_is_not_valid(tmp_path, value):
    workload = WORKLOADS["kws01"]
    entries = [
        {"file": f"f{k}.bin", "classes": 12, "class": k, "infer": {"results": np.eye(12)[k].tolist()}}
        for k in range(12)
    ]
    entries[0]["infer"]["results"][3] = NOT_NUMBERS[value]  # argmax of NaN is its place: 3, or 0
    entries[3]["infer"]["results"][7] = NOT_NUMBERS[value]
    table = datasets_with(tmp_path / "data", workload, entries)
    outcome = accuracy_session(tmp_path / "run", official_set(workload, tmp_path / "data"), answers=table)
    codes = {finding.code for finding in outcome.findings}
    assert {"dut.not-a-number", "accuracy.incomplete", "scores.unusable"} <= codes
    assert not outcome.valid
    assert outcome.value == 1.0  # of the ten that have a class
    assert outcome.inferences == 12
    sound_folder(tmp_path / "run")
    lines = (tmp_path / "run/answers.jsonl").read_text().splitlines()
    assert [strict(line)["scores"].count(None) for line in lines[1:]] == [1, 0, 0, 1, *[0] * 8]
    assert not document(tmp_path / "run", "session.json")["rejected"]


def test_a_dut_that_answers_nan_to_everything_has_no_accuracy_and_goes_to_its_end(tmp_path):
    workload = WORKLOADS["ad01"]
    validation = synthetic_set(workload, 2)
    table = {
        hashlib.sha256(window).hexdigest(): [math.nan]
        for file in validation.files
        for window in file.windows()
    }
    (tmp_path / "table.json").write_text(json.dumps(table))
    outcome = accuracy_session(tmp_path / "run", validation, answers={"table": str(tmp_path / "table.json")})
    assert outcome.value is None
    codes = {finding.code for finding in outcome.findings}
    assert {"dut.not-a-number", "accuracy.incomplete", "session.no-accuracy"} <= codes
    assert "session.no-official-files" in codes
    sound_folder(tmp_path / "run")


def test_a_defect_in_one_session_is_named_and_the_next_one_runs(tmp_path, capsys, monkeypatch):
    load = SerialDut.load

    def broken(self, data):
        if len(data) == WORKLOADS["ad01"].input_bytes:
            raise ZeroDivisionError("planted")
        load(self, data)

    monkeypatch.setattr(SerialDut, "load", broken)
    words = ("--bench", bench_file(tmp_path), "--workload", "ad01,kws01", "--mode", "performance")
    status, said = measured(capsys, *words, "--out", str(tmp_path / "o"))
    assert status == 1
    (failed,) = said["failed"]
    assert (failed["workload"], failed["code"]) == ("ad01", "internal")
    assert "ZeroDivisionError: planted" in failed["message"]
    assert [(one["workload"], one["valid"]) for one in said["sessions"]] == [("kws01", True)]
    (folder,) = (tmp_path / "o").glob("*ad01*")
    assert document(folder, "session.json")["state"] == "failed"
    assert document(folder, "session.json")["error"]["code"] == "internal"
    assert not check_manifest(folder)
    assert "Traceback" in (folder / "log.txt").read_text()  # where it can be found, not in the terminal
    assert main(["measure", *words, "--out", str(tmp_path / "p")]) == 1
    shown = capsys.readouterr()
    assert "[internal]" in shown.out
    assert "Traceback" not in shown.out + shown.err


def planted(monkeypatch, column: int, value: float, when) -> list[int]:
    """Plants a value among the samples that a driver hands over; returns where."""
    where: list[int] = []
    block = Recorder.block

    def handed(self, samples):
        if len(samples) and when(self, samples, where):
            columns = [one.copy() for one in samples.columns]
            columns[min(column, len(columns) - 1)][0] = value
            where.append(samples.first)
            samples = Block(samples.first, tuple(columns))
        block(self, samples)

    monkeypatch.setattr(Recorder, "block", handed)
    return where


def with_n6705(**settings):
    """A monitor that samples current and voltage, both of which may be no number."""
    document = virtual(baud_model=False, **settings).model_dump(by_alias=True)
    return bench_of(document | {"monitor": {"driver": "keysight-n6705", "port": "virtual"}}, "test")


@pytest.mark.parametrize("value", NOT_NUMBERS)
@pytest.mark.parametrize("column", [0, 1])
def test_a_sample_that_is_no_number_is_never_an_energy(watcher, monkeypatch, value, column):
    number = NOT_NUMBERS[value]

    def when(recorder, samples, where):
        return not where and samples.first > 0

    def often(recorder, samples, where):
        return samples.first > 0 and samples.first // 40_000 not in {first // 40_000 for first in where}

    sparse = math.isinf(number) and column == 0
    where = planted(monkeypatch, column, number, when if sparse else often)
    if sparse:  # an infinite current is the monitor's overload: off at once
        with pytest.raises(JoulebenchError) as caught:
            watcher.run(with_n6705(), "ad01")
        assert caught.value.code == "monitor.overload"
        assert watcher.session["state"] == "failed"
        assert not watcher.states[-1]["supply_on"]
        return
    with pytest.raises(JoulebenchError, match=r"trial\.never-valid"):
        watcher.run(with_n6705(), "ad01")
    assert where
    record = strict((watcher.folder / "session/session.json").read_text(encoding="utf-8"))
    assert "samples.not-finite" in json.dumps(record["rejected"])
    assert record["error"]["code"] == "trial.never-valid"
    assert not check_manifest(watcher.folder / "session")


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_a_sample_that_is_no_number_between_two_windows_is_an_unknown_bin(watcher, monkeypatch, value):
    number = NOT_NUMBERS[value]
    where = planted(monkeypatch, 1, number, lambda recorder, samples, where: not where and samples.first > 0)
    outcome = watcher.run(with_n6705(), "ad01")
    assert where
    assert outcome.valid
    entries = strict((outcome.folder / "mlperf/results.json").read_text(encoding="utf-8"))
    unknown = [bins.index(None) for bins in (entry["power"]["samples"] for entry in entries) if None in bins]
    assert len(unknown) == 1  # in the first trial's bins, long before its window
    assert unknown[0] < entries[0]["power"]["timestamps"][0][1]
    assert entries[0]["power"]["samples"].count(None) <= 2  # a sample may lie in two bins
    sound_folder(outcome.folder)


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_what_is_said_of_a_recording_is_json_whatever_its_samples_are(tmp_path, capsys, monkeypatch, value):
    where = planted(monkeypatch, 1, NOT_NUMBERS[value], lambda recorder, samples, where: samples.first > 0)
    plan = RecordPlan(with_n6705(autorun=(40, 0.3)), windows=2, iterations=40, leading=1)
    recorded = run_record(plan, tmp_path / "folder", lambda window: None, lambda seconds: None)
    assert where
    assert {"samples.not-finite", "window.samples-missing"} <= {one.code for one in recorded.findings}
    for figures in recorded.windows:
        assert math.isfinite(figures.energy_j())
    strict((tmp_path / "folder/session.json").read_text(encoding="utf-8"))
    for verb in ("integrate", "validate"):
        assert main([verb, str(tmp_path / "folder"), "--json"]) == 1
        assert "samples.not-finite" in json.dumps(strict(capsys.readouterr().out))


def test_a_defect_while_recording_is_recorded(tmp_path, monkeypatch):
    def broken(self, samples, peak):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Recorder, "_check_current", broken)
    plan = RecordPlan(with_n6705(autorun=(40, 0.3)), windows=2)
    with pytest.raises(InternalError, match="planted"):
        run_record(plan, tmp_path / "folder", lambda window: None, lambda seconds: None)
    said = document(tmp_path / "folder", "session.json")
    assert (said["state"], said["error"]["code"]) == ("failed", "internal")


def test_a_document_is_written_whatever_its_values_are(tmp_path):
    folder = SessionFolder(tmp_path / "folder")
    values = {"a": math.nan, "b": [math.inf, (-math.inf, 1.0)], "c": {"d": np.float64("nan")}, "e": "\udc80"}
    folder.write("any.json", values)
    folder.close()
    said = strict((tmp_path / "folder/any.json").read_text(encoding="utf-8"))
    assert said == {"a": None, "b": [None, [None, 1.0]], "c": {"d": None}, "e": "\udc80"}


def test_a_value_of_an_instrument_that_is_no_number_is_a_finding():
    instrument = Instrument(model="m", settings={"rate_hz": math.nan, "fine": 1.0})
    record = SessionRecord(
        joulebench="0", virtual=True, workload="ad01", mode="energy", state="ready", begun="",
        bench={}, synthetic_inputs=True, monitor=instrument,
    )  # fmt: skip
    (finding,) = unknown_numbers(record)
    assert (finding.code, finding.evidence) == ("session.not-a-number", "monitor.settings.rate_hz")
    record.monitor = None
    assert not unknown_numbers(record)
