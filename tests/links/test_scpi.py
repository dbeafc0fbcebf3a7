"""SCPI over a link, and the interpreter that twins of SCPI instruments are built on."""

from __future__ import annotations

import pytest

from drivers.links.clock import RealClock
from drivers.links.scpi import Scpi
from drivers.links.visa_link import VisaLink
from drivers.virtual.ports import Port
from drivers.virtual.scpi_instrument import ScpiInstrument, definite_block
from drivers.virtual.scpi_parser import OUT_OF_RANGE, ScpiError, channel_list
from energy.errors import BenchError
from tests.links.scpi_peer import ScpiPeer


@pytest.fixture
def queue():
    return []


@pytest.fixture
def scpi(queue):
    answers = {"VOLT?": b"+1.80000E+00\n", "FORM?": b"REAL\n", "BAD?": b"1.8 V\n", "INF?": b"inf\n"}

    def answer(line):
        if line == "SYST:ERR?":
            return queue.pop(0) if queue else b'+0,"No error"\n'
        return answers.get(line, b"")

    with ScpiPeer(answer) as peer:
        link = VisaLink(peer.resource, clock=RealClock(), timeout_s=1.0)
        yield Scpi(link, "smu")
        link.close()


def code_of(action, *arguments):
    with pytest.raises(BenchError) as caught:
        action(*arguments)
    assert caught.value.hint
    return caught.value.code


def test_numbers_are_numbers(scpi):
    assert scpi.number("VOLT?") == 1.8
    assert code_of(scpi.number, "BAD?") == "smu.answer"
    assert code_of(scpi.number, "INF?") == "smu.answer"


def test_a_setting_that_reads_back_otherwise_is_an_error_with_the_queue(scpi, queue):
    assert scpi.set_and_read("VOLT 1.8", "VOLT?", 1.8) == "1.8"
    assert scpi.set_and_read("VOLT 1.81", "VOLT?", 1.81, 0.02) == "1.8"
    assert scpi.set_and_read("FORM real", "FORM?", "real") == "REAL"
    queue.append(b'-222,"Data out of range"\n')
    with pytest.raises(BenchError, match=r"VOLT 99.*Data out of range") as caught:
        scpi.set_and_read("VOLT 99", "VOLT?", 99.0)
    assert caught.value.code == "smu.readback"
    assert code_of(scpi.set_and_read, "FORM ASC", "FORM?", "ASC") == "smu.readback"


def test_the_error_queue_is_emptied(scpi, queue):
    errors = [b'-113,"Undefined header"\n', b'-222,"Data out of range"\n']
    queue += errors
    assert scpi.drain_errors() == [error.decode().strip() for error in errors]
    assert scpi.drain_errors() == []
    scpi.check_errors("nothing")
    queue += errors
    with pytest.raises(BenchError, match=r"the output.*Undefined header.*out of range") as caught:
        scpi.check_errors("the output")
    assert caught.value.code == "smu.refused"


@pytest.mark.parametrize(
    "empty",
    [
        '0,"No error"',
        '+0,"No error"',
        "0  No Error",
        "0",
        "+0",
        "-0,'no errors'",
        '0;"No error"',
        "00,No error",
    ],
)
def test_the_leading_number_tells_an_empty_queue_in_every_dialect(scpi, queue, empty):
    queue += [b"-113  Undefined header\n", empty.encode() + b"\n", b"7\n"]
    assert scpi.drain_errors() == ["-113  Undefined header"]
    assert queue == [b"7\n"]


@pytest.mark.parametrize("answer", ["No error", '"0,No error"', "OK", "0x0", "0.5"])
def test_an_answer_without_an_error_number_is_an_error_that_names_it(scpi, queue, answer):
    queue += [answer.encode() + b"\n"]
    with pytest.raises(BenchError, match="without an error's number") as caught:
        scpi.drain_errors()
    assert caught.value.code == "smu.errors"
    assert answer in caught.value.message


