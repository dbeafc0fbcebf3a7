"""A Joulescope and its twin: driver, recording and windows against the world's exact truth."""

from __future__ import annotations

import contextlib
import itertools
import logging

import numpy as np
import pytest

from drivers.dut.driver import open_dut
from drivers.joulescope.driver import open_joulescope
from drivers.virtual.bench import VirtualBench
from energy.errors import BenchError, UsageError
from energy.recording.store import Recording, RecordingWriter
from energy.signal import EdgeKind
from energy.window.edges import EdgeConditioner, edges_of_input
from energy.window.integrator import WindowIntegrator
from energy.window.pairing import Pair, SequencePairing
from energy.window.rules import EnergyRule
from tests.links.peer import Log
from tests.monitors.sink import Keeper, setup

RATE = {"js220": 1e6, "js110": 2e6}
FLOAT32 = 2.0**-24
"""Largest relative error of a rounding to float32."""


class Writer(Keeper):
    """A sink that keeps everything and records it, too."""

    def __init__(self, folder, signal):
        super().__init__()
        self.signal, self.folder = signal, folder
        self.writer = RecordingWriter(folder, signal, virtual=True)

    def block(self, block):
        super().block(block)
        self.writer.append(block)

    def gap(self, gap):
        super().gap(gap)
        self.writer.gap(gap)

    def digital(self, source, block):
        super().digital(source, block)
        self.writer.digital(source, block)

    def range_change(self, change):
        super().range_change(change)
        self.writer.range_change(change)

    def falls(self, name="gpi0"):
        rate = self.signal.rate_hz
        edges = edges_of_input(self.inputs[name], self.levels[name], rate)
        conditioner = EdgeConditioner(rate)
        return [edge for edge in edges if conditioner.accept(edge)]

    def windows(self):
        """The windows of the recording as it lies on the disk, its last falls paired."""
        self.writer.close()
        recording = Recording(self.folder)
        source, blocks = recording.digital("gpi0")
        falls = [
            edge
            for edge in edges_of_input(source, blocks, recording.signal.rate_hz)
            if edge.kind is EdgeKind.FALL
        ]
        integrator = WindowIntegrator(recording, SequencePairing())
        for gap in recording.gaps:
            integrator.gap(gap)
        integrator.samples_complete(recording.stop)
        pairs = zip(falls[-2 * (len(falls) // 2) :: 2], falls[-2 * (len(falls) // 2) + 1 :: 2], strict=True)
        return [integrator.window(Pair(k, *pair)) for k, pair in enumerate(pairs, 1)]


class Host(contextlib.ExitStack):
    """A host's side of a bench: the DUT is powered by somebody else."""

    def __init__(self, folder, *, model="js220", faults=(), settings=None, url=None, **twin):
        super().__init__()
        self.model = model
        self.bench = VirtualBench(monitor="joulescope", faults=faults, model=model, **twin)
        self.callback(self.bench.close)
        self.clock, self.log, self.folder = self.bench.clock, Log(), folder
        self.dut = open_dut(
            self.bench.urls["dut"], settings={"baud": 9600}, clock=self.clock, transcript=Log()
        )
        self.callback(self.dut.close)
        self.monitor = open_joulescope(
            url or self.bench.urls["monitor"],
            settings={**(settings or {}), **self.bench.given["monitor"], "virtual": True},
            clock=self.clock,
            transcript=self.log,
        )
        self.callback(self.monitor.close)

    def begin(self, edges="monitor"):
        signal = self.monitor.configure(setup(RATE[self.model], 1.8, edges))
        self.sink = Writer(self.folder / "recording", signal)
        self.callback(self.sink.writer.close)
        assert self.dut.wait_ready(20.0) == "energy"
        self.monitor.start(self.sink)
        self.clock.sleep(0.2)

    def measure(self, *iterations):
        for count in iterations:
            self.dut.infer(count, 1, 60.0)
        self.clock.sleep(0.3)
        self.monitor.stop()

    def world(self, op, **rest):
        return self.bench.world.handle({"op": op, **rest})

    def truth(self, windows):
        """True start, stop and energy of the last windows."""
        falls = self.world("edges")["falling_s"][-2 * windows :]
        pairs = (
            itertools.batched(falls, 2)
            if hasattr(itertools, "batched")
            else zip(falls[::2], falls[1::2], strict=True)
        )
        return [(a, b, self.world("truth", start_s=a, stop_s=b)["energy_j"]) for a, b in pairs]


@contextlib.contextmanager
def host(folder, **settings):
    with Host(folder, **settings) as it:
        yield it


def allowed(window, power_w, rate_hz):
    """How far a window's energy may be off: nothing but rounding, and where exactly the edges lie.

    The edges are known to half a level; power is taken as constant inside a sample, which costs at most a
    quarter of the largest step each; and a current is rounded to float32.
    """
    edges = (window.opening.bound + window.closing.bound + 0.5) * power_w / rate_hz
    return edges + FLOAT32 * window.energies[EnergyRule.EXACT].energy_j


HARD = {"skew_s": 0.03, "odd_bits": True, "startup_skip_s": 0.0013}
CASES = {
    "js220": {},
    "js220 skew": {"skew_s": 0.123},
    "js220 odd numbers of levels": {"odd_bits": True},
    "js220 late start": {"startup_skip_s": 0.0013},
    "js220 few messages": {"message_hz": 3.7, **HARD},
    "js220 many messages": {"message_hz": 200.0, **HARD},
    "js220 fast clock": {"ppm": 87.0},
    "js110": {"model": "js110"},
    "js110 skew": {"model": "js110", "skew_s": 0.123, "startup_skip_s": 0.0013},
}


@pytest.mark.parametrize("case", CASES)
def test_a_window_has_the_worlds_energy_to_a_millionth(case, tmp_path):
    options = CASES[case]
    with host(tmp_path, **options) as it:
        it.begin()
        it.measure(25)
        sink, rate = it.sink, RATE[it.model]
        assert (sink.signal.rate_hz, sink.signal.columns) == (rate, ("current_a", "voltage_v"))
        assert not sink.gaps
        assert not sink.faults
        assert len(sink.falls()) == 2  # the boot's came before the stream: and no pad bit made an edge
        (start_s, stop_s, true_j), (window,) = *it.truth(1), sink.windows()
        fast = 1 + options.get("ppm", 0.0) * 1e-6
        span = window.closing.position - window.opening.position
        assert (
            abs(span - (stop_s - start_s) * rate * fast) <= window.opening.bound + window.closing.bound + 1e-6
        )
        energy_j = window.energies[EnergyRule.EXACT].energy_j
        bound_j = allowed(window, 0.05, rate)
        assert bound_j < 1e-6 * 2 * true_j
        assert abs(energy_j - true_j * fast) <= bound_j
        assert abs(energy_j / (true_j * fast) - 1) <= 1e-6
        assert not window.findings


def test_messages_cut_in_whatever_way_give_the_same_recording(tmp_path):
    """The same world, messages cut otherwise and late: the same samples and edges at the same positions."""
    found = []
    for k, options in enumerate(({}, {"skew_s": 0.08, "message_hz": 31.0, "odd_bits": True})):
        with host(tmp_path / str(k), **options) as it:
            it.begin()
            it.measure(5)
            stop = min(it.sink.stop, 1_000_000)
            columns = [np.concatenate([block.columns[c] for block in it.sink.blocks])[:stop] for c in (0, 1)]
            first = it.monitor.settings()["stream"]["first_sample_id"]
            found.append((first, columns, [fall.position for fall in it.sink.falls()]))
    assert found[0][0] == found[1][0]
    assert found[0][2] == found[1][2]
    for one, other in zip(found[0][1], found[1][1], strict=True):
        count = min(len(one), len(other))
        assert count > 500_000
        assert np.array_equal(one[:count], other[:count])


DROP = ("dropped-samples", {"infer": 1, "delay_s": 0.2, "count": 1260})


def test_a_jump_of_sample_id_is_a_gap_of_its_very_place_and_count(tmp_path):
    with host(tmp_path, faults=[DROP]) as it:
        it.begin()
        it.measure(10, 10, 10)
        (gap,) = it.sink.gaps
        windows, truth = it.sink.windows(), it.truth(3)
        # From the opening edge, known to half a level, to the loss, known to a sample, are 0.2 s.
        assert abs(gap.first - windows[1].opening.position - 200_000) <= 1 + windows[1].opening.bound
        assert gap.count == 1260
        assert [[finding.code for finding in window.findings] for window in windows] == [
            [],
            ["window.samples-missing"],
            [],
        ]
        assert windows[1].energies[EnergyRule.EXACT].missing == 1260
        for window, (_, _, true_j) in ((windows[0], truth[0]), (windows[2], truth[2])):
            assert abs(window.energies[EnergyRule.EXACT].energy_j - true_j) <= allowed(window, 0.05, 1e6)


@pytest.mark.parametrize("late_s", [0.0, 0.004, 0.049])
def test_a_js110s_lost_packets_are_known_from_the_log_and_spoil_only_their_window(tmp_path, late_s):
    with host(tmp_path, model="js110", late_log_s=late_s, faults=[DROP]) as it:
        it.begin()
        it.measure(10, 10, 10)
        windows, truth = it.sink.windows(), it.truth(3)
        lost = [gap for gap in it.sink.gaps if gap.count is not None]
        assert [gap.count % 126 for gap in lost] == [0]
        assert 1260 <= lost[0].count <= 1260 + 126  # whole packets
        assert "pkt_index skip" in lost[0].reason
        assert [bool(window.findings) for window in windows] == [False, True, False]
        for window, (_, _, true_j) in ((windows[0], truth[0]), (windows[2], truth[2])):
            assert abs(window.energies[EnergyRule.EXACT].energy_j - true_j) <= allowed(window, 0.05, 2e6)
        # The time base is mended: from before the loss to after it positions tell the true time.
        apart = windows[2].opening.position - windows[0].opening.position
        assert abs(apart - (truth[2][0] - truth[0][0]) * 2e6) <= 1.0


@pytest.fixture(scope="module")
def fall_s(tmp_path_factory):
    """When the two edges of a window of ten inferences come, in a world like that of the next test."""
    with host(tmp_path_factory.mktemp("dry"), model="js110") as it:
        it.begin()
        it.measure(10)
        return it.world("edges")["falling_s"][-2:]


@pytest.mark.parametrize("edge", [0, 1])
@pytest.mark.parametrize("delay_s", [-0.21, -0.06, -0.02, 0.0004, 0.06, 0.21])
def test_a_js110s_window_is_spoilt_or_right_wherever_the_loss_is(tmp_path, fall_s, edge, delay_s):
    """The log does not tell where in a message packets were lost; here, close to one of a window's edges."""
    fault = ("dropped-samples", {"at_s": fall_s[edge] + delay_s, "count": 1260})
    with host(tmp_path, model="js110", faults=[fault]) as it:
        it.begin()
        it.measure(10)
        (window,), ((start_s, stop_s, true_j),) = it.sink.windows(), it.truth(1)
        assert [start_s, stop_s] == fall_s
        inside = start_s < fault[1]["at_s"] < stop_s
        assert window.findings or not inside
        if abs(delay_s) > 0.2:  # far enough away
            assert bool(window.findings) == inside
        if not window.findings:
            energy_j = window.energies[EnergyRule.EXACT].energy_j
            assert abs(energy_j - true_j) <= allowed(window, 0.05, 2e6)


def test_levels_that_are_lost_jump_and_the_samples_stay(tmp_path):
    with host(tmp_path, faults=[("gpi-gap", {"infer": 0, "delay_s": 0.1, "count": 4064})]) as it:
        it.begin()
        it.measure(10)
        blocks = it.sink.levels["gpi0"]
        jumps = [
            (one.stop, other.first - one.stop)
            for one, other in itertools.pairwise(blocks)
            if one.stop != other.first
        ]
        assert len(jumps) == 1
        # Up to seven levels of the last byte before the gap may be pad bits, for all that the message tells.
        assert 4064 <= jumps[0][1] <= 4064 + 7
        assert not it.sink.gaps
        (window,), ((_, _, true_j),) = it.sink.windows(), it.truth(1)
        assert abs(window.energies[EnergyRule.EXACT].energy_j - true_j) <= allowed(window, 0.05, 1e6)
        at = it.sink.inputs["gpi0"].offset + jumps[0][0] / 2
        assert abs(at - window.opening.position - 100_000) < 10


def test_an_input_without_its_reference_is_dead_and_the_record_says_so(tmp_path):
    with host(tmp_path, faults=["vref-missing"]) as it:
        it.begin()
        it.measure(3)
        assert it.sink.falls() == []
        assert it.monitor.settings()["stream"]["gpi_levels_seen"] == ["low"]
    with host(tmp_path / "wired", faults=["vref-missing"], settings={"vref": "3v3"}) as it:
        it.begin()
        it.measure(3)
        assert len(it.sink.falls()) == 2
        assert it.monitor.settings()["stream"]["gpi_levels_seen"] == ["low", "high"]


def test_a_dut_without_power_draws_nothing_and_its_pin_is_low(tmp_path):
    with host(tmp_path) as it:
        it.begin()
        it.bench.world.supply.switch(False)
        it.clock.sleep(0.3)
        it.monitor.stop()
        current, voltage = (np.concatenate([block.columns[c] for block in it.sink.blocks]) for c in (0, 1))
        assert voltage[0] == np.float32(1.8)
        assert voltage[-1] == 0.0
        assert current[-1] == 0.0
        off = int(np.argmax(voltage == 0.0))
        (fall,) = it.sink.falls()
        assert abs(fall.position - off) <= 1.5


@pytest.mark.parametrize("model", ["js220", "js110"])
def test_its_own_account_is_that_of_the_samples(tmp_path, model):
    with host(tmp_path, model=model, settings={"statistics_hz": 5}) as it:
        it.begin()
        it.measure(12)
        own = it.monitor.own_energy()
        current, voltage = (np.concatenate([block.columns[c] for block in it.sink.blocks]) for c in (0, 1))
        part = slice(own.first, own.stop)
        energy_j = np.dot(current[part].astype(float), voltage[part].astype(float)) / RATE[model]
        assert own.stop - own.first >= 2 * RATE[model] / 5
        assert abs(own.energy_j / energy_j - 1) <= 1e-7


def test_an_account_of_its_own_that_differs_is_seen_to_differ(tmp_path):
    with host(tmp_path, faults=[("statistics-differ", {"factor": 1.01})]) as it:
        it.begin()
        it.measure(40)
        own = it.monitor.own_energy()
        current, voltage = (np.concatenate([block.columns[c] for block in it.sink.blocks]) for c in (0, 1))
        part = slice(own.first, own.stop)
        energy_j = np.dot(current[part].astype(float), voltage[part].astype(float)) / 1e6
        assert abs(own.energy_j / energy_j - 1) > own.tolerance


def test_ranges_come_with_names_where_the_current_calls_for_another(tmp_path):
    with host(tmp_path, odd_bits=True) as it:
        it.begin()
        it.measure(3)
        assert [change.name for change in it.sink.ranges][:2] == ["18 mA", "180 mA"]
        change = it.sink.ranges[1]
        current = np.concatenate([block.columns[0] for block in it.sink.blocks])
        assert (
            current[: change.position - 1].max()
            <= 18e-3
            < current[change.position : change.position + 2].max()
        )


def test_edges_from_elsewhere_leave_the_input_alone_and_the_watermark_follows_the_samples(tmp_path):
    with host(tmp_path) as it:
        it.begin(edges="io")
        it.clock.sleep(0.3)
        it.monitor.stop()
        assert it.sink.inputs == {}
        assert it.sink.complete == it.sink.stop > 0


def test_a_second_stream_begins_anew(tmp_path):
    for model in ("js220", "js110"):
        with host(tmp_path / model, model=model) as it:
            it.begin()
            it.monitor.stop()
            sink = Keeper()
            it.monitor.start(sink)
            it.clock.sleep(0.5)
            it.monitor.stop()
            assert sink.blocks[0].first == 0
            assert not sink.gaps
            assert not sink.faults


def test_a_js110_that_shrinks_time_without_a_word_is_found_by_the_clock(tmp_path):
    with host(tmp_path, model="js110") as it:
        it.bench.monitor._log = lambda text: None
        it.begin()
        first = it.bench.monitor.position()
        it.bench.monitor.drop.append((first, first + 1_200_000))
        it.clock.sleep(3.0)
        it.monitor.stop()
        (fault,) = it.sink.faults
        assert fault.code == "joulescope.clock"
        assert fault.hint


def test_an_unplugged_instrument_is_a_fault_and_stop_and_close_still_end(tmp_path):
    with host(tmp_path, faults=[("joulescope-removed", {"at_s": 0.6})]) as it:
        it.begin()
        it.clock.sleep(1.0)
        assert [fault.code for fault in it.sink.faults] == ["joulescope.removed"]
        assert it.sink.stop > 0
        it.monitor.stop()
        it.monitor.close()
        with pytest.raises(BenchError, match=r"joulescope\.none"):
            open_joulescope(
                "joulescope", settings=it.bench.given["monitor"], clock=it.clock, transcript=it.log
            )


def test_an_exception_in_a_callback_is_a_fault_and_logged_once(tmp_path, caplog):
    with host(tmp_path) as it:
        it.begin()
        it.bench.monitor.board.send(
            "s/i/!data", {"sample_id": 1, "sample_rate": 2_000_000, "decimate_factor": 4, "data": None}
        )
        it.clock.sleep(0.3)
        it.monitor.stop()
        assert [fault.code for fault in it.sink.faults] == ["joulescope.stream"]
        assert "not the full rate" in it.sink.faults[0].message
        assert [record.name for record in caplog.records if record.exc_info] == ["jsdrv"]


def test_the_drivers_logger_is_left_as_it_was(tmp_path):
    logger = logging.getLogger("jsdrv")
    logger.setLevel(logging.CRITICAL)
    try:
        with host(tmp_path, model="js110", faults=[("dropped-samples", {"at_s": 0.6})]) as it:
            it.begin()
            it.clock.sleep(0.5)
            it.monitor.stop()
            assert any(gap.count for gap in it.sink.gaps)  # heard all the same
        assert logger.level == logging.CRITICAL
        assert logger.handlers == []
    finally:
        logger.setLevel(logging.NOTSET)


def test_an_overcurrent_stop_is_none_of_its_faults(tmp_path):
    with host(tmp_path) as it:
        it.begin()
        with pytest.raises(UsageError, match=r"virtual\.fault"):
            it.world("fault", name="overcurrent-stop")
        it.monitor.stop()
