"""``joulebench compare`` and ``check`` as a person and a CI run them, on sessions of the virtual bench."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import joulebench as jb
from energy.catalogue.row import read_rows
from energy.cli import compare as compare_verb
from energy.uncertainty.comparability import ASPECTS
from tests.cli.on_terminal import on_terminal
from tests.cli.test_cli import joulebench
from tests.conftest import ROOT, shared_folder

MORE = 1.005
"""The second DUT of the world needs this many times the energy of the first."""


def measured(out: Path, workload: str, **settings: Any) -> Path:
    words = [f"virtual.settings.{name}={value}" for name, value in settings.items()]
    options = [word for setting in words for word in ("--set", setting)]
    answer = joulebench(
        *("measure", "--bench", "lpm01a-virtual", "--workload", workload, "--mode", "energy"),
        *(*options, "--out", out, "--json"),
    )
    assert answer.returncode == 0, answer.stderr
    (folder,) = out.glob(f"*{workload}-energy")
    return folder


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """Two DUTs on an LPM01A that shows 1.5 % too much, and the second on one that shows 1 % too little."""
    out = tmp_path_factory.mktemp("worlds")
    return {
        "old": measured(out / "old", "kws01", gain=0.015),
        "new": measured(out / "new", "kws01", gain=0.015, energy_factor=MORE),
        "other": measured(out / "other", "kws01", gain=-0.01, energy_factor=MORE, serial='"ANOTHER"'),
    }


@pytest.fixture(scope="module")
def more_workloads(worlds):
    """The sets of both DUTs with a second workload, in which the second needs as much more."""
    measured(worlds["old"].parent, "ad01", gain=0.015)
    measured(worlds["new"].parent, "ad01", gain=0.015, energy_factor=1.02)
    return worlds["old"].parent, worlds["new"].parent


def compared(*words: object) -> dict[str, Any]:
    answer = joulebench("compare", *words, "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)["figures"]["energy"][0]


def edited(source: Path, target: Path, **conditions: Any) -> Path:
    """A copy of a session's ``result.json`` with other conditions of its statement."""
    document = json.loads((source / "result.json").read_text())
    document["uncertainty"]["conditions"].update(conditions)
    target.write_text(json.dumps(document))
    return target


def test_two_duts_half_a_percent_apart_differ_on_one_lpm01a_in_spite_of_its_error(worlds):
    answer = compared(worlds["old"], worlds["new"])
    assert answer["verdict"] == "differ"
    ratio = answer["ratio"]
    assert abs(ratio["value"] - MORE) < ratio["expanded_uncertainty"] < 0.002
    assert any("same monitor" in note for note in answer["notes"])


def test_the_same_two_duts_on_two_lpm01a_cannot_be_told_apart(worlds):
    answer = compared(worlds["old"], worlds["other"])
    ratio = answer["ratio"]
    assert ratio["value"] < 0.99  # by the errors of both monitors
    assert abs(ratio["value"] - MORE) < ratio["expanded_uncertainty"]
    assert answer["verdict"] == "cannot be told apart"
    assert "same monitor" in " ".join(answer["improvement"]["advice"])


def test_what_a_person_reads(worlds):
    text = joulebench("compare", worlds["old"], worlds["new"]).stdout
    assert re.search(r"B VIRTUAL +\d+\.\d µJ ± \d+ µJ +\+0\.[45]\d* % ± 0\.\d+ % +differ", text)
    assert "B differs from A: +0." in text
    assert "scope of A, B: core, memories" in text
    assert "inferences per second" in text
    assert re.search(r"gain of current, dynamic +1\.2 % +1\.2 % +0 +0\.0 %", text)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_tables_fit_the_terminal(worlds, width):
    words = [str(worlds[name]) for name in ("old", "new", "other")]
    lines = on_terminal(["compare", *words], width).splitlines()
    named = tuple(f"{letter}  VIRTUAL" for letter in "ABC")  # paths are not wrapped
    assert sum(line.startswith(named) for line in lines) == 3
    assert not [line for line in lines if len(line.rstrip()) > width and not line.startswith(named)]
    assert any(re.search("≠ .*%", line) for line in lines)
    checked = on_terminal(["check", words[1], "--max-energy", "2mJ", "--baseline", words[0]], width)
    assert "decision: fail" in checked  # 0.5 % more than its baseline
    assert not [line for line in checked.splitlines() if len(line.rstrip()) > width]


