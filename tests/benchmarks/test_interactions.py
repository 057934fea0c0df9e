import json

import pytest

from benchmarks.interactions import main, refuse_differences
from benchmarks.interactions_peers import OURS


def test_every_library_makes_the_same_graph(tmp_path, capsys):
    main(["--rows", "2000", "--rounds", "1", "--json", str(tmp_path / "interactions.json")])
    assert "2,000 rows become" in capsys.readouterr().out
    result = json.loads((tmp_path / "interactions.json").read_text())["result"]
    assert result["libraries"][0]["library"] == OURS
    assert len(result["libraries"]) == 3
    assert all(library["seconds"] > 0 for library in result["libraries"])


@pytest.mark.parametrize("change", [{"sizes": [2, 2, 3]}, {"degrees": [1, 1]}, {"sums": [[1.0, 2.1]]}])
def test_a_library_that_makes_another_graph_ends_the_run(change):
    ours = {"sizes": [2, 2, 2], "degrees": [2, 1], "sums": [[1.0, 2.0]]}
    refuse_differences({OURS: ours, "other": ours})
    with pytest.raises(SystemExit, match="other made another graph"):
        refuse_differences({OURS: ours, "other": ours | change})
