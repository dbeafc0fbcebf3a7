"""python -m firmware.tools.tables: what it writes, and that no file makes it crash or hang."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energy.benchmark.workloads import WORKLOADS as MEASURED
from firmware.tools import tables
from firmware.tools.arena import plan
from firmware.tools.c_tables import header, source
from firmware.tools.errors import TablesError
from firmware.tools.fixed_point import factor, folded_bias
from firmware.tools.flatbuffer import parse
from firmware.tools.network import Addition, Convolution, Network, Quantisation, Tensor, Window, reads
from firmware.tools.reader import network_of, read_network
from firmware.tools.simulate import run
from firmware.tools.synthetic import synthetic_network
from firmware.tools.workloads import WORKLOADS
from tests.conftest import ROOT
from tests.firmware.random_networks import Draw, random_network
from tests.firmware.support import FIRMWARE, needs
from tests.firmware.tflite_files import tflite_bytes, write


def tables_of(network, workload="kws01"):
    return header(network, WORKLOADS[workload]) + source(network, WORKLOADS[workload])


def without_source(text):
    return re.sub(r" \* Weights: .*", "", text)


# What it writes


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_workloads_agree_with_those_that_are_measured(workload):
    facts, measured = WORKLOADS[workload], MEASURED[workload]
    assert facts.wire == measured.input_type
    assert facts.inputs * (4 if facts.wire == "float32" else 1) == measured.input_bytes
    assert measured.outputs == (1 if workload == "ad01" else facts.outputs)


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_a_network_written_as_a_file_and_read_again_gives_the_same_tables(workload, tmp_path):
    network = synthetic_network(workload, seed=5)
    again = read_network(write(network, tmp_path / "network.tflite"))
    again = dataclasses.replace(again, weights=network.weights)
    assert without_source(tables_of(again, workload)) == without_source(tables_of(network, workload))


@pytest.mark.parametrize("seed", range(12))
def test_a_small_network_written_as_a_file_and_read_again_gives_the_same_tables(seed):
    network, _ = random_network(seed)
    again = network_of(parse(tflite_bytes(network), "f"), network.source)
    assert tables_of(again) == tables_of(network)


def test_a_seed_gives_the_same_tables_everywhere_and_another_seed_others():
    first, again, other = (tables_of(synthetic_network("kws01", seed)) for seed in (1, 1, 2))
    assert first == again != other
    # Written down once: a change of these tables changes what published figures stand for.
    numbers = synthetic_network("kws01", 1).layers[0]
    assert isinstance(numbers, Convolution)
    assert numbers.weights.reshape(-1)[:8].tolist() == FIRST_WEIGHTS
    assert numbers.bias[:4].tolist() == FIRST_BIASES


FIRST_WEIGHTS = [75, 30, -99, -31, -60, 61, 76, 52]
FIRST_BIASES = [31417, 16952, -13648, 18987]


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_synthetic_outputs_are_alive(workload):
    """They differ between inputs, and few are at the ends of the range."""
    network = synthetic_network(workload, seed=1)
    rng = np.random.default_rng(2)
    inputs = rng.integers(-128, 128, (6, WORKLOADS[workload].inputs)).astype(np.int8)
    inputs[4:] = np.array([[0], [90]], np.int8)
    values = run(network, inputs)
    outputs = values[network.output].reshape(6, -1)
    assert len(np.unique(outputs, axis=0)) >= 5  # two probabilities may coincide
    assert (np.abs(outputs - 0.5) > 127).mean() < 0.1
    for layer in network.layers:
        if isinstance(layer, Convolution | Addition):
            assert (values[layer.output] == 127).mean() < 0.15
            assert values[layer.output].std() > 10


def test_the_profile_tells_synthetic_weights_and_their_seed():
    assert '#define MODEL_WEIGHTS "synthetic, seed 7"' in tables_of(synthetic_network("kws01", 7))


def test_tensors_that_are_needed_at_once_do_not_share_bytes():
    for network in [random_network(seed)[0] for seed in range(40)] + [synthetic_network("ic01", 1)]:
        arena = plan(network)
        first = {network.input: -1} | {layer.output: k for k, layer in enumerate(network.layers)}
        last = first | {network.output: len(network.layers)}
        for k, layer in enumerate(network.layers):
            last |= {tensor: max(last[tensor], k) for tensor in reads(layer)}
        last[network.input] = len(network.layers)  # the same input is inferred again and again
        for one in first:
            end = arena.offsets[one] + network.tensors[one].count
            assert end <= arena.patches <= arena.size
            for other in first:
                at_once = first[one] <= last[other] and first[other] <= last[one]
                apart = arena.offsets[other] >= end or one == other
                apart |= arena.offsets[one] >= arena.offsets[other] + network.tensors[other].count
                assert apart or not at_once


def test_the_command_writes_both_files(tmp_path):
    assert tables.main(["--workload", "ad01", "--seed", "3", "--out", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model.c", "model.h"]
    assert "#define MODEL_MACS 264192U" in (tmp_path / "out" / "model.h").read_text()


def test_synthetic_weights_need_neither_flatbuffers_nor_tflite(tmp_path):
    command = (
        "import sys; sys.modules['tflite'] = sys.modules['flatbuffers'] = None\n"
        "from firmware.tools.tables import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["--workload", "kws01", "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, "-c", command, *arguments], cwd=ROOT, check=False)
    assert done.returncode == 0
    model = write(synthetic_network("kws01", 1), tmp_path / "m.tflite")
    arguments += ["--tflite", str(model)]
    done = subprocess.run(
        [sys.executable, "-c", command, *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr[:16]) == (2, "[file.packages] ")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("modèle.tflite", r"mod\xe8le.tflite"),
        ("模型.tflite", r"\u6a21\u578b.tflite"),
        ("a\nint main;\r\u2028.tflite", r"a\nint main;\r\u2028.tflite"),
        ("*.tflite", "*.tflite"),
        ("a\\.tflite", r"a\\.tflite"),
        (os.fsdecode(b"\xff.tflite"), r"\udcff.tflite"),
    ],
)
def test_any_name_of_a_file_is_told_in_ascii_on_one_line(name, shown, tmp_path):
    try:
        path = write(synthetic_network("kws01", 1), tmp_path / name)
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    out = tmp_path / "out"
    assert tables.main(["--workload", "kws01", "--tflite", str(path), "--out", str(out)]) == 0
    for file in ("model.h", "model.c"):
        third = (out / file).read_text(encoding="ascii").split("\n")[2]
        assert third.startswith(f" * Weights: {shown}, SHA-256 ")
        assert third.endswith(" */")


@pytest.mark.parametrize("text", ["*/ int x; /*", "/*/", "**//**//", "*/*/*", "a\\", "*"])
def test_no_text_about_the_weights_ends_the_comment_that_it_is_in(text):
    network = dataclasses.replace(random_network(3)[0], source=text)
    for written in (header(network, WORKLOADS["kws01"]), source(network, WORKLOADS["kws01"])):
        comment, end, code = written.removeprefix("/*").partition("*/")
        assert end
        assert "/*" not in comment
        assert comment.count("\n") == 2
        assert code.startswith(("\n#ifndef JOULEBENCH_MODEL_H\n", '\n#include "model.h"\n'))


def test_make_writes_tables_anew_when_seed_or_model_changes_and_only_then(tmp_path):
    needs("make")
    model = write(synthetic_network("kws01", 4), tmp_path / "mine.tflite")
    target = tmp_path / "models" / "kws01" / "model.h"

    def made(*choices):
        command = ["make", "-C", FIRMWARE, "-f", "dut/Makefile", f"PYTHON={sys.executable}"]
        command += [f"MODELS_BUILD={tmp_path / 'models'}", *choices, target]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return "firmware.tools.tables" in done.stdout

    assert made("TFLITE_kws01=", "SEED=9")
    assert '"synthetic, seed 9"' in target.read_text()
    assert not made("TFLITE_kws01=", "SEED=9")
    assert made("TFLITE_kws01=", "SEED=8")
    assert made(f"TFLITE_kws01={model}")
    assert '#define MODEL_WEIGHTS ""' in target.read_text()
    assert not made(f"TFLITE_kws01={model}")


# What it refuses


def refusal(path, capsys, out, workload="kws01"):
    """The code that the tool leaves with, and that it writes nothing."""
    assert tables.main(["--workload", workload, "--tflite", str(path), "--out", str(out)]) == 2
    assert not out.exists()
    code = re.match(r"\[([a-z]+\.[a-z]+)\] ", capsys.readouterr().err)
    assert code
    return code[1]


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "file.kind"), (b"\0" * 64, "file.kind"), (b"\x08\0\0\0TFL3", "file.damaged")],
)
def test_what_is_no_model_is_refused(data, code, tmp_path, capsys):
    (tmp_path / "m.tflite").write_bytes(data)
    assert refusal(tmp_path / "m.tflite", capsys, tmp_path / "out") == code


def test_what_is_no_file_is_refused(tmp_path, capsys):
    assert refusal(tmp_path / "missing", capsys, tmp_path / "out") == "file.unreadable"
    assert refusal(tmp_path, capsys, tmp_path / "out") == "file.unreadable"
    os.mkfifo(tmp_path / "fifo")  # reading it would wait for ever
    assert refusal(tmp_path / "fifo", capsys, tmp_path / "out") == "file.unreadable"
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(1 << 40)
    assert refusal(tmp_path / "huge", capsys, tmp_path / "out") == "file.size"


def test_the_model_of_another_workload_is_refused(tmp_path, capsys):
    path = write(synthetic_network("ad01", 1), tmp_path / "m.tflite")
    assert refusal(path, capsys, tmp_path / "out") == "workload.input"


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path, capsys):
    (tmp_path / "out").write_text("a file")
    assert tables.main(["--workload", "kws01", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("[file.unwritable] ")


def changed(**changes):
    """The plain values of a small file, one operator or tensor of it changed."""
    raw = parse(tflite_bytes(synthetic_network("kws01", 1)), "f")
    number = changes.pop("operator", None)
    if number is None:
        number = changes.pop("tensor")
        tensors = list(raw.tensors)
        tensors[number] = dataclasses.replace(tensors[number], **changes)
        return dataclasses.replace(raw, tensors=tuple(tensors))
    operators = list(raw.operators)
    options = changes.pop("options", {})
    operators[number] = dataclasses.replace(operators[number], **changes)
    operators[number] = dataclasses.replace(operators[number], options=operators[number].options | options)
    return dataclasses.replace(raw, operators=tuple(operators))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"operator": 0, "name": "TANH"}, "model.operator"),
        ({"operator": 0, "name": "127"}, "model.operator"),
        ({"operator": 0, "options": {"DilationHFactor": 2.0}}, "model.option"),
        ({"operator": 0, "options": {"StrideW": 0.0}}, "model.shape"),
        ({"operator": 0, "options": {"StrideW": -1.0}}, "model.option"),
        ({"operator": 0, "options": {"StrideH": 1.0}}, "model.shape"),
        ({"operator": 0, "options": {"Padding": 2.0}}, "model.option"),
        ({"operator": 0, "options": {"FusedActivationFunction": 4.0}}, "model.option"),
        ({"operator": 1, "options": {"DepthMultiplier": 2.0}}, "model.option"),
        ({"operator": 11, "options": {"Beta": float("nan")}}, "model.option"),
        ({"operator": 0, "inputs": (9999, 1, 2)}, "model.order"),
        ({"operator": 0, "inputs": (0, 9999, 2)}, "model.order"),
        ({"operator": 0, "inputs": (0,)}, "model.shape"),
        ({"operator": 0, "inputs": ()}, "model.shape"),
        ({"operator": 0, "outputs": (-1,)}, "model.order"),
        ({"operator": 1, "outputs": (0,)}, "model.order"),
        ({"tensor": 0, "type": "FLOAT32"}, "model.type"),
        ({"tensor": 0, "shape": (2, 49, 10, 1)}, "model.shape"),
        ({"tensor": 0, "shape": (1, 49, 10, 2)}, "model.shape"),
        ({"tensor": 0, "scales": np.array([0.0], np.float32)}, "model.quantisation"),
        ({"tensor": 0, "scales": np.array([np.nan], np.float32)}, "model.quantisation"),
        ({"tensor": 0, "zeros": np.array([128], np.int64)}, "model.quantisation"),
        ({"tensor": 1, "zeros": np.ones(64, np.int64)}, "model.quantisation"),
        ({"tensor": 1, "axis": 3}, "model.quantisation"),
        ({"tensor": 1, "type": "INT4"}, "model.type"),
        ({"tensor": 1, "data": np.zeros(2559, np.uint8)}, "model.data"),
        ({"tensor": 1, "shape": (64, 10, 4, -1)}, "model.shape"),
        ({"tensor": 2, "type": "INT64"}, "model.type"),
    ],
)
def test_a_model_that_the_kernels_do_not_run_is_refused_by_name(changes, code):
    with pytest.raises(TablesError) as caught:
        network_of(changed(**changes), "changed")
    assert caught.value.code == code


def test_an_accumulator_that_could_overflow_is_refused():
    weights = np.full((1, 1, 1, 4), 127, np.int8)
    bias = np.array([(1 << 31) - 1], np.int32)
    layer = Convolution(
        "convolution", 0, 1, Window(1, 1, 1, 1, "same"), weights, np.ones(1, np.float32), bias, "none"
    )
    tensors = (Tensor((1, 1, 4), Quantisation(1.0, 0)), Tensor((1, 1, 1), Quantisation(1.0, 0)))
    network = Network(tensors, (layer,), 0, 1, "overflow")
    with pytest.raises(TablesError, match="overflow"):
        source(network, WORKLOADS["kws01"])
    smaller = dataclasses.replace(layer, bias=np.array([1 << 29], np.int32))
    assert folded_bias(network, smaller, [factor(1.0)]) == [1 << 29]


SMALL = tflite_bytes(random_network(3)[0])
"""A small file of several operators, to be damaged."""

NUMBERS = [0, 1, 2, 0xFFFF, 1 << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
"""What offsets and lengths become."""


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    length=st.integers(0, len(SMALL)) | st.just(len(SMALL)),
    damage=st.lists(
        st.tuples(
            st.integers(0, len(SMALL) - 4),
            st.sampled_from(NUMBERS) | st.integers(0, 255),
            st.sampled_from([1, 4]),
        ),
        max_size=6,
    ),
)
def test_a_damaged_file_gives_tables_or_a_coded_error(length, damage):
    data = bytearray(SMALL)
    for at, number, width in damage:
        data[at : at + width] = (number & ((1 << 8 * width) - 1)).to_bytes(width, "little")
    # Anything but a TablesError fails the test.
    with contextlib.suppress(TablesError):
        tables_of(network_of(parse(bytes(data[:length]), "damaged"), "damaged"))


def test_drawing_covers_every_operator():
    """The tests above rest on it."""
    kinds = {type(layer).__name__ for seed in range(24) for layer in random_network(seed)[0].layers}
    assert kinds == {"Convolution", "AveragePool", "Addition", "Softmax"}
    assert Draw(0).tensors
