import json

import numpy as np
import pytest

from benchmarks.graphbean_scale import main, skewed_graph


def test_it_trains_and_scores_sampled_and_full(tmp_path, capsys):
    main(["--edges", "3000", "--full-edges", "1000", "--fan-out", "5,3", "--json", str(tmp_path / "scale.json")])
    assert "trained edges/s" in capsys.readouterr().out
    runs = json.loads((tmp_path / "scale.json").read_text())["result"]["runs"]
    assert [(run["training"], run["edges"], run["fan_out"]) for run in runs] == [
        ("sampled", 3000, "5, 3"), ("sampled", 1000, "5, 3"), ("full", 1000, "-")
    ]  # fmt: skip
    assert all(run["trained_edges_per_second"] > 0 and run["peak_gibibytes"] > 0 for run in runs)


def test_the_graph_has_as_many_pairs_as_asked_for_and_a_few_nodes_with_many_of_them():
    graph = skewed_graph(20_000)
    assert graph.sizes == (4000, 800, 20_000)
    for degrees in graph.degrees():
        assert degrees.max() > 10 * degrees.mean()
    assert graph.widths == (5, 5, 12)
    assert np.array_equal(graph.keys, np.unique(graph.keys))


def test_a_fan_out_that_is_no_number_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--fan-out", "many"])
    assert "give numbers such as 10 or 5,3" in capsys.readouterr().err
