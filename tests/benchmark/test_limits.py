"""What the rules of the benchmark refuse about a session."""

from __future__ import annotations

import numpy as np
import pytest

from energy.benchmark.limits import check_limits
from energy.recording.trace import ArrayTrace
from energy.signal import Edge, SampleKind, Signal
from energy.window.figures import SessionFigures, WindowFigures
from energy.window.integrator import integrate_trace
from energy.window.pairing import SequencePairing


def session(windows=5, length=10.0, iterations=10, levels=None):
    """Windows of so many seconds at 10 Hz, each at its own level."""
    levels = levels or [1.0] * windows
    span = int(length * 10) + 20
    values = np.repeat(levels, span)
    edges = [Edge(k * span + at) for k in range(windows) for at in (5.0, 5.0 + length * 10)]
    trace = ArrayTrace(Signal(SampleKind.ENERGY, 10.0, dtype="float64"), (values,), edges=edges)
    found, _ = integrate_trace(trace, SequencePairing())
    return SessionFigures(tuple(WindowFigures(window, iterations) for window in found))


def codes(figures):
    return [(finding.code, finding.window) for finding in check_limits(figures)]


def test_five_windows_of_ten_seconds_and_ten_inferences_pass():
    assert codes(session()) == []


def test_a_window_that_is_a_hair_shorter_than_ten_seconds_does_not():
    assert codes(session(windows=5, length=9.999)) == [("window.too-short", n) for n in range(1, 6)]


def test_nine_inferences_do_not_pass():
    assert codes(session(iterations=9)) == [("window.few-iterations", n) for n in range(1, 6)]


def test_unknown_iterations_are_no_matter_of_limits():
    assert codes(session(iterations=None)) == []


@pytest.mark.parametrize("windows", [0, 1, 4, 6])
def test_other_than_five_windows_do_not_pass(windows):
    assert codes(session(windows=windows)) == [("session.not-five-windows", None)]


@pytest.mark.parametrize(
    ("deviation", "expected"),
    [
        (0.004, []),
        (0.0049, []),
        (0.0051, ["spread.raised"]),
        (0.0099, ["spread.raised"]),
        (0.0101, ["spread.large"]),
    ],
)
def test_scatter_above_half_a_percent_is_a_warning_and_above_one_an_error(deviation, expected):
    # two above and two below the mean by d: the sample deviation is d itself
    levels = [1 + deviation, 1 - deviation, 1.0, 1 + deviation, 1 - deviation]
    assert [code for code, _ in codes(session(levels=levels))] == expected
    assert [code for code, _ in codes(session(levels=levels, iterations=None))] == []


def test_the_evidence_states_the_scatter():
    (finding,) = check_limits(session(levels=[1.02, 0.98, 1.0, 1.02, 0.98]))
    assert finding.evidence == "2.00 % over 5 windows"
