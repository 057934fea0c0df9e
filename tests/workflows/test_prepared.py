"""A prepared query asks what Django's would, without being put together again."""

from typing import Any

import pytest
from django.db.models import QuerySet

from workflows.models import Network
from workflows.prepared import Prepared
from workflows.services.networks import create_network


def named(name: str) -> QuerySet[Network, tuple[Any, ...]]:
    return Network.objects.filter(name=name).values_list("pk", "name")


@pytest.mark.django_db
def test_it_asks_for_the_values_of_each_time() -> None:
    made = {name: create_network(name).pk for name in ("a", "b")}
    query = Prepared(named)
    assert [query.first(name=name) for name in ("a", "b", "c")] == [(made["a"], "a"), (made["b"], "b"), None]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["%s", "'; --", "100 %", "2000000011"])
def test_values_are_values_whatever_they_look_like(name: str) -> None:
    query = Prepared(named)
    assert query.first(name=name) is None


@pytest.mark.django_db
def test_it_is_put_together_once() -> None:
    built: list[str] = []

    def build(name: str) -> QuerySet[Network, tuple[Any, ...]]:
        built.append(name)
        return named(name)

    query = Prepared(build)
    assert [query.first(name=name) for name in ("a", "b")] == [None, None]
    assert len(built) == 1


@pytest.mark.django_db
def test_a_query_that_leaves_a_value_out_is_refused() -> None:
    with pytest.raises(AssertionError, match="other"):
        Prepared(lambda name, other: named(name)).first(name="a", other=1)
