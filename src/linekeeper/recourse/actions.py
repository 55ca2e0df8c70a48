"""What a borrower may do, as events: a few numbers (`ActionPlan`) become the dated events of a whole plan.

The borrower pays: an amount today, the rest of what is overdue a month later, every bill on its date, a monthly
amount where the lender sends statements. Bills, income, statements and reports go on as `Routine` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from linekeeper.core.bounds import MISSING, MONEY_MAX
from linekeeper.evaluate.late_events import Row
from linekeeper.policy import model as m
from linekeeper.recourse.baseline import MONTH_DAYS, Baseline, income_kind, monthly, statement_kind

REPORT_HOUR, INCOME_HOUR, BILL_HOUR, PAY_HOUR, STATEMENT_HOUR, CURRENT_HOUR = 9, 10, 11, 12, 20, 21


MONTHS_MAX = 120


@dataclass(frozen=True, slots=True)
class Report:
    """An event of one of the policy's own kinds that others confirm; monthly, or once today."""

    kind: int
    x: tuple[int, ...]
    monthly: bool


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """All that a borrower decides. `today_minor` includes what is overdue; what of it is left out is `later_minor`.

    `monthly_minor` is paid on the first `months` days of the cycle; after them only what a statement needs.
    """

    today_minor: int = 0
    later_minor: int = 0
    monthly_minor: int = 0
    months: int = MONTHS_MAX
    income_minor: int | None = None  # a month, from today on; None: as before
    reports: tuple[Report, ...] = ()


def least_monthly(policy: m.Policy) -> int:
    """The smallest monthly payment: where there are statements not nothing, for that is a missed payment."""
    return 1 if statement_kind(policy) else 0


def fill(kind: m.Kind, **known: int) -> tuple[int, ...]:
    """The kernel's fields of an event: those known, else missing where they may be, else 0."""
    return tuple(known.get(item.name, MISSING if item.optional else 0) for item in kind.fields)


@dataclass
class RepaymentLedger:
    """What is owed and paid as a plan goes on. `rest` is what no bill has asked for yet."""

    baseline: Baseline
    queue: list[list[int]]
    rest: int
    paid: int = 0
    rows: list[Row] = field(default_factory=list)

    @staticmethod
    def of(baseline: Baseline) -> RepaymentLedger:
        """The purse on the day of asking."""
        queue = [list(due) for due in baseline.dues]
        return RepaymentLedger(baseline, queue, max(baseline.balance - sum(due[1] for due in queue), 0))

    @property
    def balance(self) -> int:
        """The account's balance."""
        return self.baseline.balance - self.paid

    def add(self, day: int, hour: int, kind: str, **fields: int) -> None:
        """One event of a kind."""
        found = self.baseline.kernel.policy.kind(kind)
        self.rows.append(Row(*self.baseline.when(day, hour), found.number, fill(found, **fields)))

    def pay(self, day: int, amount: int) -> None:
        """A repayment; it settles the oldest dues first, as the kernel does."""
        amount = min(amount, MONEY_MAX)
        if amount <= 0:
            return
        self.add(day, PAY_HOUR, "repay", amount=amount)
        self.paid += amount
        while self.queue and amount >= self.queue[0][1]:
            amount -= self.queue.pop(0)[1]
        if self.queue:
            self.queue[0][1] -= amount
        else:
            self.rest = max(self.rest - amount, 0)

    def pay_dues_of(self, day: int) -> None:
        """Pay what is left of the dues dated that day."""
        self.pay(day, sum(amount for due_on, amount in self.queue if due_on == day))

    def pay_monthly(self, day: int, amount: int) -> None:
        """A payment on the balance, at most all of it."""
        self.pay(day, min(amount, max(self.balance, 0)))

    def bill(self, day: int, due_on: int) -> None:
        """The next bill, at most as high as the last one and as what is owed."""
        amount = min(self.baseline.habits.bill_minor, self.rest)
        if amount > 0:
            self.add(day, BILL_HOUR, "due", amount=amount, due_on=due_on)
            self.rest -= amount
            self.queue.append([due_on, amount])


def kernel_rows(baseline: Baseline, effort: ActionPlan, until: int) -> list[Row]:
    """The events of the plan from the day of asking up to `until`, in order of time."""
    purse = RepaymentLedger.of(baseline)
    agenda = [*_payments(purse, effort), *_cycles(purse, effort, until)]
    for day, _, act in sorted(agenda, key=lambda item: item[:2]):
        if day <= until:
            act()
    rows = purse.rows + list(_others(baseline, effort, until))
    return sorted(rows, key=lambda row: row.at)


