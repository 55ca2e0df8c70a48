"""States of long lives in the store, so that a late fact reads and replays only what comes after one of them.

A state is kept where it is known to be that of an account whose every event came in time: every so many events of an
account whose events did come in order, and where a late fact has made the engine replay the account anyway. A late
fact takes the states behind it out. The table is a cache: without it all of a life is read, and decided alike.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, or_, select

from linekeeper.core.errors import StoreError
from linekeeper.decide.canonical import read_decision
from linekeeper.engine.account_states import NOT_IN_ORDER, AccountStates
from linekeeper.engine.stored_events import stored_fields, stored_rows
from linekeeper.evaluate import kept_states
from linekeeper.evaluate.correction import keep_states_on_time
from linekeeper.evaluate.event_batch import Batch, EventRow, row_at, time_of
from linekeeper.evaluate.late_events import REVERSAL, History
from linekeeper.evaluate.wrong_restrictions import CORRECTS_WHAT_WAS_WRONG
from linekeeper.journal import tables as t
from linekeeper.journal.store import as_bytes, fetch_rows, insert_many, packed, unpacked, within
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.kinds import OPENING_NUMBERS

KEPT_COLUMNS = ("account", "at", "event", "policy", "layout", "state")


class _Kept(NamedTuple):
    """A kept state and its place in the account's order of time."""

    at: int
    event: int
    state: list[int]


def histories_before(
    connection: Connection, kernel: Kernel, changing: Mapping[str, int], first_seq: int
) -> dict[str, History]:
    """The history before event `first_seq` of each account that `changing` names.

    Of an account nothing changes before the place in time that stands there: its history may begin at a state that is
    kept, and those behind that place are deleted.
    """
    kept = _latest_kept(connection, kernel, changing)
    histories = {name: History.from_state(kept[name].state) if name in kept else History() for name in changing}
    e = t.events.c
    whole = within(connection, e.account, [name for name in changing if name not in kept])
    _read_into(histories, connection, kernel, whole & (e.seq < first_seq))
    for name, one in kept.items():
        later = or_(e.at > one.at, and_(e.at == one.at, e.seq > one.event)) & (e.kind != "opening")
        _read_into({name: histories[name]}, connection, kernel, (e.account == name) & (e.seq < first_seq) & later)
    _demand_openings(histories, connection)
    if kernel.edition >= CORRECTS_WHAT_WAS_WRONG:
        _note_restrictions(histories, connection)
    return histories


def _demand_openings(histories: Mapping[str, History], connection: Connection) -> None:
    """Raises StoreError where the history of an account with a state lacks its opening: a damaged index hides it."""
    opened = {name for name, one in histories.items() if one.on_time.first.state or _has_opening(one)}
    others = [name for name in histories if name not in opened]
    query = select(t.accounts.c.account).where(within(connection, t.accounts.c.account, others)).limit(1)
    name = connection.execute(query).scalar() if others else None
    if name is not None:
        raise StoreError(
            f"no opening of `{name}` can be read among its stored events: the store is damaged",
            code="event-not-readable",
            way_out="run `linekeeper verify`, and restore the store from a backup",
            details={"account": name},
        )


def _has_opening(history: History) -> bool:
    return any(row.kind in OPENING_NUMBERS for row in history.rows.values())


def _note_restrictions(histories: Mapping[str, History], connection: Connection) -> None:
    """Let the histories know which restrictions their accounts have had, and which of them were corrected."""
    d = t.decisions.c
    query = select(d.account, d.record).where(within(connection, d.account, list(histories))).order_by(d.number)
    for account, record in connection.execute(query):
        decision, history = read_decision(as_bytes(record)), histories[account]
        history.decisions = decision.number
        history.drop_restrictions(decision.corrects)
        history.note_restriction(decision.number, decision.at, decision.event is None, decision.triggers_set)


