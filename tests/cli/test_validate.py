"""``joulebench validate`` as a person runs it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from energy.findings import REGISTER
from tests.conftest import ROOT
from tests.validation.synthetic import Truth, eembc_submission, mlcommons_submission


def validate(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "energy.cli.main", "validate", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def round_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A round with a sound submission."""
    root = tmp_path_factory.mktemp("round")
    eembc_submission(root)
    return root


@pytest.fixture
def altered(round_folder: Path, tmp_path: Path) -> Path:
    """The same with another median printed."""
    root = tmp_path / "altered"
    shutil.copytree(round_folder, root)
    results = next(root.rglob("energy/results.txt"))
    text = results.read_text()
    before, _, after = text.partition("Median energy cost is ")
    results.write_text(f"{before}Median energy cost is 1.000{after[after.index(' uJ') :]}")
    return root


def test_a_sound_submission_gives_its_row_a_summary_and_status_0(round_folder):
    answer = validate(round_folder)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "acme" in answer.stdout
    assert "1 benchmark: 0 with errors" in answer.stdout


def test_an_altered_median_stands_beside_the_recomputed_one_with_its_code_and_status_1(altered):
    answer = validate(altered)
    assert answer.returncode == 1
    (row,) = [line for line in answer.stdout.splitlines() if " board " in line]
    assert " 1.000 " in row
    assert "result.differs" in row
    assert "error   result.differs: " in answer.stdout


def test_information_is_listed_only_on_request(round_folder):
    assert "timestamps.unused" not in validate(round_folder).stdout
    assert "timestamps.unused" in validate(round_folder, "--all").stdout


def test_json_has_a_schema_the_figures_and_the_findings(altered):
    answer = validate(altered, "--json")
    assert answer.returncode == 1
    document = json.loads(answer.stdout)
    assert document["schema"] == "joulebench.validate/2"
    assert document["sound"] is False
    (submission,) = document["submissions"]
    runs = {run["mode"]: run for run in submission["benchmarks"][0]["runs"]}
    figures = {one["name"]: one for one in runs["energy"]["figures"] if one["window"] is None}
    assert (figures["median energy"]["printed"], figures["median energy"]["printed_text"]) == (1e-6, "1.000")
    assert figures["median energy"]["agrees"] is False
    assert "result.differs" in [one["code"] for one in runs["energy"]["findings"]]


@pytest.mark.parametrize("kind", ["zip", "gztar", "bztar", "xztar", "tar"])
def test_an_archive_is_read_like_the_folder_in_it(altered, tmp_path, kind):
    archive = shutil.make_archive(str(tmp_path / "packed"), kind, altered)
    answer = validate(archive)
    assert answer.returncode == 1, answer.stderr
    assert "result.differs" in answer.stdout


def test_one_refused_archive_does_not_stop_the_others(round_folder, tmp_path):
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"nothing of the kind")
    answer = validate(bad, round_folder)
    assert answer.returncode == 1
    assert "archive.foreign" in answer.stdout
    assert "1 benchmark: 0 with errors" in answer.stdout


def test_rules_of_another_round_can_be_asked_for(round_folder):
    answer = validate(round_folder, "--round", "v1.4")
    assert answer.returncode == 1
    assert validate(round_folder, "--round", "v9.9").returncode == 2


def test_the_page_is_written_where_it_is_told_with_the_trace_in_it(altered, tmp_path):
    page = tmp_path / "new" / "page.html"
    answer = validate(altered, "--html", page)
    assert answer.returncode == 1
    assert f"page: {page}" in answer.stdout
    text = page.read_text(encoding="utf-8")
    assert '<svg class="trace"' in text
    assert "Median energy cost is 1.000" in text
    assert validate(altered, "--html", tmp_path / "page.pdf").returncode == 2


@pytest.mark.parametrize("words", [("nowhere",), (".git-is-no-submission",), ()])
def test_a_path_that_is_not_there_is_wrong_usage(words):
    answer = validate(*words)
    assert answer.returncode == 2
    assert answer.stderr


