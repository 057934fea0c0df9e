import pytest
from pydantic import ValidationError

from algorithms.params import DataSourceParams


def refusal(params, **given):
    """Return field and message of the one thing that is wrong."""
    with pytest.raises(ValidationError) as caught:
        params(**given)
    [problem] = caught.value.errors()
    return ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "cp949", "latin-1", "utf-16", None])
def test_a_text_encoding_is_accepted(encoding):
    assert DataSourceParams(encoding=encoding).encoding == encoding


@pytest.mark.parametrize(
    "encoding", ["", "klingon", "base64", "hex", "rot13", "zlib", "undefined", "utf-8\0", "\ud800"]
)
def test_what_is_no_text_encoding_is_refused_with_examples(encoding):
    field, why = refusal(DataSourceParams, encoding=encoding)
    assert field == "encoding"
    assert why == f"{encoding!r} is not a known encoding; names are for example utf-8, cp949, utf-16, latin-1"
