"""A sample of the crashes; ``python -m tests.faults.crashes`` runs hundreds."""

from __future__ import annotations

import json
import random

import pytest

from energy.session.recover import recover
from tests.faults.crashes import KINDS, Crash, aftermath, run
from tests.faults.crashing import PHASES, run_kind
from tests.faults.cuts import EACH, Cuts, of_one_session
from tests.faults.cuts import KINDS as CUT_KINDS

SEED = random.randrange(2**32)
LONGEST_S = 0.3
SEVERAL = {"load", "warm-up", "in window", "closing edge"}
"""Phases that come with each trial."""
TIMES = 6


@pytest.mark.drivers
@pytest.mark.parametrize(("bench", "mode"), KINDS, ids=["/".join(kind) for kind in KINDS])
def test_a_killed_session_claims_no_more_than_it_has(bench, mode, tmp_path):
    print(f"seed {SEED}")  # noqa: T201 - shown where it fails
    chance = random.Random(f"{SEED} {bench} {mode}")
    folder, truth = tmp_path / "session", tmp_path / "truth.json"
    phase = chance.choice(PHASES)
    occurrence = chance.randrange(TIMES) if phase in SEVERAL else 0
    crash = Crash(bench, mode, phase, occurrence, chance.uniform(0.0, LONGEST_S))
    done = run(crash, folder, truth)
    assert not done.ended, crash
    if folder.exists():
        assert aftermath(crash, folder, truth).problems == (), crash


@pytest.mark.drivers
def test_a_power_cut_leaves_what_can_be_recovered_and_no_other_figures(tmp_path):
    print(f"seed {SEED}")  # noqa: T201 - shown where it fails
    chance = random.Random(f"{SEED} cuts")
    cuts = Cuts(chance.choice(CUT_KINDS), tmp_path)
    done = list(of_one_session(cuts, chance))
    assert len(done) > EACH // 2
    assert [problems for _, _, problems in done if problems] == []


@pytest.mark.drivers
def test_a_recording_is_recovered_whose_figures_are_there_and_whose_manifest_is_not(tmp_path):
    run_kind(tmp_path / "session", "lpm01a", "record")
    session = json.loads((tmp_path / "session/session.json").read_text(encoding="utf-8"))
    (tmp_path / "session/manifest.json").unlink()
    recovered = recover(tmp_path / "session")
    assert (recovered.state, recovered.trials) == ("recovered", len(session["windows"]))
    again = json.loads((tmp_path / "session/session.json").read_text(encoding="utf-8"))
    assert again["windows"] == session["windows"]
