import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from examples import demo

REPOSITORY = Path(__file__).resolve().parents[2]


def run_demo(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "examples.demo", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("run", "line"),
    [
        ({"state": "queued", "progress": {}}, "queued    [                    ]   0 %"),
        ({"state": "queued", "progress": None}, "queued    [                    ]   0 %"),
        (
            {
                "state": "running",
                "progress": {
                    "percent": 50.0,
                    "epoch": 5,
                    "epochs": 10,
                    "loss": 0.5,
                    "rows_per_second": 12345.6,
                    "seconds_left": 2.4,
                },
            },
            "running   [██████████          ]  50 %  epoch 5/10  loss 0.5000  12,346 rows/s  2 s left",
        ),
    ],
)
def test_the_progress_line_says_what_is_known(run, line):
    assert demo.progress_line(run) == line


def test_a_label_without_a_file_is_refused():
    answer = run_demo("--label", "DEFECT")
    assert answer.returncode == 2
    assert "--csv" in answer.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--u", "a", "--v", "b"], "--graph"),
        (["--graph", "--u", "a", "--v", "b"], "--csv"),
        (["--graph", "--csv", "nowhere.csv"], "--u and --v"),
        (["--graph", "--label", "x"], "--csv"),
    ],
)
def test_columns_of_a_graph_go_with_a_file_of_ones_own(arguments, why):
    answer = run_demo(*arguments)
    assert answer.returncode == 2
    assert why in answer.stderr.splitlines()[-1]


def test_a_file_that_is_not_there_is_one_clear_line():
    answer = run_demo("--csv", "nowhere.csv")
    assert answer.returncode == 2
    assert "nowhere.csv: there is no such file" in answer.stderr.splitlines()[-1]


def test_a_port_that_is_no_number_is_one_clear_line():
    answer = run_demo(PORT="eighty")
    assert answer.returncode == 1
    assert answer.stderr.splitlines() == ["demo: PORT must be a number from 1 to 65535, not 'eighty'"]


class Stranger(http.server.BaseHTTPRequestHandler):
    """Another program that answers on the port."""

    def do_POST(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps("hello").encode())

    def do_GET(self):
        self.do_POST()

    def log_message(self, *_):
        pass


def test_another_program_on_the_port_is_one_clear_line():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answer = run_demo(PORT=str(server.server_port))
        server.shutdown()
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert "is not this service: set PORT to a free one" in answer.stderr
