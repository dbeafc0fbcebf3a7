"""Switching an output off until the instrument confirms it: by its driver, or by its address alone."""

from __future__ import annotations

from collections.abc import Callable

from drivers.links.clock import RealClock
from drivers.links.visa_link import VisaLink
from energy.errors import BenchError
from energy.instruments import Clock, Deadline

LONGEST_OFF_S = 1.0
"""Longest time of the answer that confirms it."""
_TRIES = 3
_RETRY_S = 0.05


def switch_off_repeatedly(
    attempt: Callable[[], bool], code: str, output: str, hint: str, clock: Clock
) -> None:
    """Tries three times to switch an output off.

    Args:
        attempt: Switches off; returns whether the instrument confirms it.
        code: Code of the error.
        output: The output, and the instrument's address.
        hint: What to do if it is not confirmed.
        clock: The bench's clock.

    Raises:
        BenchError: ``code`` if no attempt was confirmed.
    """
    error: BenchError | None = None
    for number in range(_TRIES):
        if number:
            clock.sleep(_RETRY_S)
        try:
            if attempt():
                return
        except BenchError as caught:
            error = caught
    raise BenchError(
        code,
        f"{output} was switched off and has not confirmed it; the DUT may still be powered"
        + (f" ({error.message})" if error else ""),
        hint,
    ) from error


def switch_off_at(
    url: str, backend: str, timeout_s: float, attempt: Callable[[VisaLink], bool], source: str = "monitor"
) -> bool:
    """Opens an instrument of which only the address is known, and switches its output off: for the guardian.

    The process that used it may be ending just now, so a failed connection is tried again.

    Args:
        url: VISA resource.
        backend: PyVISA's backend.
        timeout_s: How long to try.
        attempt: Switches off on a link; returns whether the instrument confirms it.
        source: ``"monitor"`` or ``"supply"``.

    Returns:
        Whether the instrument has confirmed it.

    Raises:
        BenchError: ``visa.*`` of the last attempt, if none was answered.
    """
    clock = RealClock()
    deadline = Deadline(clock, timeout_s)
    while True:
        try:
            link = VisaLink(url, clock=clock, source=source, timeout_s=LONGEST_OFF_S, backend=backend)
            try:
                if attempt(link):
                    return True
            finally:
                link.close()
            if deadline.expired():
                return False
        except BenchError:
            if deadline.expired():
                raise
        clock.sleep(_RETRY_S)
