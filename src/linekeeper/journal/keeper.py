"""The keeper of one store's log: it holds the keys and the public folder, seals records, publishes, makes receipts.

Two folders. The key folder is private (best on another disk than the store): `signer.key`, `signer.head`,
`master.key`, `log.json`. The public folder holds checkpoint and tiles; any static web server can serve it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Table, func, select

from linekeeper.core.bounded import SETTINGS_BYTES_MAX, read_bounded
from linekeeper.core.errors import NotFound, UsageError
from linekeeper.journal import tables as t
from linekeeper.journal.database_errors import typed_failures
from linekeeper.journal.key_folder import SETTINGS, KeySettings, masters_by_place, place_of_folder, read_key_settings
from linekeeper.journal.log import durable
from linekeeper.journal.log.append import append
from linekeeper.journal.log.audit import Audit, audit, audit_folder
from linekeeper.journal.log.entry import DECISIONS, Opened, Record, RecordKind
from linekeeper.journal.log.erase import Erasure, close_leaves, erase, scrub
from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.keys import count_keys, master_in_use, unreadable_keys
from linekeeper.journal.log.masters import new_master
from linekeeper.journal.log.publish import PUBLIC_KEY, Cosign, Published, publish, published
from linekeeper.journal.log.read import LeafRecord, UnreadableRecord, opened, positions_of
from linekeeper.journal.log.receipt import make_receipt
from linekeeper.journal.log.signer import Signer, load_key, new_key
from linekeeper.journal.log.tables import size_of
from linekeeper.journal.log.vault import Vault
from linekeeper.journal.lost_keys import WAY_OUT, demand_new_to_log, leaves_of_lost_key, lost_key, lost_keys
from linekeeper.journal.store import Store, fetch_rows, insert_many, within

SIGNER_KEY = "signer.key"


@dataclass(frozen=True)
class Keeper:
    """A log that is open for writing: `folder` is public, `signer` and `vault` hold the keys."""

    folder: Path
    signer: Signer
    vault: Vault

    def seal(self, connection: Connection, records: Sequence[Record]) -> None:
        """Add records to the log, in the caller's transaction."""
        if records:  # an empty append would take the lock of the log's tail all the same
            append(connection, t.LOG, self.vault, records, partial(demand_new_to_log, connection, records))

    def records_of(self, connection: Connection, kind: RecordKind, account: str) -> set[bytes]:
        """The records of that kind that the log holds of an account."""
        records = opened(connection, t.LOG, self.vault, positions_of(connection, t.LOG, account, (kind,)))
        return {record.data for _, record in records if isinstance(record, Opened)}

    def unreadable_keys(self, connection: Connection, error: LogError, accounts: Sequence[str]) -> dict[str, str]:
        """Those of the accounts whose keys do not open or are gone, and why, after an `error` of sealing.

        Raises the error where none of their keys is why, and LogError where hardly any key of the store opens.
        """
        if error.code != "data-key-not-readable":
            raise error
        master_in_use(connection, t.LOG, self.vault)  # else it is no borrower's key that is damaged
        unreadable = {account: str(why) for account, why in unreadable_keys(connection, t.LOG, self.vault, accounts)}
        unreadable |= {account: str(lost_key(account)) for account in lost_keys(connection, accounts, {})}
        if error.details["account"] not in unreadable:
            raise error
        return unreadable

    def demand_log_of(self, connection: Connection) -> None:
        """Raises LogError where the store's log is not the one that these keys are of.

        One data key shows it: all are wrapped under a master of one log, and damage to some of them changes nothing.
        """
        keys = t.LOG.keys.c
        masters = connection.execute(select(keys.master).order_by(keys.id).limit(1)).scalars().all()
        if not any(map(self.vault.has_master, masters)):  # seldom so, and then all of them are asked for
            masters = connection.execute(select(keys.master).distinct()).scalars().all()
        if masters and not any(map(self.vault.has_master, masters)):
            raise LogError(
                "the keys are not those of the store's log, or are older than its last rotation",
                code="keys-of-another-log",
                way_out=f"name the folder of its own keys, or put the file of its master key `{masters[0]}` back there",
                place=str(self.signer.head.parent),
                details={"master": masters[0]},
            )

    def publish(self, store: Store, cosign: Cosign | None = None, *, whole: bool = True) -> Published:
        """Publish every committed leaf under a newly signed checkpoint, cosigned by witnesses where asked.

        The store is compared with what is published before; `whole=False`: by the last published leaf alone.
        """
        with store.reading() as connection:
            self.demand_log_of(connection)
        self._demand_public_folder()
        with typed_failures(store.address), self._own_key():
            return publish(store.engine, t.LOG, self.folder, self.signer, cosign, whole=whole)

    def head(self) -> Published:
        """What is published. Raises LogError before the first publication."""
        with self._own_key():
            head = published(self.folder, self.signer.verifier)
        if head is None:
            raise LogError(
                f"nothing is published in `{self.folder}` yet",
                code="nothing-published",
                way_out="run `linekeeper log publish`",
                place=str(self.folder),
            )
        return head

    def audit(self, connection: Connection) -> Audit:
        """Re-derive the log from the store's entries, and compare it with all that is published.

        Raises ProofError or LogError, which names the first difference.
        """
        with self._own_key():
            head = published(self.folder, self.signer.verifier)
        figures = audit(connection, t.LOG, head)
        if head:
            audit_folder(connection, t.LOG, self.folder, self.signer.verifier, head)
        return figures

    def _demand_public_folder(self) -> None:
        """Raises LogError where the public folder was moved away or never was there: no other one is begun."""
        if not (self.folder / PUBLIC_KEY).is_file():
            settings = self.signer.head.with_name(SETTINGS)
            raise LogError(
                f"`{self.folder}` is no public folder of a log, since it holds no `{PUBLIC_KEY}`",
                code="public-folder-missing",
                way_out=f"put the folder back, or write where it lies now as `folder` into `{settings}`",
                place=str(self.folder),
            )

    @contextmanager
    def _own_key(self) -> Iterator[None]:
        """Raises LogError where what is published is not signed by the signing key, since that is another log's."""
        try:
            yield
        except ProofError as error:
            vkey, key = self.folder / PUBLIC_KEY, self.signer.head.with_name(SIGNER_KEY)
            foreign = vkey.is_file() and read_bounded(vkey, SETTINGS_BYTES_MAX) != _vkey_line(self.signer)
            if error.code not in ("signature-missing", "checkpoint-of-another-log") or not foreign:
                raise
            raise LogError(
                f"`{key}` is the key of another log than `{vkey}`",
                code="signing-key-of-another-log",
                way_out="put the log's own key back from its safe copy, or name the folder of its keys: `--keys`",
                place=str(key),
            ) from None

    def receipt(self, store: Store, account: str, number: int) -> bytes:
        """The receipt of an account's decision, counted from 1.

        Raises LogError where there is none (yet), or the record of the decision does not open.
        """
        with store.reading() as connection:
            leaves = decision_leaves(connection, self.vault, account)
            decisions = opened_of(leaves)
            # Not by counting leaves: where the log began late, the first leaf is not the first decision.
            asked = next((each for each in decisions if _number_of(each[1]) == number), None)
            if asked is None:
                demand_opens(connection, account, number, leaves)
        if asked is None:
            raise LogError(
                f"the log has no decision {number} of `{account}`; it has {len(decisions)}",
                code="decision-not-in-log",
                details={"account": account, "number": number},
            )
        return make_receipt(self.head(), *asked)


