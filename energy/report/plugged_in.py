"""The table of instruments that are plugged in."""

from __future__ import annotations

from energy.bench.discovery import Found
from energy.report.table import NOT_KNOWN, Table


def plugged_in_table(found: list[Found]) -> Table:
    """A table with a row per instrument; ``sure`` is not known for what no driver recognizes."""
    table = Table("Plugged in", ["role", "driver", "port", "what it is", "sure", "remark"], text=range(6))
    for instrument in found:
        sure = "yes" if instrument.sure else "perhaps"
        table.rows.append(
            [
                instrument.role or NOT_KNOWN,
                instrument.driver or NOT_KNOWN,
                instrument.port,
                instrument.description,
                sure if instrument.role else NOT_KNOWN,
                instrument.remark,
            ]
        )
    return table
