"""The engine: an event comes in at one end, a decision leaves at the other, and both are durable together.

One batch is one transaction: events, states, decisions and log leaves are all written, or none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, func, select

from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import SetAside
from linekeeper.decide.record import Recorder
from linekeeper.engine.derive import rebuild_states, stale_layout
from linekeeper.engine.found import NOT_REVIEWED, REFUSED, Chain, Findings, find, in_bulk, record
from linekeeper.engine.history import history_rows
from linekeeper.engine.inbox import set_aside_refused, take_in
from linekeeper.journal import tables as t
from linekeeper.journal.store import (
    DECISION_COLUMNS,
    AccountRow,
    Store,
    insert_many,
    load_accounts,
    next_seq,
    save_accounts,
)
from linekeeper.kernel.batch import Batch, Ints, batch_of
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.kernel.late import Row

if TYPE_CHECKING:
    import pyarrow as pa

    from linekeeper.policy.model import Policy

REVIEW_BATCH = 5_000
Sealer = Callable[[Connection, list[tuple[str, bytes]]], None]  # (account, decision record)s into the log


class EngineError(LinekeeperError):
    """The store and the policy do not fit each other."""


@dataclass
class Tally:
    """What a call did, added up: events taken, repeats, set aside, decisions by action, looks made."""

    events: int = 0
    same: int = 0
    set_aside: list[SetAside] = field(default_factory=list)
    actions: Counter[str] = field(default_factory=Counter)
    looks: int = 0

    def add(self, other: Tally) -> None:
        """Take in another call's tally."""
        self.events += other.events
        self.same += other.same
        self.set_aside += other.set_aside
        self.actions += other.actions
        self.looks += other.looks


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a draw may happen; if not, why: `suspended`, `closed`, `over_limit`, or the rules' reason codes."""

    allowed: bool
    reasons: tuple[str, ...]
    rules: tuple[str, ...]