def test_other_conditions_are_not_comparable_unless_on_purpose(worlds, tmp_path):
    other = edited(worlds["new"], tmp_path / "other.json", voltage_v=3.0)
    refused = joulebench("compare", worlds["old"], other)
    assert refused.returncode == 1
    assert "voltage: 1.8 V against 3 V" in refused.stdout
    assert "not comparable" in refused.stdout
    assert compared(worlds["old"], other, "--across", "voltage")["verdict"] == "differ"


def test_the_choices_of_across_are_all_circumstances():
    assert compare_verb._ASPECTS == ASPECTS


def test_pairs_have_a_mean_ratio(more_workloads):
    answer = joulebench("compare", *more_workloads, "--paired", "--json")
    assert answer.returncode == 0, answer.stderr
    energy = json.loads(answer.stdout)["paired"]["energy"]
    assert len(energy["pairs"]) == 2
    assert energy["ratio"]["value"] == pytest.approx((1.005 * 1.02) ** 0.5, rel=5e-4)
    text = joulebench("compare", *more_workloads, "--paired").stdout
    assert "geometric mean" in text
    assert "VIRTUAL ad01" in text
    assert jb.compare_paired(*more_workloads).ratio.value == pytest.approx(energy["ratio"]["value"])


def test_the_python_face_gives_what_the_verb_gives(worlds):
    answer = compared(worlds["old"], worlds["new"])
    ours = jb.compare(worlds["old"], worlds["new"])
    assert ours.verdict == answer["verdict"]
    assert ours.ratio is not None
    assert ours.ratio.value == answer["ratio"]["value"]
    assert list(ours.to_dataframe().query("figure == 'energy'")["verdict"]) == ["differ"]
    assert "VIRTUAL" in ours._repr_html_()
    gate = jb.check(worlds["new"], baseline=worlds["old"], allow=0.01)
    assert gate.decision == "pass"
    assert "pass" in gate._repr_html_()
    assert gate.markdown.startswith("### Energy: ✅ pass")


@pytest.mark.parametrize(
    ("words", "status", "decision"),
    [
        (["--max-energy", "2mJ"], 0, "pass"),
        (["--max-energy", "2000 uJ", "--min-throughput", "20"], 0, "pass"),
        (["--max-energy", "1.7mJ"], 1, "fail"),
        (["--max-energy", "1850µJ"], 6, "undecided"),
        (["--max-energy", "0.00185J", "--min-throughput", "30"], 1, "fail"),
        (["--baseline", "old", "--allow", "1%"], 0, "pass"),
        (["--baseline", "old", "--allow", "0.002"], 1, "fail"),
        (["--baseline", "old", "--allow", "0.5%"], 6, "undecided"),
    ],
)
def test_the_gate_passes_fails_and_leaves_open_with_its_exit_status(worlds, words, status, decision):
    given = [str(worlds[word]) if word in worlds else word for word in words]
    answer = joulebench("check", worlds["new"], *given)
    assert answer.returncode == status, answer.stdout + answer.stderr
    assert answer.stdout.splitlines()[-1] == f"decision: {decision}"
    as_json = joulebench("check", worlds["new"], *given, "--json")
    assert as_json.returncode == status
    assert json.loads(as_json.stdout)["decision"] == decision


def test_a_copy_of_a_result_is_a_baseline_of_any_name(worlds, tmp_path):
    baseline = tmp_path / "energy-baseline.json"
    shutil.copy(worlds["old"] / "result.json", baseline)
    assert joulebench("check", worlds["new"], "--baseline", baseline, "--allow", "1%").returncode == 0


