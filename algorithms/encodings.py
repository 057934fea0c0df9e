"""Names of text encodings."""

import codecs

from algorithms.tabular.wording import quoted


def codec_of(encoding: str) -> str:
    """Return Python's name of a text encoding.

    Raises:
        ValueError: there is no such encoding, or it is none of text, as base64 and hex are.
    """
    try:
        "text".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise ValueError(
            f"{quoted(encoding)} is not a known encoding; names are for example utf-8, cp949, utf-16, latin-1"
        ) from None
