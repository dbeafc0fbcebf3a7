"""Files in other encodings are read right, and JSON holds nothing that misleads a program."""

from __future__ import annotations

import codecs
import json
import shutil
from pathlib import Path

import pytest

from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.workloads import WORKLOADS
from energy.runs.measured import load, measure_run
from energy.runs.plain_text import plain
from energy.session.outcome import Plan
from energy.session.run import run_session
from energy.submission.tree import read_tree
from tests.session.support import virtual
from tests.validation.support import checked, codes, edit, errors
from tests.validation.synthetic import eembc_submission, mlcommons_submission, write_streaming

ENCODINGS = {
    "UTF-16 with a mark": (lambda text: text.encode("utf-16"), "tree.utf-16"),
    "UTF-16 with a mark, big endian": (
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        "tree.utf-16",
    ),
    "UTF-16 without a mark": (lambda text: text.encode("utf-16-le"), "tree.utf-16"),
    "UTF-8 with a mark": (lambda text: text.encode("utf-8-sig"), "tree.byte-order-mark"),
    "Latin-1": (lambda text: text.encode("latin-1"), "tree.not-utf8"),
}


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("write", [eembc_submission, mlcommons_submission])
def test_a_log_in_another_encoding_gives_the_same_figures(tmp_path, write, name):
    encode, code = ENCODINGS[name]
    folder = write(tmp_path)
    before = checked(tmp_path)
    for path in folder.glob("*/*.txt"):
        path.write_bytes(encode(path.read_text() + "\nGrüße aus Düsseldorf, 5 µA\n"))
    report = checked(tmp_path)
    assert errors(report) == set()
    assert code in codes(report)
    figures, expected = ([run.figures for one in a.folders for run in one.runs] for a in (report, before))
    assert figures == expected
    shown = plain((folder / "energy/log.txt").read_bytes(), "log.txt").text
    assert "Grüße aus Düsseldorf, 5 µA" in shown


def test_bytes_of_a_noisy_line_stay_replaced():
    text = plain(b"m-ready\x80\xff\x90m-infer-done\n", "log.txt").text
    assert text == "m-ready\ufffdÿ\ufffdm-infer-done\n"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    facts = WORKLOADS["ad01"]
    plan = Plan(virtual(), facts, "energy", synthetic_inputs(facts, 5))
    return run_session(plan, tmp_path_factory.mktemp("session") / "ad01", lambda part, doing: None).folder


def test_a_session_is_one_run_with_its_official_files_in_it(session):
    (folder,) = checked(session).to_json()["submissions"][0]["benchmarks"]
    (run,) = folder["runs"]
    assert run["mode"] == "energy"
    assert run["official_files"]["runner"] == "mlcommons"
    energies = [sum(one["energy_j"] for one in part["windows"]) for part in (run, run["official_files"])]
    assert energies[1] == pytest.approx(energies[0], rel=1e-6)


def test_a_fault_of_a_session_s_official_files_is_an_error_of_the_session(session, tmp_path):
    folder = shutil.copytree(session, tmp_path / "s")
    edit(folder / "mlperf/results.txt", r"(Total Energy  : )\d", r"\g<1>9")
    (folder / "manifest.json").unlink()
    assert "result.differs" in errors(checked(folder))


def test_a_summary_can_make_a_number_of_every_class_in_the_official_files(session):
    """As the official runner's does: ``int(result["class"])`` of each entry, synthetic inputs included."""
    entries = json.loads((session / "mlperf/results.json").read_text())
    assert [int(one["class"]) for one in entries] == [-1] * 5
    assert [int(one["classes"]) for one in entries] == [2] * 5


def test_figures_in_json_are_numbers_in_si_beside_the_printed_text(tmp_path):
    eembc_submission(tmp_path)
    document = checked(tmp_path).to_json()
    runs = document["submissions"][0]["benchmarks"][0]["runs"]
    (median,) = (one for one in runs[2]["figures"] if one["name"] == "median energy")
    assert (median["unit"], median["text_unit"]) == ("J", "µJ/inf")
    assert median["printed"] == pytest.approx(float(median["printed_text"]) * 1e-6, rel=1e-12)
    costs = sorted(one["energy_j"] / one["iterations"] for one in runs[2]["windows"])
    assert median["printed"] == pytest.approx(costs[2], rel=1e-5)
    assert document["schema"] == "joulebench.validate/2"


def test_a_figure_that_was_not_recomputed_does_not_agree(tmp_path):
    folder = mlcommons_submission(tmp_path)
    (folder / "performance/results.json").unlink()
    (folder / "performance/log.txt").unlink()
    document = checked(tmp_path).to_json()
    figures = document["submissions"][0]["benchmarks"][0]["runs"][1]["figures"]
    assert figures
    assert {(one["recomputed"], one["agrees"]) for one in figures} == {(None, None)}


def test_a_window_of_streaming_wake_word_is_no_inference(tmp_path):
    """Its runner writes one inference for a recording of twenty minutes."""
    folder = mlcommons_submission(tmp_path).parent / "sww" / "energy"
    write_streaming(folder)
    trials = json.loads((folder / "results.json").read_text())
    power = {
        "samples": [1e-5 + 1e-7 * (n % 7) for n in range(13_000)],
        "timestamps": [["00", 500], ["01", 12_500]],
    }
    trials[0]["power"] = power | {"voltage": 3.0, "extracted_power": None}
    (folder / "results.json").write_text(json.dumps(trials))
    for named in (folder, folder.parent):
        runs = checked(named).to_json()["submissions"][0]["benchmarks"][0]["runs"]
        (window,) = next(one for one in runs if one["mode"] == "energy")["windows"]
        assert window["energy_j"] == pytest.approx(0.1236, rel=0.01)
        assert window["iterations"] is None
    measured = measure_run(load(folder / "results.json", folder)).to_json()
    assert measured["windows"][0]["energies"]["mlcommons"]["joule_per_inference"] is None
    assert "iterations.unknown" not in {one["code"] for one in measured["findings"]}


def test_only_submissions_have_files_that_the_official_checker_finds_too_large(tmp_path):
    """A recording of ten minutes at 1 MS/s is larger than 500 MiB, and no submission."""
    folder = tmp_path / "session"
    folder.mkdir()
    submitted = mlcommons_submission(tmp_path / "round") / "energy"
    for place in (folder, submitted):
        with (place / "trace.arrow").open("wb") as file:
            file.truncate((500 << 20) + 1)
    assert [one.code for one in read_tree(folder).all_findings()] == []
    found = [one for one in read_tree(tmp_path / "round").all_findings() if one.code == "tree.large-file"]
    assert [one.path for one in found] == ["v1.4/closed/acme/results/board/kws/energy/trace.arrow"]
