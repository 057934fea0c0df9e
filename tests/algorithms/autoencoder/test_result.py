import numpy as np
import pytest

from algorithms.autoencoder.result import evaluation_metrics, loss_history, raw_values
from algorithms.autoencoder.training import Epoch
from algorithms.score_files import NodeScores
from algorithms.tabular.table import Table

LABELS = np.array([0, 1], np.int8)


def node(labels=None):
    return NodeScores(np.array([1.0, 2.0]), np.zeros((2, 1), np.float32), labels)


@pytest.mark.parametrize(
    ("scored", "evaluated_on"),
    [
        ({"datasrc": node()}, "datasrc"),
        ({"datasrc": node(), "evaldata": node()}, "evaldata"),
        ({"datasrc": node(LABELS), "evaldata": node(LABELS)}, "evaldata"),
        ({"datasrc": node(LABELS), "evaldata": node()}, "datasrc"),
    ],
)
def test_evaldata_is_evaluated_unless_only_datasrc_has_labels(scored, evaluated_on):
    metrics, _ = evaluation_metrics(scored, 1.5)
    assert metrics["evaluated_on"] == evaluated_on
    assert metrics["flagged"] == 1
    assert ("roc_auc" in metrics) == (scored[evaluated_on].labels is not None)


def epochs(count):
    return [Epoch(i, count, 1 / i, None, 1.0, 0.0) for i in range(1, count + 1)]


def test_a_short_history_is_complete():
    assert loss_history(epochs(3)) == [{"epoch": i, "loss": 1 / i, "val_loss": None} for i in (1, 2, 3)]


def test_a_long_history_is_thinned_and_keeps_its_ends():
    history = loss_history(epochs(5000))
    assert len(history) == 1000
    assert (history[0]["epoch"], history[-1]["epoch"]) == (1, 5000)


def test_raw_values_are_json_values():
    table = Table(
        {
            "n": np.array([1.5, np.nan, 2]),
            "t": np.array(["a", None, "b"], dtype=object),
            "d": np.array(["2017-01-31T10:00:00", "NaT", "2017-02-01"], dtype="datetime64[us]"),
        },
        3,
    )
    assert raw_values(table) == [
        {"n": 1.5, "t": "a", "d": "2017-01-31T10:00:00"},
        {"n": None, "t": None, "d": None},
        {"n": 2.0, "t": "b", "d": "2017-02-01"},
    ]


def test_infinite_numbers_of_unused_columns_are_null():
    assert raw_values(Table({"n": np.array([np.inf, -np.inf])}, 2)) == [{"n": None}, {"n": None}]
