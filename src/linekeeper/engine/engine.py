"""The engine: an event comes in at one end, a decision leaves at the other, and both are durable together.

One batch is one transaction: events, states, decisions and log leaves are all written, or none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import rfc8785
from sqlalchemy import Connection, func, select

from linekeeper.core.decision import Decision
from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import SetAside
from linekeeper.decide.record import Recorder
from linekeeper.engine.brake import Gate
from linekeeper.engine.derive import rebuild_states, stale_layout
from linekeeper.engine.found import NOT_REVIEWED, REFUSED, Arrivals, Chain, Findings, find, record
from linekeeper.engine.held import Run, find_braked, keep_book, open_book, review_batch, save_holds, totals
from linekeeper.engine.history import pasts_before, recall
from linekeeper.engine.inbox import Taken, reversals, set_aside_refused, take_in
from linekeeper.engine.outbox import Law, open_outbox
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, keeps_log
from linekeeper.journal.log.entry import Kind, Record
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
from linekeeper.kernel.late import Past

if TYPE_CHECKING:
    import pyarrow as pa

    from linekeeper.policy.model import Policy

REVIEW_BATCH = 5_000


class EngineError(LinekeeperError):
    """The store and the policy do not fit each other."""


@dataclass
class Tally:
    """What a call did, added up: events taken, repeats, set aside, decisions by action, looks made.

    `held` counts the restrictions that the brake began to hold for a person.
    """

    events: int = 0
    same: int = 0
    set_aside: list[SetAside] = field(default_factory=list)
    actions: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    held: int = 0

    def add(self, other: Tally) -> None:
        """Take in another call's tally."""
        self.events += other.events
        self.same += other.same
        self.set_aside += other.set_aside
        self.actions += other.actions
        self.looks += other.looks
        self.held += other.held


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a draw may happen; if not, why: `suspended`, `closed`, `over_limit`, or the rules' reason codes."""

    allowed: bool
    reasons: tuple[str, ...]
    rules: tuple[str, ...]


