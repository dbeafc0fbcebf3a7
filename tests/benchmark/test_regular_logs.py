"""Logs of whole inferences: what is recognized at once, compared with the same lines read one by one."""

from __future__ import annotations

import random

import pytest

from energy.runs import runner_log
from energy.runs.log_reader import ReadLines, read_lines
from energy.runs.log_stretches import IN_STRETCHES
from energy.runs.runner_log import RunnerLog, parse_log

FILES = ("emu_s_002009.bin", "taxi_s_001241.bin", "accentor_s_001031.bin", "toy_spaniel_s_000285.bin")
FIELDS = (
    "number",
    "line",
    "file",
    "offset",
    "asked",
    "asked_warmups",
    "iterations",
    "warmups",
    "command_s",
    "warmup_start_s",
    "start_s",
    "done_s",
    "laps_us",
    "results",
    "runtime_s",
    "throughput",
    "captured",
)
EEMBC_HEAD = """\
00010.296 session: m-session-start-id[20240328230246]
00010.313 parser: m-version[3.0.10]
00010.824 dut: m-model-[ic01]
"""
EEMBC_TAIL = """\
00099.000 emon: m-voltage-mv[3000]
got an interrupt
got an answer
00099.100 session: m-session-stop-id[20240328230246]
"""
MLCOMMONS_HEAD = """\
Logging initialized. Writing output to sessions\\20250801_192147\\log.txt
Device model retrieved: ic01
No loop count specified.  Using full set (200 test files)
"""
MLCOMMONS_TAIL = """\
0801.192159 ulp-mlperf: Top 1% = 90.0
WARNING: Failed to get name.
"""
STRANGE = (
    "",
    "garbage",
    "done",
    "m-ready",
    "e-[oops]",
    "Error!",
    "00011.000 dut: m-lap-us-12",
    "00011.000 dut: m-infer-start-5",
    "00011.000 dut: hello",
    "00011.000 sequencer: x",
    '00011.000 parser: Command "dut infer 3 0"',
    "00011.000 parser: Starting at byte offset 77",
    "0801.192151 ulp-mlperf: Load complete.",
    "9999.999999 ulp-mlperf: Load complete.",
    "0801.192151 ulp-mlperf: Loading file /home/somebody/x.bin segment 3",
    "Running inference with 0/9 (warmup/measured) iterations ...",
    "Captured samples:10 timestamps:2",
    "WARNING: Ignoring undecodeable byte",
    "  m-results    : [0.5]",
    "got an interrupt",
)


def eembc(count: int, *, answer: str = "") -> str:
    """A log of an accuracy run as the EEMBC runner writes it; ``answer`` stands before the DUT's answer."""
    parts = [EEMBC_HEAD]
    for number in range(count):
        at, file = 11 + number, FILES[number % len(FILES)]
        command = f'bload dut "C:\\Users\\x\\ic01\\{file}"'
        lines = (
            f".831 sequencer: m-sequencing-i[{5 + 2 * number}]-command[{command}]",
            f'.831 parser: Command "{command}"',
            ".832 parser: File size is 3072, loading...",
            f".839 parser: Starting at byte offset {number * 3072}",
            ".840 parser: Sending 3072 bytes",
            ".840 parser: m-mute-target[dut]",
            ".841 parser: m-unmute-target[dut]",
            ".842 parser: Binary load took 0.790 sec, or 3.889 kB/sec",
            ".843 parser: m-bload-done",
            ".844 parser: m-ready-finished[bload]",
            ".845 sequencer: m-sequencing-i[6]-command[dut infer 1 0]-ack[/dut.?: m-ready/]",
            f'.846 parser: Command "dut infer {number + 1} 2"',
            ".847 parser: m-ready-finished[dut]",
            f".848 dut: {answer}m-warmup-start-2",
            ".849 dut: m-warmup-done",
            f".850 dut: m-infer-start-{number + 1}",
            f".851 dut: m-lap-us-{number * 1000 + 7}",
            f".852 dut: m-lap-us-{number * 1000 + 507}",
            ".853 dut: m-infer-done",
            f".854 dut: m-results-[0.{number % 10},0.250]",
            *([".855 dut: Softmax:     [  2505,  -12, ]"] if number % 2 else []),
            ".856 dut: m-ready",
        )
        parts.append("".join(f"{at:05}{line}\n" for line in lines))
        if number == 1:
            parts.append("got an interrupt\ngot an answer\n" * 40)
    return "".join([*parts, EEMBC_TAIL])


def mlcommons(count: int) -> str:
    """A log of an accuracy run as the MLCommons runner writes it."""
    parts = [MLCOMMONS_HEAD]
    for number in range(count):
        stamp = f"0801.1921{number % 60:02} ulp-mlperf:"
        parts.append(
            f"{stamp} Loading file {FILES[number % len(FILES)]} segment {number % 3}\n"
            f"{stamp} Load complete.\n"
            f"Running inference with 2/{number + 1} (warmup/measured) iterations ...\ndone\n"
            f"{stamp} Performance results for window {number + 1}:\n"
            f"{stamp}   # Inferences : {number + 1:13d}\n"
            f"{stamp}   Runtime      : {0.5 + number:10.3f} sec.\n"
            f"{stamp}   Throughput   : {2.25 + number:10.3f} inf./sec.\n"
            f"{stamp}   m-results    : [0.{number % 10}, 1e-05, -0.5]\n"
        )
    return "".join([*parts, MLCOMMONS_TAIL])


def compared(data: str | bytes) -> RunnerLog:
    """A log, after it has been compared with the same one read line by line."""
    log = parse_log(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner_log, "read_lines", one_by_one)
        other = parse_log(data)
    assert other.read.whole
    assert facts(log) == facts(other)
    return log