def test_a_session_with_errors_is_never_a_pass(worlds, tmp_path):
    folder = tmp_path / "session"
    shutil.copytree(worlds["new"], folder)
    document = json.loads((folder / "result.json").read_text())
    budget = document["uncertainty"]["joule_per_inference"]
    budget["value"] = budget["value"] / 2
    (folder / "result.json").write_text(json.dumps(document))
    answer = joulebench("check", folder, "--max-energy", "2mJ", "--junit", tmp_path / "energy.xml")
    assert answer.returncode == 1
    assert "session.altered" in answer.stdout
    assert "decision: fail (a session has errors)" in answer.stdout
    (case,) = ElementTree.parse(tmp_path / "energy.xml").getroot().iter("testcase")
    error = case.find("error")
    assert error is not None
    assert "session.altered" in error.attrib["message"]
    other = joulebench("compare", worlds["old"], folder)
    assert other.returncode == 1
    assert "the second has errors: session.altered" in other.stdout


def test_a_result_that_lacks_trials_is_never_a_pass(worlds, tmp_path):
    document = json.loads((worlds["new"] / "result.json").read_text())
    document["valid"] = False
    (tmp_path / "r.json").write_text(json.dumps(document))
    answer = joulebench("check", tmp_path / "r.json", "--max-energy", "2mJ")
    assert answer.returncode == 1
    assert "session.not-valid" in answer.stdout


def test_a_result_without_an_uncertainty_is_undecided_and_the_reason_is_given(worlds, tmp_path):
    document = json.loads((worlds["new"] / "result.json").read_text())
    document["uncertainty"] = None
    (tmp_path / "r.json").write_text(json.dumps(document))
    answer = joulebench("check", tmp_path / "r.json", "--max-energy", "2mJ")
    assert answer.returncode == 6
    assert "has no uncertainty" in answer.stdout
    refused = joulebench("compare", worlds["old"], tmp_path / "r.json")
    assert refused.returncode == 1
    assert "compare.no-uncertainty" in refused.stderr


def test_a_session_of_a_version_without_statements_is_computed_again(worlds, tmp_path):
    folder = tmp_path / "session"
    shutil.copytree(worlds["new"], folder)
    (folder / "manifest.json").unlink()
    document = json.loads((folder / "result.json").read_text())
    stated = document.pop("uncertainty")["joule_per_inference"]
    (folder / "result.json").write_text(json.dumps(document))
    answer = compared(worlds["old"], folder)
    assert answer["second_figure"]["value"] == pytest.approx(stated["value"], rel=1e-9)
    assert answer["second_figure"]["standard_uncertainty"] == pytest.approx(
        stated["standard_uncertainty"], rel=1e-9
    )


def _without_sensitivity(term: dict[str, Any]) -> None:
    del term["sensitivity"]


