"""The versions of a store's policy: which there are, which may follow which, and which accounts migrate when.

See "Versions" in the policy language. A store begins with one version; `adopt` adds the next. New accounts are
under the newest version. The others migrate to it at a review, but not while a road back is still promised to them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import zip_longest

import numpy as np
import rfc8785
from sqlalchemy import Connection, func, select

from linekeeper.core.bounds import TEXT_MAX
from linekeeper.core.characters import fits_text
from linekeeper.core.decision import ADVERSE_ACTIONS
from linekeeper.core.errors import Conflict, NotFound, Refused, StoreError, UsageError
from linekeeper.core.formats import EDITION, EDITIONS, RECORD_FORMAT, RECORD_FORMATS
from linekeeper.core.line import Status
from linekeeper.decide.record import Recorder, recorder_of
from linekeeper.engine.clock import machine_clock_ms
from linekeeper.engine.kept_histories import histories_before
from linekeeper.evaluate.event_batch import BEFORE_ALL
from linekeeper.evaluate.timeline import PolicyPeriod
from linekeeper.evaluate.version_migration import migrate_account
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, keeps_log, keys_needed
from linekeeper.journal.log.entry import Record, RecordKind
from linekeeper.journal.store import (
    Store,
    as_bytes,
    fetch_rows,
    insert_many,
    last_number,
    load_accounts,
    save_accounts,
    within,
)
from linekeeper.kernel.arrears import arrears_of
from linekeeper.kernel.calendar import Calendar, Offsets, calendar
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.policy.dues import text_with_calendar
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from linekeeper.recourse.model import EARLY_DAYS, PROMISE_MAX_DAYS, Plan, last_promised_day

MIGRATION_COLUMNS = ("account", "day", "after_event", "was", "policy")


@dataclass(frozen=True, slots=True)
class VersionMigration:
    """An account migrated from version `was` to version `policy` (digests) at the start of `day`, after an event."""

    day: int
    after_event: int
    was: str
    policy: str


def read_versions(connection: Connection) -> tuple[Policy, ...]:
    """All versions that the store knows, oldest first, read from their stored text.

    Raises StoreError where one decides by an edition, or is recorded in a format, that this program does not know.
    """
    p = t.policies.c
    query = select(p.text, p.name, p.version, p.card, p.edition, p.record_format)
    rows = connection.execute(query.order_by(p.version)).all()
    for row in rows:
        if row.edition not in EDITIONS or row.record_format not in RECORD_FORMATS:
            raise StoreError(
                f"version {row.version} of `{row.name}` has edition {row.edition} of the language and format "
                f"{row.record_format} of records, which this Linekeeper does not know",
                code="policy-of-newer-linekeeper",
                way_out="update it",
                details={"policy": row.name, "version": row.version},
            )
    return tuple(read_version(row.text, row.name, row.card) for row in rows)


def read_version(text: str, name: str, card: bytes | None) -> Policy:
    """A version from its stored text and card. Raises PolicyError where the text is no policy."""
    return _loaded(text, name, None if card is None else as_bytes(card))


def recorders_of(connection: Connection, kernels: Kernels) -> Recorders:
    """The recorder of each version, in the format that the version is recorded in."""
    p = t.policies.c
    formats = {row.digest: row.record_format for row in connection.execute(select(p.digest, p.record_format))}
    return {kernel: recorder_of(kernel, formats[digest]) for digest, kernel in kernels.items()}


@lru_cache(maxsize=32)
def _loaded(text: str, name: str, card: bytes | None) -> Policy:
    return load_text(text, f"{name}.yaml", (lambda _: card) if card is not None else None)


def opening_transaction(store: Store, under_law: bool) -> AbstractContextManager[Connection]:
    """The transaction in which an engine is opened: one that writes only where the store, its law or its book begins.

    So whoever only looks waits for no writer, and can look at a store that nothing may be written to.
    """
    with store.reading() as connection:
        begun = version_count(connection) > 0
        lawful = not under_law or connection.execute(select(t.law.c.id)).first() is not None
        counted = store.read_only is not None or connection.execute(select(t.book.c.id)).first() is not None
    return store.reading() if begun and lawful and counted else store.writing()


def stored_policy(store: Store) -> Policy:
    """The version in force: the newest, read from the store itself."""
    with store.reading() as connection:
        return policy_in_force(connection)


def policy_in_force(connection: Connection) -> Policy:
    """The newest version. Raises NotFound where the store has none."""
    versions = read_versions(connection)
    if not versions:
        raise NotFound(
            "the store is empty", code="store-empty", way_out="run a policy over some events first: `linekeeper run`"
        )
    return versions[-1]


def as_in_force(connection: Connection, policy: Policy) -> Policy:
    """The version in force where the policy is the same but for the days of its calendar; else the policy itself.

    A file that names a calendar is read with the days that the library has today. The version in force keeps its own.
    """
    if policy.source == policy.written or not version_count(connection):
        return policy
    newest = policy_in_force(connection)
    calendar = newest.dues.calendar
    if calendar is None or newest.source != text_with_calendar(policy.written, calendar):
        return policy
    return newest


def kernel_in_store(connection: Connection, policy: Policy) -> Kernel:
    """The kernel of a version, of its own edition of the language; of today's where the store does not know it yet."""
    query = select(t.policies.c.edition).where(t.policies.c.digest == policy.digest)
    edition = connection.execute(query).scalar()
    return kernel_of(policy, EDITION if edition is None else int(edition), offsets_of(connection, policy))


