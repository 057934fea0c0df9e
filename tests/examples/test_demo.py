import http.server
import json
import subprocess
import sys
import threading

import pytest

from examples import demo

RESULT = {
    "metrics": {"evaluated_on": "datasrc", "rows": 4000, "roc_auc": 0.97312, "confusion_matrix": {"tn": 3713, "fp": 2}},
    "threshold": {"value": 0.18012, "rule": "contamination"},
    "top_anomalies": [
        {
            "row": 2538,
            "score": 2.0,
            "label": 1,
            "values": {"MN_PCT": 13.38, "GRADE": "X70" * 30, "EMPTY": None, "C" * 200: 1},
            "contributions": {"MN_PCT": 1.0, "GRADE": 0.5, "EMPTY": 0.4, "C" * 200: 0.1},
            "expected": {"MN_PCT": 1.191, "GRADE": "X65" * 30, "EMPTY": 2.0, "C" * 200: 1},
        }
    ],
}


def run_demo(*arguments, **environment):
    return subprocess.run(
        [sys.executable, demo.__file__, *arguments],
        env={**demo.os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_row_is_shown_with_the_columns_that_make_it_anomalous(capsys):
    demo.show_result(RESULT)
    lines = capsys.readouterr().out.splitlines()
    assert "  row 2,538    score 2.0000      label 1" in lines
    shares = [line.split()[0] for line in lines if "%" in line]
    assert shares == ["50%", "25%", "20%"]
    assert any("MN_PCT" in line and "is 13.38" in line and "expected 1.191" in line for line in lines)
    assert any("EMPTY" in line and "is empty" in line for line in lines)


def test_what_it_prints_fits_into_a_hundred_columns(capsys):
    demo.show_result(RESULT)
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 100


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
