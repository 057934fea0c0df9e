"""Scoring jobs: post a file, follow it, read its scores, cancel or delete it."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from algorithms.artifacts import MANIFEST
from algorithms.bulk.scored import ScoredRows, of_part
from algorithms.graphbean.scored_parts import ScoredPart
from algorithms.workflow_types import WORKFLOW_TYPES
from workflows import database, files
from workflows.access import quotas
from workflows.errors import Conflict, Damaged, Invalid, NotFound, Unprocessable
from workflows.execution.tidying import tidy
from workflows.files.local import remove_folder
from workflows.models import OPEN_STATES, DataFile, Run, RunState, ScoringJob, Version
from workflows.models.serving import SOURCE_FILE
from workflows.services.broker import require_broker
from workflows.services.datasets import Upload
from workflows.services.digests import require_intact
from workflows.services.locks import lock_version
from workflows.services.prediction import type_of
from workflows.services.queueing import enqueue
from workflows.services.rules import current_rule
from workflows.services.training_files import training_files

PARQUET = b"PAR1"
ARRAYS = "*.npy"


def start_with_upload(
    version: Version, run: Run, upload: Upload, options: Mapping[str, Any], user: User | None
) -> ScoringJob:
    """Queue the scoring of a file that was sent: CSV, or Parquet by its first bytes.

    Raises:
        Invalid: models of this type do not take such an option.
        Unprocessable: the file is empty.
        TooMany: whoever asks has as many open jobs as they may.
        Unavailable: the broker is down; nothing was stored.
    """
    _require_fit(run, options)
    require_broker()
    if not upload.file.size:
        raise Unprocessable(f"{upload.name} is empty: send a file with a header and rows", {"file": ["is empty"]})
    job_id = uuid.uuid4()
    work = Path(settings.JOBS_ROOT) / f"upload-{job_id}"
    work.mkdir(parents=True)
    prefix = ScoringJob(id=job_id).source_prefix
    try:
        path = Path(upload.file.temporary_file_path()).rename(work / SOURCE_FILE)
        with path.open("rb") as file:
            is_parquet = file.read(len(PARQUET)) == PARQUET
        source = {
            "kind": "upload",
            "name": upload.name[:200],
            "format": "parquet" if is_parquet else "csv",
            "size": path.stat().st_size,
        }
        database.let_go()
        files.publish(work, prefix)
        return _start(version, run, job_id, source, options, user)
    except BaseException:
        if not ScoringJob.objects.filter(id=job_id).exists():
            files.remove(prefix)
        raise
    finally:
        remove_folder(work)


def start_with_file(
    version: Version, run: Run, name: str, node: str, options: Mapping[str, Any], user: User | None
) -> ScoringJob:
    """Queue the scoring of a file that was uploaded to a node of the version.

    Raises:
        NotFound: the node has no such file.
        Invalid, TooMany, Unavailable: as `start_with_upload`.
    """
    _require_fit(run, options)
    require_broker()
    unused = {
        field: ["belongs to a CSV file that is sent; leave it out"]
        for field in ("encoding", "delimiter")
        if field in options
    }
    if unused:
        raise Invalid("an uploaded file was read already", unused)
    return _start(version, run, uuid.uuid4(), {"node": node, "name": name}, options, user)


def _require_fit(run: Run, options: Mapping[str, Any]) -> None:
    """Refuse options that are another detector's, and a context that is not there any more."""
    kind = type_of(run)
    others = {name for other in WORKFLOW_TYPES.values() for name in other.scoring_options} - {*kind.scoring_options}
    unused = {name: [f"is not an option of {kind.detector}: leave it out"] for name in others if name in options}
    if unused:
        raise Invalid(f"{run.version} has a model of {kind.detector}", unused)
    if options.get("context") == "training" and None in training_files(run):
        why = f"files that run {run.number} was trained on were deleted: train again, or score without context"
        raise Unprocessable(why, {"context": [why]})


@transaction.atomic
def _start(
    version: Version, run: Run, job_id: uuid.UUID, source: dict[str, Any], options: Mapping[str, Any], user: User | None
) -> ScoringJob:
    quotas.refuse_another_run(user)
    rule = current_rule(run)
    version = lock_version(version)
    if "kind" not in source:
        source = _uploaded(version, source["node"], source["name"])
    Version.objects.filter(pk=version.pk).update(scoring_jobs_made=F("scoring_jobs_made") + 1)
    job = ScoringJob.objects.create(
        id=job_id,
        version=version,
        run=run,
        rule=rule,
        number=version.scoring_jobs_made + 1,
        source=source,
        options=dict(options),
        requested_by=user,
        enqueued=timezone.now(),
    )
    enqueue(job)
    return job


def _uploaded(version: Version, node: str, name: str) -> dict[str, Any]:
    """Return the source that a file of a node is; the version is locked, so it cannot go before the job is there."""
    found = DataFile.objects.filter(node__version=version, node__name=node, name=name).first()
    if found is None:
        raise NotFound(f"node {node} of {version} has no file '{name}'")
    return {"kind": "file", "id": str(found.id), "name": name, "node": node, "format": "parquet", "size": found.size}


def list_scoring_jobs(version: Version) -> QuerySet[ScoringJob]:
    """Return the scoring jobs of a version, the newest first."""
    return version.scoring_jobs.select_related("version__network", "run", "rule").defer(
        "run__result", "run__snapshot"
    ).order_by("-number")  # fmt: skip


def get_scoring_job(version: Version, number: int) -> ScoringJob:
    """Return the scoring job of this number.

    Raises:
        NotFound: there is none.
    """
    job = list_scoring_jobs(version).filter(number=number).first()
    if job is None:
        raise NotFound(f"{version} has no scoring job {number}")
    return job


def cancel_or_delete(job: ScoringJob) -> bool:
    """Cancel an open job, at once, or delete one that has ended, with its files; tell whether it was deleted."""
    ended = {"finished": timezone.now(), "error": "cancelled on request", "cancel_requested": True}
    if ScoringJob.objects.open().filter(id=job.id).update(state=RunState.CANCELLED, **ended):
        tidy(job)  # its worker may be dead
        return False
    with transaction.atomic():
        job.delete()
    return True


@contextmanager
def scored_rows(job: ScoringJob, part: str | None = None) -> Iterator[tuple[ScoredRows, Path]]:
    """Give the scores of a job that has succeeded, and the Parquet file with them.

    A graph's are those of one part: "u", "v" or "e", the pairs, which is the default.

    Raises:
        Conflict: it has none.
        Invalid: a part of rows was asked for.
        Damaged: the stored scores are not those that were written.
    """
    is_graph = type_of(job.run).detector == "graphbean"
    if part is not None and not is_graph:
        raise Invalid("part belongs to graphs: leave it out", {"part": ["rows have no parts"]})
    if job.state != RunState.SUCCEEDED:
        still = "wait until it has ended" if job.state in OPEN_STATES else job.error
        raise Conflict(f"scoring job {job.number} of {job.version} is {job.state}: it has no scores; {still}")
    part = (part or "e") if is_graph else None
    parquet = of_part("scores.parquet", part)
    try:
        with files.local_copy(job.artifact_prefix, MANIFEST, ARRAYS, "summary.json", parquet) as folder:
            require_intact(folder, ARRAYS)
            yield ScoredRows(folder) if part is None else ScoredPart(folder, part), folder / parquet
    except Damaged as error:
        files.forget_copy(job.artifact_prefix)
        raise Damaged(
            f"the scores of job {job.number} cannot be read: {error.message}; score the file again"
        ) from error
