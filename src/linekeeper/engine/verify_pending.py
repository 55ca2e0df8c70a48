"""What the brake held back and what it let through, held against what follows from the events."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from linekeeper.core.decision import ADVERSE_ACTIONS
from linekeeper.decide.canonical import canonical_json, read_decision
from linekeeper.engine.derive import Derived
from linekeeper.engine.versions import Recorders
from linekeeper.journal import tables as t
from linekeeper.journal.store import as_bytes
from linekeeper.kernel.calendar import Calendar

Pending = Mapping[tuple[str, int, int], tuple[bytes, str | None, int | None]]


def difference_of_pending(connection: Connection, derived: Derived, recorders: Recorders) -> str | None:
    """The first pending restriction of those accounts that is stored otherwise than it follows from their events.

    At which evaluation it became pending is given; what would have been decided, and how it ended, is derived.
    """
    r, names = t.pending_restrictions.c, derived.batch.accounts
    query = select(r.account, r.day, r.event, r.record, r.ended, r.ended_event)
    rows = connection.execute(query.where(r.account >= names[0], r.account <= names[-1]).order_by(*r[:3])).all()
    if not rows:
        return None
    follows = _derived_pending(derived, recorders)
    for account, day, event, record, ended, ended_event in rows:
        if follows.get((account, day, event)) != (as_bytes(record), ended, ended_event):
            return f"the pending restriction of `{account}` is stored otherwise than it follows from the events"
    return None


def _derived_pending(derived: Derived, recorders: Recorders) -> Pending:
    """By account, day and event at which a restriction became pending: its record, and how it ended."""
    numbers = derived.arrivals.numbers[derived.batch.rows].tolist()
    id_of = dict(zip(numbers, (derived.ids[row] for row in derived.batch.rows), strict=True))
    pending = {}
    for kernel, account, one in derived.pending:
        event = id_of[one.latest.event] if one.latest and one.latest.event else None
        decision = recorders[kernel].decision(one.row, account, 0, one.at, event, None)
        pending[account, *one.since] = (canonical_json(decision), one.ended, one.ended_event or None)
    return pending


def difference_of_restricted(connection: Connection, calendar: Calendar) -> str | None:
    """The first line that the brake counts as restricted on a day on which no decision restricted it."""
    r, d = t.restricted.c, t.decisions.c
    if connection.execute(select(r.account).limit(1)).first() is None:
        return None
    counted = select(r.account).distinct()
    query = select(d.account, d.at, d.record).where(d.account.in_(counted), d.action.in_(sorted(ADVERSE_ACTIONS)))
    made = {
        (account, calendar.day(at), read_decision(as_bytes(record)).after.granted)
        for account, at, record in connection.execute(query.execution_options(yield_per=1_000))
    }
    for day, account, granted in connection.execute(select(r.day, r.account, r.granted).order_by(r.day, r.account)):
        if (account, day, granted) not in made:
            return f"`restricted` counts the line of `{account}` on a day on which no such decision restricted it"
    return None
