"""The store: SQLAlchemy Core over SQLite (the embedded default) or PostgreSQL.

A writing transaction takes the write lock when it begins, so two writers queue and never interleave.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple
from weakref import WeakSet
from zlib import crc32

import pyarrow as pa
from sqlalchemy import Connection, Engine, Select, bindparam, create_engine, event, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from linekeeper.core.errors import StoreError, UsageError
from linekeeper.journal import tables as t
from linekeeper.journal.database_errors import DatabaseFailure, failure_of, typed_failures
from linekeeper.journal.log.statements import fetch_rows as fetch_rows
from linekeeper.journal.log.statements import insert_many as insert_many
from linekeeper.journal.log.statements import value_mark
from linekeeper.journal.log.tables import as_bytes as as_bytes
from linekeeper.journal.log.tables import in_names as in_names
from linekeeper.journal.log.tables import listed as listed
from linekeeper.journal.log.tables import within as within
from linekeeper.journal.read_only import demand_unchanged, file_state, has_file, is_read_only, opener_for_reading
from linekeeper.journal.write_ahead_log import demand_whole_log

REVISION = "0019"  # the newest revision in `migrations`
FIRST_REVISION = "0010"  # what is older was made before any release
BUSY_SECONDS = 60
FULL = 2  # how SQLite numbers `synchronous=FULL`


Counter = Literal["events", "changes"]


class AccountRow(NamedTuple):
    """Where one account stands: state as bytes, layout, how many decisions, hash of the last, digest of its policy.

    `in_order`: how many events have come since a state was last kept; None where they did not come in order of time.
    """

    state: bytes
    layout: str
    decisions: int
    last_hash: str | None
    policy: str
    in_order: int | None = None


class Store:
    """One journal. Use `open_store`. Several threads may use one store; each has a connection of its own."""

    def __init__(self, engine: Engine, read_only: Path | None = None) -> None:
        self.engine = engine
        self.address = engine.url.render_as_string()  # without its password
        self.read_only = read_only  # the file that cannot be written to, if it is one
        self.dialect = engine.dialect.name
        self.closed = False
        self._own = threading.local()
        # A database in memory is one connection, which threads can only use in turn.
        self._turn = threading.Lock() if isinstance(engine.pool, StaticPool) else None

    @contextmanager
    def writing(self, joined: Connection | None = None) -> Iterator[Connection]:
        """One transaction that holds the write lock; all of it happens, or nothing.

        With a `joined` connection, a part of the transaction that its owner has begun there: where the part fails, it
        leaves nothing, and else the owner's commit or rollback is that of the part too. Raises UsageError where that
        connection cannot be joined, StoreError where another writer keeps the lock for too long.
        """
        self._demand_writable()
        if joined is not None:
            self._demand_open()
            self._demand_joinable(joined)
            self._lock(joined)
            self._demand_lasting(joined)
            with typed_failures(self.address), joined.begin_nested():
                yield joined
            return
        with self._alone("writing"), typed_failures(self.address), self.engine.connect() as connection:
            self._lock(connection, begin=True)
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that sees the store as it is at its first query; it holds no writer up."""
        before = None if self.read_only is None else file_state(self.read_only)
        with self._alone("reading"), typed_failures(self.address, reading=True), self.engine.connect() as connection:
            # Without one transaction, each query would see a state of its own, and a check that compares two tables
            # would find differences that never were.
            if self.dialect == "sqlite":
                _begin_sqlite(connection, "BEGIN")
            else:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield connection
        if self.read_only is not None and before is not None:
            demand_unchanged(self.read_only, before)

    @contextmanager
    def reviewing(self) -> Iterator[bool]:
        """While this holds, nobody else is told true here; false where somebody else reviews this store just now.

        It only tells a review that goes on from one that was broken off. The mark of it ends with the process, however
        that ends: a lock of the database's (PostgreSQL), or of a file beside the store's (SQLite).
        """
        self._demand_writable()
        with ExitStack() as stack:
            if self.dialect != "sqlite":
                connection = stack.enter_context(self.engine.connect().execution_options(isolation_level="AUTOCOMMIT"))
                connection.detach()  # so that it is closed at the end, and the lock with it
                yield bool(connection.exec_driver_sql("SELECT pg_try_advisory_lock(7247)").scalar_one())
                return
            # A database in memory is seen by no other process, and does not outlive this one.
            yield self._turn is not None or stack.enter_context(_locked_file(Path(f"{self._database[0]}-review")))

    def close(self) -> None:
        """Close all connections. A store that is closed is not used again."""
        self.closed = True
        self.engine.dispose()

    def _demand_writable(self) -> None:
        if self.read_only is not None:
            raise StoreError(
                f"the store `{self.address}` cannot be written to",
                code="store-read-only",
                way_out="let this user write to the file and its folder",
                place=self.address,
            )

    def _demand_open(self) -> None:
        if self.closed:
            raise UsageError("the store is closed", code="store-closed", way_out="open it again")

    @contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        """Refuse what could never end: to wait for a lock that this very thread holds."""
        self._demand_open()
        if getattr(self._own, "holds", False) and (what == "writing" or self._turn):
            raise UsageError(
                "a transaction on this store is open already",
                code="transaction-already-open",
                way_out="hand it over (`transaction=`), or end it first",
            )
        if what == "reading" and self._turn is None:
            yield
            return
        if self._turn:
            self._turn.acquire()
        self._own.holds = True
        try:
            yield
        finally:
            self._own.holds = False
            if self._turn:
                self._turn.release()

    def _lock(self, connection: Connection, begin: bool = False) -> None:
        """Take the write lock; the transaction begins with it, unless it has begun already.

        The lock comes before the first read. A transaction that read first would number its decisions after a state
        that another writer may be changing, and SQLite would refuse its late request for the lock at once. PostgreSQL
        gets one lock for the whole store: locks of single rows, taken in different orders, can deadlock.
        """
        try:
            if self.dialect != "sqlite":
                # Both databases wait for so long and no longer. A caller's own transaction keeps its own setting.
                wait = f"set_config('lock_timeout', '{int(BUSY_SECONDS * 1_000)}', true), " if begin else ""
                connection.exec_driver_sql(f"SELECT {wait}pg_advisory_xact_lock(7246)")
            elif begin:
                connection.begin()
                _begin_sqlite(connection, "BEGIN IMMEDIATE")
            else:  # an update of no row takes the lock in a transaction that somebody else began
                connection.exec_driver_sql(f"UPDATE {t.book.name} SET id = id WHERE 0")
        except (OperationalError, sqlite3.OperationalError) as error:
            raise failure_of(error, self.address) from None

    # -------------------------------------------------------------- the caller's connection

    def _demand_joinable(self, connection: Connection) -> None:
        """Raises UsageError where a transaction of this store cannot be a part of the one on that connection."""
        if not isinstance(connection, Connection):
            raise _not_joinable(
                "what was given is no connection of SQLAlchemy", "take `engine.transaction()`, or connect by SQLAlchemy"
            )
        if connection.closed or not connection.in_transaction():
            raise _not_joinable(
                "the connection is in no transaction", "begin one first, or take `engine.transaction()`"
            )
        if connection.engine is self.engine:
            return
        if connection.dialect.name != self.dialect or _database_of(connection) != self._database:
            raise _not_joinable("the connection leads to another database", "open it on the store's own")
        if self.dialect != "sqlite":
            # What a repeatable read has seen may be older than what the writer before us committed.
            level = connection.exec_driver_sql("SHOW transaction_isolation").scalar_one()
            if level != "read committed":
                raise _not_joinable(f"the transaction is one of {level}", "begin it as `READ COMMITTED`")

    def _demand_lasting(self, connection: Connection) -> None:
        """Raises UsageError where the driver commits each statement, or a commit does not survive a power cut."""
        driver: Any = connection.connection.dbapi_connection
        if not (driver.in_transaction if self.dialect == "sqlite" else not driver.autocommit):
            raise _not_joinable("the driver commits each statement by itself", "turn that off")
        if self.dialect == "sqlite" and connection.exec_driver_sql("PRAGMA synchronous").scalar_one() < FULL:
            raise _not_joinable("its commits may be lost in a power cut", "set `PRAGMA synchronous=FULL`")

    @cached_property
    def _database(self) -> tuple[str, ...]:
        with self.reading() as connection:
            return _database_of(connection)


