import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from algorithms.bulk.columns import rows_that_differ, table_of_arrow
from algorithms.errors import DataError
from algorithms.tabular.constants import Constant
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.table import Table

NOON = np.datetime64("2024-01-02T12:00").item()
TEXTS = {"text": ["a", "b"], "long": ["9007199254740993", "2"], "flag": ["true", "false"]}


@pytest.fixture(scope="module")
def encoder():
    days = np.array(["2024-01-01", "2024-01-03"], "datetime64[us]")
    columns = {name: np.array(values, dtype=object) for name, values in TEXTS.items()}
    columns |= {"number": np.array([1.0, 2.0]), "code": np.array([1.0, 2.0]), "date": days}
    return TabularEncoder.fit(Table(columns, 2), TabularFeederParams(categorical_column=("code",)), scaling="asinh")


def row_of(name, cells):
    """Return an Arrow table with the cells in one column and nothing in the others."""
    nothing = {other: pa.nulls(len(cells)) for other in ("text", "long", "flag", "number", "code", "date")}
    return pa.table(nothing | {name: cells})


def column_of(encoder, name, cells):
    return table_of_arrow(row_of(name, cells), encoder).columns[name]


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([3, None], pa.int8()),
        pa.array([3, None], pa.uint64()),
        pa.array([3, None], pa.float16()),
        pa.array([3, np.nan], pa.float64()),
        pa.array([Decimal("3.00"), None], pa.decimal128(10, 2)),
        pa.array([Decimal(3), None], pa.decimal256(50, 0)),
        pa.array([3.0, None]).dictionary_encode(),
    ],
    ids=lambda cells: str(cells.type),
)
def test_whatever_holds_numbers_is_a_number(encoder, cells):
    for name in ("number", "code"):
        np.testing.assert_array_equal(column_of(encoder, name, cells), [3.0, np.nan])


def test_booleans_are_one_and_zero_where_training_had_numbers(encoder):
    np.testing.assert_array_equal(column_of(encoder, "number", pa.array([True, False, None])), [1.0, 0.0, np.nan])


def test_booleans_are_spelled_as_in_training_where_it_had_texts(encoder):
    assert column_of(encoder, "flag", pa.array([True, False, None])).tolist() == ["true", "false", None]
    assert column_of(encoder, "text", pa.array([True, False])).tolist() == ["True", "False"], "unheard of: as pandas"


DICTIONARY = pa.dictionary(pa.int8(), pa.string())


@pytest.mark.parametrize("dtype", [pa.string(), pa.large_string(), pa.string_view(), DICTIONARY])
def test_texts_of_every_type_are_texts_and_some_mean_missing(encoder, dtype):
    cells = pa.array(["a", " NA ", None, "a"], pa.string()).cast(dtype)
    texts = column_of(encoder, "text", cells)
    assert texts.tolist() == ["a", None, None, "a"]


def test_a_dictionary_of_unsigned_codes_with_a_null_in_it_is_read(encoder):
    cells = pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.uint32()), pa.array([None, "b"]))
    assert column_of(encoder, "text", cells).tolist() == ["b", None, None]


@pytest.mark.parametrize("dtype", [pa.int64(), pa.decimal128(20, 0)])
def test_whole_numbers_keep_every_digit_where_training_had_texts(encoder, dtype):
    cells = pa.array([9007199254740993, None]).cast(pa.decimal128(20, 0)).cast(dtype)
    assert column_of(encoder, "long", cells).tolist() == ["9007199254740993", None]


def test_other_numbers_are_taken_by_the_encoder_as_texts_that_training_did_not_see(encoder):
    features = encoder.transform(table_of_arrow(row_of("text", pa.array([1.50, 2.0])), encoder))
    other = encoder.layout.first_slots[0] + 2
    assert features.slots[:, 0].tolist() == [other, other]
    assert column_of(encoder, "text", pa.array([Decimal("1.50")])).tolist() == [1.5]


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([NOON], pa.timestamp("s")),
        pa.array([NOON], pa.timestamp("ns")),
        pa.array([dt.datetime(2024, 1, 2, 12, tzinfo=dt.UTC)], pa.timestamp("ns", "Asia/Seoul")),
        pa.array(["2024-01-02T12:00:00"]),
        pa.array(["2024/01/02 21:00:00+09:00"]).dictionary_encode(),
    ],
    ids=lambda cells: str(cells.type),
)
def test_dates_of_every_unit_zone_and_spelling_are_dates_in_utc(encoder, cells):
    assert column_of(encoder, "date", cells).tolist() == [NOON]