class Engine:
    """One policy over one store. `seal`, where given, writes each decision to the transparency log."""

    def __init__(self, store: Store, policy: Policy, seal: Sealer | None = None) -> None:
        self.store, self.policy, self.seal = store, policy, seal
        self.kernel: Kernel = kernel_of(policy)
        self.recorder = Recorder(self.kernel)
        with store.writing() as connection:
            _adopt(connection, self.kernel)
        if stale_layout(store, self.kernel):
            rebuild_states(store, self.kernel)

    # -------------------------------------------------------------- events

    def receive(self, table: pa.Table, source: str) -> Tally:
        """Take a batch of admitted events (one transaction). They are put in order of `at` first."""
        order = np.argsort(table["at"].to_numpy(), kind="stable")
        table = table if bool(np.all(order[1:] > order[:-1])) else table.take(order)
        with self.store.writing() as connection:
            taken = take_in(connection, source, table)
            batch = batch_of(self.policy, self.kernel.calendar, taken.table)
            states, chains = self._load(connection, batch.accounts)
            reviewed = reviewed_day(connection)

            def history(account: str, so_far: int) -> Iterable[Row]:
                return history_rows(connection, self.kernel, account, taken.first_seq, so_far)

            findings = find(self.kernel, batch, states, reviewed, history)
            reasons = {int(batch.rows[event]): REFUSED[code] for event, code in findings.refused.items()}
            refused = set_aside_refused(connection, source, taken, reasons)
            actions = self._write(connection, batch, taken.ids, findings, states, chains)
        return Tally(len(taken.ids) - len(refused), taken.same, taken.conflicts + refused, actions, findings.looks)

    # -------------------------------------------------------------- reviews

    def review(self, until_day: int, progress: Callable[[int], None] | None = None) -> Tally:
        """Look at every account that is due, up to the start of local day `until_day`."""
        with self.store.writing() as connection:
            if until_day > reviewed_day(connection):
                after = next_seq(connection, t.events) - 1
                insert_many(connection, t.reviews, ("after_event", "until_day"), [(after, until_day)])
        tally = Tally()
        for names in iter(lambda: self._due(until_day), []):
            tally.add(self._review_some(names, until_day))
            if progress:
                progress(len(names))
        return tally

    def due_count(self, until_day: int) -> int:
        """How many accounts a review up to that day would look at first."""
        with self.store.reading() as connection:
            query = select(func.count()).where(t.accounts.c.next_review <= until_day)
            return int(connection.execute(query).scalar_one())

    def _due(self, until_day: int) -> list[str]:
        a = t.accounts.c
        with self.store.reading() as connection:
            query = select(a.account).where(a.next_review <= until_day).order_by(a.next_review).limit(REVIEW_BATCH)
            return [row[0] for row in connection.execute(query)]

    def _review_some(self, names: list[str], until_day: int) -> Tally:
        with self.store.writing() as connection:
            batch = _no_events(sorted(names), self.kernel)
            states, chains = self._load(connection, batch.accounts)
            findings = in_bulk(self.kernel, batch, states, until_day)
            actions = self._write(connection, batch, [], findings, states, chains)
        return Tally(actions=actions, looks=findings.looks)

    # -------------------------------------------------------------- draws

    def authorise(self, account: str, at: int, amount: int) -> Answer:
        """Whether a draw of `amount` minor units may happen at `at` (UTC ms). It changes nothing."""
        hour = self.kernel.calendar.hour(at)
        with self.store.reading() as connection:
            found = load_accounts(connection, [account]).get(account)
        if found is None:
            raise EngineError(f"the account `{account}` is not known; send its `open` event first")
        state = np.frombuffer(found.state, dtype="<i8").tolist()
        run, out, slots = self.kernel.interpreted, self.kernel.new_row(), self.kernel.layout.slots
        while state[slots["NEXT"]] <= hour // 24:
            run.review(state, out, state[slots["NEXT"]])
        return answer_of(self.policy, run.authorise(state, out, max(hour, state[slots["HOUR"]]), amount))

    def accounts(self) -> int:
        """How many accounts are open."""
        with self.store.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(t.accounts)).scalar_one())

    # -------------------------------------------------------------- rows

    def _load(self, connection: Connection, names: list[str]) -> tuple[Ints, list[Chain]]:
        """States and chains of the accounts; new ones start from nothing."""
        known = load_accounts(connection, names) if names else {}
        size = self.kernel.layout.size
        empty = AccountRow(bytes(8 * size), self.kernel.layout.digest, 0, None)
        rows = [known.get(name, empty) for name in names]
        joined = bytearray().join(row.state for row in rows)
        states = np.frombuffer(joined, dtype="<i8").reshape(len(names), size).astype(np.int64, copy=False)
        return states, [Chain(row.decisions, row.last_hash) for row in rows]

    def _write(
        self,
        connection: Connection,
        batch: Batch,
        ids: list[str],
        findings: Findings,
        states: Ints,
        chains: list[Chain],
    ) -> Counter[str]:
        """Decisions, states and log leaves of a batch."""
        actions: Counter[str] = Counter()
        seq = next_seq(connection, t.decisions)
        rows: list[tuple[Any, ...]] = []
        for found in findings.decisions:
            decision, data, digest = record(self.recorder, batch, ids, found, chains[found.account])
            actions[decision.action] += 1
            rows.append(
                (seq + len(rows), decision.account, decision.number, decision.at, decision.action, data, digest)
            )
        insert_many(connection, t.decisions, DECISION_COLUMNS, rows)
        slots, layout = self.kernel.layout.slots, self.kernel.layout.digest
        opened, due = states[:, slots["OPENED"]].tolist(), states[:, slots["NEXT"]].tolist()
        plain = states.astype("<i8", copy=False)
        accounts = [
            (name, layout, plain[place].tobytes(), due[place], chains[place].number, chains[place].last_hash)
            for place, name in enumerate(batch.accounts)
            if opened[place]
        ]
        save_accounts(connection, accounts)
        if self.seal and rows:
            self.seal(connection, [(row[1], row[5]) for row in rows])
        return actions


def answer_of(policy: Policy, denied: int) -> Answer:
    """The kernel's bits in words."""
    reasons = [word for bit, word in ((1, "suspended"), (2, "closed"), (4, "over_limit")) if denied & bit]
    if denied & 3:
        reasons = reasons[:1]
    rules = [rule for number, rule in enumerate(policy.authorise) if denied & 8 << number]
    reasons += [rule.reason for rule in rules]
    return Answer(denied == 0, tuple(dict.fromkeys(reasons)), tuple(rule.name for rule in rules))


def reviewed_day(connection: Connection) -> int:
    """The day up to which every account has been reviewed; NOT_REVIEWED before the first review."""
    found = connection.execute(select(func.max(t.reviews.c.until_day))).scalar_one()
    return NOT_REVIEWED if found is None else int(found)


def _no_events(names: list[str], kernel: Kernel) -> Batch:
    none = np.zeros(0, dtype=np.int64)
    width = max(1, *(len(kind.fields) for kind in kernel.policy.kinds))
    x = np.zeros((0, width), dtype=np.int64)
    return Batch(names, np.zeros(len(names) + 1, dtype=np.int64), none, none, none, none, x)


def _adopt(connection: Connection, kernel: Kernel) -> None:
    """Note the policy in the store; a store keeps to the policy that it began with."""
    policy = kernel.policy
    p = t.policies.c
    known = connection.execute(select(p.digest, p.name, p.version)).all()
    if any(row[0] == policy.digest for row in known):
        return
    if known:
        other = f"`{known[0][1]}` version {known[0][2]}"
        raise EngineError(f"the store holds decisions of policy {other}, not of this file; use another `--store`")
    names = ("digest", "name", "version", "text", "card", "kernel")
    row = (policy.digest, policy.name, policy.version, policy.source, policy.card, kernel.source)
    insert_many(connection, t.policies, names, [row])
