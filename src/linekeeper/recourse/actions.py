"""What a borrower may do, as events: the few numbers of an `ActionPlan` become the dated events of a whole plan.

The borrower pays an amount today, the rest of what is overdue a month later, every bill on its date, and a monthly
amount where the lender sends statements; perhaps small loans are drawn and repaid on time. Bills, income, statements
and reports go on as the `Routine` says. A `Deviation` lets something go on that a plan leaves out, to see what happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from linekeeper.core.bounds import MISSING, MONEY_MAX
from linekeeper.evaluate.event_batch import EventRow
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.recourse.baseline import Baseline, statement_kind
from linekeeper.recourse.meaning import amount_field
from linekeeper.recourse.own_history import MONTH_DAYS
from linekeeper.recourse.rhythm import rhythm_of

# The order within a day is the order in which a lender would learn of it: what was confirmed and what came in, then
# the bill, then payments, then the statement and the report that show those payments.
CONFIRMED_HOUR, INCOME_HOUR, DRAW_HOUR, BILL_HOUR, PAY_HOUR = 9, 10, 10, 11, 12
BALANCE_HOUR, STATEMENT_HOUR, REPORT_HOUR = 19, 20, 21

MONTHLY_PAYMENTS_MAX = 120  # ten years, as far as a road back is looked for


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An event of one of the policy's own kinds that others confirm: monthly, or once today.

    `kind` is the number of the event kind, `x` its fields as the kernel reads them.
    """

    kind: int
    x: tuple[int, ...]
    monthly: bool


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """All that a borrower decides, in minor units.

    `today_minor` is paid today, arrears first; `later_minor` is what of the arrears is left for 30 days later.
    `monthly_minor` is paid on the first `months` days of the billing cycle; after them only what a statement needs.
    `income_minor` is the income of the kind of number `income_kind` that the borrower proves each month from today on;
    None: income goes on as before. On the day of each of the first `loans` bills from `loans_from` on, `loan_minor` is
    drawn, which that bill then asks for.
    """

    today_minor: int = 0
    later_minor: int = 0
    monthly_minor: int = 0
    months: int = MONTHLY_PAYMENTS_MAX
    income_minor: int | None = None
    income_kind: int | None = None
    confirmations: tuple[Confirmation, ...] = ()
    loans: int = 0
    loan_minor: int = 0
    loans_from: int = 0


@dataclass(frozen=True, slots=True)
class Deviation:
    """What goes on beside a plan though the plan leaves it out: it shows whether the plan rests on leaving it out.

    `draws` holds (day, minor units). `events` are of other kinds. `bill_minor`: bills of that size in place of the
    routine's. `without_income`: no income comes. `charge_minor`: so much is charged in each cycle, and not paid.
    `reported_days`: so many days past due are reported in each cycle.
    """

    draws: tuple[tuple[int, int], ...] = ()
    events: tuple[EventRow, ...] = ()
    bill_minor: int | None = None
    without_income: bool = False
    charge_minor: int = 0
    reported_days: int = 0


AS_PLANNED = Deviation()


def least_monthly(policy: m.Policy) -> int:
    """The smallest monthly payment of a plan, in minor units.

    It is 1 where there are statements: a statement that shows no payment is a missed payment. The 1 stands for the
    minimum that a future statement will ask for, which nobody knows yet.
    """
    return 1 if statement_kind(policy) else 0


def kernel_fields(kind: m.Kind, **known: int) -> tuple[int, ...]:
    """The fields of an event as the kernel reads them: what is known, else missing where allowed, else 0."""
    return tuple(known.get(item.name, MISSING if item.optional else 0) for item in kind.fields)


