"""Who is signed in: a key of the service behind a random name in a cookie, with a token for every form.

The browser holds the name alone. The key stays in the memory of the service and is looked up for each request, as if it
had been sent with it, so that a key that is revoked ends its sessions within a second.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from linekeeper.core.errors import Refused, UsageError
from linekeeper.service.state import Caller, Service, caller_of
from linekeeper.texts.language import Lang

SESSION_COOKIE = "linekeeper_session"
IDLE_SECONDS, WHOLE_SECONDS = 30 * 60, 8 * 60 * 60
SESSIONS_MAX = 10_000
Theme = Literal["", "light", "dark"]


@dataclass
class Session:
    """One person at one browser. `key` is the text of the key, empty where the store asks for none."""

    key: str
    lang: Lang
    theme: Theme = ""
    form_token: str = field(default_factory=lambda: secrets.token_hex(32))
    begun: float = field(default_factory=time.monotonic)
    used: float = field(default_factory=time.monotonic)

    def caller(self, service: Service) -> Caller:
        """Who it is. Raises LinekeeperError where the key has come to its end."""
        return caller_of(service, f"Bearer {self.key}" if self.key else None)

    def demand_token(self, given: object) -> None:
        """Raises Refused where a form does not come from a page of this session."""
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), self.form_token.encode()):
            raise Refused(
                "the form does not come from a page of this session",
                code="form-not-of-session",
                way_out="load the page again, and send its form once more",
            )


class Sessions:
    """All that are signed in. A session ends after half an hour without a request, and after eight hours."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, service: Service, key: str, lang: Lang) -> tuple[str, Session]:
        """Sign in: the cookie's text and the session. Raises LinekeeperError where the key is not valid."""
        session = Session(key if not service.keys.is_open() else "", lang)
        session.caller(service)
        name = secrets.token_urlsafe(32)
        with self._lock:
            self._open[_mark(name)] = session
            while len(self._open) > SESSIONS_MAX:
                self._open.popitem(last=False)
        return name, session

    def session_of(self, name: str | None) -> Session:
        """The session of a cookie. Raises UsageError where there is none, or it has ended."""
        now = time.monotonic()
        with self._lock:
            session = self._open.get(_mark(name or ""))
            if session is not None and (now - session.used > IDLE_SECONDS or now - session.begun > WHOLE_SECONDS):
                del self._open[_mark(name or "")]
                session = None
            if session is None:
                raise UsageError("nobody is signed in", code="session-missing", way_out="sign in with a key")
            session.used = now
            return session

    def end(self, name: str | None) -> None:
        """Sign out."""
        with self._lock:
            self._open.pop(_mark(name or ""), None)


def _mark(name: str) -> bytes:
    return sha256(name.encode()).digest()