def one_by_one(text: str, *, mlcommons: bool, year: int, stretches: bool) -> ReadLines:
    del stretches
    return read_lines(text, mlcommons=mlcommons, year=year, stretches=False)


def facts(log: RunnerLog) -> tuple[object, ...]:
    """What has to be the same however lines are read; as text, since NaN differs from itself."""
    inferences = [tuple(getattr(each, name) for name in FIELDS) for each in log.inferences]
    asked = [
        list(log.of(kind)) for kind in ("model", "voltage", "version", "error", "load", "text", "printed")
    ]
    return repr((inferences, asked, list(log))), log.findings, log.lines, log.last_s, len(log), bool(log)


def test_whole_inferences_of_an_eembc_log_have_the_numbers_of_its_lines():
    log = compared(eembc(7))
    assert not log.read.whole
    assert len(log.read.columns.kinds) < 30  # the lines around the inferences
    for number, inference in enumerate(log.inferences):
        line = 4 + number * 21 + (number // 2) + (80 if number > 1 else 0)
        assert (inference.number, inference.line) == (number + 1, line + 11)
        assert (inference.file, inference.offset) == (FILES[number % 4], number * 3072)
        assert (inference.asked, inference.asked_warmups) == (number + 1, 2)
        assert (inference.iterations, inference.warmups) == (number + 1, 2)
        assert inference.laps_us == (number * 1000 + 7, number * 1000 + 507)
        assert inference.results == (number / 10, 0.25)
        at = 11 + number
        assert (inference.command_s, inference.warmup_start_s) == (at + 0.846, at + 0.848)
        assert (inference.start_s, inference.done_s) == (at + 0.85, at + 0.853)
    assert {found.code for found in log.findings} == {"log.continuation", "log.personal-path"}
    (odd,) = [found for found in log.findings if found.code == "log.continuation"]
    assert odd.evidence == f"82 times, first in line {4 + 21 + 22}"


def test_whole_inferences_of_an_mlcommons_log_have_the_numbers_of_its_lines():
    log = compared(mlcommons(9))
    assert len(log.read.columns.kinds) < 8
    assert [each.line for each in log.inferences] == [6 + 9 * number for number in range(9)]
    assert [each.number for each in log.inferences[2:4]] == [3, 4]
    last = log.inferences[-1]
    assert (last.file, last.offset, last.asked, last.asked_warmups) == (FILES[0], 2, 9, 2)
    assert (last.runtime_s, last.throughput, last.results) == (8.5, 10.25, (0.8, 1e-05, -0.5))
    assert last.done_s == last.command_s == log.inferences[0].command_s + 8
    assert log.findings == []


def test_a_command_is_recognized_where_the_answer_is_another_one():
    log = compared(eembc(5, answer="hello "))
    assert len(log.inferences) == 5
    assert log.inferences[4].results == (0.4, 0.25)
    assert "log.glued" in {found.code for found in log.findings}


@pytest.mark.parametrize("text", [eembc(5), eembc(4, answer="src: 3072"), mlcommons(9)])
def test_damaged_lines_are_read_as_line_by_line(text):
    rng = random.Random(len(text))
    for _ in range(80):
        compared(damaged(text.encode(), rng))


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Lines lost, doubled, exchanged, cut, glued, or with other bytes and numbers in them."""
    lines = data.split(b"\n")
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(lines))
        line = lines[at]
        place = rng.randrange(len(line) + 1)
        strange = rng.choice(
            [b"\0", b"\xff", b"\r", b" ", b"%", b"9" * 25, b"-", b"[", "\u2028é".encode(), b"nan"]
        )
        match rng.randrange(9):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, line)
            case 2:
                other = rng.randrange(len(lines))
                lines[at], lines[other] = lines[other], line
            case 3:
                lines[at] = line[:place]
            case 4:
                lines[at : at + 2] = [b"".join(lines[at : at + 2])]
            case 5:
                lines[at] = line[:place] + strange + line[place:]
            case 6:
                lines[at] = line[:place] + strange + line[place + 1 :]
            case 7:
                lines[at : at + 1] = [line[:place], line[place:]]
            case _:
                lines.insert(at, rng.choice(STRANGE).encode())
    data = b"\n".join(lines)
    return data.replace(b"\n", b"\r\n") if rng.randrange(9) == 0 else data


@pytest.mark.parametrize("text", [eembc(3), mlcommons(5)])
def test_the_last_line_that_is_read_may_be_inside_a_stretch(text, monkeypatch):
    for most in range(1, text.count("\n") + 3):
        monkeypatch.setattr("energy.runs.log_reader.MOST_LINES", most)
        log = compared(text)
        assert log.read.lines <= most
        assert (most <= text.count("\n") + 1) == ("log.too-long" in {found.code for found in log.findings})


def test_a_path_of_a_person_is_found_beside_and_inside_of_stretches():
    text = mlcommons(4).replace("emu_s_002009.bin", "/home/somebody/emu_s_002009.bin", 1)
    (found,) = compared(text).findings
    assert found.evidence == "'/home/somebody' in line 4"
    (found,) = compared(mlcommons(4) + "see /Users/somebody\n").findings
    assert found.evidence == f"'/Users/somebody' in line {3 + 36 + 3}"


def test_kinds_in_stretches_are_those_of_their_lines():
    for text in (eembc(6), mlcommons(6)):
        log = parse_log(text)
        outside = {event.line for event in log} - set(log.read.columns.lines)
        assert {event.kind for event in log if event.line in outside} <= IN_STRETCHES
