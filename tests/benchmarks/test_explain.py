import json

import numpy as np
import pandas as pd
import pytest

from algorithms.graphbean.graph import BipartiteGraph, Parts
from benchmarks.explain import DEVIATIONS, corrupted, corrupted_edges, main, places


def test_one_column_of_each_row_is_corrupted_so_that_it_does_not_fit_the_others():
    grades, mills = ["A", "B", "C"] * 20, ["north", "south", "south"] * 20
    frame = pd.DataFrame({"grade": grades, "mill": mills, "weight": np.arange(60.0)})
    columns, known = list(frame), set(zip(grades, mills, strict=True))
    rows, chosen = corrupted(frame, columns, ["grade", "mill"], frame, np.random.default_rng(0))
    assert set(chosen) == set(columns)
    for row, before, name in zip(rows, frame.to_dict("records"), chosen, strict=True):
        assert [column for column in row if row[column] != before[column]] == [name]
        if name == "weight":
            assert abs(row[name] - before[name]) == pytest.approx(DEVIATIONS * frame["weight"].std())
        else:
            assert row[name] in set(frame[name])
            assert (row["grade"], row["mill"]) not in known
    json.dumps(rows)


def test_a_category_of_which_any_other_fits_is_left_as_it_is():
    frame = pd.DataFrame({"strand": [1, 2] * 10, "grade": ["A", "A", "B", "B"] * 5, "weight": np.arange(20.0)})
    _, chosen = corrupted(frame, list(frame), ["strand", "grade"], frame, np.random.default_rng(0))
    assert set(chosen) == {"weight"}


def test_one_attribute_of_some_edges_is_corrupted():
    edge_index = np.array([[0, 0, 1, 2], [0, 1, 1, 0]])
    graph = BipartiteGraph(edge_index, Parts(np.zeros((3, 1)), np.zeros((2, 1)), np.zeros((4, 3))))
    changed, edges, attributes = corrupted_edges(graph, np.array([1.0, 2.0, 3.0]), 2, np.random.default_rng(0))
    assert len(set(edges.tolist())) == 2
    assert np.count_nonzero(changed.x.e) == 2
    assert np.abs(changed.x.e[edges, attributes]).tolist() == (DEVIATIONS * (1 + attributes)).tolist()
    assert not graph.x.e.any()


def test_the_place_of_a_column_is_counted_from_the_first():
    explained = [[{"column": "a"}, {"column": "b"}], [{"column": "b"}, {"column": "a"}]]
    assert places(explained, ["b", "b"]) == [1, 0]


@pytest.mark.shared_data
@pytest.mark.usefixtures("shared_data")
def test_it_measures_tables_and_edges(tmp_path):
    main(["--quick", "--rows", "50", "--json", str(tmp_path / "explain.json")])
    result = json.loads((tmp_path / "explain.json").read_text())["result"]
    for name in ("cards", "steel", "nsl-kdd", "health claims, edges"):
        assert result[name]["first"] > 2 / result[name]["columns"]
