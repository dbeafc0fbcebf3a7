from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from energy.bench.assemble import MONITORS, load
from energy.bench.benchfile import bench_of, builtin_bench, read_bench
from energy.bench.lock import locked
from energy.errors import BenchError, UsageError


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
