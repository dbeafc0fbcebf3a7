"""The lengths of a session's windows on other clocks: the IO manager's times of edges, the DUT's lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from energy.instruments import Inference, IoManager, Lap
from energy.signal import Edge
from energy.window.edgestream import counted_edges

_MOST_LAPS = 4096


@dataclass(frozen=True, slots=True)
class Seen:
    """The length of a window by the monitor, and by other clocks.

    Attributes:
        samples: How long it is in samples.
        io_s: By the IO manager's clock; None where it timed other than two edges.
        reported_s: On the host's clock, between the DUT's lines; None where they did not come.
    """

    samples: float
    io_s: float | None
    reported_s: float | None


class Witness:
    """Collects the IO manager's times and the DUT's lines of each window.

    Args:
        hold_s: Edges closer than this are one edge.
        by_monitor: Whether the monitor itself has seen the edges. Edges that were put into its samples from
            the IO manager's clock do not measure the monitor's clock.

    Attributes:
        laps: All edges that the IO manager has timed, a few thousand at most.
        windows: The windows of the trials, pilots and rejected ones as well.
    """

    def __init__(self, hold_s: float = 0.0, *, by_monitor: bool = True) -> None:
        self.laps: list[Lap] = []
        self.windows: list[Seen] = []
        self._hold_s, self._by_monitor = hold_s, by_monitor
        self._io: IoManager | None = None

    def start(self, io_manager: IoManager | None) -> None:
        """Begins to collect; earlier times are dropped."""
        if io_manager is not None and io_manager.timing is not None:
            self._io = io_manager
            io_manager.laps()

    def take(self, laps: Sequence[Lap]) -> None:
        """Takes edges that the caller has asked the IO manager for."""
        self.laps += laps[: max(_MOST_LAPS - len(self.laps), 0)]

    def begin(self) -> None:
        """Before ``infer``: edges until now belong to no window."""
        self._gather()

    def window(self, edges: Sequence[Edge], answer: Inference) -> None:
        """After ``infer``: its two edges in the monitor's samples, and what the DUT answered."""
        fresh = self._gather()
        timed = counted_edges((Edge(lap.own_s) for lap in fresh), 1.0, hold_s=self._hold_s)
        if len(edges) != 2 or not self._by_monitor:
            return
        io_s = timed[1].position - timed[0].position if len(timed) == 2 else None
        lines = answer.reported_s
        samples = edges[1].position - edges[0].position
        self.windows.append(Seen(samples, io_s, lines[1] - lines[0] if lines else None))

    def _gather(self) -> list[Lap]:
        fresh = self._io.laps() if self._io is not None else []
        self.take(fresh)
        return fresh
