"""The engine: an event comes in at one end, a decision leaves at the other, and both are durable together.

One batch is one transaction: events, states, decisions, notices and log leaves are all written, or none of them. All
that is effect stands here; all that is thought stands below and is pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, func, select

from linekeeper.core.decision import Decision
from linekeeper.core.errors import EventRejected
from linekeeper.core.event import CUSTOMER_SOURCE, DEFAULT_SOURCE, DERIVED_SOURCES, Rejection
from linekeeper.decide.chain import record
from linekeeper.engine.account_states import (
    AccountStates,
    demand_current_states,
    known_account,
    load_states,
    save_states,
    state_read,
)
from linekeeper.engine.batch_evaluation import BatchEvaluation
from linekeeper.engine.calls import Keep, Progress, ReceiveCall, ReviewCall
from linekeeper.engine.clock import Clock
from linekeeper.engine.customers import Due
from linekeeper.engine.draws import demand_draw_amount, draw_event, is_known_draw, owed_elsewhere, with_owed
from linekeeper.engine.event_leaves import event_leaves, ruling_leaves
from linekeeper.engine.given import accounts_reached, derived_due, drop_given, given_in_steps
from linekeeper.engine.history import UnfinishedReview, begin_review, end_review, recall, unfinished_reviews_of
from linekeeper.engine.inbox import (
    Admitted,
    BatchInput,
    GivenEvents,
    admit_events,
    drop_erased,
    drop_refused,
    drop_rejected_draws,
    given_events,
    reject_ahead,
    reject_refused,
    reversals,
)
from linekeeper.engine.kept_histories import keep_states
from linekeeper.engine.outbox import Law, open_outbox
from linekeeper.engine.pending_restrictions import (
    Run,
    brake_of,
    due_worst_first,
    evaluate_under_breaker,
    keep_book,
    open_book,
    pending_of,
    review_batch,
    save_pending,
    totals,
)
from linekeeper.engine.summaries import AffectedAccounts, BatchSummary
from linekeeper.engine.versions import (
    as_in_force,
    bind_policy,
    demand_versions,
    kernel_in_store,
    kernel_of_account,
    kernels_of,
    migrate_due_accounts,
    opening_transaction,
    policy_in_force,
    read_versions,
    recorders_of,
    stored_policy,
    version_count,
)
from linekeeper.evaluate.authorisation import Authorisation, authorise
from linekeeper.evaluate.evaluator import EvaluationResult
from linekeeper.evaluate.event_batch import Batch, Ints, no_events, parts_of
from linekeeper.evaluate.excess_draws import excess_draws, line_columns
from linekeeper.evaluate.unowed_dues import with_unowed_dues
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, keys_needed
from linekeeper.journal.log.entry import Record, RecordKind
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.store import DECISION_COLUMNS, Store, insert_many, load_accounts, take_numbers, within
from linekeeper.kernel.kernel import Kernel, kernel_of

if TYPE_CHECKING:
    from linekeeper.policy.model import Policy

REVIEW_BATCH = 1_000
_LEAF_KINDS = {"correct": RecordKind.CORRECTION}
STATES_BYTES_MAX = 1 << 24  # that are in memory at one time, while a batch is received without a brake


class Engine:
    """One policy over one store. With a `keeper`, each decision and its log leaf commit together.

    The policy is the version in force; without one, it is the one that the store has in force. Accounts that are still
    under an earlier version (`honour`) belong to the engines that `engine_of_version` gives. Several threads may use
    one engine.
    `brake`: a burst of restrictions waits for a person, as the policy's brake says; off for a back-fill of history.
    Under a `law`, given here or to an earlier engine, each decision that has to be notified commits with its notice.
    `signed_by`: who answers for the policy and its card, where the store begins with them. `clock`: what says how late
    an event or a review can be; by default this machine's.

    Raises StoreError where the states of the store are those of another kernel: opening a store rebuilds nothing.
    """

    def __init__(
        self,
        store: Store,
        policy: Policy | None,
        keeper: Keeper | None = None,
        *,
        brake: bool = False,
        law: Law | None = None,
        signed_by: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.store, self.keeper, self.clock = store, keeper, clock or Clock()
        kernel_of(policy or stored_policy(store))  # making one takes a while, so it is not made under the lock
        with opening_transaction(store, law is not None) as connection:
            # Which version is in force is asked in there: another may have come since it was asked before.
            self.policy = as_in_force(connection, policy) if policy else policy_in_force(connection)
            self.began = version_count(connection) == 0  # whether the store begins with this engine
            self.kernel: Kernel = kernel_in_store(connection, self.policy)
            self.brake = brake_of(self.policy) if brake else None
            self.read_only = bind_policy(connection, self.kernel, keeper, signed_by) and keeper is None
            demand_current_states(connection, self.kernel)
            self.recorder = recorders_of(connection, {self.policy.digest: self.kernel})[self.kernel]
            self._versions = version_count(connection)
            if store.read_only is None:
                open_book(connection)
            self.outbox = open_outbox(connection, law, self.policy.time_zone, keeper)
        self._engines: dict[str, Engine] = {self.policy.digest: self}

    def require_keys(self) -> None:
        """Raises UsageError where the store keeps a log and this engine has no keys to write to it."""
        if self.read_only:
            raise keys_needed()

    # -------------------------------------------------------------- versions

    def engine_of_version(self, digest: str) -> Engine:
        """The engine of the version with that digest: this one, or one for accounts that are still under it."""
        if digest in self._engines:
            return self._engines[digest]
        with self.store.reading() as connection:
            return self._engine_of_version(connection, digest)

    def _engine_of_version(self, connection: Connection, digest: str) -> Engine:
        """The same in a transaction that is open. It writes nothing, so it can be done in any."""
        if digest not in self._engines:
            kernel = kernel_of_account(kernels_of(connection), digest)
            demand_current_states(connection, kernel)
            engine = copy(self)  # the store, the keys, the law and what is known of the versions are shared
            engine.policy, engine.kernel = kernel.policy, kernel
            engine.brake = kernel.policy.brake if self.brake else None
            engine.recorder = recorders_of(connection, {digest: kernel})[kernel]
            self._engines.setdefault(digest, engine)
        return self._engines[digest]

    def engine_of(self, account: str) -> Engine:
        """The engine of the version that the account is under; of the version in force where it is not known."""
        with self.store.reading() as connection:
            row = load_accounts(connection, [account]).get(account)
            return self._engine_of_version(connection, row.policy) if row else self

    def is_known(self, account: str) -> bool:
        """Whether the store has an account of that name."""
        with self.store.reading() as connection:
            return account in load_accounts(connection, [account])

    def state_of(self, account: str) -> tuple[Engine, list[int]]:
        """The account's state, and the engine of the version that it is under.

        Raises NotFound where the account is not known. Both are read from the store as it is now: another version
        may have come into force since this engine was made, and a state that is read by another version's layout
        means nothing.
        """
        with self.store.reading() as connection:
            return self._state_of(connection, account)

    def _state_of(self, connection: Connection, account: str) -> tuple[Engine, list[int]]:
        row = known_account(connection, account)
        engine = self._engine_of_version(connection, row.policy)
        return engine, state_read(connection, engine.kernel, account, row)

    def _engines_of_earlier_versions(self, connection: Connection) -> list[Engine]:
        """The engines of the versions before this one that accounts are still under, oldest first."""
        if self._versions == 1:
            return []
        under = set(connection.execute(select(t.accounts.c.policy).distinct()).scalars())
        digests = [policy.digest for policy in read_versions(connection)]
        earlier = digests[: digests.index(self.policy.digest)]
        return [self._engine_of_version(connection, digest) for digest in earlier if digest in under]

    def _split_by_version(self, connection: Connection, events: GivenEvents) -> list[tuple[Engine, GivenEvents]]:
        """The events of each version's accounts, with its engine; new accounts are under the version in force."""
        if self._versions == 1:
            return [(self, events)]
        known = load_accounts(connection, list(dict.fromkeys(events.accounts)))
        rows: dict[str, list[int]] = {}
        for row, name in enumerate(events.accounts):
            digest = known[name].policy if name in known else self.policy.digest
            rows.setdefault(digest, []).append(row)
        return [(self._engine_of_version(connection, digest), events.take(rows[digest])) for digest in sorted(rows)]

    # -------------------------------------------------------------- events

    def receive(
        self,
        events: BatchInput,
        source: str,
        *,
        allow_other_source: bool = False,
        all_or_nothing: bool = False,
        begun: bool = False,
        keep: Keep | None = None,
        transaction: Connection | None = None,
    ) -> BatchSummary:
        """Decide on a batch of valid events in one transaction, whatever versions their accounts are under.

        An event is known by its id within the `source`; `allow_other_source` is that of `admit_events`.
        An event that is rejected leaves the others as they are; with `all_or_nothing` it raises EventRejected instead,
        and nothing is done. `begun`: a run that was broken off has received this batch before; what was refused then
        is not asked for again. `keep`, where given, is called with each decision before the transaction commits.
        `transaction`: a connection on which the caller has begun one. All of it is then a part of that, and the
        caller commits or rolls back; nothing that the engine remembers depends on which.
        New events of a borrower whose key in the log does not open are rejected: nothing is decided that has no leaf.
        """
        self.require_keys()
        call = ReceiveCall(source, allow_other_source, all_or_nothing, begun, keep, transaction)
        return self._receive_or_pass_over(given_events(events), call)

    def _receive_or_pass_over(self, arrived: GivenEvents, call: ReceiveCall, due: Due | None = None) -> BatchSummary:
        """Receive a batch; where the keys of some accounts do not open, without what is of theirs."""
        try:
            return self._receive_batch(arrived, call, due)
        except LogError as error:
            if call.all_or_nothing:
                raise
            with self._reading(call.transaction) as connection:
                accounts = accounts_reached(connection, self.policy, arrived.accounts, due)
            unreadable = self._unreadable(error, accounts, call.transaction)
        return self._receive_batch(arrived, replace(call, unreadable=unreadable), due)

    def _receive_batch(self, arrived: GivenEvents, call: ReceiveCall, due: Due | None = None) -> BatchSummary:
        summary, kept = BatchSummary(), list[Decision]()
        with self.store.writing(call.transaction) as connection:
            demand_versions(connection, self._versions)
            self.resume_reviews(connection)
            # First the erased: of their events not even the rejection is kept.
            arrived, summary.rejected = drop_erased(connection, self.keeper, arrived)
            arrived, ahead = reject_ahead(connection, call.source, arrived, self.clock)
            summary.rejected += ahead
            if call.begun:
                arrived, again = drop_refused(connection, call.source, arrived)
                summary.rejected += again
            arrived, foreign = drop_given(self.policy, arrived)
            summary.rejected += foreign
            for step, own_call in given_in_steps(connection, self.kernel, call, arrived, due):
                for engine, part in self._split_by_version(connection, step):
                    summary.add(engine._receive(connection, part, own_call, kept.append if call.keep else None))
            if call.all_or_nothing and summary.rejected:
                rejection = summary.rejected[0]
                raise EventRejected(rejection.reason, code="ruling-rejected", place=rejection.place)
            if call.keep:  # only now: a batch whose records cannot be sealed may be tried again
                for decision in kept:
                    call.keep(decision)
        return summary

    def _unreadable(self, error: LogError, accounts: Sequence[str], transaction: Connection | None) -> dict[str, str]:
        """Those of the accounts whose keys in the log do not open, and why; the error itself where it is another."""
        if self.keeper is None:
            raise error
        with self._reading(transaction) as connection:
            return self.keeper.unreadable_keys(connection, error, accounts)

    def _receive(
        self, connection: Connection, events: GivenEvents, call: ReceiveCall, keep: Keep | None
    ) -> BatchSummary:
        """The part of a batch whose accounts are under this version, in order of `at`."""
        calendar = self.kernel.calendar
        again: list[Rejection] = []
        if self.policy.over_limit == "reject":
            events, again = drop_rejected_draws(connection, call.source, events)
        # Repeats drop out here: nothing after this meets one.
        admitted = admit_events(connection, call, events, calendar, self.clock.now_ms())
        reversed_events = reversals(connection, call.source, admitted)
        evaluate = BatchEvaluation(connection, self.kernel, admitted, reversed_events, self._versions > 1)
        summary = BatchSummary(same=admitted.same, rejected=again + admitted.rejected, last_at=admitted.last_at)
        whole = admitted.events.batch(self.policy, calendar)
        # The brake weighs the restrictions of all accounts of a batch against each other.
        together = len(whole.accounts) if self.brake else STATES_BYTES_MAX // (8 * self.kernel.layout.size)
        for batch in parts_of(whole, max(1, together)):
            summary.add(self._receive_part(connection, batch, admitted, call.source, evaluate, keep))
        return summary

    def _receive_part(
        self,
        connection: Connection,
        batch: Batch,
        admitted: Admitted,
        source: str,
        evaluate: BatchEvaluation,
        keep: Keep | None,
    ) -> BatchSummary:
        """Decide on the admitted events of some accounts."""
        loaded = load_states(connection, self.kernel, batch.accounts)
        states, first_seq = loaded.states, admitted.first_seq
        lines, unowed_before = line_columns(self.kernel, states), with_unowed_dues(self.kernel, states)
        result, waiting = self._evaluate(connection, batch, states, evaluate, admitted.ids, first_seq)
        on_hold = waiting.new | waiting.ended
        late = evaluate.take_histories()
        keep_states(connection, self.kernel, batch, first_seq, loaded, result.refused, on_hold, late)
        codes = {int(batch.rows[event]): code for event, code in result.refused.items()}
        rows = batch.rows.tolist()
        # A ruling precedes, in the log too, what it leads to.
        arrived = ruling_leaves(connection, self.keeper, admitted, rows, codes) if self.keeper else []
        refused = reject_refused(connection, source, admitted, codes)
        unowed = with_unowed_dues(self.kernel, states)
        arrived += event_leaves(admitted, rows, codes) if self.keeper else []
        actions = self._record(connection, batch, admitted.ids, result, loaded, keep, arrived)
        over = [admitted.ids[batch.rows[event]] for event in excess_draws(self.kernel, batch, lines, result)]
        own = sum(admitted.sources[row] not in DERIVED_SOURCES.values() for row in rows)
        return BatchSummary(
            events=own - len(refused),
            rejected=refused,
            actions=actions,
            evaluations=result.evaluations,
            waiting=waiting,
            excess_draws=len(over),
            flagged_draws=over if self.policy.over_limit == "flag" else [],
            unowed_accounts=AffectedAccounts(
                {batch.accounts[place] for place in np.flatnonzero(unowed)},
                {batch.accounts[place] for place in np.flatnonzero(unowed_before & ~unowed)},
            ),
        )

    # -------------------------------------------------------------- reviews

    def review(self, until_day: int, progress: Progress | None = None, keep: Keep | None = None) -> BatchSummary:
        """Evaluate every account that is due, up to the start of local day `until_day`; `keep` as in `receive`.

        Raises UsageError where that day has not begun.
        """
        self.clock.demand_day(until_day, self.kernel.calendar)
        self.require_keys()
        call = ReviewCall(progress, keep)
        with self.store.reviewing():
            summary = self._finish_reviews(call)
            # An account migrates at the start of a day that it has not reached, and what it is given reaches a day.
            summary.add(self._give_due(until_day - 1, keep))
            with self.store.writing() as connection:
                demand_versions(connection, self._versions)
                # From here on it is known what is to be done, and whoever comes next finishes it. A version that comes
                # into force before it is done does not break the review off: it begins after this review.
                begin_review(connection, until_day, self.policy.digest, self.brake is not None)
            summary.add(self._finish_reviews(call))
            summary.add(self._review_the_rest(until_day, call))
            summary.add(self._give_due(until_day, keep))
        return summary

    def _give_due(self, until_day: int, keep: Keep | None) -> BatchSummary:
        """Give accounts what their siblings publish up to a day; what is broken off here is left to the next review."""
        summary, call = BatchSummary(), ReceiveCall(CUSTOMER_SOURCE, keep=keep)
        for due in iter(lambda: derived_due(self.store, self.policy, until_day), None):
            summary.add(self._receive_or_pass_over(given_events([]), call, due))
        return summary

    def resume_reviews(self, transaction: Connection | None = None) -> BatchSummary:
        """Finish the reviews that were broken off; those that somebody is at just now are left alone.

        Whatever comes after a review is decided as after the whole of it. Raises UsageError where one is to be finished
        and the keys of the log are not at hand.
        """
        with self._reading(transaction) as connection:
            if not unfinished_reviews_of(connection):
                return BatchSummary()
        with self.store.reviewing() as alone:
            return self._finish_reviews(ReviewCall(transaction=transaction)) if alone else BatchSummary()

    def _finish_reviews(self, call: ReviewCall) -> BatchSummary:
        """Do what is left of every review that has begun, each as it was begun; two may do so at once.

        A review that passes accounts over is not finished with: whoever comes once their keys are mended reviews them.
        """
        summary = BatchSummary()
        with self._reading(call.transaction) as connection:
            unfinished = unfinished_reviews_of(connection)
        for review in unfinished:
            self.require_keys()
            with self._reading(call.transaction) as connection:
                last = self._engine_of_review(connection, review)
                earlier = last._engines_of_earlier_versions(connection)
            day = review.until_day
            # An account migrates at the start of a day that it has not reached: so the earlier version reviews it up to
            # the day before, lets it go, and the last day is the new version's.
            for engine in earlier:
                summary.add(engine._review_due(day - 1, call))
                engine._migrate_due(last.kernel, day, call)
            for engine in (*earlier, last):
                summary.add(engine._review_due(day, call))
            summary.add(last._review_the_rest(day, call))
            if not call.unreadable:
                with self.store.writing(call.transaction) as connection:
                    end_review(connection, review)
        return summary

    def _engine_of_review(self, connection: Connection, review: UnfinishedReview) -> Engine:
        """The engine of the version that was in force when the review began, with the brake on if it was then."""
        if (review.policy, review.brake) == (self.policy.digest, self.brake is not None):
            return self
        engine = copy(self._engine_of_version(connection, review.policy))
        engine.brake = brake_of(engine.policy) if review.brake else None
        engine._engines = {review.policy: engine}
        return engine

    def _review_the_rest(self, until_day: int, call: ReviewCall) -> BatchSummary:
        """Review whoever is due under any version.

        Another review at the same time may have migrated accounts to a version that was done with already.
        """
        summary = BatchSummary()
        for engine in iter(lambda: self._engine_of_due(until_day, call), None):
            summary.add(engine._review_due(until_day, call))
        return summary

    def _reading(self, transaction: Connection | None) -> AbstractContextManager[Connection]:
        """A transaction to read in: the caller's, where there is one, since others do not see what that has done."""
        return self.store.reading() if transaction is None else nullcontext(transaction)

    def _engine_of_due(self, until_day: int, call: ReviewCall) -> Engine | None:
        """The engine of some account that is due up to that day; None where all are reviewed."""
        with self._reading(call.transaction) as connection:
            due = select(t.accounts.c.policy).where(call.is_due(connection, until_day)).limit(1)
            digest = connection.execute(due).scalar()
            return None if digest is None else self._engine_of_version(connection, digest)

    def _review_due(self, until_day: int, call: ReviewCall) -> BatchSummary:
        summary = BatchSummary()
        for names in self._due_pages(until_day, call):
            try:
                summary.add(self._review_accounts(names, until_day, call))
            except LogError as error:
                call.unreadable |= self._unreadable(error, names, call.transaction).keys()
                summary.add(self._review_accounts(names, until_day, call))
            if call.progress:
                call.progress(len(names))
        summary.unreadable_accounts |= call.unreadable
        return summary

    def _migrate_due(self, to: Kernel, day: int, call: ReviewCall) -> None:
        """Migrate the accounts that nothing keeps under this version, at the start of `day`."""
        a, last = t.accounts.c, ""
        query = select(a.account).where(a.policy == self.policy.digest).order_by(a.account).limit(REVIEW_BATCH)
        while True:
            with self.store.writing(call.transaction) as connection:
                names = list(connection.execute(query.where(a.account > last)).scalars())
                # One that was passed over has not come to this day yet.
                ready = [name for name in names if name not in call.unreadable]
                migrate_due_accounts(connection, self.kernel, to, ready, pending_of(connection, ready), day)
            if not names:
                return
            last = names[-1]

    def due_count(self, until_day: int, transaction: Connection | None = None) -> int:
        """How many accounts are due for a review up to that day."""
        with self._reading(transaction) as connection:
            query = select(func.count()).where(t.accounts.c.next_review <= until_day)
            return int(connection.execute(query).scalar_one())

    def _due_pages(self, until_day: int, call: ReviewCall) -> Iterator[list[str]]:
        """The due accounts, a page at a time. Under the brake the worst come first: the allowance goes to them."""
        if self.brake and self.due_count(until_day, call.transaction) > REVIEW_BATCH:
            with self._reading(call.transaction) as connection:
                names = due_worst_first(connection, self.kernel, until_day)
            for start in range(0, len(names), REVIEW_BATCH):
                yield names[start : start + REVIEW_BATCH]
        yield from iter(lambda: self._due(until_day, call), [])

    def _due(self, until_day: int, call: ReviewCall) -> list[str]:
        a = t.accounts.c
        with self._reading(call.transaction) as connection:
            query = select(a.account).where(call.is_due(connection, until_day), a.policy == self.policy.digest)
            return list(connection.execute(query.order_by(a.next_review).limit(REVIEW_BATCH)).scalars())

    def _review_accounts(self, names: list[str], until_day: int, call: ReviewCall) -> BatchSummary:
        with self.store.writing(call.transaction) as connection:
            # Since the page was read, another review may have done some of it, or migrated it to another version.
            a = t.accounts.c
            query = select(a.account).where(within(connection, a.account, names), a.policy == self.policy.digest)
            query = query.where(call.is_due(connection, until_day))
            batch = no_events(self.policy, sorted(connection.execute(query).scalars()))
            loaded = load_states(connection, self.kernel, batch.accounts)
            result, waiting = self._evaluate(
                connection,
                batch,
                loaded.states,
                lambda part, states, breaker: review_batch(self.kernel, part, states, until_day, breaker),
            )
            loaded.note_late(batch.accounts, waiting.new | waiting.ended)
            actions = self._record(connection, batch, [], result, loaded, call.keep)
        return BatchSummary(actions=actions, evaluations=result.evaluations, waiting=waiting)

    # -------------------------------------------------------------- draws

    def authorise(
        self, account: str, at: int, amount: int, draw: str | None = None, transaction: Connection | None = None
    ) -> Authorisation:
        """Whether a draw of `amount` minor units may happen at `at` (UTC ms). It changes nothing.

        With a `draw`, an id, it is taken in at once where it may happen, in a caller's `transaction` if one is given.
        Raises UsageError for an amount that cannot be drawn or an `at` ahead of the clock, NotFound for no account.
        """
        demand_draw_amount(amount)
        self.clock.demand_instant(at)
        wanted = draw_event(draw, account, at, amount)
        with self.store.reading() if wanted is None else self.store.writing(transaction) as connection:
            if is_known_draw(connection, wanted):
                return Authorisation(True, (), ())
            under, state = self._state_of(connection, account)
            answer = authorise(under.kernel, state, at, amount, owed_elsewhere(connection, under.policy, account))
            if wanted is not None and answer.allowed:
                self.receive([with_owed(wanted, answer)], DEFAULT_SOURCE, all_or_nothing=True, transaction=connection)
        return answer

    def demand_begun(self, day: int | None) -> None:
        """Raises UsageError where a day that is asked about has not begun: nobody knows yet how it ends."""
        if day is not None:
            self.clock.demand_day(day, self.kernel.calendar)

    def transaction(self) -> AbstractContextManager[Connection]:
        """A transaction on the store, for rows of the caller's own beside what `receive` does in it."""
        return self.store.writing()

    def accounts(self) -> int:
        """How many accounts are open."""
        with self.store.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(t.accounts)).scalar_one())

    # -------------------------------------------------------------- one transaction

    def _evaluate(
        self, connection: Connection, batch: Batch, states: Ints, run: Run, ids: Sequence[str] = (), first_seq: int = 0
    ) -> tuple[EvaluationResult, AffectedAccounts]:
        """The result of the batch behind the circuit breaker, and whose restrictions became pending or ended."""
        before = totals(self.kernel, states)
        result, breaker = evaluate_under_breaker(connection, self.kernel, self.brake, batch, states, first_seq, run)
        keep_book(connection, before, totals(self.kernel, states))
        return result, save_pending(connection, self.recorder, breaker, ids, first_seq)

    def _record(
        self,
        connection: Connection,
        batch: Batch,
        ids: list[str],
        result: EvaluationResult,
        loaded: AccountStates,
        keep: Keep | None,
        arrived: Sequence[Record] = (),
    ) -> Counter[str]:
        """Write decisions, notices, states and log leaves of a batch; how many decisions there are of each action.

        The leaves of what `arrived` come before those of the decisions that it led to.
        """
        actions: Counter[str] = Counter()
        recall(connection, self.kernel, batch, result, loaded.chains)
        seq = take_numbers(connection, "changes", len(result.decisions)) if result.decisions else 0
        rows: list[tuple[Any, ...]] = []
        decisions: list[Decision] = []
        for raw in result.decisions:
            decision, data, digest = record(self.recorder, batch, ids, raw, loaded.chains[raw.account])
            actions[decision.action] += 1
            decisions.append(decision)
            place = seq + len(rows)
            rows.append((place, decision.account, decision.number, decision.at, decision.action, data, digest))
        insert_many(connection, t.decisions, DECISION_COLUMNS, rows)
        notices = self.outbox.put(connection, decisions, self.policy) if self.outbox else []
        save_states(connection, self.kernel, batch.accounts, loaded)
        if self.keeper:
            leaves = [Record(_LEAF_KINDS.get(row[4], RecordKind.DECISION), row[1], row[5]) for row in rows]
            self.keeper.seal(connection, [*arrived, *leaves, *notices])
        if keep:
            for decision in decisions:
                keep(decision)
        return actions
