"""The three published rounds, read file by file: nothing is refused, and accuracy is what was printed."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from energy.findings import Severity
from energy.runs.accuracy import (
    accuracy,
    answers_of_log,
    answers_of_trials,
    label_in_name,
    tabulate,
)
from energy.runs.printed import as_printed
from energy.runs.results_json import read_results_json
from energy.runs.results_text import figures, read_results_text
from energy.runs.runner_log import RunnerLog, read_log
from energy.runs.streaming import count_detections, duty_cycle_of
from energy.submission.places import Place, Tree
from energy.submission.tree import read_tree
from tests.conftest import shared_folder


@cache
def tree() -> Tree:
    return read_tree(shared_folder("published"), partial_copy=True)


@cache
def logs() -> dict[tuple[str, str], RunnerLog]:
    runs = ((place, run) for place in tree().places() for run in place.folder.modes.values())
    return {(place.name, run.mode): read_log(run.log) for place, run in runs if run.log}


@cache
def labels() -> dict[str, dict[str, int]]:
    """True classes by benchmark and file, as the results.json files state them."""
    known: dict[str, dict[str, int]] = {}
    for place in tree().places():
        for run in place.folder.modes.values():
            if run.results_json:
                book = known.setdefault(place.folder.benchmark, {})
                for trial in read_results_json(run.results_json).trials:
                    if trial.file and trial.label is not None:
                        assert book.setdefault(trial.file, trial.label) == trial.label
    return known


def answers(place: Place):
    """The stored scores of an accuracy run, or None."""
    run = place.folder.modes.get("accuracy")
    if run and run.results_json:
        return answers_of_trials(read_results_json(run.results_json).trials)
    if run and run.log:
        return answers_of_log(logs()[place.name, "accuracy"], labels()[place.folder.benchmark])
    return None


def test_every_folder_of_the_three_rounds_is_found():
    rounds = {one.name: len(one.submissions) for one in tree().rounds}
    assert rounds == {"v0.5": 5, "v1.2": 7, "v1.3": 4}
    assert all(one.partial for one in tree().rounds)
    places = list(tree().places())
    assert Counter(place.folder.runner for place in places) == {"eembc": 98, "mlcommons": 37}
    assert Counter((place.folder.runner, mode) for place in places for mode in place.folder.modes) == {
        ("eembc", "accuracy"): 94,
        ("eembc", "performance"): 98,
        ("eembc", "energy"): 28,
        ("mlcommons", "accuracy"): 28,
        ("mlcommons", "performance"): 33,
        ("mlcommons", "energy"): 21,
    }


def test_every_file_below_results_belongs_to_a_run():
    found = {path for place in tree().places() for run in place.folder.modes.values() for path in run.files}
    there = {path for path in tree().path.rglob("*") if path.is_file() and "results" in path.parts}
    assert {path.name for path in there - found} == {"EEMBC_RUNNER"}
    assert len(found) == 838


def test_every_system_has_a_description_and_two_of_them_are_faulty():
    systems = {id(place.system): place.system for place in tree().places()}.values()
    assert all(system.description for system in systems)
    assert Counter(system.description.status for system in systems if system.description) == {
        "available": 38,
        "rdi": 6,
        "preview": 2,
        None: 1,
    }
    errors = [f for f in tree().all_findings() if f.severity is Severity.ERROR]
    assert sorted((finding.code, (finding.path or "").split("/")[-1]) for finding in errors) == [
        ("system.status", "pynqz2.json"),
        ("system.unreadable", "raspberry_pi_4_leip_framework.json"),
    ]


def test_what_was_tolerated_is_said():
    found = Counter(finding.code for finding in tree().all_findings() if finding.severity is Severity.INFO)
    assert found == {
        "tree.file-name": 36,
        "tree.file-not-copied": 151,
        "tree.partial-copy": 3,
        "tree.system-file-name": 1,
        "tree.variant": 8,
    }


def test_every_log_is_read_and_every_inference_answers_its_command():
    assert len(logs()) == 229
    assert sum(timeline.lines for timeline in logs().values()) > 380_000
    for name, timeline in logs().items():
        assert timeline.runner != "unknown", name
        for one in timeline.inferences:
            assert one.done_s is not None, name
            if timeline.runner == "eembc":
                assert (one.asked, one.asked_warmups) == (one.iterations, one.warmups), name
                assert one.file, name


def test_no_dut_of_the_three_rounds_answered_with_an_error_and_four_logs_lost_results():
    found = Counter(finding.code for timeline in logs().values() for finding in timeline.findings)
    assert "log.dut-error" not in found
    assert (found["log.results-lost"], found["log.undecodable"], found["tree.crlf"]) == (4, 2, 82)
    assert (found["log.continuation"], found["log.echo-glued"], found["log.glued"]) == (15, 15, 11)


def test_every_eembc_energy_log_names_monitor_and_voltage():
    energy = [one for (_, mode), one in logs().items() if mode == "energy" and one.runner == "eembc"]
    assert Counter((one.monitor, len(one.voltage_mv)) for one in energy) == {("lpm01a", 1): 28}
    assert all(one.session_stop_s is not None for one in energy)


def test_every_results_txt_is_read_without_an_unknown_line():
    kinds: Counter[tuple[str, str]] = Counter()
    for place in tree().places():
        for run in place.folder.modes.values():
            if run.results:
                results = read_results_text(run.results)
                assert results.runner == place.folder.runner
                assert {finding.code for finding in results.findings} <= {"tree.crlf", "results.repeated"}
                assert results.windows or results.top_1 or results.streaming or results.median_throughput
                kinds[place.folder.runner, run.mode] += 1
                assert all(len(figures(window)) >= 3 for window in results.windows)
    assert sum(kinds.values()) == 277


def test_results_follow_the_end_of_their_session_within_a_second_but_for_one_run():
    late: dict[str, float] = {}
    for (name, mode), timeline in logs().items():
        (run,) = [one.folder.modes[mode] for one in tree().places() if one.name == name]
        if run.results and run.runner == "eembc":
            stop, first = timeline.session_stop_s, read_results_text(run.results).first_s
            assert stop is not None
            assert first is not None
            if not 0 <= first - stop < 1:
                late[f"{name}/{mode}"] = first - stop
    assert late == {"v1.2/closed/bosch/CY8CPROTO_062_4343W_int8/ad/performance": pytest.approx(64.443)}


STORED = {
    ("v0.5", "ic"): 5,
    ("v1.2", "ic"): 20,
    ("v1.3", "ic"): 9,
    ("v1.3", "kws"): 7,
    ("v1.3", "vww"): 8,
}
"""Accuracy runs that store their scores, by round and benchmark: in a log (EEMBC) or a results.json."""


def test_top_1_and_auc_of_every_run_that_stores_its_scores_are_the_printed_ones():
    checked: Counter[tuple[str, str]] = Counter()
    compared = 0
    for place in tree().places():
        rows = answers(place)
        if rows is None:
            continue
        found = accuracy(tabulate(rows))
        assert found is not None, place.name
        checked[place.round.name, place.folder.benchmark] += 1
        results = place.folder.modes["accuracy"].results
        if not results:
            continue
        compared += 1
        printed = read_results_text(results)
        auc = found.auc if place.folder.runner == "mlcommons" else found.auc_by_thresholds
        assert printed.top_1 is not None
        assert printed.auc is not None
        assert auc is not None
        assert as_printed(found.top_1, printed.top_1.text) == printed.top_1.text, place.name
        assert as_printed(auc, printed.auc.text) == printed.auc.text, place.name
    assert checked == STORED
    assert compared == sum(STORED.values()) - 3


def test_classes_in_names_are_the_stated_ones():
    for benchmark in ("kws", "ad"):
        assert labels()[benchmark]
        for file, label in labels()[benchmark].items():
            assert label_in_name(benchmark, file) == label


def test_counts_and_duty_cycle_of_every_streaming_run_that_stores_them_are_the_printed_ones():
    checked = 0
    for place in tree().places():
        for run in place.folder.modes.values():
            if place.folder.benchmark != "sww" or not run.results_json or not run.results:
                continue
            (trial,) = read_results_json(run.results_json).trials
            printed = read_results_text(run.results).streaming
            assert trial.streaming is not None
            assert printed is not None
            counts = count_detections(trial.streaming.detections_ms, trial.streaming.windows)
            duty = duty_cycle_of(trial.streaming)
            assert counts is not None
            assert duty is not None
            pairs = [
                (len(counts.hits_s), printed.true_positives),
                (len(counts.missed_s), printed.false_negatives),
                (len(counts.false_s), printed.false_positives),
                (duty.duty_cycle, printed.duty_cycle),
                (duty.period_s, printed.period_s),
                (duty.throughput, printed.throughput),
            ]
            for ours, theirs in pairs:
                assert theirs is not None
                assert as_printed(ours, theirs.text) == theirs.text, place.name
            checked += 1
    assert checked == 5


@pytest.mark.parametrize("mode", ["performance", "energy"])
def test_every_streaming_folder_prints_counts_and_duty_cycle(mode):
    for place in tree().places():
        run = place.folder.modes.get(mode)
        if place.folder.benchmark == "sww" and run:
            assert run.results is not None
            results = read_results_text(run.results)
            assert results.streaming is not None
            assert results.streaming.false_positives is not None
            assert results.streaming.duty_cycle is not None
            assert (results.windows != []) == (mode == "energy")
