"""Tests of the firmware keep several processes busy: not beside one that runs in real time."""

from __future__ import annotations

import pytest

from tests.conftest import machine


@pytest.fixture(autouse=True)
def shared_machine():
    with machine(alone=False):
        yield
