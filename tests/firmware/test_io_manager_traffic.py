"""The IO manager in simavr under load: nothing lost in silence, and it recovers."""

from __future__ import annotations

import random

import pytest

from tests.firmware.uno_in_simavr import Uno, cycles

COMMANDS = 10_000
COMMAND = "db " + "5a" * 26
ALIVE = ["m-timestmp-mode-FALLING", "m-[Timer disabled after mode change]", "m-ready"]


@pytest.fixture
def uno():
    opened = Uno()
    yield opened
    opened.close()


def load(uno, commands, seed):
    """Has random bytes forwarded; every line that the host and the DUT read is checked."""
    random_ = random.Random(seed)
    count = 0

    def answer(command):
        nonlocal count
        count += 1
        assert command == wanted
        return b"m-load-done\r\nm-ready\r\n" if count % 7 == 0 else b"m-ready\r\n"

    uno.dut = answer
    for k in range(commands):
        wanted = "db " + random_.randbytes(random_.randint(1, 26)).hex()
        uno.said = uno.heard_by_dut = b""
        lines = uno.ask(f"dut {wanted}", "[dut]: m-ready")
        done = ["[dut]: m-load-done"] if (k + 1) % 7 == 0 else []
        assert lines == [f"m-dut-passthrough({wanted})", "m-ready", *done, "[dut]: m-ready"]
    assert count == commands
    assert uno.others == []


def test_10_000_commands_are_relayed_and_no_line_is_lost_split_or_out_of_order(uno):
    load(uno, COMMANDS, seed=1)


@pytest.mark.parametrize("baud", [19200, 38400])
def test_the_faster_rates_relay_as_well(uno, baud):
    uno.set_baud(baud)
    load(uno, 300, seed=baud)


@pytest.mark.parametrize("off", [0.97, 1.03])
def test_a_dut_whose_clock_is_off_is_understood(uno, off):
    uno.dut_baud = 9600 * off
    load(uno, 100, seed=3)


def stats(uno):
    lines = uno.ask("stats")
    pairs = [line.removeprefix("m-stats-").rpartition("-") for line in lines[:-1]]
    return {name: int(value) for name, _, value in pairs}


def own(lines):
    return [line for line in lines if not line.startswith("[dut]: ")]


@pytest.mark.parametrize("size", [200, 2000, 20000])
def test_a_flood_of_host_bytes_is_one_error_and_the_next_command_is_intact(uno, size):
    uno.host_says(b"x" * size + b"%")
    assert uno.listen(5.0, b"m-ready\r\n") == [
        f"e-[Command over 120 characters, by: {size - 120}]",
        "m-ready",
    ]
    assert uno.ask("tm 0") == ALIVE


def test_a_flood_while_a_command_is_forwarded_is_told_and_the_commands_around_it_are_intact(uno):
    uno.host_says(b"dut db " + b"00" * 50 + b"%")  # takes 108 ms; the flood takes 87
    uno.host_says(b"y" * 1000 + b"%tm 0%")
    lines = uno.listen(1.0)
    assert lines[:2] == [f"m-dut-passthrough(db {'00' * 50})", "m-ready"]
    assert lines[2].startswith("e-[Command damaged, bytes from host lost: ")
    lost = int(lines[2].rstrip("]").rpartition(" ")[2])
    assert 900 < lost < 1010
    assert lines[3] == "m-ready"
    assert uno.ask("tm 0") == ALIVE
    assert uno.heard_by_dut == b"db " + b"00" * 50 + b"%"
    assert stats(uno)["host-lost"] == lost


def test_a_host_that_does_not_wait_gets_every_answer_or_an_error(uno):
    """Commands one after the other without waiting for `m-ready`, which no runner does."""
    uno.host_says(b"".join(b"dut db %02x%%" % k for k in range(40)))
    lines = uno.listen(3.0)
    echoes = [line for line in lines if line.startswith("m-dut-passthrough(db ")]
    errors = [line for line in lines if line.startswith("e-[")]
    assert lines.count("m-ready") == len(echoes) + len(errors)
    assert 10 < len(echoes) < 40
    assert errors
    forwarded = [line.removeprefix("m-dut-passthrough(").removesuffix(")") for line in echoes]
    assert uno.heard_by_dut.decode() == "".join(f"{command}%" for command in forwarded)
    assert uno.ask("tm 0") == ALIVE


