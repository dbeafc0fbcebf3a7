"""Text from the code as Markdown: what would be markup there is shown as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARKUP = re.compile(r"([\\*_\[\]<>|#~$^{}])")


def plain(text: str) -> str:
    """A text in which only code between backticks is markup."""
    parts = re.split(r"(`+[^`]*`+)", text)
    escaped = [part if part.startswith("`") else _MARKUP.sub(r"\\\1", part) for part in parts]
    return "".join(escaped).replace("`", "`")


def cell(text: str) -> str:
    """A text in a cell of a table: a single line, no column's end in it."""
    line = " ".join(plain(text).split())
    return re.sub(r"(`[^`]*`)", lambda code: code.group().replace("|", "\\|"), line)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
