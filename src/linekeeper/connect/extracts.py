"""What a store holds, out again: accounts, decisions, notices, events and features as streams of Arrow batches.

A stream is read page by page in one reading transaction, so it shows one state of the store, holds no writer up, and
takes the same memory whatever the size of the book. Money is in minor units with the currency beside, days are dates,
instants have the policy's time zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from linekeeper.connect.arrivals import (
    ARRIVAL_AT,
    ARRIVAL_NUMBER,
    ARRIVAL_SCHEMA,
    ARRIVAL_SOURCE,
    LAST_REVIEW,
    REVIEWED,
)
from linekeeper.connect.event_table import schema_of
from linekeeper.core.bounds import DAY_MAX, MISSING
from linekeeper.core.decision import Decision
from linekeeper.core.errors import demand_choice
from linekeeper.engine.account import (
    AccountFilter,
    AccountSummary,
    DecisionFilter,
    account_summaries,
    decisions_in_order,
)
from linekeeper.engine.derive import account_pages
from linekeeper.engine.engine import Engine
from linekeeper.engine.history import Reviews
from linekeeper.engine.outbox import Entry, State, entries_in_order
from linekeeper.engine.past import known_days
from linekeeper.engine.rulings import store_now
from linekeeper.engine.states_in_order import AccountState, state_at_end_of, states_in_order
from linekeeper.engine.stored_events import stored_event
from linekeeper.engine.versions import kernels_of
from linekeeper.evaluate.evaluator import Arrivals
from linekeeper.journal import tables as t
from linekeeper.lab.decision_table import ValueColumns, public_decision_table
from linekeeper.policy.model import Policy

_TEXT, _WHOLE, _DAY = pa.string(), pa.int64(), pa.date32()
_Row = TypeVar("_Row")
_Columns = dict[str, list[Any]]
ROWS_AT_ONCE = 2_000  # that are in memory as objects at one time
HISTORIES_AT_ONCE = 250  # whose events are in memory at one time


def _stream(
    engine: Engine,
    schema: pa.Schema,
    rows: Callable[[Connection], Iterable[_Row]],
    columns: Callable[[Sequence[_Row]], _Columns | pa.Table],
) -> pa.RecordBatchReader:
    """The rows as record batches of that schema, read when they are asked for."""

    def batches() -> Iterator[pa.RecordBatch]:
        with engine.store.reading() as connection:
            listed = iter(rows(connection))
            for some in iter(lambda: list(islice(listed, ROWS_AT_ONCE)), []):
                made = columns(some)
                table = made if isinstance(made, pa.Table) else pa.table(made, schema=schema)
                yield from table.select(schema.names).cast(schema).combine_chunks().to_batches()

    return pa.RecordBatchReader.from_batches(schema, batches())


def _instant(policy: Policy) -> pa.DataType:
    return pa.timestamp("ms", policy.time_zone)


def _day(day: int | None) -> int | None:
    """A day since 1970-01-01 as a date column takes it; None where it lies so far away that it stands for "never"."""
    return day if day is not None and 0 <= day <= DAY_MAX else None


# ------------------------------------------------------------------ accounts


def extract_accounts(engine: Engine, wanted: AccountFilter, day: int | None = None) -> pa.RecordBatchReader:
    """The wanted accounts in order of their names: as they stand, or as they were known at the end of a day."""
    wanted.demand_known(engine)
    engine.demand_begun(day)
    instant = _instant(engine.policy)
    schema = pa.schema(
        {"account": _TEXT, "day": _DAY, "status": _TEXT}
        | dict.fromkeys(("limit_minor", "granted_minor", "balance_minor"), _WHOLE)
        | {"currency": _TEXT, "opened_at": instant, "next_review": _DAY, "version": _WHOLE}
        | {"triggers": _TEXT, "reasons": _TEXT}
    )

    def columns(page: Sequence[AccountSummary]) -> _Columns:
        return {
            "account": [one.account for one in page],
            "day": [day] * len(page),
            "status": [one.line.status for one in page],
            "limit_minor": [one.line.limit for one in page],
            "granted_minor": [one.line.granted for one in page],
            "balance_minor": [one.balance for one in page],
            "currency": [engine.policy.currency] * len(page),
            "opened_at": [one.opened_at for one in page],
            "next_review": [_day(one.next_review) for one in page],
            "version": [one.version for one in page],
            "triggers": [",".join(one.triggers) for one in page],
            "reasons": [",".join(one.reasons) for one in page],
        }

    return _stream(engine, schema, lambda connection: account_summaries(connection, wanted, day=day), columns)


# ------------------------------------------------------------------ decisions


def extract_decisions(engine: Engine, wanted: DecisionFilter) -> pa.RecordBatchReader:
    """The wanted decisions in the order in which they were made, of all versions of the policy."""
    wanted.demand_known(engine)
    with engine.store.reading() as connection:
        policies = [kernel.policy for kernel in kernels_of(connection).values()]
    versions = {policy.digest: policy.version for policy in policies}
    value_columns, zone = ValueColumns.of(reversed(policies)), engine.policy.time_zone
    named = public_decision_table([], zone, value_columns).schema
    schema = pa.schema([*pa.schema({"place": _WHOLE, "currency": _TEXT, "version": _WHOLE}), *named])

    def columns(page: Sequence[tuple[int, Decision]]) -> pa.Table:
        table = public_decision_table([decision for _, decision in page], zone, value_columns)
        table = table.append_column("place", pa.array([place for place, _ in page], pa.int64()))
        table = table.append_column("currency", pa.repeat(engine.policy.currency, len(page)))
        return table.append_column("version", pa.array([versions[one.policy] for _, one in page], pa.int64()))

    clock = engine.kernel.calendar
    return _stream(engine, schema, lambda connection: decisions_in_order(connection, clock, wanted), columns)


# ------------------------------------------------------------------ notices


def extract_notices(engine: Engine, state: State | None = None, day: int | None = None) -> pa.RecordBatchReader:
    """The notices in the order of accounts and decisions, those in a `state` alone where one is named.

    With a `day`, the notices of decisions up to its end, and whether they had been sent by then.
    """
    demand_choice("state", state, get_args(State))
    engine.demand_begun(day)
    instant = _instant(engine.policy)
    schema = pa.schema(
        {"account": _TEXT, "number": _WHOLE, "action": _TEXT, "decided_at": instant, "due_at": instant}
        | {"alarm_at": instant, "rule": _TEXT, "rule_status": _TEXT, "state": _TEXT, "sent_at": instant}
    )

    def columns(page: Sequence[Entry]) -> _Columns:
        return {
            "account": [one.account for one in page],
            "number": [one.number for one in page],
            "action": [one.action for one in page],
            "decided_at": [one.decided_at for one in page],
            "due_at": [one.clock.due_at for one in page],
            "alarm_at": [one.clock.alarm_at for one in page],
            "rule": [one.clock.rule for one in page],
            "rule_status": [one.clock.status for one in page],
            "state": [one.state for one in page],
            "sent_at": [one.sent_at for one in page],
        }

    end = None if day is None else engine.kernel.calendar.day_start(day + 1)
    return _stream(engine, schema, lambda connection: entries_in_order(connection, state, end), columns)


# ------------------------------------------------------------------ features


def extract_features(engine: Engine, day: int | None = None, after: str = "") -> pa.RecordBatchReader:
    """Features and scores of every account as they were known at the end of a day, from the kernel itself.

    Without a `day`, as they stand, on the latest day that the store has seen. Of the accounts after `after` alone.
    """
    engine.demand_begun(day)
    latest = engine.kernel.calendar.day(store_now(engine) or 0)
    shown = latest if day is None else day
    with engine.store.reading() as connection:
        policies = [kernel.policy for kernel in kernels_of(connection).values()]
    value_columns = ValueColumns.of(reversed(policies))
    groups, names = value_columns.groups, value_columns.features
    numbers = ["score", "pd_ppm", *(f"score.{group}" for group in groups), *(f"value.{name}" for name in names)]
    schema = pa.schema({"account": _TEXT, "day": _DAY, "version": _WHOLE} | dict.fromkeys(numbers, _WHOLE))

    def columns(page: Sequence[AccountState]) -> _Columns:
        rows = [_values_at_end_of(shown, one) for one in page]
        made: _Columns = {
            "account": [one.account for one in page],
            "day": [shown] * len(page),
            "version": [one.kernel.policy.version for one in page],
        }
        return made | {name: [row.get(name) for row in rows] for name in numbers}

    return _stream(engine, schema, lambda connection: states_in_order(connection, after, day), columns)


def _values_at_end_of(day: int, one: AccountState) -> dict[str, int | None]:
    """Features, score, sub-scores and probability of default of one account, by the names of their columns."""
    kernel, policy, shape = one.kernel, one.kernel.policy, one.kernel.shape
    state, row = state_at_end_of(day, kernel, one.state), kernel.new_row()
    kernel.interpreted.features(state, row)
    kernel.interpreted.score(state, row)
    values: dict[str, int | None] = {
        f"value.{feature.name}": None if value == MISSING else value
        for feature, value in zip(policy.features, row[shape.values :], strict=True)
    }
    if policy.score:
        values |= {"score": row[shape.place("SCORE")], "pd_ppm": row[shape.place("PD")]}
        values |= {f"score.{group}": row[shape.groups + place] for place, group in enumerate(policy.groups)}
    return values


# ------------------------------------------------------------------ events


def extract_events(
    engine: Engine, account: str | None = None, kind: str | None = None, day: int | None = None, after: str = ""
) -> pa.RecordBatchReader:
    """The events of a store by account, each account's in the order in which they arrived, and how they arrived.

    `linekeeper run` makes the same decisions of them again. With a `day`, the events that were known at its end.
    Of the accounts after `after` alone.
    """
    demand_choice("kind", kind, [one.name for one in engine.policy.kinds])
    engine.demand_begun(day)
    if account is not None:
        engine.state_of(account)  # raises where it is not known
    schema = _event_schema(engine.policy)

    def batches() -> Iterator[pa.RecordBatch]:
        with engine.store.reading() as connection:
            reviews = Reviews.of(connection)
            pages = account_pages(connection, after, HISTORIES_AT_ONCE) if account is None else iter([[account]])
            for names in pages:
                table = _arrived(connection, engine, schema, names, reviews, day)
                if kind is not None:
                    table = table.filter(pc.equal(table["kind"], kind))
                yield from table.to_batches()

    return pa.RecordBatchReader.from_batches(schema, batches())


def _event_schema(policy: Policy) -> pa.Schema:
    """The widest event table of the policy, with instants and dates as such, and how the events arrived."""
    numbers = {field.name for kind in policy.kinds for field in kind.fields if not field.is_date}
    dates = {field.name for kind in policy.kinds for field in kind.fields if field.is_date} - numbers
    kinds = {"at": _instant(policy)} | dict.fromkeys(dates, _DAY)
    columns = [pa.field(one.name, kinds.get(one.name, one.type)) for one in schema_of(policy)]
    exported = [pa.field(one.name, kinds["at"]) if one.name == ARRIVAL_AT else one for one in ARRIVAL_SCHEMA]
    return pa.schema([*columns, *exported])


def _arrived(
    connection: Connection, engine: Engine, schema: pa.Schema, names: list[str], reviews: Reviews, day: int | None
) -> pa.Table:
    """Those accounts' events as a table of that schema."""
    e = t.events.c
    query = select(e.seq, e.source, e.id, e.account, e.kind, e.at, e.arrived, e.body).order_by(e.account, e.seq)
    rows = connection.execute(query.where(e.account >= names[0], e.account <= names[-1])).all()
    bodies = [stored_event(row.id, row.account, row.kind, row.at, row.body).fields for row in rows]
    seqs = np.array([row.seq for row in rows], dtype=np.int64)
    last = reviews.last_day if day is None else min(reviews.last_day, day)
    data: _Columns = {name: [body.get(name) for body in bodies] for name in schema.names}
    data |= {
        "id": [row.id for row in rows],
        "account": [row.account for row in rows],
        "kind": [row.kind for row in rows],
        "at": [row.at for row in rows],
        ARRIVAL_NUMBER: seqs.tolist(),
        ARRIVAL_SOURCE: [row.source for row in rows],
        REVIEWED: [_day(reviewed) for reviewed in reviews.before(seqs).tolist()],
        LAST_REVIEW: [_day(last)] * len(rows),
        ARRIVAL_AT: [row.arrived for row in rows],
    }
    table = pa.table(data, schema=schema)
    if day is None:
        return table
    plain = pa.table({"account": table["account"], "at": pa.array(data["at"], pa.int64())})
    known = known_days(plain, Arrivals(seqs, {}), reviews, engine.kernel.calendar)
    return table.take(np.flatnonzero(known <= day))
