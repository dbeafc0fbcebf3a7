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


def test_metadata_that_say_nothing_of_a_coefficient_leave_its_default():
    told = read_metadata("Calibrated: 1\nR0: 1000.5\nGS4: 0.5\nHW: 9173\n", "port")
    assert told.r == (1000.5, *DEFAULT_R[1:])
    assert told.gs == (1.0, 1.0, 1.0, 1.0, 0.5)
    assert told.gi == told.ug == (1.0,) * 5
    assert told.o == told.s == told.i == (0.0,) * 5
    assert told.calibrated
    assert told.details == {"HW": "9173"}
    assert "R0" not in told.to_json()["defaults"]
    assert "R1" in told.to_json()["defaults"]


def test_resistances_of_0_are_ignored_and_the_flag_is_told():
    told = read_metadata("Calibrated: 0\r\n" + "".join(f"R{k}: 0.000\r\n" for k in range(5)), "port")
    assert told.r == DEFAULT_R
    assert told.calibrated is False


def test_what_lies_before_the_metadata_is_not_looked_at():
    told = read_metadata(
        "\x12\x00\xff\x01\x80\nO2: -12.5\nI4: 1e-6\nUG1: 1.01\nS3: 2e-7\nGI0: 0.99\n", "port"
    )
    assert (told.o[2], told.i[4], told.ug[1], told.s[3], told.gi[0]) == (-12.5, 1e-6, 1.01, 2e-7, 0.99)
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
