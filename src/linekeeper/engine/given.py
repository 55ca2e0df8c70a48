"""What accounts are given of others, beside each batch and each review, whichever section of a policy asks for it.

A policy has customers or links or neither. Both derive events that are stored like all others, so that each account
still follows from its own events alone; here a batch is parted where they have to come in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from linekeeper.core.event import Event, Rejection, RejectionCode
from linekeeper.engine.customers import (
    CUSTOMERS,
    Delivery,
    Due,
    GivenEvent,
    given_in_table,
)
from linekeeper.engine.inbox import GivenEvents, new_rows
from linekeeper.engine.links import LINKS, linked_in_table
from linekeeper.evaluate.late_events import REVERSAL
from linekeeper.journal.store import Store
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.model import Policy

if TYPE_CHECKING:
    from linekeeper.engine.calls import ReceiveCall
    from linekeeper.kernel.calendar import Calendar

_DECODE = msgspec.json.Decoder(dict[str, int | str]).decode


def delivery_of(policy: Policy) -> Delivery | None:
    """How accounts are given what others publish; None where the policy reads of no other account."""
    if policy.links is not None:
        return LINKS
    return CUSTOMERS if policy.customer is not None else None


def derived_kind(policy: Policy) -> str | None:
    """The kind of the events that are derived here; None where there are none."""
    delivery = delivery_of(policy)
    return None if delivery is None else delivery.kind


# ------------------------------------------------------------------ a whole feed


def derived_in_table(kernel: Kernel, table: pa.Table, until_day: int) -> list[GivenEvent]:
    """All that the accounts of a feed are given, where it comes in order of time, up to the start of `until_day`."""
    return (given_in_table if kernel.policy.links is None else linked_in_table)(kernel, table, until_day)


def without_given(policy: Policy, table: pa.Table) -> tuple[pa.Table, list[Rejection]]:
    """The table without rows of the kind that is derived here, and these as rejections."""
    delivery = delivery_of(policy)
    if delivery is None:
        return table, []
    foreign = pc.fill_null(pc.equal(table["kind"], delivery.kind), False)
    if not pc.any(foreign).as_py():
        return table, []
    rejected = [_foreign(name, delivery) for name in table.filter(foreign)["id"].to_pylist()]
    return table.filter(pc.invert(foreign)), rejected


def _foreign(name: str, delivery: Delivery) -> Rejection:
    reason = f"the kind `{delivery.kind}` is derived from {delivery.given_by}; no feed gives it"
    return Rejection(f"event {name}", reason, RejectionCode.NOT_VALID)


# ------------------------------------------------------------------ a store


def given_in_steps(
    connection: Connection, kernel: Kernel, call: ReceiveCall, events: GivenEvents, due: Due | None
) -> Iterator[tuple[GivenEvents, ReceiveCall]]:
    """The events of a batch with what accounts are to be given beside them, in steps; each is received before the next.

    A reversal is a step of its own: until it comes all are given what was known before, and what it changes follows it.
    """
    how = delivery_of(kernel.policy)
    if how is None:
        yield events, call
        return
    start, clock = 0, kernel.calendar
    for row in [row for row, kind in enumerate(events.kinds) if kind == REVERSAL]:
        if not how.may_move_others(connection, events, row):
            continue
        yield _with_given(connection, how, call, events.take(range(start, row)), clock)
        together, day = how.together_with(connection, events.accounts[row]), clock.day(events.at[row])
        if together:
            yield _with_given(connection, how, call, events.take(()), clock, (together, day))
        yield events.take((row,)), call
        if together:
            yield _with_given(connection, how, call, events.take(()), clock, (together, day))
        start = row + 1
    yield _with_given(connection, how, call, events.take(range(start, len(events.ids))), clock, due)


def _with_given(
    connection: Connection,
    how: Delivery,
    call: ReceiveCall,
    events: GivenEvents,
    clock: Calendar,
    due: Due | None = None,
) -> tuple[GivenEvents, ReceiveCall]:
    """Some events of a batch with what accounts are to be given beside them, and the call that knows of these."""
    rows, bodies = new_rows(connection, call, events, clock) if events.ids else [], events.bodies()
    new = [
        Event(events.ids[i], events.accounts[i], events.kinds[i], events.at[i], _DECODE(bodies[i]), events.arrived[i])
        for i in rows
    ]
    given = [event for event in how.give(connection, call.source, new, due) if event.account not in call.unreadable]
    if not given:
        return events, call
    latest = max((event.arrived for event in new if event.arrived is not None), default=None)
    if latest is not None:  # what is derived is known as soon as what it follows from
        given = [replace(event, arrived=max(latest, event.at)) for event in given]
    return events.with_first(given), replace(call, given=frozenset(event.id for event in given))


def drop_given(policy: Policy, events: GivenEvents) -> tuple[GivenEvents, list[Rejection]]:
    """The events without those of the kind that is derived here, which no feed gives, and these as rejections."""
    delivery = delivery_of(policy)
    if delivery is None:
        return events, []
    own = [row for row, kind in enumerate(events.kinds) if kind != delivery.kind]
    if len(own) == len(events.ids):
        return events, []
    others = sorted(set(range(len(events.ids))) - set(own))
    return events.take(own), [_foreign(events.ids[row], delivery) for row in others]


def derived_due(store: Store, policy: Policy, until_day: int) -> Due | None:
    """Some of those whose accounts may have to be given something by the start of that day; None: there is none."""
    delivery = delivery_of(policy)
    return None if delivery is None else delivery.next_due(store, until_day)


def accounts_reached(connection: Connection, policy: Policy, accounts: Sequence[str], due: Due | None) -> list[str]:
    """These accounts, and all that may be given something beside their events, or by what is due."""
    delivery = delivery_of(policy)
    return list(accounts) if delivery is None else delivery.reached(connection, accounts, due)
