"""The keeper of one store's log: it holds the keys and the public folder, seals records, publishes, makes receipts.

Two folders. The key folder is private (best on another disk than the store): `signer.key`, `signer.head`,
`master.key`, `log.json`. The public folder holds checkpoint and tiles; any static web server can serve it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Table, select

from linekeeper.core.bounded import SETTINGS_BYTES_MAX, read_bounded
from linekeeper.core.errors import NotFound, UsageError
from linekeeper.journal import tables as t
from linekeeper.journal.database_errors import typed_failures
from linekeeper.journal.log import durable
from linekeeper.journal.log.append import append
from linekeeper.journal.log.entry import Opened, Record, RecordKind
from linekeeper.journal.log.erase import Erasure, erase, note_erasure, rotate, scrub
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.key_files import demand_own
from linekeeper.journal.log.masters import load_master, new_master
from linekeeper.journal.log.publish import Cosign, Published, publish, published
from linekeeper.journal.log.read import opened, positions_of
from linekeeper.journal.log.receipt import make_receipt
from linekeeper.journal.log.signer import Signer, load_key, new_key
from linekeeper.journal.log.tables import size_of
from linekeeper.journal.log.vault import Vault
from linekeeper.journal.store import Store, insert_many, within

SETTINGS = "log.json"
_Path = Annotated[str, msgspec.Meta(min_length=1, max_length=4_096)]
# A correction is numbered among the decisions, so the n-th of these leaves is the account's decision n.
DECISIONS = (RecordKind.DECISION, RecordKind.CORRECTION)


@dataclass(frozen=True)
class Keeper:
    """A log that is open for writing: `folder` is public, `signer` and `vault` hold the keys."""

    folder: Path
    signer: Signer
    vault: Vault

    def seal(self, connection: Connection, records: Sequence[Record]) -> None:
        """Add records to the log, in the caller's transaction."""
        if records:  # an empty append would take the lock of the log's tail all the same
            append(connection, t.LOG, self.vault, records)

    def records_of(self, connection: Connection, kind: RecordKind, account: str) -> set[bytes]:
        """The records of that kind that the log holds of an account."""
        records = opened(connection, t.LOG, self.vault, positions_of(connection, t.LOG, account, (kind,)))
        return {record.data for _, record in records if record is not None}

    def demand_log_of(self, connection: Connection) -> None:
        """Raises LogError where the store's log is not the one that these keys are of.

        One data key shows it: all are wrapped under the masters of one log.
        """
        master = connection.execute(select(t.LOG.keys.c.master).limit(1)).scalar()
        if master is not None and not self.vault.has_master(master):
            raise LogError(
                "the keys are not those of the store's log",
                code="keys-of-another-log",
                way_out="name the folder of its own keys",
                place=str(self.signer.head.parent),
                details={"master": master},
            )

    def publish(self, store: Store, cosign: Cosign | None = None, *, whole: bool = True) -> Published:
        """Publish every committed leaf under a newly signed checkpoint, cosigned by witnesses where asked.

        The store is compared with what is published before; `whole=False`: by the last published leaf alone.
        """
        with store.reading() as connection:
            self.demand_log_of(connection)
        with typed_failures(store.address):
            return publish(store.engine, t.LOG, self.folder, self.signer, cosign, whole=whole)

    def head(self) -> Published:
        """What is published. Raises LogError before the first publication."""
        head = published(self.folder, self.signer.verifier)
        if head is None:
            raise LogError(
                f"nothing is published in `{self.folder}` yet",
                code="nothing-published",
                way_out="run `linekeeper log publish`",
                place=str(self.folder),
            )
        return head

    def receipt(self, store: Store, account: str, number: int) -> bytes:
        """The receipt of an account's decision, counted from 1. Raises LogError where there is none (yet)."""
        with store.reading() as connection:
            leaves = decision_leaves(connection, self.vault, account)
        if not 1 <= number <= len(leaves):
            raise LogError(
                f"the log has no decision {number} of `{account}`; it has {len(leaves)}",
                code="decision-not-in-log",
                details={"account": account, "number": number},
            )
        position, record = leaves[number - 1]
        return make_receipt(self.head(), position, record)


def decision_leaves(connection: Connection, vault: Vault, account: str) -> list[tuple[int, Opened]]:
    """(position, record) of an account's decisions, in order."""
    positions = positions_of(connection, t.LOG, account, DECISIONS)
    records = opened(connection, t.LOG, vault, positions)
    return [(position, record) for position, record in records if record is not None]


