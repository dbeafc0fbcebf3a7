"""The IO manager's own checks: unit tests with sanitizers, static analysis, a short fuzz, size limits."""

from __future__ import annotations

import importlib.util
import re

import pytest

from tests.firmware.support import FIRMWARE, needs
from tests.firmware.uno_in_simavr import make_here

FOLDER = FIRMWARE / "io_manager"


def test_unit_tests_pass_with_sanitizers():
    needs("make", "avr-gcc", "gcc")
    done = make_here("test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^0 failures in \d\d tests$", done.stdout, re.MULTILINE)


def test_it_fits_flash_and_ram_and_says_so():
    needs("make", "avr-gcc")
    done = make_here("size")
    assert done.returncode == 0, done.stdout + done.stderr
    sizes = re.search(r"flash (\d+) of 8192 bytes; RAM (\d+) of 1228 bytes", done.stdout)
    assert sizes
    assert int(sizes[1]) <= 8192
    assert int(sizes[2]) <= 1228


@pytest.mark.parametrize("limit", ["FLASH_LIMIT=4000", "RAM_LIMIT=900"])
def test_more_than_the_limits_is_a_failure(limit):
    needs("make", "avr-gcc")
    assert make_here("size", limit).returncode != 0


def test_static_analysis_finds_nothing():
    needs("make", "avr-gcc", "gcc", "cppcheck", "clang-tidy")
    done = make_here("check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_short_fuzz_finds_nothing():
    """Ten minutes of it is a target of its own: make -C firmware/io_manager fuzz SECONDS=600."""
    needs("make", "avr-gcc", "clang")
    done = make_here("fuzz", "SECONDS=5")
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


LISTING = """
00000100 <main>:
 100:\tcf 93       \tpush\tr28
 102:\tdf 93       \tpush\tr29
 104:\t00 d0       \trcall\t.+0      \t; 0x106 <main+0x6>
 106:\tcd b7       \tin\tr28, 0x3d\t; 61
 108:\tde b7       \tin\tr29, 0x3e\t; 62
 10a:\t65 97       \tsbiw\tr28, 0x15\t; 21
 10c:\tcd bf       \tout\t0x3d, r28\t; 61
 10e:\t0e 94 00 01 \tcall\t0x200\t; 0x200 <worker>
 112:\t09 95       \ticall

00000200 <worker>:
 200:\tcf 93       \tpush\tr28
 202:\t08 95       \tret

00000300 <do_it>:
 300:\tcf 93       \tpush\tr28
 302:\tdf 93       \tpush\tr29
 304:\tef 93       \tpush\tr30
 306:\t08 95       \tret

00000400 <__vector_2>:
 400:\t8f 93       \tpush\tr24
 402:\t00 c0       \trjmp\t.+0      \t; 0x200 <worker>

00000500 <__vector_19>:
 500:\t18 95       \treti
"""


def test_the_stack_is_added_up_over_calls_pointers_jumps_and_interrupts():
    spec = importlib.util.spec_from_file_location("stack_usage", FOLDER / "stack_usage.py")
    assert spec
    assert spec.loader
    stack_usage = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stack_usage)
    assert stack_usage.deepest(stack_usage.functions(LISTING)) == {
        # return address, two pushes, two by rcall, a frame of 21, and the deeper of two calls
        "main": 2 + 2 + 2 + 21 + (2 + 3),
        "__vector_2": 2 + 1 + 1,
        "__vector_19": 2 * 2,
    }
