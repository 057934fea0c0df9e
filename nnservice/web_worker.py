"""The worker of the web server: gunicorn's, with threads of their own for uploads."""

import contextlib
import logging
import socket
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.db import connections
from gunicorn.util import close_graceful
from gunicorn.workers.gthread import _DEFER, DEFAULT_WORKER_DATA_TIMEOUT, TConn, ThreadWorker

logger = logging.getLogger(__name__)

MOST_WAITING = 100
"""Uploads that wait for a thread in one process; each holds a connection, of which gunicorn takes 1,000."""
_APART, _REFUSED = object(), object()
_PEEKED = 2048
_BODY = b'{"status": "503", "result": "too many uploads at once; try again in a while", "errors": {}}'
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 30\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """An upload holds a thread until its file is received and converted: not one of those that answer the rest.

    NNSERVICE_UPLOADS_AT_ONCE threads take uploads. More uploads wait, unread; beyond MOST_WAITING they get 503.
    """

    def init_process(self) -> None:
        """Make the threads, in the process that was forked."""
        at_once = settings.UPLOADS_AT_ONCE
        self._uploads = ThreadPoolExecutor(at_once, thread_name_prefix="upload")
        self._places = threading.BoundedSemaphore(at_once + MOST_WAITING)
        super().init_process()

    def handle(self, conn: TConn) -> Any:
        """Answer a request, unless it is an upload: finish_request passes that on."""
        if not conn.initialized and not conn.wait_for_data(DEFAULT_WORKER_DATA_TIMEOUT):
            return _DEFER
        if not is_upload(conn.sock):
            return super().handle(conn)
        if self._places.acquire(blocking=False):
            return _APART
        logger.warning("an upload was refused: %s wait already", MOST_WAITING)
        with contextlib.suppress(OSError):  # the client went away
            conn.sock.setblocking(True)
            conn.sock.sendall(_REFUSAL)
        close_graceful(conn.sock)  # it may take two seconds: not in the main thread, as gunicorn would
        return _REFUSED

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """As gunicorn does, in its main thread; an upload only begins."""
        result = None if fs.cancelled() or fs.exception() is not None else fs.result()
        if result is _APART:
            upload = self._uploads.submit(self._handle_upload, conn)
            upload.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))
        elif result is _REFUSED:
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)

    def _handle_upload(self, conn: TConn) -> Any:
        try:
            return super().handle(conn) if self.alive else False
        finally:
            connections.close_all()  # so many threads would keep more than PostgreSQL takes
            self._places.release()


def is_upload(connection: socket.socket) -> bool:
    """Tell, of what was received and is not read yet, whether it begins an upload. If in doubt: no."""
    try:
        line = connection.recv(_PEEKED, socket.MSG_PEEK | socket.MSG_DONTWAIT).partition(b"\r\n")[0]
    except OSError:
        return False
    return line.startswith(b"POST ") and b"/wf/state/framedata/" in line
