"""How a CSV file is written: its encoding and its delimiter, found by reading it, never held in memory."""

import codecs
import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from algorithms.encodings import codec_of
from algorithms.errors import DataError
from algorithms.tabular.wording import quoted

DELIMITERS = ",;\t|"

SAMPLE_CHARACTERS = 131_072
"""The sample that the delimiter is found in; as many as the csv module allows a single field."""
SAMPLE_ROWS = 100
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Dialect:
    """Encoding (a Python codec name) and delimiter of a file, and roughly how many columns it has."""

    encoding: str
    delimiter: str
    columns: int


def digest(source: Path) -> tuple[str, int]:
    """Return sha256 and size of a file."""
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def detect(source: Path, encoding: str | None, delimiter: str | None) -> Dialect:
    """Return the dialect of a file; a given encoding or delimiter is taken, the other is found.

    Raises:
        DataError: the file is empty, binary or in another encoding, or a given name is no codec or no delimiter.
    """
    codec = _find_codec(source) if encoding is None else _checked_codec(source, encoding)
    with source.open(encoding=codec, newline="") as file:
        sample = file.read(SAMPLE_CHARACTERS).removeprefix("\ufeff")
    if not sample.strip("\r\n"):
        raise _unreadable("the file is empty; it needs a header line and data rows")
    if delimiter is None:
        delimiter = _find_delimiter(sample, whole=len(sample) < SAMPLE_CHARACTERS - 1)
    elif len(delimiter) != 1 or delimiter in '"\r\n\0' or not delimiter.isascii():
        why = f"{quoted(delimiter)} is not a delimiter: give one character such as , ; | or a tab"
        raise DataError(f"delimiter: {why}", {"delimiter": [why]})
    return Dialect(codec, delimiter, len(_sample_rows(sample, delimiter, whole=True)[0]))


def _find_codec(source: Path) -> str:
    first = _undecodable(source, "utf-8")
    if first is None:
        return "utf-8"
    if _undecodable(source, "cp949") is None:
        return "cp949"
    raise _unreadable(
        f"the file is neither UTF-8 (byte {first} does not fit) nor CP949: name its encoding in `encoding`,"
        " or save it as UTF-8"
    )


def _checked_codec(source: Path, encoding: str) -> str:
    try:
        codec = codec_of(encoding)
    except ValueError as error:
        raise DataError(f"encoding: {error}", {"encoding": [str(error)]}) from None
    first = _undecodable(source, codec)
    if first is not None:
        why = f"the file is not {codec}: byte {first} does not fit; correct `encoding` or leave it out"
        raise DataError(f"encoding: {why}", {"encoding": [why]})
    return codec


def _undecodable(source: Path, codec: str) -> int | None:
    """Return the offset of the first byte that the codec cannot read, None if it reads all.

    Raises:
        DataError: the file decodes to NUL characters, so it is not text.
    """
    decoder = codecs.getincrementaldecoder(codec)()
    consumed = pending = 0
    with source.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK_BYTES)
            try:
                text = decoder.decode(chunk, final=not chunk)
                if codec != "utf-8":
                    text.encode()  # some codecs produce halves of surrogate pairs
            except UnicodeDecodeError as error:
                return consumed - pending + error.start
            except UnicodeError:  # no byte order mark where one is needed, and the like
                return consumed
            if "\0" in text:
                near = consumed + len(text[: text.index("\0")].encode(codec, "replace"))
                raise _unreadable(
                    f"the file holds a NUL character near byte {near}: it is binary, or UTF-16, which needs"
                    " `encoding` utf-16; upload a CSV text file"
                )
            if not chunk:
                return None
            consumed += len(chunk)
            pending = len(decoder.getstate()[0])


def _find_delimiter(sample: str, *, whole: bool) -> str:
    """Return the delimiter that splits the header and keeps most rows at the header's number of fields."""

    def fit(delimiter: str) -> tuple[bool, float, int]:
        rows = _sample_rows(sample, delimiter, whole=whole)
        header = len(rows[0])
        return header > 1, sum(len(row) == header for row in rows) / len(rows), header

    return max(DELIMITERS, key=fit)  # the first of equals


def _sample_rows(sample: str, delimiter: str, *, whole: bool) -> list[list[str]]:
    rows: list[list[str]] = []
    for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
        if row:
            rows.append(row)
        if len(rows) > SAMPLE_ROWS:
            return rows
    # The sample ends within its last row.
    return rows if whole or len(rows) == 1 else rows[:-1]


def _unreadable(why: str) -> DataError:
    return DataError(why, {"file": [why]})
