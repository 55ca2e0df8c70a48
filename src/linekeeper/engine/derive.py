"""Law 3: the journal, replayed from empty, gives the same states, decisions and hashes.

`verify` holds what is stored against that; `rebuild_states` makes the states anew, for they are only a cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, select

from linekeeper.core.errors import LinekeeperError
from linekeeper.decide.record import Recorder
from linekeeper.engine.brake import Gate, Look, from_ledger
from linekeeper.engine.found import NOT_REVIEWED, Arrivals, Chain, Findings, find_anew, record, with_reversals
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store, decision_records, load_accounts, save_accounts
from linekeeper.kernel.batch import Batch, Ints, batch_of
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.kernel.late import REVERSAL
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy

ACCOUNTS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. `first_difference` says where the journal and the replay part, if they do."""

    accounts: int
    events: int
    decisions: int
    first_difference: str | None

    @property
    def same(self) -> bool:
        """Whether everything was the same."""
        return self.first_difference is None


def stored_policy(store: Store) -> Policy:
    """The policy that the store's decisions were made by, read from the store itself."""
    p = t.policies.c
    with store.reading() as connection:
        row = connection.execute(select(p.text, p.name, p.card)).first()
    if row is None:
        raise LinekeeperError("the store is empty; run a policy over some events first: `linekeeper run`")
    card = bytes(row[2]) if row[2] is not None else None
    return load_text(row[0], f"{row[1]}.yaml", (lambda _: card) if card is not None else None)


def verify(store: Store, progress: Callable[[int], None] | None = None) -> Verdict:
    """Derive every decision and every state anew from the events, and hold them against what is stored."""
    kernel = kernel_of(stored_policy(store))
    accounts = events = decisions = 0
    with store.reading() as connection:
        reviews = _reviews(connection)
        for names in _account_pages(connection):
            part = _verify_some(connection, kernel, names, reviews)
            accounts, events, decisions = accounts + len(names), events + part.events, decisions + part.decisions
            if part.first_difference:
                return Verdict(accounts, events, decisions, part.first_difference)
            if progress:
                progress(len(names))
        stray = _stray(connection)
    return Verdict(accounts, events, decisions, stray)


def stale_layout(store: Store, kernel: Kernel) -> bool:
    """Whether states are kept under another layout than the kernel's."""
    query = select(t.accounts.c.account).where(t.accounts.c.layout != kernel.layout.digest).limit(1)
    with store.reading() as connection:
        return connection.execute(query).first() is not None


def rebuild_states(store: Store, kernel: Kernel) -> None:
    """Make every state anew from the events, under the kernel's layout; decisions stay as they are."""
    with store.writing() as connection:
        reviews = _reviews(connection)
        for names in list(_account_pages(connection)):
            table, arrivals = _events(connection, kernel.policy, names)
            batch = batch_of(kernel.policy, kernel.calendar, table)
            states = np.zeros((len(batch.accounts), kernel.layout.size), dtype=np.int64)
            derive(kernel, batch, arrivals, states, reviews, first_held(connection, names))
            known = load_accounts(connection, batch.accounts)
            due = states[:, kernel.layout.slots["NEXT"]].tolist()
            plain = states.astype("<i8", copy=False)
            rows = [
                (name, kernel.layout.digest, plain[place].tobytes(), due[place], row.decisions, row.last_hash)
                for place, name in enumerate(batch.accounts)
                if (row := known.get(name))
            ]
            save_accounts(connection, rows)


def _reviews(connection: Connection) -> list[tuple[int, int]]:
    """The reviews in order: (the event they came after, the day up to which they looked)."""
    marks = connection.execute(select(t.reviews.c.after_event, t.reviews.c.until_day).order_by(t.reviews.c.seq))
    return [(int(after), int(day)) for after, day in marks]


def first_held(connection: Connection, names: list[str]) -> list[tuple[str, Look]]:
    """The looks of those accounts (in order) that were the first to be held by the brake."""
    h = t.held.c
    query = select(h.account, h.day, h.event).where(h.account >= names[0], h.account <= names[-1])
    return [(account, Look(day, event)) for account, day, event in connection.execute(query)]


def _account_pages(connection: Connection) -> Iterator[list[str]]:
    """All accounts that have events, in order, some thousands at a time."""
    e = t.events.c
    last = ""
    while True:
        query = select(e.account).where(e.account > last).distinct().order_by(e.account).limit(ACCOUNTS_AT_ONCE)
        names = [row[0] for row in connection.execute(query)]
        if not names:
            return
        yield names
        last = names[-1]


def _stray(connection: Connection) -> str | None:
    """A decision or a state of an account without events."""
    known = select(t.events.c.account)
    for table in (t.decisions, t.accounts):
        row = connection.execute(select(table.c.account).where(table.c.account.not_in(known)).limit(1)).first()
        if row:
            return f"the account `{row[0]}` stands in `{table.name}` and has no events"
    return None


