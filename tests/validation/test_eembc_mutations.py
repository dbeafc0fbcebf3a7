"""A sound submission of the EEMBC runner, altered in one way each: exactly the right code is an error."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.validation.support import checked, codes, edit, edit_samples, edit_timestamps, errors
from tests.validation.synthetic import (
    Truth,
    eembc_submission,
    write_eembc_accuracy,
    write_eembc_energy,
    write_eembc_performance,
    write_system,
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("eembc")
    eembc_submission(root)
    return root


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """The benchmark's folder in a copy."""
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    return tmp_path / "v1.2" / "closed" / "acme" / "results" / "board" / "kws"


def rewrite_energy(folder: Path, truth: Truth) -> None:
    shutil.rmtree(folder / "energy")
    write_eembc_energy(folder / "energy", truth)


def rewrite_performance(folder: Path, truth: Truth) -> None:
    shutil.rmtree(folder / "performance")
    write_eembc_performance(folder / "performance", truth)


def test_the_submission_as_it_was_written_has_no_error_and_no_warning(folder, tmp_path):
    report = checked(tmp_path)
    assert report.sound
    assert {found.severity for found in report.all_findings} == {"info"}


def test_every_figure_of_it_is_recomputed_and_agrees(folder, tmp_path):
    figures = [one for row in checked(tmp_path).folders for run in row.runs for one in run.figures]
    assert (
        len(figures) == 5 * 8 + 2 + 5 * 3 + 1 + 2
    )  # windows and medians of energy, of performance, accuracy
    assert all(one.agrees and one.recomputed is not None for one in figures)


def test_a_removed_edge_is_lost_and_the_true_windows_are_told(folder, tmp_path):
    edit_timestamps(folder, lambda edges: edges.pop(4))
    report = checked(tmp_path)
    assert errors(report) == {"edge.lost"}
    (found,) = [one for _, one in report.errors]
    start, stop = Truth().windows[1]
    assert found.window == 2
    assert found.evidence.startswith("stop of window 2")
    assert f"2: {start / 1000:.3f} to {stop / 1000:.2f}"[:-1] in found.evidence
    printed = (folder / "energy" / "results.txt").read_text()
    median = float(printed.partition("Median energy cost is ")[2].split()[0])
    told = float(found.evidence.rpartition("median of ")[2].split()[0])
    assert told == pytest.approx(median, rel=1e-3)


def test_the_first_window_s_opening_edge_can_be_the_lost_one(folder, tmp_path):
    edit_timestamps(folder, lambda edges: edges.pop(1))
    assert errors(checked(tmp_path)) == {"edge.lost"}


def test_the_last_edge_can_be_the_lost_one(folder, tmp_path):
    edit_timestamps(folder, lambda edges: edges.pop())
    assert errors(checked(tmp_path)) == {"edge.lost"}


def test_an_edge_lost_and_another_one_too_many_are_seen_although_their_number_is_right(folder, tmp_path):
    edit_timestamps(folder, lambda edges: [0.004, *edges[:6], *edges[7:]])
    report = checked(tmp_path)
    assert errors(report) == {"edge.lost"}
    assert [found.window for _, found in report.errors] == [3]


def test_two_lost_edges_are_both_named(folder, tmp_path):
    edit_timestamps(folder, lambda edges: [edge for at, edge in enumerate(edges) if at not in (3, 8)])
    report = checked(tmp_path)
    assert errors(report) == {"edge.lost"}
    assert sorted(found.window for _, found in report.errors) == [2, 4]


def test_an_added_edge_inside_a_window_is_one_too_many(folder, tmp_path):
    edit_timestamps(folder, lambda edges: edges.insert(3, round(edges[2] - 4.0, 3)) or sorted(edges))
    assert errors(checked(tmp_path)) == {"edge.count"}


def test_an_edge_before_the_first_window_shifts_the_pairs(folder, tmp_path):
    edit_timestamps(folder, lambda edges: edges.insert(1, 0.7))
    edit(
        folder / "energy" / "results.txt", r"at time \d+\.\d+ for \d+\.\d+", "at time 0.70 for 0.84", count=0
    )
    assert errors(checked(tmp_path)) == {"edge.count"}


