"""Boards at other voltages, clocks and temperatures: closed form, world, and the formulas by hand."""

from __future__ import annotations

import math
import tomllib
from importlib import resources

import numpy as np
import pytest

from drivers.dut.twin.answers import corrupted
from drivers.virtual.bench import VirtualBench
from drivers.virtual.boards import board_names, load_board
from drivers.virtual.timeline import Pattern, Timeline
from drivers.virtual.truth import (
    Point,
    idle_w,
    operating_point,
    post_processing,
    pre_processing,
    sleep_w,
    state_w,
    true_layers,
    wake_up,
)
from energy.errors import UsageError
from tests.virtual.host import Host

PUBLISHED = [(name, workload) for name in board_names() for workload in load_board(name).workloads]


def described(name):
    """A board's TOML file, read without the code under test."""
    for file in resources.files("drivers.virtual.boards").iterdir():
        if file.name.endswith(".toml"):
            table = tomllib.loads(file.read_text(encoding="utf-8"))
            if table["name"] == name:
                return table
    raise AssertionError(name)


def by_hand(name, workload, voltage_v, clock_hz, temperature_c):
    """Energy, power and throughput, from the TOML file and the formulas in the docstring of silicon.py."""
    table = described(name)
    silicon, published = table["invented"]["silicon"], table["workloads"][workload]
    v0, f0 = table["voltage_v"], table["clock_hz"]
    published_w = published["energy_uj"] * 1e-6 * published["throughput_ips"]
    capacitance = (published_w - v0 * (silicon["leakage_a"] + silicon["constant_a"])) / (v0**2 * f0)
    leakage_a = (
        silicon["leakage_a"]
        * math.exp((voltage_v - v0) / silicon["leakage_rise_v"])
        * 2 ** ((temperature_c - 25) / silicon["leakage_doubling_k"])
    )
    power_w = capacitance * voltage_v**2 * clock_hz + voltage_v * (leakage_a + silicon["constant_a"])
    wait = silicon["memory_wait"]
    duration_s = (wait + (1 - wait) * f0 / clock_hz) / published["throughput_ips"]
    return power_w * duration_s, power_w, 1 / duration_s


@pytest.mark.parametrize(("name", "workload"), PUBLISHED)
def test_at_the_published_point_time_and_energy_are_the_published_ones(name, workload):
    published = described(name)["workloads"][workload]
    board = load_board(name)
    truth = operating_point(board, workload)
    assert truth.energy_j == pytest.approx(published["energy_uj"] * 1e-6, rel=1e-15)
    assert board.inference(workload).period_ns == round(1e9 / published["throughput_ips"])
    assert truth.outcome == "runs"
    stated = Point(described(name)["voltage_v"], described(name)["clock_hz"], 25.0)
    assert operating_point(board, workload, stated) == truth


@pytest.mark.parametrize(("name", "workload"), PUBLISHED)
@pytest.mark.parametrize("voltage_v", [0.9, 1.2])
@pytest.mark.parametrize("clock", [0.25, 1.1])
@pytest.mark.parametrize("temperature_c", [-20.0, 85.0])
def test_elsewhere_they_are_those_of_the_formulas(name, workload, voltage_v, clock, temperature_c):
    table = described(name)
    voltage_v, clock_hz = voltage_v * table["voltage_v"], clock * table["clock_hz"]
    truth = operating_point(name, workload, Point(voltage_v, clock_hz, temperature_c))
    energy_j, power_w, throughput_ips = by_hand(name, workload, voltage_v, clock_hz, temperature_c)
    assert truth.throughput_ips == pytest.approx(throughput_ips, rel=1e-5)  # whole nanoseconds
    assert truth.power_w == pytest.approx(power_w, rel=1e-5)
    # The energy at the published voltage is exact; what is added to it has a time of whole nanoseconds.
    assert truth.energy_j == pytest.approx(energy_j, rel=1e-6)
    parts_w = truth.dynamic_w + truth.leakage_w + truth.constant_w
    assert truth.power_w == pytest.approx(parts_w, rel=1e-12)
    assert truth.dynamic_w == pytest.approx(truth.capacitance_f * voltage_v**2 * clock_hz, rel=1e-12)


