import json

from benchmarks.ingest import main


def test_it_measures_all_libraries_on_the_same_file(tmp_path, capsys):
    main(["--rows", "2000", "--rounds", "1", "--json", str(tmp_path / "ingest.json")])
    assert "this product" in capsys.readouterr().out
    result = json.loads((tmp_path / "ingest.json").read_text())["result"]
    assert result["rows"] == 2000
    assert [library["library"] for library in result["libraries"]] == ["this product", "polars", "pyarrow", "pandas"]
    assert all(
        library["megabytes_per_second"] > 0 and library["peak_megabytes"] > 10 for library in result["libraries"]
    )
