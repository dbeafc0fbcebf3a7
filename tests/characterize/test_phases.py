"""Phases of inferences: energies against closed forms, and marks that are lost, doubled, or bounce."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.characterize.phase_marks import marked
from energy.characterize.phases import PARTS, PhasedWindow, phases_of
from energy.recording.trace import ArrayTrace
from energy.signal import Block, Edge, EdgeKind, SampleKind, Signal
from energy.window.edges import Marker
from energy.window.figures import WindowFigures
from energy.window.integrator import WindowIntegrator
from energy.window.pairing import Pair, pairing_in_sequence

RATE_HZ = 100_000.0
PULSE_S = 100e-6
HALF = 0.5
"""Bound of an edge of an input that is sampled with the samples."""

POWERS_W = {
    "idle": 0.01,
    "mark": 0.02,
    "pulse": 0.02,
    "pre-processing": 0.03,
    "network": 0.08,
    "post-processing": 0.04,
}
TIMES_S = {"pre-processing": 2.1e-3, "network": 40.2e-3, "post-processing": 0.7e-3}
HOLD_S = 1e-3
KINDS = {part: ("mark", "pulse") if part == "mark" else (part,) for part in PARTS}
"""The stretches of a scene that make up a part."""


class Scene:
    """A window of so many inferences with known powers, its samples and the edges of the phase pin.

    Samples hold the mean power of their period, exactly; edges lie as an input sees them that reads its level
    in the middle of each sample.
    """

    def __init__(self, count: int = 5, times_s: dict[str, float] | None = None, start_s: float = 0.01037):
        self.count, times = count, {**TIMES_S, **(times_s or {})}
        stretches = [("idle", start_s), ("mark", HOLD_S)]
        for _ in range(count):
            stretches += [("mark", PULSE_S), ("pulse", PULSE_S), ("mark", PULSE_S)]
            stretches += [(part, times[part]) for part in PARTS[1:]]
        stretches.append(("idle", 0.01))
        borders = np.cumsum([0.0, *(seconds for _, seconds in stretches)])
        powers = np.array([POWERS_W[name] for name, _ in stretches])
        self.start_s, self.stop_s = float(borders[1]), float(borders[-2])
        grid = np.arange(int(borders[-1] * RATE_HZ)) / RATE_HZ
        cumulative_j = np.concatenate([[0.0], np.cumsum(powers * np.diff(borders))])
        self.samples_j = np.diff(np.interp(grid, borders, cumulative_j))
        self.true_j = {
            part: sum(powers[k] * seconds for k, (name, seconds) in enumerate(stretches) if name in kinds)
            for part, kinds in KINDS.items()
        }
        self.true_s = {
            part: sum(s for name, s in stretches if name in kinds) for part, kinds in KINDS.items()
        }
        changes = []
        for k, (name, _) in enumerate(stretches[2:-1], start=2):
            if name in ("pulse", "network"):
                changes += [(borders[k], EdgeKind.RISE), (borders[k + 1], EdgeKind.FALL)]
        self.edges = [Edge(np.ceil(at * RATE_HZ - HALF), HALF, kind, "d1") for at, kind in changes]

    def divided(self, edges: list[Edge] | None = None, *, known: bool = True) -> PhasedWindow:
        """The window's parts; ``known``: whether the number of inferences is."""
        signal = Signal(SampleKind.ENERGY, RATE_HZ, "float64")
        trace = ArrayTrace(signal, (self.samples_j,))
        integrator = WindowIntegrator(trace, pairing_in_sequence(Marker.PULSE, 0))
        integrator.samples(Block(0, (self.samples_j,)))
        integrator.samples_complete(len(self.samples_j))
        window = integrator.window(Pair(1, Edge(self.start_s * RATE_HZ), Edge(self.stop_s * RATE_HZ)))
        figures = WindowFigures(window, self.count if known else None)
        return phases_of(figures, trace, self.edges if edges is None else edges, PULSE_S)


def codes(divided: PhasedWindow) -> list[str]:
    return [finding.code for finding in divided.findings]


