import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.tabular.cells import date_text, is_missing, number_text, parse_code, parse_date, parse_number


@pytest.mark.parametrize("text", ["", " ", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "#N/A", " NA\t"])
def test_these_texts_mean_no_value(text):
    assert is_missing(text)


@pytest.mark.parametrize("text", ["0", "-", "na", "none", "NAN", "N / A"])
def test_these_texts_are_values(text):
    assert not is_missing(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("-0.5", -0.5),
        (" 1.5 ", 1.5),
        (".5", 0.5),
        ("5.", 5),
        ("+3", 3),
        ("1e-3", 0.001),
        ("0", 0),
        ("0.0", 0),
        ("-9007199254740991", -9007199254740991),
        ("9007199254740992.", 9007199254740992),
        ("10000000000000000", 1e16),
    ],
)
def test_these_texts_are_numbers(text, number):
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "text", ["", "007", "-007", "00.5", "1,5", "1_000", "0x10", "१", "1 2", "e5", ".", "NaN", "1d", "True"]
)
def test_these_texts_are_no_numbers(text):
    assert parse_number(text) is None


@pytest.mark.parametrize("text", ["9007199254740992", "-9007199254740993", " +12345678901234567890 ", "9" * 400, "007"])
def test_no_number_stands_for_whole_numbers_that_float64_cannot_tell_from_their_neighbours(text):
    assert parse_code(text) is None


def test_other_numbers_stand_for_their_codes():
    assert [parse_code(text) for text in ("7", " 1e16", "9007199254740991")] == [7, 1e16, 9007199254740991]


@pytest.mark.parametrize("text", ["inf", "-Infinity", "1e999", "9" * 400 + ".0"])
def test_numbers_beyond_floats_are_infinite(text):
    assert math.isinf(parse_number(text))


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2017-01-31", "2017-01-31T00:00:00"),
        ("2017/01/31", "2017-01-31T00:00:00"),
        ("2017-01-31T10:00", "2017-01-31T10:00:00"),
        ("2017/01/31 10:00:01", "2017-01-31T10:00:01"),
        (" 2017-01-31 10:00:01.25 ", "2017-01-31T10:00:01.250000"),
        ("2017-01-31T10:00:01.123456789", "2017-01-31T10:00:01.123456"),
        ("2017-01-31T10:00:00Z", "2017-01-31T10:00:00"),
        ("2017-01-31T10:00:00+09:00", "2017-01-31T01:00:00"),
    ],
)
def test_these_texts_are_dates(text, date):
    assert parse_date(text).isoformat() == date


@pytest.mark.parametrize(
    "text",
    ["", "2017", "20170131", "2017-1-31", "2017-02-31", "31.01.2017", "2017-01/31", "10:00", "0001-01-01T00:00+09:00"],
)
def test_these_texts_are_no_dates(text):
    assert parse_date(text) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_number_is_that_number(number):
    assert parse_number(number_text(number)) == number


def test_numbers_have_their_shortest_text():
    assert [number_text(n) for n in (1.0, -0.0, 2.5, 1e15, 1e300, math.nan)] == [
        "1", "0", "2.5", "1000000000000000", "1e+300", "",
    ]  # fmt: skip


@given(st.datetimes())
def test_the_text_of_a_date_is_that_date(date):
    assert parse_date(date_text(date)) == date


@given(st.text(alphabet="0123456789-/ T:.Z+,", max_size=26) | st.datetimes().map(lambda date: date.isoformat(" ")))
def test_what_arrow_takes_for_a_date_is_that_date_here_too(text):
    try:
        [expected] = pc.cast(pa.array([text]), pa.timestamp("us")).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return
    if expected >= np.datetime64("0001-01-01"):
        assert parse_date(text) == expected.item()


@given(st.text(alphabet="0123456789+-.eEinfatyINFNA_ ", max_size=12))
def test_what_arrow_takes_for_a_number_is_that_number_here_too(text):
    try:
        [expected] = pc.cast(pa.array([text]), pa.float64()).to_pylist()
    except pa.ArrowInvalid:
        return
    number = parse_number(text)
    # Leading zeros and NaN are refused on purpose.
    assert number == expected or (number is None and (math.isnan(expected) or text.lstrip("+-").startswith("0")))
