"""The search: from a few corner plans down to the fastest and the lightest one, exact to the minor unit.

Every question is put to the kernel itself (`Simulator`). A plan on which the line never falls again comes before one
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
from linekeeper.recourse.actions import MONTHS_MAX, ActionPlan, kernel_rows, least_monthly
from linekeeper.recourse.baseline import Baseline, baseline_of
from linekeeper.recourse.build_plan import plan_of
from linekeeper.recourse.candidates import Candidate, CandidateSearch
from linekeeper.recourse.model import NoRoadBack, Plan, RoadBack
from linekeeper.recourse.reports import best_with_reports, much_income
from linekeeper.recourse.simulate import Simulator

SHORT_DAYS = 400  # most roads end within so many days; only where none does is the whole horizon walked
FIRST_PART = 3  # of what is overdue, at least this part (a third) is paid today
WORTH_DAYS = 7  # a plan that needs others is told where it is sooner by so much


# ------------------------------------------------------------------ the road


def find_road_back(
    kernel: Kernel,
    state: Sequence[int],
    day: int,
    *,
    compiled: bool = True,
    bills: bool | None = None,
    reports: bool | None = None,
) -> RoadBack | NoRoadBack | None:
    """The way back of an opened account from local day `day` on; None where nothing is held down.

    `state` is the account's state (`kernel.layout.size` ints), never changed. `bills`: the lender sends dues;
    `reports`: it reports days past due each month; None: read off the state and the policy.
    """
    baseline = baseline_of(kernel, state, day, bills=bills, reports=reports)
    if baseline.slot("STATUS") == Status.ACTIVE:
        return None
    final = final_triggers(baseline)
    if final:
        return no_road(baseline, "terminal", final)
    search, best = first_found(baseline, Simulator(baseline, compiled))
    if not best.reached:
        return _why_not(search, best)
    fastest = fastest_of(search)
    lightest = lightest_of(search)
    if lightest.weight[:3] >= fastest.weight[:3]:
        lightest = fastest
    reported = _with_income(search, fastest)
    return RoadBack(
        day=baseline.day,
        policy=kernel.policy.digest,
        honour_until_day=baseline.day + kernel.policy.honour_days,
        fastest=_told(search, fastest),
        lightest=_told(search, lightest) if lightest is not fastest else None,
        with_report=_told(search, reported) if reported else None,
    )


def first_found(baseline: Baseline, walker: Simulator) -> tuple[CandidateSearch, Candidate]:
    """A search in which some plan leads back, and its best; within a year first, then as far as the horizon."""
    search = CandidateSearch(baseline, walker, min(baseline.day + SHORT_DAYS, baseline.until_day))
    best = search.best(corners(baseline), key=lambda tried: tried.speed)
    if not best.reached and search.until_day < baseline.until_day:
        search = CandidateSearch(baseline, walker, baseline.until_day)
        best = search.best(corners(baseline), key=lambda tried: tried.speed)
    if not best.reached:
        best = best_with_reports(search, list(corners(baseline)))
    return search, best


def corners(baseline: Baseline) -> Iterator[ActionPlan]:
    """Plans from no effort beyond the bills to everything at once."""
    overdue, owed = baseline.overdue, baseline.owed
    monthly = (least_monthly(baseline.kernel.policy), owed) if baseline.habits.reports and owed > 0 else (0,)
    keeps = owed - 3 * baseline.habits.bill_minor  # pays down, and leaves a few bills to be paid on time
    amounts = {overdue, owed, (overdue + owed) // 2, max(keeps, overdue)}
    for today in sorted(amounts):
        for each in monthly if today < owed else monthly[:1]:
            yield ActionPlan(today, 0, each)


def fastest_of(search: CandidateSearch) -> Candidate:
    """The earliest plan; of these, the one with least early money."""
    best = min(search.known.values(), key=lambda tried: tried.speed)
    return _lightened(search, best, lambda tried: tried.speed[:3] <= best.speed[:3])


def lightest_of(search: CandidateSearch) -> Candidate:
    """The plan with least early money."""
    best = min(search.known.values(), key=lambda tried: tried.weight)
    return _lightened(search, best, lambda tried: tried.weight[:2] <= best.weight[:2])


def _lightened(search: CandidateSearch, best: Candidate, good: Callable[[Candidate], bool]) -> Candidate:
    """Each amount of the plan brought down, one after the other, to the least that is still good."""
    effort, overdue = best.effort, search.baseline.overdue

    def today(amount: int) -> ActionPlan:
        return replace(effort, today_minor=amount, later_minor=max(overdue - amount, 0))

    def each_month(amount: int) -> ActionPlan:
        return replace(effort, monthly_minor=amount)

    def months(count: int) -> ActionPlan:
        return replace(effort, months=count)

    def income(amount: int) -> ActionPlan:
        return replace(effort, income_minor=amount)

    if effort.today_minor > overdue:
        effort = search.least(overdue, effort.today_minor, today, good)
    if effort.monthly_minor > 1:
        effort = search.least(least_monthly(search.baseline.kernel.policy), effort.monthly_minor, each_month, good)
        effort = search.least(1, MONTHS_MAX, months, good)
    if effort.income_minor is not None:
        effort = search.least(0, effort.income_minor, income, good)
    if effort.today_minor == overdue > FIRST_PART:
        effort = search.least(-(-overdue // FIRST_PART), overdue, today, good)
    return search.tries(effort)


def _with_income(search: CandidateSearch, fastest: Candidate) -> Candidate | None:
    """An earlier plan that rests on proven income, where there is one."""
    much = much_income(search)
    if much is None or fastest.effort.income_minor is not None or fastest.walk.day == search.baseline.day:
        return None
    found = search.best(
        (replace(e, income_minor=much) for e in corners(search.baseline)), key=lambda tried: tried.speed
    )
    sooner = (not found.reached, found.walk.falls, found.walk.day + WORTH_DAYS) <= fastest.speed[:3]
    if not sooner:
        return None
    return _lightened(search, found, lambda tried: tried.speed[:3] <= found.speed[:3])


def _told(search: CandidateSearch, tried: Candidate) -> Plan:
    rows = kernel_rows(search.baseline, tried.effort, tried.walk.day)
    return plan_of(search.baseline, tried.effort, tried.walk, rows, tried.early_minor)


# ------------------------------------------------------------------ none


def final_triggers(baseline: Baseline) -> tuple[str, ...]:
    """The terminal triggers that are set."""
    mask, triggers = baseline.slot("MASK"), baseline.kernel.policy.triggers
    return tuple(t.name for number, t in enumerate(triggers) if mask >> number & 1 and t.terminal)


def _why_not(search: CandidateSearch, best: Candidate) -> NoRoadBack:
    baseline, policy = search.baseline, search.baseline.kernel.policy
    left = [t for number, t in enumerate(policy.triggers) if best.walk.mask >> number & 1]
    final = tuple(t.name for t in left if t.terminal)
    if final:
        return no_road(baseline, "terminal", final)
    if not left and baseline.slot("IMPOSED_END") > baseline.day:
        return NoRoadBack("person", (), baseline.slot("IMPOSED_END"))
    return no_road(baseline, "not_found", tuple(t.name for t in left))


def no_road(baseline: Baseline, why: OneOf["terminal", "not_found"], triggers: tuple[str, ...]) -> NoRoadBack:
    """No road. Ask again when a trigger ends by itself; where none is final, at the latest after `honour`."""
    kernel, day = baseline.kernel, baseline.day
    ends = [] if why == "terminal" else [day + kernel.policy.honour_days]
    for number, trigger in enumerate(kernel.policy.triggers):
        if trigger.name in triggers and trigger.expires_days is not None:
            ends.append(baseline.state[kernel.layout.latches + number * LATCH_WIDTH + SET_DAY] + trigger.expires_days)
    return NoRoadBack(why, triggers, min((end for end in ends if end > day), default=None))
