"""What the journal holds of the past, in the kernel's form: the accounts' events, and the reviews that were made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, func, select

from linekeeper.core.bounds import AT_END_MS, AT_MIN_MS, DAY_MAX, MONEY_MAX
from linekeeper.core.errors import StoreError
from linekeeper.core.line import Action
from linekeeper.decide.canonical import read_decision
from linekeeper.decide.chain import Chain
from linekeeper.engine.stored_events import stored_fields
from linekeeper.evaluate.evaluator import NOT_REVIEWED, Arrivals, EvaluationResult
from linekeeper.evaluate.event_batch import Batch, Ints
from linekeeper.evaluate.late_events import REVERSAL
from linekeeper.journal import tables as t
from linekeeper.journal.store import fetch_rows, insert_many, last_number, within
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.expression import TEXT
from linekeeper.policy.model import Field, Policy


def recall(connection: Connection, kernel: Kernel, batch: Batch, result: EvaluationResult, chains: list[Chain]) -> None:
    """Let the chains of corrected accounts know which stored decision last set each trigger."""
    place = kernel.shape.place("ACTION")
    corrected = {raw.account for raw in result.decisions if raw.row[place] == Action.CORRECT}
    if not corrected:
        return
    chain_of = {batch.accounts[account]: chains[account] for account in corrected}
    d = t.decisions.c
    query = select(d.account, d.record).where(within(connection, d.account, list(chain_of))).order_by(d.number)
    for account, stored in connection.execute(query):
        chain_of[account].note(read_decision(bytes(stored)))


# ------------------------------------------------------------------ as a table


class Unreadable(StoreError):
    """A stored event that could not have been admitted as it stands."""

    def __init__(self, event: str, account: str) -> None:
        super().__init__(
            f"the event `{event}` of `{account}` cannot be read as the policy's kinds have it",
            code="event-not-readable",
            details={"account": account, "event": event},
        )


def table_of_events(connection: Connection, policy: Policy, names: list[str]) -> tuple[pa.Table, Arrivals]:
    """Those accounts' events in order of arrival, as an event table, and how they arrived."""
    e = t.events.c
    query = select(e.seq, e.source, e.id, e.account, e.kind, e.at, e.body)
    rows = connection.execute(query.where(e.account >= names[0], e.account <= names[-1]).order_by(e.seq)).all()
    read = _reader(policy)
    fields = [read(row) for row in rows]
    columns: dict[str, pa.Array] = {
        "id": pa.array([row.id for row in rows], pa.string()),
        "account": pa.array([row.account for row in rows], pa.string()),
        "kind": pa.array([row.kind for row in rows], pa.string()),
        "at": pa.array([row.at for row in rows], pa.int64()),
    }
    words = {one.name for kind in policy.kinds for one in kind.fields if one.choices or one.unit == TEXT}
    for name in {one.name for kind in policy.kinds for one in kind.fields}:
        kind = pa.string() if name in words else pa.int64()
        columns[name] = pa.array([body.get(name) for body in fields], kind)
    seqs = {(row.source, row.id): row.seq for row in rows}
    pairs = zip(rows, fields, strict=True)
    reverses = {row.seq: seqs[row.source, body["of"]] for row, body in pairs if row.kind == REVERSAL}
    return pa.table(columns), Arrivals(np.array([row.seq for row in rows], dtype=np.int64), reverses)


def _reader(policy: Policy) -> Callable[[Any], dict[str, int | str]]:
    """Reads the fields of a stored event; raises Unreadable where validation would not have let it in."""
    kinds = {kind.name: {field.name: field for field in kind.fields} for kind in policy.kinds}

    def fits(field: Field | None, value: int | str) -> bool:
        if field is None or field.unit == TEXT:
            return isinstance(value, str)
        return value in field.choices if field.choices else isinstance(value, int) and abs(value) <= MONEY_MAX

    def read(row: Any) -> dict[str, int | str]:
        try:
            fields, known = stored_fields(row.body), kinds[row.kind]
        except (StoreError, KeyError):
            raise Unreadable(row.id, row.account) from None
        required = (name for name, field in known.items() if not field.optional)
        fit = all(fits(known.get(name), value) for name, value in fields.items())
        if not (
            fit
            and all(name in fields for name in required)
            and isinstance(row.at, int)
            and AT_MIN_MS <= row.at < AT_END_MS
        ):
            raise Unreadable(row.id, row.account)
        return fields

    return read


