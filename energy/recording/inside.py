"""Opens files in a folder of unknown origin: only regular files in it, and nothing that leads out of it.

A session's folder, a recording, a submission or the content of an archive may come from anybody. The path
that a person names on the command line may be a link; no name below it may be a symbolic link, a pipe or a
device, or lead upwards. Each folder on the way is opened without following links, the next name is opened in
it (``openat``), and the opened file is checked by its descriptor, so exchanging a name meanwhile has no
effect. Where the system cannot open a name in a folder (Windows), all names are checked before and after, and
the descriptor must be that of the checked file; a name that is exchanged twice in between is not noticed.
"""

from __future__ import annotations

import codecs
import errno
import os
import stat
import tomllib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import BufferedReader, FileIO
from itertools import islice
from pathlib import Path
from typing import Any

from energy.errors import RecordingError, TooLargeError
from energy.recording.limits import LARGEST_FORM, MOST_ENTRIES

_SEPARATOR = os.sep
_HINT = "Put the file itself there; only the path on the command line may be a link."
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_CALM = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
"""Flags so that opening does not wait for a pipe, and a terminal does not become the controlling one."""
_OPENS_IN_FOLDERS = os.open in os.supports_dir_fd and _NO_LINK != 0
_roots: ContextVar[tuple[Path, ...]] = ContextVar("roots", default=())


_kept: ContextVar[dict[tuple[Path, tuple[str, ...]], int] | None] = ContextVar("kept", default=None)
_MOST_KEPT = 32


@contextmanager
def folders_kept() -> Generator[None]:
    """Within this context a folder in which a file was opened stays open, for the next files in it.

    They are files of that folder whatever becomes of its name meanwhile.
    """
    kept: dict[tuple[Path, tuple[str, ...]], int] = {}
    token = _kept.set(kept)
    try:
        yield
    finally:
        _kept.reset(token)
        for folder in kept.values():
            os.close(folder)


@contextmanager
def within(named: Path) -> Generator[None]:
    """Within this context no file below ``named`` is opened through a link.

    Without it, only the file itself may not be a link in its folder.

    Args:
        named: The path that a person named: a folder, or a file. It may itself be a link.
    """
    token = _roots.set((*_roots.get(), named.absolute()))
    try:
        yield
    finally:
        _roots.reset(token)


def open_inside(path: Path) -> BufferedReader:
    """Opens a regular file for reading.

    Raises:
        RecordingError: ``file.link`` if a link is on the way, ``file.outside`` for a name that leads upwards,
            ``file.unreadable`` if it is not a regular file.
        OSError: If it does not exist, or may not be read.
    """
    return os.fdopen(_descriptor(path, os.O_RDONLY), "rb")


def open_named(path: Path) -> BufferedReader:
    """Opens a regular file that a person named by itself: it may be a link.

    Raises:
        RecordingError, OSError: As for ``open_inside``.
    """
    with within(path):
        return open_inside(path)


