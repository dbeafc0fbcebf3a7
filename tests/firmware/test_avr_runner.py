"""avr-runner's control protocol, as drivers and tests use it."""

from __future__ import annotations

import os
import select
import subprocess
import time

import pytest

from tests.firmware.support import make, needs
from tests.firmware.uno_in_simavr import BOOTED, HZ, Runner, cycles

HOST_BYTE = 10 * HZ / 115200
DUT_BYTE = 10 * HZ / 9600


@pytest.fixture
def elf():
    needs("make", "avr-gcc", "simavr")
    return make("io_manager") / "io_manager" / "io_manager.elf"


@pytest.fixture
def runner(elf):
    opened = Runner(elf)
    opened.run(BOOTED)
    yield opened
    opened.close()


def test_a_run_ends_at_its_cycle(runner):
    assert runner.run(2 * BOOTED) == []
    assert 0 <= runner.now - 2 * BOOTED <= 4


def test_a_run_ends_with_the_first_line_to_the_host(runner):
    runner.tell(f"host {runner.now} {b'name%'.hex()}")
    (first,) = runner.run(runner.now + HZ)
    assert first.kind == "host"
    assert first.data == b"m-name-io-manager-[joulebench]\r\n"
    assert 0 <= runner.now - first.last <= 4
    # the firmware's UART is 2.1 % fast, and has a little gap between bytes in simavr
    assert (first.last - first.first) / len(first.data) == pytest.approx(HOST_BYTE, rel=0.05)
    (second,) = runner.run(runner.now + HZ)
    assert second.data == b"m-ready\r\n"


def test_bytes_to_the_host_take_their_time(runner):
    start = runner.now + 1000
    runner.tell(f"host {start} {b'name%'.hex()}")
    (first,) = runner.run(runner.now + HZ)
    assert start + 5 * HOST_BYTE < first.first < start + 5 * HOST_BYTE + cycles(0.001)


def test_a_run_ends_with_a_command_to_the_dut(runner):
    runner.tell(f"host {runner.now} {b'dut infer 10 1%'.hex()}")
    (command,) = runner.run(runner.now + HZ)
    assert (command.kind, command.data) == ("dut", b"infer 10 1%")
    assert command.last - command.first == pytest.approx(11 * DUT_BYTE, rel=0.005)
    assert 0 <= runner.now - command.last <= 4


def test_bytes_of_an_unfinished_piece_are_told_at_the_end_of_a_run(runner):
    runner.tell(f"host {runner.now} {b'dut infer 10 1%'.hex()}")
    got = b""
    while not got.endswith(b"%"):
        for each in runner.run(runner.now + int(3 * DUT_BYTE)):
            got += each.data
        assert len(got) <= 11
    assert got == b"infer 10 1%"


def test_what_the_dut_sends_arrives_after_what_is_on_its_way(runner):
    runner.tell(f"dut {runner.now} 9600 {b'm-init-done'.hex()}")
    runner.tell(f"dut {runner.now} 9600 {bytes([13, 10]).hex()}")
    start = runner.now
    (line,) = runner.run(runner.now + HZ)
    assert line.data == b"[dut]: m-init-done\r\n"
    assert line.first - start == pytest.approx(13 * DUT_BYTE, abs=cycles(0.002))


def relayed(runner, seconds):
    """What the host is told within a time."""
    until = runner.now + cycles(seconds)
    said = b""
    while runner.now < until:
        said += b"".join(each.data for each in runner.run(until) if each.kind == "host")
    return said


