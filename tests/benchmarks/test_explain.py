import json

import numpy as np
import pandas as pd
import pytest

from algorithms.graphbean.graph import BipartiteGraph, Parts
from benchmarks.explain import DEVIATIONS, corrupted, corrupted_edges, main, places


def test_one_column_of_each_row_is_corrupted():
    frame = pd.DataFrame({"grade": ["A", "B", "C"] * 20, "weight": np.arange(60.0)})
    rows, chosen = corrupted(frame, ["grade", "weight"], ["grade"], frame, np.random.default_rng(0))
    assert set(chosen) == {"grade", "weight"}
    for row, before, name in zip(rows, frame.to_dict("records"), chosen, strict=True):
        assert [column for column in row if row[column] != before[column]] == [name]
        if name == "grade":
            assert row[name] in {"A", "B", "C"}
        else:
            assert abs(row[name] - before[name]) == pytest.approx(DEVIATIONS * frame["weight"].std())
    json.dumps(rows)


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
