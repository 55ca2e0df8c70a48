"""One account as a person wants to see it: its line, facts, features and decisions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

import msgspec
import numpy as np
from sqlalchemy import select

from linekeeper.core.bounds import MISSING
from linekeeper.core.decision import Decision, LineRecord
from linekeeper.core.errors import NotFound, UsageError
from linekeeper.core.line import Action, Status
from linekeeper.decide.canonical import read_decision
from linekeeper.decide.explain import format_value
from linekeeper.engine.engine import Engine
from linekeeper.engine.versions import kernels_of
from linekeeper.journal import tables as t
from linekeeper.journal.store import as_bytes, decision_records, unpacked

ACCOUNTS_A_PAGE = 100
_NUMBERED = re.compile(r"(?s:.+)#(?P<number>[0-9]{1,18})")


@dataclass(frozen=True)
class AccountView:
    """How an account stands. Instants in UTC ms, days since 1970-01-01, money in minor units."""

    account: str
    line: LineRecord
    balance: int
    opened_at: int
    opening: LineRecord
    now: int
    next_review: int
    values: dict[str, int | None]
    shown_values: list[tuple[str, str]]
    decisions: list[Decision]


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """One account of a list. Money in minor units, `next_review` in days since 1970-01-01."""

    account: str
    line: LineRecord
    balance: int
    next_review: int


def account_page(
    engine: Engine, status: str | None = None, after: str = "", size: int = ACCOUNTS_A_PAGE
) -> list[AccountSummary]:
    """At most `size` accounts whose names come after `after`, in order of their names, with that status (None: any).

    Raises UsageError where there is no such status.
    """
    if status is not None and status.upper() not in Status.__members__:
        names = ", ".join(one.name.lower() for one in Status)
        raise UsageError(f"`{status}` is no status", code="choice-not-known", way_out=f"use one of {names}")
    wanted = None if status is None else status.lower()
    a = t.accounts.c
    query = select(a.account, a.state, a.policy).where(a.account > after).order_by(a.account)
    with engine.store.reading() as connection:
        slots = {digest: kernel.layout.slots for digest, kernel in kernels_of(connection).items()}
        with connection.execution_options(yield_per=ACCOUNTS_A_PAGE).execute(query) as rows:
            summaries = (_summary(name, unpacked(state), slots[policy]) for name, state, policy in rows)
            return list(islice((one for one in summaries if wanted in (None, one.line.status)), size))


def _summary(account: str, data: bytes, slots: Mapping[str, int]) -> AccountSummary:
    state: list[int] = np.frombuffer(data, dtype="<i8").tolist()
    line = LineRecord(state[slots["LIMIT"]], state[slots["GRANTED"]], Status(state[slots["STATUS"]]).name.lower())
    return AccountSummary(account, line, state[slots["BALANCE"]], state[slots["NEXT_REVIEW"]])


def decisions_of(engine: Engine, account: str) -> list[Decision]:
    """All decisions of an account, in order."""
    with engine.store.reading() as connection:
        return [read_decision(row[2]) for row in decision_records(connection, first=account, last=account)]


def decision_page(
    engine: Engine, account: str | None = None, action: str | None = None, after: int = 0, size: int = ACCOUNTS_A_PAGE
) -> list[tuple[int, Decision]]:
    """At most `size` decisions with their places in the order in which they were made, from those after `after` on.

    Of one account and with one action alone, where these are named. Raises UsageError where there is no such action,
    NotFound where the account is not known.
    """
    if action is not None and action.upper() not in Action.__members__:
        names = ", ".join(one.name.lower() for one in Action)
        raise UsageError(f"`{action}` is no action", code="choice-not-known", way_out=f"use one of {names}")
    if account is not None:
        engine.state_of(account)  # raises where it is not known
    d = t.decisions.c
    query = select(d.seq, d.record).where(d.seq > after).order_by(d.seq).limit(size)
    if account is not None:
        query = query.where(d.account == account)
    if action is not None:
        query = query.where(d.action == action.lower())
    with engine.store.reading() as connection:
        return [(place, read_decision(as_bytes(record))) for place, record in connection.execute(query)]


def number_in_name(name: str) -> int | None:
    """The number of `ACCOUNT#NUMBER`; None where the name is of another form.

    >>> number_in_name("A-1001#12"), number_in_name("A-1001"), number_in_name("A-1001#x")
    (12, None, None)
    """
    parts = _NUMBERED.fullmatch(name)
    return int(parts["number"]) if parts else None


def decision_name_refused(name: str) -> UsageError:
    """The error of a name that is no `ACCOUNT#NUMBER`."""
    return UsageError(
        f"`{name[:40]}` is not a decision",
        code="decision-name-not-readable",
        way_out="write ACCOUNT#NUMBER",
        details={"given": name[:40]},
    )


def find_decision(engine: Engine, name: str) -> Decision:
    """The decision `ACCOUNT#NUMBER`, or an account's latest. The name of an account may itself have a `#` in it.

    Raises UsageError where a number is none, NotFound where there is no such account or decision.
    """
    number = number_in_name(name)
    account = name if number is None else name.rpartition("#")[0]
    decisions = decisions_of(engine, account)
    if number is not None:
        decisions = [decision for decision in decisions if decision.number == number]
    if not decisions:
        if number is None and "#" in name and not engine.is_known(account):
            raise decision_name_refused(name)
        engine.state_of(account)  # raises where the account itself is not known
        raise NotFound(
            f"there is no decision `{name}`",
            code="decision-not-known",
            way_out=f"see `linekeeper show {account}`",
            details={"account": account, "decision": name},
        )
    return decisions[-1]


def view(engine: Engine, account: str) -> AccountView:
    """The account as it stands in the store, with no evaluation made for it, under the version that it is under."""
    engine, state = engine.state_of(account)
    kernel, slots = engine.kernel, engine.kernel.layout.slots
    out = kernel.new_row()
    kernel.interpreted.features(state, out)
    kernel.interpreted.score(state, out)
    features = engine.policy.features
    values = [None if value == MISSING else value for value in out[kernel.shape.values :]]
    shown_values = [
        (feature.name, format_value(engine.policy, value, feature.unit, feature.choices) or "missing")
        for feature, value in zip(features, values, strict=True)
    ]
    if engine.policy.score:
        shown_values.append(("score", str(out[kernel.shape.place("SCORE")])))
    decisions = decisions_of(engine, account)
    status = Status(state[slots["STATUS"]]).name.lower()
    line = LineRecord(state[slots["LIMIT"]], state[slots["GRANTED"]], status)
    with engine.store.reading() as connection:
        e = t.events.c
        body = connection.execute(select(e.body).where(e.account == account, e.kind == "open")).scalar_one()
    limit = _limit(bytes(body))
    now = max(state[slots["SEEN"]], kernel.calendar.day_start(state[slots["HOUR"]] // 24))
    return AccountView(
        account,
        line,
        state[slots["BALANCE"]],
        state[slots["OPEN_AT"]],
        LineRecord(limit, limit, "active"),
        now,
        state[slots["NEXT_REVIEW"]],
        dict(zip([feature.name for feature in features], values, strict=True)),
        shown_values,
        decisions,
    )


def _limit(body: bytes) -> int:

    return int(msgspec.json.decode(body)["limit"])
