"""The published rounds: every error is one that was seen by hand, everything else has none."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from energy.validation.observations import page
from energy.validation.report import ValidationReport
from energy.validation.run import validate
from tests.conftest import ROOT, SHARED, shared_folder
from tests.validation.expected import ERRORS, SAME_TRACES


@pytest.fixture(scope="module")
def report() -> ValidationReport:
    return validate([shared_folder("published")], workers=1, partial_copy=True)


def test_exactly_the_folders_with_an_error_have_it(report):
    found: dict[str, set[str]] = defaultdict(set)
    for name, one in report.errors:
        found[name].add(one.code)
    assert dict(found) == ERRORS


def test_every_submission_and_every_benchmark_was_read(report):
    with (shared_folder("published") / "MANIFEST.tsv").open(encoding="utf-8") as file:
        paths = [Path(row["path"]) for row in csv.DictReader(file, delimiter="\t")]
    logs = {path.parent.parent.as_posix() for path in paths if path.name.endswith("log.txt")}
    assert logs <= {folder.path for folder in report.folders}
    assert {folder.round for folder in report.folders} == {"v0.5", "v1.2", "v1.3"}


def test_every_printed_figure_that_files_allow_is_recomputed_and_agrees(report):
    figures = [one for folder in report.folders for run in folder.runs for one in run.figures]
    assert not [one for one in figures if one.agrees is False]
    by_source = Counter(one.source for one in figures if one.recomputed is not None)
    assert by_source["trace"] > 1300
    assert by_source["log"] > 1200
    assert by_source["results.json"] > 400


def test_what_could_not_be_recomputed_has_no_evidence_in_the_copy(report):
    for folder in report.folders:
        for run in folder.runs:
            for one in run.figures:
                if one.recomputed is None and run.mode != "accuracy":
                    absent = any(found.code == "tree.file-not-copied" for found in run.findings)
                    mixed = any(found.code == "session.mixed" for found in run.findings)
                    assert absent or mixed, (folder.name, run.mode, one)


def test_the_clocks_of_sound_sessions_run_as_fast_as_the_rules_say(report):
    rates = [run.clock_ppm for folder in report.folders for run in folder.runs if run.clock_ppm is not None]
    assert len(rates) == 28
    assert all(69 <= rate <= 195 for rate in rates)


def test_the_traces_of_one_round_that_are_those_of_another_are_named(report):
    copied = {
        folder.name
        for folder in report.folders
        for found in folder.all_findings
        if found.code.startswith("artefact.") and str(found.path).endswith("-energy.bin")
    }
    assert copied == SAME_TRACES
    assert not [found for found in report.all_findings if found.code == "artefact.copied"]


def test_scripts_that_set_another_voltage_than_the_log_reports(report):
    systems = Counter(
        folder.name.rpartition("/")[0]
        for folder in report.folders
        for found in folder.all_findings
        if found.code == "voltage.disagrees"
    )
    # Each script.async has "emon voltage 3000", each log "m-voltage-mv[1800]".
    assert systems == {
        "v0.5/closed/reference/Nucleo-L4R5ZI": 4,
        "v1.2/closed/STMicroelectronics/NUCLEO_L4R5ZI": 4,
        "v1.2/closed/STMicroelectronics/NUCLEO_U575ZI_Q": 4,
    }


def test_energy_and_performance_mode_differ_in_one_folder_only(report):
    found = [
        (folder.name, one.code)
        for folder in report.folders
        for one in folder.all_findings
        if one.code.startswith("throughput.")
    ]
    # 96.154 inf/s in energy/results.txt, 99.487 in performance/results.txt: -3.35 %.
    assert found == [("v0.5/closed/reference/Nucleo-L4R5ZI/ad", "throughput.apart")]


def test_figures_are_those_of_the_table_of_published_results(report):
    table = SHARED / "published_results.csv"
    if not table.is_file():
        pytest.skip("the table of published results is not here")
    with table.open(encoding="utf-8") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    compared = 0
    for folder in report.folders:
        row = rows.get(folder.path)
        for run in folder.runs:
            if row is None or folder.benchmark == "sww":
                continue
            name, column = {
                "energy": ("median energy", "energy_uj_per_inf"),
                "performance": ("median throughput", "throughput_ips"),
                "accuracy": ("AUC" if folder.benchmark == "ad" else "top-1", "accuracy"),
            }[run.mode]
            figure = run.figure(name)
            if figure and row[column]:
                assert float(figure.printed) == pytest.approx(float(row[column]), abs=6e-4), folder.name
                compared += 1
    assert compared > 200


def test_the_page_of_observations_is_what_is_observed(report):
    text = (ROOT / "docs/reference/observations.md").read_text(encoding="utf-8")
    command = "python -m energy.validation.observations ../shared/published > docs/reference/observations.md"
    assert text == page(report), f"run: {command}"
