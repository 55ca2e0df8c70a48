"""Fastest is fastest: no payments, loans or proofs from a wider search lead back sooner than the fastest plan says.

Accounts of three lenders (short loans, cards, an overdraft whose balance the core system reports) behave by a fixed
seed until they are restricted. From there, action plans drawn at random over everything that a road may ask for are
simulated beside the road.
"""

from __future__ import annotations

from random import Random

import pytest

from linekeeper.core.line import Status
from linekeeper.kernel.kernel import Kernel
from linekeeper.recourse import RoadBack, find_road_back
from linekeeper.recourse.actions import ActionPlan
from linekeeper.recourse.baseline import Baseline, baseline_of
from linekeeper.recourse.candidates import CandidateSearch, provable_incomes
from linekeeper.recourse.draws import least_loan
from linekeeper.recourse.simulate import Simulator
from tests.recourse.accounts import DAY, GivenEvent, small, state_after_events

LIVES = 25
PLANS_A_LIFE = 40
SHORT_LOANS = (
    'late: {when: days_past_due >= 5, clear: "on_time_streak >= 3 or count(due, 6m) = 0", cap: 50%, reason: arrears}'
)
CARD = """full: {when: "percent(last(statement.balance), granted) >= 90%", cap: 70%, reason: use}
    missed: {when: "count(statement where paid = 0 CNY, 3m) >= 2", hold: 30d, cap: 80%, reason: missed}"""
OVERDRAFT = """deep: {when: "last(balance.amount) >= 8_000 CNY", hold: 10d, cap: 60%, reason: use}
    poor: {when: "percent(last(balance.amount), sum(inflow.amount, 60d)) >= 300%", hold: 5d, cap: 80%, reason: b}"""


def short_loans(rng: Random) -> list[GivenEvent]:
    """Loans of a month, the last of them paid late."""
    events: list[GivenEvent] = [(0, "open", {"limit": 1_000_000})]
    for number in range(rng.randint(2, 5)):
        day, amount = 5 + 30 * number, rng.randint(10_000, 200_000)
        late = rng.choice((0, 0, 8))
        events += [(day, "draw", {"amount": amount}), (day, "due", {"amount": amount, "due_on": DAY + day + 20})]
        events.append((day + 20 + late, "repay", {"amount": amount}))
    events += [(200, "draw", {"amount": 50_000}), (200, "due", {"amount": 50_000, "due_on": DAY + 210})]
    if rng.random() < 0.5:
        events.append((217, "repay", {"amount": 50_000}))
    return events


def card(rng: Random) -> list[GivenEvent]:
    """Monthly statements of a card that fills up, some without a payment."""
    balance, events = rng.randint(100_000, 800_000), list[GivenEvent]([(0, "open", {"limit": 1_000_000})])
    for month in range(7):
        paid = rng.choice((0, 5_000, 20_000))
        balance += rng.randint(0, 150_000) - paid
        events.append((30 * month + 28, "balance", {"amount": balance}))
        events.append((30 * month + 29, "statement", {"balance": balance, "paid": paid}))
    return events


def overdraft(rng: Random) -> list[GivenEvent]:
    """A current account that goes deeper, with an inflow each month."""
    events: list[GivenEvent] = [(0, "open", {"limit": 1_000_000})]
    inflow = rng.randint(50_000, 300_000)
    for month in range(7):
        events.append((30 * month + 10, "inflow", {"amount": inflow}))
        events.append((30 * month + 25, "balance", {"amount": rng.randint(300_000, 1_000_000)}))
    return events


STATEMENT = "events: {statement: {balance: money, paid: money}}\n"
LENDERS = {
    "short loans": (lambda: small(SHORT_LOANS), short_loans),
    "card": (lambda: small(CARD, STATEMENT), card),
    "overdraft": (lambda: small(OVERDRAFT, "events: {inflow: {amount: money}}\n"), overdraft),
}


def any_plan(rng: Random, baseline: Baseline, search: CandidateSearch) -> ActionPlan:
    """Something that a road back could ask for: all arrears, and any of the rest."""
    overdue, owed = baseline.overdue_minor, baseline.owed_minor
    kind, most = rng.choice([(None, 0), *provable_incomes(search)])
    loan = least_loan(baseline) * rng.choice((1, 2)) if rng.random() < 0.4 and baseline.routine.sends_dues else 0
    return ActionPlan(
        today_minor=rng.choice((overdue, owed, rng.randint(overdue, max(owed, overdue)))),
        monthly_minor=rng.choice((1, owed, rng.randint(1, max(owed, 1))))
        if baseline.routine.reports_delinquency
        else 0,
        months=rng.randint(1, 12),
        income_minor=rng.randint(0, most) if kind is not None else None,
        income_kind=kind,
        loans=rng.randint(1, 8) if loan else 0,
        loan_minor=loan,
        loans_from=baseline.day + rng.randint(1, 40) if loan else 0,
    )


@pytest.mark.parametrize("lender", LENDERS)
def test_a_wider_search_finds_nothing_sooner(lender: str) -> None:
    make, live = LENDERS[lender]
    kernel: Kernel = make()
    asked = 0
    for seed in range(LIVES):
        rng = Random(seed)
        state = state_after_events(kernel, live(rng), 220)
        if state[kernel.layout.slots["STATUS"]] == Status.ACTIVE:
            continue
        road = find_road_back(kernel, state, DAY + 220, compiled=False)
        if not isinstance(road, RoadBack):
            continue
        asked += 1
        baseline = baseline_of(kernel, state, DAY + 220)
        fastest = min(plan.restored_day for plan in road.plans)
        search = CandidateSearch(baseline, Simulator(baseline, compiled=False), fastest + 1)
        for _ in range(PLANS_A_LIFE):
            candidate = search.candidate(any_plan(rng, baseline, search))
            if candidate.restored:
                proven = candidate.actions.income_minor is not None and road.with_report is None
                # Proof of income is told where it is sooner by a week or more.
                assert candidate.simulation.day + 7 * proven >= fastest, (seed, candidate.actions)
    assert asked >= 5