DAMAGES = {
    "a word for a value": lambda stated: stated["joule_per_inference"].update(value="much"),
    "null for a value": lambda stated: stated["joule_per_inference"].update(value=None),
    "no terms": lambda stated: stated["joule_per_inference"].update(terms=None),
    "a term without sensitivity": lambda stated: _without_sensitivity(
        stated["joule_per_inference"]["terms"][0]
    ),
    "a divisor of zero": lambda stated: stated["joule_per_inference"]["terms"][0].update(divisor=0),
    "a distribution that there is not": lambda stated: stated["joule_per_inference"]["terms"][0].update(
        distribution="even"
    ),
    "a list for the conditions": lambda stated: stated.update(conditions=[1]),
    "a scope that feeds nothing": lambda stated: stated.update(scope={"feeds": []}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_statement_is_a_coded_error(worlds, tmp_path, damage):
    document = json.loads((worlds["new"] / "result.json").read_text())
    DAMAGES[damage](document["uncertainty"])
    (tmp_path / "r.json").write_text(json.dumps(document))
    for words in (
        ["check", tmp_path / "r.json", "--max-energy", "2mJ"],
        ["compare", worlds["old"], tmp_path / "r.json"],
    ):
        answer = joulebench(*words)
        assert answer.returncode == 1, answer.stdout
        assert "uncertainty.damaged" in answer.stderr, answer.stderr


def test_junit_counts_and_cases_agree(worlds, tmp_path):
    out = tmp_path / "reports" / "energy.xml"
    words = ["--max-energy", "1850uJ", "--min-throughput", "30", "--baseline", worlds["old"], "--allow", "1%"]
    assert joulebench("check", worlds["new"], *words, "--junit", out).returncode == 1
    suites = ElementTree.parse(out).getroot()
    (suite,) = suites
    cases = list(suite.iter("testcase"))
    for element in (suites, suite):
        assert int(element.attrib["tests"]) == len(cases) == 3
        for tag, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(element.attrib[count]) == len(list(suite.iter(tag)))
    assert [[child.tag for child in case if child.tag != "system-out"] for case in cases] == [
        ["skipped"],
        ["failure"],
        [],
    ]


def test_the_summary_is_added_to_that_of_the_step_and_replaces_another_file(worlds, tmp_path):
    summary, other = tmp_path / "summary.markdown", tmp_path / "other.markdown"
    for path in (summary, other):
        path.write_text("before\n")
        command = [sys.executable, "-m", "energy.cli.main", "check", worlds["new"], "--max-energy", "2mJ"]
        subprocess.run(
            [*map(str, command), "--markdown", str(path)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "GITHUB_STEP_SUMMARY": str(summary)},
            check=True,
            capture_output=True,
            timeout=120,
        )
    assert summary.read_text().startswith("before\n### Energy: ✅ pass")
    assert other.read_text().startswith("### Energy: ✅ pass")
    assert "VIRTUAL, not measured on hardware" in other.read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["compare", "OLD"], "1 result given"),
        (["compare", "OLD", "OLD"], "given twice"),
        (["compare", "OLD", "nowhere"], "does not exist"),
        (["compare", "OLD", "docs"], "is no session"),
        (["compare", "OLD", "pyproject.toml"], "pyproject.toml"),
        (["compare", "OLD", "NEW", "--across", "weather"], "invalid choice"),
        (["compare", "OLD", "NEW", "--paired"], "workloads are in both"),
        (["check", "OLD"], "nothing is required"),
        (["check", "OLD", "--max-energy", "1.5"], "no energy with its unit"),
        (["check", "OLD", "--max-energy", "1.5.2mJ"], "number"),
        (["check", "OLD", "--max-energy=-1mJ"], "no limit"),
        (["check", "OLD", "--min-throughput", "nan"], "no limit"),
        (["check", "OLD", "--max-energy", "2mJ", "--allow", "1%"], "without a baseline"),
        (["check", "OLD", "--baseline", "NEW", "--allow", "150%"], "no allowance"),
    ],
)
def test_wrong_usage_says_what_is_wrong(worlds, words, says):
    given = [str(worlds[word.lower()]) if word.lower() in worlds else word for word in words]
    answer = joulebench(*given)
    assert answer.returncode in (1, 2)
    assert answer.returncode == 2 or "pyproject.toml" in words
    assert says in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_folder_of_sessions_is_compared_as_its_sessions(worlds, more_workloads, tmp_path):
    folder = tmp_path / "sweep" / "points"
    for name in ("old", "new"):
        shutil.copytree(worlds[name], folder / name)
    (tmp_path / "sweep" / "sweep.toml").write_text("")
    assert compared(tmp_path / "sweep")["ratio"]["value"] == pytest.approx(
        1 / compared(worlds["old"], worlds["new"])["ratio"]["value"]  # by name, new comes first
    )
    answer = joulebench("compare", worlds["old"], tmp_path / "sweep", "--json")
    assert [result["name"] for result in json.loads(answer.stdout)["results"]] == [
        str(worlds["old"]),
        str(folder / "new"),
        str(folder / "old"),
    ]
    listed = joulebench("sessions", worlds["old"], folder, worlds["old"].parent, "--json")
    assert [row["folder"] for row in json.loads(listed.stdout)["sessions"]] == [
        *(str(worlds["old"]), str(folder / "new"), str(folder / "old")),
        *(str(path) for path in sorted(worlds["old"].parent.iterdir()) if path != worlds["old"]),
    ]


