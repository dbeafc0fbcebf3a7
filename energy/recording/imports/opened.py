"""Opens a file of a monitor's own program by what it holds; a program whose files are not read is named."""

from __future__ import annotations

from pathlib import Path

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.imports.given import Given
from energy.recording.imports.jls import MAGIC, OLD_MAGIC, read_jls
from energy.recording.imports.ppk2 import is_ppk2, read_ppk2
from energy.recording.imports.tables import Dialect, dialect_of, read_joulescope_csv, read_ppk2_csv
from energy.recording.inside import open_named
from energy.recording.trace import Trace

_HEAD = 1 << 16
_ENDINGS = (".ppk2", ".ppk", ".jls", ".csv", ".dlog", ".otii", ".otii3", ".parquet")
_HERE = "docs/how-to/integrate.md lists the files that joulebench reads."
_CSV_WAY = (
    "Convert it to the columns `#time,current,voltage` in seconds, ampere and volt, and name that CSV file. "
)


def may_be_import(path: Path) -> bool:
    """Whether a file's ending or beginning is that of a monitor's own program."""
    return path.suffix.casefold() in _ENDINGS or _head(path).startswith((MAGIC, OLD_MAGIC))


def open_import(path: Path, given: Given) -> Trace:
    """Opens such a file.

    Args:
        path: The file.
        given: Voltage and marker line, where the file does not state them.

    Raises:
        RecordingError: ``import.other-program`` for a file that is recognised and not read, with the program
            that wrote it; ``import.unknown``; ``trace.*``, ``import.*``, ``file.*``.
        UsageError: ``import.voltage``, ``import.marker-line``.
    """
    trace = _opened(path, given)
    if not trace.edges:
        trace.findings.append(Finding("import.no-edges", f"{path.name}: no edge of a marker line"))
    return trace


def _opened(path: Path, given: Given) -> Trace:
    head = _head(path)
    if head.startswith(MAGIC):
        return read_jls(path, given)
    if is_ppk2(path):
        return read_ppk2(path, given)
    if found := _own(path, head, given):
        return found
    text = head.decode("utf-8-sig", errors="replace")
    dialect = dialect_of(text)
    if dialect is not None:
        if dialect.column("timestamp(ms)") and dialect.column("current(ua)"):
            return read_ppk2_csv(path, dialect, given)
        if (
            dialect.column("time")
            and (dialect.column("power") or (dialect.column("current") and dialect.column("voltage")))
            and not dialect.column("time (ms)", "time_s")
        ):
            return read_joulescope_csv(path, dialect, given)
    program = _program(path, head, text, dialect)
    if program is None:
        raise RecordingError(
            "import.unknown", f"{path} is not a file of a program that joulebench knows", _HERE
        )
    name, way = program
    raise RecordingError(
        "import.other-program", f"{path} was written by {name}; joulebench does not read it", way + _HERE
    )


def _own(path: Path, head: bytes, given: Given) -> Trace | None:
    """A file that ``joulebench export`` wrote, or None."""
    from energy.recording.imports.exported import is_exported, read_exported

    return read_exported(path, given) if is_exported(path, head) else None


def _head(path: Path) -> bytes:
    try:
        with open_named(path) as file:
            return file.read(_HEAD)
    except OSError as error:
        raise RecordingError(
            "file.unreadable", f"{path} cannot be read: {error}", "Check the path."
        ) from error


def _program(path: Path, head: bytes, text: str, dialect: Dialect | None) -> tuple[str, str] | None:
    """The program that wrote a file that is not read, and the way to get its content in; None if unknown."""
    ending = path.suffix.casefold()
    if head.startswith(OLD_MAGIC):
        return "Joulescope's software before 2022 (JLS version 1)", (
            "Open it in the Joulescope UI 1.x and save it as JLS version 2. "
        )
    if b"<dlog" in head[:4096] or ending == ".dlog":
        return "a Keysight N6705 or BenchVue (data log)", (
            "Export it as CSV in Keysight BenchVue or 14585A. " + _CSV_WAY
        )
    if ending == ".ppk":
        return "nRF Connect Power Profiler 3 or older", (
            "Open it in that version and export it as CSV, which joulebench reads. "
        )
    if ending in (".otii", ".otii3") or (dialect and dialect.column("main current", "arc main current")):
        return "Qoitech Otii", "Export current and voltage as CSV. " + _CSV_WAY
    if dialect and dialect.column("time (ms)") and dialect.column("current (na)", "current (ua)"):
        return "STM32CubeMonitor-Power", ("Measure with joulebench itself (monitor lpm01a). " + _CSV_WAY)
    return None
