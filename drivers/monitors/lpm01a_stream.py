"""A running stream of the LPM01A between its link, its decoder and a sink."""

from __future__ import annotations

from drivers.links.serial_link import SerialLink
from drivers.monitors.lpm01a_ascii import AsciiDecoder, Item, Text, TextKind, Watermark
from drivers.monitors.lpm01a_binary import BinaryDecoder
from drivers.monitors.lpm01a_console import fault_in, is_refusal, without_prompt
from energy.errors import BenchError
from energy.instruments import Sink
from energy.signal import Block, Edge, Gap

Decoder = AsciiDecoder | BinaryDecoder

COMPLETED = "Acquisition completed"


class Stream:
    """Takes a running stream's bytes in the link's thread: samples to the sink, text back to the link.

    Args:
        link: The port.
        decoder: For its format.
        sink: Takes what comes.
        with_edges: Whether the sink is to have the edges that are in the stream; else they are only noted.

    Attributes:
        stopping: To be set before it is stopped on purpose: an end is then none that nobody wanted.
        completed: Whether the instrument has said that the acquisition is completed.
        faulty: Whether a fault was told.
    """

    def __init__(self, link: SerialLink, decoder: Decoder, sink: Sink, *, with_edges: bool) -> None:
        self.decoder = decoder
        self.stopping = False
        self.completed = False
        self.faulty = False
        self._link = link
        self._sink = sink
        self._with_edges = with_edges

    def feed(self, chunk: bytes) -> None:
        """Bytes, in order."""
        self._pass_on(self.decoder.feed(chunk))

    def failed(self, error: BenchError) -> None:
        """The port is gone."""
        self.finish()
        self._fault(error)

    def finish(self) -> None:
        """Hands over what still waits for its time mark."""
        self._pass_on(self.decoder.finish())

    def _pass_on(self, items: list[Item]) -> None:
        sink = self._sink
        for item in items:
            if isinstance(item, Block):
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
        if fault := fault_in(item.text, url):
            self._fault(fault)
        elif item.kind is TextKind.ERROR and not is_refusal(item.text):
            self._fault(
                BenchError(
                    "lpm01a.fault",
                    f"the LPM01A ({url}) reports an error in its stream: {item.text!r}",
                    "Look at its display; `status` clears a latched error; else power it anew.",
                )
            )
        elif without_prompt(item.text) == "end" and not self.stopping:
            self._fault(
                BenchError(
                    "lpm01a.ended",
                    f"the LPM01A ({url}) has ended an acquisition that nobody stopped",
                    "Look at its display: it may have been an overcurrent (UM2269 prints the end's packet F4 "
                    "for it, too); or another program has its port.",
                )
            )
        self._link.deliver(item.text)

    def _fault(self, error: BenchError) -> None:
        """Reports the first fault: what follows it follows from it."""
        if not self.faulty:
            self.faulty = True
            self._pass_on(self.decoder.finish())
            self._sink.fault(error)
