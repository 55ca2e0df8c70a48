"""The circuit breaker over a store: the book of open lines, the lines restricted on a day, pending restrictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection, func, select

from linekeeper.core.decision import Decision
from linekeeper.core.errors import Refused
from linekeeper.core.line import ADVERSE, Status
from linekeeper.decide.canonical import canonical_json, read_decision
from linekeeper.decide.record import Recorder
from linekeeper.engine.summaries import AffectedAccounts
from linekeeper.engine.versions import kernels_of
from linekeeper.evaluate.circuit_breaker import (
    Allowance,
    CircuitBreaker,
    EvaluationPoint,
    NewRestriction,
    Passes,
    PendingRestriction,
    follows_grant,
    is_ruling,
    worst_first,
)
from linekeeper.evaluate.evaluator import EvaluationResult, RawDecision, in_bulk, review_account
from linekeeper.evaluate.event_batch import Batch, Ints, events_of, narrowed, row_at
from linekeeper.journal import tables as t
from linekeeper.journal.store import as_bytes, fetch_rows, insert_many, states_under, unpacked, within
from linekeeper.kernel.arrears import arrears_of

if TYPE_CHECKING:
    from linekeeper.kernel.kernel import Kernel
    from linekeeper.policy.model import Brake, Policy

# Runs a batch from states (int64[accounts, size], changed in place), behind a breaker where there is one.
Run = Callable[[Batch, Ints, CircuitBreaker | None], EvaluationResult]
PENDING_COLUMNS = ("account", "day", "event", "record", "ended", "ended_event")
_CHANGED = ", ".join(f"{name} = excluded.{name}" for name in PENDING_COLUMNS[3:])
_NEWEST = f"ON CONFLICT (account, day, event) DO UPDATE SET {_CHANGED}"
PAGE = 10_000
COUNTED_AT_ONCE = 500  # that are in memory at one time while the book is counted


def brake_of(policy: Policy) -> Brake:
    """The policy's brake. Raises Refused where it has none."""
    if policy.brake is None:
        raise Refused(
            f"the policy `{policy.name}` has no `brake`",
            code="policy-has-no-brake",
            way_out="add `brake: {lines: 2%, exposure: 3%}`",
            details={"policy": policy.name},
        )
    return policy.brake


@dataclass(frozen=True, slots=True)
class PendingRecord:
    """One restriction that waits, or waited, for a person.

    `decision` is what would be decided; its number is 0, since it is no decision yet. `since` is the local day on
    which the restriction became pending; `ended` says how it stopped being pending, None while it waits.
    """

    account: str
    since: int
    decision: Decision
    ended: str | None


# ------------------------------------------------------------------ a batch under the brake


def evaluate_under_breaker(
    connection: Connection, kernel: Kernel, brake: Brake | None, batch: Batch, states: Ints, first_seq: int, run: Run
) -> tuple[EvaluationResult, CircuitBreaker | None]:
    """Run the batch from `states` (changed in place). What the brake withholds enters neither result nor states.

    There may be three runs. The first is in bulk and ignores the brake; if it restricts no more lines than the brake
    allows, it stands. Otherwise it only shows which accounts would be restricted. These run a second time, one
    evaluation at a time, to show how late they are then: the worst lines pass first. Together with the accounts that
    have a pending restriction already they run once more from where they were, behind the breaker, because a withdrawn
    evaluation changes all that follow it. Without a brake, no further restriction becomes pending.
    """
    waiting = pending_of(connection, batch.accounts)
    if brake is None and not waiting:
        return run(batch, states, None), None
    before = states.copy()
    result = run(batch, states, None)
    restrictions = [raw for raw in result.decisions if _is_automatic(kernel, batch, raw)]
    if not waiting and not restrictions:
        return result, None
    book = _book_with(connection, kernel, before, states)
    allowance = Allowance(brake, book, lambda day: _restricted_on(connection, day)) if brake else None
    if not waiting and (allowance is None or all(_passes(kernel, allowance, batch, raw) for raw in restrictions)):
        _save_restricted(connection, allowance)
        return result, None
    if brake:  # the first run has used the allowance up; the second counts from what was there before the batch
        allowance = Allowance(brake, book, lambda day: _restricted_on(connection, day))
    places = {raw.account for raw in restrictions}
    places |= {place for place, account in enumerate(batch.accounts) if account in waiting}
    affected = np.array(sorted(places), dtype=np.int64)
    affected_states, part = before[affected], narrowed(batch, affected)
    passes: Passes = _everything
    if allowance:
        new = np.array([place for place in affected if batch.accounts[place] not in waiting], dtype=np.int64)
        passes = worst_first(allowance, _restrictions_of(kernel, narrowed(batch, new), before[new], first_seq, run))
    breaker = CircuitBreaker(kernel, (first_seq + part.rows).tolist(), waiting, passes)
    second = run(part, affected_states, breaker)
    states[affected] = affected_states
    result.decisions = [raw for raw in result.decisions if raw.account not in places]
    again = set(events_of(batch, affected).tolist())  # a draw may be rejected in one run and not in the other
    result.refused = {event: code for event, code in result.refused.items() if event not in again}
    result.merge(second, affected, batch)
    result.decisions.sort(key=lambda raw: raw.account)
    _save_restricted(connection, allowance)
    return result, breaker


