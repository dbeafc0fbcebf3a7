"""A stand-in for ``pyjoulescope_driver.Driver``: the topics of one instrument (joulescope.md 1.3, 1.4).

The numbers of a JS110's option names are those of the driver package. A JS220's come from its own firmware
and were never seen: those here are invented.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from drivers.unverified import Unverified

Callback = Callable[[str, Any], None]
Options = list[list[Any]]

LOGGER = "jsdrv"
REMOVED = "@/!remove"
_OFF_ON: Options = [[0, "off"], [1, "on"]]
_SMALL: Options = [[4, "180 mA"], [8, "18 mA"], [16, "1.8 mA"], [32, "180 µA"], [64, "18 µA"]]
_GPI = [f"s/gpi/{number}/ctrl" for number in (0, 1)]
_CONTROLS = ["s/i/ctrl", "s/v/ctrl", "s/p/ctrl", "s/i/range/ctrl", "s/stats/ctrl", *_GPI]

TOPICS: dict[str, dict[str, tuple[int, Options]]] = {
    "js110": {
        "s/i/range/select": (128, [[128, "auto"], [1, "10 A"], [2, "2 A"], *_SMALL]),
        "s/v/range/select": (0, [[0, "15 V"], [1, "5 V"]]),
        "s/extio/voltage": (
            3300,
            [[0, "0V", "off"]]
            + [
                [millivolt, f"{millivolt / 1000:.1f}V"]
                for millivolt in (1800, 2100, 2500, 2700, 3000, 3300, 3600)
            ]
            + [[5000, "5.0V"]],
        ),
        "s/i/lsb_src": (0, [[0, "normal"], [2, "gpi0"], [3, "gpi1"]]),
        "s/v/lsb_src": (0, [[0, "normal"], [2, "gpi0"], [3, "gpi1"]]),
        "s/i/range/mode": (2, [[0, "off"], [1, "mean"], [2, "interp", "interpolate"], [3, "nan"]]),
        "s/i/range/pre": (1, []),
        "s/i/range/win": (2, [[0, "manual"], [1, "m"], [2, "n"]]),
        "s/i/range/post": (1, []),
        "h/fs": (2_000_000, [[2_000_000, "2 MHz"], [1_000_000, "1 MHz"]]),
        "s/stats/scnt": (1_000_000, []),
        **dict.fromkeys(_CONTROLS, (0, _OFF_ON)),
    },
    "js220": {
        "s/i/range/mode": (0, [[0, "auto"], [1, "manual"], [2, "off"]]),
        "s/i/range/select": (
            0,
            [[0, "10 A"], [1, "180 mA"], [2, "18 mA"], [3, "1.8 mA"], [4, "180 µA"], [5, "18 µA"]],
        ),
        "s/v/range/mode": (0, [[0, "auto"], [1, "manual"]]),
        "s/v/range/select": (0, [[0, "15 V"], [1, "2 V"]]),
        "c/gpio/vref": (0, [[0, "external"], [1, "3v3"]]),
        "c/fw/version": (1 << 24 | 3 << 16 | 1, []),
        "c/hw/version": (1 << 24, []),
        "s/fpga/version": (1 << 24 | 3 << 16, []),
        "h/fs": (1_000_000, [[1_000_000, "1 MHz"], [500_000, "500 kHz"]]),
        "h/fp": (20, []),
        "s/stats/scnt": (500_000, []),
        **dict.fromkeys((*_CONTROLS, *(f"s/gpi/{n}/ctrl" for n in (2, 3, 7))), (0, _OFF_ON)),
    },
}


UNVERIFIED = (Unverified("", "Names of a JS220's options."),)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class Board:
    """An instrument as the fake driver finds it; the twin supplies its behaviour.

    Attributes:
        path: Device path.
        plugged: Whether it is plugged in.
        values: Values of its topics.
        on_set: Called with every value that is set.
        refuse: Called before every command; a text that it returns refuses the command.
        silent: Whether it has stopped answering and streaming.
        receivers: Subscribers by topic.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.plugged = True
        self.values: dict[str, int] = {}
        self.on_set: Callable[[str, int], None] = lambda topic, value: None
        self.refuse: Callable[[str], str | None] = lambda command: None
        self.silent: Callable[[], bool] = lambda: False
        self.receivers: list[tuple[str, Callback]] = []
        self.reset()

    @property
    def topics(self) -> dict[str, tuple[int, Options]]:
        """Its topics, each with default and options."""
        return TOPICS.get(self.path.split("/")[1], {})

    def reset(self) -> None:
        """Sets all topics to their defaults."""
        self.values = {topic: default for topic, (default, _) in self.topics.items()}

    def send(self, topic: str, value: Any) -> None:
        """Calls all subscribers; the driver logs an exception of a callback, and continues."""
        if self.silent():
            return
        whole = topic if topic.startswith("@") else f"{self.path}/{topic}"
        for subscribed, callback in list(self.receivers):
            if subscribed == whole:
                try:
                    callback(whole, value)
                except Exception:
                    logging.getLogger(LOGGER).exception("_on_cmd_publish_cbk(%s)", whole)


