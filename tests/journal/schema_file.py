"""The schema that the migrations make. `python -m tests.journal.schema_file` writes the file that `verify` reads."""

from __future__ import annotations

from contextlib import closing

from linekeeper.journal.schema_objects import schema_statements
from linekeeper.journal.store import open_store
from tests.style.repository import ROOT

FILE = ROOT / "src" / "linekeeper" / "journal" / "schema.sqlite.sql"


def made_schema() -> str:
    """The schema of a new store."""
    with closing(open_store("sqlite://")) as store, store.reading() as connection:
        return schema_statements(connection)


if __name__ == "__main__":
    FILE.write_text(made_schema(), encoding="utf-8")
