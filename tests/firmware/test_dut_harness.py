"""The harness by itself: unit tests in C with sanitizers, static analysis, some fuzzing; all ports build."""

from __future__ import annotations

import random

import pytest

from tests.firmware.dut_rig import PosixTracedRig, Rig, SmallBoardRig, posix_program
from tests.firmware.support import BUILD, make, needs


def test_unit_tests_pass_under_sanitizers():
    needs("make", "gcc")
    make("dut-test")


def test_static_analysis_finds_nothing():
    needs("make", "cppcheck", "clang-tidy")
    make("dut-check")


def test_a_short_fuzzing_finds_nothing():
    needs("make", "clang")
    make("dut-fuzz", "SECONDS=5")


def test_sizes_and_multiply_accumulates_are_reported():
    needs("make", "arm-none-eabi-gcc")
    make("dut-size")


@pytest.mark.parametrize("mode", ["performance", "energy"])
@pytest.mark.parametrize("workload", ["ad01", "ic01", "kws01", "vww01"])
def test_the_board_template_compiles_for_every_workload(workload, mode):
    # It was never run on a board; this says no more than that it compiles and fits.
    needs("make", "arm-none-eabi-gcc")
    name = f"nucleo-l4r5zi-{workload}-{mode}.elf"
    make(f"build/dut/{name}")
    assert (BUILD / "dut" / name).exists()


def test_the_template_port_compiles():
    needs("make", "gcc")
    make("build/dut/template-toy01-energy", "build/dut/template-toy01-performance")


def test_a_small_board_gives_the_same_output():
    # The port that was written by following the guide: Cortex-M3, soft floating point, another UART.
    data = random.Random(4).randbytes(490)
    with PosixTracedRig(posix_program("kws01", "energy")) as dut:
        dut.boot()
        expected = trial(dut, data)
    needs("arm-none-eabi-gcc", "qemu-system-arm")
    name = "lm3s6965evb-kws01-performance.elf"
    with SmallBoardRig(make(f"build/dut/{name}") / "dut" / name) as dut:
        dut.boot()
        first, last = (int(dut.ask("timestamp")[0].removeprefix("m-lap-us-")) for _ in range(2))
        assert first < last
        assert trial(dut, data) == expected


def trial(dut: Rig, data: bytes) -> tuple[bytes, str]:
    """Raw output and results of an input."""
    dut.load(data)
    lines = dut.ask("infer 1 0")
    return dut.output(), lines[-2]
