import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.quality import FUSIONS, METHODS, main, means, measure
from benchmarks.quality_peers import PEERS, Peer
from benchmarks.quality_sets import read_npz, split


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder of two sets whose anomalies are plain to see."""
    folder = tmp_path_factory.mktemp("sets")
    for number, name in enumerate(("one", "two")):
        x = np.random.default_rng(number).normal(size=(150, 4))
        y = np.zeros(150, int)
        y[::30] = 1
        x[y == 1] += 8
        np.savez(folder / f"{name}.npz", X=x, y=y)
    return folder


@pytest.fixture
def labelled(folder):
    return read_npz(folder / "one.npz")


@pytest.mark.parametrize("protocol", ["one-class", "unsupervised"])
def test_it_compares_methods_and_writes_every_figure(folder, tmp_path, capsys, protocol):
    file = tmp_path / "quality.json"
    main(
        [
            "--data",
            str(folder),
            "--protocol",
            protocol,
            "--seeds",
            "0,1",
            "--methods",
            "KNN,IForest",
            "--json",
            str(file),
        ]
    )
    assert "two: KNN " in capsys.readouterr().out
    result = json.loads(file.read_text())["result"]
    assert len(result["runs"]) == 2 * 2 * 2
    assert result["sets"]["one"] == {"rows": 150, "anomalies": 5}
    assert result["mean"]["2 sets"]["KNN"]["roc_auc"] > 0.95
    assert result["per_set"]["two"].keys() == {"KNN", "IForest"}


def test_every_method_finds_what_is_plain_to_see(labelled):
    results = measure(split(labelled, "one-class", 0), "one-class", 0, [*METHODS, *FUSIONS])
    assert results.keys() == {*METHODS, *FUSIONS}
    for name, figures in results.items():
        assert figures["roc_auc"] > 0.9, name
        assert figures["fit_seconds"] > 0


def test_quick_is_one_seed_on_fewer_rows(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.quality.QUICK_ROWS", 60)
    main(["--data", str(folder), "--quick", "--methods", "PCA", "--json", str(tmp_path / "quick.json")])
    result = json.loads((tmp_path / "quick.json").read_text())["result"]
    assert (result["seeds"], result["sets"]["one"]) == ([0], {"rows": 60, "anomalies": 2})


def test_one_class_trains_on_half_of_the_normal_rows_and_scores_all_others(labelled):
    experiment = split(labelled, "one-class", 3)
    assert (len(experiment.trained), len(experiment.tested)) == (72, 78)
    assert experiment.labels.sum() == 5
    assert not set(experiment.trained.index) & set(experiment.tested.index)
    assert not split(labelled, "one-class", 4).trained.index.equals(experiment.trained.index)


def test_unsupervised_scores_the_rows_it_trains_on(labelled):
    experiment = split(labelled, "unsupervised", 0)
    assert len(experiment.trained) == 150
    assert experiment.tested is None


def test_a_cut_set_keeps_the_share_of_anomalies_and_is_the_same_every_time(labelled):
    cut = labelled.capped(60)
    assert (len(cut.frame), cut.labels.sum()) == (60, 2)
    assert cut.frame.equals(labelled.capped(60).frame)
    assert labelled.capped(150) is labelled


def test_peers_see_text_as_columns_of_0_and_1_and_unknown_text_as_none_of_them():
    frame = pd.DataFrame({"n": [1.0, np.nan, 3.0, 2.0] * 10, "t": ["a", "b", "a", "a"] * 10})
    peer = Peer("KNN", 0).fit(frame)
    assert peer.decision_scores_.shape == (40,)
    assert peer.decision_function(pd.DataFrame({"n": [2.0, 2.0], "t": ["c", "a"]})).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_with_the_same_seed_gives_the_same_scores(labelled, name):
    one, other = (Peer(name, 1).fit(labelled.frame).decision_scores_ for _ in range(2))
    assert np.array_equal(one, other)


def test_means_are_over_seeds_then_sets_and_ties_share_a_rank():
    figures = [("one", "A", 0.5), ("one", "A", 0.7), ("one", "B", 0.6), ("two", "A", 1.0), ("two", "B", 0.5)]
    runs = [
        {"set": s, "method": m, "roc_auc": value, "average_precision": value, "fit_seconds": 1.0}
        for s, m, value in figures
    ]
    result = means(runs, ["one", "two"], ["A", "B"])
    assert result["A"]["roc_auc"] == pytest.approx(0.8)
    assert result["A"]["roc_auc_rank"] == pytest.approx((1.5 + 1) / 2)
    assert result["B"]["average_precision_rank"] == pytest.approx((1.5 + 2) / 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--methods", "KNN,LOF"], "no method is called LOF; there are: autoencoder"),
        (["--methods", "autoencoder+KNN,KNN"], "autoencoder+KNN needs autoencoder among the methods"),
        (["--data", "/no/such/folder"], "there is no folder /no/such/folder"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options, message, capsys):
    with pytest.raises(SystemExit):
        main(options)
    assert message in capsys.readouterr().err


def test_a_folder_without_sets_and_a_file_of_something_else_are_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"there is no \.npz file in"):
        main(["--data", str(tmp_path)])
    np.savez(tmp_path / "other.npz", z=np.zeros(3))
    with pytest.raises(SystemExit, match=r"other\.npz holds z; expected the arrays X and y"):
        main(["--data", str(tmp_path)])
    np.savez(tmp_path / "other.npz", X=np.zeros((3, 2)), y=np.zeros(4))
    with pytest.raises(SystemExit, match="expected one row for each y, which is 0 or 1"):
        main(["--data", str(tmp_path)])


def test_the_default_sets_are_named_by_whether_the_recipes_were_chosen_on_them(shared_data, tmp_path):
    main(["--quick", "--methods", "PCA", "--json", str(tmp_path / "quality.json")])
    mean = json.loads((tmp_path / "quality.json").read_text())["result"]["mean"]
    assert list(mean) == ["12 sets", "tuned on", "not tuned on", "creditcard", "nsl-kdd"]
