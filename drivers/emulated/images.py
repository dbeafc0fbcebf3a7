"""Where the firmware's images are: built from ``firmware/`` when needed, or a folder that the bench names."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from energy.errors import BenchError

SOURCES = Path(__file__).resolve().parents[2] / "firmware"
"""The firmware's sources, in a checkout; an installed package has none."""

_BUILD_S = 900
_PACKAGES = {
    "make": "make",
    "avr-gcc": "gcc-avr avr-libc",
    "avr-runner": "libsimavr-dev libelf-dev pkg-config gcc",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
    "gcc": "gcc",
}
"""Debian's packages for what images are made with and run in."""


def program(name: str) -> str:
    """Path of a program.

    Raises:
        BenchError: ``emulator.missing`` with the line that installs it.
    """
    found = shutil.which(name)
    if found is None:
        raise BenchError(
            "emulator.missing",
            f"{name} is not installed, and this bench runs real firmware with it",
            f"On Debian or Ubuntu: apt-get install {_PACKAGES.get(name, name)}",
        )
    return found


def image(name: str, tools: tuple[str, ...], folder: str | None = None) -> Path:
    """An image of the firmware, built first where that has not been done.

    Args:
        name: Path below the build folder, such as ``dut/qemu-kws01-energy.elf``.
        tools: Programs that it takes to build it.
        folder: A build folder that somebody else has filled; None: that of the sources.

    Raises:
        BenchError: ``emulator.missing``, ``emulator.no-image``, ``emulator.build`` with what the build said.
    """
    if folder is not None:
        path = Path(folder) / name
        if not path.is_file():
            raise BenchError(
                "emulator.no-image",
                f"there is no {path}",
                "`firmware` must name the build folder: that of `make -C firmware`, or a copy of it.",
            )
        return path
    if not (SOURCES / "Makefile").is_file():
        raise BenchError(
            "emulator.no-image",
            "this installation has no firmware sources, and the bench names no build folder",
            "Work in a checkout, or set `firmware` to the build folder of one.",
        )
    path = SOURCES / "build" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    for tool in ("make", *tools):
        program(tool)
    with FileLock(SOURCES / "build" / "make.lock"):
        _build(path)
    return path


def _build(path: Path) -> None:
    target = str(path.relative_to(SOURCES))
    command = ["make", "--no-print-directory", "-C", str(SOURCES), f"PYTHON={sys.executable}", target]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_BUILD_S)
    except subprocess.TimeoutExpired as error:
        raise BenchError(
            "emulator.build", f"{target} was not built in {_BUILD_S} s", "Build it by hand."
        ) from error
    if done.returncode or not path.is_file():
        said = (done.stdout + done.stderr).strip()[-800:]
        raise BenchError(
            "emulator.build",
            f"`make -C firmware {target}` failed: {said}",
            "apt-get install gcc-avr avr-libc libsimavr-dev libelf-dev pkg-config gcc gcc-arm-none-eabi "
            "libnewlib-arm-none-eabi qemu-system-arm",
        )
