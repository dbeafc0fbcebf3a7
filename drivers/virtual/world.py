"""The world of the virtual bench: one virtual clock, one supply, the DUT's true power, and the twins' ports.

It is single-threaded and moves only on request (`World.handle`), so a run with the same commands gives the
same bytes. Internal times are whole nanoseconds; requests and replies use seconds.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction
from typing import Any, Protocol

from drivers.virtual.ports import Port
from drivers.virtual.timeline import Timeline
from energy.errors import BenchError

NS = 1_000_000_000
"""Nanoseconds in a second."""

REFERENCE_C = 25.0
"""Temperature of the air, unless it is set, and of the published results, as assumed here."""

Action = Callable[[], None]


def nanoseconds(seconds: float) -> int:
    """Whole nanoseconds, rounded."""
    return round(seconds * NS)


class Companion(Protocol):
    """An object that runs beside the world in lockstep, in a time of its own: an emulated processor."""

    def catch_up(self, until_ns: int) -> None:
        """Runs to this time, or to its first action before it, which it plans with `World.at`."""
        ...


class Supply:
    """The supply of the DUT.

    Attributes:
        on: Whether the output is on.
        voltage_v: The voltage that is set; a change has its effect at once.
        off_at_ns: Time when it was last switched off, or None.
        on_at_ns: Time when it was last switched on, or None.
        limit_a: Highest current into a short circuit; its voltage then breaks down.
        short_a: Current that a short circuit would draw.
        sag_v: Fault: by how much its output is below the voltage that is set; negative above it.
        listeners: Called after it was switched.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.on = False
        self._voltage_v = 3.3
        self.limit_a = math.inf
        self.short_a = 0.0
        self._sag_v = 0.0
        self.off_at_ns: int | None = None
        self.on_at_ns: int | None = None
        self.listeners: list[Action] = []

    @property
    def voltage_v(self) -> float:
        """The voltage that is set."""
        return self._voltage_v

    @voltage_v.setter
    def voltage_v(self, voltage_v: float) -> None:
        if voltage_v != self._voltage_v:
            self._voltage_v = voltage_v
            self._world.tell_change()

    @property
    def sag_v(self) -> float:
        """Fault: by how much its output is below the voltage that is set."""
        return self._sag_v

    @sag_v.setter
    def sag_v(self, sag_v: float) -> None:
        if sag_v != self._sag_v:
            self._sag_v = sag_v
            self._world.tell_change()

    def exceeds(self, limit_a: float) -> bool:
        """Whether the DUT draws, or would draw, this current or more at this moment."""
        drawn_w = self._world.timeline.power_w(self._world.now_ns)
        return self.on and max(self.short_a, drawn_w / self.output_v) >= limit_a

    @property
    def output_v(self) -> float:
        """The voltage that its output has while it is on and not shorted."""
        return max(self.voltage_v - self.sag_v, 1e-3)

    @property
    def terminal_v(self) -> float:
        """The voltage at its terminals."""
        if not self.on:
            return 0.0
        return self.output_v * min(self.limit_a / self.short_a, 1.0) if self.short_a else self.output_v

    def switch(self, on: bool) -> None:
        """Switches the output; has no effect if it already has this state."""
        if on == self.on:
            return
        self.on = on
        if on:
            self.on_at_ns = self._world.now_ns
        else:
            self.off_at_ns = self._world.now_ns
        for listener in self.listeners:
            listener()


