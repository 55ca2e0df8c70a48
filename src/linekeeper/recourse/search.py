"""The search: from a few corner plans down to the fastest and the lightest one, exact to the minor unit.

Every question is put to the kernel itself (`Walker`). A plan on which the line never falls again comes before one
on which it does; then the fastest is the earliest, the lightest the one that asks for least in the first 30 days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Literal as OneOf

from linekeeper.core.line import Status
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.layout import LATCH_WIDTH
from linekeeper.kernel.prelude import SET_DAY
from linekeeper.recourse.ground import Ground, ground_of
from linekeeper.recourse.model import NoRoad, Plan, Road
from linekeeper.recourse.moves import MONTHS_MAX, Effort, least_monthly, rows_of
from linekeeper.recourse.reports import best_with_reports, much_income
from linekeeper.recourse.story import plan_of
from linekeeper.recourse.tried import Search, Tried
from linekeeper.recourse.walk import Walker

SHORT_DAYS = 400  # most roads end within so many days; only where none does is the whole horizon walked
FIRST_PART = 3  # of what is overdue, at least this part (a third) is paid today
WORTH_DAYS = 7  # a plan that needs others is told where it is sooner by so much


# ------------------------------------------------------------------ the road


def find_road(
    kernel: Kernel,
    state: Sequence[int],
    day: int,
    *,
    compiled: bool = True,
    bills: bool | None = None,
    reports: bool | None = None,
) -> Road | NoRoad | None:
    """The way back of an opened account from local day `day` on; None where nothing is held down.

    `state` is the account's state (`kernel.layout.size` ints), never changed. `bills`: the lender sends dues;
    `reports`: it reports days past due each month; None: read off the state and the policy.
    """
    ground = ground_of(kernel, state, day, bills=bills, reports=reports)
    if ground.slot("STATUS") == Status.ACTIVE:
        return None
    final = final_triggers(ground)
    if final:
        return no_road(ground, "terminal", final)
    search, best = first_found(ground, Walker(ground, compiled))
    if not best.reached:
        return _why_not(search, best)
    fastest = fastest_of(search)
    lightest = lightest_of(search)
    if lightest.weight[:3] >= fastest.weight[:3]:
        lightest = fastest
    reported = _with_income(search, fastest)
    return Road(
        day=ground.day,
        policy=kernel.policy.digest,
        honour_until_day=ground.day + kernel.policy.honour_days,
        fastest=_told(search, fastest),
        lightest=_told(search, lightest) if lightest is not fastest else None,
        with_report=_told(search, reported) if reported else None,
    )


def first_found(ground: Ground, walker: Walker) -> tuple[Search, Tried]:
    """A search in which some plan leads back, and its best; within a year first, then as far as the horizon."""
    search = Search(ground, walker, min(ground.day + SHORT_DAYS, ground.until_day))
    best = search.best(corners(ground), key=lambda tried: tried.speed)
    if not best.reached and search.until_day < ground.until_day:
        search = Search(ground, walker, ground.until_day)
        best = search.best(corners(ground), key=lambda tried: tried.speed)
    if not best.reached:
        best = best_with_reports(search, list(corners(ground)))
    return search, best


def corners(ground: Ground) -> Iterator[Effort]:
    """Plans from no effort beyond the bills to everything at once."""
    overdue, owed = ground.overdue, ground.owed
    monthly = (least_monthly(ground.kernel.policy), owed) if ground.habits.reports and owed > 0 else (0,)
    keeps = owed - 3 * ground.habits.bill_minor  # pays down, and leaves a few bills to be paid on time
    amounts = {overdue, owed, (overdue + owed) // 2, max(keeps, overdue)}
    for today in sorted(amounts):
        for each in monthly if today < owed else monthly[:1]:
            yield Effort(today, 0, each)


def fastest_of(search: Search) -> Tried:
    """The earliest plan; of these, the one with least early money."""
    best = min(search.known.values(), key=lambda tried: tried.speed)
    return _lightened(search, best, lambda tried: tried.speed[:3] <= best.speed[:3])


def lightest_of(search: Search) -> Tried:
    """The plan with least early money."""
    best = min(search.known.values(), key=lambda tried: tried.weight)
    return _lightened(search, best, lambda tried: tried.weight[:2] <= best.weight[:2])


def _lightened(search: Search, best: Tried, good: Callable[[Tried], bool]) -> Tried:
    """Each amount of the plan brought down, one after the other, to the least that is still good."""
    effort, overdue = best.effort, search.ground.overdue

    def today(amount: int) -> Effort:
        return replace(effort, today_minor=amount, later_minor=max(overdue - amount, 0))

    def each_month(amount: int) -> Effort:
        return replace(effort, monthly_minor=amount)

    def months(count: int) -> Effort:
        return replace(effort, months=count)

    def income(amount: int) -> Effort:
        return replace(effort, income_minor=amount)

    if effort.today_minor > overdue:
        effort = search.least(overdue, effort.today_minor, today, good)
    if effort.monthly_minor > 1:
        effort = search.least(least_monthly(search.ground.kernel.policy), effort.monthly_minor, each_month, good)
        effort = search.least(1, MONTHS_MAX, months, good)
    if effort.income_minor is not None:
        effort = search.least(0, effort.income_minor, income, good)
    if effort.today_minor == overdue > FIRST_PART:
        effort = search.least(-(-overdue // FIRST_PART), overdue, today, good)
    return search.tries(effort)


def _with_income(search: Search, fastest: Tried) -> Tried | None:
    """An earlier plan that rests on proven income, where there is one."""
    much = much_income(search)
    if much is None or fastest.effort.income_minor is not None or fastest.walk.day == search.ground.day:
        return None
    found = search.best((replace(e, income_minor=much) for e in corners(search.ground)), key=lambda tried: tried.speed)
    sooner = (not found.reached, found.walk.falls, found.walk.day + WORTH_DAYS) <= fastest.speed[:3]
    if not sooner:
        return None
    return _lightened(search, found, lambda tried: tried.speed[:3] <= found.speed[:3])


def _told(search: Search, tried: Tried) -> Plan:
    rows = rows_of(search.ground, tried.effort, tried.walk.day)
    return plan_of(search.ground, tried.effort, tried.walk, rows, tried.early_minor)


# ------------------------------------------------------------------ none


def final_triggers(ground: Ground) -> tuple[str, ...]:
    """The terminal triggers that are set."""
    mask, triggers = ground.slot("MASK"), ground.kernel.policy.triggers
    return tuple(t.name for number, t in enumerate(triggers) if mask >> number & 1 and t.terminal)


def _why_not(search: Search, best: Tried) -> NoRoad:
    ground, policy = search.ground, search.ground.kernel.policy
    left = [t for number, t in enumerate(policy.triggers) if best.walk.mask >> number & 1]
    final = tuple(t.name for t in left if t.terminal)
    if final:
        return no_road(ground, "terminal", final)
    if not left and ground.slot("IMPOSED_END") > ground.day:
        return NoRoad("person", (), ground.slot("IMPOSED_END"))
    return no_road(ground, "not_found", tuple(t.name for t in left))


def no_road(ground: Ground, why: OneOf["terminal", "not_found"], triggers: tuple[str, ...]) -> NoRoad:
    """No road. Ask again when a trigger ends by itself; where none is final, at the latest after `honour`."""
    kernel, day = ground.kernel, ground.day
    ends = [] if why == "terminal" else [day + kernel.policy.honour_days]
    for number, trigger in enumerate(kernel.policy.triggers):
        if trigger.name in triggers and trigger.expires_days is not None:
            ends.append(ground.state[kernel.layout.latches + number * LATCH_WIDTH + SET_DAY] + trigger.expires_days)
    return NoRoad(why, triggers, min((end for end in ends if end > day), default=None))
