"""The servers of the tests, by their URLs."""

import pytest

from tests.servers import with_database


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/1"),
        ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379/1"),
        ("rediss://:secret@cache:6380/0?ssl_cert_reqs=none", "rediss://:secret@cache:6380/1?ssl_cert_reqs=none"),
        (
            "postgres://user:p%2Fw@127.0.0.1:5432/postgres?sslmode=require",
            "postgres://user:p%2Fw@127.0.0.1:5432/1?sslmode=require",
        ),
    ],
)
def test_another_database_of_a_server_has_its_url(url: str, other: str) -> None:
    assert with_database(url, "1") == other
