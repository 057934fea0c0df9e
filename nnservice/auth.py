"""Who is let in: everybody of this machine (`open`), or holders of a token (`token`)."""

import ipaddress

from django.core.exceptions import ImproperlyConfigured

from nnservice import env

OPEN = "open"
TOKEN = "token"  # noqa: S105 - the name of a mode
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def auth_mode() -> str:
    """Return `NNSERVICE_AUTH`; without it `open` where that is allowed, else `token`.

    Raises:
        ImproperlyConfigured: `open` is asked for, but others than this machine's users could come in.
    """
    reasons = _against_open()
    mode = env.choice("NNSERVICE_AUTH", TOKEN if reasons else OPEN, (OPEN, TOKEN))
    if mode == OPEN and reasons:
        raise ImproperlyConfigured(
            f"NNSERVICE_AUTH=open is refused while {' and '.join(reasons)}: without tokens everybody who reaches the"
            " service may do everything. Set NNSERVICE_AUTH=token, then `python manage.py create_admin NAME`"
        )
    return mode


def is_loopback(address: str) -> bool:
    """Tell whether an address to bind to, or to come from, is this machine's own."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def _against_open() -> list[str]:
    servers = {"DATABASE_URL": env.text("DATABASE_URL"), "REDIS_URL": env.redis_url("REDIS_URL")}
    reasons = [f"{name} is set" for name, url in servers.items() if url]
    bind = env.text("NNSERVICE_BIND", "127.0.0.1")
    if not is_loopback(bind):
        reasons.insert(0, f"NNSERVICE_BIND is {bind}")
    foreign = [name for name in env.words("NNSERVICE_ALLOWED_HOSTS", ()) if not _is_local_name(name)]
    if foreign:
        reasons.append(f"NNSERVICE_ALLOWED_HOSTS names {foreign[0]}")
    return reasons


def _is_local_name(name: str) -> bool:
    return is_loopback(name) or name.endswith(".localhost")
