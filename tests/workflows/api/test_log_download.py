from pathlib import Path
from typing import Any

from django.test import Client

from workflows import files
from workflows.models import Run


def written(run: Run, text: str, work: Path) -> str:
    log = files.open_log(run.log_key, work)
    log.write_text(text)
    files.put_log(log, run.log_key)
    return f"/api/v1/type/service/monitering/type/log/id/{run.id}/line/100/"


def test_a_log_is_a_text_file_that_no_browser_and_no_spreadsheet_runs(run: Run, tmp_path: Path) -> None:
    path = written(run, "epoch 1\n=cmd|' /C calc'!A0\n<script>alert(1)</script>\n", tmp_path)
    for accept in ("text/html", "application/json", "*/*"):
        answer: Any = Client().get(f"{path}?download=text", headers={"Accept": accept})
        assert answer.content.decode() == "epoch 1\n'=cmd|' /C calc'!A0\n<script>alert(1)</script>\n"
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("attachment")


def test_as_json_it_stays_as_it_is(run: Run, tmp_path: Path) -> None:
    path = written(run, "=1\n", tmp_path)
    answer = Client().get(path, headers={"Accept": "application/json"})
    assert answer.json()["lines"] == ["=1"]
    assert Client().get(f"{path}?download=csv", headers={"Accept": "application/json"}).status_code == 400
