"""Erasure: a borrower's events, state and decisions go, and the key that opened the log's records of them."""

from __future__ import annotations

from linekeeper.core.errors import LinekeeperError
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper
from linekeeper.journal.log.erase import Erasure, erase, scrub
from linekeeper.journal.store import Store, load_accounts

# Every table that holds what is known of one account.
ABOUT_AN_ACCOUNT = tuple(table for table in t.SCHEMA.sorted_tables if "account" in table.c and table is not t.LOG.keys)


def forget(store: Store, keeper: Keeper, account: str, at: int) -> Erasure:
    """Erase the account, log it (`at` in UTC ms), and leave nothing of it in the database's files.

    Raises LinekeeperError where the account is not known.
    """
    with store.writing() as connection:
        if not load_accounts(connection, [account]):
            raise LinekeeperError(f"the account `{account}` is not known; nothing was erased")
        done = erase(connection, t.LOG, keeper.vault, account, at)
        for table in ABOUT_AN_ACCOUNT:
            connection.execute(table.delete().where(table.c.account == account))
        connection.execute(t.book.delete())  # counted anew when it is next needed
    scrub(store.engine, t.LOG)
    return done
