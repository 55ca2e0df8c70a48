"""The brake's tables and the outbox of notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Blob, Name, Whole

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables; `book` fills itself when the engine next opens the store."""
    op.create_table(
        "book",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("lines", Whole, nullable=False),
        sa.Column("granted", Whole, nullable=False),
    )
    op.create_table(
        "restricted",
        sa.Column("day", Whole, primary_key=True, autoincrement=False),
        sa.Column("account", Name, primary_key=True),
        sa.Column("granted", Whole, nullable=False),
    )
    held = op.create_table(
        "held",
        sa.Column("account", Name, primary_key=True),
        sa.Column("day", Whole, primary_key=True, autoincrement=False),
        sa.Column("event", Whole, primary_key=True, autoincrement=False),
        sa.Column("record", Blob, nullable=False),
        sa.Column("ended", sa.Text),
        sa.Column("ended_event", Whole),
    )
    waiting = held.c.ended.is_(None)
    op.create_index("held_waiting", "held", ["account"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_table(
        "law",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("jurisdiction", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
    )
    op.create_table(
        "notices",
        sa.Column("account", Name, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("due_at", Whole, nullable=False),
        sa.Column("alarm_at", Whole, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("sent_at", Whole),
    )
    op.create_index("notices_pending", "notices", ["state", "due_at"])
