"""What several pieces of evidence show together: late lines, samples against time, windows without energy."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from energy.runs.measured import load, measure_run
from tests.validation.support import checked, codes, copy_of, edit_json, edit_samples, errors, submissions

__all__ = ["submissions"]


def stamp_late(log: Path, message: str, number: int, by_s: float) -> None:
    """Moves the stamp of the n-th line with a message, as a host that stalls does."""
    lines = log.read_text().split("\n")
    at = [index for index, line in enumerate(lines) if message in line][number]
    stamp, _, rest = lines[at].partition(" ")
    lines[at] = f"{float(stamp) + by_s:09.3f} {rest}"
    log.write_text("\n".join(lines))


def integrated(folder: Path) -> set[str]:
    """Codes that ``integrate`` finds in an energy run."""
    energy = folder / "energy"
    trace = energy / "trace1-energy.bin"
    measured = measure_run(load(trace if trace.exists() else energy / "results.json", energy))
    return {found.code for found in measured.all_findings if found.severity == "error"}


@pytest.mark.parametrize("by_s", [0.12, 0.4, 1.5])
@pytest.mark.parametrize(
    ("message", "number"), [("m-infer-start", 0), ("m-infer-done", 1), ("m-infer-start", 4)]
)
def test_a_late_line_is_no_fault_of_a_window_like_the_others(submissions, tmp_path, message, number, by_s):
    folder = copy_of(submissions, "eembc", tmp_path)
    stamp_late(folder / "energy/log.txt", message, number, by_s)
    report = checked(tmp_path)
    assert errors(report) == set()
    assert [one.window for one in report.all_findings if one.code == "log.late-line"] == [number + 1]


@pytest.mark.parametrize("edge", [3, 4, 7, 8])
def test_an_edge_that_is_off_is_a_fault_by_the_window_s_own_length(submissions, tmp_path, edge):
    """150 ms of 10 s: the printed figures are those of the shifted edge, so only log and lengths show it."""
    folder = copy_of(submissions, "eembc", tmp_path)

    def shift(edges):
        edges[edge] += 0.15

    edit_json(folder / "energy/trace1-timestamps.json", shift)
    (folder / "energy/results.txt").write_text("")
    assert "window.unlike-log" in errors(checked(tmp_path))


def stretched(samples: list[float], every: int, fill: float | None) -> list[float]:
    out: list[float] = []
    for at, value in enumerate(samples):
        out.append(value)
        if at % (every - 1) == every - 2:
            out.append(value if fill is None else fill)
    return out


@pytest.mark.parametrize("every", [2, 3, 10, 20])
@pytest.mark.parametrize("fill", [0.0, None], ids=["zeros", "repeats"])
def test_more_samples_than_the_log_has_time_for(submissions, tmp_path, every, fill):
    """Edges and printed figures are stretched as well, so nothing else contradicts them."""
    folder = copy_of(submissions, "eembc", tmp_path)
    edit_samples(folder, lambda samples: stretched(samples, every, fill))
    factor = every / (every - 1)
    edit_json(folder / "energy/trace1-timestamps.json", lambda edges: [factor * edge for edge in edges])
    (found,) = (one for one in checked(tmp_path).all_findings if one.code == "samples.many")
    stated = float(re.search(r"([0-9.]+) times as long", found.evidence)[1])
    assert stated == pytest.approx(factor, rel=0.02)
    assert "samples.many" in integrated(folder)
    if fill == 0.0:
        assert "samples.zeros" in integrated(folder)


def test_fewer_samples_than_the_log_has_time_for(submissions, tmp_path):
    folder = copy_of(submissions, "eembc", tmp_path)
    edit_samples(folder, lambda samples: samples[::2])
    edit_json(folder / "energy/trace1-timestamps.json", lambda edges: [edge / 2 for edge in edges])
    assert "samples.few" in errors(checked(tmp_path))


@pytest.mark.parametrize(("factor", "code"), [(2, "samples.many"), (0.5, "samples.few")])
def test_samples_of_the_mlcommons_runner_against_its_log_s_time(submissions, tmp_path, factor, code):
    """The counts in the log are altered as well: what is left is the time between its stamps."""
    folder = copy_of(submissions, "mlcommons", tmp_path)

    def change(trials):
        for trial in trials:
            power = trial["power"]
            samples = power["samples"]
            power["samples"] = np.repeat(samples, 2).tolist() if factor == 2 else samples[::2]
            power["timestamps"] = [[event, int(mark * factor)] for event, mark in power["timestamps"]]

    edit_json(folder / "energy/results.json", change)
    log = folder / "energy/log.txt"
    log.write_text(
        re.sub(
            r"(Captured samples:)(\d+)",
            lambda found: found[1] + str(-(-int(found[2]) // 2) if factor < 1 else 2 * int(found[2])),
            log.read_text(),
        )
    )
    (found,) = (one for one in checked(tmp_path).all_findings if one.code == code)
    assert "times as long" in found.evidence


LEVELS = {
    "zero": (lambda values: np.zeros_like(values), "window.no-energy"),
    "negative": (lambda values: -values, "window.implausible-power"),
    "the offset of a monitor": (lambda values: np.full_like(values, 9e-9), "window.no-energy"),
    "constant": (lambda values: np.full_like(values, values.mean()), "samples.frozen"),
    "every third is zero": (lambda values: values * (np.arange(len(values)) % 3 > 0), "samples.zeros"),
}


@pytest.mark.parametrize("runner", ["eembc", "mlcommons"])
@pytest.mark.parametrize("name", LEVELS)
def test_samples_that_cannot_be_are_an_error_in_both_verbs(submissions, tmp_path, runner, name):
    alter, code = LEVELS[name]
    folder = copy_of(submissions, runner, tmp_path)
    assert code not in integrated(folder)
    if runner == "eembc":
        edit_samples(folder, lambda samples: alter(np.array(samples)).tolist())
    else:

        def change(trials):
            for trial in trials:
                trial["power"]["samples"] = alter(np.array(trial["power"]["samples"])).tolist()

        edit_json(folder / "energy/results.json", change)
    assert code in integrated(folder)
    assert code in codes(checked(tmp_path))
    assert not checked(tmp_path).sound
