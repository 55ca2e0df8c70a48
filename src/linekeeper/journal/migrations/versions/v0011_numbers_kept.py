"""The last numbers that were given are kept, ids are looked for under every source, erased accounts are known again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Blob, Name, Whole

revision = "0011"
down_revision = "0010"

# Where the number of an event stands besides its own row, which an erasure before this step may have taken away.
_NUMBERS_OF_EVENTS = (
    ("events", "seq"),
    ("reviews", "after_event"),
    ("version_migrations", "after_event"),
    ("pending_restrictions", "event"),
    ("pending_restrictions", "ended_event"),
)


def upgrade() -> None:
    """Change the key of events, and add the two tables."""
    _key_of_events()
    last_numbers = op.create_table(
        "last_numbers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("last", Whole, nullable=False),
    )
    given = [_highest(table, column) for table, column in _NUMBERS_OF_EVENTS]
    rows = [{"name": "events", "last": max(given)}, {"name": "decisions", "last": _highest("decisions", "seq")}]
    op.bulk_insert(last_numbers, rows)
    op.create_table("erased_accounts", sa.Column("mark", sa.Text, primary_key=True))


def _highest(table: str, column: str) -> int:
    return int(
        op.get_bind().execute(sa.select(sa.func.max(sa.column(column))).select_from(sa.table(table))).scalar() or 0
    )


def _key_of_events() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("events_source_id_key", "events")
        op.create_unique_constraint(None, "events", ["id", "source"])
        return
    # SQLite cannot change a constraint: the rows move to a new table.
    op.drop_index("events_account")
    op.rename_table("events", "events_before")
    op.create_table(
        "events",
        sa.Column("seq", Whole, primary_key=True, autoincrement=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account", Name, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", Whole, nullable=False),
        sa.Column("body", Blob, nullable=False),
        sa.UniqueConstraint("id", "source"),
    )
    op.execute("INSERT INTO events SELECT seq, source, id, account, kind, at, body FROM events_before")
    op.drop_table("events_before")
    op.create_index("events_account", "events", ["account", "at", "seq"])
