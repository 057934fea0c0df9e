import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from benchmarks.score import _bounds, write_part, write_rows, write_sample


def test_the_parts_of_a_file_are_its_rows(tmp_path):
    write_rows(tmp_path / "rows.parquet", 1000)
    for number, (first, last) in enumerate(_bounds(1000)):
        write_part(tmp_path / f"{number}.parquet", tmp_path / "rows.parquet", first, last)
    parts = [pq.read_table(tmp_path / f"{number}.parquet") for number in range(3)]
    assert [len(part) for part in parts] == [370, 120, 510]
    assert pa.concat_tables(parts).equals(pq.read_table(tmp_path / "rows.parquet"))


def test_rows_have_thirty_columns_and_no_label(tmp_path):
    write_rows(tmp_path / "rows.csv", 10)
    names = pacsv.read_csv(tmp_path / "rows.csv").column_names
    assert len(names) == 30
    assert "label" not in names


def test_the_sample_to_train_on_is_evenly_chosen(tmp_path):
    write_rows(tmp_path / "rows.parquet", 1000)
    write_sample(tmp_path / "sample.parquet", tmp_path / "rows.parquet", 7)
    rows, sample = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("rows", "sample"))
    assert sample.equals(rows.take(list(range(0, 1000, 7))))
