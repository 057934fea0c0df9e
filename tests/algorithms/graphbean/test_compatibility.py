import pytest

from algorithms.graphbean.compatibility import unfit_columns, unusable_columns

FEEDER = {
    "u_column": "person",
    "v_column": "doctor",
    "count_distinct": ["claim"],
    "numeric_columns": ["amount"],
    "encode_column": ["kind"],
    "label_column": "fraud",
}
TRAIN = {"person": "text", "doctor": "number", "claim": "text", "amount": "number", "kind": "text", "fraud": "text"}


def test_columns_of_the_right_types_fit():
    assert unfit_columns(FEEDER, TRAIN, {}) == {}


def test_a_feeder_without_columns_fits():
    assert unfit_columns({"u_column": None, "count_distinct": []}, TRAIN, {}) == {}


def test_ids_without_any_value_are_refused():
    problems = unfit_columns(FEEDER, TRAIN | {"doctor": "empty"}, {})
    assert list(problems) == ["v_column"]
    assert "doctor has no value in any row" in problems["v_column"][0]


def test_a_text_column_cannot_be_summed_and_its_first_text_is_told():
    problems = unfit_columns(FEEDER, TRAIN | {"amount": "text"}, {"amount": "row 3 has 'n/k', which"})
    assert list(problems) == ["numeric_columns"]
    assert "amount is text (row 3 has 'n/k', which is no number)" in problems["numeric_columns"][0]
    assert "encode_column" in problems["numeric_columns"][0]


def test_dates_cannot_be_summed():
    assert "dates" in unfit_columns(FEEDER, TRAIN | {"amount": "date"}, {})["numeric_columns"][0]


@pytest.mark.parametrize(
    ("column", "field"), [("person", "u_column"), ("claim", "count_distinct"), ("kind", "encode_column")]
)
def test_a_label_of_the_evaluation_is_no_id_and_no_feature(column, field):
    (why,) = unfit_columns(FEEDER, TRAIN, {}, {column})["label_column"]
    assert column in why
    assert field in why


def test_evaluation_data_need_no_label_and_no_other_columns():
    evaluation = {name: kind for name, kind in TRAIN.items() if name != "fraud"} | {"more": "date"}
    assert unusable_columns(FEEDER, TRAIN | {"other": "text"}, evaluation) == {}


@pytest.mark.parametrize("column", ["person", "doctor", "claim", "amount", "kind"])
def test_evaluation_data_need_every_column_that_the_graph_is_made_of(column):
    evaluation = {name: kind for name, kind in TRAIN.items() if name != column}
    assert list(unusable_columns(FEEDER, TRAIN, evaluation)) == [column]


def test_ids_and_categories_may_be_of_another_type_in_evaluation_data():
    assert unusable_columns(FEEDER, TRAIN, TRAIN | {"doctor": "text", "kind": "number", "claim": "date"}) == {}


def test_evaluation_data_need_ids_and_numbers():
    unusable = unusable_columns(FEEDER, TRAIN, TRAIN | {"person": "empty", "amount": "text"})
    assert list(unusable) == ["person", "amount"]


def test_a_numeric_column_without_values_fits():
    assert unusable_columns(FEEDER, TRAIN, TRAIN | {"amount": "empty"}) == {}
    assert unfit_columns(FEEDER, TRAIN | {"amount": "empty"}, {}) == {}


def test_a_column_that_training_lacks_is_another_error():
    assert unusable_columns(FEEDER | {"count_distinct": ["nope"]}, TRAIN, TRAIN) == {}
