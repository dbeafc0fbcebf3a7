"""Sessions of each mode, measured once for all tests of the door."""

from __future__ import annotations

import pytest

import joulebench as jb


@pytest.fixture(scope="session")
def sessions(tmp_path_factory) -> tuple[jb.Sessions, list[tuple[float, str]]]:
    told: list[tuple[float, str]] = []
    out = tmp_path_factory.mktemp("sessions")
    done = jb.measure_all(
        "virtual", ["ad01"], ("performance", "energy", "accuracy"), limit=3, out=out,
        progress=lambda part, doing: told.append((part, doing)),
    )  # fmt: skip
    assert not done.failures, [str(error) for _, error in done.failures]
    return done, told
