"""The four workloads of MLPerf Tiny: their inputs, outputs and quality targets.

Source: protocols.md 1.7 and 1.8 (API headers and EEMBC dataset notes), MLPerfTiny_Rules.adoc (v1.4).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Workload:
    """Facts about a workload.

    Attributes:
        id: Model id as the DUT states it in ``m-model-[..]``, and the folder of its dataset.
        benchmark: Its name in a submission tree.
        title: Display name.
        input_bytes: Bytes of one input on the wire.
        input_type: Type of its values.
        outputs: Numbers in ``m-results-[..]``.
        metric: Quality metric.
        target: Quality target of the closed division.
        macs: Multiply-accumulates of an inference of the reference network, padding counted as if it were
            input (the int8 models of the benchmark, layer by layer).
    """

    id: str
    benchmark: str
    title: str
    input_bytes: int
    input_type: Literal["int8", "uint8", "float32"]
    outputs: int
    metric: Literal["top-1", "AUC"]
    target: float
    macs: int


WORKLOADS: dict[str, Workload] = {
    workload.id: workload
    for workload in (
        Workload("ad01", "ad", "anomaly detection", 2560, "float32", 1, "AUC", 0.85, 264_192),
        Workload("ic01", "ic", "image classification", 3072, "uint8", 10, "top-1", 0.85, 12_501_632),
        Workload("kws01", "kws", "keyword spotting", 490, "int8", 12, "top-1", 0.90, 2_656_768),
        Workload("vww01", "vww", "visual wake words", 27648, "uint8", 2, "top-1", 0.80, 7_489_664),
    )
}

SYNTHETIC_MARK = struct.Struct("<2sIBB")
"""Beginning of each input of a synthetic validation set: ``b"jb"``, number of the file, its class, number of
the window. A network does not know it; a DUT's twin does, and so it can give right or wrong answers as it is
set to."""