def due_worst_first(connection: Connection, kernel: Kernel, until_day: int) -> list[str]:
    """The accounts under the kernel's version that are due up to `until_day`, by how late they are on that day."""
    a, granted = t.accounts.c, kernel.layout.slots["GRANTED"]
    due = (a.next_review <= until_day) & (a.policy == kernel.policy.digest)
    ranked = []
    for name, state in connection.execution_options(yield_per=PAGE).execute(select(a.account, a.state).where(due)):
        values = np.frombuffer(unpacked(state), dtype="<i8").tolist()
        ranked.append((-arrears_of(kernel, values, until_day).days_past_due, -values[granted], name))
    return [name for _, _, name in sorted(ranked)]


def _everything(restriction: NewRestriction) -> bool:
    return True


def _restrictions_of(kernel: Kernel, batch: Batch, states: Ints, first_seq: int, run: Run) -> list[NewRestriction]:
    """The restrictions that a batch would make without a brake, with how late each line is then."""
    restrictions: list[NewRestriction] = []

    def note(restriction: NewRestriction) -> bool:
        restrictions.append(restriction)
        return True

    if batch.accounts:
        run(batch, states, CircuitBreaker(kernel, (first_seq + batch.rows).tolist(), {}, note))
    return restrictions


def review_batch(
    kernel: Kernel, batch: Batch, states: Ints, until_day: int, breaker: CircuitBreaker | None
) -> EvaluationResult:
    """Review accounts without events up to the start of `until_day`; behind a breaker, one by one."""
    if breaker is None:
        return in_bulk(kernel, batch, states, until_day)
    result = EvaluationResult()
    for account in range(len(batch.accounts)):
        state = states[account].tolist()
        review_account(kernel, batch, account, state, until_day, kernel.new_row(), result, breaker)
        states[account] = state
    return result


def _is_automatic(kernel: Kernel, batch: Batch, raw: RawDecision) -> bool:
    """Whether the decision restricts the line by a rule of the policy, and not by a person's ruling."""
    if raw.row[kernel.shape.place("ACTION")] not in ADVERSE or follows_grant(kernel, raw.row):
        return False
    return raw.event < 0 or not is_ruling(kernel, row_at(batch, raw.event))