@pytest.mark.parametrize(("name", "workload"), PUBLISHED)
def test_the_best_clock_lies_inside_the_range_and_the_best_voltage_is_the_lowest(name, workload):
    board = load_board(name)
    low_hz, high_hz = board.silicon.clocks_hz
    clocks = np.geomspace(low_hz, high_hz, 41)
    volts = np.linspace(1.05 * board.voltage_v, 0.5 * board.voltage_v, 41)
    runs: dict[tuple[float, float], float] = {}
    for clock in clocks:
        for volt in volts:
            truth = operating_point(board, workload, Point(float(volt), float(clock)))
            if truth.outcome == "runs":
                runs[float(volt), float(clock)] = truth.energy_j
    at_published = {clock: energy for (volt, clock), energy in runs.items() if volt == volts[0]}
    best = min(at_published, key=at_published.__getitem__)
    assert min(at_published) < best < max(at_published)
    best_v, best_hz = min(runs, key=runs.__getitem__)
    assert best_v == min(volt for volt, clock in runs if clock == best_hz)


@pytest.mark.parametrize(("name", "workload"), PUBLISHED)
@pytest.mark.parametrize("at", [Point(), Point(2.4, 150e6, 60.0)])
def test_layers_add_up_to_the_inference(name, workload, at):
    truth, layers = operating_point(name, workload, at), true_layers(name, workload, at)
    assert sum(layer.energy_j for layer in layers) == pytest.approx(truth.energy_j, rel=1e-12)
    assert sum(layer.duration_s for layer in layers) == pytest.approx(1 / truth.throughput_ips, rel=1e-12)
    assert len({layer.energy_j for layer in layers}) > 1


@pytest.mark.parametrize("workload", ["ad01", "ic01", "kws01", "vww01"])
def test_layers_cost_what_their_operators_state(workload):
    operators = described("NUCLEO-L4R5ZI")["invented"]["operators"]
    layers = true_layers("NUCLEO-L4R5ZI", workload)
    units = [operators[layer.layer.operator] for layer in layers]
    times = [
        unit["once"] + unit["per_mac"] * layer.layer.macs for unit, layer in zip(units, layers, strict=True)
    ]
    energies = [
        unit["once"] + unit["per_mac"] * layer.layer.macs * unit["level"]
        for unit, layer in zip(units, layers, strict=True)
    ]
    whole = operating_point("NUCLEO-L4R5ZI", workload)
    for layer, time, energy in zip(layers, times, energies, strict=True):
        assert layer.duration_s == pytest.approx(time / sum(times) / whole.throughput_ips, abs=1e-9)
        # Bounds of whole nanoseconds move up to 1 ns of a layer's power.
        expected_j = energy / sum(energies) * whole.energy_j
        assert layer.energy_j == pytest.approx(expected_j, abs=2e-9 * whole.power_w)


def test_idle_and_sleep_follow_voltage_clock_and_temperature():
    table = described("NUCLEO-U575ZI-Q")["invented"]
    silicon, at = table["silicon"], Point(2.5, 80e6, 47.0)
    leaks = math.exp(0.7 / silicon["leakage_rise_v"]) * 4.0  # 22 degC more, 11 degC for the double
    static_w = 1.8 * (silicon["leakage_a"] + silicon["constant_a"])
    idle = (table["idle_w"] - static_w) * (2.5 / 1.8) ** 2 * 0.5
    idle += 2.5 * (silicon["leakage_a"] * leaks + silicon["constant_a"])
    assert idle_w("NUCLEO-U575ZI-Q", at) == pytest.approx(idle, rel=1e-12)
    asleep_a = table["sleep_w"] / 1.8
    share = silicon["sleep_leakage"]
    asleep = 2.5 * asleep_a * (share * leaks + 1 - share)
    assert sleep_w("NUCLEO-U575ZI-Q", at) == pytest.approx(asleep, rel=1e-12)
    assert state_w("NUCLEO-U575ZI-Q", "boot") == pytest.approx(table["boot_w"], rel=1e-12)
    assert wake_up("NUCLEO-U575ZI-Q").energy_j == pytest.approx(table["wake_s"] * table["wake_w"], rel=1e-12)
    assert pre_processing("NUCLEO-U575ZI-Q").energy_j == pytest.approx(table["load_s"] * table["load_w"])
    slow = silicon["memory_wait"] + 2 * (1 - silicon["memory_wait"])
    assert post_processing("NUCLEO-U575ZI-Q", at).duration_s == pytest.approx(slow * table["post_s"])


