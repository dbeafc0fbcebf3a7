"""The wiring sheets: they are what their program draws, can be read, and name every pin."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font

from fixtures import make_wiring
from fixtures.wiring_draw import KINDS, Box, Sheet, Wire, problems, svg
from fixtures.wiring_sheets import NOTES, SHEETS
from tests.conftest import ROOT

UNO = ["D3", "5V", "GND", "TX to DUT [U]", "RX from DUT [U]", "HV", "LV"]
BOARD = ["USB (VCP)", "UART TX [U]", "UART RX [U]", "micro-SD card"]
DUT = ["UART RX", "UART TX", "timestamp pin", "VDD (supply)"]
PINS = {  # written from protocols.md 2, 3.5, 4.1, 4.2, 5 and 6
    "lpm01a": ["CN14-1 GND", "CN14-2 VDD", "CN14-3 VOUT", "D7", *UNO],
    "lpm01a-interface-board": ["CN14-1 GND", "CN14-2 VDD", "CN14-3 VOUT", "D7", *BOARD],
    "joulescope-js110": ["IN0 (GPI 0)", "IN+ [U]", "IN- [U]", "OUT+ [U]", "OUT- [U]", *UNO],
    "joulescope-js220": ["IN0 (GPI 0)", "Vref", "IN+ [U]", "OUT+ [U]", *UNO],
    "joulescope-js220-interface-board": ["IN0 (GPI 0)", "Vref", "IN+ [U]", "OUT+ [U]", *BOARD],
    "keysight-n6705": ["digital port pin 1", "output 1 +", "output 1 -", "sense 1 + [U]", *UNO],
    "keithley-2461": ["digital I/O line 1", "FORCE HI [U]", "SENSE LO [U]", *UNO],
    "keithley-2450": ["digital I/O line 1", "FORCE HI [U]", "SENSE LO [U]", *UNO],
    "ppk2-source": ["logic D0", "VOUT", "GND", *UNO],
    "ppk2-ampere": ["logic D0", "VIN", "VOUT", "GND", *UNO],
}
TRAPS = {  # the words of a trap that a sheet must not be without
    "lpm01a": [
        "JP4",
        "D7 is also RX",
        "can destroy a 3.3 V pin",
        "unpowered DUT",
        "open timestamp wire idles high",
    ],
    "lpm01a-interface-board": ["JP4", "no timer for edges", "micro-SD", "unpowered DUT"],
    "joulescope-js220": ["Vref open", "USB ground", "BSS138", "unpowered DUT"],
    "keysight-n6705": ["D3 of the Uno", "pulse of 10 µs at least [U]", "second output"],
    "keithley-2461": ["Line 1", "TSP"],
    "ppk2-ampere": ["does not know the voltage", "pulse of 1 µs is missed"],
}

each = pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)


def words(sheet):
    root = ElementTree.fromstring(svg(sheet))
    return [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_sheets_in_the_documentation_are_what_their_program_draws(tmp_path):
    assert make_wiring.make(tmp_path) == []
    drawn = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    shipped = {path.name: path.read_bytes() for path in make_wiring.FOLDER.iterdir()}
    assert drawn == shipped, "run: python -m fixtures.make_wiring"
    assert set(drawn) == {f"{name}.svg" for name in PINS}


@each
def test_each_sheet_names_every_pin_of_its_bench(sheet):
    shown = words(sheet)
    for pin in [*PINS[sheet.name], *DUT]:
        assert pin in shown, pin
    for box in sheet.boxes:
        for name in [*box.left.values(), *box.right.values()]:
            assert name in shown


@each
def test_each_sheet_warns_of_its_traps_and_says_what_to_check(sheet):
    text = " ".join(words(sheet)).replace("\N{NO-BREAK SPACE}", " ")
    for words_of_trap in TRAPS.get(sheet.name, ["unpowered DUT"]):
        assert words_of_trap in text, words_of_trap
    assert "less than an ohm" in text
    assert "joulebench doctor" in text


def wide(text, size, bold=False):
    """True width of a text in DejaVu Sans, which the sheets ask for first."""
    weight = "bold" if bold else "normal"
    font = FT2Font(findfont(FontProperties(family="DejaVu Sans", weight=weight), fallback_to_default=False))
    font.set_size(size, 72)
    font.set_text(text)
    return font.get_width_height()[0] / 64


@each
def test_no_text_leaves_its_sheet_or_its_box_or_meets_another(sheet):
    root = ElementTree.fromstring(svg(sheet))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        x, y, size = (float(text.attrib[name]) for name in ("x", "y", "font-size"))
        long = wide(text.text, size)
        left = {"start": x, "middle": x - long / 2, "end": x - long}[text.attrib["text-anchor"]]
        assert 0 <= left <= left + long <= width, text.text
        assert not (x < 640 and y > max(box.bottom for box in sheet.boxes)) or left + long < 655, text.text
        assert 0 < y < height
    for box in sheet.boxes:
        assert wide(box.title, 14, bold=True) < box.width
        assert wide(box.text, 11) < box.width
        for row in {*box.left, *box.right}:
            names = [box.left.get(row, ""), box.right.get(row, "")]
            assert sum(wide(name, 12) + 11 for name in names if name) + 6 < box.width, names


@each
def test_every_wire_has_its_colour_in_the_legend(sheet):
    legend = words(sheet)
    assert {KINDS[wire.kind][1] for wire in sheet.wires} <= set(legend)


@each
def test_the_dut_is_supplied_by_a_measured_wire_and_shares_its_ground_with_everybody(sheet):
    ends = {wire.stop: wire for wire in sheet.wires} | {wire.start: wire for wire in sheet.wires}
    assert ends["dut.left.12"].kind == "power"
    assert ends["dut.left.12"].start == "mon.right.12"
    assert ends["dut.left.4"].kind == ends["dut.left.13"].kind == "ground"
    measured = [wire for wire in sheet.wires if wire.kind == "power"]
    assert not [wire for wire in measured if "shift" in wire.start + wire.stop]  # pull-ups are not the DUT's
    marks = [wire for wire in sheet.wires if wire.kind == "mark"]
    assert any("mon.right" in wire.start + wire.stop for wire in marks)


def test_every_bench_file_has_its_sheet_on_the_page_and_each_note_a_sheet():
    page = (ROOT / "docs/how-to/wire-a-bench.md").read_text(encoding="utf-8")
    for sheet in SHEETS:
        assert f"(../wiring/{sheet.name}.svg)" in page
    for path in (ROOT / "energy/bench/benches").glob("*.toml"):
        twins = path.stem.endswith("virtual") or path.stem.startswith("emulated-")
        assert twins or f"benches/{path.name})" in page
    assert set(NOTES) == {"common", *PINS}
    used = re.findall(r'"@(\w+)"', (ROOT / "fixtures/wiring_notes.toml").read_text(encoding="utf-8"))
    assert set(used) == set(NOTES["common"])


def test_a_drawing_that_cannot_be_read_is_noticed():
    left = Box("a", "A", "", 0, 100, 0, 2, right={0.0: "one", 1.0: "two", 2.0: "left open"})
    right = Box("b", "B", "", 400, 100, 0, 2, left={0.0: "one", 1.0: "two"})
    between = Box("c", "C", "", 200, 50, 0, 0)

    def found(boxes, *wires):
        return problems(Sheet("x", "", "", boxes, wires, (), ()))

    straight = Wire("uart", "a.right.0", "b.left.0"), Wire("uart", "a.right.1", "b.left.1")
    assert found((left, right), *straight) == ["a: nothing is connected to left open"]
    on_another = Wire("uart", "a.right.1", "b.left.1", (150.0, 0.0, 350.0))
    assert any("lies on" in line for line in found((left, right), straight[0], on_another))
    assert any("runs through c" in line for line in found((left, right, between), *straight))
    with pytest.raises(KeyError):
        found((left, right), Wire("uart", "a.right.0", "b.left.7"))
