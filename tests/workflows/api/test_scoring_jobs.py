"""Scoring jobs over the API, done by the real child process."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.workflows.conftest import DATA, EVALUATION, TRAIN, Api, labelled_steel, place_of
from workflows import files
from workflows.execution.scoring_jobs import execute_scoring_job
from workflows.models import LoggedRow, RunState, ScoringJob, Tally, Version
from workflows.services.versions import delete_version

pytestmark = pytest.mark.django_db(transaction=True)

BATCH = "service/state/batch/nnid/steel/ver/1/"
WATCH = "service/monitering/type"
ROWS = labelled_steel(1200)


def scored(api: Api, content: bytes = ROWS, name: str = "today.csv") -> dict[str, Any]:
    """Send a file, do the job, and return it as the API shows it then."""
    answer = api.upload(BATCH, (name, content))
    assert answer.status == 200, answer.body
    execute_scoring_job(answer.body["id"])
    body: dict[str, Any] = api.get(f"{BATCH}batch/{answer.body['batch']}/").body
    return body


@pytest.fixture
def job(serving_rows: Api) -> dict[str, Any]:
    return scored(serving_rows)


def test_a_file_that_is_sent_waits_for_a_worker(serving_rows: Api) -> None:
    body = serving_rows.upload(BATCH, ("today.csv", ROWS)).body
    assert (body["status"], body["batch"], body["state"], body["condition"]) == ("200", 1, "queued", "1")
    assert body["source"] == {"kind": "upload", "name": "today.csv", "format": "csv", "size": len(ROWS)}
    assert body["summary"] is None
    assert [each["id"] for each in serving_rows.get(BATCH).body] == [body["id"]]


def test_a_scored_file_has_a_summary_and_its_source_is_gone(job: dict[str, Any]) -> None:
    assert (job["state"], job["error"], job["progress"]["percent"]) == ("succeeded", "", 100)
    assert job["summary"]["rows"] == 1200
    assert 0 < job["summary"]["anomalies"] < 1200
    assert len(job["summary"]["top"]) == 10
    assert {path.name for path in place_of(f"scored/{job['id']}").iterdir()} == {"artifact-1", "run.log"}


def test_rows_are_paged_by_score_and_by_row(serving_rows: Api, job: dict[str, Any]) -> None:
    page = serving_rows.get(f"{BATCH}batch/1/scores/?page_size=1000").body
    assert (page["count"], page["pages"], page["threshold_id"]) == (1200, 2, job["threshold_id"])
    scores = [row["score"] for row in page["scores"]]
    assert scores == sorted(scores, reverse=True)
    assert [row["anomaly"] for row in page["scores"]] == [score > page["threshold"] for score in scores]
    assert 0 < len(page["scores"][0]["drivers"]) <= 3
    by_row = serving_rows.get(f"{BATCH}batch/1/scores/?sort=row&page_size=5&page=2").body["scores"]
    assert [(row["row"], row["row_id"]) for row in by_row] == [(row, f"1-{row}") for row in range(5, 10)]


def test_the_downloads_hold_what_the_pages_do(serving_rows: Api, job: dict[str, Any]) -> None:
    scores = [
        row["score"] for row in serving_rows.get(f"{BATCH}batch/1/scores/?sort=row&page_size=1000").body["scores"]
    ]
    text = serving_rows.get(f"{BATCH}batch/1/scores/?download=csv&sort=row").body.decode()
    assert [float(line["score"]) for line in csv.DictReader(io.StringIO(text))][:1000] == scores
    table = pq.read_table(io.BytesIO(serving_rows.get(f"{BATCH}batch/1/scores/?download=parquet").body))
    assert table.column("score").to_pylist()[:1000] == scores
    assert sum(table.column("anomaly").to_pylist()) == job["summary"]["anomalies"]


def test_the_rows_are_scored_as_predict_scores_them(serving_rows: Api, job: dict[str, Any]) -> None:
    first = next(csv.DictReader(io.StringIO(ROWS.decode())))
    row = {"grade": first["grade"], "temperature": float(first["temperature"]), "weight": float(first["weight"])}
    answer = serving_rows.post("service/state/predict/type/anomaly/nnid/steel/ver/1/", {"input_data": row}).body
    by_row = serving_rows.get(f"{BATCH}batch/1/scores/?sort=row&page_size=1").body["scores"]
    assert by_row[0]["score"] == pytest.approx(answer["rows"][0]["score"], rel=1e-6)


def test_kept_columns_stand_beside_the_scores(serving_rows: Api, tmp_path: Path) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    form = {"file": SimpleUploadedFile("today.csv", ROWS), "keep": ["grade", "DEFECT"], "delimiter": ","}
    response = serving_rows.client.post(f"/api/v1/type/{BATCH}", form, headers={"Accept": "application/json"})
    assert response.status_code == 200, response.content
    execute_scoring_job(response.json()["id"])
    page = serving_rows.get(f"{BATCH}batch/1/scores/?sort=row&page_size=10").body
    assert [row["kept"]["DEFECT"] for row in page["scores"]] == ["0"] * 9 + ["1"]


def test_a_parquet_file_is_known_by_its_first_bytes(serving_rows: Api, job: dict[str, Any]) -> None:
    import pyarrow as pa

    lines = list(csv.DictReader(io.StringIO(ROWS.decode())))
    columns = {name: [line[name] for line in lines] for name in lines[0]}
    numbers = {name: [float(cell) for cell in columns[name]] for name in ("temperature", "weight")}
    file = io.BytesIO()
    pq.write_table(pa.table(columns | numbers), file)
    again = scored(serving_rows, file.getvalue(), "today")
    assert (again["source"]["format"], again["state"]) == ("parquet", "succeeded")
    pages = [serving_rows.get(f"{BATCH}batch/{batch}/scores/?sort=row").body["scores"] for batch in (1, 2)]
    assert [row["score"] for row in pages[0]] == [row["score"] for row in pages[1]]


def test_an_uploaded_file_is_scored_by_its_name(serving_rows: Api) -> None:
    body = serving_rows.post(BATCH, {"file": "steel.csv", "keep": ["grade"]}).body
    assert (body["source"]["kind"], body["source"]["node"]) == ("file", "datasrc")
    assert serving_rows.delete(DATA).status == 409, "it is about to be read"
    execute_scoring_job(body["id"])
    stored = np.load(place_of(Version.objects.get().serving_run.artifact_prefix) / "scores.datasrc.npy")
    page = serving_rows.get(f"{BATCH}batch/1/scores/?sort=row&page_size=1000").body
    assert [row["score"] for row in page["scores"]] == pytest.approx(stored.tolist(), rel=1e-6)
    assert serving_rows.delete(DATA).status == 200


def test_the_rule_in_force_judges_the_whole_file(serving_rows: Api) -> None:
    assert serving_rows.put(EVALUATION, {"threshold_rule": "top_k", "top_k": 7}).status == 200
    body = scored(serving_rows)
    assert (body["rule"], body["summary"]["anomalies"]) == ({"rule": "top_k", "top_k": 7}, 7)


def test_a_job_is_tallied_and_a_part_of_its_rows_logged(serving_rows: Api, settings: Any) -> None:
    settings.LOG_JOB_ROWS = 50
    body = scored(serving_rows)
    assert Tally.objects.get(scoring_job=body["id"]).rows == 1200
    assert 25 <= LoggedRow.objects.filter(scoring_job=body["id"]).count() <= 50
    drift = serving_rows.get(f"{WATCH}/drift/nnid/steel/ver/1/?by=batch").body
    assert drift["windows"][0]["rows"] == 1200
    assert drift["verdict"] in ("stable", "watch", "retrain")


def test_feedback_on_any_row_of_a_job_counts(serving_rows: Api, job: dict[str, Any]) -> None:
    top = serving_rows.get(f"{BATCH}batch/1/scores/?page_size=4").body["scores"]
    words = [{"row_id": row["row_id"], "label": int(place < 3)} for place, row in enumerate(top)]
    assert serving_rows.post(f"{WATCH}/feedback/nnid/steel/ver/1/", {"feedback": words}).body["kept"] == 4
    figures = serving_rows.get(f"{WATCH}/feedback/nnid/steel/ver/1/").body
    assert figures["all"]["precision"] == 0.75


def test_the_log_of_a_job_is_read_like_that_of_a_run(serving_rows: Api, job: dict[str, Any]) -> None:
    answer = serving_rows.get(f"service/monitering/type/log/id/{job['id']}/line/5/").body
    assert answer["state"] == "succeeded"
    assert any("1200 rows scored" in line for line in answer["lines"])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"grade,temperature,DEFECT\nA,1500,0\n", "weight"),
        (ROWS.replace(b",0\n", b",0\nA,hot,150,0\n", 1), "hot"),
        (b"grade,temperature,weight,DEFECT\n", "row"),
        (ROWS[:-20] + b'"never closed', "quote"),
    ],
    ids=["a column is lacking", "a column of another type", "no rows", "cut off"],
)
def test_what_does_not_fit_fails_with_the_reason_and_leaves_nothing(
    serving_rows: Api, content: bytes, why: str
) -> None:
    body = scored(serving_rows, content)
    assert body["state"] == "failed"
    assert why in body["error"]
    assert {path.name for path in place_of(f"scored/{body['id']}").iterdir()} == {"run.log"}
    assert serving_rows.get(f"{BATCH}batch/1/scores/").status == 409


def test_a_job_that_waits_is_cancelled_and_then_deleted(serving_rows: Api) -> None:
    body = serving_rows.upload(BATCH, ("today.csv", ROWS)).body
    assert serving_rows.delete(f"{BATCH}batch/1/").body["state"] == "cancelled"
    execute_scoring_job(body["id"])
    assert ScoringJob.objects.get().state == RunState.CANCELLED
    assert not place_of(f"scored/{body['id']}/source").exists()
    assert serving_rows.delete(f"{BATCH}batch/1/").body["state"] == "deleted"
    assert serving_rows.get(f"{BATCH}batch/1/").status == 404


def test_files_go_with_the_job_and_with_the_version(serving_rows: Api) -> None:
    first, second = scored(serving_rows), scored(serving_rows)
    serving_rows.delete(f"{BATCH}batch/1/")
    assert not place_of(f"scored/{first['id']}").exists()
    delete_version(Version.objects.get())
    assert not place_of(f"scored/{second['id']}").exists()


def test_a_version_that_is_deleted_while_it_scores_ends_the_job(serving_rows: Api) -> None:
    body = serving_rows.upload(BATCH, ("today.csv", ROWS)).body
    delete_version(Version.objects.get())
    execute_scoring_job(body["id"])
    assert not ScoringJob.objects.exists()


@pytest.fixture
def before_the_scores_are_stored(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """Give a list of what is to happen when all rows are scored and nothing is stored."""
    steps: list[Callable[[], object]] = []
    publish = files.publish

    def then_publish(*arguments: Any, **options: Any) -> None:
        while steps:
            steps.pop()()
        publish(*arguments, **options)

    monkeypatch.setattr(files, "publish", then_publish)
    return steps


def test_a_job_that_is_cancelled_at_the_last_moment_leaves_nothing(
    serving_rows: Api, before_the_scores_are_stored: list[Callable[[], object]]
) -> None:
    body = serving_rows.upload(BATCH, ("today.csv", ROWS)).body
    before_the_scores_are_stored.append(lambda: serving_rows.delete(f"{BATCH}batch/1/"))
    execute_scoring_job(body["id"])
    job = ScoringJob.objects.get()
    assert (job.state, job.summary) == (RunState.CANCELLED, None)
    assert {path.name for path in place_of(job.prefix).iterdir()} <= {"run.log"}
    assert not LoggedRow.objects.exists()
    assert not Tally.objects.exists()


def test_a_version_that_is_deleted_at_the_last_moment_leaves_nothing(
    serving_rows: Api, before_the_scores_are_stored: list[Callable[[], object]]
) -> None:
    body = serving_rows.upload(BATCH, ("today.csv", ROWS)).body
    before_the_scores_are_stored.append(lambda: delete_version(Version.objects.get()))
    execute_scoring_job(body["id"])
    assert not ScoringJob.objects.exists()
    assert not place_of(f"scored/{body['id']}").exists()


def test_a_tenth_of_unseen_categories_is_scored_counted_and_said(serving_rows: Api) -> None:
    header, *lines = ROWS.decode().splitlines()
    odd = ["X-NEW" + line[line.index(",") :] if number % 10 == 3 else line for number, line in enumerate(lines)]
    body = scored(serving_rows, "\n".join([header, *odd, ""]).encode())
    assert body["state"] == "succeeded"
    assert body["summary"]["rows"] == 1200
    assert body["summary"]["unseen"] == {"grade": 120}
    assert any("grade" in notice and "120 of 1,200 rows (10 %)" in notice for notice in body["summary"]["notices"])


def test_what_cannot_be_scored_is_refused(serving_rows: Api) -> None:
    assert serving_rows.post(BATCH, {"file": "other.csv"}).status == 404
    assert serving_rows.post(BATCH, {"file": "steel.csv", "delimiter": ";"}).status == 400
    assert serving_rows.post(BATCH, {}).body["errors"] == {"file": ["This field is required."]}
    assert serving_rows.upload(BATCH, ("empty.csv", b"")).status == 422
    assert serving_rows.upload(BATCH, ("a.csv", ROWS), ("b.csv", ROWS)).status == 400
    assert serving_rows.post(BATCH, {"file": "steel.csv", "encoding": "none-such"}).status == 400
    assert serving_rows.get(f"{BATCH}batch/9/").status == 404
    assert not ScoringJob.objects.exists()


def test_a_version_without_a_model_scores_nothing(uploaded: Api) -> None:
    answer = uploaded.post(BATCH, {"file": "steel.csv"})
    assert answer.status == 404
    assert TRAIN.split("/state")[0] in answer.body["result"]


def test_active_is_the_version_that_serves(serving_rows: Api) -> None:
    assert serving_rows.post(BATCH.replace("ver/1", "ver/active"), {"file": "steel.csv"}).body["nn_wf_ver_id"] == 1
