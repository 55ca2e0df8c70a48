"""What a shell completes: stores, accounts, versions, words of a choice. It asks the store little, and never fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ACCOUNTS_OFFERED = 50
STORE_SUFFIXES = (".db", ".sqlite", ".sqlite3")


def complete_store(incomplete: str) -> list[str]:
    """Files that look like SQLite stores, and folders on the way to them."""
    named = Path(incomplete)
    folder = named if incomplete.endswith("/") else named.parent
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []
    shown = [f"{entry}/" if entry.is_dir() else str(entry) for entry in entries if _is_offered(entry)]
    return [text for text in shown if text.startswith(incomplete)]


def _is_offered(entry: Path) -> bool:
    return not entry.name.startswith(".") and (entry.is_dir() or entry.suffix in STORE_SUFFIXES)


def complete_lang(incomplete: str) -> list[str]:
    """The languages."""
    return _beginning(["en", "zh"], incomplete)


def complete_status(incomplete: str) -> list[str]:
    """The statuses of a line."""
    from linekeeper.core.line import Status

    return _beginning([status.name.lower() for status in Status], incomplete)


def complete_action(incomplete: str) -> list[str]:
    """The actions of a decision."""
    from linekeeper.core.line import Action

    return _beginning([action.name.lower() for action in Action], incomplete)


def complete_account(ctx: Any, incomplete: str) -> list[str]:
    """The first accounts whose names begin so, in the store of the command line."""
    from sqlalchemy import select

    from linekeeper.cli.settings import store_to_read
    from linekeeper.core.errors import LinekeeperError
    from linekeeper.journal import tables as t
    from linekeeper.journal.store import open_store

    a = t.accounts.c
    # The names that begin so are those from `incomplete` on and before its successor: one range of the index.
    query = select(a.account).where(a.account >= incomplete).order_by(a.account).limit(ACCOUNTS_OFFERED)
    try:
        with open_store(ctx.params.get("store") or store_to_read(), made=True).reading() as connection:
            return _beginning(list(connection.execute(query).scalars()), incomplete)
    except LinekeeperError:
        return []  # a shell has no place to show an error


def _beginning(words: list[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
