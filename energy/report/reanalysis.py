"""An archive that was analysed again, as a table: what differs from what was stated."""

from __future__ import annotations

from energy.report.table import NOT_KNOWN, Table
from energy.report.units import significant
from energy.validation.reanalysis import Reanalysed, Reanalysis


def reanalysis_table(done: Reanalysis, *, everything: bool = False) -> Table:
    """A table with a row for each recording that differs or cannot be read; with ``everything`` for all."""
    table = Table(
        "Re-analysis",
        [
            "recording",
            "workload",
            "windows",
            "µJ/inf stated",
            "µJ/inf now",
            "inf/s stated",
            "inf/s now",
            "verdict",
        ],
        text=(0, 1, 7),
        parts=([0, 1, 2, 3, 4, 7], [0, 5, 6]),
    )
    for row in done.rows:
        if everything or row.status in ("differs", "failed"):
            table.rows.append(_cells(row))
    return table


def _cells(row: Reanalysed) -> list[str]:
    stated, now = row.stated, row.now
    return [
        ("VIRTUAL " if row.virtual else "") + row.path,
        row.workload or NOT_KNOWN,
        str(row.windows) if row.windows else NOT_KNOWN,
        _figure(stated.get("joule_per_inference"), 1e6),
        _figure(now.get("joule_per_inference"), 1e6),
        _figure(stated.get("inferences_per_second")),
        _figure(now.get("inferences_per_second")),
        _verdict(row),
    ]


def _verdict(row: Reanalysed) -> str:
    if row.appeared:
        return f"{row.status}: {', '.join(row.appeared)}"
    return row.error.partition(":")[0] if row.error else row.status


def _figure(value: float | None, scale: float = 1.0) -> str:
    return NOT_KNOWN if value is None else significant(value * scale, 7)


def summary_lines(done: Reanalysis) -> list[str]:
    """How many recordings are the same, differ, state nothing, failed; what it took."""
    rows = done.rows
    samples, size = sum(row.samples for row in rows), sum(row.size for row in rows)
    spent_s = sum(row.seconds for row in rows)
    counts = ", ".join(
        f"{count} {text}"
        for count, text in (
            (done.count("same"), "as stated"),
            (done.count("differs"), "not as stated"),
            (done.count("no result"), "without a result"),
            (done.count("failed"), "cannot be read"),
        )
        if count
    )
    took = f"{samples:.4g} samples, {size / 1e6:.4g} MB; {spent_s:.3g} s of work in {done.seconds:.3g} s"
    return [f"{len(rows)} recordings: {counts}", took] if rows else ["no recordings were found"]
