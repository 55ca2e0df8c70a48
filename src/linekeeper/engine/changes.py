"""What changed in a store since a position, so that another system can follow it.

A position is given to each decision, and to each notice as it goes out, under the lock that one writer has at a time.
So the order of positions is the order of commits, a reader never meets a lower one later, and none is given twice: an
erasure deletes decisions and notices, and what it deletes is missing from then on.

The outbox is not this list. It says what a borrower still has to be notified of, and a row of it changes its state. A
notice enters it in the transaction of its decision, so the change that brings the decision brings the notice too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Literal

from sqlalchemy import Connection, select

from linekeeper.core.decision import CORRECT, Decision
from linekeeper.core.errors import Conflict
from linekeeper.decide.canonical import read_decision
from linekeeper.engine.engine import Engine
from linekeeper.journal import tables as t
from linekeeper.journal.store import as_bytes, last_number
from linekeeper.regulation.clock import NoticeClock

CHANGES_A_PAGE = 1_000
ChangeKind = Literal["decision", "correction", "notice-sent"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change: its position, and the decision that it brings or whose notice went out.

    A decision has the `clock` of its notice where the borrower must be notified; `sent_at` (UTC ms) is when one went.
    """

    position: int
    kind: ChangeKind
    account: str
    number: int
    decision: Decision | None = None
    clock: NoticeClock | None = None
    sent_at: int | None = None


def changes_after(engine: Engine, position: int = 0, size: int = CHANGES_A_PAGE) -> list[Change]:
    """At most `size` changes after a position, in the order in which they were committed.

    Raises Conflict where the store never gave that position: it is then another store, or an older copy of it.
    """
    with engine.store.reading() as connection:
        last = last_number(connection, "changes")
        if position > last:
            raise Conflict(
                f"the store has given positions up to {last}, and {position} was named",
                code="position-not-given",
                way_out="where an older copy of the store was restored, follow it from 0 again",
                details={"position": position, "last": last},
            )
        both = (_decided(connection, position, size), _sent(connection, position, size))
        return list(islice(merge(*both, key=lambda change: change.position), size))


def _decided(connection: Connection, after: int, size: int) -> Iterator[Change]:
    d, n = t.decisions.c, t.notices.c
    notice = t.decisions.outerjoin(t.notices, (d.account == n.account) & (d.number == n.number))
    query = select(d.seq, d.record, n.due_at, n.alarm_at, n.rule, n.status).select_from(notice)
    for row in connection.execute(query.where(d.seq > after).order_by(d.seq).limit(size)):
        decision = read_decision(as_bytes(row.record))
        kind: ChangeKind = "correction" if decision.action == CORRECT else "decision"
        clock = None if row.due_at is None else NoticeClock(row.due_at, row.alarm_at, row.rule, row.status)
        yield Change(row.seq, kind, decision.account, decision.number, decision, clock)


def _sent(connection: Connection, after: int, size: int) -> Iterator[Change]:
    n = t.notices.c
    query = select(n.sent_position, n.account, n.number, n.sent_at).where(n.sent_position > after)
    for row in connection.execute(query.order_by(n.sent_position).limit(size)):
        yield Change(row.sent_position, "notice-sent", row.account, row.number, sent_at=row.sent_at)
