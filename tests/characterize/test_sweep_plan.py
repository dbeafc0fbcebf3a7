"""Plans of sweeps: axes, order, skip rules; every point is checked before any is touched."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.characterize.plan import Sweep, load_sweep
from energy.characterize.skip import skip_rule
from energy.errors import UsageError

VOLTAGES, CLOCKS, WORKLOADS = [1.8, 2.4, 3.0], [4e6, 8e6], ["kws01", "ad01"]


def planned(**more: Any) -> Sweep:
    axes = {"voltage_v": VOLTAGES, "clock_hz": CLOCKS, "workload": WORKLOADS, **more.pop("axes", {})}
    return load_sweep({"schema": "joulebench.sweep/1", "name": "test", "axes": axes, **more})


def refused(**more: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        planned(**more)
    return caught.value


def values_of(sweep: Sweep) -> list[tuple[Any, ...]]:
    return [tuple(point.values.values()) for point in sweep.points]


def test_the_order_as_given_is_that_of_nested_loops_the_last_axis_fastest():
    assert values_of(planned()) == list(itertools.product(VOLTAGES, CLOCKS, WORKLOADS))


def test_a_serpentine_moves_a_single_axis_by_a_single_step():
    sweep = planned(order="serpentine", repeats=2)
    places = [
        (point.repeat, VOLTAGES.index(v), CLOCKS.index(f), WORKLOADS.index(w))
        for point in sweep.points
        for v, f, w in [point.values.values()]
    ]
    assert len(set(places)) == 2 * 3 * 2 * 2
    for before, after in itertools.pairwise(places):
        assert sum(abs(a - b) for a, b in zip(before, after, strict=True)) == 1


def test_a_seed_gives_an_order_again_and_another_seed_another():
    first, again, other = (planned(order="random", seed=seed) for seed in (1, 1, 2))
    assert values_of(first) == values_of(again)
    assert values_of(first) != values_of(other)
    assert sorted(map(str, values_of(first))) == sorted(map(str, values_of(other)))
    assert {p.number: p.values for p in first.points} == {p.number: p.values for p in planned().points}


def test_a_random_order_without_a_seed_is_refused():
    assert refused(order="random").code == "sweep.plan"


def test_skipped_points_are_named_and_not_measured():
    sweep = planned(skip="voltage_v < 2 and clock_hz > 5e6")
    assert [tuple(p.values.values()) for p in sweep.skipped] == [(1.8, 8e6, "kws01"), (1.8, 8e6, "ad01")]
    assert len(sweep.points) == 10
    assert not {p.number for p in sweep.points} & {p.number for p in sweep.skipped}


def test_a_plan_of_which_nothing_is_left_is_refused():
    assert "leave none of 12 points" in refused(skip="voltage_v > 0").message


@pytest.mark.parametrize(
    ("more", "code", "named"),
    [
        ({"axes": {"voltage_v": [1.8, 3.6]}}, "sweep.limits", "above limits.highest_v of 3.3 V"),
        ({"axes": {"voltage_v": [1.8, -1.0]}}, "sweep.limits", "greater than 0"),
        ({"axes": {"voltage": [1.8]}}, "sweep.plan", "did you mean voltage_v?"),
        ({"axes": {"dut.voltage": [1.8]}}, "sweep.limits", "did you mean voltage_v?"),
        ({"axes": {"workload": ["kws02"]}}, "usage.workload", "did you mean kws01?"),
        ({"axes": {"voltage_v": ["low"]}}, "sweep.plan", "the values are numbers"),
        ({"axes": {"voltage_v": [1.8, 1.8]}}, "sweep.plan", "named twice"),
        ({"axes": {"voltage_v": []}}, "sweep.plan", "axes.voltage_v"),
        ({"axes": {"window_s": [5.0]}}, "sweep.plan", "10 or more"),
        ({"axes": {"iterations": [12.5]}}, "sweep.plan", "whole"),
        ({"axes": {"iterations": [5]}}, "sweep.plan", "10 or more"),
        ({"axes": {"firmware": ["a.elf", "b.elf"]}}, "sweep.unset", "only states the image"),
        ({"axes": {"firmware": {"values": ["no.elf"], "hook": "true"}}}, "sweep.images", "no.elf"),
        ({"axes": {"clock_hz": {"values": [4e6], "hook": "no-program"}}}, "sweep.hook", "no-program"),
        ({"axes": {"temperature_c": {"values": [0.0], "chamber": True}}}, "sweep.plan", "[chamber]"),
        ({"modes": ["energy", "accuracy"]}, "sweep.unset", "in accuracy mode no monitor is open"),
        ({"repeats": 0}, "sweep.plan", "repeats"),
        ({"oder": "random"}, "sweep.plan", "did you mean order?"),
        ({"modes": ["energie"]}, "sweep.plan", "modes"),
        ({"skip": "voltage < 2"}, "sweep.skip", "did you mean voltage_v?"),
        ({"skip": "workload < 2"}, "sweep.skip", "cannot be compared"),
        ({"set": {"dut.voltage": 1.8}}, "bench.invalid", "did you mean voltage_v?"),
        ({"bench": "no-such-bench.toml"}, "bench.missing", "no-such-bench"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_measured_is_refused_with_the_key(more, code, named):
    error = refused(**more)
    assert error.code == code
    assert named in error.message


def test_every_point_beyond_a_limit_is_counted():
    error = refused(axes={"voltage_v": [1.8, 3.4, 3.6]})
    assert "3.4 V" in error.message
    assert "3.6 V" in error.message
    assert error.message.count("points 5, 6, 7, 8") == 1
    assert error.message.count("points 9, 10, 11, 12") == 1


@pytest.mark.parametrize(
    ("bench", "axes", "named"),
    [
        ("lpm01a", {"clock_hz": [4e6, 8e6]}, "dut.clock_hz only states"),
        ("lpm01a", {"temperature_c": [0.0, 20.0]}, "ambient.temperature_c only states"),
        ("ppk2-ampere", {"voltage_v": [1.8, 3.0]}, "the supply 'hook' only switches"),
        ("ppk2-source", {"voltage_v": [1.8, 3.0]}, None),
        ("joulescope-js220", {"voltage_v": [1.8, 3.0]}, None),
    ],
)
def test_a_value_that_nothing_sets_is_no_operating_point(bench, axes, named):
    plan = {
        "schema": "joulebench.sweep/1",
        "name": "t",
        "bench": bench,
        "axes": {"workload": ["kws01"], **axes},
    }
    if named is None:
        load_sweep(plan)  # its [supply] or its monitor sets the voltage
        return
    with pytest.raises(UsageError, match=named) as caught:
        load_sweep(plan)
    assert caught.value.code == "sweep.unset"
    ((name, values),) = axes.items()
    prompted = {"workload": ["kws01"], name: {"values": values, "prompt": "Set {value}."}}
    assert len(load_sweep({**plan, "axes": prompted}).points) == 2


def test_axes_and_set_take_keys_of_the_bench_file_in_both_spellings(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'schema = "joulebench.sweep/1"\nname = "t"\n[set]\ndut.idle_s = 2.0\n"ambient.temperature_c" = 30.0\n'
        '[axes]\nworkload = ["kws01"]\n"monitor.rate_hz" = [1000, 5000]\n[axes.monitor.settings]\n'
        'function = ["optimized", "high"]\n'
    )
    sweep = load_sweep(plan)
    benches = [sweep.bench_at(point) for point in sweep.points]
    assert [bench.monitor.rate_hz for bench in benches if bench.monitor] == [1000, 1000, 5000, 5000]
    assert [bench.monitor.settings["function"] for bench in benches if bench.monitor][:2] == [
        "optimized",
        "high",
    ]
    assert {(bench.dut.idle_s, bench.ambient.temperature_c) for bench in benches if bench.ambient} == {
        (2.0, 30.0)
    }


def test_a_command_for_the_dut_stands_in_the_bench_of_its_point():
    sweep = planned(axes={"clock_hz": {"values": [8e7, 1.2e8], "command": "clock {value}"}})
    found = {p.values["clock_hz"]: sweep.bench_at(p).dut.commands for p in sweep.points}
    assert found == {8e7: ["clock 80000000"], 1.2e8: ["clock 120000000"]}


# --- skip rules -------------------------------------------------------------------------------------------

NAMES = ("a", "b", "text")


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        ("a < 1.9 and b > 8e7", {"a": 1.8, "b": 8.1e7}, True),
        ("a < 1.9 and b > 8e7", {"a": 1.9, "b": 8.1e7}, False),
        ("a < 1 or a > 2 and b == 3", {"a": 0.5, "b": 0.0}, True),
        ("(a < 1 or a > 2) and b == 3", {"a": 0.5, "b": 0.0}, False),
        ("not a < 1", {"a": 2.0}, True),
        ("1.8 <= a < 2.0", {"a": 2.0}, False),
        ("text == 'vww01' or text != \"kws01\"", {"text": "kws01"}, False),
        ("a * b >= 2 + 2 * 3 - 1", {"a": 7.0, "b": 1.0}, True),
        ("-a < -(1 - 3) / 2", {"a": 0.0}, True),
        ("a - 1 - 1 == 0", {"a": 2.0}, True),
        ("8 / 2 / 2 == a", {"a": 2.0}, True),
    ],
)
def test_a_rule_means_what_it_means_in_arithmetic(rule, values, expected):
    assert skip_rule(rule, NAMES)(values) is expected


@pytest.mark.parametrize(
    "rule",
    [
        *("", "a <", "a < 1 and", "a << 1", "(a < 1", "a < 1)", "a", "a + 1", "a < 'x'", "text < 1", "a = 1"),
        *("a / 0 < 1", "__import__('os')", "a.b < 1", "a < 1; b < 1", "a < 1 or 2", "not not", "lambda: a"),
        *("1 if a else 2", "[a] < 1", "a ** 2 < 1", "'open < 1", "a < 1 or " * 60 + "a < 1"),
        *("(" * 60 + "a" + ")" * 60 + " < 1", "-" * 60 + "a < 1"),
    ],
)
def test_a_rule_that_is_none_is_refused_with_its_text(rule):
    with pytest.raises(UsageError) as caught:
        skip_rule(rule, NAMES)({"a": 1.0, "b": 2.0, "text": "t"})
    assert caught.value.code == "sweep.skip"


@given(st.text("ab<>=!andornot ()1.5e-+*/'\"", max_size=40))
def test_any_text_is_a_rule_or_an_error_with_a_code(text):
    try:
        found = skip_rule(text, NAMES)({"a": 1.0, "b": -2.5, "text": "t"})
    except UsageError as error:
        found = error.code
    assert found in (True, False, "sweep.skip")


_numbers = st.floats(-100, 100).map(lambda number: round(number, 3))


@given(_numbers, _numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.sampled_from("+-*"))
def test_comparisons_and_arithmetic_agree_with_python(a, b, sign, operator):
    python = {"+": a + b, "-": a - b, "*": a * b}[operator]
    expected = eval(f"{python!r} {sign} {b!r}")
    found = skip_rule(f"a {operator} b {sign} b", NAMES)({"a": a, "b": b})
    assert found is expected
    assert math.isfinite(python)