def test_a_babbling_dut_is_relayed_and_commands_go_on(uno):
    """9600 baud of lines without pause, while the host asks 60 times."""
    line = b"0123456789abcdef\r\n"
    count = 200
    uno.dut_says(line * count)
    lines = []
    for _ in range(60):
        lines += uno.ask("tm 0")
    lines += uno.listen(5.0)
    assert own(lines) == ALIVE * 60
    assert [each for each in lines if each.startswith("[dut]: ")] == ["[dut]: 0123456789abcdef"] * count


def test_a_dut_that_ends_no_line_is_cut_and_told_and_the_next_line_is_intact(uno):
    uno.dut_says(b"U" * 1500 + b"\r\nm-ready\r\n")
    lines = uno.listen(3.0)
    assert lines[0] == "[dut]: " + "U" * 180
    cuts = lines[1:-1]
    assert all(line.startswith("e-[DUT line cut, bytes lost: ") for line in cuts)
    assert sum(int(line.rstrip("]").rpartition(" ")[2]) for line in cuts) == 1500 - 180 + 2
    assert lines[-1] == "[dut]: m-ready"
    assert uno.ask("tm 0") == ALIVE


def test_a_dut_at_another_baud_rate_is_told_and_ends_in_nothing_worse(uno):
    uno.dut_says(b"m-timestamp-mode-energy\r\nm-init-done\r\nm-ready\r\n" * 5, baud=115200)
    lines = uno.listen(1.0)
    uno.dut_says(b"\r\nm-ready\r\n")
    lines += uno.listen(1.0)
    assert any("lost" in line for line in lines)
    assert lines[-1] == "[dut]: m-ready"
    assert uno.ask("tm 0") == ALIVE


def test_a_dut_without_power_is_no_error(uno):
    """Its line is low meanwhile: to a UART that is one long break."""
    uno.dut_says(b"\0" * 1, baud=30)  # 333 ms low
    assert uno.listen(1.0) == []
    uno.dut_says(b"m-init-done\r\n")
    assert uno.listen(0.2) == ["[dut]: m-init-done"]
    assert stats(uno)["dut-breaks"] == 1


def test_an_oscillating_timestamp_pin_is_told_and_ends(uno):
    uno.ask("tm 0")
    uno.ask("enable-timer")
    start = uno.now + 1000
    for k in range(3000):  # 20 kHz
        uno.edge(start + k * 800, 400)
    lines = uno.listen(1.0)
    assert any(line.startswith("e-[Edges lost, at least: ") for line in lines)
    told = sum(line.startswith("m-lap-us-") for line in lines)
    lost = sum(int(line.rstrip("]").rpartition(" ")[2]) for line in lines if line.startswith("e-["))
    assert 0 < told <= 3000
    assert told + lost <= 3000
    uno.edge(uno.now + 1000)
    (lap,) = uno.listen(0.1)
    assert lap.startswith("m-lap-us-")
    assert uno.ask("tm 0") == ALIVE


def test_edges_at_the_rate_that_the_host_can_be_told_are_all_told(uno):
    """A line takes 2 ms."""
    uno.ask("tm 0")
    uno.ask("enable-timer")
    start = uno.now + 1000
    for k in range(200):
        uno.edge(start + k * cycles(0.0025), 100)
    assert len(uno.listen(0.6)) == 200


def cut_short(lines, line):
    """Of what was relayed, the lines that are not whole: each must have an error before or behind it."""
    told = [each.startswith("e-[DUT ") for each in lines]
    short = [k for k, each in enumerate(lines) if each.startswith("[dut]: ") and each != f"[dut]: {line}"]
    for k in short:
        assert any(told[max(k - 1, 0) : k + 2]), lines[max(k - 3, 0) : k + 4]
    return short


