"""Accounts of one customer read what the others publish."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from linekeeper.journal.log.tables import Name, Whole

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the table. No account that is there names a customer."""
    op.create_table(
        "customer_accounts",
        sa.Column("account", Name, primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("given_until", Whole, nullable=False),
        sa.Column("next_day", Whole, nullable=False),
        sa.Column("fixed_until", Whole, nullable=False),
    )
    op.create_index("customer_accounts_customer", "customer_accounts", ["customer"])
    op.create_index("customer_accounts_next_day", "customer_accounts", ["next_day"])
