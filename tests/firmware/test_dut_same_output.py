"""``python -m firmware.tools.same_output`` on posix builds: equal ones, an altered one, what can be wrong."""

from __future__ import annotations

import os
import re
import tty

import numpy as np
import pytest

from firmware.tools import same_output
from firmware.tools.same_output import main, random_input
from firmware.tools.workloads import WORKLOADS
from tests.firmware.dut_rig import PtyRig, posix_program
from tests.firmware.support import make


def compare(capsys, first, second, workload="kws01", *more):
    """Exit status, lines, and what went to standard error."""
    status = main(["--port", first, "--port", second, "--workload", workload, *more])
    said = capsys.readouterr()
    return status, said.out.splitlines(), said.err


class Posix(PtyRig):
    """A posix build whose port is left to others."""

    def start(self, stack):
        super().start(stack)
        self.port.close()


@pytest.mark.parametrize("workload", ["ad01", "kws01"])
def test_two_builds_of_the_same_network_give_the_same(capsys, workload):
    modes = ("performance", "energy")
    with Posix(posix_program(workload, modes[0])) as one, Posix(posix_program(workload, modes[1])) as other:
        status, lines, error = compare(capsys, one.url, other.url, workload, "--inputs", "2", "--seed", "7")
    outputs = WORKLOADS[workload].outputs
    assert lines == [f"input {k} of 2: the same, {outputs} bytes" for k in (1, 2)]
    assert (status, error) == (0, "")


def test_a_weight_that_differs_is_found(capsys, tmp_path):
    program = posix_program("kws01", "performance")
    tables = tmp_path / "models"
    altered = tmp_path / "dut" / program.name
    build = (f"DUT_BUILD={altered.parent}", f"MODELS_BUILD={tables}", str(altered))
    make(*build)
    source = tables / "kws01" / "model.c"
    # The first number of the last table of int32: a bias of the last layer.
    text, changed = re.subn(r"(int32_t \w+\[\d*\] = \{\s*)(-?\d+)(?!.*int32_t \w+\[\d*\] = )", r"\g<1>99999",
                            source.read_text(), count=1, flags=re.DOTALL)  # fmt: skip
    assert changed
    source.write_text(text)
    make.__wrapped__(*build)
    with Posix(program) as one, Posix(altered) as other:
        status, lines, error = compare(capsys, one.url, other.url)
    assert (status, error) == (1, "")
    assert len(lines) == 5
    assert [
        line for line in lines if re.search(r"DIFFERENT in \d+ of 12 bytes, byte \d+: \w\w and \w\w$", line)
    ]


def test_another_model_other_weights_and_a_port_that_is_not_there_are_told_by_their_codes(capsys, tmp_path):
    made_up = tmp_path / "dut" / "posix-kws01-performance"
    make("TFLITE_kws01=", "SEED=2", f"MODELS_BUILD={tmp_path}", f"DUT_BUILD={made_up.parent}", str(made_up))
    make("TFLITE_kws01=", "SEED=3", f"MODELS_BUILD={tmp_path}", f"DUT_BUILD={tmp_path}/3",
         f"{tmp_path}/3/posix-kws01-performance")  # fmt: skip
    with Posix(made_up) as one, Posix(tmp_path / "3" / made_up.name) as other:
        status, lines, error = compare(capsys, one.url, other.url)
        assert (status, lines) == (2, [])
        assert error.startswith("[dut.weights] weights differ")
        assert "synthetic, seed 2" in error
        assert "synthetic, seed 3" in error
        status, _, error = compare(capsys, one.url, other.url, "ic01")
        assert status == 2
        assert error.startswith(f"[dut.model] {one.url} runs kws01, not ic01")
        status, _, error = compare(capsys, one.url, str(tmp_path / "none"))
        assert status == 2
        assert error.startswith(f"[port.open] {tmp_path / 'none'} cannot be opened")


def test_a_port_at_which_nobody_answers_is_told(capsys, monkeypatch):
    monkeypatch.setattr(same_output, "_SYNC_S", 0.5)
    ends = [os.openpty() for _ in range(2)]
    for _, terminal in ends:
        tty.setraw(terminal)
    try:
        status, lines, error = compare(capsys, *(os.ttyname(terminal) for _, terminal in ends))
    finally:
        for end in (end for pair in ends for end in pair):
            os.close(end)
    assert (status, lines) == (2, [])
    assert error.startswith("[dut.silent]")


def test_a_command_that_the_dut_has_half_of_does_not_matter(capsys):
    with (
        PtyRig(posix_program("kws01", "performance")) as one,
        Posix(posix_program("kws01", "energy")) as other,
    ):
        one.port.write(b"db 00")
        one.port.close()
        assert compare(capsys, one.url, other.url, "kws01", "--inputs", "1")[0] == 0


@pytest.mark.parametrize("arguments", [[], ["--port", "a"], ["--port", "a"] * 3, ["--inputs", "0"]])
def test_wrong_usage_is_told_by_exit_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--workload", "kws01"])
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_random_inputs_have_the_wire_s_format_and_are_not_alike(workload):
    facts = WORKLOADS[workload]
    random = np.random.default_rng(3)
    inputs = [random_input(facts, random) for _ in range(20)]
    assert {len(data) for data in inputs} == {facts.inputs * (4 if facts.wire == "float32" else 1)}
    assert all(len(data) <= facts.buffer_bytes for data in inputs)
    assert len(set(inputs)) == 20
    assert random_input(facts, np.random.default_rng(3)) == inputs[0]
    if facts.wire == "float32":
        values = np.frombuffer(b"".join(inputs), "<f4")
        assert -85.0 <= values.min() < -80.0
        assert 10.0 < values.max() <= 15.0
