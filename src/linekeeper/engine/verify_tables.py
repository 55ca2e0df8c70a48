"""What the store holds beside events, states and decisions, held against what it follows from.

`docs/reference/proof.md` lists each column of each table: derived, in the log, or neither.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from sqlalchemy import Column, Connection, func, select

from linekeeper.core.bounds import AT_MIN_MS, DAY_MAX, DAY_MS
from linekeeper.core.errors import PolicyError
from linekeeper.decide.canonical import read_decision
from linekeeper.engine.history import Reviews
from linekeeper.engine.pending_restrictions import counted_book
from linekeeper.engine.versions import policy_in_force, read_version
from linekeeper.journal import tables as t
from linekeeper.journal.database_errors import what_is_broken
from linekeeper.journal.schema_objects import difference_of_schema
from linekeeper.journal.store import Counter, as_bytes, last_number
from linekeeper.journal.value_types import value_of_another_type
from linekeeper.notice.from_decision import NOTIFIED_ACTIONS

Difference = str | None
_FIRST_DAY = AT_MIN_MS // DAY_MS  # of the calendar, since 1970-01-01


# ------------------------------------------------------------------ what must hold before anything is derived


def difference_of_file(connection: Connection) -> Difference:
    """What SQLite's own check finds in its file."""
    damage = what_is_broken(connection)
    return None if damage is None else f"the store's file is damaged: {damage}"


def difference_of_second_rows(connection: Connection) -> Difference:
    """The first table of one row that has another: nobody could say which of the two counts."""
    for table in (t.store_units, t.book, t.law, t.LOG.tail):
        row = connection.execute(select(table.c.id).where(table.c.id != 1).limit(1)).scalar()
        if row is not None:
            return f"`{table.name}` has one row alone, with the `id` 1, and here also one with {row}"
    return None


def difference_of_types(connection: Connection) -> Difference:
    """The first value of another type than its column's."""
    value = value_of_another_type(connection)
    return None if value is None else str(value)


def difference_of_versions(connection: Connection) -> Difference:
    """The first version of the policy that is not stored under the name, number and digest of its own text."""
    p = t.policies.c
    columns = (p.digest, p.text, p.card, p.name, p.version)
    for row in connection.execute(select(*columns).order_by(p.version)):
        place = f"version {row.version} of `{row.name}`"
        try:
            policy = read_version(row.text, row.name, row.card)
        except PolicyError as error:
            return f"{place} cannot be read any more: {error}"
        if (policy.name, policy.version) != (row.name, row.version):
            return f"{place} is version {policy.version} of `{policy.name}` by its own text"
        if policy.digest != row.digest:
            return f"{place} is stored under a digest that is not that of its text and card"
        if policy.card != (None if row.card is None else as_bytes(row.card)):
            return f"{place} is stored with a card that its text does not name"
    return None


def difference_of_migrations(connection: Connection) -> Difference:
    """The first account whose migrations do not lead, one after the other, to the version that it is under."""
    m, under = t.version_migrations.c, t.accounts.c
    query = select(m.account, m.day, m.after_event, m.was, m.policy, under.policy.label("now"))
    rows = connection.execute(query.outerjoin(t.accounts, under.account == m.account).order_by(m.account, m.day)).all()
    last_event, last_day = last_number(connection, "events"), Reviews.of(connection).last_day
    for place, row in enumerate(rows):
        following = rows[place + 1] if place + 1 < len(rows) and rows[place + 1].account == row.account else None
        if row.policy != (following.was if following else row.now):
            return f"`{row.account}` migrated to a version that it is not under afterwards"
        if not _FIRST_DAY <= row.day <= last_day or row.after_event > last_event:
            return f"`{row.account}` migrated on a day, or after an event, that has not come, or never was"
        if following and following.after_event < row.after_event:
            return f"the migrations of `{row.account}` are out of order"
    return None


def difference_of_review_days(connection: Connection) -> Difference:
    """The first review up to a day that no review can have."""
    days = Reviews.of(connection).days
    wrong = next((day for day in days if not _FIRST_DAY <= day <= DAY_MAX), None)
    return None if wrong is None else f"a review is said to have gone up to day {wrong}, which is not in the calendar"


def difference_of_seals(connection: Connection) -> Difference:
    """The first leaf of the log that has a sealed record and no key that opens it, or a key and no record."""
    e = t.LOG.entries.c
    halves = (e.key.is_(None) & e.sealed.is_not(None)) | (e.key.is_not(None) & e.sealed.is_(None))
    leaf = connection.execute(select(func.min(e.position)).where(halves)).scalar()
    return None if leaf is None else f"leaf {leaf} of the log has only one of two: a sealed record, and its key"


def difference_of_known_versions(connection: Connection) -> Difference:
    """The first account that is, or was, under a version that the store does not have."""
    known = select(t.policies.c.digest)
    for column in (t.accounts.c.policy, t.version_migrations.c.policy, t.version_migrations.c.was):
        query = select(column.table.c.account).where(column.not_in(known)).limit(1)
        account = connection.execute(query).scalar()
        if account is not None:
            return f"`{account}` is under a version in `{column.table.name}` that the store does not have"
    return None


