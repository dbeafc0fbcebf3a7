"""Keys of a bench file that are changed on the command line, and a new bench file."""

from __future__ import annotations

import pytest

from energy.bench.benchfile import load_bench
from energy.bench.changes import change_bench, parse_changes
from energy.errors import UsageError


def changed(*words: str, bench: str = "virtual"):
    return change_bench(load_bench(bench), parse_changes(words))


def test_a_key_of_any_table_is_changed_and_the_others_stay():
    bench = changed("dut.voltage_v=3.0", "monitor.settings.output=current", "virtual.settings.ppm = -20.5")
    before = load_bench("virtual")
    assert bench.dut.voltage_v == 3.0
    assert bench.monitor is not None
    assert bench.monitor.settings["output"] == "current"
    assert bench.virtual is not None
    assert bench.virtual.settings == {"ppm": -20.5}
    assert (bench.name, bench.limits, bench.dut.board) == (before.name, before.limits, before.dut.board)
    assert before.dut.voltage_v == 1.8


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("dut.board=My board, rev. 2", "board", "My board, rev. 2"),
        ('dut.board="quoted"', "board", "quoted"),
        ("dut.clock_hz=160e6", "clock_hz", 160e6),
        ("dut.boot_timeout_s=20", "boot_timeout_s", 20.0),
        ("dut.settings={command_timeout_s = 3}", "settings", {"command_timeout_s": 3}),
        ("dut.board=a=b", "board", "a=b"),
    ],
)
def test_a_value_is_toml_and_a_bare_word_is_a_text(word, key, value):
    assert getattr(changed(word).dut, key) == value


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [
        ("dut.voltage=1.8", "bench.invalid", "did you mean voltage_v"),
        ("dut.voltage_v=3.4", "bench.invalid", "above limits.highest_v"),
        ("dut.voltage_v=much", "bench.invalid", "dut.voltage_v"),
        ("dut.voltage_v=nan", "bench.invalid", "dut.voltage_v"),
        ("dut.voltage_v", "usage.set", "KEY=VALUE"),
        ("=3", "usage.set", "KEY=VALUE"),
        ("dut.board.x=3", "usage.set", "not a table"),
        ("label=two\tcolumns", "bench.invalid", "label"),
    ],
)
def test_a_change_is_checked_as_the_file_is(word, code, said):
    with pytest.raises(UsageError) as caught:
        changed(word)
    assert caught.value.code == code
    assert said in caught.value.message + caught.value.hint
