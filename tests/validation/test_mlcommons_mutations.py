"""A sound submission of the MLCommons runner, altered in one way each: exactly the right code is an error."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.validation.support import checked, codes, edit, edit_json, errors
from tests.validation.synthetic import (
    Truth,
    mlcommons_submission,
    write_mlcommons_accuracy,
    write_mlcommons_energy,
    write_mlcommons_performance,
    write_streaming,
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mlcommons")
    mlcommons_submission(root)
    return root


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """The benchmark's folder in a copy."""
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    return tmp_path / "v1.4" / "closed" / "acme" / "results" / "board" / "kws"


def add(system: Path, benchmark: str, *, wrong: int = 0) -> None:
    """Another benchmark of the same system, sound but for its accuracy."""
    truth = Truth(benchmark=benchmark, lengths_ms=[10301 + len(benchmark), 10310, 10305, 10299, 10303])
    write_mlcommons_performance(system / benchmark / "performance", truth)
    write_mlcommons_accuracy(system / benchmark / "accuracy", benchmark, wrong)


def test_the_submission_as_it_was_written_has_no_error_and_no_warning(folder, tmp_path):
    report = checked(tmp_path)
    assert report.sound
    assert {found.severity for found in report.all_findings} == {"info"}


def test_every_figure_of_it_is_recomputed_and_agrees(folder, tmp_path):
    figures = [one for row in checked(tmp_path).folders for run in row.runs for one in run.figures]
    assert len(figures) == 5 * 5 + 1 + 5 * 3 + 1 + 2
    assert all(one.agrees and one.recomputed is not None for one in figures)


def test_an_edge_lost_in_a_trial(folder, tmp_path):
    edit_json(folder / "energy" / "results.json", lambda trials: trials[2]["power"]["timestamps"].clear())
    report = checked(tmp_path)
    assert errors(report) == {"edge.count"}
    assert [found.window for _, found in report.errors if found.window] == [3]


def test_an_edge_too_many_in_a_trial(folder, tmp_path):
    edit_json(
        folder / "energy" / "results.json",
        lambda trials: trials[1]["power"]["timestamps"].insert(1, ["04", 5000]),
    )
    assert errors(checked(tmp_path)) == {"edge.count"}


def test_event_numbers_that_are_not_consecutive(folder, tmp_path):
    edit_json(
        folder / "energy" / "results.json",
        lambda trials: trials[4]["power"]["timestamps"].__setitem__(1, ["17", 11754]),
    )
    assert "edge.count" in errors(checked(tmp_path))


def test_an_event_outside_its_samples(folder, tmp_path):
    edit_json(
        folder / "energy" / "results.json",
        lambda trials: trials[4]["power"]["timestamps"][1].__setitem__(1, 99_999),
    )
    assert "edge.count" in errors(checked(tmp_path))


def test_two_events_at_the_same_sample(folder, tmp_path):
    def change(trials):
        marks = trials[3]["power"]["timestamps"]
        marks[1][1] = marks[0][1]

    edit_json(folder / "energy" / "results.json", change)
    assert "edge.doubled" in errors(checked(tmp_path))


def test_a_block_of_samples_removed_is_missing_by_the_log_s_count(folder, tmp_path):
    def change(trials):
        del trials[0]["power"]["samples"][-30:]

    edit_json(folder / "energy" / "results.json", change)
    assert errors(checked(tmp_path)) == {"samples.few"}


def test_samples_that_are_null(folder, tmp_path):
    edit_json(
        folder / "energy" / "results.json",
        lambda trials: trials[1]["power"]["samples"].__setitem__(5000, None),
    )
    assert errors(checked(tmp_path)) == {"samples.not-finite", "window.samples-missing"}


def test_samples_in_another_unit(folder, tmp_path):
    def change(trials):
        trials[1]["power"]["samples"] = [value * 1e6 for value in trials[1]["power"]["samples"]]

    edit_json(folder / "energy" / "results.json", change)
    found = errors(checked(tmp_path))
    assert found <= {"result.differs", "spread.large", "window.implausible-power"}
    assert found


def test_a_shortened_window_is_not_the_printed_one(folder, tmp_path):
    edit_json(
        folder / "energy" / "results.json",
        lambda trials: trials[1]["power"]["timestamps"][1].__setitem__(1, 11500),
    )
    assert errors(checked(tmp_path)) == {"result.differs"}


