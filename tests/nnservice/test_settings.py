"""What the settings make of the URL of a database."""

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from nnservice import settings


def test_a_lost_postgresql_host_is_noticed_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://user:word@db.example.org/nnservice?tcp_user_timeout=60000")
    options = dict(settings._database()["OPTIONS"])
    assert options.pop("prepare_threshold") == 1, "it is of psycopg, not of libpq"
    assert conninfo_to_dict(make_conninfo(**options)) == {  # refuses names that libpq does not know
        "connect_timeout": "5",
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "60000",
    }
