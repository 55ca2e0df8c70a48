"""The data keys of a log: one for each borrower, and all of one store wrapped by one master until it is rotated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Row, Select, select

from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.tables import LogTables, within
from linekeeper.journal.log.vault import Vault

_ROWS = 5_000
SHOWN_MAX = 5
_TRIED = 100  # damage is rare: where so many keys do not open, the master is not at hand


def shown_accounts(accounts: Sequence[str]) -> str:
    """Whose keys or records these are, in a sentence.

    >>> shown_accounts(["A-1", ""]), shown_accounts(["1", "2", "3", "4", "5", "6"])
    ('`A-1`, records about no borrower', '`1`, `2`, `3`, `4`, `5` and 1 more')
    """
    shown = ", ".join(f"`{account}`" if account else "records about no borrower" for account in accounts[:SHOWN_MAX])
    return shown + (f" and {len(accounts) - SHOWN_MAX} more" if len(accounts) > SHOWN_MAX else "")


def cipher_of(vault: Vault, account: str, master: str, wrapped: bytes) -> AESGCM:
    """The cipher of an account's key. Raises LogError, which names the borrower, where the key does not open."""
    try:
        return vault.cipher(master, wrapped)
    except LogError as error:
        raise _closed_key(account, error) from None


def _closed_key(account: str, error: LogError) -> LogError:
    """The error that says whose key does not open, and why."""
    return LogError(
        f"the key of {shown_accounts([account])} does not open: {error.message}",
        code="data-key-not-readable",
        way_out=error.way_out or "put its row of `log_keys` back from a backup of the store",
        details=error.details | {"account": account},
    )


def master_in_use(connection: Connection, tables: LogTables, vault: Vault) -> str:
    """The name of the master that wraps the keys of this store; that of the vault's first one while there are none.

    A vault may be older than the last rotation, and a store older than the newest master. So the keys that there are
    say which master wraps the next one, and a rotation never finds a key that it has not seen. Keys that do not open
    are passed over: a rotation leaves them under the former master. Raises LogError where none opens.
    """
    refused = None
    for row in connection.execute(select(tables.keys).order_by(tables.keys.c.id).limit(_TRIED)):
        try:
            cipher_of(vault, row.account, row.master, row.wrapped)
        except LogError as error:
            refused = refused or error
        else:
            return str(row.master)
    if refused:
        raise refused
    return vault.master.name


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """How many keys each master wraps, by its name; and whose keys do not open, with the error of each."""

    by_master: dict[str, int]
    unreadable: dict[str, LogError]

    @property
    def keys(self) -> int:
        """How many keys there are."""
        return sum(self.by_master.values())


def count_keys(connection: Connection, tables: LogTables, vault: Vault) -> KeyCounts:
    """Count the keys by their masters, and open each of them."""
    by_master: dict[str, int] = {}
    unreadable: dict[str, LogError] = {}
    for page in pages_of_keys(connection, tables, select(tables.keys)):
        for row in page:
            by_master[row.master] = by_master.get(row.master, 0) + 1
            try:
                vault.demand_opens(row.master, row.wrapped)
            except LogError as error:
                unreadable[row.account] = _closed_key(row.account, error)
    return KeyCounts(by_master, unreadable)


def unreadable_keys(
    connection: Connection, tables: LogTables, vault: Vault, accounts: Sequence[str]
) -> Iterator[tuple[str, LogError]]:
    """Those of the accounts whose keys do not open, and the error of each."""
    for row in connection.execute(select(tables.keys).where(within(connection, tables.keys.c.account, accounts))):
        try:
            cipher_of(vault, row.account, row.master, row.wrapped)
        except LogError as error:
            yield row.account, error


def pages_of_keys(connection: Connection, tables: LogTables, query: Select[Any]) -> Iterator[list[Row[Any]]]:
    """The rows of a query on the keys, in order, some thousand at a time: rows that are read may be changed."""
    number, last = tables.keys.c.id, 0
    while page := list(connection.execute(query.where(number > last).order_by(number).limit(_ROWS))):
        yield page
        last = page[-1].id
