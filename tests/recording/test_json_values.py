"""JSON of any origin: the quicker parser gives what that of the standard library gives, or nothing."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.recording.jsonvalues import parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
ODD = (
    *(
        "-0",
        "-0.0",
        "1e400",
        "-1e400",
        "1e-400",
        "9" * 25,
        "18446744073709551616",
        "9007199254740993.0",
        "1e23",
    ),
    *(
        "NaN",
        "[Infinity]",
        '{"a":1,"b":2,"a":3}',
        '"\\ud800"',
        '"\\ud800\\u0041"',
        '"\\ud83d\\ude00"',
        '"\x7f"',
    ),
    *(
        " \n\t\r1 ",
        "\ufeff1",
        "01",
        "1.",
        ".5",
        "+1",
        "[1,]",
        "{,}",
        "'a'",
        "1 2",
        "",
        " ",
        "tru",
        '"a\tb"',
        "\0",
    ),
    *(
        "[" * 150 + "]" * 150,
        "[" * 300 + "]" * 300,
        "0.30000000000000004",
        "5e-324",
        "2.2250738585072011e-308",
    ),
)


def outcome(parse, data) -> str:
    """What a parser gives, or how it fails; as text, since NaN differs from itself and 1 from 1.0 not."""
    try:
        return repr(parse(data))
    except ValueError as error:
        return f"{type(error).__name__}: {error}"


@given(VALUES.map(json.dumps), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_documents_are_those_of_the_standard_library(text, encoding):
    assert outcome(parse_json, text) == outcome(json.loads, text)
    assert outcome(parse_json, text.encode(encoding)) == outcome(json.loads, text.encode(encoding))


@pytest.mark.parametrize("text", ODD)
def test_odd_documents_are_those_of_the_standard_library(text):
    assert outcome(parse_json, text) == outcome(json.loads, text)
    data = text.encode()
    assert outcome(parse_json, data) == outcome(json.loads, data)


def test_floats_are_the_nearest_to_their_text():
    rng = random.Random(16)
    for _ in range(3000):
        text = (
            f"{rng.randrange(10 ** rng.randrange(1, 25))}.{rng.randrange(10**18)}e{rng.randrange(-320, 300)}"
        )
        assert parse_json(text) == float(text)


def test_bytes_that_are_no_text_are_an_error():
    for data in (b'"\xff"', b'"\xed\xa0\x80"', b"\xff\xfe", b'{"\xc3": 1}'):
        assert outcome(parse_json, data) == outcome(json.loads, data)
