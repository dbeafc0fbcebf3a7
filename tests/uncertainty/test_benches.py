"""Five kinds of bench: U, degrees of freedom and k by our path, by metrolopy, and by hand.

Our path: a bench file of ``fixtures/benches``, the specification of its driver, ``Conditions``, ``Model``.
The others know only the constants of ``benches.toml``. metrolopy (GPL: in tests only) propagates, simulates.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivers.joulescope.accuracy import accuracy_lines as joulescope_lines
from drivers.joulescope.device import JS220
from drivers.keithley_2450.accuracy import accuracy_lines as keithley_2450_lines
from drivers.keysight_n6705.accuracy import accuracy_lines as n6705_lines
from drivers.lpm01a.accuracy import accuracy_lines as lpm01a_lines
from drivers.ppk2.accuracy import accuracy_lines as ppk2_lines
from energy.signal import SampleKind, Signal
from energy.uncertainty.budget import Budget
from energy.uncertainty.facts import WindowFacts
from energy.uncertainty.gather import conditions_of, stated_conditions
from energy.uncertainty.model import Model
from tests.uncertainty import by_hand

ROOT = Path(__file__).parents[2]
BENCHES = tomllib.loads((Path(__file__).parent / "benches.toml").read_text(encoding="utf-8"))
LINES = {
    "lpm01a": lpm01a_lines("ascii_dec", 0.05),
    "ppk2-source": ppk2_lines("source"),
    "keithley-2450": keithley_2450_lines(1.0),
    "keysight-n6705": n6705_lines("N6781A", 204.8e-6),
    "joulescope-js220": joulescope_lines(JS220),
}
RECTANGULAR = ["lpm01a", "ppk2"]
"""Benches with a rectangular term that carries more than half of the variance."""


@cache
def ours(name: str) -> Budget:
    """The budget by our path, from a bench file."""
    bench = BENCHES[name]
    file = tomllib.loads((ROOT / f"fixtures/benches/{bench['bench']}.toml").read_text(encoding="utf-8"))
    kind = SampleKind(bench["kind"])
    settings = {key: bench[key] for key in ("current_range", "voltage_range") if key in bench}
    document = {
        "begun": "2026-01-01T00:00:00Z",
        "bench": file,
        "ambient_c": 23.0,
        "edges": {"source": "io" if bench["common_edges"] else "monitor"},
        "monitor": {
            "model": name,
            "serial_number": "1",
            "settings": settings,
            "accuracy": [asdict(line) for line in LINES[bench["bench"]]],
        },
    }
    signal = Signal(kind, bench["rate_hz"], voltage_v=by_hand.VOLTAGE_V)
    samples = round(by_hand.DURATION_S * bench["rate_hz"])
    edges = bench["step_j"], bench["position_j"]
    windows = [
        WindowFacts(energy_j, by_hand.DURATION_S, by_hand.INFERENCES, samples, 0, *edges)
        for energy_j in bench["energy_j"]
    ]
    return Model(conditions_of(stated_conditions(document), signal), windows).joule_per_inference()


@cache
def metrolopy_figure(name: str) -> Any:
    """The same by metrolopy: energy, voltage and time as products, errors as inputs of their own."""
    import metrolopy

    bench, limits = BENCHES[name], BENCHES[name]["limits"]

    def within(limit: float) -> Any:
        return metrolopy.gummy(metrolopy.UniformDist(center=0, half_width=limit)) if limit else 0.0

    energy_j, n = bench["energy_j"], len(bench["energy_j"])
    current_a = np.median(energy_j) / by_hand.VOLTAGE_V / by_hand.DURATION_S
    ampere = current_a * (1 + within(limits["current_parts"])) + within(limits.get("current_a", 0.0))
    volt = by_hand.VOLTAGE_V * (1 + within(limits["voltage_parts"])) + within(limits.get("voltage_v", 0.0))
    second = by_hand.DURATION_S * (1 + within(limits["clock_parts"]))
    of_median = math.sqrt(5 * 0.28683) * float(np.std(energy_j, ddof=1)) / math.sqrt(n)
    scatter = metrolopy.gummy(0.0, u=of_median, dof=n - 1)
    if bench["common_edges"]:
        edges = within(bench["position_j"])
    else:
        edges = within(bench["position_j"] / 2) + within(bench["position_j"] / 2)
    return (ampere * volt * second + scatter + edges + within(bench["step_j"])) / by_hand.INFERENCES


@pytest.mark.parametrize("name", BENCHES)
def test_every_term_is_that_by_hand(name):
    expected = sorted(value for value in by_hand.terms(BENCHES[name]).values() if value)
    assert sorted(term.contribution for term in ours(name).terms) == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("name", BENCHES)
def test_u_and_degrees_of_freedom_are_those_by_hand_and_by_metrolopy(name):
    found, other = ours(name), metrolopy_figure(name)
    assert found.value == pytest.approx(other.x)
    assert found.u == pytest.approx(by_hand.combined(BENCHES[name]), rel=2e-5)
    assert found.u == pytest.approx(other.u, rel=2e-5)
    assert found.freedom == pytest.approx(by_hand.freedom(BENCHES[name]), rel=1e-4)
    # metrolopy gives up beyond some thousands of degrees and takes them for infinite
    assert found.freedom == pytest.approx(other.dof, rel=1e-4) or min(found.freedom, other.dof) > 1000


@pytest.mark.parametrize("name", [name for name in BENCHES if name not in RECTANGULAR])
def test_k_is_that_of_the_t_distribution(name):
    found, other = ours(name), metrolopy_figure(name)
    assert found.coverage.method == "t-distribution"
    assert found.k == pytest.approx(by_hand.t_factor(found.freedom), rel=0.001)
    other.p = 0.95
    assert found.expanded == pytest.approx(other.U, rel=0.003)  # metrolopy does not cut degrees to an integer


@pytest.mark.parametrize("name", RECTANGULAR)
def test_k_is_that_of_the_distribution_where_a_rectangular_term_dominates(name):
    import metrolopy

    found, other = ours(name), metrolopy_figure(name)
    assert found.coverage.method == "distribution"
    assert found.k == pytest.approx(by_hand.trapezoid_factor(BENCHES[name]), rel=0.01)
    metrolopy.Distribution.set_seed(1)
    metrolopy.gummy.simulate([other], n=400_000)
    half_width = np.quantile(np.abs(other.simdata - other.x), 0.95)
    assert found.expanded == pytest.approx(half_width, rel=0.005)
    assert found.expanded < 0.95 * 1.96 * found.u, "k = 1.96 would state too much"


@pytest.mark.parametrize("name", BENCHES)
def test_the_order_of_magnitude_is_plausible(name):
    expected = BENCHES[name]["expected"]
    assert expected["least_parts"] <= ours(name).expanded / ours(name).value <= expected["most_parts"]


def test_on_the_larger_range_the_offset_is_the_largest_systematic_term():
    found = ours("keithley-2450-100-mA")
    systematic = [term.of.name for term in found.terms if term.of.evaluation == "B"]
    assert systematic[0] == "offset of voltage source, 20 V" or systematic[0] == "offset of current, 100 mA"


def test_what_is_assumed_is_marked():
    """protocols.md 7: the N6781A is from memory, the PPK2's supply and the JS220 are not published."""
    assumed = {name: ours(name).assumed for name in BENCHES}
    assert assumed["n6781a"]
    assert assumed["joulescope"]
    assert assumed["ppk2"]
    assert not assumed["lpm01a"], "typical figures and seen ones, but none that nobody states"
