"""Draws that somebody asks about before they happen, and those that are taken in as soon as they may."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral

import numpy as np
from sqlalchemy import Connection, select

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.core.errors import UsageError
from linekeeper.core.event import DEFAULT_SOURCE, Event
from linekeeper.engine.customers import customer_of, customer_rows
from linekeeper.engine.stored_events import stored_fields
from linekeeper.engine.versions import kernel_of_account, kernels_of
from linekeeper.evaluate.authorisation import Authorisation
from linekeeper.journal import tables as t
from linekeeper.journal.store import load_accounts
from linekeeper.policy.customers import OWED_TEXT
from linekeeper.policy.model import Policy


def demand_draw_amount(amount: object) -> None:
    """Raises UsageError where the amount (minor units) is none that can be drawn."""
    if isinstance(amount, bool) or not isinstance(amount, Integral) or not 0 < int(amount) <= MONEY_MAX:
        raise UsageError(
            f"a draw of `{amount}` cannot be",
            code="amount-not-readable",
            way_out="name an amount above 0; in Python it is a whole number of minor units",
            details={"given": str(amount)},
        )


def owed_elsewhere(connection: Connection, policy: Policy, account: str) -> int:
    """What the other accounts of the customer owe now, in minor units; 0 where the policy does not ask.

    It is read live, in the transaction that authorises: no other draw of the customer comes in between.
    """
    if policy.customer is None or policy.customer.ceiling is None:
        return 0
    customer = customer_of(connection, account)
    rows = [] if customer is None else customer_rows(connection, [customer])
    others = [row.account for row in rows if row.account != account]
    kernels, owed = kernels_of(connection), 0
    for row in load_accounts(connection, others).values():
        balance = kernel_of_account(kernels, row.policy).layout.slots["BALANCE"]
        owed += max(int(np.frombuffer(row.state, dtype="<i8")[balance]), 0)
    return owed


def draw_event(id: str | None, account: str, at: int, amount: int) -> Event | None:
    """The draw that is asked for, where it has an id under which it is to be taken in."""
    return None if id is None else Event(id, account, "draw", at, {"amount": int(amount)})


def is_known_draw(connection: Connection, event: Event | None) -> bool:
    """Whether just this draw was taken in before: the same again is answered alike, and draws nothing."""
    if event is None:
        return False
    e = t.events.c
    query = select(e.account, e.kind, e.at, e.body).where(e.source == DEFAULT_SOURCE, e.id == event.id)
    row = connection.execute(query).first()
    if row is None or (row.account, row.kind, row.at) != (event.account, event.kind, event.at):
        return False
    return stored_fields(row.body).get("amount") == event.fields["amount"]


def with_owed(event: Event, answer: Authorisation) -> Event:
    """The draw with what the customer owed when it was authorised, where there is a ceiling: that stays on record."""
    if answer.customer_owed_minor is None:
        return event
    return replace(event, fields={**event.fields, OWED_TEXT: str(answer.customer_owed_minor)})
