"""A running stream of the LPM01A: from its link through its decoder to a sink."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from drivers.links.serial_link import SerialLink
from drivers.links.silence import Silence
from drivers.lpm01a.ascii import AsciiDecoder, Item, Text, TextKind, Watermark
from drivers.lpm01a.binary import BinaryDecoder
from drivers.lpm01a.console import fault_in, is_refusal, without_prompt
from energy.errors import BenchError
from energy.instruments import Clock, Setup, Sink, no_samples, over_current
from energy.signal import Block, Edge, Gap

Decoder = AsciiDecoder | BinaryDecoder

COMPLETED = "Acquisition completed"
NOTHING_A = 100e-9
"""Smallest current in ampere that it measures in dynamic mode (protocols.md 3.5)."""
_ENOUGH = 5


class Stream:
    """Takes a running stream's bytes in the link's thread: samples go to the sink, text back to the link.

    Args:
        link: The port.
        decoder: The decoder of its format.
        sink: Receives samples, edges, gaps and faults.
        setup: Whether the sink gets the stream's edges (otherwise they are only noted), and the bench's
            limit of current.
        per_ampere: The sample for a current of 1 A.

    Attributes:
        stopping: Set before the stream is stopped on purpose, so that its end is not a fault.
        completed: Whether the instrument has reported that the acquisition is completed.
        faulty: Whether a fault was reported.
        nothing: Number of newest samples in a row below the smallest current that it measures.
    """

    def __init__(
        self,
        link: SerialLink,
        decoder: Decoder,
        sink: Sink,
        setup: Setup,
        per_ampere: float,
    ) -> None:
        self.decoder = decoder
        self.stopping = False
        self.completed = False
        self.faulty = self._reported = False
        self._link = link
        self._sink = sink
        self._with_edges = setup.edges == "monitor"
        self.nothing = 0
        self._highest_a, self._per_ampere = setup.highest_a, per_ampere
        self._over = 0
        self._too_much_a = 0.0
        self._silence: Silence | None = None
        self._looks_at_blocks = not isinstance(decoder, AsciiDecoder)
        if isinstance(decoder, AsciiDecoder):
            decoder.peek = self._peek

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        self._pass_on(self.decoder.feed(chunk))
        if self._too_much_a:
            self._fault(over_current(f"the DUT drew {self._too_much_a:.4g} A", self._highest_a))

    def failed(self, error: BenchError) -> None:
        """Reports to the sink that the port is gone."""
        self.finish()
        self._fault(error)

    def finish(self) -> None:
        """Passes on samples that still wait for their time mark."""
        self._pass_on(self.decoder.finish())

    def close(self) -> None:
        """Passes on the rest: no more bytes will come."""
        if self._silence is not None:
            self._silence.end()
        self.finish()

    @property
    def runs(self) -> bool:
        """Whether samples are due: something has come, and not the end."""
        return self.decoder.begun and not (self.completed or self.faulty or self.stopping)

    def silent(self, seconds: float) -> None:
        """Reports that no byte has arrived for this time; called by the thread that watches."""
        hint = "Check its display and its USB cable; switch its power off and on."
        error = no_samples("lpm01a", f"the LPM01A ({self._link.url})", seconds, hint)
        self._link.between_bytes(lambda: self._fault(error))

    def watch(self, clock: Clock, between_s: float) -> None:
        """Watches for silence, from now until ``close``."""
        traffic = self._link.traffic
        self._silence = Silence(
            clock, lambda: traffic.received if self.runs else None, self.silent, between_s
        )

    def _peek(self, values: npt.NDArray[Any]) -> None:
        """Checks samples before they are counted, which at low rates takes many seconds.

        A garbled line makes one or two samples too large, and the count then shows the damage. More samples
        in a row are a real overcurrent.
        """
        currents = values / self._per_ampere
        highest_a = float(np.nanmax(currents, initial=0.0))
        self.nothing = 0 if highest_a >= NOTHING_A else self.nothing + len(values)
        within = np.flatnonzero(~(currents > self._highest_a))
        if len(within):
            bounds = np.concatenate(([-1 - self._over], within, [len(values)]))
            self._over, longest = int(len(values) - 1 - within[-1]), int(np.diff(bounds).max()) - 1
        else:
            self._over = longest = self._over + len(values)
        if longest >= _ENOUGH:
            self._too_much_a = highest_a

    def _pass_on(self, items: list[Item]) -> None:
        sink = self._sink
        if self._reported:  # after a fault, the stream is only read
            items = [item for item in items if isinstance(item, Text)]
        for item in items:
            if isinstance(item, Block):
                if self._looks_at_blocks:
                    self._peek(item.columns[0])
                sink.block(item)
            elif isinstance(item, Edge):
                if self._with_edges:
                    sink.edge(item)
            elif isinstance(item, Gap):
                sink.gap(item)
            elif isinstance(item, Watermark):
                sink.edges_complete(item.position)
            else:
                self._text(item)

    def _text(self, item: Text) -> None:
        if item.kind not in (TextKind.TEXT, TextKind.PACKET, TextKind.ERROR):
            self._link.note(item.text, sent=False)
            return
        self.completed = self.completed or COMPLETED in item.text
        url = self._link.url
        if fault := fault_in(item.text, url, self._highest_a):
            self._fault(fault)
        elif item.kind is TextKind.ERROR and not is_refusal(item.text):
            self._fault(
                BenchError(
                    "lpm01a.fault",
                    f"the LPM01A ({url}) reports an error in its stream: {item.text!r}",
                    "Read its display; `status` clears a latched error; if not, switch its power off and on.",
                )
            )
        elif without_prompt(item.text) == "end" and not self.stopping:
            self._fault(
                BenchError(
                    "lpm01a.ended",
                    f"the LPM01A ({url}) ended an acquisition without a command to stop",
                    "Read its display: it may have been an overcurrent (UM2269 prints the end's packet F4 "
                    "for it, too); or another program uses its port.",
                )
            )
        self._link.deliver(item.text)

    def _fault(self, error: BenchError) -> None:
        """Reports the first fault; later faults only follow from it."""
        if not self.faulty:
            self.faulty = True
            self._pass_on(self.decoder.finish())
            self._reported = True
            self._sink.fault(error)
