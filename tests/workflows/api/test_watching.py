"""The log of predictions, feedback and drift over the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.workflows.conftest import Api
from workflows.models import Feedback, LoggedRow, Run, RunState, Version

OF = "nnid/steel/ver/1/"
LOG = f"service/monitering/type/prediction/{OF}"
FEEDBACK = f"service/monitering/type/feedback/{OF}"
DRIFT = f"service/monitering/type/drift/{OF}"
CONTRIBUTION = f"service/monitering/type/contribution/{OF}"
DAY = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def rows(run: Run) -> list[LoggedRow]:
    """Give six rows, one every six hours from 20 November on, with scores 0.0 to 0.5; above 0.25 is an anomaly."""
    return [
        LoggedRow.objects.create(
            version=run.version,
            run=run,
            row_id=f"p-{n}",
            created=DAY + timedelta(hours=6 * n),
            score=n / 10,
            anomaly=n > 2,
            values={"grade": "A", "weight": n},
            contributions={"grade": 0.0, "weight": n / 10},
        )
        for n in range(6)
    ]


def names(answer: Any) -> list[str]:
    assert answer.status == 200, answer.body
    return [row["row_id"].removeprefix("p-") for row in answer.body["rows"]]


def test_the_log_shows_rows_as_they_were_answered_the_newest_first(api: Api, run: Run, rows: list[LoggedRow]) -> None:
    answer = api.get(LOG)
    assert names(answer) == list("543210")
    assert answer.body["rows"][0] == {
        "row_id": "p-5",
        "time": "2026-11-21T06:00:00Z",
        "run": str(run.id),
        "source": "predict",
        "job": None,
        "threshold_id": None,
        "score": 0.5,
        "anomaly": True,
        "values": {"grade": "A", "weight": 5},
        "contributions": {"weight": 0.5, "grade": 0.0},
        "feedback": None,
    }
    assert list(answer.body["rows"][0]["contributions"]) == ["weight", "grade"], "the largest first"


def test_the_log_is_read_a_page_at_a_time(api: Api, rows: list[LoggedRow]) -> None:
    answer = api.get(f"{LOG}?page=2&page_size=4")
    assert names(answer) == list("10")
    assert [answer.body[name] for name in ("count", "page", "pages")] == [6, 2, 2]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=score", "543210"),
        ("since=2026-11-20T12:00:00Z", "5432"),
        ("since=2026-11-21", "54"),
        ("until=2026-11-20", "3210"),
        ("until=2026-11-20T06:00:00", "0"),
        ("since=2026-11-20T13:00:00%2B01:00&until=2026-11-20T19:00:00%2B01:00", "2"),
        ("min_score=0.2&max_score=0.4", "432"),
        ("anomaly_flag=N", "210"),
        ("anomaly_flag=Y", "543"),
        ("source=predict", "543210"),
        ("source=batch", ""),
        ("run=1", "543210"),
    ],
)
def test_the_log_is_filtered(api: Api, rows: list[LoggedRow], query: str, expected: str) -> None:
    assert names(api.get(f"{LOG}?{query}")) == list(expected)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("until=2026-02-30", "until"),
        ("min_score=high", "min_score"),
        ("anomaly_flag=1", "anomaly_flag"),
        ("source=mail", "source"),
        ("colour=red", "colour"),
    ],
)
def test_a_filter_that_means_nothing_is_400_and_named(api: Api, run: Run, query: str, field: str) -> None:
    answer = api.get(f"{LOG}?{query}")
    assert answer.status == 400
    assert list(answer.body["errors"]) == [field]


def test_a_run_that_is_not_there_is_404(api: Api, run: Run) -> None:
    for path in (LOG, DRIFT, CONTRIBUTION):
        assert api.get(f"{path}?run=9").status == 404


def test_the_log_of_another_version_is_not_in_it(api: Api, run: Run, rows: list[LoggedRow]) -> None:
    Version.objects.create(network=run.version.network, number=2)
    assert names(api.get(LOG.replace("ver/1", "ver/2"))) == []


def test_feedback_gives_live_precision_and_recall(api: Api, run: Run, rows: list[LoggedRow]) -> None:
    words = [{"row_id": f"p-{n}", "label": label} for n, label in ((1, 0), (2, True), (3, False), (4, 1), (5, 1))]
    assert api.post(FEEDBACK, {"feedback": words}).body == {"status": "200", "kept": 5}
    body = api.get(FEEDBACK).body
    of_run = {
        "rows": 5,
        "anomalies": 3,
        "true_positives": 2,
        "false_positives": 1,
        "false_negatives": 1,
        "true_negatives": 1,
        "precision": 2 / 3,
        "recall": 2 / 3,
        "since": "2026-11-20T06:00:00Z",
    }
    assert of_run.items() <= body["all"].items()
    (only,) = body["runs"]
    assert (only["run"], only["nn_batch_ver_id"]) == (str(run.id), 1)
    assert of_run.items() <= only.items()
    assert {link.rpartition("/type/")[2] for link in body["links"].values()} == {
        f"{kind}/{OF}" for kind in ("prediction", "drift", "contribution")
    }
    assert [(word["row_id"], word["label"], word["score"], word["anomaly"]) for word in body["feedback"]][::-1] == [
        ("p-1", 0, 0.1, False), ("p-2", 1, 0.2, False), ("p-3", 0, 0.3, True), ("p-4", 1, 0.4, True),
        ("p-5", 1, 0.5, True),
    ]  # fmt: skip


def test_without_feedback_there_is_neither_precision_nor_recall(api: Api, run: Run) -> None:
    body = api.get(FEEDBACK).body
    assert (body["all"]["rows"], body["all"]["precision"], body["all"]["recall"]) == (0, None, None)
    assert body["feedback"] == body["runs"] == []


@pytest.mark.parametrize("body", [{"row_id": "p-4", "label": 1}, {"feedback": {"row_id": "p-4", "label": True}}])
def test_one_row_may_stand_alone(api: Api, rows: list[LoggedRow], body: Any) -> None:
    assert api.post(FEEDBACK, body).body["kept"] == 1
    word = Feedback.objects.get()
    assert (word.row_id, word.label, word.score, word.anomaly) == ("p-4", True, 0.4, True)


def test_the_latest_word_counts_and_the_log_shows_whose_it_is(api: Api, run: Run, rows: list[LoggedRow]) -> None:
    first, second = ({"row_id": "p-4", "label": label} for label in (1, 0))
    assert api.post(FEEDBACK, {"feedback": [second, first]}).body["kept"] == 1
    assert Feedback.objects.get().label is True
    before = Feedback.objects.get().updated
    assert api.post(FEEDBACK, second).status == 200
    word = Feedback.objects.get()
    assert word.label is False
    assert word.updated > before
    Feedback.objects.update(user=User.objects.create(username="ann"), username="ann")
    shown = {row["row_id"]: row["feedback"] for row in api.get(LOG).body["rows"]}
    assert (shown["p-4"]["label"], shown["p-4"]["user"]) == (0, "ann")
    assert shown["p-3"] is None


def test_of_several_rows_with_one_id_the_newest_is_meant(api: Api, rows: list[LoggedRow]) -> None:
    LoggedRow.objects.filter(row_id="p-1").update(row_id="p-4")
    assert api.post(FEEDBACK, {"row_id": "p-4", "label": 1}).status == 200
    assert Feedback.objects.get().score == 0.4


def test_feedback_on_unknown_rows_is_refused_whole_and_says_what_would_be_known(
    api: Api, rows: list[LoggedRow]
) -> None:
    unknown = [f"x-{n}" for n in range(8)] + ["7-0", "0-1", "1-"]
    words = [{"row_id": name, "label": 1} for name in ["p-1", *unknown]]
    answer = api.post(FEEDBACK, {"feedback": words})
    assert answer.status == 422
    assert ", ".join(unknown[:10]) + " and 1 more" in answer.body["result"]
    assert "p-1," not in answer.body["result"]
    assert "JOB-ROW" in answer.body["errors"]["row_id"][0]
    assert not Feedback.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "feedback.0.row_id"),
        ({"feedback": []}, "feedback"),
        ({"feedback": "p-1"}, "feedback"),
        ({"row_id": "p-1"}, "feedback.0.label"),
        ({"label": 1}, "feedback.0.row_id"),
        ({"row_id": "p-1", "label": "1"}, "feedback.0.label"),
        ({"row_id": "p-1", "label": 2}, "feedback.0.label"),
        ({"row_id": "p-1", "label": 1.0}, "feedback.0.label"),
        ({"row_id": "p-1", "label": None}, "feedback.0.label"),
        ({"row_id": "p" * 65, "label": 1}, "feedback.0.row_id"),
        ({"feedback": [{"row_id": "p-1", "label": 1, "sure": 1}]}, "feedback.0.sure"),
    ],
)
def test_feedback_that_cannot_be_meant_is_400_and_the_field_named(
    api: Api, rows: list[LoggedRow], body: Any, field: str
) -> None:
    answer = api.post(FEEDBACK, body)
    assert answer.status == 400
    assert field in answer.body["errors"], answer.body
    assert not Feedback.objects.exists()


def test_feedback_outlives_the_logged_row_and_the_run(api: Api, run: Run, rows: list[LoggedRow]) -> None:
    api.post(FEEDBACK, {"row_id": "p-4", "label": 1})
    LoggedRow.objects.all().delete()
    Run.objects.create(version=run.version, number=2, state=RunState.SUCCEEDED, snapshot=run.snapshot)
    run.delete()
    body = api.get(FEEDBACK).body
    assert (body["all"]["rows"], body["all"]["precision"]) == (1, 1.0)
    assert [(figures["run"], figures["rows"]) for figures in body["runs"]] == [(None, 1)]


def test_a_model_of_an_earlier_release_answers_409_and_says_to_train_again(api: Api, run: Run) -> None:
    for path in (DRIFT, CONTRIBUTION):
        answer = api.get(path)
        assert answer.status == 409
        assert "train again" in answer.body["result"]