def _verify_some(connection: Connection, kernel: Kernel, names: list[str], reviews: list[tuple[int, int]]) -> Verdict:
    table, arrivals = _events(connection, kernel.policy, names)
    batch = batch_of(kernel.policy, kernel.calendar, table)
    states = np.zeros((len(batch.accounts), kernel.layout.size), dtype=np.int64)
    findings = derive(kernel, batch, arrivals, states, reviews, first_held(connection, names))
    difference = _compare_decisions(connection, kernel, batch, table["id"].to_pylist(), findings, names)
    difference = difference or _compare_states(connection, kernel, batch, states, names)
    return Verdict(len(names), len(batch), len(findings.decisions), difference)


def _events(connection: Connection, policy: Policy, names: list[str]) -> tuple[pa.Table, Arrivals]:
    """Those accounts' events in order of arrival, as an event table, and how they arrived."""
    e = t.events.c
    query = select(e.seq, e.source, e.id, e.account, e.kind, e.at, e.body)
    rows = connection.execute(query.where(e.account >= names[0], e.account <= names[-1]).order_by(e.seq)).all()
    decode = msgspec.json.Decoder(dict[str, int | str]).decode
    fields = [decode(row.body) for row in rows]
    columns: dict[str, pa.Array] = {
        "id": pa.array([row.id for row in rows], pa.string()),
        "account": pa.array([row.account for row in rows], pa.string()),
        "kind": pa.array([row.kind for row in rows], pa.string()),
        "at": pa.array([row.at for row in rows], pa.int64()),
    }
    words = {field.name for kind in policy.kinds for field in kind.fields if field.choices}
    for name in {field.name for kind in policy.kinds for field in kind.fields}:
        kind = pa.string() if name in words else pa.int64()
        columns[name] = pa.array([found.get(name) for found in fields], kind)
    seqs = {(row.source, row.id): row.seq for row in rows}
    pairs = zip(rows, fields, strict=True)
    reverses = {row.seq: seqs[row.source, found["of"]] for row, found in pairs if row.kind == REVERSAL}
    return pa.table(columns), Arrivals(np.array([row.seq for row in rows], dtype=np.int64), reverses)


def derive(
    kernel: Kernel,
    batch: Batch,
    arrivals: Arrivals,
    states: Ints,
    reviews: list[tuple[int, int]],
    held: Sequence[tuple[str, Look]],
) -> Findings:
    """Every decision of the batch's accounts from empty; `held` are the looks that were the first to be held."""
    afters = np.array([after for after, _ in reviews], dtype=np.int64)
    days = np.array([NOT_REVIEWED, *(day for _, day in reviews)], dtype=np.int64)
    arrival = arrivals.numbers[batch.rows]
    reviewed = days[np.searchsorted(afters, arrival, side="left")]
    apart = with_reversals(kernel, batch)
    owner = np.repeat(np.arange(len(batch.accounts)), np.diff(batch.starts))
    backwards = (np.diff(arrival) < 0) & (np.diff(owner) == 0)
    apart[owner[1:][backwards]] = True
    apart[owner[batch.hour < reviewed * 24]] = True
    apart |= np.isin(batch.accounts, [account for account, _ in held])
    gate = Gate(kernel, arrival.tolist(), {}, from_ledger(held)) if held else None
    compiled = len(batch) >= 5_000
    return find_anew(kernel, batch, apart, arrivals, reviewed, int(days[-1]), gate, states=states, compiled=compiled)


def _compare_decisions(
    connection: Connection, kernel: Kernel, batch: Batch, ids: list[str], findings: Findings, names: list[str]
) -> str | None:
    recorder = Recorder(kernel)
    chains = [Chain() for _ in batch.accounts]
    derived = (record(recorder, batch, ids, found, chains[found.account]) for found in findings.decisions)
    stored = decision_records(connection, first=names[0], last=names[-1])
    for decision, data, digest in derived:
        place = f"decision {decision.number} of `{decision.account}`"
        row = next(stored, None)
        if row is None or (row[0], row[1]) > (decision.account, decision.number):
            return f"{place} follows from the events and is not stored"
        if (row[0], row[1]) < (decision.account, decision.number):
            return f"decision {row[1]} of `{row[0]}` is stored and does not follow from the events"
        if row[2] != data:
            return f"{place} is stored otherwise than the events say; see `linekeeper explain {decision.account}`"
        if row[3] != digest:
            return f"{place} is stored with a hash that is not its own"
    row = next(stored, None)
    return f"decision {row[1]} of `{row[0]}` is stored and does not follow from the events" if row else None


def _compare_states(connection: Connection, kernel: Kernel, batch: Batch, states: Ints, names: list[str]) -> str | None:
    a = t.accounts.c
    query = select(a.account, a.state).where(a.account >= names[0], a.account <= names[-1])
    stored = {row[0]: bytes(row[1]) for row in connection.execute(query)}
    for place, name in enumerate(batch.accounts):
        derived = states[place].astype("<i8").tobytes()
        if states[place, kernel.layout.slots["OPENED"]] and stored.get(name) != derived:
            return f"the state of `{name}` is not what its events lead to"
    return None