def keeps_log(connection: Connection) -> bool:
    """Whether decisions of this store are in a log."""
    return size_of(connection, t.LOG) > 0


def keys_needed() -> UsageError:
    """What is said where the store keeps a log, and nobody gave the keys to write to it."""
    return UsageError(
        "the store keeps a log",
        code="log-keys-needed",
        way_out="name the folder of its keys: `--keys` or LINEKEEPER_KEYS",
    )


def new_keeper(keys: Path, folder: Path, name: str) -> Keeper:
    """Make a log: keys that only their owner can read, and an empty public folder. Raises LogError where one is."""
    settings = keys / SETTINGS
    if settings.exists():
        raise LogError(
            f"`{keys}` already holds the keys of a log",
            code="keys-already-there",
            way_out="name another folder",
            place=str(keys),
        )
    for made in (keys, folder):
        made.mkdir(parents=True, exist_ok=True)
    keys.chmod(0o700)
    key = new_key(keys / "signer.key", name)
    new_master(keys / "master.key")
    durable.write(folder / "log.vkey", f"{key.verifier.vkey}\n".encode())
    durable.write(settings, LogSettings(str(folder.resolve()), ["file:master.key"]).written, mode=0o600)
    return open_keeper(keys)


def open_keeper(keys: Path) -> Keeper:
    """The log whose keys lie in that folder. Raises LogError where it holds no keys, or others may write there."""
    settings = keys / SETTINGS
    if not settings.exists():
        raise LogError(
            f"`{keys}` holds no keys of a log",
            code="keys-missing",
            way_out=f"make them: `linekeeper log init --keys {keys}`",
            place=str(keys),
        )
    for path in (keys, settings):  # the settings name the public folder and the masters
        demand_own(path)
    named = read_log_settings(settings)
    masters = [load_master(_beside(keys, where)) for where in named.masters]
    signer = Signer(load_key(keys / "signer.key"), keys / "signer.head")
    return Keeper(Path(named.folder), signer, Vault(masters))


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `log.json` holds: the public folder, and where the master keys are, the present one first."""

    folder: _Path
    masters: Annotated[list[_Path], msgspec.Meta(min_length=1, max_length=100)]

    @property
    def written(self) -> bytes:
        """As the file has it."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_log_settings(settings: Path) -> LogSettings:
    """The settings in that file. Raises LogError where they are damaged."""
    try:
        return msgspec.json.decode(read_bounded(settings, SETTINGS_BYTES_MAX), type=LogSettings)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200].lower()
        raise LogError(
            f"the settings of the log in `{settings}` are damaged: {reason}",
            code="log-settings-not-readable",
            way_out="put the file back from its safe copy",
            place=str(settings),
        ) from None


def _beside(keys: Path, where: str) -> str:
    """`file:NAME` in the settings means a file in the key folder; an absolute path stays as it is."""
    scheme, _, rest = where.partition(":")
    return f"file:{keys / rest}" if scheme == "file" and not Path(rest).is_absolute() else where


def _demand_log(connection: Connection, way_out: str) -> None:
    if not keeps_log(connection):
        raise LogError("the store keeps no log", code="log-missing", way_out=way_out)


def rotate_master(keys: Path, store: Store) -> int:
    """Wrap every data key under a new master key; returns how many. The old master can be destroyed afterwards.

    Raises LogError, with nothing done, where the keys are not those of the store's log, or it keeps none.
    """
    settings = keys / SETTINGS
    own = open_keeper(keys)
    with store.reading() as connection:
        _demand_log(connection, "name the store whose keys are to be rotated")
        own.demand_log_of(connection)
    named = read_log_settings(settings)
    number = 2
    while (keys / f"master-{number}.key").exists():
        number += 1
    new_master(keys / f"master-{number}.key")
    # Both masters are in the settings before the first key is wrapped again: after a crash in between, some keys open
    # with the old one and some with the new one, and the command can be run again.
    named = replace(named, masters=[f"file:master-{number}.key", *named.masters])
    durable.write(settings, named.written, mode=0o600)
    keeper = open_keeper(keys)
    done = 0
    while True:
        # One transaction for some of the keys at a time: decisions that arrive meanwhile wait for no longer than that.
        with store.writing() as connection:
            some = rotate(connection, t.LOG, keeper.vault)
        done += some
        if not some:
            break
    durable.write(settings, replace(named, masters=named.masters[:1]).written, mode=0o600)
    return done


# ------------------------------------------------------------------ erasure

