import numpy as np
import pytest

from algorithms.explanations import explanations, shown
from algorithms.scorer import Scorer
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.params import TabularFeederParams
from tests.algorithms.contract import steel
from tests.algorithms.test_scorer import ROWS, linear_model


@pytest.fixture(scope="module")
def encoder():
    return TabularEncoder.fit(steel(), TabularFeederParams(), scaling="asinh")


@pytest.fixture(scope="module")
def scorer(encoder):
    return Scorer(linear_model(encoder.layout), encoder, "squared", threshold=0.2)


def test_an_explained_row_is_scored_as_without_its_explanation(scorer):
    explained = scorer.explain_rows(ROWS)
    assert [{k: v for k, v in row.items() if k != "explanation"} for row in explained] == scorer.score_rows(ROWS)


def test_columns_come_by_falling_contribution_and_shares_sum_to_one(scorer):
    for row in scorer.explain_rows(ROWS):
        contributions = [why["contribution"] for why in row["explanation"]]
        assert contributions == sorted(contributions, reverse=True)
        assert sum(contributions) == pytest.approx(row["score"])
        assert sum(why["share"] for why in row["explanation"]) == pytest.approx(1)
        assert {why["column"]: why["contribution"] for why in row["explanation"]} == row["contributions"]


def test_the_expected_value_stands_beside_the_actual_one(scorer):
    for row, explained in zip(ROWS, scorer.explain_rows(ROWS), strict=True):
        by_column = {why["column"]: why for why in explained["explanation"]}
        for name, value in row.items():
            assert by_column[name]["actual"] == value
        assert [by_column[name]["expected"] for name in row] == [scorer.reconstruct([row])[0][name] for name in row]


def test_a_category_has_the_confidence_of_what_was_expected_and_a_sentence(scorer, encoder):
    table = encoder.table_of_rows(ROWS[:1])
    again = np.zeros((1, encoder.layout.width), np.float32)
    again[0, encoder.slices["grade"].start + 1] = 0.93
    contributions = [dict.fromkeys(scorer.columns, 1.0)]
    (why,) = explanations(encoder, table, again, contributions)
    (grade,) = (entry for entry in why if entry["column"] == "grade")
    other = encoder.columns["grade"].categories[1]
    assert (grade["expected"], grade["confidence"]) == (other, pytest.approx(0.93))
    assert grade["text"] == f"grade is A, the model expected {other}, 0.93"


def test_a_missing_value_is_said_to_be_missing(scorer):
    explained = scorer.explain_rows(ROWS)[1]["explanation"]
    (weight,) = (why for why in explained if why["column"] == "weight")
    assert weight["actual"] is None
    assert weight["text"].startswith("weight is missing, the model expected ")


def test_numbers_in_sentences_are_short():
    assert [shown(1234567.0), shown(0.123456), shown("SPHC"), shown(None)] == ["1235000", "0.1235", "SPHC", "nothing"]