def version_count(connection: Connection) -> int:
    """How many versions the store knows."""
    return int(fetch_rows(connection, _VERSION_COUNT)[0][0])


_VERSION_COUNT = select(func.count()).select_from(t.policies)


Kernels = dict[str, Kernel]  # by the digests of their policies, oldest first
Recorders = dict[Kernel, Recorder]


def demand_versions(connection: Connection, count: int) -> None:
    """Raises Conflict where another version came into force since there were so many: it would decide otherwise."""
    if version_count(connection) != count:
        raise Conflict(
            "another version of the policy came into force meanwhile",
            code="version-changed-meanwhile",
            way_out="open the store again",
        )


def kernels_of(connection: Connection) -> Kernels:
    """The kernels of all versions that the store knows, each of the edition under which the version decides."""
    p = t.policies.c
    editions = {row.digest: row.edition for row in connection.execute(select(p.digest, p.edition))}
    versions = read_versions(connection)
    offsets = offsets_of(connection, versions[-1]) if versions else None
    return {policy.digest: kernel_of(policy, editions[policy.digest], offsets) for policy in versions}


def newest_of(kernels: Kernels) -> Kernel:
    """The kernel of the version in force."""
    return list(kernels.values())[-1]


def bind_policy(connection: Connection, kernel: Kernel, keeper: Keeper | None, signed_by: str | None) -> bool:
    """Check the policy against the store, or begin an empty store with it; whether the store keeps a log.

    Raises Conflict where the store is under another policy or version.
    """
    policy, p = kernel.policy, t.policies.c
    versions = connection.execute(select(p.digest, p.name, p.version).order_by(p.version)).all()
    if not versions:
        put_version(connection, kernel, keeper, signed_by)
        return keeper is not None
    logged = _logged(connection, keeper)
    newest = versions[-1]
    if policy.digest == newest.digest:
        return logged
    mismatch = f"the store is under policy `{newest.name}` version {newest.version}, and this file is not that version"
    if (policy.name, policy.version > newest.version) == (newest.name, True):
        raise Conflict(
            mismatch,
            code="policy-version-mismatch",
            way_out="bring it into force with `linekeeper adopt`, or use another `--store`",
            details={"policy": newest.name, "version": newest.version},
        )
    raise Conflict(
        mismatch,
        code="policy-version-mismatch",
        way_out="use another `--store`",
        details={"policy": newest.name, "version": newest.version},
    )


def _logged(connection: Connection, keeper: Keeper | None) -> bool:
    """Whether the store keeps a log. Raises Refused where one would begin after the first decision, LogError for the
    keys of another log.

    A log that begins in the middle would prove nothing about the decisions before it.
    """
    logged = keeps_log(connection)
    if keeper is not None and not logged:
        raise Refused(
            "the store holds decisions that no log has",
            code="log-begun-too-late",
            way_out="keep a log from the first event on",
        )
    if keeper is not None:
        keeper.demand_log_of(connection)
    return logged


