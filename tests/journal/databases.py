"""Empty databases to test on: an SQLite file, or a PostgreSQL database of its own that is dropped afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, NotSupportedError
from sqlalchemy.pool import NullPool

DROP_TRIES = 20
KINDS = ("sqlite", "postgres")


def sqlite_url(folder: Path) -> str:
    """A file that is not there yet."""
    return f"sqlite:///{folder / 'store.db'}"


@contextmanager
def postgres_database(server_url: str) -> Iterator[str]:
    """The URL of a new database on that server, in English order of letters where the server has it.

    Nothing may depend on that order; a server that is built without ICU cannot show it.
    """
    name = f"linekeeper_{uuid4().hex[:12]}"
    server = create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    create = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' "
    with server.connect() as connection:
        try:
            connection.exec_driver_sql(f"{create} LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
        except NotSupportedError:
            connection.exec_driver_sql(f"{create} LOCALE 'C'")
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        drop_database(server, name)


def drop_database(server: Engine, name: str) -> None:
    """Drop a database; again, where the server's own vacuum worker is in it just then and may not be put out."""
    for left in reversed(range(DROP_TRIES)):
        try:
            with server.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            return
        except DBAPIError:
            if not left:
                raise
            time.sleep(1)
