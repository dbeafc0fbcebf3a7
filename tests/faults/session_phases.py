"""The phase that a session is in, seen from outside: what it asks of its instruments, what the DUT does.

The triggers of `tests.faults.phases` know only the wires. This is how a cell shows that its fault struck in
the phase that it is named after.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import energy.bench.assemble as assemble
from drivers.virtual.bench import VirtualBench
from drivers.virtual.pin import Mark, Pulse
from drivers.virtual.world import World
from tests.faults.phases import LAST

_ROLES: dict[str, dict[str, str]] = {
    "monitor": {"configure": "configure", "on": "supply-on", "stop": "stop", "off": "supply-off"},
    "supply": {"on": "supply-on", "off": "supply-off"},
}
BOOT_NS = 200_000_000
"""The DUT's first mark and message come later than this after its supply."""
_OF_DUT = {"wait_ready": "boot", "load": "loading", "infer": "warm-up"}


class Phase:
    """The phase of a session.

    Attributes:
        seen: The phases so far, in order.
        struck: The phase in which each stroke of a fault came.
    """

    def __init__(self) -> None:
        self.seen = ["identify"]
        self.struck: list[str] = []
        self._powered = False
        self._infers = 0

    @property
    def now(self) -> str:
        """The phase."""
        return self.seen[-1]

    def _begin(self, phase: str) -> None:
        if phase != self.now:
            self.seen.append(phase)

    def watch(self, bench: VirtualBench) -> None:
        """Sees the marks that the DUT makes, before any fault of the wire."""

        def marked(mark: Mark, pulses: list[Pulse]) -> list[Pulse]:
            if mark.cause == "stop":
                self._begin("closing-edge")
            return pulses

        def opened(mark: Mark) -> None:
            if mark.cause == "start":
                self._begin("in-window")

        bench.dut.pin.disturb.insert(0, marked)
        bench.dut.pin.listeners.append(opened)

    def strike(self, world: World, count: int) -> None:
        """Notes strokes of a fault.

        The DUT boots as soon as it has a supply, while the session still looks at the supply's voltage.
        """
        on_ns = world.supply.on_at_ns
        boots = on_ns is not None and world.now_ns - on_ns >= BOOT_NS
        self.struck += ["boot" if self.now == "supply-on" and boots else self.now] * count

    def enter(self, phase: str) -> None:
        """The session asks for something that begins a phase."""
        if self.now == "writing-results":  # drivers that are closed stop and switch off once more
            return
        self._infers += phase == "warm-up"
        if phase == "supply-on":
            self._powered = True
        elif phase in ("stop", "supply-off") and not self._powered:
            return  # stops and switches off what may still run or be on from before
        elif phase == "stop" and self._infers <= LAST:
            return
        self._begin(phase)

    def leave(self, phase: str) -> None:
        """What was asked for is done."""
        if phase == "supply-off" and self._powered:
            self._begin("writing-results")


@contextmanager
def followed(phase: Phase) -> Generator[None]:
    """Sees what a session asks of its instruments, while the context is open."""
    opener: Any = assemble._Opener
    opened = opener.opened

    def seen(self: Any, group: str, driver: str, role: str, *more: Any) -> Any:
        made = opened(self, group, driver, role, *more)
        for verb, name in _ROLES.get(role, {}).items():
            _wrap(made, verb, name, phase)
        if role == "io":
            relayed = made.dut

            def dut() -> Any:
                made_dut = relayed()
                for verb, name in _OF_DUT.items():
                    _wrap(made_dut, verb, name, phase)
                return made_dut

            made.dut = dut
        return made

    opener.opened = seen
    try:
        yield
    finally:
        opener.opened = opened


def _wrap(made: Any, verb: str, name: str, phase: Phase) -> None:
    """Notes the calls of a method, if the instrument has it."""
    method: Callable[..., Any] | None = getattr(made, verb, None)
    if method is None:
        return

    def called(*args: Any, **kwargs: Any) -> Any:
        phase.enter(name)
        answer = method(*args, **kwargs)
        phase.leave(name)
        return answer

    setattr(made, verb, called)
