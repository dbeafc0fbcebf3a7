"""The limits of MLPerf Tiny, in one place: live sessions and validation use the same checks.

Source: MLPerfTiny_Rules.adoc (round v1.4), summarised in mlperf-tiny.md 1, and for the spread the published
sessions (mlperf-tiny.md 3: median 0.07 % RSD, 90 % below 0.24 %, worst 0.9 %).
"""

from __future__ import annotations

from collections.abc import Iterator

from energy.findings import Finding
from energy.window.figures import SessionFigures

SHORTEST_WINDOW_S = 10.0
FEWEST_ITERATIONS = 10
WINDOWS = 5
SPREAD_WARNING = 0.005
SPREAD_ERROR = 0.01


def check_limits(session: SessionFigures) -> Iterator[Finding]:
    """Yields a finding for each way in which a session's windows do not follow the rules."""
    for figures in session.windows:
        window = figures.window
        if window.duration_s < SHORTEST_WINDOW_S:
            yield Finding("window.too-short", f"{window.duration_s:.6g} s", window.number)
        if figures.iterations is not None and figures.iterations < FEWEST_ITERATIONS:
            yield Finding("window.few-iterations", f"{figures.iterations} inferences", window.number)
    if len(session.windows) != WINDOWS:
        yield Finding("session.not-five-windows", f"{len(session.windows)} windows")
    cost = session.joule_per_inference()
    if cost and cost.relative_deviation is not None:
        evidence = f"{cost.relative_deviation * 100:.2f} % over {cost.count} windows"
        if cost.relative_deviation > SPREAD_ERROR:
            yield Finding("spread.large", evidence)
        elif cost.relative_deviation > SPREAD_WARNING:
            yield Finding("spread.raised", evidence)
