"""States of long lives are kept, so that a late fact costs what comes after it alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Blob, Name, Whole

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the table. Of the accounts that are there nobody knows whether their events came in order."""
    op.add_column("accounts", sa.Column("in_order", sa.Integer))
    reversals = sa.text("kind = 'reversal'")
    op.create_index("events_reversals", "events", ["account"], sqlite_where=reversals, postgresql_where=reversals)
    op.create_table(
        "kept_states",
        sa.Column("account", Name, primary_key=True),
        sa.Column("at", Whole, primary_key=True, autoincrement=False),
        sa.Column("event", Whole, primary_key=True, autoincrement=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("layout", sa.Text, nullable=False),
        sa.Column("state", Blob, nullable=False),
    )
