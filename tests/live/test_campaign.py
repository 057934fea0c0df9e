"""Random calls to the running service are answered as its OpenAPI description says."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from algorithms.workflow_types import WORKFLOW_TYPES
from tests.live.guide import Client

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DETECTORS = [workflow.detector for workflow in WORKFLOW_TYPES.values()]
VERSIONS = st.integers(1, len(WORKFLOW_TYPES))
NODES = ["datasrc", "evaldata", "feed_train", "feed_test"]
DESTRUCTIVE = ("network_delete", "version_delete", "workflow_delete")


@pytest.fixture(scope="module")
def operations(service: Any) -> list[Any]:
    """Give the operations of the service, whose network `campaign` has one initialised version of every type."""
    client = Client(service.url)
    client.post("common/target/nninfo/nnid/campaign/", json={})
    for number, kind in enumerate(WORKFLOW_TYPES, start=1):
        client.post("common/target/nninfo/nnid/campaign/version/", json={"active_flag": "Y"})
        client.post(f"wf/target/init/mode/simple/campaign/wfver/{number}/", json={"type": kind})
    description = schemathesis.openapi.from_url(f"{service.url}/api/schema/?format=json")
    found = [result.ok() for result in description.get_all_operations() if isinstance(result, Ok)]
    assert len(found) > 35
    return found


def campaign_of(operation: Any, answered: set[tuple[str, int]]) -> Callable[[], None]:
    """Return a seeded campaign of one operation that adds what it was answered."""
    name = operation.definition.raw["operationId"]

    @settings(
        max_examples=20,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), find=st.integers(0, 3), node=st.sampled_from(NODES), version=VERSIONS)
    def call(case: schemathesis.Case, find: int, node: str, version: int) -> None:
        if find and name not in DESTRUCTIVE:  # random names would only ever be 404
            known = {"nnid": "campaign", "ver": version, "served": str(version), "node": node}
            known |= {"net": DETECTORS[version - 1]} if find > 1 else {}
            for part in known.keys() & case.path_parameters.keys():
                case.path_parameters[part] = known[part]
        response = case.call_and_validate(headers={"Accept": "application/json"}, checks=CHECKS)
        answered.add((name, response.status_code))

    return call


def test_random_calls_are_answered_as_described(operations: list[Any]) -> None:
    answered: set[tuple[str, int]] = set()
    for operation in operations:
        campaign_of(operation, answered)()
    assert {status for _, status in answered} >= {200, 400, 404, 409, 422}
    assert {name for name, status in answered if status == 200} >= {"network_create", "feeder_set", "version_list"}
