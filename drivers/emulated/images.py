"""Images of the firmware: built from ``firmware/`` when needed, or in a folder that the bench file names."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from energy.errors import BenchError

SOURCES = Path(__file__).resolve().parents[2] / "firmware"
"""Sources of the firmware, in a checkout; an installed package has none."""

_BUILD_S = 900
_NO_PACKAGE = re.compile(r"No module named '?([\w]+)")
_NO_HEADER = re.compile(r"([\w./]+\.h): No such file or directory")
_CAUSE = re.compile(r"error|No rule|not found|cannot", re.IGNORECASE)
_MOST_CAUSES = 3
_PACKAGES = {
    "make": "make",
    "avr-gcc": "gcc-avr avr-libc",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
    "gcc": "gcc libsimavr-dev libelf-dev",
}
"""Debian's packages with the programs that build and run images."""


def programs(*names: str) -> list[str]:
    """Paths of programs.

    Raises:
        BenchError: ``emulator.missing``, with the command that installs the missing ones.
    """
    found = [shutil.which(name) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        packages = " ".join(dict.fromkeys(_PACKAGES[name] for name in missing))
        raise BenchError(
            "emulator.missing",
            f"programs for real firmware are not installed: {', '.join(missing)}",
            f"On Debian or Ubuntu: apt-get install {packages}",
        )
    return [path for path in found if path is not None]


def image(name: str, tools: tuple[str, ...], folder: str | None = None) -> Path:
    """An image of the firmware, which is built if needed.

    Args:
        name: Path below the build folder, such as ``dut/qemu-kws01-energy.elf``.
        tools: Programs that build it.
        folder: A build folder with finished images; None: that of the sources.

    Raises:
        BenchError: ``emulator.missing``, ``emulator.no-image``, ``emulator.package``,
            ``emulator.build`` with the build's first errors.
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
            "this installation has no firmware sources, and the bench file names no build folder",
            "Work in a checkout, or set `firmware` to its build folder.",
        )
    path = SOURCES / "build" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    programs("make", *tools)
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
            "emulator.build", f"{target} was not built within {_BUILD_S} s", "Build it by hand."
        ) from error
    if done.returncode or not path.is_file():
        raise _build_failed(target, done.stdout + done.stderr)


def _build_failed(target: str, output: str) -> BenchError:
    """The error for a failed build: its cause, not its whole output."""
    if package := _NO_PACKAGE.search(output):
        return BenchError(
            "emulator.package",
            f"building {target} needs the Python package {package[1]}, which is not installed",
            "pip install 'joulebench[firmware]' into the environment that runs joulebench.",
        )
    if header := _NO_HEADER.search(output):
        return BenchError(
            "emulator.build",
            f"building {target} needs the header {header[1]}, which is not installed",
            "On Debian or Ubuntu: apt-get install " + " ".join(dict.fromkeys(_PACKAGES.values())),
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    causes = [line for line in lines if _CAUSE.search(line)] or lines
    return BenchError(
        "emulator.build",
        f"`make -C firmware {target}` failed: {' | '.join(causes[:_MOST_CAUSES])[:400] or 'without a word'}",
        f"Run `make -C firmware {target}` to see all of its output.",
    )
