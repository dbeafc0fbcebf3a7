"""A sample of the break-in matrix, its pages, and that its judge can find a session wrong."""

from __future__ import annotations

import time
from collections import Counter

import pytest

import tests.faults.cells as cells
from energy.errors import BenchError
from tests.faults.catalogue import BENCHES, Fault
from tests.faults.cells import Cell, Hang, Truth, limited, run
from tests.faults.matrix import CELLS, sample
from tests.faults.pages import KINDS, LETTERS, MATRIX, letters_of, verdict

SAMPLE = sample()


def test_the_matrix_has_at_least_400_cells_of_every_kind_on_every_bench():
    assert len(CELLS) >= 400
    assert len({cell.name for cell in CELLS}) == len(CELLS)
    kinds = Counter(cell.fault.kind for cell in CELLS)
    assert set(kinds) == set(KINDS)
    for kind in KINDS.keys() - {"none"}:
        assert kinds[kind] >= 50, kind
    for bench in BENCHES:
        assert {cell.fault.kind for cell in CELLS if cell.bench == bench} == set(KINDS), bench


@pytest.mark.drivers
@pytest.mark.parametrize("cell", SAMPLE, ids=lambda cell: cell.name)
def test_a_cell_of_the_sample_is_as_the_page_says(cell):
    result = run(cell)
    said = LETTERS[verdict(cell, result)]
    assert said in ("r", "m", "s", "k"), (result.verdict, result.codes, result.why)
    assert said == letters_of(MATRIX.read_text(encoding="utf-8"))[cell.name], result


def test_the_page_has_hundreds_of_cells_and_none_that_may_not_be_so():
    letters = letters_of(MATRIX.read_text(encoding="utf-8"))
    assert len(letters) >= 400
    assert set(letters) <= {cell.name for cell in CELLS}
    assert not [name for name, letter in letters.items() if letter == LETTERS["WRONG"]]


# The judge


def test_an_energy_that_is_not_the_world_s_is_found_wrong(monkeypatch):
    energy_j = Truth.energy_j
    monkeypatch.setattr(Truth, "energy_j", lambda truth, work: energy_j(truth, work) * 1.003)
    result = run(Cell("lpm01a", Fault("none", "nothing")))
    assert (result.verdict, result.error) == ("WRONG", pytest.approx(1 / 1.003 - 1, abs=1e-3))


def test_scores_that_are_not_the_dut_s_and_a_window_that_is_too_long_are_found_wrong(monkeypatch):
    watch = cells._watch

    def other(bench):
        truth = watch(bench)
        results = bench.dut._results
        bench.dut._results = lambda: results() if len(truth.works) != 3 else "m-results-[]"
        return truth

    monkeypatch.setattr(cells, "_watch", other)
    window_s = Truth.window_s
    monkeypatch.setattr(
        Truth, "window_s", lambda truth, work: (window_s(truth, work)[0], window_s(truth, work)[1] - 0.02)
    )
    result = run(Cell("lpm01a", Fault("none", "nothing")))
    assert result.verdict == "WRONG"
    assert "time wrong by +0.02" in result.why


def test_a_fault_that_does_not_strike_and_a_false_alarm_are_no_sound_cells():
    never = Fault("dut", "never", (("brown-out", {"infer": 99}),))
    assert run(Cell("lpm01a", never)).verdict == "ODD"
    alarm = Fault("dut", "alarm", (("silent-dut", {"infer": 0}),), harmless=True)
    result = run(Cell("lpm01a", alarm))
    assert (result.verdict, result.codes[0]) == ("ALARM", "dut.incomplete")
    other = Fault("dut", "other", (("silent-dut", {"infer": 0}),), codes=r"clock\.")
    assert run(Cell("lpm01a", other)).verdict == "ODD"


def test_an_exception_without_a_code_is_a_traceback_and_a_supply_that_stays_on_is_said(monkeypatch):
    def broken(cell, folder):
        raise ZeroDivisionError

    monkeypatch.setattr(cells, "_session", broken)
    assert run(Cell("lpm01a", Fault("none", "nothing"))).verdict == "TRACEBACK"

    def left_on(cell, folder):
        bench = cells.drivers.virtual.environment.VirtualBench()
        bench.close()
        bench.world.supply.switch(True)
        raise BenchError("dut.silent", "made up", "nothing")

    monkeypatch.setattr(cells, "_session", left_on)
    assert run(Cell("lpm01a", Fault("none", "nothing"))).verdict == "LEFT ON"


def test_what_does_not_end_is_ended():
    with pytest.raises(Hang), limited(0.05):
        time.sleep(30)
