"""State of an N6705's output: on or off, limited, switched off by a protection.

Bits of the questionable condition register: N6705C Operating and Service Guide, "SCPI Programming Reference",
status registers (page 350 of its Internet edition).
"""

from __future__ import annotations

from drivers.links.scpi import Scpi
from energy.instruments import output_off, over_current

_PROTECTIONS = {
    1: "over-voltage protection",
    2: "over-current protection",
    4: "power fail",
    8: "power limit",
    16: "over-temperature protection",
    64: "negative over-voltage protection",
    512: "inhibit signal",
    2048: "protection of another channel",
    4096: "oscillation protection",
}
_LIMITED = 128
"""``LIM+``: the output is at its positive limit of voltage or current; in voltage priority, of current."""
_AGAIN_S = 0.05
"""Time between two looks that must both find the limit: charging capacitors reach it for a moment."""


def check_output(scpi: Scpi, channel: int, limit_a: float, *, on: bool) -> None:
    """Raises an error if the output is off or limited.

    Args:
        scpi: The instrument.
        channel: Its slot.
        limit_a: The bench's limit of current, which the output also has.
        on: Whether it should be on. If not, the instrument must only answer.

    Raises:
        BenchError: ``n6705.output-off``, ``bench.current``; errors of the link.
    """
    at = f"(@{channel})"
    state = scpi.number(f"OUTP? {at}")
    if not on:
        return
    if state != 1:  # asked again: a damaged answer says nothing of the output
        state = scpi.number(f"OUTP? {at}")
    condition = _condition(scpi, at)
    name = f"output {at} of {scpi.link.resource}"
    if state != 1:
        tripped = [text for bit, text in _PROTECTIONS.items() if condition & bit]
        queue = scpi.drain_errors()
        why = f" ({', '.join([*tripped, *queue])})" if tripped or queue else ""
        raise output_off("n6705", f"{name} is off{why}")
    if condition & _LIMITED:
        scpi.link.clock.sleep(_AGAIN_S)
        if _condition(scpi, at) & _LIMITED:
            raise over_current(f"{name} limits the current: the DUT needs more", limit_a)


def _condition(scpi: Scpi, at: str) -> int:
    return round(scpi.number(f"STAT:QUES:COND? {at}"))
