"""Accounts are tied by what they share, and read what those publish that they are tied to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Name, Whole

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the tables. No account that is there shares anything."""
    op.create_table(
        "linked_accounts",
        sa.Column("account", Name, primary_key=True),
        sa.Column("given_until", Whole, nullable=False),
        sa.Column("next_day", Whole, nullable=False),
        sa.Column("fixed_until", Whole, nullable=False),
    )
    op.create_index("linked_accounts_next_day", "linked_accounts", ["next_day"])
    op.create_table(
        "link_things",
        sa.Column("account", Name, primary_key=True),
        sa.Column("tie", Name, primary_key=True),
        sa.Column("thing", Name, primary_key=True),
    )
    op.create_index("link_things_thing", "link_things", ["thing"])