@pytest.mark.parametrize(
    ("bits", "left"), [(0.4, b""), (0.6, b"\xff"), (1.4, b"\xff"), (4.7, b"\xf0"), (9.5, b"\0")]
)
def test_a_cut_in_the_middle_of_a_byte_ends_it_there_and_the_line_is_high(runner, bits, left):
    """Of a NUL, all bits of which would be low: those after the cut read as ones."""
    start = runner.now + 1000
    runner.tell(f"dut {start} 9600 {(b'abc' + bytes(1) + b'lost').hex()}0a")
    runner.tell(f"cut {start + round((3 + bits / 10) * DUT_BYTE)}")
    assert relayed(runner, 0.05) == b""
    runner.tell(f"dut {runner.now} 9600 {b'm-init-done'.hex()}0d0a")
    assert relayed(runner, 0.05) == b"[dut]: abc" + left + b"m-init-done\r\n"


def test_a_cut_between_bytes_drops_those_that_wait(runner):
    start = runner.now + 1000
    for text in (b"abc", b"lost", b"\n"):
        runner.tell(f"dut {start} 9600 {text.hex()}")
    runner.tell(f"cut {start + round(3 * DUT_BYTE)}")
    assert relayed(runner, 0.05) == b""
    runner.tell(f"dut {runner.now} 9600 {b'm-init-done'.hex()}0d0a")
    assert relayed(runner, 0.05) == b"[dut]: abcm-init-done\r\n"


def test_bytes_for_a_time_after_a_cut_arrive_whole_whenever_they_were_told(runner):
    start = runner.now + 1000
    cut = start + round(1.2 * DUT_BYTE)  # in `y`, of whose bits the first is a one
    runner.tell(f"dut {start} 9600 {b'xyz'.hex()}0a")
    runner.tell(f"dut {cut} 9600 {b'at once, but before'.hex()}0a")
    runner.tell(f"dut {cut + cycles(0.01)} 9600 {b'later'.hex()}0a")
    runner.tell(f"cut {cut}")
    runner.tell(f"dut {cut} 9600 {b'at once, behind what is on its way'.hex()}0a")
    assert relayed(runner, 0.1) == b"[dut]: x\xfflater\r\n[dut]: at once, behind what is on its way\r\n"


def test_several_cuts_come_in_order_of_time(runner):
    start = runner.now + 1000
    runner.tell(f"dut {start} 9600 {b'a'.hex()}{b'lost'.hex()}")
    runner.tell(f"cut {start + round(DUT_BYTE)}")
    runner.tell(f"dut {start + cycles(0.01)} 9600 {b'b'.hex()}{b'lost'.hex()}")
    runner.tell(f"cut {start + cycles(0.01) + round(DUT_BYTE)}")
    runner.tell(f"cut {start}")
    assert runner.read().startswith("error ")
    runner.tell(f"dut {start + cycles(0.02)} 9600 {b'c'.hex()}0a")
    assert relayed(runner, 0.05) == b"[dut]: abc\r\n"


def test_a_cut_of_a_silent_line_changes_nothing(runner):
    runner.tell(f"cut {runner.now}")
    runner.tell(f"dut {runner.now} 9600 {b'm-ready'.hex()}0a")
    assert relayed(runner, 0.05) == b"[dut]: m-ready\r\n"


