"""The pages of the break-in matrix: every cell with its verdict, and the known limits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from tests.conftest import ROOT
from tests.faults.cells import FAILURES, Cell, Result
from tests.faults.limits import LIMITS, limit_of
from tests.faults.phases import PHASE_BENCHES, PHASES, RULES

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
    "identify": "While identifying",
    "configure": "While configuring",
    "supply-on": "While the supply is switched on",
    "boot": "While the DUT boots",
    "loading": "While an input is loaded",
    "warm-up": "While the DUT warms up",
    "in-window": "In a window",
    "closing-edge": "At a closing edge",
    "stop": "While the monitor is stopped",
    "supply-off": "While the supply is switched off",
    "writing-results": "While results are written",
}

HEAD = """\
# Break-in matrix

What `measure` makes of a bench that something befalls: every row a fault, planted on shipped virtual benches,
every cell one whole session beside the world's own truth. The first tables have faults by their kind, the
next ones by the phase of the session in which they strike, the last one faults of real processes. `make
matrix` runs all of it and writes this page; it goes on where it was interrupted. `make test` runs some cells
always, and some by a seed, the date. One cell alone, and the cells of a seed:

```sh
.venv/bin/python -m tests.faults.matrix -v BENCH/FAULT
JOULEBENCH_MATRIX_SEED=2026-11-29 .venv/bin/python -m pytest tests/faults
```

- **r**, right: the session is valid, every trial's energy and time lie within what is stated for them (edges,
  digits, clock, the voltage that it measured), and the scores are those that the DUT gave. Trials may have
  been repeated.
- **m**, marked: the session came to its end, and is not valid: a finding says why.
- **s**, stopped: the session ended with a coded error, and the supply is off or is said not to be.
- **k**, known: a number is wrong, or a code, as [known limits](known-limits.md) says.
- **X**: wrong in a way that is not known, a false alarm, a code that does not fit, a supply that was left on,
  a traceback, a hang, a fault that did not strike, or not in its phase.

Faults by kind are planted in `tests/faults/catalogue.py`; kinds with very many rows have each on another
third of the benches, and the Joulescopes, which sample at full rate, have some of them. Faults by phase are
generated in `tests/faults/phases.py`. The verdict is found in `tests/faults/cells.py`.
"""

LEFT_OUT = """\
## Faults by phase

A fault strikes in the phase that its row is named after; a cell in which it struck in another one fails.
Cells that make no sense are left out by rules:

"""

PROCESSES = """\
## Processes

