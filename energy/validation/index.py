"""The index of a folder of sessions: a DuckDB file with a row a session, made from their documents (0043).

The file may come from anybody, with the folder. It is opened only as a regular file, may not reach
anything outside itself, and must hold plain tables with the columns that this version makes. A file that is
damaged or of another version is made again and replaced whole.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy.errors import UsageError
from energy.evidence.setup import Setup
from energy.recording.inside import is_plain, is_there
from energy.validation.conditions import Condition
from energy.validation.listing import ListedSession, of_stored

if TYPE_CHECKING:
    import duckdb

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

INDEX_NAME = ".joulebench-index.duckdb"
FORMAT = "3"
"""Version of the columns: an index of another version is made again."""
_TYPES = {
    "voltage_v": "DOUBLE",
    "clock_hz": "DOUBLE",
    "virtual": "BOOLEAN",
    "valid": "BOOLEAN",
    "inferences_per_second": "DOUBLE",
    "joule_per_inference": "DOUBLE",
    "power_w": "DOUBLE",
    "accuracy": "DOUBLE",
    "rejected": "INTEGER",
}
"""Types of the columns that are no text."""
_SETTINGS = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
}
_PATIENCE_S = 5.0
"""For so long another program that uses the index is waited for; then the documents are read."""
_NAP_S = 0.02
_LOG = logging.getLogger("joulebench.sessions")
_HINT = "pip install 'joulebench[archive]'; without it sessions are listed from their documents, more slowly."


class IndexProblem(Exception):  # noqa: N818  # no error: the sessions are listed without an index
    """The reason why an index cannot be used.

    Attributes:
        text: The reason, as a sentence.
        worth_a_note: Whether a person should know: something is there and cannot be used.
        damaged: Whether it can be used once it has been made again.
    """

    def __init__(
        self, text: str, *, worth_a_note: bool = True, missing: bool = False, damaged: bool = False
    ) -> None:
        super().__init__(text)
        self.text, self.worth_a_note, self.damaged = text, worth_a_note, damaged
        self._missing = missing

    def log(self) -> None:
        """Writes it into the log."""
        _LOG.warning("the index of sessions was not brought up to date: %s", self.text)

    def as_error(self) -> UsageError:
        """The error for a person who asked for an index."""
        if self._missing:
            return UsageError("sessions.no-duckdb", self.text, _HINT)
        return UsageError("sessions.index", self.text, "Name a folder that can be written.")


def columns() -> list[str]:
    """Names of the columns, besides path, signature and document."""
    return [name for name in ListedSession(Path(), Setup()).to_json() if name != "folder"]


class Index:
    """An open index.

    Args:
        connection: Its file.
        notes: Sentences on what was wrong with it before.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, notes: list[str]) -> None:
        self._connection, self.notes = connection, notes

    def signatures(self) -> dict[str, str]:
        """The signature of each session, by its path in the folder.

        Raises:
            IndexProblem: If the file is damaged.
        """
        with _damage():
            return dict(self._connection.execute("SELECT path, signature FROM sessions").fetchall())

    def sessions(
        self, folder: Path, wanted: Collection[str], conditions: Sequence[Condition] = ()
    ) -> dict[str, ListedSession]:
        """The sessions of the index that are wanted and meet conditions, by path.

        Args:
            folder: The folder that it is about.
            wanted: Their paths in it.
            conditions: Every one must hold.

        Raises:
            IndexProblem: If the file is damaged.
        """
        names = list(dict.fromkeys(condition.column for condition in conditions))
        own = [name for name in names if name != "folder"]
        with _damage():
            rows = self._connection.execute(f"SELECT {', '.join(['path', *own])} FROM sessions").fetchall()
            paths = [
                path
                for path, *values in rows
                if path in wanted and _meets(folder / path, dict(zip(own, values, strict=True)), conditions)
            ]
            documents = self._documents(paths if conditions else None)
            return {path: of_stored(folder / path, documents[path]) for path in paths}

    def _documents(self, paths: list[str] | None) -> dict[str, str]:
        """Documents by path: of some sessions, or of all."""
        if paths is None:
            found = self._connection.execute("SELECT path, document FROM sessions")
        else:
            asked = "SELECT path, document FROM sessions WHERE path IN (SELECT unnest(?))"
            found = self._connection.execute(asked, [paths])
        return dict(found.fetchall())

    def put(self, rows: Mapping[str, tuple[str, ListedSession]], gone: Iterable[str] = ()) -> None:
        """Puts sessions in, in place of what it had of them, and takes out those that are gone; all or none.

        Args:
            rows: Signature and session by path.
            gone: Paths of sessions that are no more.

        Raises:
            IndexProblem: If the file cannot be written.
        """
        import pyarrow as pa

        kinds = {"DOUBLE": pa.float64(), "BOOLEAN": pa.bool_(), "INTEGER": pa.int32()}
        names = [*_OWN, *columns()]
        schema = pa.schema([pa.field(name, kinds.get(_TYPES.get(name, ""), pa.string())) for name in names])
        put = [_row(path, signed, session) for path, (signed, session) in rows.items() if _is_text(path)]
        left = [{"path": path} for path in (*gone, *rows) if _is_text(path)]
        with _damage():
            self._connection.register("put", pa.Table.from_pylist(put, schema))
            self._connection.register("gone", pa.Table.from_pylist(left, pa.schema([("path", pa.string())])))
            self._connection.begin()
            self._connection.execute("DELETE FROM sessions WHERE path IN (SELECT path FROM gone)")
            self._connection.execute("INSERT INTO sessions SELECT * FROM put")
            self._connection.commit()
            self._connection.unregister("put")
            self._connection.unregister("gone")

    def remembered(self, what: str) -> dict[str, tuple[str, str]]:
        """The signature and the text that are remembered of each session, by its path in the folder.

        Args:
            what: Which text.

        Raises:
            IndexProblem: If the file is damaged.
        """
        with _damage():
            asked = "SELECT path, signature, document FROM remembered WHERE what = ?"
            found = self._connection.execute(asked, [what]).fetchall()
            return {path: (signed, document) for path, signed, document in found}

    def remember(self, what: str, rows: Mapping[str, tuple[str, str]], gone: Iterable[str] = ()) -> None:
        """Remembers texts of sessions, in place of what was remembered of them; all or none.

        Args:
            what: Which text.
            rows: Signature and text by path.
            gone: Paths of sessions that are no more.

        Raises:
            IndexProblem: If the file cannot be written.
        """
        import pyarrow as pa

        names = ("what", "path", "signature", "document")
        schema = pa.schema([pa.field(name, pa.string()) for name in names])
        put = [
            dict(zip(names, (what, path, *row), strict=True)) for path, row in rows.items() if _is_text(path)
        ]
        left = [{"path": path} for path in (*gone, *rows) if _is_text(path)]
        with _damage():
            self._connection.register("put", pa.Table.from_pylist(put, schema))
            self._connection.register("gone", pa.Table.from_pylist(left, pa.schema([("path", pa.string())])))
            self._connection.begin()
            self._connection.execute(
                "DELETE FROM remembered WHERE what = ? AND path IN (SELECT path FROM gone)", [what]
            )
            self._connection.execute("INSERT INTO remembered SELECT * FROM put")
            self._connection.commit()
            self._connection.unregister("put")
            self._connection.unregister("gone")


