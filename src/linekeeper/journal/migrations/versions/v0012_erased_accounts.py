"""An id is looked for under every source, and an erased account is known again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Blob, Name, Whole

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Change the key of events, add the table, and count on from numbers that only a restriction remembers."""
    if op.get_bind().dialect.name == "sqlite":
        _key_of_events_in_sqlite()
    else:
        op.drop_constraint("events_source_id_key", "events")
        op.create_unique_constraint(None, "events", ["id", "source"])
    op.create_table("erased_accounts", sa.Column("mark", sa.Text, primary_key=True))
    numbers = "SELECT event AS n FROM pending_restrictions UNION ALL SELECT ended_event FROM pending_restrictions"
    highest = f"(SELECT coalesce(max(n), 0) FROM ({numbers}) AS numbers)"
    op.execute(f"UPDATE counters SET last = {highest} WHERE name = 'events' AND last < {highest}")


def _key_of_events_in_sqlite() -> None:
    """SQLite cannot change a constraint, so the rows move to a new table. The views go on reading `events`."""
    op.create_table(
        "new_events",
        sa.Column("seq", Whole, primary_key=True, autoincrement=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account", Name, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", Whole, nullable=False),
        sa.Column("body", Blob, nullable=False),
        sa.UniqueConstraint("id", "source"),
    )
    op.execute("INSERT INTO new_events SELECT seq, source, id, account, kind, at, body FROM events")
    op.drop_table("events")
    op.execute(
        "PRAGMA legacy_alter_table = ON"
    )  # else the renaming looks at the views, which have no `events` just now
    op.rename_table("new_events", "events")
    op.execute("PRAGMA legacy_alter_table = OFF")
    op.create_index("events_account", "events", ["account", "at", "seq"])
