"""Each fuzz target takes its own seeds, whole and cut short, and nothing at all."""

from __future__ import annotations

import pytest

from fuzz.targets import all_targets

TARGETS = all_targets()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_target_takes_its_seeds_whole_and_cut_short(name, tmp_path, monkeypatch):
    monkeypatch.setattr("fuzz.targets._FOLDER", tmp_path / "fuzz")
    target = TARGETS[name]
    for seed in target.seeds:
        assert len(seed) <= target.longest
        for data in (seed, seed[: len(seed) // 2], b"", b"\xff" * 40):
            assert target.run(data) is None
