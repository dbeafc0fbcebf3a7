"""Lines of the MLPerf Tiny serial protocol (protocols.md 1.2 to 1.4), and of our firmware beyond it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from drivers.dut.console import is_ready
from drivers.links.channel import READY
from drivers.links.serial_link import Received
from energy.instruments import DutAnswerError, Layer

_WHOLE = r"(\d{1,15})(?!\d)"
"""A number that a float holds exactly; of more digits a line does not have its form."""
MODE = re.compile(r"m-timestamp-mode-(energy|performance)")
BOOT = re.compile(r"m-timestamp-mode-|m-init-done")
LAP = re.compile(r"m-lap-us-" + _WHOLE)
RESULTS = re.compile(r"m-results-\[([^\[\]]*)\]")
NAME = re.compile(r"m-name-dut-\[([^\[\]]*)\]")
PROFILE = re.compile(r"m-profile-\[([^\[\]]*)\]")
MODEL = re.compile(r"m-model-\[([^\[\]]*)\]")
WEIGHTS = re.compile(r"m-weights-\[([^\[\]]*)\]")
"""A line of our firmware (firmware/dut); the official firmware does not have it."""
EXPECTING = re.compile(r"m-\[Expecting (\d{1,15}) bytes\]")
WARMUP = re.compile(r"m-warmup-start-" + _WHOLE)
INFER = re.compile(r"m-infer-start-" + _WHOLE)
ERROR = re.compile(r"(?<!m-profil)e-\[(?!ULPMark)([^\]]*)\]?|(Supplied buffer size \d+ exceeds.*)")
"""An error answer. ``e-[ULPMark`` is a banner, and ``m-profile-[`` contains ``e-[`` (mlperf-tiny.md 2)."""

LAYERS = re.compile(r"m-layers-\[(\d{1,15})\]")
LAYER = re.compile(r"m-layer-\[(\d{1,15}),(\w+),(\d{1,15}),(\d{1,15})\]")
LAYER_START = re.compile(r"m-layer-start-" + _WHOLE)
LAYER_ITERATIONS = re.compile(r"m-layer-iterations-" + _WHOLE)
STAND_START = re.compile(r"m-(?:idle|sleep)-start-" + _WHOLE)
STAND_COUNT = re.compile(r"m-(?:idle|sleep)-count-" + _WHOLE)
"""Lines of a firmware with the commands of protocols.md 1.11."""
PHASES = re.compile(r"m-phases-(on|off)")
PHASE_PULSE = re.compile(r"m-phase-pulse-us-" + _WHOLE)
"""Lines of our firmware (firmware/dut, "Layers and phases"); the official firmware has none of these."""


def booted(lines: Iterable[Received]) -> bool:
    """Whether a boot has ended, judged by its last messages: the DUT may have booted twice."""
    ended = False
    for line in lines:
        if BOOT.search(line.text):
            ended = False
        elif is_ready(line.text):
            ended = True
    return ended


def first(pattern: re.Pattern[str], lines: Iterable[str]) -> str | None:
    """The pattern's group, from the first line that matches, whatever other text is in that line."""
    return next((found.group(1) for line in lines if (found := pattern.search(line))), None)


def times_between_s(
    lines: Iterable[Received], begins: re.Pattern[str], ends: str
) -> tuple[float, float] | None:
    """Times of the DUT's lines for the beginning and the end of what is measured.

    Args:
        lines: The DUT's answer.
        begins: Pattern of the line before it.
        ends: Text of the line after it.
    """
    begun = [line.time_s for line in lines if begins.search(line.text)]
    done = [line.time_s for line in lines if ends in line.text]
    return (begun[0], done[-1]) if begun and done else None


def shortened(command: str) -> str:
    """A command for a message: its first characters."""
    return command if len(command) <= 30 else command[:27] + "..."


def layers_in(lines: Iterable[str]) -> tuple[Layer, ...]:
    """The layers that an answer to ``profile layers`` lists."""
    found = (match for line in lines for match in LAYER.finditer(line))
    return tuple(Layer(int(match[1]), match[2], int(match[3]), int(match[4])) for match in found)


def check_phases(lines: Iterable[str], *, asked: bool) -> None:
    """Refuses a window that marks phases unasked, or does not though asked: they hold different work.

    Raises:
        DutAnswerError: ``dut.phases``.
    """
    marked = first(PHASES, lines) == "on"
    if marked != asked:
        raise DutAnswerError(
            "dut.phases",
            "the DUT marks the phases of its inferences, unasked"
            if marked
            else "the DUT does not mark the phases of its inferences, though `phases on` was sent",
            "The DUT has been reset, or another program has used it: power it off and on.",
        )


def unexpected(command: str, expected: str, lines: list[str], wire: str) -> DutAnswerError:
    """The error for an answer that is not as it must be."""
    arrived = " | ".join(lines)[-240:] or f"only {READY}"
    return DutAnswerError(
        "dut.unexpected",
        f"{expected} was expected after `{shortened(command)}`; {arrived} arrived ({wire})",
        f"A line was lost or damaged, or the firmware is not MLPerf Tiny's: {wire}.",
    )