def test_an_edge_after_the_last_window_is_a_stray_one_and_no_error(folder, tmp_path):
    edit_timestamps(folder, lambda edges: edges.append(round(edges[-1] + 0.5, 3)))
    report = checked(tmp_path)
    assert report.sound
    assert "edge.stray" in codes(report)


def test_an_edge_before_the_first_window_that_did_not_mislead_the_runner_is_a_stray_one(folder, tmp_path):
    edit_timestamps(folder, lambda edges: edges.insert(0, 0.004))
    report = checked(tmp_path)
    assert report.sound
    assert "edge.stray" in codes(report)


def test_without_log_a_wrong_number_of_edges_is_an_error_all_the_same(folder, tmp_path):
    (folder / "energy" / "log.txt").unlink()
    edit_timestamps(folder, lambda edges: edges.pop(4))
    assert errors(checked(tmp_path, partial_copy=True)) == {"edge.count"}


def test_a_duplicated_timestamp(folder, tmp_path):
    edit_timestamps(folder, lambda edges: edges.insert(4, edges[4]))
    assert errors(checked(tmp_path)) == {"edge.doubled"}


def test_unsorted_timestamps(folder, tmp_path):
    edit_timestamps(folder, lambda edges: edges.reverse())
    assert errors(checked(tmp_path)) == {"edge.unsorted"}


def test_a_timestamp_past_the_end_of_the_trace(folder, tmp_path):
    edit_timestamps(folder, lambda edges: edges.append(9999.0))
    assert errors(checked(tmp_path)) == {"edge.past-end"}


def test_a_timestamp_before_the_trace(folder, tmp_path):
    edit_timestamps(folder, lambda edges: edges.__setitem__(0, -0.5))
    assert errors(checked(tmp_path)) == {"edge.negative"}


def test_timestamps_that_are_no_json(folder, tmp_path):
    (folder / "energy" / "trace1-timestamps.json").write_text("[0.1, 0.2")
    assert errors(checked(tmp_path)) == {"file.damaged"}


def test_a_window_moved_against_its_log(folder, tmp_path):
    log = (folder / "energy" / "log.txt").read_text()
    pauses = Truth().pauses_ms
    pauses[2] += 60
    pauses[3] -= 60
    rewrite_energy(folder, Truth(pauses_ms=pauses))
    (folder / "energy" / "log.txt").write_text(log)
    report = checked(tmp_path)
    assert errors(report) == {"window.unlike-log"}
    (found,) = [one for _, one in report.errors]
    assert found.window == 3
    assert found.time_s == pytest.approx((25.059, 35.271))


def test_a_window_moved_by_less_than_the_alarm_is_sound(folder, tmp_path):
    log = (folder / "energy" / "log.txt").read_text()
    pauses = Truth().pauses_ms
    pauses[2] += 15
    pauses[3] -= 15
    rewrite_energy(folder, Truth(pauses_ms=pauses))
    (folder / "energy" / "log.txt").write_text(log)
    assert checked(tmp_path).sound


def test_a_shortened_window(folder, tmp_path):
    rewrite_energy(
        folder, Truth(lengths_ms=[9800, 10201, 10212, 10205, 10203], iterations=[96, 100, 100, 100, 100])
    )
    report = checked(tmp_path)
    assert errors(report) == {"window.too-short"}
    assert [found.window for _, found in report.errors] == [1]


def test_short_windows_in_performance_mode(folder, tmp_path):
    rewrite_performance(folder, Truth(lengths_ms=[5100] * 5, iterations=[50] * 5))
    assert errors(checked(tmp_path)) == {"window.too-short"}


def test_fewer_than_ten_iterations(folder, tmp_path):
    rewrite_energy(folder, Truth(iterations=[9] * 5))
    rewrite_performance(folder, Truth(iterations=[9] * 5))
    assert errors(checked(tmp_path)) == {"window.few-iterations"}


def test_four_windows(folder, tmp_path):
    truth = Truth()
    rewrite_energy(folder, Truth([100] * 4, truth.lengths_ms[:4], truth.power_uj[:4], truth.pauses_ms[:4]))
    assert errors(checked(tmp_path)) == {"session.not-five-windows"}


