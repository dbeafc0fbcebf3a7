from __future__ import annotations

import re
import subprocess
import sys
import textwrap

import pytest

from energy.bench.assemble import IO_MANAGERS, MONITORS
from energy.bench.benchfile import BenchFile, _required, _tables, bench_of, builtin_bench, read_bench
from energy.bench.entrypoints import load
from energy.bench.lock import locked
from energy.errors import BenchError, UsageError
from tests.conftest import ROOT


def document(**changes):
    base = {
        "schema": "joulebench.bench/1",
        "name": "desk",
        "dut": {"board": "NUCLEO-L4R5ZI", "voltage_v": 1.8, "port": "/dev/ttyACM0"},
        "limits": {"highest_v": 3.3, "highest_a": 0.05},
        "monitor": {"driver": "lpm01a", "port": "/dev/ttyACM1"},
    }
    return base | changes


def test_a_bench_file_is_read_with_its_defaults():
    bench = bench_of(document(), "desk.toml")
    assert bench.dut.baud == 115200
    assert bench.monitor is not None
    assert bench.monitor.rate_hz is None
    assert bench.virtual is None


def test_the_virtual_bench_comes_with_the_program_and_says_virtual():
    bench = builtin_bench("virtual")
    assert bench is not None
    assert bench.virtual is not None
    assert bench.virtual.bench == "virtual"
    assert builtin_bench("no-such-bench") is None
    assert builtin_bench("../benchfile") is None


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"dutt": {}}, "dutt"),
        ({"monitor": {"driver": "lpm01a"}}, "monitor.port"),
        ({"monitor": {"driver": "lpm01a", "port": "x", "rate_hz": -1}}, "monitor.rate_hz"),
        ({"limits": {"highest_v": 3.3}}, "limits.highest_a"),
        ({"schema": "joulebench.bench/99"}, "schema"),
        ({"name": "../etc"}, "name"),
    ],
)
def test_a_wrong_key_or_value_is_named(changes, key):
    with pytest.raises(UsageError, match=r"bench\.invalid") as caught:
        bench_of(document(**changes), "desk.toml")
    assert key in caught.value.message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"monitor": {"driver": "x", "port": "y", "rat_hz": 1}},
            "no key monitor.rat_hz: did you mean rate_hz?",
        ),
        ({"monitor": {"driver": "x", "port": "y", "Rate-Hz": 1}}, "monitor.Rate-Hz: did you mean rate_hz?"),
        ({"io_manger": {"driver": "uno", "port": "y"}}, "no key io_manger: did you mean io_manager?"),
        ({"monitor": {"driver": "x", "port": "y", "channel": 1}}, "belongs in [monitor.settings]"),
        ({"temperature_c": 23.0}, "no key temperature_c: did you mean ambient.temperature_c?"),
        ({"ambient": {"humidity": 40}}, "no key ambient.humidity: there are temperature_c"),
        ({"monitor": "lpm01a"}, "monitor: must be a table"),
        (
            {"monitor": {"driver": "x", "port": "y", "edges": "uno"}},
            "monitor.edges: must be 'monitor' or 'io'",
        ),
        ({"ambient": {"temperature_c": "warm"}}, "number, or must be 'monitor' or 'ask'"),
        ({"timestamp_hold_us": float("nan")}, "timestamp_hold_us: must be a finite number"),
    ],
)
def test_an_unknown_key_is_met_with_the_one_that_was_meant(changes, said):
    with pytest.raises(UsageError, match=r"bench\.invalid") as caught:
        bench_of(document(**changes), "desk.toml")
    assert said in caught.value.message


