"""What the firmware has to know about each workload (protocols.md 1.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload, as the firmware sees it.

    Attributes:
        id: Model id, as the reply to ``profile`` states it.
        inputs: Elements of the input tensor.
        wire: How they come over the wire: int8 as they are, uint8 whose top bit is flipped, or float32 that
            the firmware quantises.
        buffer_bytes: Capacity of the ``db`` buffer (``MAX_DB_INPUT_SIZE`` of the reference firmware).
        outputs: Elements of the output tensor. ad01 gives its reconstruction, of which the firmware makes
            one number.
    """

    id: str
    inputs: int
    wire: Literal["int8", "uint8", "float32"]
    buffer_bytes: int
    outputs: int


WORKLOADS = {
    workload.id: workload
    for workload in (
        Workload("ad01", 640, "float32", 5120, 640),
        Workload("ic01", 3072, "uint8", 3072, 10),
        Workload("kws01", 490, "int8", 490, 12),
        Workload("vww01", 27648, "uint8", 27648, 2),
    )
}
