"""Short predictions take turns: in a Python process threads that compute at once are slower than one after another."""

import io
import threading
from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

LENGTH, PREDICTIONS = "CONTENT_LENGTH", "/service/state/predict/"
SHORT_BYTES = 65_536
"""A longer request may take long, and does not make others wait."""


class InTurns:
    """A WSGI application whose short predictions are made one at a time; all else is answered as before.

    A thread that waited for the database or the network asks for the interpreter again, and one that computes gives it
    away 5 ms later, so that with some threads every request takes many times as long. A turn begins when the request
    has been received and ends before the answer is sent: no slow client holds it.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._turn = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        length = _length(environ)
        if PREDICTIONS not in environ.get("PATH_INFO", "") or not 0 < length <= SHORT_BYTES:
            return self._application(environ, start_response)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
        with self._turn:
            answer = self._application(environ, start_response)
            try:
                return [b"".join(answer)]
            finally:
                if hasattr(answer, "close"):
                    answer.close()


def _length(environ: Environ) -> int:
    given = environ.get(LENGTH, "")
    return int(given) if given.isascii() and given.isdigit() else 0
