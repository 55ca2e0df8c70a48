"""Law 3: the journal, replayed from empty, gives the same states, decisions and hashes.

`verify` holds what is stored against that; `rebuild_states` makes the states anew, for they are only a cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, select

from linekeeper.core.bounds import AT_END_MS, AT_MIN_MS, MONEY_MAX
from linekeeper.core.errors import LinekeeperError
from linekeeper.decide.record import Recorder
from linekeeper.engine.brake import Gate, Look, from_ledger
from linekeeper.engine.found import NOT_REVIEWED, Arrivals, Chain, Findings, find_anew, record, with_reversals
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store, as_bytes, load_accounts, save_accounts
from linekeeper.kernel.batch import Batch, Ints, batch_of
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.kernel.late import REVERSAL
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Field, Policy

ACCOUNTS_AT_ONCE = 20_000


class Unreadable(LinekeeperError):
    """A stored event is not one that could have been taken in."""

    def __init__(self, event: str, account: str) -> None:
        super().__init__(f"the event `{event}` of `{account}` cannot be read as the policy's kinds have it")


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
    try:
        table, arrivals = _events(connection, kernel.policy, names)
    except Unreadable as error:
        return Verdict(len(names), 0, 0, str(error))
    batch, ids = batch_of(kernel.policy, kernel.calendar, table), table["id"].to_pylist()
    states = np.zeros((len(batch.accounts), kernel.layout.size), dtype=np.int64)
    findings = derive(kernel, batch, arrivals, states, reviews, first_held(connection, names))
    chains = [Chain() for _ in batch.accounts]
    difference = _refused(batch, ids, findings)
    difference = difference or _compare_decisions(connection, kernel, batch, ids, findings, chains)
    difference = difference or _compare_states(connection, kernel, batch, states, chains)
    return Verdict(len(names), len(batch), len(findings.decisions), difference)


def _events(connection: Connection, policy: Policy, names: list[str]) -> tuple[pa.Table, Arrivals]:
    """Those accounts' events in order of arrival, as an event table, and how they arrived."""
    e = t.events.c
    query = select(e.seq, e.source, e.id, e.account, e.kind, e.at, e.body)
    rows = connection.execute(query.where(e.account >= names[0], e.account <= names[-1]).order_by(e.seq)).all()
    read = _reader(policy)
    fields = [read(row) for row in rows]
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


def _reader(policy: Policy) -> Callable[[Any], dict[str, int | str]]:
    """Reads the fields of a stored event; raises Unreadable where it is not what the door admits."""
    decode = msgspec.json.Decoder(dict[str, int | str]).decode
    kinds = {kind.name: {field.name: field for field in kind.fields} for kind in policy.kinds}

    def fits(field: Field | None, value: int | str) -> bool:
        if field is None:  # a text
            return isinstance(value, str)
        return value in field.choices if field.choices else isinstance(value, int) and abs(value) <= MONEY_MAX

    def read(row: Any) -> dict[str, int | str]:
        try:
            fields, known = decode(row.body), kinds[row.kind]
        except (msgspec.DecodeError, KeyError):
            raise Unreadable(row.id, row.account) from None
        required = (name for name, field in known.items() if not field.optional)
        fit = all(fits(known.get(name), value) for name, value in fields.items())
        if not (fit and all(name in fields for name in required) and AT_MIN_MS <= row.at < AT_END_MS):
            raise Unreadable(row.id, row.account)
        return fields

    return read


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
    connection: Connection, kernel: Kernel, batch: Batch, ids: list[str], findings: Findings, chains: list[Chain]
) -> str | None:
    recorder = Recorder(kernel)
    derived = (record(recorder, batch, ids, found, chains[found.account]) for found in findings.decisions)
    d, names = t.decisions.c, batch.accounts
    query = select(d.account, d.number, d.record, d.hash, d.at, d.action).order_by(d.account, d.number)
    query = query.where(d.account >= names[0], d.account <= names[-1])
    stored = iter(connection.execution_options(yield_per=10_000).execute(query))
    for decision, data, digest in derived:
        place = f"decision {decision.number} of `{decision.account}`"
        row = next(stored, None)
        if row is None or (row.account, row.number) > (decision.account, decision.number):
            return f"{place} follows from the events and is not stored"
        if (row.account, row.number) < (decision.account, decision.number):
            return f"decision {row.number} of `{row.account}` is stored and does not follow from the events"
        if (as_bytes(row.record), row.at, row.action) != (data, decision.at, decision.action):
            return f"{place} is stored otherwise than the events say; see `linekeeper explain {decision.account}`"
        if row.hash != digest:
            return f"{place} is stored with a hash that is not its own"
    row = next(stored, None)
    return f"decision {row.number} of `{row.account}` is stored and does not follow from the events" if row else None


def _compare_states(
    connection: Connection, kernel: Kernel, batch: Batch, states: Ints, chains: list[Chain]
) -> str | None:
    a, names = t.accounts.c, batch.accounts
    query = select(a.account, a.state, a.next_review, a.decisions, a.last_hash)
    found = connection.execute(query.where(a.account >= names[0], a.account <= names[-1]))
    stored = {row.account: (as_bytes(row.state), row.next_review, row.decisions, row.last_hash) for row in found}
    opened, due = kernel.layout.slots["OPENED"], kernel.layout.slots["NEXT"]
    for place, name in enumerate(names):
        state, chain = states[place], chains[place]
        derived = (state.astype("<i8").tobytes(), int(state[due]), chain.number, chain.last_hash)
        if stored.get(name) != (derived if state[opened] else None):
            return f"the state of `{name}` is not what its events lead to"
    return None


def _refused(batch: Batch, ids: list[str], findings: Findings) -> str | None:
    """The journal holds only events that were taken in."""
    event = min(findings.refused, default=None)
    if event is None:
        return None
    account = batch.accounts[int(np.searchsorted(batch.starts, event, side="right")) - 1]
    return f"the event `{ids[batch.rows[event]]}` of `{account}` stands in the journal and could not be taken in"
