"""Streams of an archive, with limits for what they may unpack to: bytes, entries, headers, streams."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from energy.errors import RecordingError
from energy.recording.limits import (
    DEEPEST,
    LARGEST_EXTENSIONS,
    LARGEST_GLOBALS,
    LARGEST_HEADER,
    LARGEST_UNPACKED,
    MOST_STREAMS,
    MOST_UNPACKED,
)

HINT = "Unpack it yourself and name the folder, if you trust its source."
_CHUNK = 1 << 20
_PIECE = 1 << 16
FREE = 64 << 20
"""Bytes that may be unpacked from any archive, however small it is."""
_XZ_MEMORY = 256 << 20


@dataclass(frozen=True)
class ArchiveLimits:
    """Limits for the content of an archive.

    Attributes:
        total_bytes: Bytes of all files, holes of sparse files included.
        entries: Files and folders.
        ratio: Unpacked bytes for each byte of the archive, beyond the first 64 MiB.
        depth: Levels of folders.
    """

    total_bytes: int = LARGEST_UNPACKED
    entries: int = MOST_UNPACKED
    ratio: float = 200.0
    depth: int = DEEPEST


@dataclass
class Budget:
    """Counts bytes and entries that are unpacked, and refuses too many."""

    archive: Path
    limits: ArchiveLimits
    packed: int
    bytes: int = 0
    entries: int = 0
    extensions: int = 0
    globals: int = 0

    def extend(self, count: int, *, for_all: bool) -> None:
        """Counts the bytes of a tar's extended header: for the next member, or for all that follow."""
        self.extensions += count
        self.globals += count if for_all else 0
        if self.extensions > LARGEST_EXTENSIONS or self.globals > LARGEST_GLOBALS:
            raise self.refusal("its extended headers are too long")

    def spend(self, count: int) -> None:
        """Counts bytes that are unpacked."""
        self.bytes += count
        allowed = min(self.limits.total_bytes, max(FREE, self.limits.ratio * self.packed))
        if self.bytes > allowed:
            raise self.refusal(f"its {self.packed} bytes unpack to more than {allowed / 2**20:.0f} MiB")

    def enter(self) -> None:
        """Counts a file or folder."""
        self.entries += 1
        if self.entries > self.limits.entries:
            raise self.refusal(f"it has more than {self.limits.entries} entries")

    def refusal(self, reason: str) -> RecordingError:
        """The error that refuses the archive."""
        return RecordingError("archive.too-large", f"{self.archive}: {reason}", HINT)


class Counted(io.BufferedIOBase):
    """A stream whose bytes are counted as they are read."""

    def __init__(self, source: IO[bytes] | Packed, budget: Budget) -> None:
        super().__init__()
        self._source = source
        self._budget = budget
        self._header: int | None = None

    def begin_header(self) -> None:
        """Counts what is read as a member's header, until ``end_header``."""
        self._header = 0

    def end_header(self) -> None:
        """Counts what is read from now on as a member's content."""
        self._header = None

    def read(self, size: int | None = -1, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        data = self._source.read(_CHUNK if size is None or size < 0 else size)
        self._budget.spend(len(data))
        if self._header is not None:  # the map of a sparse file is a part of its header, too
            self._header += len(data)
            if self._header > 2 * LARGEST_HEADER:
                raise self._budget.refusal("the header of a file is too long")
        return data


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Gunzip:
    """zlib's decompressor, which returns the input that it did not take, as those that keep it."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)
        self._kept = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        plain = self._inner.decompress(self._kept + data, max_length)
        self._kept = self._inner.unconsumed_tail
        return plain


DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    "gz": _Gunzip,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY),
}


class Packed:
    """Reads a compressed stream, or several in a row, with limits for their number and for xz's memory."""

    def __init__(self, source: IO[bytes], make: Callable[[], _Decompressor], budget: Budget) -> None:
        self._source = source
        self._make = make
        self._budget = budget
        self._decompressor = make()
        self._streams = 1

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; none at the end."""
        data = b""
        while True:
            if self._decompressor.eof:
                data = self._decompressor.unused_data or self._source.read(_PIECE)
                if not data.strip(b"\0"):  # the end, or zeros that fill a block of a tape
                    return b""
                self._streams += 1
                if self._streams > MOST_STREAMS:
                    raise self._budget.refusal(f"it consists of more than {MOST_STREAMS} compressed streams")
                self._decompressor = self._make()
            plain = self._decompressor.decompress(data, size)
            if plain:
                return plain
            if not self._decompressor.eof:
                data = self._source.read(_PIECE)
                if not data:
                    raise EOFError("it ends too early")
