"""When a fault of the virtual bench begins: the parameters that every fault takes.

- ``at_s``: at this time of the world; by default at once.
- ``infer`` (a number): at the opening mark of that ``infer`` command, from 0, a pilot included;
  ``closed``: at its closing mark.
- ``asked`` (a number, from 1): when the DUT has received that many ``infer`` commands, before the warm-up
  that precedes the opening mark; ``loaded``: likewise, ``db load`` commands.
- ``boot`` (true): when the DUT is first powered; ``off`` (true): when its supply is first switched off.
- ``heard`` (text): after that, when the text has come from the host on the wire ``hears`` (monitor, supply,
  io; default: monitor), for the ``hearing``-th time (1). The instrument does not yet know of the text then. A
  PPK2's commands are bytes; a Joulescope has no wire: its commands are written as ``s/i/ctrl = 1``.
- ``delay_s``: so much later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from drivers.virtual.pin import Cause, Mark
from drivers.virtual.world import nanoseconds

if TYPE_CHECKING:
    from drivers.virtual.bench import VirtualBench

Params = dict[str, Any]
Action = Callable[[], object]
"""Begins a fault; False says that it has not struck."""
Begin = Callable[["VirtualBench", Action], None]
"""Plans an action on a bench."""


def when(bench: VirtualBench, params: Params, act: Action, *, strikes: bool = True) -> None:
    """Runs an action at the time that the parameters give.

    Args:
        bench: The bench.
        params: Parameters of a fault; those of its time are removed.
        act: The action.
        strikes: Whether that is when the fault strikes; if not, the action only prepares it.
    """

    def action() -> None:
        struck = act() is not False
        bench.struck += strikes and struck

    delay_ns = nanoseconds(params.pop("delay_s", 0.0))
    begin, text = _beginning(params), params.pop("heard", None)

    def due() -> None:
        bench.world.after(delay_ns, action)

    if text is None:
        begin(bench, action if begin is _at_once and not delay_ns else due)
        return
    ear = Ear(str(text), int(params.pop("hearing", 1)), due if delay_ns else action)
    listen(bench, str(params.pop("hears", "monitor")), ear)
    begin(bench, ear.open)


def _beginning(params: Params) -> Begin:
    """What the parameters beside ``heard`` and ``delay_s`` say."""
    for name, cause in _MARKS.items():
        if name in params:
            return _at_mark(cause, int(params.pop(name)))
    for name, command in _COMMANDS.items():
        if name in params:
            return _at_command(command, int(params.pop(name)))
    for name, on in _SWITCHES.items():
        if params.pop(name, False):
            return _at_switch(on)
    at_s: float | None = params.pop("at_s", None)
    if at_s is None:
        return _at_once
    return lambda bench, action: bench.world.at(nanoseconds(at_s), lambda: _act(action))


def _at_once(bench: VirtualBench, action: Action) -> None:
    action()


_MARKS: dict[str, Cause] = {"infer": "start", "closed": "stop"}
_COMMANDS = {"asked": "infer", "loaded": "db load"}
_SWITCHES = {"boot": True, "off": False}


def _act(action: Action) -> None:
    action()


def _at_mark(cause: Cause, number: int) -> Begin:
    def begin(bench: VirtualBench, action: Action) -> None:
        def marked(mark: Mark) -> None:
            if (mark.cause, mark.infer) == (cause, number):
                action()

        bench.dut.pin.listeners.append(marked)

    return begin


def _at_command(command: str, number: int) -> Begin:
    """When the DUT has received a command this number of times."""

    def begin(bench: VirtualBench, action: Action) -> None:
        left = number

        def answer(text: str) -> None:
            nonlocal left
            if text.startswith(command):
                left -= 1
                if left == 0:
                    action()

        bench.dut.answers.append(answer)

    return begin


def _at_switch(on: bool) -> Begin:
    """When the supply is first switched on, or off again; at once if it is on already."""

    def begin(bench: VirtualBench, action: Action) -> None:
        supply, waiting = bench.world.supply, [action]

        def switched() -> None:
            if supply.on == on and (on or supply.on_at_ns is not None) and waiting:
                waiting.pop()()

        supply.listeners.append(switched)
        switched()

    return begin


class Ear:
    """Waits for a text from the host.

    Args:
        text: The text.
        count: How often it must come.
        action: What happens then.
    """

    def __init__(self, text: str, count: int, action: Callable[[], None]) -> None:
        self._text, self._left, self._action = text.encode("latin-1"), count, action
        self._tail = b""
        self._opened = False

    def open(self) -> None:
        """From now on it listens."""
        self._opened = True

    def hear(self, data: bytes) -> None:
        """Takes what comes."""
        if not self._opened or self._left <= 0:
            return
        heard = self._tail + data
        found = heard.count(self._text)
        self._tail = heard[len(heard) - len(self._text) + 1 :] if len(self._text) > 1 else b""
        self._left -= found
        if found and self._left <= 0:
            self._action()


def listen(bench: VirtualBench, wire: str, ear: Ear) -> None:
    """Puts an ear on what comes from the host: before the instrument, which gets nothing once it is gone.

    Raises:
        UsageError: ``virtual.no-port``.
    """
    if wire == "monitor" and wire not in bench.ports and bench.monitor is not None:

        def command(text: str) -> None:
            ear.hear(text.encode("latin-1"))

        bench.monitor.refuse.append(command)
        return
    port = bench.port(wire)
    take = port.on_bytes

    def heard(data: bytes) -> None:
        ear.hear(data)
        if not port.unplugged:
            take(data)

    port.on_bytes = heard
