"""Adding records to the log, inside the caller's transaction: a decision and its leaf are durable together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Select, func, select, text

from linekeeper.journal.log.entry import Record
from linekeeper.journal.log.keys import cipher_of, master_in_use
from linekeeper.journal.log.statements import fetch_rows, insert_many, value_mark
from linekeeper.journal.log.tables import LogTables, in_names, listed
from linekeeper.journal.log.vault import Vault

DemandNew = Callable[[Sequence[str]], None]  # raises where one of these accounts is not new to the log


def append(
    connection: Connection,
    tables: LogTables,
    vault: Vault,
    records: Sequence[Record],
    demand_new: DemandNew = lambda accounts: None,
) -> int:
    """Add records in order and return the position of the first. They are in the log once the caller commits.

    Appends of several transactions queue up on one row, so each position is given exactly once. Thousands of records a
    call cost little more than their hashing. Before accounts get keys, `demand_new` may refuse it.

    >>> from sqlalchemy import MetaData, create_engine
    >>> from linekeeper.journal.log.entry import RecordKind
    >>> from linekeeper.journal.log.masters import LocalMaster
    >>> from linekeeper.journal.log.tables import define
    >>> engine, schema = create_engine("sqlite://"), MetaData()
    >>> tables = define(schema)
    >>> schema.create_all(engine)
    >>> with engine.begin() as connection:
    ...     append(connection, tables, Vault([LocalMaster(bytes(32))]), [Record(RecordKind.DECISION, "A", b"{}")] * 3)
    0
    >>> engine.dispose()
    """
    # Positions come first: whoever holds them is alone until the commit, so the keys read below cannot change any more.
    first = _reserve(connection, tables, len(records))
    if not records:
        return first
    keys = _keys(connection, tables, vault, dict.fromkeys(record.account for record in records), demand_new)
    sealed = vault.seal(records, [keys[record.account][1] for record in records])
    rows = [
        (position, entry, keys[record.account][0], box)
        for position, (record, (entry, box)) in enumerate(zip(records, sealed, strict=True), first)
    ]
    insert_many(connection, tables.entries, ("position", "entry", "key", "sealed"), rows)
    return first


def _reserve(connection: Connection, tables: LogTables, count: int) -> int:
    """Take the next `count` positions; other transactions wait here until this one ends."""
    take = f"UPDATE {tables.tail.name} SET size = size + {value_mark(connection)} WHERE id = 1 RETURNING size"
    size = connection.exec_driver_sql(take, (count,)).scalar_one_or_none()
    if size is None:
        connection.execute(text(f"INSERT INTO {tables.tail.name} (id, size) VALUES (1, 0) ON CONFLICT DO NOTHING"))
        size = connection.exec_driver_sql(take, (count,)).scalar_one()
    return int(size) - count


@lru_cache(maxsize=8)  # built once: for one event, building a query costs more than executing it
def _keys_by_names(tables: LogTables, dialect: str) -> Select[Any]:
    return select(tables.keys).where(in_names(dialect, tables.keys.c.account))


def _keys(
    connection: Connection, tables: LogTables, vault: Vault, accounts: Iterable[str], demand_new: DemandNew
) -> dict[str, tuple[int, AESGCM]]:
    """(key id, cipher) of each account. An account without a key gets one; after `_reserve` nobody else can do so.

    Raises LogError where a key does not open, or the master of the store's keys is not at hand.
    """
    keys, wanted = tables.keys, list(accounts)
    keys_by_account: dict[str, tuple[int, AESGCM]] = {}
    dialect = connection.dialect.name
    query = _keys_by_names(tables, dialect)
    for number, account, master, wrapped in fetch_rows(connection, query, names=listed(dialect, wanted)):
        keys_by_account[account] = (number, cipher_of(vault, account, master, wrapped))
    missing = [account for account in wanted if account not in keys_by_account]
    if missing:
        demand_new(missing)
        # The number of a key whose row was lost still stands at its leaves: nobody else gets it.
        highest = (select(func.max(column)).scalar_subquery() for column in (keys.c.id, tables.entries.c.key))
        last = max(number or 0 for number in connection.execute(select(*highest)).one())
        master = master_in_use(connection, tables, vault)
        made = [(number, account, vault.new_key(master)) for number, account in enumerate(missing, last + 1)]
        connection.execute(
            keys.insert(),
            [{"id": number, "account": account, "master": master, "wrapped": key} for number, account, key in made],
        )
        keys_by_account |= {account: (number, vault.cipher(master, key)) for number, account, key in made}
    return keys_by_account
