"""The picture of a budget's shares, and the page that shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from energy.report.figures.budget import budget_picture
from energy.uncertainty.budget import Budget, Term
from energy.uncertainty.inputs import rectangular
from fixtures.make_budget_picture import PICTURE, budgets
from tests.report.boxes import assert_readable
from tests.report.traces import EVERY_WIDTH

ROOT = Path(__file__).parents[2]


def made(*rows: tuple[str, float, str]) -> Budget:
    terms = tuple(
        Term(rectangular(name, name, limit, "J", "here", status), 1.0)  # pyright: ignore[reportArgumentType]
        for name, limit, status in rows
    )
    return Budget("energy", "J", 1.0, 1.0, terms)


def drawn(figure) -> list[dict[str, object]]:
    figure.canvas.draw()
    return [
        {
            "labels": [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()],
            "widths": [bar.get_width() for bar in axes.patches],
            "texts": [text.get_text() for text in axes.texts],
            "title": axes.get_title(loc="left"),
        }
        for axes in figure.axes
    ]


def test_every_term_is_a_bar_as_long_as_its_share():
    budget = made(("gain", 0.03, "typical"), ("voltage", 0.01, "assumed"))
    (panel,) = drawn(budget_picture({"LPM01A": budget}))
    assert panel["labels"] == ["gain", "voltage"]
    assert panel["widths"] == pytest.approx([90.0, 10.0])
    assert panel["texts"] == ["90 %", "10 %"]
    assert panel["title"] == f"LPM01A\nenergy: {budget.text()}"


def test_small_terms_are_drawn_as_one_and_none_is_lost():
    small = [(f"small {k}", 0.01, "specified") for k in range(20)]
    (panel,) = drawn(budget_picture({"a": made(("gain", 1.0, "typical"), *small)}))
    assert panel["labels"] == ["gain", "20 smaller terms"]
    assert sum(panel["widths"]) == pytest.approx(100.0)  # pyright: ignore[reportCallIssue, reportArgumentType]
    assert panel["texts"] == ["100 %", "below 1 %"]


def test_the_legend_explains_the_colours_that_are_there():
    figure = budget_picture({"a": made(("gain", 1.0, "typical"), ("voltage", 1.0, "assumed"))})
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["typical figures", "an assumption"]


def test_a_budget_without_terms_can_be_drawn():
    (panel,) = drawn(budget_picture({"a": made()}))
    assert panel["widths"] == []


def test_several_budgets_have_the_same_scale():
    figure = budget_picture(
        {"a": made(("x", 1.0, "typical")), "b": made(("x", 1.0, "typical"), ("y", 1.0, "typical"))}
    )
    assert len({axes.get_xlim() for axes in figure.axes}) == 1


@pytest.mark.parametrize("width_in", EVERY_WIDTH)
def test_no_text_of_the_picture_lies_outside_it_or_over_another(width_in):
    assert_readable(budget_picture(budgets(), width_in=width_in))


def test_the_figures_of_the_page_are_those_of_the_budgets():
    page = (ROOT / "docs/how-to/read-a-budget.md").read_text(encoding="utf-8")
    found = list(budgets().values())
    assert found[0].text() in page
    low, high = found[0].interval
    assert f"between {low * 1e6:.0f} µJ and {high * 1e6:.0f} µJ" in page
    assert round(found[0].expanded / found[1].expanded) == 16
    assert "sixteen times better" in page
    image = re.search(r"\]\((\.\./images/[\w.-]+)\)", page)
    assert image
    assert (ROOT / "docs/how-to" / image[1]).resolve() == PICTURE
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