def _meets(path: Path, row: dict[str, Any], conditions: Sequence[Condition]) -> bool:
    return all(condition.met({**row, "folder": str(path)}) for condition in conditions)


_OWN = ["path", "signature", "document"]


def _is_text(path: str) -> bool:
    """Whether a path can be a text of the index; a session with another one is read each time."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _row(path: str, signed: str, session: ListedSession) -> dict[str, Any]:
    own = {"path": path, "signature": signed, "document": session.stored()}
    return own | {
        name: value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
        for name, value in session.to_json().items()
        if name != "folder"
    }


@contextmanager
def opened(folder: Path, *, make: bool = False, again: bool = False) -> Generator[Index]:
    """Opens the index of a folder; one that is damaged or of another version is made again.

    Args:
        folder: The folder.
        make: Whether it is made where there is none.
        again: Whether it is made again in any case.

    Raises:
        IndexProblem: If it cannot be opened, or made.
    """
    path = folder / INDEX_NAME
    _refuse_special(path)
    if not is_there(path) and not (make or again):
        raise IndexProblem(f"there is no {path}", worth_a_note=False)
    with _alone(folder):
        notes: list[str] = []
        if again or not is_there(path):
            _new(path)
        try:
            connection = _connected(path)
            _check(connection, path)
        except _DamagedError as error:
            notes.append(f"the index {path} was made again: {error}")
            _LOG.warning("%s", notes[0])
            _new(path)
            connection = _connected(path)
        try:
            yield Index(connection, notes)
        finally:
            connection.close()


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Waits until no other joulebench uses the index of a folder; the folder itself carries the lock.

    Where the system has no such lock (Windows, some network's file systems), DuckDB's own refuses a second
    program.

    Raises:
        IndexProblem: If another one uses it for longer than ``_PATIENCE_S``.
    """
    if fcntl is None:
        yield
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise IndexProblem(f"{folder} cannot be opened: {error}") from error
    try:
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > until:
                    raise IndexProblem(f"{folder / INDEX_NAME} is being used by another program") from error
                time.sleep(_NAP_S)
            except OSError:
                break  # a file system without locks
        yield
    finally:
        os.close(descriptor)


