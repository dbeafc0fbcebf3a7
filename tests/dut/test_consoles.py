"""DUTs whose console adds an echo, a prompt or other line ends; and bytes of other programs."""

from __future__ import annotations

import threading
import time

import pytest

from energy.instruments import Profile
from tests.dut.test_dut import ENERGY_BOOT, TIMED, Bench, Memory
from tests.links.peer import script

ANSWERS = {
    "name": "m-name-dut-[x]\r\n",
    "profile": "m-profile-[p]\r\nm-model-[kws01]\r\n",
    "timestamp": "m-lap-us-4711\r\n",
    "infer 70 10": TIMED,
}
ECHOES = {
    "glued": lambda command: command + b"%",
    "crlf": lambda command: command + b"%\r\n",
    "lf": lambda command: command + b"%\n",
    "cr": lambda command: command + b"%\r",
    "crlf-for-percent": lambda command: command + b"\r\n",
    "without-percent": lambda command: command,
    "after-a-prompt": lambda command: b"dut> " + command + b"%\r\n",
    "coloured-prompt": lambda command: b"\x1b[32m[user@board ~]# \x1b[0m" + command + b"%\r\n",
    "clears-its-line": lambda command: b"\r\x1b[K> " + command + b"%",
    "nul-before": lambda command: b"\0" + command + b"%",
}


def echoing(answer, echo):
    return lambda command: echo(command) + answer(command)


@pytest.mark.parametrize("name", sorted(ECHOES))
def test_an_echo_is_no_part_of_the_answer(name):
    memory, data = Memory(), bytes(k * 7 % 256 for k in range(62))

    def answer(command):
        return memory(command) if command.startswith(b"db") else script(ANSWERS)(command)

    with Bench(echoing(answer, ECHOES[name])) as bench:
        assert bench.dut.wait_ready(0.1) == "performance"
        assert bench.dut.name() == "x"
        assert bench.dut.profile() == Profile("p", "kws01")
        bench.dut.load(data)
        assert memory.data == data
        inference = bench.dut.infer(70, 10, 1.0)
        assert (inference.start_us, inference.stop_us) == (123456, 234567)
        assert inference.lines == tuple(TIMED.split("\r\n")[:-1])


@pytest.mark.parametrize("prompt", ["> ", "$ ", "dut:~$ ", "[root@board ~]# ", "\x1b[1m>\x1b[0m "])
def test_a_prompt_after_m_ready_is_no_part_of_the_next_answer(prompt):
    with Bench(script(ANSWERS, ready="m-ready\r\n" + prompt)) as bench:
        assert bench.dut.wait_ready(0.1) == "performance"
        assert bench.dut.name() == "x"
        assert bench.dut.infer(70, 10, 1.0).results == (0.0, 0.996, 106.28054)


def test_a_dut_that_only_shows_its_prompt_is_asked():
    with Bench(script(ANSWERS, ready="m-ready\r\n> ")) as bench:
        bench.peer.say(b"> ")
        assert bench.dut.wait_ready(0.1) == "performance"


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\r\n", b"\n\r"])
def test_lines_may_end_in_other_ways(end):
    def answer(command):
        return script(ANSWERS)(command).replace(b"\r\n", end)

    with Bench(answer) as bench:
        bench.peer.say(ENERGY_BOOT.replace(b"energy", b"performance").replace(b"\r\n", end))
        assert bench.dut.wait_ready(1.0) == "performance"
        assert bench.dut.name() == "x"
        assert bench.dut.infer(70, 10, 1.0).results == (0.0, 0.996, 106.28054)


@pytest.mark.parametrize(
    "text", [b"radio: link up\r\n", b"\0\xff\0", b"[    0.12] init: started\n\n", b"\r\n"]
)
def test_chatter_that_is_no_boot_message_does_not_hide_a_dut_that_answers(text):
    with Bench(script(ANSWERS)) as bench:
        bench.peer.say(text)
        assert bench.dut.wait_ready(0.1) == "performance"
        assert bench.dut.name() == "x"


