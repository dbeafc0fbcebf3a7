"""The LPM01A's command line (protocols.md 3.1): a command, its acknowledgement, its error.

A reply is ``PowerShield > ack <echo of the command>`` and may continue with an answer. A refusal is
``error <command>`` and a line ``Error detail: ...``. ``error: ...`` with a colon is not a reply: it reports
a fault, such as an overcurrent. In a binary stream the replies are packets (protocols.md 3.4).
"""

from __future__ import annotations

import math
import re

from drivers.links.channel import no_answer
from drivers.links.serial_link import Received, SerialLink
from energy.errors import BenchError
from energy.instruments import Deadline, OverCurrentError, over_current

LPM01A_BAUD = 3686400
"""Nominal baud rate; over USB it has no effect (protocols.md 3.1)."""
FALLBACK_BAUD = 115200

PROTECTS_A = 0.059
"""Current in ampere at which its protection acts (protocols.md 3.5)."""

_PROMPT = re.compile(r"^(?:\s*PowerShield >\s*)+")
_REFUSAL = re.compile(r"err(?:or)?\b", re.IGNORECASE)
_FAULT = re.compile(r"error:|(?!error detail).*(overcurrent|static acquisition:)", re.IGNORECASE)
_DETAIL = re.compile(r"Error detail:\s*(.*)", re.IGNORECASE)
_DETAIL_S = 0.2
_SAMPLE = re.compile(r"\d{4}[+-]\d\d|TimeStamp:.*|event .*")
_QUIET_S = 0.2


def without_prompt(text: str) -> str:
    """A line without ``PowerShield >`` in front and without blanks around it."""
    return _PROMPT.sub("", text).strip()


def _of_a_stream(line: Received) -> bool:
    return not line.clean or bool(_SAMPLE.fullmatch(without_prompt(line.text)))


def is_refusal(text: str) -> bool:
    """Whether a line is part of the refusal of a command."""
    return bool((_REFUSAL.match(text) or _DETAIL.match(text)) and not _FAULT.match(text))


def fault_in(text: str, url: str, highest_a: float = math.inf) -> BenchError | None:
    """The error for a line that reports a fault; None for any other line.

    Args:
        text: The line.
        url: The port.
        highest_a: The bench's limit of current. If it is exceeded first, the error is ``bench.current``.
    """
    report = without_prompt(text)
    if not _FAULT.match(report):
        return None
    if "overcurrent" in report.lower():
        stopped = f"the LPM01A's protection ({url}) acted: {report!r}"
        if highest_a <= PROTECTS_A:
            return over_current(stopped, highest_a)
        return OverCurrentError(
            "lpm01a.overcurrent",
            stopped,
            "The DUT drew more than 50 mA, or a short circuit is at CN14 pin 3 (VOUT): look for capacitors "
            "that charge at power-on, or measure with another monitor.",
        )
    if "static acquisition" in report.lower():
        return BenchError(
            "lpm01a.not-constant",
            f"the LPM01A ({url}) could not measure a static current: {report!r}",
            "Static mode is for currents that vary by less than 10 %: bring the DUT into a steady state.",
        )
    return BenchError(
        "lpm01a.fault",
        f"the LPM01A ({url}) reports a fault: {report!r}",
        "Read its display; `status` clears a latched error; if not, switch its power off and on.",
    )


class Console:
    """Commands and their acknowledgements, one at a time.

    Args:
        link: The port; `SerialLink.deliver` passes it the text lines of a running stream.

    Attributes:
        highest_a: The bench's limit of current, once it is known.

    Raises (all methods):
        BenchError: ``lpm01a.silent``, ``lpm01a.garbled``, ``lpm01a.incomplete`` without an acknowledgement,
            ``lpm01a.refused`` for an error reply, ``lpm01a.echo`` if another command is acknowledged,
            ``bench.current``, ``lpm01a.overcurrent`` or ``lpm01a.fault`` for a fault during it; ``link.*``.
    """

    def __init__(self, link: SerialLink) -> None:
        self.link = link
        self.highest_a = math.inf

    def command(self, command: str, timeout_s: float = 3.0, *, packet: str = "") -> str:
        """Sends a command and waits for its acknowledgement.

        Args:
            command: Without its line feed.
            timeout_s: How long to wait.
            packet: Type of the packet that may replace the reply, such as ``"F7"``.

        Returns:
            The reply's text after the echo, such as ``3292-03`` to ``volt get``, or the packet's text.
        """
        self.send(command)
        deadline = Deadline(self.link.clock, timeout_s)
        lines: list[Received] = []
        while (line := self.link.read_line(deadline)) is not None:
            text = " ".join(without_prompt(line.text).split())
            if not text:
                continue  # empty lines around every reply
            lines.append(line)
            if fault := fault_in(text, self.link.url, self.highest_a):
                raise fault
            if text in ("ack stop", "error stop") and command != "stop":
                continue  # the reply to an earlier `stop`
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
        """Sends a command without waiting for a reply. Commands end in LF (protocols.md 3.1)."""
        self.link.write(command.encode("ascii") + b"\n")

    def text(self, command: str, timeout_s: float = 3.0) -> list[str]:
        """Sends a command with an answer of many lines; returns the lines until no more bytes come."""
        first = self.command(command, timeout_s)
        lines = [without_prompt(line.text) for line in self.link.drain(_QUIET_S, timeout_s)]
        return [line for line in (first, *lines) if line]

    def check_status(self, timeout_s: float) -> None:
        """Sends ``status``, which reports a latched error and clears it (protocols.md 3.1).

        Raises:
            BenchError: ``lpm01a.fault``, and the errors of every command.
        """
        status = self.command("status", timeout_s)
        if "error" in status.lower():
            raise BenchError(
                "lpm01a.fault",
                f"the LPM01A ({self.link.url}) reports a fault: {status!r}",
                "Read its display; switch its power off and on.",
            )

    def stop_old_stream(self) -> None:
        """Stops a stream, text or binary, that an earlier session (perhaps a killed one) left running."""
        before = self.link.traffic.received
        lines = self.link.drain(_QUIET_S, 0.6)
        came = self.link.traffic.received > before
        if came and (not lines or any(_of_a_stream(line) for line in lines)):
            self.stop()

    def stop(self) -> None:
        """Sends ``stop`` and discards the reply."""
        self.send("stop")
        self.link.drain(_QUIET_S, 5.0)

    def wait_for(self, text: str, timeout_s: float) -> bool:
        """Waits for a line that contains ``text``; returns whether it came."""
        deadline = Deadline(self.link.clock, timeout_s)
        while (line := self.link.read_line(deadline)) is not None:
            if text in line.text:
                return True
        return False

    def _acknowledged(self, command: str, text: str) -> str:
        """The rest of an acknowledgement after its echo, which must be that of the command."""
        echo = " ".join(command.split())
        rest = text.removeprefix("ack").strip()
        if not rest.startswith(echo):
            raise BenchError(
                "lpm01a.echo",
                f"`ack {command}` was expected from the LPM01A ({self.link.url}), but {text!r} arrived",
                "Bytes were lost on its USB link, or another program uses its port.",
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
            "Its firmware is too old for this command, or has other limits: update it to 1.0.6 or newer.",
        )
