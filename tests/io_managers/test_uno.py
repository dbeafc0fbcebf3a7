from __future__ import annotations

import time

import pytest

from drivers.io_managers.uno import UnoIoManager, open_uno
from drivers.links.clock import RealClock
from drivers.links.serial_link import SerialLink
from energy.errors import BenchError
from energy.instruments import Profile
from tests.links.peer import Log, Peer

CLOCK = RealClock()

# The exchanges of protocols.md 2.1, by what the host sends.
OWN = {
    "tm 0": "m-timestmp-mode-FALLING\r\nm-[Timer disabled after mode change]\r\nm-ready\r\n",
    "enable-timer": "m-timer-enabled\r\nm-ready\r\n",
    "disable-timer": "m-timer-disabled\r\nm-ready\r\n",
    "name": "m-name-io-manager-[eembc]\r\nm-ready\r\n",
    "version": "1.0.3\r\nm-ready\r\n",
}
DUT = {
    "profile": "[dut]: m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\n"
    "[dut]: m-model-[kws01]\r\n[dut]: m-ready\r\n",
    "infer 10 1": "[dut]: m-warmup-start-1\r\nm-lap-us-101025644\r\n[dut]: m-infer-start-10\r\n"
    "[dut]: m-infer-done\r\nm-lap-us-117104804\r\n[dut]: m-results-[106.280540]\r\n[dut]: m-ready\r\n",
    "name": "[dut]: m-name-dut-[x]\r\n[dut]: m-ready\r\n",
}


def answer(command: bytes) -> bytes:
    text = command.decode()
    if text.startswith("dut "):
        asked = text.removeprefix("dut ")
        relayed = DUT.get(asked, "[dut]: m-ready\r\n")
        return f"m-dut-passthrough({asked})\r\nm-ready\r\n{relayed}".encode()
    return OWN.get(text, f"e-[Unknown command: {text}]\r\nm-ready\r\n").encode()