def test_a_queue_without_end_is_an_error(scpi, queue):
    queue += [b'-310,"System error"\n'] * 1000
    assert code_of(scpi.drain_errors) == "smu.errors"


class Wire(Port):
    """A port that keeps what is written."""

    def __init__(self):
        super().__init__("wire")
        self.sent = b""
        self.opened = True

    def _read(self):
        return b""

    def _send(self, data):
        self.sent += data
        return len(data)

    def _shut(self):
        pass

    def ask(self, text):
        self.sent = b""
        self.on_bytes(text.encode() + b"\n")
        return self.sent.decode("latin-1")


@pytest.fixture
def twin():
    wire = Wire()
    scpi = ScpiInstrument(wire, "Maker,Model,1,2")
    values = {}
    scpi.add("[SENSe:]ELOG:PERiod", lambda call: values.update({call.channels: call.number()}))
    scpi.add("[SENSe:]ELOG:PERiod?", lambda call: ",".join(f"{values.get((n,), 0):g}" for n in call.channels))
    scpi.add("DIGital:PIN#:FUNCtion?", lambda call: str(call.suffixes[0]))
    scpi.add("DATA?", lambda call: definite_block(b"a\nb;c"))

    def refuse(call):
        raise ScpiError(OUT_OF_RANGE)

    scpi.add("VOLTage", refuse)
    return scpi, wire


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("*IDN?", "Maker,Model,1,2\n"),
        ("*idn?", "Maker,Model,1,2\n"),
        ("*OPC?;*IDN?", "1;Maker,Model,1,2\n"),
        ("SENSE:ELOG:PERIOD 0.5,(@1);PER? (@1)", "0.5\n"),
        ("elog:per 2,(@2);:SENS:ELOG:PER? (@2)", "2\n"),
        ("ELOG:PER 3,(@3);*OPC?;PER? (@3)", "1;3\n"),
        ("DIG:PIN4:FUNC?", "4\n"),
        ("DIG:PIN:FUNC?", "1\n"),
        ("DATA?", "#15a\nb;c\n"),
        ("SYST:ERR?;:SYSTEM:ERROR:NEXT?", '0,"No error";0,"No error"\n'),
        ("ELOG:PERI 1,(@1)", ""),
        ("*CLS", ""),
        ("", ""),
    ],
)
def test_the_twins_interpreter_takes_short_and_long_forms_and_joined_commands(twin, line, answer):
    assert twin[1].ask(line) == answer


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("NONSENSE 1", '-113,"Undefined header"'),
        ("ELOG:PERIODS 1,(@1)", '-113,"Undefined header"'),
        ("ELOG:PER (@1)", '-109,"Missing parameter"'),
        ("ELOG:PER fast,(@1)", '-104,"Data type error"'),
        ("ELOG:PER 1,(@x)", '-170,"Expression error"'),
        ("VOLT 3", '-222,"Data out of range"'),
    ],
)
def test_what_the_twin_does_not_take_goes_into_its_error_queue(twin, line, error):
    assert twin[1].ask(line) == ""
    assert twin[1].ask("SYST:ERR?;ERR?") == f'{error};0,"No error"\n'


def test_the_twins_queue_overflows_and_is_cleared(twin):
    for _ in range(30):
        twin[1].ask("NONSENSE")
    assert len(twin[0].errors) == 20
    assert twin[0].errors[-1].startswith("-350")
    twin[1].ask("*CLS")
    assert twin[1].ask("SYST:ERR?") == '0,"No error"\n'


def test_a_twin_refuses_and_is_silent_as_it_is_told(twin):
    twin[0].refuse.append(lambda text: "planted" if text.startswith("*OPC?") else None)
    assert twin[1].ask("*OPC?") == ""
    assert "planted" in twin[1].ask("SYST:ERR?")
    twin[0].is_silent = lambda: True
    assert twin[1].ask("*IDN?") == ""


def test_channel_lists_are_lists_and_ranges():
    assert channel_list("(@1,3:4)") == (1, 3, 4)
    with pytest.raises(ScpiError):
        channel_list("(@)")
