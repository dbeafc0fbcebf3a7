"""Results as plain tables."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.results import Row, Section, Target


def print_section(console: Console, section: Section, *, judged: bool) -> None:
    """Prints a benchmark's rows, targets and remarks."""
    table = Table(title=section.title, title_justify="left", box=box.SIMPLE)
    table.add_column("what", no_wrap=True)
    for heading in ("median ms", "fastest", "slowest", "per second", "times baseline"):
        table.add_column(heading, justify="right")
    for row in section.rows:
        milliseconds = (row.median_s, min(row.seconds), max(row.seconds))
        table.add_row(row.name, *(f"{1e3 * value:.1f}" for value in milliseconds), _rate(row), _ratio(row))
    console.print(table)
    for target in section.targets:
        console.print(_verdict(target, judged=judged), highlight=False)
    for remark in section.remarks:
        console.print(f"- {remark}", highlight=False)
    console.print()


def _rate(row: Row) -> str:
    value = row.work / row.median_s
    prefix, scale = ("G", 1e9) if value >= 1e9 else ("M", 1e6)
    return f"{value / scale:.3g} {prefix}{row.unit}"


def _ratio(row: Row) -> str:
    return "" if row.ratio is None else f"{row.ratio:.3g}"


def _verdict(target: Target, *, judged: bool) -> str:
    figure = f"{target.text}: {target.value:.3g} ({target.kind} {target.limit:g})"
    if not judged:
        return f"not judged   {figure}"
    return f"{'reached' if target.reached else 'NOT REACHED':11}  {figure}"
