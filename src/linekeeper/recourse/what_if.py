"""The borrower's own plan: payments on days of their choice in, the path of limits out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from linekeeper.evaluate.late_events import Row
from linekeeper.kernel.kernel import Kernel
from linekeeper.recourse.actions import PAY_HOUR, ActionPlan, kernel_rows
from linekeeper.recourse.baseline import Baseline, baseline_of
from linekeeper.recourse.build_plan import planned
from linekeeper.recourse.model import PathPoint, PlannedEvent
from linekeeper.recourse.verify import follow


@dataclass(frozen=True, slots=True)
class Payment:
    """An amount in minor units, paid on a local day."""

    day: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Where the payments lead from `day` to `until_day`: one point for each day on which the line moves.

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
    dates, income and reports go on, as a road back assumes. ValueError where the days lie outside the calendar.
    """
    baseline = baseline_of(kernel, state, day)
    if not baseline.day <= until_day < len(baseline.noons):
        raise ValueError(f"day {until_day} is before day {baseline.day}, or after the year 2099")
    chosen = [payment for payment in payments if baseline.day <= payment.day <= until_day and payment.amount_minor > 0]
    routine = kernel_rows(baseline, ActionPlan(), until_day) if goes_on else []
    rows = sorted([*(_row(baseline, payment) for payment in chosen), *routine], key=lambda row: row.at)
    events = tuple(planned(baseline, row) for row in rows)
    return WhatIf(baseline.day, until_day, follow(kernel, baseline.state, baseline.day, events, until_day), events)


def _row(baseline: Baseline, payment: Payment) -> Row:
    at, hour = baseline.when(payment.day, PAY_HOUR)
    return Row(at, hour, baseline.kernel.policy.kind("repay").number, (payment.amount_minor,))
