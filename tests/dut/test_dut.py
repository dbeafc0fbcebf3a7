from __future__ import annotations

import time

import pytest

from drivers.dut.driver import SerialDut, open_dut
from drivers.links.channel import DirectChannel, terminated
from drivers.links.clock import RealClock
from drivers.links.serial_link import SerialLink
from energy.errors import BenchError
from energy.instruments import Profile
from tests.links.peer import Log, Peer, script

CLOCK = RealClock()

ENERGY_BOOT = b"m-timestamp-mode-energy\r\nInitialized\r\nbaud :9600\r\nm-init-done\r\nm-ready\r\n"
# protocols.md 1.4
INFER = (
    "m-warmup-start-10\r\nm-warmup-done\r\nm-infer-start-70\r\n"
    "m-infer-done\r\nm-results-[0.000,0.996,106.280540]\r\n"
)
TIMED = INFER.replace("m-infer-done", "m-lap-us-123456\r\nm-lap-us-234567\r\nm-infer-done")


class Bench:
    def __init__(self, answer=None, timeout_s=0.5):
        self.peer = Peer(answer)
        self.log = Log()
        link = SerialLink(
            self.peer.url, baud=115200, clock=CLOCK, transcript=self.log, source="dut", bare_cr=True
        )
        self.dut = SerialDut(DirectChannel(link), command_timeout_s=timeout_s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.dut.close()
        self.peer.close()

    def fails(self, code, call):
        with pytest.raises(BenchError) as caught:
            call()
        assert caught.value.code == code
        assert caught.value.hint
        return caught.value


@pytest.mark.parametrize("mode", ["energy", "performance"])
def test_the_boot_messages_tell_the_mode(mode):
    with Bench() as bench:
        bench.peer.say(ENERGY_BOOT.replace(b"energy", mode.encode()))
        assert bench.dut.wait_ready(1.0) == mode
        assert bench.peer.commands == []


def test_a_second_boot_is_waited_for():
    with Bench() as bench:
        bench.peer.say(ENERGY_BOOT + ENERGY_BOOT[:40])
        time.sleep(0.05)
        bench.peer.say(ENERGY_BOOT[40:])
        assert bench.dut.wait_ready(1.0) == "energy"
        assert bench.log.texts().count("m-ready") == 2


@pytest.mark.parametrize(("lap", "mode"), [("m-lap-us-4711\r\n", "performance"), ("", "energy")])
def test_a_dut_that_booted_long_ago_is_asked_for_its_mode(lap, mode):
    with Bench(script({"timestamp": lap})) as bench:
        assert bench.dut.wait_ready(0.1) == mode
        assert bench.peer.commands == [b"timestamp"]


def test_a_dut_that_never_speaks_is_silent_and_the_hint_names_wires_and_baud():
    with Bench() as bench:
        error = bench.fails("dut.silent", lambda: bench.dut.wait_ready(0.1))
        assert "m-ready" in error.message
        assert "TX" in error.hint
        assert "115200 baud" in error.hint


def test_garbage_at_boot_points_at_the_baud_rate():
    with Bench() as bench:
        bench.peer.say(b"\xfe\x80\x00\x98\xf8\r\n\x86")
        error = bench.fails("dut.garbled", lambda: bench.dut.wait_ready(0.1))
        assert r"\xfe\x80" in error.message
        assert "baud" in error.hint


def test_a_boot_that_stops_is_incomplete():
    with Bench() as bench:
        bench.peer.say(ENERGY_BOOT[:-11])
        bench.fails("dut.incomplete", lambda: bench.dut.wait_ready(0.1))


def test_names_and_profiles():
    answers = {
        "name": "m-name-dut-[unspecified]\r\n",
        "profile": "m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[kws01]\r\n",
    }
    with Bench(script(answers)) as bench:
        assert bench.dut.name() == "unspecified"
        assert bench.dut.profile() == Profile("ULPMark for tinyML Firmware V0.0.1", "kws01")
        assert bench.log.texts(sent=True) == ["name%", "profile%"]


def test_the_banner_is_no_error():
    answers = {"profile": "e-[ULPMark for tinyML Firmware V0.0.1]\r\nm-profile-[ULPMark for tinyML]\r\n"}
    with Bench(script(answers)) as bench:
        assert bench.dut.profile() == Profile("ULPMark for tinyML", "")


def test_timestamps_come_in_microseconds_or_as_an_edge():
    with Bench(script({"timestamp": "m-lap-us-4294967295\r\n"})) as bench:
        assert bench.dut.timestamp() == 4294967295
    with Bench(script({"timestamp": ""})) as bench:
        assert bench.dut.timestamp() is None


class Memory:
    """The firmware's input buffer, written after protocols.md 1.3 and 1.10."""

    def __init__(self):
        self.size, self.data, self.longest = 0, b"", 0

    def __call__(self, command: bytes) -> bytes:
        self.longest = max(self.longest, len(command) + 1)
        words = command.decode().split(" ")
        if words[:2] == ["db", "load"]:
            self.size, self.data = int(words[2]), b""
            return b"m-[Expecting %d bytes]\r\nm-ready\r\n" % self.size
        before = len(self.data)
        self.data += bytes.fromhex(words[1])
        done = before < self.size <= len(self.data)
        return (b"m-load-done\r\n" if done else b"") + b"m-ready\r\n"


@pytest.mark.parametrize("count", [1, 31, 32, 62, 490])
def test_an_input_arrives_whole_in_lines_that_fit_the_firmwares_buffer(count):
    memory = Memory()
    with Bench(memory) as bench:
        data = bytes(k * 7 % 256 for k in range(count))
        bench.dut.load(data)
        assert memory.data == data
        assert memory.longest <= 66
        assert len(bench.peer.commands) == 1 + -(-count // 31)


def test_bytes_lost_on_the_way_are_noticed_by_the_missing_end_of_the_load():
    memory = Memory()
    with Bench(lambda command: memory(command[:-2] if command.startswith(b"db 3f") else command)) as bench:
        error = bench.fails("dut.load", lambda: bench.dut.load(b"?" * 62))
        assert "did not arrive" in error.message


def test_a_load_that_ends_too_early_is_noticed():
    with Bench(lambda command: b"m-[Expecting 62 bytes]\r\nm-load-done\r\nm-ready\r\n") as bench:
        assert "arrived after byte 31" in bench.fails("dut.load", lambda: bench.dut.load(bytes(62))).message


@pytest.mark.parametrize(
    "answer",
    [
        "Supplied buffer size 30000 exceeds maximum of 27648\n",
        "e-[Command 'db load' requires the # of bytes]\r\n",
    ],
)
def test_a_refused_load_is_an_error_answer(answer):
    with Bench(script({"db load 30000": answer})) as bench:
        error = bench.fails("dut.error-answer", lambda: bench.dut.load(bytes(30000)))
        assert answer.strip() in error.message


def test_a_load_of_another_size_is_unexpected():
    with Bench(script({"db load 10": "m-[Expecting 16 bytes]\r\n"})) as bench:
        assert (
            "Expecting 10 bytes" in bench.fails("dut.unexpected", lambda: bench.dut.load(bytes(10))).message
        )


def test_an_inference_in_energy_mode():
    with Bench(script({"infer 70 10": INFER})) as bench:
        bench.peer.say(ENERGY_BOOT)
        bench.dut.wait_ready(1.0)
        inference = bench.dut.infer(70, 10, 1.0)
        assert inference.results == (0.0, 0.996, 106.28054)
        assert (inference.start_us, inference.stop_us) == (None, None)
        assert inference.lines == tuple(INFER.split("\r\n")[:-1])


def test_an_inference_in_performance_mode():
    with Bench(script({"infer 70 10": TIMED})) as bench:
        inference = bench.dut.infer(70, 10, 1.0)
        assert (inference.start_us, inference.stop_us) == (123456, 234567)


def test_a_counter_that_wraps_between_the_laps_is_unwrapped():
    wrapped = TIMED.replace("123456", "4294900000").replace("234567", "100000")
    with Bench(script({"infer 70 10": wrapped})) as bench:
        inference = bench.dut.infer(70, 10, 1.0)
        assert inference.stop_us - inference.start_us == 2**32 - 4294900000 + 100000


def test_a_leading_digit_of_a_lap_that_flipped_is_found_by_the_hosts_clock():
    with Bench(script({"infer 70 10": TIMED.replace("234567", "934567")})) as bench:
        assert (
            "between two m-lap-us"
            in bench.fails("dut.unexpected", lambda: bench.dut.infer(70, 10, 1.0)).message
        )


@pytest.mark.parametrize(
    "glued",
    [
        TIMED.replace("m-infer-done\r\n", "m-infer-done"),
        TIMED.replace("m-warmup-start-10\r\n", "infer 70 10%m-warmup-start-10\r\n"),
        TIMED.replace("m-lap-us-123456\r\n", "m-lap-us-123456"),
        TIMED.replace("m-infer-start-70", "debug: m-infer-start-70 error failed"),
        TIMED.replace("\r\n", "\n"),
    ],
)
def test_glued_lines_and_chatter_are_understood(glued):
    with Bench(script({"infer 70 10": glued})) as bench:
        inference = bench.dut.infer(70, 10, 1.0)
        assert (inference.start_us, inference.stop_us, inference.results[1]) == (123456, 234567, 0.996)


def test_a_lost_result_line_is_asked_for_again():
    lost = INFER.replace("m-results-[0.000,0.996,106.280540]\r\n", "").replace("done", "donerGI[0.0,0.999]")
    with Bench(script({"infer 70 10": lost, "results": "m-results-[0.25,0.75]\r\n"})) as bench:
        assert bench.dut.infer(70, 10, 1.0).results == (0.25, 0.75)
        assert bench.peer.commands == [b"infer 70 10", b"results"]


def test_a_lost_m_ready_after_the_inference_is_survived():
    answers = script({"results": "m-results-[0.25,0.75]\r\n", "name": "m-name-dut-[x]\r\n"})

    def answer(command):
        return INFER.encode() + b"m-redy\r\n" if command == b"infer 70 10" else answers(command)

    with Bench(answer) as bench:
        assert bench.dut.infer(70, 10, 0.4).results == (0.0, 0.996, 106.28054)
        assert bench.dut.results() == (0.25, 0.75)


@pytest.mark.parametrize("old", ["m-infer-start-70", "m-warmup-start-10"])
@pytest.mark.parametrize("new", ["m-infer-start-71", "m-warmup-start-1", "m-infer-sta"])
def test_an_echo_of_another_number_or_none_is_unexpected(old, new):
    with Bench(script({"infer 70 10": INFER.replace(old, new)})) as bench:
        bench.fails("dut.unexpected", lambda: bench.dut.infer(70, 10, 1.0))


def test_a_lost_lap_is_unexpected():
    with Bench(script({"infer 70 10": TIMED.replace("m-lap-us-123456\r\n", "")})) as bench:
        bench.fails("dut.unexpected", lambda: bench.dut.infer(70, 10, 1.0))


def test_results_that_are_no_numbers_are_unexpected():
    with Bench(script({"infer 70 10": INFER.replace("0.996", "0.9x6")})) as bench:
        bench.fails("dut.unexpected", lambda: bench.dut.infer(70, 10, 1.0))


def test_an_error_answer_carries_the_duts_words():
    with Bench(script({})) as bench:
        error = bench.fails("dut.error-answer", bench.dut.name)
        assert "e-[Unknown command: name]" in error.message


def test_an_answer_without_its_line_is_unexpected():
    with Bench(script({"name": "nobody\r\n", "profile": "", "results": "x\r\n"})) as bench:
        for call in (bench.dut.name, bench.dut.profile, bench.dut.results):
            bench.fails("dut.unexpected", call)


@pytest.mark.parametrize("end", [b"m-redy\r\n", b"m-ready", b"[x]m-ready\r\n", b"m-ready now\r\n"])
def test_an_answer_is_complete_only_at_the_exact_m_ready(end):
    with Bench(lambda command: b"m-name-dut-[x]\r\n" + end) as bench:
        bench.fails("dut.incomplete", bench.dut.name)


def test_a_garbled_answer_is_called_so():
    with Bench(lambda command: b"m-name-dut-[\xe9]\r\nm-re\xe1dy\r\n") as bench:
        bench.fails("dut.garbled", bench.dut.name)


def test_after_a_broken_answer_the_next_command_gets_its_own():
    answers = script({"name": "m-name-dut-[x]\r\n", "profile": "m-profile-[p]\r\n"})
    broken = [True]

    def answer(command):
        if broken.pop() if broken else False:
            return b"m-profile-[late"
        return answers(command)

    with Bench(answer) as bench:
        bench.fails("dut.incomplete", bench.dut.profile)
        bench.peer.say(b"]\r\nm-ready\r\n")
        assert bench.dut.profile() == Profile("p", "")


def test_a_reset_in_mid_command_is_noticed_at_once():
    with Bench(lambda command: b"m-warmup-start-10\r\n" + ENERGY_BOOT) as bench:
        begin = time.monotonic()
        error = bench.fails("dut.reset", lambda: bench.dut.infer(70, 10, 10.0))
        assert time.monotonic() - begin < 2.0
        assert "infer 70 10" in error.message


def test_a_reset_between_two_commands_is_noticed():
    with Bench(script({"name": "m-name-dut-[x]\r\n"})) as bench:
        bench.dut.name()
        bench.peer.say(ENERGY_BOOT)
        time.sleep(0.05)
        bench.fails("dut.reset", bench.dut.name)
        assert bench.dut.name() == "x"


@pytest.mark.parametrize("command", ["", "name%", "name\r\n", "nämé"])
def test_what_is_no_command_is_never_sent(command):
    with pytest.raises(ValueError, match="not a command"):
        terminated(command)


@pytest.mark.parametrize(
    "call", [lambda dut: dut.load(b""), lambda dut: dut.infer(0, 1, 1.0), lambda dut: dut.infer(1, -1, 1.0)]
)
def test_senseless_requests_are_refused_before_the_wire(call):
    with Bench() as bench:
        with pytest.raises(ValueError, match=r"nothing to load|at least one iteration"):
            call(bench.dut)
        assert bench.peer.commands == []


def test_the_benchs_driver_opens_a_port():
    with Peer(script({"name": "m-name-dut-[x]\r\n"})) as peer:
        dut = open_dut(peer.url, settings={"baud": 9600}, clock=CLOCK, transcript=Log())
        assert dut.name() == "x"
        dut.close()
