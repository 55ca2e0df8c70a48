"""What the log holds, against the tables: decisions, events and notices, versions, rulings and erasures.

`docs/reference/proof.md` lists which column of which table is in the log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, func, select

from linekeeper.core.bounds import INT64_MAX
from linekeeper.decide.canonical import read_decision
from linekeeper.engine.event_leaves import difference_of_counts, differing_events, ruling_record
from linekeeper.engine.feed_batches import BATCH_COLUMNS, RULING_COLUMNS, STATE_AFTER
from linekeeper.engine.verify_tables import Difference
from linekeeper.engine.versions import clock_digest
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import unreadable_accounts
from linekeeper.journal.log.entry import DECISIONS, RecordKind
from linekeeper.journal.log.keys import shown_accounts
from linekeeper.journal.log.read import UnreadableRecord, accounts_of_leaves, opened
from linekeeper.journal.log.tables import size_of
from linekeeper.journal.log.vault import Vault
from linekeeper.journal.store import Store, as_bytes, within
from linekeeper.kernel.emit import digest

LEAVES_AT_ONCE = 2_000
MANY = (*DECISIONS, RecordKind.EVENTS, RecordKind.NOTICE)
NOTICE_COLUMNS = ("action", "due_at", "alarm_at", "rule", "status")
Notified = tuple[str, int]  # account and number of the decision
_DECODE = msgspec.json.Decoder(dict[str, Any]).decode


class Leaf(NamedTuple):
    """A leaf that opens, with whose key it opens and what it holds."""

    position: int
    kind: RecordKind
    account: str
    data: bytes

    def content(self) -> dict[str, Any]:
        """What it says."""
        return _DECODE(self.data)


@dataclass
class _Passed:
    """What was met in the pages so far: how many decisions and events stand in leaves, and the few other leaves."""

    decisions: int = 0
    events: int = 0
    first_event: int = INT64_MAX
    notices: dict[Notified, tuple[Any, ...]] = field(default_factory=dict)  # as they were written down
    sent: dict[Notified, tuple[int, int]] = field(default_factory=dict)  # when, and at which position
    others: list[Leaf] = field(default_factory=list)
    unreadable: list[UnreadableRecord] = field(default_factory=list)


class LeafComparison(NamedTuple):
    """The first difference between log and store, and whose records do not open: they could not be compared."""

    first_difference: Difference
    unreadable_accounts: tuple[str, ...]
    unreadable_leaves: int


def compare_leaves(store: Store, vault: Vault) -> LeafComparison:
    """Compare every leaf with what the store has, and what the store has with the leaves that it should have.

    Leaves of erased borrowers no longer open and are passed over: what they were of is gone too. A leaf that does not
    open although nobody was erased is a difference. All others are compared.
    """
    passed = _Passed()
    with store.reading() as connection:
        difference = next(filter(None, _differing_in_pages(connection, vault, passed)), None)
        unreadable = unreadable_accounts(connection, passed.unreadable)
        difference = difference or _differing_as_a_whole(connection, passed, unreadable)
    closed = len(passed.unreadable)
    if difference is None and closed:
        whose = shown_accounts(unreadable) or "a borrower whose key is gone"
        leaves = "leaf does" if closed == 1 else "leaves do"
        difference = f"{closed} {leaves} not open, of {whose}: {passed.unreadable[0].error}"
    return LeafComparison(difference, unreadable, closed)


def _differing_in_pages(connection: Connection, vault: Vault, passed: _Passed) -> Iterator[Difference]:
    """The first difference of each page of the leaves."""
    size = size_of(connection, t.LOG)
    for start in range(0, size, LEAVES_AT_ONCE):
        page = range(start, min(start + LEAVES_AT_ONCE, size))
        accounts, leaves = accounts_of_leaves(connection, t.LOG, page), []
        for place, leaf in opened(connection, t.LOG, vault, page):
            if isinstance(leaf, UnreadableRecord):
                passed.unreadable.append(leaf)
            elif leaf is not None:
                leaves.append(Leaf(place, leaf.kind, accounts[place], leaf.data))
        yield _differing_in_page(connection, leaves, passed)


def _differing_as_a_whole(connection: Connection, passed: _Passed, unreadable: Collection[str]) -> Difference:
    """What only all leaves together show: what has no leaf, and the few leaves of other kinds."""
    closed = [leaf.kind for leaf in passed.unreadable]
    stored = int(connection.execute(select(func.count()).select_from(t.decisions)).scalar_one())
    with_leaf = passed.decisions + sum(kind in DECISIONS for kind in closed)
    if with_leaf != stored:
        return f"{stored} decisions are stored, and {with_leaf} have a leaf"
    if RecordKind.EVENTS not in closed:  # a leaf that does not open does not say how many events it is of
        difference = difference_of_counts(connection, passed.first_event, passed.events)
        if difference:
            return difference
    difference = _differing_notice(connection, passed, unreadable)
    by_leaves = (compare(connection, passed.others, unreadable) for compare in BY_LEAVES)
    return difference or next(filter(None, by_leaves), None)


def _differing_in_page(connection: Connection, page: Sequence[Leaf], passed: _Passed) -> Difference:
    decisions = [leaf for leaf in page if leaf.kind in DECISIONS]
    passed.others += (leaf for leaf in page if leaf.kind not in MANY)
    by_kind: dict[RecordKind, list[dict[str, Any]]] = {}
    for leaf in page:
        if leaf.kind not in DECISIONS:
            content = leaf.content()
            if leaf.account != (about := content.get("account", "")):
                return f"leaf {leaf.position} is about `{about}`, and its key is of `{leaf.account}`"
            by_kind.setdefault(leaf.kind, []).append(content)
    contents = by_kind.get(RecordKind.EVENTS, [])
    passed.decisions += len(decisions)
    passed.events += sum(content["count"] for content in contents)
    passed.first_event = min((*(content["first"] for content in contents), passed.first_event))
    for notice in by_kind.get(RecordKind.NOTICE, []):
        notified = (notice["account"], notice["number"])
        if notice["kind"] == "notice sent":
            passed.sent[notified] = (notice["at"], notice["position"])
        else:
            passed.notices[notified] = tuple(notice[name] for name in NOTICE_COLUMNS)
    return _differing_decision(connection, decisions) or differing_events(connection, contents)


def _differing_decision(connection: Connection, leaves: Sequence[Leaf]) -> Difference:
    read = [(leaf, read_decision(leaf.data)) for leaf in leaves]
    d, names = t.decisions.c, sorted({decision.account for _, decision in read})
    rows = connection.execute(select(d.account, d.number, d.record).where(within(connection, d.account, names)))
    stored = {(account, number): as_bytes(record) for account, number, record in rows}
    for leaf, decision in read:
        if leaf.account != decision.account:
            return f"leaf {leaf.position} is a decision of `{decision.account}`, and its key is of `{leaf.account}`"
        if stored.get((decision.account, decision.number)) != leaf.data:
            place = f"decision {decision.number} of `{decision.account}`"
            return f"leaf {leaf.position} is {place}, and the store has it otherwise"
    return None


def _differing_notice(connection: Connection, passed: _Passed, unreadable: Collection[str]) -> Difference:
    """The first notice that is not in the store as its leaves say. One from before there were such leaves has none."""
    n, unmet = t.notices.c, {notified for notified in passed.notices if notified[0] not in unreadable}
    query = select(n.account, n.number, *(n[name] for name in NOTICE_COLUMNS), n.sent_at, n.sent_position)
    for account, number, *written, sent_at, sent_position in connection.execute(query):
        notified = (account, number)
        if notified not in unmet:
            continue
        unmet.remove(notified)
        if tuple(written) != passed.notices[notified]:
            return f"the notice `{account}#{number}` is stored otherwise than it was written down"
        if passed.sent.get(notified, (None, None)) != (sent_at, sent_position):
            return f"whether the notice `{account}#{number}` was sent, and when, is not what its leaves say"
    if unmet:
        account, number = min(unmet)
        return f"the notice `{account}#{number}` has a leaf, and is not in the store"
    return None


# ------------------------------------------------------------------ the few of other kinds


def _versions_by_leaves(connection: Connection, leaves: list[Leaf], unreadable: Collection[str]) -> Difference:
    if "" in unreadable:
        return None
    p = t.policies.c
    rows = connection.execute(select(p.digest, p.name, p.version, p.kernel, p.signed_by, p.edition, p.record_format))
    stored, sealed, clock = {row.digest: row for row in rows}, set[str](), None
    for leaf in leaves:
        if leaf.kind is not RecordKind.POLICY:
            continue
        content = leaf.content()
        row = stored.get(content["policy"])
        sealed.add(content["policy"])
        if row is None:
            place = f"version {content['version']} of `{content['name']}`"
            return f"leaf {leaf.position} is {place}, which the store does not have"
        kernel = digest(row.kernel)
        has = {"kernel": kernel, "signed_by": row.signed_by, "edition": row.edition, "record_format": row.record_format}
        for name, value in has.items():
            if content.get(name) != value:
                place = f"`{name}` of version {row.version} of `{row.name}`"
                return f"leaf {leaf.position} and `policies` differ in {place}"
        clock = content.get("utc_offsets", clock)  # leaves did not always say it
    if clock is not None and clock != clock_digest(connection):
        return "`utc_offsets` are not those that the newest version came into force with"
    bare = [row for row in stored.values() if sealed and row.digest not in sealed]
    return f"version {bare[0].version} of `{bare[0].name}` is stored, and has no leaf" if bare else None


def _rulings_by_leaves(connection: Connection, leaves: list[Leaf], unreadable: Collection[str]) -> Difference:
    """Each ruling of a person stands in the log as it does among the events; a refused one in the log alone."""
    e, sealed = t.events.c, {leaf.data for leaf in leaves if leaf.kind is RecordKind.RULING and leaf.account}
    query = select(e.id, e.account, e.at, e.body).where(e.kind == "override").order_by(e.seq)
    for row in connection.execute(query):
        if row.account in unreadable:
            continue
        if ruling_record(row.id, row.account, row.at, _DECODE(row.body)) not in sealed:
            return f"the ruling `{row.id}` on `{row.account}` stands in no leaf"
    return None


def _batch_rulings_by_leaves(connection: Connection, leaves: list[Leaf], unreadable: Collection[str]) -> Difference:
    """Each ruling on a batch of a feed stands in the log as it does in the store, and the other way round."""
    if "" in unreadable:
        return None
    contents = [leaf.content() for leaf in leaves if leaf.kind is RecordKind.RULING and not leaf.account]
    sealed = Counter(tuple(content[name] for name in RULING_COLUMNS) for content in contents)
    columns = [t.batch_rulings.c[name] for name in RULING_COLUMNS]
    stored = Counter(tuple(row) for row in connection.execute(select(*columns)))
    differing = next(iter((sealed - stored) + (stored - sealed)), None)
    if differing is None:
        return None
    return f"the ruling on the batch `{differing[2]}` of `{differing[0]}` stands in one of log and store alone"


def _law_by_leaves(connection: Connection, leaves: list[Leaf], unreadable: Collection[str]) -> Difference:
    """The law under which notices stand, where it was noted together with a leaf."""
    law = next((leaf.content() for leaf in leaves if leaf.kind is RecordKind.LAW), None)
    row = connection.execute(select(t.law.c.jurisdiction, t.law.c.product)).first()
    if law is None or (row is not None and tuple(row) == (law["jurisdiction"], law["product"])):
        return None
    return f"the log has the law of `{law['jurisdiction']}`, `{law['product']}`, and `law` in the store has another"


def _erasures_by_leaves(connection: Connection, leaves: list[Leaf], unreadable: Collection[str]) -> Difference:
    """Each erasure has its leaf and its mark, and what no longer opens was closed by one of them."""
    if "" in unreadable:
        return None
    erasures = [leaf.content() for leaf in leaves if leaf.kind is RecordKind.ERASURE]
    marks = set(connection.execute(select(t.erased_accounts.c.mark)).scalars())
    if len(marks) != len(erasures):
        return f"the log has {len(erasures)} erasures, and `erased_accounts` {len(marks)} marks"
    if not marks.issuperset(erasure["mark"] for erasure in erasures if "mark" in erasure):
        return "a mark in `erased_accounts` is not the one that its erasure put into the log"
    closed = {position for erasure in erasures for position in erasure["leaves"]}
    e = t.LOG.entries.c
    without_key = set(connection.execute(select(e.position).where(e.key.is_(None))).scalars())
    if without_key != closed:
        leaf = min(without_key ^ closed)
        return f"leaf {leaf} is {'closed, and no erasure says so' if leaf in without_key else 'open after its erasure'}"
    return None


def _batches_by_leaves(connection: Connection, leaves: list[Leaf], unreadable: Collection[str]) -> Difference:
    """Each batch of a feed is as its leaves say: when it came, what it held, and what became of it."""
    if "" in unreadable:
        return None
    batches = dict[tuple[str, str], dict[str, Any]]()
    for leaf in leaves:
        content = leaf.content() if leaf.kind in (RecordKind.BATCH, RecordKind.RULING) and not leaf.account else {}
        named = (content.get("source", ""), content.get("content", ""))
        if content.get("kind") == "batch":
            batches[named] = content
        elif named in batches:  # it was ruled on, or taken in
            batches[named]["state"] = STATE_AFTER[content["ruling"]] if "ruling" in content else "taken"
    b = t.feed_batches.c
    query = select(b.seq, *(b[name] for name in BATCH_COLUMNS)).order_by(b.seq)
    unmet, waited_for = list(batches), False
    for _, *row in connection.execute(query):
        waited_for = waited_for or tuple(row[:2]) in batches
        if not waited_for:  # from before batches had leaves
            continue
        if not unmet or tuple(row) != tuple(batches[unmet[0]][name] for name in BATCH_COLUMNS):
            return f"the batch `{row[2]}` of `{row[0]}` is stored otherwise than its leaves say"
        unmet.pop(0)
    return f"a batch of `{unmet[0][0]}` has a leaf, and is not in the store" if unmet else None


def _access_by_leaves(connection: Connection, leaves: list[Leaf], unreadable: Collection[str]) -> Difference:
    """Each key of the service is as it was made, and ended when it was revoked. One without a leaf opens nothing."""
    if "" in unreadable:
        return None
    contents = [leaf.content() for leaf in leaves if leaf.kind is RecordKind.ACCESS]
    ended = {content["id"]: content["revoked_at"] for content in contents if content["kind"] == "access key revoked"}
    made = {content["id"]: content for content in contents if content["kind"] == "access key"}
    for row in connection.execute(select(t.access_keys).order_by(t.access_keys.c.id)).mappings():
        key = made.pop(row["id"], None)
        if key is None and row["revoked_at"] is None:
            return f"the key `{row['id']}` of the service has no leaf; revoke it, and make another"
        if key is not None and dict(row) != {name: key.get(name, ended.get(row["id"])) for name in row}:
            return f"the key `{row['id']}` of the service is stored otherwise than its leaves say"
    return f"the key `{min(made)}` of the service has a leaf, and is not in the store" if made else None


# Each is given the accounts whose records do not open: what these would say is passed over.
BY_LEAVES: tuple[Callable[[Connection, list[Leaf], Collection[str]], Difference], ...] = (
    _versions_by_leaves,
    _rulings_by_leaves,
    _batch_rulings_by_leaves,
    _batches_by_leaves,
    _law_by_leaves,
    _access_by_leaves,
    _erasures_by_leaves,
)
