"""Start, stop, read and delete runs."""

import uuid
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from workflows.access import quotas
from workflows.errors import Conflict, NotFound
from workflows.execution.tidying import tidy
from workflows.models import Job, Run, RunState, ScoringJob, Version
from workflows.services.broker import require_broker
from workflows.services.datasets import describe_files
from workflows.services.locks import lock_version, reread_run
from workflows.services.nodes import list_nodes
from workflows.services.queueing import enqueue
from workflows.services.readiness import require_ready


def start_run(version: Version, requested_by: User | None = None) -> Run:
    """Queue a training of the version as it is now: parameters and data files are written down here.

    Raises:
        Unprocessable: something is missing for training, parameters name columns that the data do not have, or a quota
            is exceeded.
        TooMany: whoever asks has as many open runs as they may.
        Conflict: a run of this version is queued or running.
        Unavailable: the broker is down; nothing was queued.
    """
    refuse_second_run(version)
    require_ready(version)
    require_broker()
    with transaction.atomic():
        quotas.refuse_another_run(requested_by)
        version = lock_version(version)
        refuse_second_run(version)
        snapshot = _snapshot(version)
        Version.objects.filter(pk=version.pk).update(runs_made=F("runs_made") + 1)
        number = version.runs_made + 1
        run = Run.objects.create(
            version=version, number=number, snapshot=snapshot, enqueued=timezone.now(), requested_by=requested_by
        )
        enqueue(run)
    return run


def refuse_second_run(version: Version) -> None:
    """Raise Conflict, naming the run, if one is queued or running."""
    run = version.runs.open().first()
    if run is not None:
        raise Conflict(f"run {run.id} of {version} is {run.state} already", {"id": [str(run.id)]})


def _snapshot(version: Version) -> dict[str, Any]:
    require_ready(version)
    nodes = {node.name: node for node in list_nodes(version)}
    data = {name: describe_files(nodes[name]) for name in ("datasrc", "evaldata")}
    given = {name: node.parameters for name, node in nodes.items() if node.parameters}
    parameters = {name: node.resolved() for name, node in nodes.items()}
    quotas.refuse_parameters(parameters["netconf_node"])
    for files in data.values():
        quotas.refuse_rows(sum(file["rows"] for file in files))
    if "feed_test" not in given:
        parameters["feed_test"] = parameters["feed_train"]
    return {
        "workflow_type": version.workflow_type,
        "given": given,
        "parameters": parameters,
        "data": {name: files for name, files in data.items() if files},
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


def get_job_by_id(job_id: uuid.UUID) -> Job:
    """Return a run, or a scoring job, of any version.

    Raises:
        NotFound: there is none.
    """
    job = ScoringJob.objects.filter(id=job_id).first()
    return get_run_by_id(job_id) if job is None else job


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
    """Cancel the open run, at once; who trains it sees that within a second and ends its process.

    Raises:
        Conflict: none is open.
    """
    run = version.runs.open().first()
    if run is None:
        raise Conflict(f"{version} has no queued or running run to stop")
    ended = {"finished": timezone.now(), "error": "cancelled on request", "cancel_requested": True}
    if Run.objects.open().filter(id=run.id).update(state=RunState.CANCELLED, **ended):
        tidy(run)  # its worker may be dead
    return get_run_by_id(run.id)


@transaction.atomic
def delete_run(version: Version, run: Run) -> None:
    """Delete a run with its log and model.

    Raises:
        Conflict: it serves, waits or trains.
    """
    version, run = lock_version(version), reread_run(run)
    if run == version.serving_run:
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
