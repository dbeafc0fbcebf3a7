"""The doctor on the virtual bench: each planted fault is found by name, and the supply is off afterwards."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import energy.session.guardian
import energy.session.lease
from drivers.lpm01a.driver import Lpm01a
from energy.bench.benchfile import bench_of
from energy.benchmark.workloads import WORKLOADS
from energy.doctor import examination as doctor
from energy.doctor import host
from energy.doctor.causes import CAUSES
from energy.doctor.examination import Examination
from energy.doctor.report import Report, Status
from energy.errors import BenchError
from tests.conftest import ROOT
from tests.session.support import virtual, watcher

__all__ = ["watcher"]

EVERY = {"every": True}


class NoGuardian(energy.session.guardian.Guardian):
    """A guardian without its process, where a test is not about it: that costs half a second."""

    def watch(self, switch, *, gone_with_us=False):
        pass


@pytest.fixture
def examine(watcher, monkeypatch, tmp_path):
    """Examines a virtual bench; whatever it found, the world says that the supply is off."""
    monkeypatch.setattr(energy.session.lease, "Guardian", NoGuardian)
    monkeypatch.setattr(host, "write_rate", lambda folder, seconds: 1e9)  # this machine's is not asked

    def run(file, workload="ad01") -> Report:
        monkeypatch.setattr(doctor, "builtin_bench", lambda name: file)
        examination = Examination("planted", WORKLOADS[workload], tmp_path)
        report = examination.run()
        if examination.powered:
            assert watcher.states[-1]["supply_on"] is False
        assert not list(tmp_path.iterdir())  # its recording is gone
        return report

    return run


def document(**settings):
    return virtual(**settings).model_dump(by_alias=True, exclude_none=True)


def direct(**settings):
    """A bench whose DUT has a port of its own, at 9600 baud."""
    bench = document(**settings)
    del bench["io_manager"]
    bench["dut"]["baud"] = 9600
    return bench_of(bench, "direct")


def of(driver, *faults):
    """A bench with another monitor."""
    bench = document(faults=list(faults))
    bench["monitor"] = {"driver": driver, "port": "virtual"}
    bench["limits"] = {"highest_v": 3.3, "highest_a": 0.5}
    if driver == "ppk2":
        bench["monitor"]["settings"] = {"mode": "source"}
    if driver in ("keithley-2450", "keysight-n6705"):
        bench["monitor"]["edges"] = "io"
    return bench_of(bench, driver)


def needs(driver: str) -> None:
    """Skips where a monitor or its twin cannot be loaded."""
    try:
        for group in ("joulebench.monitors", "joulebench.twins"):
            next(point for point in entry_points(group=group) if point.name == driver).load()
    except (ImportError, AttributeError, StopIteration):
        pytest.skip(f"{driver} is not here")


def found(report: Report) -> dict[str, list[str]]:
    return {
        step.name: [remark.code for remark in step.remarks] for step in report.steps.values() if step.remarks
    }


def test_a_healthy_bench_has_every_step_ok_and_a_first_window_with_the_true_energy(examine, watcher):
    report = examine(virtual())
    states = {step.name: step.status for step in report.steps.values() if step.name != "unverified"}
    assert set(states.values()) == {Status.OK}, found(report)
    assert report.exit_status == 0
    assert report.virtual
    begun, ended = watcher.edges_s()[-2:]
    said = next(text for text in report.steps["window"].evidence if "first window, not a result" in text)
    joule = float(re.search(r"([\d.]+) µJ per inference", said)[1]) * 1e-6
    true_j = watcher.truth_j(begun, ended) / 10
    assert joule == pytest.approx(true_j, rel=2 * 1e-3 / (ended - begun))  # each edge may be off by 1 ms
    idle = next(text for text in report.steps["idle"].evidence if text.startswith("idle"))
    idle_a = watcher.worlds[-1].board.idle_w / 1.8
    assert float(re.search(r"([\d.]+) mA on average", idle)[1]) == pytest.approx(idle_a * 1e3, rel=1e-3)


PLANTED = [
    ("open-timestamp", "timestamp", "timestamp.missing"),
    (("open-timestamp", {"at": "monitor"}), "timestamp", "timestamp.not-at-monitor"),
    (("short-pulse", EVERY), "timestamp", "timestamp.short-pulse"),
    (("doubled-edge", EVERY), "timestamp", "timestamp.too-many"),
    (("bouncing-edge", EVERY), "timestamp", "edge.bounce"),
    ("silent-dut", "power", "uart.silent"),
    ("missing-ground", "power", "uart.garbled"),
    ("open-supply", "power", "power.open-supply"),
    ("back-powered", "unpowered", "power.back-powered"),
    ("short-circuit", "power", "power.short-circuit"),
    (("short-circuit", {"current_a": 0.0498}), "power", "power.at-limit"),
    ("silent-monitor", "instruments", "lpm01a.silent"),
    ("silent-io", "instruments", "io.silent"),
    (("unplugged-port", {"port": "monitor"}), "instruments", "link.missing"),
    (("unplugged-port", {"port": "io"}), "instruments", "link.missing"),
    (("other-firmware", {"mode": "performance"}), "firmware", "dut.wrong-mode"),
    (("other-firmware", {"workload": "kws01"}), "firmware", "dut.wrong-model"),
    (("dropped-samples", {"infer": 0, "delay_s": 0.01}), "window", "samples.gap"),
    (("error-answer", {"command": "freq"}), "settings", "lpm01a.refused"),
    (("brown-out", {"infer": 0, "delay_s": 0.01}), "window", "dut.reset"),
    (("overcurrent-stop", {"infer": 0, "delay_s": 0.01}), "window", "bench.current"),
]


@pytest.mark.parametrize(("fault", "step", "code"), PLANTED, ids=[str(plant[0]) for plant in PLANTED])
def test_a_planted_fault_is_found_by_name(examine, fault, step, code):
    report = examine(virtual(faults=[fault]))
    assert code in found(report).get(step, []), found(report)
    assert set(found(report)) == {step}
    remark = next(remark for remark in report.remarks if remark.code == code)
    assert len(remark.hint) > 20
    assert report.exit_status == (3 if report.status is Status.FAILED else 0)


def test_a_timestamp_wire_that_only_the_io_manager_lacks_does_not_matter(examine):
    report = examine(virtual(faults=[("open-timestamp", {"at": "io"})]))
    assert found(report) == {}
    assert "0 at the IO manager" in report.steps["timestamp"].evidence[0]


@pytest.mark.parametrize("baud", [19200, 57600, 921600])
def test_a_wrong_baud_rate_is_named_with_the_one_that_works_and_the_rest_is_examined_with_it(examine, baud):
    report = examine(direct(faults=[("wrong-baud", {"baud": baud})]))
    assert found(report) == {"power": ["uart.baud"]}
    assert f"came at {baud}" in report.remarks[0].message
    assert report.steps["window"].status is Status.OK


@pytest.mark.parametrize(
    ("fault", "code"), [("silent-dut", "uart.silent"), ("missing-ground", "uart.garbled")]
)
def test_a_dut_that_no_baud_rate_helps_is_told_with_all_that_were_tried(examine, fault, code):
    report = examine(direct(faults=[fault]))
    assert found(report) == {"power": [code]}
    assert "9600, 19200, 38400, 57600, 115200, 921600 baud" in report.remarks[0].message


def test_a_back_powered_dut_is_found_on_a_port_of_its_own_too(examine):
    assert found(examine(direct(faults=["back-powered"]))) == {"unpowered": ["power.back-powered"]}


def test_a_monitor_s_clock_that_is_far_off_is_a_wrong_time_base(examine):
    assert found(examine(virtual(ppm=100_000.0))) == {"idle": ["monitor.time-base"]}


def test_samples_lost_before_the_first_window_are_told_by_the_step_in_which_they_were(examine):
    report = examine(virtual(faults=[("dropped-samples", {"at_s": 8.0, "count": 50})]))
    assert found(report) == {"idle": ["samples.gap"]}


def test_what_comes_after_a_failure_that_ends_it_is_skipped_and_the_disk_is_not(examine):
    report = examine(virtual(faults=["open-supply"]))
    states = {name: step.status for name, step in report.steps.items()}
    assert {states[name] for name in ("firmware", "timestamp", "idle", "window")} == {Status.SKIPPED}
    assert (states["off"], states["disk"]) == (Status.OK, Status.OK)


def test_a_supply_that_does_not_switch_off_is_an_error_at_the_end(examine, monkeypatch):
    original, calls = Lpm01a.off, []

    def failing(self):
        original(self)
        calls.append(1)
        if len(calls) > 1:  # the first is before power-on
            raise BenchError("lpm01a.off-unconfirmed", "planted", "planted")

    monkeypatch.setattr(Lpm01a, "off", failing)
    report = examine(virtual())
    assert found(report) == {"off": ["lpm01a.off-unconfirmed", "supply.may-be-on"]}
    assert report.exit_status == 5


def test_ctrl_c_leaves_the_supply_off(examine, watcher, monkeypatch):
    def interrupted(visit, step):
        assert watcher.worlds[-1].world.supply.on
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor.steps, "check_idle", interrupted)
    with pytest.raises(KeyboardInterrupt):
        examine(virtual())
    assert watcher.states[-1]["supply_on"] is False


def test_a_bench_without_a_monitor_is_examined_in_performance_mode(examine):
    bench = document()
    del bench["io_manager"], bench["monitor"]
    report = examine(bench_of(bench, "performance"))
    assert found(report) == {}
    assert "performance mode" in report.steps["power"].evidence[0]
    assert report.steps["idle"].status is Status.SKIPPED
    rate = re.search(r"([\d.]+) inf/s", report.steps["window"].evidence[-1])[1]
    assert float(rate) == pytest.approx(190.086, rel=0.02)  # the board's published throughput


@pytest.mark.parametrize("driver", ["ppk2", "joulescope", "keithley-2461", "keithley-2450", "keysight-n6705"])
def test_a_bench_with_another_monitor_is_examined_to_its_first_window(examine, driver):
    needs(driver)
    report = examine(of(driver))
    assert found(report) == {}
    assert report.steps["window"].status is Status.OK


@pytest.mark.parametrize("driver", ["ppk2", "joulescope"])
def test_a_pin_that_idles_low_is_told_where_the_monitor_samples_it(examine, driver):
    needs(driver)
    assert "timestamp.inverted" in found(examine(of(driver, "inverted-pin")))["timestamp"]


def test_a_pulse_of_hardly_one_sample_is_told_where_the_monitor_samples_it(examine):
    needs("ppk2")
    report = examine(of("ppk2", ("short-pulse", {"every": True, "width_s": 15e-6})))
    assert "timestamp.short-pulse" in found(report)["timestamp"]


def test_a_short_circuit_that_the_monitor_lets_pass_is_stopped_by_the_bench_s_limit(examine):
    needs("ppk2")
    assert found(examine(of("ppk2", "short-circuit"))) == {"power": ["power.short-circuit"]}


def test_a_silent_dut_is_not_called_powered_where_nobody_measures_its_current(examine):
    needs("keithley-2461")
    assert found(examine(of("keithley-2461", "silent-dut"))) == {"power": ["dut.silent"]}


def test_every_cause_is_given_somewhere_and_is_in_the_documentation():
    page = (ROOT / "docs/how-to/doctor.md").read_text(encoding="utf-8")
    rooms = [path.read_text(encoding="utf-8") for path in Path(doctor.__file__).parent.glob("*.py")]
    given = set(re.findall(r'"([a-z]+\.[a-z-]+)"', "\n".join(rooms)))
    assert set(CAUSES) <= given
    assert [code for code in CAUSES if f"`{code}`" not in page] == []
