"""The published results as data: the facts, their assumed budgets, and which ranks cannot be told apart."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from importlib.metadata import entry_points

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.catalogue.assumed import (
    SPECIFICATIONS,
    budget_of_row,
    has_budget,
    mean_current_a,
    over_range,
    specification,
    subject_of_row,
)
from energy.catalogue.page import published_rounds_page
from energy.catalogue.ranking import Ranking, apart_from, rankings
from energy.catalogue.row import Row, read_rows, rows_in, rows_text
from energy.errors import RecordingError, UsageError
from tests.conftest import ROOT, SHARED, shared_folder

DRAWS = 200_000


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return read_rows()


@pytest.fixture(scope="module")
def found(rows: list[Row]) -> list[Ranking]:
    return rankings(rows)


def row_called(rows: list[Row], name: str) -> Row:
    return next(row for row in rows if row.id == name)


def test_the_shipped_rows_are_the_published_ones_figure_for_figure(rows):
    shared_folder("published")
    with (SHARED / "published_results.csv").open(encoding="utf-8", newline="") as file:
        published = list(csv.DictReader(file))
    assert len(rows) == len(published) == 365
    for row, facts in zip(rows, published, strict=True):
        assert {name: row.printed[name] for name in facts} == facts
        microjoule = facts["energy_uj_per_inf"]
        assert row.joule_per_inference == (float(microjoule) * 1e-6 if microjoule else None)
        assert row.inferences_per_second == float(facts["throughput_ips"])


def test_every_published_energy_of_a_known_monitor_has_a_budget_and_every_term_its_status(rows):
    with_energy = [row for row in rows if row.printed["energy_uj_per_inf"] and row.printed["emon"]]
    assert len(with_energy) == 163
    for row in with_energy:
        budget = budget_of_row(row)
        assert budget.value == budget.indicated == row.joule_per_inference
        statuses = {term.of.name: term.of.status for term in budget.terms}
        measured = {
            name for name, status in statuses.items() if status not in ("typical", "specified", "assumed")
        }
        assert measured <= ({"scatter of 5 windows, median"} if row.scatter_rsd else set()), row.id
        assert budget.assumed
        assert any("nobody knows what the measured rail fed" in note for note in budget.notes)
        assert any("inferred" in note for note in budget.notes) == row.printed["emon"].endswith("(inferred)")
        assert subject_of_row(row).circumstances.scope is None


def test_a_row_without_energy_has_no_budget(rows):
    row = row_called(rows, "v0.5/closed/syntiant/syntiant_9120/kws")
    assert not has_budget(row)
    with pytest.raises(UsageError, match="no energy with a known monitor"):
        budget_of_row(row)
    unknown = replace(row_called(rows, "v0.7/closed/silicon_labs/silicon_labs_xG24_DK2601B/kws"), monitor="x")
    with pytest.raises(UsageError, match="no energy with a known monitor"):
        budget_of_row(unknown)


def test_u_is_the_half_width_of_drawn_errors_with_an_lpm01a():
    """Gain 2 %, voltage 1 % (UM2243, UM2269), 200 ppm, edges of 1 ms each in 10 s, scatter 0.07 % of 5."""
    row = row_called(read_rows(), "v0.7/closed/STMicroelectronics/NUCLEO-U575ZI-Q/kws")
    assert row.scatter_rsd is None
    draw = np.random.default_rng(13)
    median = np.median(draw.normal(0.0, 7e-4, (DRAWS, 5)), axis=1)
    edges = draw.uniform(-1e-4, 1e-4, DRAWS) + draw.uniform(-1e-4, 1e-4, DRAWS)
    gain, voltage, clock = (draw.uniform(-a, a, DRAWS) for a in (0.02, 0.01, 2e-4))
    value = 1482.396e-6 * ((1 + gain) * (1 + voltage) * (1 + clock) + edges + median)
    low, high = np.quantile(value, [0.025, 0.975])
    assert budget_of_row(row).expanded == pytest.approx((high - low) / 2, rel=0.01)


def test_u_is_the_half_width_of_drawn_errors_with_a_js110():
    """Its current and voltage are 0.5 % and 0.1 % of the range (2 A and 5 V here), assumed; 100 ppm."""
    row = row_called(read_rows(), "v0.7/open/hls4ml-finn/pynq-z2/ic/CNV-W1A1")
    draw = np.random.default_rng(14)
    voltage_v, joule = 4.948, 2530.45e-6
    current_a = joule * 661.266 / voltage_v
    median = np.median(draw.normal(0.0, 7e-4, (DRAWS, 5)), axis=1)
    edges = draw.uniform(-1e-4, 1e-4, DRAWS) + draw.uniform(-1e-4, 1e-4, DRAWS)
    errors = (0.005, 2e-3 / current_a, 0.005, 5e-3 / voltage_v, 1e-4)
    relative = sum(draw.uniform(-a, a, DRAWS) for a in errors) + edges + median
    low, high = np.quantile(joule * (1 + relative), [0.025, 0.975])
    assert budget_of_row(row).expanded == pytest.approx((high - low) / 2, rel=0.02)


def test_a_scatter_that_was_read_in_the_trace_is_the_rows_own(rows):
    reference = row_called(rows, "v0.5/closed/reference/Nucleo-L4R5ZI/ad")
    term = next(t for t in budget_of_row(reference).terms if t.of.name.startswith("scatter"))
    assert reference.scatter_rsd == pytest.approx(
        4.8e-3, rel=0.01
    )  # a session with an error: 0.07 % is usual
    assert term.of.status == "measured"
    assert term.of.freedom == 4
    assert term.of.standard == pytest.approx(
        reference.scatter_rsd * 416.312e-6 * 1.1976 / math.sqrt(5), rel=1e-3
    )


def test_a_mean_current_above_the_range_is_named(rows):
    over = {row.id for row in rows if has_budget(row) and over_range(row)}
    with_lpm01a = {
        row.id
        for row in rows
        if row.monitor == "lpm01a" and has_budget(row) and (mean_current_a(row) or 0.0) > 0.05
    }
    assert over == with_lpm01a != set()
    assert all(
        "above the monitor's range" in " ".join(budget_of_row(row_called(rows, name)).notes) for name in over
    )


def half_width(relative: np.ndarray) -> float:
    low, high = np.quantile(relative, [0.025, 0.975])
    return float(high - low) / 2


def test_neighbours_differ_exactly_where_drawn_differences_do(found):
    """All pairs of an LPM01A, by draws of both specimens' errors, and of the errors of one."""
    draw = np.random.default_rng(15)
    errors = [draw.uniform(-a, a, (2, DRAWS)) for a in (0.02, 0.01, 2e-4)]
    own = sum(errors[1:], errors[0])
    edges = draw.uniform(-1e-4, 1e-4, (2, 2, DRAWS)).sum(axis=0)
    normal = np.median(draw.normal(0.0, 1.0, (2, DRAWS, 5)), axis=2)
    checked = {"yes": 0, "if one monitor": 0, "no": 0}
    for ranking in found:
        for before, place in zip(ranking.places, ranking.places[1:], strict=False):
            one, other = before.row, place.row
            if place.row.monitor != "lpm01a" or ranking.benchmark == "sww":
                continue
            first, second = one.joule_per_inference, other.joule_per_inference
            scatter = [(row.scatter_rsd or 7e-4) * normal[k] for k, row in enumerate((one, other))]
            apart = second * (own[1] + edges[1] + scatter[1]) - first * (own[0] + edges[0] + scatter[0])
            unknown = (second - first) / half_width(apart)
            expected = "yes" if unknown > 1 else "no"
            same = one.organization == other.organization
            if expected == "no" and same:
                near = 0.5 <= mean_current_a(one) / mean_current_a(other) <= 2
                gain = errors[0] if not near else errors[0][[0, 0]]
                shared = gain + errors[1][0] + errors[2][0]
                apart = second * (shared[1] + edges[1] + scatter[1]) - first * (
                    shared[0] + edges[0] + scatter[0]
                )
                expected = "if one monitor" if second - first > half_width(apart) else "no"
            if abs(unknown - 1) > 0.03:  # nearer to the border, draws and convolution may differ
                assert place.apart == expected, (one.id, other.id, unknown)
                checked[expected] += 1
    assert checked["yes"] > 90
    assert checked["no"] >= 3
    assert checked["if one monitor"] >= 4


