"""The uploaded files that a run was trained on."""

from uuid import UUID

from workflows.models import DataFile, Run


def training_files(run: Run) -> list[DataFile | None]:
    """Return the files of `datasrc` in their order, None for one that was deleted since."""
    ids = [UUID(described["id"]) for described in run.snapshot["data"]["datasrc"]]
    found = DataFile.objects.in_bulk(ids)
    return [found.get(file_id) for file_id in ids]
