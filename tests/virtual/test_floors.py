"""A DUT idles, sleeps and wakes up, by command, by itself, by a byte: energies are the closed form's."""

from __future__ import annotations

import pytest

from drivers.virtual.bench import VirtualBench
from drivers.virtual.boards import board_names, load_board
from drivers.virtual.truth import Point, idle_w, operating_point, pre_processing, sleep_w, state_w, wake_up
from energy.errors import UsageError
from tests.virtual.host import Host

BOARDS = [name for name in board_names() if load_board(name).workloads]


@pytest.fixture
def make():
    """Makes a bench with a DUT on a port of its own, and a host on it that has seen it boot."""
    opened = []

    def build(voltage_v=None, boot=True, **options):
        bench = VirtualBench(**{"workload": "kws01", "monitor": None, "baud_model": False, **options})
        host = Host(bench.urls["dut"], bench.clock, bench.dut.baud)
        opened.extend((host, bench))
        bench.world.supply.voltage_v = voltage_v or bench.board.voltage_v
        if boot:
            host.until("m-ready")
        return bench, host

    yield build
    for thing in opened:
        thing.close()


def energy_j(bench, start_s, stop_s):
    return bench.world.handle({"op": "truth", "start_s": start_s, "stop_s": stop_s})["energy_j"]


def window(bench, host, command):
    """True energy and duration between the last two marks of a command, without the hold of the first."""
    lines = host.ask(command)
    start, stop = bench.world.handle({"op": "edges"})["falling_s"][-2:]
    return energy_j(bench, start + bench.board.hold_s, stop), stop - start - bench.board.hold_s, lines


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("rise", [1.0, 1.2])
def test_idle_sleep_and_wake_up_are_windows_of_their_own(make, name, rise):
    at = Point(rise * load_board(name).voltage_v, 0.5 * load_board(name).clock_hz, 40.0)
    bench, host = make(at.voltage_v, board=name, clock_hz=at.clock_hz, temperature_c=at.temperature_c)
    found_j, duration_s, lines = window(bench, host, "idle 2500%")
    assert lines == ["m-idle-start-2500", "m-idle-count-1", "m-idle-done", "m-ready"]
    assert (found_j, duration_s) == pytest.approx((2.5 * idle_w(name, at), 2.5), rel=1e-9)
    wake = wake_up(name, at)
    for duration_ms, count in ((2000, 1), (200, 10), (2000, 3)):
        found_j, duration_s, lines = window(bench, host, f"sleep {duration_ms} {count}%")
        assert lines[-2:] == ["m-sleep-done", "m-ready"]
        asleep_s = duration_ms * 1e-3 * count
        assert found_j == pytest.approx(asleep_s * sleep_w(name, at) + count * wake.energy_j, rel=1e-9)
        assert duration_s == pytest.approx(asleep_s + count * wake.duration_s, abs=2e-9)


@pytest.mark.parametrize("command", ["idle", "idle 0", "sleep 0", "sleep 5 0", "sleep -1"])
def test_what_cannot_be_slept_is_refused(make, command):
    _, host = make()
    (error, ready) = host.ask(f"{command}%")
    assert error == f"e-[Command '{command.split()[0]}' requires milliseconds and a count, >0]"
    assert ready == "m-ready"


def test_put_to_sleep_it_sleeps_when_its_answer_is_through_until_a_byte_comes(make):
    bench, host = make(board="NUCLEO-L4R5ZI", baud_model=True)
    assert host.ask("sleep%") == ["m-sleep", "m-ready"]
    assert bench.world.handle({"op": "state"})["dut"] == "sleep"
    asleep, answer_s = bench.clock.now(), len("m-sleep\r\nm-ready\r\n") * 10 / 9600
    awake_j = answer_s * idle_w("NUCLEO-L4R5ZI")
    assert energy_j(bench, asleep - answer_s, asleep) == pytest.approx(awake_j, rel=1e-5)
    bench.clock.sleep(100.0)
    assert energy_j(bench, asleep, asleep + 100.0) == pytest.approx(
        100.0 * sleep_w("NUCLEO-L4R5ZI"), rel=1e-9
    )
    assert host.ask("name%") == ["m-name-dut-[stm]", "m-ready"]
    awake, wake = bench.clock.now(), wake_up("NUCLEO-L4R5ZI")
    # The wake-up lasts longer than the five bytes; the answer, of 25 bytes, is sent idle.
    rest_s = awake - asleep - 100.0 - wake.duration_s
    assert rest_s == pytest.approx(27 * 10 / 9600, rel=1e-4)
    expected = wake.energy_j + rest_s * idle_w("NUCLEO-L4R5ZI")
    assert energy_j(bench, asleep + 100.0, awake) == pytest.approx(expected, rel=1e-6)
    bench.clock.sleep(10.0)
    assert bench.world.handle({"op": "state"})["dut"] == "idle"  # it sleeps on command only


def test_a_command_longer_than_the_wake_up_is_received_to_its_end(make):
    bench, host = make(board="NUCLEO-L4R5ZI", baud_model=True)
    host.ask("sleep%")
    bench.clock.sleep(1.0)
    begun = bench.clock.now()
    host.write(b"db load 0000000000000000000000000010%")
    bench.clock.sleep(0.030)  # 36 bytes take 37.5 ms, the wake-up 12 ms
    assert bench.world.handle({"op": "state"})["dut"] == "receive"
    wake = wake_up("NUCLEO-L4R5ZI")
    expected = wake.energy_j + (0.030 - wake.duration_s) * state_w("NUCLEO-L4R5ZI", "receive")
    assert energy_j(bench, begun, begun + 0.030) == pytest.approx(expected, rel=1e-6)
    assert host.until("m-ready") == ["m-[Expecting 10 bytes]", "m-ready"]


def test_asleep_no_voltage_is_too_low_and_awake_again_it_hangs(make):
    bench, host = make(board="NUCLEO-L4R5ZI")
    host.ask("sleep%")
    bench.world.supply.voltage_v = 1.2  # too low for 120 MHz, but the clock stands still
    bench.clock.sleep(5.0)
    assert bench.world.handle({"op": "state"})["dut"] == "sleep"
    host.write(b"name%")
    assert host.quiet(1.0) == b""
    assert bench.world.handle({"op": "state"})["dut"] == "hung"


def test_a_dut_that_measures_by_itself_sleeps_between_its_windows(make):
    bench, host = make(boot=False, board="NUCLEO-U575ZI-Q", autorun=(20, 30.0, "sleep"))
    bench.clock.sleep(200.0)
    host.quiet(0.0)
    edges = bench.world.handle({"op": "edges"})["falling_s"][1:]
    begun, again = edges[0], edges[2]  # from the start of a window to the start of the next
    board, at = "NUCLEO-U575ZI-Q", Point()
    first, second = (operating_point(board, "kws01", at, deviation=bench.board.scatter[k]) for k in (0, 1))
    held_j = 2 * bench.board.hold_s * state_w(board, "load")
    expected = 20 * first.energy_j + 30.0 * sleep_w(board) + wake_up(board).energy_j
    expected += held_j + pre_processing(board).energy_j + second.energy_j  # and one to warm up
    assert energy_j(bench, begun, again) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("given", [(20,), (20, 1.0, "rest"), (2.5, 1.0), ("20", 1.0)])
def test_an_autorun_that_is_none_is_refused(given):
    with pytest.raises(UsageError, match="autorun is"):
        VirtualBench(monitor=None, autorun=given)
