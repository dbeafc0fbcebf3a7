"""The set-up of a session: board, voltage, monitor, clock and label of a session, for every summary."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from energy.evidence.documents import SessionRecord
    from energy.evidence.scope import Scope


@dataclass(frozen=True)
class Setup:
    """The circumstances of a session; None, or an empty text, where they are not known.

    Attributes:
        board: Display name of the DUT.
        voltage_v: Its supply voltage.
        clock_hz: Its clock, as the bench file states it.
        monitor: Model of the monitor; None where there was none, as in performance mode.
        label: Label of the bench file, or of ``--label``.
        note: Note on the session.
        performance: Name of the folder of the performance session that an energy session belongs to.
        scope: Parts that the measured rail feeds, and work inside the window, as the bench file states it.
    """

    board: str | None = None
    voltage_v: float | None = None
    clock_hz: float | None = None
    monitor: str | None = None
    label: str | None = None
    note: str = ""
    performance: str | None = None
    scope: Scope | None = None

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        scope = self.scope and self.scope.model_dump(mode="json")
        return {**asdict(replace(self, scope=None)), "scope": scope}


def setup_of(record: SessionRecord) -> Setup:
    """The circumstances of a session that has just been run.

    Args:
        record: Its ``session.json``.
    """
    from energy.evidence.scope import Scope

    dut, scope = record.bench["dut"], record.bench.get("scope")
    return Setup(
        board=dut["board"],
        voltage_v=dut["voltage_v"],
        clock_hz=dut.get("clock_hz"),
        monitor=record.monitor.model if record.monitor else None,
        label=record.bench.get("label"),
        note=record.note,
        performance=record.performance,
        scope=Scope.model_validate(scope) if scope is not None else None,
    )
