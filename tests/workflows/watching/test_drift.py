"""Drift of what a trained model is asked, by day and by batch."""

from pathlib import Path
from typing import Any

import pytest

from tests.workflows.conftest import Api
from tests.workflows.watching.month import heavier, predicted, scored, usual
from workflows.models import LoggedRow, Run, Tally

OF = "nnid/steel/ver/1/"
DRIFT = f"service/monitering/type/drift/{OF}"
CONTRIBUTION = f"service/monitering/type/contribution/{OF}"


def told(query: str = "") -> dict[str, Any]:
    answer = Api().get(f"{DRIFT}{query}")
    assert answer.status == 200, answer.body
    return dict(answer.body)


def spans(body: dict[str, Any]) -> list[tuple[str, str, int, str]]:
    """Return days, rows and verdict of each window, the oldest first."""
    found = [(w["first_day"][-2:], w["last_day"][-2:], w["rows"], w["verdict"]) for w in body["windows"]]
    return found[::-1]


def test_without_rows_there_is_no_verdict(trained_run: Run) -> None:
    body = told()
    assert (body["verdict"], body["windows"], body["moved"]) == ("too few rows", [], [])
    assert body["reason"].startswith("too few rows: 0 of the 1,000")
    assert (body["run"], body["nn_batch_ver_id"]) == (str(trained_run.id), 1)


def test_days_are_joined_until_they_have_a_thousand_rows(trained_run: Run) -> None:
    for day, rows in ((1, 1500), (2, 400), (3, 500), (5, 300), (6, 200)):
        predicted(trained_run, usual(rows, seed=day), day)
    body = told()
    assert spans(body) == [
        ("01", "01", 1500, "stable"),
        ("02", "05", 1200, "stable"),
        ("06", "06", 200, "too few rows"),
    ]
    assert body["verdict"] == "stable"
    assert [body[name] for name in ("count", "page", "pages")] == [3, 1, 1]


def test_a_column_that_moved_is_named_first_and_so_is_that_it_moved_since_the_window_before(trained_run: Run) -> None:
    predicted(trained_run, usual(1200, seed=1), 1)
    predicted(trained_run, heavier(1200, seed=2), 2)
    predicted(trained_run, heavier(1200, seed=3), 3)
    body = told()
    assert body["verdict"] == "retrain"
    assert body["moved"] == ["weight"]
    assert body["reason"].startswith("retrain: weight")
    third, second, first = body["windows"]
    assert [window["verdict"] for window in (first, second, third)] == ["stable", "retrain", "retrain"]
    assert first["columns"][0]["previous"] is None
    assert second["columns"][0]["column"] == third["columns"][0]["column"] == "weight"
    assert second["columns"][0]["previous"]["psi"] > 1 > 0.1 > third["columns"][0]["previous"]["psi"]


def test_days_are_chosen_by_their_dates_and_windows_come_in_pages(trained_run: Run) -> None:
    for day in range(1, 5):
        predicted(trained_run, usual(1000, seed=day), day)
    assert [span[0] for span in spans(told("?since=2026-11-02&until=2026-11-03"))] == ["02", "03"]
    body = told("?page=2&page_size=3")
    assert ([span[0] for span in spans(body)], body["count"], body["pages"]) == (["01"], 4, 2)
    assert Api().get(f"{DRIFT}?since=then").status == 400
    assert Api().get(f"{DRIFT}?by=week").status == 400


def test_each_scored_file_is_a_window_by_batch_and_counts_for_its_day(trained_run: Run, tmp_path: Path) -> None:
    scored(trained_run, usual(1100, seed=1), tmp_path / "1")
    scored(trained_run, usual(1100, seed=2), tmp_path / "2")
    scored(trained_run, heavier(1100, seed=3), tmp_path / "3")
    body = told("?by=batch")
    assert [(w["jobs"], w["rows"], w["verdict"]) for w in body["windows"]] == [
        ([3], 1100, "retrain"), ([2], 1100, "stable"), ([1], 1100, "stable"),
    ]  # fmt: skip
    assert body["reason"].startswith("retrain: weight")
    (day,) = told()["windows"]
    assert (day["jobs"], day["rows"]) == ([1, 2, 3], 3300)


