"""Flash and RAM out of ELF files, against the GNU tool `size`."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from energy.characterize.memory import Memory, memory_of
from energy.errors import JoulebenchError, UsageError
from tests.firmware.support import make, needs

pytest.importorskip("elftools", reason="pyelftools (extra firmware) is not installed")


def sizes(program: str, elf: Path) -> Memory:
    """Flash and RAM by GNU size: text, data and bss in the second line of its Berkeley format."""
    lines = subprocess.check_output([program, elf], text=True).splitlines()
    text, data, bss = map(int, lines[1].split()[:3])
    return Memory(text + data, data + bss)


@pytest.fixture(scope="module")
def elf() -> Path:
    needs("make", "arm-none-eabi-gcc")
    return make("build/dut/qemu-kws01-energy.elf") / "dut" / "qemu-kws01-energy.elf"


@pytest.mark.parametrize("workload", ["kws01", "vww01"])
def test_a_cortex_ms_firmware_takes_what_size_says(workload):
    needs("make", "arm-none-eabi-gcc")
    name = f"nucleo-l4r5zi-{workload}-energy.elf"
    path = make(f"build/dut/{name}") / "dut" / name
    assert memory_of(path) == sizes("arm-none-eabi-size", path)


def test_an_avrs_firmware_with_initial_values_takes_what_size_says():
    needs("make", "avr-gcc")
    path = make("build/io_manager/io_manager.elf") / "io_manager" / "io_manager.elf"
    found = memory_of(path)
    assert found == sizes("avr-size", path)
    assert found.ram_bytes > 0


def test_initial_values_count_twice_and_symbols_do_not(tmp_path):
    needs("arm-none-eabi-gcc")
    source = tmp_path / "program.c"
    source.write_text(
        "int table[1000] = {1}; int blank[500]; const int fixed[300] = {2};\n"
        "int main(void) { return table[0] + blank[1] + fixed[2]; }\n"
    )
    path = tmp_path / "program.elf"
    flags = ["-mcpu=cortex-m4", "-mthumb", "-g3", "-nostdlib", "-Wl,-e,main"]
    subprocess.run(["arm-none-eabi-gcc", *flags, source, "-o", path], check=True)
    found = memory_of(path)
    assert found == sizes("arm-none-eabi-size", path)
    assert found.ram_bytes == 4 * (1000 + 500)
    assert 4 * (1000 + 300) < found.flash_bytes < 4 * (1000 + 300) + 200  # and the code


def test_a_bare_image_is_refused(elf, tmp_path):
    image = tmp_path / "firmware.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", elf, image], check=True)
    with pytest.raises(UsageError) as caught:
        memory_of(image)
    assert caught.value.code == "memory.not-elf"
    assert ".bin" in caught.value.hint


def test_a_program_of_the_pc_is_refused():
    with pytest.raises(UsageError) as caught:
        memory_of(Path(sys.executable))
    assert caught.value.code == "memory.hosted"


def test_no_file_is_a_coded_error(tmp_path):
    with pytest.raises(JoulebenchError) as caught:
        memory_of(tmp_path / "nothing.elf")
    assert caught.value.code == "file.unreadable"


def test_damaged_files_end_in_a_coded_error_or_a_figure(elf, tmp_path):
    whole, rng, refused = elf.read_bytes(), random.Random(7), 0
    path = tmp_path / "damaged.elf"
    for _ in range(300):
        data = bytearray(whole[: rng.choice((len(whole), rng.randrange(len(whole))))])
        for _ in range(rng.randrange(20)):
            if data:
                data[rng.randrange(min(len(data), 256))] = rng.randrange(256)
        path.write_bytes(data)
        try:
            memory_of(path)
        except JoulebenchError:
            refused += 1
    assert refused > 100
