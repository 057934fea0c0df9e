"""What Prometheus is told."""

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from tests.workflows.conftest import PREDICT, Api
from tests.workflows.scored import make_scoring_job
from workflows.models import Network, Run, RunState, Total, Version
from workflows.operations.totals import add_to_totals, count_training

TOKEN = "scrape-me"


@pytest.fixture
def scrape(db: None, settings: Settings) -> Any:
    """Give a function that returns the samples with this name, by their labels' values."""
    settings.METRICS_TOKEN = TOKEN

    def samples(name: str) -> dict[tuple[str, ...], float]:
        answer = Client(headers={"Authorization": f"Bearer {TOKEN}"}).get("/metrics")
        assert answer.status_code == 200
        families = text_string_to_metric_families(answer.content.decode())
        return {tuple(s.labels.values()): s.value for family in families for s in family.samples if s.name == name}

    return samples


def test_requests_are_counted_by_the_pattern_of_their_path(scrape: Any) -> None:
    def seen() -> dict[tuple[str, ...], float]:
        return {key: n for key, n in scrape("nnservice_requests_total").items() if "nninfo" in key[1]}

    before = seen()
    for name in ("a", "b", "c"):
        Client().get(f"/api/v1/type/common/target/nninfo/nnid/{name}/")
    more = {key: n - before.get(key, 0) for key, n in seen().items() if n != before.get(key, 0)}
    assert more == {("GET", "api/v1/type/common/target/nninfo/nnid/<name:nnid>/", "404"): 3}


def test_paths_and_methods_that_do_not_exist_share_one_label(scrape: Any) -> None:
    for n in range(5):
        Client().generic(f"VERB{n}", f"/nowhere/{n}/")
    assert scrape("nnservice_requests_total")["other", "none", "404"] >= 5


def test_runs_and_scoring_jobs_are_counted_by_state_and_type_also_where_there_are_none(scrape: Any) -> None:
    version = Version.objects.create(
        network=Network.objects.create(name="steel"), number=1, workflow_type="autoencoder_csv"
    )
    Run.objects.create(version=version, number=1, snapshot={})
    make_scoring_job(Run.objects.get(), state="running")
    for name, state in (("nnservice_runs", "queued"), ("nnservice_scoring_jobs", "running")):
        jobs = scrape(name)
        assert jobs[state, "autoencoder_csv"] == 1
        assert jobs["failed", "graphbean_csv"] == 0
    assert scrape("nnservice_queue_oldest_seconds")[()] >= 0


def test_a_training_stays_in_the_totals_when_its_run_is_deleted(scrape: Any) -> None:
    version = Version.objects.create(network=Network.objects.create(name="steel"), number=1)
    now = timezone.now()
    snapshot = {"data": {"datasrc": [{"rows": 70}, {"rows": 30}]}}
    run = Run.objects.create(
        version=version,
        number=1,
        state=RunState.SUCCEEDED,
        snapshot=snapshot,
        started=now - timedelta(seconds=4),
        finished=now,
    )
    count_training(run.id)
    run.delete()
    assert scrape("nnservice_training_seconds_total")[()] == 4
    assert scrape("nnservice_rows_trained_total")[()] == 100


def test_rows_that_are_predicted_are_counted(scrape: Any, run: Run) -> None:
    before = scrape("nnservice_rows_predicted_total").get(("anomaly",), 0)
    row = {"grade": "A", "temperature": 1500.0, "weight": 150.0}
    assert Api().post(PREDICT, {"input_data": [row] * 3}).status == 200
    assert scrape("nnservice_rows_predicted_total")[("anomaly",)] - before == 3


def test_totals_add_up(db: None) -> None:
    add_to_totals(rows_trained=2)
    add_to_totals(rows_trained=3)
    assert Total.objects.get(name="rows_trained").value == 5


def test_a_scraper_without_the_right_token_is_refused(db: None, settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert Client(headers={"Authorization": "Bearer wrong"}).get("/metrics").status_code == 401


def test_web_processes_count_together(tmp_path: Any) -> None:
    program = (
        "import django; django.setup()\n"
        "from workflows.operations.metrics import rows_predicted\n"
        "rows_predicted.labels('anomaly').inc(5)\n"
    )
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    show = (
        "from prometheus_client import CollectorRegistry, generate_latest\n"
        "from prometheus_client.multiprocess import MultiProcessCollector\n"
        "registry = CollectorRegistry(); MultiProcessCollector(registry); print(generate_latest(registry).decode())"
    )
    done = subprocess.run([sys.executable, "-c", show], env=environment, check=True, capture_output=True, text=True)
    assert 'nnservice_rows_predicted_total{kind="anomaly"} 10.0' in done.stdout


def test_wrong_tokens_are_counted_and_then_not_even_the_right_one_is_looked_at(db: None, settings: Settings) -> None:
    settings.METRICS_TOKEN, settings.AUTH_MODE = TOKEN, "token"
    settings.THROTTLES = {"stranger": (2, 86_400)}
    cache.clear()

    def ask(token: str, address: str = "10.0.0.1") -> int:
        return Client(REMOTE_ADDR=address, headers={"Authorization": f"Bearer {token}"}).get("/metrics").status_code

    assert [ask(token) for token in (TOKEN, TOKEN, TOKEN, "guess", "guess", "guess", TOKEN)] == [200] * 3 + [
        401
    ] * 2 + [429] * 2
    assert ask(TOKEN, "10.0.0.2") == 200
    cache.clear()
