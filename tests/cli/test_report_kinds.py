"""``joulebench report`` and ``catalogue page``: the atlas, and the validation of a tree."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

import joulebench as jb
from energy.catalogue.row import read_rows
from energy.cli.main import main
from energy.errors import EXIT_FINDINGS, EXIT_OK, EXIT_USAGE
from tests.conftest import ROOT, shared_folder

RECORDING = ROOT / "fixtures/recordings/kws01-closed-form"


def points_in(page: Path) -> list[dict[str, object]]:
    """The points that a page holds for its scripts."""
    found = re.search(
        r'<script type="application/json" id="atlas-plot-data">(.*?)</script>', page.read_text("utf-8")
    )
    assert found
    return json.loads(found[1])["points"]


@pytest.mark.parametrize("words", [["catalogue", "page"], ["report", "--atlas"]])
def test_the_atlas_holds_all_rows_and_the_named_points(tmp_path, capsys, words):
    assert main([*words, "--out", str(tmp_path / "atlas.html")]) == EXIT_OK
    assert capsys.readouterr().out.endswith("atlas.html: the published rows\n")
    assert [point["name"] for point in points_in(tmp_path / "atlas.html")] == [row.id for row in read_rows()]
    named = [next(row.id for row in read_rows() if row.joule_per_inference)]
    assert main([*words, *named, "--out", str(tmp_path / "own.html")]) == EXIT_OK
    assert "and 1 own point" in capsys.readouterr().out
    assert [point["name"] for point in points_in(tmp_path / "own.html") if point["own"]] == named


def test_what_has_no_point_is_named_with_the_reason(tmp_path, capsys):
    row = next(row for row in read_rows() if row.joule_per_inference is None)
    assert main(["catalogue", "page", row.id, "--out", str(tmp_path / "atlas.html")]) == EXIT_OK
    assert f"{row.id} has no point: no energy was published." in capsys.readouterr().out
    assert row.id in (tmp_path / "atlas.html").read_text("utf-8").partition('id="reading"')[0]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["catalogue", "page", "--out", "atlas.pdf"], "usage.html"),
        (["catalogue", "page", "nothing-here", "--out", "atlas.html"], "path.missing"),
        (["report", "--atlas", "nothing-here", "--out", "atlas.html"], "path.missing"),
        (["report"], "usage.report"),
    ],
)
def test_a_wrong_command_is_refused_and_leaves_no_file(tmp_path, monkeypatch, capsys, words, code):
    monkeypatch.chdir(tmp_path)
    assert main(words) == EXIT_USAGE
    assert f"[{code}]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_tree_and_a_folder_of_sessions_are_validated(tmp_path, capsys):
    tree = shutil.copytree(
        shared_folder("published") / "v0.5/closed/reference", tmp_path / "closed/reference"
    )
    tree.chmod(0o755)
    report = jb.validate(tree, progress=False).report
    page = tmp_path / "tree.html"
    assert main(["report", str(tree), "--out", str(page)]) == EXIT_FINDINGS
    assert not report.sound
    text = page.read_text("utf-8")
    assert text.count('<details class="folded" id="benchmark-') == len(list(report.folders)) > 0
    for code in {finding.code for finding in report.all_findings if finding.severity == "error"}:
        assert f'<li id="{code}" class="group error">' in text
    sessions = tmp_path / "sessions"
    shutil.copytree(RECORDING, sessions / "one")
    shutil.copytree(RECORDING, sessions / "two")
    main(["report", str(sessions), "--out", str(tmp_path / "sessions.html")])
    assert "Validation" in capsys.readouterr().out
