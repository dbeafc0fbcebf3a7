"""Fingerprints of a run's trace: of its file, and of its samples whatever the format."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from energy.errors import RecordingError
from energy.recording.eembc import ENERGY_SUFFIX
from energy.recording.inside import open_inside
from energy.recording.trace import Trace
from energy.runs.run import Fingerprint, Run, pieces
from energy.signal import SampleKind

_PIECE = 1 << 15
"""Samples that are converted together, so that they stay in the cache."""


def fingerprints_of(run: Run) -> list[Fingerprint]:
    """The fingerprints of all that a run holds; none of a file that went since it was read."""
    try:
        return [*run.fingerprints, *_of_trace(run)]
    except (RecordingError, OSError):
        return run.fingerprints


def _of_trace(run: Run) -> Iterator[Fingerprint]:
    path = run.trace_path
    if run.trace is None or path is None:
        return
    if path.name.endswith(ENERGY_SUFFIX):
        with open_inside(path) as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()
            yield Fingerprint("trace", digest, run.show(path))
    yield Fingerprint("samples", _digest_of_samples(run.trace), run.show(path))


def _digest_of_samples(trace: Trace) -> bytes:
    """Of the samples in joule as float32, whatever the format they were stored in."""
    digest = hashlib.blake2b(digest_size=16)
    scale = trace.signal.joule_per_unit if trace.signal.kind is SampleKind.ENERGY else 1.0
    for block in pieces(trace, trace.first, trace.stop):
        for column in block.columns:
            for at in range(0, len(column), _PIECE):
                with np.errstate(all="ignore"):
                    digest.update((column[at : at + _PIECE] * np.float64(scale)).astype(np.float32).data)
    return digest.digest()