def test_one_monitor_of_a_submission_cancels_only_at_like_currents_and_within_the_submission(rows):
    row = row_called(rows, "v1.1/closed/Krai/NUCLEO-L4R5ZI_X-CUBE-AI-7.3/ic")
    near = replace(row, path=row.path + "/b", joule_per_inference=row.joule_per_inference * 1.01)
    assert apart_from(row, near) == "if one monitor"
    assert apart_from(row, replace(near, organization="another")) == "no"
    assert apart_from(row, replace(near, round="v1.0")) == "no"
    far = replace(near, energy_mode_inferences_per_second=row.energy_mode_inferences_per_second * 3)
    assert apart_from(row, far) == "no"
    assert apart_from(row, replace(near, joule_per_inference=row.joule_per_inference * 1.05)) == "yes"


def test_the_page_of_the_published_rounds_is_what_the_program_writes(rows):
    page = (ROOT / "docs/reference/published-rounds.md").read_text(encoding="utf-8")
    assert page == published_rounds_page(rows), (
        "run: python -m energy.catalogue > docs/reference/published-rounds.md"
    )


def test_every_registered_specification_has_a_current_and_a_clock():
    names = {point.name for point in entry_points(group=SPECIFICATIONS)}
    assert {"lpm01a", "joulescope-js110", "joulescope-js220"} <= names
    for name in names:
        quantities = {line.quantity for line in specification(name)}
        assert {"current", "voltage", "time"} <= quantities, name


