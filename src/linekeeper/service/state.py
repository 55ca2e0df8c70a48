"""What all requests of a service share: the engine, the writer, the keys, the figures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection

from linekeeper.connect.validation import Validator
from linekeeper.core.errors import Conflict, UsageError
from linekeeper.engine.engine import Engine
from linekeeper.service.access_keys import AccessKey, has_keys, key_of_text
from linekeeper.service.group_commit import GroupWriter, PieceOutcome
from linekeeper.service.metrics import Metrics
from linekeeper.service.roles import Role

CHECKED_FOR_S = 1.0  # so long a key is taken for valid without another look at the store
CHECKED_MAX = 10_000
OPEN_HOLDER = "loopback"  # who asks where the store has no keys, and only this machine can


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may cost: bytes of its body, seconds until it is whole, requests a second of each caller."""

    body_bytes: int = 8 << 20
    body_seconds: float = 10.0
    a_second: int = 200
    burst: int = 400


class KeyRing:
    """The keys of the store, looked up at most once a second each: a key that is revoked ends within a second."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._lock = engine, threading.Lock()
        self._checked: dict[bytes, tuple[float, AccessKey]] = {}
        self._any: tuple[float, bool] | None = None

    def is_open(self) -> bool:
        """Whether no key was ever made: then only this machine is served, and nobody shows one."""
        now = time.monotonic()
        if self._any is None or (not self._any[1] and now - self._any[0] > CHECKED_FOR_S):
            with self._engine.store.reading() as connection:
                self._any = (now, has_keys(connection))
        return not self._any[1]

    def key_of(self, text: str) -> AccessKey:
        """The key that a caller shows. Raises Refused where it is not valid."""
        mark, now = sha256(text.encode()).digest(), time.monotonic()
        with self._lock:
            known = self._checked.get(mark)
        if known is not None and now - known[0] <= CHECKED_FOR_S:
            return known[1]
        with self._engine.store.reading() as connection:
            key = key_of_text(connection, text, self._engine.clock.now_ms())
        with self._lock:
            if len(self._checked) >= CHECKED_MAX:
                self._checked.clear()
            self._checked[mark] = (now, key)
        return key

    def was_valid(self, text: str) -> bool:
        """Whether a key was valid when it was last looked up."""
        with self._lock:
            return sha256(text.encode()).digest() in self._checked


@dataclass
class Service:
    """A store online. `reopen` makes its engine anew, where another version of the policy came into force."""

    engine: Engine
    reopen: Callable[[], Engine]
    limits: Limits = field(default_factory=Limits)
    lender: Path | None = None

    def __post_init__(self) -> None:
        self.writer, self.keys, self.metrics = GroupWriter(self.engine.store), KeyRing(self.engine), Metrics()
        self.validator = Validator(self.engine.policy, clock=self.engine.clock)

    def write(self, piece: Callable[[Connection, Engine], PieceOutcome]) -> Future[PieceOutcome]:
        """Have a piece of work done in the writer's next transaction."""

        def in_transaction(connection: Connection) -> PieceOutcome:
            try:
                return piece(connection, self.engine)
            except Conflict as error:
                if error.code != "version-changed-meanwhile":
                    raise
                self._take(self.reopen())
                return piece(connection, self.engine)

        return self.writer.submit(in_transaction)

    def write_alone(self, call: Callable[[Engine], PieceOutcome]) -> Future[PieceOutcome]:
        """The same of a call that makes its transactions itself."""
        return self.writer.submit_alone(lambda: call(self.engine))

    def _take(self, engine: Engine) -> None:
        """From now on decide by that engine. Its store is closed: the one that is open serves on."""
        engine.store.close()
        engine.store = self.engine.store
        self.engine, self.validator = engine, Validator(engine.policy, clock=engine.clock)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and in which role."""

    holder: str
    role: Role


def caller_of(service: Service, authorisation: str | None) -> Caller:
    """Who asks, by the header `Authorization`. Raises LinekeeperError where a key is needed and none is shown."""
    if service.keys.is_open():
        return Caller(OPEN_HOLDER, Role.ADMIN)
    scheme, _, text = (authorisation or "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise UsageError(
            "a key of the service is needed",
            code="access-key-missing",
            way_out="send `Authorization: Bearer KEY`; `linekeeper key add` makes one",
        )
    key = service.keys.key_of(text.strip())
    return Caller(key.holder, key.role)
