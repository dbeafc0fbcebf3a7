"""Toolchains and emulators for the tests of the firmware: found, or skipped with the line that installs them.

With ``CI`` set nothing may skip: what is missing is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock

from tests.conftest import ROOT

FIRMWARE = ROOT / "firmware"
BUILD = FIRMWARE / "build"

_PACKAGES = {
    "make": "make",
    "gcc": "gcc",
    "clang": "clang libclang-rt-14-dev",
    "cppcheck": "cppcheck",
    "clang-tidy": "clang-tidy",
    "avr-gcc": "gcc-avr avr-libc",
    "simavr": "libsimavr-dev libelf-dev",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
}
"""Debian's packages by what they bring: a program, or the library simavr."""


def needs(*programs: str) -> None:
    """Skips (in CI: fails) the calling test where one of these programs is missing.

    Args:
        programs: Names out of the table above; in each test all that its builds take.
    """
    missing = [program for program in programs if not _there(program)]
    if not missing:
        return
    packages = " ".join(_PACKAGES[program] for program in missing)
    reason = f"{', '.join(missing)} not found: apt-get install {packages}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def _there(program: str) -> bool:
    """Whether a program is here; of the library simavr, which brings none that is needed, its headers."""
    if program != "simavr":
        return shutil.which(program) is not None
    source = "#include <simavr/sim_avr.h>\n#include <libelf.h>\nint main(void) { return 0; }\n"
    compiler = shutil.which("gcc")
    command = [compiler or "", "-fsyntax-only", "-x", "c", "-"]
    return (
        compiler is not None
        and not subprocess.run(command, input=source, text=True, capture_output=True, check=False).returncode
    )


@cache
def make(*targets: str) -> Path:
    """Builds targets of ``firmware/Makefile``, one make at a time; returns the build folder."""
    BUILD.mkdir(exist_ok=True)
    with FileLock(BUILD / "make.lock"):
        done = subprocess.run(
            ["make", "--no-print-directory", "-C", str(FIRMWARE), f"PYTHON={sys.executable}", *targets],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        pytest.fail(f"make {' '.join(targets)}:\n{(done.stdout + done.stderr)[-4000:]}")
    return BUILD
