"""Interrupts at any moment of a recording: what is in it is whole, and opens."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import nullcontext

import numpy as np
import pytest

from energy.interrupts import WHOLE, interrupts_wait
from energy.recording.store import Recording, RecordingWriter
from energy.signal import Block, Edge, Gap, RangeChange, SampleKind, Signal

CURRENT = Signal(SampleKind.CURRENT, 1000.0, voltage_v=1.8)


class Impatience:
    """Presses Ctrl-C again and again, from a thread; only while it is armed does that interrupt."""

    def __init__(self, seed: int) -> None:
        self.armed = False
        self.count = 0
        self._chance = random.Random(seed)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._press)
        self._before = signal.signal(signal.SIGINT, self._struck)

    def _struck(self, number, frame):
        if self.armed:
            self.count += 1
            raise KeyboardInterrupt

    def _press(self):
        while not self._done.wait(self._chance.uniform(0.0, 0.0005)):
            os.kill(os.getpid(), signal.SIGINT)

    def __enter__(self):
        self._thread.start()
        return self

    def end(self):
        self.armed = False
        self._done.set()
        self._thread.join()

    def __exit__(self, *error):
        self.end()
        signal.signal(signal.SIGINT, self._before)


@pytest.fixture
def impatience():
    assert threading.current_thread() is threading.main_thread()  # another is never interrupted
    with Impatience(5) as pressed, interrupts_wait():
        yield pressed


def test_a_recording_that_is_interrupted_at_any_moment_is_whole(tmp_path, impatience):
    chance = random.Random(3)
    edges = 0

    def record(writer: RecordingWriter) -> None:
        nonlocal edges
        while True:
            first, count = writer.stop, chance.randint(1, 40)
            if count == 7:
                with WHOLE:  # as a session takes it from its queue
                    writer.gap(Gap(first, 3, "lost"))
                continue
            writer.append(Block(first, (np.arange(first, first + count).astype(np.float32),)))
            if count < 6:
                with WHOLE:
                    writer.edge(Edge(float(first)))
                    edges += 1
                writer.range_change(RangeChange(first, "2"))
            if count > 30:
                writer.flush()

    writer = RecordingWriter(tmp_path, CURRENT, flush_interval_s=1e6)
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        try:
            impatience.armed = True
            record(writer)
        except KeyboardInterrupt:
            impatience.armed = False
    impatience.end()
    writer.append(Block(writer.stop, (np.full(1, writer.stop, np.float32),)))  # it does not end in a gap
    stop = writer.stop
    writer.close()
    recording = Recording(tmp_path)
    assert impatience.count > 200
    assert recording.stop == stop
    at = 0
    for block in recording.read(0, stop):
        assert np.array_equal(block.columns[0], np.arange(block.first, block.stop).astype(np.float32))
        at += block.stop - block.first
    assert at + sum(gap.count for gap in recording.gaps) == stop
    assert len(recording.edges) == edges
    assert not recording.findings


def test_an_interrupt_waits_until_what_is_whole_is_left_and_an_error_comes_first(impatience):
    def pressed_within() -> None:
        with WHOLE, WHOLE:
            time.sleep(0.05)
            done.append(True)

    def failed_within() -> None:
        with WHOLE:
            time.sleep(0.05)
            raise ValueError("the disk is full")

    done: list[bool] = []
    impatience.armed = True
    with pytest.raises(KeyboardInterrupt):
        pressed_within()
    assert done == [True]
    with pytest.raises(ValueError, match="disk"):
        failed_within()
    impatience.end()
    assert WHOLE.waiting is None
    assert WHOLE.depth == 0


@pytest.mark.parametrize("fails", [False, True])
def test_a_handler_of_somebody_else_is_called_once_what_is_whole_is_left(fails):
    called: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: called.append(number))

    def struck_within() -> None:
        with WHOLE:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)
            assert called == []
            if fails:
                raise ValueError("the disk is full")

    try:
        with interrupts_wait(), pytest.raises(ValueError, match="disk") if fails else nullcontext():
            struck_within()
        assert called == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
