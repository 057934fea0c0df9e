"""The service in token mode, with people."""

from typing import Any

import pytest

from tests.workflows.access.people import as_holder_of, make_people, tie
from tests.workflows.conftest import Api
from workflows.models import Network
from workflows.services.networks import create_network


@pytest.fixture
def token_mode(settings: Any, db: None) -> Any:
    settings.AUTH_MODE = "token"
    return settings


@pytest.fixture
def tokens(token_mode: Any) -> dict[str, str]:
    """Give the tokens of the people by name."""
    return make_people()


@pytest.fixture
def people(tokens: dict[str, str]) -> dict[str, Api]:
    """Give the API as each of the people sees it, and as a stranger does."""
    return {name: as_holder_of(token) for name, token in tokens.items()} | {"anonymous": as_holder_of(None)}


@pytest.fixture
def steel(tokens: dict[str, str]) -> Network:
    """Give network steel: `owner` owns it, `reader` may see it, `editor` may change it, `other` is nothing to it."""
    network = create_network("steel")
    tie(network)
    return network
