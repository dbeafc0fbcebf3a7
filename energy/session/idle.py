"""The idle stretch of a session: after the trials, the DUT is left alone while the monitor goes on."""

from __future__ import annotations

import math

from energy.bench.assemble import EnergyBench
from energy.evidence.documents import SessionRecord, StretchRecord
from energy.findings import Finding
from energy.instruments import is_gated
from energy.session.recorder import Recorder

_SETTLED_S = 0.2
"""Time after the last reply before the DUT counts as idle."""


def record_idle(
    record: SessionRecord, findings: list[Finding], bench: EnergyBench, recorder: Recorder
) -> None:
    """Leaves the DUT idle for the time that the bench file asks for, and notes where that is.

    The stretch begins once every sample up to now has come, so no sample in it is older than this call.

    Args:
        record: The session's record; ``idle`` is set.
        findings: The session's findings; ``idle.not-recorded`` is added where it applies.
        bench: The instruments, the monitor streaming.
        recorder: The stream.

    Raises:
        BenchError: If the monitor's stream fails meanwhile.
    """
    idle_s = bench.file.dut.idle_s
    if not idle_s:
        return
    if is_gated(bench.monitor):
        evidence = "this monitor measures only while the DUT's edges open its gate"
        findings.append(Finding("idle.not-recorded", evidence))
        return
    bench.clock.sleep(_SETTLED_S)
    recorder.catch_up(edges=False)
    first = recorder.stop
    stop = first + math.ceil(idle_s * recorder.signal.rate_hz)
    bench.clock.sleep(idle_s)
    recorder.catch_up(edges=False)
    if recorder.stop < stop or recorder.missing(first, stop):
        came = max(recorder.stop - first, 0)
        evidence = f"{came} of {stop - first} samples came, {recorder.missing(first, stop)} are missing"
        findings.append(Finding("idle.not-recorded", evidence))
        return
    record.idle = StretchRecord(first=first, stop=stop)
