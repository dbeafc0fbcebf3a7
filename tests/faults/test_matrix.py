"""A sample of the break-in matrix, its pages, and that its judge can find a session wrong."""

from __future__ import annotations

import time
from collections import Counter

import pytest

import tests.faults.cells as cells
import tests.faults.results as results
from energy.errors import BenchError
from tests.conftest import MATRIX_SEED
from tests.faults.catalogue import BENCHES, Fault
from tests.faults.cells import Cell, Hang, Result, Truth, limited, run
from tests.faults.matrix import CELLS, command
from tests.faults.pages import KINDS, LETTERS, MATRIX, letters_of, matrix_page, verdict
from tests.faults.phase_rows import PHASE_FAULTS
from tests.faults.phases import AT_FULL_SPEED, LAST, PHASE_BENCHES, PHASES
from tests.faults.results import store, stored
from tests.faults.sampling import drawn, sample, seed
from tests.faults.session_phases import Phase, followed

ON_THE_PAGE = letters_of(MATRIX.read_text(encoding="utf-8"))
SAMPLE = sample(cell for cell in CELLS if cell.name in ON_THE_PAGE)
FIXED = [name for name, cell in SAMPLE.items() if name == cell.name]


def test_the_matrix_has_a_thousand_cells_and_each_bench_has_every_kind_and_phase():
    assert len(CELLS) >= 1000
    assert len({cell.name for cell in CELLS}) == len(CELLS)
    kinds = Counter(cell.fault.kind for cell in CELLS)
    assert set(kinds) == set(KINDS)
    for kind in KINDS.keys() - {"none", *PHASES}:
        assert kinds[kind] >= 50, kind
    for bench in PHASE_BENCHES:
        wanted = set(KINDS if bench in BENCHES else PHASES)
        wanted -= set() if bench.startswith("lpm01a") else {"writing-results"}
        assert {cell.fault.kind for cell in CELLS if cell.bench == bench} == wanted, bench


def test_every_fault_of_the_issue_is_in_a_phase_of_some_bench():
    """The faults of the work's list that a single process in virtual time can have."""
    wanted = (
        *("vanishes", "late", "lost", "garbled", "half", "doubled", "stall", "samples-dropped"),
        *("edge-missing", "edge-extra", "edge-bouncing", "dut-resets", "over-range", "protection-acts"),
        *("queue-full", "clock-drifts"),
    )
    names = [fault.name for fault in PHASE_FAULTS]
    for fault in wanted:
        assert any(name.endswith(fault) for name in names), fault


@pytest.mark.drivers
@pytest.mark.parametrize("name", SAMPLE)
def test_a_cell_of_the_sample_is_sound_and_a_fixed_one_is_as_the_page_says(name):
    cell = SAMPLE[name]
    result = run(cell)
    said = LETTERS[verdict(cell, result)]
    again = f"again: {command(cell.name)} (drawn by {MATRIX_SEED}={seed()})"
    assert said in ("r", "m", "s", "k"), (again, result.verdict, result.codes, result.why)
    if name in FIXED:
        assert said == ON_THE_PAGE[cell.name], (again, result)


def test_another_seed_draws_other_cells_of_each_kind_and_the_fixed_ones_stay():
    one, other = drawn(CELLS, "1", 1), drawn(CELLS, "2", 1)
    assert {cell.fault.kind for cell in one} == {cell.fault.kind for cell in other} == set(KINDS)
    assert len({cell.name for cell in one} & {cell.name for cell in other}) < len(KINDS) // 2
    assert drawn(CELLS, "1", 1) == one
    assert not [cell.name for cell in drawn(CELLS, "1", 10_000) if cell.bench in AT_FULL_SPEED]


def test_the_page_has_a_thousand_cells_and_none_that_may_not_be_so():
    assert len(ON_THE_PAGE) >= 1000
    assert not [name for name, letter in ON_THE_PAGE.items() if letter == LETTERS["WRONG"]]


def test_the_page_shows_each_cell_once_and_processes_beside_it():
    right, stopped = Result("right", (), 0.0, 1e-3, 0.0), Result("stopped", ("dut.reset",))
    made = {cell: right if number % 2 else stopped for number, cell in enumerate(CELLS)}
    page = matrix_page(made, {"lpm01a/boot/sigkill": stopped})
    letters = letters_of(page)
    assert letters == {
        **{cell.name: LETTERS[result.verdict] for cell, result in made.items()},
        "lpm01a/boot/sigkill": "s",
    }
    assert f"{len(CELLS) + 1} cells: {len(CELLS) - len(CELLS) // 2 + 1} stopped" in page


