"""Energy of each layer beside the whole network: figures by hand, and measurements with real firmware."""

from __future__ import annotations

import csv
import json
import math

import pyarrow.parquet
import pytest

from drivers.virtual.truth import operating_point, true_layers
from energy.bench.benchfile import BenchFile, load_bench
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.workloads import WORKLOADS
from energy.characterize.layer_figures import ALLOWED, Attribution, LayerFigures, attribute, rows_of
from energy.characterize.layer_plan import LayersPlan, Subject, make_layers_plan
from energy.characterize.layers import LAYERS_NAME, SCHEMA, LayersOutcome, run_layers
from energy.cli.layout import drawn
from energy.errors import BenchError, UsageError
from energy.instruments import Layer
from energy.recording.store import Recording
from energy.report.figures.layers import draw_layers
from energy.report.layers import attribution_line, layers_table
from energy.session.trials import Trial
from energy.signal import Edge, SampleKind, Signal
from energy.window.integrator import Window
from energy.window.rules import EdgeBounds, EnergyRule, RuleEnergy
from tests.firmware.support import needs
from tests.report.boxes import assert_readable
from tests.report.traces import EVERY_WIDTH

RATE_HZ = 1000.0
MARK_J, MARK_S = 3e-5, 2e-3
"""What each window holds beside its iterations."""


class Samples:
    """No samples are needed where no monitor changes its range."""

    signal = Signal(SampleKind.ENERGY, RATE_HZ)

    def read(self, first, stop):
        return iter(())


def window(energy_j: float, duration_s: float) -> Window:
    energy = RuleEnergy(energy_j, duration_s, 0, 0)
    opening, closing = Edge(1000.0), Edge(1000.0 + duration_s * RATE_HZ)
    return Window(1, opening, closing, RATE_HZ, {EnergyRule.EXACT: energy}, EdgeBounds(0.0, 0.0), ())


def pair(iteration_j: float, iteration_s: float, few: int = 25, many: int = 100) -> tuple[Trial, Trial]:
    """Two windows of a work of this energy and time, each with a mark in it."""
    trials = [
        Trial(1, 1, "", n, window(n * iteration_j + MARK_J, n * iteration_s + MARK_S)) for n in (few, many)
    ]
    return trials[0], trials[1]


ENERGIES_J = (2e-3, 5e-4, 1e-6)
LAYERS = (Layer(0, "CONV_2D", 1000, 10), Layer(1, "DEPTHWISE_CONV_2D", 100, 5), Layer(2, "SOFTMAX", 0, 0))
NO_SCOPE = {"bench": {"name": "b", "dut": {"voltage_v": 1.8}}}


def attributed(whole_j: float, scatter: float = 1e-4) -> Attribution:
    """Figures of three layers, beside a whole network of this energy; three repeats that scatter so much."""
    subjects = [Subject(None), *(Subject(layer) for layer in LAYERS)]
    for factor in (1.0 - scatter, 1.0, 1.0 + scatter):
        for subject, energy_j in zip(subjects, (whole_j, *ENERGIES_J), strict=True):
            subject.pairs.append(pair(energy_j * factor, energy_j * 2.0))
    return attribute(NO_SCOPE, subjects, Samples())


def test_what_both_windows_of_a_pair_hold_is_taken_away():
    found = attributed(sum(ENERGIES_J))
    assert [row.energy_j for row in found.layers] == pytest.approx(ENERGIES_J, rel=1e-9)
    assert [row.time_s for row in found.layers] == pytest.approx([2 * j for j in ENERGIES_J], rel=1e-9)
    assert found.whole.energy_j == pytest.approx(sum(ENERGIES_J), rel=1e-9)
    assert found.sum_j == pytest.approx(sum(ENERGIES_J), rel=1e-9)
    assert found.layers[0].joule_per_mac == pytest.approx(2e-6)
    assert found.layers[2].joule_per_mac is None
    assert found.layers[1].edp_js == pytest.approx(5e-4 * 1e-3)


