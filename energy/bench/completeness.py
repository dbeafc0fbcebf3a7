"""Whether a driver's object has what a session calls: a driver from another package may lack a method."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

from energy.errors import BenchError
from energy.instruments import Dut, GatedMonitor, IoManager, Monitor, Supply

_PROTOCOLS: dict[str, type] = {
    "joulebench.monitors": Monitor,
    "joulebench.supplies": Supply,
    "joulebench.io_managers": IoManager,
    "joulebench.duts": Dut,
}
_HINT = "docs/how-to/write-a-driver.md lists what a driver needs, and has a whole one."


def check_driver(group: str, name: str, opens: Callable[..., Any]) -> None:
    """Checks that a driver's function takes what it is called with.

    Raises:
        BenchError: ``bench.driver-incomplete``.
    """
    try:
        inspect.signature(opens).bind("", settings={}, clock=None, transcript=None)
    except (TypeError, ValueError) as error:
        raise BenchError(
            "bench.driver-incomplete",
            f"the function of driver {name!r} ({group}) cannot be called with (url, *, settings, clock, "
            f"transcript): {error}",
            _HINT,
        ) from error


def check_instrument(group: str, name: str, instrument: object) -> None:
    """Checks that an opened instrument has every method and attribute of its protocol.

    Raises:
        BenchError: ``bench.driver-incomplete`` with the names that are missing.
    """
    missing = _missing(instrument, _PROTOCOLS[group])
    limits = getattr(instrument, "limits", None)
    if group == "joulebench.monitors":
        for flag, protocol in (("sources", Supply), ("gated", GatedMonitor)):
            if getattr(limits, flag, False):
                missing += [member for member in _missing(instrument, protocol) if member not in missing]
    if missing:
        raise BenchError(
            "bench.driver-incomplete",
            f"driver {name!r} ({group}) opens a {type(instrument).__name__}, which lacks "
            f"{', '.join(missing)}",
            _HINT,
        )


def _missing(instrument: object, protocol: type) -> list[str]:
    wanted = [
        member
        for base in protocol.__mro__
        if base not in (object, Protocol)
        for member in (*vars(base).get("__annotations__", {}), *vars(base))
        if not member.startswith("_")
    ]
    kind = type(instrument)
    # Of a property only that it is there: it may need `configure` first.
    return [
        member
        for member in dict.fromkeys(wanted)
        if not (
            hasattr(kind, member)
            or member in getattr(instrument, "__dict__", {})
            or _passes_on(instrument, member)
        )
    ]


def _passes_on(instrument: object, member: str) -> bool:
    """Whether an object passes a name on to another one (``__getattr__``)."""
    return hasattr(type(instrument), "__getattr__") and hasattr(instrument, member)