Act = tuple[int, int, Callable[[], None]]  # day, order within the day, what happens


def _payments(purse: RepaymentLedger, effort: ActionPlan) -> Iterator[Act]:
    """What is paid today and a month later, and the dues that wait."""
    day = purse.baseline.day
    yield day, 0, partial(purse.pay, day, effort.today_minor)
    yield day + MONTH_DAYS, 0, partial(purse.pay, day + MONTH_DAYS, effort.later_minor)
    for due_on in dict.fromkeys(due_on for due_on, _ in purse.baseline.dues if due_on >= day):
        yield due_on, 2, partial(purse.pay_dues_of, due_on)


def _cycles(purse: RepaymentLedger, effort: ActionPlan, until: int) -> Iterator[Act]:
    """Bills, monthly payments, statements and reports, month by month."""
    baseline, habits = purse.baseline, purse.baseline.habits
    statements = Statements.of(purse)
    least = least_monthly(baseline.kernel.policy)
    billed = max((due_on for due_on, _ in baseline.dues), default=baseline.day)
    for number, day in enumerate(monthly(habits.cycle_anchor, baseline.day + 1, until)):
        if habits.bills and day > billed:
            billed_on = max(day - habits.lead_days, baseline.day)
            yield billed_on, 1, partial(purse.bill, billed_on, day)
            yield day, 2, partial(purse.pay_dues_of, day)
        each = effort.monthly_minor if number < effort.months else min(effort.monthly_minor, least)
        yield day, 3, partial(purse.pay_monthly, day, each)
        if statements:
            yield day, 4, partial(statements.show, day)
        if habits.reports:
            yield day, 5, partial(purse.add, day, CURRENT_HOUR, "delinquency", days=0)


def _others(baseline: Baseline, effort: ActionPlan, until: int) -> Iterator[Row]:
    """Income and reports of the policy's own kinds."""
    kind = income_kind(baseline.kernel.policy)
    if kind is not None and effort.income_minor is not None:
        for day in range(baseline.day, until + 1, MONTH_DAYS):
            yield Row(*baseline.when(day, INCOME_HOUR), kind.number, fill(kind, amount=effort.income_minor))
    elif kind is not None and baseline.habits.income_minor is not None:
        for day in monthly(baseline.habits.income_anchor, baseline.day + 1, until):
            yield Row(*baseline.when(day, INCOME_HOUR), kind.number, fill(kind, amount=baseline.habits.income_minor))
    for report in effort.reports:
        for day in range(baseline.day, (until if report.monthly else baseline.day) + 1, MONTH_DAYS):
            yield Row(*baseline.when(day, REPORT_HOUR), report.kind, report.x)


# ------------------------------------------------------------------ statements


@dataclass
class Statements:
    """Monthly statements of the policy's own kind `statement`, made from what the plan pays.

    Known fields: `balance` (owed now), `previous` (owed at the statement before), `paid` (since then), `minimum`
    (asked for before: the plan pays no less) and `standing` (a word of unused, paid, revolving, behind).
    """

    purse: RepaymentLedger
    kind: m.Kind
    previous: int
    paid: int = 0

    @staticmethod
    def of(purse: RepaymentLedger) -> Statements | None:
        """The account's statements; None where the policy knows none."""
        baseline, kind = purse.baseline, statement_kind(purse.baseline.kernel.policy)
        if kind is None:
            return None
        slot = baseline.kernel.layout.lasts.get(m.Last(m.Select("statement"), "balance"))
        shown = baseline.state[slot + 1] if slot is not None else MISSING
        return Statements(purse, kind, baseline.balance if shown == MISSING else shown)

    def show(self, day: int) -> None:
        """The statement of one day."""
        balance, paid = self.purse.balance, self.purse.paid - self.paid
        minimum = 0 if self.previous <= 0 else min(self.previous, max(paid, 1))
        known = {"balance": balance, "previous": self.previous, "paid": paid, "minimum": minimum}
        word = self._standing(balance, paid)
        for item in self.kind.fields:
            if item.name == "standing" and word in item.choices:
                known["standing"] = item.choices.index(word)
            if item.name == "balance" and not item.signed:
                known["balance"] = max(balance, 0)
        self.purse.add(day, STATEMENT_HOUR, "statement", **known)
        self.previous, self.paid = balance, self.purse.paid

    def _standing(self, balance: int, paid: int) -> str:
        if self.previous <= 0 and balance <= 0:
            return "unused"
        return "paid" if paid >= self.previous else "revolving"
