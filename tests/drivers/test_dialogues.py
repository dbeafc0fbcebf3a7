"""One dialogue for each driver, byte for byte on a real wire: a failure names the command.

What the files in ``dialogues`` say comes from docs/reference/protocols.md, not from the drivers or their
twins: 1.3 (DUT), 2.1 and 2.2 (IO managers), 3 (LPM01A), 4.1 (N6705), 4.2 (Keithley), 6 (PPK2); what a
Joulescope is asked comes from joulescope.md 1.3.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from drivers.links.clock import RealClock
from drivers.testkit import driver
from energy.errors import BenchError
from energy.instruments import Setup
from tests.drivers.dialogue import LPM01A, PERCENT, PPK2, SCPI, Framing, Play, PlayedTopics, played

SUPPLY = {"voltage_v": 1.8, "highest_v": 3.6, "highest_a": 0.05}

NO_WIRE = {
    "hook": "runs a command (tests/supplies/test_hook_and_manual.py)",
    "manual": "asks a person",
    "replay": "plays a recording",
}
"""Drivers without a dialogue, and why."""


def talk_dut(dut: Any) -> None:
    assert dut.wait_ready(0.05) == "performance"  # it has booted long ago: it is asked
    assert dut.name() == "board"
    assert dut.profile().model == "ad01"
    assert dut.timestamp() == 1000
    dut.load(b"\x01\x02\xff")
    inference = dut.infer(10, 1, 5.0)
    assert (inference.start_us, inference.stop_us) == (5000, 5100)
    assert dut.results() == (106.28054,)


def talk_uno(io: Any) -> None:
    assert "1.0.3" in io.identify().firmware
    io.prepare()
    assert io.dut().profile().model == "kws01"
    io.release()


def talk_board(io: Any) -> None:
    assert io.identify().details["dut_baud"] == 9600
    assert io.dut().name() == "syntiant"


def talk_lpm01a(monitor: Any) -> None:
    assert monitor.identify().firmware == "1.0.6"
    monitor.configure(Setup(1000.0, 1.8, 3.6, 0.05))
    monitor.on()
    monitor.off()
    assert monitor.off_confirmed


def talk_ppk2(monitor: Any) -> None:
    monitor.identify()
    monitor.configure(Setup(100_000.0, 1.8, 3.6, 0.05))
    monitor.on()


def talk_n6705(monitor: Any) -> None:
    assert monitor.identify().serial_number == "MY56000000"
    signal = monitor.configure(Setup(1 / 204.8e-6, 1.8, 3.6, 0.05, "io"))
    assert signal.rate_hz == pytest.approx(1 / 204.8e-6)
    monitor.on()
    monitor.off()


def talk_2461(monitor: Any) -> None:
    assert monitor.identify().serial_number == "04110442"
    assert monitor.configure(Setup(50_000.0, 1.8, 3.6, 0.05)).rate_hz == 50_000.0
    monitor.on()
    monitor.off()


def talk_2450(monitor: Any) -> None:
    assert monitor.identify().serial_number == "04012345"
    rate_hz = monitor.configure(Setup(monitor.limits.full_rate_hz, 1.8, 3.6, 0.05, "io")).rate_hz
    assert rate_hz == pytest.approx(1 / 0.0202, rel=1e-3)
    monitor.off()


def talk_supply(supply: Any) -> None:
    supply.set_voltage(1.8)
    supply.on()
    supply.off()
    assert supply.off_confirmed


Talk = Callable[[Any], None]

CASES: dict[tuple[str, str], tuple[Framing, bool, dict[str, Any], Talk]] = {
    ("duts", "mlperf-tiny"): (PERCENT, False, {}, talk_dut),
    ("io_managers", "uno"): (PERCENT, False, {"reset_s": 0.0}, talk_uno),
    ("io_managers", "interface-board"): (PERCENT, False, {}, talk_board),
    ("monitors", "lpm01a"): (LPM01A, False, {}, talk_lpm01a),
    ("monitors", "ppk2"): (PPK2, False, {}, talk_ppk2),
    ("monitors", "keysight-n6705"): (SCPI, True, {}, talk_n6705),
    ("monitors", "keithley-2461"): (SCPI, True, {}, talk_2461),
    ("monitors", "keithley-2450"): (SCPI, True, {}, talk_2450),
    ("supplies", "scpi"): (SCPI, True, SUPPLY, talk_supply),
}
"""By kind and name of the driver: framing, whether over VISA, settings, and what the test does with it."""


def written(name: str) -> str:
    """The dialogue of a driver."""
    return (Path(__file__).parent / "dialogues" / f"{name}.txt").read_text(encoding="utf-8")


def perform(kind: str, name: str, text: str) -> None:
    """Plays the dialogue to the driver."""
    framing, visa, settings, talk = CASES[kind, name]
    with played(text, framing, visa=visa) as url:
        instrument = driver(kind, name)(
            url, settings=dict(settings), clock=RealClock(), transcript=lambda line: None
        )
        try:
            talk(instrument)
        finally:
            instrument.close()


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_driver_keeps_to_its_dialogue(kind: str, name: str):
    perform(kind, name, written(name))


@pytest.mark.parametrize(
    ("kind", "name", "command", "other"),
    [
        ("duts", "mlperf-tiny", "infer 10 1", "infer 10 2"),
        ("monitors", "ppk2", r"\x0d\x07\x08", r"\x0d\x07\x09"),
        ("supplies", "scpi", "CURR 0.05", "CURR 0.06"),
    ],
)
def test_a_command_that_differs_is_named(kind: str, name: str, command: str, other: str):
    changed = written(name).replace(f"> {command}\n", f"> {other}\n", 1)
    with pytest.raises(AssertionError) as caught:
        perform(kind, name, changed)
    came = repr(command.encode().decode("unicode_escape"))
    assert f"'{other}' was expected; the driver sent {came}" in str(caught.value)


def test_what_is_missing_and_what_is_too_much_is_named():
    play = Play("> a\n< 1\n> b", SCPI)
    assert play.received(b"a") == b""
    assert play.received(b"\n") == b"1\n"
    play.finish()
    assert play.problem == "in line 3 'b' was expected; the driver sent nothing more"
    play = Play("> a", SCPI)
    assert play.received(b"a\nb\n") == b""
    assert play.problem == "after its end the driver sent 'b'"


def perform_joulescope(text: str) -> None:
    topics = PlayedTopics(text, "u/js220/000415")
    monitor = driver("monitors", "joulescope")(
        "joulescope",
        settings={"make_driver": lambda: topics},
        clock=RealClock(),
        transcript=lambda line: None,
    )
    try:
        assert monitor.identify().firmware == "1.3.1"
        monitor.configure(Setup(1e6, 1.8, 3.6, 0.05))
    except BenchError:
        assert topics.problem  # the dialogue was left: ``finish`` names it
    finally:
        with contextlib.suppress(BenchError):
            monitor.close()
        topics.finish()


def test_a_joulescope_keeps_to_its_dialogue_of_topics():
    perform_joulescope(written("joulescope"))
    changed = written("joulescope").replace("h/fs = 1000000", "h/fs = 500000")
    with pytest.raises(AssertionError, match="the driver sent 'h/fs = 1000000'"):
        perform_joulescope(changed)


def test_each_driver_has_its_dialogue():
    names = {
        (kind, point.name)
        for kind in ("monitors", "supplies", "io_managers", "duts")
        for point in entry_points(group=f"joulebench.{kind}")
        if point.value.startswith(("drivers.", "energy."))
    }
    assert {pair for pair in names if pair[1] not in NO_WIRE} == {*CASES, ("monitors", "joulescope")}
