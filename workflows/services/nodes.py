"""The workflow of a version: its chain of nodes and their parameters."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from pydantic import ValidationError

from algorithms.params import EvaluationParams, Params
from algorithms.workflow_types import WORKFLOW_TYPES
from workflows.access import quotas
from workflows.errors import Conflict, Invalid, NotFound
from workflows.models import DataFile, Node, Version
from workflows.services.locks import lock_node, lock_version
from workflows.services.networks import refuse_while_running
from workflows.services.readiness import require_columns
from workflows.services.rules import add_rule, rules_in_force
from workflows.services.steering import Steering, steering_of, values_of, without_other_rules
from workflows.services.validation import refusal_of


@transaction.atomic
def initialise(version: Version, type_name: str) -> list[Node]:
    """Create the node chain of a workflow type; the same type again changes nothing.

    Raises:
        Invalid: no such type.
        Conflict: another type is initialised and data were uploaded or runs made for it.
    """
    if type_name not in WORKFLOW_TYPES:
        raise Invalid(
            f"workflow type '{type_name}' is not offered",
            {"type": [f"'{type_name}' is not one of: {', '.join(sorted(WORKFLOW_TYPES))}"]},
        )
    version = lock_version(version)
    if version.workflow_type == type_name:
        return list(version.nodes.all())
    if version.workflow_type and (_has_data(version) or version.runs.exists()):
        raise Conflict(
            f"{version} is an initialised {version.workflow_type} with data or runs; "
            "DELETE this workflow first, or make a new version",
            {"type": [f"already {version.workflow_type}"]},
        )
    version.nodes.all().delete()
    Version.objects.filter(pk=version.pk).update(workflow_type=type_name)
    names = WORKFLOW_TYPES[type_name].nodes
    return Node.objects.bulk_create(Node(version=version, name=name, position=n) for n, name in enumerate(names))


@transaction.atomic
def remove_workflow(version: Version) -> None:
    """Remove the node chain with its parameters and data; runs and their results stay.

    Raises:
        Conflict: a run is queued or running.
    """
    version = lock_version(version)
    refuse_while_running(version.runs.all())
    version.nodes.all().delete()
    Version.objects.filter(pk=version.pk).update(workflow_type="")


def _has_data(version: Version) -> bool:
    return DataFile.objects.filter(node__version=version).exists()


def list_nodes(version: Version) -> list[Node]:
    """Return the nodes of an initialised version.

    Raises:
        NotFound: the workflow was not initialised.
    """
    if version.type is None:
        raise NotFound(f"{version} has no workflow yet; POST its type to wf/target/init/mode/simple first")
    return list(version.nodes.select_related("version__network").prefetch_related("files"))


def get_node(version: Version, name: str, *, among: tuple[str, ...] | None = None) -> Node:
    """Return a node by name, one of `among` if given.

    Raises:
        NotFound: no workflow, or no such node.
    """
    nodes = {node.name: node for node in list_nodes(version) if among is None or node.name in among}
    if name not in nodes:
        raise NotFound(f"{version} has no such node '{name}' here; it has: {', '.join(nodes)}")
    return nodes[name]


def require_detector(version: Version, detector: str) -> None:
    """Raise NotFound unless the version's workflow is of this detector (the `net` of a path)."""
    if version.type is not None and version.type.detector != detector:
        raise NotFound(f"{version} is a workflow of {version.type.detector}, not of {detector}")


def set_parameters(node: Node, given: Mapping[str, Any], user: User | None = None) -> Node:
    """Set parameters; those not named keep their value, null returns one to its default.

    A threshold rule that is set on `eval_node` is in force at once for the run that serves (`steering`).

    Raises:
        Invalid: an unknown parameter or a value that is not allowed.
        Unprocessable: a column is named that the uploaded data do not have, a quota is exceeded, or the run that serves
            does not have what the rule needs.
    """
    wanted: Steering | None = None
    value: Mapping[str, float] | None = None
    while True:
        with transaction.atomic():
            node = lock_node(node)  # two requests that set different parameters must not lose one
            params = _merged(node, given)
            found = steering_of(node.version, params, given) if isinstance(params, EvaluationParams) else None
            if found == wanted:
                rule = None if wanted is None else add_rule(wanted.run, wanted.stored, value, user)
                node.parameters = params.model_dump(mode="json", by_alias=True, exclude_unset=True)
                node.configured = timezone.now()
                node.save(update_fields=["parameters", "configured"])
                break
        # Scores are read outside the transaction; meanwhile another run, or another rule, may have come.
        wanted, value = found, None if found is None else values_of(found)
    if rule is not None:
        rules_in_force.forget(rule.run_id)
    return node


def _merged(node: Node, given: Mapping[str, Any]) -> Params:
    aliases = {name: field.alias or name for name, field in node.params_type.model_fields.items()}
    twice = [name for name, alias in aliases.items() if name != alias and {name, alias} <= given.keys()]
    if twice:
        raise Invalid(
            f"{twice[0]} and {aliases[twice[0]]} are one parameter",
            {name: ["given under both its names"] for name in twice},
        )
    kept = without_other_rules(node.parameters, given) if node.name == "eval_node" else node.parameters
    merged = kept | {aliases.get(name, name): value for name, value in given.items()}
    merged = {name: value for name, value in merged.items() if value is not None or name not in aliases.values()}
    try:
        params = node.params_type.model_validate(merged)
    except ValidationError as error:
        raise Invalid(*refusal_of(error, node.params_type)) from None
    stored = params.model_dump(mode="json", by_alias=True, exclude_unset=True)
    quotas.refuse_parameters(stored)
    require_columns(node, WORKFLOW_TYPES[node.version.workflow_type].columns, stored)
    return params