@pytest.mark.parametrize(
    ("voltage_v", "outcome"),
    [(1.46, "runs"), (1.455, "wrong"), (1.39, "wrong"), (1.37, "hangs"), (1.0, "hangs")],
)
def test_below_the_lowest_voltage_of_a_clock_it_computes_wrongly_and_further_below_it_hangs(
    voltage_v, outcome
):
    assert operating_point("NUCLEO-L4R5ZI", "kws01", Point(voltage_v)).outcome == outcome
    # Between two points of the table the lowest voltage is interpolated: 1.39 V at 100 MHz.
    assert operating_point("NUCLEO-L4R5ZI", "kws01", Point(1.391, 100e6)).outcome == "runs"
    assert operating_point("NUCLEO-L4R5ZI", "kws01", Point(1.389, 100e6)).outcome == "wrong"


@pytest.mark.parametrize("clock_hz", [1e6, 1e9, math.nan])
def test_a_clock_that_a_board_does_not_have_is_refused(clock_hz):
    with pytest.raises(UsageError, match="from 4 to 200 MHz"):
        operating_point("NUCLEO-L4R5ZI", "kws01", Point(clock_hz=clock_hz))
    with pytest.raises(UsageError, match="a fixed clock"):
        load_board("native").checked_clock(100e6)


@pytest.mark.parametrize(("since_ns", "later"), [(0, 10), (7, 10), (1234, 5), (3, 1)])
def test_a_stretch_may_begin_in_the_middle_of_its_pattern(since_ns, later):
    pattern = Pattern([(3, 5), (4, 11), (2, 1)])
    whole, cut = Timeline(), Timeline()
    whole.set(0, pattern)
    cut.set(0, Pattern.constant(1e-3))
    cut.set(later, pattern, since_ns)
    for stop in range(later, later + 30):
        expected = whole.energy_j(since_ns, since_ns + stop - later)
        assert cut.energy_j(later, stop) == expected
    bounds = np.arange(later, later + 30, dtype=np.float64)
    expected = [float(cut.energy_j(int(a), int(a) + 1)) for a in bounds[:-1]]
    np.testing.assert_allclose(cut.energies_j(0, bounds), expected, rtol=1e-9)
    assert cut.power_w(later) == pattern.power_pw(since_ns) * 1e-12


@pytest.fixture
def make():
    """Makes a bench with a powered DUT on a port of its own, and a host on it that has seen it boot."""
    opened = []

    def build(boot=True, **options):
        bench = VirtualBench(**{"workload": "kws01", "monitor": None, "baud_model": False, **options})
        host = Host(bench.urls["dut"], bench.clock, bench.dut.baud)
        opened.extend((host, bench))
        if boot:
            host.until("m-ready")
        return bench, host

    yield build
    for thing in opened:
        thing.close()


def energy_j(bench, start_s, stop_s):
    return bench.world.handle({"op": "truth", "start_s": start_s, "stop_s": stop_s})["energy_j"]


def window_j(bench, host, command):
    """The true energy between the last two marks of a command, without the hold of the first."""
    host.ask(command)
    start, stop = bench.world.handle({"op": "edges"})["falling_s"][-2:]
    return energy_j(bench, start + bench.board.hold_s, stop), stop - start - bench.board.hold_s


