"""Start, stop, read and delete runs."""

import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from workflows.errors import Conflict, NotFound, Unprocessable
from workflows.models import Run, RunState, Version
from workflows.services.broker import require_broker
from workflows.services.datasets import describe_files
from workflows.services.nodes import data_node_of, list_nodes, missing_for_training, refuse_missing_columns


def start_run(version: Version) -> Run:
    """Queue a training of the version as it is now: parameters and data files are written down here.

    Raises:
        Unprocessable: something is missing for training, or parameters name columns that the data do not have.
        Conflict: a run of this version is queued or running.
        Unavailable: the broker is down; nothing was queued.
    """
    refuse_second_run(version)
    require_ready(version)
    require_broker()
    try:
        with transaction.atomic():
            version = Version.objects.select_for_update().select_related("network").get(pk=version.pk)
            snapshot = _snapshot(version)
            Version.objects.filter(pk=version.pk).update(runs_made=F("runs_made") + 1)
            version.refresh_from_db(fields=["runs_made"])
            run = Run.objects.create(
                version=version, number=version.runs_made, snapshot=snapshot, enqueued=timezone.now()
            )
            enqueue(run.id)
    except IntegrityError:
        refuse_second_run(version)
        raise
    return run


def refuse_second_run(version: Version) -> None:
    """Raise Conflict, naming the run, if one is queued or running."""
    run = version.runs.open().first()
    if run is not None:
        raise Conflict(f"run {run.id} of {version} is {run.state} already", {"id": [str(run.id)]})


def require_ready(version: Version) -> None:
    """Raise Unprocessable, saying what to do, if the version cannot be trained yet."""
    missing = missing_for_training(version)
    if missing:
        raise Unprocessable("; ".join(why[0] for why in missing.values()), missing)


def enqueue(run_id: uuid.UUID) -> None:
    """Wake a worker once the present transaction is committed; a message that is lost is sent again by the sweeper."""
    from workflows.tasks import train

    transaction.on_commit(lambda: train.delay(str(run_id)), robust=True)


def _snapshot(version: Version) -> dict[str, Any]:
    require_ready(version)
    nodes = {node.name: node for node in list_nodes(version)}
    files = {name: describe_files(nodes[name]) for name in ("datasrc", "evaldata")}
    parameters = {name: node.resolved() for name, node in nodes.items()}
    if not nodes["feed_test"].parameters:
        parameters["feed_test"] = parameters["feed_train"]
    for name in ("feed_train", "feed_test", "eval_node"):
        source = nodes[data_node_of(name)].files.first() or nodes["datasrc"].files.first()
        if source is not None:
            refuse_missing_columns(parameters[name], source.column_names)
    return {
        "workflow_type": version.workflow_type,
        "parameters": parameters,
        "data": {name: described for name, described in files.items() if described},
        "seed": parameters["netconf_node"].get("seed"),
    }


def get_run(version: Version, key: str | None) -> Run:
    """Return the run of this number or id; the serving one when `key` is None.

    Raises:
        NotFound: there is none.
    """
    if key is None:
        run = version.serving_run
        if run is None:
            raise NotFound(f"{version} has no succeeded run yet; POST runmanager/state/train starts one")
        return run
    runs = version.runs.select_related("version__network")
    found = runs.filter(number=int(key)) if key.isascii() and key.isdigit() and len(key) < 10 else _by_id(runs, key)
    run = found.first()
    if run is None:
        raise NotFound(f"{version} has no run '{key}'")
    return run


def get_run_by_id(run_id: uuid.UUID) -> Run:
    """Return a run of any version.

    Raises:
        NotFound: there is none.
    """
    run = Run.objects.select_related("version__network").filter(id=run_id).first()
    if run is None:
        raise NotFound(f"run {run_id} does not exist")
    return run


def _by_id(runs: QuerySet[Run], key: str) -> QuerySet[Run]:
    try:
        return runs.filter(id=uuid.UUID(key))
    except ValueError:
        return runs.none()


def last_run(version: Version) -> Run:
    """Return the newest run.

    Raises:
        NotFound: there was none.
    """
    run = version.last_run
    if run is None:
        raise NotFound(f"{version} was never trained; POST runmanager/state/train starts a run")
    return run


def cancel_run(version: Version) -> Run:
    """Cancel the open run: at once when it waits, within a second or two when it trains.

    Raises:
        Conflict: none is open.
    """
    run = version.runs.open().first()
    if run is None:
        raise Conflict(f"{version} has no queued or running run to stop")
    if not Run.objects.move(run.id, RunState.QUEUED, RunState.CANCELLED, finished=timezone.now()):
        Run.objects.filter(id=run.id, state=RunState.RUNNING).update(cancel_requested=True)
    run.refresh_from_db()
    return run


@transaction.atomic
def delete_run(version: Version, run: Run) -> None:
    """Delete a run with its log and model.

    Raises:
        Conflict: it serves, waits or trains.
    """
    Version.objects.select_for_update().get(pk=version.pk)
    run.refresh_from_db(fields=["state"])
    serving = version.serving_run
    if run == serving:
        raise Conflict(f"run {run.number} serves {version}; pin another run first")
    if run.state in (RunState.QUEUED, RunState.RUNNING):
        raise Conflict(f"run {run.number} is {run.state}; stop it first", {"id": [str(run.id)]})
    run.delete()


def list_runs(version: Version) -> QuerySet[Run]:
    """Return the runs of a version by number, without the bulk of their results."""
    return version.runs.select_related("version__network").defer("result").order_by("number")


def serving_context(version: Version) -> dict[str, Any]:
    """Return what a list of runs needs to tell which one serves."""
    run = version.serving_run
    return {"serving_number": run.number if run else None}
