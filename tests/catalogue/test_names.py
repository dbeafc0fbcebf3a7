"""The systems of the first press tables: found by the names people know, with their figures."""

from __future__ import annotations

import re
from statistics import fmean

import pytest

from energy.catalogue.choose import chosen
from energy.catalogue.row import Row, read_rows
from tests.conftest import shared_folder

ROWS = read_rows()


def latencies_ms(rows: list[Row]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row.benchmark, []).append(round(row.latency_s * 1e3, 2))
    return {benchmark: sorted(values) for benchmark, values in found.items()}


@pytest.mark.parametrize(
    ("words", "round_name", "latencies", "microjoules"),
    [
        (
            "Harvard reference NUCLEO-L4R5ZI",
            "v0.5",
            {"ad": [10.05], "ic": [704.23], "kws": [181.92], "vww": [600.60]},
            {"ad": [416.312], "ic": [29207.010], "kws": [7373.704], "vww": [24312.648]},
        ),
        (
            "Latent AI LEIP on Raspberry Pi 4",
            "v0.5",
            {"ad": [0.17, 0.19], "ic": [1.07, 1.31], "kws": [0.39, 0.42], "vww": [2.60, 3.75]},
            {},
        ),
        (
            "Peng Cheng Laboratory Scepu02",
            "v0.5",
            {"ad": [13.65], "ic": [1239.16], "kws": [325.63], "vww": [846.74]},
            {},
        ),
        ("Syntiant NDP120", "v0.5", {"kws": [5.95]}, {}),
        ("Syntiant NDP120", "v0.7", {"kws": [1.79, 4.31]}, {"kws": [35.286, 49.587]}),
        ("hls4ml on Pynq-Z2", "v0.5", {"ad": [0.10], "ic": [7.90]}, {}),
        (
            "Renesas RA6M4",
            "v0.7",
            {"ad": [4.61], "ic": [246.18], "kws": [50.57], "vww": [162.36]},
            {"ad": [324.088], "ic": [17723.829], "kws": [3796.957], "vww": [11851.829]},
        ),
        (
            "Renesas RX65N",
            "v0.7",
            {"ad": [8.55], "ic": [289.35], "kws": [81.85], "vww": [248.51]},
            {"ad": [437.442], "ic": [14350.888], "kws": [4422.68], "vww": [13316.428]},
        ),
    ],
)
def test_the_systems_of_the_press_tables_are_found_with_their_figures(
    words, round_name, latencies, microjoules
):
    found = chosen(ROWS, [words], [f"round={round_name}"])
    assert latencies_ms(found) == latencies
    energies: dict[str, list[float]] = {}
    for row in found:
        if row.joule_per_inference is not None:
            energies.setdefault(row.benchmark, []).append(row.joule_per_inference * 1e6)
    assert {name: pytest.approx(values) for name, values in microjoules.items()} == {
        name: sorted(values) for name, values in energies.items()
    }


REFERENCE = "v0.5/closed/reference/results/Nucleo-L4R5ZI"


@pytest.mark.parametrize(
    ("benchmark", "press_ms", "mode"),
    [
        ("vww", 603.14, "energy"),
        ("ad", 10.40, "energy"),
        ("ic", 704.23, "performance"),
        ("kws", 181.92, "performance"),
    ],
)
def test_the_presss_latencies_of_the_reference_are_of_two_modes(benchmark, press_ms, mode):
    (row,) = chosen(ROWS, ["harvard reference"], [f"benchmark={benchmark}"])
    energy, performance = row.energy_mode_inferences_per_second, row.inferences_per_second
    by_mode = {"energy": round(1e3 / energy, 2), "performance": round(1e3 / performance, 2)}
    assert by_mode[mode] == press_ms
    if benchmark != "ic":  # its two modes are equal to the last printed digit
        other = "performance" if mode == "energy" else "energy"
        assert by_mode[other] != press_ms


@pytest.mark.parametrize("benchmark", ["ad", "ic", "kws", "vww"])
def test_the_references_throughputs_are_those_of_its_own_logs(benchmark):
    folder = shared_folder("published") / REFERENCE / benchmark
    (row,) = chosen(ROWS, ["harvard reference"], [f"benchmark={benchmark}"])
    for mode, value in (
        ("energy", row.energy_mode_inferences_per_second),
        ("performance", row.inferences_per_second),
    ):
        text = (folder / mode / "results.txt").read_text(encoding="utf-8")
        assert float(re.findall(r"Median throughput is ([0-9.]+) inf", text)[-1]) == value


@pytest.mark.parametrize(
    ("benchmark", "int8_ms", "fp32_ms", "mean_ms"),
    [
        ("ad", 0.192092, 0.168549, 0.18),
        ("ic", 1.073555, 1.312346, 1.19),
        ("kws", 0.42147, 0.39323, 0.41),
        ("vww", 2.5993, 3.745473, 3.17),
    ],
)
def test_leip_has_a_row_of_int8_and_of_fp32_and_averages_lie_between(benchmark, int8_ms, fp32_ms, mean_ms):
    by_type = {
        row.id[-4:]: row.latency_s * 1e3
        for row in chosen(ROWS, ["latent ai leip"], [f"benchmark={benchmark}"])
    }
    assert by_type == {"int8": pytest.approx(int8_ms, rel=1e-5), "fp32": pytest.approx(fp32_ms, rel=1e-5)}
    assert round(fmean(by_type.values()), 2) == mean_ms


def test_every_name_belongs_to_a_row():
    assert {name for row in ROWS for name in row.names} >= {
        "Harvard reference on NUCLEO-L4R5ZI",
        "Latent AI LEIP on Raspberry Pi 4",
        "Peng Cheng Laboratory Scepu02",
        "Syntiant NDP120",
        "hls4ml on Pynq-Z2",
        "Renesas RA6M4",
        "Renesas RX65N",
    }
