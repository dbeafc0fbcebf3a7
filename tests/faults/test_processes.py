"""A few cells of the faults that need real processes; ``python -m tests.faults.processes`` runs all."""

from __future__ import annotations

import random

import pytest

from tests.faults.process_cells import run
from tests.faults.process_phases import shorten_windows
from tests.faults.processes import CELLS, ON_PORTS
from tests.faults.sampling import seed

GROUPS = {
    "killed": ("KILL",),
    "interrupted": ("INT", "TERM", "HUP", "INT-again"),
    "full": ("disk-full",),
}


@pytest.mark.drivers
@pytest.mark.parametrize("group", GROUPS)
def test_a_struck_command_ends_as_it_must(group, monkeypatch):
    shorten_windows(monkeypatch.setattr)
    cells = [cell for cell in CELLS if cell.fault.name in GROUPS[group] and cell.bench in ON_PORTS]
    cell = random.Random(f"{seed()} {group}").choice(cells)
    number = random.Random(seed()).randrange(2**32)
    struck = run(cell, number)
    how = f"--fault {cell.fault.name} --bench {cell.bench} --phase {cell.phase} --seed {number} --afresh"
    assert not struck.result.failed, (struck, f"python -m tests.faults.processes {how}")