def test_one_window_in_performance_mode(folder, tmp_path):
    rewrite_performance(folder, Truth([100], [10200], [20.0], [1500]))
    assert errors(checked(tmp_path)) == {"session.not-five-windows"}


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"(Median energy cost is )\d+", r"\g<1>17"),
        (r"(Median throughput is )\d+", r"\g<1>11"),
        (r"(Energy       : +)\d", r"\g<1>9"),
        (r"(Power        : +)\d", r"\g<1>9"),
        (r"(Energy/Inf\.  : +)\d", r"\g<1>9"),
        (r"(Runtime      : +)\d+", r"\g<1>11"),
        (r"(Throughput   : +)\d", r"\g<1>8"),
        (r"(at time )\d", r"\g<1>5"),
        (r"(for )\d\d", r"\g<1>12"),
    ],
    ids=[
        *("median energy", "median throughput", "energy", "power", "energy per inference"),
        *("runtime", "throughput", "start of a window", "length of a window"),
    ],
)
def test_an_edited_figure_is_not_the_one_of_the_trace(folder, tmp_path, pattern, replacement):
    edit(folder / "energy" / "results.txt", pattern, replacement)
    assert errors(checked(tmp_path)) == {"result.differs"}


def test_an_edited_figure_of_performance_mode_is_not_the_one_of_the_log(folder, tmp_path):
    edit(folder / "performance" / "results.txt", r"(Runtime      : +)\d+", r"\g<1>11")
    assert errors(checked(tmp_path)) == {"result.differs"}


def test_an_edited_figure_of_a_run_without_evidence_contradicts_the_others(folder, tmp_path):
    for name in ("log.txt", "trace1-energy.bin", "trace1-timestamps.json"):
        (folder / "energy" / name).unlink()
    assert checked(tmp_path, partial_copy=True).sound
    edit(folder / "energy" / "results.txt", r"(Power        : +)\d", r"\g<1>9")
    assert errors(checked(tmp_path, partial_copy=True)) == {"result.inconsistent"}


def test_an_edited_median_of_a_run_without_evidence_contradicts_the_windows(folder, tmp_path):
    for name in ("log.txt", "trace1-energy.bin", "trace1-timestamps.json"):
        (folder / "energy" / name).unlink()
    edit(folder / "energy" / "results.txt", r"(Median energy cost is )\d+", r"\g<1>17")
    assert errors(checked(tmp_path, partial_copy=True)) == {"result.inconsistent"}


def test_a_figure_in_another_unit_is_missing(folder, tmp_path):
    edit(folder / "energy" / "results.txt", r"(Energy       : .*) uJ$", r"\g<1> mJ")
    assert errors(checked(tmp_path)) == {"result.incomplete"}


def test_a_median_line_altered_is_no_median_line(folder, tmp_path):
    edit(folder / "energy" / "results.txt", "Median energy cost is", "Mean energy cost is")
    assert errors(checked(tmp_path)) == {"result.no-median"}


def test_iterations_edited_in_the_results(folder, tmp_path):
    edit(folder / "energy" / "results.txt", r"(# Inferences : +)100", r"\g<1>120")
    assert errors(checked(tmp_path)) == {"iterations.disagree"}


def test_iterations_edited_in_the_log_show_in_the_figures(folder, tmp_path):
    edit(folder / "energy" / "log.txt", r"infer 100 1", "infer 120 1")
    edit(folder / "energy" / "log.txt", r"infer-start-100", "infer-start-120")
    assert "iterations.disagree" in errors(checked(tmp_path))


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_garbled_lines_of_an_inference_accuse_nobody(folder, tmp_path, lines):
    log = folder / "performance" / "log.txt"
    text = log.read_text().replace("infer 100 1", "inf#100 1", 1)
    if lines > 1:
        text = text.replace("m-warmup-start", "m-wa##up-start", 1)
    if lines > 2:
        text = text.replace("m-infer-start", "m-in##r-start", 1)
    log.write_text(text)
    report = checked(tmp_path)
    assert report.sound
    assert "session.mixed" not in codes(report)


def test_the_log_of_another_session(folder, tmp_path):
    edit(folder / "energy" / "log.txt", r"^00", "07", count=0)
    assert errors(checked(tmp_path)) == {"session.mixed"}


def test_the_results_of_an_accuracy_run_of_another_session(folder, tmp_path):
    edit(folder / "accuracy" / "results.txt", r"^00", "01", count=0)
    assert errors(checked(tmp_path)) == {"session.mixed"}


