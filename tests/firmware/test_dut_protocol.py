"""The DUT's firmware over its serial line: what protocols.md 1 says, line for line, and our deviations.

The same dialogues with the native build on a pseudo-terminal through pyserial, and with the QEMU build.
"""

from __future__ import annotations

import re
import subprocess
import threading

import pytest
import serial

from drivers.dut.driver import open_dut
from drivers.dut.twin.firmware import BUFFER_BYTES, HELP
from drivers.links.clock import RealClock
from tests.firmware.dut_rig import PtyRig, TracedRig, posix_program, rig
from tests.links.peer import Log

RESULTS = "m-results-[0.000,0.504,0.008,0.512,0.016,0.520,0.023,0.527,0.031,0.535,0.039]"
"""What the toy workload makes of zeros."""

OK = "m-ready"


@pytest.fixture(scope="module", params=["pty", "qemu"])
def energy(request):
    with rig(request.param, "toy01", "energy") as dut:
        dut.boot()
        yield dut


@pytest.fixture(scope="module", params=["pty", "qemu"])
def performance(request):
    with rig(request.param, "toy01", "performance") as dut:
        dut.boot()
        yield dut


OUR_HELP = [
    "output       : Return the raw int8 output tensor",
    "profile layers: List the network's layers",
    "layer K N    : Load input, execute layer K alone N times",
    "phases on|off: Mark the phases of each inference of infer",
]

