"""A session whose DUT, instruments and documents call themselves what would steer whatever shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import drivers.dut.twin.firmware
import joulebench as jb
from drivers.virtual.virtual_dut import VirtualDut
from energy.evidence.names import MANIFEST_NAME, RESULT_NAME, SESSION_NAME
from energy.evidence.reader import SessionEvidence

TAKEN = "document.title='taken'"
SPOKEN = f"<script>{TAKEN}</script>\x1bc\x9b2J"
"""The name that the DUT sends. No brackets: they end a name on this wire."""
PROFILE = f'"><img src=x onerror="{TAKEN}">'
FORMULA = r"[red]$\frac{1$"
EVIL = f"=cmd|'/C calc'!A0{SPOKEN}{PROFILE}<b>bold</b>{{{{7*7}}}}\u202eltr\u2028\x07\x1b]0;taken\x07{FORMULA}"
"""Markup, an event, a template, a formula of a spreadsheet, controls of a terminal, marks that turn text."""
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""No text that people look at may hold any of these; line feeds and tabs are the program's own."""
_FIXED = ("schema", "workload", "mode", "state", "begun", "at")
"""Keys without which a document is of nothing that a page shows."""


def hostile_session(out: Path) -> Path:
    """Measures a session of a DUT that names itself so; answers its folder."""
    with pytest.MonkeyPatch.context() as patch:
        flash = VirtualDut.flash

        def renamed(self: VirtualDut, board: Any, *rest: Any) -> None:
            from dataclasses import replace

            flash(self, replace(board, vendor=SPOKEN), *rest)

        patch.setattr(VirtualDut, "flash", renamed)
        patch.setattr(drivers.dut.twin.firmware, "PROFILE", PROFILE)
        return jb.measure("virtual", "kws01", note=PROFILE, out=out, progress=False).folder


def rewrite(folder: Path) -> int:
    """Puts ``EVIL`` in the place of every text that the session's models take; answers how many there are."""
    count = 0
    (folder / MANIFEST_NAME).unlink()
    for name in (SESSION_NAME, RESULT_NAME):
        path = folder / name
        document = json.loads(path.read_text(encoding="utf-8"))
        for place, key in list(_texts(document)):
            before, place[key] = place[key], EVIL
            path.write_text(json.dumps(document), encoding="utf-8")
            if _is_read(folder):
                count += 1
            else:
                place[key] = before
        path.write_text(json.dumps(document), encoding="utf-8")
    (folder / "log.txt").write_text(f"{EVIL}\n" * 3, encoding="utf-8", errors="surrogatepass")
    return count


def _is_read(folder: Path) -> bool:
    from energy.uncertainty.results import read_result

    evidence = SessionEvidence(folder)
    try:
        evidence.record()
        assert evidence.session, evidence.result
        read_result(folder)
    except jb.JoulebenchError:
        return False
    return True


def _texts(part: Any) -> Iterator[tuple[Any, Any]]:
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in items:
        if isinstance(value, str) and key not in _FIXED:
            yield part, key
        else:
            yield from _texts(value)
