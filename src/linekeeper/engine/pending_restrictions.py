"""What the brake keeps in the store: the book of open lines, the lines hit on a day, the restrictions that wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection, func, select

from linekeeper.core.decision import Decision
from linekeeper.core.line import ADVERSE, Status
from linekeeper.decide.canonical import canonical, read_decision
from linekeeper.decide.record import Recorder
from linekeeper.engine.versions import kernels_of
from linekeeper.evaluate.circuit_breaker import (
    Allowance,
    CircuitBreaker,
    EvaluationPoint,
    PendingRestriction,
    is_ruling,
)
from linekeeper.evaluate.evaluator import EvaluationResult, RawDecision, in_bulk, review_account
from linekeeper.evaluate.event_batch import Batch, Ints, narrowed
from linekeeper.evaluate.late_events import Row
from linekeeper.journal import tables as t
from linekeeper.journal.store import insert_many, states_under, within

if TYPE_CHECKING:
    from linekeeper.kernel.kernel import Kernel
    from linekeeper.policy.model import Brake

Run = Callable[
    [Batch, Ints, CircuitBreaker | None], EvaluationResult
]  # (batch, states, gate); changes the states in place
PENDING_COLUMNS = ("account", "day", "event", "record", "ended", "ended_event")
_CHANGED = ", ".join(f"{name} = excluded.{name}" for name in PENDING_COLUMNS[3:])
_NEWEST = f"ON CONFLICT (account, day, event) DO UPDATE SET {_CHANGED}"
PAGE = 10_000


@dataclass(frozen=True, slots=True)
class PendingRecord:
    """One restriction that waits, or waited. `decision` is what would be decided (number 0: it is none yet).

    `since` is the first local day on which it was held; `ended` is None while it waits.
    """

    account: str
    since: int
    decision: Decision
    ended: str | None


# ------------------------------------------------------------------ a batch under the brake


def evaluate_under_breaker(
    connection: Connection, kernel: Kernel, brake: Brake | None, batch: Batch, states: Ints, first_seq: int, run: Run
) -> tuple[EvaluationResult, CircuitBreaker | None]:
    """Run the batch from `states` (changed in place); what the brake holds stays out of findings and states.

    Where nothing is held, the fast way's outcome stands. Otherwise the accounts that it would restrict, and those
    that are held already, run again from where they were, one look at a time. Without a brake nothing new is held.
    """
    waiting = pending_of(connection, batch.accounts)
    if brake is None and not waiting:
        return run(batch, states, None), None
    before = states.copy()
    result = run(batch, states, None)
    hits = [found for found in result.decisions if _automatic(kernel, batch, found)]
    book = _book_with(connection, kernel, before, states)
    allowance = Allowance(brake, book, lambda day: _known(connection, day)) if brake else None
    if not waiting and (allowance is None or all(_passes(kernel, allowance, batch, found) for found in hits)):
        _save_hits(connection, allowance)
        return result, None
    if brake:
        allowance = Allowance(brake, book, lambda day: _known(connection, day))
    places = {found.account for found in hits}
    places |= {place for place, account in enumerate(batch.accounts) if account in waiting}
    suspects = np.array(sorted(places), dtype=np.int64)
    own, some = before[suspects], narrowed(batch, suspects)
    passes = allowance.passes if allowance else lambda account, look, granted: True
    breaker = CircuitBreaker(kernel, (first_seq + some.rows).tolist(), waiting, passes)
    again = run(some, own, breaker)
    states[suspects] = own
    result.decisions = [found for found in result.decisions if found.account not in places]
    result.merge(again, suspects, batch)
    result.decisions.sort(key=lambda found: found.account)
    _save_hits(connection, allowance)
    return result, breaker


def review_batch(
    kernel: Kernel, batch: Batch, states: Ints, until_day: int, breaker: CircuitBreaker | None
) -> EvaluationResult:
    """The looks of accounts without events up to the start of `until_day`; behind a gate, one by one."""
    if breaker is None:
        return in_bulk(kernel, batch, states, until_day)
    result = EvaluationResult()
    for account in range(len(batch.accounts)):
        state = states[account].tolist()
        review_account(kernel, batch, account, state, until_day, kernel.new_row(), result, breaker)
        states[account] = state
    return result


def _automatic(kernel: Kernel, batch: Batch, found: RawDecision) -> bool:
    """Whether a decision restricts the line, and not because a person ruled so."""
    if found.row[kernel.shape.place("ACTION")] not in ADVERSE:
        return False
    if found.event < 0:
        return True
    at, hour, kind = (int(column[found.event]) for column in (batch.at, batch.hour, batch.kind))
    return not is_ruling(kernel, Row(at, hour, kind, tuple(batch.x[found.event].tolist())))


def _passes(kernel: Kernel, allowance: Allowance, batch: Batch, found: RawDecision) -> bool:
    place = kernel.shape.place
    look = EvaluationPoint(found.row[place("NOW_HOUR")] // 24, 0)
    return allowance.passes(batch.accounts[found.account], look, found.row[place("GRANTED_AFTER")])


def _known(connection: Connection, day: int) -> dict[str, int]:
    r = t.restricted.c
    query = select(r.account, r.granted).where(r.day == day)
    return {row.account: row.granted for row in connection.execute(query)}


def _save_hits(connection: Connection, allowance: Allowance | None) -> None:
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
    """Count all lines, where nobody has yet."""
    if connection.execute(select(t.book.c.id)).first() is not None:
        return
    lines = granted = 0
    for digest, kernel in kernels_of(connection).items():
        states = states_under(connection, digest)
        while joined := b"".join(islice(states, PAGE)):
            part = totals(kernel, np.frombuffer(joined, dtype="<i8").reshape(-1, kernel.layout.size))
            lines, granted = lines + part[0], granted + part[1]
    insert_many(connection, t.book, ("id", "lines", "granted"), [(1, lines, granted)])


def keep_book(connection: Connection, before: tuple[int, int], after: tuple[int, int]) -> None:
    """Note what a batch changed."""
    if before == after:
        return
    b = t.book.c
    change = {"lines": b.lines + after[0] - before[0], "granted": b.granted + after[1] - before[1]}
    connection.execute(t.book.update().values(change))


def _book_with(connection: Connection, kernel: Kernel, before: Ints, after: Ints) -> tuple[int, int]:
    """The book as it stands, and the lines that this batch opens."""
    open_book(connection)
    lines, granted = connection.execute(select(t.book.c.lines, t.book.c.granted)).one()
    slots = kernel.layout.slots
    opened = (before[:, slots["OPENED"]] == 0) & (after[:, slots["OPENED"]] != 0)
    return int(lines) + int(opened.sum()), int(granted) + int(after[opened, slots["GRANTED"]].sum())


# ------------------------------------------------------------------ holds


def pending_of(connection: Connection, accounts: Sequence[str]) -> dict[str, PendingRestriction]:
    """Those of the accounts that are held."""
    h = t.pending.c
    if not accounts or connection.execute(select(h.account).where(h.ended.is_(None)).limit(1)).first() is None:
        return {}
    query = select(h.account, h.day, h.event).where(h.ended.is_(None), within(connection, h.account, accounts))
    return {
        account: PendingRestriction(EvaluationPoint(day, event)) for account, day, event in connection.execute(query)
    }


def save_pending(
    connection: Connection, recorder: Recorder, breaker: CircuitBreaker | None, ids: Sequence[str], first_seq: int
) -> int:
    """Write what the gate has changed; returns how many holds began."""
    changed = breaker.changed if breaker else []
    rows = []
    h = t.pending.c
    for account, hold in changed:
        day, event = hold.since
        if hold.latest is None:
            known = t.pending.update().where(h.account == account, h.day == day, h.event == event)
            connection.execute(known.values(ended=hold.ended, ended_event=hold.ended_event or None))
        else:
            name = ids[hold.latest.event - first_seq] if hold.latest.event else None
            data = canonical(recorder.decision(hold.row, account, 0, hold.at, name, None))
            rows.append((account, day, event, data, hold.ended, hold.ended_event or None))
    insert_many(connection, t.pending, PENDING_COLUMNS, rows, tail=_NEWEST)
    return sum(hold.new for _, hold in changed)


def pending_rows(connection: Connection, account: str | None = None, ended: bool = False) -> list[PendingRecord]:
    """Restrictions that wait (`ended`: all that ever did), of one account or of all, by day and account."""
    h = t.pending.c
    query = select(h.account, h.day, h.record, h.ended).order_by(h.day, h.account)
    if account is not None:
        query = query.where(h.account == account)
    if not ended:
        query = query.where(h.ended.is_(None))
    return [PendingRecord(row[0], row[1], read_decision(bytes(row[2])), row[3]) for row in connection.execute(query)]


def pending_count(connection: Connection) -> int:
    """How many restrictions wait for a person."""
    query = select(func.count()).select_from(t.pending).where(t.pending.c.ended.is_(None))
    return int(connection.execute(query).scalar_one())
