"""The monitor's part of a bench file is checked in every mode, also where no monitor is opened."""

from __future__ import annotations

import pytest

from energy.bench.assemble import check_monitor
from energy.bench.benchfile import BENCHES, load_bench
from energy.cli.main import main

RATE = "monitor.rate_hz"
SETTING = "monitor.settings."
WRONG = [
    ("lpm01a-virtual", f"{SETTING}outpt='energy'", "lpm01a.setting"),
    ("lpm01a-virtual", f"{SETTING}output='power'", "lpm01a.setting"),
    ("lpm01a-virtual", f"{RATE}=1234.0", "lpm01a.rate"),
    ("ppk2-source-virtual", f"{SETTING}logik=0", "ppk2.setting"),
    ("ppk2-source-virtual", f"{SETTING}logic=8", "ppk2.setting"),
    ("ppk2-source-virtual", f"{RATE}=50000.0", "ppk2.rate"),
    ("joulescope-js220-virtual", f"{SETTING}gpo=0", "joulescope.setting"),
    ("joulescope-js220-virtual", f"{SETTING}gpi=9", "joulescope.setting"),
    ("joulescope-js220-virtual", f"{SETTING}current_range='19 A'", "joulescope.range"),
    ("joulescope-js220-virtual", f"{SETTING}voltage_range='auto'", "joulescope.range"),
    ("joulescope-js220-virtual", f"{RATE}=1000.0", "joulescope.rate"),
    ("keysight-n6705-virtual", f"{SETTING}chanel=1", "n6705.setting"),
    ("keysight-n6705-virtual", f"{SETTING}channel=5", "n6705.setting"),
    ("keysight-n6705-virtual", f"{RATE}=100000.0", "n6705.rate"),
    ("keithley-2461-virtual", f"{SETTING}window=40.0", "k2461.setting"),
    ("keithley-2461-virtual", f"{SETTING}window_s='long'", "k2461.setting"),
    ("keithley-2461-virtual", f"{SETTING}window_s=3600.0", "k2461.rate"),
    ("keithley-2461-virtual", f"{RATE}=10.0", "k2461.rate"),
    ("keithley-2450-virtual", f"{SETTING}nplcs=1", "k2450.setting"),
    ("keithley-2450-virtual", f"{SETTING}line_hz=55.0", "k2450.setting"),
    ("keithley-2450-virtual", f"{SETTING}nplc=0.001", "k2450.rate"),
    ("lpm01a-virtual", "monitor.driver='lpm01b'", "virtual.no-twin"),
]


@pytest.mark.parametrize(("bench", "change", "code"), WRONG)
def test_what_energy_mode_refuses_performance_mode_refuses_with_the_same_code(
    bench, change, code, tmp_path, capsys
):
    for mode in ("energy", "performance"):
        out = tmp_path / mode
        words = ["--workload", "kws01", "--mode", mode, "--set", change, "--out", str(out)]
        assert main(["measure", "--bench", bench, *words]) in (2, 3)
        shown = capsys.readouterr()
        assert f"[{code}]" in " ".join((shown.out + shown.err).split()), mode


@pytest.mark.parametrize("rate_hz", [1.0, 1e5])
def test_a_2450_has_no_rate_beyond_that_of_its_longest_and_shortest_integration(rate_hz):
    bench = load_bench("keithley-2450-virtual")
    assert bench.monitor is not None
    part = bench.monitor.model_copy(update={"rate_hz": rate_hz, "settings": {}})
    with pytest.raises(Exception, match="cycles of") as refused:
        check_monitor(bench.model_copy(update={"monitor": part}))
    assert refused.value.code == "k2450.rate"


@pytest.mark.parametrize(
    ("changes", "code"), [(["monitor.settings.wrong=1"], "lpm01a.setting"), ([], "link.missing")]
)
def test_the_check_opens_no_port(changes, code, tmp_path, capsys):
    words = ["--bench", "lpm01a", "--workload", "kws01", "--mode", "performance", "--out", str(tmp_path)]
    for change in ("monitor.port='/dev/no-monitor'", "dut.port='/dev/no-dut'", *changes):
        words += ["--set", change]
    assert main(["measure", *words]) in (2, 3)
    shown = capsys.readouterr()
    assert f"[{code}]" in shown.out + shown.err
    assert "/dev/no-monitor" not in shown.out + shown.err


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCHES.glob("*.toml")))
def test_every_shipped_bench_passes_the_check(name):
    bench = load_bench(name)
    assert bench.monitor is not None
    check_monitor(bench)
