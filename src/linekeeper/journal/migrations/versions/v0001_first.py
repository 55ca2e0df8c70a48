"""The first schema: policies, events, accounts, decisions, reviews, and the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Blob, Name, Whole

revision = "0001"
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
        "set_aside",
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
    _log()


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
