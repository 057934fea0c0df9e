"""Tokens looked up a moment ago: a process asks the database for none again within NNSERVICE_TOKEN_CACHE_SECONDS.

With the token its user is remembered, and the permissions that were asked of that user. What one process changes it
knows at once; the others know it when their seconds are over. Networks are looked up for every request: whom one is
shared with, and who owns it, holds everywhere at once.
"""

import threading
import time
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.utils import timezone
from knox.crypto import hash_token

from workflows.models import Token

MOST = 10_000


class KnownTokens:
    """Tokens with their users by digest, each with the moment when it was read; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[float, Token]] = {}
        self._changes = 0

    def get(self, given: str) -> Token | None:
        """Return the token that is sent like this, if it was read a moment ago and has not expired since."""
        read, token = self._tokens.get(hash_token(given), (0.0, None))
        if token is None or time.monotonic() - read >= settings.TOKEN_CACHE_SECONDS:
            return None
        return None if token.expiry is not None and token.expiry < timezone.now() else token

    def changes(self) -> int:
        """Return a number that is another one after every change; `put` wants that from before the token was read."""
        return self._changes

    def put(self, token: Token, changes: int) -> None:
        """Remember a token that was just read, unless something was changed meanwhile."""
        with self._lock:
            if changes != self._changes or settings.TOKEN_CACHE_SECONDS == 0:
                return
            if len(self._tokens) >= MOST:
                self._tokens.clear()
            self._tokens[token.digest] = time.monotonic(), token

    def forget(self, **_signal: Any) -> None:
        """Know nothing any more: now, and again when the transaction ends, until which others read what was before."""
        self._forget()
        if transaction.get_connection().in_atomic_block:
            transaction.on_commit(self._forget)

    def _forget(self) -> None:
        with self._lock:
            self._changes += 1
            self._tokens.clear()


known_tokens = KnownTokens()


def connect() -> None:
    """Have every change of tokens, users, groups and permissions heard of, that of the admin site too."""
    for sender in (Token, User, Group):
        for signal in (post_save, post_delete):
            signal.connect(known_tokens.forget, sender=sender, dispatch_uid=f"known tokens, {sender.__name__}")
    for through in (User.groups.through, User.user_permissions.through, Group.permissions.through):
        m2m_changed.connect(known_tokens.forget, sender=through, dispatch_uid="known tokens")
