"""The text that a DUT's console adds to the protocol: the echo of a command, a prompt, control characters.

Published DUTs echo each command, and the answer follows on the same line (mlperf-tiny.md 2: ``infer 100000
1%m-warmup-start-1``). The protocol itself has neither echo nor prompt (protocols.md 1.1), so both are removed
here, before an answer is read.
"""

from __future__ import annotations

import re
from dataclasses import replace

from drivers.links.channel import READY
from drivers.links.serial_link import Received

_CONTROL = re.compile(r"\\x1b\[[0-9;?]*[A-Za-z]|\\x(?:00|07|08|0a|0d|1b)")
"""Escape sequences of terminals, NUL, BEL, BS, LF, CR, as a link writes them."""
_PROMPT = re.compile(r"\s*|(?!.*(?:m-|e-\[)).{0,48}(?:[>#$:]|% )\s*")
"""``> ``, ``dut$ ``, ``[user@host ~]# ``: short, and no text of the protocol."""


class Answer:
    """The lines of the answer to a command, without what the console adds.

    Args:
        command: The command, without its ``%``.

    Attributes:
        lines: The lines so far, the last ``m-ready`` not included.
        ready: Whether ``m-ready`` has arrived.
        echoed: Whether the command has come back.
    """

    def __init__(self, command: str) -> None:
        self.lines: list[Received] = []
        self.ready = self.echoed = False
        self._command = command

    def add(self, line: Received) -> Received | None:
        """Takes a line; returns it as the firmware wrote it. None: an echo, an empty line, ``m-ready``."""
        text = self._without_echo(line.text)
        if is_ready(text):
            self.ready = True
            return None
        if not text:
            return None
        line = line if text == line.text else replace(line, text=text)
        self.lines.append(line)
        return line

    def only_echo(self, pending: str) -> bool:
        """Whether nothing but the echo has arrived.

        Args:
            pending: The text after the last line end.
        """
        rest = self._without_echo(pending)
        return self.echoed and not self.lines and _PROMPT.fullmatch(rest) is not None

    def _without_echo(self, text: str) -> str:
        if self.echoed:
            return text
        plain = _CONTROL.sub("", text)
        before, found, after = plain.partition(self._command)
        if not found or not _PROMPT.fullmatch(before):
            return text
        self.echoed = True
        return after.removeprefix("%").lstrip()


def is_ready(text: str) -> bool:
    """Whether a line is ``m-ready``, after a prompt or control characters at most."""
    if text == READY:
        return True
    plain = _CONTROL.sub("", text).rstrip()
    return plain.endswith(READY) and _PROMPT.fullmatch(plain.removesuffix(READY)) is not None