def _refuse_special(path: Path) -> None:
    """Raises `IndexProblem` if the index, or what DuckDB opens beside it, is no plain file or folder."""
    for name in (path, *_beside(path)):
        if is_there(name) and not is_plain(name):
            raise IndexProblem(f"{name} is no regular file, and is not opened")
    overflow = path.with_name(f"{path.name}.tmp")
    if is_there(overflow) and (overflow.is_symlink() or not overflow.is_dir()):
        raise IndexProblem(f"{overflow} is no folder, and is not written to")


def _beside(path: Path) -> list[Path]:
    """Names beside an index that DuckDB reads and writes as well: its log of changes."""
    return [path.with_name(f"{path.name}{ending}") for ending in (".wal", ".wal.checkpoint", ".wal.recovery")]


class _DamagedError(Exception):
    """An index that must be made again."""


def _connected(path: Path) -> duckdb.DuckDBPyConnection:
    """Opens an index; one that may not be written is opened for reading."""
    duckdb = _duckdb()
    reads = not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))
    try:
        return duckdb.connect(str(path), read_only=reads, config=_SETTINGS)
    except duckdb.IOException as error:
        text = str(error)
        if "lock" in text.casefold():
            raise IndexProblem(f"{path} is being written by another program") from error
        if "permission" in text.casefold() or not os.access(path, os.W_OK):
            raise IndexProblem(f"{path} cannot be opened: {_short(error)}") from error
        raise _DamagedError(_short(error)) from error
    except duckdb.Error as error:
        raise _DamagedError(_short(error)) from error


def _check(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Makes sure that the file holds a plain table of this version."""
    duckdb = _duckdb()
    try:
        tables = connection.execute(
            "SELECT table_name, table_type FROM information_schema.tables ORDER BY table_name"
        ).fetchall()
        if tables != [(name, "BASE TABLE") for name in ("format", "remembered", "sessions")]:
            raise _DamagedError("it holds other tables")
        if connection.execute("SELECT version FROM format").fetchall() != [(FORMAT,)]:
            raise _DamagedError("it is of another version")
        named = [row[0] for row in connection.execute("DESCRIBE sessions").fetchall()]
        if named != [*_OWN, *columns()]:
            raise _DamagedError("it has other columns")
        named = [row[0] for row in connection.execute("DESCRIBE remembered").fetchall()]
        if named != ["what", "path", "signature", "document"]:
            raise _DamagedError("it has other columns")
    except duckdb.Error as error:
        connection.close()
        raise _DamagedError(_short(error)) from error
    except _DamagedError:
        connection.close()
        raise


def _new(path: Path) -> None:
    """Makes an empty index and puts it into place whole."""
    duckdb = _duckdb()
    draft = path.with_name(f"{path.name}.part")
    kinds = ", ".join(f"{name} {_TYPES.get(name, 'VARCHAR')}" for name in columns())
    try:
        for old in (draft, draft.with_name(f"{draft.name}.wal")):
            old.unlink(missing_ok=True)
        connection = duckdb.connect(str(draft), config=_SETTINGS)
        try:
            connection.execute("CREATE TABLE format (version VARCHAR)")
            connection.execute("INSERT INTO format VALUES (?)", [FORMAT])
            connection.execute(
                "CREATE TABLE remembered (what VARCHAR, path VARCHAR, signature VARCHAR, document VARCHAR)"
            )
            connection.execute(
                f"CREATE TABLE sessions (path VARCHAR, signature VARCHAR, document VARCHAR, {kinds})"
            )
        finally:
            connection.close()
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)  # of the file that is replaced
        draft.replace(path)
    except (OSError, duckdb.Error) as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise IndexProblem(f"the index {path} cannot be written: {_short(error)}") from error


@contextmanager
def _damage() -> Generator[None]:
    duckdb = _duckdb()
    try:
        yield
    except (duckdb.Error, ValueError) as error:
        raise IndexProblem(f"the index cannot be used: {_short(error)}", damaged=True) from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise IndexProblem("DuckDB is not installed", worth_a_note=False, missing=True) from error
    return duckdb