def test_a_log_that_stops_after_one_inference(folder, tmp_path):
    log = folder / "performance" / "log.txt"
    lines = log.read_text().splitlines()
    log.write_text("\n".join([*lines[:9], lines[-1]]))
    assert errors(checked(tmp_path)) == {"session.mixed"}


def test_a_block_of_samples_removed_after_the_windows(folder, tmp_path):
    edit_samples(folder, lambda samples: samples[:-1024])
    assert errors(checked(tmp_path)) == {"samples.few"}


def test_a_block_of_samples_removed_inside_a_window(folder, tmp_path):
    edit_samples(folder, lambda samples: samples[:3000] + samples[4500:])
    found = errors(checked(tmp_path))
    assert "samples.few" in found
    assert found <= {"samples.few", "result.differs"}


def test_a_trace_that_ends_inside_the_last_window(folder, tmp_path):
    edit_samples(folder, lambda samples: samples[:50_000])
    assert errors(checked(tmp_path)) == {"samples.few", "window.samples-missing", "edge.past-end"}


def test_a_trace_cut_in_the_middle_of_a_sample(folder, tmp_path):
    path = folder / "energy" / "trace1-energy.bin"
    path.write_bytes(path.read_bytes()[:-2])
    assert errors(checked(tmp_path)) == {"trace.truncated"}


def test_a_sample_that_is_nan(folder, tmp_path):
    edit_samples(folder, lambda samples: samples.__setitem__(5000, float("nan")))
    assert errors(checked(tmp_path)) == {"samples.not-finite", "window.samples-missing"}


def test_frozen_samples(folder, tmp_path, monkeypatch):
    plain = Truth.samples_uj.fget

    def frozen(self: Truth) -> np.ndarray:
        samples = plain(self)
        samples[5000:5600] = samples[5000]
        return samples

    monkeypatch.setattr(Truth, "samples_uj", property(frozen))
    rewrite_energy(folder, Truth())
    report = checked(tmp_path)
    assert errors(report) == {"samples.frozen"}
    (found,) = [one for _, one in report.errors]
    assert found.time_s == pytest.approx((5.0, 5.6))


def test_samples_in_another_unit(folder, tmp_path):
    edit_samples(folder, lambda samples: [value * 1000 for value in samples])
    assert errors(checked(tmp_path)) == {"result.differs", "monitor.over-range"}


def test_the_trace_of_another_file_format(folder, tmp_path):
    (folder / "energy" / "trace1-energy.bin").write_bytes(b"PK\x03\x04 a zip file instead of a trace")
    assert errors(checked(tmp_path)) == {"file.damaged"}


def test_more_current_than_the_monitor_measures(folder, tmp_path):
    rewrite_energy(folder, Truth(power_uj=[100.0, 100.1, 100.0, 99.9, 100.0]))
    assert errors(checked(tmp_path)) == {"monitor.over-range"}


def test_peaks_above_what_the_monitor_measures_are_a_warning(folder, tmp_path):
    rewrite_energy(folder, Truth(power_uj=[88.0, 88.1, 88.0, 87.9, 88.0]))
    report = checked(tmp_path)
    assert report.sound
    assert "monitor.peaks" in codes(report)


def test_a_voltage_that_the_monitor_does_not_supply(folder, tmp_path):
    rewrite_energy(folder, Truth(voltage_mv=5000))
    assert errors(checked(tmp_path)) == {"voltage.out-of-range"}


def test_an_edited_voltage_is_not_that_of_the_script(folder, tmp_path):
    edit(folder / "energy" / "log.txt", r"m-voltage-mv\[1800\]", "m-voltage-mv[3000]")
    report = checked(tmp_path)
    assert report.sound
    assert "voltage.disagrees" in codes(report)


def test_a_voltage_that_nobody_states(folder, tmp_path):
    edit(folder / "energy" / "log.txt", r"^.*m-voltage-mv.*\n", "")
    report = checked(tmp_path)
    assert report.sound
    assert "voltage.not-stated" in codes(report)


def test_energy_mode_six_percent_slower_than_performance_mode(folder, tmp_path):
    rewrite_performance(folder, Truth(speed=1.06, lengths_ms=[11000] * 5, iterations=[108] * 5))
    report = checked(tmp_path)
    assert errors(report) == {"throughput.differs"}


def test_energy_mode_three_percent_slower_is_a_warning(folder, tmp_path):
    rewrite_performance(folder, Truth(speed=1.03, lengths_ms=[11000] * 5, iterations=[108] * 5))
    report = checked(tmp_path)
    assert report.sound
    assert "throughput.apart" in codes(report)


