"""Metrics for Prometheus: requests as the web processes of this host counted them, and the state of the installation.

Counts of requests and of rows predicted are shared by the web processes of one host through files (the multi-process
mode of prometheus-client); runs, workers and totals are read from the database at each scrape, so they are the same
whichever host is asked: take their maximum over hosts, not their sum.
"""

import os
from collections.abc import Iterator

from django.db.models import Count
from django.http import HttpRequest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector

from algorithms.workflow_types import WORKFLOW_TYPES
from workflows.models import Run, RunState, ScoringJob, Total
from workflows.operations.beats import living_workers
from workflows.operations.queue import waiting_jobs
from workflows.operations.totals import TOTALS

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
requests_seen = Counter("nnservice_requests", "Requests answered", ["method", "route", "status"])
request_seconds = Histogram(
    "nnservice_request_seconds",
    "Seconds to the begin of the answer",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600),
)
rows_predicted = Counter("nnservice_rows_predicted", "Rows of predict requests", ["kind"])

rows_not_logged = Counter("nnservice_rows_not_logged", "Rows of predict requests that are not in the log", ["reason"])


def observe_request(request: HttpRequest, status: int, seconds: float) -> None:
    """Count a request by the pattern of its route: a name in a path must not become a label."""
    match = request.resolver_match
    route = (
        match.route
        if match is not None
        else request.path_info
        if request.path_info in ("/healthz", "/readyz")
        else "none"
    )
    method = request.method if request.method in METHODS else "other"
    requests_seen.labels(method, route, str(status)).inc()
    request_seconds.labels(method, route).observe(seconds)


def exposition() -> bytes:
    """Return all metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Installation())
    if os.environ.get(FOLDER):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest(REGISTRY) + generate_latest(registry)


class _Installation(Collector):
    """What the database knows."""

    def collect(self) -> Iterator[Metric]:
        """Yield runs by state, the queue's age, workers and totals."""
        yield _by_state("nnservice_runs", "Runs that are kept", Run)
        yield _by_state("nnservice_scoring_jobs", "Scoring jobs that are kept", ScoringJob)
        yield self._queue()
        workers = living_workers()
        yield GaugeMetricFamily("nnservice_workers", "Workers that live", value=len(workers))
        yield GaugeMetricFamily(
            "nnservice_worker_slots", "Tasks that the workers do at once", value=sum(w.slots for w in workers)
        )
        kept = dict(Total.objects.values_list("name", "value"))
        for name, text in TOTALS.items():
            yield CounterMetricFamily(f"nnservice_{name}", text, value=kept.get(name, 0.0))

    def _queue(self) -> Metric:
        _, waited = waiting_jobs()
        return GaugeMetricFamily(
            "nnservice_queue_oldest_seconds", "Seconds that the oldest queued run, or scoring job, waits", value=waited
        )


def _by_state(name: str, text: str, kind: type[Run] | type[ScoringJob]) -> Metric:
    counts = GaugeMetricFamily(name, text, labels=["state", "workflow_type"])
    kinds = kind.objects.order_by().values_list("state", "version__workflow_type")
    counted = {(state, workflow): count for state, workflow, count in kinds.annotate(Count("id"))}
    wanted = {(state.value, workflow) for state in RunState for workflow in WORKFLOW_TYPES}
    for state, workflow in sorted(wanted | set(counted)):
        counts.add_metric([state, workflow], counted.get((state, workflow), 0))
    return counts
