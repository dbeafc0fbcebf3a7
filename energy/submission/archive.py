"""Unpacks archives of submissions, zip and tar (.gz, .bz2, .xz), into a temporary folder.

An archive may come from anybody. Nothing is written outside the folder; no link, device, absolute path,
``..`` or second file of the same name is accepted. Sizes are counted while bytes come; stated sizes are not
trusted. With one bad member the whole archive is refused: the rest would be another submission than the one
that was packed.
"""

from __future__ import annotations

import lzma
import re
import stat
import struct
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self, cast

from energy.errors import RecordingError, UsageError
from energy.printable import printable
from energy.recording.imports.ppk2 import is_ppk2
from energy.recording.inside import open_named
from energy.recording.limits import LARGEST_HEADER
from energy.submission.archive_streams import DECOMPRESSORS, HINT, ArchiveLimits, Budget, Counted, Packed

_CHUNK = 1 << 20
_LARGEST_DIRECTORY = 64 << 20
_DRIVE = re.compile(r"[A-Za-z]:")
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    IndexError,
    KeyError,
    NotImplementedError,
    RuntimeError,  # the base of RecursionError
)


_LIMITS = ArchiveLimits()


def is_archive(path: Path) -> bool:
    """Whether a file begins like an archive that ``unpacked`` can read."""
    try:
        with open_named(path) as file:
            return _format(file.read(512)) is not None
    except (OSError, RecordingError):
        return False


@contextmanager
def unpacked(path: Path, limits: ArchiveLimits = _LIMITS, within: Path | None = None) -> Generator[Path]:
    """Unpacks an archive into a new folder, which is removed at the end.

    Args:
        path: The archive.
        limits: Limits for its content.
        within: Where the folder is made; None for the system's folder for temporary files.

    Raises:
        UsageError: ``path.missing``.
        RecordingError: ``archive.foreign``, ``archive.damaged``, ``archive.unsafe-path``, ``archive.link``,
            ``archive.special-file``, ``archive.collision``, ``archive.encrypted``, ``archive.too-large``.
    """
    if not path.is_file():
        raise UsageError("path.missing", f"there is no file {path}", "Check the path.")
    with tempfile.TemporaryDirectory(prefix="joulebench-", dir=within) as name:
        folder = Path(name)
        with open_named(path) as file:
            kind = _format(file.read(512))
            _refuse_capture(path)
            file.seek(0)
            budget = Budget(path, limits, path.stat().st_size)
            writer = _Writer(path, folder, budget)
            try:
                _unpack(kind, file, writer)
            except _DAMAGED as error:
                reason = f"{path} cannot be unpacked: {printable(str(error))[:300] or type(error).__name__}"
                raise RecordingError("archive.damaged", reason, "Pack it again.") from error
        yield folder


def _refuse_capture(path: Path) -> None:
    """Raises if an archive is a monitor's capture: it is a zip, and no submission."""
    if is_ppk2(path):
        raise RecordingError(
            "archive.foreign",
            f"{path} is a session of nRF Connect Power Profiler, not a submission",
            "`joulebench integrate` measures it.",
        )


def _format(head: bytes) -> str | None:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    for magic, name in ((b"\x1f\x8b", "gz"), (b"BZh", "bz2"), (b"\xfd7zXZ\x00", "xz")):
        if head.startswith(magic):
            return name
    return "tar" if head[257:262] == b"ustar" else None


def _unpack(kind: str | None, file: IO[bytes], writer: _Writer) -> None:
    match kind:
        case "zip":
            _unpack_zip(file, writer)
        case "tar":
            _unpack_tar(Counted(file, writer.budget), writer)
        case "gz" | "bz2" | "xz":
            _unpack_tar(Counted(Packed(file, DECOMPRESSORS[kind], writer.budget), writer.budget), writer)
        case _:
            raise RecordingError(
                "archive.foreign",
                f"{writer.archive} is not a zip, a tar, or a tar packed by gzip, bzip2 or xz",
                "Name a folder or such an archive.",
            )