def decision_leaves(connection: Connection, vault: Vault, account: str) -> list[tuple[int, LeafRecord]]:
    """(position, record) of an account's decisions, in order."""
    return list(opened(connection, t.LOG, vault, positions_of(connection, t.LOG, account, DECISIONS)))


def opened_of(records: Iterable[tuple[int, LeafRecord]]) -> list[tuple[int, Opened]]:
    """Those of the records that open."""
    return [(at, record) for at, record in records if isinstance(record, Opened)]


def _number_of(decision: Opened) -> int:
    return int(json.loads(decision.data)["number"])


def demand_opens(connection: Connection, account: str, number: int, records: Iterable[tuple[int, LeafRecord]]) -> None:
    """Raises LogError where a record that does not open, or whose key is gone, may be the decision asked for."""
    for _, record in records:
        if isinstance(record, UnreadableRecord):
            raise record.error
    d = t.decisions.c
    stored = select(d.seq).where(d.account == account, d.number == number)
    if keeps_log(connection) and connection.execute(stored).first() is not None:
        raise LogError(
            f"the key that opens decision {number} of `{account}` in the log is gone",
            code="data-key-missing",
            way_out=WAY_OUT,
            details={"account": account, "number": number},
        )


def unreadable_accounts(connection: Connection, records: Iterable[UnreadableRecord]) -> tuple[str, ...]:
    """Whose records these are; the empty text stands for records about no borrower.

    A key that is gone leaves no name behind. Its borrower is one who has decisions and no key.
    """
    named = {each.account for each in records}
    if None in named:
        named.discard(None)
        named |= accounts_without_key(connection)
    return tuple(sorted(account for account in named if account is not None))