def test_of_a_masked_column_neither_values_nor_counts_are_kept(trained_run: Run, settings: Any, tmp_path: Path) -> None:
    settings.LOG_MASK = ["weight"]
    predicted(trained_run, usual(1000, seed=1), 1)
    scored(trained_run, usual(1000, seed=2), tmp_path / "1")
    for tally in Tally.objects.all():
        assert set(tally.counts["columns"]) == set(tally.counts["contributions"]) == {"grade", "temperature"}
    for row in LoggedRow.objects.all():
        assert set(row.values) == {"grade", "temperature"}
        assert "weight" not in row.contributions
    assert {window["verdict"] for window in told()["windows"]} == {"stable"}


def test_a_tally_has_all_rows_whatever_share_the_log_keeps(trained_run: Run, settings: Any) -> None:
    settings.LOG_SAMPLE = 0.0
    predicted(trained_run, usual(300, seed=1), 1)
    predicted(trained_run, usual(200, seed=2), 1)
    assert not LoggedRow.objects.exists()
    tally = Tally.objects.get()
    assert tally.rows == sum(tally.counts["columns"]["weight"]) == 500
    assert 0 < tally.anomalies < 100


def test_a_sample_of_a_scored_file_is_in_the_log(trained_run: Run, tmp_path: Path) -> None:
    job = scored(trained_run, usual(500, seed=1), tmp_path / "1", sample_rows=10)
    rows = Api().get(f"service/monitering/type/prediction/{OF}?source=batch").body["rows"]
    assert len(rows) == 10
    for row in rows:
        assert row["row_id"].startswith("1-")
        assert (row["job"], row["threshold_id"], row["source"]) == (1, job.rule_id, "batch")
        assert set(row["values"]) == {"grade", "temperature", "weight"}


def test_feedback_on_rows_of_a_scored_file_reads_score_and_verdict_from_it(trained_run: Run, tmp_path: Path) -> None:
    scored(trained_run, heavier(500, seed=1), tmp_path / "1", sample_rows=0)
    path = f"service/monitering/type/feedback/{OF}"
    words = [{"row_id": f"1-{row}", "label": 1} for row in (0, 17, 499)]
    assert Api().post(path, {"feedback": words}).body["kept"] == 3
    body = Api().get(path).body
    assert (body["all"]["rows"], body["all"]["true_positives"], body["all"]["recall"]) == (3, 3, 1.0)
    assert (body["all"]["scored"], body["all"]["flagged"]) == (500, 500)
    refused = Api().post(path, {"feedback": [*words, {"row_id": "1-500", "label": 1}, {"row_id": "2-0", "label": 0}]})
    assert refused.status == 422
    assert "1-500, 2-0" in refused.body["result"]


def test_mean_contributions_are_told_of_training_and_of_each_day_and_file(trained_run: Run, tmp_path: Path) -> None:
    predicted(trained_run, usual(300, seed=1), 1)
    predicted(trained_run, heavier(300, seed=2), 2)
    scored(trained_run, heavier(300, seed=3), tmp_path / "1")
    body = Api().get(f"{CONTRIBUTION}?until=2026-11-10").body
    second, first = body["trend"]
    assert set(body["training"]) == {"grade", "temperature", "weight"}
    assert first["contributions"]["weight"] == pytest.approx(body["training"]["weight"], rel=0.5)
    assert second["contributions"]["weight"] > 5 * body["training"]["weight"]
    assert next(iter(second["contributions"])) == "weight", "the largest first"
    (batch,) = Api().get(f"{CONTRIBUTION}?by=batch").body["trend"]
    assert (batch["jobs"], batch["rows"]) == ([1], 300)


def test_a_run_that_failed_has_no_drift(trained_run: Run) -> None:
    Run.objects.create(version=trained_run.version, number=2, state="failed", snapshot=trained_run.snapshot)
    assert Api().get(f"{DRIFT}?run=2").status == 409
