"""Lists of sessions: conditions, an index that is checked, and what is wrong with one."""

from __future__ import annotations

import json
import logging
import random
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import energy.validation.folders as folders
import joulebench as jb
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS
from energy.cli.main import main
from energy.errors import UsageError
from energy.session.batch import run_sessions
from energy.session.outcome import Plan
from energy.session.run import run_session
from energy.validation.archive import list_archive
from energy.validation.index import INDEX_NAME
from energy.validation.run import validate
from tests.conftest import ROOT
from tests.session.support import virtual

COUNT = 12


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    workload = WORKLOADS["ad01"]
    plan = Plan(virtual(), workload, "performance", synthetic_inputs(workload, WINDOWS))
    path = tmp_path_factory.mktemp("one") / "session"
    run_session(plan, path, lambda part, doing: None)
    return path


@pytest.fixture
def root(one, tmp_path):
    """Sessions whose workload and throughput are known by their number."""
    for number in range(COUNT):
        folder = Path(shutil.copytree(one, tmp_path / "runs" / f"{number:02}"))
        alter(folder, number)
    return tmp_path / "runs"


def alter(folder, number, **session):
    document = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    document |= {"workload": ("kws01", "ic01", "vww01")[number % 3], "note": f"number {number}", **session}
    (folder / "session.json").write_text(json.dumps(document), encoding="utf-8")
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    result["session"]["inferences_per_second"]["median"] = 10.0 + number
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def names(listing):
    return [session.folder.name for session in listing.sessions]


def documents(listing):
    return [session.to_json() for session in listing.sessions]


@pytest.mark.parametrize("reindex", [False, True])
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (["workload=kws01"], [0, 3, 6, 9]),
        (["workload=kws01", "throughput>=16"], [6, 9]),
        (["workload!=kws01", "inferences_per_second<12"], [1]),
        (["energy"], []),
        (["valid=true", "virtual", "note~Number-1"], [1, 10, 11]),
        (["voltage<=1800mV", "throughput=15"], [5]),
        (["clock_hz"], []),
    ],
)
def test_conditions_are_those_of_a_plain_loop(root, reindex, where, expected):
    listing = list_archive(root, where=where, reindex=reindex)
    assert names(listing) == [f"{number:02}" for number in expected]
    assert listing.total == COUNT


def test_the_index_gives_what_the_documents_state_without_reading_them(root):
    plain = list_archive(root)
    assert not (root / INDEX_NAME).exists(), "a few sessions need no index"
    made = list_archive(root, reindex=True)
    assert (made.read, documents(made)) == (COUNT, documents(plain))
    again = list_archive(root)
    assert (again.read, again.notes) == (0, [])
    assert again.sessions == plain.sessions


def test_sessions_that_changed_came_or_went_are_noticed(root, one):
    list_archive(root, reindex=True)
    alter(root / "03", 3, workload="ic01")
    shutil.rmtree(root / "05")
    alter(Path(shutil.copytree(one, root / "99")), 99)
    (root / "07/session.json").write_text("{", encoding="utf-8")
    listing = list_archive(root)
    assert listing.read == 3
    by_name = {session.folder.name: session for session in listing.sessions}
    assert "05" not in by_name
    assert by_name["03"].workload == "ic01"
    assert by_name["99"].inferences_per_second == 109.0
    assert by_name["07"].problem
    again = list_archive(root)
    assert (again.read, again.sessions) == (0, listing.sessions)


def test_an_index_that_is_damaged_anywhere_is_made_again(root, caplog):
    list_archive(root, reindex=True)
    plain = (root / INDEX_NAME).read_bytes()
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    expected = documents(list_archive(root))
    noticed = 0
    for number in range(12):
        damaged = bytearray(plain)
        if number % 2:
            del damaged[chance.randrange(len(damaged)) :]
        else:
            at = chance.randrange(len(damaged) - 4096)
            damaged[at : at + 4096] = chance.randbytes(4096)
        (root / INDEX_NAME).write_bytes(damaged)
        listing = list_archive(root)
        assert documents(listing) == expected, (seed, number)
        noticed += bool(listing.notes)
        assert not listing.notes or listing.read == COUNT, (seed, number, listing.notes)
        assert list_archive(root).read == 0, (seed, number)
    assert noticed >= 6, seed  # a block of the file that holds nothing may be anything


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4096)])
def test_a_file_that_is_no_index_is_replaced_and_that_is_said(root, content):
    (root / INDEX_NAME).write_bytes(content)
    listing = list_archive(root)
    assert (listing.total, listing.read) == (COUNT, COUNT)
    assert len(listing.notes) == 1
    assert list_archive(root).notes == []


def test_an_index_of_another_version_or_with_a_view_in_place_of_the_table_is_made_again(root, tmp_path):
    import duckdb

    secret = tmp_path / "secret.csv"
    secret.write_text("path,signature,document\na,b,c\n", encoding="utf-8")
    for statements in (
        ["UPDATE format SET version = '0'"],
        ["DROP TABLE sessions", f"CREATE VIEW sessions AS SELECT * FROM read_csv('{secret}')"],
        ["ALTER TABLE sessions DROP COLUMN accuracy"],
    ):
        list_archive(root, reindex=True)
        with duckdb.connect(str(root / INDEX_NAME)) as connection:
            for statement in statements:
                connection.execute(statement)
        listing = list_archive(root)
        assert (listing.read, len(listing.notes)) == (COUNT, 1), statements


