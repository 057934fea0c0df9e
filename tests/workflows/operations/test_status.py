"""One table tells how the service is."""

from datetime import timedelta
from io import StringIO

from django.core.management import call_command
from django.utils import timezone

from tests.workflows.conftest import STEEL, Api
from tests.workflows.scored import make_scoring_job
from workflows import files
from workflows.models import DataFile, Run, WorkerBeat
from workflows.operations import health
from workflows.operations.status import disk_usage, table


def shown() -> str:
    health._kept = (float("-inf"), {})
    out = StringIO()
    call_command("status", stdout=out)
    return out.getvalue()


def test_it_names_workers_runs_networks_and_versions(run: Run) -> None:
    now = timezone.now()
    make_scoring_job(run)
    WorkerBeat.objects.create(
        name="host-7:1", host="host-7", started=now, seen=now, running=1, slots=2, release="0.1.0"
    )
    told = " ".join(shown().split())
    assert "ready, open mode" in told
    assert "database ok" in told
    assert "host-7:1 1 of 2 0 s ago" in told
    assert "succeeded 1 0" in told
    assert "queued 0 1" in told
    assert "steel 1 1 0.0" in told
    assert "onnxruntime" in told


def test_it_names_what_failed(db: None) -> None:
    told = " ".join(shown().split())
    assert "NOT READY" in told
    assert "workers FAILED no worker was seen" in told
    assert "no worker was seen today" in told


def test_a_worker_that_went_silent_still_shows_until_a_day_later(db: None) -> None:
    before = timezone.now() - timedelta(hours=2)
    WorkerBeat.objects.create(name="gone:1", host="gone", started=before, seen=before)
    assert "gone:1" in shown()
    assert "7200 s ago" in shown()


def test_the_disk_usage_of_a_network_counts_uploads(uploaded: Api) -> None:
    (usage,) = disk_usage()
    data_file = DataFile.objects.get()
    names = files.names(data_file.prefix)
    assert usage.uploads == sum(len(b"".join(files.stream(data_file.prefix, name))) for name in names)
    assert (usage.network, usage.uploads > len(STEEL), usage.models) == ("steel", True, 0)


def test_the_disk_usage_of_a_network_counts_models(run: Run) -> None:
    (usage,) = disk_usage()
    names = files.names(run.artifact_prefix)
    assert usage.models == sum(len(b"".join(files.stream(run.artifact_prefix, name))) for name in names) > 0


def test_columns_are_aligned() -> None:
    assert list(table(("a", "b"), [("long", "x")])) == ["a     b", "long  x"]