The command `joulebench measure` runs as a process of its own, and its twins in another one (a Joulescope's in
the command's, for it has no port). It is struck at a random moment of the phase, by the seed that is printed:

- `INT`, `TERM`, `HUP`, `INT-again` (three times), `KILL`: signals. It ends with status 4 and `interrupted`,
  or is killed; then the guardian switches the supply off.
- `STOP`: it stands still for 25 s, in real time, while its instruments go on. `STOP-losing`: these keep
  32 KiB for a host that does not read.
- `queue-full`: its main thread takes nothing out of its queues for 12 s.
- `disk-full`: from now on no file may grow beyond what one of the folder's has (`RLIMIT_FSIZE`).
- `disk-slow`: for 15 s, a write takes 0.2 s and a sync of the disk 3 s.
- `second`: another session on the same bench. It must be refused, and the first one must be right.
- `clock+1h`, `clock-1h`: the system's clock steps by an hour; the session must be right.

Beside the verdict every cell demands: the supply is off within 5 s of the command's end, no process is left
after 20 s, nothing that is left in the folder claims more than the world's truth, `recover` finishes what can
be finished, the exit status is that of the kind of end, and there is no traceback. Windows last 2 s in place
of 10 s. `.venv/bin/python -m tests.faults.processes --fault KILL --bench lpm01a` runs some of them.
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


def matrix_page(
    results: Mapping[Cell, Result],
    processes: Mapping[str, Result] | None = None,
    planned: int | None = None,
) -> str:
    """``docs/reference/matrix.md``.

    Args:
        results: Of the cells in virtual time.
        processes: Of the cells with real processes, by ``BENCH/PHASE/FAULT``.
        planned: Number of cells in virtual time; None: as many as there are results.
    """
    cells = {cell.name: (verdict(cell, result), result) for cell, result in results.items()}
    others: dict[str, tuple[str, Result]] = {
        name: (result.verdict, result) for name, result in (processes or {}).items()
    }
    lines = [HEAD, f"{_counted({**cells, **others})}\n"]
    if planned is not None and planned > len(results):
        lines.append(
            f"Of the {planned} cells in virtual time {len(results)} have been run with this code; an empty "
            "field is a cell that has not been run, or that a rule leaves out.\n"
        )
    for kind, title in KINDS.items():
        if kind == PHASES[0]:
            lines += [LEFT_OUT + "".join(f"- {why}\n" for why in RULES), _summary(cells)]
        rows = dict.fromkeys(cell.fault.name for cell in results if cell.fault.kind == kind)
        lines += [f"{'###' if kind in PHASES else '##'} {title}\n", *_table(rows, cells)]
    lines += [PROCESSES, *_table(dict.fromkeys(name.partition("/")[2] for name in others), others)]
    return "\n".join(lines)


def _counted(said: Mapping[str, tuple[str, Result]]) -> str:
    counts = Counter(word for word, _ in said.values()).most_common()
    return f"{len(said)} cells: " + ", ".join(f"{count} {word}" for word, count in counts) + "."


def _summary(said: Mapping[str, tuple[str, Result]]) -> str:
    """How many cells each bench has in each phase, and what came of them."""
    header = f"| phase | {' | '.join(PHASE_BENCHES)} | all |\n|---|" + "---|" * (len(PHASE_BENCHES) + 1)
    lines = [header]
    for phase in PHASES:
        counts = [
            Counter(LETTERS[word] for name, (word, _) in said.items() if name.startswith(f"{bench}/{phase}/"))
            for bench in PHASE_BENCHES
        ]
        shown = [
            " ".join(
                f"{count[letter]} {letter}" for letter in dict.fromkeys(LETTERS.values()) if count[letter]
            )
            for count in counts
        ]
        lines.append(f"| {phase} | {' | '.join(shown)} | {sum(count.total() for count in counts)} |")
    return "\n".join(lines) + "\n"


def _table(rows: Iterable[str], said: Mapping[str, tuple[str, Result]]) -> list[str]:
    """Rows of faults with a column for each bench that has one of them, and the codes that came first."""
    rows = list(rows)
    if not rows:
        return ["None was run.\n"]
    benches = [bench for bench in PHASE_BENCHES if any(f"{bench}/{row}" in said for row in rows)]
    lines = [f"| fault | {' | '.join(benches)} | codes |", "|---|" + ":-:|" * len(benches) + "---|"]
    for row in rows:
        cells = [said.get(f"{bench}/{row}") for bench in benches]
        letters = [LETTERS[cell[0]] if cell else "" for cell in cells]
        codes = Counter(cell[1].codes[0] for cell in cells if cell and cell[1].codes)
        text = ", ".join(f"`{code}`" for code, _ in codes.most_common())
        lines.append(f"| {row} | {' | '.join(letters)} | {text} |")
    return [*lines, ""]


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
    benches: list[str] = []
    for line in page.splitlines():
        parts = [part.strip() for part in line.strip("|").split("|")]
        if parts[0] == "fault":
            benches = parts[1:-1]
        elif len(parts) == len(benches) + 2 and parts[0].strip("-"):
            said |= {f"{bench}/{parts[0]}": letter for bench, letter in zip(benches, parts[1:], strict=False)}
        else:
            benches = benches if parts[0] and not parts[0].strip("-") else []
    return {name: letter for name, letter in said.items() if letter}
