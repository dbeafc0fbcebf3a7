"""What a PPK2 tells of itself, and the conversion that follows from it."""

from __future__ import annotations

import pytest

from drivers.ppk2.metadata import Calibration, read_metadata
from drivers.ppk2.twin.instrument import CALIBRATION
from energy.errors import BenchError

DEFAULT_R = (1031.64, 101.65, 10.15, 0.94, 0.043)


def fails(code, call):
    with pytest.raises(BenchError) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.hint


LINES = [f"{name}{k}: {values[k]!r}" for name, values in CALIBRATION.items() for k in range(5)]


def test_a_unit_with_resistances_alone_has_the_other_defaults():
    text = "Calibrated: 0\n" + "".join(f"R{k}: {ohm * 1.01}\n" for k, ohm in enumerate(DEFAULT_R))
    told = read_metadata(f"{text}HW: 9173\n", "port")
    assert told.r == pytest.approx([ohm * 1.01 for ohm in DEFAULT_R])
    assert told.gs == told.gi == told.ug == (1.0,) * 5
    assert told.o == told.s == told.i == (0.0,) * 5
    assert told.calibrated is False
    assert told.details == {"HW": "9173"}
    assert "R0" not in told.to_json()["defaults"]
    assert "GS1" in told.to_json()["defaults"]


@pytest.mark.parametrize("flag", ["1", "0", None])
@pytest.mark.parametrize("missing", range(0, 35, 4))
def test_every_coefficient_of_a_unit_with_a_calibration_is_required(flag, missing):
    lines = [*([f"Calibrated: {flag}"] if flag else []), *LINES]
    assert read_metadata("\n".join(lines), "port").r == CALIBRATION["R"]
    lost = LINES[missing]
    lines.remove(lost)
    with pytest.raises(BenchError, match=f"does not report {lost.partition(':')[0]}") as caught:
        read_metadata("\n".join(lines), "port")
    assert caught.value.code == "ppk2.metadata"


def test_a_calibrated_unit_with_a_resistance_of_0_or_two_values_is_an_error():
    zero = [line if not line.startswith("R2") else "R2: 0.0" for line in LINES]
    fails("ppk2.metadata", lambda: read_metadata("\n".join(["Calibrated: 1", *zero]), "port"))
    twice = ["Calibrated: 1", *LINES, "GI3: 1.0023"]
    fails("ppk2.metadata", lambda: read_metadata("\n".join(twice), "port"))


def test_resistances_of_0_are_ignored_and_the_flag_is_told():
    told = read_metadata("Calibrated: 0\r\n" + "".join(f"R{k}: 0.000\r\n" for k in range(5)), "port")
    assert told.r == DEFAULT_R
    assert told.calibrated is False


def test_what_lies_before_the_metadata_is_not_looked_at():
    told = read_metadata("\x12\x00\xff\x01\x80\n" + "\n".join(LINES), "port")
    assert told.to_json()["I"] == list(CALIBRATION["I"])
    assert told.calibrated is None


@pytest.mark.parametrize("text", ["", "R0 1031.64", "R0: x", "R1: nan", "R2: -1", "O3: inf"])
def test_metadata_that_cannot_be_used_are_an_error(text):
    fails("ppk2.metadata", lambda: read_metadata(text, "port"))


# Conversion, by the formula of protocols.md 6 in plain Python.


def by_hand(adc, index, c, supply_v):
    k = min(index, 4)
    r = (4 * adc - c["O"][k]) * (1.8 / 163840) / c["R"][k]
    return c["UG"][k] * (r * (c["GS"][k] * r + c["GI"][k]) + (c["S"][k] * supply_v + c["I"][k]))


@pytest.mark.parametrize("supply_v", [0.8, 3.3])
def test_every_word_is_converted_as_the_formula_says(supply_v):
    c = {**CALIBRATION, "UG": (1.0, 1.01, 0.99, 1.0, 1.2)}
    text = "".join(f"{name}{k}: {values[k]!r}\n" for name, values in c.items() for k in range(5))
    table = read_metadata(text, "port").table(supply_v)
    for index in range(8):
        for adc in (0, 1, 27, 28, 4095, 9999, 16382, 16383):
            word = adc | index << 14
            wanted = by_hand(adc, index, c, supply_v)
            assert table[word] == pytest.approx(wanted, rel=1e-6, abs=1e-12)


def test_the_default_of_range_0_at_full_scale_is_698_microampere():
    assert Calibration().table(3.3)[16383] == pytest.approx(0.72 / 1031.64 * (1 + 0.72 / 1031.64), rel=1e-3)