def test_whatever_is_wrong_with_a_file_is_said_at_once():
    wrong = document(
        name="no blanks",
        dut={"board": "x", "voltage_v": 5.0, "bud": 9600},
        limits={"highest_v": 3.3},
        monitor={"driver": "lpm01a", "prt": "/dev/ttyACM1", "rate_hz": "fast"},
    )
    with pytest.raises(UsageError, match=r"bench\.invalid") as caught:
        bench_of(wrong, "desk.toml")
    lines = caught.value.message.splitlines()
    assert lines[0] == "desk.toml:"
    for said in (
        "name: must match pattern",
        "dut.bud: did you mean baud?",
        "limits.highest_a is missing",
        "monitor.port is missing",
        "monitor.prt: did you mean port?",
        "monitor.rate_hz: must be a valid number",
        "dut.voltage_v is 5.0 V, above limits.highest_v of 3.3 V",
    ):
        assert [line for line in lines if said in line], said
    assert len(lines) == 8


def test_a_missing_table_is_told_with_the_keys_that_it_needs():
    with pytest.raises(UsageError, match=r"bench\.invalid") as caught:
        bench_of({"nmae": "x", "limits": 3.3}, "desk.toml")
    assert sorted(caught.value.message.splitlines()[1:]) == [
        "  dut is missing: a table with board, voltage_v",
        "  limits: must be a table with highest_v, highest_a",
        "  name is missing",
        "  schema is missing",
        "  there is no key nmae: did you mean name?",
    ]


