"""What the emulated DUT tells of itself: its pin's levels, phases, text, sleep, each with its own time."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.firmware.dut_rig import PosixTracedRig, QemuRig, TracedRig, posix_program, qemu_image, rig
from tests.firmware.support import BUILD, make, needs

HOLD_S = 1e-3
ROUND = 2**32
"""Ticks after which the counter of the QEMU machine is where it was."""


@pytest.fixture(params=["posix", "qemu"])
def dut(request):
    with rig(request.param, "toy01", "energy") as rig_:
        assert isinstance(rig_, TracedRig)
        rig_.boot()
        yield rig_


def pulses(dut: TracedRig) -> list[int]:
    """Durations of the pin's low pulses, in ticks."""
    levels = [event for event in dut.events if event.kind in "LH"]
    assert "".join(event.kind for event in levels) == "LH" * (len(levels) // 2)
    return [high.ticks - low.ticks for low, high in zip(levels[::2], levels[1::2], strict=True)]


def windows(dut: TracedRig) -> list[int]:
    """Ticks between the falling edges of each `infer`, the boot's edge left out."""
    falls = [event.ticks for event in dut.events if event.kind == "L"][1:]
    return [stop - start for start, stop in zip(falls[::2], falls[1::2], strict=True)]


def test_a_trial_tells_its_events_in_order(dut):
    dut.forget()
    dut.ask("infer 3 1")
    told = [(event.kind, event.argument) for event in dut.events if event.kind in "PLHT"]
    sizes = [
        len(text) + 2 for text in ("m-warmup-start-1", "m-warmup-done", "m-infer-start-3", "m-infer-done")
    ]
    start, warm, infer, done = [("T", size) for size in sizes]
    edge = [("L", 0), ("H", 0)]
    trial = [("P", 2), start, ("P", 3), ("P", 0), warm, infer, *edge, ("P", 4), ("P", 0), *edge, done]
    assert told[: len(trial)] == trial
    assert {kind for kind, _ in told[len(trial) :]} == {"T"}  # results and m-ready
    assert dut.events[-1].kind == "I"


def test_its_time_never_goes_back(dut):
    for command in ("infer 20 2", "name", "timestamp", "infer 1 0"):
        dut.ask(command)
    times = [event.ticks for event in dut.events]
    assert times == sorted(times)


def test_text_is_told_byte_for_byte(dut):
    dut.forget()
    dut.send(b"help%infer 2 0%output%")
    dut.settle(22)
    assert sum(event.argument for event in dut.events if event.kind == "T") == len(dut.text)


def test_idle_is_the_last_it_tells_and_time_stands_still_until_it_is_woken(dut):
    for command in ("name", "infer 3 1", "db load 4", ""):
        dut.ask(command)
        cpu_s = dut.cpu_s()
        assert not dut.pump(0.3)  # nothing more comes
        assert dut.cpu_s() - cpu_s <= 0.02  # and it does not spin: some clock ticks of the kernel at most
        assert dut.events[-1].kind == "I"
    sleeps = [(a, b) for a, b in zip(dut.events, dut.events[1:], strict=False) if a.kind == "I"]
    assert len(sleeps) >= 4
    for idle, woken in sleeps:
        assert woken.kind == "W"
        assert woken.ticks == idle.ticks


def test_it_tells_how_many_bytes_it_took(dut):
    dut.forget()
    data = b"name%" * 20 + b"na"
    dut.send(data)
    dut.settle(len(data))
    assert sum(event.argument for event in dut.events if event.kind == "I") == len(data)


def test_the_pin_is_held_low_for_the_hold_time(dut):
    for _ in range(20):
        dut.ask("timestamp")
        dut.ask("infer 1 0")
    expected = HOLD_S * dut.tick_hz
    # QEMU: to a tick or so, posix: to the time of some system calls.
    tolerance = 2 if isinstance(dut, QemuRig) else 50e-6 * dut.tick_hz
    assert all(abs(pulse - expected) <= tolerance for pulse in pulses(dut)), pulses(dut)


def test_windows_of_the_qemu_build_repeat_to_the_tick():
    with QemuRig(qemu_image("toy01", "energy")) as dut:
        dut.boot()
        for _ in range(10):
            dut.ask("infer 5 1")
        found = windows(dut)
    assert len(found) == 10
    assert max(found) - min(found) <= 2, found


def test_a_host_that_does_not_read_does_not_take_the_duts_time():
    # A socket takes few single bytes; waiting for room must not count as busy.
    with QemuRig(qemu_image("toy01", "energy")) as dut:
        dut.boot()
        data = b"timestamp%" * 25
        dut.send(data)
        time.sleep(0.5)
        dut.settle(len(data))
        expected = HOLD_S * dut.tick_hz
        # A receive interrupt in the moment before the edge shortens the pulse by its 14 ticks.
        assert all(abs(pulse - expected) <= 20 for pulse in pulses(dut)), pulses(dut)
        steps = [b.ticks - a.ticks for a, b in zip(dut.events, dut.events[1:], strict=False)]
        assert max(steps) < expected + 100


@pytest.mark.parametrize("mode", ["energy", "performance"])
def test_the_64_bit_time_goes_on_across_the_counters_wraps(mode):
    # 1024 ns an instruction: the counter goes round every 171.8 s, here after some 800 inferences.
    with QemuRig(qemu_image("toy01", mode), icount="shift=10,sleep=off") as dut:
        dut.boot()

        def inference_s(count: int) -> float:
            first = len(dut.events)
            answer = dut.ask(f"infer {count} 0")
            if mode == "performance":
                laps = [int(line.removeprefix("m-lap-us-")) for line in answer if "m-lap-us-" in line]
                return (laps[1] - laps[0]) / 1e6 / count
            falls = [event.ticks for event in dut.events[first:] if event.kind == "L"]
            return (falls[1] - falls[0]) / dut.tick_hz / count

        one_s = inference_s(100)
        assert one_s * 100 < ROUND / dut.tick_hz
        for _ in range(3):
            assert inference_s(1500) == pytest.approx(one_s, rel=1e-3)
        assert dut.events[-1].ticks > 4 * ROUND


def test_the_posix_builds_time_is_scaled():
    found: list[float] = []
    for scale in ("1", "50"):
        with PosixTracedRig(posix_program("toy01", "energy"), "--scale", scale) as dut:
            dut.boot()
            for _ in range(10):  # long enough, and often, for a busy machine to leave one alone
                dut.ask("infer 20000 0")
            assert all(
                abs(pulse - 1e6) < 50e3 * float(scale) for pulse in pulses(dut)
            )  # waiting is not scaled
            found.append(min(windows(dut)) - 1e6)
    assert found[1] / found[0] == pytest.approx(50, rel=0.5)


def test_the_hold_time_is_chosen_when_building():
    needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
    make("DUT_BUILD=build/dut-hold", "DEFINES=-DDUT_HOLD_US=100", "build/dut-hold/qemu-toy01-energy.elf")
    with QemuRig(BUILD / "dut-hold" / "qemu-toy01-energy.elf") as dut:
        dut.boot()
        dut.ask("timestamp")
        assert all(abs(pulse - 2500) <= 2 for pulse in pulses(dut))


STACK_PATTERN = b"\xa5"


def test_half_of_the_stack_is_never_used():
    image = qemu_image("vww01", "energy")
    symbols = dict(
        reversed(line.split()[::2])
        for line in subprocess.check_output(["arm-none-eabi-nm", image], text=True).splitlines()
        if line.split()[-1].startswith("linker_stack")
    )
    bottom, top = (int(symbols[f"linker_stack_{end}"], 16) for end in ("bottom", "top"))
    with QemuRig(image) as dut:
        dut.boot()
        for command in ("help", "infer 1 1", "results", "output", "db load 99999999", "x" * 90):
            dut.ask(command)
        stack = dut.memory(bottom, top - bottom)
    untouched = len(stack) - len(stack.lstrip(STACK_PATTERN))
    assert untouched > len(stack) // 2, f"{len(stack) - untouched} of {len(stack)} bytes used"
