import pytest

from algorithms.tabular.compatibility import unusable_columns

TRAIN = {"n": "number", "t": "text", "d": "date", "y": "number"}


def test_the_same_columns_are_usable_in_any_order_and_with_more():
    assert unusable_columns({}, TRAIN, {**dict(reversed(TRAIN.items())), "z": "text"}) == {}


def test_a_column_that_evaluation_lacks_is_named():
    assert unusable_columns({}, TRAIN, {"n": "number", "t": "text", "y": "number"}) == {
        "d": "is missing; the training data have it as a date"
    }


@pytest.mark.parametrize(
    ("column", "given", "why"),
    [
        ("n", "text", "is text here and a number in the training data; make them the same"),
        ("n", "date", "is a date here and a number in the training data; make them the same"),
        ("d", "number", "is a number here and a date in the training data; make them the same"),
        ("d", "text", "is text here and a date in the training data; make them the same"),
    ],
)
def test_a_column_of_another_type_is_named(column, given, why):
    assert unusable_columns({}, TRAIN, TRAIN | {column: given}) == {column: why}


@pytest.mark.parametrize("given", ["number", "date"])
def test_text_accepts_every_type(given):
    assert unusable_columns({}, TRAIN, TRAIN | {"t": given}) == {}


def test_a_numeric_category_accepts_text():
    assert unusable_columns({"categorical_column": ["n"]}, TRAIN, TRAIN | {"n": "text"}) == {}


@pytest.mark.parametrize("column", ["n", "t", "d"])
def test_a_column_without_any_value_fits_every_type(column):
    assert unusable_columns({}, TRAIN, TRAIN | {column: "empty"}) == {}


def test_what_training_leaves_out_may_be_missing():
    evaluation = {"t": "text", "d": "date"}
    assert unusable_columns({"label_column": "y", "exclude_column": ["n"]}, TRAIN, evaluation) == {}
    assert unusable_columns({"encode_column": ["t"]}, TRAIN, {"t": "text"}) == {}
    assert unusable_columns({}, {"t": "text", "n": "empty"}, {"t": "text"}) == {}


def test_stored_parameters_may_be_null():
    stored = {"encode_column": None, "label_column": None, "exclude_column": [], "categorical_column": None}
    assert unusable_columns(stored, {"n": "number"}, {}) == {"n": "is missing; the training data have it as a number"}


def test_a_column_that_the_training_data_lack_is_not_asked_for():
    assert unusable_columns({"encode_column": ["t", "nope"]}, TRAIN, {"t": "text"}) == {}
