"""A borrower whose key in the log was there and is gone: no other key is made, since the lost one may come back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, exists, func, select

from linekeeper.journal import tables as t
from linekeeper.journal.log.entry import Record, RecordKind
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.keys import shown_accounts
from linekeeper.journal.store import within

WAY_OUT = "put its row of `log_keys` back from a backup of the store"


def demand_new_to_log(connection: Connection, records: Sequence[Record], accounts: Sequence[str]) -> None:
    """Raises LogError where the log has had a key of one of the accounts, for all of which these records need one."""
    wanted = set(accounts)
    events = [record for record in records if record.kind == RecordKind.EVENTS and record.account in wanted]
    arriving = {record.account: int(json.loads(record.data)["count"]) for record in events}
    lost = lost_keys(connection, accounts, arriving)
    if lost:
        raise lost_key(lost[0])


def lost_keys(connection: Connection, accounts: Sequence[str], arriving: Mapping[str, int]) -> list[str]:
    """Those of the accounts, in order, whose key in the log is gone.

    That is where some leaf has lost its key, and the account has none and is no new one: it has more events than those
    that are `arriving` in this transaction. The empty text stands for the records about no borrower.
    """
    e, k = t.events.c, t.LOG.keys.c
    keyless = set(accounts) - set(
        connection.execute(select(k.account).where(within(connection, k.account, accounts))).scalars()
    )
    query = select(e.account, func.count()).where(within(connection, e.account, sorted(keyless))).group_by(e.account)
    known = {account for account, count in connection.execute(query) if count > arriving.get(account, 0)}
    known |= keyless & {""}
    return sorted(known) if known and _some_leaf_lost_its_key(connection) else []


def lost_key(account: str) -> LogError:
    """The error that says whose key is gone."""
    return LogError(
        f"the key of {shown_accounts([account])} is gone",
        code="data-key-not-readable",
        way_out=WAY_OUT,
        details={"account": account},
    )


def leaves_of_lost_key(connection: Connection, account: str) -> list[int]:
    """The leaves that lost their key, where it can only be the account's; none where no leaf lost its key.

    Raises LogError where it may be another borrower's key that is gone.
    """
    leaves = list(connection.execute(select(_ENTRY.position).where(_LOST).order_by(_ENTRY.position)).scalars())
    keyed = select(t.LOG.keys.c.account)
    others = select(t.events.c.account).where(t.events.c.account.not_in(keyed), t.events.c.account != account)
    if leaves and connection.execute(others.limit(1)).first() is not None:
        raise lost_key(account)
    return leaves


def _some_leaf_lost_its_key(connection: Connection) -> bool:
    return connection.execute(select(_ENTRY.position).where(_LOST).limit(1)).first() is not None


_ENTRY = t.LOG.entries.c
_LOST = _ENTRY.key.is_not(None) & ~exists().where(t.LOG.keys.c.id == _ENTRY.key)
