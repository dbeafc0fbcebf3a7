"""The MLPerf Tiny serial protocol, over any channel to the DUT (protocols.md 1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from drivers.dut import texts
from drivers.dut.console import Answer
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
    Layer,
    Mode,
    Profile,
    Standing,
    Transcript,
)

Echoes = tuple[tuple[re.Pattern[str], str, int], ...]  # pattern, text before the number, number
_WRAP_US = 1 << 32
_LAP_SLACK_S = 0.5
_LAP_SLACK = 0.02
"""Largest difference of the DUT's microseconds from the host's time: a busy host, a poor oscillator."""
_TRIES = 2
_LISTING_S = 5.0
"""Added to the time of a command whose answer lists layers: 40 characters for each at 9600 baud."""
_FLOORS = "Build `idle MS N` and `sleep MS N` into its firmware (docs/reference/protocols.md, 1.11)."
_OURS = "Flash the firmware of `firmware/dut`: the reference firmware cannot do this."
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
        self._phases = False

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
            ready = texts.booted(lines)
            if babbles(deadline):
                break
        pending = self._channel.pending()
        modes = [found.group(1) for line in lines if (found := texts.MODE.search(line.text))]
        self._suspect = not ready and bool(lines or pending)
        if ready and modes:
            self._mode = "energy" if modes[-1] == "energy" else "performance"
            self._phases = False
            return self._mode
        heard = no_answer("dut", READY, self._channel.wire, lines, pending, timeout_s)
        if self._suspect and any(texts.BOOT.search(line.text) for line in lines):
            raise heard  # a boot that has not ended
        self._channel.note("(no boot message with the DUT's mode: sending `timestamp`)")
        try:
            self._mode = "performance" if texts.first(texts.LAP, self._exchange("timestamp")) else "energy"
        except (DutSilentError, DutIncompleteError) as error:
            if not self._suspect or isinstance(heard, DutSilentError):
                raise
            raise heard from error
        return self._mode

    def name(self) -> str:
        """The vendor's name, from ``name``."""
        return self._ask("name", texts.NAME, "m-name-dut-[...]")

    def profile(self) -> Profile:
        """The firmware's description of itself, from ``profile``; the model may be missing."""
        lines = self._exchange("profile")
        profile, model = texts.first(texts.PROFILE, lines), texts.first(texts.MODEL, lines)
        if profile is None:
            raise self._unexpected("profile", "m-profile-[...]", lines)
        return Profile(profile, model or "", texts.first(texts.WEIGHTS, lines) or "")

    def command(self, text: str) -> tuple[str, ...]:
        """Sends a line of the firmware's own; returns the lines before its ``m-ready``."""
        return tuple(self._exchange(text))

    def timestamp(self) -> int | None:
        """The answer to ``timestamp``: microseconds; in energy mode None, and an edge."""
        lap = texts.first(texts.LAP, self._exchange("timestamp"))
        return None if lap is None else int(lap)

    def load(self, data: bytes) -> None:
        """Sends ``db load``, then as many ``db`` as are needed (protocols.md 1.3, 1.6).

        ``m-load-done`` must answer the last ``db`` and no other, so lost bytes are noticed. A hex digit that
        turned into another one is noticed only if the DUT's console echoes.
        """
        if not data:
            raise ValueError("nothing to load")
        lines = self._exchange(f"db load {len(data)}")
        expecting = texts.first(texts.EXPECTING, lines)
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
        lines = self._measured(command, "m-infer-done", timeout_s)
        echoes = ((texts.WARMUP, "m-warmup-start-", warmups), (texts.INFER, "m-infer-start-", iterations))
        self._check_echoes(command, echoes, lines)
        texts.check_phases(lines, asked=self._phases)
        laps = self._laps(command, lines)
        reported_s = texts.times_between_s(self._answer, texts.INFER, "m-infer-done")
        times_s = [line.time_s for line in self._answer for _ in texts.LAP.findall(line.text)]
        found = texts.first(texts.RESULTS, lines)
        results = self.results() if found is None else self._numbers(found)
        if laps is None:
            return Inference(results, None, None, tuple(lines), reported_s)
        self._check_time(command, laps[1] - laps[0], times_s, lines)
        return Inference(results, *laps, tuple(lines), reported_s)

    def layers(self) -> tuple[Layer, ...]:
        """The layers of its network, from ``profile layers``: our firmware only.

        Raises:
            DutRefusalError: ``dut.no-layers`` if the firmware lists none.
        """
        lines = self._exchange("profile layers", self._timeout_s + _LISTING_S)
        stated = texts.first(texts.LAYERS, lines)
        if stated is None:
            arrived = f"the DUT answered `profile layers` without its layers: {' | '.join(lines)[-160:]}"
            raise DutRefusalError("dut.no-layers", arrived, _OURS)
        layers = texts.layers_in(lines)
        if len(layers) != int(stated) or [layer.index for layer in layers] != list(range(len(layers))):
            raise self._unexpected("profile layers", f"a line for each of {stated} layers", lines)
        return layers

    def infer_layer(self, index: int, iterations: int, timeout_s: float) -> Inference:
        """Sends ``layer K N``: a layer alone between two marks, of the loaded input; our firmware only."""
        if index < 0 or iterations < 1:
            raise ValueError(f"layer {index} {iterations}: no negative layer, at least one iteration")
        command = f"layer {index} {iterations}"
        start = (texts.LAYER_START, "m-layer-start-", index)
        count = (texts.LAYER_ITERATIONS, "m-layer-iterations-", iterations)
        return self._alone(command, (start, count), "m-layer-done", timeout_s)

    def stand(self, how: Standing, milliseconds: int, count: int, timeout_s: float) -> Inference:
        """Sends ``idle MS N`` or ``sleep MS N``: between two marks (protocols.md 1.11).

        Raises:
            DutRefusalError: ``dut.no-floors`` if the firmware does not know the command.
        """
        command = f"{how} {milliseconds} {count}"
        start = (texts.STAND_START, f"m-{how}-start-", milliseconds)
        again = (texts.STAND_COUNT, f"m-{how}-count-", count)
        try:
            return self._alone(command, (start, again), f"m-{how}-done", timeout_s)
        except DutRefusalError as error:
            raise DutRefusalError("dut.no-floors", error.message, _FLOORS) from error

    def mark_phases(self, on: bool) -> float | None:
        """Sends ``phases on`` or ``phases off``: our firmware only.

        Returns:
            Length in s of the mark before each inference; None if they are not marked.

        Raises:
            DutRefusalError: ``dut.no-phases`` if the firmware does not know the command.
        """
        state = "on" if on else "off"
        try:
            lines = self._exchange(f"phases {state}")
        except DutRefusalError as error:
            raise DutRefusalError("dut.no-phases", error.message, _OURS) from error
        pulse_us = texts.first(texts.PHASE_PULSE, lines)
        if texts.first(texts.PHASES, lines) != state or (pulse_us is not None) != on:
            raise self._unexpected(f"phases {state}", f"m-phases-{state}", lines)
        self._phases = on
        return float(pulse_us) * 1e-6 if pulse_us is not None else None

    def results(self) -> tuple[float, ...]:
        """Scores of the last inference, from ``results``. If the line is lost, it is sent again."""
        lines: list[str] = []
        for _ in range(_TRIES):
            lines = self._exchange("results")
            if (found := texts.first(texts.RESULTS, lines)) is not None:
                return self._numbers(found)
        raise self._unexpected("results", "m-results-[...]", lines)

    def close(self) -> None:
        """Releases the link."""
        self._channel.close()

    def _ask(self, command: str, pattern: re.Pattern[str], expected: str) -> str:
        lines = self._exchange(command)
        if (answer := texts.first(pattern, lines)) is None:
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
        short = texts.shortened(command)
        while not answer.ready:
            line = self._channel.read_line(deadline)
            if line is None or babbles(deadline):
                raise self._no_ready(answer, short, seconds)
            if (line := answer.add(line)) is not None:
                self._refuse_boot([line], f"during `{short}`")
        self._suspect, self._echoed = False, answer.echoed
        for line in answer.lines:
            if found := texts.ERROR.search(line.text):
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
        if any(texts.BOOT.search(line.text) for line in lines):
            self._suspect = False
            raise DutResetError(
                "dut.reset",
                f"the DUT has booted {when}: its boot message arrived on {self._channel.wire}",
                "Its supply failed (current limit, loose jumper), its watchdog reset it, or the port's DTR "
                "resets the board. The loaded input is lost.",
            )

    def _measured(self, command: str, done: str, timeout_s: float) -> list[str]:
        """The answer to a command that measures; its last line, ``m-ready``, may be lost."""
        try:
            return self._exchange(command, timeout_s)
        except DutIncompleteError:
            lines = [line.text for line in self._answer]
            if not any(done in line for line in lines):
                raise
            self._channel.note(f"(m-ready after {done} was lost)")
            return lines

    def _alone(self, command: str, echoes: Echoes, done: str, timeout_s: float) -> Inference:
        """A command that measures something without scores."""
        lines = self._measured(command, done, timeout_s)
        self._check_echoes(command, echoes, lines)
        laps = self._laps(command, lines)
        reported_s = texts.times_between_s(self._answer, echoes[-1][0], done)
        return Inference((), *(laps or (None, None)), tuple(lines), reported_s)

    def _check_echoes(self, command: str, echoes: Echoes, lines: list[str]) -> None:
        """Compares the numbers that the DUT states with those that were sent; a 0 may be missing."""
        for echo, word, number in echoes:
            got = texts.first(echo, lines)
            if (got is None and number) or (got is not None and int(got) != number):
                raise self._unexpected(command, f"{word}{number}", lines)

    def _laps(self, command: str, lines: list[str]) -> tuple[int, int] | None:
        """The DUT's own times before and after what it measured; None in energy mode."""
        laps = [int(number) for line in lines for number in texts.LAP.findall(line)]
        if len(laps) != {"performance": 2, "energy": 0}.get(self._mode or "", 2 if laps else 0):
            expected = "two m-lap-us-... lines in performance mode, none in energy mode"
            raise self._unexpected(command, expected, lines)
        if not laps:
            return None
        return laps[0], laps[1] if laps[1] >= laps[0] else laps[1] + _WRAP_US

    def _check_time(self, command: str, span_us: int, times_s: list[float], lines: list[str]) -> None:
        """Compares the DUT's time between laps with the host's between their lines: finds damaged digits."""
        host_s = times_s[1] - times_s[0]
        if abs(span_us * 1e-6 - host_s) > _LAP_SLACK_S + _LAP_SLACK * host_s:
            raise self._unexpected(command, f"{host_s:.3f} s between two m-lap-us-... lines", lines)

    def _unexpected(self, command: str, expected: str, lines: list[str]) -> DutAnswerError:
        return texts.unexpected(command, expected, lines, self._channel.wire)

    def _numbers(self, text: str) -> tuple[float, ...]:
        try:
            return tuple(float(number) for number in text.split(",") if number.strip())
        except ValueError as error:
            raise self._unexpected("results", "numbers in m-results-[...]", [text]) from error


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
