"""Keys of the service: made once and shown once, known again by a hash, of one role, until a day.

A secret is 32 random bytes, so a plain SHA-256 of it gives nothing away: there is no list of likely secrets to try, as
there is of passwords, and what is slow on purpose would only slow each request.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import rfc8785
from sqlalchemy import Connection, Row, func, select

from linekeeper.core.bounds import DAY_MS, TEXT_MAX
from linekeeper.core.characters import fits_name
from linekeeper.core.errors import NotFound, Refused, UsageError
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, demand_keys
from linekeeper.journal.log.entry import Record, RecordKind
from linekeeper.journal.store import Store, insert_many
from linekeeper.service.roles import Role

VALID_DAYS_MAX = 3_650
_WRITTEN = re.compile(r"lk_(?P<id>[0-9a-f]{16})_(?P<secret>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Who may use the service: the `holder`, a name that rulings show. UTC ms; None for never."""

    id: str
    holder: str
    role: Role
    made_at: int
    expires_at: int | None
    revoked_at: int | None

    def state_at(self, now: int) -> str:
        """Whether it can be used at `now` (UTC ms): `valid`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"


def add_key(
    store: Store, holder: str, role: Role, now: int, days: int | None, keeper: Keeper | None = None
) -> tuple[AccessKey, str]:
    """Make a key, which expires after so many days; the key, and the text that is shown this once.

    With a `keeper` it stands in the log: who could do what, and since when. Raises UsageError where the name of the
    holder or the number of days cannot be used, or where the store keeps a log and there is no keeper.
    """
    if not holder.strip() or len(holder) > TEXT_MAX or not fits_name(holder):
        raise UsageError(
            "the name of a key's holder is empty, too long, or has an invisible character in it",
            code="key-holder-not-usable",
            way_out=f"write at most {TEXT_MAX} characters that can be seen",
        )
    if days is not None and not 1 <= days <= VALID_DAYS_MAX:
        raise UsageError(
            f"a key cannot be valid for {days} days",
            code="argument-not-usable",
            way_out=f"write from 1 to {VALID_DAYS_MAX:,} days",
        )
    key = AccessKey(secrets.token_hex(8), holder, role, now, None if days is None else now + days * DAY_MS, None)
    secret = secrets.token_hex(32)
    columns = ("id", "secret", "holder", "role", "made_at", "expires_at", "revoked_at")
    row = (key.id, _digest(secret), holder, role.value, now, key.expires_at, None)
    with store.writing() as connection:
        insert_many(connection, t.access_keys, columns, [row])
        _seal(connection, keeper, {"kind": "access key", **dict(zip(columns[:-1], row, strict=False))})
    return key, f"lk_{key.id}_{secret}"


def list_keys(connection: Connection) -> list[AccessKey]:
    """All keys, the oldest first."""
    k = t.access_keys.c
    rows = connection.execute(select(t.access_keys).order_by(k.made_at, k.id))
    return [_key_of(row) for row in rows]


def revoke_key(store: Store, id: str, now: int, keeper: Keeper | None = None) -> AccessKey:
    """End a key for good; the first time stands. Raises NotFound where there is none of that id."""
    k = t.access_keys
    with store.writing() as connection:
        ended = k.update().where(k.c.id == id, k.c.revoked_at.is_(None)).values(revoked_at=now)
        if connection.execute(ended).rowcount:
            _seal(connection, keeper, {"kind": "access key revoked", "id": id, "revoked_at": now})
        row = connection.execute(select(k).where(k.c.id == id)).first()
    if row is None:
        raise NotFound(
            f"there is no key `{id[:40]}`",
            code="access-key-not-known",
            way_out="see `linekeeper key list`",
            details={"key": id[:40]},
        )
    return _key_of(row)


def _seal(connection: Connection, keeper: Keeper | None, content: dict[str, str | int | None]) -> None:
    """Put what was done with a key into the log, where the store keeps one."""
    demand_keys(connection, keeper)
    if keeper:
        keeper.demand_log_of(connection)
        keeper.seal(connection, [Record(RecordKind.ACCESS, "", rfc8785.dumps(content))])


def has_keys(connection: Connection) -> bool:
    """Whether any key was ever made for this store."""
    return bool(connection.execute(select(func.count()).select_from(t.access_keys)).scalar_one())


def key_of_text(connection: Connection, text: str, now: int) -> AccessKey:
    """The key that a caller shows. Raises Refused where it is none, has expired or was revoked; it says not which."""
    written = _WRITTEN.fullmatch(text)
    row = None
    if written:
        row = connection.execute(select(t.access_keys).where(t.access_keys.c.id == written["id"])).first()
    same = hmac.compare_digest(_digest(written["secret"] if written else ""), row.secret if row else _digest("none"))
    if row is None or not same or _key_of(row).state_at(now) != "valid":
        raise Refused(
            "the key is not valid",
            code="access-key-not-valid",
            way_out="ask for a new one: `linekeeper key add`",
        )
    return _key_of(row)


def _key_of(row: Row[Any]) -> AccessKey:
    return AccessKey(row.id, row.holder, Role(row.role), row.made_at, row.expires_at, row.revoked_at)


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
