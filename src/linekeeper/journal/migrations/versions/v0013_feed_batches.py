"""Batches of sources that have a contract, and what persons ruled on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Whole

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the two tables."""
    op.create_table(
        "feed_batches",
        sa.Column("seq", Whole, primary_key=True, autoincrement=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.Column("broken", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("arrived_at", Whole, nullable=False),
        sa.UniqueConstraint("source", "content"),
    )
    op.create_table(
        "batch_rulings",
        sa.Column("seq", Whole, primary_key=True, autoincrement=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("ruling", sa.Text, nullable=False),
        sa.Column("by_whom", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", Whole, nullable=False),
    )
