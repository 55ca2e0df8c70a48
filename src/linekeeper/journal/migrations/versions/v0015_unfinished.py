"""Work that takes several commits is written down before it begins, so that it is finished where it was broken off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Whole

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the tables of reviews and runs, and for each erasure whether the files were scrubbed.

    Of older erasures nobody knows that any more.
    """
    op.create_table(
        "unfinished_reviews",
        sa.Column("review", Whole, primary_key=True, autoincrement=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("brake", sa.Integer, nullable=False),
    )
    op.create_table(
        "unfinished_runs",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("content", sa.Text, primary_key=True),
        sa.Column("events", Whole, nullable=False),
    )
    op.add_column("erased_accounts", sa.Column("scrubbed", sa.Integer, nullable=False, server_default="0"))
    op.create_index("rejected_events_id", "rejected_events", ["id"])
