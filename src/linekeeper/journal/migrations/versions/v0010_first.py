"""The first schema. Stores with a revision below it were made before any release and are refused (see `store`)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Blob, Name, Whole

revision = "0010"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "policies",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("card", Blob),
        sa.Column("kernel", sa.Text, nullable=False),
        sa.Column("signed_by", sa.Text),
        sa.Column("edition", sa.Integer, nullable=False),
        sa.Column("record_format", sa.Integer, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("seq", Whole, primary_key=True, autoincrement=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account", Name, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", Whole, nullable=False),
        sa.Column("body", Blob, nullable=False),
        sa.UniqueConstraint("source", "id"),
    )
    op.create_index("events_account", "events", ["account", "at", "seq"])
    op.create_table(
        "rejected_events",
        sa.Column("seq", Whole, primary_key=True, autoincrement=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account", Name, nullable=False),
        sa.Column("body", Blob, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "accounts",
        sa.Column("account", Name, primary_key=True),
        sa.Column("layout", sa.Text, nullable=False),
        sa.Column("state", Blob, nullable=False),
        sa.Column("next_review", Whole, nullable=False),
        sa.Column("decisions", sa.Integer, nullable=False),
        sa.Column("last_hash", sa.Text),
        sa.Column("policy", sa.Text, nullable=False),
    )
    op.create_index("accounts_next_review", "accounts", ["next_review"])
    op.create_table(
        "decisions",
        sa.Column("seq", Whole, primary_key=True, autoincrement=False),
        sa.Column("account", Name, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", Whole, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("record", Blob, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.UniqueConstraint("account", "number"),
    )
    op.create_table(
        "reviews",
        sa.Column("seq", Whole, primary_key=True, autoincrement=True),
        sa.Column("after_event", Whole, nullable=False),
        sa.Column("until_day", Whole, nullable=False),
    )
    _versions_and_brake()
    _outbox()
    _log()


def _versions_and_brake() -> None:
    op.create_table(
        "version_migrations",
        sa.Column("account", Name, primary_key=True),
        sa.Column("day", Whole, primary_key=True, autoincrement=False),
        sa.Column("after_event", Whole, nullable=False),
        sa.Column("was", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
    )
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
    pending = op.create_table(
        "pending_restrictions",
        sa.Column("account", Name, primary_key=True),
        sa.Column("day", Whole, primary_key=True, autoincrement=False),
        sa.Column("event", Whole, primary_key=True, autoincrement=False),
        sa.Column("record", Blob, nullable=False),
        sa.Column("ended", sa.Text),
        sa.Column("ended_event", Whole),
    )
    waiting = pending.c.ended.is_(None)
    op.create_index(
        "pending_restrictions_waiting",
        "pending_restrictions",
        ["account"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def _outbox() -> None:
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


def _log() -> None:
    op.create_table(
        "log_entries",
        sa.Column("position", Whole, primary_key=True, autoincrement=False),
        sa.Column("entry", Blob, nullable=False),
        sa.Column("key", Whole),
        sa.Column("sealed", Blob),
    )
    op.create_index("log_entries_key", "log_entries", ["key"])
    op.create_table(
        "log_keys",
        sa.Column("id", Whole, primary_key=True, autoincrement=False),
        sa.Column("account", sa.Text, nullable=False, unique=True),
        sa.Column("master", sa.Text, nullable=False),
        sa.Column("wrapped", Blob, nullable=False),
    )
    op.create_table(
        "log_tail",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("size", Whole, nullable=False),
    )
    op.create_table(
        "log_heads",
        sa.Column("size", Whole, primary_key=True, autoincrement=False),
        sa.Column("root", Blob, nullable=False),
        sa.Column("checkpoint", Blob, nullable=False),
    )
