"""The MLPerf Tiny serial protocol, over any channel to the DUT (protocols.md 1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from drivers.dut.console import Answer, is_ready
from drivers.links.channel import READY, CommandChannel, DirectChannel, babbles, no_answer
from drivers.links.serial_link import Received, SerialLink
from drivers.links.settings import HIGHEST_BAUD, LONGEST_S, Choices
from energy.errors import BenchError
from energy.instruments import (
    Clock,
    Deadline,
    DutAnswerError,
    DutEchoError,
    DutIncompleteError,
    DutRefusalError,
    DutResetError,
    DutSilentError,
    Inference,
    Mode,
    Profile,
    Transcript,
)

_MODE = re.compile(r"m-timestamp-mode-(energy|performance)")
_BOOT = re.compile(r"m-timestamp-mode-|m-init-done")
_LAP = re.compile(r"m-lap-us-(\d+)")
_RESULTS = re.compile(r"m-results-\[([^\[\]]*)\]")
_NAME = re.compile(r"m-name-dut-\[([^\[\]]*)\]")
_PROFILE = re.compile(r"m-profile-\[([^\[\]]*)\]")
_MODEL = re.compile(r"m-model-\[([^\[\]]*)\]")
_WEIGHTS = re.compile(r"m-weights-\[([^\[\]]*)\]")
"""A line of our firmware (firmware/dut); the official firmware does not have it."""
_EXPECTING = re.compile(r"m-\[Expecting (\d+) bytes\]")
_WARMUP = re.compile(r"m-warmup-start-(\d+)")
_INFER = re.compile(r"m-infer-start-(\d+)")
_ERROR = re.compile(r"(?<!m-profil)e-\[(?!ULPMark)([^\]]*)\]?|(Supplied buffer size \d+ exceeds.*)")
"""An error answer. ``e-[ULPMark`` is a banner, and ``m-profile-[`` contains ``e-[`` (mlperf-tiny.md 2)."""
_WRAP_US = 1 << 32
_LAP_SLACK_S = 0.5
_LAP_SLACK = 0.02
"""Largest difference of the DUT's microseconds from the host's time: a busy host, a poor oscillator."""
_TRIES = 2
_OTHERS = (
    "ModemManager and terminals write to new ports: the udev rules that `joulebench list --udev` prints keep "
    "ModemManager away."
)


class SerialDut:
    """A DUT with the protocol of the EEMBC and MLCommons runners.

    A command ends with a line that is exactly ``m-ready``; the next one is sent only then.

    Args:
        channel: The channel to it.
        command_timeout_s: Longest time of a command other than ``infer``. At 9600 baud the longest one is
            on the wire for 0.06 s, and printing a result takes about as long.

    Raises (all methods):
        DutError: ``dut.silent`` if nothing arrives, ``dut.echo`` if only the command comes back,
            ``dut.garbled`` if the answer is not text, ``dut.incomplete`` if its end is missing,
            ``dut.error-answer`` for ``e-[...]``, ``dut.reset`` if the DUT boots meanwhile,
            ``dut.unexpected`` if the answer is not that of the command.
        LinkError: ``link.*``.
    """

    def __init__(self, channel: CommandChannel, *, command_timeout_s: float = 2.0) -> None:
        self._channel = channel
        self._timeout_s = command_timeout_s
        self._suspect = False
        self._proven = False
        self._mode: Mode | None = None
        self._answer: list[Received] = []
        self._echoed = False

    def wait_ready(self, timeout_s: float) -> Mode:
        """Waits for the end of the boot messages (protocols.md 1.2: 0.1 to 18 s, depending on the board).

        A DUT that sends nothing may have booted before. Then ``timestamp`` is sent, whose answer shows the
        mode; in energy mode it makes one edge.
        """
        deadline = Deadline(self._channel.clock, timeout_s)
        lines: list[Received] = []
        ready = False
        while not ready and (line := self._channel.read_line(deadline)) is not None:
            lines += [line, *self._channel.take_lines()]
            ready = _booted(lines)
            if babbles(deadline):
                break
        pending = self._channel.pending()
        modes = [found.group(1) for line in lines if (found := _MODE.search(line.text))]
        self._suspect = not ready and bool(lines or pending)
        if ready and modes:
            self._mode = "energy" if modes[-1] == "energy" else "performance"
            return self._mode
        heard = no_answer("dut", READY, self._channel.wire, lines, pending, timeout_s)
        if self._suspect and any(_BOOT.search(line.text) for line in lines):
            raise heard  # a boot that has not ended
        self._channel.note("(no boot message with the DUT's mode: sending `timestamp`)")
        try:
            self._mode = "performance" if _first(_LAP, self._exchange("timestamp")) else "energy"
        except (DutSilentError, DutIncompleteError) as error:
            if not self._suspect or isinstance(heard, DutSilentError):
                raise
            raise heard from error
        return self._mode

    def name(self) -> str:
        """The vendor's name, from ``name``."""
        return self._ask("name", _NAME, "m-name-dut-[...]")

    def profile(self) -> Profile:
        """The firmware's description of itself, from ``profile``; the model may be missing."""
        lines = self._exchange("profile")
        profile, model = _first(_PROFILE, lines), _first(_MODEL, lines)
        if profile is None:
            raise self._unexpected("profile", "m-profile-[...]", lines)
        return Profile(profile, model or "", _first(_WEIGHTS, lines) or "")

    def command(self, text: str) -> tuple[str, ...]:
        """Sends a line of the firmware's own; returns the lines before its ``m-ready``."""
        return tuple(self._exchange(text))

    def timestamp(self) -> int | None:
        """The answer to ``timestamp``: microseconds; in energy mode None, and an edge."""
        lap = _first(_LAP, self._exchange("timestamp"))
        return None if lap is None else int(lap)

    def load(self, data: bytes) -> None:
        """Sends ``db load``, then as many ``db`` as are needed (protocols.md 1.3, 1.6).

        ``m-load-done`` must answer the last ``db`` and no other, so lost bytes are noticed. A hex digit that
        turned into another one is noticed only if the DUT's console echoes.
        """
        if not data:
            raise ValueError("nothing to load")
        lines = self._exchange(f"db load {len(data)}")
        expecting = _first(_EXPECTING, lines)
        if expecting is None or int(expecting) != len(data):
            raise self._unexpected(f"db load {len(data)}", f"m-[Expecting {len(data)} bytes]", lines)
        step, echoes = self._channel.db_bytes, self._echoed
        for first in range(0, len(data), step):
            lines = self._exchange("db " + data[first : first + step].hex())
            if echoes and not self._echoed:
                raise DutAnswerError(
                    "dut.load",
                    f"the DUT's console echoes commands, but the echo of the bytes from {first} on differs "
                    f"from them: {' | '.join(lines)[-160:] or 'none came'}",
                    f"Bytes were damaged on the wire: {self._channel.wire}. Load the input again.",
                )
            done = any("m-load-done" in line for line in lines)
            if done != (first + step >= len(data)):
                raise DutAnswerError(
                    "dut.load",
                    f"m-load-done was expected after byte {len(data)} and "
                    + (f"arrived after byte {first + step}" if done else "did not arrive"),
                    f"Bytes were lost or doubled on the wire: {self._channel.wire}. Load the input again.",
                )

    def infer(self, iterations: int, warmups: int, timeout_s: float) -> Inference:
        """Sends ``infer N W`` (protocols.md 1.4); the echoed numbers must be those that were sent.

        If the result line is lost, ``results`` reads it again (protocols.md 2.1).
        """
        if iterations < 1 or warmups < 0:
            raise ValueError(f"infer {iterations} {warmups}: at least one iteration, no negative warm-ups")
        command = f"infer {iterations} {warmups}"
        try:
            lines = self._exchange(command, timeout_s)
        except DutIncompleteError:
            lines = [line.text for line in self._answer]
            if not any("m-infer-done" in line for line in lines):
                raise
            self._channel.note("(m-ready after m-infer-done was lost)")
        echoes = ((_WARMUP, "m-warmup-start-", warmups), (_INFER, "m-infer-start-", iterations))
        for echo, word, number in echoes:
            got = _first(echo, lines)
            if (got is None and number) or (got is not None and int(got) != number):
                raise self._unexpected(command, f"{word}{number}", lines)
        laps = [int(number) for line in lines for number in _LAP.findall(line)]
        if len(laps) != {"performance": 2, "energy": 0}.get(self._mode or "", 2 if laps else 0):
            expected = "two m-lap-us-... lines in performance mode, none in energy mode"
            raise self._unexpected(command, expected, lines)
        reported_s = _infer_times_s(self._answer)
        times_s = [line.time_s for line in self._answer for _ in _LAP.findall(line.text)]
        found = _first(_RESULTS, lines)
        results = self.results() if found is None else self._numbers(found)
        if not laps:
            return Inference(results, None, None, tuple(lines), reported_s)
        start, stop = laps[0], laps[1] if laps[1] >= laps[0] else laps[1] + _WRAP_US
        self._check_time(command, stop - start, times_s, lines)
        return Inference(results, start, stop, tuple(lines), reported_s)

    def results(self) -> tuple[float, ...]:
        """Scores of the last inference, from ``results``. If the line is lost, it is sent again."""
        lines: list[str] = []
        for _ in range(_TRIES):
            lines = self._exchange("results")
            if (found := _first(_RESULTS, lines)) is not None:
                return self._numbers(found)
        raise self._unexpected("results", "m-results-[...]", lines)

    def close(self) -> None:
        """Releases the link."""
        self._channel.close()

    def _ask(self, command: str, pattern: re.Pattern[str], expected: str) -> str:
        lines = self._exchange(command)
        answer = _first(pattern, lines)
        if answer is None:
            raise self._unexpected(command, expected, lines)
        return answer

    def _exchange(self, command: str, timeout_s: float | None = None) -> list[str]:
        """Sends a command and returns the lines before its ``m-ready``.

        Until one exchange has succeeded, bytes of another program may wait in the DUT's command buffer: they
        are joined to the first command, which is then refused. So after an error it is sent once more.
        """
        seconds = self._timeout_s if timeout_s is None else timeout_s
        try:
            lines = self._exchange_once(command, seconds)
        except DutRefusalError as error:
            if self._proven:
                raise
            self._channel.note("(an error in answer to the first command: clearing the DUT's buffer)")
            self._suspect = True
            try:
                lines = self._exchange_once(command, seconds)
            except DutRefusalError as again:
                raise DutRefusalError(again.code, again.message, f"{again.hint} {_OTHERS}") from error
        self._proven = True
        return lines

    def _exchange_once(self, command: str, seconds: float) -> list[str]:
        self._begin()
        deadline = Deadline(self._channel.clock, seconds)
        answer = Answer(command)
        self._answer = answer.lines
        self._suspect = True
        self._channel.send(command)
        short = _shortened(command)
        while not answer.ready:
            line = self._channel.read_line(deadline)
            if line is None or babbles(deadline):
                raise self._no_ready(answer, short, seconds)
            if (line := answer.add(line)) is not None:
                self._refuse_boot([line], f"during `{short}`")
        self._suspect, self._echoed = False, answer.echoed
        for line in answer.lines:
            if found := _ERROR.search(line.text):
                raise DutRefusalError(
                    "dut.error-answer",
                    f"the DUT answered `{short}` with {found.group(0)!r}",
                    f"Either its firmware differs or bytes were lost on the wire: {self._channel.wire}.",
                )
        return [line.text for line in answer.lines]

    def _no_ready(self, answer: Answer, command: str, seconds: float) -> BenchError:
        wire, pending = self._channel.wire, self._channel.pending()
        if answer.only_echo(pending):
            return DutEchoError(
                "dut.echo",
                f"{READY} was expected after `{command}` within {seconds:g} s, but only the echo of the "
                f"command arrived ({wire})",
                "Either TX and RX are joined (a loopback, a half-duplex adapter) and the DUT is not reached, "
                f"or its console runs without the benchmark's firmware: {wire}.",
            )
        error = no_answer("dut", f"{READY} after `{command}`", wire, answer.lines, pending, seconds)
        if answer.echoed:
            error.hint += " The DUT's console echoes commands; if it can be configured, switch the echo off."
        return error

    def _begin(self) -> None:
        """Discards the rest of an older answer, and checks that the DUT has not booted."""
        if self._suspect:
            # The DUT may hold the beginning of a command without its `%`; the next command is joined to it
            # and answered with an error. So a harmless command is sent first, and its answer ignored.
            self._channel.drain()
            self._channel.send("name")
            deadline = Deadline(self._channel.clock, self._timeout_s)
            answer = Answer("name")
            while not answer.ready and (line := self._channel.read_line(deadline)) is not None:
                answer.add(line)
                if babbles(deadline):
                    break
            self._suspect = not answer.ready
            if not answer.ready:
                self._channel.drain()  # the beginning of a line would be joined to the next answer
            self._refuse_boot(answer.lines, "after an incomplete answer")
        self._refuse_boot(self._channel.take_lines(), "between two commands")

    def _refuse_boot(self, lines: Iterable[Received], when: str) -> None:
        if any(_BOOT.search(line.text) for line in lines):
            self._suspect = False
            raise DutResetError(
                "dut.reset",
                f"the DUT has booted {when}: its boot message arrived on {self._channel.wire}",
                "Its supply failed (current limit, loose jumper), its watchdog reset it, or the port's DTR "
                "resets the board. The loaded input is lost.",
            )

    def _check_time(self, command: str, span_us: int, times_s: list[float], lines: list[str]) -> None:
        """Compares the DUT's time between laps with the host's between their lines: finds damaged digits."""
        host_s = times_s[1] - times_s[0]
        if abs(span_us * 1e-6 - host_s) > _LAP_SLACK_S + _LAP_SLACK * host_s:
            raise self._unexpected(command, f"{host_s:.3f} s between two m-lap-us-... lines", lines)

    def _unexpected(self, command: str, expected: str, lines: list[str]) -> DutAnswerError:
        arrived = " | ".join(lines)[-240:] or f"only {READY}"
        return DutAnswerError(
            "dut.unexpected",
            f"{expected} was expected after `{_shortened(command)}`; {arrived} arrived "
            f"({self._channel.wire})",
            f"A line was lost or damaged, or the firmware is not MLPerf Tiny's: {self._channel.wire}.",
        )

    def _numbers(self, text: str) -> tuple[float, ...]:
        try:
            return tuple(float(number) for number in text.split(",") if number.strip())
        except ValueError as error:
            raise self._unexpected("results", "numbers in m-results-[...]", [text]) from error


def _booted(lines: Iterable[Received]) -> bool:
    """Whether a boot has ended, judged by its last messages: the DUT may have booted twice."""
    ended = False
    for line in lines:
        if _BOOT.search(line.text):
            ended = False
        elif is_ready(line.text):
            ended = True
    return ended


def _first(pattern: re.Pattern[str], lines: Iterable[str]) -> str | None:
    """The pattern's group, from the first line that matches, whatever other text is in that line."""
    return next((found.group(1) for line in lines if (found := pattern.search(line))), None)


def _infer_times_s(lines: Iterable[Received]) -> tuple[float, float] | None:
    """Times of the DUT's lines for the beginning and the end of the measured inferences."""
    begun = [line.time_s for line in lines if _INFER.search(line.text)]
    done = [line.time_s for line in lines if "m-infer-done" in line.text]
    return (begun[0], done[-1]) if begun and done else None


def _shortened(command: str) -> str:
    return command if len(command) <= 30 else command[:27] + "..."


def open_dut(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> SerialDut:
    """Opens a DUT at a serial port of its own: the bench file's driver ``mlperf-tiny``.

    Args:
        url: Its port.
        settings: ``baud`` (115200 by default), ``command_timeout_s``.
        clock: The bench's clock.
        transcript: Receives every line.

    Raises:
        BenchError: ``dut.setting``; errors of the link.
    """
    choices = Choices("dut", settings)
    baud = choices.pop("baud", 115200, 1, HIGHEST_BAUD)
    timeout_s = choices.pop("command_timeout_s", 2.0, 0.01, LONGEST_S)
    choices.finish()
    link = SerialLink(url, baud=baud, clock=clock, transcript=transcript, source="dut", bare_cr=True)
    return SerialDut(DirectChannel(link), command_timeout_s=timeout_s)
