"""The demo, from the first call to the rows it finds."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]


def run_demo(port, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "examples.demo", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PORT": str(port), **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def home_of(process):
    try:
        return process.environ().get("NNSERVICE_HOME")
    except (psutil.Error, OSError):
        return None


def test_it_finds_the_planted_anomalies_of_the_bundled_records(service):
    answer = run_demo(service.port)
    assert answer.returncode == 0, answer.stderr
    assert re.findall(r"^  (\d) \w", answer.stdout, re.MULTILINE) == list("12345678")
    roc_auc = float(re.search(r"roc_auc +([\d.]+)", answer.stdout)[1])
    assert roc_auc > 0.93
    labels = re.findall(r"^  row .* label (\d)$", answer.stdout, re.MULTILINE)
    assert len(labels) == 10
    assert labels.count("1") >= 8
    assert max(len(line) for line in answer.stdout.splitlines()) <= 100
    assert service.answers(), "a service that the demo did not start goes on"


def test_it_finds_the_rings_of_the_bundled_claims(service):
    answer = run_demo(service.port, "--graph")
    assert answer.returncode == 0, answer.stderr
    assert re.findall(r"^  (\d) \w", answer.stdout, re.MULTILINE) == list("12345678")
    rows = dict(
        re.findall(r"^  (graphbean|degree|mahalanobis|isolation_forest) +([\d.]+) /", answer.stdout, re.MULTILINE)
    )
    assert float(rows["graphbean"]) > 0.9
    assert set(rows) == {"graphbean", "degree", "mahalanobis", "isolation_forest"}
    labels = re.findall(r"^  \S.* score .* label (\d)$", answer.stdout, re.MULTILINE)
    assert len(labels) == 15
    assert labels.count("1") >= 12
    assert re.search(r"^  NEVER-SEEN +score \S+ +an anomaly", answer.stdout, re.MULTILINE)
    assert max(len(line) for line in answer.stdout.splitlines()) <= 100


def test_it_takes_interactions_of_ones_own(service, tmp_path):
    rows = [f"0{n % 9};s{n % 4}" for n in range(60)]
    (tmp_path / "own.csv").write_text("\n".join(["buyer;seller", *rows]))
    answer = run_demo(service.port, "--graph", "--csv", str(tmp_path / "own.csv"), "--u", "buyer", "--v", "seller")
    assert answer.returncode == 0, answer.stderr
    assert "9 u, 4 v, 36 pairs from 60 rows" in answer.stdout
    assert "ROC-AUC" not in answer.stdout


def test_it_takes_a_file_of_ones_own_without_a_label(service, tmp_path):
    with (tmp_path / "own.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["kind", "size"])
        writer.writerows([["ab"[i % 2], i % 2 * 10 + i % 7 / 7] for i in range(300)] + [["a", 500]])
    answer = run_demo(service.port, "--csv", str(tmp_path / "own.csv"))
    assert answer.returncode == 0, answer.stderr
    assert re.search(r"^  row 300 ", answer.stdout, re.MULTILINE)
    assert "roc_auc" not in answer.stdout


def test_a_file_the_service_refuses_is_one_clear_line(service, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    answer = run_demo(service.port, "--csv", str(tmp_path / "empty.csv"))
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert "empty" in answer.stderr


def test_once_starts_the_service_and_stops_it(free_port, tmp_path):
    home = tmp_path / "once"
    answer = run_demo(free_port, "--once", NNSERVICE_HOME=str(home))
    assert answer.returncode == 0, answer.stderr
    assert "The service has been stopped." in answer.stdout
    assert "has stopped" in (home / "run.log").read_text()
    assert [process for process in psutil.process_iter() if home_of(process) == str(home)] == []
    assert not [path for path in home.rglob("*") if path.is_socket()]