def test_a_row_that_somebody_altered_stands_only_as_long_as_its_session_is_as_it_was(root):
    import duckdb

    list_archive(root, reindex=True)
    with duckdb.connect(str(root / INDEX_NAME)) as connection:
        connection.execute("UPDATE sessions SET document = '{}' WHERE path = '04'")
    listing = list_archive(root)
    assert listing.read == COUNT
    assert "it was made again" in listing.notes[0]
    assert listing.sessions[4].workload == "ic01"


def test_a_link_in_place_of_the_index_is_not_opened(root, tmp_path):
    target = tmp_path / "elsewhere"
    target.write_bytes(b"precious")
    (root / INDEX_NAME).symlink_to(target)
    listing = list_archive(root)
    assert listing.total == COUNT
    assert "not opened" in listing.notes[0]
    with pytest.raises(UsageError, match=r"sessions\.index"):
        list_archive(root, reindex=True)
    assert target.read_bytes() == b"precious"


def test_without_duckdb_all_is_listed_the_slow_way(root):
    list_archive(root, reindex=True)
    script = (
        "import sys; sys.modules['duckdb'] = None; from energy.cli.main import main; "
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "sessions", str(root)]
    done = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["sessions"]) == COUNT
    assert done.stderr == ""
    refused = subprocess.run([*command, "--reindex"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "sessions.no-duckdb" in refused.stderr
    assert "joulebench[archive]" in refused.stderr


@contextmanager
def held(root):
    """Another program has the index open."""
    script = (
        f"import duckdb, sys; open = duckdb.connect({str(root / INDEX_NAME)!r}); "
        "print('x', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"x\n"
        yield
        other.communicate()


def test_an_index_in_use_by_another_program_is_left_alone(root):
    list_archive(root, reindex=True)
    with held(root):
        listing = list_archive(root)
    assert (listing.total, listing.read) == (COUNT, COUNT)
    assert "another program" in listing.notes[0]


def test_a_folder_in_place_of_the_index_is_left_alone(root):
    (root / INDEX_NAME).mkdir()
    listing = list_archive(root)
    assert listing.total == COUNT
    with pytest.raises(UsageError, match=r"sessions\.index"):
        list_archive(root, reindex=True)


def test_a_session_that_ends_adds_its_row_and_an_index_that_refuses_it_does_not_make_it_fail(root, caplog):
    workload = WORKLOADS["ad01"]
    plan = Plan(virtual(), workload, "performance", synthetic_inputs(workload, WINDOWS))
    list_archive(root, reindex=True)
    batch = run_sessions([plan], root, lambda part, doing: None)
    assert not batch.failures
    listing = list_archive(root)
    assert (listing.total, listing.read) == (COUNT + 1, 0)
    with caplog.at_level(logging.WARNING, "joulebench.sessions"), held(root):
        batch = run_sessions([plan], root, lambda part, doing: None)
    assert not batch.failures
    assert batch.outcomes[0].valid
    assert "being written by another program" in caplog.text
    listing = list_archive(root)
    assert (listing.total, listing.read) == (COUNT + 2, 1)


def test_folders_that_are_not_looked_into_are_named(root, monkeypatch):
    deep = root.joinpath(*"abcdefghij")
    deep.mkdir(parents=True)
    (note,) = list_archive(root).notes
    assert "levels down" in note
    assert str(root / "a") in note
    monkeypatch.setattr("energy.validation.archive.MOST_LISTED", 5)
    listing = list_archive(root)
    assert listing.total < COUNT
    assert "5 folders were looked into, and no more" in listing.notes[0]


def test_a_validation_that_left_folders_out_is_not_sound(root, monkeypatch):
    for folder in root.iterdir():
        (folder / "manifest.json").unlink()
    whole = {finding.code for finding in validate([root]).all_findings}
    assert "path.not-searched" not in whole
    search = folders.search_folders
    monkeypatch.setattr(
        "energy.validation.sessions.search_folders", lambda path, wanted: search(path, wanted, most=5)
    )
    report = validate([root])
    assert "path.not-searched" in {finding.code for finding in report.all_findings}
    assert not report.sound


def test_on_the_command_line_and_in_python(root, capsys):
    assert main(["sessions", str(root), "--where", "workload=kws01", "--where", "throughput>18"]) == 0
    shown = capsys.readouterr().out
    assert "1 of 12 sessions" in shown
    assert "number 9" in shown
    assert main(["sessions", str(root), "--json", "--reindex"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["total"], document["notes"], len(document["sessions"])) == (COUNT, [], COUNT)
    assert main(["sessions", str(root), "--where", "wokload=kws01"]) == 2
    assert "did you mean workload?" in capsys.readouterr().err
    found = jb.sessions(root, where=["workload=kws01", "throughput>18"])
    assert (len(found), found.total) == (1, COUNT)
    table = found.to_dataframe()
    assert list(table["inferences_per_second"]) == [19.0]