class FakeDriver:
    """A fake ``pyjoulescope_driver.Driver``, as far as joulebench uses it."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._opened = False
        self.log_level: Any = -1

    def device_paths(self, timeout: float | None = None) -> list[str]:
        """Paths of the instruments that are plugged in."""
        return [self._board.path] if self._board.plugged else []

    def open(self, device_prefix: str, mode: Any = None, timeout: float | None = None) -> None:
        """Opens it; with ``"defaults"`` every topic gets its default."""
        self._check(device_prefix, "open")
        if mode != "restore":
            self._board.reset()
        self._opened = True

    def close(self, device_prefix: str, timeout: float | None = None) -> None:
        """Closes it, which ends its streams."""
        self._check(device_prefix, "close")
        for topic in self._board.topics:
            if topic.endswith("/ctrl"):
                self._set(topic, 0)
        self._opened = False

    def publish(self, topic: str, value: Any, timeout: float | None = None) -> None:
        """Sets a topic's value, given as a number or a name."""
        short = self._short(topic)
        self._check(topic, f"{short} = {value}")
        options = self._board.topics[short][1]
        number = value
        for row in options:
            if value in row:
                number = row[0]
        if type(number) is not int or (options and number not in [row[0] for row in options]):
            raise RuntimeError(
                f"jsdrv_publish failed 5 PARAMETER_INVALID | The parameter value is invalid | {topic}"
            )
        self._set(short, number)

    def query(self, topic: str, timeout: float | None = None) -> Any:
        """A topic's value; a number if the topic has options."""
        short = self._short(topic)
        self._check(topic, f"{short}?")
        return self._board.values[short]

    def subscribe(self, topic: str, flags: Any, fn: Callback, timeout: float | None = None) -> None:
        """Subscribes to values, or to metadata, which are sent at once."""
        self._check(topic, f"subscribe {topic}")
        if "metadata_rsp_retain" in flags:
            options = self._board.topics[self._short(topic)][1]
            fn(f"{topic}$", {"dtype": "u32", **({"options": options} if options else {})})
            return
        self._board.receivers.append((topic, fn))
        if "pub_retain" in flags:
            fn(topic, self._board.values[self._short(topic)])

    def unsubscribe(self, topic: str, fn: Callback, timeout: float | None = None) -> None:
        """Ends the subscription of this very object."""
        self._board.receivers = [
            entry for entry in self._board.receivers if not (entry[0] == topic and entry[1] is fn)
        ]

    def finalize(self, timeout: float | None = None) -> None:
        """Ends the driver."""
        self._board.receivers.clear()

    def _set(self, short: str, number: int) -> None:
        self._board.values[short] = number
        self._board.on_set(short, number)

    def _short(self, topic: str) -> str:
        short = topic.removeprefix(f"{self._board.path}/")
        if short not in self._board.topics:
            raise RuntimeError(
                f"jsdrv_publish failed 16 NOT_FOUND | The requested resource was not found | {topic}"
            )
        return short

    def _check(self, topic: str, command: str) -> None:
        if not self._board.plugged:
            raise RuntimeError(
                f"jsdrv_publish failed 16 NOT_FOUND | The requested resource was not found | {topic}"
            )
        if self._board.silent():
            raise TimeoutError(f"jsdrv_publish timed out | {topic}")
        refusal = self._board.refuse(command)
        if refusal is not None:
            raise RuntimeError(f"jsdrv_publish failed 5 PARAMETER_INVALID | {refusal} | {topic}")
