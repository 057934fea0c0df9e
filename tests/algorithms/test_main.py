import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.jobs import ConvertJob, FitJob, ScoreFileJob
from algorithms.tables.source import TableFiles
from tests.algorithms.contract import steel

COMMAND = [sys.executable, "-m", "algorithms"]
PROJECT = Path(__file__).parents[2]


def run(task, folder, *options):
    return subprocess.run(
        [*COMMAND, task, str(folder), *options],
        check=False,
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def events_of(process):
    return [json.loads(line) for line in process.stdout.splitlines()]


@pytest.fixture
def convert_job(tmp_path):
    def write(content):
        source = tmp_path / "in.csv"
        source.write_bytes(content)
        job = ConvertJob(source=source, parquet=tmp_path / "out.parquet")
        job.write(tmp_path)
        return job

    return write


def test_it_converts_a_file_and_says_finished(convert_job, tmp_path):
    job = convert_job(b"a,b\n1,x\n2,y\n")
    process = run("convert", tmp_path)
    [event] = events_of(process)
    assert process.returncode == 0, process.stderr
    assert event["event"] == "finished"
    assert event["rows"] == 2
    assert [column["type"] for column in event["columns"]] == ["number", "text"]
    assert TableFiles([job.parquet]).column("a").tolist() == [1.0, 2.0]


def test_a_broken_file_is_a_data_error_that_names_the_row(convert_job, tmp_path):
    job = convert_job(b"a,b\n1,x\n2\n")
    process = run("convert", tmp_path)
    [event] = events_of(process)
    assert process.returncode == 2
    assert (event["event"], event["kind"]) == ("failed", "data")
    assert "row 2 has 1 cells" in event["error"]
    assert event["errors"]["file"] == [event["error"]]
    assert f"ERROR algorithms: {event['error']}" in process.stderr
    assert "Traceback" not in process.stderr
    assert not job.parquet.exists()


def test_any_other_failure_is_internal_and_its_traceback_is_on_standard_error(tmp_path):
    process = run("convert", tmp_path)
    [event] = events_of(process)
    assert process.returncode == 1
    assert (event["event"], event["kind"]) == ("failed", "internal")
    assert "FileNotFoundError" in event["error"]
    assert "Traceback" in process.stderr


def test_too_little_memory_is_its_own_kind(convert_job, tmp_path):
    convert_job(b"a,b\n1,x\n2,y\n")
    program = (
        "import sys, algorithms.__main__ as m, algorithms.tables.convert as c\n"
        "def full(job): raise MemoryError\n"
        "c.convert = full\n"
        f"sys.exit(m.main(['convert', {str(tmp_path)!r}]))"
    )
    process = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert process.returncode == 1
    assert events_of(process)[0]["kind"] == "memory"


def test_the_log_of_a_training_is_that_of_the_run_and_not_of_its_libraries(tmp_path):
    pq.write_table(pa.table(dict(steel(30).columns)), tmp_path / "a.parquet")
    netconf = {"n_hidden": [2], "iter": 1}
    tables = {"datasrc": (tmp_path / "a.parquet",)}
    job = FitJob(workflow_type="autoencoder_csv", tables=tables, parameters={"netconf_node": netconf})
    job.write(tmp_path)
    process = run("fit", tmp_path)
    assert process.returncode == 0, process.stderr
    assert events_of(process)[-1]["event"] == "finished"
    logged = [line for line in process.stderr.splitlines() if " INFO " in line]
    assert "datasrc has 30 rows and 3 columns" in logged[0]
    assert "finished after " in logged[-1]
    assert "cuInit" not in process.stderr


def test_it_scores_a_file_by_the_model_it_trained_and_refuses_one_that_does_not_fit(tmp_path):
    table = pa.table(dict(steel(30).columns))
    pq.write_table(table, tmp_path / "a.parquet")
    pq.write_table(table.drop(["weight"]), tmp_path / "b.parquet")
    tables, netconf = {"datasrc": (tmp_path / "a.parquet",)}, {"n_hidden": [2], "iter": 1}
    FitJob(workflow_type="autoencoder_csv", tables=tables, parameters={"netconf_node": netconf}).write(tmp_path)
    assert run("fit", tmp_path).returncode == 0
    codes, last = [], []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        ScoreFileJob(
            artifact=tmp_path / "artifact", workflow_type="autoencoder_csv", source=tmp_path / f"{name}.parquet",
            format="parquet", verdict={"rule": {"rule": "top_k", "top_k": 3}, "value": None},
        ).write(folder)  # fmt: skip
        process = run("score_file", folder)
        codes.append(process.returncode)
        last.append(events_of(process)[-1])
    assert codes == [0, 2]
    assert (last[0]["event"], last[0]["rows"], last[0]["anomalies"]) == ("finished", 30, 3)
    assert (last[1]["kind"], list(last[1]["errors"])) == ("data", ["weight"])
    assert (tmp_path / "a" / "artifact" / "scores.parquet").exists()
    assert not (tmp_path / "b" / "artifact").exists()


def test_a_full_disk_is_its_own_kind(convert_job, tmp_path):
    convert_job(b"a,b\n1,x\n2,y\n")
    program = (
        "import sys, algorithms.__main__ as m, algorithms.tables.convert as c\n"
        "def convert(job): open('/dev/full', 'wb', buffering=0).write(b'row')\n"
        "c.convert = convert\n"
        f"sys.exit(m.main(['convert', {str(tmp_path)!r}]))"
    )
    process = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    [event] = events_of(process)
    assert (event["event"], event["kind"]) == ("failed", "disk")
    assert "free some space" in event["error"]


def test_what_libraries_print_does_not_break_the_events(convert_job, tmp_path):
    convert_job(b"a,b\n1,x\n2,y\n")
    program = (
        "import os, sys, algorithms.__main__ as m, algorithms.tables.convert as c\n"
        "convert = c.convert\n"
        "def noisy(job):\n"
        "    print('from python', flush=True); os.write(1, b'from C\\n'); return convert(job)\n"
        "c.convert = noisy\n"
        f"sys.exit(m.main(['convert', {str(tmp_path)!r}]))"
    )
    process = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert [event["event"] for event in events_of(process)] == ["finished"]
    assert "from python" in process.stderr
    assert "from C" in process.stderr


def test_an_unknown_task_is_a_usage_error(tmp_path):
    process = run("bake", tmp_path)
    assert process.returncode != 0
    assert "invalid choice" in process.stderr
    assert process.stdout == ""


SUPERVISOR = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_supervised_child_ends_when_its_supervisor_is_killed(tmp_path):
    # A pipe that nobody writes to keeps the child busy for ever.
    os.mkfifo(tmp_path / "in.csv")
    ConvertJob(source=tmp_path / "in.csv", parquet=tmp_path / "out.parquet").write(tmp_path)
    command = [*COMMAND, "convert", str(tmp_path), "--supervised"]
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, *command], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    child = psutil.Process(int(supervisor.stdout.readline()))
    try:
        wait_until(lambda: child.num_threads() > 1)
        assert child.is_running()
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait(10)
        wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    finally:
        supervisor.kill()
        supervisor.stdout.close()
        if child.is_running():
            child.kill()


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
