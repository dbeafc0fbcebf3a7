"""Commands of our firmware beyond the protocol: layers alone, marks of phases (firmware/dut/README.md)."""

from __future__ import annotations

import pytest

from energy.instruments import Layer
from tests.dut.test_dut import TIMED, Bench
from tests.links.peer import script

LISTED = (
    "m-profile-[p]\r\nm-model-[kws01]\r\nm-layers-[2]\r\n"
    "m-layer-[0,CONV_2D,320000,2816]\r\nm-layer-[1,SOFTMAX,0,0]\r\n"
)
RUN = "m-layer-start-1\r\nm-layer-iterations-500\r\nm-layer-done\r\n"
TIMED_RUN = RUN.replace("m-layer-done", "m-lap-us-100\r\nm-lap-us-400\r\nm-layer-done")
PHASED = TIMED.replace("m-infer-start", "m-phases-on\r\nm-phase-pulse-us-100\r\nm-infer-start")


def test_layers_are_listed_with_operator_macs_and_bytes():
    with Bench(script({"profile layers": LISTED})) as bench:
        assert bench.dut.layers() == (Layer(0, "CONV_2D", 320000, 2816), Layer(1, "SOFTMAX", 0, 0))
        assert bench.peer.commands == [b"profile layers"]


@pytest.mark.parametrize("lost", ["m-layer-[0,CONV_2D,320000,2816]\r\n", "m-layer-[1,SOFTMAX,0,0]\r\n"])
def test_a_layer_whose_line_is_lost_is_noticed(lost):
    with Bench(script({"profile layers": LISTED.replace(lost, "")})) as bench:
        error = bench.fails("dut.unexpected", bench.dut.layers)
        assert "2 layers" in error.message


def test_the_reference_firmware_lists_no_layers():
    with Bench(script({"profile layers": "m-profile-[p]\r\nm-model-[kws01]\r\n"})) as bench:
        error = bench.fails("dut.no-layers", bench.dut.layers)
        assert "firmware/dut" in error.hint


def test_a_layer_runs_alone_between_two_marks():
    with Bench(script({"layer 1 500": RUN})) as bench:
        answer = bench.dut.infer_layer(1, 500, 1.0)
        assert (answer.results, answer.start_us, answer.stop_us) == ((), None, None)
        assert answer.reported_s is not None
        assert answer.reported_s[0] <= answer.reported_s[1]
    with Bench(script({"layer 1 500": TIMED_RUN})) as bench:
        answer = bench.dut.infer_layer(1, 500, 1.0)
        assert (answer.start_us, answer.stop_us) == (100, 400)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("start-1", "start-2"),
        ("iterations-500", "iterations-5000"),
        ("m-layer-start-1\r\n", ""),
        ("m-layer-iterations-500\r\n", ""),
    ],
)
def test_another_layer_or_number_than_asked_is_an_error(right, wrong):
    with Bench(script({"layer 1 500": RUN.replace(right, wrong)})) as bench:
        bench.fails("dut.unexpected", lambda: bench.dut.infer_layer(1, 500, 1.0))


def test_no_layer_and_no_iterations_are_refused_before_they_are_sent():
    with Bench(script({})) as bench:
        for index, iterations in ((-1, 1), (0, 0)):
            with pytest.raises(ValueError, match="layer"):
                bench.dut.infer_layer(index, iterations, 1.0)
        assert bench.peer.commands == []


def test_phases_are_switched_on_and_off():
    answers = {"phases on": "m-phases-on\r\nm-phase-pulse-us-100\r\n", "phases off": "m-phases-off\r\n"}
    with Bench(script({**answers, "infer 70 10": PHASED})) as bench:
        assert bench.dut.mark_phases(True) == pytest.approx(100e-6)
        assert bench.dut.infer(70, 10, 1.0).start_us == 123456
        assert bench.dut.mark_phases(False) is None


def test_a_window_with_phases_that_nobody_asked_for_is_refused():
    with Bench(script({"infer 70 10": PHASED})) as bench:
        error = bench.fails("dut.phases", lambda: bench.dut.infer(70, 10, 1.0))
        assert "unasked" in error.message


def test_a_dut_that_has_forgotten_its_phases_is_noticed():
    answers = {"phases on": "m-phases-on\r\nm-phase-pulse-us-100\r\n", "infer 70 10": TIMED}
    with Bench(script(answers)) as bench:
        bench.dut.mark_phases(True)
        bench.fails("dut.phases", lambda: bench.dut.infer(70, 10, 1.0))


def test_firmware_without_phases_is_named():
    with Bench(script({"phases on": "e-[Unknown command: phases]\r\n"})) as bench:
        error = bench.fails("dut.no-phases", lambda: bench.dut.mark_phases(True))
        assert "firmware/dut" in error.hint


@pytest.mark.parametrize("answer", ["m-phases-off\r\n", "m-phases-on\r\n", ""])
def test_an_answer_that_is_not_the_one_for_phases_is_an_error(answer):
    with Bench(script({"phases on": answer})) as bench:
        bench.fails("dut.unexpected", lambda: bench.dut.mark_phases(True))


STOOD = "m-sleep-start-200\r\nm-sleep-count-10\r\nm-sleep-done\r\n"


def test_it_sleeps_between_two_marks():
    with Bench(script({"sleep 200 10": STOOD, "idle 2000 1": STOOD.replace("sleep", "idle")})) as bench:
        answer = bench.dut.stand("sleep", 200, 10, 5.0)
        assert (answer.results, answer.start_us) == ((), None)
        assert answer.reported_s is not None
        error = bench.fails("dut.unexpected", lambda: bench.dut.stand("idle", 2000, 1, 5.0))
        assert "m-idle-start-2000" in error.message


@pytest.mark.parametrize(("right", "wrong"), [("start-200", "start-20"), ("count-10", "count-1")])
def test_another_sleep_than_asked_is_an_error(right, wrong):
    with Bench(script({"sleep 200 10": STOOD.replace(right, wrong)})) as bench:
        bench.fails("dut.unexpected", lambda: bench.dut.stand("sleep", 200, 10, 5.0))


def test_a_firmware_that_cannot_sleep_is_named():
    with Bench(script({"sleep 200 10": "e-[Unknown command: sleep]\r\n"})) as bench:
        error = bench.fails("dut.no-floors", lambda: bench.dut.stand("sleep", 200, 10, 5.0))
        assert "protocols.md" in error.hint
