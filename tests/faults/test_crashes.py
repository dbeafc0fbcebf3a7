"""A sample of the crashes; ``python -m tests.faults.crashes`` runs hundreds."""

from __future__ import annotations

import random

import pytest

from tests.faults.crashes import KINDS, Crash, aftermath, killed

SEED = random.randrange(2**32)
LONGEST_S = 6.0


@pytest.mark.drivers
@pytest.mark.parametrize(("bench", "mode"), KINDS, ids=["/".join(kind) for kind in KINDS])
def test_a_killed_session_claims_no_more_than_it_has(bench, mode, tmp_path):
    print(f"seed {SEED}")  # noqa: T201 - shown where it fails
    chance = random.Random(f"{SEED} {bench} {mode}")
    folder, truth = tmp_path / "session", tmp_path / "truth.json"
    crash = Crash(bench, mode, chance.uniform(0.0, LONGEST_S))
    killed(crash, folder, truth)
    assert aftermath(crash, folder, truth).problems == (), crash