@pytest.mark.parametrize("dtype", [pa.date32(), pa.date64()])
def test_a_day_is_a_date(encoder, dtype):
    cells = pa.array([dt.date(2024, 1, 2), None], dtype)
    assert column_of(encoder, "date", cells).tolist() == [NOON - dt.timedelta(hours=12), None]


@pytest.mark.parametrize("name", ["text", "long", "flag", "number", "code", "date"])
@pytest.mark.parametrize("cells", [pa.nulls(2), pa.array([None, "NA"]), pa.array([None, None], pa.timestamp("us"))])
def test_a_column_without_values_fits_every_type(encoder, name, cells):
    features = encoder.transform(table_of_arrow(row_of(name, cells), encoder))
    assert np.isfinite(features.numbers).all()


@pytest.mark.parametrize(
    ("name", "cells", "message"),
    [
        ("number", ["1", "x"], r"column number: row 101 has '1', the model was trained on numbers; correct the cell"),
        ("number", [None, dt.date(2024, 1, 2)], r"row 102 has '2024-01-02', the model was trained on numbers"),
        ("number", [1.0, np.inf], r"column number: row 102 is infinite; correct the cell or leave it empty"),
        ("date", ["2024-01-01", "soon"], r"column date: row 102 has 'soon', the model was trained on dates"),
        ("date", [20240101, 20240102], r"column date: row 101 has '20240101', the model was trained on dates"),
        ("text", [b"raw"], r"column text is of type binary, which is neither numbers, text nor dates; convert it"),
        ("number", [[1], [2]], r"column number is of type list<.*>, which is neither"),
        ("number", [dt.timedelta(1)], r"column number is of type duration"),
        ("date", pa.array([10**15], pa.timestamp("s")), r"column date: .* out of bounds"),
    ],
)
def test_what_the_model_cannot_take_is_refused_naming_column_row_and_value(encoder, name, cells, message):
    with pytest.raises(DataError, match=message) as refused:
        table_of_arrow(row_of(name, pa.array(cells)), encoder, first_row=100)
    assert list(refused.value.errors) == [name]


def test_a_missing_column_is_named(encoder):
    with pytest.raises(DataError, match="the data lack code, date, which the model was trained on"):
        table_of_arrow(row_of("text", pa.array(["a"])).drop(["code", "date"]), encoder)


def test_a_column_that_is_there_twice_is_refused(encoder):
    table = row_of("text", pa.array(["a"]))
    with pytest.raises(DataError, match="more than one column is named text"):
        table_of_arrow(table.append_column("text", pa.array(["b"])), encoder)


SEVEN, YES, DAY = Constant("number", "7"), Constant("text", "true"), Constant("date", "2024-01-02")


@pytest.mark.parametrize(
    ("constant", "cells", "count"),
    [
        (SEVEN, pa.array([7, 8, 8, None], pa.int8()), 2),
        (SEVEN, pa.array([7.0, np.nan, None, 7.5]), 1),
        (SEVEN, pa.array([Decimal("7.00"), Decimal("7.01")]), 1),
        (SEVEN, pa.array(["7", "7.0", "NA", None, "seven"]).dictionary_encode(), 1),
        (SEVEN, pa.array([[7], None]), 1),
        (Constant("number", "1"), pa.array([True, False, None]), 1),
        (YES, pa.array([True, False, False, None]), 2),
        (YES, pa.array(["true", "no", "NA"]), 1),
        (YES, pa.array([b"true", None]), 1),
        (DAY, pa.array([dt.date(2024, 1, 2), dt.date(2024, 1, 3), None]), 1),
        (DAY, pa.array([NOON], pa.timestamp("ns")), 1),
        (DAY, pa.array([1], pa.timestamp("ns")), 1),
        (DAY, pa.array([10**15], pa.timestamp("s")), 1),
        (DAY, pa.array([dt.datetime(2024, 1, 2, tzinfo=dt.UTC)], pa.timestamp("ns", "Asia/Seoul")), 0),
    ],
    ids=lambda value: str(getattr(value, "type", value)),
)
def test_cells_are_counted_that_are_not_the_one_value_of_the_training(constant, cells, count):
    assert rows_that_differ(pa.chunked_array([cells]), constant) == count