def test_scatter_gives_the_uncertainty_where_there_is_no_budget():
    found = attributed(sum(ENERGIES_J), scatter=1e-3)
    assert [finding.code for finding in found.findings] == ["uncertainty.no-scope"]
    # Student's t for 2 degrees of freedom at 95 % is 4.303 (JCGM 100:2008, table G.2); the median of three
    # normal values scatters 1.1602 times as much as their mean (David and Nagaraja, Order Statistics).
    for row, energy_j in zip(found.layers, ENERGIES_J, strict=True):
        assert row.u_energy_j == pytest.approx(4.303 * 1.1602 * 1e-3 * energy_j / math.sqrt(3), rel=1e-3)


@pytest.mark.parametrize("off", [0.05, -0.05])
def test_a_sum_that_is_not_the_whole_is_not_attributed(off):
    found = attributed(sum(ENERGIES_J) / (1 + off))
    assert not found.agrees
    assert [finding.code for finding in found.findings] == ["uncertainty.no-scope", "layers.sum-differs"]
    assert f"{off:+.2%}" in found.findings[1].evidence
    assert all(found.share(row) is None for row in found.layers)
    assert [row["share"] for row in rows_of(found)] == [None] * 4
    assert "not attributed" in attribution_line(found)
    assert all(row[5] == "–" for row in layers_table(found).rows)


def test_a_sum_within_the_allowance_is_attributed():
    found = attributed(sum(ENERGIES_J) / (1 + ALLOWED / 2))
    assert found.agrees
    shares = [found.share(row) for row in found.layers]
    assert shares == pytest.approx([j / sum(ENERGIES_J) for j in ENERGIES_J], rel=1e-6)


def test_scatter_may_explain_a_difference():
    assert not attributed(sum(ENERGIES_J) * 1.03, scatter=1e-4).agrees
    assert attributed(sum(ENERGIES_J) * 1.03, scatter=1e-2).agrees


def test_a_layer_below_its_uncertainty_is_named():
    subjects = [Subject(None), Subject(LAYERS[0]), Subject(LAYERS[2])]
    for whole_j, first_j, last_j in ((2e-3, 2e-3, 1e-8), (2e-3, 2e-3, -2e-8), (2e-3, 2e-3, 2e-8)):
        for subject, energy_j in zip(subjects, (whole_j, first_j, last_j), strict=True):
            subject.pairs.append(pair(energy_j, 1e-3))
    found = attribute(NO_SCOPE, subjects, Samples())
    assert [finding.code for finding in found.findings] == ["uncertainty.no-scope", "layers.not-resolved"]
    assert "layer 2" in found.findings[1].evidence


def test_a_layer_without_macs_has_no_energy_per_mac_in_the_table():
    table = layers_table(attributed(sum(ENERGIES_J)))
    assert [row[6] for row in table.rows] == ["2000000", "5000000", "–"]
    for width in (60, 80, 120):
        assert all(len(line.text) <= width for line in drawn(table, width))


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"window_s": 0.0}, "usage.window"),
        ({"window_s": math.nan}, "usage.window"),
        ({"window_s": 1e9}, "usage.window"),
        ({"repeats": 1}, "usage.repeats"),
        ({"repeats": 1000}, "usage.repeats"),
        ({"workload": "kws1"}, "usage.workload"),
        ({"note": "a\nb"}, "usage.note"),
    ],
)
def test_plans_that_cannot_be_are_refused(options, code):
    with pytest.raises(UsageError) as caught:
        make_layers_plan(load_bench("virtual"), **{"workload": "kws01", **options})
    assert caught.value.code == code


def measure(bench: BenchFile, workload: str, folder, *, window_s: float, repeats: int = 3) -> LayersOutcome:
    facts = WORKLOADS[workload]
    plan = LayersPlan(bench, facts, synthetic_inputs(facts, 1)[0], window_s, repeats)
    return run_layers(plan, folder / "layers", lambda part, doing: None)


