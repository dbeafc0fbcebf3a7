"""Sessions of the virtual bench, laid out as a submission: sound as they are, wrong once altered."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS
from energy.session.outcome import Plan
from energy.session.run import run_session
from tests.session.support import virtual
from tests.validation.support import checked, edit, edit_json, errors
from tests.validation.synthetic import write_system


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A partial copy (there is no accuracy run) of a round with one benchmark."""
    root = tmp_path_factory.mktemp("virtual")
    submission = root / "v1.4" / "closed" / "acme"
    for mode in ("energy", "performance"):
        facts = WORKLOADS["ad01"]
        plan = Plan(virtual(), facts, mode, synthetic_inputs(facts, WINDOWS))
        outcome = run_session(plan, root / f"session-{mode}", lambda part, doing: None)
        shutil.copytree(outcome.folder / "mlperf", submission / "results" / "board" / "ad" / mode)
        shutil.rmtree(outcome.folder)
    write_system(submission)
    return root


@pytest.fixture
def folder(measured: Path, tmp_path: Path) -> Path:
    shutil.copytree(measured, tmp_path, dirs_exist_ok=True)
    return tmp_path / "v1.4" / "closed" / "acme" / "results" / "board" / "ad"


def test_what_the_virtual_bench_measured_is_sound_and_every_figure_agrees(folder, tmp_path):
    report = checked(tmp_path, partial_copy=True)
    assert report.sound, report.errors
    figures = [one for row in report.folders for run in row.runs for one in run.figures]
    assert len(figures) == 5 * 5 + 1 + 5 * 3 + 1
    assert all(one.agrees and one.recomputed is not None for one in figures)


def test_an_edge_removed_from_it(folder, tmp_path):
    edit_json(folder / "energy" / "results.json", lambda trials: trials[3]["power"]["timestamps"].clear())
    assert errors(checked(tmp_path, partial_copy=True)) == {"edge.count"}


def test_a_window_of_it_moved_into_the_pause(folder, tmp_path):
    def change(trials):
        marks = trials[2]["power"]["timestamps"]
        marks[0][1] -= 400

    edit_json(folder / "energy" / "results.json", change)
    assert "result.differs" in errors(checked(tmp_path, partial_copy=True))


def test_a_median_of_it_edited(folder, tmp_path):
    edit(folder / "energy" / "results.txt", r"(Median energy cost is )\d", r"\g<1>9")
    assert errors(checked(tmp_path, partial_copy=True)) == {"result.differs"}


def test_a_host_that_stood_still_after_its_first_trial_has_no_samples_too_many(folder, tmp_path):
    """As after Ctrl-Z: the second input is loaded later than the first trial's answer had come."""
    log = folder / "energy" / "log.txt"
    lines = log.read_text().splitlines()
    second = [number for number, line in enumerate(lines) if "Loading file" in line][1]
    stamp, _, rest = lines[second].partition(" ")
    later = datetime.strptime(f"2024{stamp}", "%Y%m%d.%H%M%S") + timedelta(seconds=8)
    lines[second] = f"{later:%m%d.%H%M%S} {rest}"
    log.write_text("\n".join(lines) + "\n")
    assert "samples.many" not in errors(checked(tmp_path, partial_copy=True))
