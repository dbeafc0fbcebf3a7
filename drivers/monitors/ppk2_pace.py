"""Samples against the host's clock: the only trace of whole turns of the PPK2's counter that are lost.

The counter has six bits (protocols.md 6). Where 64 samples are lost, or 128 ..., it runs on as if nothing had
happened, and all that follows comes 640 us late for its number.
"""

from __future__ import annotations

from energy.signal import Gap

RESOLUTION_S = 320e-6
"""Half a turn: by so much a delivery may be later than the quickest ones and count as on time."""
CLOCKS_DIFFER = 200e-6
"""By how much the two clocks may differ: crystals are within 100 ppm. Faster drift is taken for loss."""
CONFIRM_S = 1.5
"""For so long every delivery must be late: a busy host is late now and then, lost samples stay lost."""


class Pace:
    """Watches how late samples come for their number.

    Loss of less than a turn is known from the counter and is not sought here. What is lost while deliveries
    become quicker by as much, or before the first quick delivery, is not seen.

    Args:
        rate_hz: Samples per second.
        turn: Samples in a turn of the counter.

    Attributes:
        verified: Up to this position, no turn was lost unnoticed.
        latest_s: The largest delay of a delivery against the quickest ones.
    """

    def __init__(self, rate_hz: float, turn: int) -> None:
        self._rate_hz = rate_hz
        self._turn = turn
        self._floor_s: float | None = None
        self._at_s = 0.0
        self._late_since_s: float | None = None
        self._least_s = 0.0
        self._after = 0
        self.verified = 0
        self.latest_s = 0.0

    def add(self, now_s: float, received: int) -> list[Gap]:
        """Takes a delivery.

        Args:
            now_s: When it came, on the host's clock.
            received: Position after its last sample.

        Returns:
            Where turns have been lost: two gaps of unknown count, after the last delivery on time and at the
            first late one; the loss lies between them. None otherwise.
        """
        lateness_s = now_s - received / self._rate_hz
        if self._floor_s is None:
            self._floor_s, self._at_s = lateness_s, now_s
        floor_s = self._floor_s + CLOCKS_DIFFER * (now_s - self._at_s)
        if lateness_s <= floor_s + RESOLUTION_S:
            self.verified = max(self.verified, received)
            self._late_since_s = None
            if lateness_s < floor_s:
                self._floor_s, self._at_s = lateness_s, now_s
            return []
        if self._late_since_s is None:
            self._late_since_s, self._least_s, self._after = now_s, lateness_s, received
        elif lateness_s < self._least_s:
            if lateness_s < self._least_s - RESOLUTION_S:
                self._after = received
            self._least_s = lateness_s
        self.latest_s = max(self.latest_s, lateness_s - floor_s)
        if now_s - self._late_since_s < CONFIRM_S:
            return []
        turns = max(round((self._least_s - floor_s) * self._rate_hz / self._turn), 1)
        reason = (
            f"host clock: about {turns * self._turn} samples ({turns} turns of the counter) were lost "
            f"between samples {self.verified} and {self._after}"
        )
        gaps = [Gap(self.verified, None, reason), Gap(self._after, None, reason)]
        self._floor_s, self._at_s, self._late_since_s = self._least_s, now_s, None
        self.verified = received
        return gaps
