"""results.txt of both runners and all modes, and any bytes at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.runs.results_text import figures, parse_results_text
from tests.benchmark.test_runner_text import EEMBC, MLCOMMONS


def codes(results) -> list[str]:
    return [finding.code for finding in results.findings]


def test_an_eembc_energy_run_has_both_kinds_of_figures_in_one_window():
    results = parse_results_text(EEMBC)
    assert (results.runner, [window.number for window in results.windows]) == ("eembc", [2, 4])
    first, second = results.windows
    assert {name: figure.text for name, figure in figures(first).items()} == {
        "starts_s": "9.08",
        "lasts_s": "10.40",
        "energy_uj": "4173.840",
        "power": "40133.077",
        "per_inference_uj": "417.384",
        "iterations": "10",
        "duration_s": "10.400",
        "throughput": "0.962",
    }
    assert first.power_w == pytest.approx(0.040133077)
    assert first.errors == ["The run must take at least 10 seconds and 10 iterations to be valid"]
    assert second.errors == []
    assert results.median_energy_uj is not None
    assert (results.median_energy_uj.text, results.median_energy_uj.line) == ("416.848", 10)
    assert results.median_throughput is not None
    assert results.median_throughput.number == 1.01
    assert (results.first_s, results.last_s) == (514.965, 514.974)


def test_an_mlcommons_energy_run_is_read_with_its_own_units():
    results = parse_results_text(MLCOMMONS)
    window = results.windows[0]
    assert (results.runner, window.number) == ("mlcommons", 0)
    assert window.duration_s is not None
    assert (window.duration_s.text, window.power_unit) == ("10.575999999999999", 1e-3)
    assert set(figures(window)) == {"duration_s", "iterations", "power", "energy_uj", "per_inference_uj"}


def test_an_mlcommons_performance_run_has_stamps_on_the_logs_clock():
    results = parse_results_text(
        "Performance results for window 1\r\n    # Inferences : 250\r\n    Runtime: 10.862042 sec.\r\n"
        "    Throughput: 23.01593015383295 inf./sec.\r\n    Runtime requirements have been met.\r\n"
        "0726.010245 ulp-mlperf: Median throughput is     23.032 inf./sec.\r\n",
        year=2025,
    )
    assert results.windows[0].requirements_met
    assert results.windows[0].throughput is not None
    assert results.windows[0].throughput.text == "23.01593015383295"
    assert results.last_s == 1753491765  # 2025-07-26 01:02:45, by date(1)
    assert codes(results) == ["tree.crlf"]


@pytest.mark.parametrize(
    ("text", "runner", "top_1", "auc"),
    [
        ("29931.634 ulp-mlperf: Top-1: 77.8%\n29931.638 ulp-mlperf: AUC: 0.86\n", "eembc", "77.8", "0.86"),
        (
            "0726.010109 ulp-mlperf: Top 1% = 90.2\n0726.010109 ulp-mlperf: AUC = 0.995\n",
            "mlcommons",
            "90.2",
            "0.995",
        ),
    ],
)
def test_accuracy_of_either_runner_is_read(text, runner, top_1, auc):
    results = parse_results_text(text)
    assert results.top_1 is not None
    assert results.auc is not None
    assert (results.runner, results.top_1.text, results.auc.text) == (runner, top_1, auc)


def test_streaming_wake_word_has_counts_and_duty_cycle():
    results = parse_results_text(
        "Accuracy: 44 True positives, 6 False negatives, 4 False positives\n"
        "Average duty cycle: 0.56085\nAverage period: 0.031987 s\nEstimated throughput: 55.742 inf./sec.\n"
    )
    found = results.streaming
    assert results.runner == "mlcommons"
    assert found is not None
    numbers = [found.true_positives, found.false_negatives, found.false_positives, found.duty_cycle]
    assert [figure and figure.number for figure in numbers] == [44, 6, 4, 0.56085]
    assert found.period_s is not None
    assert found.throughput is not None
    assert (found.period_s.number, found.throughput.text) == (0.031987, "55.742")
    assert results.windows == []


def test_what_the_mlcommons_runner_says_against_a_run_is_kept():
    results = parse_results_text(
        "Energy data for trial 0\n  Elapsed time  : 9.5  <<<< below minimum duration\n"
        "ERROR: Not valid for submission.  All inference times must be at least 10 seconds.\n"
        "0726.010245 ulp-mlperf: ERROR 1 - loop_count was not exactly 5.\n"
    )
    assert results.windows[0].duration_s is not None
    assert results.windows[0].duration_s.text == "9.5"
    assert results.errors == [
        "below minimum duration",
        "Not valid for submission.  All inference times must be at least 10 seconds.",
        "loop_count was not exactly 5.",
    ]


def test_a_figure_printed_twice_is_told_from_one_that_contradicts_itself():
    once = "07550.189 ulp-mlperf: Top-1: 87.0%\n"
    assert codes(parse_results_text(once + once)) == ["results.repeated"]
    results = parse_results_text(once + once.replace("87.0", "90.0"))
    assert codes(results) == ["results.contradicts-itself"]
    assert results.top_1 is not None
    assert results.top_1.text == "87.0"


def test_lines_that_no_runner_prints_are_counted():
    (finding,) = parse_results_text("hello\nTop-1: high%\nEnergy : 1 uJ\n").findings
    assert (finding.code, finding.evidence) == ("results.unknown-line", "3 times, first in line 1")


def test_a_file_with_absurdly_many_windows_stays_small():
    text = "".join(f"Performance results for window {number}:\n" for number in range(20000))
    results = parse_results_text(text)
    assert len(results.windows) == 10000
    assert codes(results) == ["results.unknown-line"]
    assert codes(parse_results_text("x\n" * 100001))[0] == "log.too-long"


ODD = ["Top-1: 1.2.3%", "AUC = nan", "Power : 1e999 mW.", "e-[", ""]
LINES = st.sampled_from([*EEMBC.splitlines(), *MLCOMMONS.splitlines(), *ODD]) | st.text(max_size=30)


@given(st.binary(max_size=300) | st.lists(LINES, max_size=20).map("\n".join))
def test_any_bytes_give_an_answer(data):
    results = parse_results_text(data)
    for window in results.windows:
        for figure in figures(window).values():
            assert str(figure.number) == str(float(figure.text))