def check_parts(scene: Scene, divided: PhasedWindow):
    """Parts within their bounds of the truth, and their sum that of the window."""
    assert [part.name for part in divided.parts] == list(PARTS)
    for part in divided.parts:
        assert abs(part.energy_j - scene.true_j[part.name]) <= part.bound_j, part
        assert abs(part.time_s - scene.true_s[part.name]) <= part.bound_s * (1 + 1e-9) + 1e-12, part
    assert divided.sum_j == pytest.approx(divided.figures.energy_j(), rel=1e-9)
    assert sum(part.time_s for part in divided.parts) == pytest.approx(scene.stop_s - scene.start_s, rel=1e-9)


def test_parts_lie_within_their_bounds_of_the_truth():
    scene = Scene()
    divided = scene.divided()
    assert codes(divided) == []
    assert divided.iterations == 5
    check_parts(scene, divided)
    network = divided.parts[2]
    assert network.energy_j == pytest.approx(scene.true_j["network"], rel=1e-3)
    assert network.edp_js(5) == pytest.approx(0.08 * 40.2e-3 * 40.2e-3, rel=1e-3)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 6),
    st.floats(1e-7, 5e-3),
    st.floats(1e-3, 0.05),
    st.floats(1e-7, 5e-3),
    st.floats(0.005, 0.02),
)
def test_parts_of_any_length_lie_within_their_bounds(count, pre_s, network_s, post_s, start_s):
    times_s = {"pre-processing": pre_s, "network": network_s, "post-processing": post_s}
    scene = Scene(count, times_s, start_s)
    divided = scene.divided()
    assert codes(divided) == []
    check_parts(scene, divided)


def test_phases_shorter_than_a_sample_are_no_bounce():
    scene = Scene(times_s={"pre-processing": 1e-6, "post-processing": 1e-6})
    divided = scene.divided()
    assert codes(divided) == []
    check_parts(scene, divided)


PULSES = {"mark": 0, "network": 2}
"""Places of a pulse's two edges among the four of an inference."""


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("what", PULSES)
def test_a_lost_pulse_is_a_missing_mark_and_the_window_is_not_divided(what, number):
    scene = Scene()
    at = 4 * number + PULSES[what]
    divided = scene.divided(scene.edges[:at] + scene.edges[at + 2 :])
    assert codes(divided) == ["phase.mark-missing"]
    assert what in divided.findings[0].evidence
    assert divided.parts == ()


@pytest.mark.parametrize("number", range(5))
def test_a_lost_inference_is_noticed(number):
    scene = Scene()
    left = scene.edges[: 4 * number] + scene.edges[4 * number + 4 :]
    # The first is missing without a trace: how long the timestamp's own pulse is is not known.
    assert codes(scene.divided(left)) == (["phase.mark-missing"] if number else ["phase.count"])
    assert codes(scene.divided(left, known=False)) == (["phase.mark-missing"] if number else [])


@pytest.mark.parametrize("place", range(20))
def test_a_lost_edge_is_never_taken_for_another_phase(place):
    # Levels alternate, so an input that misses one change shows the level until the next.
    scene = Scene()
    edges = [edge for k, edge in enumerate(scene.edges) if k not in (place, place + 1)]
    divided = scene.divided(edges)
    assert divided.parts == ()
    assert set(codes(divided)) & {"phase.mark-missing", "phase.mark-odd", "phase.mark-doubled", "phase.count"}


def pulse_at(position: float, length: float) -> list[Edge]:
    return [Edge(position, HALF, EdgeKind.RISE, "d1"), Edge(position + length, HALF, EdgeKind.FALL, "d1")]


def test_a_doubled_mark_is_named():
    scene = Scene()
    second = scene.edges[4]
    extra = pulse_at(second.position + 30.0, PULSE_S * RATE_HZ)
    divided = scene.divided(sorted([*scene.edges, *extra]))
    assert codes(divided) == ["phase.mark-doubled"]
    assert "mark" in divided.findings[0].evidence
    assert divided.parts == ()