def _latest_kept(connection: Connection, kernel: Kernel, changing: Mapping[str, int]) -> dict[str, _Kept]:
    """Of each account the latest state that still holds; those that no longer do are deleted."""
    k, size = t.kept_states.c, 8 * kernel.layout.size
    some = connection.execute(select(k.account).where(within(connection, k.account, list(changing))).distinct())
    kept = {}
    for name in list(some.scalars()):
        before = {"name": name, "place": changing[name]}
        row = next(iter(fetch_rows(connection, _LATEST_BEFORE, **before)), None)
        state = b"" if row is None else unpacked(row[4])
        own = k.account == name
        # Damaged data, and a state of another version or layout, must not decide anything: all of the life is read.
        if row is not None and tuple(row[2:4]) == (kernel.policy.digest, kernel.layout.digest) and len(state) == size:
            kept[name] = _Kept(row[0], row[1], np.frombuffer(state, dtype="<i8").tolist())
            own &= k.at >= changing[name]
        connection.execute(t.kept_states.delete().where(own))
    return kept


def _latest_before() -> Select[Any]:
    k = t.kept_states.c
    query = select(k.at, k.event, k.policy, k.layout, k.state)
    query = query.where(k.account == bindparam("name"), k.at < bindparam("place"))
    return query.order_by(k.at.desc(), k.event.desc()).limit(1)


_LATEST_BEFORE = _latest_before()


def _read_into(
    histories: Mapping[str, History], connection: Connection, kernel: Kernel, which: ColumnElement[bool]
) -> None:
    """Read those events, which are of these accounts, into their histories."""
    e = t.events.c
    query = select(e.seq, e.source, e.id, e.account, e.kind, e.at, e.body).where(which).order_by(e.seq)
    stored = connection.execute(query).all()
    columns = ([getattr(one, name) for one in stored] for name in ("account", "kind", "at", "body"))
    rows = stored_rows(kernel, *columns)
    by_account: dict[str, dict[int, EventRow]] = {}
    for one, row in zip(stored, rows, strict=True):
        by_account.setdefault(one.account, {})[one.seq] = row
    reversed_events = _reversed_among(connection, stored)
    for name, own in by_account.items():
        histories[name].fill(own, reversed_events)


def _reversed_among(connection: Connection, stored: Sequence[Any]) -> set[int]:
    """The numbers of those stored events that reversals say did not happen.

    All reversals of their accounts are asked: one may lie before what it names, and so before what was read.
    """
    if not stored:
        return set()
    e = t.events.c
    query = select(e.source, e.body).where(e.kind == REVERSAL, e.seq <= stored[-1].seq)
    accounts = list({one.account for one in stored})
    reversals = connection.execute(query.where(within(connection, e.account, accounts))).all()
    if not reversals:
        return set()
    numbers = {(one.source, one.id): one.seq for one in stored}
    named = ((source, str(stored_fields(body)["of"])) for source, body in reversals)
    return {numbers[one] for one in named if one in numbers}


def keep_states(
    connection: Connection,
    kernel: Kernel,
    batch: Batch,
    first_seq: int,
    loaded: AccountStates,
    refused: Container[int],
    waiting: Collection[str],
    late: Mapping[str, History],
) -> None:
    """Keep states that a batch has led to, where it is time to, and count on where it is not.

    `first_seq` is the number of arrival of the batch's first row, `late` has the histories of accounts with late facts;
    `refused` are the events of the batch that were, `waiting` the accounts of which a restriction waits, or waited.
    """
    order = loaded.in_order
    loaded.note_late(batch.accounts, {*late, *waiting})
    if kernel.layout.line_days:
        return  # facts that rest on the line as it was are not those of a replay on time; all of a life is read
    order[order != NOT_IN_ORDER] += np.diff(batch.starts)[order != NOT_IN_ORDER]
    rows: list[tuple[Any, ...]] = []
    version = (kernel.policy.digest, kernel.layout.digest)
    for place in np.flatnonzero(order >= kept_states.INTERVAL_EVENTS).tolist():
        first, end = int(batch.starts[place]), int(batch.starts[place + 1])
        last = next((event for event in reversed(range(first, end)) if event not in refused), None)
        if last is not None:
            state = packed(loaded.states[place].astype("<i8").tobytes())
            rows.append(
                (
                    batch.accounts[place],
                    time_of(row_at(batch, last)),
                    first_seq + int(batch.rows[last]),
                    *version,
                    state,
                )
            )
            order[place] = 0
    for name, history in late.items():
        keep_states_on_time(kernel, history)
        for events, kept in history.on_time.kept:
            state = packed(np.array(kept, dtype="<i8").tobytes())
            rows.append((name, *history.order[events - 1], *version, state))
    insert_many(connection, t.kept_states, KEPT_COLUMNS, rows)
