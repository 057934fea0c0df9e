"""Can a version be trained as it is now? POST train asks and refuses, the workflow's state asks and tells."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from algorithms.tabular.compatibility import EMPTY
from algorithms.workflow_types import ColumnRules
from workflows.errors import Unprocessable, in_words
from workflows.models import Node, Version

SHOWN = 50

Problems = dict[str, list[str]]


def missing_for_training(version: Version, its_nodes: Iterable[Node] | None = None) -> Problems:
    """Return what must be done before training, by node or parameter; empty when the version is ready.

    `its_nodes` are the version's with their files, for a caller that has them.
    """
    if version.type is None:
        return {"type": ["no workflow yet: POST its type to wf/target/init/mode/simple first"]}
    rules = version.type.columns
    if its_nodes is None:
        its_nodes = version.nodes.select_related("version").prefetch_related("files")
    nodes = {node.name: node for node in its_nodes}
    feeder = nodes["feed_train"].resolved()
    problems = _not_given(rules, feeder)
    train, evaluation = (node_columns(nodes[name]) for name in ("datasrc", "evaldata"))
    if not train:
        return {"datasrc": ["no data: upload a CSV file to node datasrc first"]} | problems
    labels = {nodes[name].parameters.get("label_column") for name in ("feed_test", "eval_node")} - {None}
    problems |= missing_columns(rules.fields, feeder, train)
    problems |= rules.unfit(feeder, train, first_texts(nodes["datasrc"]), labels)
    problems |= missing_columns(rules.fields, nodes["eval_node"].parameters, train | evaluation)
    if evaluation:
        problems |= missing_columns(rules.fields, nodes["feed_test"].parameters, evaluation)
        unusable = rules.unusable(feeder, train, evaluation, labels)
        if unusable:
            problems["evaldata"] = [f"column {name} {why}" for name, why in unusable.items()]
    return problems


def require_ready(version: Version) -> None:
    """Raise Unprocessable, saying what to do, if the version cannot be trained yet."""
    problems = missing_for_training(version)
    if problems:
        raise Unprocessable(in_words(problems), problems)


def require_columns(node: Node, rules: ColumnRules, parameters: Mapping[str, Any]) -> None:
    """Raise Unprocessable if a parameter names a column that the uploaded data of its chain do not have, or not so.

    Before the upload anything goes: parameters may be set first.
    """
    source = node.version.nodes.get(name="evaldata" if node.name in ("feed_test", "eval_node") else "datasrc")
    columns = node_columns(source)
    if columns:
        problems = missing_columns(rules.fields, parameters, columns)
        problems |= rules.unfit(parameters, columns, first_texts(source), ())
        if problems:
            raise Unprocessable(in_words(problems), problems)


def node_columns(node: Node) -> dict[str, str]:
    """Return the columns of a data node's files with their types; files of different types make a column text."""
    types: dict[str, set[str]] = {}
    for column, empty in _columns(node):
        types.setdefault(column["name"], set()).update(() if empty else (column["type"],))
    return {name: EMPTY if not found else found.pop() if len(found) == 1 else "text" for name, found in types.items()}


def first_texts(node: Node) -> dict[str, str]:
    """Return where a column that is mostly something else first turned out to be text, in words."""
    return {
        column["name"]: f"row {cell['row']} has '{cell['value']}', which"
        for column, _ in _columns(node)
        if (cell := column.get("first_text"))
    }


def missing_columns(fields: Collection[str], parameters: Mapping[str, Any], columns: Mapping[str, str]) -> Problems:
    """Return the parameters that name columns which are not there."""
    problems: Problems = {}
    for field in fields:
        named = parameters.get(field) or ()
        missing = [column for column in ([named] if isinstance(named, str) else named) if column not in columns]
        if missing:
            shown = ", ".join(list(columns)[:SHOWN]) + (" …" if len(columns) > SHOWN else "")
            problems[field] = [f"no such column: {', '.join(missing)}; the data have: {shown}"]
    return problems


def _not_given(rules: ColumnRules, feeder: Mapping[str, Any]) -> Problems:
    return {
        field: [f"not set: {remedy} (PUT it to node feed_train)"]
        for field, remedy in rules.required.items()
        if feeder.get(field) is None
    }


def _columns(node: Node) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Yield every column of every file, and whether it has no value in it."""
    for data_file in node.files.all():
        for column in data_file.columns:
            yield column, column["missing"] == data_file.rows