def test_a_network_that_is_cut_in_two_is_a_doubled_mark():
    scene = Scene()
    rise = scene.edges[6]
    cut = [
        Edge(rise.position + 1500.0, HALF, EdgeKind.FALL, "d1"),
        Edge(rise.position + 1600.0, HALF, EdgeKind.RISE, "d1"),
    ]
    divided = scene.divided(sorted([*scene.edges, *cut]))
    assert codes(divided) == ["phase.mark-doubled"]
    assert "network" in divided.findings[0].evidence
    assert divided.parts == ()


def test_a_pulse_that_is_neither_is_named():
    scene = Scene()
    extra = pulse_at(scene.edges[3].position + 10.0, 1.6 * PULSE_S * RATE_HZ)
    divided = scene.divided(sorted([*scene.edges, *extra]))
    assert codes(divided) == ["phase.mark-odd"]
    assert "160 us" in divided.findings[0].evidence


@pytest.mark.parametrize("place", range(20))
def test_a_bouncing_edge_is_one_edge(place):
    scene = Scene()
    edge = scene.edges[place]
    other = EdgeKind.FALL if edge.kind is EdgeKind.RISE else EdgeKind.RISE
    bounce = [
        Edge(edge.position + 0.6, HALF, other, "d1"),
        Edge(edge.position + 1.1, HALF, edge.kind, "d1"),
    ]
    divided = scene.divided(sorted([*scene.edges, *bounce]))
    assert codes(divided) == ["phase.mark-bounce"]
    check_parts(scene, divided)


@pytest.mark.parametrize("high", [True, False])
def test_a_spike_is_no_edge(high):
    scene = Scene()
    at = scene.edges[2 if high else 3].position + 20.0
    first, then = (EdgeKind.FALL, EdgeKind.RISE) if high else (EdgeKind.RISE, EdgeKind.FALL)
    spike = [Edge(at, HALF, first, "d1"), Edge(at + 2.0, HALF, then, "d1")]
    divided = scene.divided(sorted([*scene.edges, *spike]))
    assert codes(divided) == ["phase.mark-bounce"]
    check_parts(scene, divided)


def test_a_pin_without_edges_and_a_pin_that_is_high_at_the_start_are_named():
    scene = Scene()
    for edges in ([], scene.edges[1:], scene.edges[:-1]):
        divided = scene.divided(edges)
        assert codes(divided) == ["phase.mark-missing"]
        assert divided.parts == ()


def test_edges_of_other_windows_do_not_count():
    scene = Scene()
    before = pulse_at(0.5 * scene.start_s * RATE_HZ, 10.0)
    after = pulse_at((scene.stop_s + 0.002) * RATE_HZ, 10.0)
    assert codes(scene.divided([*before, *scene.edges, *after])) == []


def test_lost_samples_leave_the_window_undivided():
    scene = Scene()
    scene.samples_j[2000:2010] = np.nan
    divided = scene.divided()
    assert divided.parts == ()
    assert "samples.not-finite" in [finding.code for finding in divided.figures.window.findings]


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_any_edges_give_parts_or_a_finding(data):
    scene = Scene(3)
    edges = list(scene.edges)
    for _ in range(data.draw(st.integers(0, 4))):
        if edges and data.draw(st.booleans()):
            del edges[data.draw(st.integers(0, len(edges) - 1))]
        else:
            at = data.draw(st.floats(0.0, scene.stop_s * RATE_HZ))
            edges.append(Edge(at, HALF, data.draw(st.sampled_from(list(EdgeKind))), "d1"))
    levels = sorted(edges)
    alternating = [edge for k, edge in enumerate(levels) if k == 0 or edge.kind is not levels[k - 1].kind]
    divided = scene.divided(alternating)
    assert divided.parts or codes(divided)
    if divided.parts:
        assert divided.iterations == 3
        assert divided.sum_j == pytest.approx(divided.figures.energy_j(), rel=1e-9)


def test_marks_are_read_without_samples():
    scene = Scene()
    found = marked(scene.edges, scene.divided().figures.window, PULSE_S, None)
    assert len(found.inferences) == 5
    assert found.findings == []
