"""The road back of one account: from its state to the plans that restore its line, or to why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal as OneOf

from linekeeper.core.line import Status
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.layout import LATCH_WIDTH
from linekeeper.kernel.prelude import SET_DAY
from linekeeper.recourse.baseline import Baseline, baseline_of, triggers_set
from linekeeper.recourse.build_plan import build_plan
from linekeeper.recourse.candidates import (
    Candidate,
    CandidateSearch,
    faster_with_income,
    fastest_candidate,
    lightest_candidate,
    search_candidates,
)
from linekeeper.recourse.model import NoRoadBack, Plan, RoadBack, last_promised_day
from linekeeper.recourse.verify import verify_plan


def find_road_back(
    kernel: Kernel,
    state: Sequence[int],
    day: int,
    *,
    compiled: bool = True,
    sends_dues: bool | None = None,
    reports_delinquency: bool | None = None,
) -> RoadBack | NoRoadBack | None:
    """The road back of an opened account from local day `day` on; None where nothing holds the line down.

    `state` is the account's state (`kernel.layout.size` integers); it is not changed. `compiled` chooses the kernel's
    setting for the search; the answer is the same. `sends_dues` says whether the lender sends dues,
    `reports_delinquency` whether it reports days past due each month; None: read off the state and the policy.
    """
    baseline = baseline_of(kernel, state, day, sends_dues=sends_dues, reports_delinquency=reports_delinquency)
    if baseline.slot("STATUS") == Status.ACTIVE:
        return None
    terminal = terminal_triggers_set(baseline)
    if terminal:
        return no_road_back(baseline, "terminal", terminal)
    search, best = search_candidates(baseline, compiled)
    if not best.restored:
        return _why_none(baseline, best)
    fastest = fastest_candidate(search)
    lightest = lightest_candidate(search)
    with_income = faster_with_income(search, fastest)
    plans = (
        _verified_plan(search, fastest),
        _verified_plan(search, lightest) if _is_lighter(lightest, fastest) else None,
        _verified_plan(search, with_income) if with_income else None,
    )
    honour_until_day = last_promised_day(kernel.policy.honour_days, baseline.day, plans)
    return RoadBack(baseline.day, kernel.policy.digest, honour_until_day, *plans)


def _verified_plan(search: CandidateSearch, candidate: Candidate) -> Plan:
    """The candidate's plan, run a second time by other code.

    The second run takes the plan's events one by one, as the lender would receive them, so that a fault of the search
    does not hide in the search. A plan that the second run does not confirm says so, and no borrower is shown it.
    """
    plan, baseline = build_plan(search, candidate), search.baseline
    return replace(plan, verified=verify_plan(baseline.kernel, baseline.state, baseline.day, plan))


def _is_lighter(lightest: Candidate, fastest: Candidate) -> bool:
    """Whether the lightest plan is another one than the fastest: two plans that cost the same are one too many."""
    return lightest.by_early_money[:3] < fastest.by_early_money[:3]


# ------------------------------------------------------------------ no road back


def terminal_triggers_set(baseline: Baseline) -> tuple[str, ...]:
    """The names of the terminal triggers that are set."""
    triggers = triggers_set(baseline.kernel.policy, baseline.slot("MASK"))
    return tuple(trigger.name for trigger in triggers if trigger.terminal)


def _why_none(baseline: Baseline, best: Candidate) -> NoRoadBack:
    """Why not even the best candidate restores the line."""
    left = triggers_set(baseline.kernel.policy, best.simulation.latches)
    terminal = tuple(trigger.name for trigger in left if trigger.terminal)
    if terminal:
        return no_road_back(baseline, "terminal", terminal)
    if not left and baseline.slot("IMPOSED_END") > baseline.day:
        return NoRoadBack("person", (), baseline.slot("IMPOSED_END"))
    return no_road_back(baseline, "not_found", tuple(trigger.name for trigger in left))


def no_road_back(baseline: Baseline, why: OneOf["terminal", "not_found"], triggers: tuple[str, ...]) -> NoRoadBack:
    """No road back, and when to ask again: when one of the triggers expires.

    Where no trigger is final, at the latest after `honour` days: by then the account's own past has moved on, and a
    search that found nothing may find something.
    """
    kernel, day = baseline.kernel, baseline.day
    ask_again = [] if why == "terminal" else [day + kernel.policy.honour_days]
    for number, trigger in enumerate(kernel.policy.triggers):
        if trigger.name in triggers and trigger.expires_days is not None:
            set_day = baseline.state[kernel.layout.latches + number * LATCH_WIDTH + SET_DAY]
            ask_again.append(set_day + trigger.expires_days)
    return NoRoadBack(why, triggers, min((one for one in ask_again if one > day), default=None))