class Engine:
    """One policy over one store. With a `keeper`, each decision and its log leaf commit together.

    `brake`: a burst of restrictions waits for a person, as the policy's brake says; off for a back-fill of history.
    Under a `law`, here or since an engine before, each decision that borrowers are told of commits with its notice.
    """

    def __init__(
        self,
        store: Store,
        policy: Policy,
        keeper: Keeper | None = None,
        *,
        brake: bool = False,
        law: Law | None = None,
    ) -> None:
        self.store, self.policy, self.keeper = store, policy, keeper
        if brake and policy.brake is None:
            raise EngineError(f"the policy `{policy.name}` has no `brake`; add `brake: {{lines: 2%, exposure: 3%}}`")
        self.brake = policy.brake if brake else None
        self.kernel: Kernel = kernel_of(policy)
        self.recorder = Recorder(self.kernel)
        with store.writing() as connection:
            self.read_only = _adopt(connection, self.kernel, keeper) and keeper is None
        if stale_layout(store, self.kernel):
            rebuild_states(store, self.kernel)
        with store.writing() as connection:
            open_book(connection, self.kernel)
            self.outbox = open_outbox(connection, law, policy.time_zone)

    def demand_keys(self) -> None:
        """Raises EngineError where the store keeps a log and this engine could not write to it."""
        if self.read_only:
            raise EngineError("the store keeps a log; name the folder of its keys: `--keys` or LINEKEEPER_KEYS")

    # -------------------------------------------------------------- events

    def receive(self, table: pa.Table, source: str) -> Tally:
        """Take a batch of admitted events (one transaction). They are put in order of `at` first."""
        self.demand_keys()
        order = np.argsort(table["at"].to_numpy(), kind="stable")
        table = table if bool(np.all(order[1:] > order[:-1])) else table.take(order)
        with self.store.writing() as connection:
            taken = take_in(connection, source, table)
            batch = batch_of(self.policy, self.kernel.calendar, taken.table)
            states, chains = self._load(connection, batch.accounts)
            reviewed = reviewed_day(connection)
            numbers = np.arange(taken.first_seq, taken.first_seq + len(taken.ids))
            arrivals = Arrivals(numbers, reversals(connection, source, taken))

            def pasts(accounts: Sequence[str]) -> dict[str, Past]:
                return pasts_before(connection, self.kernel, accounts, taken.first_seq)

            def run(part: Batch, own: Ints, gate: Gate | None) -> Findings:
                return find(self.kernel, part, own, reviewed, arrivals, pasts, gate)

            findings, held = self._under_brake(connection, batch, states, run, taken.ids, taken.first_seq)
            self._seal_rulings(connection, taken)
            reasons = {int(batch.rows[event]): REFUSED[code] for event, code in findings.refused.items()}
            refused = set_aside_refused(connection, source, taken, reasons)
            actions = self._write(connection, batch, taken.ids, findings, states, chains)
        aside = taken.conflicts + refused
        return Tally(len(taken.ids) - len(refused), taken.same, aside, actions, findings.looks, held)

    # -------------------------------------------------------------- reviews

    def review(self, until_day: int, progress: Callable[[int], None] | None = None) -> Tally:
        """Look at every account that is due, up to the start of local day `until_day`."""
        self.demand_keys()
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

            def run(part: Batch, own: Ints, gate: Gate | None) -> Findings:
                return review_batch(self.kernel, part, own, until_day, gate)

            findings, held = self._under_brake(connection, batch, states, run)
            actions = self._write(connection, batch, [], findings, states, chains)
        return Tally(actions=actions, looks=findings.looks, held=held)

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

    def _under_brake(
        self, connection: Connection, batch: Batch, states: Ints, run: Run, ids: Sequence[str] = (), first_seq: int = 0
    ) -> tuple[Findings, int]:
        """What the batch led to, and how many restrictions the brake began to hold."""
        before = totals(self.kernel, states)
        findings, gate = find_braked(connection, self.kernel, self.brake, batch, states, first_seq, run)
        keep_book(connection, before, totals(self.kernel, states))
        return findings, save_holds(connection, self.recorder, gate, ids, first_seq)

    def _seal_rulings(self, connection: Connection, taken: Taken) -> None:
        """A person's ruling is a leaf of its own, beside the decision that it may lead to."""
        if self.keeper:
            rulings = taken.table.filter(pc.equal(taken.table["kind"], "override"))
            bodies = ({name: value for name, value in row.items() if value is not None} for row in rulings.to_pylist())
            records = [Record(Kind.RULING, body["account"], rfc8785.dumps(body)) for body in bodies]
            self.keeper.seal(connection, records)

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
        recall(connection, self.kernel, batch, findings, chains)
        seq = next_seq(connection, t.decisions)
        rows: list[tuple[Any, ...]] = []
        decided: list[Decision] = []
        for found in findings.decisions:
            decision, data, digest = record(self.recorder, batch, ids, found, chains[found.account])
            actions[decision.action] += 1
            decided.append(decision)
            rows.append(
                (seq + len(rows), decision.account, decision.number, decision.at, decision.action, data, digest)
            )
        insert_many(connection, t.decisions, DECISION_COLUMNS, rows)
        if self.outbox:
            self.outbox.put(connection, decided)
        slots, layout = self.kernel.layout.slots, self.kernel.layout.digest
        opened, due = states[:, slots["OPENED"]].tolist(), states[:, slots["NEXT"]].tolist()
        plain = states.astype("<i8", copy=False)
        accounts = [
            (name, layout, plain[place].tobytes(), due[place], chains[place].number, chains[place].last_hash)
            for place, name in enumerate(batch.accounts)
            if opened[place]
        ]
        save_accounts(connection, accounts)
        if self.keeper:
            kinds = {"correct": Kind.CORRECTION}
            leaves = [Record(kinds.get(row[4], Kind.DECISION), row[1], row[5]) for row in rows]
            self.keeper.seal(connection, leaves)
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


def _adopt(connection: Connection, kernel: Kernel, keeper: Keeper | None) -> bool:
    """Note the policy in the store, which keeps to the policy and the log that it began with; says whether to a log."""
    policy = kernel.policy
    p = t.policies.c
    known = connection.execute(select(p.digest, p.name, p.version)).all()
    logged = keeps_log(connection)
    if known and not logged and keeper is not None:
        raise EngineError("the store holds decisions that no log has; keep a log from the first event on")
    if any(row[0] == policy.digest for row in known):
        return logged
    if known:
        other = f"`{known[0][1]}` version {known[0][2]}"
        raise EngineError(f"the store holds decisions of policy {other}, not of this file; use another `--store`")
    names = ("digest", "name", "version", "text", "card", "kernel")
    row = (policy.digest, policy.name, policy.version, policy.source, policy.card, kernel.source)
    insert_many(connection, t.policies, names, [row])
    if keeper:
        body: dict[str, str | int] = {"name": policy.name, "version": policy.version}
        body |= {"policy": policy.digest, "kernel": kernel.digest}
        leaves = [Record(Kind.POLICY, "", rfc8785.dumps(body))]
        if policy.score and policy.score.card:
            leaves.append(Record(Kind.MODEL, "", rfc8785.dumps({"model": policy.score.card})))
        keeper.seal(connection, leaves)
    return keeper is not None
