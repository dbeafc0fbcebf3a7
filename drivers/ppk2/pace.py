"""Samples against the host's clock: the only trace of whole turns of the PPK2's counter that are lost.

The counter has six bits (protocols.md 6). Where 64 samples are lost, or 128 ..., it runs on as if nothing had
happened, and all that follows comes 640 us late for its number.
"""

from __future__ import annotations

from energy.signal import Gap

RESOLUTION_S = 320e-6
"""Half a turn: by so much a delivery may be later than the quickest ones and count as on time."""
CLOCKS_DIFFER = 150e-6
"""By how much the two clocks may differ: crystals are within 100 ppm. Faster drift is taken for loss."""
CONFIRM_S = 1.0
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
        self._late: list[tuple[float, float, int]] = []  # of at most CONFIRM_S
        self._before_s = 0.0
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
            self._late.clear()
            if lateness_s < floor_s:
                self._floor_s, self._at_s = lateness_s, now_s
            return []
        if not self._late:
            self._before_s = floor_s
        self._late.append((now_s, lateness_s, received))
        self.latest_s = max(self.latest_s, lateness_s - floor_s)
        since_s = self._late[0][0]
        if now_s - since_s < CONFIRM_S:
            return []
        return self._lost(now_s, [late for late in self._late if late[0] >= since_s + CONFIRM_S / 2])

    def _lost(self, now_s: float, settled: list[tuple[float, float, int]]) -> list[Gap]:
        least_s = min(lateness_s for _, lateness_s, _ in settled)
        # Less late: before the loss was complete. Later: the host was slow, which says nothing of the loss.
        early = [k for k, late in enumerate(self._late) if late[1] < least_s - RESOLUTION_S]
        since = self._late[early[-1] + 1 :] if early else self._late
        after = next(late[2] for late in since if late[1] <= least_s + RESOLUTION_S)
        turns = max(round((least_s - self._before_s) * self._rate_hz / self._turn), 1)
        reason = (
            f"host clock: about {turns * self._turn} samples ({turns} turns of the counter) were lost "
            f"between samples {self.verified} and {after}"
        )
        gaps = [Gap(self.verified, None, reason), Gap(after, None, reason)]
        self._floor_s, self._at_s, self.verified = least_s, now_s, self._late[-1][2]
        self._late.clear()
        return gaps
