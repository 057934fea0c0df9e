"""Every line says what it belongs to, in the form that was asked for."""

import io
import json
import logging
import logging.config
from types import SimpleNamespace

import pytest
from django.test import Client

from nnservice.access_log import RequestLogger
from nnservice.logs import log_context, logging_settings, request_id


def written(form, log):
    """Return the lines that `log` writes under the settings of a form."""
    settings = logging_settings(form, "INFO")
    stream = io.StringIO()
    settings["handlers"]["stderr"]["stream"] = stream
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logging.config.dictConfig(settings)
        log()
    finally:
        root.handlers, root.level = before[0], before[1]
    return stream.getvalue().splitlines()


def log_something():
    logger = logging.getLogger("workflows.somewhere")
    logger.info("outside")
    with log_context(request_id="abc"), log_context(run="r1"):
        logger.warning("said %s", "this", extra={"rows": 7})


def test_json_lines_carry_what_they_belong_to():
    outside, inside = (json.loads(line) for line in written("json", log_something))
    assert {"time", "level", "logger", "process", "message"} == set(outside)
    assert inside["message"] == "said this"
    assert (inside["level"], inside["logger"], inside["rows"]) == ("WARNING", "workflows.somewhere", 7)
    assert (inside["request_id"], inside["run"]) == ("abc", "r1")


def test_plain_lines_do_too():
    outside, inside = written("line", log_something)
    assert outside.endswith("INFO workflows.somewhere outside")
    assert inside.endswith("WARNING workflows.somewhere [request_id=abc run=r1] said this")


def test_an_exception_stays_one_line_of_json():
    def fail():
        try:
            int("broken")
        except ValueError:
            logging.getLogger("x").exception("it failed")

    (line,) = written("json", fail)
    assert "ValueError: invalid literal" in json.loads(line)["exc_info"]


def test_a_request_is_logged_without_its_query_and_without_control_characters():
    response = SimpleNamespace(status="200 OK", sent=12, headers=[("X-Request-ID", "abc")])
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/a\nb", "QUERY_STRING": "token=secret"}
    seconds = SimpleNamespace(total_seconds=lambda: 0.25)
    configuration = SimpleNamespace()

    def log():
        logger = RequestLogger.__new__(RequestLogger)
        logger.access_log = logging.getLogger("gunicorn.access")
        logger.error_log = logging.getLogger("gunicorn.error")
        logger.setup(configuration)
        logger.access(response, None, environ, seconds)
        logger.access(response, None, environ | {"PATH_INFO": "/healthz"}, seconds)

    (line,) = written("json", log)
    told = json.loads(line)
    assert (told["method"], told["path"], told["status"], told["seconds"]) == ("GET", "/a\nb", 200, 0.25)
    assert told["request_id"] == "abc"
    assert "secret" not in line
    (line,) = written("line", log)
    assert line.endswith("GET '/a\\nb' 200 12 B 0.250 s")


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\nb", "<script>", None])
def test_a_request_id_that_could_do_harm_is_replaced(given):
    assert request_id(given) != given
    assert len(request_id(given)) == 16


def test_a_sane_request_id_is_kept_and_answered():
    assert request_id("trace-1.a_B") == "trace-1.a_B"
    assert Client(headers={"X-Request-ID": "trace-1"}).get("/healthz").headers["X-Request-ID"] == "trace-1"
    drawn = {Client().get("/healthz").headers["X-Request-ID"] for _ in range(2)}
    assert len(drawn) == 2
