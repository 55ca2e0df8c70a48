"""The borrower's own plan: payments on days of their choice in, the path of limits out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from linekeeper.evaluate.late_events import Row
from linekeeper.kernel.kernel import Kernel
from linekeeper.recourse.follow import follow
from linekeeper.recourse.ground import Ground, ground_of
from linekeeper.recourse.model import Planned, Point
from linekeeper.recourse.moves import PAY_HOUR, Effort, rows_of
from linekeeper.recourse.story import planned


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
    path: tuple[Point, ...]
    events: tuple[Planned, ...]


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
    ground = ground_of(kernel, state, day)
    if not ground.day <= until_day < len(ground.noons):
        raise ValueError(f"day {until_day} is before day {ground.day}, or after the year 2099")
    chosen = [payment for payment in payments if ground.day <= payment.day <= until_day and payment.amount_minor > 0]
    routine = rows_of(ground, Effort(), until_day) if goes_on else []
    rows = sorted([*(_row(ground, payment) for payment in chosen), *routine], key=lambda row: row.at)
    events = tuple(planned(ground, row) for row in rows)
    return WhatIf(ground.day, until_day, follow(kernel, ground.state, ground.day, events, until_day), events)


def _row(ground: Ground, payment: Payment) -> Row:
    at, hour = ground.when(payment.day, PAY_HOUR)
    return Row(at, hour, ground.kernel.policy.kind("repay").number, (payment.amount_minor,))
