"""A folder that is named by itself is judged for what it holds: no better and no worse than in its round."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from energy.validation.report import ValidationReport
from energy.validation.run import validate
from tests.conftest import shared_folder
from tests.validation.support import checked, codes, errors
from tests.validation.synthetic import (
    Truth,
    eembc_submission,
    mlcommons_submission,
    write_eembc_performance,
    write_mlcommons_performance,
)

WRITERS = {"eembc": eembc_submission, "mlcommons": mlcommons_submission}


@pytest.fixture(params=WRITERS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return WRITERS[request.param](tmp_path)


def test_every_folder_of_a_sound_submission_is_sound_by_itself(folder, tmp_path):
    for path in [folder, *folder.parents]:
        assert errors(checked(path)) == set(), path
        if path == tmp_path:
            break
    for mode in ("energy", "performance", "accuracy"):
        report = checked(folder / mode)
        assert [run.mode for one in report.folders for run in one.runs] == [mode]
        assert errors(report) == set(), mode


@pytest.mark.parametrize("mode", ["energy", "performance"])
def test_a_run_named_alone_is_compared_with_the_other_beside_it(folder, mode):
    """The performance run is of a DUT that is a tenth faster: seen from either of the two runs."""
    write = (
        write_eembc_performance if (folder / "energy/script.async").exists() else write_mlcommons_performance
    )
    shutil.rmtree(folder / "performance")
    write(folder / "performance", Truth(speed=1.1))
    report = checked(folder / mode)
    assert "throughput.differs" in codes(report)
    assert [run.mode for one in report.folders for run in one.runs] == [mode]


def test_faults_of_what_lies_beside_are_not_those_of_the_run_that_was_named(folder):
    (folder / "accuracy" / "log.txt").write_bytes(b"")
    (folder / "performance" / "results.txt").unlink()
    (folder.parents[2] / "systems" / "board.json").write_text("no JSON")
    assert errors(checked(folder / "energy")) == set()


def of_runs(report: ValidationReport) -> dict[tuple[str, str], set[str]]:
    """Codes of the errors of each run and its benchmark, by path and mode."""
    return {
        (run.path, run.mode): {
            one.code for one in [*folder.findings, *run.findings] if one.severity == "error"
        }
        for folder in report.folders
        for run in folder.runs
    }


def test_every_published_run_by_itself_has_the_errors_that_it_has_in_its_round():
    root = shared_folder("published")
    whole = of_runs(validate([root], workers=1, partial_copy=True))
    assert len(whole) > 300
    for (path, mode), expected in whole.items():
        named = root / path
        alone = of_runs(validate([named], workers=1, partial_copy=True))
        assert {found_mode: found for (_, found_mode), found in alone.items()} == {mode: expected}, path
