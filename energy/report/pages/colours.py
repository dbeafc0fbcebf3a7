"""Colours of workloads in a page: names of its own colours, of the same hues as in figures for print."""

from __future__ import annotations

COLOURS = {"ad": "--c3", "ic": "--c2", "kws": "--c1", "vww": "--c4", "sww": "--c5"}
"""By benchmark."""
OTHER_COLOUR = "--c8"
"""Of any other."""
