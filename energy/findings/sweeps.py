"""Findings about the points of a sweep."""

from __future__ import annotations

from energy.findings.rule import Rule, rule

SWEEPS: dict[str, Rule] = {
    "floors.not-measured": rule(
        "warning",
        "The DUT's firmware does not know the command that a floor needs.",
        "Idle, sleep or wake-up are not in the result; the official firmware has no such commands.",
        "Use the DUT firmware of joulebench (firmware/dut), or --idle for an idle stretch without a command.",
    ),
    "sweep.answers-differ": rule(
        "error",
        "With the same inputs the DUT gave other scores at this point of a sweep than at most others.",
        "Below the voltage that its clock needs a processor may answer in time and wrongly; its energy is "
        "then that of no inference.",
        "Raise the voltage or lower the clock of the point, or leave it out with a skip rule; look at the "
        "scores under trials in session.json.",
    ),
}
