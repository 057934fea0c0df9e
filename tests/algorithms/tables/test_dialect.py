import pytest

from algorithms.errors import DataError
from algorithms.tables.dialect import detect

KOREAN = "제품,설비\n가,나\n"


@pytest.fixture
def dialect(tmp_path):
    def of(content, encoding=None, delimiter=None):
        (tmp_path / "in.csv").write_bytes(content.encode() if isinstance(content, str) else content)
        return detect(tmp_path / "in.csv", encoding, delimiter)

    return of


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb\n1;2\t3\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ('"a,b";c\n"1,2";3\n', ";"),
        ('"a\n,b";c\r"1,2";3\r', ";"),
        ("a,b;c\n1,2;3\n4,5;6\n", ","),
        ("a,b;c;d\n1;2;3\n4;5;6\n", ";"),
        ("a,b\n1,2\n3\n", ","),
        ("name\nx\ny\n", ","),
        ("name\nLee, Kim\nCho, Park, Han\n", ";"),
        ("\n\na;b\n1;2\n", ";"),
    ],
)
def test_the_delimiter_splits_the_header_and_keeps_the_rows_even(dialect, content, delimiter):
    assert dialect(content).delimiter == delimiter


def test_a_header_longer_than_the_sample_is_enough(dialect):
    header = ";".join("c" * 300 + str(i) for i in range(2000))
    assert dialect(header + "\n" + ";".join("1" * 2000) + "\n").delimiter == ";"


def test_a_given_delimiter_wins(dialect):
    assert dialect("a,b\n1,2\n", delimiter=";").delimiter == ";"


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", "é"])
def test_it_refuses_what_cannot_be_a_delimiter(dialect, delimiter):
    with pytest.raises(DataError) as failure:
        dialect("a,b\n1,2\n", delimiter=delimiter)
    assert "delimiter" in failure.value.errors


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (KOREAN.encode(), "utf-8"),
        (KOREAN.encode("utf-8-sig"), "utf-8"),
        (KOREAN.encode("cp949"), "cp949"),
        (("a,b\n" + "1,2\n" * 400_000).encode() + KOREAN.encode("cp949"), "cp949"),
    ],
)
def test_the_encoding_is_utf8_when_the_whole_file_fits_else_cp949(dialect, content, encoding):
    assert dialect(content).encoding == encoding


@pytest.mark.parametrize("cut", [(1 << 20) - 1, (1 << 20) - 2])
def test_a_character_across_two_chunks_is_one_character(dialect, cut):
    head = b"a,b\n"
    assert dialect(head + b"x" * (cut - len(head)) + "가".encode() + b",1\n").encoding == "utf-8"


@pytest.mark.parametrize(("encoding", "codec"), [("UTF-16", "utf-16"), ("latin-1", "iso8859-1"), ("cp949", "cp949")])
def test_a_given_encoding_wins(dialect, encoding, codec):
    assert dialect("a,b\n1,2\n".encode(encoding), encoding).encoding == codec


@pytest.mark.parametrize(
    "encoding", ["klingon", "base64", "rot13", "zip", "a\0b", "../etc/passwd", "undefined", "", "idna", "punycode"]
)
def test_it_refuses_an_unknown_encoding(dialect, encoding):
    with pytest.raises(DataError, match="not a known encoding") as failure:
        dialect("a,b\n1,2\n", encoding)
    assert "encoding" in failure.value.errors


@pytest.mark.parametrize("prefix", [b"", b"a,b\n" + b"1,2\n" * 300_000])
def test_it_names_the_byte_that_does_not_fit_and_the_remedy(dialect, prefix):
    with pytest.raises(DataError, match=f"byte {len(prefix) + 2} does not fit.*`encoding`"):
        dialect(prefix + b"ab\xff\xff\xff,c\n")
    with pytest.raises(DataError, match=f"byte {len(prefix) + 2} does not fit"):
        dialect(prefix + b"ab\xff\xff\xff,c\n", "utf-8")


def test_a_cut_off_character_at_the_end_does_not_fit(dialect):
    with pytest.raises(DataError, match="byte 4 does not fit"):
        dialect(b"a,b\n" + "가".encode()[:2], "utf-8")


def test_utf16_without_its_mark_does_not_fit(dialect):
    with pytest.raises(DataError, match="the file is not utf-16"):
        dialect("가나\n".encode("utf-16-le"), "utf-16")


@pytest.mark.parametrize(
    "content", [b"a,b\n1,\0\n", b"PK\x03\x04\x14\0\x06\0", "a,b\n1,2\n".encode("utf-16")[2:], b"\x89PNG\r\n\x1a\n\0\0"]
)
def test_it_refuses_binary_files_and_nul_bytes(dialect, content):
    with pytest.raises(DataError):
        dialect(content)


def test_it_says_where_the_nul_is_and_what_it_may_mean(dialect):
    with pytest.raises(DataError, match="NUL character near byte 6: it is binary, or UTF-16"):
        dialect(b"a,b\n1,\0\n")


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_it_refuses_an_empty_file(dialect, content):
    with pytest.raises(DataError, match="the file is empty"):
        dialect(content)
