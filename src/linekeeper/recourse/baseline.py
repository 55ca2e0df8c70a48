"""The baseline of a road back: the account on the day of asking, and what goes on whatever the borrower decides.

A state knows the past, not the plans of others. So what goes on is read off the past that the state keeps: the dues
that wait in the queue, the rhythm and the size of the last bills, the last month's income. Whatever is taken for
granted here becomes an assumption of the plan, because the plan holds only as long as it is so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from linekeeper.core.bounds import AT_END_MS, DAY_MS, HOUR_MS, MISSING
from linekeeper.evaluate.late_events import evaluate_until
from linekeeper.kernel.arrears import arrears_of
from linekeeper.kernel.calendar import Ints, calendar
from linekeeper.kernel.dues import business_day
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.prelude import NEVER
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.recourse.dependencies import Dependencies, dependencies_of, horizon_days
from linekeeper.recourse.meaning import Meaning, amount_field, kinds_meaning
from linekeeper.recourse.own_history import MONTH_DAYS, tiles_of_kind
from linekeeper.recourse.rhythm import LONGEST_MONTH, Rhythm, rhythm_of

SHORTEST_MONTH_DAYS = 28
INCOME_STALE_DAYS = 45  # income that has not come for so long is not taken for granted
LEAD_DAYS = 7  # between a bill and its date, where the state does not show it
BILLS_OF_BALANCE = 12  # a balance that was never billed is taken to come in so many bills
NOON_HOUR = 12

Dues = tuple[tuple[int, int], ...]  # (due_on, unpaid minor units), oldest first


@dataclass(frozen=True, slots=True)
class IncomeStream:
    """Income of one kind that goes on: `amount_minor` on the days of its rhythm."""

    kind: m.Kind
    amount_minor: int
    rhythm: Rhythm


@dataclass(frozen=True, slots=True)
class Routine:
    """What goes on by itself.

    On the days of the `cycle` bills fall due, or reports come. `sends_dues`: the lender sends dues, of at most
    `bill_minor`, `lead_days` before their date. `reports_delinquency`: the lender reports days past due in each cycle.
    `reports_balance`: the rules look at the balances that the lender's core system says, so a payment shows in one.
    `incomes` are those that are taken for granted.
    """

    cycle: Rhythm
    sends_dues: bool
    reports_delinquency: bool
    reports_balance: bool
    bill_minor: int
    lead_days: int
    incomes: tuple[IncomeStream, ...]


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

    def business_day(self, day: int) -> int:
        """The day on which a due of that day falls: the next business day, where the policy moves dues."""
        terms = self.kernel.policy.dues.business_days
        if terms is None:
            return day
        weekend = sum(1 << weekday for weekday in terms.weekend)
        # The kernel's own function counts on an end to each list, as its constants have.
        return business_day(day, weekend, (*terms.off, NEVER), (*terms.working, NEVER))


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
    return Routine(
        cycle=_cycle(kernel, state, dues, [one for one, _ in billed], lead_days),
        sends_dues=sends_dues,
        reports_delinquency=reports_delinquency,
        reports_balance="balance" in dependencies_of(kernel.policy).measured_kinds,
        bill_minor=bill_minor,
        lead_days=lead_days,
        incomes=tuple(_incomes(kernel, state, day)),
    )


def _cycle(kernel: Kernel, state: list[int], dues: Dues, billed: list[int], lead_days: int) -> Rhythm:
    """The rhythm of the dues, else of bills, else of statements; else the day of the month of the last event."""
    holidays = kernel.policy.dues.business_days is not None
    if len(dues) > 1:
        return rhythm_of([due_on for due_on, _ in dues], holidays=holidays)
    if dues and len(billed) > 1:
        return _rhythm_of_due(dues[0][0], billed, lead_days, holidays)
    if dues:
        return rhythm_of([dues[0][0]], holidays=holidays)
    if billed:
        return rhythm_of([day + lead_days for day in billed], holidays=holidays)
    return rhythm_of(_report_days(kernel, state))


def _rhythm_of_due(due_on: int, billed: list[int], lead_days: int, holidays: bool) -> Rhythm:
    """The rhythm of one due that waits, by the days on which bills came.

    The last day of a short month may stand for several days of the month. That one is taken by which earlier bills
    would have fallen due after the usual number of days.
    """
    by_bills = rhythm_of(billed, holidays=holidays)
    if by_bills.every_days:
        return Rhythm(by_bills.every_days, due_on, 0)

    def misfit(day_of_month: int) -> tuple[int, int]:
        rhythm = Rhythm(0, due_on, day_of_month)
        nearest = (
            min(abs(day - one - lead_days) for day in rhythm.days(one, one + 2 * LONGEST_MONTH)) for one in billed
        )
        return sum(nearest), -day_of_month

    alone = rhythm_of([due_on]).day_of_month
    last = Rhythm(0, due_on, 0)
    same_day = [
        day for day in range(1, LONGEST_MONTH + 1) if due_on in replace(last, day_of_month=day).days(due_on, due_on)
    ]
    return Rhythm(0, due_on, min(same_day, key=misfit, default=alone))


def _report_days(kernel: Kernel, state: list[int]) -> list[int]:
    """Days of statements, else of reports of days past due, that the state shows; else the day of the last event."""
    policy, day = kernel.policy, kernel.calendar.day
    names = [kind.name for kind in kinds_meaning(policy, Meaning.STATEMENT)] or ["delinquency"]
    shown = {
        tile.day
        for ring in kernel.layout.rings
        if isinstance(ring.key.source, ex.Select) and ring.key.source.kind in names and ring.key.unit == "d"
        for tiles in tiles_of_kind(kernel, state, ring.key.source.kind)
        for tile in tiles
    }
    if not shown:
        lasts = (state[slot] for last, slot in kernel.layout.lasts.items() if last.select.kind in names)
        shown = {day(at) for at in lasts if at != MISSING}
        since = (state[slot] for since, slot in kernel.layout.since.items() if since.select.kind in names)
        shown = {max({*shown, *(one for one in since if one != MISSING)})} if shown else shown
    return sorted(shown) or [day(state[kernel.layout.slots["SEEN"]])]


def _incomes(kernel: Kernel, state: list[int], day: int) -> Iterator[IncomeStream]:
    """The incomes that still come: what each brought in its last month, on the days on which it came."""
    for kind in kinds_meaning(kernel.policy, Meaning.INCOME):
        field = amount_field(kind)
        came = list(daily_sums(kernel, state, kind.name, field.name)) if field else []
        if field and not came:
            came = _last_amount(kernel, state, kind.name, field.name)
        if came and day - came[-1][0] <= INCOME_STALE_DAYS:
            days = [one for one, _ in came]
            rhythm = rhythm_of(days)
            if rhythm.every_days or len(days) == 1:
                yield IncomeStream(kind, came[-1][1], rhythm)
            else:  # several days a month, or none in particular: a month's income on the day of the last
                month = sum(amount for one, amount in came if one > days[-1] - SHORTEST_MONTH_DAYS)
                yield IncomeStream(kind, month, rhythm)


def _last_amount(kernel: Kernel, state: list[int], kind: str, field: str) -> list[tuple[int, int]]:
    """(day, amount) of the latest event of a kind, where the policy keeps it."""
    for last, slot in kernel.layout.lasts.items():
        if last.select == ex.Select(kind) and last.field == field and state[slot] != MISSING:
            return [(kernel.calendar.day(state[slot]), state[slot + 1])]
    return []


def statement_kind(policy: m.Policy) -> m.Kind | None:
    """The policy's own kind that is a statement; None where it has none."""
    return next(iter(kinds_meaning(policy, Meaning.STATEMENT)), None)


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
