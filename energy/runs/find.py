"""Traces in a tree: recordings of ours, EEMBC traces, and results.json files of energy runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from energy.errors import RecordingError, UsageError
from energy.evidence.names import KEPT_FOLDER, OFFICIAL_FOLDER
from energy.recording import eembc, mlcommons
from energy.recording.inside import is_there, within
from energy.recording.store import TRACE_NAME
from energy.runs.files import is_junk_name


def find_traces(path: Path) -> Iterator[Path]:
    """Everything under ``path`` that holds a trace, in the order of names; links are not followed.

    Yields:
        Folders of our recordings, ``*-energy.bin`` files, and ``results.json`` files of energy runs.

    Raises:
        UsageError: ``path.missing``, ``path.not-a-trace``.
    """
    with within(path):
        found = list(_traces_in(path))
    yield from found


def _traces_in(path: Path) -> Iterator[Path]:
    if path.is_file():
        if path.name.endswith(eembc.ENERGY_SUFFIX) or path.suffix in (".json", ".arrow") or is_import(path):
            yield path.parent if path.name == TRACE_NAME else path
            return
        raise UsageError(
            "path.not-a-trace",
            f"{path} is no trace.arrow, *-energy.bin or results.json, and no file of a monitor's program",
            "Name one of these files, or the folder that holds them.",
        )
    if is_there(path) and not path.is_dir():
        raise UsageError(
            "path.not-a-trace", f"{path} is neither a file nor a folder", "Name a regular file or a folder."
        )
    if not path.is_dir():
        raise UsageError("path.missing", f"there is no {path}", "Check the path.")
    for folder, folders, names in os.walk(path):
        folders.sort()
        here = Path(folder)
        if TRACE_NAME in names:
            yield here
            # The same session once more: as the official tools read it, and as it was before its recovery.
            folders[:] = [name for name in folders if name not in (OFFICIAL_FOLDER, KEPT_FOLDER)]
        traces = (name for name in sorted(names) if name.endswith(eembc.ENERGY_SUFFIX))
        yield from (here / name for name in traces if not is_junk_name(name))
        results = here / mlcommons.FILE_NAME
        if mlcommons.FILE_NAME in names and results.is_file() and _may_hold_power(results):
            yield results


def is_import(path: Path) -> bool:
    """Whether a path is that of a file which a monitor's own program saved."""
    if path.name.endswith(eembc.ENERGY_SUFFIX) or path.suffix in (".json", ".arrow") or not path.is_file():
        return False
    from energy.recording.imports.opened import may_be_import  # the readers of other programs' files

    return may_be_import(path)


def _may_hold_power(results: Path) -> bool:
    try:
        return mlcommons.holds_power(results)
    except (RecordingError, OSError):
        return True  # a bad file stops no search: ``load`` reports what is wrong with it
