"""SCPI as an instrument reads it, by the rules of SCPI-99 and IEEE 488.2."""

from __future__ import annotations

import pytest

from drivers.virtual.scpi_instrument import ScpiInstrument
from drivers.virtual.scpi_parser import Call, Header, ScpiError, channel_list, parameters, units
from tests.links.test_scpi import Wire


@pytest.mark.parametrize(
    "received",
    [
        "SOUR:VOLT",
        "SOURCE:VOLTAGE",
        "SOUR:VOLTAGE:LEV:IMM:AMPL",
        "SOURCE:VOLT:LEVEL",
        "SOUR1:VOLT",
        "VOLT",
        "VOLT1:AMPL",
    ],
)
def test_short_and_long_forms_optional_nodes_and_the_suffix_1_are_the_same_command(received):
    header = Header("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]")
    assert header.match(received) == ()
    assert header.match(f"{received}?") is None


@pytest.mark.parametrize(
    "received", ["SOURC:VOLT", "VOLTA", "VOLT:LEV:LEV", "SOUR", "VOLT:AMPL:IMM", "SOUR:VOLT?"]
)
def test_other_abbreviations_and_orders_are_no_command(received):
    assert Header("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]").match(received) is None


def test_a_number_in_a_header_is_taken_where_the_manual_has_one_and_is_an_error_elsewhere():
    header = Header("DIGital:LINE#:MODE?")
    assert header.match("DIG:LINE4:MODE?") == (4,)
    assert header.match("DIGITAL:LINE:MODE?") == (1,)
    with pytest.raises(ScpiError, match="-114"):
        header.match("DIG2:LINE1:MODE?")


@pytest.mark.parametrize(
    ("line", "headers"),
    [
        ("VOLT 1;CURR 2", ["VOLT", "CURR"]),
        (":SENS:CURR:RANG:AUTO 0;:SENS:CURR:RANG 1", ["SENS:CURR:RANG:AUTO", "SENS:CURR:RANG"]),
        (
            "SENS:CURR:RANG 1;NPLC 2;*CLS;AVER 1",
            ["SENS:CURR:RANG", "SENS:CURR:NPLC", "*CLS", "SENS:CURR:AVER"],
        ),
        ("TRAC:MAKE 'a;b',10;:OUTP?", ["TRAC:MAKE", "OUTP?"]),
        ("*RST;:stat:pres;:*CLS;", ["*RST", "STAT:PRES", "*CLS"]),
        (" ; ;OUTP ON; ", ["OUTP"]),
    ],
)
def test_units_of_a_line_continue_in_the_path_of_the_one_before(line, headers):
    assert [header for _, header, _ in units(line)] == headers


def test_parameters_keep_quotes_lists_and_blanks_apart():
    assert parameters(" 1, 'a,\"b\"' ,(@1,3:4)") == (("1", "'a,\"b\"'"), (1, 3, 4))
    assert parameters("'buffer', 10, ") == (("'buffer'", "10"), ())
    with pytest.raises(ScpiError, match="-102"):
        parameters("1,,2")
    with pytest.raises(ScpiError, match="-170"):
        channel_list("(@a)")


def test_strings_may_have_either_quotes_and_doubled_ones():
    call = Call("", ("'it''s'", '"x"', "'open"))
    assert call.string(0) == "it's"
    assert call.string(1) == "x"
    assert call.word(1) == '"x"'
    with pytest.raises(ScpiError, match="-151"):
        call.string(2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.8", 1.8), ("+.5", 0.5), ("2.", 2.0), ("1e-3", 1e-3), ("1.5E+1", 15.0), ("100MA", 0.1),
        ("3 V", 3.0),
        ("20 us", 20e-6), ("4.7 KOHM", 4700.0), ("3.2 KHZ", 3200.0), ("#H1F", 31.0), ("#B101", 5.0),
        ("MIN", -1.0), ("MAXimum", 5000.0), ("def", 7.0),
    ],
)  # fmt: skip
def test_numbers_have_units_bases_and_limits(text, value):
    assert Call("", (text,)).number(0, -1.0, 5000.0, 7.0) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5001", "-222"),
        ("-1.1", "-222"),
        ("MEAN", "-104"),
        ("1 KG", "-131"),
        ("5 K", "-131"),
        ("#HXY", "-104"),
    ],
)
def test_numbers_that_are_none_have_the_standard_s_errors(text, code):
    with pytest.raises(ScpiError, match=code):
        Call("", (text,)).number(0, -1.0, 5000.0, 7.0)


def test_switches_and_choices():
    assert [Call("", (word,)).switch() for word in ("ON", "off", "1", "0", "2")] == [
        True,
        False,
        True,
        False,
        True,
    ]
    with pytest.raises(ScpiError, match="-224"):
        Call("", ("YES",)).switch()
    words = ("FRONt", "REAR")
    assert [Call("", (word,)).choice(words) for word in ("front", "FRON", "'rear'")] == [
        "FRON",
        "FRON",
        "REAR",
    ]
    with pytest.raises(ScpiError, match="-224"):
        Call("", ("FRO",)).choice(words)
    with pytest.raises(ScpiError, match="-109"):
        Call("", ()).word()


@pytest.fixture
def instrument():
    wire = Wire()
    made = ScpiInstrument(wire, "Maker,Model,1,2", "OPT1")
    level = [1.0]
    made.add_number("LEVel", lambda: level[0], lambda value: level.__setitem__(0, value), 0.0, 10.0, 2.0)

    def ask(line):
        wire.sent = b""
        made.execute(line)
        return wire.sent.decode().strip()

    return ask


def test_a_setting_answers_its_value_and_its_limits(instrument):
    assert instrument("LEV?;LEV? MIN;LEV? MAX;LEV? DEF") == "1;0;10;2"
    assert instrument("LEV MAX;LEV?") == "10"
    assert instrument("LEV 11;LEV?") == "10"
    assert instrument("SYST:ERR?") == '-222,"Data out of range"'


def test_common_commands_keep_the_standard_event_and_status_registers(instrument):
    assert instrument("*IDN?;*OPT?;*OPC?;*TST?") == "Maker,Model,1,2;OPT1;1;0"
    assert instrument("*ESR?;*STB?") == "0;0"
    instrument("FOO")
    instrument("LEV 99")
    instrument("*OPC")
    assert instrument("*ESE 48;*ESE?;*STB?") == "48;36"
    assert instrument("*SRE 32;*STB?") == "100"
    assert instrument("SYST:ERR:COUN?") == "2"
    assert instrument("*ESR?;*ESR?") == "49;0"
    assert instrument("SYST:ERR?").startswith("-113")
    assert instrument("*CLS;SYST:ERR?;*STB?") == '0,"No error";0'