@pytest.fixture(scope="module")
def on_qemu(tmp_path_factory) -> LayersOutcome:
    needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
    return measure(load_bench("emulated-dut"), "kws01", tmp_path_factory.mktemp("qemu"), window_s=0.2)


def test_layers_of_real_firmware_make_up_the_whole(on_qemu):
    figures = on_qemu.figures
    assert on_qemu.valid
    assert figures.agrees
    assert len(figures.layers) == 12
    assert figures.sum_j == pytest.approx(figures.whole.energy_j, rel=0.03)
    assert sum(figures.share(row) for row in figures.layers) == pytest.approx(1.0)
    assert figures.whole.budget is not None


def test_each_layers_time_is_that_of_its_processor(on_qemu):
    # The firmware's own clock, over its trace: no monitor, no edges, no session.
    from tests.firmware.dut_rig import QemuRig, qemu_image

    with QemuRig(qemu_image("kws01", "energy")) as dut:
        dut.boot()
        dut.load(synthetic_inputs(WORKLOADS["kws01"], 1)[0].data)
        for row in on_qemu.figures.layers:
            dut.forget()
            dut.ask(f"layer {row.layer.index} {row.iterations}")
            ticks = [event.ticks for event in dut.events if event.kind == "P"][-2:]
            own_s = (ticks[1] - ticks[0]) / dut.tick_hz / row.iterations
            # Its windows are sampled every millisecond, and last 0.2 s.
            assert row.time_s == pytest.approx(own_s, rel=0.02), row.layer


def test_the_folder_holds_figures_that_follow_from_its_recording(on_qemu):
    document = json.loads((on_qemu.folder / LAYERS_NAME).read_text(encoding="utf-8"))
    assert (document["schema"], document["state"], document["virtual"]) == (SCHEMA, "finished", True)
    assert document["monitor"]["model"]
    assert len(document["windows"]) == 13 * 3 * 2
    recording = Recording(on_qemu.folder)
    energies = {}
    for block in recording.read(recording.first, recording.stop):
        for row in document["windows"]:
            whole = range(math.ceil(row["opening"]), math.floor(row["closing"]))
            part = block.clip(whole.start, whole.stop)
            at = (row["layer"], row["repeat"], row["iterations"])
            energies[at] = energies.get(at, 0.0) + float(part.columns[0].sum(dtype="float64"))
    scale = recording.signal.joule_per_unit
    for row in document["windows"]:
        counted_j = energies[row["layer"], row["repeat"], row["iterations"]] * scale
        assert counted_j == pytest.approx(row["energy_j"], rel=0.05)  # but for the samples that edges cut
    long = [row for row in document["windows"] if row["layer"] == 0][1::2]
    short = [row for row in document["windows"] if row["layer"] == 0][::2]
    by_hand = sorted(
        (b["energy_j"] - a["energy_j"]) / (b["iterations"] - a["iterations"])
        for a, b in zip(short, long, strict=True)
    )[1]
    assert document["figures"]["layers"][0]["energy_j"] == pytest.approx(by_hand, rel=1e-9)


def test_the_tables_are_the_figures(on_qemu):
    parquet = pyarrow.parquet.read_table(on_qemu.folder / "layers.parquet").to_pylist()
    with (on_qemu.folder / "layers.csv").open(encoding="utf-8", newline="") as file:
        text = list(csv.DictReader(file))
    assert len(parquet) == len(text) == 13
    for row, written, figures in zip(parquet, text, on_qemu.figures.layers, strict=False):
        assert (row["layer"], row["operator"], row["macs"]) == (
            figures.layer.index,
            figures.layer.operator,
            figures.layer.macs,
        )
        assert row["energy_j"] == figures.energy_j
        assert float(written["energy_j"]) == pytest.approx(figures.energy_j, rel=1e-12)
        assert written["layer"] == str(figures.layer.index)
    assert parquet[-1]["layer"] is None
    assert parquet[-1]["energy_j"] == on_qemu.figures.whole.energy_j


