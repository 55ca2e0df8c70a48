"""How an account began: opened here, or taken over from a former system as its line stood there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from linekeeper.core.decision import LineRecord
from linekeeper.core.errors import StoreError
from linekeeper.engine.stored_events import stored_fields
from linekeeper.journal import tables as t
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.kinds import OPENING_KINDS, STATED_TRIGGERS


@dataclass(frozen=True, slots=True)
class CutOver:
    """What an opening stated of a line. Days since 1970-01-01.

    `triggers`: those that held the line, `in_force` those of them that have done so ever since; `since_day`: from when
    on, and `why`. `notified_day` is the day on which the former system notified the borrower; None where it did not.
    `observed_day` is the first day of which all events are known, `days_observed` how long ago that was.
    """

    day: int
    observed_day: int
    days_observed: int
    triggers: tuple[str, ...]
    in_force: tuple[str, ...]
    since_day: int | None
    notified_day: int | None
    why: str | None


def beginning(connection: Connection, account: str) -> tuple[str, Mapping[str, int | str]]:
    """The kind and the fields of the event with which an account began."""
    e = t.events.c
    query = select(e.kind, e.body).where(e.account == account, e.kind.in_(OPENING_KINDS))
    row = connection.execute(query).first()
    if row is None:
        raise StoreError(
            f"the event with which `{account}` began is not in the store",
            code="event-not-readable",
            way_out="run `linekeeper verify`, and restore the store from a backup",
            details={"account": account},
        )
    return str(row.kind), stored_fields(row.body)


def first_line(kind: str, fields: Mapping[str, int | str]) -> LineRecord:
    """The line with which an account began, by the kind and the fields of its first event."""
    limit = int(fields["limit"])
    if kind == "open":
        return LineRecord(limit, limit, "active")
    return LineRecord(limit, int(fields["granted"]), str(fields["status"]))


def cut_over_of(kernel: Kernel, state: list[int], fields: Mapping[str, int | str]) -> CutOver:
    """What the fields of an opening stated of the account with that state."""
    slots = kernel.layout.slots
    numbers = {trigger.name: number for number, trigger in enumerate(kernel.policy.triggers)}
    named = tuple(str(fields[name]) for name in STATED_TRIGGERS if name in fields)
    since, notified, why = (fields.get(name) for name in ("since", "notified_on", "why"))
    return CutOver(
        state[slots["STANDS_UNTIL"]] - 1,
        state[slots["OBSERVED_DAY"]],
        state[slots["HOUR"]] // 24 - state[slots["OBSERVED_DAY"]],
        named,
        tuple(name for name in named if state[slots["STATED"]] >> numbers[name] & 1),
        None if since is None else int(since),
        None if notified is None else int(notified),
        None if why is None else str(why),
    )
