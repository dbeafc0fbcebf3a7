"""The house style, and the helper that reads figures back."""

from __future__ import annotations

import re
import zlib

import numpy as np
import pytest

from energy.catalogue.processors import KINDS
from energy.errors import UsageError
from energy.report.figures import axes as house_axes
from energy.report.figures import style
from tests.report.boxes import assert_readable, evenly_spaced, overlaps, text_boxes, tick_numbers


def drawn(width_in: float, low: float, high: float, *, log: bool = False):
    with style.house_style(width_in):
        figure = style.new_figure(width_in, 2.4)
        axes = figure.add_subplot()
        axes.plot(np.linspace(0, 2.5, 50), np.geomspace(low, high, 50) if log else np.linspace(low, high, 50))
        if log:
            axes.set_yscale("log")
        house_axes.si_axis(axes, "x", "time", "s")
        house_axes.si_axis(axes, "y", "power", "W")
        style.add_title(
            figure, ["NUCLEO-L4R5ZI · 1.8 V · keyword spotting", "a second line that says more"], virtual=True
        )
        style.add_footer(figure, ["scope: MCU and memory, not the regulator " * 4])
    return figure


@pytest.mark.parametrize("width_in", [style.COLUMN_IN, style.PAGE_IN, style.SCREEN_IN])
def test_text_is_at_least_6_pt_and_nothing_collides(width_in):
    boxes = assert_readable(drawn(width_in, 0.0, 0.05))
    assert any("VIRTUAL · NUCLEO" in box.text for box in boxes)
    assert any("regulator" in box.text for box in boxes)


@pytest.mark.parametrize("what", ["small", "outside", "overlap"])
def test_the_helper_finds_text_that_cannot_be_read(what):
    figure = drawn(style.PAGE_IN, 0.0, 0.05)
    axes = figure.axes[0]
    if what == "small":
        axes.text(1, 0.02, "small", fontsize=5.9)
    elif what == "outside":
        figure.text(0.97, 0.5, "half of this is outside").set_in_layout(False)
    else:
        axes.text(1, 0.02, "first of all")
        axes.text(1.01, 0.02, "second")
    pattern = {"small": "under 6", "outside": "leaves the canvas", "overlap": "first of all"}[what]
    with pytest.raises(AssertionError, match=pattern):
        assert_readable(figure)


def test_the_helper_reads_only_what_is_drawn():
    figure = drawn(style.PAGE_IN, 0.0, 0.05)
    figure.axes[0].text(1, 0.02, "hidden").set_visible(False)
    texts = [box.text for box in text_boxes(figure)]
    assert "hidden" not in texts
    assert "power (mW)" in texts
    assert overlaps(text_boxes(figure)) == []


@pytest.mark.parametrize(
    ("low", "high", "label"),
    [
        (0, 0.0478, "power (mW)"),
        (0, 1.1e-6, "power (µW)"),
        (0, 3.0, "power (W)"),
        (-2e-3, 0, "power (mW)"),
        (0, 4e4, "power (kW)"),
    ],
)
def test_ticks_are_plain_numbers_of_the_unit_in_the_label(low, high, label):
    figure = drawn(style.PAGE_IN, low, high)
    axes = figure.axes[0]
    text_boxes(figure)
    assert axes.get_ylabel() == label
    prefix = {"m": 1e-3, "µ": 1e-6, "k": 1e3}.get(label[7], 1.0)
    numbers = tick_numbers(figure)[1]
    assert evenly_spaced(numbers)
    assert np.allclose(np.array(numbers) * prefix, axes.get_yticks())


def test_a_logarithmic_axis_has_no_powers_of_ten():
    figure = drawn(style.PAGE_IN, 2e-4, 0.3, log=True)
    texts = [box.text for box in text_boxes(figure)]
    assert not [text for text in texts if "^" in text or "$" in text or ("e" in text and text[0].isdigit())]
    assert figure.axes[0].get_ylabel() == "power (mW)"
    assert {"1", "10", "100"} <= set(texts)


