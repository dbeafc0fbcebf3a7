"""Self-contained HTML pages from a script or a notebook."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from energy.report.pages.kinds import page_of
from energy.report.pages.skeleton import check_page, write_page
from energy.runs.named import HOLD_US, make_options
from energy.uncertainty.comparability import Aspect
from joulebench.benches import AnyPath
from joulebench.comparing import AnyResult
from joulebench.hints import hinted
from joulebench.recordings import HasFolder


@hinted
def report(
    *of: AnyResult,
    out: AnyPath,
    across: Collection[Aspect] = (),
    iterations: int | None = None,
    leading_edges: int | None = None,
    hold_us: float = HOLD_US,
    voltage_v: float | None = None,
    marker_line: str | None = None,
) -> Path:
    """Writes a page that opens offline in any browser: of a session, a trace, a sweep, a comparison.

    Args:
        of: A session, recording, trace or sweep, or its path; two results and more are compared.
        out: The file to write, ``.html``.
        across: What differs on purpose in a comparison.
        iterations: Inferences in each window, where the files do not state them.
        leading_edges: Edges before the first window.
        hold_us: Edges this close are a single edge, in microseconds.
        voltage_v: Supply voltage, for a file of a monitor's own program that does not hold it.
        marker_line: The digital line with the DUT's timestamps in such a file.

    Returns:
        The page's path.

    Raises:
        UsageError: ``report.*``, ``path.*``, ``usage.*``, ``page.unwritable``.
        RecordingError: If something cannot be read as what it is.
        BenchError: ``report.jinja2``, ``report.plotly`` where a package is not installed.
    """
    page = Path(out)
    check_page(page)
    options = make_options(iterations, leading_edges, hold_us, voltage_v, marker_line)
    paths = [of_.folder if isinstance(of_, HasFolder) else of_ for of_ in of]
    return write_page(page_of([str(path) for path in paths], options, across), page)
