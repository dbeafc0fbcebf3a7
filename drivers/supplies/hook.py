"""A supply that a program switches: ``<command> on`` and ``<command> off`` (a relay board, a smart plug).

Exit status 0 of the program is the acknowledgement. It runs without a shell, and in a session of its own, so
that Ctrl-C in the terminal does not interrupt it.
"""

from __future__ import annotations

import shlex
import subprocess
from typing import Any

from drivers.links.clock import RealClock
from drivers.links.settings import Choices
from drivers.supplies.program import run_program
from energy.errors import BenchError
from energy.instruments import Clock, Line, Transcript, log_line

_OFF_TRIES = 3
_TIMEOUT_S = 10.0
_AGREES_V = 1e-6
_SHOWN = 500


class HookSupply:
    """A supply behind a program: an ``energy.instruments`` Supply.

    Args:
        url: The command, in the syntax of a shell.
        voltage_v: The voltage that the supply is set to.
        clock: Clock of time stamps.
        transcript: Receives the commands and their output.
        timeout_s: Longest time of a command, in real time.

    Raises (all methods):
        BenchError: ``hook.command``, ``hook.missing``, ``hook.timeout``, ``hook.failed``, ``hook.voltage``,
            ``hook.off-unconfirmed``.
    """

    def __init__(
        self,
        url: str,
        *,
        voltage_v: float,
        clock: Clock,
        transcript: Transcript | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._words = _words(url)
        self._voltage_v, self._timeout_s = voltage_v, timeout_s
        self._clock, self._transcript = clock, transcript

    def set_voltage(self, voltage_v: float) -> None:
        """Checks that the voltage is the one in the bench file: a program cannot set it."""
        if abs(voltage_v - self._voltage_v) > _AGREES_V:
            raise BenchError(
                "hook.voltage",
                f"{voltage_v:g} V was requested, but {self._words[0]} switches a supply of "
                f"{self._voltage_v:g} V",
                "A program can only switch it: set the supply by hand, and the same voltage in the bench "
                "file.",
            )

    def on(self) -> None:
        """Runs ``<command> on``."""
        self._run("on")

    def off(self) -> None:
        """Runs ``<command> off``, up to three times; a program that hangs is tried once."""
        failure: BenchError | None = None
        for _ in range(_OFF_TRIES):
            try:
                self._run("off")
            except BenchError as error:
                failure = error
                if error.code == "hook.timeout":
                    break  # the guardian tries again
            else:
                return
        assert failure is not None
        raise BenchError(
            "hook.off-unconfirmed",
            f"{self._words[0]} has not switched the supply off: {failure.message}",
            "Switch it off by hand; the DUT may still be powered.",
        ) from failure

    @property
    def off_confirmed(self) -> bool:
        """False: the exit status shows that the program ran, not what the supply did."""
        return False

    def check(self) -> None:
        """Does nothing: the supply cannot be read; the monitor's stream shows its state."""

    def measured_voltage_v(self) -> float | None:
        """None: the supply cannot be read."""
        return None

    def close(self) -> None:
        """Does nothing: nothing is open."""

    def _run(self, word: str) -> None:
        command = [*self._words, word]
        self._note(shlex.join(command), sent=True)
        try:
            status, out, err = run_program(command, self._timeout_s)
        except subprocess.TimeoutExpired as error:
            raise BenchError(
                "hook.timeout",
                f"{shlex.join(command)} did not end within {self._timeout_s:g} s and was killed",
                "Try it by hand. A larger `timeout_s` in the supply's settings allows more time.",
            ) from error
        except OSError as error:
            raise BenchError(
                "hook.missing",
                f"{shlex.join(command)} cannot be run: {error}",
                "The supply's `port` in the bench file is a command. Is it installed and executable?",
            ) from error
        lines = [*_lines(out), *_lines(err)]
        for line in lines:
            self._note(line, sent=False)
        if status != 0:
            last = " | ".join(lines[-3:])[-240:]
            raise BenchError(
                "hook.failed",
                f"{shlex.join(command)} has ended with status {status}: {last}",
                "Try it by hand: it must end with status 0 once the supply is switched.",
            )

    def _note(self, text: str, *, sent: bool) -> None:
        line = Line(self._clock.now(), "supply", sent, text[:_SHOWN])
        log_line(line)
        if self._transcript is not None:
            self._transcript(line)


def _words(url: str) -> list[str]:
    try:
        words = shlex.split(url)
    except ValueError as error:
        raise BenchError(
            "hook.command", f"{url!r} is not a command: {error}", "Close the quotes in the supply's `port`."
        ) from error
    if not words:
        raise BenchError("hook.command", "the supply names no command", "Write a command as its `port`.")
    return words


def _lines(output: bytes) -> list[str]:
    text = output.decode("utf-8", "backslashreplace")
    return [line for line in text.splitlines() if line.strip()]


def open_hook(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> HookSupply:
    """Opens a supply that a program switches: the bench's supply ``hook``.

    Args:
        url: The command.
        settings: ``timeout_s``; the bench adds ``voltage_v``, ``highest_v``, ``highest_a``.
        clock: The bench's clock.
        transcript: Receives the commands and their output.

    Raises:
        BenchError: ``hook.setting``, ``hook.command``, ``hook.voltage`` above ``limits.highest_v``.
    """
    choices = Choices("hook", settings)
    timeout_s = choices.pop("timeout_s", _TIMEOUT_S, 0.1, 300.0)
    voltage_v = choices.pop("voltage_v", 0.0, 0.0, 60.0)
    highest_v = choices.pop("highest_v", 60.0, 0.0, 60.0)
    choices.pop("highest_a", 10.0, 0.0, 10.0)
    choices.finish()
    if not 0 < voltage_v <= highest_v:
        raise BenchError(
            "hook.voltage",
            f"the DUT's voltage, {voltage_v:g} V, is not between 0 and limits.highest_v, {highest_v:g} V",
            "Change one of them in the bench file.",
        )
    return HookSupply(url, voltage_v=voltage_v, clock=clock, transcript=transcript, timeout_s=timeout_s)


def switch_off(url: str, *, settings: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bool:
    """Runs ``<command> off``: for the guardian.

    Args:
        url: The command.
        settings: The supply's settings in the bench file; a longer ``timeout_s`` there takes precedence.
        timeout_s: Longest time of the command.

    Returns:
        Whether it ended with status 0.
    """
    own_s = Choices("hook", settings or {}).pop("timeout_s", _TIMEOUT_S, 0.1, 300.0)
    longest_s = max(own_s, timeout_s) if settings and "timeout_s" in settings else timeout_s
    try:
        HookSupply(url, voltage_v=0.0, clock=RealClock(), timeout_s=longest_s).off()
    except BenchError:
        return False  # the guardian explains to the person what that means
    return True
