"""Alembic's entry: migrates on the connection that `upgrade` was given."""

from __future__ import annotations

from alembic import context

from linekeeper.journal.tables import SCHEMA

context.configure(connection=context.config.attributes["connection"], target_metadata=SCHEMA)
context.run_migrations()
