"""Loads drivers by the names of their entry points, and describes a supply for the guardian.

The guardian's process imports this alone, without the reader of bench files, and so starts fast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from energy.bench.spelling import closest
from energy.errors import BenchError, UsageError

SWITCHES = "joulebench.switches"
"""Functions that switch a supply off by its port alone, for the guardian."""


@dataclass(frozen=True)
class Switch:
    """A supply as the guardian knows it: by its driver's name, its port and its settings."""

    driver: str
    port: str
    settings: dict[str, Any]


def load(group: str, name: str) -> Callable[..., Any]:
    """The function that an entry point names.

    Raises:
        UsageError: ``bench.no-driver``, with the known names and the most similar of them.
        BenchError: ``bench.driver-broken`` if it cannot be imported.
    """
    found = {point.name: point for point in entry_points(group=group)}
    if name not in found:
        kind = group.removeprefix("joulebench.").removesuffix("s").replace("_", " ")
        similar = closest(name, found)
        raise UsageError(
            "bench.no-driver",
            f"there is no {kind} driver called {name!r}"
            + (f": did you mean {similar!r}?" if similar else ""),
            f"There are: {', '.join(sorted(found)) or 'none'}.",
        )
    return _import(found[name])


def _import(point: EntryPoint) -> Callable[..., Any]:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise BenchError(
            "bench.driver-broken",
            f"driver {point.name!r} ({point.value}) cannot be imported: {error}",
            "Install what it needs: joulebench[joulescope] or joulebench[visa].",
        ) from error