@contextmanager
def _locked_file(path: Path) -> Iterator[bool]:
    """Whether this is the only one that holds the file, which is there for as long as somebody does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        locked = True
    except BlockingIOError:
        locked = False
    try:
        yield locked
    finally:
        if locked:
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _begin_sqlite(connection: Connection, statement: str) -> None:
    """Begin a transaction by the driver itself: a statement of SQLAlchemy's costs ten times what this one does."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute(statement)


def _not_joinable(why: str, way_out: str) -> UsageError:
    return UsageError(f"the transaction cannot be joined: {why}", code="transaction-not-usable", way_out=way_out)


def _database_of(connection: Connection) -> tuple[str, ...]:
    """What tells the database behind a connection from all others; empty in memory, which no two connections share."""
    if connection.dialect.name == "sqlite":
        files = [row[2] for row in connection.exec_driver_sql("PRAGMA database_list") if row[1] == "main"]
        return tuple(str(Path(file).resolve()) for file in files if file)
    place = "current_database(), pg_postmaster_start_time(), to_regclass('log_tail')::oid"
    return tuple(map(str, connection.exec_driver_sql(f"SELECT {place}").one()))


_COPY = "copy it with its `-wal` to a folder that can be written to, and open the copy"


def open_store(url: str, *, made: bool = False, older: bool = False) -> Store:
    """The store at that URL, made where there is none yet; a path alone means an SQLite file.

    With `made`, the store must exist already: a mistyped path is then an error and does not become an empty store.
    `older`: its schema may be one that has to be migrated (see `migrate_schema`) before the store is used.
    Raises StoreError where the store is absent, cannot be opened, or has a schema that this version cannot read.
    """
    if "://" not in url:
        url = f"sqlite:///{url}"
    engine = _engine(url)
    file = _file_of(engine)
    read_only = file if file is not None and is_read_only(file) else None
    if read_only is not None:
        engine = create_engine(engine.url, creator=opener_for_reading(read_only, BUSY_SECONDS), hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_reading if read_only else _prepare_sqlite)
    if file is not None:
        demand_whole_log(file)
    store = Store(engine, read_only)
    _OPENED.add(store)
    shown = store.address
    try:
        revision = None if made and _has_no_file(engine) else schema_revision(store)
        if made and revision is None:
            raise StoreError(
                f"there is no store `{shown}`",
                code="store-missing",
                way_out="`linekeeper run` makes one",
                place=shown,
            )
        if revision is None:
            migrate_schema(store)
        elif revision != REVISION:
            _demand_readable(shown, revision, older)
    except (SQLAlchemyError, DatabaseFailure, UnicodeDecodeError) as error:  # SQLite quotes what it cannot read
        store.close()
        failure = error if isinstance(error, DatabaseFailure) else failure_of(error, shown)
        raise StoreError(
            f"the store `{shown}` cannot be opened: {failure.cause}",
            code="store-not-opened",
            way_out=_COPY if read_only else None if failure.code == "store-failed" else failure.way_out,
            place=shown,
        ) from None
    except StoreError:
        store.close()
        raise
    return store


