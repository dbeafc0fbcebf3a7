"""A source of samples that remembers what was read last, for checks that read the same places again."""

from __future__ import annotations

from collections.abc import Iterator

from energy.signal import Block, SampleSource, Signal
from energy.window.strange_samples import Floats, power_units

_PIECE = 1 << 15
"""Number of samples that are read together: 128 KiB of float32."""
_MOST = 32
"""Number of pieces that are remembered."""
_LONG = 4 * _PIECE
"""Longer runs are read from the source itself."""


class RememberedSource:
    """The samples of another source, of which the pieces that were read last stay in memory.

    Args:
        source: The other source; what has been read from it must not change.
    """

    def __init__(self, source: SampleSource) -> None:
        self._source = source
        self._pieces: dict[int, list[Block]] = {}
        self._units: dict[int, list[tuple[int, Floats]]] = {}

    @property
    def signal(self) -> Signal:
        """Rate, kind and units of the samples."""
        return self._source.signal

    def read(self, first: int, stop: int) -> Iterator[Block]:
        """The samples in ``[first, stop)`` in order, as blocks; errors are those of the source."""
        if stop - first > _LONG:
            yield from self._source.read(first, stop)
            return
        for number in range(max(first, 0) // _PIECE, -(-stop // _PIECE)):
            for block in self._piece(number):
                if len(inside := block.clip(first, stop)):
                    yield inside

    def _piece(self, number: int) -> list[Block]:
        blocks = self._pieces.get(number)
        if blocks is None:
            if len(self._pieces) == _MOST:
                oldest = next(iter(self._pieces))
                del self._pieces[oldest]
                self._units.pop(oldest, None)
            blocks = list(self._source.read(number * _PIECE, (number + 1) * _PIECE))
            self._pieces[number] = blocks
        return blocks

    def power(self, first: int, stop: int) -> Iterator[Floats]:
        """The same samples in units of power (``power_units``), a view for each block."""
        if stop - first > _LONG:
            yield from (power_units(block, self.signal.kind) for block in self._source.read(first, stop))
            return
        for number in range(max(first, 0) // _PIECE, -(-stop // _PIECE)):
            units = self._units.get(number)
            if units is None:
                kind = self.signal.kind
                units = [(block.first, power_units(block, kind)) for block in self._piece(number)]
                self._units[number] = units
            for at, values in units:
                inside = values[max(first - at, 0) : max(stop - at, 0)]
                if len(inside):
                    yield inside
