import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from algorithms.errors import DataError
from algorithms.tables.values import refuse_infinite, type_of, values_of

DAY = dt.date(2024, 1, 2)
MIDNIGHT = np.datetime64("2024-01-02", "us").item()


def column_of(cells, **options):
    return values_of("x", pa.chunked_array([cells]), **options)


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([1, None], pa.int64()),
        pa.array([1, None], pa.uint8()),
        pa.array([1, None], pa.float32()),
        pa.array([1, np.nan], pa.float64()),
        pa.array([Decimal("1.00"), None], pa.decimal128(10, 2)),
        pa.array([True, None]),
        pa.array([1.0, None]).dictionary_encode(),
    ],
    ids=lambda cells: str(cells.type),
)
def test_whatever_holds_numbers_is_a_number(cells):
    assert type_of("x", cells.type) == "number"
    values = column_of(cells)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, [1.0, np.nan])


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([DAY, None], pa.date32()),
        pa.array([MIDNIGHT, None], pa.timestamp("us")),
        pa.array([MIDNIGHT, None], pa.timestamp("ns")),
        pa.array([MIDNIGHT.replace(tzinfo=dt.UTC), None], pa.timestamp("s", "Asia/Seoul")),
    ],
    ids=lambda cells: str(cells.type),
)
def test_dates_of_every_unit_and_zone_are_dates_in_utc(cells):
    assert type_of("x", cells.type) == "date"
    values = column_of(cells)
    assert values.dtype == np.dtype("datetime64[us]")
    assert values.tolist() == [MIDNIGHT, None]


@pytest.mark.parametrize(
    "dtype", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_texts_of_every_type_are_texts_and_some_mean_missing(dtype):
    cells = pa.array(["a", " NA ", None, "a"], pa.string()).cast(dtype)
    assert type_of("x", cells.type) == "text"
    texts = column_of(cells)
    assert texts.tolist() == ["a", None, None, "a"]
    assert texts[0] is texts[3]


def test_a_column_without_values_is_missing_throughout():
    assert np.isnan(column_of(pa.nulls(2))).all()
    assert column_of(pa.array([None, None], pa.string())).tolist() == [None, None]
    assert len(values_of("x", pa.chunked_array([], pa.string()))) == 0


def test_whole_numbers_keep_all_digits_when_asked_to():
    assert column_of(pa.array([2**53 + 1, None]), digits=True).tolist() == ["9007199254740993", None]
    assert column_of(pa.array([1.5]), digits=True).tolist() == [1.5]


@pytest.mark.parametrize(
    "dtype",
    [pa.binary(), pa.list_(pa.int64()), pa.struct([("y", pa.int64())]), pa.time32("s"), pa.duration("s")],
    ids=str,
)
def test_another_type_is_refused_with_a_remedy(dtype):
    with pytest.raises(
        DataError, match=r"column x is of type .* neither numbers, text nor dates; convert it"
    ) as failure:
        type_of("x", dtype)
    assert list(failure.value.errors) == ["x"]


def test_an_infinite_number_is_refused_with_its_row():
    with pytest.raises(DataError, match=r"column x: row 1,003 is infinite; correct the cell or leave it empty"):
        refuse_infinite("x", np.array([1.0, np.nan, -np.inf]), first_row=1000)
    refuse_infinite("x", np.array([1.7e308, np.nan]), first_row=0)
    refuse_infinite("x", np.array(["inf"], dtype=object), first_row=0)
