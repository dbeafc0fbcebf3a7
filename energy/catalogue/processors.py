"""Kinds of processors: what computes the inferences of a published system, or of a board of that name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

from energy.catalogue.choose import squashed
from energy.catalogue.row import Row

ProcessorKind = Literal[
    "Cortex-M0+",
    "Cortex-M4",
    "Cortex-M33",
    "Cortex-M7",
    "Cortex-M85",
    "RISC-V",
    "other MCU",
    "accelerator",
    "FPGA",
    "application processor",
    "not known",
]
"""A family of cores; with an accelerator beside the core, that."""
KINDS: tuple[ProcessorKind, ...] = get_args(ProcessorKind)

_FPGA = re.compile(r"xc7|xilinx|artix|microblaze|zynq", re.IGNORECASE)
_CORES: tuple[tuple[str, ProcessorKind], ...] = (
    (r"cortex\W*-?\s*m0", "Cortex-M0+"),
    (r"cortex\W*-?\s*m33", "Cortex-M33"),
    (r"cortex\W*-?\s*m4", "Cortex-M4"),
    (r"cortex\W*-?\s*m7", "Cortex-M7"),
    (r"cortex\W*-?\s*m85", "Cortex-M85"),
    (r"cortex\W*-?\s*a|bcm27|kryo|oryon", "application processor"),
    (r"risc-?v|\brv(32|64)|andes|xuantie", "RISC-V"),
    (r"rxv\d|rh850", "other MCU"),
)
_SHORTEST_BOARD = 5
"""Characters of a board's name with which it is looked for in names of systems."""


def processor_kind(processor: str, accelerator: str = "") -> ProcessorKind:
    """The kind of a processor.

    Args:
        processor: Its name, as a system's description has it.
        accelerator: Name of the accelerator; empty if there is none.
    """
    if _FPGA.search(processor) or _FPGA.search(accelerator) or re.match(r"XC7", accelerator):
        return "FPGA"
    if accelerator.strip():
        return "accelerator"
    for pattern, kind in _CORES:
        if re.search(pattern, processor, re.IGNORECASE):
            return kind
    return "not known"


def kind_of_row(row: Row) -> ProcessorKind:
    """The kind of the processor of a published system."""
    return processor_kind(row.processor, row.accelerator)


def kind_of_board(board: str | None, rows: Iterable[Row]) -> ProcessorKind:
    """The kind of processor of a board, from the published systems that have its name in theirs.

    Args:
        board: The board's name, such as ``NUCLEO-L4R5ZI``; None where it is not known.
        rows: The catalogue.

    Returns:
        ``"not known"`` where no published system has that name, or systems of several kinds have it.
    """
    name = squashed(board or "")
    if len(name) < _SHORTEST_BOARD:
        return "not known"
    kinds = {kind_of_row(row) for row in rows if name in squashed(row.system)}
    known: list[ProcessorKind] = [kind for kind in KINDS if kind in kinds and kind != "not known"]
    return known[0] if len(known) == 1 else "not known"
