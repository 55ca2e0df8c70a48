"""The files in which a database keeps its rows, to search them for bytes that must be gone."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError

TOO_WEAK = (
    "the files of LINEKEEPER_POSTGRES cannot be read: the server must run on this machine, its role be granted "
    "pg_read_all_settings, and its folder be readable to you"
)


def files_with(database: Engine, needle: bytes) -> list[str]:
    """The files that hold these bytes; without the write-ahead log of PostgreSQL, which is the server's own.

    Skips the test where a server does not let its files be read.
    """
    return [file.name for file in _files(database) if file.is_file() and needle in file.read_bytes()]


def _files(database: Engine) -> list[Path]:
    if database.dialect.name == "sqlite":
        file = Path(str(database.url.database))
        return list(file.parent.glob(f"{file.name}*"))
    with database.connect() as connection:
        connection.exec_driver_sql("CHECKPOINT")
        try:
            folder = connection.exec_driver_sql("SHOW data_directory").scalar_one()
            oid = connection.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()")
            return list(Path(folder, "base", str(oid.scalar_one())).iterdir())
        except (ProgrammingError, OSError):
            pytest.skip(TOO_WEAK)