@pytest.mark.parametrize(("name", "workload"), PUBLISHED)
@pytest.mark.parametrize(("voltage", "clock", "temperature_c"), [(1.0, 1.0, 25.0), (1.2, 0.5, 50.0)])
def test_the_world_needs_the_energy_of_the_closed_form(make, name, workload, voltage, clock, temperature_c):
    board = load_board(name)
    at = Point(voltage * board.voltage_v, clock * board.clock_hz, temperature_c)
    bench, host = make(
        boot=False, board=name, workload=workload, clock_hz=at.clock_hz, temperature_c=temperature_c
    )
    bench.world.supply.voltage_v = at.voltage_v
    host.until("m-ready")
    for deviation in (board.scatter[0], board.scatter[1]):
        truth = operating_point(board, workload, at, deviation=deviation)
        found_j, duration_s = window_j(bench, host, "infer 20 1%")
        assert found_j == pytest.approx(20 * truth.energy_j, rel=1e-9)
        assert duration_s == pytest.approx(20 / truth.throughput_ips, abs=2e-9)


def test_the_world_integrated_numerically_has_the_energy_of_every_layer(make):
    at = Point(2.2, 96e6, 40.0)
    bench, host = make(boot=False, clock_hz=at.clock_hz, temperature_c=at.temperature_c)
    bench.world.supply.voltage_v = at.voltage_v
    host.until("m-ready")
    host.ask("infer 1 0%")
    start, stop = (round(t * 1e9) for t in bench.world.handle({"op": "edges"})["falling_s"][-2:])
    times = np.arange(start + 1_000_000, stop, 200)
    powers_w = np.array([bench.world.timeline.power_w(int(t)) for t in times])
    whole = operating_point("NUCLEO-L4R5ZI", "kws01", at, deviation=bench.board.scatter[0])
    assert np.sum(powers_w) * 200e-9 == pytest.approx(whole.energy_j, rel=1e-5)
    begin = 0.0
    for layer in true_layers("NUCLEO-L4R5ZI", "kws01", at, deviation=bench.board.scatter[0]):
        since_s = (times - times[0]) * 1e-9
        inside = (since_s >= begin) & (since_s < begin + layer.duration_s)
        # Its bounds lie within 200 ns of a sample of power.
        slack_j = 400e-9 * whole.power_w
        assert np.sum(powers_w[inside]) * 200e-9 == pytest.approx(layer.energy_j, abs=slack_j)
        begin += layer.duration_s


@pytest.mark.parametrize("index", [0, 1, 9, 11])
def test_a_layer_alone_needs_what_it_needs_in_the_inference(make, index):
    at = Point(2.2, 96e6)
    bench, host = make(boot=False, clock_hz=at.clock_hz)
    bench.world.supply.voltage_v = at.voltage_v
    host.until("m-ready")
    found_j, duration_s = window_j(bench, host, f"layer {index} 50%")
    layer = true_layers("NUCLEO-L4R5ZI", "kws01", at)[index]
    assert found_j == pytest.approx(50 * layer.energy_j, rel=1e-9)
    assert duration_s == pytest.approx(50 * layer.duration_s, abs=2e-9)


def test_layers_are_listed_and_a_wrong_one_is_refused(make):
    _, host = make()
    lines = host.ask("profile layers%")
    assert lines[2:5] == [
        "m-layers-[12]",
        "m-layer-[0,CONV_2D,320000,2816]",
        "m-layer-[1,DEPTHWISE_CONV_2D,72000,832]",
    ]
    assert host.ask("layer 3 20%")[:3] == ["m-layer-start-3", "m-layer-iterations-20", "m-layer-done"]
    assert host.ask("layer 12 20%") == ["e-[No layer 12: the last is 11]", "m-ready"]
    assert host.ask("layer 1%")[0].startswith("e-[Command 'layer' requires")
    assert host.ask("layer 1 0%") == ["e-[Layer iterations must be >0]", "m-ready"]