def test_the_results_of_a_published_tree_are_compared():
    tree = shared_folder("published") / "v1.2/closed/STMicroelectronics/results"
    answer = joulebench("compare", tree / "NUCLEO_L4R5ZI", tree / "NUCLEO_U575ZI_Q", "--json")
    document = json.loads(answer.stdout)
    printed = {row.id: row.joule_per_inference for row in read_rows()}
    names = {result["name"] for result in document["results"]}
    assert len(names) == 8
    assert {row[side] for row in document["figures"]["energy"] for side in ("first", "second")} == names
    for row in document["figures"]["energy"]:
        assert row["difference"]["value"] == pytest.approx(
            printed[row["second"]] - printed[row["first"]], rel=1e-3
        )
    assert {row["verdict"] for row in document["figures"]["energy"]} == {"differ", "not comparable"}


def test_the_results_of_a_published_tree_are_listed():
    tree = shared_folder("published") / "v1.2/closed/STMicroelectronics"
    answer = joulebench("sessions", tree, "--where", "workload=kws01", "--where", "energy<1mJ", "--json")
    (row,) = json.loads(answer.stdout)["sessions"]
    printed = {row.id: row for row in read_rows()}[row["folder"]]
    assert row["folder"] == "v1.2/closed/STMicroelectronics/NUCLEO_U575ZI_Q/kws"
    assert row["joule_per_inference"] == pytest.approx(printed.joule_per_inference, rel=1e-3)
    assert row["mode"] == "published"
    assert json.loads(answer.stdout)["total"] == 12


def test_an_altered_trace_of_a_published_tree_shows_in_list_and_comparison(tmp_path):
    """So the figures are recomputed: neither those that the files print nor those of the catalogue."""
    place = "v1.2/closed/STMicroelectronics/results/NUCLEO_U575ZI_Q/kws"
    folder = tmp_path / place
    shutil.copytree(shared_folder("published") / place, folder)
    trace = folder / "energy" / "trace1-energy.bin"
    head, samples = trace.read_bytes()[:5], np.frombuffer(trace.read_bytes()[5:], np.float32)
    trace.write_bytes(head + (samples * np.float32(1.1)).tobytes())
    (row,) = json.loads(joulebench("sessions", tmp_path / "v1.2", "--json").stdout)["sessions"]
    name = row["folder"]
    assert name == "v1.2/closed/STMicroelectronics/NUCLEO_U575ZI_Q/kws"
    printed = {row.id: row for row in read_rows()}[name].joule_per_inference
    assert row["joule_per_inference"] == pytest.approx(1.1 * printed, rel=1e-4)
    assert row["valid"] is False
    answer = joulebench("compare", tmp_path / "v1.2", name.replace("U575ZI_Q", "L4R5ZI"), "--json")
    document = json.loads(answer.stdout)
    other = {row.id: row for row in read_rows()}[name.replace("U575ZI_Q", "L4R5ZI")].joule_per_inference
    (pair,) = document["figures"]["energy"]
    assert pair["difference"]["value"] == pytest.approx(other - 1.1 * printed, rel=1e-3)
    assert pair["verdict"] == "not comparable"


def test_a_folder_without_results_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        answer = joulebench("compare", path, path)
        assert answer.returncode == 2
        assert "usage.path" in answer.stderr
        assert str(path) in answer.stderr
