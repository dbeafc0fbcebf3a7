from __future__ import annotations

import time

import pytest

from drivers.io_managers.interface_board import InterfaceBoard, open_interface_board
from drivers.links.clock import RealClock
from drivers.links.serial_link import SerialLink
from drivers.virtual.bench import VirtualBench
from energy.errors import BenchError
from tests.links.peer import Log, Peer
from tests.virtual.host import Host

CLOCK = RealClock()
NAME = "tinyML Enhanced Interface Board\r\nm-ready\r\n"


@pytest.fixture(autouse=True)
def patient_worlds(monkeypatch):
    """A busy machine may keep a link's thread waiting longer than a virtual clock waits by default."""
    monkeypatch.setattr("drivers.virtual.clock.PATIENCE_S", 5.0)


def fails(code, call):
    with pytest.raises(BenchError) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value


# The twin: its bytes, by a host that shares no code with the driver.


@pytest.fixture
def raw(monkeypatch):
    monkeypatch.setattr("drivers.virtual.clock.PATIENCE_S", 0.02)
    opened = []

    def build(**options):
        bench = VirtualBench(monitor=None, io_manager="interface-board", **options)
        host = Host(bench.urls["io"], bench.clock)
        opened.extend((host, bench))
        return bench, host

    yield build
    for thing in opened:
        thing.close()


def reply(host, command, seconds=0.5):
    host.write(command.encode())
    return host.quiet(seconds).decode()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("name%", "tinyML Enhanced Interface Board\r\nm-ready\r\n"),
        ("checkbaud%", "baud is: 9600\nm-ready\r\n"),
        ("setbaud 9600%", "set baud to: 9600\nm-ready\r\n"),
        ("ls%", "long_wav.wav\r\nm-ready\r\n"),
        ("record_detections%", "Now recording detections\r\nm-ready\r\n"),
        ("print_detections%", "Detection Timestamps (ms)\r\nm-ready\r\n"),
        ("no such thing%", "m-ready\r\n"),
        ("%", "m-ready\r\n"),
        ("namex%", ""),
        ("setbauds%", ""),
    ],
)
def test_the_twins_replies_are_the_documented_ones(raw, command, answer):
    _, host = raw()
    assert reply(host, command) == answer


def test_the_twin_relays_what_the_published_session_shows(raw):
    _, host = raw()
    host.quiet(1.0)
    reply(host, "dut name%")  # which the boot messages end
    assert "m-name-dut-[" in reply(host, "dut help%", 2.0)
    reply(host, "dut name%", 2.0)
    lines = reply(host, "dut name%").split("\r\n")
    assert lines[:2] == ["m-dut-passthrough(name)", "m-ready"]
    assert lines[2].startswith("[dut]: m-name-dut-[")
    assert lines[3:] == ["[dut]: m-ready", ""]


def test_the_twin_plays_as_in_the_published_session(raw):
    _, host = raw()
    assert reply(host, "play long_wav.wav%", 1.0) == "Attempting to play long_wav.wav\r\n"
    assert host.quiet(1.5) == b"succeeded.\r\nm-ready\r\n"
    assert reply(host, "play other.wav%").split("\r\n")[1].startswith("Error playing file")


def test_the_twins_last_m_ready_is_glued_to_a_line_of_numbers_that_is_not_full(raw):
    bench, host = raw()
    bench.io.duty_start, bench.io.duty_stop = list(range(8)), [7, 9]
    text = reply(host, "print_dutycycle%")
    assert "0, 1, 2, 3, 4, 5, 6, 7, \r\n" in text
    assert text.endswith("Duty cycle stop times (s)\r\n7, 9, m-ready\r\n")


def test_the_twin_is_away_after_setbaud_and_keeps_the_rate(raw):
    bench, host = raw()
    reply(host, "setbaud 115200%", 0.1)
    assert reply(host, "name%", 0.1) == ""
    host.quiet(2.0)
    assert reply(host, "checkbaud%") == "baud is: 115200\nm-ready\r\n"
    assert bench.io.flash_writes == 1


