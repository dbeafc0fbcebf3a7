"""Whatever a DUT says, there is a result or a coded error."""

from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.dut.driver import SerialDut
from drivers.links.serial_link import Received
from energy.errors import BenchError


class _Clock:
    def __init__(self):
        self.time_s = 0.0

    def now(self):
        return self.time_s


class _Channel:
    """Answers every command with the same lines; time passes only where nothing comes."""

    wire = "a wire"
    db_bytes = 31

    def __init__(self, lines):
        self.clock = _Clock()
        self.lines = lines
        self.waiting = deque()

    def send(self, command):
        self.waiting.extend(self.lines)

    def read_line(self, deadline):
        if self.waiting:
            return Received(self.clock.time_s, self.waiting.popleft(), clean=True)
        self.clock.time_s += deadline.remaining()
        return None

    def take_lines(self):
        return []

    def pending(self):
        return ""

    def drain(self):
        self.waiting.clear()

    def note(self, text):
        pass


_PIECES = [
    "m-ready", "m-infer-start-70", "m-warmup-start-10", "m-infer-done", "m-lap-us-4", "m-lap-us-9",
    "m-results-[0.1,0.2]", "m-results-[", "m-results-[1e999,nan,-]", "e-[ULPMark", "e-[x]", "m-init-done",
    "m-name-dut-[a]", "m-profile-[ULPMark for tinyML]", "m-model-[kws01]", "m-[Expecting 3 bytes]",
    "m-load-done",
]  # fmt: skip
_LINES = st.lists(
    st.lists(st.sampled_from(_PIECES) | st.text(max_size=5), max_size=3).map("".join), max_size=8
)


def _error_of(call):
    try:
        call()
    except BenchError as error:
        return error
    return None


@settings(deadline=None)
@given(_LINES, st.booleans())
def test_every_answer_is_understood_or_has_a_code(lines, ready):
    dut = SerialDut(_Channel([*lines, *(["m-ready"] if ready else [])]))
    for call in (
        dut.name,
        dut.profile,
        dut.timestamp,
        dut.results,
        lambda: dut.load(b"abc"),
        lambda: dut.infer(70, 10, 1.0),
        lambda: dut.wait_ready(1.0),
    ):
        error = _error_of(call)
        assert error is None or (error.code.startswith("dut.") and error.hint)