# ------------------------------------------------------------------ a new version


def adopt(store: Store, policy: Policy, keeper: Keeper | None = None, signed_by: str | None = None) -> None:
    """Bring a new version into force, signed off by `signed_by`.

    Raises Refused, with nothing done, where it cannot follow the last version.
    """
    with store.writing() as connection:
        versions = read_versions(connection)
        if not versions:
            raise NotFound(
                "the store is empty", code="store-empty", way_out="begin it with `linekeeper run POLICY EVENTS`"
            )
        if _logged(connection, keeper) and keeper is None:
            raise keys_needed()
        check_succession(versions[-1], policy)
        put_version(connection, kernel_of(policy), keeper, signed_by)


def check_succession(old: Policy, new: Policy) -> None:
    """Raises Refused where `new` cannot follow `old`: accounts must be able to migrate from one to the other.

    A version keeps the places of its predecessor's triggers, because an account carries its latches over by place, and
    its kinds of events, because it must be able to read every event that the account has ever had. It may add to both.
    """
    for name in ("name", "currency", "exponent", "time_zone"):
        if getattr(old, name) != getattr(new, name):
            word = {"name": "policy", "exponent": "minor_digits"}.get(name, name)
            raise Refused(
                f"`{word}` is `{getattr(old, name)}` in the store and `{getattr(new, name)}` here",
                code="version-cannot-follow",
                details={"key": word},
            )
    if new.version <= old.version:
        raise Refused(
            f"the store is at version {old.version}",
            code="version-cannot-follow",
            way_out=f"write `version: {old.version + 1}` or more",
            details={"key": "version", "version": old.version},
        )
    names, earlier_names = [trigger.name for trigger in new.triggers], [trigger.name for trigger in old.triggers]
    if names[: len(earlier_names)] != earlier_names:
        lost = next(name for place, name in enumerate(earlier_names) if names[place : place + 1] != [name])
        way_out = 'keep its place, with `when: "false"` where it is no longer wanted, and add new ones at the end'
        raise Refused(
            f"the trigger `{lost}` of version {old.version} is not in its place",
            code="version-cannot-follow",
            way_out=way_out,
            details={"key": "triggers", "trigger": lost},
        )
    _check_kinds(old, new)
    _check_splits(old, new)
    _check_published(old, new)


def _check_splits(old: Policy, new: Policy) -> None:
    """Raises Refused where a split of `old` is missing in `new`, or has other arms there under the same salt.

    Under one salt an account keeps its arm for life, and what a decision records of it stays true.
    """
    now = {split.name: split for split in new.splits}
    for split in old.splits:
        its = now.get(split.name)
        if its is not None and (its.salt != split.salt or its.arms == split.arms):
            continue
        what = f"the split `{split.name}` of version {old.version} is missing"
        way_out = f"keep it; where it has ended, give it another salt and `arms: {{{split.words[0]}: 100%}}`"
        if its is not None:
            what = f"the split `{split.name}` has other arms under the salt `{split.salt}` of version {old.version}"
            way_out = "keep its arms and shares, or write another salt: accounts are then parted anew"
        details: dict[str, object] = {"key": "split", "split": split.name}
        raise Refused(what, code="version-cannot-follow", way_out=way_out, details=details)


def _check_published(old: Policy, new: Policy) -> None:
    """Raises Refused where `new` would have published, or tied, otherwise than `old` did: what was given stands."""
    if old.links is None and old.customer is None:
        return
    ties = old.links.ties if old.links else (), new.links.ties if new.links else ()
    for word, before, now in (("dues", old.dues, new.dues), ("links", *ties)):
        if before != now:
            raise Refused(
                f"`{word}` is not what it is in version {old.version}, and what accounts were given follows from it",
                code="version-cannot-follow",
                way_out=f"keep `{word}` as it was",
                details={"key": word},
            )


