"""Uploaded data: checked, typed, counted, digested, and stored whole or not at all."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import DatabaseError, InterfaceError, close_old_connections, connection, transaction
from django.db.models import QuerySet, Sum

from workflows import database, files
from workflows.access import quotas
from workflows.errors import Conflict, Invalid, NotFound, Unprocessable, is_disk_full
from workflows.execution.conversion import convert_csv
from workflows.execution.leftovers import remove_from_this_machine_when_due
from workflows.files.local import remove_folder
from workflows.models import DataFile, Node, ScoringJob, Version
from workflows.models.node import SOURCE, TABLE
from workflows.services.locks import lock_node
from workflows.services.networks import refuse_while_running

MAX_NAME_LENGTH = 200


@dataclass(frozen=True)
class Upload:
    """One file of a request: the name the client gave and where its bytes were streamed to."""

    name: str
    file: TemporaryUploadedFile


def store_uploads(node: Node, uploads: Sequence[Upload]) -> list[DataFile]:
    """Convert and store all files of a request, or none; a file of a known name replaces the earlier one.

    Raises:
        Invalid: no file, or a file name that cannot be kept.
        Conflict: a file would be replaced that a queued or running run uses.
        TooLarge: the owner of the network would have more bytes stored than they may.
        Unprocessable: a file is no table, its columns are not those of the node's other files, or there are too many
            rows.
    """
    _check_names(uploads)
    names = [upload.name for upload in uploads]
    refuse_to_replace_while_running(node, names)
    _refuse_bytes(node, names, sum(upload.file.size or 0 for upload in uploads))
    remove_from_this_machine_when_due()  # a host may have web processes only
    kept = list(node.files.exclude(name__in=names)[:1])
    database.let_go()
    stored: list[DataFile] = []
    try:
        for upload in uploads:
            stored.append(_convert(node, upload))
            _refuse_other_columns(stored[-1], stored[:1] if len(stored) > 1 else kept)
        _commit(node, stored)
    except BaseException as error:
        if not _may_be_committed(error, stored):
            for data_file in stored:
                files.remove(data_file.prefix)
        raise
    return stored


def _may_be_committed(error: BaseException, stored: Sequence[DataFile]) -> bool:
    """Tell whether rows may be there all the same: their files stay then, and are leftovers if there are none.

    The database is asked, once. On PostgreSQL a commit whose answer was lost may still be under way: it holds the
    version's lock until it ends, so without the lock nothing is known.
    """
    if not stored or not isinstance(error, (DatabaseError, InterfaceError)) or is_disk_full(error):
        return False
    rows = DataFile.objects.filter(pk__in=[data_file.pk for data_file in stored])
    try:
        close_old_connections()
        if not connection.features.has_select_for_update:  # SQLite has ended the commit, one way or the other
            return rows.exists()
        with transaction.atomic():
            list(Version.objects.select_for_update(nowait=True).filter(pk=stored[0].node.version_id).values("pk"))
            return rows.exists()
    except (DatabaseError, InterfaceError):
        return True


def _check_names(uploads: Sequence[Upload]) -> None:
    if not uploads:
        raise Invalid("no file: send at least one as multipart/form-data", {"file": ["no file was sent"]})
    for upload in uploads:
        if not upload.name.strip() or len(upload.name) > MAX_NAME_LENGTH or not upload.name.isprintable():
            raise Invalid(
                f"file name '{upload.name[:60]}…' cannot be kept",
                {"file": [f"a file name has 1 to {MAX_NAME_LENGTH} printable characters; rename the file"]},
            )
    names = [upload.name for upload in uploads]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Invalid(
            f"{twice[0]} was sent twice", {"file": [f"{twice[0]}: each file of a request needs its own name"]}
        )


def _convert(node: Node, upload: Upload) -> DataFile:
    data_file = DataFile(id=uuid.uuid4(), node=node, name=upload.name)
    work = Path(settings.JOBS_ROOT) / f"upload-{data_file.id}"
    work.mkdir(parents=True)
    try:
        # On the same disk: a rename, not a copy. Django no longer finds its temporary file, which it tolerates.
        Path(upload.file.temporary_file_path()).rename(work / SOURCE)
        found = convert_csv(
            work / SOURCE,
            work / TABLE,
            encoding=node.parameters.get("encoding"),
            delimiter=node.parameters.get("delimiter"),
        )
        for field in ("rows", "columns", "sha256", "size", "encoding", "delimiter", "notices"):
            setattr(data_file, field, found[field])
        files.publish(work, data_file.prefix)
    except Unprocessable as error:
        raise Unprocessable(f"{upload.name}: {error.message}", error.errors or {"file": [error.message]}) from None
    finally:
        remove_folder(work)
    return data_file


def _refuse_other_columns(data_file: DataFile, others: Iterable[DataFile]) -> None:
    for other in others:
        lacking = [name for name in other.column_names if name not in data_file.column_names]
        extra = [name for name in data_file.column_names if name not in other.column_names]
        if lacking or extra:
            why = "; ".join(
                f"{word} {', '.join(names[:20])}" for word, names in (("lacks", lacking), ("adds", extra)) if names
            )
            raise Unprocessable(
                f"{data_file.name}: its columns are not those of {other.name}: it {why}. Files of one node are one "
                "dataset: DELETE the earlier files first if this is new data",
                {"columns": [why]},
            )


def _commit(node: Node, stored: Sequence[DataFile]) -> None:
    with transaction.atomic():
        quotas.lock(node.version.network.owner_id)
        # Locks out POST train: a run's snapshot must not name a file that is being replaced.
        node = lock_node(node)
        names = [data_file.name for data_file in stored]
        refuse_to_replace_while_running(node, names)
        _refuse_other_columns(stored[0], node.files.exclude(name__in=names))  # one may have been stored meanwhile
        _refuse_bytes(node, names, sum(data_file.size for data_file in stored))
        for earlier in node.files.filter(name__in=names):
            earlier.delete()
        for data_file in stored:
            data_file.save(force_insert=True)
        quotas.refuse_rows(count_rows(node))


def _refuse_bytes(node: Node, names: Sequence[str], size: int) -> None:
    replaced = node.files.filter(name__in=names).aggregate(size=Sum("size"))["size"] or 0
    quotas.refuse_bytes(node.version.network, size - replaced)


def refuse_to_replace_while_running(node: Node, names: Sequence[str]) -> None:
    """Raise Conflict if an open run may still read one of the node's files of these names."""
    found = node.files.filter(name__in=names)
    if found.exists():
        refuse_while_running(node.version.runs.all())
        refuse_while_scored(found)