def test_results_are_kept_for_the_code_that_made_them(tmp_path, monkeypatch):
    path = tmp_path / "out" / "results.jsonl"
    first, second = Result("stopped", ("dut.reset",), why="made up"), Result("right", (), 1e-4, 1e-3, 0.0)
    store(path, "lpm01a/one", first)
    store(path, "lpm01a/two", first)
    store(path, "lpm01a/two", second)
    assert stored(path) == {"lpm01a/one": first, "lpm01a/two": second}
    monkeypatch.setattr(results, "code_digest", lambda: "other")
    assert stored(path) == {}
    assert stored(path, of_any_code=True)["lpm01a/two"] == second


# Phases


@pytest.mark.drivers
@pytest.mark.parametrize("bench", ["lpm01a", "keithley-2450", "ppk2-ampere"])
def test_a_session_goes_through_all_phases_in_order(bench, tmp_path):
    phase = Phase()
    with cells.watched(phase), followed(phase):
        cells._session(Cell(bench, Fault("none", "nothing")), tmp_path)
    assert tuple(dict.fromkeys(phase.seen)) == PHASES
    trial = ["loading", "warm-up", "in-window", "closing-edge"]
    assert phase.seen == [*PHASES[:4], *trial * (LAST + 1), *PHASES[-3:]]


def test_a_folder_that_does_not_hold_what_came_of_the_session_is_broken(monkeypatch):
    session = cells._session

    def forgotten(cell, folder):
        outcome = session(cell, folder)
        record = folder / "session" / "session.json"
        record.write_text(record.read_text(encoding="utf-8").replace('"finished"', '"measuring"'), "utf-8")
        return outcome

    monkeypatch.setattr(cells, "_session", forgotten)
    result = run(Cell("keysight-n6705", Fault("none", "nothing")))
    assert (result.verdict, result.why) == ("BROKEN", "its state is measuring")


def test_a_supply_that_takes_commands_is_off_whatever_the_session_says(monkeypatch):
    def left_on(cell, folder):
        bench = cells.drivers.virtual.environment.VirtualBench()
        bench.world.supply.switch(True)
        error = BenchError("lpm01a.silent", "made up", "nothing")
        error.also.append(BenchError("supply.may-be-on", "made up", "nothing"))
        raise error

    monkeypatch.setattr(cells, "_session", left_on)
    assert run(Cell("lpm01a", Fault("none", "nothing"))).verdict == "LEFT ON"


def test_a_fault_that_strikes_in_another_phase_is_no_sound_cell():
    late = Fault("boot", "boot/late", (("brown-out", {"loaded": 2, "delay_s": 0.01}),))
    result = run(Cell("lpm01a", late))
    assert (result.verdict, result.why) == ("ODD", "the fault struck in the phase loading")


# The judge


def test_an_energy_that_is_not_the_world_s_is_found_wrong(monkeypatch):
    energy_j = Truth.energy_j
    monkeypatch.setattr(Truth, "energy_j", lambda truth, work: energy_j(truth, work) * 1.003)
    result = run(Cell("lpm01a", Fault("none", "nothing")))
    assert (result.verdict, result.error) == ("WRONG", pytest.approx(1 / 1.003 - 1, abs=1e-3))


def test_scores_that_are_not_the_dut_s_and_a_window_that_is_too_long_are_found_wrong(monkeypatch):
    watch = cells.watch

    def other(bench, phase):
        truth = watch(bench, phase)
        results = bench.dut._results
        bench.dut._results = lambda: results() if len(truth.works) != 3 else "m-results-[]"
        return truth

    monkeypatch.setattr(cells, "watch", other)
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
    alarm = Fault("dut", "alarm", (("silent-dut", {"infer": 1}),), harmless=True)
    result = run(Cell("lpm01a", alarm))
    assert (result.verdict, result.codes[0]) == ("ALARM", "dut.incomplete")
    other = Fault("dut", "other", (("silent-dut", {"infer": 1}),), codes=r"clock\.")
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