def _check_kinds(old: Policy, new: Policy) -> None:
    """Raises Refused where a kind of event, or a field, of `old` is not in its place in `new`, or is another there.

    Events keep their kinds by number and their fields by place, so `new` may only add, and only at the end. A new field
    is optional, because the events of before do not have it.
    """

    def refused(what: str, way_out: str, **details: str) -> Refused:
        return Refused(what, code="version-cannot-follow", way_out=way_out, details={"key": "events", **details})

    for kind, now in zip_longest(old.kinds, new.kinds[: len(old.kinds)]):
        if now is None or now.name != kind.name:
            what = f"the event kind `{kind.name}` of version {old.version} is not in its place"
            raise refused(what, "keep it there, and add new kinds after those that there were", kind=kind.name)
        if kind.name in ("override", "opening"):  # they list the triggers as choices, so they grow with them
            continue
        for field, its in zip_longest(kind.fields, now.fields[: len(kind.fields)]):
            if field != its:
                what = f"the field `{field.name}` of `{kind.name}` is not what it is in version {old.version}"
                way_out = "keep it as it was, in its place, and add what is new as another field after it"
                raise refused(what, way_out, kind=kind.name, field=field.name)
        if kind.text != now.text:
            what = f"the text `{kind.text[0]}` of `{kind.name}` is a list of words here, which it was not"
            raise refused(what, "leave the kind out, and declare one with another name", kind=kind.name)
        for field in now.fields[len(kind.fields) :]:
            if not field.optional:
                what = f"the field `{field.name}` of `{kind.name}` is new, and events of before do not have it"
                raise refused(what, "make it optional, with a `?`", kind=kind.name, field=field.name)


def check_signer(signed_by: str | None) -> None:
    """Raises UsageError where the name of who signs off cannot be one."""
    if signed_by is not None and not (0 < len(signed_by.strip()) <= TEXT_MAX and fits_text(signed_by)):
        raise UsageError(
            f"the name of who signs off has from 1 to {TEXT_MAX} characters, and none that cannot be seen",
            code="signer-name-not-usable",
        )


def put_version(connection: Connection, kernel: Kernel, keeper: Keeper | None, signed_by: str | None) -> None:
    """Write a version to the store and, where a log is kept, to the log: a leaf for the policy, one for its card."""
    policy = kernel.policy
    check_signer(signed_by)
    names = ("digest", "name", "version", "text", "card", "kernel", "signed_by", "edition", "record_format")
    row = (policy.digest, policy.name, policy.version, policy.source, policy.card, kernel.source, signed_by)
    insert_many(connection, t.policies, names, [(*row, EDITION, RECORD_FORMAT)])
    note_units(connection, policy, kernel.calendar)
    if keeper:
        signed: dict[str, str | int] = {"signed_by": signed_by} if signed_by else {}
        body = signed | {"name": policy.name, "version": policy.version}
        body |= {"edition": EDITION, "record_format": RECORD_FORMAT, "utc_offsets": clock_digest(connection)}
        leaves = [
            Record(RecordKind.POLICY, "", rfc8785.dumps(body | {"policy": policy.digest, "kernel": kernel.digest}))
        ]
        if policy.score and policy.score.card:
            leaves.append(Record(RecordKind.MODEL, "", rfc8785.dumps(signed | {"model": policy.score.card})))
        keeper.seal(connection, leaves)


def note_units(connection: Connection, policy: Policy, clock: Calendar) -> None:
    """Note what the store's amounts and days are in; all versions have the same.

    The rules of a time zone change. What came before this instant keeps the days that it had; from now on those of the
    `clock` count.
    """
    offsets, known = clock.utc_offsets(), _noted_offsets(connection)
    if known:
        offsets = joined_offsets(known, offsets, machine_clock_ms())
    for table in (t.store_units, t.utc_offsets):
        connection.execute(table.delete())
    units = (1, policy.currency, policy.exponent, policy.time_zone)
    insert_many(connection, t.store_units, ("id", "currency", "minor_digits", "time_zone"), [units])
    insert_many(connection, t.utc_offsets, ("from_at", "offset_ms"), offsets)


def joined_offsets(before: Offsets, after: Offsets, at: int) -> Offsets:
    """The one clock up to that instant (UTC ms), and the other from it on.

    >>> joined_offsets(((-10, 0), (5, 60), (20, 0)), ((-10, 0), (5, 60)), 30)
    ((-10, 0), (5, 60), (20, 0), (30, 60))
    """
    kept = [pair for pair in before if pair[0] < at]
    to_come = [pair for pair in after if pair[0] >= at]
    ahead = [offset for begin, offset in after if begin <= at][-1]
    turn = [(at, ahead)] if ahead != kept[-1][1] and (not to_come or to_come[0][0] != at) else []
    return (*kept, *turn, *to_come)


