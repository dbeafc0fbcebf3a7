"""Gives up the samples of a finished session that it was asked not to keep (``--keep``)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.keep import Keep, Ranges, Storage, bytes_per_second, in_gb, margin
from energy.recording.metadata import TRACE_NAME
from energy.recording.reduce import reduce_recording
from energy.recording.store import Recording
from energy.window.integrator import Window
from energy.window.prefix import CHUNK


def give_up_samples(
    path: Path,
    storage: Storage,
    windows: Iterable[Window],
    others: Iterable[tuple[int, int]] = (),
) -> list[Finding]:
    """Gives up the samples that belong to no window, once everything has been computed from them.

    Args:
        path: The session's folder.
        storage: Which samples are kept.
        windows: The windows.
        others: Other ranges of samples that are kept with the windows.

    Returns:
        ``recording.not-reduced`` where all are kept after all: the recording cannot be read, or written anew.
    """
    if storage.keep is Keep.FULL or storage.rotates:
        return []
    try:
        return _give_up(path, storage, windows, others)
    except RecordingError as error:
        return [Finding("recording.not-reduced", error.message)]


def _give_up(
    path: Path, storage: Storage, windows: Iterable[Window], others: Iterable[tuple[int, int]]
) -> list[Finding]:
    recording = Recording(path)
    around = margin(recording.signal, CHUNK)
    kept = Ranges()
    for window in windows:
        first, stop = window.opening.position - around, window.closing.position + around
        kept.add(max(math.floor(first), 0), math.ceil(stop))
    for first, stop in others:
        kept.add(first, stop)
    if storage.keep is Keep.WINDOWS and storage.limit is not None:
        samples = sum(stop - first for first, stop in kept)
        copied = samples / recording.signal.rate_hz * bytes_per_second(recording.signal)
        size = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
        if size + copied > storage.limit:
            evidence = (
                f"{TRACE_NAME} would be copied while it is reduced: {in_gb(size)} and {in_gb(copied)} are "
                f"more than the disk budget of {in_gb(storage.budget or 0)}"
            )
            return [Finding("recording.not-reduced", evidence)]
    reduce_recording(path, storage.keep, kept)
    return []
