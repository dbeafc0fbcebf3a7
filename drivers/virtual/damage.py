"""Damage to the bytes of a wire on the virtual bench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivers.virtual.bench import VirtualBench

Change = Callable[[bytes], bytes]


@dataclass(slots=True)
class Damage:
    """Damages bytes on a wire: when armed, after a text if one is given, skips some and damages the next."""

    count: int
    skip: int
    after: bytes
    damage: Change
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


@dataclass(slots=True)
class MessageDamage:
    """Damages whole messages on a wire: what an instrument sends at once. When armed, the next ones."""

    count: int
    damage: Change
    bench: VirtualBench
    armed: bool = False

    def arm(self) -> None:
        """From now on."""
        self.armed = True

    def __call__(self, data: bytes) -> bytes:
        """The bytes that arrive, of those that are sent."""
        if not self.armed or not self.count or not data:
            return data
        self.count -= 1
        self.bench.struck += 1
        return self.damage(data)


def first_half(data: bytes) -> bytes:
    """A message that breaks off in the middle."""
    return data[: len(data) // 2]


def in_the_middle(data: bytes, mask: int) -> bytes:
    """A message whose middle byte is xored with a mask."""
    middle = len(data) // 2
    return data[:middle] + bytes((data[middle] ^ mask,)) + data[middle + 1 :]