COMMANDS = [
    ("profile", ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[toy01]", "m-layers-[2]"]),
    ("help", [*HELP, *OUR_HELP]),
    ("timestamp", []),
    ("db load 4", ["m-[Expecting 4 bytes]"]),
    ("db 01ab", []),
    ("db FF02", ["m-load-done"]),
    ("db print", ["m-buffer-01-ab-ff-02", ""]),
    ("db", ["e-[Command 'db' requires a subcommand]"]),
    ("db load", ["e-[Command 'db load' requires the # of bytes]"]),
    ("db load 0", ["e-[Command 'db load' must be >0 bytes]"]),
    ("db load 20", ["m-[Expecting 20 bytes]"]),
    ("db 012", ["e-[Insufficent number of hex digits]"]),
    ("db 0x01", ["e-[Invalid hex digit '0x']"]),
    ("db " + "00" * 20, ["m-load-done"]),
    ("infer 0 1", ["e-[Inference iterations must be >0]"]),
    ("infer 1 -1", ["e-[Inference warmup must be >=0]"]),
    ("nonsense 1 2", ["e-[Unknown command: nonsense]"]),
    (
        "infer 70 10",
        ["m-warmup-start-10", "m-warmup-done", "m-infer-start-70", "m-infer-done", RESULTS],
    ),
    ("results", [RESULTS]),
    ("output", ["m-output-80-01-82-03-84-05-86-07", "m-output-88-09-8a"]),
    ("infer 2", ["m-warmup-start-10", "m-warmup-done", "m-infer-start-2", "m-infer-done", RESULTS]),
]
"""In this order: what a command answers depends on those before it."""


def test_commands_are_answered_as_by_the_reference_firmware(energy):
    for command, lines in COMMANDS:
        answer = energy.ask(command)
        if command == "profile":  # made-up weights are named as such
            assert answer.pop(2) == "m-weights-[synthetic, seed 0]"
        assert answer == [*lines, OK]


def test_the_name_is_that_of_the_port(energy):
    (line, ready) = energy.ask("name")
    assert re.fullmatch(r"m-name-dut-\[joulebench (posix|qemu-mps2-an386)\]", line)
    assert ready == OK


def test_in_performance_mode_marks_are_printed(performance):
    answer = performance.ask("infer 5 2")
    laps = [int(line.removeprefix("m-lap-us-")) for line in answer[3:5]]
    assert laps[1] > laps[0] > 0
    start = ["m-warmup-start-2", "m-warmup-done", "m-infer-start-5"]
    assert answer == [*start, *(f"m-lap-us-{lap}" for lap in laps), "m-infer-done", RESULTS, OK]
    (lap, ready) = performance.ask("timestamp")
    assert int(lap.removeprefix("m-lap-us-")) > laps[1]
    assert ready == OK


DEVIATIONS = {
    "an empty command": ("", ["e-[Empty command]"]),
    "a command of spaces": ("  ", ["e-[Empty command]"]),
    "81 characters": ("x" * 81, ["e-[Command longer than 80 characters]"]),
    "thousands of characters": ("name" * 2000, ["e-[Command longer than 80 characters]"]),
    "an oversize load": ("db load 41", ["e-[Supplied buffer size 41 exceeds maximum of 40]"]),
    "a huge load": ("db load 4294967297", ["e-[Supplied buffer size 4294967297 exceeds maximum of 40]"]),
    "bytes without a load": ("db 00", ["e-[Command 'db' requires a 'db load' first]"]),
    "CR LF before a command": ("\r\nname", ["e-[Character 0x0d in command]"]),
    "LF in a command": ("na\nme", ["e-[Character 0x0a in command]"]),
    "noise": ("\xff\x00name", ["e-[Character 0xff in command]"]),
    "odd hex": ("db 000", ["e-[Insufficent number of hex digits]"]),
    "a number beyond 32 bits": ("infer 2147483648", ["e-[Number out of range: 2147483648]"]),
}


@pytest.mark.parametrize("what", DEVIATIONS)
def test_a_listed_deviation_is_told_and_the_next_command_is_intact(energy, what):
    energy.ask("db load 41")  # refused: nothing is expected
    command, lines = DEVIATIONS[what]
    assert energy.ask(command) == [*lines, OK]
    assert energy.ask("profile")[1] == "m-model-[toy01]"


def test_bytes_beyond_the_last_are_told_and_do_no_harm(energy):
    energy.ask("db load 2")
    assert energy.ask("db 010203") == ["m-load-done", "e-[Bytes beyond the last one: 1]", OK]
    assert energy.ask("db 04") == ["e-[All 2 bytes are loaded]", OK]
    assert energy.ask("db print") == ["m-buffer-01-02", "", OK]


@pytest.mark.parametrize("kind", ["posix", "qemu"])
@pytest.mark.parametrize("mode", ["energy", "performance"])
def test_it_boots_as_the_reference_firmware_does(kind, mode):
    with rig(kind, "toy01", mode) as dut:
        lines = dut.boot()
        assert lines[0] == f"m-timestamp-mode-{mode}"
        assert lines[-2:] == ["m-init-done", OK]
        if mode == "performance":
            assert re.fullmatch(r"m-lap-us-\d+", lines[1])
        assert len(lines) == (3 if mode == "energy" else 4)
        for command in ("results", "output"):  # never the figures of an inference that was not
            assert dut.ask(command) == ["e-[There was no inference]", OK]


@pytest.mark.parametrize("kind", ["posix", "qemu"])
def test_commands_sent_without_waiting_are_all_answered(kind):
    # Nothing gets lost: what does not fit the DUT's buffers waits at the sender.
    with rig(kind, "toy01", "energy") as dut:
        assert isinstance(dut, TracedRig)
        dut.boot()
        data = b"db load 40%" + b"db 00%" * 40 + b"infer 20 5%" + b"%name" * 400 + b"%"
        sender = threading.Thread(target=dut.send, args=(data,))
        sender.start()
        dut.settle(len(data))
        sender.join()
        lines = dut.take_lines()
        assert lines.count(OK) == data.count(b"%")
        assert lines.count("m-load-done") == lines.count("m-infer-done") == 1
        assert lines.count("e-[Empty command]") == 1
        assert sum(line.startswith("m-name-dut-[") for line in lines) == 400


def test_hosts_may_come_and_go():
    with PtyRig(posix_program("toy01", "performance")) as dut:
        dut.boot()
        dut.port.close()
        for baud in (9600, 921600):
            with serial.Serial(dut.url, baud, timeout=10) as port:
                port.write(b"name%")
                assert port.read_until(b"m-ready\r\n") == b"m-name-dut-[joulebench posix]\r\nm-ready\r\n"


def test_our_own_driver_runs_a_trial_on_it():
    with PtyRig(posix_program("kws01", "performance")) as rig_:
        dut = open_dut(rig_.url, settings={}, clock=RealClock(), transcript=Log())
        try:
            assert dut.wait_ready(0.5) == "performance"
            assert dut.profile().model == "kws01"
            dut.load(bytes(BUFFER_BYTES["kws01"]))
            inference = dut.infer(3, 1, 10.0)
            assert len(inference.results) == 12
            assert sum(inference.results) == pytest.approx(1.0, abs=0.02)
            assert dut.results() == inference.results
        finally:
            dut.close()


@pytest.mark.parametrize(
    "arguments", [["--nonsense", "1"], ["--scale"], ["--scale", "0"], ["--scale", "nan"], ["--uart-fd", "77"]]
)
def test_wrong_arguments_of_the_posix_build_end_it_with_status_2(arguments):
    done = subprocess.run([posix_program("toy01", "energy"), *arguments], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr
