import hashlib
import math

import pytest

from algorithms.errors import DataError
from algorithms.tables import convert as convert_module
from algorithms.tables.reader import large_batches


def types_of(result):
    return {column["name"]: column["type"] for column in result["columns"]}


def test_it_tells_what_it_found(converter):
    content = "번호;이름\n1;\n2;x\n".encode("cp949")
    result = converter.result(content)
    assert result == {
        "rows": 2,
        "columns": [
            {"name": "번호", "type": "number", "missing": 0},
            {"name": "이름", "type": "text", "missing": 1},
        ],
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "encoding": "cp949",
        "delimiter": ";",
        "notices": ["the file is not UTF-8; it was read as CP949"],
    }


DECIMAL_COMMAS = "column a looks like numbers with decimal commas; write 1.5 to have it treated as numbers"


@pytest.mark.parametrize(
    "cells", [["1,5", "-2,25"], ["3", "1,5", "4", "+0,5"], ["", " 1,5 ", "NA"], [*["1,5"] * 99, "n.m."]]
)
def test_numbers_with_decimal_commas_stay_text_and_a_notice_says_so(converter, cells):
    result = converter.result("a;b\n" + "".join(f"{cell};x\n" for cell in cells))
    assert types_of(result) == {"a": "text", "b": "text"}
    assert result["notices"] == [DECIMAL_COMMAS]


def test_several_columns_with_decimal_commas_are_one_notice(converter):
    assert converter.result("a;b;c\n1,5;2;3,5\n2,5;3;4\n")["notices"] == [
        "columns a, c look like numbers with decimal commas; write 1.5 to have them treated as numbers"
    ]


@pytest.mark.parametrize("cells", [["1,5", "red"], ["1,2,3", "4,5,6"], ["a,5", "b,6"], ["007", "010"], ["1.5", "2"]])
def test_other_texts_are_not_taken_for_numbers_with_decimal_commas(converter, cells):
    assert DECIMAL_COMMAS not in converter.result("a;b\n" + "".join(f"{cell};x\n" for cell in cells))["notices"]