def test_the_picture_shows_every_layer(on_qemu):
    figure = draw_layers(on_qemu)
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()][:2] == ["0 CONV_2D", "1 DEPTHWISE_CONV_2D"]
    widths = [bar.get_width() for bar in left.patches]
    assert widths == pytest.approx([row.energy_j for row in on_qemu.figures.layers])
    assert len(right.patches) == 12
    assert "VIRTUAL" in figure.get_suptitle()
    for width_in in EVERY_WIDTH:
        assert_readable(draw_layers(on_qemu, width_in=width_in))


def test_the_native_build_has_layers_as_well(tmp_path):
    needs("make", "gcc")
    outcome = measure(load_bench("emulated-posix"), "ad01", tmp_path, window_s=0.3)
    rows = outcome.figures.layers
    assert [row.layer.macs for row in rows] == [
        81920,
        16384,
        16384,
        16384,
        1024,
        1024,
        16384,
        16384,
        16384,
        81920,
    ]
    # A busy machine scatters by some percent. What it may not do: attribute what does not add up.
    assert outcome.figures.agrees == (
        "layers.sum-differs" not in [finding.code for finding in outcome.findings]
    )
    assert outcome.figures.sum_j == pytest.approx(outcome.figures.whole.energy_j, rel=0.25)


def test_firmware_without_layers_is_named_and_leaves_its_folder(tmp_path, monkeypatch):
    needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
    from drivers.emulated.dut import EmulatedDut

    made = EmulatedDut._start

    def start(dut):
        dut.answers.append(
            lambda text: "m-profile-[p]\r\nm-model-[kws01]" if text.startswith("profile") else None
        )
        made(dut)

    monkeypatch.setattr(EmulatedDut, "_start", start)
    with pytest.raises(BenchError) as caught:
        measure(load_bench("emulated-dut"), "kws01", tmp_path, window_s=0.2)
    assert caught.value.code == "dut.no-layers"
    document = json.loads((tmp_path / "layers" / LAYERS_NAME).read_text(encoding="utf-8"))
    assert (document["state"], document["error"]["code"]) == ("failed", "dut.no-layers")


def test_a_row_stands_alone():
    row = LayerFigures(LAYERS[0], (1e-3, 2e-3, 4e-3), (1.0, 2.0, 3.0), 75, None)
    assert (row.energy_j, row.time_s, row.joule_per_mac) == (2e-3, 2.0, 2e-6)
    document = row.to_json()
    assert (document["index"], document["power_w"], document["edp_js"]) == (0, 1e-3, 4e-3)


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_layers_on_the_virtual_bench_are_the_worlds(workload, tmp_path):
    few = workload == "vww01"  # of its 30 layers
    outcome = measure(load_bench("virtual"), workload, tmp_path, window_s=0.3, repeats=2 if few else 3)
    truth = true_layers("NUCLEO-L4R5ZI", workload)
    whole = operating_point("NUCLEO-L4R5ZI", workload)
    assert outcome.valid, outcome.findings
    figures = outcome.figures
    assert len(figures.layers) == len(truth)
    for row, true in zip(figures.layers, truth, strict=True):
        assert (row.layer.operator, row.layer.macs) == (true.layer.operator, true.layer.macs)
        assert abs(row.energy_j - true.energy_j) <= row.u_energy_j, row.layer
        assert row.energy_j == pytest.approx(true.energy_j, rel=5e-3), row.layer
        assert row.time_s == pytest.approx(true.duration_s, rel=5e-3), row.layer
    assert abs(figures.whole.energy_j - whole.energy_j) <= figures.whole.u_energy_j
    assert figures.agrees
    assert abs(figures.sum_j - whole.energy_j) <= figures.u_sum_j
