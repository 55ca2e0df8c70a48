"""Which version of the policy an account is under, when it migrated to it, and who signed the version off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Name, Whole

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Until now a store had one policy."""
    op.add_column("accounts", sa.Column("policy", sa.Text, nullable=False, server_default=sa.text("''")))
    # Another layout than any kernel has: the states, which are packed from now on, are made anew.
    op.execute("UPDATE accounts SET policy = (SELECT digest FROM policies), layout = ''")
    op.add_column("policies", sa.Column("signed_by", sa.Text))
    op.create_table(
        "moves",
        sa.Column("account", Name, primary_key=True),
        sa.Column("day", Whole, primary_key=True, autoincrement=False),
        sa.Column("after_event", Whole, nullable=False),
        sa.Column("was", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
    )
