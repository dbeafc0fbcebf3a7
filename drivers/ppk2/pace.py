"""Comparison of sample numbers with the host's clock: it finds lost samples that the counter cannot show.

The counter has six bits (protocols.md 6). If 64, 128, ... samples are lost, the counter continues as if
nothing had happened, and every later sample arrives 640 us or more too late for its number.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from energy.signal import Gap

RESOLUTION_S = 320e-6
"""Half a turn: a delivery that is later than the quickest ones by less than this counts as on time."""
CLOCKS_DIFFER = 150e-6
"""Largest assumed difference of the two clocks, until their drift was seen: crystals are within 100 ppm."""
ALLOWED_S = 1.0
"""For so long the clocks may differ unseen: longer, and the allowance would hide a lost turn."""
SETTLED_S = 2.0
"""The first deliveries of a stream may be slow: drift is taken from this time on."""
ANCHORED_S = 5.0
"""Over this time quick deliveries show how the clocks drift apart."""
CONFIRM_S = 4.0
"""How long every delivery must be late. A busy host is late for a short time; lost samples stay lost."""
STEADY_S = 160e-6
"""Lost samples delay the quickest deliveries of these seconds alike, to within this; a busy host does not."""
DRIFT_S = 4.0
"""The time before the latest delivery over which lateness is judged, in steps of a second."""
WHOLE_S = 100e-6
"""By so much the lateness may differ from whole turns."""
EVEN = 0.1
"""By this part such a rate may differ from second to second: deliveries are some ten milliseconds apart."""
DRIFT_MOST = 0.15
"""Largest rate of drift; so even a rate is judged by the session's clock check (``clock.rate``)."""
DRIFT_LEAST = 50e-6
"""Smallest change of rate that explains late deliveries."""
DOUBT_S = 6.0
"""After this time deliveries that are late by ``DOUBTED_S`` count as loss in any case."""
DOUBTED_S = 5e-3
"""Less lateness that is not steady comes from a busy host; as loss it would be 0.05 % of a window of 10 s."""


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
        doubtful: How often deliveries were late for long without the steadiness of a loss.
    """

    def __init__(self, rate_hz: float, turn: int) -> None:
        self._rate_hz = rate_hz
        self._turn = turn
        self._floor_s: float | None = None
        self._at_s = 0.0
        self._late: list[tuple[float, float, int]] = []  # of at most DOUBT_S
        self._before_s = 0.0
        self._drift = 0.0
        self._anchor, self._settling = (0.0, 0.0), True
        self.verified = 0
        self.latest_s = 0.0
        self.doubtful = 0

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
            self._anchor = now_s, lateness_s
        since_s = now_s - self._at_s
        floor_s = self._floor_s + self._drift * since_s + CLOCKS_DIFFER * min(since_s, ALLOWED_S)
        if lateness_s <= floor_s + RESOLUTION_S:
            self.verified = max(self.verified, received)
            self._late.clear()
            if lateness_s < floor_s:
                self._floor_s, self._at_s = lateness_s, now_s
                self._follow_drift(now_s, lateness_s)
            return []
        if not self._late:
            self._before_s = floor_s
        self._late.append((now_s, lateness_s, received))
        self.latest_s = max(self.latest_s, lateness_s - floor_s)
        late_s = now_s - self._late[0][0]
        if late_s < CONFIRM_S:
            return []
        steps_s = self._steps(now_s)
        each = all(map(math.isfinite, steps_s))  # else the host stood still for a second: it shows no rate
        drift = sum(steps_s) / len(steps_s) if each else self._drift
        even = each and max(steps_s) - min(steps_s) <= STEADY_S + EVEN * abs(drift)
        if abs(drift - self._drift) <= DRIFT_LEAST:
            drift = self._drift  # surer than that of a few seconds
        began_s = self._since_began(drift)
        excess_s = -self._before_s + min(
            late_s for late_s, late in zip(began_s, self._late, strict=True) if late[0] >= now_s - SETTLED_S
        )
        if even and drift != self._drift and abs(drift) < DRIFT_MOST and excess_s <= 1.5 * RESOLUTION_S:
            self._drift = drift  # the clocks drift apart: the session's clock check judges that
            self._begin_again(now_s, self._late[-1][1])
            return []
        turn_s = self._turn / self._rate_hz
        steady = even and abs(excess_s - max(round(excess_s / turn_s), 1) * turn_s) <= WHOLE_S
        if not steady and late_s < DOUBT_S:
            return []
        if not steady and excess_s < DOUBTED_S:
            self.doubtful += 1
            self._begin_again(now_s, min(late[1] for late in self._late if late[0] >= now_s - 1.0))
            return []
        return self._lost(now_s, began_s, excess_s)

    def _since_began(self, drift: float) -> list[float]:
        """The lateness of each delivery without the drift since the first of them was late."""
        return [lateness_s - drift * (at_s - self._late[0][0]) for at_s, lateness_s, _ in self._late]

    def _follow_drift(self, now_s: float, quick_s: float) -> None:
        at_s, earlier_s = self._anchor
        if self._settling and now_s - at_s >= SETTLED_S:
            self._settling, self._anchor = False, (now_s, quick_s)
        elif now_s - at_s >= ANCHORED_S:
            self._drift = min(max((quick_s - earlier_s) / (now_s - at_s), -DRIFT_MOST), DRIFT_MOST)
            self._anchor = now_s, quick_s

    def _steps(self, now_s: float) -> list[float]:
        """By how much the quickest delivery of each of the last seconds is later than the second before."""
        seconds = min(int(now_s - self._late[0][0]), round(DRIFT_S))
        least_s = [math.inf] * seconds
        for at_s, lateness_s, _ in self._late:
            if (k := int(now_s - at_s)) < seconds:
                least_s[k] = min(least_s[k], lateness_s)
        return [later - earlier for later, earlier in pairwise(least_s)]

    def _begin_again(self, now_s: float, floor_s: float) -> None:
        """Takes the present lateness for the least from now on."""
        self._floor_s, self._at_s, self.verified = floor_s, now_s, self._late[-1][2]
        self._anchor = now_s, floor_s
        self._late.clear()

    def _lost(self, now_s: float, began_s: list[float], excess_s: float) -> list[Gap]:
        # A smaller delay was before the loss was complete. A larger one comes from a slow host, not from the
        # loss.
        late = zip(began_s, self._late, strict=True)
        least_s = min(late_s for late_s, (at_s, *_) in late if at_s >= now_s - 3.0)
        early = [k for k, late_s in enumerate(began_s) if late_s < least_s - RESOLUTION_S]
        first = early[-1] + 1 if early else 0
        after = next(
            late[2]
            for late_s, late in zip(began_s[first:], self._late[first:], strict=True)
            if late_s <= least_s + RESOLUTION_S
        )
        turns = max(round(excess_s * self._rate_hz / self._turn), 1)
        reason = (
            f"host clock: about {turns * self._turn} samples ({turns} turns of the counter) were lost "
            f"between samples {self.verified} and {after}"
        )
        gaps = [Gap(self.verified, None, reason), Gap(after, None, reason)]
        self._begin_again(now_s, min(late[1] for late in self._late if late[0] >= now_s - 1.0))
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
        "steady_within_s": STEADY_S,
        "doubtful": pace.doubtful if pace else None,
        "latest_delivery_s": pace.latest_s if pace else None,
    }