def offsets_of(connection: Connection, policy: Policy) -> Offsets | None:
    """The clock that the store goes by; None where it is the one that this machine has for the policy's time zone."""
    noted = _noted_offsets(connection)
    return None if noted in ((), calendar(policy.time_zone).utc_offsets()) else noted


def _noted_offsets(connection: Connection) -> Offsets:
    o = t.utc_offsets.c
    return tuple(
        (row.from_at, row.offset_ms) for row in connection.execute(select(o.from_at, o.offset_ms).order_by(o.from_at))
    )


def clock_digest(connection: Connection) -> str:
    """SHA-256 of the clock that the store goes by, as the log has it: over its JSON (RFC 8785), in hex.

    Empty where it has a number that JSON cannot have: such a clock was never written.
    """
    try:
        return sha256(rfc8785.dumps([list(pair) for pair in _noted_offsets(connection)])).hexdigest()
    except rfc8785.IntegerDomainError:
        return ""


# ------------------------------------------------------------------ migrating


def migrations_of(connection: Connection, accounts: Sequence[str]) -> dict[str, list[VersionMigration]]:
    """The version migrations of those accounts that migrated, in order."""
    m = t.version_migrations.c
    query = select(m.account, m.day, m.after_event, m.was, m.policy).order_by(m.account, m.day)
    migrations: dict[str, list[VersionMigration]] = {}
    for account, *rest in connection.execute(query.where(within(connection, m.account, accounts))):
        migrations.setdefault(account, []).append(VersionMigration(*rest))
    return migrations


def kernel_of_account(kernels: Kernels, digest: str) -> Kernel:
    """The kernel of the version that an account is under. Raises StoreError where the store knows no such version."""
    if digest not in kernels:
        raise StoreError(
            f"an account is under the version `{str(digest)[:12]}`, which the store does not know",
            code="state-not-readable",
            way_out="run `linekeeper verify`, and restore the store from a backup",
        )
    return kernels[digest]


def policy_periods_of(
    connection: Connection, kernels: Kernels, accounts: Sequence[str]
) -> dict[str, list[PolicyPeriod]]:
    """For each account the periods of its timeline: one for each version that it was under."""
    a = t.accounts.c
    query = select(a.account, a.policy).where(within(connection, a.account, accounts))
    under = {row.account: row.policy for row in connection.execute(query)}
    migrated, newest = migrations_of(connection, accounts), newest_of(kernels).policy.digest
    return {
        name: [
            *(
                PolicyPeriod(kernel_of_account(kernels, move.was), move.after_event, move.day)
                for move in migrated.get(name, [])
            ),
            PolicyPeriod(kernel_of_account(kernels, under.get(name, newest))),
        ]
        for name in accounts
    }


def promised_until(
    connection: Connection, kernel: Kernel, accounts: Sequence[str], day: int | None = None
) -> dict[str, int]:
    """The last local day of the latest promise made to each of these accounts under that version.

    Each adverse decision is notified with a road back, which is kept for `honour` days, and beyond them for whoever is
    on the way: as long as the line is held down by what can be undone and nothing is past due, at most 24 months
    (policy language, section 8). Asked at the end of the day before `day`; None: as of each account's own day.
    """
    days, honour_days = restricted_days(connection, kernel, accounts), kernel.policy.honour_days
    rows = load_accounts(connection, list(days)) if honour_days else {}
    until = {}
    for name, restricted_day in days.items():
        until[name] = restricted_day + honour_days
        if name in rows and rows[name].layout == kernel.layout.digest:
            lasts_days = _days_on_the_way(kernel, np.frombuffer(rows[name].state, dtype="<i8").tolist(), day)
            until[name] = max(until[name], restricted_day + lasts_days)
    return until


