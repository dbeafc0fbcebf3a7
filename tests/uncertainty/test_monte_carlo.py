"""Monte Carlo on the virtual world, in short; in full: ``python -m benchmarks.uncertainty_coverage``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.uncertainty_cells import EXTREME, KINDS, Draw, Kind, cell
from benchmarks.uncertainty_coverage import main, missed

BY_NAME = {kind.name: kind for kind in (*KINDS, *EXTREME)}
CELLS = [
    ("LPM01A, energy", 3, 150),
    ("PPK2, two ranges", 3, 60),
    ("2450, 10 mA", 3, 300),
    ("2450, 10 mA", 10, 150),
    ("2450, 100 mA", 5, 300),
    ("N6781A, 100 mA", 3, 100),
    ("JS220, 18 mA", 5, 150),
    ("LPM01A, 10.4 ms windows", 10, 60),
    ("N6781A, scatter 1 %", 3, 60),
    ("2450, 200 ms windows", 10, 60),
]


@pytest.mark.parametrize(("name", "windows", "draws"), CELLS)
def test_stated_intervals_hold_the_truth_as_often_as_they_say(name, windows, draws):
    kind = BY_NAME[name]
    result = cell(kind, windows, draws, seed=1)
    assert missed(result, draws, extreme=kind in EXTREME) == []


def with_budgets_of(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """Lets the budgets believe something else of the bench than what is drawn."""
    original = Draw._conditions  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(
        Draw, "_conditions", lambda draw, columns: replace(original(draw, columns), **changes)
    )


def halved(kind: Kind) -> tuple:
    return tuple(replace(line, gain=line.gain / 2, offset=line.offset / 2) for line in kind.lines)


def test_budgets_that_believe_in_half_the_limits_are_found(monkeypatch):
    kind = BY_NAME["2450, 100 mA"]
    with_budgets_of(monkeypatch, lines=halved(kind))
    (line, *_) = missed(cell(kind, 5, 200, seed=1), 200, extreme=False)
    assert "less than 93.5 %" in line.replace("93.5%", "93.5 %")


def test_budgets_that_believe_in_twice_the_limits_are_found(monkeypatch):
    kind = BY_NAME["2450, 100 mA"]
    doubled = tuple(replace(line, gain=line.gain * 2, offset=line.offset * 2) for line in kind.lines)
    with_budgets_of(monkeypatch, lines=doubled)
    lines = missed(cell(kind, 5, 200, seed=1), 200, extreme=False)
    assert any("times the half-width" in line for line in lines)


def test_edges_that_are_left_to_the_scatter_are_found(monkeypatch):
    """Decision 0032: each window is 10.4 samples long, and both edges cut a power step with the same sign."""
    kind = replace(BY_NAME["LPM01A, 10.4 ms windows"], edge_s=0.0)
    from energy.uncertainty import model

    def without(self, *arguments):
        return [entry for entry in original(self, *arguments) if "edges" not in entry.name]

    original = model.Model._extra  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(model.Model, "_extra", without)
    result = cell(kind, 10, 100, seed=1)
    assert result.covered < 0.9
    assert missed(result, 100, extreme=True)


def test_the_program_prints_every_cell_and_says_what_was_missed(capsys, tmp_path):
    target = tmp_path / "cells.json"
    assert main(["--draws", "20", "--jobs", "1", "--only", "2450, 10 mA", "--json", str(target)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("2450, 10 mA") == 3
    assert "Every cell is within its limits." in shown
    assert '"covered"' in target.read_text(encoding="utf-8")
