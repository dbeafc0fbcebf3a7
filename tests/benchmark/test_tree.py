"""Trees in the official layout and in every variant that published rounds have (mlperf-tiny.md 2)."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.errors import UsageError
from energy.findings import Severity
from energy.runs.files import benchmark_of
from energy.submission.places import Tree
from energy.submission.tree import mode_of, read_tree

EEMBC_LOG = "00216.694 session: m-session-start-id[1]\n"
MLC_LOG = "Logging initialized. Writing output to sessions/20250726_010147/log.txt\n"
SYSTEM = json.dumps({"Status": "Available"})
ORG = "v9/closed/acme"
RUN = f"{ORG}/results/board"


def write(top: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return top


def official(runner: str = "mlcommons") -> dict[str, str]:
    last, log = ("results.json", MLC_LOG) if runner == "mlcommons" else ("script.async", EEMBC_LOG)
    files = {f"{ORG}/systems/board.json": SYSTEM}
    for mode in ("accuracy", "performance", "energy"):
        files |= {f"{RUN}/kws/{mode}/{name}": "" for name in ("results.txt", last)}
        files[f"{RUN}/kws/{mode}/log.txt"] = log
    if runner == "eembc":
        files[f"{RUN}/kws/energy/trace1-energy.bin"] = ""
    return files


def codes(tree: Tree) -> set[str]:
    return {finding.code for finding in tree.all_findings()}


def only(tree: Tree):
    (place,) = tree.places()
    return place


@pytest.mark.parametrize("runner", ["mlcommons", "eembc"])
def test_the_official_layout_needs_no_tolerance(tmp_path, runner):
    tree = read_tree(write(tmp_path, official(runner)))
    place = only(tree)
    assert place.name == "v9/closed/acme/board/kws"
    assert (place.folder.runner, place.folder.workload and place.folder.workload.id) == (runner, "kws01")
    assert place.system.description is not None
    assert place.system.description.status == "available"
    assert {mode: run.log and run.log.name for mode, run in place.folder.modes.items()} == {
        "accuracy": "log.txt",
        "performance": "log.txt",
        "energy": "log.txt",
    }
    assert list(tree.all_findings()) == []


@pytest.mark.parametrize(
    "start", ["", "v9", "v9/closed", ORG, f"{ORG}/results", RUN, f"{RUN}/kws", f"{RUN}/kws/energy"]
)
def test_the_search_may_begin_at_any_level(tmp_path, start):
    tree = read_tree(write(tmp_path, official()) / start)
    place = only(tree)
    assert place.name == "v9/closed/acme/board/kws"
    assert place.system.system_file == tmp_path / f"{ORG}/systems/board.json"
    assert "energy" in place.folder.modes


RENAMED = {
    "power": (f"{RUN}/kws/energy", f"{RUN}/kws/power", "tree.mode-name"),
    "misspelt mode": (f"{RUN}/kws/performance", f"{RUN}/kws/perfomance", "tree.mode-name"),
    "prefixed file": (f"{RUN}/kws/energy/log.txt", f"{RUN}/kws/energy/energy_log.txt", "tree.file-name"),
    "spelled out": (f"{RUN}/kws", f"{RUN}/keyword_spotting", "tree.benchmark-name"),
    "variant": (f"{RUN}/kws", f"{RUN}/kws/KWS08", "tree.variant"),
    "variant by its id": (f"{RUN}/kws", f"{RUN}/kws/kws01", "tree.variant"),
    "level above the system": (RUN, f"{ORG}/results/native/board", "tree.extra-level"),
    "level below the mode": (f"{RUN}/kws/energy", f"{RUN}/kws/energy/run_1", "tree.extra-level"),
    "system in a subfolder": (
        f"{ORG}/systems/board.json",
        f"{ORG}/systems/x/board.json",
        "tree.system-file-name",
    ),
    "system's long name": (
        f"{ORG}/systems/board.json",
        f"{ORG}/systems/Board_system_description.json",
        "tree.system-file-name",
    ),
}


@pytest.mark.parametrize(("old", "new", "code"), RENAMED.values(), ids=RENAMED)
def test_a_variant_is_read_and_said(tmp_path, old, new, code):
    write(tmp_path, official())
    moved = tmp_path / "moved"
    shutil.move(tmp_path / old, moved)
    (tmp_path / new).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(moved, tmp_path / new)
    tree = read_tree(tmp_path)
    place = only(tree)
    assert (place.folder.benchmark, set(place.folder.modes)) == ("kws", {"accuracy", "performance", "energy"})
    assert all(run.log for run in place.folder.modes.values())
    assert place.system.system_file is not None
    assert codes(tree) == {code}
    assert all(finding.severity is Severity.INFO for finding in tree.all_findings())


def test_names_with_spaces_are_read_and_said(tmp_path):
    files = {name.replace("board", "a board (b)"): text for name, text in official().items()}
    tree = read_tree(write(tmp_path, files))
    assert only(tree).system.system_file is not None
    assert codes(tree) == {"tree.unusual-name"}


def test_variants_are_read_one_by_one(tmp_path):
    files = {
        name.replace("/kws/", f"/kws/{v}/"): text
        for v in ("small", "big")
        for name, text in official().items()
    }
    tree = read_tree(write(tmp_path, files))
    assert [place.folder.variant for place in tree.places()] == ["big", "small"]


def test_junk_is_left_out(tmp_path):
    write(
        tmp_path,
        official() | {f"{RUN}/kws/energy/._log.txt": "x", f"{RUN}/.DS_Store": "x", "__MACOSX/x/y": ""},
    )
    tree = read_tree(tmp_path)
    assert codes(tree) == {"tree.junk"}
    assert len([finding for finding in tree.findings if finding.code == "tree.junk"]) == 3
    log = only(tree).folder.modes["energy"].log
    assert log is not None
    assert log.name == "log.txt"


def test_links_are_not_followed(tmp_path):
    write(tmp_path, official())
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    write(outside, {"ic/energy/log.txt": EEMBC_LOG})
    (tmp_path / RUN / "ic").symlink_to(outside / "ic")
    (tmp_path / RUN / "loop").symlink_to(tmp_path)
    (tmp_path / f"{RUN}/kws/energy/log.txt").unlink()
    (tmp_path / f"{RUN}/kws/energy/log.txt").symlink_to(outside / "ic/energy/log.txt")
    tree = read_tree(tmp_path)
    assert only(tree).folder.modes["energy"].log is None
    assert [finding.path for finding in tree.findings if finding.code == "tree.link"] == [
        f"{RUN}/ic",
        f"{RUN}/loop",
        f"{RUN}/kws/energy/log.txt",
    ]


def test_what_the_official_checker_refuses_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("energy.submission.tree.LARGEST_OFFICIAL", 1000)
    write(tmp_path, official() | {f"{RUN}/__pycache__/x.pyc": "", f"{RUN}/kws/energy/big.bin": "x" * 1001})
    (tmp_path / RUN / "empty").mkdir()
    os.mkfifo(tmp_path / RUN / "pipe")
    found = {finding.code: finding.severity for finding in read_tree(tmp_path).all_findings()}
    assert found == {
        "tree.pycache": Severity.ERROR,
        "tree.large-file": Severity.ERROR,
        "tree.empty-folder": Severity.ERROR,
        "tree.special-file": Severity.WARNING,
    }


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("beside", [None, "MANIFEST.tsv", "v9/MANIFEST.tsv", "v9/SOURCE.txt"])
def test_what_is_missing_is_an_error_unless_a_partial_copy_is_declared(tmp_path, beside, declared):
    """No file in the tree can declare it: somebody who removed evidence could add one."""
    write(tmp_path, official() | ({beside: ""} if beside else {}))
    shutil.rmtree(tmp_path / RUN / "kws/accuracy")
    shutil.rmtree(tmp_path / ORG / "systems")
    (tmp_path / f"{RUN}/kws/energy/results.json").unlink()
    tree = read_tree(tmp_path, partial_copy=declared)
    assert tree.rounds[0].partial is declared
    missing = (
        {"tree.file-not-copied", "tree.partial-copy"} if declared else {"tree.file-missing", "system.missing"}
    )
    assert codes(tree) == missing
    evidence = {finding.evidence for finding in tree.all_findings()}
    assert {"there is no run of the mode accuracy", "there is no results.json"} <= evidence


def test_streaming_wake_word_needs_its_energy_run_and_picture_only(tmp_path):
    files = {f"{RUN}/sww/energy/{name}": MLC_LOG for name in ("log.txt", "results.txt", "results.json")}
    tree = read_tree(write(tmp_path, files | {f"{ORG}/systems/board.json": SYSTEM}))
    assert [finding.evidence for finding in tree.all_findings()] == ["there is no energy_inf_000.png"]
    write(tmp_path, {f"{RUN}/sww/energy/energy_inf_000.png": ""})
    assert codes(read_tree(tmp_path)) == set()


def test_the_marker_names_the_runner(tmp_path):
    files = official("eembc") | {f"{RUN}/kws/EEMBC_RUNNER": ""}
    folder = only(read_tree(write(tmp_path, files))).folder
    assert (folder.eembc_marker, folder.runner) == (True, "eembc")


def test_runs_of_both_runners_in_one_benchmark_are_told_apart(tmp_path):
    files = official() | {
        f"{RUN}/kws/energy/log.txt": EEMBC_LOG,
        f"{RUN}/kws/energy/script.async": "",
        f"{RUN}/kws/energy/trace1-energy.bin": "",
    }
    tree = read_tree(write(tmp_path, files))
    folder = only(tree).folder
    assert (folder.runner, folder.modes["energy"].runner) == ("unknown", "eembc")
    assert codes(tree) == {"tree.mixed-runners"}


def test_files_of_a_run_are_sorted_by_what_they_are(tmp_path):
    names = ["trace1-energy.bin", "trace1-timestamps.json", "energy_inf_000.png", "notes.txt", "more/x.dat"]
    run = only(
        read_tree(write(tmp_path, official() | {f"{RUN}/kws/energy/{name}": "" for name in names}))
    ).folder.modes["energy"]
    assert [[path.name for path in group] for group in (run.traces, run.timestamps, run.pictures)] == [
        ["trace1-energy.bin"],
        ["trace1-timestamps.json"],
        ["energy_inf_000.png"],
    ]
    assert [path.name for path in run.extras] == ["notes.txt", "x.dat"]
    assert len(run.files) == 8


def test_one_of_two_logs_is_taken_and_said(tmp_path):
    write(tmp_path, official() | {f"{RUN}/kws/energy/old_log.txt": "", f"{RUN}/kws/energy/new_log.txt": ""})
    assert codes(read_tree(tmp_path)) == set()  # log.txt itself is there
    (tmp_path / f"{RUN}/kws/energy/log.txt").unlink()
    assert codes(read_tree(tmp_path)) == {"tree.file-name", "tree.file-ambiguous"}


def test_two_folders_of_one_mode_are_said(tmp_path):
    write(tmp_path, official() | {f"{RUN}/kws/power/log.txt": "", f"{RUN}/kws/old/notes.md": ""})
    assert codes(read_tree(tmp_path)) == {"tree.mode-twice", "tree.unknown-folder"}


def test_a_description_without_results_is_said(tmp_path):
    files = official() | {f"{ORG}/systems/other.json": SYSTEM}
    tree = read_tree(write(tmp_path, files))
    assert codes(tree) == {"tree.system-file-unused"}
    assert [path.name for path in only(tree).submission.unused_system_files] == ["other.json"]


def test_a_submission_outside_a_division_is_read_and_said(tmp_path):
    write(tmp_path, official())
    shutil.move(tmp_path / ORG, tmp_path / "acme")
    tree = read_tree(tmp_path / "acme")
    assert only(tree).submission.division == "unknown"
    assert codes(tree) == {"tree.no-division"}


def test_limits_end_the_search_and_are_said(tmp_path, monkeypatch):
    write(tmp_path, official())
    monkeypatch.setattr("energy.submission.folder_scan.MOST_ENTRIES", 5)
    assert "tree.too-large" in codes(read_tree(tmp_path))
    monkeypatch.undo()
    write(tmp_path, {"/".join(["d"] * 30) + "/x": ""})
    tree = read_tree(tmp_path)
    assert "tree.too-large" in codes(tree)
    assert len(list(tree.places())) == 1


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"path\.missing"):
        read_tree(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "benchmark"),
    [
        ("Anomaly-Detection", "ad"),
        ("IC", "ic"),
        ("ic2", "ic2"),
        ("vww01", "vww"),
        ("streaming_wakeword", "sww"),
        ("board", None),
        ("", None),
    ],
)
def test_benchmarks_are_known_by_their_names(name, benchmark):
    assert benchmark_of(name) == benchmark


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("Energy", "energy"),
        ("enegry", "energy"),
        ("power", "energy"),
        ("performace", "performance"),
        ("acuracy", "accuracy"),
        ("AD08", None),
        ("code", None),
        ("", None),
    ],
)
def test_modes_are_known_by_their_names_or_nearly(name, mode):
    assert mode_of(name) == mode


PARTS = st.sampled_from(
    [
        "results",
        "systems",
        "open",
        "closed",
        "kws",
        "ad",
        "ad01",
        "energy",
        "power",
        "accuracy",
        "x",
        "log.txt",
        "y.json",
    ]
)


@given(st.lists(st.lists(PARTS, min_size=1, max_size=8), max_size=8))
def test_any_tree_is_read(tmp_path_factory, paths):
    top = tmp_path_factory.mktemp("any")
    for parts in paths:
        path = top.joinpath(*parts)
        if not any(above.is_file() for above in path.parents) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
    tree = read_tree(top)
    for place in tree.places():
        assert place.folder in place.system.benchmarks
        assert all(path.is_file() for run in place.folder.modes.values() for path in run.files)
    shutil.rmtree(top)


@pytest.mark.parametrize("named", ["energy", "performance", "accuracy"])
def test_a_run_that_is_named_alone_lacks_nothing_beside_it(tmp_path, named):
    tree = read_tree(write(tmp_path, official()) / RUN / "kws" / named)
    folder = only(tree).folder
    assert set(folder.modes) == {named}
    assert set(folder.beside) == {"energy", "performance", "accuracy"} - {named}
    assert all(run.log is not None for run in folder.beside.values())
    assert codes(tree) == set()


@pytest.mark.parametrize("start", [f"{RUN}/kws/energy", f"{RUN}/kws", RUN])
def test_what_was_not_asked_for_is_not_missing(tmp_path, start):
    """Without other runs (named by its run), without a description (named below the submission)."""
    write(tmp_path, official())
    shutil.rmtree(tmp_path / ORG / "systems")
    if start.endswith("energy"):
        for mode in ("performance", "accuracy"):
            shutil.rmtree(tmp_path / RUN / "kws" / mode)
    assert codes(read_tree(tmp_path / start)) == set()
