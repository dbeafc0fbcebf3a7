"""What `validate` says of a package: nothing; and of each thing that is changed in it, an error."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from energy.cli.main import main
from tests.benchmark.packaging import BENCHMARKS, MODES, measured, packed

__all__ = ["measured", "packed"]


def errors_of(path: Path, capsys) -> tuple[int, set[str]]:
    status = main(["validate", str(path), "--json", "--workers", "1"])
    document = json.loads(capsys.readouterr().out)
    found = set(re.findall(r'"code": "([a-z0-9.-]+)", "severity": "error"', json.dumps(document)))
    return status, found


@pytest.fixture
def tree(packed, tmp_path) -> Path:
    """A copy of the package, to be altered."""
    return shutil.copytree(packed.root.parent / "VIRTUAL", tmp_path / "v1.4")


def run_of(tree: Path, benchmark: str, mode: str) -> Path:
    return tree / "closed/Me/results/VIRTUAL-Board" / benchmark / mode


def test_a_package_has_no_error(tree, capsys):
    assert errors_of(tree, capsys) == (0, set())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["log.txt", "results.txt", "results.json"])
def test_a_file_that_is_removed_is_an_error(tree, capsys, mode, name):
    (run_of(tree, "kws", mode) / name).unlink()
    status, found = errors_of(tree, capsys)
    assert status == 1
    unjudged = {"accuracy.partial"} if (name, mode) == ("log.txt", "accuracy") else set()
    assert found == {"tree.file-missing"} | unjudged


@pytest.mark.parametrize("status_word", ["availible", ""])
def test_a_status_that_is_misspelled_is_an_error(tree, capsys, status_word):
    path = tree / "closed/Me/systems/VIRTUAL-Board.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["Status"] = status_word
    path.write_text(json.dumps(document), encoding="utf-8")
    assert errors_of(tree, capsys) == (1, {"system.status"})


@pytest.mark.parametrize("benchmark", BENCHMARKS)
@pytest.mark.parametrize(
    ("mode", "line"), [("energy", "Median energy cost is "), ("performance", "Median throughput is ")]
)
def test_a_median_line_that_is_altered_is_an_error(tree, capsys, benchmark, mode, line):
    path = run_of(tree, benchmark, mode) / "results.txt"
    text = path.read_text(encoding="utf-8")
    (before,) = re.findall(re.escape(line) + r" *([0-9.]+)", text)
    text = (
        text.replace(before, f"{float(before) * 1.01:.3f}")
        if text.count(before) == 1
        else re.sub(f"({re.escape(line)} *){re.escape(before)}", rf"\g<1>{float(before) * 1.01:.3f}", text)
    )
    path.write_text(text, encoding="utf-8")
    status, found = errors_of(tree, capsys)
    assert status == 1
    assert found == {"result.differs"}
