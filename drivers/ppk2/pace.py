"""Comparison of sample numbers with the host's clock: it finds lost samples that the counter cannot show.

The counter has six bits (protocols.md 6). If 64, 128, ... samples are lost, the counter continues as if
nothing had happened, and every later sample arrives 640 us or more too late for its number.
"""

from __future__ import annotations

from typing import Any

from energy.signal import Gap

RESOLUTION_S = 320e-6
"""Half a turn: a delivery that is later than the quickest ones by less than this counts as on time."""
CLOCKS_DIFFER = 150e-6
"""Largest assumed difference of the two clocks: crystals are within 100 ppm. Faster drift counts as loss."""
CONFIRM_S = 1.0
"""How long every delivery must be late. A busy host is late for a short time; lost samples stay lost."""


class Pace:
    """Watches how late samples arrive for their number.

    Loss of less than a turn is known from the counter and is not sought here. What is lost while deliveries
    become quicker by as much, or before the first quick delivery, is not seen.

    Args:
        rate_hz: Samples per second.
        turn: Samples in one turn of the counter.

    Attributes:
        verified: Position up to which no turn was lost without notice.
        latest_s: Largest delay of a delivery, compared with the quickest ones.
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
        """Takes a delivery and returns the losses that it shows.

        Args:
            now_s: Time of arrival on the host's clock.
            received: Position after its last sample.

        Returns:
            If turns were lost, two gaps of unknown length: after the last delivery on time, and at the first
            late one; the loss is between them. Otherwise an empty list.
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
        # A smaller delay was before the loss was complete. A larger one comes from a slow host, not from the
        # loss.
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


def to_json(pace: Pace | None) -> dict[str, Any]:
    """How lost turns of the counter are found, for a session's record.

    Args:
        pace: That of the last stream, if there was one.
    """
    return {
        "resolution_s": RESOLUTION_S,
        "clocks_differ_at_most": CLOCKS_DIFFER,
        "confirmed_after_s": CONFIRM_S,
        "latest_delivery_s": pace.latest_s if pace else None,
    }
