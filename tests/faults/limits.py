"""Known limits: cells of the break-in matrix whose number may be wrong, and why nobody can notice.

Each is a promise that is not kept. What can be noticed does not belong here: it is mended.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """A known limit.

    Attributes:
        cells: A regular expression of cells' names.
        largest: The largest error of energy or time, as a fraction, that may pass.
        title: In a line.
        why: Why it is not noticed, and what a person can do.
    """

    cells: str
    largest: float
    title: str
    why: str


LIMITS: tuple[Limit, ...] = (
    Limit(
        r"ppk2-source/(sag-\d+-mV|100-mV-more)",
        0.21,
        "A supply voltage that nobody measures",
        "A PPK2 as source measures current alone, and energy is computed with the voltage of the "
        "bench file. If the voltage at the DUT differs in every trial alike, energy is wrong by "
        "the same part. The session says so: its record and the finding `voltage.assumed` state "
        "that the voltage was assumed. Measure the voltage at the DUT while it runs inferences, "
        "or use a supply or monitor that measures it.",
    ),
    Limit(
        r".*/(late|early)-20-ms-(start|stop)-once",
        2.2e-3,
        "An edge of a single trial that is some 20 ms off",
        "Windows of as many inferences are compared with each other, and may differ by 10 ms, the "
        "bounds of their edges and a thousandth: sound sessions with a slow clock come near it. "
        "An edge that is moved into the work is within that. The median over the trials is right.",
    ),
    Limit(
        r".*/dut-bit-in-scores",
        0.0,
        "A changed bit in a score",
        "The lines of the DUT's protocol have no checksum (protocols.md 1.3): a digit that became "
        "another digit is a score like any other. Energy and time are right. Accuracy mode asks "
        "for 200 answers or more, of which one hardly counts.",
    ),
    Limit(
        r"ppk2-ampere/stuck-from-boot",
        0.5,
        "Readings that stand still but for noise",
        "A converter that stands still gives the same reading again and again, which is found. "
        "One whose reading still has noise looks like a DUT that draws the same current at rest "
        "and at work, as some do. Compare the picture of a session with what the DUT is known to "
        "draw.",
    ),
)


def limit_of(name: str) -> Limit | None:
    """The limit that a cell is known by."""
    return next((limit for limit in LIMITS if re.fullmatch(limit.cells, name)), None)