def test_a_catalogue_is_read_back_as_it_was_written(rows):
    strange = replace(rows[0], printed={**rows[0].printed, "system": "=1+1", "organization": '-a,"b"\n'})
    text = rows_text([strange, *rows[1:]])
    assert "'=1+1" in text
    again = rows_in(text, "x.csv")
    assert again[0].system == "=1+1"
    assert again[0].organization == '-a,"b"\n'
    assert again[1:] == rows[1:]


@given(st.integers(0, 4000), st.text(max_size=20), st.integers(0, 40))
def test_whatever_a_catalogue_holds_it_is_read_or_refused_with_a_code(position, text, cut):
    whole = rows_text(read_rows()[:12])
    position = min(position, len(whole))
    found = rows_or_code(whole[:position] + text + whole[position + cut :])
    assert found == "catalogue.damaged" or all(row.path for row in found)


def rows_or_code(text: str) -> list[Row] | str:
    try:
        return rows_in(text, "x.csv")
    except RecordingError as error:
        return error.code


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace("416.312", "416,312", 1), "line"),
        (lambda text: text.replace("416.312", "nan", 1), "energy_uj_per_inf is 'nan'"),
        (lambda text: text.replace("416.312", "-1", 1), "energy_uj_per_inf is '-1'"),
        (lambda text: text.replace("energy_uj_per_inf", "energy", 1), "no columns energy_uj_per_inf"),
        (lambda text: text + text.splitlines()[-1] + "\n", "two rows with the same path"),
        (lambda text: "", "no columns"),
    ],
)
def test_a_damaged_catalogue_is_refused_with_its_line(rows, change, why):
    with pytest.raises(RecordingError, match=why):
        rows_in(change(rows_text(rows)), "x.csv")
