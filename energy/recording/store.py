"""A recording: a folder with ``trace.arrow`` (samples), ``edges.jsonl`` and one file per digital input.

``trace.arrow`` holds the samples as they came. Gaps and range changes are in the notes of its batches, the
description of the signal is in its schema's metadata (key ``joulebench``, JSON). The format is described in
docs/reference/recording.md; its version is ``FORMAT``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from energy.errors import RecordingError
from energy.findings import Finding
from energy.interrupts import WHOLE
from energy.recording.batches import BatchWriter, already_there, write_failed
from energy.recording.batchindex import Rows
from energy.recording.edgelog import EdgeLog, read_edges
from energy.recording.keep import EVERYTHING, Keep, Storage, over_budget
from energy.recording.levels import LEVELS_NAME, Levels, read_levels
from energy.recording.limits import RECORDED_BATCHES, RECORDED_NOTES, limit_reached
from energy.recording.mapped import BatchReader, read_schema
from energy.recording.metadata import (
    TRACE_NAME,
    digital_path,
    digital_schema,
    find_digital,
    find_waiting,
    merged_gaps,
    read_digital,
    read_keep,
    read_notes,
    read_signal,
    trace_schema,
)
from energy.recording.parts import open_trace
from energy.recording.rotation import RotatingTrace
from energy.signal import Block, DigitalBlock, DigitalInput, Edge, Gap, RangeChange, Signal

__all__ = ["TRACE_NAME", "Recording", "RecordingWriter"]


class RecordingWriter:
    """Writes a new recording while it is measured, and reads its samples back (``SampleSource``).

    Args:
        folder: The recording's folder, made if it does not exist; it must not hold a recording yet.
        signal: Description of the samples.
        virtual: Whether they come from the virtual bench.
        about: Remarks kept with the samples (JSON): instrument, serial number, workload.
        flush_interval_s: If the process is killed, samples appended longer ago than this are not lost.
        storage: Which samples are kept, and how many bytes the files may take.

    Raises:
        RecordingError: see ``BatchWriter``; ``disk.budget-reached`` and ``recording.limit-reached``, once;
            ``recording.columns`` for a block that does not fit the signal,
            ``recording.gap`` for an impossible gap, ``recording.digital-input`` for a digital input whose
            name cannot be a file's name, or was used before for another input.
    """

    def __init__(
        self,
        folder: Path,
        signal: Signal,
        *,
        virtual: bool = False,
        about: dict[str, Any] | None = None,
        flush_interval_s: float = 0.5,
        storage: Storage = EVERYTHING,
    ) -> None:
        self.folder = folder
        self._storage = storage
        self._reached = self._over = False
        self._signal = signal
        self._dtype = np.dtype(signal.dtype)
        self._flush_interval_s = flush_interval_s
        self._digital: dict[str, tuple[DigitalInput, BatchWriter]] = {}
        keep = storage.keep if storage.rotates else Keep.FULL
        schema = trace_schema(signal, virtual=virtual, about=about or {}, keep=keep)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_failed(folder, error) from error
        names = (digital_path(folder, name) for name in find_digital(folder))
        for path in [*names, *find_waiting(folder), *folder.glob(LEVELS_NAME)]:
            raise already_there(path)
        self._trace = (
            RotatingTrace(folder, schema, signal, storage, flush_interval_s)
            if storage.rotates
            else BatchWriter(folder / TRACE_NAME, schema, flush_interval_s=flush_interval_s)
        )
        try:
            self._edges = EdgeLog(folder)
        except RecordingError:
            self._trace.close()
            self._trace.path.unlink()
            (folder / LEVELS_NAME).unlink(missing_ok=True)
            raise

    @property
    def signal(self) -> Signal:
        """Description of the samples."""
        return self._signal

    @property
    def stop(self) -> int:
        """Position after the last appended sample."""
        return self._trace.stop

    def append(self, block: Block) -> None:
        """Appends samples. A jump in ``block.first`` is noted as a gap unless ``gap`` has noted it before."""
        names, columns = self._signal.columns, block.columns
        if len(columns) != len(names) or any(
            column.dtype != self._dtype or column.ndim != 1 or column.shape != columns[0].shape
            for column in columns
        ):
            got = ", ".join(f"{column.dtype} {column.shape}" for column in columns)
            raise RecordingError(
                "recording.columns",
                f"a block has {got or 'no columns'}; {self._dtype} {', '.join(names)} was expected",
                "The monitor's driver and its signal disagree: please report it.",
            )
        self._trace.check(block.first, len(block))
        if len(block):
            self._note_jump(block.first)
        self._trace.append(block.first, columns)
        self._check_limits()

    def keep(self, first: int, stop: int) -> None:
        """Samples in ``[first, stop)`` belong to a window: they are kept, where any are."""
        if isinstance(self._trace, RotatingTrace):
            self._trace.keep(first, stop)

    def decide(self, stop: int) -> None:
        """All windows that reach before ``stop`` have been named: other samples there may be given up."""
        if isinstance(self._trace, RotatingTrace):
            self._trace.decide(stop)

    def gives_up(self, stop: int) -> bool:
        """Whether ``decide(stop)`` would give up samples."""
        return isinstance(self._trace, RotatingTrace) and self._trace.gives_up(stop)

    @property
    def size(self) -> int:
        """Bytes of the files of samples and levels so far."""
        return self._trace.size + sum(writer.size for _, writer in self._digital.values())

    def gap(self, gap: Gap) -> None:
        """Notes lost samples. If their count is known, the next block begins after them."""
        first, count = int(gap.first), gap.count
        if first < 0 or (count is not None and (count < 1 or first < self.stop)):
            raise RecordingError(
                "recording.gap",
                f"a gap of {count} samples at sample {first} is not possible after {self.stop} samples",
                "The monitor's driver counts lost samples wrongly: please report it.",
            )
        if count is None:
            self._note("gaps", [first, None, str(gap.reason)])
        else:
            self._trace.check(first + int(count), 0)
            self._note_jump(first)
            self._note("gaps", [first, int(count), str(gap.reason)])
            self._trace.skip_to(first + int(count))
        self._check_limits()

    def range_change(self, change: RangeChange) -> None:
        """Notes that the monitor changed its range."""
        self._note("ranges", [int(change.position), str(change.name)])
        self._check_limits()

    def edge(self, edge: Edge) -> None:
        """Writes an edge; it may lie long before the last sample."""
        self._edges.append(edge)

    def digital(self, source: DigitalInput, block: DigitalBlock) -> None:
        """Appends levels of a digital input to its own file, at their own rate."""
        if source.name not in self._digital:
            writer = BatchWriter(
                digital_path(self.folder, source.name),
                digital_schema(source),
                flush_interval_s=self._flush_interval_s,
            )
            self._digital[source.name] = (source, writer)
        known, writer = self._digital[source.name]
        if source != known:
            raise RecordingError(
                "recording.digital-input",
                f"{source} has the name of another input, {known}",
                "Two inputs need two names, and an input keeps its rate for a whole recording.",
            )
        writer.append_bits(block.first, block.count, block.bits)

    def read(self, first: int, stop: int) -> Iterator[Block]:
        """Appended samples, read back from the file."""
        return _blocks(self._signal, self._trace.read(max(first, 0), stop))

    def flush(self) -> None:
        """Writes the waiting samples."""
        self._trace.flush()

    def sync(self) -> None:
        """Writes the waiting samples and levels, and waits until they and all edges are on the disk.

        Raises:
            RecordingError: ``recording.write-failed``.
        """
        for writer in (self._trace, *(writer for _, writer in self._digital.values())):
            writer.sync()
        self._edges.sync()

    def close(self) -> None:
        """Closes every file; if closing one fails, the others are closed before the error is raised."""
        errors: list[RecordingError] = []
        closers: list[Callable[[], None]] = [writer.close for _, writer in self._digital.values()]
        with WHOLE:
            for close in (self._trace.close, *closers, self._edges.close):
                try:
                    close()
                except RecordingError as error:
                    errors.append(error)
        if errors:
            raise errors[0]

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _note(self, key: str, value: list[Any]) -> None:
        """Notes something, as long as the recording has not ended with too many notes."""
        if not self._over:
            self._trace.note(key, value)

    def _check_limits(self) -> None:
        """Ends the recording once at its budget, and once before it has more than can be read again.

        What still comes is recorded, but for the notes.
        """
        if not self._over:
            for count, most, unit in (
                (self._trace.noted, RECORDED_NOTES, "bytes of gaps and changes of range"),
                (self._trace.batches, RECORDED_BATCHES, "batches"),
            ):
                if count > most:
                    self._over = True
                    raise limit_reached(str(self._trace.path), most, unit)
        limit = self._storage.limit
        if limit is not None and not self._reached and self.size > limit:
            self._reached = True
            raise over_budget(self._storage, self.size)

    def _note_jump(self, first: int) -> None:
        """Notes the samples from the last one to ``first`` as lost; before the first sample nothing is."""
        at = self._trace.stop
        if 0 < at < first:
            self._note("gaps", [at, int(first) - at, "sample numbers jump"])
            self._trace.skip_to(first)


class Recording:
    """A recording on disk, closed or cut off (where a process was killed).

    Attributes:
        folder: Its folder.
        virtual: Whether it comes from the virtual bench.
        about: Remarks kept with the samples.
        edges: All edges in file order.
        gaps: Gaps in the samples, in order: where they were lost, and where they are not kept.
        keep: Which samples it keeps.
        reduced: Where samples came that are not kept, ``[first, stop)`` in order.
        ranges: Changes of the monitor's range, in order.
        findings: What was found when it was opened.
        first: Position of the first sample that came.
        stop: Position after the last sample that came.
        count: Number of samples that it holds.
    """

    def __init__(self, path: Path) -> None:
        """Opens a recording.

        Args:
            path: The folder, or its ``trace.arrow``.

        Raises:
            RecordingError: ``recording.missing``, ``recording.foreign``, ``recording.damaged``,
                ``recording.empty``, ``recording.newer``, ``file.unreadable`` or ``file.too-large``.
        """
        self.folder = path if path.is_dir() else path.parent
        trace = path / TRACE_NAME if path.is_dir() else path
        if not trace.is_file():
            raise RecordingError(
                "recording.missing", f"there is no {trace}", "Name the folder of a recording."
            )
        schema = read_schema(trace)
        self._signal, self.virtual, self.about = read_signal(trace, schema)
        self.keep = read_keep(trace, schema)
        self._trace, files = open_trace(trace)
        self.count = self._trace.rows
        self.findings: list[Finding] = []
        for file in files:
            self._note_unclosed(file, "samples")
        notes = read_notes(self._trace)
        self.ranges, self.reduced = notes.ranges, notes.reduced
        self.gaps = merged_gaps(notes, self.keep)
        came = [*self.reduced, *([(self._trace.first, self._trace.stop)] if self.count else [])]
        self.first = min((first for first, _ in came), default=self._trace.first)
        self.stop = max((stop for _, stop in came), default=self._trace.stop)
        if self.reduced:
            self.findings.append(self._note_reduced())
        self.edges, edge_findings = read_edges(self.folder)
        self.findings += edge_findings
        self._digital: dict[str, tuple[DigitalInput, BatchReader] | RecordingError] = {}
        for name in find_digital(self.folder):
            self._open_digital(name)

    @property
    def signal(self) -> Signal:
        """Description of the samples."""
        return self._signal

    def read(self, first: int, stop: int) -> Iterator[Block]:
        """Samples in ``[first, stop)`` as blocks of at most 2^17 samples.

        Raises:
            RecordingError: ``file.changed`` if the file was changed since it was opened; ``file.unreadable``.
        """
        return _blocks(self._signal, self._trace.read(max(first, 0), stop))

    def levels(self) -> Iterator[Levels]:
        """Least, mean and greatest of the samples and their energy, by stretches; nothing where all are kept.

        Raises:
            RecordingError: As for the trace.
        """
        path = self.folder / LEVELS_NAME
        return read_levels(path, self._signal) if self.keep is not Keep.FULL else iter(())

    def digital_inputs(self) -> list[str]:
        """Names of the digital inputs that were recorded."""
        return sorted(self._digital)

    def digital(self, name: str) -> tuple[DigitalInput, Iterator[DigitalBlock]]:
        """A digital input and its levels; where levels are missing, the positions of the blocks jump.

        Raises:
            RecordingError: as for the trace; ``recording.digital-input`` for a name that is not valid.
        """
        found = self._digital.get(name)
        if found is None:
            path = digital_path(self.folder, name)
            raise RecordingError(
                "recording.missing", f"there is no {path}", f"Known: {self.digital_inputs()}."
            )
        if isinstance(found, RecordingError):
            raise found
        source, reader = found
        return source, _digital_blocks(reader)

    def _open_digital(self, name: str) -> None:
        path = digital_path(self.folder, name)
        try:
            source = read_digital(path, name, read_schema(path))
            reader = BatchReader(path)
        except RecordingError as error:
            self._digital[name] = error
            self.findings.append(Finding("recording.digital-damaged", error.message))
        else:
            self._digital[name] = (source, reader)
            self._note_unclosed(reader, "levels")

    def _note_reduced(self) -> Finding:
        given_up = sum(stop - first for first, stop in self.reduced)
        evidence = (
            f"--keep {self.keep.value}: {self.count} of {self.count + given_up} samples are kept; "
            f"{LEVELS_NAME} has the levels of all"
        )
        return Finding("recording.reduced", evidence)

    def _note_unclosed(self, reader: BatchReader, what: str) -> None:
        if reader.lost_bytes is not None:
            rest = f"then {reader.lost_bytes} bytes of an incomplete batch"
            evidence = f"{reader.path.name} holds {reader.rows} {what}, {rest}"
            self.findings.append(Finding("recording.unclosed", evidence))


def _blocks(signal: Signal, pieces: Iterator[Rows]) -> Iterator[Block]:
    numbers = range(len(signal.columns))
    for rows in pieces:
        yield Block(rows.first, tuple(rows.column(k, signal.dtype) for k in numbers))


def _digital_blocks(reader: BatchReader) -> Iterator[DigitalBlock]:
    for rows in reader.read(0, reader.stop):
        yield DigitalBlock(rows.first, rows.count, rows.column(0, np.uint8))
