"""The parts of a page: tables that sort and filter, plots, findings, facts, lines; data without markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from energy.findings import REGISTER, Finding, Severity
from energy.printable import printable
from energy.report.table import NOT_KNOWN, Table

Grade = Literal["", "error", "warning", "info", "good"]
"""How a cell or a fact is marked."""
_GRAVEST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: Its text, as people read it.
        value: The number behind the text in SI units; by it the column is sorted, and scripts read it back.
        href: A link, such as ``#window-3``.
        grade: Drawn as a mark of this severity.
    """

    text: str
    value: float | None = None
    href: str = ""
    grade: Grade = ""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading, with the unit where all cells have it in common.
        number: Whether it holds numbers: they stand at the right and are sorted as numbers.
        choices: Whether the reader may choose among its values.
    """

    name: str
    number: bool = False
    choices: bool = False


@dataclass
class PageTable:
    """A table that can be sorted by each column, and filtered by text.

    Attributes:
        id: Its id in the page.
        caption: Its caption, which names it for a screen reader too.
        columns: Its columns.
        rows: Rows of cells.
        footer: Rows below a line, which stay where they are: medians, sums.
        filtered: Whether there is a field to filter by; None: where there are ten rows or more.
        notes: Lines below it.
    """

    kind: ClassVar[str] = "table"
    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    footer: Sequence[Sequence[Cell]] = ()
    filtered: bool | None = None
    notes: Sequence[str] = ()

    @property
    def with_filter(self) -> bool:
        """Whether there is a field to filter by."""
        return len(self.rows) >= 10 if self.filtered is None else self.filtered

    def choices(self, place: int) -> list[str]:
        """The different texts of a column, sorted."""
        return sorted({row[place].text for row in self.rows})


@dataclass
class Plot:
    """A plot that plotly draws.

    A text in ``data`` or ``layout`` that begins with ``--`` is the name of a colour of the page, such as
    ``--line``, ``--c1`` to ``--c8``: it follows the theme. Arrays of numpy are written as base64.

    Attributes:
        id: Its id in the page.
        label: A sentence that says what it shows, for those who do not see it.
        data: Plotly's traces.
        layout: Plotly's layout; fonts, margins and colours come from the page.
        caption: Text below it.
        table: The same figures as a table, folded below it.
        script: Name of the function in a page's script that draws it, in place of plotly itself.
        extra: More data for that function.
        height: Its height, in CSS pixels.
    """

    kind: ClassVar[str] = "plot"
    id: str
    label: str
    data: Sequence[dict[str, Any]] = ()
    layout: dict[str, Any] = field(default_factory=dict[str, Any])
    caption: str = ""
    table: PageTable | None = None
    script: str = ""
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    height: int = 380


@dataclass
class Remarks:
    """Findings with what they mean and what to do, the gravest first."""

    kind: ClassVar[str] = "remarks"
    findings: Sequence[Finding]

    def __post_init__(self) -> None:
        self.findings = sorted(self.findings, key=lambda finding: _GRAVEST_FIRST.index(finding.severity))

    def rule(self, code: str) -> Any:
        """The rule of a finding's code."""
        return REGISTER[code]


@dataclass(frozen=True, slots=True)
class Fact:
    """A name with its value, as text; ``value`` is the number behind it, in SI units.

    Attributes:
        name: Its name.
        text: Its value as people read it.
        value: The number behind it.
        note: A smaller line below it.
        grade: Drawn as a mark of this severity.
    """

    name: str
    text: str
    value: float | None = None
    note: str = ""
    grade: Grade = ""


@dataclass
class Facts:
    """Names with their values; ``large`` for the headline figures."""

    kind: ClassVar[str] = "facts"
    facts: Sequence[Fact]
    large: bool = False


@dataclass
class Lines:
    """Paragraphs of text; ``plain`` for lines of a file, in a fixed width."""

    kind: ClassVar[str] = "lines"
    lines: Sequence[str]
    plain: bool = False


@dataclass
class Drawing:
    """An SVG made of numbers only, with its caption: it goes into the page as it is."""

    kind: ClassVar[str] = "drawing"
    svg: str
    caption: str = ""


@dataclass
class Included:
    """A template of a page's own, for what no other part can show.

    Attributes:
        template: Its name in ``templates/``; it sees this part as ``part``.
        data: What it shows.
    """

    kind: ClassVar[str] = "included"
    template: str
    data: dict[str, Any]


@dataclass
class Folded:
    """Parts that the reader opens; ``printed``: a printed page has them, opened or not."""

    kind: ClassVar[str] = "folded"
    title: str
    parts: Iterable[Part]
    opened: bool = False
    id: str = ""
    grade: Grade = ""
    printed: bool = False


Part = PageTable | Plot | Remarks | Facts | Lines | Drawing | Included | Folded


@dataclass
class Section:
    """A section of a page: its heading, which the contents list, and its parts in order."""

    id: str
    title: str
    parts: Iterable[Part]


def table_part(table: Table, name: str, *, choices: Sequence[str] = ()) -> PageTable:
    """A table of text as a part of a page.

    Args:
        table: The table.
        name: Its id in the page.
        choices: Headings of columns whose values the reader may choose among.
    """
    columns = [
        Column(heading, place not in table.text, heading in choices)
        for place, heading in enumerate(table.columns)
    ]
    rows = [[Cell(cell) for cell in row] for row in table.rows]
    footer = [[Cell(cell) for cell in row] for row in table.footer]
    return PageTable(name, table.title, columns, rows, footer, notes=table.notes)


def plot_text(*lines: str) -> str:
    """Lines for a label or a legend of plotly, which takes a few tags as markup: none is left."""
    safe = [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:160] for line in lines]
    return "<br>".join(filter(None, map(printable, safe)))


def number_cell(value: float | None, text: str) -> Cell:
    """A cell of a number; a dash where it is not known."""
    return Cell(NOT_KNOWN) if value is None else Cell(text, value)
