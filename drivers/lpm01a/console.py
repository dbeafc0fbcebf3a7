"""The LPM01A's command line (protocols.md 3.1): a command, its acknowledgement, its error.

A reply is ``PowerShield > ack <echo of the command>`` and may go on with an answer. A refusal is
``error <command>`` and a line ``Error detail: ...``. ``error: ...`` with a colon is not a reply: it is a
fault that came up by itself, such as an overcurrent. In a binary stream packets answer (protocols.md 3.4).
"""

from __future__ import annotations

import math
import re

from drivers.links.channel import no_answer
from drivers.links.serial_link import Received, SerialLink
from energy.errors import BenchError
from energy.instruments import Deadline, over_current

LPM01A_BAUD = 3686400
"""Nominal; over USB the number means nothing (protocols.md 3.1)."""
FALLBACK_BAUD = 115200

PROTECTS_A = 0.059
"""Its protection acts from here on (protocols.md 3.5)."""

_PROMPT = re.compile(r"^(?:\s*PowerShield >\s*)+")
_REFUSAL = re.compile(r"err(?:or)?\b", re.IGNORECASE)
_FAULT = re.compile(r"error:|(?!error detail).*(overcurrent|static acquisition:)", re.IGNORECASE)
_DETAIL = re.compile(r"Error detail:\s*(.*)", re.IGNORECASE)
_DETAIL_S = 0.2
_SAMPLE = re.compile(r"\d{4}[+-]\d\d|TimeStamp:.*|event .*")
_QUIET_S = 0.2


def without_prompt(text: str) -> str:
    """A line without ``PowerShield >`` in front, without blanks around."""
    return _PROMPT.sub("", text).strip()


def _of_a_stream(line: Received) -> bool:
    return not line.clean or bool(_SAMPLE.fullmatch(without_prompt(line.text)))


def is_refusal(text: str) -> bool:
    """Whether a line belongs to the refusal of a command."""
    return bool((_REFUSAL.match(text) or _DETAIL.match(text)) and not _FAULT.match(text))


def fault_in(text: str, url: str, highest_a: float = math.inf) -> BenchError | None:
    """The error for a line that says that something went wrong by itself; None for any other line.

    Args:
        text: The line.
        url: The port.
        highest_a: The bench's limit of current: where the protection's is higher, the DUT drew too much.
    """
    said = without_prompt(text)
    if not _FAULT.match(said):
        return None
    if "overcurrent" in said.lower():
        stopped = f"the LPM01A's protection ({url}) has acted: {said!r}"
        if highest_a <= PROTECTS_A:
            return over_current(stopped, highest_a)
        return BenchError(
            "lpm01a.overcurrent",
            stopped,
            "The DUT drew more than 50 mA, or a short circuit is at CN14 pin 3 (VOUT): look for capacitors "
            "that charge at power-on, or measure with another monitor.",
        )
    if "static acquisition" in said.lower():
        return BenchError(
            "lpm01a.not-constant",
            f"the LPM01A ({url}) gives no static current: {said!r}",
            "Static mode is for currents that vary by less than 10 %: bring the DUT into a state that lasts.",
        )
    return BenchError(
        "lpm01a.fault",
        f"the LPM01A ({url}) reports a fault: {said!r}",
        "Look at its display; `status` clears a latched error; else power it anew.",
    )


