"""Random calls over the OpenAPI description, in open and in token mode: no 5xx, no answer that it does not describe."""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from algorithms.workflow_types import WORKFLOW_TYPES
from benchmarks.report import machine, parser, print_table, write_json
from benchmarks.service import REPOSITORY, running_service

CASES = 10_000
MOST_ROUNDS = 50
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DETECTORS = [workflow.detector for workflow in WORKFLOW_TYPES.values()]
VERSIONS = st.integers(1, len(WORKFLOW_TYPES))
NODES = ["datasrc", "evaldata", "feed_train", "feed_test"]
DESTRUCTIVE = ("network_delete", "version_delete", "workflow_delete")
NAME = "campaign"
MODES = ("open", "token")
SHOWN = (200, 400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429, 503)
PLAIN = {"Accept": "application/json"}

Headers = Mapping[str, str]


def main(argv: Sequence[str]) -> None:
    """Make at least so many calls in each mode, as many of every operation, most of them to a network that is there.

    In token mode most are made by an admin, the others by a reader, by strangers and with a token that is none. Every
    answer is held against the description: status, content type, body. The exit status is 1 if one does not fit, or if
    fewer calls were made.
    """
    arguments = parser("api_calls", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--cases", type=int, default=CASES, help=f"in each mode (default {CASES:,})")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    options = arguments.parse_args(argv)
    described = machine()
    results = {mode: _campaign(mode, options.cases, options.seed) for mode in options.modes}
    short = [mode for mode, found in results.items() if found["calls"] < options.cases]
    rows = [
        [mode, found["calls"], *(found["statuses"].get(str(status), 0) for status in SHOWN), len(found["wrong"])]
        for mode, found in results.items()
    ]
    print_table(["mode", "calls", *map(str, SHOWN), "wrong"], rows)
    for found in results.values():
        print("\n".join(found["wrong"][:20]))
    write_json(options.json, "api_calls", described, {"seed": options.seed, "modes": results})
    if short:
        print(f"fewer calls than {options.cases:,} in {' and '.join(short)} mode")
    if short or any(found["wrong"] for found in results.values()):
        sys.exit(1)


def _campaign(mode: str, cases: int, first: int) -> dict[str, Any]:
    quiet = {"NNSERVICE_THROTTLE_USER": "off", "NNSERVICE_THROTTLE_STRANGER": "off", "NNSERVICE_LOG_LEVEL": "WARNING"}
    began = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), NNSERVICE_AUTH=mode, **quiet) as service,
    ):
        base = service.api.removesuffix("/api/v1/type")
        callers = token_callers(base, Path(folder) / "home") if mode == "token" else [{}]
        prepare(base, callers[0])
        answered: Counter[tuple[str, int]] = Counter()
        wrong: list[str] = []
        found = operations(base, callers[0])
        for number, examples in rounds(cases, len(found), answered, first):
            for operation in found:
                call = campaign_of(operation, answered, callers, examples=examples, number=number)
                try:
                    call()
                except FailureGroup as failures:
                    wrong += [f"{mode}, {operation.label}: {failure}" for failure in failures.exceptions]
            if wrong:
                break
    statuses: Counter[str] = Counter()
    for (_, status), count in answered.items():
        statuses[str(status)] += count
    return {
        "calls": sum(answered.values()),
        "operations": len(found),
        "seconds": round(time.perf_counter() - began, 1),
        "statuses": dict(sorted(statuses.items())),
        "wrong": wrong,
    }


def rounds(cases: int, operations: int, answered: Counter[Any], first: int) -> Iterator[tuple[int, int]]:
    """Yield a seed and a number of examples for every operation, until as many calls were answered.

    An operation without parameters has few different calls: Hypothesis ends when it has made them all.
    """
    for number in range(first, first + MOST_ROUNDS):
        missing = cases - answered.total()
        if missing <= 0:
            return
        yield number, -(-missing // operations)


def token_callers(base: str, home: Path) -> list[Headers]:
    """Make an admin and a reader; return the headers of the calls, the admin's first and three times as often."""
    made = subprocess.run(
        [sys.executable, "manage.py", "create_admin", "boss"],
        cwd=REPOSITORY, env=os.environ | {"NNSERVICE_HOME": str(home)}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    admin = bearer(made.stdout.split()[-1])
    body = {"user": "reader", "role": "reader"}
    answer = requests.post(f"{base}/api/v1/type/access/user/", json=body, headers=admin | PLAIN, timeout=30)
    answer.raise_for_status()
    return [admin, admin, admin, bearer(answer.json()["token"]), {}, bearer("nns_" + "0" * 64)]


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def prepare(base: str, headers: Headers) -> None:
    """Make a network with one initialised version of every type."""
    network = f"common/target/nninfo/nnid/{NAME}/"
    calls: list[tuple[str, dict[str, Any]]] = [(network, {})]
    for number, kind in enumerate(WORKFLOW_TYPES, start=1):
        calls.append((f"{network}version/", {"active_flag": "Y"}))
        calls.append((f"wf/target/init/mode/simple/{NAME}/wfver/{number}/", {"type": kind}))
    for path, body in calls:
        requests.post(
            f"{base}/api/v1/type/{path}", json=body, headers={**headers, **PLAIN}, timeout=30
        ).raise_for_status()


def operations(base: str, headers: Headers) -> list[Any]:
    """Return the operations that a service describes."""
    description = schemathesis.openapi.from_url(f"{base}/api/schema/?format=json", headers=dict(headers))
    return [result.ok() for result in description.get_all_operations() if isinstance(result, Ok)]


def campaign_of(
    operation: Any, answered: Counter[tuple[str, int]], callers: Sequence[Headers], *, examples: int, number: int
) -> Callable[[], None]:
    """Return a seeded campaign of one operation that counts what it was answered."""
    name = operation.definition.raw["operationId"]

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(),
        find=st.integers(0, 3),
        node=st.sampled_from(NODES),
        version=VERSIONS,
        caller=st.sampled_from(range(len(callers))),
    )
    def call(case: schemathesis.Case, find: int, node: str, version: int, caller: int) -> None:
        if find and name not in DESTRUCTIVE:  # random names would only ever be 404
            known = {"nnid": NAME, "ver": version, "served": str(version), "node": node}
            known |= {"net": DETECTORS[version - 1]} if find > 1 else {}
            for part in known.keys() & case.path_parameters.keys():
                case.path_parameters[part] = known[part]
        response = case.call_and_validate(headers={**PLAIN, **callers[caller]}, checks=CHECKS)
        answered[name, response.status_code] += 1

    return call