def refuse_while_scored(data_files: QuerySet[DataFile]) -> None:
    """Raise Conflict if an open scoring job reads one of these files."""
    ids = {str(pk) for pk in data_files.values_list("pk", flat=True)}
    for job in ScoringJob.objects.open().select_related("version__network", "run").defer("run__result"):
        read = {job.source["id"]} if job.source["kind"] == "file" else set()
        if job.options.get("context") == "training":
            read |= {described["id"] for described in job.run.snapshot["data"]["datasrc"]}
        if read & ids:
            raise Conflict(f"scoring job {job.number} of {job.version} reads the data: wait, or DELETE the job first")


def list_files(node: Node) -> QuerySet[DataFile]:
    """Return the files of a node in the order of upload."""
    return node.files.order_by("uploaded", "name")


def count_rows(node: Node) -> int:
    """Return how many rows the node's files have together."""
    return int(node.files.aggregate(total=Sum("rows"))["total"] or 0)


@transaction.atomic
def delete_files(node: Node, name: str | None) -> list[str]:
    """Delete one file by its exact name, or all of a node; return the names.

    Raises:
        NotFound: no file of that name.
        Conflict: a run is queued or running.
    """
    node = lock_node(node)
    found = node.files.all() if name is None else node.files.filter(name=name)
    names = [data_file.name for data_file in found]
    if name is not None and not names:
        raise NotFound(f"node {node.name} has no file '{name}'")
    if names:
        refuse_while_running(node.version.runs.all())
        refuse_while_scored(found)
        for data_file in found:
            data_file.delete()
    return names


def describe_files(node: Node) -> list[dict[str, Any]]:
    """Return what a run's snapshot keeps of the node's files."""
    return [{"id": str(f.id), "name": f.name, "rows": f.rows, "sha256": f.sha256} for f in list_files(node)]
