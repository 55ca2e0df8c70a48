"""The states that are kept of long lives, held against the events: each follows from those that came before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from linekeeper.engine.derive import Derived, plain
from linekeeper.evaluate.correction import states_on_time
from linekeeper.evaluate.event_batch import rows_at
from linekeeper.evaluate.late_events import History, row_as_read_by
from linekeeper.journal import tables as t
from linekeeper.journal.store import unpacked


def difference_of_kept_states(connection: Connection, derived: Derived) -> str | None:
    """The first kept state of those accounts that is not what the account's events lead to."""
    k, names = t.kept_states.c, derived.batch.accounts
    query = select(k.account, k.at, k.event, k.policy, k.layout, k.state).order_by(k.account, k.at, k.event)
    kept: dict[str, list[Any]] = {}
    for row in connection.execute(query.where(k.account >= names[0], k.account <= names[-1])):
        kept.setdefault(row.account, []).append(row)
    for place, name in enumerate(names):
        if name in kept and not _follow(derived, place, kept[name]):
            return f"a state that is kept of `{name}` is not what its events lead to"
    return None


def _follow(derived: Derived, place: int, rows: Sequence[Any]) -> bool:
    """Whether all kept states of one account are those of a replay in which every event came in time."""
    kernel, history = derived.kernels[place], _history_of(derived, place)
    ends = {key: end for end, key in enumerate(history.order, 1)}
    version = (kernel.policy.digest, kernel.layout.digest)
    if any((row.at, row.event) not in ends or (row.policy, row.layout) != version for row in rows):
        return False
    states = states_on_time(kernel, history, [ends[row.at, row.event] for row in rows])
    pairs = zip(rows, states, strict=True)
    return all(unpacked(row.state) == plain(np.array(state, dtype=np.int64)) for row, state in pairs)


def _history_of(derived: Derived, place: int) -> History:
    """All that an account's events say, as the version reads them that the account is under."""
    batch, kernel, arrivals = derived.batch, derived.kernels[place], derived.arrivals
    events = np.arange(batch.starts[place], batch.starts[place + 1])
    numbers = arrivals.numbers[batch.rows[events]].tolist()
    history = History()
    rows = (row_as_read_by(kernel, row) for row in rows_at(batch, events))
    reversed_events = {arrivals.reverses[number] for number in numbers if number in arrivals.reverses}
    history.fill(dict(zip(numbers, rows, strict=True)), reversed_events)
    *ended, _ = derived.periods[batch.accounts[place]]
    history.under = [(period.kernel, period.end_day) for period in ended]
    return history
