"""What the log has after a predict request, in the database."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.workflows.conftest import PREDICT, Api, logged
from workflows.models import Feedback, LoggedRow, Run, Tally
from workflows.operations import retention
from workflows.watching.entries import Entry
from workflows.watching.feedback import give_feedback
from workflows.watching.log import PredictionLog, log_prediction
from workflows.watching.sampling import is_sampled
from workflows.watching.writing import write

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = [
    {"grade": "A", "temperature": 1500.0, "weight": 150.0},
    {"grade": "Z", "temperature": 1580.0, "weight": None},
    {"grade": "B", "temperature": 9000, "weight": 2},
]


def ask(rows: Any = ROWS) -> list[dict[str, Any]]:
    answer = Api().post(PREDICT, {"input_data": rows})
    assert answer.status == 200, answer.body
    return list(answer.body["rows"])


def entry(run: Run, *row_ids: str, created: datetime | None = None) -> Entry:
    contributions = {"grade": 0.1, "temperature": 0.2, "weight": 0.1}
    answers = [{"row_id": name, "score": 0.4, "anomaly": True, "contributions": contributions} for name in row_ids]
    return Entry(run.version_id, run.pk, None, [ROWS[0]] * len(answers), answers, created or timezone.now())


def test_each_row_is_logged_as_it_was_answered(run: Run, prediction_log: PredictionLog) -> None:
    answers = ask()
    logged(prediction_log)
    rows = LoggedRow.objects.order_by("id")
    assert [row.row_id for row in rows] == [answer["row_id"] for answer in answers]
    assert [(row.score, row.anomaly) for row in rows] == [(a["score"], a["anomaly"]) for a in answers]
    assert [row.values for row in rows] == ROWS
    for row, answer in zip(rows, answers, strict=True):
        assert row.contributions == answer["contributions"]
        assert (row.version, row.run, row.scoring_job) == (run.version, run, None)
        assert timezone.now() - row.created < timedelta(minutes=5)


def test_one_row_alone_is_logged_too(run: Run, prediction_log: PredictionLog) -> None:
    (answer,) = ask(ROWS[0])
    logged(prediction_log)
    assert LoggedRow.objects.get().row_id == answer["row_id"]


def test_codes_have_no_score_and_are_not_logged(run: Run, prediction_log: PredictionLog) -> None:
    path = PREDICT.replace("anomaly", "autoencoder")
    assert Api().post(path, {"input_data": ROWS, "type": "encoder"}).status == 200
    logged(prediction_log)
    assert not LoggedRow.objects.exists()


def test_of_a_masked_column_nothing_is_kept(run: Run, prediction_log: PredictionLog, settings: Any) -> None:
    settings.LOG_MASK = ["grade"]
    ask()
    logged(prediction_log)
    stored = list(LoggedRow.objects.values_list("values", "contributions"))
    assert len(stored) == 3
    assert all(set(part) == {"temperature", "weight"} for row in stored for part in row)


def test_the_log_keeps_a_share_of_the_rows_chosen_by_their_ids(
    run: Run, prediction_log: PredictionLog, settings: Any
) -> None:
    settings.LOG_SAMPLE = 0.25
    names = [f"row {n}" for n in range(400)]
    prediction_log.put(entry(run, *names))
    logged(prediction_log)
    kept = set(LoggedRow.objects.values_list("row_id", flat=True))
    assert kept == {name for name in names if is_sampled(name)}
    assert 60 < len(kept) < 140
    settings.LOG_SAMPLE = 0.5
    assert kept <= {name for name in names if is_sampled(name)}, "a larger share has the smaller one in it"


def test_rows_of_a_run_that_was_deleted_meanwhile_are_left_out_and_the_others_kept(run: Run) -> None:
    gone = Run.objects.create(version=run.version, number=2, snapshot=run.snapshot)
    entries = [entry(gone, "gone"), entry(run, "kept")]
    gone.delete()
    write(entries)
    assert [row.row_id for row in LoggedRow.objects.all()] == ["kept"]


def test_the_rule_of_the_verdict_is_kept_and_an_explanation_is_not(run: Run, prediction_log: PredictionLog) -> None:
    answers = ask()
    rule = run.rules.get()
    answers[0]["explanation"] = [{"column": "weight", "text": "heavy"}]
    log_prediction(run.version_id, run.pk, rule.pk, ROWS, answers, timezone.now())
    logged(prediction_log)
    assert list(LoggedRow.objects.values_list("rule", flat=True)) == [rule.pk] * 6
    assert "heavy" not in str(list(LoggedRow.objects.values()))


@pytest.mark.embedded
def test_a_locked_database_holds_up_the_log_and_no_answer(run: Run, prediction_log: PredictionLog) -> None:
    ask()
    logged(prediction_log)
    locked, done = threading.Event(), threading.Event()

    def lock() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN EXCLUSIVE")
            locked.set()
            assert done.wait(30)
            cursor.execute("ROLLBACK")
        connection.close()

    thread = threading.Thread(target=lock)
    thread.start()
    assert locked.wait(30)
    try:
        ask()
        assert not prediction_log.flush(0.05)
        assert LoggedRow.objects.count() == 3
    finally:
        done.set()
        thread.join(30)
    logged(prediction_log)
    assert LoggedRow.objects.count() == 6


def test_logged_rows_are_kept_for_so_many_days(run: Run, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 2)
    now = datetime.now(UTC)
    for days in (1, 29, 31, 32, 33, 90, 400):
        write([entry(run, f"{days} days", created=now - timedelta(days=days))])
    give_feedback(run.version, {"400 days": True}, None)
    Tally.objects.create(run=run, day=now - timedelta(days=400), rows=1, counts={})
    settings.KEEP_PREDICTION_DAYS = 0
    retention.apply_retention()
    assert LoggedRow.objects.count() == 7
    settings.KEEP_PREDICTION_DAYS = 30
    retention.apply_retention()
    assert set(LoggedRow.objects.values_list("row_id", flat=True)) == {"1 days", "29 days"}
    assert Feedback.objects.get().row_id == "400 days"
    assert Tally.objects.count() == 1
