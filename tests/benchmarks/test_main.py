import json

from benchmarks.__main__ import benchmarks, main


def test_every_benchmark_says_what_it_measures():
    known = benchmarks()
    assert {"blobs", "cards", "nsl_kdd", "training"} <= known.keys()
    assert all(line.endswith(".") for line in known.values())


def test_without_a_name_they_are_listed(capsys):
    assert main([]) == 0
    assert "  blobs " in capsys.readouterr().out


def test_an_unknown_name_is_refused_with_the_known_ones(capsys):
    assert main(["blob"]) == 2
    said = capsys.readouterr().err
    assert "no benchmark is called blob; there are: " in said
    assert " blobs, " in said


def test_a_benchmark_prints_a_table_and_writes_the_machine_and_the_result(tmp_path, capsys):
    assert main(["blobs", "--json", str(tmp_path / "blobs.json")]) == 0
    assert "trained on class 1" in capsys.readouterr().out
    written = json.loads((tmp_path / "blobs.json").read_text())
    assert written["benchmark"] == "blobs"
    assert written["machine"]["cores"] >= 1
    assert written["machine"]["libraries"]["tensorflow"]
    assert written["result"]["trained on class 0"]["roc_auc"] > 0.9