def _passes(kernel: Kernel, allowance: Allowance, batch: Batch, raw: RawDecision) -> bool:
    place = kernel.shape.place
    # An allowance counts by the day alone; and where all restrictions fit, they do so in any order.
    point, late = EvaluationPoint(raw.row[place("NOW_HOUR")] // 24, 0), 0
    return allowance.passes(NewRestriction(batch.accounts[raw.account], point, raw.row[place("GRANTED_AFTER")], late))


def _restricted_on(connection: Connection, day: int) -> dict[str, int]:
    r = t.restricted.c
    query = select(r.account, r.granted).where(r.day == day)
    return {row.account: row.granted for row in connection.execute(query)}


def _save_restricted(connection: Connection, allowance: Allowance | None) -> None:
    days = allowance.days if allowance else {}
    rows = [(day, account, granted) for day, today in days.items() for account, granted in today.fresh.items()]
    insert_many(connection, t.restricted, ("day", "account", "granted"), rows)


# ------------------------------------------------------------------ the book


def totals(kernel: Kernel, states: Ints) -> tuple[int, int]:
    """(open lines, what is granted on them); a closed line is not open."""
    slots = kernel.layout.slots
    lines = (states[:, slots["OPENED"]] != 0) & (states[:, slots["STATUS"]] != Status.CLOSED)
    return int(lines.sum()), int(states[lines, slots["GRANTED"]].sum())


def open_book(connection: Connection) -> None:
    """Count all lines, where they have not been counted yet."""
    if connection.execute(select(t.book.c.id)).first() is not None:
        return
    insert_many(connection, t.book, ("id", "lines", "granted"), [(1, *counted_book(connection))])


def counted_book(connection: Connection) -> tuple[int, int]:
    """(open lines, what is granted on them), counted over the states of all accounts."""
    lines = granted = 0
    for digest, kernel in kernels_of(connection).items():
        states = states_under(connection, digest)
        while joined := b"".join(islice(states, COUNTED_AT_ONCE)):
            part = totals(kernel, np.frombuffer(joined, dtype="<i8").reshape(-1, kernel.layout.size))
            lines, granted = lines + part[0], granted + part[1]
    return lines, granted


def keep_book(connection: Connection, before: tuple[int, int], after: tuple[int, int]) -> None:
    """Add to the book what a batch changed."""
    if before == after:
        return
    b = t.book.c
    change = {"lines": b.lines + after[0] - before[0], "granted": b.granted + after[1] - before[1]}
    connection.execute(t.book.update().values(change))


def _book_with(connection: Connection, kernel: Kernel, before: Ints, after: Ints) -> tuple[int, int]:
    """The book as it stands, with the lines that this batch opens.

    A batch that opens lines and restricts some of them is measured against all the lines that there will be.
    """
    open_book(connection)
    lines, granted = connection.execute(select(t.book.c.lines, t.book.c.granted).where(t.book.c.id == 1)).one()
    slots = kernel.layout.slots
    opened = (before[:, slots["OPENED"]] == 0) & (after[:, slots["OPENED"]] != 0)
    return int(lines) + int(opened.sum()), int(granted) + int(after[opened, slots["GRANTED"]].sum())


# ------------------------------------------------------------------ the restrictions


def pending_of(connection: Connection, accounts: Sequence[str]) -> dict[str, PendingRestriction]:
    """The restrictions that are pending, by account, of these accounts."""
    if not accounts or not fetch_rows(connection, _ANY_PENDING):
        return {}
    r = t.pending_restrictions.c
    query = select(r.account, r.day, r.event).where(r.ended.is_(None), within(connection, r.account, accounts))
    return {
        account: PendingRestriction(EvaluationPoint(day, event)) for account, day, event in connection.execute(query)
    }


_ANY_PENDING = select(t.pending_restrictions.c.account).where(t.pending_restrictions.c.ended.is_(None)).limit(1)


def save_pending(
    connection: Connection, recorder: Recorder, breaker: CircuitBreaker | None, ids: Sequence[str], first_seq: int
) -> AffectedAccounts:
    """Write what the breaker has changed; returns whose restrictions became pending, and whose no longer are."""
    changed = breaker.changed if breaker else []
    rows = []
    r = t.pending_restrictions.c
    for account, restriction in changed:
        (day, event), ended_event = restriction.since, restriction.ended_event or None
        if restriction.latest is None:
            row = t.pending_restrictions.update().where(r.account == account, r.day == day, r.event == event)
            connection.execute(row.values(ended=restriction.ended, ended_event=ended_event))
        else:
            event_id = ids[restriction.latest.event - first_seq] if restriction.latest.event else None
            decision = recorder.decision(restriction.row, account, 0, restriction.at, event_id, None)
            rows.append((account, day, event, canonical_json(decision), restriction.ended, ended_event))
    insert_many(connection, t.pending_restrictions, PENDING_COLUMNS, rows, tail=_NEWEST)
    last = dict(changed)
    new = {account for account, restriction in last.items() if restriction.new and not restriction.ended}
    return AffectedAccounts(new, {account for account, restriction in last.items() if restriction.ended})


def pending_rows(connection: Connection, account: str | None = None, ended: bool = False) -> list[PendingRecord]:
    """Restrictions that wait (`ended`: all that ever did), of one account or of all, by day and account."""
    r = t.pending_restrictions.c
    query = select(r.account, r.day, r.record, r.ended).order_by(r.day, r.account)
    if account is not None:
        query = query.where(r.account == account)
    if not ended:
        query = query.where(r.ended.is_(None))
    return [PendingRecord(row[0], row[1], read_decision(as_bytes(row[2])), row[3]) for row in connection.execute(query)]


def pending_count(connection: Connection) -> int:
    """How many restrictions wait for a person."""
    query = select(func.count()).select_from(t.pending_restrictions).where(t.pending_restrictions.c.ended.is_(None))
    return int(connection.execute(query).scalar_one())