def accounts_without_key(connection: Connection) -> set[str]:
    """The accounts that have decisions, and no key in the log; the empty text where that of no borrower is gone."""
    d, keys = t.decisions.c, t.LOG.keys.c
    without = connection.execute(select(d.account).distinct().where(d.account.not_in(select(keys.account)))).scalars()
    return {*without, *(() if _holds(connection, t.LOG.keys, "") else ("",))}


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """The keys of a store: how many each master wraps; whose do not open or are gone, and how many leaves they close.

    `error` is that of the first of them.
    """

    by_master: dict[str, int]
    unreadable_accounts: tuple[str, ...]
    unreadable_leaves: int
    error: LogError | None


def check_keys(connection: Connection, vault: Vault) -> KeyCheck:
    """Open every key of the store. The records under them are not looked at."""
    counts = count_keys(connection, t.LOG, vault)
    e, keys = t.LOG.entries.c, t.LOG.keys.c
    closed = select(func.count()).select_from(t.LOG.entries.outerjoin(t.LOG.keys, e.key == keys.id))
    lost = connection.execute(closed.where(e.key.is_not(None), keys.id.is_(None))).scalar_one()
    accounts, error = set(counts.unreadable), next(iter(counts.unreadable.values()), None)
    damaged = connection.execute(closed.where(within(connection, keys.account, sorted(accounts)))).scalar_one()
    if lost:
        accounts |= accounts_without_key(connection)
        error = error or LogError(
            f"the store lacks the key of {lost} of its leaves",
            code="data-key-missing",
            way_out=WAY_OUT,
            details={"leaves": lost},
        )
    return KeyCheck(counts.by_master, tuple(sorted(accounts)), lost + damaged, error)


def keeps_log(connection: Connection) -> bool:
    """Whether decisions of this store are in a log."""
    return size_of(connection, t.LOG) > 0


def demand_keys(connection: Connection, keeper: Keeper | None) -> None:
    """Raises UsageError where the store keeps a log, and nobody gave the keys to write to it."""
    if keeper is None and keeps_log(connection):
        raise keys_needed()


def keys_needed() -> UsageError:
    """What is said where the store keeps a log, and nobody gave the keys to write to it."""
    return UsageError(
        "the store keeps a log",
        code="log-keys-needed",
        way_out="name the folder of its keys: `--keys` or LINEKEEPER_KEYS",
    )


def new_keeper(keys: Path, folder: Path, name: str) -> Keeper:
    """Make a log: keys that only their owner can read, and an empty public folder. Raises LogError where one is."""
    if (keys / SETTINGS).exists():
        raise LogError(
            f"`{keys}` already holds the keys of a log",
            code="keys-already-there",
            way_out="name another folder",
            place=str(keys),
        )
    for made in (keys, folder):
        made.mkdir(parents=True, exist_ok=True)
    keys.chmod(0o700)
    signer = Signer(new_key(keys / SIGNER_KEY, name), keys / "signer.head")
    new_master(keys / "master.key")
    durable.write(folder / PUBLIC_KEY, _vkey_line(signer))
    KeySettings(place_of_folder(keys, folder), ("file:master.key",)).write(keys)
    return open_keeper(keys)


def _vkey_line(signer: Signer) -> bytes:
    return f"{signer.verifier.vkey}\n".encode()


def open_keeper(keys: Path) -> Keeper:
    """The log whose keys lie in that folder. Raises LogError where it holds no keys, or others may write there."""
    settings, masters = read_key_settings(keys), masters_by_place(keys)
    signer = Signer(load_key(keys / SIGNER_KEY), keys / "signer.head")
    vault = Vault(list(masters.values()), find=lambda: masters_by_place(keys).values())
    return Keeper((keys / settings.folder).resolve(), signer, vault)


def demand_log(connection: Connection, way_out: str) -> None:
    """Raises LogError where the store keeps no log."""
    if not keeps_log(connection):
        raise LogError("the store keeps no log", code="log-missing", way_out=way_out)


# ------------------------------------------------------------------ erasure

# Every table that holds what is known of one account, but for the account's key in the log: `erase` destroys that.
ABOUT_AN_ACCOUNT = tuple(table for table in t.SCHEMA.sorted_tables if "account" in table.c and table is not t.LOG.keys)


