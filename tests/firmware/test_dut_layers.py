"""Layers alone and phases of an inference: the firmware's commands, with the native and the QEMU build."""

from __future__ import annotations

import re
from itertools import pairwise
from math import prod

import pytest
import tflite

from firmware.tools.synthetic import synthetic_network
from firmware.tools.workloads import WORKLOADS
from tests.conftest import shared_folder
from tests.firmware.dut_rig import Event, QemuRig, TracedRig, qemu_image, rig
from tests.firmware.support import BUILD, make, needs

LISTED = re.compile(r"m-layer-\[(\d+),(\w+),(\d+),(\d+)\]")
PAUSE, MARK, PRE, NETWORK, POST, LAYER = 5, 6, 7, 4, 8, 9
MARKED = [PAUSE, MARK, PAUSE, PRE, NETWORK, POST]


@pytest.fixture(params=["posix", "qemu"])
def dut(request):
    with rig(request.param, "kws01", "energy") as rig_:
        assert isinstance(rig_, TracedRig)
        rig_.boot()
        yield rig_


def listed(dut: TracedRig) -> list[tuple[str, int, int]]:
    """Operator, multiply-accumulates and bytes of each layer, as `profile layers` lists them."""
    lines = [LISTED.fullmatch(line) for line in dut.ask("profile layers") if line.startswith("m-layer-")]
    assert [int(match[1]) for match in lines if match] == list(range(len(lines)))
    return [(match[2], int(match[3]), int(match[4])) for match in lines if match]


def layers_of_file(workload: str) -> list[tuple[str, int, int]]:
    """The same of a reference model, counted from its file by TensorFlow's own schema.

    A convolution multiplies each weight once for each position of the output, a depthwise one and a fully
    connected layer likewise; the other operators multiply no weights.
    """
    data = (shared_folder("models") / f"{workload}_int8.tflite").read_bytes()
    model = tflite.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    names = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
    found: list[tuple[str, int, int]] = []
    for k in range(graph.OperatorsLength()):
        operator = graph.Operators(k)
        name = names[model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()]
        constants = [
            (graph.Tensors(tensor), model.Buffers(graph.Tensors(tensor).Buffer()).DataLength())
            for tensor in operator.InputsAsNumpy().tolist()
            if tensor >= 0
        ]
        positions = prod(graph.Tensors(operator.Outputs(0)).ShapeAsNumpy().tolist()[1:-1])
        if name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            weights = prod(constants[1][0].ShapeAsNumpy().tolist())
            found.append((name, positions * weights, sum(size for _, size in constants)))
        elif name != "RESHAPE":  # which moves no byte
            found.append((name, 0, 0))
    return found


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_layers_are_those_of_the_model(workload):
    expected = layers_of_file(workload)
    with QemuRig(qemu_image(workload, "energy")) as dut:
        dut.boot()
        assert f"m-layers-[{len(expected)}]" in dut.ask("profile")
        assert listed(dut) == expected


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_synthetic_networks_have_the_layers_of_the_models(workload):
    network = synthetic_network(workload, seed=5)
    assert [network.macs(layer) for layer in network.layers] == [
        macs for _, macs, _ in layers_of_file(workload)
    ]


def between_marks(events: list[Event]) -> list[Event]:
    """The phases that begin between the last two falling edges, with the edges."""
    falls = [k for k, event in enumerate(events) if event.kind == "L"]
    return [event for event in events[falls[-2] : falls[-1] + 1] if event.kind in "LP"]


def test_a_layer_runs_alone_between_two_edges(dut):
    dut.forget()
    lines = dut.ask("layer 3 5")
    assert lines == ["m-layer-start-3", "m-layer-iterations-5", "m-layer-done", "m-ready"]
    told = between_marks(dut.events)
    assert [(event.kind, event.argument) for event in told] == [("L", 0), ("P", LAYER), ("P", 0), ("L", 0)]


def test_layers_make_up_the_whole_network():
    with QemuRig(qemu_image("kws01", "energy")) as dut:
        dut.boot()
        dut.load(bytes(range(245)) * 2)
        count = len(listed(dut))

        def work_ticks(command: str) -> int:
            dut.ask(command)
            _, begin, end, _ = between_marks(dut.events)
            return end.ticks - begin.ticks

        whole = work_ticks("infer 4 1")
        parts = [work_ticks(f"layer {k} 4") for k in range(count)]
        assert len(parts) == 12
        assert all(part > 0 for part in parts)
        # The same instructions but for the loops around them: some 50 instructions each.
        assert sum(parts) == pytest.approx(whole, rel=1e-3)
        assert work_ticks("layer 2 8") == pytest.approx(2 * parts[2], rel=1e-3)


def test_a_window_is_parted_into_the_phases_of_each_inference(dut):
    assert dut.ask("phases on") == ["m-phases-on", "m-phase-pulse-us-100", "m-ready"]
    dut.forget()
    lines = dut.ask("infer 3 1")
    assert lines[2:5] == ["m-phases-on", "m-phase-pulse-us-100", "m-infer-start-3"]
    told = between_marks(dut.events)
    assert [event.argument for event in told[1:-1]] == MARKED * 3 + [0]
    # Pulse and pauses have their length: to some ticks in QEMU, to some system calls natively.
    pulses = [b.ticks - a.ticks for a, b in pairwise(told) if a.kind == "P" and a.argument in (PAUSE, MARK)]
    slack = 20 if isinstance(dut, QemuRig) else 100e-6 * dut.tick_hz
    assert len(pulses) == 9
    assert all(abs(pulse - 100e-6 * dut.tick_hz) <= slack for pulse in pulses), pulses
    assert dut.ask("phases off") == ["m-phases-off", "m-ready"]
    dut.forget()
    assert "m-phases-on" not in dut.ask("infer 3 1")
    assert [event.argument for event in between_marks(dut.events)[1:-1]] == [NETWORK, 0]


def test_phases_do_not_change_what_an_inference_gives(dut):
    data = bytes(range(7, 252)) * 2
    dut.load(data)
    dut.ask("infer 1 0")
    expected = dut.output()
    dut.ask("phases on")
    dut.load(data)
    dut.ask("infer 2 0")
    assert dut.output() == expected


def test_the_length_of_the_mark_is_chosen_when_building():
    needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
    make(
        "DUT_BUILD=build/dut-pulse",
        "DEFINES=-DDUT_PHASE_PULSE_US=20",
        "build/dut-pulse/qemu-toy01-energy.elf",
    )
    with QemuRig(BUILD / "dut-pulse" / "qemu-toy01-energy.elf") as dut:
        dut.boot()
        assert dut.ask("phases on")[1] == "m-phase-pulse-us-20"
        dut.ask("infer 1 0")
        told = between_marks(dut.events)
        assert [event.argument for event in told[1:4]] == [PAUSE, MARK, PAUSE]
        assert abs(told[3].ticks - told[2].ticks - 500) <= 20
