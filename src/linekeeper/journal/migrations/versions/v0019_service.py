"""Who may use the service, and which requests it has answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Whole

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the two tables."""
    op.create_table(
        "access_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("made_at", Whole, nullable=False),
        sa.Column("expires_at", Whole),
        sa.Column("revoked_at", Whole),
    )
    op.create_table(
        "answered_requests",
        sa.Column("holder", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("first_seq", Whole, nullable=False),
        sa.Column("last_seq", Whole, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.Column("at", Whole, nullable=False),
    )
    op.create_index("answered_requests_at", "answered_requests", ["at"])
