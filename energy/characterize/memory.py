"""Flash and RAM that a firmware takes, from its ELF file (by pyelftools).

An ELF file's sections say what stands in memory (System V ABI, gABI 4.1, "Sections"): a section with
SHF_ALLOC occupies memory while the firmware runs; with SHF_WRITE it lies in RAM; SHT_NOBITS has no bytes in
the file. So

    flash = code, constants, and the initial values of variables, which are copied to RAM at start-up
    RAM   = variables with and without initial values, and what the linker script reserves (stack, heap)

The GNU tool ``size`` counts the same: flash is its text + data, RAM its data + bss.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energy.errors import BenchError, UsageError
from energy.recording.inside import read_named
from energy.recording.limits import LARGEST_FIRMWARE

_ALLOCATED = 0x2
"""SHF_ALLOC; below it is SHF_WRITE."""
_WRITTEN = 0x1
_NO_BITS = "SHT_NOBITS"
_HOSTED = "PT_INTERP"
"""A program header that names a loader: the file is a program of an operating system, not a firmware."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory that a firmware takes.

    Attributes:
        flash_bytes: Code, constants and initial values.
        ram_bytes: Variables, and what is reserved for stack and heap.
    """

    flash_bytes: int
    ram_bytes: int


def memory_of(elf: Path) -> Memory:
    """Flash and RAM that a firmware takes.

    Args:
        elf: Its ELF file, as a linker writes it.

    Raises:
        UsageError: ``memory.not-elf`` for another kind of file, ``memory.hosted`` for a program of an
            operating system, whose memory is not its own.
        BenchError: ``memory.package`` if pyelftools is not installed.
        RecordingError: ``file.unreadable``, ``file.too-large``.
    """
    data = read_named(elf, LARGEST_FIRMWARE, hint="Name the ELF file of a firmware.")
    try:
        from elftools.common.exceptions import ELFError
        from elftools.elf.elffile import ELFFile
    except ImportError as error:
        raise BenchError(
            "memory.package",
            f"flash and RAM are read by the package pyelftools, which is not installed: {error}",
            "pip install 'joulebench[firmware]'",
        ) from error
    try:
        return _counted(ELFFile(io.BytesIO(data)), elf)
    except (ELFError, ValueError, KeyError, AssertionError, OverflowError, UnicodeDecodeError) as error:
        raise UsageError(
            "memory.not-elf",
            f"{elf} is no ELF file, or a damaged one: {error or type(error).__name__}",
            "Name what the linker wrote (.elf, .axf, .out), not a bare image (.bin, .hex).",
        ) from error


def _counted(file: Any, path: Path) -> Memory:
    if any(segment["p_type"] == _HOSTED for segment in file.iter_segments()):
        raise UsageError(
            "memory.hosted",
            f"{path} is a program of an operating system, which shares its memory",
            "Name the ELF file of a microcontroller's firmware.",
        )
    flash = ram = 0
    for section in file.iter_sections():
        flags, size = int(section["sh_flags"]), int(section["sh_size"])
        if not flags & _ALLOCATED:
            continue
        flash += 0 if section["sh_type"] == _NO_BITS else size
        ram += size if flags & _WRITTEN else 0
    if not flash:
        raise UsageError(
            "memory.not-elf", f"{path} holds nothing that is loaded", "Name the ELF file after linking."
        )
    return Memory(flash, ram)