class World:
    """Virtual time with its events.

    Attributes:
        now_ns: Virtual time.
        timeline: The DUT's true power.
        supply: The supply of the DUT.
        ports: The twins' ports by url.
        falling_ns: Times when the DUT's firmware pulled its timestamp pin low: the truth, also if the wire is
            faulty. Of a pin that is held during the work: the beginning and the end of each hold.
        describe: Adds to the answer to ``state``.
        on_fault: Plants a fault by name.
        changed: Called after a change of the supply's voltage or of the temperature.
        on_clock: Sets the DUT's clock, in Hz.
        quit: Set when a request asked it to end.
        companion: An object that runs beside it, or None. Only one is possible: a second could act in the
            past of the first.
        closing: Called when the world is closed.
    """

    def __init__(self) -> None:
        self.now_ns = 0
        self.timeline = Timeline()
        self.supply = Supply(self)
        self.ports: dict[str, Port] = {}
        self.falling_ns: list[int] = []
        self.describe: Callable[[], dict[str, Any]] = dict
        self.on_fault: Callable[[str, dict[str, Any]], None] = _no_faults
        self.on_clock: Callable[[float], None] = _no_clock
        self.changed: list[Action] = []
        self._temperature_c = REFERENCE_C
        self.quit = False
        self.companion: Companion | None = None
        self.closing: list[Action] = []
        self._queue: list[tuple[int, int, Action]] = []
        self._count = 0
        self._fresh: dict[str, int] = {}
        self._handlers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "advance": self._advance,
            "attach": self._attach,
            "ports": lambda request: {"open": [port.url for port in self.ports.values() if port.opened]},
            "truth": self._truth,
            "edges": lambda request: {"falling_s": [fall / NS for fall in self.falling_ns]},
            "state": self._state,
            "flush": lambda request: self._flush(),
            "fault": self._fault,
            "set": self._set,
            "quit": self._quit,
        }

    @property
    def temperature_c(self) -> float:
        """Temperature of the air around the bench; a change has its effect at once."""
        return self._temperature_c

    @temperature_c.setter
    def temperature_c(self, temperature_c: float) -> None:
        if temperature_c != self._temperature_c:
            self._temperature_c = temperature_c
            self.tell_change()

    def tell_change(self) -> None:
        """Calls everybody who wants to know of a change of the voltage or the temperature."""
        for tell in self.changed:
            tell()

    def add_port(self, port: Port) -> None:
        """Adds a twin's port."""
        self.ports[port.url] = port
        url = port.url

        def written(grace_s: float) -> None:
            due_ns = self.now_ns + nanoseconds(grace_s)
            self._fresh[url] = min(due_ns, self._fresh.get(url, due_ns))

        port.on_write = written

    def at(self, time_ns: int, action: Action) -> None:
        """Plans an action for a time; actions at equal times run in order."""
        self._count += 1
        heapq.heappush(self._queue, (max(time_ns, self.now_ns), self._count, action))

    def after(self, delay_ns: int, action: Action) -> None:
        """Plans an action after a delay."""
        self.at(self.now_ns + delay_ns, action)

    def answer(self, op: str, handler: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Adds a request, for who watches the world from another process."""
        self._handlers[op] = handler

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Executes a request.

        Args:
            request: ``op`` and its arguments, plain JSON: ``advance`` {seconds, sent, until_output},
                ``attach`` {url}, ``ports``, ``flush``, ``truth`` {start_s, stop_s}, ``edges``, ``state``,
                ``fault`` {name, params}, ``set`` {clock_hz, temperature_c} (either, or
                both), ``quit``.

        Returns:
            The reply, plain JSON.

        Raises:
            BenchError: ``virtual.request`` for an unknown request, ``virtual.no-port``, ``virtual.stuck`` if
                bytes that the host counts as sent do not arrive.
        """
        op = request.get("op")
        handler = self._handlers.get(str(op))
        if handler is None:
            raise BenchError(
                "virtual.request",
                f"the virtual bench does not know the request {op!r}",
                f"it knows {', '.join(sorted(self._handlers))}",
            )
        return handler(request)

    def pump(self) -> None:
        """Reads bytes from the hosts."""
        for port in self.ports.values():
            port.pump()

    def run(self, duration_ns: int, watched: frozenset[str] = frozenset()) -> None:
        """Lets time pass, and stops early when a watched port has bytes that the host must read now."""
        end = self.now_ns + duration_ns
        queue = self._queue
        while self._next(end) <= end and queue:
            self.now_ns, _, action = heapq.heappop(queue)
            action()
            if watched and self._must_read(watched):
                break
        else:
            self.now_ns = end
        self._flush()

    def _must_read(self, watched: frozenset[str]) -> bool:
        return any(due_ns <= self.now_ns for url, due_ns in self._fresh.items() if url in watched)

    def _next(self, end_ns: int) -> int:
        """Time of the next event, the companion's included; if there is none before the end, a later time."""
        queue = self._queue
        following = queue[0][0] if queue else end_ns + 1
        if self.companion is not None:
            self.companion.catch_up(min(following, end_ns))
            following = queue[0][0] if queue else end_ns + 1
        return following

    def _advance(self, request: dict[str, Any]) -> dict[str, Any]:
        sent: dict[str, int] = request["sent"]
        self._flush()
        self._fresh.clear()
        self.pump()
        for url, count in sent.items():
            port = self._port(url)
            if port.received < count:
                port.pump_until(count)
        watched: frozenset[str] = frozenset(sent) if request.get("until_output") else frozenset()
        if not self._must_read(watched):
            seconds: float = request["seconds"]
            # At least 1 ns: a host that waits for the last 1e-16 s before its deadline must reach it.
            self.run(max(nanoseconds(seconds), 1) if seconds > 0 else 0, watched)
        self._flush()
        return {
            "now": self.now_ns / NS,
            "written": {url: self._port(url).written for url in sent},
            "unplugged": [url for url in sent if self._port(url).unplugged],
        }

    def _flush(self) -> dict[str, Any]:
        for port in self.ports.values():
            port.flush()
        return {}

    def _attach(self, request: dict[str, Any]) -> dict[str, Any]:
        port = self._port(request["url"])
        deadline = time.monotonic() + 1.0
        port.reopen()
        while not (port.opened or port.unplugged) and time.monotonic() < deadline:
            time.sleep(100e-6)  # a TCP connection may need a moment
            port.pump()
        return {"now": self.now_ns / NS, "written": port.written, "received": port.received}

    def _port(self, url: str) -> Port:
        if url not in self.ports:
            raise BenchError(
                "virtual.no-port",
                f"the virtual bench has no port {url}",
                f"its ports are {', '.join(self.ports)}",
            )
        return self.ports[url]

    def _truth(self, request: dict[str, Any]) -> dict[str, Any]:
        start, stop = (Fraction(request[key]) * NS for key in ("start_s", "stop_s"))
        return {"energy_j": float(self.timeline.energy_j(start, stop))}

    def _state(self, request: dict[str, Any]) -> dict[str, Any]:
        off = self.supply.off_at_ns
        return {
            "now": self.now_ns / NS,
            "supply_on": self.supply.on,
            "voltage_v": self.supply.voltage_v,
            "temperature_c": self.temperature_c,
            "supply_off_at": None if off is None else off / NS,
            "power_w": self.timeline.power_w(self.now_ns),
            **self.describe(),
        }

    def _fault(self, request: dict[str, Any]) -> dict[str, Any]:
        self.on_fault(request["name"], dict(request.get("params") or {}))
        return {}

    def _set(self, request: dict[str, Any]) -> dict[str, Any]:
        if (temperature_c := request.get("temperature_c")) is not None:
            self.temperature_c = float(temperature_c)
        if (clock_hz := request.get("clock_hz")) is not None:
            self.on_clock(float(clock_hz))
        return {}

    def _quit(self, request: dict[str, Any]) -> dict[str, Any]:
        self.quit = True
        return {}

    def close(self) -> None:
        """Closes all transports and companions."""
        with ExitStack() as stack:  # everything, even if some fail
            for port in self.ports.values():
                stack.callback(port.close)
            for close in self.closing:
                stack.callback(close)


def _no_faults(name: str, params: dict[str, Any]) -> None:
    raise BenchError("virtual.fault", f"this world has no fault {name!r}", "faults belong to a VirtualBench")


def _no_clock(clock_hz: float) -> None:
    raise BenchError(
        "virtual.no-clock", "this world has no DUT with a clock", "clocks belong to a VirtualBench"
    )