class Console:
    """Commands and their acknowledgements, one at a time.

    Args:
        link: The port; lines of a running stream reach it by ``SerialLink.deliver``.

    Attributes:
        highest_a: The bench's limit of current, once it is known.

    Raises (all methods):
        BenchError: ``lpm01a.silent``, ``lpm01a.garbled``, ``lpm01a.incomplete`` without an acknowledgement,
            ``lpm01a.refused`` for an error reply, ``lpm01a.echo`` if another command is acknowledged,
            ``bench.current``, ``lpm01a.overcurrent`` or ``lpm01a.fault`` for a fault in between; ``link.*``.
    """

    def __init__(self, link: SerialLink) -> None:
        self.link = link
        self.highest_a = math.inf

    def command(self, command: str, timeout_s: float = 3.0, *, packet: str = "") -> str:
        """Sends a command and waits for its acknowledgement.

        Args:
            command: Without its line feed.
            timeout_s: How long is waited.
            packet: Type of the packet that may come in place of it, such as ``"F7"``.

        Returns:
            What the reply says after the echo, such as ``3292-03`` to ``volt get``; what the packet says.
        """
        self.send(command)
        deadline = Deadline(self.link.clock, timeout_s)
        lines: list[Received] = []
        while (line := self.link.read_line(deadline)) is not None:
            text = " ".join(without_prompt(line.text).split())
            if not text:
                continue  # around every reply
            lines.append(line)
            if fault := fault_in(text, self.link.url, self.highest_a):
                raise fault
            if text in ("ack stop", "error stop") and command != "stop":
                continue  # of a `stop` that nobody waited for
            if _REFUSAL.match(text) and not _DETAIL.match(text):
                raise self._refused(command, text)
            if packet and text.startswith(f"packet {packet}: "):
                return text.partition(": ")[2]
            if text == "ack" or text.startswith("ack "):
                return self._acknowledged(command, text)
        raise no_answer(
            "lpm01a",
            f"`ack {command}`",
            f"{self.link.url}, USB of the LPM01A",
            lines,
            self.link.pending,
            timeout_s,
        )

    def send(self, command: str) -> None:
        """Sends a command and does not wait. Commands end in LF (protocols.md 3.1)."""
        self.link.write(command.encode("ascii") + b"\n")

    def text(self, command: str, timeout_s: float = 3.0) -> list[str]:
        """A command that is answered by many lines, whose end nothing tells: all until it is quiet."""
        first = self.command(command, timeout_s)
        lines = [without_prompt(line.text) for line in self.link.drain(_QUIET_S, timeout_s)]
        return [line for line in (first, *lines) if line]

    def check_status(self, timeout_s: float) -> None:
        """``status``, which tells a latched error and clears it (protocols.md 3.1).

        Raises:
            BenchError: ``lpm01a.fault`` beside those of every command.
        """
        said = self.command("status", timeout_s)
        if "error" in said.lower():
            raise BenchError(
                "lpm01a.fault",
                f"the LPM01A ({self.link.url}) reports a fault: {said!r}",
                "Look at its display; power it anew.",
            )

    def quieten(self) -> None:
        """Stops what an earlier session, killed perhaps, has left running, in text or in binary."""
        before = self.link.traffic.received
        lines = self.link.drain(_QUIET_S, 0.6)
        came = self.link.traffic.received > before
        if came and (not lines or any(_of_a_stream(line) for line in lines)):
            self.end_what_runs()

    def end_what_runs(self) -> None:
        """``stop``, whatever is said to it."""
        self.send("stop")
        self.link.drain(_QUIET_S, 5.0)

    def wait_for(self, text: str, timeout_s: float) -> bool:
        """Waits for a line that contains ``text``; whether it came."""
        deadline = Deadline(self.link.clock, timeout_s)
        while (line := self.link.read_line(deadline)) is not None:
            if text in line.text:
                return True
        return False

    def _acknowledged(self, command: str, text: str) -> str:
        """The rest of an acknowledgement after the echo, which must be that of the command."""
        echo = " ".join(command.split())
        rest = text.removeprefix("ack").strip()
        if not rest.startswith(echo):
            raise BenchError(
                "lpm01a.echo",
                f"`ack {command}` was expected from the LPM01A ({self.link.url}); {text!r} came",
                "Bytes were lost on its USB link, or another program talks to it.",
            )
        return rest.removeprefix(echo).strip(" :")

    def _refused(self, command: str, text: str) -> BenchError:
        deadline = Deadline(self.link.clock, _DETAIL_S)
        detail = ""
        while (line := self.link.read_line(deadline)) is not None:
            if found := _DETAIL.search(line.text):
                detail = found.group(1).strip()
                break
        return BenchError(
            "lpm01a.refused",
            f"the LPM01A ({self.link.url}) refuses `{command}`: {', '.join(filter(None, (text, detail)))}",
            "Its firmware has other limits (energy output: 100 Hz in old ones, 10 kHz in newer ones): change "
            "the bench file's settings, or update it.",
        )