def test_a_supply_that_changes_in_an_inference_changes_the_power_at_once(make):
    bench, host = make()
    host.write(b"infer 1000 0%")
    bench.clock.sleep(3.0)
    low = bench.clock.now()
    bench.world.supply.voltage_v = 1.7
    bench.clock.sleep(5.0)
    sag = bench.clock.now()
    bench.world.supply.sag_v = 0.05
    bench.clock.sleep(5.0)
    warm = bench.clock.now()
    bench.world.handle({"op": "set", "temperature_c": 61.0})
    bench.clock.sleep(5.0)
    spans = [(low, sag, Point(1.7)), (sag, warm, Point(1.65)), (warm, warm + 5.0, Point(1.65, None, 61.0))]
    for start_s, stop_s, at in spans:
        truth = operating_point("NUCLEO-L4R5ZI", "kws01", at, deviation=bench.board.scatter[0])
        # 116 inferences are not a whole number: less than one, of 7 % more or less power than the mean
        assert energy_j(bench, start_s, stop_s) / 5.0 == pytest.approx(truth.power_w, rel=6e-4)
    host.until("m-ready")
    start_s, stop_s = bench.world.handle({"op": "edges"})["falling_s"][-2:]
    assert stop_s - start_s == pytest.approx(0.001 + 1000 / 23.155, rel=1e-7)  # no phase was begun again


def test_a_change_of_the_voltage_keeps_the_phase_of_the_inference(make):
    """Down and up again at once: the power goes on as if nothing had happened."""
    (calm, one), (changed, other) = make(), make()
    for bench, host in ((calm, one), (changed, other)):
        host.write(b"infer 100 0%")
        bench.clock.sleep(1.2345)
    for volts in (1.7, 1.8):
        changed.world.supply.voltage_v = volts
    for bench in (calm, changed):
        bench.clock.sleep(2.0)
    now = calm.clock.now()
    assert energy_j(changed, 0.0, now) == energy_j(calm, 0.0, now)


def test_a_sleeping_dut_follows_the_temperature_and_sleeps_on(make):
    bench, _ = make(board="NUCLEO-U575ZI-Q")
    bench.clock.sleep(0.1)
    bench.world.temperature_c = 47.0  # awake still: it falls asleep at the planned time
    bench.clock.sleep(1.0)
    assert bench.world.handle({"op": "state"})["dut"] == "sleep"
    warm = Point(temperature_c=47.0)
    assert bench.world.timeline.power_w(bench.world.now_ns) == pytest.approx(sleep_w("NUCLEO-U575ZI-Q", warm))
    bench.world.temperature_c = 25.0
    assert bench.world.timeline.power_w(bench.world.now_ns) == pytest.approx(sleep_w("NUCLEO-U575ZI-Q"))
    assert bench.world.handle({"op": "state"})["dut"] == "sleep"


def test_a_byte_wakes_it_up_and_that_costs_the_energy_of_a_wake_up(make):
    bench, host = make(board="NUCLEO-U575ZI-Q", baud_model=True)
    bench.clock.sleep(1.0)
    before = bench.clock.now()
    assert host.ask("name%")[-1] == "m-ready"
    after = bench.clock.now()
    wake = wake_up("NUCLEO-U575ZI-Q")
    # Five bytes at 9600 baud are received within the 6 ms of the wake-up; then it is idle while it sends.
    assert wake.duration_s > 5 * 10 / 9600
    rest_j = (after - before - wake.duration_s) * idle_w("NUCLEO-U575ZI-Q")
    assert energy_j(bench, before, after) == pytest.approx(wake.energy_j + rest_j, rel=1e-6)


