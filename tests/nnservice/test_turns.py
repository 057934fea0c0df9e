"""Short predictions take turns, and nothing else waits."""

import io
import threading
from collections.abc import Iterable
from typing import Any

from nnservice.turns import SHORT_BYTES, Environ, InTurns, StartResponse

PREDICT = "/api/v1/type/service/state/predict/type/anomaly/nnid/steel/ver/active/"


class Application:
    """Answers what it was sent; notes how many requests it works on at once, which wait 0.2 s for each other."""

    def __init__(self) -> None:
        self.at_once = self.most_at_once = self.closed = 0
        self._lock, self._both = threading.Lock(), threading.Event()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            if self.at_once == 2:
                self._both.set()
        self._both.wait(0.2)
        with self._lock:
            self.at_once -= 1
        start_response("200 OK", [])
        return Answer(self, [b"sent: ", environ["wsgi.input"].read()])


class Answer(list[bytes]):
    """An answer that is to be closed."""

    def __init__(self, application: Application, parts: list[bytes]) -> None:
        super().__init__(parts)
        self._application = application

    def close(self) -> None:
        self._application.closed += 1


def asked_twice(path: str, body: bytes, length: str | None = None) -> tuple[Application, list[bytes]]:
    """Send two requests at once; return what answered, and the answers."""
    application, answers = Application(), []
    in_turns = InTurns(application)

    def ask() -> None:
        environ: dict[str, Any] = {"PATH_INFO": path, "wsgi.input": io.BytesIO(body)}
        environ["CONTENT_LENGTH"] = str(len(body)) if length is None else length
        answers.append(b"".join(in_turns(environ, lambda *_: None)))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return application, answers


def test_short_predictions_are_made_one_at_a_time() -> None:
    application, answers = asked_twice(PREDICT, b"{}")
    assert application.most_at_once == 1
    assert application.closed == 2
    assert answers == [b"sent: {}"] * 2


def test_long_predictions_and_other_requests_make_nobody_wait() -> None:
    for path, body in ((PREDICT, b" " * (SHORT_BYTES + 1)), (PREDICT, b""), ("/api/v1/type/common/", b"{}")):
        application, answers = asked_twice(path, body)
        assert application.most_at_once == 2
        assert answers == [b"sent: " + body] * 2


def test_a_length_that_is_none_is_left_to_the_application() -> None:
    application, _ = asked_twice(PREDICT, b"{}", length="many")
    assert application.most_at_once == 2
