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
from linekeeper.policy.kinds import is_derived
from linekeeper.recourse.actions import (
    AS_PLANNED,
    MONTHLY_PAYMENTS_MAX,
    ActionPlan,
    Confirmation,
    Deviation,
    kernel_fields,
    kernel_rows,
    least_monthly,
)
from linekeeper.recourse.baseline import Baseline
from linekeeper.recourse.dependencies import literals, restoring_conditions
from linekeeper.recourse.draws import drawn_within, least_loan
from linekeeper.recourse.meaning import Meaning, amount_field, kinds_meaning
from linekeeper.recourse.model import EARLY_DAYS
from linekeeper.recourse.own_history import MONTH_DAYS, most_in_a_month
from linekeeper.recourse.simulate import Simulation, Simulator
from linekeeper.scorecard.trees import cuts_of_feature

SHORT_HORIZON_DAYS = 400  # most roads end within so many days; only where none does is the whole horizon simulated
LEAST_PART_TODAY = 3  # of the arrears, at least a third is paid today: a plan in parts begins with a payment
BILLS_LEFT = 3  # the corner plan that pays down leaves so many bills to be paid on time, for policies that count them
SOONER_DAYS = 7  # a plan that needs others to confirm something is worth it where it is sooner by so much

LOANS_TRIED = (1, 2, 3, 4, 6, 9, 12)  # how many small loans, one a bill, a plan may draw and repay on time
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
    """All candidates of one baseline. Each is simulated up to day `until_day`, and simulated once.

    `whole_policy`: the question is whether the policy leaves anybody a way, not what this borrower can do; then more is
    tried than the borrower's own past shows.
    """

    baseline: Baseline
    simulator: Simulator
    until_day: int
    candidates: dict[ActionPlan, Candidate] = field(default_factory=dict)
    whole_policy: bool = False

    def candidate(self, actions: ActionPlan) -> Candidate:
        """The candidate of an action plan."""
        if actions not in self.candidates:
            rows = kernel_rows(self.baseline, actions, self.until_day)
            simulation = self.simulator.simulate(rows, self.until_day)
            if actions.loans and simulation.restored and not drawn_within(self.baseline, rows, simulation):
                simulation = replace(simulation, restored=False)  # a loan that the line does not give restores nothing
            early_minor = _early_payments(self.baseline, rows, simulation)
            self.candidates[actions] = Candidate(actions, simulation, early_minor)
        return self.candidates[actions]

    def simulate(self, actions: ActionPlan, until_day: int, deviation: Deviation = AS_PLANNED) -> Simulation:
        """Where a plan leads up to the end of a day while something goes on that it leaves out."""
        until = min(until_day + 1, self.baseline.until_day)
        return self.simulator.simulate(kernel_rows(self.baseline, actions, until, deviation), until)

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


def loan_plans(search: CandidateSearch, plain: Candidate) -> Iterator[ActionPlan]:
    """Plans that draw small loans and repay them on time, where bills met on time may count and none is to come.

    The first loan comes on the first day on which the plain plan has nothing stopping new loans.
    """
    baseline, routine = search.baseline, search.baseline.routine
    amount = least_loan(baseline)
    counts_bills = "on_time_streak" in baseline.dependencies.facts or bool(
        baseline.dependencies.measured_kinds & {"repay", "due"}
    )
    if not (routine.sends_dues and counts_bills and amount):
        return
    open_days = [point.day for point in plain.simulation.path if point.usable_minor >= amount]
    for actions in dict.fromkeys((plain.actions, replace(plain.actions, today_minor=baseline.owed_minor))):
        for loans in LOANS_TRIED if open_days else ():
            yield replace(actions, loans=loans, loan_minor=amount, loans_from=open_days[0] + 1)


# ------------------------------------------------------------------ the fastest and the lightest


def fastest_candidate(search: CandidateSearch) -> Candidate:
    """The candidate that restores the line earliest; of these, the one with least early money.

    It pays all that is overdue today. A plan that draws loans is taken where it is sooner.
    """
    plain = [one for one in search.candidates.values() if not one.actions.loans]
    best = min(plain, key=lambda candidate: candidate.by_speed)
    with_loans = search.best([best.actions, *loan_plans(search, best)], lambda candidate: candidate.by_speed)
    if with_loans.by_speed[:3] < best.by_speed[:3]:
        best = with_loans
    return _lightened(search, best, lambda candidate: candidate.by_speed[:3] <= best.by_speed[:3])


def lightest_candidate(search: CandidateSearch) -> Candidate:
    """The candidate with least early money that draws nothing."""
    plain = [one for one in search.candidates.values() if not one.actions.loans]
    best = min(plain, key=lambda candidate: candidate.by_early_money)
    suffices = lambda candidate: candidate.by_early_money[:2] <= best.by_early_money[:2]  # noqa: E731
    return _in_parts(search, _lightened(search, best, suffices), suffices)


def faster_with_income(search: CandidateSearch, fastest: Candidate) -> Candidate | None:
    """A candidate that is sooner than the fastest by a week or more because an income is proven; None without one."""
    if fastest.actions.income_minor is not None or fastest.simulation.day == search.baseline.day:
        return None
    plans = [
        replace(actions, income_minor=most, income_kind=kind)
        for kind, most in provable_incomes(search)
        for actions in corner_plans(search.baseline)
    ]
    best = min((search.candidate(plan) for plan in plans), key=lambda candidate: candidate.by_speed, default=fastest)
    if (not best.restored, best.simulation.setbacks, best.simulation.day + SOONER_DAYS) > fastest.by_speed[:3]:
        return None
    return _lightened(search, best, lambda candidate: candidate.by_speed[:3] <= best.by_speed[:3])


