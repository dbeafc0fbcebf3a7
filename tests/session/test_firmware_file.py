"""The image that a bench file names is checked before anything is opened: it must be a file with an end."""

from __future__ import annotations

import os

import pytest

from energy.errors import UsageError
from tests.session.support import Watcher, virtual, watcher

__all__ = ["watcher"]


def image(kind, folder):
    path = folder / "image.elf"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link to a device":
        path.symlink_to("/dev/zero")
    elif kind == "larger than any memory":
        with path.open("wb") as file:
            file.truncate((1 << 28) + 1)
    return "/dev/zero" if kind == "device" else str(path)


@pytest.mark.parametrize("mode", ["performance", "energy"])
@pytest.mark.parametrize(
    "kind", ["fifo", "device", "folder", "link to a device", "larger than any memory", "missing"]
)
def test_a_firmware_that_is_no_file_with_an_end_is_refused_before_power(
    watcher: Watcher, tmp_path, kind, mode
):
    bench = virtual()
    name = {"performance": "firmware", "energy": "firmware_energy"}[mode]
    dut = bench.dut.model_copy(update={name: image(kind, tmp_path)})
    with pytest.raises(UsageError) as caught:
        watcher.run(bench.model_copy(update={"dut": dut}), "ad01", mode)
    assert caught.value.code == "bench.firmware"
    assert watcher.worlds[-1].world.supply.on_at_ns in (
        None,
        0,
    )  # 0: performance mode, powered from the beginning
    assert not watcher.worlds[-1].dut.infers


def test_a_file_is_hashed(watcher: Watcher, tmp_path):
    (tmp_path / "image.elf").write_bytes(b"abc")
    bench = virtual()
    dut = bench.dut.model_copy(update={"firmware_energy": str(tmp_path / "image.elf")})
    watcher.run(bench.model_copy(update={"dut": dut}), "ad01")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of "abc", FIPS 180-2 B.1
    assert watcher.session["dut"]["firmware_sha256"] == sha256
