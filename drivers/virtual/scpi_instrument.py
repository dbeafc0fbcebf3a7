"""The command interpreter of a SCPI instrument: a raw socket, IEEE 488.2, settings, the error queue.

Commands are read by ``scpi_parser``. A twin adds everything beyond IEEE 488.2 and ``SYSTem:ERRor``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from drivers.virtual.ports import Port
from drivers.virtual.scpi_parser import (
    INPUT_OVERRUN,
    NO_ERROR,
    QUEUE_OVERFLOW,
    UNDEFINED_HEADER,
    Call,
    Header,
    ScpiError,
    limit_of,
    parameters,
    units,
)

_QUEUE = 20
_LONGEST = 65536
_OPERATION_COMPLETE, _ERROR_QUEUE, _EVENT_SUMMARY, _MASTER_SUMMARY = 1, 4, 32, 64
"""Bits of the standard event status and of the status byte (IEEE 488.2, 11.2 and 11.5)."""

Answer = str | bytes | None
Handler = Callable[[Call], Answer]
"""Executes a command: returns the answer to a query, None for other commands, or raises ``ScpiError``."""


class ScpiInstrument:
    """The command interpreter of an instrument; its twin adds commands.

    Args:
        port: From ``TwinSite.tcp_port``.
        identity: Answer to ``*IDN?``.
        options: Answer to ``*OPT?``.

    Attributes:
        errors: The error queue.
        refuse: Faults: each may refuse a command with a text for the error queue.
        is_silent: Fault: whether it neither executes nor answers.
        on_reset: Called by ``*RST``.
        on_trigger: Called by ``*TRG``.
        on_clear: Called by ``*CLS``.
    """

    def __init__(self, port: Port, identity: str, options: str = "0") -> None:
        self._port = port
        self.errors: deque[str] = deque()
        self.refuse: list[Callable[[str], str | None]] = []
        self.is_silent: Callable[[], bool] = lambda: False
        self.on_reset: Callable[[], None] = lambda: None
        self.on_trigger: Callable[[], None] = lambda: None
        self.on_clear: Callable[[], None] = lambda: None
        self._events = 0
        self._enabled = {"*ESE": 0, "*SRE": 0}
        self._input = bytearray()
        self._headers: list[tuple[Header, Handler]] = []
        self._common: dict[str, Handler] = {
            "*IDN?": lambda call: identity,
            "*OPT?": lambda call: options,
            "*OPC?": lambda call: "1",
            "*OPC": lambda call: self._happened(_OPERATION_COMPLETE),
            "*WAI": lambda call: None,
            "*STB?": lambda call: str(self._status_byte()),
            "*ESR?": lambda call: self._take_events(),
            "*TST?": lambda call: "0",
            "*CLS": lambda call: self._clear(),
            "*RST": lambda call: self.on_reset(),
            "*TRG": lambda call: self.on_trigger(),
            "*SAV": lambda call: None,
        }
        for name in self._enabled:
            self._common[name] = lambda call, name=name: self._enable(name, call)
            self._common[f"{name}?"] = lambda call, name=name: str(self._enabled[name])
        self.add("SYSTem:ERRor[:NEXT]?", lambda call: self.errors.popleft() if self.errors else NO_ERROR)
        self.add("SYSTem:ERRor:COUNt?", lambda call: str(len(self.errors)))
        self.add("SYSTem:VERSion?", lambda call: "1999.0")
        self.add("STATus:PRESet", lambda call: None)
        port.on_bytes = self._bytes
        port.on_open = self._input.clear

    def add(self, header: str, handler: Handler) -> None:
        """Adds a command, or a query if the header ends with ``?``."""
        if header.startswith("*"):
            self._common[header] = handler
        else:
            self._headers.append((Header(header), handler))

    def add_number(
        self,
        header: str,
        read: Callable[[], float],
        change: Callable[[float], None],
        low: float,
        high: float,
        default: float,
    ) -> None:
        """Adds a setting that is a number, with its query: both know ``MIN``, ``MAX`` and ``DEF``."""

        def ask(call: Call) -> str:
            special = limit_of(call.word(), low, high, default) if call.arguments else None
            return f"{read() if special is None else special:.9g}"

        self.add(header, lambda call: change(call.number(0, low, high, default)))
        self.add(f"{header}?", ask)

    def add_switch(self, header: str, read: Callable[[], bool], change: Callable[[bool], None]) -> None:
        """Adds a setting that is on or off, with its query."""
        self.add(header, lambda call: change(call.switch()))
        self.add(f"{header}?", lambda call: f"{read():d}")

    def add_choice(
        self, header: str, words: tuple[str, ...], read: Callable[[], str], change: Callable[[str], None]
    ) -> None:
        """Adds a setting that is one of several words, with its query: both use short forms."""
        self.add(header, lambda call: change(call.choice(words)))
        self.add(f"{header}?", lambda call: read())

    def fail(self, error: str) -> None:
        """Adds an error to the queue, and to the standard event status."""
        kind = error.lstrip("-")[:1] if error.startswith("-") else ""
        self._events |= {"1": 32, "2": 16, "3": 8, "4": 4}.get(kind, 8)
        if len(self.errors) < _QUEUE:
            self.errors.append(error)
        else:
            self.errors[-1] = QUEUE_OVERFLOW

    def reply(self, data: bytes) -> None:
        """Sends an answer with its line feed."""
        self._port.write(data + b"\n")

    def execute(self, line: str) -> None:
        """Executes a line: commands joined by ``;``, answered in one line."""
        answers: list[bytes] = []
        for unit, header, rest in units(line):
            try:
                answer = self._serve(unit, header, rest)
            except ScpiError as error:
                self.fail(str(error))
                continue
            if answer is not None:
                answers.append(answer if isinstance(answer, bytes) else answer.encode("latin-1"))
        if answers:
            self.reply(b";".join(answers))

    def _serve(self, unit: str, header: str, rest: str) -> Answer:
        for refuse in self.refuse:
            text = refuse(unit)
            if text is not None:
                raise ScpiError(f'-200,"{text}"')
        arguments, channels = parameters(rest)
        if header in self._common:
            return self._common[header](Call(unit, arguments))
        for known, handler in self._headers:
            suffixes = known.match(header)
            if suffixes is not None:
                return handler(Call(unit, arguments, channels, suffixes))
        raise ScpiError(UNDEFINED_HEADER)

    def _bytes(self, data: bytes) -> None:
        self._input += data
        while b"\n" in self._input:
            line, _, rest = self._input.partition(b"\n")
            self._input[:] = rest
            text = line.decode("latin-1").strip()
            if text and not self.is_silent():
                self.execute(text)
        if len(self._input) > _LONGEST:
            self._input.clear()
            self.fail(INPUT_OVERRUN)

    def _clear(self) -> None:
        self.errors.clear()
        self._events = 0
        self.on_clear()

    def _happened(self, event: int) -> None:
        self._events |= event

    def _take_events(self) -> str:
        events, self._events = self._events, 0
        return str(events)

    def _status_byte(self) -> int:
        status = _ERROR_QUEUE if self.errors else 0
        status |= _EVENT_SUMMARY if self._events & self._enabled["*ESE"] else 0
        return status | (_MASTER_SUMMARY if status & self._enabled["*SRE"] else 0)

    def _enable(self, name: str, call: Call) -> None:
        self._enabled[name] = int(call.number(0, 0, 255)) & 255


def definite_block(data: bytes) -> bytes:
    """Bytes as a definite-length block (IEEE 488.2, 8.7.9): ``#``, digits of the length, length, bytes."""
    length = str(len(data))
    return f"#{len(length)}{length}".encode() + data
