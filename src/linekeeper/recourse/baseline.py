"""Where a road starts: the account brought to the day of asking, and what its own past says will go on.

A state holds no plans of others, so what goes on is read off it: dues that wait in the queue, the rhythm and the
size of the last bills and of the income in the windows that the policy keeps. Everything taken for granted here is
told as an assumption of the road.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from linekeeper.core.bounds import AT_END_MS, DAY_MS, HOUR_MS, MISSING
from linekeeper.kernel.calendar import Ints, calendar
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.prelude import month_of, month_start
from linekeeper.policy import model as m
from linekeeper.recourse.dependencies import Reads, horizon_days, reads

MONTH_DAYS = 30
STALE_DAYS = 45  # income that has not come for so long is not taken for granted
LEAD_DAYS = 7  # between a bill and its date, where the state does not tell
SPREAD_BILLS = 12  # a balance that was never billed is taken to come in so many bills
NOON = 12


@dataclass(frozen=True, slots=True)
class Routine:
    """What goes on by itself. `cycle_anchor` is a day on which a bill fell due, or a report came.

    `bills`: the lender sends dues, of at most `bill_minor`; `reports`: it reports days past due each month.
    """

    cycle_anchor: int
    bills: bool
    reports: bool
    bill_minor: int
    lead_days: int
    income_minor: int | None
    income_anchor: int


@dataclass(frozen=True)
class Baseline:
    """One account on the day of asking. `state` has had every look up to the start of `day`; it is never changed."""

    kernel: Kernel
    state: tuple[int, ...]
    day: int
    until_day: int
    balance: int
    dues: tuple[tuple[int, int], ...]  # (due_on, unpaid), oldest first
    habits: Routine
    reads: Reads
    noons: Ints
    noon_hours: Ints

    def slot(self, name: str) -> int:
        """A named slot of the state."""
        return self.state[self.kernel.layout.slots[name]]

    @property
    def overdue(self) -> int:
        """The unpaid dues dated before today."""
        return sum(amount for due_on, amount in self.dues if due_on < self.day)

    @property
    def owed(self) -> int:
        """Everything that can be paid: the balance, or the dues where they are more."""
        return max(self.balance, sum(amount for _, amount in self.dues), 0)

    def when(self, day: int, hour: int) -> tuple[int, int]:
        """(UTC ms, local hour) of an hour of the day (9 to 21), not before what the account has already seen."""
        shift = hour - NOON
        at = int(self.noons[day]) + shift * HOUR_MS
        return max(at, self.slot("SEEN")), max(int(self.noon_hours[day]) + shift, self.slot("HOUR"))

    def cycle(self, start: int) -> Iterator[int]:
        """The days of the monthly cycle from `start` on."""
        return monthly(self.habits.cycle_anchor, start, self.until_day)


def baseline_of(
    kernel: Kernel, state: Sequence[int], day: int, *, bills: bool | None = None, reports: bool | None = None
) -> Baseline:
    """The baseline under an opened account on a local day; `bills` and `reports` say how the lender speaks, if known."""
    own, slots = list(state), kernel.layout.slots
    out = kernel.new_row()
    day = max(day, own[slots["HOUR"]] // 24)
    while own[slots["NEXT"]] <= day:
        kernel.interpreted.review(own, out, own[slots["NEXT"]])
    read = reads(kernel.policy)
    dues = tuple(
        (own[kernel.layout.dues + 2 * i], own[kernel.layout.dues + 2 * i + 1]) for i in range(own[slots["DUES"]])
    )
    bills = bool(dues) or read.bills if bills is None else bills
    reports = own[slots["REPORTED"]] > 0 or not bills if reports is None else reports
    habits = _habits(kernel, own, day, dues, bills, reports)
    last_day = (AT_END_MS - 2 * DAY_MS) // DAY_MS
    until = max(day, min(day + horizon_days(kernel.policy), last_day))
    noons, hours = noons_of(kernel.policy.time_zone)
    return Baseline(kernel, tuple(own), day, until, own[slots["BALANCE"]], dues, habits, read, noons, hours)


@lru_cache(maxsize=16)
def noons_of(zone: str) -> tuple[Ints, Ints]:
    """UTC ms and local hours of the twelfth hour of every local day."""
    clock = calendar(zone)
    at = clock.day_starts(np.arange(AT_END_MS // DAY_MS + 1, dtype=np.int64)) + NOON * HOUR_MS
    return at, clock.hours(at)


def monthly(anchor: int, start: int, until: int) -> Iterator[int]:
    """The same day of each month as `anchor`, from `start` on; the last day of a month stays the last.

    >>> list(monthly(30, 31, 120)), list(monthly(14, 0, 80))
    ([58, 89, 119], [14, 45, 73])
    """
    month = month_of(anchor)
    place = anchor - month_start(month)
    at_end = anchor == month_start(month + 1) - 1
    month = month_of(start)
    while True:
        last = month_start(month + 1) - 1
        day = last if at_end else min(month_start(month) + place, last)
        if day > until:
            return
        if day >= start:
            yield day
        month += 1


# ------------------------------------------------------------------ what the state remembers


def _habits(
    kernel: Kernel, state: list[int], day: int, dues: tuple[tuple[int, int], ...], bills: bool, reports: bool
) -> Routine:
    billed = list(tiles(kernel, state, "due", "amount"))
    lead, bill = LEAD_DAYS, 0
    if billed:
        bill = billed[-1][1]
        if dues and 0 <= dues[-1][0] - billed[-1][0] <= MONTH_DAYS:
            lead = dues[-1][0] - billed[-1][0]
    elif dues:
        bill = dues[-1][1]
    unbilled = state[kernel.layout.slots["BALANCE"]] - sum(amount for _, amount in dues)
    bill = bill or max(-(-unbilled // SPREAD_BILLS), 1)
    income, income_anchor = _income(kernel, state, day)
    return Routine(_anchor(kernel, state, dues, billed, lead), bills, reports, bill, lead, income, income_anchor)


def _anchor(
    kernel: Kernel, state: list[int], dues: tuple[tuple[int, int], ...], billed: list[tuple[int, int]], lead: int
) -> int:
    """The latest known day of the cycle: of a due, a bill, a statement; else of the last event."""
    if dues:
        return dues[-1][0]
    if billed:
        return billed[-1][0] + lead
    shown = [state[slot] for last, slot in kernel.layout.lasts.items() if last.select.kind == "statement"]
    at = max([at for at in shown if at != MISSING], default=state[kernel.layout.slots["SEEN"]])
    return kernel.calendar.day(at)


def _income(kernel: Kernel, state: list[int], day: int) -> tuple[int | None, int]:
    """What came in the month up to the last income, and its day; None where none came of late."""
    if income_kind(kernel.policy) is None:
        return None, day
    came = list(tiles(kernel, state, "income", "amount"))
    if came and day - came[-1][0] <= STALE_DAYS:
        return sum(amount for tile, amount in came if tile > came[-1][0] - MONTH_DAYS), came[-1][0]
    for last, slot in kernel.layout.lasts.items():
        if last == m.Last(m.Select("income"), "amount") and state[slot] != MISSING:
            came_on = kernel.calendar.day(state[slot])
            if day - came_on <= STALE_DAYS:
                return state[slot + 1], came_on
    return None, day


def income_kind(policy: m.Policy) -> m.Kind | None:
    """The policy's kind `income` with an `amount` of money, if it has one."""
    for kind in policy.kinds:
        if kind.name == "income" and any(field.name == "amount" and field.unit == m.MONEY for field in kind.fields):
            return kind
    return None


def statement_kind(policy: m.Policy) -> m.Kind | None:
    """The policy's own kind `statement`, if it has one."""
    return next((kind for kind in policy.kinds if kind.name == "statement" and not kind.built_in), None)


def tiles(kernel: Kernel, state: Sequence[int], kind: str, field: str) -> Iterator[tuple[int, int]]:
    """(day, sum of the field) of the days that a day-window over all events of that kind still holds, oldest first."""
    for ring in kernel.layout.rings:
        if ring.key.source == m.Select(kind) and ring.key.unit == "d" and ("sum", field) in ring.columns:
            column = ring.column("sum", field)
            for index in range(state[ring.base + 1], state[ring.base]):
                entry = ring.entries + (index & ring.capacity - 1) * ring.width
                yield state[entry], state[entry + column]
            return
