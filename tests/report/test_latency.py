"""Energy and power over latency: fronts, numbers read back from the figure, labels, lines, regions, views."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from energy.catalogue.row import read_rows
from energy.errors import UsageError
from energy.report.chart import Chart, View, chart_of, front, reference_of, system_of
from energy.report.figures.frame import key_lines, new_frame
from energy.report.figures.latency import draw_latency
from energy.report.figures.style import FLAW, GREY, WATERMARK, colour_of, house_style
from energy.report.point_sources import points_of
from energy.report.point_table import listed, point_table
from energy.report.points import OperatingPoint, PointSet, catalogue_points
from energy.report.region import Region, region_of
from energy.uncertainty.rounding import figure_text
from tests.conftest import SHARED, shared_folder
from tests.report import boxes as reading
from tests.report.boxes import TextBox

ROWS = read_rows()
DPI = 220
"""Boxes are in points, so that a coarser drawing, which is quicker, has nearly the same ones."""
ATLAS = catalogue_points(ROWS)


def own_point(name: str = "sessions/a", **facts) -> OperatingPoint:
    given = {
        "source": "session", "benchmark": "kws", "latency_s": 0.043, "joule_per_inference": 1.8e-3,
        "expanded_uncertainty_j": 43e-6, "coverage_factor": 1.8, "power_w": 42e-3, "power_expanded_w": 1e-3,
        "board": "NUCLEO-L4R5ZI", "voltage_v": 1.8, "scope": "core; inference only", "valid": True,
        "latency_mode": "performance", "path": name,
    } | facts  # fmt: skip
    return OperatingPoint(name=name, **given)


def mixed() -> PointSet:
    """Own points of several kinds over the published results."""
    own = (
        own_point("sessions/a"),
        own_point("sessions/b", benchmark="ad", latency_s=5e-3, joule_per_inference=2e-4, voltage_v=3.0,
                  expanded_uncertainty_j=5e-5),
        own_point("sessions/c", latency_s=0.09, valid=False, findings=("samples.gap",), virtual=True),
    )  # fmt: skip
    return PointSet(own) + ATLAS


def point_lines(axes: Axes) -> dict[str, Line2D]:
    """The artist of each point, by its name, in the order in which they are drawn."""
    named = {line.get_gid() or "": line for line in axes.lines}
    return {gid.removeprefix("point "): line for gid, line in named.items() if gid.startswith("point ")}


def drawn_points(figure: Figure) -> dict[str, tuple[float, float, float | None]]:
    """x, y and upper half of the error bar of each point, as the artists have them.

    Of very many points, several are one line, and have the numbers in the order of drawing for names.
    """
    found: dict[str, tuple[float, float, float | None]] = {}
    for axes in figure.axes:
        parts = [part for one in axes.collections if one.get_gid() == "bars" for part in one.get_segments()]
        bars = [bar for part in parts for bar in np.reshape(part, (-1, 2, 2)).tolist()]
        alike = [line for line in axes.lines if line.get_gid() == "points"]
        places = [
            *((name, line.get_xydata()[0]) for name, line in point_lines(axes).items()),
            *((None, place) for line in alike for place in line.get_xydata()),
        ]
        for name, (x, y) in places:
            half = None
            own = [
                k
                for k, ((left, low), (right, high)) in enumerate(bars)
                if left == right == x and low < y < high
            ]
            if own:
                (_, low), (_, high) = bars.pop(own[0])
                half = float(high) - y
                assert low == pytest.approx(max(y - half, y * 1e-3))
            found[str(len(found)) if name is None else name] = (float(x), float(y), half)
        assert not bars
    return found


def assert_readable(figure: Figure) -> list[TextBox]:
    figure.set_dpi(DPI)
    return reading.assert_readable(figure)


def text_boxes(figure: Figure) -> list[TextBox]:
    figure.set_dpi(DPI)
    return reading.text_boxes(figure)


def labels_in(axes) -> list:
    return [text for text in axes.texts if text.get_gid() == "label"]


def plain_front(points: list[tuple[float, float]]) -> set[int]:
    """By the definition: no other point is at most as large in both and smaller in at least one."""
    return {
        k
        for k, (x, y) in enumerate(points)
        if not any(a <= x and b <= y and (a < x or b < y) for a, b in points)
    }


def test_the_front_of_each_workload_is_that_of_a_plain_comparison_of_all_pairs():
    shared_folder("published")
    with (SHARED / "published_results.csv").open(encoding="utf-8", newline="") as file:
        facts = [row for row in csv.DictReader(file) if row["energy_uj_per_inf"]]
    flawed = {row.path for row in ROWS if row.verdict == "error"}
    chart = chart_of(ATLAS)
    for panel in chart.panels:
        rows = [row for row in facts if row["benchmark"] == panel.benchmark and row["path"] not in flawed]
        points = [(1 / float(row["throughput_ips"]), float(row["energy_uj_per_inf"])) for row in rows]
        expected = {rows[k]["path"] for k in plain_front(points)}
        assert {one.point.path for one in panel.placed if one.front} == expected
        assert expected


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=40))
def test_a_front_with_equal_points_is_that_of_the_definition(points):
    assert set(front((x, y, k) for k, (x, y) in enumerate(points))) == plain_front(points)


def test_what_is_not_valid_or_virtual_is_on_no_front_beside_measured_points():
    best = own_point("best", latency_s=1e-6, joule_per_inference=1e-9)
    chart = chart_of(PointSet((replace(best, virtual=True), replace(best, name="b", valid=False))) + ATLAS)
    assert not any(one.front for one in chart.own)
    alone = chart_of(PointSet((replace(best, virtual=True),)))
    assert [one.front for one in alone.placed] == [True]
    assert [one.front for one in chart_of(PointSet((best,)) + ATLAS).own] == [True]


@pytest.mark.parametrize("y", ["energy", "power"])
def test_figure_table_and_json_have_the_same_numbers(y):
    points = mixed()
    chart = chart_of(points, View(y=y))
    drawn = drawn_points(draw_latency(chart))
    document = chart.to_json()["points"]
    rows = {
        row[1].removeprefix("VIRTUAL "): row for row in point_table(chart, listed(chart, every=True)).rows
    }
    by_name = {point.name: point for point in points}
    assert len(drawn) == len(document) == len(rows) == 166
    for entry in document:
        point = by_name[entry["name"]]
        value = point.joule_per_inference if y == "energy" else point.power_w
        expanded = point.expanded_uncertainty_j if y == "energy" else point.power_expanded_w
        assert (entry["x"], entry["y"], entry["y_expanded"]) == (point.latency_s, value, expanded)
        x, height, half = drawn[point.name]
        assert (x, height) == (point.latency_s, value)
        assert half == pytest.approx(expanded, rel=1e-9)
        energy, power = rows[point.name][4], rows[point.name][5]
        assert energy == figure_text(point.joule_per_inference, point.expanded_uncertainty_j, "J")
        assert power == figure_text(point.power_w, point.power_expanded_w, "W")


@pytest.mark.parametrize("width_in", [7.0, 12.0])
def test_in_the_figure_of_all_published_energies_every_point_is_identified_and_nothing_collides(width_in):
    chart = chart_of(ATLAS)
    figure = draw_latency(chart, width_in)
    boxes = {box.artist: box for box in assert_readable(figure)}
    assert len(drawn_points(figure)) == 163
    key = {box.text for box in boxes.values()}
    numbers = 0
    for axes, panel in zip(figure.axes, chart.panels, strict=True):
        texts = labels_in(axes)
        assert sorted(text.get_text() for text in texts) == sorted(str(one.number) for one in panel.placed)
        assert len({one.number for one in panel.placed}) == len(panel.placed), panel.benchmark
        frame = Bbox(axes.get_window_extent().get_points() * 72 / figure.dpi)
        points = axes.transData.transform([(one.x, one.y) for one in panel.placed]) * 72 / figure.dpi
        for text in texts:
            box = boxes[text].box
            assert frame.x0 <= box.x0 < box.x1 <= frame.x1
            assert frame.y0 <= box.y0 < box.y1 <= frame.y1
            assert not any(box.x0 < x < box.x1 and box.y0 < y < box.y1 for x, y in points)
        numbers += len(texts)
    assert numbers == 163
    for point in ATLAS:
        assert system_of(point) in key, point.name


def test_labels_of_lines_and_points_do_not_cover_each_other_where_they_are_dense():
    chart = chart_of(ATLAS, facet="none")
    figure = draw_latency(chart)
    assert_readable(figure)
    (axes,) = figure.axes
    assert len(labels_in(axes)) == 154
    assert not [text for text in axes.texts if text.get_gid() == "no room"]


@pytest.mark.parametrize("width_in", [3.3, 7.0, 12.0])
@pytest.mark.parametrize(
    ("conditions", "view", "region", "panel"),
    [
        ((), View(), Region(), False),
        (("benchmark=kws",), View(), Region(), False),
        (("benchmark=kws",), View(), Region(), True),
        (("benchmark=kws",), View("power"), Region(), False),
        ((), View(per_mac=True), Region(), False),
        (("benchmark=kws",), View(), Region(0.05, 0.06, 2e-3, 0.9), False),
    ],
)
def test_every_figure_is_readable_at_every_width(conditions, view, region, panel, width_in):
    chart = chart_of(mixed().where(conditions), view, region)
    assert_readable(draw_latency(chart, width_in, panel=panel))


def test_own_points_are_coloured_and_named_over_grey_published_ones():
    figure = draw_latency(chart_of(mixed().where(["benchmark=kws"])))
    (axes,) = figure.axes
    faces = {name: to_hex(line.get_markerfacecolor()) for name, line in point_lines(axes).items()}
    assert faces["sessions/a"] == colour_of("kws")
    assert {face for name, face in faces.items() if "sessions" not in name} == {GREY}
    assert to_hex(point_lines(axes)["sessions/c"].get_markeredgecolor()) == FLAW
    texts = {text.get_text() for text in labels_in(axes)}
    assert {"a", "VIRTUAL c"} <= texts
    alone = draw_latency(chart_of(ATLAS.where(["benchmark=kws"])))
    lines = point_lines(alone.axes[0]).values()
    assert {to_hex(line.get_markerfacecolor()) for line in lines} == {colour_of("kws")}


def test_scope_uncertainty_virtual_and_what_is_left_out_stand_on_the_figure():
    figure = draw_latency(chart_of(mixed(), facet="none"))
    below = figure.get_supxlabel().replace("\n", " ")
    assert "NUCLEO-L4R5ZI: scope: core; inference only; published results: scope not stated." in below
    assert "Bars: ± U (95 %), of published results by assumed budgets." in below
    assert "202 published results left out: no energy was published." in below
    assert "9 published results left out: energy of sww is that of a whole stream" in below
    assert figure.get_suptitle().startswith("VIRTUAL · Energy per inference over latency")
    assert [text.get_gid() for text in figure.texts].count(WATERMARK) == 1
    measured = draw_latency(chart_of(PointSet((own_point(),)), facet="none"), panel=True)
    assert "VIRTUAL" not in " ".join(box.text for box in text_boxes(measured))
    assert measured.get_supxlabel() == "scope: core; inference only."


@pytest.mark.parametrize(
    ("y", "families"), [("energy", {1: "W", -1: "J·s"}), ("power", {-1: "J", -2: "J·s"})]
)
def test_lines_of_equal_power_energy_and_product_are_where_their_labels_say(y, families):
    figure = draw_latency(chart_of(ATLAS.where(["benchmark=kws"]), View(y)))
    (axes,) = figure.axes
    lines = [line for line in axes.lines if line.get_gid() == "isoline"]
    texts = [text for text in axes.texts if re.search(r"\d [pnµmk]?(W|J|J·s)$", text.get_text())]
    assert len(lines) == len(texts) > 4
    seen = set()
    for line in lines:
        x, level = np.log10(line.get_xdata()), np.log10(line.get_ydata())
        slope = round(float((level[1] - level[0]) / (x[1] - x[0])), 6)
        unit = families[int(slope)]
        seen.add(unit)
        value = 10 ** float(level[0] - slope * x[0])
        assert np.log10(value) == pytest.approx(round(np.log10(value)))
        (text,) = [t for t in texts if quantity(t.get_text()) == (pytest.approx(value), unit)]
        at = text.get_position()
        assert at[1] == pytest.approx(value * at[0] ** slope)
        ends = axes.transData.transform([(line.get_xdata()[k], line.get_ydata()[k]) for k in (0, 1)])
        turned = np.degrees(np.arctan2(*(ends[1] - ends[0])[::-1]))
        assert text.get_rotation() % 360 == pytest.approx(turned % 360, abs=0.5)
    assert seen == set(families.values())


def quantity(text: str) -> tuple[float, str]:
    number, unit = text.split(" ")
    factors = {"p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "k": 1e3}
    prefix = unit[0] if unit[0] in factors else ""
    return float(number) * factors.get(prefix, 1.0), unit.removeprefix(prefix)


def test_a_region_holds_what_a_plain_loop_over_the_published_figures_finds():
    shared_folder("published")
    with (SHARED / "published_results.csv").open(encoding="utf-8", newline="") as file:
        facts = [
            row for row in csv.DictReader(file) if row["energy_uj_per_inf"] and row["benchmark"] == "kws"
        ]
    inside = {
        row["path"]
        for row in facts
        if float(row["latency_ms"]) <= 50 and float(row["energy_uj_per_inf"]) <= 2000
        and float(row["accuracy"]) >= 90.5
    }  # fmt: skip
    chart = chart_of(ATLAS.where(["benchmark=kws"]), region=region_of("50ms", None, "2mJ", "90.5%"))
    assert {one.point.path for one in chart.placed if one.region == "inside"} == inside
    assert 5 < len(inside) < len(facts) - 5
    assert {one.point.path for one in listed(chart)} == inside
    figure = draw_latency(chart)
    (axes,) = figure.axes
    opaque = {name for name, line in point_lines(axes).items() if line.get_alpha() == 1.0}
    assert opaque == {one.point.name for one in chart.placed if one.region == "inside"}
    (shade,) = [artist for artist in axes.collections if artist.get_gid() == "region"]
    corners = shade.get_paths()[0].vertices
    assert corners[:, 0].max() == pytest.approx(0.05)
    assert corners[:, 1].max() == pytest.approx(2e-3)
    assert f"{len(inside)} of {len(facts)} points" in figure.get_suptitle().replace("\n", " ")
    assert len(labels_in(axes)) == len(inside)


@pytest.mark.parametrize("y", ["energy", "power"])
def test_the_shaded_area_is_where_the_limits_hold(y):
    region = region_of(max_latency="40 ms", max_power="30mW", max_energy="1mJ")
    chart = chart_of(ATLAS.where(["benchmark=kws"]), View(y), region)
    axes = draw_latency(chart).axes[0]
    (shade,) = [artist for artist in axes.collections if artist.get_gid() == "region"]
    path = shade.get_paths()[0]
    draw = np.random.default_rng(3)
    (left, right), (low, high) = np.log10(axes.get_xlim()), np.log10(axes.get_ylim())
    for x, level in 10 ** draw.uniform((left, low), (right, high), (400, 2)):
        joule, watt = (level, level / x) if y == "energy" else (level * x, level)
        if all(abs(value / limit - 1) > 0.05 for value, limit in ((x, 0.04), (watt, 0.03), (joule, 1e-3))):
            assert path.contains_point((x, level)) == (x <= 0.04 and watt <= 0.03 and joule <= 1e-3)


def test_what_is_not_known_is_not_inside_and_counted():
    region = region_of(max_memory="256KiB", min_accuracy=0.8)
    assert region == Region(min_accuracy=0.8, max_memory_bytes=256 * 1024)
    small = own_point(flash_bytes=100_000, ram_bytes=60_000, accuracy=0.9)
    assert region.verdict(small) == "inside"
    assert region.verdict(replace(small, ram_bytes=200_000)) == "outside"
    assert region.verdict(replace(small, ram_bytes=None)) == "unknown"
    assert region.verdict(replace(small, ram_bytes=None, accuracy=0.7)) == "outside"
    chart = chart_of(PointSet((small, own_point("b"))), region=region)
    assert [one.region for one in chart.placed] == ["inside", "unknown"]
    title = draw_latency(chart).get_suptitle().replace("\n", " ")
    assert "accuracy ≥ 0.8, memory ≤ 262.1 kB: 1 of 2 points, 1 not known" in title


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"max_latency": "20mW"}, "no limit of latency"),
        ({"max_energy": "-1mJ"}, "no limit of energy"),
        ({"max_power": "0"}, "no limit of power"),
        ({"max_memory": "many"}, "no limit of memory"),
        ({"min_accuracy": "120%"}, "no accuracy"),
        ({"min_accuracy": "high"}, "no accuracy"),
        ({"max_latency": float("inf")}, "no limit of latency"),
    ],
)
def test_a_limit_that_is_none_is_refused(limits, why):
    with pytest.raises(UsageError, match=why):
        region_of(**limits)


def test_per_mac_divides_both_axes_by_the_network_of_the_benchmark():
    macs = {"ad": 264_192, "ic": 12_501_632, "kws": 2_656_768, "vww": 7_489_664}
    chart = chart_of(ATLAS, View(per_mac=True), facet="none")
    rows = {row.id: row for row in ROWS}
    assert {one.point.benchmark for one in chart.placed} == set(macs)
    for one in chart.placed:
        row = rows[one.point.name]
        assert one.y == row.joule_per_inference / macs[row.benchmark]
        assert one.x == pytest.approx(1 / row.inferences_per_second / macs[row.benchmark])
        assert row.division == "closed"
    reasons = {left.reason for left in chart.left_out}
    assert "the multiply-accumulates of its network are not known" in reasons
    with pytest.raises(UsageError, match="is not divided"):
        chart_of(ATLAS, View("power", per_mac=True))


def test_relative_to_a_system_every_workload_is_divided_by_its_own_point():
    reference = reference_of("v0.5 harvard", ROWS, lambda paths: points_of(paths, ROWS))
    assert reference.name == "v0.5 reference Nucleo-L4R5ZI"
    chart = chart_of(ATLAS, View(relative_to=reference))
    rows = {row.id: row for row in ROWS}
    for one in chart.placed:
        row = rows[one.point.name]
        base = rows[f"v0.5/closed/reference/Nucleo-L4R5ZI/{row.benchmark}"]
        assert one.y == pytest.approx(row.joule_per_inference / base.joule_per_inference)
        assert one.x == pytest.approx(base.inferences_per_second / row.inferences_per_second)
    own = [one for one in chart.placed if one.point.name.startswith("v0.5/closed/reference")]
    assert [(one.x, one.y) for one in own] == [(1.0, 1.0)] * 4
    assert {left.reason for left in chart.left_out} == {
        "no energy was published",
        "v0.5 reference Nucleo-L4R5ZI has no sww",
    }


@pytest.mark.parametrize(
    ("name", "code"),
    [("nobody knows it", "catalogue.unknown"), ("syntiant", "catalogue.several")],
)
def test_a_reference_that_is_no_system_is_refused(name, code):
    with pytest.raises(UsageError) as caught:
        reference_of(name, ROWS, lambda paths: points_of(paths, ROWS))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "points",
    [
        [],
        [own_point()],
        [own_point("a"), own_point("b")],
        [own_point("a", joule_per_inference=1e-9, latency_s=1e-7), own_point("b", joule_per_inference=1e3)],
        [own_point("x" * 200, board="$y$ \x1b[31m" + "z" * 150)],
        [own_point(expanded_uncertainty_j=1.0)],
        [own_point(expanded_uncertainty_j=None)],
        [own_point(str(k), board=f"board {k}", latency_s=0.01 + k * 1e-4) for k in range(12)],
        [own_point(str(k), latency_s=0.01 + k * 1e-5) for k in range(60)],
    ],
    ids=[
        "none",
        "one",
        "two equal",
        "12 decades",
        "strange names",
        "U above",
        "no U",
        "12 close",
        "60 close",
    ],
)
@pytest.mark.parametrize("width_in", [3.3, 7.0])
def test_strange_points_are_drawn_and_readable(points, width_in):
    figure = draw_latency(chart_of(PointSet(tuple(points))), width_in)
    assert_readable(figure)
    assert len(drawn_points(figure)) == len(points)


def test_points_of_the_same_place_have_labels_that_lie_apart():
    points = PointSet(tuple(own_point(str(k), board=f"board {k}") for k in range(9)))
    figure = draw_latency(chart_of(points))
    boxes = [box.box for box in text_boxes(figure) if box.artist.get_gid() == "label"]
    assert len(boxes) == 9
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_a_chart_without_points_says_so():
    chart: Chart = chart_of(PointSet())
    assert "no points" in {box.text for box in text_boxes(draw_latency(chart))}


def test_the_table_of_normalised_axes_has_what_they_show():
    reference = reference_of("v0.5 harvard", ROWS, lambda paths: points_of(paths, ROWS))
    for view, columns in (
        (View(per_mac=True), ("latency/MAC", "energy/MAC")),
        (View(relative_to=reference), ("latency, relative", "energy, relative")),
    ):
        chart = chart_of(mixed(), view)
        shown = listed(chart, every=True)
        table = point_table(chart, shown)
        x, y = (table.columns.index(name) for name in columns)
        for one, row in zip(shown, table.rows, strict=True):
            factor = 1e12 if "pJ" in row[y] else 1e9 if "nJ" in row[y] else 1.0
            assert float(row[y].split()[0]) == pytest.approx(one.y * factor, rel=2e-3)
            time = {"ps": 1e12, "ns": 1e9, "µs": 1e6}.get(row[x].split()[-1], 1.0)
            assert float(row[x].split()[0]) == pytest.approx(one.x * time, rel=2e-3)


def test_a_column_in_which_nothing_is_known_is_left_out():
    chart = chart_of(PointSet((own_point(),)))
    assert not {"memory", "accuracy"} & set(point_table(chart, chart.placed).columns)
    known = chart_of(PointSet((own_point(ram_bytes=2000, accuracy=0.9, accuracy_metric="top-1"),)))
    table = point_table(known, known.placed)
    assert [table.rows[0][table.columns.index(name)] for name in ("accuracy", "memory")] == [
        "90 %",
        "RAM 2 kB",
    ]


def test_of_very_many_points_those_on_the_front_are_labelled_and_the_figure_says_so():
    points = [
        own_point(str(k), latency_s=0.01 + k * 1e-4, joule_per_inference=1e-3 + abs(k - 30) * 1e-5)
        for k in range(350)
    ]
    chart = chart_of(PointSet(tuple(points)))
    figure = draw_latency(chart)
    texts = {text.get_text() for text in labels_in(figure.axes[0])}
    assert texts == {str(one.number) for one in chart.placed if one.front}
    assert len(texts) == 31
    assert "More than 300 points" in figure.get_supxlabel().replace("\n", " ")
    found = drawn_points(figure)
    assert len(found) == 350
    assert list(found.values()) == [
        (one.point.latency_s, one.point.joule_per_inference, pytest.approx(one.point.expanded_uncertainty_j))
        for one in chart.placed
    ]


def test_numbers_of_five_digits_stand_beside_their_texts():
    with house_style(7.0) as size:
        key = key_lines(
            [(str(number), "v1.0 somebody some-board") for number in range(10_000, 10_012)], 7.0, size
        )
        frame = new_frame(7.0, panels=1, title=[], legend=[], key=key, notes=[], virtual=False)
    boxes = assert_readable(frame.figure)
    assert sum(box.text.startswith("100") for box in boxes) == 12