class TestTypes:
    @pytest.mark.parametrize(
        ("cells", "kind"),
        [
            (["1", "-2.5", "+3", "1e3", " 4 ", ".5"], "number"),
            (["1", "", "NA", "n/a"], "text"),
            (["1", "", "NA", " N/A ", "NaN", "nan", "null", "NULL", "None", "#N/A"], "number"),
            (["1", "NAN"], "text"),
            (["1", "-nan"], "text"),
            (["007", "010"], "text"),
            (["1", "-01"], "text"),
            (["0", "0.5", "-0.5", "0e1"], "number"),
            (["1", "1_000"], "text"),
            (["1.5", "1,5"], "text"),
            (["2017-01-31", "2017-02-01T10:00:00", " 2017-02-01 10:00 "], "date"),
            (["2017/01/31", "2017/01/31 10:00:00", "", "2017-01-31"], "date"),
            (["2017-01-31T10:00:00Z", "2017-01-31T10:00:00+09:00"], "date"),
            (["2017-01-31", "2017-02-31"], "text"),
            (["2017-01-31", "0000-01-01"], "text"),
            (["2017-01-31", "5"], "text"),
            (["5", "2017-01-31"], "text"),
            (["20170131", "20170201"], "number"),
            (["", "", ""], "number"),
            (["true", "false"], "text"),
        ],
    )
    def test_a_column_has_the_type_that_all_its_cells_have(self, converter, cells, kind):
        lines = "\n".join(f'{number};"{cell}"' for number, cell in enumerate(cells))
        assert types_of(converter.result(f"i;x\n{lines}\n"))["x"] == kind

    def test_numbers_are_read_as_they_are_written(self, converter):
        columns = converter.columns("a,b\n0.1,-1e-3\n 12345678901234567890.0 ,\n")
        assert columns["a"] == [0.1, 12345678901234567890.0]
        assert columns["b"][0] == -0.001
        assert math.isnan(columns["b"][1])

    def test_a_column_of_which_half_are_whole_numbers_that_float64_would_round_is_text(self, converter):
        result = converter.result("a,b\n9007199254740993,\n 9007199254740992,12\n,-9007199254740993\n")
        assert types_of(result) == {"a": "text", "b": "text"}
        assert result["notices"] == []
        columns = converter.columns("a\n9007199254740993\n9007199254740992\n")
        assert columns == {"a": ["9007199254740993", "9007199254740992"]}

    def test_a_few_large_whole_numbers_leave_a_column_of_amounts_as_it_is(self, converter):
        text = "a,b\n10000000000000000,1e16\n -10000000000000000 ,1e16\n5,1e300\n,9007199254740991\n7,\n8,1\n"
        columns = converter.columns(text)
        assert columns["a"][:3] == [1e16, -1e16, 5]
        assert columns["b"][:4] == [1e16, 1e16, 1e300, 9007199254740991]

    @pytest.mark.parametrize(("amounts", "ids", "kind"), [(4, 3, float), (4, 4, str), (3, 4, str)])
    @pytest.mark.parametrize("ids_first", [True, False])
    def test_all_cells_of_a_column_say_whether_it_holds_ids_not_those_of_one_batch(
        self, converter, monkeypatch, amounts, ids, kind, ids_first
    ):
        def few_rows_at_once(job, dialect):
            for batch in large_batches(job, dialect):
                yield from (batch.slice(start, 2) for start in range(0, batch.num_rows, 2))

        monkeypatch.setattr(convert_module, "large_batches", few_rows_at_once)
        cells = sorted(["1.5"] * amounts + ["9007199254740993"] * ids, reverse=ids_first)
        assert converter.columns("\n".join(["a", *cells]))["a"] == [kind(cell) for cell in cells]

    def test_dates_of_every_form_are_read(self, converter):
        table = converter.table("a,b\n2017-01-31,2017/01/31 10:00:00\n2017/02/01,\n2017-02-01T01:00+01:00,2017-01-31\n")
        assert [str(date) for date in table.columns["a"]] == [
            "2017-01-31T00:00:00.000000",
            "2017-02-01T00:00:00.000000",
            "2017-02-01T00:00:00.000000",
        ]
        assert [str(date) for date in table.columns["b"]] == [
            "2017-01-31T10:00:00.000000",
            "NaT",
            "2017-01-31T00:00:00.000000",
        ]

    def test_text_is_kept_as_it_is_written(self, converter):
        assert converter.columns('a,b\n"x, ""y""",007\n z ,5" pipe\n"1\n2",NA\n') == {
            "a": ['x, "y"', " z ", "1\n2"],
            "b": ["007", '5" pipe', None],
        }

    def test_a_column_without_values_is_a_number_and_a_notice_names_it(self, converter):
        result = converter.result("a,b\n1,\n2,NA\n")
        assert result["columns"][1] == {"name": "b", "type": "number", "missing": 2}
        assert result["notices"] == ["no value in any row of b"]

    def test_the_first_cell_that_makes_text_of_a_number_column_is_shown(self, converter):
        result = converter.result("a,b\n1,x\n,1\n2,y\nabc,z\ndef,u\n3,v\n")
        assert result["columns"][0]["first_text"] == {"row": 4, "value": "abc"}
        assert "first_text" not in result["columns"][1]
        assert result["notices"] == [
            "text because some cells are neither numbers nor dates like the others: a (row 4: 'abc')"
        ]


LONG = 700_000  # rows: more than a block of the parser


class TestLongFiles:
    def test_a_cell_far_down_changes_the_type_of_the_whole_column(self, converter):
        lines = ["1.0,2017-01-31,"] * LONG
        lines[-2] = "1.0,2017-01-31,x"
        lines[-1] = "abc,soon,y"
        result = converter.result("a,b,c\n" + "\n".join(lines))
        assert types_of(result) == {"a": "text", "b": "text", "c": "text"}
        assert result["columns"][0]["first_text"] == {"row": LONG, "value": "abc"}
        assert result["columns"][1]["first_text"] == {"row": LONG, "value": "soon"}
        assert result["columns"][2] == {"name": "c", "type": "text", "missing": LONG - 2}
        columns = converter.columns("a,b,c\n" + "\n".join(lines))
        assert columns["a"] == ["1.0"] * (LONG - 1) + ["abc"]
        assert columns["c"][-3:] == [None, "x", "y"]

    def test_a_broken_row_far_down_is_named(self, converter):
        with pytest.raises(DataError, match=f"row {LONG} has 1 cells, the header has 3"):
            converter.result("a,b,c\n" + "1.0,2017-01-31,\n" * (LONG - 1) + "1\n")

    def test_a_quote_that_is_never_closed_far_from_the_end_is_named(self, converter):
        with pytest.raises(DataError, match="row 2 does not end: it opens a quote that is never closed"):
            converter.result("a,b,c\n1,2,3\n" + '1,"2,3\n' + "1.0,2017-01-31,\n" * LONG)


