"""Each fuzz target takes its own seeds, whole, cut short and mixed, and nothing at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import wires
from fuzz.targets import all_targets

TARGETS = all_targets()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_target_takes_its_seeds_whole_and_cut_short(name, tmp_path, monkeypatch):
    for module in ("targets", "files"):
        monkeypatch.setattr(f"fuzz.{module}._FOLDER", tmp_path / "fuzz")
    target = TARGETS[name]
    for seed in target.seeds:
        assert len(seed) <= target.longest
        for data in (seed, seed[: len(seed) // 2], b"", b"\xff" * 40):
            assert target.run(data) is None


WIRES = sorted(name for name, target in TARGETS.items() if target.run.__module__ == wires.__name__)


@pytest.mark.parametrize("name", WIRES)
@settings(max_examples=25)
@given(data=st.data())
def test_a_wire_takes_its_own_lines_in_any_order_with_anything_between_them(name, data):
    target = TARGETS[name]
    lines = [line + b"\n" for seed in target.seeds for line in seed.split(b"\n")]
    pieces = st.sampled_from([*lines, b"\xfe", b"\r\n", b"#", b"9" * 400]) | st.binary(max_size=8)
    mixed = b"".join(data.draw(st.lists(pieces, max_size=20)))
    assert target.run(mixed[: target.longest]) is None