def erase_borrower(store: Store, keeper: Keeper, account: str, at: int) -> Erasure:
    """Erase all that the store holds of a borrower, log the erasure (`at` in UTC ms), and scrub the database's files.

    The key that opened the borrower's records in the log is destroyed: the log's proofs still hold, the records can no
    longer be opened. A mark stays, by which later events of the account are known and rejected (`erased_of`). It also
    says whether the files were scrubbed: where that was broken off, the same again does what is left.
    A borrower whose key was lost is erased as well, where it can be told which leaves are the borrower's.
    Raises NotFound where the store holds nothing of the account, LogError where it keeps no log, or that of other keys,
    or a reader prevents the scrubbing.
    """
    with store.writing() as connection:
        # A log that began with an erasure would prove nothing of the decisions before it, and bind the store for good.
        demand_log(connection, "an erasure has to be proven in one: run the events of all others into a new store")
        keeper.demand_log_of(connection)
        in_log = _holds(connection, t.LOG.keys, account)
        if account and (in_log or any(_holds(connection, table, account) for table in ABOUT_AN_ACCOUNT)):
            done = _erase_rows(connection, keeper, account, at, in_log)
        elif _is_unscrubbed(connection, keeper, account):
            done = Erasure(None)
        else:
            before = account in erased_of(connection, keeper, [account])
            why = "was erased before, and nothing is left of it" if before else "is not known; nothing was erased"
            raise NotFound(f"the account `{account}` {why}", code="account-not-known", details={"account": account})
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
    (mark,) = _marks(connection, keeper, [account])
    # The log first: it takes the lock of the log's tail, so no record of the account can follow the erasure.
    if in_log:
        done = erase(connection, t.LOG, keeper.vault, account, at, mark)
    else:
        done = close_leaves(connection, t.LOG, keeper.vault, leaves_of_lost_key(connection, account), at, mark)
    insert_many(connection, t.erased_accounts, ("mark",), [(mark,)])
    _fix_what_others_were_given(connection, account)
    for table in ABOUT_AN_ACCOUNT:
        connection.execute(table.delete().where(table.c.account == account))
    connection.execute(t.book.delete())  # counted again when it is next needed
    return done


def _fix_what_others_were_given(connection: Connection, account: str) -> None:
    """What others were given, of one customer or tied, stands; after it the erased account has no part in it."""
    c = t.customer_accounts
    customer = select(c.c.customer).where(c.c.account == account).scalar_subquery()
    others = connection.execute(select(c.c.account, c.c.given_until).where(c.c.customer == customer)).all()
    reviewed = connection.execute(select(func.max(t.reviews.c.until_day))).scalar() or 0
    for other, given_until in others:
        day = max(given_until, reviewed)
        connection.execute(c.update().where(c.c.account == other).values(fixed_until=day, next_day=day + 1))
    own, its, linked = t.link_things.alias(), t.link_things, t.linked_accounts
    shared = (own.c.account == account) & (own.c.tie == its.c.tie) & (own.c.thing == its.c.thing)
    names = set(connection.execute(select(its.c.account).join(own, shared)).scalars())
    tied = connection.execute(
        select(linked.c.account, linked.c.given_until).where(within(connection, linked.c.account, sorted(names)))
    )
    for other, given_until in tied.all():
        day = max(given_until, reviewed)
        connection.execute(linked.update().where(linked.c.account == other).values(fixed_until=day, next_day=day + 1))


def _is_unscrubbed(connection: Connection, keeper: Keeper, account: str) -> bool:
    """Whether the account was erased, and something of it may be left in the database's files."""
    unscrubbed = set(connection.execute(_UNSCRUBBED).scalars())
    return bool(unscrubbed) and not unscrubbed.isdisjoint(_marks(connection, keeper, [account]))


_UNSCRUBBED = select(t.erased_accounts.c.mark).where(t.erased_accounts.c.scrubbed == 0)


def erased_of(connection: Connection, keeper: Keeper, accounts: Sequence[str]) -> set[str]:
    """Those of the accounts that were erased from this store."""
    if not fetch_rows(connection, _ANY_ERASED):
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
    row = connection.execute(select(keys.c.master, keys.c.wrapped).where(keys.c.account == "")).one_or_none()
    if row is None:
        raise lost_key("")
    return keeper.vault.marks(row.master, row.wrapped, accounts)


def _holds(connection: Connection, table: Table, account: str) -> bool:
    return connection.execute(select(table.c.account).where(table.c.account == account).limit(1)).first() is not None
