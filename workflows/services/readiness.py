"""Can a version be trained as it is now? POST train asks and refuses, the workflow's state asks and tells."""

from collections.abc import Mapping
from typing import Any

from algorithms.tabular.compatibility import EMPTY, unusable_columns
from workflows.errors import Unprocessable, in_words
from workflows.models import Node, Version

COLUMN_FIELDS = ("encode_column", "exclude_column", "label_column", "categorical_column")
SHOWN = 50

Problems = dict[str, list[str]]


def missing_for_training(version: Version) -> Problems:
    """Return what must be done before training, by node or parameter; empty when the version is ready."""
    if version.type is None:
        return {"type": ["no workflow yet: POST its type to wf/target/init/mode/simple first"]}
    nodes = {node.name: node for node in version.nodes.select_related("version").prefetch_related("files")}
    columns = {name: node_columns(nodes[name]) for name in ("datasrc", "evaldata")}
    if not columns["datasrc"]:
        return {"datasrc": ["no data: upload a CSV file to node datasrc first"]}
    feeder = nodes["feed_train"].resolved()
    problems = missing_columns(feeder, columns["datasrc"])
    known = columns["datasrc"] | columns["evaldata"]
    problems |= missing_columns({"label_column": nodes["eval_node"].parameters.get("label_column")}, known)
    if columns["evaldata"]:
        problems |= missing_columns(nodes["feed_test"].parameters, columns["evaldata"])
        labels = {nodes[name].parameters.get("label_column") for name in ("feed_test", "eval_node")} - {None}
        used = feeder | {"exclude_column": [*feeder["exclude_column"], *labels]}
        unusable = unusable_columns(used, columns["datasrc"], columns["evaldata"])
        if unusable:
            problems["evaldata"] = [f"column {name} {why}" for name, why in unusable.items()]
    return problems


def require_ready(version: Version) -> None:
    """Raise Unprocessable, saying what to do, if the version cannot be trained yet."""
    problems = missing_for_training(version)
    if problems:
        raise Unprocessable(in_words(problems), problems)


def require_columns(node: Node, parameters: Mapping[str, Any]) -> None:
    """Raise Unprocessable if a parameter names a column that the uploaded data of its chain do not have.

    Before the upload anything goes: parameters may be set first.
    """
    source = "evaldata" if node.name in ("feed_test", "eval_node") else "datasrc"
    columns = node_columns(node.version.nodes.get(name=source))
    problems = missing_columns(parameters, columns) if columns else {}
    if problems:
        raise Unprocessable(in_words(problems), problems)


def node_columns(node: Node) -> dict[str, str]:
    """Return the columns of a data node's files with their types; files of different types make a column text."""
    types: dict[str, set[str]] = {}
    for data_file in node.files.all():
        for column in data_file.columns:
            empty = column["missing"] == data_file.rows
            types.setdefault(column["name"], set()).update(() if empty else (column["type"],))
    return {name: EMPTY if not found else found.pop() if len(found) == 1 else "text" for name, found in types.items()}


def missing_columns(parameters: Mapping[str, Any], columns: Mapping[str, str]) -> Problems:
    """Return the parameters that name columns which are not there."""
    problems: Problems = {}
    for field in COLUMN_FIELDS:
        named = parameters.get(field) or ()
        missing = [column for column in ([named] if isinstance(named, str) else named) if column not in columns]
        if missing:
            shown = ", ".join(list(columns)[:SHOWN]) + (" …" if len(columns) > SHOWN else "")
            problems[field] = [f"no such column: {', '.join(missing)}; the data have: {shown}"]
    return problems
