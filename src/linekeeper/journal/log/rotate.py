"""Rotation of the master key: every data key is wrapped anew, in one transaction; the records stay as they are."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from linekeeper.journal.log.append import append
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.keys import pages_of_keys
from linekeeper.journal.log.tables import LogTables
from linekeeper.journal.log.vault import Vault


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many keys are under the new master now, and whose do not open and stay as they were."""

    keys: int
    unreadable: tuple[str, ...]


def rotate(connection: Connection, tables: LogTables, vault: Vault) -> Rotated:
    """Wrap every data key by the vault's first master; the caller commits all of it, or nothing.

    The vault must hold the former master too. Once this is committed, a writer whose vault is older finds the new
    master in the rows that it reads, and nothing of the store hangs on the former one but keys that do not open. When
    that one is destroyed, the keys in every old backup are useless, those of erased borrowers among them.
    """
    append(connection, tables, vault, [])  # takes the log's lock: no key is made meanwhile
    keys, new = tables.keys, vault.master.name
    wrap = update(keys).where(keys.c.id == bindparam("which")).values(master=new, wrapped=bindparam("again"))
    done, unreadable = 0, []
    for page in pages_of_keys(connection, tables, select(keys).where(keys.c.master != new)):
        rows = []
        for row in page:
            try:
                rows.append({"which": row.id, "again": vault.rewrap(row.master, row.wrapped)})
            except LogError:
                unreadable.append(row.account)
        if rows:
            connection.execute(wrap, rows)
        done += len(rows)
    return Rotated(done, tuple(unreadable))
