"""The search over action plans: a few corner plans first, then each amount brought down to the least that still works.

Every question is put to the kernel itself. Two plans are looked for, because the fastest one is of no use to a
borrower who cannot pay for it: the fastest restores the line earliest, the lightest asks for the least money early.
Both are the best of the plans that were tried; the search is bounded and proves nothing about plans that it never ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from linekeeper.core.bounds import MISSING, MONEY_MAX
from linekeeper.evaluate.event_batch import EventRow
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.recourse.actions import (
    MONTHLY_PAYMENTS_MAX,
    ActionPlan,
    Confirmation,
    kernel_fields,
    kernel_rows,
    least_monthly,
)
from linekeeper.recourse.baseline import Baseline, income_kind
from linekeeper.recourse.dependencies import literals, restoring_conditions
from linekeeper.recourse.model import EARLY_DAYS
from linekeeper.recourse.simulate import Simulation, Simulator
from linekeeper.scorecard.trees import cuts_of_feature

SHORT_HORIZON_DAYS = 400  # most roads end within so many days; only where none does is the whole horizon simulated
LEAST_PART_TODAY = 3  # of the arrears, at least a third is paid today: a plan in parts begins with a payment
BILLS_LEFT = 3  # the corner plan that pays down leaves so many bills to be paid on time, for policies that count them
SOONER_DAYS = 7  # a plan that needs others to confirm something is worth it where it is sooner by so much

ROUTINE_KINDS = frozenset(("income", "statement"))  # kinds that every plan makes by itself
CONFIRMABLE_BUILT_IN = frozenset(("hardship", "dispute"))
FIELD_VALUES_MAX = 12  # values tried for one field of a confirmed event
CONFIRMED_KINDS_MAX = 3  # kinds of confirmed events in one plan

SortKey = tuple[bool, int, int, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An action plan and where it leads. The orders sort the better candidate first.

    Restored comes before not restored, and no setback before any: a borrower who does as the plan asks must not see
    the limit fall.
    """

    actions: ActionPlan
    simulation: Simulation
    early_minor: int

    @property
    def restored(self) -> bool:
        """Whether the plan restores the line."""
        return self.simulation.restored

    @property
    def by_speed(self) -> SortKey:
        """Restored, without setbacks, early, for little early money."""
        return (not self.restored, self.simulation.setbacks, self.simulation.day, self.early_minor)

    @property
    def by_early_money(self) -> SortKey:
        """Restored, without setbacks, for little early money, early."""
        return (not self.restored, self.simulation.setbacks, self.early_minor, self.simulation.day)

    @property
    def by_progress(self) -> SortKey:
        """How near the plan comes: restored early, else with few triggers left set, then with a high score."""
        triggers_left = 0 if self.restored else self.simulation.latches.bit_count()
        return (not self.restored, triggers_left, self.simulation.day if self.restored else 0, -self.simulation.score)


@dataclass
class CandidateSearch:
    """All candidates of one baseline. Each is simulated up to day `until_day`, and simulated once."""

    baseline: Baseline
    simulator: Simulator
    until_day: int
    candidates: dict[ActionPlan, Candidate] = field(default_factory=dict)

    def candidate(self, actions: ActionPlan) -> Candidate:
        """The candidate of an action plan."""
        if actions not in self.candidates:
            rows = kernel_rows(self.baseline, actions, self.until_day)
            simulation = self.simulator.simulate(rows, self.until_day)
            early_minor = _early_payments(self.baseline, rows, simulation)
            self.candidates[actions] = Candidate(actions, simulation, early_minor)
        return self.candidates[actions]

    def best(self, plans: Iterable[ActionPlan], order: Callable[[Candidate], SortKey]) -> Candidate:
        """The first of the plans' candidates by that order."""
        return min((self.candidate(actions) for actions in plans), key=order)

    def least(
        self, low: int, high: int, plan_with: Callable[[int], ActionPlan], suffices: Callable[[Candidate], bool]
    ) -> ActionPlan:
        """The plan with the least amount from `low` to `high` that suffices; `high` is known to suffice.

        Found by bisection, so it is exact where more money never does worse, as in a monotone policy. Where it does,
        the amount found still suffices: each amount kept has been simulated.
        """
        if suffices(self.candidate(plan_with(low))):
            return plan_with(low)
        while high - low > 1:
            middle = (low + high) // 2
            if suffices(self.candidate(plan_with(middle))):
                high = middle
            else:
                low = middle
        return plan_with(high)


