"""The baseline of a road back: the account on the day of asking, and what goes on whatever the borrower decides.

A state knows the past, not the plans of others. So what goes on is read off the past that the state keeps: the dues
that wait in the queue, the rhythm and the size of the last bills, the last month's income. Whatever is taken for
granted here becomes an assumption of the plan, because the plan holds only as long as it is so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from linekeeper.core.bounds import AT_END_MS, DAY_MS, HOUR_MS, MISSING
from linekeeper.evaluate.late_events import evaluate_until
from linekeeper.kernel.arrears import arrears_of
from linekeeper.kernel.calendar import Ints, calendar
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.prelude import month_of, month_start
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.recourse.dependencies import Dependencies, dependencies_of, horizon_days

MONTH_DAYS = 30
INCOME_STALE_DAYS = 45  # income that has not come for so long is not taken for granted
LEAD_DAYS = 7  # between a bill and its date, where the state does not show it
BILLS_OF_BALANCE = 12  # a balance that was never billed is taken to come in so many bills
NOON_HOUR = 12

Dues = tuple[tuple[int, int], ...]  # (due_on, unpaid minor units), oldest first


@dataclass(frozen=True, slots=True)
class Routine:
    """What goes on by itself, month by month.

    `cycle_day` is a day on which a bill fell due, or a report came; the cycle repeats its day of the month.
    `sends_dues`: the lender sends dues, of at most `bill_minor`, `lead_days` before their date.
    `reports_delinquency`: the lender reports days past due each month. `income_minor` comes each month on the day of
    the month of `income_day`; None where no income is taken for granted.
    """

    cycle_day: int
    sends_dues: bool
    reports_delinquency: bool
    bill_minor: int
    lead_days: int
    income_minor: int | None
    income_day: int


@dataclass(frozen=True)
class Baseline:
    """One account on the day of asking. Its `dues` are never more than it owes.

    `state` is the account's state after every review that is due by the start of `day`; nothing changes it. Plans are
    looked for up to `until_day`. `noon_ms` and `noon_hours` hold, by local day, the UTC milliseconds and the local
    hour of noon.
    """

    kernel: Kernel
    state: tuple[int, ...]
    day: int
    until_day: int
    balance_minor: int
    dues: Dues
    routine: Routine
    dependencies: Dependencies
    noon_ms: Ints
    noon_hours: Ints

    def slot(self, name: str) -> int:
        """The value of a named slot of the state."""
        return self.state[self.kernel.layout.slots[name]]

    @property
    def overdue_minor(self) -> int:
        """The sum of the unpaid dues dated before today, those in a grace among them, as far as it is owed."""
        return sum(amount for due_on, amount in self.dues if due_on < self.day)

    @property
    def owed_minor(self) -> int:
        """All that can be paid: the balance, or the dues where they are more."""
        return max(self.balance_minor, sum(amount for _, amount in self.dues), 0)

    def instant(self, day: int, hour: int) -> tuple[int, int]:
        """(UTC milliseconds, local hour) of an hour (9 to 21) of a day.

        Never before the last event that the account has seen: an event of a plan that were earlier would be a late
        event, and the plan begins now.
        """
        from_noon = hour - NOON_HOUR
        at = int(self.noon_ms[day]) + from_noon * HOUR_MS
        return max(at, self.slot("SEEN")), max(int(self.noon_hours[day]) + from_noon, self.slot("HOUR"))


def baseline_of(
    kernel: Kernel,
    state: Sequence[int],
    day: int,
    *,
    sends_dues: bool | None = None,
    reports_delinquency: bool | None = None,
) -> Baseline:
    """The baseline of an opened account on a local day.

    `sends_dues` and `reports_delinquency` say how the lender reports payments; None: read off state and policy.
    """
    own_state, slots = list(state), kernel.layout.slots
    day = max(day, own_state[slots["HOUR"]] // 24)
    evaluate_until(kernel, own_state, day)
    dependencies = dependencies_of(kernel.policy)
    dues = arrears_of(kernel, own_state, day).dues
    if sends_dues is None:
        sends_dues = bool(dues) or dependencies.uses_dues
    if reports_delinquency is None:
        reports_delinquency = own_state[slots["REPORTED"]] > 0 or not sends_dues
    noon_ms, noon_hours = noons(kernel.policy.time_zone)
    return Baseline(
        kernel=kernel,
        state=tuple(own_state),
        day=day,
        until_day=_until_day(kernel.policy, day),
        balance_minor=own_state[slots["BALANCE"]],
        dues=dues,
        routine=_routine(kernel, own_state, day, dues, sends_dues, reports_delinquency),
        dependencies=dependencies,
        noon_ms=noon_ms,
        noon_hours=noon_hours,
    )


def _until_day(policy: m.Policy, day: int) -> int:
    """The last day that is searched. The calendar ends, and an event of its last day may need the day after."""
    last_day = (AT_END_MS - 2 * DAY_MS) // DAY_MS
    return max(day, min(day + horizon_days(policy), last_day))


@lru_cache(maxsize=16)
def noons(time_zone: str) -> tuple[Ints, Ints]:
    """UTC milliseconds and local hour of noon, by local day since 1970-01-01."""
    clock = calendar(time_zone)
    at = clock.day_starts(np.arange(AT_END_MS // DAY_MS + 1, dtype=np.int64)) + NOON_HOUR * HOUR_MS
    return at, clock.hours(at)


def monthly(anchor_day: int, start: int, until: int) -> Iterator[int]:
    """The same day of each month as `anchor_day`, from day `start` to day `until`.

    The last day of a month stays the last, as lenders' billing cycles have it.

    >>> list(monthly(30, 31, 120)), list(monthly(14, 0, 80))
    ([58, 89, 119], [14, 45, 73])
    """
    month = month_of(anchor_day)
    day_of_month = anchor_day - month_start(month)
    at_month_end = anchor_day == month_start(month + 1) - 1
    month = month_of(start)
    while True:
        last = month_start(month + 1) - 1
        day = last if at_month_end else min(month_start(month) + day_of_month, last)
        if day > until:
            return
        if day >= start:
            yield day
        month += 1


def triggers_set(policy: m.Policy, latches: int) -> tuple[m.Trigger, ...]:
    """The triggers that are set in a state's `MASK`: bit n stands for the policy's trigger n.

    Those that treat and never restrict are left out, for they hold no line down.
    """
    set_now = (trigger for number, trigger in enumerate(policy.triggers) if latches >> number & 1)
    return tuple(trigger for trigger in set_now if trigger.restricts or trigger.treatments is None)


# ------------------------------------------------------------------ what the state remembers


def _routine(
    kernel: Kernel, state: list[int], day: int, dues: Dues, sends_dues: bool, reports_delinquency: bool
) -> Routine:
    billed = list(daily_sums(kernel, state, "due", "amount"))
    lead_days, bill_minor = LEAD_DAYS, 0
    if billed:
        bill_minor = billed[-1][1]
        if dues and 0 <= dues[-1][0] - billed[-1][0] <= MONTH_DAYS:
            lead_days = dues[-1][0] - billed[-1][0]
    elif dues:
        bill_minor = dues[-1][1]
    unbilled = state[kernel.layout.slots["BALANCE"]] - sum(amount for _, amount in dues)
    bill_minor = bill_minor or max(-(-unbilled // BILLS_OF_BALANCE), 1)
    income_minor, income_day = _income(kernel, state, day)
    return Routine(
        cycle_day=_cycle_day(kernel, state, dues, billed, lead_days),
        sends_dues=sends_dues,
        reports_delinquency=reports_delinquency,
        bill_minor=bill_minor,
        lead_days=lead_days,
        income_minor=income_minor,
        income_day=income_day,
    )


def _cycle_day(kernel: Kernel, state: list[int], dues: Dues, billed: list[tuple[int, int]], lead_days: int) -> int:
    """The latest known day of the cycle: of a due, a bill, a statement; else the day of the last event."""
    if dues:
        return dues[-1][0]
    if billed:
        return billed[-1][0] + lead_days
    statements = [state[slot] for last, slot in kernel.layout.lasts.items() if last.select.kind == "statement"]
    at = max([at for at in statements if at != MISSING], default=state[kernel.layout.slots["SEEN"]])
    return kernel.calendar.day(at)


def _income(kernel: Kernel, state: list[int], day: int) -> tuple[int | None, int]:
    """What came in the month up to the last income, and the day of that income; None where it is stale."""
    if income_kind(kernel.policy) is None:
        return None, day
    income = list(daily_sums(kernel, state, "income", "amount"))
    if income and day - income[-1][0] <= INCOME_STALE_DAYS:
        last_day = income[-1][0]
        return sum(amount for income_day, amount in income if income_day > last_day - MONTH_DAYS), last_day
    for last, slot in kernel.layout.lasts.items():
        if last == ex.Last(ex.Select("income"), "amount", ex.MONEY) and state[slot] != MISSING:
            last_day = kernel.calendar.day(state[slot])
            if day - last_day <= INCOME_STALE_DAYS:
                return state[slot + 1], last_day
    return None, day


def income_kind(policy: m.Policy) -> m.Kind | None:
    """The policy's kind `income` with an `amount` of money; None where it has none."""
    for kind in policy.kinds:
        if kind.name == "income" and any(field.name == "amount" and field.unit == ex.MONEY for field in kind.fields):
            return kind
    return None


def statement_kind(policy: m.Policy) -> m.Kind | None:
    """The policy's own kind `statement`; None where it has none."""
    return next((kind for kind in policy.kinds if kind.name == "statement" and not kind.built_in), None)


def daily_sums(kernel: Kernel, state: Sequence[int], kind: str, field: str) -> Iterator[tuple[int, int]]:
    """(day, sum of the field) of each day that a window over all events of a kind still holds, the oldest first.

    Empty where the policy keeps no such window of whole days.
    """
    for ring in kernel.layout.rings:
        if ring.key.source == ex.Select(kind) and ring.key.unit == "d" and ("sum", field) in ring.columns:
            column = ring.column("sum", field)
            for index in range(state[ring.base + 1], state[ring.base]):
                tile = ring.entries + (index & ring.capacity - 1) * ring.width
                yield state[tile], state[tile + column]
            return
