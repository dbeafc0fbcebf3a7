"""The pages of the break-in matrix: every cell with its verdict, and the known limits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from tests.conftest import ROOT
from tests.faults.catalogue import BENCHES, FAULTS, Fault
from tests.faults.cells import FAILURES, Cell, Result
from tests.faults.limits import LIMITS, limit_of

MATRIX = ROOT / "docs/reference/matrix.md"
KNOWN_LIMITS = ROOT / "docs/reference/known-limits.md"
LETTERS = {"right": "r", "marked": "m", "stopped": "s", "known": "k", **dict.fromkeys(FAILURES, "**X**")}
KINDS = {
    "none": "Nothing",
    "bytes": "Bytes",
    "edges": "Edges",
    "clocks": "Clocks",
    "supplies": "Supplies",
    "load": "Load and readings",
    "dut": "DUT and its wires",
    "loss": "Loss",
}

HEAD = """\
# Break-in matrix

What `measure` makes of a bench that something befalls: every row a fault, planted on shipped virtual benches,
every cell one whole session in virtual time beside the world's own truth. `make matrix` runs it and writes
this page; `make test` runs a sample of it. One cell alone:

```sh
.venv/bin/python -m tests.faults.matrix -v BENCH/FAULT
```

- **r**, right: the session is valid, every trial's energy and time lie within what is stated for them (edges,
  digits, clock, the voltage that it measured), and the scores are those that the DUT gave. Trials may have
  been repeated.
- **m**, marked: the session came to its end, and is not valid: a finding says why.
- **s**, stopped: the session ended with a coded error, and the supply is off or is said not to be.
- **k**, known: a number is wrong, or a code, as [known limits](known-limits.md) says.
- **X**: wrong in a way that is not known, a false alarm, a code that does not fit, a supply that was left on,
  a traceback, a hang.

The faults are planted in `tests/faults/catalogue.py`; the verdict is found in `tests/faults/cells.py`. Kinds
with very many rows have each on another third of the benches, and the Joulescopes, which sample at full rate,
have some of them.
"""

LIMITS_HEAD = """\
# Known limits

Faults that give a valid session with a wrong number because nothing on the bench can notice them, and sound
benches that are accused all the same. They are cells of the [break-in matrix](matrix.md), and are listed in
`tests/faults/limits.py`; anything else is a bug. `make matrix` writes this page.
"""


def verdict(cell: Cell, result: Result) -> str:
    """A cell's verdict; ``known`` where a limit covers it."""
    limit = limit_of(cell.name)
    worst = max(abs(result.error or 0.0), abs(result.late or 0.0))
    if (
        result.verdict in ("WRONG", "ALARM", "ODD")
        and limit is not None
        and worst <= max(limit.largest, result.bound or 0.0)
    ):
        return "known"
    return result.verdict


def matrix_page(results: Mapping[Cell, Result]) -> str:
    """``docs/reference/matrix.md``."""
    said = {cell.name: verdict(cell, result) for cell, result in results.items()}
    counts = Counter(said.values()).most_common()
    counted = ", ".join(f"{count} {word}" for word, count in counts)
    lines = [
        HEAD,
        f"{len(results)} cells: {counted}.\n",
    ]
    for kind, title in KINDS.items():
        lines += [f"## {title}\n", f"| fault | {' | '.join(BENCHES)} | codes |"]
        lines.append("|---|" + ":-:|" * len(BENCHES) + "---|")
        for fault in FAULTS:
            if fault.kind == kind:
                lines.append(_row(fault, said, results))
        lines.append("")
    return "\n".join(lines)


def _row(fault: Fault, said: Mapping[str, str], results: Mapping[Cell, Result]) -> str:
    names = [f"{bench}/{fault.name}" for bench in BENCHES]
    letters = [LETTERS[said[name]] if name in said else "" for name in names]
    codes = Counter(
        result.codes[0] for cell, result in results.items() if cell.fault == fault and result.codes
    )
    text = ", ".join(f"`{code}`" for code, _ in codes.most_common())
    return f"| {fault.name} | {' | '.join(letters)} | {text} |"


def limits_page(results: Mapping[Cell, Result]) -> str:
    """``docs/reference/known-limits.md``."""
    lines = [LIMITS_HEAD]
    for limit in LIMITS:
        cells = [(cell, result) for cell, result in results.items() if re.fullmatch(limit.cells, cell.name)]
        wrong = [cell.name for cell, result in cells if verdict(cell, result) == "known"]
        lines += [f"## {limit.title}\n", limit.why, ""]
        lines += [f"At most {limit.largest:.2g} of the figure. Cells: {', '.join(wrong)}.", ""]
    if not LIMITS:
        lines.append("None is known.\n")
    return "\n".join(lines)


def letters_of(page: str) -> dict[str, str]:
    """Cell by cell, the letter that the matrix's page shows."""
    said: dict[str, str] = {}
    names = {fault.name for fault in FAULTS}
    for line in page.splitlines():
        parts = [part.strip() for part in line.strip("|").split("|")]
        if len(parts) == len(BENCHES) + 2 and parts[0] in names:
            said |= {f"{bench}/{parts[0]}": letter for bench, letter in zip(BENCHES, parts[1:], strict=False)}
    return {name: letter for name, letter in said.items() if letter}
