"""The IO manager's firmware, executed in simavr: what it answers, relays and tells (protocols.md 2.1)."""

from __future__ import annotations

import pytest

from tests.firmware.uno_in_simavr import HZ, Uno, cycles

PROFILE = b"m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[ad01]\r\nm-ready\r\n"
INFER = (
    b"m-warmup-start-1\r\nm-warmup-done\r\nm-infer-start-10\r\n"
    b"m-infer-done\r\nm-results-[106.280540]\r\nm-ready\r\n"
)


def scripted(command: str) -> bytes:
    if command.startswith("infer"):
        return INFER
    return {"profile": PROFILE}.get(command, b"m-ready\r\n")


@pytest.fixture
def uno():
    opened = Uno(dut=scripted)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("tm 0", ["m-timestmp-mode-FALLING", "m-[Timer disabled after mode change]", "m-ready"]),
        ("enable-timer", ["m-timer-enabled", "m-ready"]),
        ("disable-timer", ["m-timer-disabled", "m-ready"]),
    ],
)
def test_its_own_commands_answer_as_in_the_published_sessions(uno, command, lines):
    assert uno.ask(command) == lines


def test_passthrough_answers_as_in_the_published_sessions(uno):
    assert uno.ask("dut profile", "[dut]: m-ready") == [
        "m-dut-passthrough(profile)",
        "m-ready",
        "[dut]: m-profile-[ULPMark for tinyML Firmware V0.0.1]",
        "[dut]: m-model-[ad01]",
        "[dut]: m-ready",
    ]
    assert uno.ask("dut infer 10 1", "[dut]: m-ready") == [
        "m-dut-passthrough(infer 10 1)",
        "m-ready",
        "[dut]: m-warmup-start-1",
        "[dut]: m-warmup-done",
        "[dut]: m-infer-start-10",
        "[dut]: m-infer-done",
        "[dut]: m-results-[106.280540]",
        "[dut]: m-ready",
    ]
    assert uno.heard_by_dut == b"profile%infer 10 1%"


def test_the_duts_first_line_follows_the_answer_by_the_published_20_ms(uno):
    uno.ask("dut infer 10 1")
    answered = uno.now
    assert uno.listen(1.0, b"\n") == ["[dut]: m-warmup-start-1"]
    assert (uno.now - answered) / HZ == pytest.approx(0.020, abs=0.003)


def test_it_boots_in_silence_and_relays_a_boot_of_the_dut_unasked(uno):
    assert uno.said == b""
    uno.dut_says(b"m-timestamp-mode-energy\r\nm-init-done\r\nm-ready\r\n")
    assert uno.listen(0.2) == ["[dut]: m-timestamp-mode-energy", "[dut]: m-init-done", "[dut]: m-ready"]


def test_edges_are_told_only_while_the_timer_runs(uno):
    uno.ask("tm 0")
    uno.edge(uno.now + 1000)
    assert uno.listen(0.1) == []
    assert uno.ask("enable-timer") == ["m-timer-enabled", "m-ready"]  # and not the edge of before
    uno.edge(uno.now + 1000)
    (lap,) = uno.listen(0.1)
    assert lap.removeprefix("m-lap-us-").isdigit()
    uno.ask("tm 0")  # disables it
    uno.edge(uno.now + 1000)
    assert uno.listen(0.1) == []


def test_in_the_other_mode_both_edges_are_told(uno):
    assert uno.ask("tm 1")[0] == "m-timestmp-mode-CHANGE"
    uno.ask("enable-timer")
    uno.edge(uno.now + 1000, cycles(0.025))
    first, second = (int(line.removeprefix("m-lap-us-")) for line in uno.listen(0.1))
    assert second - first == pytest.approx(25000, abs=1)


def test_a_pulse_of_1_us_is_an_edge(uno):
    uno.ask("tm 0")
    uno.ask("enable-timer")
    uno.edge(uno.now + 1000, 16)
    assert len(uno.listen(0.1)) == 1


@pytest.mark.parametrize(("width_us", "bound_us"), [(100, 1), (1000, 1), (10, 1), (1, 8)])
def test_the_width_of_pulses_is_told_when_asked_for(uno, width_us, bound_us):
    for command in ("tm 0", "enable-timer", "lap tk", "width 1"):
        uno.ask(command)
    uno.edge(uno.now + 1000, 16 * width_us)
    lap, pulse = uno.listen(0.1)
    assert lap.startswith("m-lap-tk-")
    assert int(pulse.removeprefix("m-pulse-tk-")) / 2 == pytest.approx(width_us, abs=bound_us)


