"""A migration runs while processes of the release before still write rows: they know nothing of its columns."""

from collections.abc import Iterator

import pytest
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader

from workflows.models import Network, Run, Version

FIRST_RELEASE = "0002_operation"


def added_fields() -> Iterator[tuple[str, models.Field]]:
    """Yield the columns that later releases added to tables."""
    for (app, name), migration in MigrationLoader(None, ignore_no_migrations=True).disk_migrations.items():
        if app == "workflows" and name > FIRST_RELEASE:
            for operation in migration.operations:
                if isinstance(operation, migrations.AddField):
                    yield f"{name}: {operation.model_name}.{operation.name}", operation.field


def test_every_column_that_was_added_may_be_left_out_of_a_row() -> None:
    added = dict(added_fields())
    assert added
    assert [name for name, field in added.items() if not (field.null or field.has_db_default())] == []


@pytest.mark.django_db
def test_a_row_written_by_the_release_before_reads_as_a_new_one() -> None:
    version = Version.objects.create(network=Network.objects.create(name="steel"), number=1)
    run = Run.objects.create(version=version, number=1, snapshot={})
    earlier = {field.column for field in Run._meta.concrete_fields} - {"beats", "failures", "requested_by_id"}
    kept = ", ".join(map(connection.ops.quote_name, sorted(earlier)))
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE earlier AS SELECT {kept} FROM workflows_run")
        cursor.execute("DELETE FROM workflows_run")
        cursor.execute(f"INSERT INTO workflows_run ({kept}) SELECT {kept} FROM earlier")
        cursor.execute("DROP TABLE earlier")
    run.refresh_from_db()
    assert (run.beats, run.failures, run.requested_by) == (0, [], None)