def _lightened(search: CandidateSearch, best: Candidate, suffices: Callable[[Candidate], bool]) -> Candidate:
    """The candidate with each of its amounts, one after the other, brought down to the least that still suffices."""
    actions, overdue = best.actions, search.baseline.overdue_minor

    def with_today(amount: int) -> ActionPlan:
        return replace(actions, today_minor=amount)

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
    return search.candidate(actions)


def _in_parts(search: CandidateSearch, whole: Candidate, suffices: Callable[[Candidate], bool]) -> Candidate:
    """The candidate with its arrears in two parts, where nothing beyond them is paid today; else as it is.

    All arrears come before anything else, and the second part before the end: no plan leaves anything overdue.
    """
    actions, overdue, baseline = whole.actions, search.baseline.overdue_minor, search.baseline

    def in_parts(amount: int) -> ActionPlan:
        return replace(actions, today_minor=amount, later_minor=max(overdue - amount, 0))

    def settles(candidate: Candidate) -> bool:
        """Whether the parts lead as far, and the second of them is paid by the end."""
        ends = candidate.simulation.day >= baseline.day + MONTH_DAYS or not candidate.actions.later_minor
        return ends and suffices(candidate)

    if actions.today_minor != overdue or overdue <= LEAST_PART_TODAY or not settles(whole):
        return whole
    split = search.least(-(-overdue // LEAST_PART_TODAY), overdue, in_parts, settles)
    # What the policy tolerates is still owed: a letter does not tell a borrower to pay that much less.
    return search.candidate(split) if split.later_minor > baseline.kernel.policy.dues.tolerance_minor else whole


# ------------------------------------------------------------------ facts that others confirm


def best_with_confirmations(search: CandidateSearch, plans: list[ActionPlan]) -> Candidate:
    """The best candidate that may also rest on facts that others confirm: an income proven, advice taken.

    Starts from the best of the plans. The policy's own kinds of events are tried, with values next to the constants
    that the policy compares them with; a value is kept where it leaves fewer triggers set, or a better score. The
    candidate may still not restore the line.
    """
    best = search.best(plans, lambda candidate: candidate.by_progress)
    for kind, most in provable_incomes(search):
        with_income = search.candidate(replace(best.actions, income_minor=most, income_kind=kind))
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


def provable_incomes(search: CandidateSearch) -> Iterator[tuple[int, int]]:
    """(number of the kind, most that can be proven a month) of each income that a rule looks at, in minor units.

    The borrower can prove what came in a month before; where none is known, no more than the line that was granted. For
    the policy as a whole: more than any rule will ask for. The search brings it down to the least that suffices.
    """
    baseline = search.baseline
    for kind in kinds_meaning(baseline.kernel.policy, Meaning.INCOME):
        amount = amount_field(kind)
        if kind.name in baseline.dependencies.kinds and amount is not None:
            if search.whole_policy:
                yield kind.number, min(100 * max(baseline.owed_minor, baseline.slot("GRANTED"), 1), MONEY_MAX // 100)
            else:
                yield kind.number, _own_most(baseline, kind, amount)


def _own_most(baseline: Baseline, kind: m.Kind, item: m.Field) -> int:
    """The most money of a kind that the borrower's own past shows in a month; else what was granted."""
    most = most_in_a_month(baseline.kernel, baseline.state, kind.name, item.name)
    return baseline.slot("GRANTED") if most is None else most


def _confirmable_kinds(search: CandidateSearch) -> Iterator[m.Kind]:
    """What a borrower can have confirmed, where nothing else helps; never help asked for, nor what the lender does.

    What a customer's other accounts come to is one of them: the borrower settles those as well. What ties an account to
    others is another: the borrower may no longer share it.
    """
    policy = search.baseline.kernel.policy
    others = (kind for kind in policy.kinds if is_derived(kind))
    for kind in (*kinds_meaning(policy, Meaning.NEUTRAL), *others):
        if kind.name in search.baseline.dependencies.kinds:
            yield kind


def _best_confirmation(search: CandidateSearch, start: Candidate, kind: m.Kind) -> Candidate:
    """The best candidate with one more event of that kind; monthly, or once where that does as well.

    Each field is tuned with the others as they stand. Two rounds, since the best value of a field may depend on a
    field that comes after it.
    """
    best, baseline = start, search.baseline
    values = {item.name: deciding_values(baseline.kernel.policy, kind, item) for item in kind.fields}
    for item in kind.fields:
        if item.unit == ex.MONEY and not search.whole_policy:
            most = _own_most(baseline, kind, item)
            values[item.name] = [value for value in values[item.name] if value <= most] or [0]
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
    if is_derived(kind):
        return [MISSING, 0]  # the other accounts stay as they are, or nothing is left there
    if item.choices:
        return list(range(len(item.choices)))
    if item.unit == "flag":
        return [0, 1]
    if item.unit == ex.TEXT:
        return [MISSING]  # a text that is on no list
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
