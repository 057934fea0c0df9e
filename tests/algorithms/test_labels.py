import numpy as np
import pytest

from algorithms.errors import DataError
from algorithms.labels import binary_labels


def text(*values):
    return np.array(values, dtype=object)


@pytest.mark.parametrize(
    ("column", "anomaly"),
    [
        (np.array([0.0, 1.0, 1.0, 1.0]), "'1'"),
        (text("0", "1", "1", "1"), "'1'"),
        (text("False", "TRUE", "TRUE", "TRUE"), "'TRUE'"),
        (text("no", "Yes", "Yes", "Yes"), "'Yes'"),
        (text("N", "Y", "Y", "Y"), "'Y'"),
        (text("Normal", "neptune", "neptune", "neptune"), "'neptune'"),
        (text("normal", "a", "a", "a"), "'a'"),
    ],
)
def test_the_obvious_value_is_the_anomaly_even_when_it_is_frequent(column, anomaly):
    labels, notice = binary_labels(column, "y")
    assert labels.dtype == np.int8
    assert labels.tolist() == [0, 1, 1, 1]
    assert f"{anomaly} is the anomaly" in notice
    assert "75 %" in notice


@pytest.mark.parametrize("column", [text("a", "a", "b", "a"), np.array([3.0, 3.0, 7.0, 3.0]), text("1", "1", "2", "1")])
def test_of_two_other_values_the_rarer_is_the_anomaly_and_the_notice_says_so(column):
    labels, notice = binary_labels(column, "y")
    assert labels.tolist() == [0, 0, 1, 0]
    assert "the rarer value" in notice


def test_dates_and_signed_zeros_are_values_too():
    days = np.array(["2024-01-01", "2024-01-01", "2024-01-02"], "datetime64[us]")
    labels, notice = binary_labels(days, "y")
    assert labels.tolist() == [0, 0, 1]
    assert "'2024-01-02' is the anomaly" in notice
    assert binary_labels(np.array([0.0, -0.0, 1.0]), "y")[0].tolist() == [0, 0, 1]


def test_the_order_of_rows_does_not_decide_between_equally_frequent_values():
    forward, _ = binary_labels(text("a", "b", "a", "b"), "y")
    backward, _ = binary_labels(text("b", "a", "b", "a"), "y")
    assert forward.tolist() == backward[::-1].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("column", "label", "said"),
    [
        (np.zeros(3), 0, "'0' is its only value, so all rows are normal"),
        (text("Normal", "Normal", "Normal"), 0, "'Normal' is its only value, so all rows are normal"),
        (text("no", "no", "no"), 0, "'no' is its only value, so all rows are normal"),
        (np.ones(3), 1, "'1' is its only value, so all rows are anomalies"),
        (text("TRUE", "TRUE", "TRUE"), 1, "'TRUE' is its only value, so all rows are anomalies"),
    ],
)
def test_one_known_value_labels_all_rows_and_the_notice_says_so(column, label, said):
    labels, notice = binary_labels(column, "y")
    assert labels.dtype == np.int8
    assert labels.tolist() == [label] * 3
    assert notice == f"label y: {said}"


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (text("a", "b", "c"), "has 3: 'a', 'b', 'c'"),
        (text("a", "a"), "has 1: 'a'"),
        (np.arange(9.0), "has 9: '0', '1', '2', '3', '4' and 4 more"),
        (np.full(2, 7.0), "has 1: '7'"),
        (text("normal", None, "normal"), "row 2 has no label"),
        (text("a", None, "b"), "row 2 has no label; fill in or remove"),
        (np.array([0.0, 1.0, np.nan]), "row 3 has no label"),
        (np.array(["2024-01-01", "NaT"], "datetime64[us]"), "row 2 has no label"),
        (text(), "has 0: none"),
    ],
)
def test_it_refuses_other_columns_and_names_column_and_values(column, why):
    with pytest.raises(DataError) as failure:
        binary_labels(column, "DEFECT")
    assert "DEFECT" in str(failure.value)
    assert why in failure.value.errors["DEFECT"][0]