class TestLayout:
    @pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
    @pytest.mark.parametrize("last", [True, False])
    def test_every_line_end_is_read_with_or_without_a_last_one(self, converter, end, last):
        content = end.join(["a,b", "1,x", "2,y"]) + end * last
        assert converter.columns(content) == {"a": [1.0, 2.0], "b": ["x", "y"]}

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le", "utf-32"])
    def test_every_encoding_is_read(self, converter, encoding):
        content = "가,나\n1,다\n".encode(encoding)
        assert converter.columns(content, encoding=encoding) == {"가": [1.0], "나": ["다"]}

    def test_blank_lines_are_no_rows(self, converter):
        assert converter.columns("\n\na\n1\n\n2\n\n") == {"a": [1.0, 2.0]}

    def test_a_quoted_nothing_is_a_missing_cell_of_a_single_column(self, converter):
        assert converter.columns('a\nx\n""\n') == {"a": ["x", None]}

    def test_names_lose_the_blanks_around_them(self, converter):
        assert list(converter.columns(' a ,"b\nc", d\n1,2,3\n')) == ["a", "b\nc", "d"]

    def test_several_large_cells_fit(self, converter):
        cell = "x" * 900_000
        assert converter.columns(f"a,b,c\n{cell},{cell},{cell}\n")["c"] == [cell]


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ("", "the file is empty"),
            ("\n\n", "the file is empty"),
            ("a,b\n", "a header line but no data rows"),
            ("a,b", "a header line but no data rows"),
            ("a,b\n1,2\n3\n", "row 2 has 1 cells, the header has 2: put cells that contain the delimiter in quotes"),
            ("a,b\n1,2\n\n3,4,5\n", "row 2 has 3 cells"),
            ('a,b\n"x\ny",2\n1\n', "row 2 has 1 cells"),
            ("a,b,a\n1,2,3\n", "more than one column is named a; rename them"),
            ("a, a\n1,2\n", "more than one column is named a"),
            ("a,,c,\n1,2,3,4\n", "column 2, 4 has no name in the header; give every column a name"),
            ("a, \n1,2\n", "column 2 has no name"),
            (f"a,{'n' * 501}\n1,2\n", "the name of column 2 is longer than 500 characters"),
            ('a,b\n1,2\n3,"4\n5,6\n', "row 2 opens a quote that is never closed; add the closing quote"),
            ('a,b\n1,2\n"3,4\n5,6\n', "row 2 opens a quote that is never closed"),
            ('a\n1\n"2\n3\n', "row 2 opens a quote that is never closed"),
            ('"a,b\n1,2\n', "the header does not end: it opens a quote that is never closed"),
            ('a,b\n1,"', "row 1 opens a quote that is never closed"),
            ("a,b\n1,2\n3,inf\n", "column b: row 2 has 'inf', which is not a finite number"),
            ("a,b\n1,2\n3,1e999\n-1e999,3", "column a: row 3 has '-1e999'"),
            ("a\n-Infinity\n", "column a: row 1 has '-Infinity'"),
            (",".join(f"c{i}" for i in range(5000)) + "\n" + ",".join("1" * 5000), "has 5000 columns, at most 4096"),
            ("a,b\n1,2\n3," + "x" * 1_000_001, "column b, row 2: the cell is longer than 1000000 bytes"),
            ("a,b\n1,2\n3," + "x" * 10_000_000, "row 2 does not end.* it is longer than 4 MB"),
            ("a,b\n1,\0\n", "NUL character near byte 6"),
        ],
    )
    def test_it_says_what_is_wrong_and_where_and_leaves_nothing_behind(self, converter, content, why):
        converter.parquet.write_bytes(b"an earlier file")
        with pytest.raises(DataError, match=why) as failure:
            converter.result(content)
        assert failure.value.errors
        assert len(str(failure.value)) < 300
        assert {path.name for path in converter.folder.iterdir()} == {"in.csv", "out.parquet"}
        assert converter.parquet.read_bytes() == b"an earlier file"

    def test_infinite_in_a_text_column_is_text(self, converter):
        assert converter.columns("a\ninf\nx\n") == {"a": ["inf", "x"]}

    def test_limits_are_those_of_the_job(self, converter):
        with pytest.raises(DataError, match="has 3 columns, at most 2"):
            converter.result("a,b,c\n1,2,3\n", max_columns=2)
        with pytest.raises(DataError, match="column a, row 1: the cell is longer than 3 bytes"):
            converter.result("a,b\n가나,x\n", max_cell_bytes=3)
        assert converter.result("a,b\n가,x\n", max_columns=2, max_cell_bytes=3)["rows"] == 1
