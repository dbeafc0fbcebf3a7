"""The libraries of this room, imported when they are first needed: each takes some tenths of a second."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any


@cache
def gtc() -> Any:
    """GTC: the GUM Tree Calculator of the Measurement Standards Laboratory of New Zealand."""
    return import_module("GTC")


@cache
def special() -> Any:
    """``scipy.special``: distribution functions and their inverses."""
    return import_module("scipy.special")