@pytest.mark.parametrize(
    ("power", "code", "valid"),
    [
        ([20.0, 20.1, 20.0, 20.1, 20.05], None, True),
        ([20.0, 20.3, 20.0, 20.3, 20.1], "spread.raised", True),
        ([20.0, 20.6, 20.0, 20.6, 20.1], "spread.large", False),
    ],
    ids=["below half a percent", "above half a percent", "above one percent"],
)
def test_spread_of_the_windows(folder, tmp_path, power, code, valid):
    rewrite_energy(folder, Truth(power_uj=power, lengths_ms=[10200] * 5))
    report = checked(tmp_path)
    assert report.sound is valid
    assert {one for one in codes(report) if one.startswith("spread.")} == ({code} if code else set())


def test_another_model_in_the_log(folder, tmp_path):
    edit(folder / "performance" / "log.txt", r"m-model-\[kws01\]", "m-model-[vww01]")
    assert errors(checked(tmp_path)) == {"model.differs"}


def test_accuracy_below_the_target(folder, tmp_path):
    shutil.rmtree(folder / "accuracy")
    write_eembc_accuracy(folder / "accuracy", wrong=120)
    assert errors(checked(tmp_path)) == {"accuracy.below-target"}


def test_the_open_division_has_no_target(folder, tmp_path):
    shutil.rmtree(folder / "accuracy")
    write_eembc_accuracy(folder / "accuracy", wrong=120)
    (tmp_path / "v1.2" / "closed").rename(tmp_path / "v1.2" / "open")
    assert checked(tmp_path).sound


@pytest.mark.parametrize(
    ("pattern", "value"), [(r"Top-1: \d+\.\d", "Top-1: 99.9"), (r"AUC: 0\.\d+", "AUC: 0.12")]
)
def test_an_edited_accuracy_is_not_that_of_the_answers(folder, tmp_path, pattern, value):
    edit(folder / "accuracy" / "results.txt", pattern, value)
    assert errors(checked(tmp_path)) == {"accuracy.differs"}


def test_no_line_with_the_accuracy(folder, tmp_path):
    edit(folder / "accuracy" / "results.txt", "Top-1", "Top-5")
    assert errors(checked(tmp_path)) == {"result.incomplete"}


def test_without_all_answers_the_accuracy_is_not_recomputed(folder, tmp_path):
    edit(folder / "accuracy" / "log.txt", r"^.*m-results-.*\n", "")
    report = checked(tmp_path)
    assert report.sound
    assert "accuracy.not-recomputable" in codes(report)


def test_the_dut_answers_with_other_iterations_than_it_was_asked_for(folder, tmp_path):
    edit(folder / "energy" / "log.txt", r"dut infer 100 1", "dut infer 110 1")
    assert errors(checked(tmp_path)) == {"iterations.disagree"}


def test_edited_scores_give_another_accuracy(folder, tmp_path):
    edit(
        folder / "accuracy" / "log.txt",
        r"m-results-\[.*\]",
        "m-results-[" + ",".join(["0.5"] * 12) + "]",
        count=5,
    )
    assert errors(checked(tmp_path)) == {"accuracy.differs"}


@pytest.mark.parametrize("name", ["log.txt", "results.txt", "script.async"])
@pytest.mark.parametrize("mode", ["accuracy", "performance", "energy"])
def test_a_removed_file_is_missing(folder, tmp_path, mode, name):
    (folder / mode / name).unlink()
    assert errors(checked(tmp_path)) == {"tree.file-missing"}


def test_in_a_partial_copy_a_missing_file_is_only_information(folder, tmp_path):
    (folder / "accuracy" / "log.txt").unlink()
    report = checked(tmp_path, partial_copy=True)
    assert report.sound
    assert "tree.file-not-copied" in codes(report)


def test_a_removed_run_is_missing(folder, tmp_path):
    shutil.rmtree(folder / "accuracy")
    assert errors(checked(tmp_path)) == {"tree.file-missing"}


def test_an_empty_folder(folder, tmp_path):
    (folder / "energy" / "old").mkdir()
    assert errors(checked(tmp_path)) == {"tree.empty-folder"}


