"""Accuracy of the Joulescopes (protocols.md 5, 7)."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.joulescope.device import Model
from drivers.unverified import SPECIFICATION, Unverified
from energy.instruments import Accuracy

_JS220 = "Jetperch in pyjoulescope_ui, issue 182: the JS220's range of 10 A"
_TIMEKEEPING = "Jetperch, joulescope.com/pages/timekeeping: the JS220's crystal"

_ALL = 0.999
"""Nearly all of a reading."""


@dataclass(frozen=True, slots=True)
class _Limits:
    """What is known or assumed of a model.

    Attributes:
        gain: Of current and voltage.
        of_range: Offset as a fraction of the range.
        known: Offset in A of the ranges whose figures the maker has stated.
        clock: Of the sample clock.
        clock_source: The document that states it; empty if none does.
    """

    gain: float
    of_range: float
    known: dict[str, float]
    clock: float
    clock_source: str = ""


_OF = {
    "JS220": _Limits(0.0025, 0.0005, {"10 A": 1.5e-3}, 25e-6, _TIMEKEEPING),
    "JS110": _Limits(0.005, 0.001, {}, 100e-6),
}


UNVERIFIED = (
    Unverified(
        "_OF",
        "Current and voltage of a JS220 are right to 0.25 % of the reading and 0.05 % of the range (in the "
        "range of 10 A its maker states it); those of a JS110 to 0.5 % and 0.1 %, and its clock to 100 ppm.",
        *SPECIFICATION,
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


def accuracy_lines(model: Model) -> tuple[Accuracy, ...]:
    """The specification, by the names of ranges that the stream and the settings use.

    With ``current_range = "auto"`` the settings name no range of current: the stream tells each change.
    A JS110 has no samples of its own for some microseconds at a change of range. Its driver package fills
    them, and the stream calls this time ``missing``, or ``off`` without a shunt; such samples may be wrong by
    all of their value.
    """
    limits = _OF[model.name]
    highest_a = max(upper_a for _, upper_a in model.current_ranges)
    known = {name for name, _ in model.current_ranges}
    lost = [name for name in model.range_names.values() if name not in known]
    clock = limits.clock_source or "assumed: no document at hand; four times a JS220's"
    return (
        *(_current(limits, name, upper_a) for name, upper_a in model.current_ranges),
        *(_not_measured(name, highest_a) for name in lost),
        *(_voltage(limits, name, upper_v) for name, upper_v in model.voltage_ranges),
        Accuracy(
            *("time", "sample clock", 0.0, limits.clock, 0.0),
            source=clock,
            status="specified" if limits.clock_source else "assumed",
        ),
    )


def _current(limits: _Limits, name: str, upper_a: float) -> Accuracy:
    if name in limits.known:
        return Accuracy("current", name, upper_a, limits.gain, limits.known[name], _JS220, "typical")
    offset_a = limits.of_range * upper_a
    return Accuracy("current", name, upper_a, limits.gain, offset_a, _assumed(limits), "assumed")


def _voltage(limits: _Limits, name: str, upper_v: float) -> Accuracy:
    offset_v = limits.of_range * upper_v
    return Accuracy("voltage", name, upper_v, limits.gain, offset_v, _assumed(limits), "assumed")


def _not_measured(name: str, highest_a: float) -> Accuracy:
    source = "assumed: at a change of range, or without a shunt, nothing is measured"
    return Accuracy("current", name, highest_a, _ALL, 0.0, source, "assumed")


def _assumed(limits: _Limits) -> str:
    basis = "the gain of a JS220's range of 10 A" if limits.known else "twice a JS220's"
    return f"assumed: no document at hand; {basis}, and {limits.of_range:.2%} of the range"
