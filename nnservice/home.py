"""The state folder: everything the service keeps, readable by its owner only.

`db.sqlite3`, `secret_key`, `files/` (uploads, artifacts), `jobs/` (work of child processes), `logs/`, `valkey/` (the
embedded broker's data and socket). Little is imported: the settings and the launcher both start here.
"""

import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

from nnservice import env

BASE_DIR = Path(__file__).resolve().parent.parent
FOLDERS = ("files", "jobs", "logs", "valkey")
SOCKET_NAME = "valkey.sock"
MAX_SOCKET_PATH = 100
"""Bytes of a Unix socket's address, with room to spare: Linux takes 107, macOS 103."""
MIN_SECRET_LENGTH = 50


class HomeUnusable(RuntimeError):
    """The state folder, or the folder of its socket, cannot be used."""


def state_home() -> Path:
    """Return the state folder (`NNSERVICE_HOME`, else `var` beside manage.py); it and its folders exist afterwards.

    Raises:
        HomeUnusable: the folder cannot be made or written to.
    """
    home = Path(os.environ.get("NNSERVICE_HOME") or BASE_DIR / "var").expanduser().absolute()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in FOLDERS:
            (home / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise HomeUnusable(f"cannot use the state folder {home} ({error.strerror}): set NNSERVICE_HOME") from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise HomeUnusable(f"cannot write to the state folder {home}: set NNSERVICE_HOME")
    return home


def secret_key(home: Path) -> str:
    """Return the installation's secret, drawn on the first call and kept in `home/secret_key`.

    The lock makes two starters agree on one key; a file cut short by a crash is drawn again.
    """
    descriptor = os.open(home / "secret_key", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        key = file.read().strip()
        if len(key) < MIN_SECRET_LENGTH:
            key = secrets.token_urlsafe(MIN_SECRET_LENGTH)
            file.seek(0)
            file.truncate()
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
    return key


def socket_path(home: Path) -> Path:
    """Return where the embedded broker listens: in `home`, or in a short private folder when that path is too long.

    Every process of one home gets the same answer, and only its owner can enter the folder.

    Raises:
        HomeUnusable: somebody else owns, or can enter, the short folder.
    """
    home = home.resolve()
    inside = home / "valkey" / SOCKET_NAME
    if _fits(inside):
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    name = f"nnservice-{os.getuid()}-{digest}"
    folder = Path(tempfile.gettempdir()) / name
    if not _fits(folder / SOCKET_NAME):
        folder = Path("/tmp") / name  # noqa: S108 - the folder is private and checked below
    _make_private(folder)
    return folder / SOCKET_NAME


def broker_url(home: Path) -> str:
    """Return Celery's broker: `REDIS_URL`, else the embedded server of this home."""
    return env.redis_url("REDIS_URL") or f"redis+socket://{quote(str(socket_path(home)))}"


def cache_url(home: Path) -> str:
    """Return where requests are counted, as redis-py wants it: `REDIS_URL`, else the embedded server of this home."""
    return env.redis_url("REDIS_URL") or f"unix://{quote(str(socket_path(home)))}"


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= MAX_SOCKET_PATH


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise HomeUnusable(f"cannot make {folder} for the broker's socket ({error.strerror})") from error
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not stat.S_IMODE(found.st_mode) & 0o077
    if not ours:
        raise HomeUnusable(f"{folder} is not a private folder of this user: remove it or set a shorter NNSERVICE_HOME")