def test_a_symbolic_link(folder, tmp_path):
    (folder / "energy" / "again.txt").symlink_to(folder / "energy" / "log.txt")
    assert errors(checked(tmp_path)) == {"tree.link"}


def test_no_description_of_the_system(folder, tmp_path):
    (tmp_path / "v1.2/closed/acme/systems/board.json").unlink()
    (tmp_path / "v1.2/closed/acme/systems/other.txt").write_text("x")
    assert errors(checked(tmp_path)) == {"system.missing"}


def test_a_misspelled_status(folder, tmp_path):
    write_system(tmp_path / "v1.2" / "closed" / "acme", status="availible")
    assert errors(checked(tmp_path)) == {"system.status"}


def test_a_description_that_is_no_json(folder, tmp_path):
    path = tmp_path / "v1.2/closed/acme/systems/board.json"
    path.write_text(path.read_text().replace('"Status": "available",', '"Status": "available"'))
    assert "system.unreadable" in errors(checked(tmp_path))


def test_a_runner_that_the_round_does_not_accept(folder, tmp_path):
    (tmp_path / "v1.2").rename(tmp_path / "v1.4")
    assert errors(checked(tmp_path)) == {"runner.not-accepted"}
    assert checked(tmp_path, round="v1.3").sound


def test_a_benchmark_that_the_round_does_not_have(folder, tmp_path):
    (folder.parent / "sww").mkdir()
    shutil.copytree(folder / "performance", folder.parent / "sww" / "energy")
    assert "benchmark.not-in-round" in errors(checked(tmp_path))


def test_a_trace_copied_to_another_system(folder, tmp_path):
    other = folder.parent.parent / "other" / "kws"
    for mode, write in (("energy", write_eembc_energy), ("performance", write_eembc_performance)):
        write(other / mode, Truth(seed=2, pauses_ms=[1500, 1600, 1500, 1400, 1300], speed=1.001))
    write_eembc_accuracy(other / "accuracy", wrong=1)
    write_system(tmp_path / "v1.2" / "closed" / "acme", "other")
    assert checked(tmp_path).sound
    for name in ("trace1-energy.bin", "trace1-timestamps.json", "log.txt", "results.txt"):
        shutil.copy(folder / "energy" / name, other / "energy" / name)
    report = checked(tmp_path)
    assert errors(report) == {"artefact.copied"}
    paths = {Path(found.path).name for _, found in report.errors if found.path}
    assert paths == {"trace1-energy.bin", "log.txt", "results.txt"}


def test_the_same_samples_under_another_rate_are_a_copy(folder, tmp_path):
    other = tmp_path / "v1.2" / "closed" / "rival" / "results" / "board" / "kws"
    truth = Truth(pauses_ms=[1521, 1433, 1618, 1377, 1551])
    write_eembc_energy(other / "energy", truth)
    write_eembc_performance(other / "performance", Truth(speed=1.001))
    write_eembc_accuracy(other / "accuracy", wrong=1)
    write_system(other.parents[2])
    data = (folder / "energy" / "trace1-energy.bin").read_bytes()
    (other / "energy" / "trace1-energy.bin").write_bytes(data)
    assert "artefact.copied" in errors(checked(tmp_path))


def test_the_same_run_in_two_rounds_is_told_and_no_error(folder, tmp_path):
    shutil.copytree(tmp_path / "v1.2", tmp_path / "v1.3")
    report = checked(tmp_path)
    assert report.sound
    assert "artefact.resubmitted" in codes(report)


def test_findings_carry_lines_and_times_into_json(folder, tmp_path):
    rewrite_energy(
        folder, Truth(lengths_ms=[9800, 10201, 10212, 10205, 10203], iterations=[96, 100, 100, 100, 100])
    )
    edit(folder / "energy" / "results.txt", r"(Median energy cost is )\d+", r"\g<1>17")
    document = json.loads(json.dumps(checked(tmp_path).to_json()))
    (run,) = [one for one in document["submissions"][0]["benchmarks"][0]["runs"] if one["mode"] == "energy"]
    by_code = {one["code"]: one for one in run["findings"]}
    assert by_code["window.too-short"]["time_s"] == pytest.approx([1.54, 11.34])
    line = by_code["result.differs"]["lines"][0]
    text = (folder / "energy" / "results.txt").read_text().splitlines()[line - 1]
    assert "Median energy cost is 17" in text