def test_a_folder_without_results_is_wrong_usage(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("nothing")
    answer = validate(tmp_path)
    assert answer.returncode == 2
    assert "path.nothing" in answer.stderr


def test_several_processes_say_the_same_as_one(tmp_path):
    for number in range(9):
        mlcommons_submission(tmp_path / f"{number}", Truth(seed=number), round_name=f"v1.4-{number}")
    one, two = (json.loads(validate(tmp_path, "--json", "--workers", n).stdout) for n in (1, 2))
    assert len(one["submissions"]) == 9
    assert one == two


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A performance and an energy session of the virtual bench."""
    out = tmp_path_factory.mktemp("sessions")
    command = [sys.executable, "-m", "energy.cli.main", "demo", "--workload", "ad01", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return out


def test_sessions_of_our_own_are_sound_and_said_to_be_virtual(session):
    answer = validate(session)
    assert answer.returncode == 0, answer.stdout
    rows = [line for line in answer.stdout.splitlines() if "VIRTUAL" in line]
    assert len(rows) == 2
    assert "2 benchmarks: 0 with errors" in answer.stdout


@pytest.mark.parametrize(
    ("mode", "name", "old", "new", "code"),
    [
        ("energy", "result.json", '"median": ', '"median": 1', "result.differs"),
        ("energy", "result.json", '"median": ', '"median": 1', "session.altered"),
        ("performance", "result.json", '"median": ', '"median": 1', "result.differs"),
        ("performance", "log.txt", "m-", "n-", "session.altered"),
        ("energy", "session.json", '"finished"', '"interrupted"', "session.unfinished"),
        (
            "energy",
            "mlperf/results.txt",
            "Median energy cost is ",
            "Median energy cost is 1",
            "result.differs",
        ),
        ("energy", "edges.jsonl", "{", "[", "recording.edges-damaged"),
    ],
)
def test_a_session_that_was_changed_afterwards_is_found_out(session, tmp_path, mode, name, old, new, code):
    folder = tmp_path / "session"
    shutil.copytree(next(session.glob(f"*-{mode}")), folder)
    path = folder / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    answer = validate(folder, "--json")
    assert answer.returncode == 1
    assert f'"{code}"' in answer.stdout


def test_the_text_names_mode_file_and_what_to_do(altered):
    lines = validate(altered).stdout.splitlines()
    (found,) = [line for line in lines if line.startswith("error   result.differs: ")]
    assert found.startswith("error   result.differs: energy, ")
    assert "energy/results.txt" in found
    after = lines[lines.index("What the findings mean, and what to do") :]
    rule = REGISTER["result.differs"]
    at = next(number for number, line in enumerate(after) if line.startswith("error   result.differs (once)"))
    assert [line.strip() for line in after[at + 1 : at + 4]] == [
        f"means: {rule.meaning}",
        f"why:   {rule.why}",
        f"to do: {rule.remedy}",
    ]


def test_a_sound_row_has_no_severity_and_no_remedies_follow(round_folder):
    answer = validate(round_folder)
    (row,) = [line for line in answer.stdout.splitlines() if " board " in line]
    assert row.split()[-1] == "none"
    assert "info" not in answer.stdout
    assert "what to do" not in answer.stdout


def test_an_error_of_a_system_is_counted_beside_the_benchmarks(tmp_path):
    mlcommons_submission(tmp_path, Truth(seed=3))
    (system,) = tmp_path.rglob("systems/*.json")
    system.write_text("{")
    answer = validate(tmp_path)
    assert answer.returncode == 1
    assert "1 benchmark: 0 with errors" in answer.stdout
    assert "1 error beside the benchmarks: systems, submissions" in answer.stdout


def test_throughput_and_energy_follow_from_log_and_trace_where_nothing_is_printed(round_folder, tmp_path):
    printed = validate(round_folder).stdout
    root = tmp_path / "round"
    shutil.copytree(round_folder, root)
    for path in root.rglob("results.txt"):
        path.unlink()
    (before,) = [line for line in printed.splitlines() if " board " in line]
    (after,) = [line for line in validate(root).stdout.splitlines() if " board " in line]
    # the first number is the voltage
    energy, _, throughput = map(float, re.findall(r"\d+\.\d+", before)[1:4])
    recomputed = [float(number) for number in re.findall(r"\d+\.\d+", after)[1:3]]
    assert recomputed == pytest.approx([energy, throughput], rel=1e-2)
