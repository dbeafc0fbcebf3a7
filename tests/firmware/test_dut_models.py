"""The whole DUT over its protocol against TensorFlow Lite's reference kernels: raw outputs, bit for bit."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

from firmware.tools.reader import read_network
from firmware.tools.workloads import WORKLOADS
from tests.conftest import shared_folder
from tests.firmware.dut_rig import rig
from tests.firmware.networks import structured, wire
from tests.firmware.tflite_files import oracle

RANDOM = 50 if os.environ.get("CI") else 1
"""Random inputs. A vww01 input takes 2.5 to 4.5 s into QEMU, so locally there are few."""


@pytest.mark.parametrize("kind", ["posix", "qemu"])
@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_outputs_over_the_protocol_equal_the_reference_kernels_bit_for_bit(workload, kind):
    path = shared_folder("models") / f"{workload}_int8.tflite"
    network, facts = read_network(path), WORKLOADS[workload]
    random = np.random.default_rng(11).integers(-128, 128, (RANDOM, facts.inputs)).astype(np.int8)
    inputs = np.concatenate([random, structured(workload)])
    quantisation = network.tensors[network.input].quantisation
    expected = oracle(path.read_bytes(), inputs)
    with rig(kind, workload, "energy") as dut:
        dut.boot()
        model, layers, ready = dut.ask("profile")[1:]
        assert (model, ready) == (f"m-model-[{workload}]", "m-ready")  # no made-up weights
        assert re.fullmatch(r"m-layers-\[\d+\]", layers)
        for values, output in zip(inputs, expected, strict=True):
            dut.load(wire(facts, values, quantisation.scale, quantisation.zero))
            results = dut.ask("infer 1 0")[-2]
            assert dut.output() == output.tobytes()
            assert dut.ask("results")[0] == results
