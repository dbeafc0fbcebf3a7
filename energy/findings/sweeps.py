"""Findings about the points of a sweep."""

from __future__ import annotations

from energy.findings.rule import Rule, rule

SWEEPS: dict[str, Rule] = {
    "sweep.answers-differ": rule(
        "error",
        "With the same inputs the DUT gave other scores at this point of a sweep than at most others.",
        "Below the voltage that its clock needs a processor may answer in time and wrongly; its energy is "
        "then that of no inference.",
        "Raise the voltage or lower the clock of the point, or leave it out with a skip rule; look at the "
        "scores under trials in session.json.",
    ),
}
