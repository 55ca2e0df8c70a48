"""The borrower's own plan: payments on days of their choice in, the path of limits out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from linekeeper.evaluate.event_batch import EventRow
from linekeeper.kernel.kernel import Kernel
from linekeeper.recourse.actions import PAY_HOUR, ActionPlan, kernel_rows
from linekeeper.recourse.baseline import Baseline, baseline_of
from linekeeper.recourse.build_plan import planned_event
from linekeeper.recourse.model import PathPoint, PlannedEvent
from linekeeper.recourse.verify import path_of_events


@dataclass(frozen=True, slots=True)
class Payment:
    """An amount in minor units, paid on a local day."""

    day: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Where payments lead from `day` to `until_day`: one point for each day on which the line moves.

    `events` are the payments and, where asked for, what goes on beside them (bills met on time, income, reports).
    """

    day: int
    until_day: int
    path: tuple[PathPoint, ...]
    events: tuple[PlannedEvent, ...]


def what_if(
    kernel: Kernel,
    state: Sequence[int],
    day: int,
    payments: Iterable[Payment],
    until_day: int,
    *,
    goes_on: bool = False,
) -> WhatIf:
    """The path of limits of an opened account under those payments, from local day `day` to the end of `until_day`.

    Payments before `day` are left out. Nothing else happens, unless `goes_on`: then bills come and are paid on their
    dates, and income and reports go on, as a road back assumes. Raises ValueError where the days lie outside the
    calendar.
    """
    baseline = baseline_of(kernel, state, day)
    if not baseline.day <= until_day < len(baseline.noon_ms):
        raise ValueError(f"day {until_day} is before day {baseline.day}, or after the year 2099")
    paid = [one for one in payments if baseline.day <= one.day <= until_day and one.amount_minor > 0]
    routine_rows = kernel_rows(baseline, ActionPlan(), until_day) if goes_on else []
    rows = sorted([*(_repayment(baseline, payment) for payment in paid), *routine_rows], key=lambda row: row.at)
    events = tuple(planned_event(baseline, row) for row in rows)
    path = path_of_events(kernel, baseline.state, baseline.day, events, until_day)
    return WhatIf(baseline.day, until_day, path, events)


def _repayment(baseline: Baseline, payment: Payment) -> EventRow:
    at, hour = baseline.instant(payment.day, PAY_HOUR)
    return EventRow(at, hour, baseline.kernel.policy.kind("repay").number, (payment.amount_minor,))
