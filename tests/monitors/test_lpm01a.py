"""The driver against a scripted peer: what a twin that behaves does not do."""

from __future__ import annotations

import threading
import time

import pytest

from drivers.links.clock import RealClock
from drivers.links.serial_link import SerialLink
from drivers.lpm01a.driver import Lpm01a, open_lpm01a, switch_off
from drivers.lpm01a.setup import Choice
from energy.errors import BenchError
from energy.signal import SampleKind
from tests.links.peer import Log, Peer
from tests.monitors.sink import Keeper, setup

CLOCK = RealClock()
STREAM = b"3312-08\r\n" * 20


class PowerShield:
    """A PowerShield's console after protocols.md 3.1 and 3.3; answers can be replaced by command."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", " "): reply for name, reply in answers.items()}
        self.on = True
        self.streaming = False
        self.data = {
            "powershield": "ack powershield 540619864-1110659081-4784204",
            "version": "ack version: 1.0.6",
            "volt get": "ack volt get 3292-03",
            "temp degc": "ack temp degc 28.0",
        }
        self.peer = Peer(self, end=b"\n")
        self._thread = None

    def __call__(self, command: bytes) -> bytes:
        text = command.decode().strip()
        if text in self.answers:
            reply = self.answers[text]
            return reply if isinstance(reply, bytes) else self.wrap(reply)
        if text == "pwr off":
            self.on = False
        if text == "start":
            self.begin()
            return self.wrap("ack start") + STREAM
        if text == "stop" and self.streaming:
            self.streaming = False
            self._thread.join()
            return STREAM + b"end\r\n" + self.wrap("Acquisition completed")
        if text in ("stop", ""):
            return b""
        return self.wrap(self.data.get(text, f"ack {text}"))

    @staticmethod
    def wrap(reply: str) -> bytes:
        return f"\r\n\0PowerShield > {reply}\r\n\r\n".encode()

    def begin(self):
        self.streaming = True

        def stream():
            while self.streaming:
                self.peer.say(STREAM)
                time.sleep(0.002)

        self._thread = threading.Thread(target=stream, daemon=True)
        self._thread.start()

    def open(self, output="energy"):
        self.log = Log()
        link = SerialLink(
            self.peer.url, baud=3686400, clock=CLOCK, transcript=self.log, source="monitor", strip_nul=True
        )
        return Lpm01a(link, Choice(output=output))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.streaming = False
        self.peer.close()


def fails(code, call):
    with pytest.raises(BenchError) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value


def test_it_says_who_it_is_without_taking_control():
    with PowerShield() as shield:
        monitor = shield.open()
        identity = monitor.identify()
        assert identity.serial_number == "540619864-1110659081-4784204"
        assert identity.firmware == "1.0.6"
        assert b"htc" not in shield.peer.commands
        monitor.close()
        assert b"hrc" not in shield.peer.commands


def test_the_set_up_is_that_of_the_mlcommons_runner():
    with PowerShield() as shield:
        monitor = shield.open()
        signal = monitor.configure(setup(1000.0, 3.3))
        commands = [command.decode() for command in shield.peer.commands]
        runner = ["htc", "pwr off", "acqtime inf", "trigdelay 0", "trigsrc sw", "eventsrc d7 fal"]
        runner += ["output energy", "format ascii_dec", "freq 1k", "volt 3300m"]
        assert [command for command in commands if command in runner] == runner
        assert [command[:5] for command in commands[1:3]] == ["lcd 1", "lcd 2"]
        assert all(len(command) <= len('lcd 1 ""') + 16 for command in commands[1:3])
        assert (signal.kind, signal.rate_hz, signal.dtype) == (SampleKind.ENERGY, 1000.0, "float64")
        assert monitor.settings()["volt get"] == "3292-03"
        monitor.close()
        assert shield.peer.commands[-1] == b"hrc"


def test_current_needs_the_voltage_that_was_set():
    with PowerShield() as shield:
        monitor = shield.open("current")
        signal = monitor.configure(setup(500.0, 3.3))
        assert (signal.kind, signal.voltage_v) == (SampleKind.CURRENT, 3.3)
        assert {b"output current", b"funcmode optim", b"freq 500"} <= set(shield.peer.commands)
        monitor.close()


@pytest.mark.parametrize(
    ("rate", "voltage", "code"),
    [(100e3, 3.3, "lpm01a.rate"), (1000.0, 1.7, "lpm01a.voltage"), (1000.0, 3.0005, "lpm01a.voltage")],
)
def test_what_it_cannot_do_is_refused_before_anything_is_sent(rate, voltage, code):
    with PowerShield() as shield:
        monitor = shield.open()
        fails(code, lambda: monitor.configure(setup(rate, voltage)))
        assert shield.peer.commands == []
        monitor.close()


def test_a_refusal_carries_command_and_detail():
    refusal = "error freq 1k\r\nError detail: output energy is limited to 100 Hz"
    with PowerShield(freq_1k=refusal) as shield:
        monitor = shield.open()
        error = fails("lpm01a.refused", lambda: monitor.configure(setup(1000.0, 3.3)))
        assert "freq 1k" in error.message
        assert "limited to 100 Hz" in error.message
        monitor.close()


@pytest.mark.parametrize("command", ["pwr off", "eventsrc d7 fal"])
def test_old_firmware_without_a_command_is_to_be_updated(command):
    key = command.replace(" ", "_")
    refusal = f"error {command}\r\nError detail: unknown command"
    with PowerShield(**{key: refusal}) as shield:
        monitor = shield.open()
        monitor.identify()
        error = fails("lpm01a.refused", lambda: monitor.configure(setup(1000.0, 3.3)))
        assert f"refuses `{command}`" in error.message
        assert "update the LPM01A to firmware 1.0.6" in error.hint
        assert "energy" not in error.hint
        assert "start" not in shield.peer.commands
        assert "pwr on nostatus" not in shield.peer.commands
        monitor.close()


def test_an_output_that_old_firmware_cannot_switch_off_is_unconfirmed_with_the_reason():
    with PowerShield(pwr_off="error pwr off\r\nError detail: unknown command") as shield:
        monitor = shield.open()
        error = fails("lpm01a.off-unconfirmed", monitor.off)
        assert "refuses `pwr off`" in error.message
        assert "1.0.6" in error.hint
        monitor.close()


def test_an_echo_of_another_command_is_not_an_acknowledgement():
    with PowerShield(htc="ack hrc") as shield:
        monitor = shield.open()
        fails("lpm01a.echo", monitor.on)
        monitor.close()


def test_a_voltage_that_reads_back_otherwise_is_an_error():
    with PowerShield(volt_get="ack volt get 1800-03") as shield:
        monitor = shield.open()
        assert "1800-03" in fails("lpm01a.readback", lambda: monitor.configure(setup(1000.0, 3.3))).message
        monitor.close()


def test_an_overcurrent_during_a_command_is_called_so():
    with PowerShield(pwr_on_nostatus=b"error: Overcurrent >59mA, dynamic acquisition stopped\r\n") as shield:
        monitor = shield.open()
        assert "59mA" in fails("lpm01a.overcurrent", monitor.on).message
        monitor.close()


def test_a_refused_start_leaves_no_stream():
    with PowerShield(start="error start\r\nError detail: no") as shield:
        monitor = shield.open()
        monitor.configure(setup(1000.0, 3.3))
        fails("lpm01a.refused", lambda: monitor.start(Keeper()))
        monitor.on()
        monitor.close()


def test_off_works_in_mid_stream_and_the_stream_ends_without_a_fault():
    with PowerShield() as shield:
        monitor, sink = shield.open(), Keeper()
        monitor.configure(setup(1000.0, 3.3))
        shield.on = True
        monitor.start(sink)
        time.sleep(0.03)
        monitor.off()
        assert not shield.on
        monitor.stop()
        assert not sink.faults
        assert sink.stop > 0
        monitor.close()


def test_off_is_tried_three_times_and_says_if_it_cannot_be_confirmed(monkeypatch):
    monkeypatch.setattr("drivers.lpm01a.driver._OFF_S", 0.05)
    with PowerShield(pwr_off=b"") as shield:
        monitor = shield.open()
        assert "Pull" in fails("lpm01a.off-unconfirmed", monitor.off).hint
        assert shield.peer.commands.count(b"pwr off") == 3
        monitor.close()


def test_an_unplugged_monitor_is_a_fault_of_the_stream_and_what_came_before_is_kept():
    with PowerShield() as shield:
        monitor, sink = shield.open(), Keeper()
        monitor.configure(setup(1000.0, 3.3))
        monitor.start(sink)
        time.sleep(0.03)
        shield.streaming = False
        time.sleep(0.02)
        shield.peer.unplug()
        time.sleep(0.05)
        assert [error.code for error in sink.faults] == ["link.unplugged"]
        assert sink.stop > 0
        monitor.stop()  # the fault has been told
        fails("link.unplugged", monitor.off)
        monitor.close()


def test_what_a_killed_session_left_running_is_stopped_first():
    with PowerShield() as shield:
        shield.begin()
        monitor = shield.open()
        assert monitor.identify().firmware == "1.0.6"
        assert shield.peer.commands[0] == b"stop"
        monitor.close()


def test_the_guardian_switches_off_a_streaming_monitor_within_a_second():
    with PowerShield() as shield:
        shield.begin()
        shield.peer.say(b"volt 33")
        begin = time.monotonic()
        assert switch_off(shield.peer.url)
        assert time.monotonic() - begin < 1.0
        assert not shield.on
        assert not shield.streaming


def test_the_guardian_waits_for_a_port_that_is_still_held():
    with PowerShield() as shield:
        link = SerialLink(shield.peer.url, baud=3686400, clock=CLOCK, source="monitor")
        timer = threading.Timer(0.2, link.close)
        timer.start()
        assert switch_off(shield.peer.url)
        timer.join()


def test_the_guardian_tells_if_nobody_confirms():
    with PowerShield(pwr_off=b"") as shield:
        assert not switch_off(shield.peer.url, timeout_s=0.1)
    with pytest.raises(BenchError, match=r"link\.missing"):
        switch_off("/dev/ttyNOT-THERE", timeout_s=0.05)


def test_the_benchs_driver_opens_a_port_and_falls_back_to_a_common_rate(monkeypatch):
    import serial

    opened = []
    real = serial.serial_for_url

    def refusing(url, baudrate, **rest):
        opened.append(baudrate)
        if baudrate == 3686400:
            raise ValueError("Failed to set custom baud rate (3686400)")
        return real(url, baudrate=baudrate, **rest)

    monkeypatch.setattr(serial, "serial_for_url", refusing)
    with PowerShield() as shield:
        monitor = open_lpm01a(shield.peer.url, settings={"virtual": True}, clock=CLOCK, transcript=Log())
        assert opened == [3686400, 115200]
        assert monitor.identify().virtual
        monitor.close()