BEFORE_DERIVING: tuple[Callable[[Connection], Difference], ...] = (
    difference_of_file,
    difference_of_schema,
    difference_of_types,
    difference_of_second_rows,
    difference_of_versions,
    difference_of_known_versions,
    difference_of_review_days,
    difference_of_migrations,
    difference_of_seals,
)


# ------------------------------------------------------------------ what follows from events, states and decisions


def difference_of_accounts(connection: Connection) -> Difference:
    """A decision or a state, of now or kept, of an account without events."""
    known = select(t.events.c.account)
    for table in (t.decisions, t.accounts, t.kept_states):
        row = connection.execute(select(table.c.account).where(table.c.account.not_in(known)).limit(1)).first()
        if row:
            return f"the account `{row[0]}` stands in `{table.name}` and has no events"
    return None


def difference_of_numbers(connection: Connection) -> Difference:
    """An event or a change with a number that is still to be given: it would be given twice."""
    counted: tuple[tuple[Counter, tuple[Column[Any], ...]], ...] = (
        ("events", (t.events.c.seq,)),
        ("changes", (t.decisions.c.seq, t.notices.c.sent_position)),
    )
    for counter, columns in counted:
        last = last_number(connection, counter)
        for column in columns:
            table = column.table
            row = connection.execute(select(table.c.account, column).where(column > last).limit(1)).first()
            if row:
                return f"a row of `{row[0]}` in `{table.name}` has the number {row[1]}, and {last} was the last given"
    return None


def difference_of_reviews(connection: Connection) -> Difference:
    """A review that went backwards, or came after an event that is still to come."""
    reviews, last = Reviews.of(connection), last_number(connection, "events")
    for what, values in (("after_event", reviews.after_events), ("until_day", reviews.days)):
        if any(after < before for before, after in pairwise(values)):
            return f"the reviews are out of order in `{what}`"
    if reviews.after_events and reviews.after_events[-1] > last:
        return f"a review came after event {reviews.after_events[-1]}, and {last} was the last to arrive"
    return None


def difference_of_units(connection: Connection) -> Difference:
    """What the views take amounts and days to be in, where the policy says otherwise."""
    u = t.store_units.c
    row = connection.execute(select(u.currency, u.minor_digits, u.time_zone).where(u.id == 1)).first()
    policy = policy_in_force(connection)
    expected = (policy.currency, policy.exponent, policy.time_zone)
    if row is None or tuple(row) != expected:
        return f"`store_units` is {'absent' if row is None else tuple(row)}, and the policy says {expected}"
    return None


def difference_of_notices(connection: Connection) -> Difference:
    """A notice without its decision, or of another action; or a decision that none stands for.

    A store may come under a law after its first decisions, so those before the first notice need none.
    """
    n, d = t.notices.c, t.decisions.c
    if connection.execute(select(t.law.c.id)).first() is None:
        stray = connection.execute(select(n.account, n.number).limit(1)).first()
        return f"the notice `{stray.account}#{stray.number}` stands under no law" if stray else None
    both = (d.account == n.account) & (d.number == n.number)
    stray = connection.execute(
        select(n.account, n.number).outerjoin(t.decisions, both).where(d.action.is_(None) | (d.action != n.action))
    ).first()
    if stray:
        return f"the notice `{stray.account}#{stray.number}` is of no such decision"
    first = select(func.min(d.seq)).join(t.notices, both).scalar_subquery()
    bare = select(d.account, d.number, d.record).outerjoin(t.notices, both).where(n.action.is_(None), d.seq > first)
    unmet = connection.execute(bare.where(d.action.in_(NOTIFIED_ACTIONS)).execution_options(yield_per=1_000))
    missing = next((row for row in unmet if not read_decision(row.record).was_announced), None)
    if missing:
        return f"decision {missing.number} of `{missing.account}` has no notice, and those before it have"
    unsent = (n.state != "sent") | n.sent_at.is_(None) | n.sent_position.is_(None)
    half = (n.state != "pending") | n.sent_at.is_not(None) | n.sent_position.is_not(None)
    torn = connection.execute(select(n.account, n.number).where(unsent & half).limit(1)).first()
    return f"the notice `{torn.account}#{torn.number}` is neither pending nor sent" if torn else None


def difference_of_book(connection: Connection) -> Difference:
    """The count of open lines and of what is granted on them, where it was made, against the states."""
    row = connection.execute(select(t.book.c.lines, t.book.c.granted)).first()
    if row is None:  # it is counted when it is next needed
        return None
    counted = counted_book(connection)
    if tuple(row) != counted:
        return f"`book` has {row.lines} lines with {row.granted} granted, and the states {counted[0]} with {counted[1]}"
    return None


AFTER_DERIVING: tuple[Callable[[Connection], Difference], ...] = (
    difference_of_accounts,
    difference_of_numbers,
    difference_of_reviews,
    difference_of_units,
    difference_of_notices,
    difference_of_book,
)