def test_the_page_about_porting_has_a_bench_of_required_keys_that_is_read_as_it_stands(tmp_path):
    page = (ROOT / "docs/how-to/port-a-board.md").read_text(encoding="utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "my-bench.toml").write_text(text, encoding="utf-8")
    bench = read_bench(tmp_path / "my-bench.toml")
    assert bench.dut.port
    assert bench.monitor is None


def test_the_page_about_bench_files_marks_the_required_keys():
    page = (ROOT / "docs/reference/bench-file.md").read_text(encoding="utf-8")
    rows = [
        line.split("|")[1:3] for line in page.partition("\n## ")[0].splitlines() if line.startswith("| `")
    ]
    marks = {(name, key): mark.strip() for keys, mark in rows for name, key in _keys(keys)}
    tables = {"": BenchFile, **{name: part for name, part in _tables(BenchFile).items() if part is not None}}
    for name, part in tables.items():
        always = not name or BenchFile.model_fields[name].is_required()
        for key in (key for key, inner in _tables(part).items() if inner is None and key != "settings"):
            needed = ("**yes**" if always else "in its table") if key in _required(part) else ""
            assert marks[name, key] == needed, (name, key)


def _keys(cell):
    """Table and key of what a row's first cell names: "`[dut]` `port`, `baud`"."""
    names = re.findall(r"`([^`]+)`", cell)
    table = names.pop(0).strip("[]") if names[0].startswith("[") else ""
    return [(table, name) for name in names]


def test_the_page_about_bench_files_names_every_key():
    page = (ROOT / "docs/reference/bench-file.md").read_text(encoding="utf-8")
    tables = {"": BenchFile, **{name: part for name, part in _tables(BenchFile).items() if part is not None}}
    for name, part in tables.items():
        for key, inner in _tables(part).items():
            assert inner is not None or f"`{key}`" in page, f"{name}.{key}"
            assert inner is None or f"`[{key}]" in page, key


def test_a_voltage_above_the_limit_is_refused_before_anything_is_opened():
    dut = {"board": "x", "voltage_v": 5.0}
    with pytest.raises(UsageError, match=r"above limits\.highest_v"):
        bench_of(document(dut=dut), "desk.toml")


def test_a_file_that_is_missing_or_not_toml_is_a_clear_error(tmp_path):
    with pytest.raises(UsageError, match=r"bench\.missing"):
        read_bench(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(UsageError, match=r"bench\.toml"):
        read_bench(tmp_path / "bad.toml")


def test_an_unknown_driver_is_named_with_those_that_there_are():
    with pytest.raises(UsageError, match=r"no monitor driver called 'lpm02a'"):
        load(MONITORS, "lpm02a")


@pytest.mark.parametrize(
    ("group", "name", "meant"),
    [
        (MONITORS, "lpm01", "monitor driver called 'lpm01': did you mean 'lpm01a'?"),
        (MONITORS, "Keysight_N6705", "did you mean 'keysight-n6705'?"),
        (
            IO_MANAGERS,
            "interfaceboard",
            "io manager driver called 'interfaceboard': did you mean 'interface-board'?",
        ),
    ],
)
def test_an_unknown_driver_is_met_with_the_one_that_was_meant(group, name, meant):
    with pytest.raises(UsageError, match=r"bench\.no-driver") as caught:
        load(group, name)
    assert meant in caught.value.message


def test_a_name_that_is_like_no_driver_is_not_guessed_at():
    with pytest.raises(UsageError, match=r"bench\.no-driver") as caught:
        load(MONITORS, "oscilloscope-9000")
    assert "did you mean" not in caught.value.message
    assert "lpm01a" in caught.value.hint


def test_twins_that_run_already_are_locked_and_a_sessions_own_are_not():
    attached, own = document(), document()
    ports = {"monitor": "/dev/pts/joulebench-test"}
    attached["virtual"] = {"settings": {"attach": {"control": "127.0.0.1:1", "ports": ports}}}
    own["virtual"] = {}
    first, second = bench_of(attached, "a.toml"), bench_of(attached, "b.toml")
    with locked(first), pytest.raises(BenchError, match=r"bench\.locked"), locked(second):
        pass
    with locked(bench_of(own, "a.toml")), locked(bench_of(own, "b.toml")):
        pass


def test_a_bench_is_locked_for_everybody_who_names_one_of_its_ports(tmp_path):
    bench = bench_of(document(), "desk.toml")
    other = bench_of(document(name="same-desk", dut={"board": "x", "voltage_v": 1.8}), "other.toml")
    with locked(bench), pytest.raises(BenchError, match=r"bench\.locked"), locked(other):
        pytest.fail("two sessions on one port")
    with locked(other):
        pass


def test_a_killed_session_does_not_keep_the_lock():
    code = textwrap.dedent("""
        import os, signal
        from energy.bench.benchfile import bench_of
        from energy.bench.lock import locked
        from tests.bench.test_benchfile import document
        with locked(bench_of(document(), "desk.toml")):
            print("held", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "held\n"
    with locked(bench_of(document(), "desk.toml")):
        pass


def test_the_firmware_s_path_is_relative_to_the_bench_file(tmp_path):
    (tmp_path / "desk.toml").write_text(
        'schema = "joulebench.bench/1"\nname = "desk"\n'
        'dut = { board = "B", voltage_v = 1.8, firmware = "kws.bin", firmware_energy = "kws-energy.bin" }\n'
        "limits = { highest_v = 3.3, highest_a = 0.05 }\n"
    )
    dut = read_bench(tmp_path / "desk.toml").dut
    assert (dut.firmware, dut.firmware_energy) == (
        str(tmp_path / "kws.bin"),
        str(tmp_path / "kws-energy.bin"),
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"scope": {}}, "scope.feeds is missing"),
        ({"scope": {"feeds": []}}, "scope.feeds"),
        ({"scope": {"feeds": ["core", "fan"]}}, "'debugger'"),
        ({"scope": {"feeds": ["core"], "preprocessing": True}}, "did you mean pre_processing?"),
        ({"wiring": {"lead_ohm": 0.1}}, "wiring.lead_tolerance is missing"),
        ({"wiring": {"burden_tolerance": 0.1}}, "wiring.burden_ohm is missing"),
        ({"wiring": {"lead_ohm": -1, "lead_tolerance": 0.1}}, "wiring.lead_ohm"),
    ],
)
def test_a_wrong_scope_or_wiring_is_named(changes, says):
    with pytest.raises(UsageError, match=re.escape(says)) as caught:
        bench_of(document(**changes), "desk.toml")
    assert caught.value.code == "bench.invalid"
