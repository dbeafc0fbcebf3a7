"""The steps of docs/how-to/port-a-board.md as they stand there, and what one can trip over in them."""

from __future__ import annotations

import re
import shutil
import struct
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.firmware.support import FIRMWARE, make, needs

Failed = pytest.fail.Exception
PAGE = (ROOT / "docs/how-to/port-a-board.md").read_text(encoding="utf-8")


class Port:
    """A copy of the template called my-board.

    Attributes:
        folder: Where it is.
        build: What make builds goes here.
    """

    def __init__(self, at: Path) -> None:
        self.folder, self.build = at / "my-board", at / "build"
        shutil.copytree(FIRMWARE / "dut" / "ports" / "template", self.folder)
        self.makefile = self.folder / "port.mk"
        self.makefile.write_text(self.makefile.read_text().replace("template", "my-board"))

    def make(self, name: str, *variables: str) -> Path:
        """Builds one of its programs; an error of make's is a failure of the test."""
        path = self.build / name
        make.__wrapped__(f"PORT_FOLDERS={self.folder}", f"DUT_BUILD={self.build}", *variables, str(path))
        return path

    def name_a_cross_compiler(self) -> None:
        """What the guide tells to write into port.mk, and its link.ld."""
        needs("arm-none-eabi-gcc")
        with self.makefile.open("a") as file:
            file.write(block("CC_my-board"))
        (self.folder / "link.ld").write_text(block("MEMORY"))


def block(first: str) -> str:
    """The block of the page that begins with this word."""
    found = re.search(rf"^```\w*\n({re.escape(first)}.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found, first
    return found.group(1)


@pytest.fixture
def port(tmp_path: Path) -> Port:
    needs("make", "gcc")
    return Port(tmp_path)


def test_a_copy_of_the_template_builds_elsewhere_under_its_own_name(port):
    assert port.make("my-board-kws01-performance").exists()


def test_the_template_with_the_guide_s_cross_compiler_and_memory_links_to_a_whole_image(port):
    port.name_a_cross_compiler()
    image = port.make("my-board-kws01-performance.elf").read_bytes()
    assert len(image) > 100_000
    flash = 0x08000000
    assert struct.unpack_from("<I", image, 24)[0] in range(flash + 1, flash + 0x10000, 2)  # the entry, Thumb


def test_a_program_without_the_suffix_is_refused_and_a_stale_one_of_the_pc_removed(port):
    stale = port.make("my-board-toy01-energy")
    port.name_a_cross_compiler()
    with pytest.raises(Failed, match=r"Programs of my-board end in \.elf: make .*my-board-toy01-energy\.elf"):
        port.make("my-board-toy01-energy")
    assert not stale.exists()


def test_an_image_without_start_up_code_is_refused(port):
    port.name_a_cross_compiler()
    source = port.folder / "port.c"
    source.write_text(source.read_text().replace("#if CORTEX_M\n", "#if 0\n"))
    with pytest.raises(
        Failed, match=r"reset_handler or the vectors are missing: docs/how-to/port-a-board\.md"
    ):
        port.make("my-board-toy01-energy.elf")
    assert "### A Cortex-M without a HAL" in PAGE  # where that message sends to


def test_vectors_where_the_core_cannot_find_them_are_refused(port):
    port.name_a_cross_compiler()
    memory = port.folder / "link.ld"
    memory.write_text(memory.read_text().replace("0x08000000", "0x08000040"))
    with pytest.raises(Failed, match="FLASH begins at an address that the vectors must not have"):
        port.make("my-board-toy01-energy.elf")


def test_the_snippets_of_the_template_compile(port):
    port.name_a_cross_compiler()
    source = port.folder / "port.c"
    text = source.read_text()
    snippet = re.search(
        r"^     \*     (\(void\)cortex_interrupts_off.*?interrupts_on\(\);)", text, re.M | re.S
    )
    assert snippet
    lines = snippet.group(1).replace("     *", "")
    source.write_text(text.replace("void port_idle(void)\n{\n", "void port_idle(void)\n{\n" + lines + "\n"))
    port.make("my-board-toy01-energy.elf")


def test_other_flags_for_the_linker_link_anew(port):
    program = port.make("my-board-toy01-energy")
    before = program.stat().st_mtime_ns
    port.make("my-board-toy01-energy")
    assert program.stat().st_mtime_ns == before
    port.make("my-board-toy01-energy", "LINK_my-board=-lm")
    assert program.stat().st_mtime_ns > before


def test_a_folder_that_make_does_not_find_is_named(port):
    with pytest.raises(Failed, match=r"PORT_FOLDERS: there is no my-board/port\.mk, seen from .*absolute"):
        make("PORT_FOLDERS=my-board", f"DUT_BUILD={port.build}", f"{port.build}/my-board-toy01-energy")


def test_two_ports_of_one_name_are_refused(port):
    port.makefile.write_text((FIRMWARE / "dut/ports/template/port.mk").read_text())
    with pytest.raises(Failed, match=r"Two ports of one name: .*template template"):
        port.make("my-board-toy01-energy")


def test_the_flags_that_the_guide_lists_are_those_of_the_makefile():
    text = (FIRMWARE / "dut" / "Makefile").read_text().replace("\\\n", " ")
    page = " ".join(PAGE.split())
    for variable in ("C_FLAGS", "CORTEX_M4F", "CORTEX_M_LINK"):
        found = re.search(rf"^{variable} := (.*)$", text, re.MULTILINE)
        assert found
        assert f"`{' '.join(found.group(1).split())}`" in page, variable
