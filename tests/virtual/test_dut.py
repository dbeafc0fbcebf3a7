from __future__ import annotations

import pytest

from drivers.dut.twin.firmware import HELP
from drivers.virtual.bench import VirtualBench
from tests.virtual.host import Host

BYTE_S = 10 / 9600
"""8N1 at 9600 baud: start bit, 8 bits, stop bit."""


@pytest.fixture
def make():
    """Makes a bench with a powered DUT on a port of its own, and a host on it that has seen it boot."""
    opened = []

    def build(mode="energy", workload="kws01", boot=True, **options):
        bench = VirtualBench(workload=workload, mode=mode, monitor=None, **options)
        host = Host(bench.urls["dut"], bench.clock, bench.dut.baud)
        opened.extend((host, bench))
        if boot:
            host.until("m-ready")
        return bench, host

    yield build
    for thing in opened:
        thing.close()


def test_it_boots_in_energy_mode_with_one_extra_edge(make):
    bench, host = make(boot=False)
    assert host.until("m-ready") == ["m-timestamp-mode-energy", "m-init-done", "m-ready"]
    (edge,) = bench.world.handle({"op": "edges"})["falling_s"]
    assert edge == pytest.approx(0.237)


def test_it_boots_in_performance_mode_with_a_lap(make):
    bench, host = make("performance", boot=False)
    lines = host.until("m-ready")
    assert lines == ["m-timestamp-mode-performance", "m-lap-us-237000", "m-init-done", "m-ready"]
    assert bench.world.falling_ns == []


def test_infer_in_performance_mode_says_the_quoted_lines(make):
    _, host = make("performance")
    lines = host.ask("infer 70 10%")
    first, second = (int(line.removeprefix("m-lap-us-")) for line in lines[3:5])
    assert lines[:3] == ["m-warmup-start-10", "m-warmup-done", "m-infer-start-70"]
    assert lines[5] == "m-infer-done"
    assert lines[6].startswith("m-results-[")
    assert lines[6].endswith("]")
    assert len(lines[6].split(",")) == 12
    assert lines[7:] == ["m-ready"]
    assert second - first == pytest.approx(70 / 23.155 * 1e6, abs=2)


def test_infer_in_energy_mode_is_the_same_without_laps_and_makes_two_edges(make):
    bench, host = make()
    lines = host.ask("infer 70 0%")
    assert lines[:4] == ["m-warmup-start-0", "m-warmup-done", "m-infer-start-70", "m-infer-done"]
    assert len(lines) == 6
    _, start, stop = bench.world.handle({"op": "edges"})["falling_s"]
    assert stop - start == pytest.approx(0.001 + 70 / 23.155, rel=1e-8)  # the pin is held low for 1 ms


def test_the_true_energy_of_a_window_is_that_of_the_published_result(make):
    bench, host = make()
    host.ask("infer 300 1%")
    _, start, stop = bench.world.handle({"op": "edges"})["falling_s"]
    truth = bench.world.handle({"op": "truth", "start_s": start, "stop_s": stop})["energy_j"]
    held = 0.001 * 0.0163
    assert truth == pytest.approx(300 * 1820.454e-6 * 1.0004 + held, rel=1e-9)  # first of the board's scatter


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("name%", ["m-name-dut-[stm]"]),
        ("profile%", ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[kws01]"]),
        ("help%", list(HELP)),
        ("timestamp%", []),
        ("db load 490%", ["m-[Expecting 490 bytes]"]),
        ("db load%", ["e-[Command 'db load' requires the # of bytes]"]),
        ("db load 0%", ["e-[Command 'db load' must be >0 bytes]"]),
        ("db load 491%", ["Supplied buffer size 491 exceeds maximum of 490"]),
        ("db abc%", ["e-[Insufficent number of hex digits]"]),
        ("db abxy%", ["e-[Invalid hex digit 'xy']"]),
        ("db%", ["e-[Command 'db' requires a subcommand]"]),
        ("infer 0%", ["e-[Inference iterations must be >0]"]),
        ("infer 5 -1%", ["e-[Inference warmup must be >=0]"]),
        ("nonsense 1 2%", ["e-[Unknown command: nonsense]"]),
        ("\r\nname%", ["e-[Unknown command: ", "name]"]),
    ],
)
def test_commands_answer_as_the_protocol_says(make, command, lines):
    _, host = make()
    assert host.ask(command) == [*lines, "m-ready"]


def test_a_too_large_load_ends_with_a_bare_line_feed(make):
    _, host = make()
    host.write(b"db load 491%")
    assert host.quiet(0.5) == b"Supplied buffer size 491 exceeds maximum of 490\nm-ready\r\n"