def test_at_38400_baud_with_both_ends_talking_at_once_losses_are_told(uno):
    """More than this processor can do without loss: what is missing must be said."""
    uno.set_baud(38400)
    uno.ask("tm 0")
    uno.ask("enable-timer")
    random_ = random.Random(6)
    line = "m-results-[0.001,0.002,0.990,0.000,0.007]"
    count = 2000
    uno.dut_says(f"{line}\r\n".encode() * count)
    end = uno.now + cycles(count * (len(line) + 2) * 10 / 38400)
    edge = uno.now
    while (edge := edge + random_.randrange(cycles(0.002), cycles(0.01))) < end:
        uno.edge(edge, 160)
    uno.said = b""
    commands = 0
    while uno.now < end:
        uno.ask(f"dut {COMMAND}")
        commands += 1
    uno.listen(1.0)
    lines = uno.said.decode("latin-1").split("\r\n")[:-1]
    dut = [each for each in lines if each.startswith(("[dut]: ", "e-[DUT "))]
    whole = dut.count(f"[dut]: {line}")
    cuts = sum(each.startswith("e-[DUT line cut, bytes lost: ") for each in dut)
    # A line that is not there whole has a message: its own, or that of the line before or behind.
    assert len(cut_short(dut, line)) <= cuts
    assert count - whole <= 2 * cuts
    assert whole > 0.9 * count
    # The other way: the DUT heard each command, or the host was told that it may not have.
    late = lines.count("e-[Bits to the DUT were late]")
    assert lines.count(f"m-dut-passthrough({COMMAND})") == lines.count("m-ready") == commands
    assert commands - uno.heard_by_dut.split(b"%").count(COMMAND.encode()) <= late
    assert whole < count or late, "no loss: these checks had nothing to check"
    uno.ask("disable-timer")
    uno.others.clear()
    load(uno, 50, seed=4)


@pytest.mark.parametrize("baud", [9600, 38400])
def test_what_is_low_for_less_than_half_a_bit_is_no_start_bit(uno, baud):
    """A glitch, on an idle line and right before a line."""
    uno.set_baud(baud)
    half_us = 5e5 / baud
    count = 0
    for width_us in [1, 2, 3, 4, 5, 6, 8, 12, 0.3 * half_us, 0.6 * half_us, 0.9 * half_us]:
        for apart in (0.0005, 0.0020):
            for at in (uno.now, uno.now + cycles(apart)):
                uno.dut_says(b"\xff", at=at + 100, baud=1e6 / width_us)  # its start bit
            uno.dut_says(b"m-init-done\r\n")  # behind the glitch, and nine times its width
            uno.dut_says(b"m-ready\r\n", at=uno.now + cycles(0.03))
            assert uno.listen(0.06) == ["[dut]: m-init-done", "[dut]: m-ready"]
            count += 13 + 9
    counts = stats(uno)
    assert counts["dut-bytes"] == count
    assert counts["dut-lost"] == counts["dut-framing"] == counts["dut-breaks"] == 0


def test_what_is_low_for_more_than_half_a_bit_is_a_start_bit(uno):
    uno.dut_says(b"\xff", baud=1e6 / 55)
    uno.dut_says(b"m-init-done\r\n", at=uno.now + cycles(0.002))
    assert uno.listen(0.06) == ["[dut]: \xffm-init-done"]


def test_glitches_while_the_line_and_the_timestamp_pin_are_busy_are_none_either(uno):
    """At 9600 baud no pile of interrupts is as long as half a bit."""
    random_ = random.Random(5)
    uno.ask("tm 0")
    uno.ask("enable-timer")
    for _ in range(20):
        at = uno.now
        for _ in range(8):
            at += random_.randrange(200, 30000)
            width_us = random_.uniform(1, 50)
            uno.dut_says(b"\xff", at=at, baud=1e6 / width_us)
            at += cycles(10e-6 * width_us) + random_.randrange(40, 3000)
            uno.dut_says(b"m-init-done\r\n", at=at)
            at += cycles(0.015)
        for k in range(5):
            uno.edge(uno.now + random_.randrange(cycles(0.01)) + k * cycles(0.02), 160)
        lines = []
        while uno.now < at:
            lines += uno.ask(f"dut {COMMAND}")
        lines += uno.listen(0.05)
        assert [each for each in lines if not each.startswith("m-")] == ["[dut]: m-init-done"] * 8
    assert uno.others == []