def _days_on_the_way(kernel: Kernel, state: list[int], day: int | None) -> int:
    """For how many days, beside `honour`, the promise of a road back lasts for an account in that state.

    None where the line is whole, or held down for good. Every plan has paid all that was overdue after 30 days: from
    then on, only who owes nothing of it follows one.
    """
    terminal = sum(1 << number for number, trigger in enumerate(kernel.policy.triggers) if trigger.terminal)
    slots = kernel.layout.slots
    if state[slots["STATUS"]] == Status.ACTIVE or state[slots["MASK"]] & terminal:
        return 0
    as_of = state[slots["HOUR"]] // 24 if day is None else day - 1
    return PROMISE_MAX_DAYS if not arrears_of(kernel, state, as_of).days_past_due else EARLY_DAYS


def restricted_days(connection: Connection, kernel: Kernel, accounts: Sequence[str]) -> dict[str, int]:
    """The local day of the latest adverse decision that each of these accounts has under that version."""
    since = {account: migrations[-1].day for account, migrations in migrations_of(connection, accounts).items()}
    d, day = t.decisions.c, kernel.calendar.day
    query = select(d.account, func.max(d.at)).where(d.action.in_(sorted(ADVERSE_ACTIONS))).group_by(d.account)
    rows = connection.execute(query.where(within(connection, d.account, accounts)))
    restricted = {name: day(int(at)) for name, at in rows}
    # What an earlier version promised was over before the account migrated to this one.
    return {name: day for name, day in restricted.items() if day >= since.get(name, day)}


def promise_of(
    connection: Connection, kernel: Kernel, account: str, day: int, plans: Iterable[Plan | None] = ()
) -> int:
    """Until which local day a road back asked for on `day` is promised, counted from the latest adverse decision.

    As long as `honour` says, and to the end of the plans and some days, where they end within 24 months.
    """
    since_day = restricted_days(connection, kernel, [account]).get(account)
    return day if since_day is None else max(day, last_promised_day(kernel.policy.honour_days, since_day, plans))


@dataclass(frozen=True, slots=True)
class Standing:
    """A version, who signed it off with its card (`model` is its hash), and how many accounts are under it.

    Of those, `promised` stay because a road back is promised to them, the last until local day `until_day`.
    """

    version: int
    digest: str
    model: str | None
    signed_by: str | None
    accounts: int
    promised: int
    until_day: int


def standings(connection: Connection) -> list[Standing]:
    """The standing of each version, oldest first. No promise keeps an account in the newest: it need not leave it."""
    a, p, rows = t.accounts.c, t.policies.c, []
    kernels = kernels_of(connection)
    signed = {row.digest: row.signed_by for row in connection.execute(select(p.digest, p.signed_by))}
    for digest, kernel in kernels.items():
        names = list(connection.execute(select(a.account).where(a.policy == digest)).scalars())
        promised = {} if kernel is newest_of(kernels) else promised_until(connection, kernel, names)
        latest = max(promised.values(), default=0)
        model = kernel.policy.score.card if kernel.policy.score else None
        who = (kernel.policy.version, digest, model, signed[digest])
        rows.append(Standing(*who, len(names), len(promised), latest))
    return rows


def migrate_due_accounts(
    connection: Connection, old: Kernel, new: Kernel, accounts: Sequence[str], pending: Container[str], day: int
) -> int:
    """Migrate those of the accounts (under `old`) that nothing keeps, at the start of `day`; returns how many.

    An account is kept by a promise, by a restriction that is pending, or by having reached the day already.
    """
    promised = promised_until(connection, old, accounts, day)
    free = [name for name in accounts if promised.get(name, day - 1) < day and name not in pending]
    known, last = load_accounts(connection, free), last_number(connection, "events")
    # States kept so far are of the version that ends here: whole histories are read, and nothing of them is left.
    histories = histories_before(connection, new, dict.fromkeys(free, BEFORE_ALL), last + 1) if free else {}
    rows, migrations = [], []
    for name in free:
        account = known[name]
        state: list[int] = np.frombuffer(account.state, dtype="<i8").tolist()
        if state[old.layout.slots["HOUR"]] // 24 < day:
            migrate_account(old, new, state, histories[name], day)
            data, policy = np.array(state, dtype="<i8").tobytes(), new.policy.digest
            chain = (account.decisions, account.last_hash)
            rows.append((name, new.layout.digest, data, day, *chain, policy, account.in_order))
            migrations.append((name, day, last, old.policy.digest, policy))
    save_accounts(connection, rows)
    return insert_many(connection, t.version_migrations, MIGRATION_COLUMNS, migrations)