def test_windows_longer_than_the_log_has_time_for(folder, tmp_path):
    log = (folder / "energy" / "log.txt").read_text()
    shutil.rmtree(folder / "energy")
    write_mlcommons_energy(folder / "energy", Truth(lengths_ms=[20000] * 5, iterations=[196] * 5))
    new = (folder / "energy" / "log.txt").read_text()
    stamps = [line.partition(" ")[0] for line in log.splitlines() if line.startswith("0401.")]
    lines = new.splitlines()
    places = [number for number, line in enumerate(lines) if line.startswith("0401.")]
    for number, stamp in zip(places, stamps, strict=True):
        lines[number] = f"{stamp} {lines[number].partition(' ')[2]}"
    (folder / "energy" / "log.txt").write_text("\n".join(lines))
    assert errors(checked(tmp_path)) == {"log.span", "samples.many"}


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"(Median energy cost is )\d+", r"\g<1>17"),
        (r"(Power         : )\d", r"\g<1>9"),
        (r"(Energy/Inf    : )\d", r"\g<1>9"),
        (r"(Elapsed time  : )\d+", r"\g<1>11"),
    ],
    ids=["median", "power", "energy per inference", "elapsed time"],
)
def test_an_edited_figure_is_not_the_one_of_the_samples(folder, tmp_path, pattern, replacement):
    edit(folder / "energy" / "results.txt", pattern, replacement)
    assert errors(checked(tmp_path)) == {"result.differs"}


def test_an_edited_energy_is_not_the_one_of_the_samples(folder, tmp_path):
    edit(folder / "energy" / "results.txt", r"(Total Energy  : )\d", r"\g<1>9")
    assert errors(checked(tmp_path)) == {"result.differs"}


def test_iterations_edited_in_the_results(folder, tmp_path):
    edit(folder / "energy" / "results.txt", r"(Inferences    : )100", r"\g<1>120")
    assert errors(checked(tmp_path)) == {"iterations.disagree"}


def test_iterations_edited_in_the_log(folder, tmp_path):
    edit(folder / "energy" / "log.txt", r"with 1/100 ", "with 1/120 ")
    assert errors(checked(tmp_path)) == {"iterations.disagree"}


@pytest.mark.parametrize("mode", ["energy", "performance"])
@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_garbled_command_in_the_log_accuses_nobody(folder, tmp_path, mode, number):
    """The load before it and the results after it show the inference: both files are of one session."""
    log = folder / mode / "log.txt"
    parts = log.read_text().split("Running inference")
    log.write_text(
        "Running inference".join(parts[:number]) + "Runnfnce" + "Running inference".join(parts[number:])
    )
    report = checked(tmp_path)
    assert report.sound
    assert codes(report).isdisjoint({"session.mixed", "log.incomplete", "iterations.unknown"})


def test_a_log_that_lost_the_lines_of_a_trial_is_incomplete_and_of_the_same_session(folder, tmp_path):
    log = folder / "energy" / "log.txt"
    lines = log.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "Loading file tst_000002" in line)
    log.write_text("".join(lines[:at] + lines[at + 5 :]))
    report = checked(tmp_path)
    assert report.sound
    (found,) = (one for one in report.all_findings if one.severity == "warning")
    printed = (folder / "energy" / "results.txt").read_text()
    (energy,) = re.findall(r"an energy of ([0-9.]+ uJ)", found.evidence)
    assert found.code == "log.incomplete"
    assert energy in printed


def test_the_energy_log_of_another_session(folder, tmp_path):
    other = tmp_path.parent / f"{tmp_path.name}-other"
    write_mlcommons_energy(other, Truth(seed=3))
    shutil.copy(other / "log.txt", folder / "energy" / "log.txt")
    assert errors(checked(tmp_path)) == {"session.mixed"}


def test_the_performance_log_of_another_session(folder, tmp_path):
    other = tmp_path.parent / f"{tmp_path.name}-other"
    write_mlcommons_performance(other, Truth(speed=1.004))
    shutil.copy(other / "log.txt", folder / "performance" / "log.txt")
    assert errors(checked(tmp_path)) == {"session.mixed"}


def test_results_stamped_on_another_day(folder, tmp_path):
    edit(folder / "accuracy" / "results.txt", r"^0401\.", "0402.", count=0)
    assert errors(checked(tmp_path)) == {"session.mixed"}


def test_a_median_line_altered_is_no_median_line(folder, tmp_path):
    edit(folder / "performance" / "results.txt", "Median throughput is", "Median speed is")
    assert errors(checked(tmp_path)) == {"result.no-median"}


def test_an_edited_runtime_is_not_that_of_the_dut(folder, tmp_path):
    edit(folder / "performance" / "results.txt", r"(Runtime: )\d+", r"\g<1>11")
    assert errors(checked(tmp_path)) == {"result.differs"}


def test_short_windows_in_performance_mode(folder, tmp_path):
    shutil.rmtree(folder / "performance")
    write_mlcommons_performance(folder / "performance", Truth(lengths_ms=[5100] * 5, iterations=[50] * 5))
    assert errors(checked(tmp_path)) == {"window.too-short"}


def test_a_voltage_that_moves_by_millivolts_is_sound_and_one_that_jumps_is_told(folder, tmp_path):
    def change(trials, step):
        for number, trial in enumerate(trials):
            trial["power"]["voltage"] = 1.8 + step * number

    edit_json(folder / "energy" / "results.json", lambda trials: change(trials, 0.002))
    assert "voltage.unsteady" not in codes(checked(tmp_path))
    edit_json(folder / "energy" / "results.json", lambda trials: change(trials, 0.05))
    assert "voltage.unsteady" in codes(checked(tmp_path))