_OPENED: WeakSet[Store] = WeakSet()


def stores_opened() -> list[Store]:
    """The stores that this process has opened, as long as anything needs them."""
    return list(_OPENED)


def is_missing(url: str) -> bool:
    """Whether no store can be at that URL, since its SQLite file does not exist."""
    engine = _engine(url if "://" in url else f"sqlite:///{url}")
    try:
        return _has_no_file(engine)
    finally:
        engine.dispose()


def _has_no_file(engine: Engine) -> bool:
    """Whether the SQLite file does not exist. SQLite itself cannot be asked: it would create the file.

    A file that is named by a URI counts as present, since the URI may forbid its creation.
    """
    file = _file_of(engine)
    return file is not None and not has_file(file)


def _file_of(engine: Engine) -> Path | None:
    """The SQLite file; None for a database in memory or on a server, and for a URI, which says itself how it opens."""
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    return Path(file) if file and file != ":memory:" and not file.startswith("file:") else None


def _engine(url: str) -> Engine:
    way_out = "write `sqlite:///FILE` or `postgresql+psycopg://USER@HOST/NAME`"
    try:
        named = make_url(url)
        if named.get_backend_name() not in ("sqlite", "postgresql"):
            raise StoreError(
                f"the store `{named.render_as_string()}` is of a kind that is not known",
                code="store-address-not-usable",
                way_out=way_out,
                place=named.render_as_string(),
            )
        if named.get_backend_name() == "postgresql":
            # Another level that the server's settings ask for would let a writer see what was there before its lock.
            return create_engine(named, isolation_level="READ COMMITTED", hide_parameters=True)
        engine = create_engine(named, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
        if isinstance(engine.pool, SingletonThreadPool):  # in memory: each thread would get a database of its own
            of_one = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
            return create_engine(named, hide_parameters=True, **of_one)
        return engine
    except ValueError:  # its message may hold a part of the address, and that a password
        raise StoreError(
            "the address of the store is malformed", code="store-address-not-usable", way_out=way_out
        ) from None
    except (ArgumentError, ImportError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "psycopg":
            raise UsageError(
                "a PostgreSQL store needs the extra `postgres`",
                code="extra-missing",
                way_out="install it: `pip install 'linekeeper[postgres]'`",
            ) from None
        raise StoreError(
            f"the store cannot be used: {str(error).splitlines()[0]}", code="store-address-not-usable", way_out=way_out
        ) from None


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Settings of each new connection.

    Readers do not block the writer (WAL); a commit that has returned survives a power cut (FULL); what is deleted is
    overwritten where that costs no further write (FAST), and `scrub` sees to the rest. Events come in the order of time
    and are indexed by account, so a large batch touches every page of an index many times over: 64 MiB hold them all,
    where SQLite's own 2 MiB would have each page written out and read again. The write-ahead log that a large batch
    leaves is cut to 64 MiB: whoever opens the store reads all of it.
    """
    connection.isolation_level = None  # else the driver would begin transactions by itself, without the lock
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=FAST", "cache_size=-65536")
    for pragma in (*pragmas, f"journal_size_limit={64 << 20}"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_reading(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA cache_size=-65536")


def schema_revision(store: Store) -> str | None:
    """The schema's revision; None where there is no store yet.

    Raises StoreError where the store does not say it, or says several.
    """
    with store.engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        if _REVISIONS not in tables and tables.isdisjoint(t.SCHEMA.tables):
            return None
        rows = connection.execute(text(f"SELECT * FROM {_REVISIONS}")).all() if _REVISIONS in tables else []
    if len(rows) != 1:
        raise StoreError(
            f"the store `{store.address}` has {len(rows)} rows in `{_REVISIONS}`, and one says its schema",
            code="store-schema-not-known",
            way_out="restore the store from a backup, or name another",
            place=store.address,
        )
    return str(rows[0][0])


_REVISIONS = "alembic_version"  # Alembic's own table, of one row


def migrate_schema(store: Store, fill: Callable[[Connection], object] = lambda connection: None) -> None:
    """Run Alembic up to the newest revision, from whatever the store has, and then `fill`, in one transaction."""
    from linekeeper.journal.migrations import upgrade

    with store.writing() as connection:
        upgrade(connection)
        fill(connection)


def _demand_readable(url: str, revision: str, older: bool) -> None:
    """Raises StoreError where the schema is not one that this program uses; with `older`, that it can migrate."""
    if not (revision.isascii() and revision.isdigit() and len(revision) == len(REVISION)):
        raise StoreError(
            f"the store `{url}` has the schema `{revision[:40]}`, which no Linekeeper has made",
            code="store-schema-not-known",
            way_out="restore the store from a backup, or name another",
            place=url,
            details={"schema": revision},
        )
    if revision > REVISION:
        raise StoreError(
            f"the store `{url}` was written by a newer Linekeeper (schema {revision})",
            code="store-newer",
            way_out="update this one",
            place=url,
            details={"schema": revision},
        )
    if revision < FIRST_REVISION:
        raise StoreError(
            f"the store `{url}` was made before the first release (schema {revision}) and cannot be read any more",
            code="store-too-old",
            way_out="build a new one from the same event files: `linekeeper run POLICY EVENTS --store NEW`",
            place=url,
            details={"schema": revision},
        )
    if not older:
        raise StoreError(
            f"the store `{url}` was written by an earlier Linekeeper (schema {revision})",
            code="store-upgrade-due",
            way_out=f"bring it up to date with `linekeeper store upgrade --store {url}`",
            place=url,
            details={"schema": revision},
        )


# ------------------------------------------------------------------ rows


def take_numbers(connection: Connection, counter: Counter, count: int) -> int:
    """So many numbers that were never given before, and never will be again; the first of them."""
    mark = value_mark(connection)
    sql = f"INSERT INTO counters (name, last) VALUES ({mark}, {mark}) ON CONFLICT (name) DO UPDATE "
    sql += "SET last = counters.last + excluded.last RETURNING last"
    return int(connection.exec_driver_sql(sql, (counter, count)).scalar_one()) - count + 1


def last_number(connection: Connection, counter: Counter) -> int:
    """The highest number given so far; 0 where there is none."""
    return int(connection.execute(_LAST_NUMBER, {"counter": counter}).scalar_one_or_none() or 0)


_LAST_NUMBER = select(t.counters.c.last).where(t.counters.c.name == bindparam("counter"))


def load_accounts(connection: Connection, names: Sequence[str]) -> dict[str, AccountRow]:
    """The accounts of those names that the store has."""
    dialect = connection.dialect.name
    rows = fetch_rows(connection, _accounts_named(dialect), names=listed(dialect, names))
    return {name: AccountRow(unpacked(state), *rest) for name, state, *rest in rows}


@cache
def _accounts_named(dialect: str) -> Select[Any]:
    a = t.accounts.c
    query = select(a.account, a.state, a.layout, a.decisions, a.last_hash, a.policy, a.in_order)
    return query.where(in_names(dialect, a.account))


def states_under(connection: Connection, policy: str) -> Iterator[bytes]:
    """The states of all accounts under the version of that digest."""
    a = t.accounts.c
    query = select(a.state).where(a.policy == policy).execution_options(yield_per=10_000)
    return map(unpacked, connection.execute(query).scalars())


ACCOUNT_COLUMNS = ("account", "layout", "state", "next_review", "decisions", "last_hash", "policy", "in_order")
_KEEP_NEWEST = "ON CONFLICT (account) DO UPDATE SET " + ", ".join(f"{n} = excluded.{n}" for n in ACCOUNT_COLUMNS[1:])


def save_accounts(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write account rows (see ACCOUNT_COLUMNS), new or known."""
    kept = [(account, layout, packed(state), *rest) for account, layout, state, *rest in rows]
    insert_many(connection, t.accounts, ACCOUNT_COLUMNS, kept, tail=_KEEP_NEWEST)


def packed(state: bytes) -> bytes:
    """A state as it is stored: CRC-32 of the rest, its length, LZ4. Most of it is empty tiles, so a twentieth remains.

    >>> unpacked(packed(bytes(800))) == bytes(800), len(packed(bytes(800))) < 80, unpacked(b"anything else")
    (True, True, b'')
    """
    rest = len(state).to_bytes(4, "little") + bytes(_codec().compress(state, asbytes=True))
    return crc32(rest).to_bytes(4, "little") + rest


def unpacked(data: bytes | str) -> bytes:
    """The state again; empty bytes where the data is no packed state."""
    # Damaged data must not decide anything: the caller sees a state of the wrong length and refuses to go on.
    raw = as_bytes(data)
    if len(raw) < 8 or crc32(raw[4:]) != int.from_bytes(raw[:4], "little"):
        return b""
    return bytes(_codec().decompress(raw[8:], int.from_bytes(raw[4:8], "little"), asbytes=True))


@lru_cache(maxsize=1)
def _codec() -> Any:

    return pa.Codec("lz4")


DECISION_COLUMNS = ("seq", "account", "number", "at", "action", "record", "hash")


def decision_records(
    connection: Connection, *, first: str | None = None, last: str | None = None
) -> Iterator[tuple[str, int, bytes, str]]:
    """(account, number, record, hash) of the decisions of accounts from `first` to `last`, in canonical order."""
    d = t.decisions.c
    query = select(d.account, d.number, d.record, d.hash).order_by(d.account, d.number)
    if first is not None:
        query = query.where(d.account >= first)
    if last is not None:
        query = query.where(d.account <= last)
    for row in connection.execution_options(yield_per=10_000).execute(query):
        yield row[0], row[1], as_bytes(row[2]), row[3]