# Every table that holds what is known of one account, but for the account's key in the log: `erase` destroys that.
ABOUT_AN_ACCOUNT = tuple(table for table in t.SCHEMA.sorted_tables if "account" in table.c and table is not t.LOG.keys)


def erase_borrower(store: Store, keeper: Keeper, account: str, at: int) -> Erasure:
    """Erase all that the store holds of a borrower, log the erasure (`at` in UTC ms), and scrub the database's files.

    The key that opened the borrower's records in the log is destroyed: the log's proofs still hold, the records can no
    longer be opened. A mark stays, by which later events of the account are known and rejected (`erased_of`). It also
    says whether the files were scrubbed: where that was broken off, the same again does what is left.
    Raises NotFound where the store holds nothing of the account, LogError where it keeps no log, or that of other keys,
    or a reader prevents the scrubbing.
    """
    with store.writing() as connection:
        # A log that began with an erasure would prove nothing of the decisions before it, and bind the store for good.
        _demand_log(connection, "an erasure has to be proven in one: run the events of all others into a new store")
        keeper.demand_log_of(connection)
        in_log = _holds(connection, t.LOG.keys, account)
        if account and (in_log or any(_holds(connection, table, account) for table in ABOUT_AN_ACCOUNT)):
            done = _erase_rows(connection, keeper, account, at, in_log)
        elif _is_unscrubbed(connection, keeper, account):
            done = Erasure(None)
        else:
            raise NotFound(
                f"the account `{account}` is not known; nothing was erased",
                code="account-not-known",
                details={"account": account},
            )
        unscrubbed = list(connection.execute(_UNSCRUBBED).scalars())
    # Only after the commit: a database rewrites its files outside of any transaction.
    with typed_failures(store.address):
        scrub(store.engine, t.LOG, ABOUT_AN_ACCOUNT)
    with store.writing() as connection:
        e = t.erased_accounts
        connection.execute(e.update().where(within(connection, e.c.mark, unscrubbed)).values(scrubbed=1))
    return done


def _erase_rows(connection: Connection, keeper: Keeper, account: str, at: int, in_log: bool) -> Erasure:
    """Delete what the tables hold of a borrower, log the erasure, and leave the mark."""
    # The log first: it takes the lock of the log's tail, so no record of the account can follow the erasure.
    if in_log:
        done = erase(connection, t.LOG, keeper.vault, account, at)
    else:
        done = note_erasure(connection, t.LOG, keeper.vault, (), at)
    marks = _marks(connection, keeper, [account])
    insert_many(connection, t.erased_accounts, ("mark",), [(mark,) for mark in marks])
    for table in ABOUT_AN_ACCOUNT:
        connection.execute(table.delete().where(table.c.account == account))
    connection.execute(t.book.delete())  # counted again when it is next needed
    return done


def _is_unscrubbed(connection: Connection, keeper: Keeper, account: str) -> bool:
    """Whether the account was erased, and something of it may be left in the database's files."""
    unscrubbed = set(connection.execute(_UNSCRUBBED).scalars())
    return bool(unscrubbed) and not unscrubbed.isdisjoint(_marks(connection, keeper, [account]))


_UNSCRUBBED = select(t.erased_accounts.c.mark).where(t.erased_accounts.c.scrubbed == 0)


def erased_of(connection: Connection, keeper: Keeper, accounts: Sequence[str]) -> set[str]:
    """Those of the accounts that were erased from this store."""
    if connection.execute(_ANY_ERASED).first() is None:
        return set()
    by_mark = dict(zip(_marks(connection, keeper, accounts), accounts, strict=True))
    mark = t.erased_accounts.c.mark
    known = connection.execute(select(mark).where(within(connection, mark, list(by_mark)))).scalars()
    return {by_mark[each] for each in known}


_ANY_ERASED = select(t.erased_accounts.c.mark).limit(1)


def _marks(connection: Connection, keeper: Keeper, accounts: Sequence[str]) -> list[str]:
    """The accounts' marks, under the data key of the records that are about no borrower.

    That key is wrapped like all others. So a new master key leaves the marks as they are, and once the old one is
    destroyed, the marks in old backups belong to nobody.
    """
    keys = t.LOG.keys
    row = connection.execute(select(keys.c.master, keys.c.wrapped).where(keys.c.account == "")).one()
    return keeper.vault.marks(row.master, row.wrapped, accounts)


def _holds(connection: Connection, table: Table, account: str) -> bool:
    return connection.execute(select(table.c.account).where(table.c.account == account).limit(1)).first() is not None
