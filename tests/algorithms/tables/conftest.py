import pytest

from algorithms.jobs import ConvertJob
from algorithms.tables.convert import convert
from algorithms.tables.source import TableFiles


class Converter:
    """Converts bytes or text in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.parquet = folder / "out.parquet"

    def result(self, content, **options):
        source = self.folder / "in.csv"
        source.write_bytes(content.encode() if isinstance(content, str) else content)
        return convert(ConvertJob(source=source, parquet=self.parquet, **options))

    def table(self, content, **options):
        self.result(content, **options)
        return TableFiles([self.parquet]).table()

    def columns(self, content, **options):
        return {name: values.tolist() for name, values in self.table(content, **options).columns.items()}


@pytest.fixture
def converter(tmp_path):
    return Converter(tmp_path)
