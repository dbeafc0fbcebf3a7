"""Host control of an LPM01A: taken once, after which every setting is acknowledged and recorded."""

from __future__ import annotations

import contextlib
from typing import Any

from drivers.lpm01a.console import Console
from drivers.lpm01a.setup import Firmware
from energy.errors import BenchError

_OFF_S = 0.5
UPDATE_TO = "1.0.6"
"""The oldest firmware with all commands that this driver sends (the help text that RUN quotes)."""
_NEWER = ("pwr", "eventsrc")
"""Commands that old firmware lacks: ``pwr`` came with 1.0.2, and UM2269 Rev 6 has no ``eventsrc``."""


class Control:
    """Commands that need host control (``htc``, protocols.md 3.1).

    Args:
        console: The instrument's command line.

    Attributes:
        acknowledged: Commands that were acknowledged, and the text of each answer.
        firmware: The instrument's firmware, when it is known.

    Raises (all methods):
        BenchError: Those of ``lpm01a.console.Console``.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._taken = self._old_stream_stopped = False
        self.acknowledged: dict[str, Any] = {}
        self.firmware: Firmware | None = None

    def stop_old_stream(self) -> None:
        """Stops a stream that an earlier session left running, once; not to be called while one runs."""
        if not self._old_stream_stopped:
            self._console.stop_old_stream()
            self._old_stream_stopped = True

    def take(self, *, streams: bool) -> None:
        """Takes host control, once; also from an acquisition that an earlier session left armed.

        Args:
            streams: Whether a stream of this session runs.
        """
        if self._taken:
            return
        if not streams:
            self.stop_old_stream()
        try:
            self.set("htc")
        except BenchError as error:
            if error.code != "lpm01a.refused":
                raise
            self._console.stop()
            self.set("htc")
        self._taken = True

    def release(self) -> None:
        """Gives host control back (``hrc``), if it was taken."""
        if self._taken:
            self._taken = False
            with contextlib.suppress(BenchError):
                self._console.command("hrc", _OFF_S)

    def set(self, command: str, timeout_s: float = 3.0, *, packet: str = "") -> None:
        """Sends a command and records its acknowledgement; a refusal's hint names the firmware's limits."""
        try:
            self.acknowledged[command] = self._console.command(command, timeout_s, packet=packet)
        except BenchError as error:
            if error.code != "lpm01a.refused":
                raise
            raise BenchError(error.code, error.message, self._hint(command)) from error

    def _hint(self, command: str) -> str:
        known = self.firmware
        if command.startswith(_NEWER):
            states = f" (this unit states {known.version})" if known else ""
            return (
                f"Old firmware lacks `{command.split()[0]}`, which is needed to switch the DUT's power and "
                f"to find its edges: update the LPM01A to firmware {UPDATE_TO} or newer{states}."
            )
        limits = "This firmware may have other limits"
        if known:
            limits = f"Firmware {known.version}: {known.highest_energy_hz:g} samples/s of energy at most"
            limits += f" ({known.source})"
        return f"{limits}. Change the bench file's settings, or update the LPM01A to firmware {UPDATE_TO}."
