"""Accuracy over energy, latency and memory: the figure and the table have the same numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from energy.catalogue.row import read_rows
from energy.characterize.memory import Memory
from energy.errors import UsageError
from energy.report.choice import choice_of, choice_table, with_memory
from energy.report.figures.choice import draw_choice
from energy.report.figures.style import GREY, colour_of
from energy.report.points import PointSet, catalogue_points
from energy.report.region import region_of
from tests.report.test_latency import assert_readable, own_point

ATLAS = catalogue_points(read_rows())
FULL = own_point(
    "s/full", setting="full", accuracy=0.93, accuracy_metric="top-1", flash_bytes=180_000, ram_bytes=76_000
)
TINY = own_point(
    "s/tiny", setting="tiny", accuracy=0.88, accuracy_metric="top-1", flash_bytes=50_000, ram_bytes=14_000,
    joule_per_inference=4e-4, latency_s=0.011,
)  # fmt: skip
UNKNOWN = own_point("s/unknown", setting="unknown", accuracy=0.91, accuracy_metric="top-1", latency_s=0.02)
MODELS = PointSet((FULL, TINY, UNKNOWN))


def models_in(axes) -> dict[str, object]:
    return {
        line.get_gid().removeprefix("model "): line
        for line in axes.lines
        if (line.get_gid() or "").startswith("model ")
    }


def test_every_panel_has_each_models_own_figures_and_the_table_the_same():
    choice = choice_of(MODELS + ATLAS)
    energy, latency, memory = draw_choice(choice).axes
    rows = {row[0]: row for row in choice_table(choice).rows}
    assert set(rows) == {"s/full", "s/tiny", "s/unknown"}
    for point in MODELS:
        for axes, value in ((energy, point.joule_per_inference), (latency, point.latency_s)):
            line = models_in(axes)[point.name]
            assert (line.get_xdata()[0], line.get_ydata()[0]) == (value, point.accuracy)
        assert rows[point.name][2] == f"{point.accuracy * 100:.4g} %"
    assert {name: line.get_xdata()[0] for name, line in models_in(memory).items()} == {
        "s/full": 256_000,
        "s/tiny": 64_000,
    }
    assert rows["s/tiny"][3:7] == ["400.0 µJ ± 43 µJ", "11.000 ms", "50 kB", "14 kB"]
    assert rows["s/unknown"][5:7] == ["–", "–"]
    assert "memory of 1 of 3 models is not known" in choice.lines()


def test_the_area_of_a_marker_is_in_proportion_to_the_memory_and_an_unknown_one_is_hollow():
    choice = choice_of(MODELS)
    lines = models_in(draw_choice(choice).axes[0])
    area = {name: line.get_markersize() ** 2 for name, line in lines.items()}
    assert area["s/full"] / area["s/tiny"] == pytest.approx(256_000 / 64_000)
    assert lines["s/unknown"].get_markerfacecolor() == "white"
    assert lines["s/full"].get_markerfacecolor() == colour_of("kws")


def test_only_published_results_of_own_workloads_stand_behind():
    choice = choice_of(MODELS + ATLAS)
    assert {model.benchmark for model in choice.models} == {"kws"}
    assert len(choice.models) == 3 + 42
    faces = models_in(draw_choice(choice).axes[0])
    assert {line.get_markeredgecolor() for name, line in faces.items() if not name.startswith("s/")} == {GREY}
    alone = choice_of(ATLAS)
    assert set(alone.benchmarks) == {"ad", "ic", "kws", "vww"}
    assert len(draw_choice(alone).axes) == 12
    without = sum(point.accuracy is None for point in ATLAS)
    assert len(alone.models) == 163 - without
    assert math.isclose(len(choice_table(alone).rows), len(alone.models))


def test_the_limits_are_shaded_and_what_lies_outside_is_dimmed():
    choice = choice_of(MODELS, region_of(max_energy="1mJ", min_accuracy="85%"))
    energy, latency, _ = draw_choice(choice).axes
    assert {name: line.get_alpha() for name, line in models_in(energy).items()} == {
        "s/full": 0.22,
        "s/tiny": 1.0,
        "s/unknown": 0.22,
    }
    corners = [axes.collections[0].get_paths()[0].vertices for axes in (energy, latency)]
    assert corners[0][:, 0].max() == pytest.approx(1e-3)
    assert corners[1][:, 0].max() == pytest.approx(latency.get_xlim()[1])
    assert corners[0][:, 1].min() == pytest.approx(max(0.85, energy.get_ylim()[0]))
    assert [row[-1] for row in choice_table(choice).rows] == ["outside", "outside", "inside the limits"]


def test_memory_is_given_by_name_and_a_name_that_is_nobodys_is_refused():
    found = with_memory(MODELS + ATLAS, {"unknown": Memory(10_000, 4_000)})
    (point,) = [point for point in found if point.name == "s/unknown"]
    assert point.memory_bytes == 14_000
    assert len(found) == 166
    with pytest.raises(UsageError, match="no points are called other; there are full, tiny, unknown"):
        with_memory(MODELS, {"other": Memory(1, 1)})
    twice = PointSet((FULL, replace(FULL, name="t/full")))
    with pytest.raises(UsageError, match="2 points are called full"):
        with_memory(twice, {"full": Memory(1, 1)})


def test_without_an_accuracy_there_is_nothing_to_choose():
    with pytest.raises(UsageError, match="the accuracy of no point is known"):
        choice_of(PointSet((own_point(),)))
    choice = choice_of(PointSet((own_point(), FULL)))
    assert [left.reason for left in choice.left_out] == ["its accuracy is not known"]


@pytest.mark.parametrize("width_in", [3.3, 7.0, 12.0])
@pytest.mark.parametrize(
    "points",
    [
        MODELS + ATLAS,
        ATLAS,
        PointSet(
            tuple(replace(FULL, name=f"s/{k}", setting=f"m{k}", accuracy=0.9 + k / 300) for k in range(9))
        ),
        PointSet(tuple(replace(TINY, name=f"s/{k}", setting=f"m{k}", latency_s=k + 1.0) for k in range(30))),
        PointSet((UNKNOWN,)),
    ],
    ids=["models", "published", "large ones close", "thirty", "memory of none"],
)
def test_every_figure_is_readable(points, width_in):
    figure = draw_choice(choice_of(points), width_in)
    assert_readable(figure)
    assert not [text for axes in figure.axes for text in axes.texts if text.get_gid() == "no room"]