def _early_payments(baseline: Baseline, rows: Sequence[EventRow], simulation: Simulation) -> int:
    """What the plan pays in its first 30 days, as long as it lasts, in minor units."""
    repay, placeholder = baseline.kernel.policy.kind("repay").number, least_monthly(baseline.kernel.policy)
    last_day = baseline.day + EARLY_DAYS - 1
    if simulation.restored:
        last_day = min(last_day, simulation.day)
    payments = (row.x[0] for row in rows if row.kind == repay and row.hour // 24 <= last_day)
    return sum(amount for amount in payments if amount > placeholder)


# ------------------------------------------------------------------ the corner plans


def search_candidates(baseline: Baseline, compiled: bool) -> tuple[CandidateSearch, Candidate]:
    """The search of a baseline after its corner plans, and the fastest of them; it may not restore the line.

    The corner plans are run over a short horizon first, then as far as the whole horizon. Facts that others have to
    confirm come last: they are not in the borrower's own hands.
    """
    simulator = Simulator(baseline, compiled)
    search = CandidateSearch(baseline, simulator, min(baseline.day + SHORT_HORIZON_DAYS, baseline.until_day))
    best = search.best(corner_plans(baseline), lambda candidate: candidate.by_speed)
    if not best.restored and search.until_day < baseline.until_day:
        search = CandidateSearch(baseline, simulator, baseline.until_day)
        best = search.best(corner_plans(baseline), lambda candidate: candidate.by_speed)
    if not best.restored:
        best = best_with_confirmations(search, list(corner_plans(baseline)))
    return search, best


def corner_plans(baseline: Baseline) -> Iterator[ActionPlan]:
    """A few plans from nothing beyond the bills to paying everything at once.

    Paying everything is not always best: a policy may count bills paid on time, and who owes nothing gets no bills.
    """
    overdue, owed = baseline.overdue_minor, baseline.owed_minor
    pays_monthly = baseline.routine.reports_delinquency and owed > 0
    monthly_amounts = (least_monthly(baseline.kernel.policy), owed) if pays_monthly else (0,)
    leaving_bills = owed - BILLS_LEFT * baseline.routine.bill_minor
    for today in sorted({overdue, owed, (overdue + owed) // 2, max(leaving_bills, overdue)}):
        for monthly_amount in monthly_amounts if today < owed else monthly_amounts[:1]:
            yield ActionPlan(today_minor=today, monthly_minor=monthly_amount)


# ------------------------------------------------------------------ the fastest and the lightest


def fastest_candidate(search: CandidateSearch) -> Candidate:
    """The candidate that restores the line earliest; of these, the one with least early money."""
    best = min(search.candidates.values(), key=lambda candidate: candidate.by_speed)
    return _lightened(search, best, lambda candidate: candidate.by_speed[:3] <= best.by_speed[:3])


def lightest_candidate(search: CandidateSearch) -> Candidate:
    """The candidate with least early money."""
    best = min(search.candidates.values(), key=lambda candidate: candidate.by_early_money)
    return _lightened(search, best, lambda candidate: candidate.by_early_money[:2] <= best.by_early_money[:2])


def faster_with_income(search: CandidateSearch, fastest: Candidate) -> Candidate | None:
    """A candidate that is sooner than the fastest by a week or more because an income is proven; None without one."""
    ample = ample_income(search)
    if ample is None or fastest.actions.income_minor is not None or fastest.simulation.day == search.baseline.day:
        return None
    plans = (replace(actions, income_minor=ample) for actions in corner_plans(search.baseline))
    best = search.best(plans, lambda candidate: candidate.by_speed)
    if (not best.restored, best.simulation.setbacks, best.simulation.day + SOONER_DAYS) > fastest.by_speed[:3]:
        return None
    return _lightened(search, best, lambda candidate: candidate.by_speed[:3] <= best.by_speed[:3])


def _lightened(search: CandidateSearch, best: Candidate, suffices: Callable[[Candidate], bool]) -> Candidate:
    """The candidate with each of its amounts, one after the other, brought down to the least that still suffices."""
    actions, overdue = best.actions, search.baseline.overdue_minor

    def with_today(amount: int) -> ActionPlan:
        return replace(actions, today_minor=amount, later_minor=max(overdue - amount, 0))

    def with_monthly(amount: int) -> ActionPlan:
        return replace(actions, monthly_minor=amount)

    def with_months(count: int) -> ActionPlan:
        return replace(actions, months=count)

    def with_income(amount: int) -> ActionPlan:
        return replace(actions, income_minor=amount)

    if actions.today_minor > overdue:
        actions = search.least(overdue, actions.today_minor, with_today, suffices)
    if actions.monthly_minor > 1:
        least = least_monthly(search.baseline.kernel.policy)
        actions = search.least(least, actions.monthly_minor, with_monthly, suffices)
        actions = search.least(1, MONTHLY_PAYMENTS_MAX, with_months, suffices)
    if actions.income_minor is not None:
        actions = search.least(0, actions.income_minor, with_income, suffices)
    # Arrears are split last, and only where nothing beyond them is paid today: all arrears come before anything else.
    if actions.today_minor == overdue > LEAST_PART_TODAY:
        split = search.least(-(-overdue // LEAST_PART_TODAY), overdue, with_today, suffices)
        # What the policy tolerates is still owed: a letter does not tell a borrower to pay that much less.
        if split.later_minor > search.baseline.kernel.policy.dues.tolerance_minor:
            actions = split
    return search.candidate(actions)


# ------------------------------------------------------------------ facts that others confirm


def best_with_confirmations(search: CandidateSearch, plans: list[ActionPlan]) -> Candidate:
    """The best candidate that may also rest on facts that others confirm: an income proven, advice taken.

    Starts from the best of the plans. The policy's own kinds of events are tried, with values next to the constants
    that the policy compares them with; a value is kept where it leaves fewer triggers set, or a better score. The
    candidate may still not restore the line.
    """
    best = search.best(plans, lambda candidate: candidate.by_progress)
    ample = ample_income(search)
    if ample is not None:
        with_income = search.candidate(replace(best.actions, income_minor=ample))
        best = min(best, with_income, key=lambda candidate: candidate.by_progress)
    for _ in range(CONFIRMED_KINDS_MAX):
        if best.restored:
            break
        with_one_more = [_best_confirmation(search, best, kind) for kind in _confirmable_kinds(search)]
        better = min(with_one_more, key=lambda candidate: candidate.by_progress, default=best)
        if better.by_progress >= best.by_progress:
            break
        best = better
    return best


def ample_income(search: CandidateSearch) -> int | None:
    """More monthly income than any rule of the policy will ask for, in minor units; None where no rule asks for income.

    The search brings it down later to the least that suffices.
    """
    baseline = search.baseline
    if income_kind(baseline.kernel.policy) is None or "income" not in baseline.dependencies.kinds:
        return None
    return min(100 * max(baseline.owed_minor, baseline.slot("GRANTED"), 1), MONEY_MAX // 100)


def _confirmable_kinds(search: CandidateSearch) -> Iterator[m.Kind]:
    for kind in search.baseline.kernel.policy.kinds:
        own = not kind.built_in and kind.name not in ROUTINE_KINDS
        of_others = kind.name == m.CUSTOMER and kind.built_in  # the borrower's other accounts, where they are settled
        if kind.name in search.baseline.dependencies.kinds and (own or of_others or kind.name in CONFIRMABLE_BUILT_IN):
            yield kind


def _best_confirmation(search: CandidateSearch, start: Candidate, kind: m.Kind) -> Candidate:
    """The best candidate with one more event of that kind; monthly, or once where that does as well.

    Each field is tuned with the others as they stand. Two rounds, since the best value of a field may depend on a
    field that comes after it.
    """
    best = start
    values = {item.name: deciding_values(search.baseline.kernel.policy, kind, item) for item in kind.fields}
    chosen = {name: field_values[-1] for name, field_values in values.items()}
    for name in [*values, *values] or [""]:
        for value in values.get(name, (0,)):
            fields = {**chosen, name: value} if name else {}
            confirmation = Confirmation(kind.number, kernel_fields(kind, **fields), monthly=True)
            candidate = search.candidate(_with_confirmation(start.actions, confirmation))
            if candidate.by_progress < best.by_progress:
                best, chosen = candidate, fields
    if best is start:
        return start
    once = replace(best.actions.confirmations[-1], monthly=False)
    with_once = search.candidate(_with_confirmation(start.actions, once))
    return with_once if with_once.by_progress <= best.by_progress else best


def _with_confirmation(actions: ActionPlan, confirmation: Confirmation) -> ActionPlan:
    return replace(actions, confirmations=(*actions.confirmations, confirmation))


def deciding_values(policy: m.Policy, kind: m.Kind, item: m.Field) -> list[int]:
    """Values of a field that may make a difference: at and beside the constants that its features are compared with."""
    if kind.name == m.CUSTOMER and kind.built_in:
        return [MISSING, 0]  # the other accounts stay as they are, or nothing is left there
    if item.choices:
        return list(range(len(item.choices)))
    if item.unit == "flag":
        return [0, 1]
    values = {0, MONEY_MAX // 1000}
    for constant in _compared_constants(policy, kind, item):
        values |= {constant - 1, constant, constant + 1}
    allowed = sorted(value for value in values if item.signed or value >= 0)
    every = max(len(allowed) // FIELD_VALUES_MAX, 1)
    return [*([MISSING] if item.optional else []), *allowed[::every], allowed[-1]]


def _compared_constants(policy: m.Policy, kind: m.Kind, item: m.Field) -> Iterator[int]:
    """Constants of the field's unit in filters on the kind, and against features that reach the kind."""
    reaching = _features_reaching(policy, kind.name)
    for feature in policy.features:
        if (
            isinstance(feature.expr, ex.Windowed | ex.Last | ex.First | ex.DaysSince)
            and feature.expr.select.kind == kind.name
        ):
            where = feature.expr.select.where
            yield from (node.value for node in literals(where, item.unit)) if where else ()
    expressions = [*restoring_conditions(policy, policy.triggers), *(feature.expr for feature in policy.features)]
    for node in (node for expr in expressions for node in ex.nodes_of(expr)):
        if isinstance(node, ex.Compare) and reaching & {
            ref.name for ref in ex.nodes_of(node) if isinstance(ref, ex.Ref)
        }:
            yield from (constant.value for constant in literals(node, item.unit))
    for bins in policy.score.bins if policy.score else ():
        if bins.feature in reaching and policy.feature(bins.feature).unit == item.unit:
            yield from bins.below
    for trees in policy.score.trees if policy.score else ():
        for name in trees.features:
            if name in reaching and policy.feature(name).unit == item.unit:
                yield from cuts_of_feature(trees, name)


def _features_reaching(policy: m.Policy, kind_name: str) -> set[str]:
    """The names of the features that measure events of a kind, directly or through other features."""
    reaching: set[str] = set()
    for feature in policy.features:  # a feature uses only earlier ones, so one pass is enough
        expr = feature.expr
        direct = isinstance(expr, ex.Windowed | ex.Last | ex.First | ex.DaysSince) and expr.select.kind == kind_name
        if direct or reaching & {node.name for node in ex.nodes_of(expr) if isinstance(node, ex.Ref)}:
            reaching.add(feature.name)
    return reaching