def test_d9_is_read_at_the_rate_that_was_told(runner):
    runner.tell("dutbaud 38400")
    runner.tell(f"host {runner.now} {b'dut profile%'.hex()}")
    kinds = {each.kind for _ in range(4) for each in runner.run(runner.now + HZ // 10)}
    assert "frame" in kinds


def test_errors_are_answered_and_change_nothing(runner):
    for line, word in [
        ("frobnicate", "unknown"),
        ("", "empty"),
        (f"run {runner.now - 1}", "past"),
        ("host 5 00", "past"),
        (f"host {runner.now} 0", "hex"),
        (f"host {runner.now} zz", "hex"),
        (f"host {runner.now}", "hex"),
        ("host x 00", "cycle"),
        (f"dut {runner.now} 0 00", "baud"),
        (f"d3 {runner.now} 2", "level"),
        (f"d3 {runner.now}", "level"),
        ("d3 5 0", "past"),
        ("reset 5", "past"),
        ("cut 5", "past"),
        ("cut", "cycle"),
        ("watch 1", "watch"),
        ("dutbaud fast", "baud"),
        ("run -5", "cycle"),
    ]:
        runner.tell(line)
        answer = runner.read()
        assert answer.startswith("error ")
        assert word in answer
    assert runner.run(runner.now + 1000) == []


def test_levels_of_d3_must_be_in_order_of_time(runner):
    runner.tell(f"d3 {runner.now + 100} 0")
    runner.tell(f"d3 {runner.now + 50} 1")
    assert runner.read().startswith("error ")


def test_a_reset_starts_the_firmware_anew_and_time_goes_on(runner):
    runner.tell(f"host {runner.now} {b'lap tk%stats%'.hex()}")
    for _ in range(20):
        runner.run(runner.now + HZ // 100)
    before = runner.now
    runner.tell(f"reset {before + 1000}")
    assert runner.run(before + BOOTED) == []
    assert runner.now >= before + BOOTED
    runner.tell(f"host {runner.now} {b'stats%'.hex()}")
    (line,) = runner.run(runner.now + HZ)
    assert line.data == b"m-stats-host-bytes-5\r\n"  # the five that asked


def test_it_tells_when_the_timer_was_zero(runner):
    runner.tell("zero")
    first = int(runner.read().removeprefix("zero "))
    runner.run(runner.now + 65536 * 8 * 3)
    runner.tell("zero")
    assert int(runner.read().removeprefix("zero ")) == first + 65536 * 8 * 3


def test_the_sync_output_is_told_while_watched(runner):
    for command in (b"sync gate%", b"sync off%"):
        runner.tell(f"host {runner.now} {command.hex()}")
        runner.run(runner.now + HZ // 10)
        runner.run(runner.now + HZ // 10)
        runner.tell("watch sync 1")
        if command == b"sync off%":
            break
    runner.tell(f"host {runner.now} {b'sync gate%'.hex()}")
    events = runner.run(runner.now + HZ // 10)
    assert [(each.kind, each.text) for each in events if each.kind == "sync"] == [("sync", "1")]


def test_a_file_that_is_no_program_is_refused(elf, tmp_path):
    wrong = tmp_path / "wrong.elf"
    wrong.write_bytes(b"not an elf file")
    program = elf.parents[1] / "emulators" / "avr-runner"
    make("emulators")
    done = subprocess.run([program, wrong], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert str(wrong) in done.stderr
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage" in done.stderr


def _read_pty(end, wanted, seconds=20.0):
    """Reads until it ends so; real time, since that is what this mode is for."""
    got = b""
    limit = time.monotonic() + seconds
    while not got.endswith(wanted) and time.monotonic() < limit:
        if select.select([end], [], [], 0.1)[0]:
            got += os.read(end, 4096)
    return got


@pytest.mark.parametrize("pace", ["free", "1.0"])
def test_on_ptys_any_program_can_talk_to_it(elf, pace):
    program = make("emulators") / "emulators" / "avr-runner"
    with subprocess.Popen(
        [program, "--pty", "--pace", pace, elf], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        names = dict(process.stdout.readline().split() for _ in range(2))
        io = os.open(names["io"], os.O_RDWR | os.O_NOCTTY)
        dut = os.open(names["dut"], os.O_RDWR | os.O_NOCTTY)
        try:
            os.write(io, b"tm 0%enable-timer%")
            assert _read_pty(io, b"m-timer-enabled\r\nm-ready\r\n")
            os.write(io, b"dut profile%")
            assert _read_pty(dut, b"%") == b"profile%"
            os.write(dut, b"m-ready\r\n")
            assert _read_pty(io, b"[dut]: m-ready\r\n").startswith(b"m-dut-passthrough(profile)\r\n")
            process.stdin.write("edge 1000\n")
            process.stdin.flush()
            assert _read_pty(io, b"\r\n").startswith(b"m-lap-us-")
        finally:
            os.close(io)
            os.close(dut)
            process.stdin.close()
            process.wait(10)