def test_ticks_are_half_microseconds_and_both_units_show_the_same_clock(uno):
    for command in ("tm 0", "enable-timer"):
        uno.ask(command)
    first = uno.now + 1000
    uno.edge(first)
    (us,) = uno.listen(0.1)
    uno.ask("lap tk")
    second = first + cycles(0.777)
    uno.edge(second)
    (ticks,) = uno.listen(1.0)
    uno.ask("lap us")
    third = second + cycles(1.001)
    uno.edge(third)
    (us_again,) = uno.listen(1.0)
    told_us, told_ticks = (int(lap.rpartition("-")[2]) for lap in (us, ticks))
    # One is the clock's unit, of 16 or 8 cycles; the rest are the 20 cycles by which stamps differ.
    assert 8 * told_ticks - 16 * told_us == pytest.approx(second - first, abs=16 + 20)
    assert 16 * int(us_again.rpartition("-")[2]) - 8 * told_ticks == pytest.approx(
        third - second, abs=16 + 20
    )
    # And both have the origin that its counter has.
    uno.tell("zero")
    zero = int(uno.read().removeprefix("zero ")) % (65536 * 8)
    assert zero + 16 * told_us == pytest.approx(first, abs=16 + 20)
    assert zero + 8 * told_ticks == pytest.approx(second, abs=8 + 20)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("", "e-[Empty command]"),
        ("frobnicate 1", "e-[Unknown command: frobnicate]"),
        ("\r\nname", "e-[Command with CR, LF or other controls]"),
        ("dut", "e-[Empty command for the DUT]"),
        ("et", "e-[Not supported by this firmware]"),
        ("i2c-enable 16", "e-[Not supported by this firmware]"),
        ("baud 300", "e-[Usage: baud 9600|19200|38400]"),
        ("x" * 150, "e-[Command over 120 characters, by: 30]"),
        ("dut db " + "00" * 60, "e-[Command over 120 characters, by: 7]"),
    ],
)
def test_what_it_cannot_do_is_an_error_and_the_next_command_is_intact(uno, command, answer):
    assert uno.ask(command) == [answer, "m-ready"]
    assert uno.ask("name") == ["m-name-io-manager-[joulebench]", "m-ready"]
    assert uno.heard_by_dut == b""


def test_its_own_additions_are_off_until_asked_for_and_gone_after_a_reset(uno):
    assert uno.ask("caps") == ["m-caps-[lap-tk,width,sync,baud,stats,selftest]", "m-ready"]
    for command, answer in [("lap tk", "m-lap-tk"), ("width 1", "m-width-1"), ("sync pulse", "m-sync-pulse")]:
        assert uno.ask(command) == [answer, "m-ready"]
    uno.tell(f"reset {uno.now}")
    uno.listen(0.05)
    for command in ("tm 0", "enable-timer"):
        uno.ask(command)
    uno.edge(uno.now + 1000)
    (line,) = uno.listen(0.1)
    assert line.startswith("m-lap-us-")


def test_the_self_test_passes_and_the_stack_has_room(uno):
    uno.ask("dut profile", "[dut]: m-ready")
    timer, clock, ram, ready = uno.ask("selftest")
    assert (timer, clock, ready) == ("m-selftest-timer-pass", "m-selftest-clock-pass", "m-ready")
    assert int(ram.removeprefix("m-selftest-untouched-ram-")) > 900


def test_a_hang_ends_in_a_reset_that_is_told(uno):
    uno.host_says(b"selftest watchdog%")
    (line,) = uno.listen(4.0, b"\n")
    assert line.startswith("e-[Reset by watchdog, was at: ")
    assert [each.text for each in uno.others] == ["watchdog reset"]
    assert uno.ask("name") == ["m-name-io-manager-[joulebench]", "m-ready"]
    uno.tell(f"reset {uno.now}")
    assert uno.listen(0.1) == []  # told once


def test_a_pulse_of_the_sync_output_begins_with_each_edge_and_lasts_1_ms(uno):
    for command in ("tm 0", "enable-timer", "sync pulse"):
        uno.ask(command)
    uno.tell("watch sync 1")
    edges = [uno.now + 1000 + k * cycles(0.01) for k in range(3)]
    for at in edges:
        uno.edge(at, 16)
    uno.listen(0.1)
    changes = [(each.first, each.text) for each in uno.others]
    assert [text for _, text in changes] == ["1", "0"] * 3
    for at, (rise, _), (fall, _) in zip(edges, changes[::2], changes[1::2], strict=True):
        assert rise - at < cycles(6e-6)
        assert fall - rise == pytest.approx(cycles(0.001), abs=cycles(10e-6))


def test_the_gate_of_the_sync_output_is_low_between_the_edges_of_a_window(uno):
    for command in ("tm 0", "enable-timer", "sync gate"):
        uno.ask(command)
    uno.tell("watch sync 1")
    edges = [uno.now + 1000 + k * cycles(0.01) for k in range(4)]
    for at in edges:
        uno.edge(at)
    uno.listen(0.1)
    assert [each.text for each in uno.others] == ["0", "1", "0", "1"]
    for at, each in zip(edges, uno.others, strict=True):
        assert each.first - at < cycles(6e-6)


def test_no_lap_comes_between_the_lines_of_an_answer(uno):
    """MLCommons' host class counts the lines that follow a passthrough."""
    for command in ("tm 0", "enable-timer"):
        uno.ask(command)
    for _ in range(30):
        start = uno.now
        for k in range(6):
            uno.edge(start + cycles(0.002) * (k + 1), 16)
        lines = uno.ask("dut profile", "[dut]: m-ready") + uno.listen(0.05)
        assert sum(line.startswith("m-lap-us-") for line in lines) == 6
        at = lines.index("m-dut-passthrough(profile)")
        assert lines[at + 1] == "m-ready"
