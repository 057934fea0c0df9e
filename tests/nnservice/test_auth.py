"""Open mode is for one machine alone; everything else wants tokens."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from nnservice.auth import auth_mode

VARIABLES = ("NNSERVICE_AUTH", "NNSERVICE_BIND", "NNSERVICE_ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL")
NOT_ALONE = [
    {"DATABASE_URL": "postgres://db/nn"},
    {"REDIS_URL": "redis://broker:6379/0"},
    {"NNSERVICE_BIND": "0.0.0.0"},
    {"NNSERVICE_BIND": "10.0.0.5"},
    {"NNSERVICE_BIND": "::"},
    {"NNSERVICE_BIND": "somewhere.example"},
    {"NNSERVICE_ALLOWED_HOSTS": "localhost,models.example"},
    {"NNSERVICE_ALLOWED_HOSTS": "*"},
]
ALONE = [
    {},
    {"NNSERVICE_BIND": "127.0.0.1"},
    {"NNSERVICE_BIND": "127.0.0.2"},
    {"NNSERVICE_BIND": "[::1]"},
    {"NNSERVICE_BIND": "localhost"},
    {"NNSERVICE_ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]"},
]


@pytest.fixture
def given(monkeypatch):
    def give(**variables):
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return give


@pytest.mark.parametrize("variables", ALONE)
def test_one_machine_alone_is_open_unless_tokens_are_asked_for(given, variables):
    given(**variables)
    assert auth_mode() == "open"
    given(**variables, NNSERVICE_AUTH="token")
    assert auth_mode() == "token"


@pytest.mark.parametrize("variables", NOT_ALONE)
def test_everything_else_wants_tokens(given, variables):
    given(**variables)
    assert auth_mode() == "token"


@pytest.mark.parametrize("variables", NOT_ALONE)
def test_open_mode_is_refused_there_and_the_remedy_is_named(given, variables):
    given(**variables, NNSERVICE_AUTH="open")
    with pytest.raises(ImproperlyConfigured, match=r"NNSERVICE_AUTH=token, then `python manage\.py create_admin"):
        auth_mode()


def test_another_mode_is_refused_by_name(given):
    given(NNSERVICE_AUTH="none")
    with pytest.raises(ImproperlyConfigured, match="NNSERVICE_AUTH must be one of open, token, not 'none'"):
        auth_mode()