def test_the_clock_can_be_asked_and_set_and_a_reset_brings_the_old_one_back(make):
    bench, host = make()
    assert host.ask("clock%") == ["m-clock-[120000000]", "m-ready"]
    assert host.ask("clock 48000000%") == ["m-clock-[48000000]", "m-ready"]
    truth = operating_point("NUCLEO-L4R5ZI", "kws01", Point(clock_hz=48e6), deviation=bench.board.scatter[0])
    found_j, duration_s = window_j(bench, host, "infer 10 0%")
    assert (found_j, duration_s) == pytest.approx((10 * truth.energy_j, 10 / truth.throughput_ips), rel=1e-7)
    assert host.ask("clock 1%") == ["e-[Clock must be from 4000000 to 200000000]", "m-ready"]
    assert host.ask("clock%") == ["m-clock-[48000000]", "m-ready"]
    bench.dut.reset()
    host.until("m-ready")
    assert host.ask("clock%") == ["m-clock-[120000000]", "m-ready"]


def test_a_hook_sets_the_clock_for_good(make):
    bench, host = make()
    bench.world.handle({"op": "set", "clock_hz": 60e6})
    host.until("m-ready")  # it has been programmed, and boots
    bench.dut.reset()
    host.until("m-ready")
    assert host.ask("clock%") == ["m-clock-[60000000]", "m-ready"]
    with pytest.raises(UsageError, match="no-clock"):
        bench.world.handle({"op": "set", "clock_hz": 1.0})


def test_slightly_too_low_a_voltage_gives_wrong_scores_and_the_right_ones_come_back(make):
    bench, host = make()
    right = host.ask("infer 5 0%")[-2]
    bench.world.supply.voltage_v = 1.42
    wrong = host.ask("infer 5 0%")[-2]
    assert wrong == corrupted(right)
    assert wrong != right
    assert host.ask("results%")[0] == wrong
    bench.world.supply.voltage_v = 1.8
    assert host.ask("infer 5 0%")[-2] == right
    host.write(b"infer 50 0%")
    bench.clock.sleep(1.0)
    bench.world.supply.sag_v = 0.4  # for a moment, in the middle
    bench.world.supply.sag_v = 0.0
    assert host.until("m-ready")[-2] == wrong


@pytest.mark.parametrize("line", ["m-results-[0.1,0.7,0.2]", "m-results-[0.25,0.75]", "m-results-[8.125000]"])
def test_corrupted_scores_are_others(line):
    assert corrupted(line) != line
    assert corrupted(line).startswith("m-results-[")


def test_far_too_low_a_voltage_hangs_it_until_a_reset(make):
    bench, host = make()
    host.write(b"infer 100 0%")
    bench.clock.sleep(1.0)
    bench.world.supply.voltage_v = 1.3
    assert b"m-infer-done" not in host.quiet(10.0)
    assert bench.world.handle({"op": "state"})["dut"] == "hung"
    assert len(bench.world.falling_ns) == 2  # the boot's and the first of the window: none follows
    bench.world.supply.voltage_v = 1.8
    host.write(b"name%")
    assert host.quiet(1.0) == b""
    bench.dut.reset()
    host.until("m-ready")
    assert host.ask("name%") == ["m-name-dut-[stm]", "m-ready"]


def test_a_clock_that_is_too_high_for_the_voltage_hangs_it_without_an_answer(make):
    _, host = make()
    host.write(b"clock 200000000%")
    assert host.quiet(1.0) == b""
    host.write(b"name%")
    assert host.quiet(1.0) == b""


def test_at_far_too_low_a_voltage_it_does_not_finish_its_boot(make):
    bench, host = make(boot=False)
    bench.world.supply.voltage_v = 1.2
    assert host.quiet(1.0) == b""
    assert bench.world.handle({"op": "state"})["dut"] == "hung"
    slow, other = make(boot=False, clock_hz=48e6)
    slow.world.supply.voltage_v = 1.2
    assert other.until("m-ready")[-1] == "m-ready"


def test_the_lpm01a_is_as_warm_as_the_air_and_a_little_warmer():
    with VirtualBench(monitor="lpm01a", temperature_c=40.0) as bench:
        assert bench.monitor.temperature_c == 43.0
        bench.world.temperature_c = 10.0
        assert bench.monitor.temperature_c == 13.0
