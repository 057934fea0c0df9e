"""Scoring jobs that the tests of several modules make."""

from typing import Any

from workflows.models import Rule, Run, RunState, ScoringJob


def make_scoring_job(run: Run, **fields: Any) -> ScoringJob:
    """Return a scoring job by a run, of a file that nobody stored."""
    rule = Rule.objects.create(run=run, rule={"rule": "top_k", "top_k": 1})
    source = {"kind": "upload", "name": "today.csv", "format": "csv", "size": 1}
    given = {"number": 1, "state": RunState.QUEUED, "source": source, **fields}
    return ScoringJob.objects.create(version=run.version, run=run, rule=rule, **given)