def test_a_load_is_done_with_its_last_byte_and_prints_back(make):
    _, host = make()
    host.ask("db load 10%")
    assert host.ask("db 00112233445566%") == ["m-ready"]
    assert host.ask("db 778899AAbbcc%") == ["m-load-done", "m-ready"]  # the extra digits are disregarded
    assert host.ask("db print%") == ["m-buffer-00-11-22-33-44-55-66-77", "m-buffer-88-99", "", "m-ready"]


def test_the_default_warm_up_is_ten_though_the_help_says_none(make):
    _, host = make()
    assert host.ask("infer 1%")[0] == "m-warmup-start-10"


def test_results_depend_on_the_input_alone_and_come_again_on_request(make):
    _, host = make()
    host.ask("db load 2%")
    host.ask("db 0102%")
    first = host.ask("infer 1 0%")[-2]
    assert host.ask("results%") == [first, "m-ready"]
    host.ask("db load 2%")
    host.ask("db 0103%")
    assert host.ask("infer 1 0%")[-2] != first


def test_anomaly_detection_answers_one_number(make):
    _, host = make(workload="ad01")
    line = host.ask("infer 10 0%")[-2]
    float(line.removeprefix("m-results-[").removesuffix("]"))


def test_only_eighty_characters_of_a_command_count(make):
    _, host = make()
    host.ask("db load 100%")
    assert host.ask("db " + "ab" * 38 + "%") == ["m-ready"]
    assert host.ask("name " + "x" * 200 + "%") == ["m-name-dut-[stm]", "m-ready"]


def test_an_empty_command_hangs_the_firmware_until_a_reset(make):
    bench, host = make()
    host.write(b"%")
    host.write(b"name%")
    assert host.quiet(1.0) == b""
    bench.dut.reset()
    assert host.until("m-ready")[0] == "m-timestamp-mode-energy"
    assert host.ask("name%") == ["m-name-dut-[stm]", "m-ready"]


def test_commands_before_the_end_of_initialisation_are_dropped(make):
    _, host = make(boot=False)
    host.write(b"name%")
    assert host.until("m-ready") == ["m-timestamp-mode-energy", "m-init-done", "m-ready"]
    assert host.quiet(0.5) == b""


def test_bytes_take_their_time_at_9600_baud_both_ways(make):
    bench, host = make()
    begin = bench.clock.now()
    host.ask("name%")
    took = bench.clock.now() - begin
    assert took == pytest.approx((len("name%") + len("m-name-dut-[stm]\r\nm-ready\r\n")) * BYTE_S, rel=1e-6)


def test_without_the_baud_model_answers_come_at_once(make):
    bench, host = make(baud_model=False)
    begin = bench.clock.now()
    host.ask("name%")
    assert bench.clock.now() == begin


def test_a_host_at_the_wrong_baud_gets_and_sends_garbage(make):
    bench, host = make()
    host.port.baudrate = 115200
    host.write(b"name%")
    assert host.quiet(0.5) == b""  # nothing that the DUT could read as a command
    bench.dut.reset()
    heard = host.quiet(1.0)
    assert len(heard) == len(b"m-timestamp-mode-energy\r\nm-init-done\r\nm-ready\r\n")
    assert min(heard) >= 0x80


def test_a_reset_in_mid_window_ends_it_and_boots_again(make):
    bench, host = make(faults=[("brown-out", {"infer": 0, "delay_s": 2.0})])
    lines = host.ask("infer 300 1%", last="m-init-done")
    assert "m-infer-done" not in lines
    assert lines[-2:] == ["m-timestamp-mode-energy", "m-init-done"]
    _, start, again = bench.world.handle({"op": "edges"})["falling_s"]
    assert again - start == pytest.approx(2.0 + 0.237)


def test_states_and_sleep_show_in_the_power(make):
    bench, host = make(board="NUCLEO-U575ZI-Q")
    state = bench.world.handle({"op": "state"})
    assert (state["dut"], state["power_w"]) == ("idle", pytest.approx(0.0049))
    bench.clock.sleep(1.0)
    state = bench.world.handle({"op": "state"})
    assert (state["dut"], state["power_w"]) == ("sleep", pytest.approx(0.0003))
    host.ask("name%")
    assert bench.world.handle({"op": "state"})["dut"] == "idle"


def test_the_supply_switched_off_leaves_nothing_drawn_and_nothing_said(make):
    bench, host = make()
    host.write(b"infer 300 1%")
    bench.clock.sleep(1.0)
    bench.world.supply.switch(False)
    host.quiet(1.0)
    state = bench.world.handle({"op": "state"})
    assert (state["supply_on"], state["dut"], state["power_w"]) == (False, "off", 0.0)
    assert state["supply_off_at"] == pytest.approx(bench.clock.now() - 1.0)