@pytest.mark.parametrize("end", ["[x]m-ready\r\n", "db 3f3%m-ready\r\n", "m-infer-done> m-ready\r\n"])
def test_other_text_before_m_ready_is_neither_echo_nor_prompt(end):
    with Bench(lambda command: end.encode()) as bench:
        bench.fails("dut.incomplete", bench.dut.name)


def test_a_command_that_comes_back_alone_is_called_an_echo_and_no_lost_bytes():
    with Bench(lambda command: command + b"%") as bench:  # TX and RX joined
        error = bench.fails("dut.echo", bench.dut.name)
        assert "TX and RX" in error.hint
        bench.fails("dut.echo", lambda: bench.dut.wait_ready(0.05))


def test_an_incomplete_answer_behind_an_echo_names_the_echo():
    with Bench(lambda command: command + b"%m-name-dut-[x]\r\nm-re") as bench:
        error = bench.fails("dut.incomplete", bench.dut.name)
        assert "echo" in error.hint


class Waiting:
    """A firmware that joins what it finds in its buffer to the next command (protocols.md 1.1)."""

    def __init__(self, waiting: bytes, answers):
        self.waiting, self.answers = waiting, answers

    def __call__(self, command: bytes) -> bytes:
        joined, self.waiting = self.waiting + command, b""
        if joined == command:
            return self.answers(command)
        return b"e-[Unknown command: " + joined.split(b" ")[0] + b"]\r\nm-ready\r\n"


@pytest.mark.parametrize(
    "waiting", [b"AT\r\n~\x00x\xf0~", b"AT+CGMI\r", b"\x7e\x00\x78\xf0\x7e", b"\r\n", b"q" * 79]
)
@pytest.mark.parametrize("boots", [True, False])
def test_bytes_of_another_program_in_the_duts_buffer_are_cleared(waiting, boots):
    with Bench(Waiting(waiting, script(ANSWERS))) as bench:
        if boots:
            bench.peer.say(ENERGY_BOOT.replace(b"energy", b"performance"))
        assert bench.dut.wait_ready(0.2) == "performance"
        assert bench.dut.name() == "x"
        assert any("clearing" in text for text in bench.log.texts())


def test_a_firmware_that_refuses_the_first_command_twice_is_reported_with_a_hint_at_other_programs():
    with Bench(script({})) as bench:
        error = bench.fails("dut.error-answer", bench.dut.name)
        assert "ModemManager" in error.hint


def test_a_refusal_later_on_is_reported_at_once():
    with Bench(script({"name": "m-name-dut-[x]\r\n"})) as bench:
        bench.dut.name()
        bench.fails("dut.error-answer", bench.dut.profile)
        assert bench.peer.commands == [b"name", b"profile"]


def test_a_dut_that_never_stops_talking_is_given_up(monkeypatch):
    monkeypatch.setattr("drivers.links.channel._BABBLE_S", 0.2)
    talking = threading.Event()
    with Bench(lambda command: b"") as bench:

        def talk():
            while not talking.wait(0.001):
                bench.peer.say(b"sensor 1: 23 C\r\n")

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        begun = time.monotonic()
        bench.fails("dut.incomplete", bench.dut.name)
        bench.fails("dut.incomplete", lambda: bench.dut.wait_ready(0.2))
        assert time.monotonic() - begun < 30.0
        talking.set()
        thread.join()


@pytest.mark.parametrize("echo", ["crlf", "lf", "after-a-prompt"])
def test_an_echo_that_differs_from_the_bytes_sent_is_an_error_of_the_load(echo):
    memory = Memory()

    def damaged(command: bytes) -> bytes:
        return command.replace(b"3f", b"3e", 1) if command.startswith(b"db 3f") else command

    with Bench(lambda command: ECHOES[echo](damaged(command)) + memory(damaged(command))) as bench:
        error = bench.fails("dut.load", lambda: bench.dut.load(b"?" * 62))
        assert "echo" in error.message


def test_an_echo_that_is_switched_off_between_two_inputs_is_no_error():
    memory, on = Memory(), [True]

    def answer(command: bytes) -> bytes:
        return (ECHOES["crlf"](command) if on[0] else b"") + memory(command)

    with Bench(answer) as bench:
        bench.dut.load(bytes(40))
        on[0] = False
        bench.dut.load(b"?" * 40)
        assert memory.data == b"?" * 40