@dataclass
class RepaymentLedger:
    """What is owed and what is paid while a plan goes on, and the events that it made so far.

    `dues` holds [due_on, unpaid], oldest first. `unbilled_minor` is the part of the balance that no bill has asked for.
    """

    baseline: Baseline
    dues: list[list[int]]
    unbilled_minor: int
    bill_minor: int
    paid_minor: int = 0
    added_minor: int = 0
    rows: list[EventRow] = field(default_factory=list)

    @staticmethod
    def of(baseline: Baseline, bill_minor: int | None = None) -> RepaymentLedger:
        """The ledger on the day of asking; bills are of `bill_minor`, by default of the routine's."""
        dues = [list(due) for due in baseline.dues]
        unbilled_minor = max(baseline.balance_minor - sum(due[1] for due in dues), 0)
        return RepaymentLedger(baseline, dues, unbilled_minor, bill_minor or baseline.routine.bill_minor)

    @property
    def balance_minor(self) -> int:
        """The account's balance."""
        return self.baseline.balance_minor + self.added_minor - self.paid_minor

    def add(self, day: int, hour: int, kind_name: str, **fields: int) -> None:
        """Add one event of a kind to the plan."""
        kind = self.baseline.kernel.policy.kind(kind_name)
        self.rows.append(EventRow(*self.baseline.instant(day, hour), kind.number, kernel_fields(kind, **fields)))

    def pay(self, day: int, amount: int) -> None:
        """Repay an amount.

        It settles the oldest dues first, because the kernel counts a repayment so: money paid on the balance while
        something is overdue is money paid on the arrears.
        """
        amount = min(amount, MONEY_MAX)
        if amount <= 0:
            return
        self.add(day, PAY_HOUR, "repay", amount=amount)
        self.paid_minor += amount
        while self.dues and amount >= self.dues[0][1]:
            amount -= self.dues.pop(0)[1]
        if self.dues:
            self.dues[0][1] -= amount
        else:
            self.unbilled_minor = max(self.unbilled_minor - amount, 0)

    def draw(self, day: int, amount: int) -> None:
        """Draw an amount, which later bills ask for."""
        self.add(day, DRAW_HOUR, "draw", amount=amount)
        self.added_minor += amount
        self.unbilled_minor += amount

    def charge(self, day: int, amount: int) -> None:
        """The lender charges an amount that nobody pays."""
        self.add(day, DRAW_HOUR, "charge", amount=amount)
        self.added_minor += amount

    def report_balance(self, day: int) -> None:
        """The lender's core system says what is owed at the end of the day."""
        self.add(day, BALANCE_HOUR, "balance", amount=self.balance_minor)

    def pay_dues_of(self, day: int) -> None:
        """Pay what is left of the dues dated that day."""
        self.pay(day, sum(amount for due_on, amount in self.dues if due_on == day))

    def pay_balance(self, day: int, amount: int) -> None:
        """Pay an amount on the balance, at most all of it."""
        self.pay(day, min(amount, max(self.balance_minor, 0)))

    def bill(self, day: int, due_on: int) -> None:
        """The lender sends the next bill: as high as the last one, at most what no bill has asked for yet."""
        amount = min(self.bill_minor, self.unbilled_minor)
        if amount > 0:
            self.add(day, BILL_HOUR, "due", amount=amount, due_on=due_on)
            self.unbilled_minor -= amount
            self.dues.append([due_on, amount])


