"""A supply that a program switches: ``<command> on`` and ``<command> off`` (a relay board, a smart plug).

The program's exit status 0 is its acknowledgement. It is run without a shell, and in a session of its own, so
that a Ctrl-C in the terminal does not end it half way.
"""

from __future__ import annotations

import shlex
import subprocess
from typing import Any

from drivers.links.clock import RealClock
from drivers.links.settings import Choices
from energy.errors import BenchError
from energy.instruments import Clock, Line, Transcript, log_line

_OFF_TRIES = 3
_TIMEOUT_S = 10.0
_AGREES_V = 1e-6
_SHOWN = 500


class HookSupply:
    """A supply behind a program: an ``energy.instruments`` Supply.

    Args:
        url: The command, as a shell would split it into words.
        voltage_v: What the supply is known to give.
        clock: Clock of time stamps.
        transcript: Takes what is run and what it writes.
        timeout_s: How long it may take, in real time.

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
        """Nothing is set: the voltage must be what the bench file says that the supply gives."""
        if abs(voltage_v - self._voltage_v) > _AGREES_V:
            raise BenchError(
                "hook.voltage",
                f"{voltage_v:g} V is asked for; what {self._words[0]} switches gives {self._voltage_v:g} V",
                "A program can only switch it: set the supply by hand and say so in the bench file.",
            )

    def on(self) -> None:
        """``<command> on``."""
        self._run("on")

    def off(self) -> None:
        """``<command> off``, three times if need be."""
        failure: BenchError | None = None
        for _ in range(_OFF_TRIES):
            try:
                self._run("off")
            except BenchError as error:
                failure = error
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
        """False: the program's status tells that it ran, and not what the supply did."""
        return False

    def check(self) -> None:
        """Nothing can be asked of it: the monitor's stream shows what its supply does."""

    def close(self) -> None:
        """Nothing is open."""

    def _run(self, word: str) -> None:
        command = [*self._words, word]
        self._note(shlex.join(command), sent=True)
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._timeout_s,
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchError(
                "hook.timeout",
                f"{shlex.join(command)} has not ended after {self._timeout_s:g} s and was killed",
                "Try it by hand; `timeout_s` in the supply's settings gives it longer.",
            ) from error
        except OSError as error:
            raise BenchError(
                "hook.missing",
                f"{shlex.join(command)} cannot be run: {error}",
                "The supply's `port` in the bench file is a command: is it installed and executable?",
            ) from error
        said = [*_lines(done.stdout), *_lines(done.stderr)]
        for line in said:
            self._note(line, sent=False)
        if done.returncode != 0:
            last = " | ".join(said[-3:])[-240:]
            raise BenchError(
                "hook.failed",
                f"{shlex.join(command)} has ended with status {done.returncode}: {last}",
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
            "hook.command", f"{url!r} is no command: {error}", "Close the quotes in the supply's `port`."
        ) from error
    if not words:
        raise BenchError("hook.command", "the supply names no command", "Give one as its `port`.")
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
        transcript: Takes what is run and what it writes.

    Raises:
        BenchError: ``hook.setting``, ``hook.command``, ``hook.voltage`` above ``limits.highest_v``.
    """
    choices = Choices("hook", settings)
    timeout_s = choices.take("timeout_s", _TIMEOUT_S, 0.1, 300.0)
    voltage_v = choices.take("voltage_v", 0.0, 0.0, 60.0)
    highest_v = choices.take("highest_v", 60.0, 0.0, 60.0)
    choices.take("highest_a", 10.0, 0.0, 10.0)
    choices.finish()
    if not 0 < voltage_v <= highest_v:
        raise BenchError(
            "hook.voltage",
            f"the DUT's voltage of {voltage_v:g} V is not between 0 and limits.highest_v, {highest_v:g} V",
            "Change one of them in the bench file.",
        )
    return HookSupply(url, voltage_v=voltage_v, clock=clock, transcript=transcript, timeout_s=timeout_s)


def switch_off(url: str, *, settings: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bool:
    """Runs ``<command> off``: for the guardian.

    Args:
        url: The command.
        settings: The supply's settings in the bench file: a longer ``timeout_s`` there goes before.
        timeout_s: How long it may take.

    Returns:
        Whether it has ended with status 0.
    """
    own_s = Choices("hook", settings or {}).take("timeout_s", _TIMEOUT_S, 0.1, 300.0)
    longest_s = max(own_s, timeout_s) if settings and "timeout_s" in settings else timeout_s
    try:
        HookSupply(url, voltage_v=0.0, clock=RealClock(), timeout_s=longest_s).off()
    except BenchError:
        return False  # the guardian says to the person what that means
    return True