def test_a_logarithmic_axis_of_less_than_a_decade_has_labels():
    figure = drawn(style.PAGE_IN, 1.2e-3, 8e-3, log=True)
    assert {"2", "5"} <= {box.text for box in text_boxes(figure)}


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.0, 0.5, 1.0], ["0.0", "0.5", "1.0"]),
        ([100.0, 200.0], ["100", "200"]),
        ([0.0, 0.25, 0.5], ["0.00", "0.25", "0.50"]),
        ([10.3456, 10.3458], ["10.3456", "10.3458"]),
        ([-1.0, 0.0, 1.0], ["\N{MINUS SIGN}1", "0", "1"]),
        ([], []),
        ([7.0], ["7"]),
    ],
)  # fmt: skip
def test_numbers_of_an_axis_have_the_decimals_that_their_distance_needs(values, texts):
    assert house_axes.plain(values) == texts


@pytest.mark.parametrize(
    ("text", "width_in"),
    [
        ("3.3in", 3.3),
        ("7in", 7.0),
        ("8.4cm", 8.4 / 2.54),
        ("84mm", 84 / 25.4),
        ("84 mm", 84 / 25.4),
        ("page", 7.0),
        ("SCREEN", 12.0),
        ("12.IN", 12.0),
    ],
)
def test_widths_have_units(text, width_in):
    assert style.parse_width(text) == pytest.approx(width_in)


@pytest.mark.parametrize(
    "text", ["7", "", "-3in", "3.3inch", "1in", "31in", "nan", "1e1in", "99999999cm", "7pt"]
)
def test_a_width_without_a_unit_or_beyond_the_limits_is_an_error(text):
    with pytest.raises(UsageError) as raised:
        style.parse_width(text)
    assert raised.value.code == "usage.width"


def test_colours_and_markers():
    assert style.colour_of("kws01") == style.colour_of("kws") != style.colour_of("ad01")
    assert style.colour_of(None) == style.colour_of("other") == style.GREY
    colours = [style.colour_of(name) for name in ("ad", "ic", "kws", "vww", "sww")]
    assert len(set(colours)) == 5
    kinds = [*KINDS, None]
    assert len({style.marker_of(kind) for kind in kinds}) == len(KINDS)


def test_text_is_folded_to_its_width_and_none_is_lost():
    words = "the quick brown fox jumps over the lazy dog " * 5
    parts = style.fold(words, 7.0, 200.0)
    assert " ".join(parts).split() == words.split()
    assert all(style.text_width_pt(part, 7.0) <= 200.0 for part in parts)
    long = "x" * 400
    cut = style.fold(long, 7.0, 200.0)
    assert "".join(cut) == long
    assert len(cut) > 5


def test_fonts_in_pdf_are_truetype_and_text_in_svg_is_text(tmp_path):
    figure = drawn(style.COLUMN_IN, 0.0, 0.05)
    pdf = style.save(figure, tmp_path / "a.pdf").read_bytes()
    streams: list[bytes] = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.S)
    text = pdf + b"".join(inflated(piece) for piece in streams)
    assert b"/Type3" not in text
    assert b"/CIDFontType2" in text or b"/TrueType" in text
    svg = style.save(figure, tmp_path / "a.svg").read_text("utf-8")
    assert ">power (mW)</text>" in svg


def test_a_file_is_the_same_each_time(tmp_path):
    for ending in ("pdf", "svg", "png"):
        one, two = (
            style.save(drawn(3.3, 0, 0.05), tmp_path / f"{name}.{ending}").read_bytes() for name in "ab"
        )
        assert one == two, ending


def test_a_png_of_a_column_has_300_dots_an_inch(tmp_path):
    content = style.save(drawn(style.COLUMN_IN, 0, 0.05), tmp_path / "a.png").read_bytes()
    assert int.from_bytes(content[16:20], "big") == 990


def inflated(piece: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(piece)
    except zlib.error:
        return b""  # a stream that is not compressed, which is read as it is
