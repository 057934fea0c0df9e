"""Scoring jobs for files of interactions over the API, done by the real child process."""

import csv
import io
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.workflows.conftest import DATA, Api, grouped_claims
from workflows.execution.scoring_jobs import execute_scoring_job
from workflows.models import DataFile, LoggedRow, Tally

pytestmark = pytest.mark.django_db(transaction=True)

BATCH = "service/state/batch/nnid/steel/ver/1/"
WATCH = "service/monitering/type"
TODAY = b"CLAIM,PERSON,DOCTOR,AMOUNT,FRAUD\n900,p1,d2,41.5,No\n901,p1,d2,39,No\n902,new,d2,9000,Yes\n"


def done(api: Api, answer: Any) -> dict[str, Any]:
    """Do the job that an answer tells of, and return it as the API shows it then."""
    assert answer.status == 200, answer.body
    execute_scoring_job(answer.body["id"])
    body: dict[str, Any] = api.get(f"{BATCH}batch/{answer.body['batch']}/").body
    return body


@pytest.fixture
def job(serving_graph: Api) -> dict[str, Any]:
    return done(serving_graph, serving_graph.upload(BATCH, ("today.csv", grouped_claims())))


def test_pairs_and_both_kinds_of_nodes_are_paged(serving_graph: Api, job: dict[str, Any]) -> None:
    assert (job["state"], job["error"]) == ("succeeded", "")
    scores = f"{BATCH}batch/1/scores/"
    pairs = serving_graph.get(f"{scores}?page_size=1000").body
    assert pairs["part"] == "e"
    assert pairs["count"] == job["summary"]["parts"]["e"]["count"]
    assert pairs["scores"][0]["row_id"] == f"1-{pairs['scores'][0]['row']}"
    assert sum(row["rows"] for row in pairs["scores"]) == 200
    for part, count in (("u", 40), ("v", 8)):
        page = serving_graph.get(f"{scores}?part={part}&page_size=1000").body
        assert (page["count"], page["part"]) == (count, part)
        assert page["threshold"] == job["summary"]["parts"][part]["threshold"]
        assert [row["anomaly"] for row in page["scores"]] == [
            row["score"] > page["threshold"] for row in page["scores"]
        ]
        assert {part, "rows"} <= page["scores"][0].keys()
        assert "row_id" not in page["scores"][0]


def test_each_part_is_downloaded(serving_graph: Api, job: dict[str, Any]) -> None:
    for part in "uve":
        parquet = serving_graph.get(f"{BATCH}batch/1/scores/?part={part}&download=parquet").body
        text = serving_graph.get(f"{BATCH}batch/1/scores/?part={part}&download=csv&sort=row").body.decode()
        table = pq.read_table(io.BytesIO(parquet))
        rows = list(csv.DictReader(io.StringIO(text)))
        assert table.column_names == list(rows[0])
        assert table.column("score").to_pylist() == [float(row["score"]) for row in rows]
        assert len(rows) == job["summary"]["parts"][part]["count"]


def test_in_context_only_the_pairs_of_the_file_are_told_of(serving_graph: Api) -> None:
    job = done(serving_graph, serving_graph.upload(BATCH, ("today.csv", TODAY), context="training"))
    assert job["options"] == {"context": "training"}
    assert (job["summary"]["known"], job["summary"]["rows"]) == ({"u": 1, "v": 1}, 3)
    rows = serving_graph.get(f"{BATCH}batch/1/scores/?sort=row").body["scores"]
    assert [(row["u"], row["v"], row["rows"]) for row in rows] == [("p1", "d2", 2), ("new", "d2", 1)]


def test_an_uploaded_file_is_scored_by_its_name(serving_graph: Api) -> None:
    job = done(serving_graph, serving_graph.post(BATCH, {"file": "claims.csv", "context": "training"}))
    assert job["summary"]["replaced"] == 200
    assert job["summary"]["parts"]["u"]["count"] == 40


def test_a_job_is_tallied_and_pairs_logged_and_take_feedback(
    serving_graph: Api, job: dict[str, Any], settings: Any
) -> None:
    pairs = job["summary"]["parts"]["e"]["count"]
    assert Tally.objects.get().rows == pairs
    logged = LoggedRow.objects.first()
    assert logged is not None
    assert {"PERSON", "DOCTOR", "sum AMOUNT"} <= logged.values.keys()
    top = serving_graph.get(f"{BATCH}batch/1/scores/?page_size=1").body["scores"][0]
    for row_id, status in ((top["row_id"], 200), (f"1-{pairs}", 422)):
        body = {"feedback": [{"row_id": row_id, "label": 1}]}
        assert serving_graph.post(f"{WATCH}/feedback/nnid/steel/ver/1/", body).status == status
    drift = serving_graph.get(f"{WATCH}/drift/nnid/steel/ver/1/?by=batch")
    assert drift.status == 200, drift.body
    assert drift.body["windows"][-1]["verdict"] == "too few rows"


def test_what_a_masked_column_says_is_not_logged(serving_graph: Api, settings: Any) -> None:
    settings.LOG_MASK = frozenset({"PERSON", "AMOUNT"})
    done(serving_graph, serving_graph.upload(BATCH, ("today.csv", grouped_claims())))
    logged = LoggedRow.objects.first()
    assert logged is not None
    assert set(logged.values) == {"DOCTOR", "rows"}


def test_the_options_of_rows_are_refused(serving_graph: Api) -> None:
    answer = serving_graph.upload(BATCH, ("today.csv", TODAY), keep="CLAIM")
    assert answer.status == 400
    assert answer.body["errors"].keys() == {"keep"}


def test_a_context_that_was_deleted_is_refused(serving_graph: Api) -> None:
    DataFile.objects.all().delete()
    answer = serving_graph.upload(BATCH, ("today.csv", TODAY), context="training")
    assert answer.status == 422
    assert "train again" in answer.body["errors"]["context"][0]


def test_the_context_of_a_job_that_waits_is_not_deleted(serving_graph: Api) -> None:
    answer = serving_graph.upload(BATCH, ("today.csv", TODAY), context="training")
    assert serving_graph.delete(DATA).status == 409
    done(serving_graph, answer)
    assert serving_graph.delete(DATA).status == 200


def test_a_context_that_is_gone_when_a_worker_comes_fails_the_job_with_the_reason(serving_graph: Api) -> None:
    answer = serving_graph.upload(BATCH, ("today.csv", TODAY), context="training")
    DataFile.objects.all().delete()
    job = done(serving_graph, answer)
    assert job["state"] == "failed"
    assert "train again" in job["error"]


def test_parts_belong_to_graphs(serving_rows: Api) -> None:
    done(serving_rows, serving_rows.post(BATCH, {"file": "steel.csv"}))
    answer = serving_rows.get(f"{BATCH}batch/1/scores/?part=u")
    assert answer.status == 400
    assert answer.body["errors"].keys() == {"part"}
    refused = serving_rows.post(BATCH, {"file": "steel.csv", "context": "training"})
    assert refused.status == 400
    assert refused.body["errors"].keys() == {"context"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PERSON,AMOUNT\np1,5\n", "lacks DOCTOR"),
        (b"PERSON,DOCTOR,AMOUNT\np1,d1,much\n", "no number"),
        (b"PAR1 and no more", "Parquet"),
    ],
)
def test_what_does_not_fit_fails_with_the_reason(serving_graph: Api, content: bytes, said: str) -> None:
    job = done(serving_graph, serving_graph.upload(BATCH, ("today.csv", content)))
    assert job["state"] == "failed"
    assert said in job["error"]
    assert job["summary"] is None
