"""The room's temperature: stated, read from the monitor, or asked for."""

from __future__ import annotations

import pytest

from energy.bench.benchfile import bench_of
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.workloads import WORKLOADS
from energy.errors import BenchError
from energy.session.outcome import Plan
from energy.session.run import run_session
from tests.session.support import virtual, watcher

__all__ = ["watcher"]


def measure(watcher, temperature, ask=None, driver="lpm01a"):
    document = virtual().model_dump(by_alias=True, exclude_none=True)
    document["ambient"] = {"temperature_c": temperature}
    document["monitor"]["driver"] = driver
    facts = WORKLOADS["ad01"]
    plan = Plan(bench_of(document, "test"), facts, "energy", synthetic_inputs(facts, 5))
    given = {} if ask is None else {"prompt": ask}
    run_session(plan, watcher.folder / "session", lambda part, doing: None, **given)
    return watcher.session["ambient_c"]


def test_it_is_read_from_a_monitor_that_has_a_thermometer(watcher):
    assert measure(watcher, "monitor") == 28.0  # what the twin's `temp degc` says


@pytest.mark.parametrize("answer", ["21.5", "21,5"])
def test_it_is_asked_for_and_the_answer_is_kept(watcher, answer):
    questions = []

    def ask(question):
        questions.append(question)
        return answer

    assert measure(watcher, "ask", ask) == 21.5
    assert len(questions) == 1
    assert "°C" in questions[0]


@pytest.mark.parametrize(
    ("temperature", "ask", "driver", "code"),
    [
        ("ask", None, "lpm01a", "bench.no-operator"),
        ("ask", lambda question: "warm", "lpm01a", "bench.ambient"),
        ("monitor", None, "keithley-2461", "bench.ambient"),
    ],
)
def test_what_nobody_can_tell_is_an_error_before_anything_is_switched(
    watcher, temperature, ask, driver, code
):
    with pytest.raises(BenchError) as caught:
        measure(watcher, temperature, ask, driver)
    assert caught.value.code == code
    assert watcher.states[-1]["supply_off_at"] is None  # it was never on
