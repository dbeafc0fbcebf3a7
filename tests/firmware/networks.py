"""Runs the C network on inputs: a workload's, as make builds it, or any network's."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firmware.tools.c_tables import header, source
from firmware.tools.network import Network
from firmware.tools.workloads import WORKLOADS, Workload
from tests.firmware.support import FIRMWARE, make, needs

NETWORK = FIRMWARE / "dut" / "network"
_FLAGS = ("-std=c11", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-ffp-contract=off")
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def wire(workload: Workload, inputs: npt.NDArray[np.int8], scale: float = 1.0, zero: int = 0) -> bytes:
    """Input tensors as the host would send them; scale and zero point matter where floats are sent."""
    if workload.wire == "float32":
        return ((inputs.astype(np.float64) - zero) * scale).astype("<f4").tobytes()
    return (inputs.view(np.uint8) ^ np.uint8(0x80 if workload.wire == "uint8" else 0)).tobytes()


def run(
    program: Path, workload: Workload, inputs: bytes, results: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Output tensors and results, one row for each input."""
    done = subprocess.run([program], input=inputs, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    record = np.dtype([("output", "i1", (workload.outputs,)), ("results", "<f4", (results,))])
    records = np.frombuffer(done.stdout, record)
    return records["output"], records["results"]


def workload_program(workload: str) -> Path:
    """The test program of a workload, built by make; of the reference model where that is there."""
    needs("make", "gcc")
    return make(f"build/models/{workload}/run") / "models" / workload / "run"


@cache
def _objects(folder: Path) -> tuple[Path, ...]:
    """The kernels, compiled once for many networks."""
    objects: list[Path] = []
    for name in ("kernels", "network"):
        objects.append(folder / f"{name}.o")
        sources = [NETWORK / f"{name}.c", "-c", "-o", objects[-1]]
        subprocess.run(["gcc", *_FLAGS, *_SANITIZERS, *sources], check=True)
    return tuple(objects)


def network_program(network: Network, folder: Path, shared: Path, workload: Workload | None = None) -> Path:
    """The test program of any network.

    Args:
        network: What to run.
        folder: An empty folder for it.
        shared: A folder for what all networks have in common.
        workload: By default one whose input is int8 on the wire.
    """
    needs("gcc")
    if workload is None:
        entry, exit_ = network.tensors[network.input], network.tensors[network.output]
        workload = Workload("test", entry.count, "int8", entry.count, exit_.count)
    (folder / "model.h").write_text(header(network, workload))
    (folder / "model.c").write_text(source(network, workload))
    sources = [folder / "model.c", NETWORK / "workload.c", NETWORK / "tests" / "run_network.c"]
    program = folder / "run"
    includes = (f"-I{folder}", f"-I{NETWORK}")
    command = ["gcc", *_FLAGS, *_SANITIZERS, *includes, *sources, *_objects(shared), "-o", program]
    subprocess.run(command, check=True)
    return program


def structured(workload: str) -> npt.NDArray[np.int8]:
    """Five inputs that no random one resembles: both ends of the range, zero, a ramp, a checkerboard."""
    count = WORKLOADS[workload].inputs
    ramp = (np.arange(count) * 255 // (count - 1) - 128).astype(np.int8)
    board = np.where(np.arange(count) % 2, 127, -128).astype(np.int8)
    flat = [np.full(count, value, np.int8) for value in (-128, 0, 127)]
    return np.stack([*flat, ramp, board])