@dataclass
class _Writer:
    """Writes members into a folder; the same name is not accepted twice."""

    archive: Path
    folder: Path
    budget: Budget
    _files: set[str] = field(default_factory=set[str])
    _folders: set[str] = field(default_factory=set[str])

    def make_folder(self, name: str) -> None:
        parts = self._parts(name)
        self._claim(parts, name, is_file=False)
        self.folder.joinpath(*parts).mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, name: str, source: IO[bytes], *, counted: bool) -> None:
        """Writes a file; ``counted`` if reading from ``source`` already counts its bytes."""
        parts = self._parts(name)
        if not parts:
            raise self.refusal("archive.unsafe-path", f"{printable(name)!r} is not the name of a file")
        self._claim(parts, name, is_file=True)
        target = self.folder.joinpath(*parts)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with target.open("xb") as file:
            while chunk := source.read(_CHUNK):
                if not counted:
                    self.budget.spend(len(chunk))
                file.write(chunk)

    def refusal(self, code: str, reason: str) -> RecordingError:
        return RecordingError(code, f"{self.archive}: {reason}", HINT)

    def _parts(self, name: str) -> tuple[str, ...]:
        plain = name.replace("\\", "/")
        parts = tuple(part for part in plain.split("/") if part not in ("", "."))
        reason = None
        if plain.startswith("/") or _DRIVE.match(plain):
            reason = "is an absolute path"
        elif ".." in parts:
            reason = "leads upwards"
        elif "\0" in plain or any(len(part.encode("utf-8", "surrogateescape")) > 255 for part in parts):
            reason = "is not a valid name"
        elif len(parts) > self.budget.limits.depth:
            raise self.budget.refusal(f"folders are deeper than {self.budget.limits.depth}")
        if reason:
            raise self.refusal("archive.unsafe-path", f"{printable(name)[:300]!r} {reason}")
        return parts

    def _claim(self, parts: tuple[str, ...], name: str, *, is_file: bool) -> None:
        """Registers a name; names that are the same on some file systems count as the same."""
        keys = [unicodedata.normalize("NFC", part).casefold() for part in parts]
        path = ""
        above: list[str] = []
        for key in keys:
            path = f"{path}/{key}"
            above.append(path)
        taken = any(parent in self._files for parent in above) or (is_file and above[-1] in self._folders)
        if taken:
            raise self.refusal("archive.collision", f"{printable(name)[:300]!r} occurs twice")
        if is_file:
            self._files.add(above.pop())
        self._folders.update(above)


def _careful_info(budget: Budget) -> type[tarfile.TarInfo]:
    """Headers of a tar; those that would make ``tarfile`` read much into memory are refused."""

    class CarefulInfo(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            info = super().frombuf(buf, encoding, errors)
            if info.type not in tarfile.SUPPORTED_TYPES or info.type in _EXTENSIONS:
                if not 0 <= info.size <= LARGEST_HEADER:
                    raise tarfile.ReadError(f"a header of {info.size} bytes")
                budget.extend(info.size, for_all=info.type == tarfile.XGLTYPE)
            elif info.size < 0:
                raise tarfile.ReadError("a member with a negative size")
            return info

    return CarefulInfo


_EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


def _unpack_tar(stream: Counted, writer: _Writer) -> None:
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_careful_info(writer.budget)) as archive:
        while True:
            stream.begin_header()
            member = archive.next()
            stream.end_header()
            if member is None:
                break
            cast("Any", archive).members.clear()  # each has a copy of the global headers
            writer.budget.enter()
            if member.issparse():  # its holes are not in the stream
                writer.budget.spend(member.size)
            if member.isdir():
                writer.make_folder(member.name)
            elif member.issym() or member.islnk():
                raise writer.refusal("archive.link", f"{printable(member.name)[:300]!r} is a link")
            elif not member.isreg():
                raise writer.refusal(
                    "archive.special-file", f"{printable(member.name)[:300]!r} is neither file nor folder"
                )
            elif source := archive.extractfile(member):
                writer.write(member.name, source, counted=True)


def _unpack_zip(file: IO[bytes], writer: _Writer) -> None:
    _check_directory(file, writer.budget)
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            writer.budget.enter()
            mode = info.external_attr >> 16
            if stat.S_ISLNK(mode):
                raise writer.refusal("archive.link", f"{printable(info.filename)[:300]!r} is a link")
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise writer.refusal(
                    "archive.special-file", f"{printable(info.filename)[:300]!r} is neither file nor folder"
                )
            if info.flag_bits & 1:
                raise writer.refusal("archive.encrypted", f"{printable(info.filename)[:300]!r} is encrypted")
            if info.is_dir():
                writer.make_folder(info.filename)
                continue
            with archive.open(info) as source:
                writer.write(info.filename, source, counted=False)


def _check_directory(file: IO[bytes], budget: Budget) -> None:
    """Checks the size of a zip's directory before ``zipfile`` reads it: it may state millions of entries."""
    file.seek(max(budget.packed - (1 << 16) - 22, 0))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at >= 0 and len(tail) >= at + 22:
        entries, size = struct.unpack_from("<HI", tail, at + 10)
        zip64 = b"PK\x06\x07" in tail[max(at - 20, 0) : at]
        if zip64 or entries > budget.limits.entries or size > _LARGEST_DIRECTORY:
            raise budget.refusal(f"its directory names {'more than 65535' if zip64 else entries} entries")
    file.seek(0)
