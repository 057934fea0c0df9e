"""What the csv module writes is read back; what nobody would write is refused, never worse."""

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from algorithms.errors import DataError
from algorithms.jobs import ConvertJob
from algorithms.tables.convert import convert
from algorithms.tables.source import TableFiles
from algorithms.tabular.cells import is_missing

ENCODINGS = {"utf-8": "utf-8", "utf-8-sig": None, "utf-16": "utf-16", "cp949": "cp949"}
LETTERS = st.sampled_from('ab가나 ,;\t|"\n\r0.-') | st.characters(codec="cp949", exclude_characters="\0")
CELLS = st.text(LETTERS, max_size=8)


def converted(content, **options):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.csv").write_bytes(content)
        result = convert(ConvertJob(source=folder / "in.csv", parquet=folder / "out.parquet", **options))
        return result, TableFiles([folder / "out.parquet"]).table()


@st.composite
def written_tables(draw):
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8))
    # The csv module leaves cells with line ends other than its own unquoted, unless it quotes all.
    quoting, ends = draw(st.sampled_from([(csv.QUOTE_MINIMAL, ["\r\n"]), (csv.QUOTE_ALL, ["\n", "\r\n", "\r"])]))
    dialect = {
        "delimiter": draw(st.sampled_from(",;\t|")),
        "quoting": quoting,
        "lineterminator": draw(st.sampled_from(ends)),
    }
    return rows, dialect, draw(st.sampled_from(sorted(ENCODINGS)))


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(written_tables())
def test_a_table_is_read_back_as_the_text_that_was_written(written):
    rows, dialect, encoding = written
    names = [f"c{i}" for i in range(len(rows[0]))]
    # A last row of letters makes every column text, so that each cell can be compared as it was written.
    rows = [*rows, ["letters"] * len(names)]
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows([names, *rows])
    result, table = converted(
        text.getvalue().encode(encoding), encoding=ENCODINGS[encoding], delimiter=dialect["delimiter"]
    )
    assert result["rows"] == len(rows)
    expected = [[None if is_missing(cell) else cell for cell in column] for column in zip(*rows, strict=True)]
    assert [table.columns[name].tolist() for name in names] == expected


SOUP = st.binary(max_size=200) | st.lists(
    st.sampled_from([b"a", b"1", b",", b";", b'"', b"\n", b"\r", b" ", b"\xff", b"\xb0\xa1", b"\0", b"inf", b"NA"]),
    max_size=40,
).map(b"".join)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(SOUP, st.sampled_from([None, "utf-8", "utf-16", "cp949", "utf-7", "idna", "latin-1"]))
def test_any_bytes_are_read_or_refused_with_a_reason(content, encoding):
    refused = None
    try:
        result, table = converted(content, encoding=encoding)
    except DataError as error:
        refused = error.errors
    assert refused != {}
    if refused is None:
        assert result["rows"] == table.rows > 0
        assert [column["name"] for column in result["columns"]] == list(table.columns)
