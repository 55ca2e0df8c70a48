"""Point in time: an account as it stood right after each of its adverse decisions, derived from its events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sqlalchemy import Connection, select

from linekeeper.core.line import ADVERSE, Action
from linekeeper.engine.derive import became_pending
from linekeeper.engine.history import Reviews
from linekeeper.engine.stored_events import stored_fields, stored_rows
from linekeeper.engine.versions import Kernels, kernels_of, newest_of, policy_periods_of
from linekeeper.evaluate.evaluator import Arrivals, EvaluationResult, RawDecision
from linekeeper.evaluate.event_batch import Batch, batch_of_one
from linekeeper.evaluate.late_events import REVERSAL
from linekeeper.evaluate.timeline import run_timeline
from linekeeper.journal import tables as t
from linekeeper.kernel.kernel import Kernel

if TYPE_CHECKING:
    from linekeeper.core.decision import Decision
    from linekeeper.engine.engine import Engine


SHOWN_WITH_ROAD = frozenset((*ADVERSE, Action.KEEP, Action.RESTORE, Action.CORRECT))


class PointInTime(NamedTuple):
    """An account right after a decision: the kernel of the version that made it, and the state."""

    kernel: Kernel
    state: list[int]


class DecisionsWithStates(list[RawDecision]):
    """Decisions in the order in which they are made; `states` has, by place, the account's state right after each.

    It stands in for a result's list of decisions, so that the evaluator need not know that states are wanted too.
    There is no state of a decision that came with many others.
    """

    def __init__(self, state: list[int]) -> None:
        super().__init__()
        self.state = state
        self.states: dict[int, list[int]] = {}

    def append(self, raw: RawDecision) -> None:
        """Add one more, with the state as it is now."""
        self.states[len(self)] = list(self.state)
        super().append(raw)


class AdverseResult(EvaluationResult):
    """A result for which the state right after each decision that a borrower is told of is wanted.

    Where `only` one of them is wanted, which has that place in this result, all others may come in bulk.
    """

    def __init__(self, kernel: Kernel, state: list[int], only: int | None = None) -> None:
        self.decisions: DecisionsWithStates
        super().__init__(DecisionsWithStates(state))
        self._action, self._only = kernel.shape.place("ACTION"), only

    def asks_for_states(self, decisions: Sequence[RawDecision]) -> bool:
        """Whether one of them, which are the next, is adverse, or is told for another cause."""
        if self._only is not None:
            return 0 <= self._only - len(self.decisions) < len(decisions)
        return any(raw.row[self._action] in SHOWN_WITH_ROAD for raw in decisions)


def state_after(engine: Engine, decision: Decision) -> list[int] | None:
    """The account's state right after a decision whose notice shows a road back, under the version that made it."""
    with engine.store.reading() as connection:
        kernels, reviews = kernels_of(connection), Reviews.of(connection)
        states = states_after(connection, kernels, decision.account, reviews, only=decision.number)
    return states[decision.number].state if decision.number in states else None


def states_after(
    connection: Connection, kernels: Kernels, account: str, reviews: Reviews, only: int | None = None
) -> dict[int, PointInTime]:
    """By number, the account right after each decision that may show a road; its events are taken as they arrived.

    Of one decision `only`, where its number is given: on a long life that takes a small part of the time.
    """
    newest = newest_of(kernels)
    batch, arrivals = _arrived(connection, newest, account)
    reviewed = reviews.before(arrivals.numbers[batch.rows])
    periods = policy_periods_of(connection, kernels, [account])[account]
    withheld = became_pending(connection, [account])
    state, parts = periods[0].kernel.new_state(), list[DecisionsWithStates]()

    def new_result() -> EvaluationResult:
        before = sum(map(len, parts))
        result = AdverseResult(newest, state, None if only is None else only - 1 - before)
        parts.append(result.decisions)
        return result

    run_timeline(periods, batch, 0, arrivals, reviewed, reviews.last_day, withheld, state, new_result)
    action = newest.shape.place("ACTION")
    points = (
        (raw, period.kernel, part, place)
        for period, part in zip(periods, parts, strict=True)
        for place, raw in enumerate(part)
    )
    return {
        number: PointInTime(kernel, part.states[place])
        for number, (raw, kernel, part, place) in enumerate(points, start=1)
        if raw.row[action] in SHOWN_WITH_ROAD and only in (None, number)
    }


def _arrived(connection: Connection, kernel: Kernel, account: str) -> tuple[Batch, Arrivals]:
    """One account's events as a batch, and how they arrived."""
    e = t.events.c
    query = select(e.seq, e.source, e.id, e.kind, e.at, e.body).where(e.account == account).order_by(e.at, e.seq)
    rows = connection.execute(query).all()
    columns = ([getattr(row, name) for row in rows] for name in ("kind", "at", "body"))
    events = stored_rows(kernel, [account] * len(rows), *columns)
    reversals = [row for row in rows if row.kind == REVERSAL]
    seqs = {(row.source, row.id): row.seq for row in rows} if reversals else {}
    reverses = {row.seq: seqs[row.source, str(stored_fields(row.body)["of"])] for row in reversals}
    numbers = np.array([row.seq for row in rows], dtype=np.int64)
    return batch_of_one(kernel.policy, account, events), Arrivals(numbers, reverses)
