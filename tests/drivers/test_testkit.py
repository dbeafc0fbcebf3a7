"""The test kit's assertions show what they compared (``register_assert_rewrite`` in tests/conftest.py)."""

from __future__ import annotations

import pytest

from drivers.testkit import Keeper


def test_an_assertion_of_the_kit_shows_its_values():
    keeper = Keeper()
    keeper.edges_complete(2.0)
    with pytest.raises(AssertionError, match=r"assert 1\.0 >= 2\.0"):
        keeper.edges_complete(1.0)
