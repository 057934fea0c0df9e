import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from algorithms.graphbean.graph import Parts
from algorithms.graphbean.score_files import StoredPart, file_of, mapped, stored_ids
from algorithms.graphbean.score_writing import ScoredGraph, write_graph
from algorithms.graphbean.texts import Texts
from algorithms.score_files import NodeScores

PAIRS = np.array([[0, 1, 1], [1, 0, 1]])
LABELS = np.array([0, 1, 0], np.int8)
THRESHOLDS = Parts(2.0, 4.0, 6.0)
COLUMNS = Parts(("sum of a", "error of its edges"), ("b", "error of its edges"), ("c", "structure"))


def scored(*pairs, labels=None):
    contributions = np.array(pairs, np.float32)
    return NodeScores(contributions.sum(axis=1).astype(np.float64), contributions, labels)


@pytest.fixture
def folder(tmp_path):
    graph = ScoredGraph(
        ids=(Texts.of(["홍길동", "7"]), Texts.of(["", "007"])),
        edge_index=PAIRS,
        rows=Parts(np.array([3, 4]), np.array([2, 5]), np.array([3, 2, 0])),
        scored=Parts(scored((1, 0.5), (2, 1)), scored((4, 1), (0, 3)), scored((1, 0), (5, 2), (3, 3), labels=LABELS)),
    )
    write_graph(tmp_path, "datasrc", graph, THRESHOLDS, COLUMNS)
    return tmp_path


def stored(folder, kind, part):
    return mapped(file_of(folder, kind, "datasrc", part)).tolist()


def test_the_arrays_of_each_part_are_read_back(folder):
    assert stored(folder, "scores", "e") == [1, 7, 6]
    assert stored(folder, "order", "e") == [1, 2, 0]
    assert stored(folder, "contributions", "e") == [[1, 0], [5, 2], [3, 3]]
    assert stored(folder, "labels", "e") == [0, 1, 0]
    assert stored(folder, "scores", "u") == [1.5, 3]
    assert StoredPart(folder, "datasrc", "e").rows.tolist() == [3, 2, 0]
    assert StoredPart(folder, "datasrc", "v").rows.tolist() == [2, 5]


def test_a_part_without_labels_has_no_file_of_them(folder):
    assert not file_of(folder, "labels", "datasrc", "u").exists()


def test_ids_come_back_as_they_were_written(folder):
    assert list(stored_ids(folder, "datasrc", "u")) == ["홍길동", "7"]
    assert stored_ids(folder, "datasrc", "v")[1] == "007"


def test_a_node_has_its_id_and_an_edge_those_of_both_ends(folder):
    assert StoredPart(folder, "datasrc", "v").ids([1, 0, 1]) == {"v": ["007", "", "007"]}
    assert StoredPart(folder, "datasrc", "e").ids(np.array([2, 0])) == {"u": ["7", "홍길동"], "v": ["007", "007"]}


def test_the_parquet_files_hold_everything_row_by_row(folder):
    assert pq.read_table(folder / "scores.datasrc.e.parquet").to_pydict() == {
        "u": ["홍길동", "7", "7"],
        "v": ["007", "", "007"],
        "rows": [3, 2, 0],
        "score": [1.0, 7.0, 6.0],
        "anomaly": [False, True, False],
        "label": [0, 1, 0],
        "contribution.c": [1.0, 5.0, 3.0],
        "contribution.structure": [0.0, 2.0, 3.0],
    }
    users = pq.read_table(folder / "scores.datasrc.u.parquet")
    assert users.column_names[:5] == ["u", "rows", "score", "anomaly", "label"]
    assert users["anomaly"].to_pylist() == [False, True]
    assert users["label"].to_pylist() == [None, None]


def test_reading_imports_numpy_alone():
    heavy = ["torch", "torch_geometric", "pandas", "pyarrow", "sklearn", "onnx"]
    code = f"import sys, algorithms.graphbean.score_files; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
