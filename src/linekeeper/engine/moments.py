"""An account as it stood right after each of its adverse decisions, from its events as they arrived."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from linekeeper.core.bounds import MISSING
from linekeeper.core.line import ADVERSE
from linekeeper.engine.brake import Gate, from_ledger
from linekeeper.engine.derive import first_held
from linekeeper.engine.found import NOT_REVIEWED, Arrivals, Findings, Found, find_arrivals, review_account
from linekeeper.engine.history import row_of
from linekeeper.journal import tables as t
from linekeeper.kernel.batch import Batch
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.late import REVERSAL, Past

if TYPE_CHECKING:
    from linekeeper.core.decision import Decision
    from linekeeper.engine.engine import Engine

_DECODE = msgspec.json.Decoder(dict[str, int | str]).decode


@dataclass(frozen=True)
class Reviews:
    """The reviews of a store: `days[i]` is the day up to which all was looked at from event `afters[i]` on."""

    afters: list[int]
    days: list[int]

    @staticmethod
    def of(connection: Connection) -> Reviews:
        """All reviews, in order."""
        r = t.reviews.c
        marks = connection.execute(select(r.after_event, r.until_day).order_by(r.seq)).all()
        return Reviews([int(after) for after, _ in marks], [int(day) for _, day in marks])

    def before(self, event: int) -> int:
        """The day reviewed before that event arrived."""
        place = bisect_left(self.afters, event)
        return self.days[place - 1] if place else NOT_REVIEWED

    @property
    def last_day(self) -> int:
        """The latest day reviewed."""
        return self.days[-1] if self.days else NOT_REVIEWED


class Kept(list[Found]):
    """Decisions as they are found, and beside each (in `states`) a copy of the account's state right after it."""

    def __init__(self, state: list[int]) -> None:
        super().__init__()
        self.state = state
        self.states: list[list[int]] = []

    def append(self, found: Found) -> None:
        """Keep one more, with the state as it is now."""
        super().append(found)
        self.states.append(list(self.state))


def state_after(engine: Engine, decision: Decision) -> list[int] | None:
    """The account's state right after an adverse decision."""
    with engine.store.reading() as connection:
        states = states_after(connection, engine.kernel, decision.account, Reviews.of(connection))
    return states.get(decision.number)


def states_after(connection: Connection, kernel: Kernel, account: str, reviews: Reviews) -> dict[int, list[int]]:
    """Number -> state right after, of the account's adverse decisions; its events are taken as they arrived."""
    batch, arrivals = _arrived(connection, kernel, account)
    state = kernel.new_state()
    kept = Kept(state)
    findings = Findings(kept)
    held = first_held(connection, [account])
    gate = Gate(kernel, arrivals.numbers[batch.rows].tolist(), {}, from_ledger(held)) if held else None
    reviewed = np.array([reviews.before(number) for number in arrivals.numbers[batch.rows]], dtype=np.int64)
    find_arrivals(kernel, batch, 0, state, Past(), arrivals, reviewed, findings, gate)
    review_account(kernel, batch, 0, state, reviews.last_day, kernel.new_row(), findings, gate)
    action = kernel.shape.place("ACTION")
    numbered = enumerate(zip(kept, kept.states, strict=True), start=1)
    return {number: after for number, (found, after) in numbered if found.row[action] in ADVERSE}


def _arrived(connection: Connection, kernel: Kernel, account: str) -> tuple[Batch, Arrivals]:
    """One account's events as a batch, and how they arrived."""
    e = t.events.c
    query = select(e.seq, e.source, e.id, e.kind, e.at, e.body).where(e.account == account).order_by(e.at, e.seq)
    events = connection.execute(query).all()
    fields = [_DECODE(event.body) for event in events]
    rows = [row_of(kernel, event.kind, event.at, found) for event, found in zip(events, fields, strict=True)]
    seqs = {(event.source, event.id): event.seq for event in events}
    pairs = zip(events, fields, strict=True)
    reverses = {event.seq: seqs[event.source, str(found["of"])] for event, found in pairs if event.kind == REVERSAL}
    at, hour, kind = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(3))
    x = np.full((len(rows), max(1, *(len(kind.fields) for kind in kernel.policy.kinds))), MISSING, dtype=np.int64)
    for place, row in enumerate(rows):
        x[place, : len(row.x)] = row.x
    whole = np.array([0, len(rows)], dtype=np.int64)
    numbers = np.array([event.seq for event in events], dtype=np.int64)
    return Batch([account], whole, np.arange(len(rows)), at, hour, kind, x), Arrivals(numbers, reverses)
