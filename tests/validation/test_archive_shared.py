"""An index that several programs use at once, that may only be read, and the points that it remembers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import energy.report.point_sources as sources
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS
from energy.report.point_sources import points_of
from energy.report.session_facts import facts_of
from energy.session.outcome import Plan
from energy.session.run import run_session
from energy.validation.archive import list_archive, note_session
from energy.validation.index import INDEX_NAME, opened
from tests.conftest import ROOT
from tests.session.support import virtual

COUNT = 5
NOBODY = 65534
AT_ONCE = """
import sys
from pathlib import Path
import energy.validation.index
from energy.validation.archive import list_archive, note_session
energy.validation.index._PATIENCE_S = 300.0  # the machine may be busy
root = Path(sys.argv[1])
for turn in range(6):
    again = turn == int(sys.argv[2])
    listing = list_archive(root, reindex=again)
    assert len(listing.sessions) == listing.total, listing
    assert not listing.notes, listing.notes
    note_session(root / f"{turn % 5}")
"""
READ_ONLY = """
import os, sys
from pathlib import Path
import duckdb
from energy.validation.archive import list_archive
if os.getuid() == 0:
    os.setuid(int(sys.argv[2]))
listing = list_archive(Path(sys.argv[1]))
print(listing.read, len(listing.sessions), listing.notes)
"""


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    workload = WORKLOADS["ad01"]
    plan = Plan(virtual(), workload, "energy", synthetic_inputs(workload, WINDOWS))
    path = tmp_path_factory.mktemp("one") / "session"
    run_session(plan, path, lambda part, doing: None)
    return path


@pytest.fixture
def root(one, tmp_path):
    for number in range(COUNT):
        shutil.copytree(one, tmp_path / "runs" / str(number))
    list_archive(tmp_path / "runs", reindex=True)
    return tmp_path / "runs"


def test_programs_that_list_add_and_make_the_index_at_once_do_not_disturb_each_other(root, monkeypatch):
    monkeypatch.setattr("energy.validation.index._PATIENCE_S", 300.0)
    command = [sys.executable, "-c", AT_ONCE, str(root)]
    runs = [
        subprocess.Popen([*command, str(again)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for again in (2, 4)
    ]
    for number in range(COUNT):
        note_session(root / str(number))
    assert [(run.communicate(timeout=200)[1], run.returncode) for run in runs] == [("", 0)] * 2
    with opened(root) as index:
        assert index.notes == []
        assert len(index.signatures()) == COUNT
    assert list_archive(root).read == 0
    assert sorted(path.name for path in root.iterdir() if path.is_file()) == [INDEX_NAME]


def test_an_index_that_may_only_be_read_is_used_and_what_is_newer_is_read_beside_it(one):
    with tempfile.TemporaryDirectory() as place:  # where another user may look
        folder = Path(place) / "runs"
        shutil.copytree(one, folder / "1")
        shutil.copytree(one, folder / "2")
        list_archive(folder, reindex=True)
        for path in (Path(place), folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            assert _read_only(folder) == "0 2 []"
            os.utime(folder / "2/session.json", ns=(0, 0))
            found = _read_only(folder)
            assert found.startswith("1 2 ")
            assert "read-only" in found
        finally:
            for path in (Path(place), folder, folder / "1", folder / "2"):
                path.chmod(0o755)


def _read_only(folder: Path) -> str:
    command = [sys.executable, "-c", READ_ONLY, str(folder), str(NOBODY)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def made(monkeypatch):
    """The folders whose facts were read."""
    folders: list[str] = []

    def counted(folder: Path):
        folders.append(folder.name)
        return facts_of(folder)

    monkeypatch.setattr(sources, "facts_of", counted)
    return folders


def test_points_are_remembered_as_long_as_every_file_of_a_session_is_as_it_was(root, made, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sources, "remembered", lambda *given: {})
        truth = points_of([root])
    assert len(truth.points) == COUNT
    assert all(point.valid and point.expanded_uncertainty_j for point in truth.points)
    assert points_of([root]) == truth
    assert sorted(made) == ["0", "1", "2", "3", "4"]
    assert points_of([root]) == truth
    assert len(made) == COUNT, "nothing was read a second time"
    with (root / "3/trace.arrow").open("r+b") as trace:  # no document says so: its SHA-256 does
        trace.truncate(1000)
    again = {Path(point.path).name: point for point in points_of([root]).points}
    assert made[COUNT:] == ["3"]
    assert not again["3"].valid
    assert "session.altered" in again["3"].findings
    result = root / "1/result.json"
    document = json.loads(result.read_text(encoding="utf-8"))
    document["uncertainty"] = None
    result.write_text(json.dumps(document), encoding="utf-8")
    shutil.rmtree(root / "0")
    left = {Path(point.path).name: point for point in points_of([root]).points}
    assert made[COUNT + 1 :] == ["1"]
    assert sorted(left) == ["1", "2", "3", "4"]
    assert left["1"] != again["1"]


def test_a_text_in_the_index_that_is_no_text_of_facts_is_made_again(root, made):
    truth = points_of([root])
    with opened(root) as index:
        index._connection.execute("UPDATE remembered SET document = '[1]' WHERE path = '2'")
    assert points_of([root]) == truth
    assert made[COUNT:] == ["2"]
