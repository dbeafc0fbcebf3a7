"""Damage to the bytes of a wire on the virtual bench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivers.virtual.bench import VirtualBench


@dataclass(slots=True)
class Damage:
    """Damages bytes on a wire: when armed, after a text if one is given, skips some and damages the next."""

    count: int
    skip: int
    after: bytes
    damage: Callable[[bytes], bytes]
    bench: VirtualBench
    armed: bool = False

    def arm(self) -> None:
        """From now on."""
        self.armed = True

    def __call__(self, data: bytes) -> bytes:
        """The bytes that arrive, of those that are sent."""
        if not self.armed or not self.count:
            return data
        begin = 0
        if self.after:
            found = data.find(self.after)
            if found < 0:
                return data
            begin, self.after = found + len(self.after), b""
        low = min(begin + self.skip, len(data))
        self.skip -= low - begin
        high = min(low + self.count, len(data))
        self.count -= high - low
        self.bench.struck += high > low
        return data[:low] + self.damage(data[low:high]) + data[high:]