def kernel_rows(
    baseline: Baseline, actions: ActionPlan, until: int, deviation: Deviation = AS_PLANNED
) -> list[EventRow]:
    """The events of a plan from the day of asking up to day `until`, in order of time, as the kernel reads them."""
    bill_minor = deviation.bill_minor or baseline.routine.bill_minor
    ledger = RepaymentLedger.of(baseline, max(bill_minor, actions.loan_minor))
    agenda = [*_payments(ledger, actions), *_cycles(ledger, actions, until, deviation)]
    agenda += [(day, 0, partial(ledger.draw, day, amount)) for day, amount in deviation.draws]
    days = {day for day, _, _ in agenda}
    if baseline.routine.reports_balance:
        agenda += [(day, 4, partial(ledger.report_balance, day)) for day in sorted(days)]
    for day, _, act in sorted(agenda, key=lambda entry: entry[:2]):
        if day <= until:
            act()
    rows = ledger.rows + list(_confirmations(baseline, actions, until))
    rows += [] if deviation.without_income else _incomes(baseline, actions, until)
    rows += [row for row in deviation.events if row.hour // 24 <= until]
    return sorted(rows, key=lambda row: row.at)


AgendaEntry = tuple[int, int, Callable[[], None]]  # day, order within the day, what happens


def _payments(ledger: RepaymentLedger, actions: ActionPlan) -> Iterator[AgendaEntry]:
    """What is paid today and a month later, and the dues that wait."""
    day = ledger.baseline.day
    yield day, 0, partial(ledger.pay, day, actions.today_minor)
    if actions.later_minor:
        yield day + MONTH_DAYS, 0, partial(ledger.pay, day + MONTH_DAYS, actions.later_minor)
    for due_on in dict.fromkeys(due_on for due_on, _ in ledger.baseline.dues if due_on >= day):
        yield due_on, 2, partial(ledger.pay_dues_of, due_on)


def _cycles(ledger: RepaymentLedger, actions: ActionPlan, until: int, deviation: Deviation) -> Iterator[AgendaEntry]:
    """Bills, payments, statements and reports, cycle by cycle.

    Bills begin after the last due that waits already, so that no cycle is billed twice.
    """
    baseline, routine = ledger.baseline, ledger.baseline.routine
    statements = StatementSeries.of(ledger)
    least, loans = least_monthly(baseline.kernel.policy), actions.loans
    billed_until = max((due_on for due_on, _ in baseline.dues), default=baseline.day)
    for number, day in enumerate(routine.cycle.days(baseline.day + 1, until)):
        if routine.sends_dues and day > billed_until:
            billed_on = max(day - routine.lead_days, baseline.day)
            if loans and billed_on >= actions.loans_from:
                yield billed_on, 0, partial(ledger.draw, billed_on, actions.loan_minor)
                loans -= 1
            due_on = baseline.business_day(day)
            yield billed_on, 1, partial(ledger.bill, billed_on, due_on)
            yield due_on, 2, partial(ledger.pay_dues_of, due_on)
        amount = actions.monthly_minor if number < actions.months else min(actions.monthly_minor, least)
        yield day, 3, partial(ledger.pay_balance, day, amount)
        if deviation.charge_minor:
            yield day, 3, partial(ledger.charge, day, deviation.charge_minor)
        if statements:
            yield day, 4, partial(statements.issue, day)
        if routine.reports_delinquency:
            yield day, 5, partial(ledger.add, day, REPORT_HOUR, "delinquency", days=deviation.reported_days)


def _incomes(baseline: Baseline, actions: ActionPlan, until: int) -> Iterator[EventRow]:
    """The incomes that go on, and the one that the borrower proves in place of its own: from today on, by the month."""
    proven, policy = actions.income_kind, baseline.kernel.policy
    for stream in baseline.routine.incomes:
        if stream.kind.number != proven:
            for day in stream.rhythm.days(baseline.day + 1, until):
                yield _income_row(baseline, stream.kind, day, stream.amount_minor)
    if proven is not None and actions.income_minor is not None:
        for day in rhythm_of([baseline.day]).days(baseline.day, until):
            yield _income_row(baseline, policy.kinds[proven], day, actions.income_minor)


def _income_row(baseline: Baseline, kind: m.Kind, day: int, amount: int) -> EventRow:
    """An income that the policy's rules count: it has the fields that its selections of the kind ask for."""
    field = amount_field(kind)
    known = usual_fields(baseline, kind) | ({field.name: amount} if field else {})
    return EventRow(*baseline.instant(day, INCOME_HOUR), kind.number, kernel_fields(kind, **known))


def usual_fields(baseline: Baseline, kind: m.Kind) -> dict[str, int]:
    """What the fields of a kind are set to where a plan makes such an event: what the first filter on it asks for."""
    selects = (select for select in baseline.dependencies.selects if select.kind == kind.name and select.where)
    return next((fields_selected(select).fields for select in selects), {})


@dataclass(frozen=True, slots=True)
class Selected:
    """What an event needs to be selected: fields by name, and the local hour, where the filter asks for one."""

    fields: dict[str, int]
    hour: int | None = None

    @property
    def named(self) -> dict[str, int]:
        """The fields, and the hour by the name that no field has."""
        return self.fields if self.hour is None else {**self.fields, "hour": self.hour}


def fields_selected(select: ex.Select) -> Selected:
    """Fields, and an hour, by which an event meets a filter of comparisons that all have to hold.

    What another form of filter asks for is left open: an event made so may not be selected, and then changes nothing.
    """
    fields: dict[str, int] = {}
    hour = None
    items = select.where.items if isinstance(select.where, ex.And) else (select.where,)
    for item in items:
        match item:
            case ex.FieldRef(name):
                fields[name] = 1
            case ex.Compare(op, ex.FieldRef(name), ex.Literal(value)):
                fields[name] = value + {">": 1, "<": -1, "!=": 1}.get(op, 0)
            case ex.Compare(op, ex.HourOfDay(), ex.Literal(value)):
                hour = value + {">": 1, "<": -1, "!=": 1}.get(op, 0)
            case ex.In(ex.FieldRef(name), (value, *_)):
                fields[name] = value
            case ex.Or((ex.Compare(_, ex.HourOfDay(), ex.Literal(value)), *_)):
                hour = value % 24
    return Selected(fields, hour)


def _confirmations(baseline: Baseline, actions: ActionPlan, until: int) -> Iterator[EventRow]:
    """Events of the policy's own kinds that others confirm."""
    for confirmed in actions.confirmations:
        last_day = until if confirmed.monthly else baseline.day
        for day in rhythm_of([baseline.day]).days(baseline.day, last_day):
            yield EventRow(*baseline.instant(day, CONFIRMED_HOUR), confirmed.kind, confirmed.x)


# ------------------------------------------------------------------ statements


@dataclass
class StatementSeries:
    """Monthly statements of the policy's own kind that is a statement, made from what the plan pays.

    The fields of a statement that are known: `balance` (owed now), `previous` (owed at the statement before), `paid`
    (since the statement before), `minimum` (asked for by the statement before; the plan pays no less) and `standing`
    (one of the words unused, paid, revolving).
    """

    ledger: RepaymentLedger
    kind: m.Kind
    previous_minor: int
    paid_before_minor: int = 0

    @staticmethod
    def of(ledger: RepaymentLedger) -> StatementSeries | None:
        """The account's statements; None where the policy knows none."""
        baseline, kind = ledger.baseline, statement_kind(ledger.baseline.kernel.policy)
        if kind is None:
            return None
        slot = baseline.kernel.layout.lasts.get(ex.Last(ex.Select(kind.name), "balance", ex.MONEY))
        last_balance = baseline.state[slot + 1] if slot is not None else MISSING
        return StatementSeries(ledger, kind, baseline.balance_minor if last_balance == MISSING else last_balance)

    def issue(self, day: int) -> None:
        """Add the statement of one day to the plan."""
        balance, paid = self.ledger.balance_minor, self.ledger.paid_minor - self.paid_before_minor
        minimum = 0 if self.previous_minor <= 0 else min(self.previous_minor, max(paid, 1))
        known = {"balance": balance, "previous": self.previous_minor, "paid": paid, "minimum": minimum}
        standing = self._standing(balance, paid)
        for item in self.kind.fields:
            if item.name == "standing" and standing in item.choices:
                known["standing"] = item.choices.index(standing)
            if item.name == "balance" and not item.signed:
                known["balance"] = max(balance, 0)
        self.ledger.add(day, STATEMENT_HOUR, self.kind.name, **known)
        self.previous_minor, self.paid_before_minor = balance, self.ledger.paid_minor

    def _standing(self, balance: int, paid: int) -> str:
        if self.previous_minor <= 0 and balance <= 0:
            return "unused"
        return "paid" if paid >= self.previous_minor else "revolving"
