"""``python -m firmware.tools.tables``: the C tables of a workload's network.

Exit status 0, or 2 with a line on standard error that begins with the error's code.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from firmware.tools.c_tables import header, source
from firmware.tools.errors import TablesError
from firmware.tools.network import Network
from firmware.tools.reader import read_network
from firmware.tools.synthetic import synthetic_network
from firmware.tools.workloads import WORKLOADS, Workload

_HIGHEST_SEED = (1 << 32) - 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes ``model.c`` and ``model.h``; returns the exit status."""
    choices = _parser().parse_args(arguments)
    workload = WORKLOADS[choices.workload]
    try:
        network = (
            synthetic_network(workload.id, choices.seed)
            if choices.tflite is None
            else read_network(choices.tflite)
        )
        write(network, workload, choices.out)
    except TablesError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def write(network: Network, workload: Workload, folder: Path) -> None:
    """Writes both files, or none.

    Raises:
        TablesError: ``workload.input``, ``workload.output`` for a network of another workload;
            ``model.range``; ``file.unwritable``.
    """
    for what, tensor, expected in (
        ("input", network.input, workload.inputs),
        ("output", network.output, workload.outputs),
    ):
        count = network.tensors[tensor].count
        if count != expected:
            raise TablesError(
                f"workload.{what}",
                f"{workload.id} has {expected} {what} elements, this network {count}",
                "Is it the model of another workload?",
            )
    texts = {"model.h": header(network, workload), "model.c": source(network, workload)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            # Under another name first: a build never sees half a file.
            (folder / f"{name}.part").write_text(text, encoding="ascii")
        for name in texts:
            (folder / f"{name}.part").replace(folder / name)
    except OSError as error:
        raise TablesError("file.unwritable", f"{folder}: {error.strerror or error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m firmware.tools.tables", description=__doc__)
    parser.add_argument("--workload", required=True, choices=sorted(WORKLOADS))
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument("--tflite", type=Path, help="int8 model; without it: synthetic weights")
    weights.add_argument("--seed", type=_seed, default=1, help="of the synthetic weights (1)")
    parser.add_argument("--out", type=Path, required=True, help="folder for model.c and model.h")
    return parser


def _seed(text: str) -> int:
    seed = int(text)
    if not 0 <= seed <= _HIGHEST_SEED:
        raise ValueError(text)
    return seed


if __name__ == "__main__":
    sys.exit(main())
