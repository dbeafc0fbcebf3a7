"""Findings about the uncertainty of a result."""

from __future__ import annotations

from energy.findings.rule import Rule, rule

UNCERTAINTY: dict[str, Rule] = {
    "idle.not-recorded": rule(
        "warning",
        "An idle stretch was asked for, and none was recorded whole.",
        "Energy above idle cannot be given.",
        "Use a monitor that streams; measure again where samples were lost.",
    ),
    "uncertainty.no-conditions": rule(
        "info",
        "The session's document lacks what an uncertainty statement needs.",
        "Without it nobody knows how far the figure may be from the truth.",
        "Measure with a current version; an older recording keeps its figures without an uncertainty.",
    ),
    "uncertainty.no-scope": rule(
        "info",
        "The bench file does not state what the measured rail feeds, so there is no uncertainty statement.",
        "Energy of a core and energy of a whole board are different quantities: a figure whose quantity is "
        "not defined has no uncertainty.",
        "Add a [scope] to the bench file: feeds = [...], pre_processing, post_processing (docs/reference/"
        "bench-file.md).",
    ),
    "uncertainty.no-specification": rule(
        "info",
        "Nobody states how accurate the monitor is, so the figure has no uncertainty statement.",
        "The largest part of the uncertainty is the monitor's.",
        "Name a calibration certificate in the bench file, or make one with `joulebench calcheck`.",
    ),
    "uncertainty.not-kept": rule(
        "warning",
        "The monitor changed its range, and the samples of a window are not kept, so there is no uncertainty "
        "statement.",
        "The monitor's accuracy differs by range: it is not known how much was measured on which.",
        "Record with `--keep windows` or `full`, or on a fixed range.",
    ),
    "uncertainty.no-windows": rule(
        "info",
        "A window has no energy or no number of inferences, so there is no uncertainty statement.",
        "A median over such windows means nothing.",
        "Look at the other findings; give the number of inferences with --iterations (1 for energy per "
        "window).",
    ),
}