def test_a_voltage_that_nobody_states(folder, tmp_path):
    def change(trials):
        for trial in trials:
            del trial["power"]["voltage"]

    edit_json(folder / "energy" / "results.json", change)
    report = checked(tmp_path)
    assert report.sound
    assert "voltage.not-stated" in codes(report)


def test_results_that_are_no_json(folder, tmp_path):
    path = folder / "accuracy" / "results.json"
    path.write_text(path.read_text()[:-20])
    assert errors(checked(tmp_path)) == {"file.damaged"}


def test_edited_scores_give_another_accuracy(folder, tmp_path):
    def change(trials):
        for trial in trials[100:200]:
            trial["infer"]["results"] = [1.0] + [0.0] * 11

    edit_json(folder / "accuracy" / "results.json", change)
    assert errors(checked(tmp_path)) == {"accuracy.differs", "accuracy.below-target"}


def test_accuracy_below_the_target(folder, tmp_path):
    shutil.rmtree(folder / "accuracy")
    write_mlcommons_accuracy(folder / "accuracy", wrong=120)
    assert errors(checked(tmp_path)) == {"accuracy.below-target"}


def test_accuracy_just_at_the_target_is_enough(folder, tmp_path):
    system = folder.parent
    add(system, "vww", wrong=200)  # 80.0 %
    assert checked(tmp_path).sound
    shutil.rmtree(system / "vww")
    add(system, "vww", wrong=201)  # 79.9 %
    assert errors(checked(tmp_path)) == {"accuracy.below-target"}


def test_the_larger_resnet_comes_with_the_smaller_one_only(folder, tmp_path):
    add(folder.parent, "ic2")
    assert errors(checked(tmp_path)) == {"ic-two.alone"}
    add(folder.parent, "ic")
    assert "ic-two.alone" not in errors(checked(tmp_path))


def test_the_larger_resnet_s_target_is_higher(folder, tmp_path):
    add(folder.parent, "ic", wrong=1)
    add(folder.parent, "ic2", wrong=19)  # 90.5 %
    report = checked(tmp_path)
    assert errors(report) == {"accuracy.below-target"}
    assert [name.rpartition("/")[2] for name, _ in report.errors] == ["ic2"]


def test_streaming_figures_are_recomputed_and_agree(folder, tmp_path):
    write_streaming(folder.parent / "sww" / "performance")
    report = checked(tmp_path, partial_copy=True)
    assert report.sound
    (row,) = [row for row in report.folders if row.benchmark == "sww"]
    figures = {one.name: one.recomputed for one in row.runs[0].figures}
    assert figures["true positives"] == "44"
    assert figures["false negatives"] == "6"
    assert figures["false positives"] == "4"
    assert figures["duty cycle"] == "0.31250"


@pytest.mark.parametrize(("missed", "false"), [(9, 0), (0, 9)], ids=["false negatives", "false positives"])
def test_nine_false_answers_to_a_stream_are_too_many(folder, tmp_path, missed, false):
    write_streaming(folder.parent / "sww" / "performance", missed, false)
    assert errors(checked(tmp_path, partial_copy=True)) == {"accuracy.below-target"}


def test_edited_counts_of_a_stream_are_not_those_of_its_detections(folder, tmp_path):
    write_streaming(folder.parent / "sww" / "performance")
    edit(folder.parent / "sww" / "performance" / "results.txt", "6 False negatives", "3 False negatives")
    assert errors(checked(tmp_path, partial_copy=True)) == {"accuracy.differs"}


def test_results_copied_to_another_system(folder, tmp_path):
    other = folder.parent.parent / "other" / "kws"
    shutil.copytree(folder, other)
    shutil.copy(folder.parents[2] / "systems" / "board.json", folder.parents[2] / "systems" / "other.json")
    assert errors(checked(tmp_path)) == {"artefact.copied"}


def test_several_paths_are_held_against_each_other(folder, tmp_path):
    from energy.validation.run import validate

    other = tmp_path.parent / f"{tmp_path.name}-second" / "v1.4" / "closed" / "rival"
    shutil.copytree(tmp_path / "v1.4" / "closed" / "acme", other)
    report = validate([tmp_path, other.parents[2]], workers=1)
    assert errors(report) == {"artefact.copied"}


def test_two_processes_say_what_one_says(folder, tmp_path, monkeypatch):
    from energy.validation import run

    monkeypatch.setattr(run, "_FEWEST_FOR_PROCESSES", 2)
    add(folder.parent, "ic")
    add(folder.parent, "vww", wrong=10)
    seen: list[tuple[int, int]] = []
    several = run.validate(
        [tmp_path], workers=2, progress=lambda done, total, name: seen.append((done, total))
    )
    alone = run.validate([tmp_path], workers=1)
    assert several.to_json() == alone.to_json()
    assert seen[-1] == (3, 3)
