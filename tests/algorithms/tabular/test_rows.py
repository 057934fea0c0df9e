import numpy as np
import pytest

from algorithms.errors import RowsInvalid
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.table import Table
from tests.algorithms.tabular.encoding import dense_rows

GOOD = {"n": 1.5, "t": "a", "d": "2017-01-31"}


@pytest.fixture(scope="module")
def encoder():
    table = Table(
        {
            "n": np.array([1.0, 2.0, 3.0]),
            "t": np.array(["a", "b", "1.0"], dtype=object),
            "d": np.array(["2017-01-30", "2017-01-31", "2017-02-01"], dtype="datetime64[us]"),
            "label": np.array([0.0, 0.0, 1.0]),
            "id": np.array([1.0, 2.0, 3.0]),
            "constant": np.array([1.0, 1.0, 1.0]),
        },
        rows=3,
    )
    feeder = TabularFeederParams(label_column="label", exclude_column=["id"])
    return TabularEncoder.fit(table, feeder, scaling="asinh")


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"n": "abc"}, "n", "row 2: expects a number, got 'abc'"),
        ({"n": "3.5"}, "n", "row 2: expects a number, got '3.5'"),
        ({"n": True}, "n", "row 2: expects a number, got True"),
        ({"n": float("nan")}, "n", "row 2: expects a finite number, within ±1.8e308"),
        ({"n": float("-inf")}, "n", "row 2: expects a finite number, within ±1.8e308"),
        ({"n": 10**400}, "n", "row 2: expects a finite number, within ±1.8e308"),
        ({"n": [1]}, "n", "row 2: expects a number, got [1]"),
        ({"t": {"a": 1}}, "t", "row 2: expects text, got {'a': 1}"),
        ({"t": False}, "t", "row 2: expects text, got False"),
        ({"t": 10**400}, "t", "row 2: expects a finite number, within ±1.8e308"),
        ({"d": "31.01.2017"}, "d", "row 2: expects a date such as 2017-01-31 or 2017-01-31T10:00:00, got '31.01.2017'"),
        ({"d": 20170131}, "d", "row 2: expects a date such as 2017-01-31 or 2017-01-31T10:00:00, got 20170131"),
        ({"x": 1}, "x", "row 2: unknown field; allowed are n, t, d, label, id, constant"),
    ],
)
def test_it_refuses_a_value_by_field_and_row(encoder, change, field, why):
    with pytest.raises(RowsInvalid) as failure:
        dense_rows(encoder, [GOOD, GOOD | change])
    assert failure.value.errors == {field: [why]}
    assert str(failure.value) == f"column {field}: {why}"


@pytest.mark.parametrize("field", GOOD)
def test_it_refuses_a_missing_field(encoder, field):
    row = {name: value for name, value in GOOD.items() if name != field}
    with pytest.raises(RowsInvalid) as failure:
        dense_rows(encoder, [row])
    assert failure.value.errors == {field: ["row 1: missing; send null for an unknown value"]}


@pytest.mark.parametrize("row", [None, [1, 2], "n", 5])
def test_it_refuses_a_row_that_is_no_object(encoder, row):
    with pytest.raises(RowsInvalid, match="row 2: expected an object"):
        dense_rows(encoder, [GOOD, row])


def test_it_refuses_no_rows(encoder):
    with pytest.raises(RowsInvalid, match="no rows were sent"):
        dense_rows(encoder, [])


@pytest.mark.parametrize("bad", [GOOD | {"n": "abc"}, GOOD | {"x": 1}])
def test_of_many_problems_it_lists_the_first_twenty(encoder, bad):
    with pytest.raises(RowsInvalid, match="only the first 20 problems are listed") as failure:
        dense_rows(encoder, [bad] * 1000)
    [problems] = failure.value.errors.values()
    assert len(problems) == 20
    assert problems[19].startswith("row 20: ")


def test_an_error_stays_short_however_large_the_value(encoder):
    rows = [GOOD | {"n": "x" * 10**6}, GOOD | {"n": [list(range(10**5))]}, GOOD | {"y" * 10**6: 1}]
    for row in rows:
        with pytest.raises(RowsInvalid) as failure:
            dense_rows(encoder, [row])
        assert len(str(failure.value)) < 400
        assert len(str(failure.value.errors)) < 400


def test_an_error_can_be_written_as_utf8_whatever_the_field_is_called(encoder):
    with pytest.raises(RowsInvalid) as failure:
        dense_rows(encoder, [GOOD | {"\ud800": "\udc00"}])
    assert str(failure.value).encode()
    assert "".join(failure.value.errors).encode()


def test_label_excluded_and_dropped_columns_may_be_sent_and_hold_anything(encoder):
    bare, _ = dense_rows(encoder, [GOOD])
    full, _ = dense_rows(encoder, [GOOD | {"label": "yes", "id": [1], "constant": None}])
    np.testing.assert_array_equal(full, bare)


def test_null_is_missing_in_every_column(encoder):
    features, [notices] = dense_rows(encoder, [dict.fromkeys(GOOD)])
    assert np.isfinite(features).all()
    assert notices == ["t: (missing) was not seen in training; scored as other"]


@pytest.mark.parametrize("text", ["", "NA", " null "])
def test_a_text_that_is_missing_in_files_is_missing_here(encoder, text):
    null, _ = dense_rows(encoder, [GOOD | {"t": None}])
    features, _ = dense_rows(encoder, [GOOD | {"t": text}])
    np.testing.assert_array_equal(features, null)


@pytest.mark.parametrize("text", ["", "NA", " null "])
def test_a_text_that_is_missing_in_files_is_a_missing_date_here(encoder, text):
    null, _ = dense_rows(encoder, [GOOD, GOOD | {"d": None}])
    features, _ = dense_rows(encoder, [GOOD, GOOD | {"d": text}])
    np.testing.assert_array_equal(features, null)
    with pytest.raises(RowsInvalid) as failure:
        dense_rows(encoder, [GOOD | {"d": text}, GOOD | {"d": 5}])
    assert list(failure.value.errors) == ["d"]
    assert len(failure.value.errors["d"]) == 1


def test_a_number_in_a_text_column_is_compared_as_its_text(encoder):
    text, _ = dense_rows(encoder, [GOOD | {"t": "1.0"}])
    number, notices = dense_rows(encoder, [GOOD | {"t": 1.0}])
    np.testing.assert_array_equal(number, text)
    assert notices == [[]]
    _, [notices] = dense_rows(encoder, [GOOD | {"t": 7}])
    assert notices == ["t: '7' was not seen in training; scored as other"]


def test_numbers_of_numpy_are_numbers(encoder):
    plain, _ = dense_rows(encoder, [GOOD | {"n": 2, "t": 1.0}])
    numpy, _ = dense_rows(encoder, [GOOD | {"n": np.int64(2), "t": np.float64(1.0)}])
    np.testing.assert_array_equal(numpy, plain)


def test_rows_alone_are_encoded_as_within_a_batch(encoder):
    rows = [GOOD, GOOD | {"n": None, "t": "b"}, GOOD | {"n": 7, "d": None}]
    batch, notices = dense_rows(encoder, rows)
    for i, row in enumerate(rows):
        alone, alone_notices = dense_rows(encoder, [row])
        np.testing.assert_array_equal(alone[0], batch[i])
        assert alone_notices == [notices[i]]
