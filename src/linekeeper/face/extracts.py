"""A whole store, out again: streams of Arrow batches, and the changes since a position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypedDict, Unpack

import pyarrow as pa

from linekeeper.connect.extracts import (
    extract_accounts,
    extract_decisions,
    extract_events,
    extract_features,
    extract_notices,
)
from linekeeper.core.errors import UsageError, demand_choice
from linekeeper.engine import changes as rooms
from linekeeper.engine.account import AccountFilter, DecisionFilter
from linekeeper.engine.engine import Engine
from linekeeper.engine.outbox import State
from linekeeper.face.decision import Decision
from linekeeper.face.times import day_of, instant_of

Subject = Literal["accounts", "decisions", "notices", "events", "features"]


class ExtractFilters(TypedDict, total=False):
    """What an extract may be narrowed to; which filters there are depends on what is extracted."""

    from_day: date | str  # decisions
    account: str  # decisions, events
    status: str  # accounts
    action: str  # decisions
    trigger: str  # accounts: set; decisions: set by them
    reason: str  # accounts, decisions
    kind: str  # events
    state: State  # notices


FILTERS: dict[Subject, tuple[str, ...]] = {
    "accounts": ("status", "trigger", "reason"),
    "decisions": ("from_day", "account", "action", "trigger", "reason"),
    "notices": ("state",),
    "events": ("account", "kind"),
    "features": (),
}


def extract_of(
    engine: Engine, what: Subject, day: date | str | None = None, **filters: Unpack[ExtractFilters]
) -> pa.RecordBatchReader:
    """The stream of that subject: as it stands, or as was known at the end of a day."""
    demand_choice("subject of an extract", what, FILTERS)
    for name in filters:
        if name not in FILTERS[what]:
            raise UsageError(
                f"`{name}` narrows no extract of {what}",
                code="arguments-do-not-go-together",
                way_out=f"there are {', '.join(FILTERS[what]) or 'no filters for it'}",
            )
    number = None if day is None else day_of(day)
    account, trigger, reason = filters.get("account"), filters.get("trigger"), filters.get("reason")
    match what:
        case "accounts":
            return extract_accounts(engine, AccountFilter(filters.get("status"), trigger, reason), number)
        case "decisions":
            first = None if "from_day" not in filters else day_of(filters["from_day"])
            wanted = DecisionFilter(account, filters.get("action"), trigger, reason, first, number)
            return extract_decisions(engine, wanted)
        case "notices":
            return extract_notices(engine, filters.get("state"), number)
        case "events":
            return extract_events(engine, account, filters.get("kind"), number)
        case "features":
            return extract_features(engine, number)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a store: a decision, a correction, or a notice that went out (`notice-sent`).

    `position` rises with each change and is never given twice. `decision` is None where a notice went out.
    """

    position: int
    kind: rooms.ChangeKind
    account: str
    number: int
    decision: Decision | None
    notice_due_at: datetime | None
    sent_at: datetime | None


def changes_of(listed: Sequence[rooms.Change], time_zone: str) -> tuple[Change, ...]:
    """Changes as people read them."""

    def instant(at: int | None) -> datetime | None:
        return None if at is None else instant_of(at, time_zone)

    return tuple(
        Change(
            one.position,
            one.kind,
            one.account,
            one.number,
            None if one.decision is None else Decision(one.decision, time_zone),
            instant(None if one.clock is None else one.clock.due_at),
            instant(one.sent_at),
        )
        for one in listed
    )
