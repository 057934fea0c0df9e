import numpy as np
import pytest

from algorithms.tabular.constants import Constant, changed_in_row, changed_in_rows
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.table import Table

CONSTANTS = {"n": Constant("number", "5"), "t": Constant("text", "x"), "d": Constant("date", "2017-01-31")}


def table(n, t, d, other=(1.0, 2.0)):
    columns = {
        "n": np.array([n, 5.0]),
        "t": np.array([t, "x"], dtype=object),
        "d": np.array([d, "2017-01-31"], dtype="datetime64[us]"),
        "other": np.array(other),
    }
    return Table(columns, 2)


def test_an_encoder_remembers_the_only_value_of_each_column_that_it_leaves_out():
    encoder = TabularEncoder.fit(table(np.nan, "x", "NaT"), TabularFeederParams(), scaling="asinh")
    assert list(encoder.columns) == ["other"]
    assert encoder.constants == CONSTANTS
    assert TabularEncoder.from_dict(encoder.to_dict()).constants == CONSTANTS


@pytest.mark.parametrize(
    "row",
    [
        {"n": 5, "t": "x", "d": "2017-01-31"},
        {"n": 5.0, "d": "2017/01/31"},
        {"n": "5.0", "d": "2017-01-31T00:00:00"},
        {"n": None, "t": "", "d": "NA"},
        {"n": float("nan")},
        {},
    ],
)
def test_the_same_value_in_other_words_or_none_is_not_worth_a_word(row):
    assert list(changed_in_row(CONSTANTS, row)) == []


def test_another_value_is_told_beside_the_one_of_training():
    said = list(changed_in_row(CONSTANTS, {"n": 6, "t": "y", "d": "2017-02-01"}))
    assert said[0] == "n: was '5' in every training row and is 6 here; the score knows nothing of it"
    assert [line.partition(":")[0] for line in said] == ["n", "t", "d"]


@pytest.mark.parametrize("value", [True, [5], {"a": 5}, "many", 10**400])
def test_values_of_other_kinds_are_other_values(value):
    assert len(list(changed_in_row(CONSTANTS, {"n": value}))) == 1


def test_rows_with_another_value_are_counted_by_column():
    assert changed_in_rows(CONSTANTS, table(5.0, None, "NaT")) == []
    [number, date] = changed_in_rows(CONSTANTS, table(5.1, "x", "2017-01-31T00:00:01"))
    assert number.startswith("n was '5' in every training row and has another value in 1 of 2 rows")
    assert date.startswith("d was '2017-01-31'")


def test_the_same_number_or_date_as_text_has_not_changed():
    other_words = Table(
        {
            "n": np.array(["5.0", "five", "5", None], dtype=object),
            "d": np.array(["2017/01/31", "2017-01-31T00:00:00Z", "soon", "2017-01-31"], dtype=object),
        },
        4,
    )
    [number, date] = changed_in_rows(CONSTANTS, other_words)
    assert number.startswith("n was '5' in every training row and has another value in 1 of 4 rows")
    assert date.startswith("d was '2017-01-31' in every training row and has another value in 1 of 4 rows")


def test_a_text_in_other_words_is_another_value():
    written = Table({"t": np.array(["1.0", "1"], dtype=object)}, 2)
    [said] = changed_in_rows({"t": Constant("text", "1")}, written)
    assert "in 1 of 2 rows" in said


def test_a_column_that_the_rows_lack_has_not_changed():
    assert changed_in_rows({"gone": Constant("number", "1")}, table(5.0, "x", "2017-01-31")) == []
