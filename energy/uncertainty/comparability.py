"""Whether two figures may be compared: what has to be the same, and what is different on purpose."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, get_args

from energy.evidence.scope import Scope
from energy.instruments import Accuracy

Aspect = Literal[
    "workload", "mode", "scope", "voltage", "temperature", "rule", "range", "firmware", "virtual", "runner"
]
"""A circumstance that makes two figures not comparable if it differs."""
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)

SAME_VOLTAGE = 1e-3
"""Stated supply voltages that differ by more than this fraction are not the same: energy goes with up to the
square of the voltage, so that this is at most 0.2 % of a figure."""
SAME_TEMPERATURE_C = 5.0
"""Ambient temperatures that are further apart are not the same: half of the 10 °C over which a
specification holds without a coefficient (18 °C to 28 °C, protocols.md 7)."""

_MUST_BE_KNOWN: frozenset[Aspect] = frozenset({"workload", "mode", "rule"})
"""Without these nobody knows what a figure is of, so that one that is unknown on one side differs."""


@dataclass(frozen=True)
class Circumstances:
    """How a figure came about; None, or an empty text, where that is unknown.

    Attributes:
        workload: Id of the workload.
        mode: Mode of the session.
        scope: What the measured rail feeds.
        voltage_v: Supply voltage as stated.
        temperature_c: Ambient temperature.
        rule: How samples became energy.
        range: Current range of the monitor.
        firmware: Digest, or name, of the DUT's firmware.
        virtual: Whether it is from the virtual bench.
        runner: The runner that measured it.
        board: The DUT's board.
        model: Model of the monitor.
        serial_number: Its serial number.
        current_a: Mean current inside the windows.
        lines: The monitor's accuracy specification.
        errors: Codes of the errors of its session; with any, its figure cannot be trusted.
    """

    workload: str | None = None
    mode: str | None = None
    scope: Scope | None = None
    voltage_v: float | None = None
    temperature_c: float | None = None
    rule: str | None = None
    range: str | None = None
    firmware: str | None = None
    virtual: bool | None = None
    runner: str | None = None
    board: str | None = None
    model: str | None = None
    serial_number: str = ""
    current_a: float | None = None
    lines: tuple[Accuracy, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def monitor(self) -> str | None:
        """Model and serial number; None unless both are known."""
        return f"{self.model} {self.serial_number}" if self.model and self.serial_number else None


@dataclass(frozen=True)
class Reason:
    """A circumstance that differs.

    Attributes:
        code: The circumstance; ``"errors"`` where a session is not valid.
        evidence: Both of its values.
        remedy: What to do.
    """

    code: Aspect | Literal["errors"]
    evidence: str
    remedy: str

    def to_json(self) -> dict[str, str]:
        """For ``--json``."""
        return {"code": self.code, "evidence": self.evidence, "remedy": self.remedy}


_REMEDIES: dict[Aspect, str] = {
    "workload": "Compare sessions of the same workload.",
    "mode": "Compare sessions of the same mode.",
    "scope": "Measure both with the same jumpers and the same [scope] in the bench file.",
    "voltage": "Measure both at the same supply voltage.",
    "temperature": "Measure both at the same ambient temperature, within 5 °C.",
    "rule": "Integrate both by the same rule.",
    "range": "Measure both on the same range of the monitor; its gain then cancels.",
    "firmware": "Compare one thing at a time: measure both with the same firmware.",
    "virtual": "Compare hardware with hardware, and virtual benches with virtual benches.",
    "runner": "Measure both by the same runner.",
}


@dataclass(frozen=True)
class Comparability:
    """Whether two figures may be compared.

    Attributes:
        reasons: What makes them not comparable.
        allowed: What differs as well, and is compared on purpose.
        notes: What is unknown.
    """

    reasons: tuple[Reason, ...]
    allowed: tuple[Reason, ...]
    notes: tuple[str, ...]


def comparability(
    first: Circumstances, second: Circumstances, across: Collection[Aspect] = ()
) -> Comparability:
    """Whether two figures may be compared.

    Firmware counts only where something else is compared on purpose: otherwise firmwares, or boards with
    their firmwares, are what is compared. Ranges count only on monitors of the same model.

    Args:
        first: Circumstances of a figure.
        second: Those of the other.
        across: What is compared on purpose, so that it may differ.
    """
    reasons = [
        Reason("errors", f"{which} has errors: {', '.join(of.errors)}", "Measure it again.")
        for which, of in (("the first", first), ("the second", second))
        if of.errors
    ]
    allowed: list[Reason] = []
    unknown: list[str] = []
    for aspect, value_of, differs, text in _CHECKS:
        ours, theirs = value_of(first), value_of(second)
        if ours in (None, "") or theirs in (None, ""):
            known = [value for value in (ours, theirs) if value not in (None, "")]
            if not (known and aspect in _MUST_BE_KNOWN):
                unknown += [aspect] if _counts(aspect, first, second, across) else []
                continue
        elif not differs(ours, theirs):
            continue
        found = Reason(
            aspect,
            f"{aspect}: {text(ours)} against {text(theirs)}",
            f"{_REMEDIES[aspect]} If {aspect} is what you compare: --across {aspect}.",
        )
        if aspect in across or (aspect == "firmware" and not _counts(aspect, first, second, across)):
            allowed.append(found)
        elif _counts(aspect, first, second, across):
            reasons.append(found)
    notes = [f"Not known for both, so not compared: {', '.join(unknown)}."] if unknown else []
    return Comparability(tuple(reasons), tuple(allowed), tuple(notes))


def _counts(aspect: Aspect, first: Circumstances, second: Circumstances, across: Collection[Aspect]) -> bool:
    if aspect == "range":
        return first.model is not None and first.model == second.model
    if aspect == "firmware":
        return bool(set(across) - {"firmware"}) and first.board == second.board
    return True


def _differs(ours: object, theirs: object) -> bool:
    return ours != theirs


def _scopes_differ(ours: Scope, theirs: Scope) -> bool:
    """The order of the parts, and the notes, do not matter."""
    inside = (ours.pre_processing, ours.post_processing) == (theirs.pre_processing, theirs.post_processing)
    return not inside or set(ours.feeds) != set(theirs.feeds)


def _voltages_differ(ours: float, theirs: float) -> bool:
    return not math.isclose(ours, theirs, rel_tol=SAME_VOLTAGE)


def _temperatures_differ(ours: float, theirs: float) -> bool:
    return abs(ours - theirs) > SAME_TEMPERATURE_C


def _plain(value: object) -> str:
    return "unknown" if value in (None, "") else str(value)


def _scope_text(value: Scope) -> str:
    return value.text()


def _voltage_text(value: float) -> str:
    return f"{value:g} V"


def _temperature_text(value: float) -> str:
    return f"{value:.3g} °C"


def _firmware_text(value: str) -> str:
    return value[:12]


def _virtual_text(value: bool) -> str:
    return "virtual" if value else "hardware"


_CHECKS: tuple[
    tuple[Aspect, Callable[[Circumstances], object], Callable[..., bool], Callable[..., str]], ...
] = (
    ("workload", lambda c: c.workload, _differs, _plain),
    ("mode", lambda c: c.mode, _differs, _plain),
    ("scope", lambda c: c.scope, _scopes_differ, _scope_text),
    ("voltage", lambda c: c.voltage_v, _voltages_differ, _voltage_text),
    ("temperature", lambda c: c.temperature_c, _temperatures_differ, _temperature_text),
    ("rule", lambda c: c.rule, _differs, _plain),
    ("range", lambda c: c.range, _differs, _plain),
    ("firmware", lambda c: c.firmware, _differs, _firmware_text),
    ("virtual", lambda c: c.virtual, _differs, _virtual_text),
    ("runner", lambda c: c.runner, _differs, _plain),
)