# ------------------------------------------------------------------ reviews


@dataclass(frozen=True)
class Reviews:
    """The reviews of a store: after event `after_events[i]` every account was reviewed up to the start of `days[i]`."""

    after_events: list[int]
    days: list[int]

    @staticmethod
    def of(connection: Connection) -> Reviews:
        """All reviews, in order."""
        r = t.reviews.c
        marks = connection.execute(select(r.after_event, r.until_day).order_by(r.seq)).all()
        return Reviews([int(after) for after, _ in marks], [int(day) for _, day in marks])

    def before(self, events: Ints) -> Ints:
        """The day up to which all had been reviewed when each of these events (arrival numbers) arrived."""
        places = np.searchsorted(np.array(self.after_events, dtype=np.int64), events, side="left")
        days: Ints = np.array([NOT_REVIEWED, *self.days], dtype=np.int64)[places]
        return days

    def by(self, day: int) -> Reviews:
        """The reviews as they stood at the end of `day`; one that went further had only come as far as that."""
        return Reviews(self.after_events, [min(reviewed, day) for reviewed in self.days])

    @property
    def last_day(self) -> int:
        """The latest day reviewed."""
        return self.days[-1] if self.days else NOT_REVIEWED


def reviewed_day(connection: Connection) -> int:
    """The day up to which every account has been reviewed; NOT_REVIEWED before the first review.

    Raises StoreError where no review can have gone so far: another hand altered it, and every day up to it would count.
    """
    ((day,),) = fetch_rows(connection, _REVIEWED_DAY)
    if day is not None and day > DAY_MAX:
        raise StoreError(
            f"a review is said to have gone up to day {day}, which is not in the calendar",
            code="stored-value-not-readable",
            way_out="restore the store from a backup; `linekeeper verify` finds what else is altered",
            details={"day": day},
        )
    return NOT_REVIEWED if day is None else int(day)


_REVIEWED_DAY = select(func.max(t.reviews.c.until_day))


@dataclass(frozen=True, slots=True)
class UnfinishedReview:
    """A review up to the start of `until_day` that has begun: under which version (its digest), with the brake or not.

    `number` is its place among the reviews of the store.
    """

    number: int
    until_day: int
    policy: str
    brake: bool


def begin_review(connection: Connection, until_day: int, policy: str, brake: bool) -> None:
    """Write down a review that begins now, under the version of that digest, where it goes further than all before."""
    if until_day <= reviewed_day(connection):
        return
    insert_many(connection, t.reviews, ("after_event", "until_day"), [(last_number(connection, "events"), until_day)])
    number = connection.execute(select(func.max(t.reviews.c.seq))).scalar_one()
    insert_many(connection, t.unfinished_reviews, ("review", "policy", "brake"), [(number, policy, int(brake))])


def unfinished_reviews_of(connection: Connection) -> list[UnfinishedReview]:
    """The reviews that have begun and not ended, in order."""
    rows = fetch_rows(connection, _UNFINISHED)
    return [UnfinishedReview(number, day, policy, bool(brake)) for number, day, policy, brake in rows]


_UNFINISHED = (
    select(t.reviews.c.seq, t.reviews.c.until_day, t.unfinished_reviews.c.policy, t.unfinished_reviews.c.brake)
    .join(t.unfinished_reviews, t.unfinished_reviews.c.review == t.reviews.c.seq)
    .order_by(t.reviews.c.seq)
)


def end_review(connection: Connection, review: UnfinishedReview) -> None:
    """Write down that all of a review was done."""
    u = t.unfinished_reviews
    connection.execute(u.delete().where(u.c.review == review.number))
