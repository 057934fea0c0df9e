"""Names of text encodings."""

import codecs

from algorithms.tabular.wording import quoted

OF_DOMAIN_NAMES = ("idna", "punycode")


def codec_of(encoding: str) -> str:
    """Return Python's name of a text encoding.

    Raises:
        ValueError: there is no such encoding, or it is none of text, as base64, hex and those of domain names are.
    """
    try:
        "text".encode(encoding)
        codec = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        codec = None
    if codec is None or codec in OF_DOMAIN_NAMES:
        raise ValueError(
            f"{quoted(encoding)} is not a known encoding; names are for example utf-8, cp949, utf-16, latin-1"
        )
    return codec