def append_inside(path: Path) -> FileIO:
    """Opens a regular file for appending, without a buffer; makes it if it does not exist.

    Raises:
        RecordingError: As for ``open_inside``.
        OSError: If it may not be written.
    """
    descriptor = _descriptor(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    return os.fdopen(descriptor, "ab", buffering=0)


def write_all(file: FileIO, data: bytes) -> None:
    """Writes all of the data to a file without a buffer.

    A disk that is nearly full takes a part of it, and refuses only the rest.

    Raises:
        OSError: If not all of it could be written.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]


def read_inside(path: Path, largest: int, *, hint: str) -> bytes:
    """The bytes of a regular file of at most ``largest`` bytes.

    Raises:
        RecordingError: ``file.too-large``, ``file.link``, ``file.outside``, ``file.unreadable``.
    """
    try:
        with open_inside(path) as file:
            size = os.fstat(file.fileno()).st_size
            data = b"" if size > largest else file.read(size + 1)
            if len(data) > size:  # it grows while it is read
                data += file.read(largest + 1 - len(data))
    except (OSError, ValueError) as error:
        raise RecordingError("file.unreadable", f"{path} cannot be read: {error}", hint) from error
    if max(size, len(data)) > largest:
        raise TooLargeError(f"{path} is larger than {_size(largest)}", hint)
    return data


def read_named(path: Path, largest: int, *, hint: str) -> bytes:
    """The bytes of a regular file that a person named by itself: it may be a link.

    Raises:
        RecordingError: As for ``read_inside``.
    """
    with within(path):
        return read_inside(path, largest, hint=hint)


def read_toml(path: Path, *, hint: str) -> dict[str, Any]:
    """The document in a TOML file that a person wrote and named; UTF-8 or UTF-16 with a byte order mark.

    Raises:
        RecordingError: As for ``read_inside``.
        ValueError: If it is not TOML, or holds a number with more digits than the interpreter reads.
    """
    data = read_named(path, LARGEST_FORM, hint=hint)
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if marked else "utf-8-sig")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def refuse_special(path: Path) -> None:
    """Makes sure that a file which a person named can be written there, before anything long is done for it.

    A pipe would make the program wait for ever, a device would take the bytes, and either could be replaced.

    Raises:
        OSError: If a folder, pipe, socket or device has this name, or a part of the way to it is a file.
    """
    try:
        if not stat.S_ISREG(mode := path.stat().st_mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no file, but a pipe, a socket or a device"
            raise OSError(errno.EEXIST, f"it is {kind}", str(path))
    except FileNotFoundError as error:
        if os.path.lexists(path):
            raise OSError(errno.ELOOP, "it is a link that leads nowhere", str(path)) from error
    for parent in path.absolute().parents:
        if parent.exists():
            if not parent.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, f"{parent} is no folder", str(path))
            return


def is_there(path: Path) -> bool:
    """Whether anything has this name, even a link that leads nowhere."""
    return os.path.lexists(path)


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count} bytes"


def is_plain(path: Path) -> bool:
    """Whether a name is that of a regular file, and not of a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def strange_in(folder: Path) -> Iterator[str]:
    """Names below a folder that are neither regular files nor folders. The folder itself may be a link.

    Yields:
        The path relative to the folder, with its type in parentheses.
    """
    waiting = [folder]
    looked = 0
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as listing:
                entries = list(islice(listing, MOST_ENTRIES - looked))
        except OSError as error:
            yield f"{here.relative_to(folder).as_posix()} (cannot be listed: {error.strerror})"
            continue
        looked += len(entries)
        for entry in entries:
            shown = Path(entry.path).relative_to(folder).as_posix()
            if entry.is_symlink():
                yield f"{shown} (a symbolic link)"
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif not entry.is_file(follow_symlinks=False):
                yield f"{shown} (neither file nor folder)"
        if looked >= MOST_ENTRIES:
            yield f". (more than {MOST_ENTRIES} entries)"
            return


def _descriptor(path: Path, flags: int) -> int:
    root, names = _names(path)
    if ".." in names:
        raise RecordingError("file.outside", f"{path} leads upwards", _HINT)
    if _OPENS_IN_FOLDERS:
        descriptor = _opened_in(root, names, path, flags) if names else _opened_itself(path, flags)
    else:
        descriptor = opened_by_names(root, names, path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_regular(path)
    return descriptor


def _names(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The folder up to which links are followed, and the names below it; none for the named path itself."""
    absolute = path.absolute()
    text = str(absolute)
    for root in _roots.get():  # the outermost first: an inner context cannot allow more
        above = str(root).rstrip(_SEPARATOR) + _SEPARATOR
        if os.path.normcase(text + _SEPARATOR) == os.path.normcase(above):
            return root, ()
        if os.path.normcase(text).startswith(os.path.normcase(above)):
            return root, tuple(text[len(above) :].split(_SEPARATOR))
    return absolute.parent, (absolute.name,)


def _opened_itself(path: Path, flags: int) -> int:
    """Opens the path that a person named, wherever it leads."""
    if path.exists() and not path.is_file():
        raise _not_regular(path)  # opening a device can already have an effect
    return os.open(path, flags | _CALM, 0o644)


def _opened_in(root: Path, names: tuple[str, ...], path: Path, flags: int) -> int:
    kept = _kept.get()
    folder = None if kept is None else kept.get((root, names[:-1]))
    if folder is None:
        folder = _opened_folder(root, names[:-1], path)
        if kept is not None and len(kept) < _MOST_KEPT:
            kept[root, names[:-1]] = folder
        else:
            kept = None
    try:
        kind = _refuse_link(names[-1], folder, path)
        if kind is not None and not stat.S_ISREG(kind):
            raise _not_regular(path)  # opening a device can already have an effect
        try:
            return os.open(names[-1], flags | _NO_LINK | _CALM, 0o644, dir_fd=folder)
        except OSError:
            _refuse_link(names[-1], folder, path)  # it has become a link since
            raise
    finally:
        if kept is None:
            os.close(folder)


def _opened_folder(root: Path, names: tuple[str, ...], path: Path) -> int:
    """Opens the folder of a file, without following links below ``root``."""
    folder = os.open(root, _FOLDER)
    try:
        for name in names:
            try:
                below = os.open(name, _FOLDER | _NO_LINK, dir_fd=folder)
            except OSError:
                _refuse_link(name, folder, path)
                raise
            os.close(folder)
            folder = below
    except BaseException:
        os.close(folder)
        raise
    return folder


def _refuse_link(name: str, folder: int, path: Path) -> int | None:
    """The mode of a name, None if there is nothing. For a clear message; ``O_NOFOLLOW`` is the real guard."""
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(mode):
        raise _link(path, name)
    return mode


def opened_by_names(root: Path, names: tuple[str, ...], path: Path, flags: int) -> int:
    """Opens a file on a system without ``openat``; no name below ``root`` may be a link.

    All names are checked before and after, and the opened file must be the checked one.

    Raises:
        RecordingError: ``file.link``, ``file.unreadable``.
        OSError: If it cannot be opened.
    """
    ways = [root.joinpath(*names[:count]) for count in range(1, len(names) + 1)]
    before = [_looked_at(way, path) for way in ways]
    last = before[-1] if before else None
    if last is not None and not stat.S_ISREG(last.st_mode):
        raise _not_regular(path)
    new = os.O_EXCL if before and last is None and flags & os.O_CREAT else 0
    descriptor = os.open(path, flags | new | _CALM, 0o644)
    try:
        opened = os.fstat(descriptor)
        after = [_looked_at(way, path) for way in ways]
        for way, earlier, later in zip(ways, before, [*after[:-1], opened], strict=True):
            if later is None or not os.path.samestat(earlier or opened, later):
                raise _link(path, way.name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _looked_at(way: Path, path: Path) -> os.stat_result | None:
    """The state of a name on the way, which must not be a link; None if it does not exist."""
    try:
        found = way.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0):
        raise _link(path, way.name)
    return found


def _link(path: Path, name: str) -> RecordingError:
    return RecordingError("file.link", f"{path} is not opened: {name} is a symbolic link", _HINT)


def _not_regular(path: Path) -> RecordingError:
    return RecordingError("file.unreadable", f"{path} is not a regular file", _HINT)
