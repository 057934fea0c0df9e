"""The OpenAPI description is complete, and true of what the service answers."""

from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

VERBS = ("get", "post", "put", "delete")


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)


def test_it_is_valid_openapi(description: dict[str, Any]) -> None:
    validate_schema(description)
    assert description["openapi"].startswith("3.1")


def test_every_route_and_verb_is_described(description: dict[str, Any]) -> None:
    (api,) = [r for r in get_resolver().url_patterns if str(r.pattern) == "api/v1/"]
    described = {(len(path.split("{")), verb) for path, item in description["paths"].items() for verb in item}
    assert len(description["paths"]) == len(api.url_patterns)
    for pattern in api.url_patterns:
        for verb in VERBS:
            if hasattr(pattern.callback.view_class, verb):
                assert (len(pattern.pattern.converters) + 1, verb) in described


def test_every_operation_has_a_name_of_its_own_and_documented_errors(description: dict[str, Any]) -> None:
    operations = [operation for item in description["paths"].values() for operation in item.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for operation in operations:
        assert {"200", "400", "406", "503"} <= set(operation["responses"]), operation["operationId"]


def test_parameters_that_workflow_types_share_are_valid_for_any_of_them(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    (feeder,) = (path for path in description["paths"] if "/feed/" in path)
    body = description["paths"][feeder]["put"]["requestBody"]["content"]["application/json"]["schema"]
    fitting = schemas[body["$ref"].rpartition("/")[2]]["anyOf"]
    names = [set(schemas[model["$ref"].rpartition("/")[2]]["properties"]) for model in fitting]
    assert len(names) == 2
    assert "vocab_size" in set.intersection(*names)
    assert {"u_column", "exclude_column"} <= set.symmetric_difference(*names)


def test_the_documentation_page_needs_no_other_host() -> None:
    page = Client().get("/api/docs/", headers={"Accept": "text/html"}).content.decode()
    assert "swagger-ui-bundle.js" in page
    assert "http://" not in page
    assert "https://" not in page