def test_the_twin_hears_nothing_while_it_waits_for_the_dut(raw):
    bench, host = raw(faults=["silent-dut"])
    assert reply(host, "dut name%") == "m-dut-passthrough(name)\r\nm-ready\r\n"
    assert reply(host, "name%", 5.0) == ""
    bench.dut.silent = False
    bench.dut.reset()
    text = host.quiet(2.0).decode()
    assert text.endswith("[dut]: m-ready\r\ntinyML Enhanced Interface Board\r\nm-ready\r\n")


# The driver on the twin.


class Session:
    def __init__(self, settings=None, **options):
        self.bench = VirtualBench(monitor=None, io_manager="interface-board", **options)
        self.clock, self.log = self.bench.clock, Log()
        self.board = open_interface_board(
            self.bench.urls["io"],
            settings={"virtual": True, **(settings or {})},
            clock=self.clock,
            transcript=self.log,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.board.close()
        self.bench.close()


@pytest.mark.parametrize("waits_s", [0.0, 3.0], ids=["while it boots", "after it has booted"])
@pytest.mark.parametrize("baud", [9600, 115200])
def test_inferences_go_through_the_board_whenever_the_dut_has_booted(waits_s, baud):
    with Session({"dut_baud": baud}, baud=baud) as session:
        identity = session.board.identify()
        assert identity.details == {"name": "tinyML Enhanced Interface Board", "dut_baud": baud}
        assert identity.virtual
        session.bench.dut.reset()
        session.clock.sleep(waits_s)
        dut = session.board.dut()
        assert dut.wait_ready(20.0) == "energy"
        session.board.prepare()
        dut.load(bytes(k % 251 for k in range(490)))
        assert bytes(session.bench.dut._buffer.data[:490]) == bytes(k % 251 for k in range(490))
        inference = dut.infer(20, 1, 30.0)
        assert len(inference.results) == 12
        assert dut.results() == inference.results
        assert dut.profile().model == "kws01"
        assert session.board.timing is None
        assert session.board.laps() == []
        session.board.release()
        assert session.bench.io.flash_writes == (baud != 9600)
        assert ("dut help%" in session.log.texts(sent=True)) == (waits_s > 0)  # out of step by its boot
        assert "dut timestamp%" not in session.log.texts(sent=True)  # which would have cost an edge


def test_a_rate_that_the_flash_has_already_is_not_written_again():
    with Session({"dut_baud": 115200}) as session:
        session.bench.io.dut_baud = 115200
        session.board.prepare()
        assert session.bench.io.flash_writes == 0
        session.board.set_baud(9600)
        assert session.board.check_baud() == 9600
        assert session.bench.io.flash_writes == 1


def test_boot_text_after_a_reset_is_no_answer():
    with Session({"dut_baud": 57600}) as session:
        session.bench.io.boot_text = b"booting\r\nm-ready\r\nhello"
        session.board.prepare()
        assert session.board.check_baud() == 57600
        assert session.board.files() == ["long_wav.wav"]


def test_a_first_name_that_fails_is_asked_again():
    with Session() as session:
        session.bench.io.lost_names = 2
        session.board.prepare()
        assert session.log.texts(sent=True)[:4] == ["name%", "name%", "name%", "checkbaud%"]


def test_a_board_without_a_card_is_silent_and_the_hint_names_the_card():
    with Session() as session:
        session.bench.io.files = None
        error = fails("io.silent", session.board.identify)
        assert "micro-SD" in error.hint


def test_a_dead_dut_hangs_the_board_and_the_error_says_so_at_once_and_later():
    with Session(faults=[("silent-dut", {"infer": 0, "delay_s": 0.05})]) as session:
        dut = session.board.dut()
        dut.wait_ready(20.0)
        error = fails("io.board-hangs", lambda: dut.infer(1000, 1, 30.0))
        assert "m-infer-start-1000" in error.message
        assert "power off and on" in error.hint
        fails("io.board-hangs", dut.name)
        fails("io.board-hangs", session.board.check_baud)


def test_a_dut_that_never_boots_hangs_the_board():
    with Session(faults=["silent-dut"]) as session:
        error = fails("io.board-hangs", lambda: session.board.dut().wait_ready(3.0))
        assert "nothing arrived" in error.message


def test_another_baud_rate_hangs_the_board_and_the_hint_names_the_rate():
    with Session(faults=["wrong-baud"]) as session:
        error = fails("io.board-hangs", lambda: session.board.dut().wait_ready(3.0))
        assert "9600" in error.hint


def test_a_dut_that_resets_is_noticed_and_its_answers_are_its_own_again_afterwards():
    with Session() as session:
        dut = session.board.dut()
        dut.wait_ready(20.0)
        session.bench.dut.reset()
        session.clock.sleep(2.0)
        fails("dut.reset", dut.profile)
        assert dut.name()
        assert dut.profile().model == "kws01"
        assert len(dut.infer(5, 1, 30.0).results) == 12


def test_a_reset_in_an_inference_is_noticed_too():
    with Session(faults=[("brown-out", {"infer": 0, "delay_s": 0.05})]) as session:
        dut = session.board.dut()
        dut.wait_ready(20.0)
        fails("dut.reset", lambda: dut.infer(1000, 1, 30.0))
        assert dut.profile().model == "kws01"


@pytest.mark.parametrize(
    "settings", [{"bud": 9600}, {"dut_baud": 0}, {"dut_baud": True}, {"baud": "fast"}], ids=str
)
def test_settings_that_it_does_not_have_are_refused_before_the_port_is_opened(settings):
    fails(
        "io.setting",
        lambda: open_interface_board("/dev/none", settings=settings, clock=CLOCK, transcript=Log()),
    )


# The driver against a scripted peer.


def board(url, **options):
    def link():
        return SerialLink(url, baud=115200, clock=CLOCK, transcript=Log(), source="io")

    return InterfaceBoard(link(), link, **options)


def test_an_m_ready_that_is_glued_to_numbers_ends_the_answer():
    answers = {b"name": NAME.encode(), b"checkbaud": b"baud is: 9600\nm-ready\r\n"}
    with Peer(lambda command: answers.get(command, b"7, 9, m-ready\r\n")) as peer:
        it = board(peer.url)
        assert it.command("print_dutycycle") == ["7, 9, "]
        it.close()


def test_a_board_with_another_name_is_unexpected():
    with Peer(lambda command: b"m-ready\r\n") as peer:
        it = board(peer.url)
        assert "tinyML" in fails("io.unexpected", it.prepare).message
        it.close()


def test_a_rate_that_does_not_stay_is_an_error(monkeypatch):
    monkeypatch.setattr("drivers.io_managers.interface_board._RESET_S", 0.01)
    answers = {
        b"name": NAME.encode(),
        b"checkbaud": b"baud is: 9600\nm-ready\r\n",
        b"setbaud 115200": b"set baud to: 115200\nm-ready\r\n",
    }
    with Peer(lambda command: answers[command]) as peer:
        it = board(peer.url, dut_baud=115200)
        assert "115200" in fails("io.baud", it.prepare).message
        it.close()


def test_a_port_that_vanishes_with_the_reset_is_opened_again(monkeypatch, tmp_path):
    monkeypatch.setattr("drivers.io_managers.interface_board._RESET_S", 0.05)
    monkeypatch.setattr("drivers.io_managers.interface_board._LOOK_S", 0.02)
    rate = [9600]
    port = tmp_path / "port"

    def answer(command: bytes) -> bytes:
        if command.startswith(b"setbaud"):
            rate[0] = int(command.split()[1])
            return f"set baud to: {rate[0]}\nm-ready\r\n".encode()
        return NAME.encode() if command == b"name" else f"baud is: {rate[0]}\nm-ready\r\n".encode()

    with Peer(answer) as before, Peer(answer) as after:
        port.symlink_to(before.url)
        it = board(str(port), dut_baud=115200)
        reset = it._wait_for_reset

        def vanish():
            before.unplug()
            port.unlink()
            port.symlink_to(after.url)
            time.sleep(0.02)
            reset()

        it._wait_for_reset = vanish
        it.prepare()
        assert it.check_baud() == 115200
        assert before.commands == [b"name", b"checkbaud", b"setbaud 115200"]
        assert after.commands[:2] == [b"name", b"checkbaud"]
        it.close()