class Bench:
    def __init__(self, answer=answer, reset_s=0.0):
        self.peer = Peer(answer)
        self.log = Log()
        link = SerialLink(self.peer.url, baud=115200, clock=CLOCK, transcript=self.log, source="io")
        self.uno = UnoIoManager(link, reset_s=reset_s, command_timeout_s=0.5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.uno.close()
        self.peer.close()


def own_us(bench):
    return [round(lap.own_s * 1e6) for lap in bench.uno.laps()]


def test_it_says_who_it_is():
    with Bench() as bench:
        identity = bench.uno.identify()
        assert identity.firmware == "1.0.3"
        assert identity.details == {"name": "m-name-io-manager-[eembc]"}


def test_a_version_that_it_does_not_know_is_left_empty():
    with Bench(
        lambda command: b"e-[Unknown command]\r\nm-ready\r\n" if command == b"version" else answer(command)
    ) as bench:
        assert bench.uno.identify().firmware == ""


def test_a_first_name_that_fails_is_asked_again(monkeypatch):
    monkeypatch.setattr("drivers.io_managers.uno._TIMEOUT_S", 0.4)
    lost = [b"", b"\xff\xfe\r\n"]
    with Bench(lambda command: lost.pop() if lost else answer(command)) as bench:
        assert bench.uno.identify().firmware == "1.0.3"
        assert bench.peer.commands == [b"name", b"name", b"name", b"version"]


def test_a_silent_one_is_named_with_its_port(monkeypatch):
    monkeypatch.setattr("drivers.io_managers.uno._TIMEOUT_S", 0.05)
    with Bench(lambda command: b"") as bench:
        with pytest.raises(BenchError) as caught:
            bench.uno.identify()
        assert caught.value.code == "io.silent"
        assert bench.peer.url in caught.value.message


def test_falling_edges_come_before_the_timer():
    with Bench() as bench:
        bench.uno.prepare()
        bench.uno.release()
        assert bench.peer.commands == [b"tm 0", b"enable-timer", b"disable-timer"]


def test_another_answer_is_unexpected():
    with Bench(lambda command: b"m-ready\r\n") as bench, pytest.raises(BenchError, match=r"io\.unexpected"):
        bench.uno.prepare()


def test_an_error_answer_is_one():
    unknown = b"e-[Unknown command: tm]\r\nm-ready\r\n"
    with Bench(lambda command: unknown) as bench, pytest.raises(BenchError, match=r"io\.error-answer"):
        bench.uno.prepare()


def test_nothing_is_sent_before_the_reset_is_over():
    with Bench(reset_s=0.2) as bench:
        begin = time.monotonic()
        bench.uno.prepare()
        assert time.monotonic() - begin >= 0.15


def test_commands_pass_through_and_only_the_duts_own_m_ready_ends_them():
    with Bench() as bench:
        dut = bench.uno.dut()
        assert dut.profile() == Profile("ULPMark for tinyML Firmware V0.0.1", "kws01")
        inference = dut.infer(10, 1, 1.0)
        assert inference.results == (106.28054,)
        assert inference.start_us is None
        assert bench.peer.commands == [b"dut profile", b"dut infer 10 1"]


def test_edges_are_kept_apart_from_what_the_dut_says_and_told_once():
    with Bench() as bench:
        bench.uno.dut().infer(10, 1, 1.0)
        assert own_us(bench) == [101025644, 117104804]
        assert own_us(bench) == []


def test_the_unos_counter_is_unwrapped():
    with Bench() as bench:
        bench.peer.say(b"m-lap-us-4294967288\r\nm-lap-us-4\r\nm-lap-us-8\r\nm-lap-us-0\r\n")
        time.sleep(0.05)
        assert own_us(bench) == [4294967288, 2**32 + 4, 2**32 + 8, 2**33]


def test_inputs_go_in_pieces_that_fit_through():
    stored = b""
    size = 490

    def memory(command: bytes) -> bytes:
        nonlocal stored
        text = command.decode().removeprefix("dut ")
        lines = ""
        if text.startswith("db load"):
            lines = f"[dut]: m-[Expecting {size} bytes]\r\n"
        else:
            stored += bytes.fromhex(text.split(" ")[1])
            lines = "[dut]: m-load-done\r\n" if len(stored) == size else ""
        return f"m-dut-passthrough({text})\r\nm-ready\r\n{lines}[dut]: m-ready\r\n".encode()

    with Bench(memory) as bench:
        data = bytes(k % 251 for k in range(size))
        bench.uno.dut().load(data)
        assert stored == data
        assert max(map(len, bench.peer.commands)) + 1 == 60  # protocols.md 1.6


def test_boot_messages_of_the_dut_come_unasked():
    with Bench() as bench:
        bench.peer.say(b"[dut]: m-timestamp-mode-energy\r\n[dut]: m-init-done\r\n[dut]: m-ready\r\n")
        assert bench.uno.dut().wait_ready(1.0) == "energy"
        assert bench.uno.dut().name() == "x"


def test_a_dut_that_boots_meanwhile_is_noticed():
    with Bench() as bench:
        bench.peer.say(b"[dut]: m-timestamp-mode-energy\r\n[dut]: m-init-done\r\n[dut]: m-ready\r\n")
        time.sleep(0.05)
        with pytest.raises(BenchError, match=r"dut\.reset"):
            bench.uno.dut().name()


def test_a_dut_without_an_answer_is_silent_and_the_hint_names_the_wires_behind_the_uno():
    with Bench(lambda command: b"m-dut-passthrough(name)\r\nm-ready\r\n") as bench:
        with pytest.raises(BenchError) as caught:
            bench.uno.dut().name()
        assert caught.value.code == "dut.silent"
        assert "Uno to DUT" in caught.value.hint
        assert "9600" in caught.value.hint


def test_a_command_that_passed_through_as_another_is_unexpected():
    other = b"m-dut-passthrough(nme)\r\nm-ready\r\n"
    with Bench(lambda command: other) as bench, pytest.raises(BenchError, match=r"io\.unexpected"):
        bench.uno.dut().name()


def test_after_a_broken_answer_edges_are_still_told():
    broken = [True]

    def once(command: bytes) -> bytes:
        if broken and broken.pop():
            return b"m-dut-passthrough(name)\r\nm-ready\r\n[dut]: m-nam\r\nm-lap-us-400\r\n"
        return answer(command)

    with Bench(once) as bench:
        with pytest.raises(BenchError, match=r"dut\.incomplete"):
            bench.uno.dut().name()
        assert bench.uno.dut().name() == "x"
        assert own_us(bench) == [400]


def test_the_benchs_driver_opens_a_port():
    with Peer(answer) as peer:
        uno = open_uno(peer.url, settings={"reset_s": 0.0}, clock=CLOCK, transcript=Log())
        uno.prepare()
        uno.dut().close()  # the port is the Uno's
        uno.release()
        uno.close()


# Our own firmware (firmware/io_manager/README.md)

OURS = {
    "version": "m-version-[joulebench 0.1.0]\r\nm-ready\r\n",
    "caps": "m-caps-[lap-tk,width,sync,baud,stats,selftest]\r\nm-ready\r\n",
    "lap tk": "m-lap-tk\r\nm-ready\r\n",
    "baud 9600": "m-baud-9600\r\nm-ready\r\n",
    "baud 19200": "m-baud-19200\r\nm-ready\r\n",
}


def ours(command: bytes) -> bytes:
    return OURS[command.decode()].encode() if command.decode() in OURS else answer(command)


def test_our_firmware_is_asked_for_its_ticks_and_told_the_dut_s_rate():
    with Bench(ours) as bench:
        identity = bench.uno.identify()
        assert identity.details["capabilities"] == "lap-tk,width,sync,baud,stats,selftest"
        assert bench.uno.timing.tick_s < UnoIoManager.timing.tick_s
        bench.uno.prepare()
        assert bench.peer.commands[-4:] == [b"baud 9600", b"tm 0", b"lap tk", b"enable-timer"]
        bench.peer.say(b"m-lap-tk-8589934599\r\n")
        time.sleep(0.05)
        (lap,) = bench.uno.laps()
        assert lap.own_s == pytest.approx(4294.9672995, abs=1e-9)


def at_19200(peer):
    settings = {"dut_baud": 19200, "reset_s": 0.0}
    return open_uno(peer.url, settings=settings, clock=CLOCK, transcript=Log())


def test_another_rate_to_the_dut_is_set_with_our_firmware():
    with Peer(ours) as peer:
        uno = at_19200(peer)
        uno.identify()
        assert b"baud 19200" in peer.commands
        uno.close()


def test_another_rate_to_the_dut_is_refused_with_the_other_firmware():
    with Peer(answer) as peer:
        uno = at_19200(peer)
        with pytest.raises(BenchError, match=r"19200.*io\.baud"):
            uno.identify()
        uno.close()


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("e-[Edges lost, at least: 3]", "bounces"),
        ("e-[DUT line cut, bytes lost: 200]", "without a pause"),
        ("e-[Reset by watchdog, was at: 812]", "hung"),
    ],
)
@pytest.mark.parametrize("drained", [False, True])
def test_what_it_reports_as_lost_is_never_passed_over(line, hint, drained):
    with Bench(ours) as bench:
        bench.uno.identify()
        bench.peer.say(f"{line}\r\n".encode())
        time.sleep(0.05)
        if drained:
            bench.uno.drain()
        with pytest.raises(BenchError) as caught:
            bench.uno.prepare()
        assert caught.value.code == "io.lost"
        assert line in caught.value.message
        assert hint in caught.value.hint
        bench.uno.prepare()  # told once


def test_noise_between_lines_as_when_a_dut_gets_its_power_is_noted_and_no_more():
    with Bench(ours) as bench:
        bench.uno.identify()
        bench.peer.say(b"e-[DUT bytes lost: 1]\r\n")
        time.sleep(0.05)
        bench.uno.prepare()
        assert "e-[DUT bytes lost: 1]" in bench.log.texts()


def test_a_loss_that_is_told_within_an_answer_does_not_spoil_it():
    def late(command: bytes) -> bytes:
        return (b"e-[Edges lost, at least: 1]\r\n" if command == b"tm 0" else b"") + ours(command)

    with Bench(late) as bench:
        bench.uno.identify()
        with pytest.raises(BenchError, match=r"Edges lost.*io\.lost"):
            bench.uno.prepare()
        assert bench.peer.commands[-1] == b"tm 0"  # which was answered; the next command is refused
