"""The engine: an event comes in at one end, a decision leaves at the other, and both are durable together.

One batch is one transaction: events, states, decisions and log leaves are all written, or none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import rfc8785
from sqlalchemy import Connection, func, select

from linekeeper.core.decision import Decision
from linekeeper.decide.record import Recorder
from linekeeper.engine.brake import Gate
from linekeeper.engine.derive import rebuild_states, stale_layout
from linekeeper.engine.draws import Answer, ask
from linekeeper.engine.found import REFUSED, Arrivals, Chain, Findings, find, record
from linekeeper.engine.held import (
    Run,
    find_braked,
    keep_book,
    open_book,
    review_batch,
    save_holds,
    totals,
    waiting_holds,
)
from linekeeper.engine.history import pasts_before, recall
from linekeeper.engine.inbox import Taken, reversals, set_aside_refused, take_in
from linekeeper.engine.outbox import Law, open_outbox
from linekeeper.engine.reviews import note_review, reviewed_day
from linekeeper.engine.rows import load_rows, save_rows
from linekeeper.engine.tally import Tally
from linekeeper.engine.versions import (
    EngineError,
    bring_over,
    kernels_of,
    read_versions,
    settle,
    stages_of,
    version_count,
)
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper
from linekeeper.journal.log.entry import Kind, Record
from linekeeper.journal.store import (
    DECISION_COLUMNS,
    Store,
    insert_many,
    load_accounts,
    next_seq,
)
from linekeeper.kernel.batch import Batch, Ints, batch_of, no_events
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.kernel.late import Past

if TYPE_CHECKING:
    import pyarrow as pa

    from linekeeper.policy.model import Policy

REVIEW_BATCH = 5_000


class Engine:
    """One policy over one store. With a `keeper`, each decision and its log leaf commit together.

    The policy is the version in force; accounts that are still under an earlier one (`honour`) are looked after by
    the engines that `under` gives. `superseded`: this is such an engine, and its policy need not be in force.
    `brake`: a burst of restrictions waits for a person, as the policy's brake says; off for a back-fill of history.
    Under a `law`, here or since an engine before, each decision that borrowers are told of commits with its notice.
    `signed_by`: who answers for the policy and its card, where the store begins with them.
    """

    def __init__(
        self,
        store: Store,
        policy: Policy,
        keeper: Keeper | None = None,
        *,
        brake: bool = False,
        law: Law | None = None,
        superseded: bool = False,
        signed_by: str | None = None,
    ) -> None:
        self.store, self.policy, self.keeper = store, policy, keeper
        if brake and policy.brake is None:
            raise EngineError(f"the policy `{policy.name}` has no `brake`; add `brake: {{lines: 2%, exposure: 3%}}`")
        self.brake = policy.brake if brake else None
        self.kernel: Kernel = kernel_of(policy)
        self.recorder = Recorder(self.kernel)
        with store.writing() as connection:
            self.read_only = settle(connection, self.kernel, keeper, superseded, signed_by) and keeper is None
            self._versions = version_count(connection)
        self._under: dict[str, Engine] = {policy.digest: self}
        if stale_layout(store, self.kernel):
            rebuild_states(store, self.kernel)
        with store.writing() as connection:
            open_book(connection)
            self.outbox = open_outbox(connection, law, policy.time_zone)

    def demand_keys(self) -> None:
        """Raises EngineError where the store keeps a log and this engine could not write to it."""
        if self.read_only:
            raise EngineError("the store keeps a log; name the folder of its keys: `--keys` or LINEKEEPER_KEYS")

    # -------------------------------------------------------------- versions

    def under(self, digest: str) -> Engine:
        """The engine of the version with that digest: this one, or one for accounts that are still under it."""
        if digest not in self._under:
            with self.store.reading() as connection:
                policy = next(policy for policy in read_versions(connection) if policy.digest == digest)
            brake = self.brake is not None and policy.brake is not None
            self._under[digest] = Engine(self.store, policy, self.keeper, brake=brake, superseded=True)
        return self._under[digest]

    def of(self, account: str) -> Engine:
        """The engine of the version that the account is under; of the one in force where it is not known."""
        if self._versions == 1:
            return self
        with self.store.reading() as connection:
            row = load_accounts(connection, [account]).get(account)
        return self.under(row.policy) if row else self

    def earlier(self) -> list[Engine]:
        """The engines of earlier versions that accounts are still under, oldest first."""
        if self._versions == 1:
            return []
        with self.store.reading() as connection:
            digests = set(connection.execute(select(t.accounts.c.policy).distinct()).scalars())
            versions = [policy.digest for policy in read_versions(connection)]
        return [self.under(digest) for digest in versions[:-1] if digest in digests]

    def _shared_out(self, table: pa.Table) -> list[tuple[Engine, pa.Table]]:
        """The events of each version's accounts; those of new ones are for the version in force."""
        if self._versions == 1:
            return [(self, table)]
        with self.store.reading() as connection:
            known = load_accounts(connection, table["account"].unique().to_pylist())
        digests = {name: row.policy for name, row in known.items()}
        policy = np.array([digests.get(name, self.policy.digest) for name in table["account"].to_pylist()])
        return [(self.under(str(digest)), table.filter(policy == digest)) for digest in np.unique(policy)]

    def _demand_version(self, connection: Connection) -> None:
        if version_count(connection) != self._versions:
            raise EngineError("another version of the policy came into force meanwhile; open the store again")

    # -------------------------------------------------------------- events

    def receive(self, table: pa.Table, source: str) -> Tally:
        """Take a batch of admitted events, in order of `at`: one transaction for each version they come under."""
        self.demand_keys()
        order = np.argsort(table["at"].to_numpy(), kind="stable")
        table = table if bool(np.all(order[1:] > order[:-1])) else table.take(order)
        tally = Tally()
        for engine, part in self._shared_out(table):
            tally.add(engine._receive(part, source))
        return tally

    def _receive(self, table: pa.Table, source: str) -> Tally:
        with self.store.writing() as connection:
            self._demand_version(connection)
            taken = take_in(connection, source, table)
            batch = batch_of(self.policy, self.kernel.calendar, taken.table)
            states, chains = load_rows(connection, self.kernel, batch.accounts)
            reviewed = reviewed_day(connection)
            numbers = np.arange(taken.first_seq, taken.first_seq + len(taken.ids))
            arrivals = Arrivals(numbers, reversals(connection, source, taken))

            def pasts(accounts: Sequence[str]) -> dict[str, Past]:
                found = pasts_before(connection, self.kernel, accounts, taken.first_seq)
                stages = stages_of(connection, kernels_of(connection), list(found)) if self._versions > 1 else {}
                for account, (*before, _) in stages.items():
                    found[account].under = [(stage.kernel, stage.end_day) for stage in before]
                return found

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
            self._demand_version(connection)
            new_day = note_review(connection, until_day)
        tally, earlier = Tally(), self.earlier()
        for engine in earlier if new_day else []:
            tally.add(engine._review_due(until_day - 1, progress))
            engine._hand_over(self.kernel, until_day)
        for engine in (*earlier, self):
            tally.add(engine._review_due(until_day, progress))
        return tally

    def _review_due(self, until_day: int, progress: Callable[[int], None] | None) -> Tally:
        tally = Tally()
        for names in iter(lambda: self._due(until_day), []):
            tally.add(self._review_some(names, until_day))
            if progress:
                progress(len(names))
        return tally

    def _hand_over(self, to: Kernel, day: int) -> None:
        """The accounts that nothing keeps under this version go over to that one at the start of `day`."""
        a, last = t.accounts.c, ""
        query = select(a.account).where(a.policy == self.policy.digest).order_by(a.account).limit(REVIEW_BATCH)
        while True:
            with self.store.writing() as connection:
                self._demand_version(connection)
                names = list(connection.execute(query.where(a.account > last)).scalars())
                bring_over(connection, self.kernel, to, names, waiting_holds(connection, names), day)
            if not names:
                return
            last = names[-1]

    def due_count(self, until_day: int) -> int:
        """How many accounts a review up to that day would look at first."""
        with self.store.reading() as connection:
            query = select(func.count()).where(t.accounts.c.next_review <= until_day)
            return int(connection.execute(query).scalar_one())

    def _due(self, until_day: int) -> list[str]:
        a = t.accounts.c
        own = (a.next_review <= until_day) & (a.policy == self.policy.digest)
        with self.store.reading() as connection:
            query = select(a.account).where(own).order_by(a.next_review).limit(REVIEW_BATCH)
            return [row[0] for row in connection.execute(query)]

    def _review_some(self, names: list[str], until_day: int) -> Tally:
        with self.store.writing() as connection:
            batch = no_events(self.policy, sorted(names))
            states, chains = load_rows(connection, self.kernel, batch.accounts)

            def run(part: Batch, own: Ints, gate: Gate | None) -> Findings:
                return review_batch(self.kernel, part, own, until_day, gate)

            findings, held = self._under_brake(connection, batch, states, run)
            actions = self._write(connection, batch, [], findings, states, chains)
        return Tally(actions=actions, looks=findings.looks, held=held)

    # -------------------------------------------------------------- draws

    def authorise(self, account: str, at: int, amount: int) -> Answer:
        """Whether a draw of `amount` minor units may happen at `at` (UTC ms). It changes nothing."""
        if (engine := self.of(account)) is not self:
            return engine.authorise(account, at, amount)
        with self.store.reading() as connection:
            found = load_accounts(connection, [account]).get(account)
        if found is None:
            raise EngineError(f"the account `{account}` is not known; send its `open` event first")
        return ask(self.kernel, np.frombuffer(found.state, dtype="<i8").tolist(), at, amount)

    def accounts(self) -> int:
        """How many accounts are open."""
        with self.store.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(t.accounts)).scalar_one())

    # -------------------------------------------------------------- rows

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
        save_rows(connection, self.kernel, batch.accounts, states, chains)
        if self.keeper:
            kinds = {"correct": Kind.CORRECTION}
            leaves = [Record(kinds.get(row[4], Kind.DECISION), row[1], row[5]) for row in rows]
            self.keeper.seal(connection, leaves)
        return actions
