"""Flash and RAM of a firmware: from its ELF file, or as the bench file states them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energy.bench.benchfile import BenchFile
from energy.errors import UsageError
from energy.recording.inside import open_named

_WRITE, _ALLOCATED = 0x1, 0x2
"""Flags of a section (ELF specification, sh_flags)."""


@dataclass(frozen=True)
class Memory:
    """What a firmware takes.

    Attributes:
        flash_bytes: Code, constants and the initial values of variables; None if not known.
        ram_bytes: Variables, with or without initial values, stack and heap where they are sections; None if
            not known.
    """

    flash_bytes: int | None = None
    ram_bytes: int | None = None


def memory_of(bench: BenchFile, mode: str) -> Memory:
    """Flash and RAM as the bench file states them, else of the image that a mode's firmware is, if it is ELF.

    Raises:
        UsageError: ``sweep.elf`` for an ELF file that is damaged, or where pyelftools is not installed.
    """
    part = bench.dut
    stated = Memory(part.flash_bytes, part.ram_bytes)
    image = part.firmware_energy if mode == "energy" else part.firmware
    if None not in (stated.flash_bytes, stated.ram_bytes) or image is None:
        return stated
    found = elf_memory(Path(image))
    return Memory(stated.flash_bytes or found.flash_bytes, stated.ram_bytes or found.ram_bytes)


def elf_memory(path: Path) -> Memory:
    """Flash and RAM by the sections of an ELF file; nothing for an image of another format.

    A section that is loaded takes flash, one that is written takes RAM, and initialised variables take both
    (``size`` of GNU binutils, Berkeley format: text + data, and data + bss).

    Raises:
        UsageError: ``sweep.elf``, ``bench.firmware``.
    """
    try:
        with open_named(path) as file:
            if file.read(4) != b"\x7fELF":
                return Memory()
            return _by_sections(file, path)
    except OSError as error:
        raise UsageError(
            "bench.firmware", f"the firmware {path} cannot be read: {error}", "Correct its path."
        ) from error


def _by_sections(file: Any, path: Path) -> Memory:
    try:
        from elftools.common.exceptions import ELFError
        from elftools.elf.elffile import ELFFile
    except ImportError as error:
        raise UsageError(
            "sweep.elf", "flash and RAM of an ELF file need pyelftools", "pip install 'joulebench[sweep]'"
        ) from error
    flash = ram = 0
    try:
        for section in ELFFile(file).iter_sections():
            flags, size = section["sh_flags"], section["sh_size"]
            if not flags & _ALLOCATED:
                continue
            flash += size if section["sh_type"] != "SHT_NOBITS" else 0
            ram += size if flags & _WRITE else 0
    except (ELFError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise UsageError("sweep.elf", f"{path} is a damaged ELF file: {error}", "Build it again.") from error
    return Memory(flash, ram)
