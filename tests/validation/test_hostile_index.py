"""An index that came with its folder: nothing that is no file is opened beside it; its rows are checked."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import joulebench as jb
from energy.validation.archive import list_archive
from energy.validation.index import INDEX_NAME
from tests.cli.test_nothing_leads_out import run

duckdb = pytest.importorskip("duckdb")
SECRET = b"not yours" * 50


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> Path:
    return jb.measure(
        "virtual", "kws01", "performance", out=tmp_path_factory.mktemp("s"), progress=False
    ).folder


@pytest.fixture
def archive(session, tmp_path) -> Path:
    """A folder with a session and an index."""
    folder = tmp_path / "archive"
    shutil.copytree(session, folder / "a")
    list_archive(folder, reindex=True)
    return folder


@pytest.mark.parametrize("ending", [".wal", ".wal.checkpoint", ".wal.recovery", ".tmp"])
@pytest.mark.parametrize("kind", ["pipe", "link to a file", "link to nothing"])
def test_what_stands_beside_an_index_is_not_opened_unless_it_is_a_file(
    ending, kind, archive, session, tmp_path
):
    place, victim = archive / f"{INDEX_NAME}{ending}", tmp_path / "victim"
    victim.write_bytes(SECRET)
    if kind == "pipe":
        os.mkfifo(place)  # DuckDB would wait for ever
    else:
        place.symlink_to(victim if kind == "link to a file" else tmp_path / "new")
    shutil.copytree(session, archive / "b")  # so that the index would have to be written
    listing = list_archive(archive)
    assert len(listing.sessions) == 2
    assert any(place.name in note for note in listing.notes)
    assert victim.read_bytes() == SECRET  # it was overwritten once
    assert not (tmp_path / "new").exists()


WRONG = {
    "joule_per_inference": ["<b>", {"a": 1}, [1]],
    "valid": [7, "yes"],
    "workload": [["a"], 3],
    "findings": ["x", [1, 2], {}],
    "rejected": [5, [[1, 2, [[[], 3]]]], [["a", 1, []]]],
    "setup": [{}, {"scope": None, "board": 3}, None],
    "begun": [3],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG.items() for value in values]
)
def test_a_row_of_the_wrong_kind_makes_the_index_anew(key, value, archive):
    connection = duckdb.connect(str(archive / INDEX_NAME))
    ((document,),) = connection.execute("SELECT document FROM sessions").fetchall()
    altered = json.dumps({**json.loads(document), key: value})
    connection.execute("UPDATE sessions SET document = ?", [altered])
    connection.close()
    status, printed = run("sessions", archive)
    assert status == 0
    assert "made again" in printed
    assert "internal" not in printed
    assert run("sessions", archive)[1].count("kws01") >= 1
