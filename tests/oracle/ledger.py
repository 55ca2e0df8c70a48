"""The account's facts, section 3 of the page: written out day by day from the whole list of events.

Nothing is carried from one arrival to the next: whenever an event arrives, a new ledger is written from the
first event to the last. Days are looked at one by one, so nothing needs to be foreseen.

>>> ledger = write([Dated(Event("o", "A", "open", 0, {"limit": 900}), 0, 0),
...                 Dated(Event("d", "A", "due", 0, {"amount": 100, "due_on": 3}), 0, 1)])
>>> ledger.begin_days(through=5)
>>> ledger.past_due, ledger.days_past_due
(100, 2)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.oracle.clock import day_of, month_of
from tests.oracle.nouns import DUES_KEPT, MONEY_MAX, Event
from tests.oracle.tree import BusinessDays, Dues


@dataclass(frozen=True, slots=True)
class Dated:
    """An event with its local hour (of all time) and its place in the order of arrival."""

    event: Event
    hour: int
    arrival: int

    @property
    def day(self) -> int:
        return day_of(self.hour)

    @property
    def month(self) -> int:
        return month_of(self.day)


def in_time_order(events: Iterable[Dated]) -> list[Dated]:
    """In order of `at`, then of arrival; an opening comes before the history that follows it."""
    return sorted(events, key=lambda dated: (dated.event.kind != "opening", dated.event.at, dated.arrival))


def at_most(amount: int) -> int:
    """Held to what a money or count may be: 10^15 either way."""
    return max(-MONEY_MAX, min(MONEY_MAX, amount))


@dataclass(slots=True)
class Due:
    """`still` are the days after its date that stood still and do not count."""

    due_on: int
    unpaid: int
    still: set[int] = field(default_factory=set)

    def age(self, today: int) -> int:
        """Days since its date, but for those that stood still; negative before it."""
        return today - self.due_on - sum(self.due_on < day <= today for day in self.still)

    def stands_at(self, today: int) -> int:
        """Its date, moved by the days that stood still: by that it is ordered among others."""
        return today - self.age(today)


def business_day(days: BusinessDays | None, day: int) -> int:
    """The day, or the next business day where it is none.

    >>> business_day(BusinessDays((5, 6), (4,), (9,)), 2), business_day(BusinessDays((5, 6), (4,), (9,)), 9)
    (5, 9)
    """
    while days is not None and day not in days.working:
        weekday = (date(1970, 1, 1) + timedelta(days=day)).weekday()
        if weekday not in days.weekend and day not in days.off:
            break
        day += 1
    return day


class Ledger:
    """Balance, dues, streak and lateness as of `today`. `late_days` are the n of the policy's late counts."""

    def __init__(
        self, first_day: int, late_days: Sequence[int] = (), terms: Dues | None = None, knows_relief: bool = False
    ) -> None:
        self.today = first_day
        self.knows_relief = knows_relief
        self.terms = terms or Dues()
        self.balance = 0
        self.stated_at = 0  # when an opening stated the account; what happened before is in what it states
        self.owed: int | None = None  # None: no event has said
        self.paid_ahead = 0
        self.relief: tuple[int, int] | None = None  # the latest moratorium, from its event on
        self.stood: set[int] = set()  # its days so far
        self.dues: list[Due] = []  # by due date, then in the order they joined
        self.reported_days = 0
        self.on_time_streak = 0
        self.late_days = late_days
        self.late_now: set[int] = set()  # the n at or above which days past due stood when last looked at
        self.rises: list[tuple[int, int]] = []  # (n, day): on that day days past due were first seen at n or more

    @property
    def past_due(self) -> int:
        late = sum(due.unpaid for due in self.dues if self._is_late(due))
        return late if self.owed is None else min(late, self.owed)

    @property
    def days_past_due(self) -> int:
        late = [due.age(self.today) for due in self.dues if self._is_late(due)]
        return max([self.reported_days, *(late if self.past_due > 0 else ())])

    def _is_late(self, due: Due) -> bool:
        """Whether a due, unpaid, is beyond its grace; were anything owed."""
        return due.age(self.today) > self.terms.grace_days

    @property
    def in_moratorium(self) -> bool:
        return self.relief is not None and self.relief[0] <= self.today <= self.relief[1]

    def _let_today_stand(self) -> None:
        """A day of a moratorium stands still for all dues."""
        if self.in_moratorium:
            self.stood.add(self.today)
            for due in self.dues:
                due.still.add(self.today)

    def begin_days(self, through: int) -> None:
        """The start of every day after today, one after another, up to and including `through`."""
        while self.today < through:
            self.today += 1
            self._let_today_stand()
            if self.past_due > 0:
                self.on_time_streak = 0
            self._look()

    def take(self, dated: Dated) -> None:
        """The days before the event begin; then the event has its effect."""
        self.begin_days(dated.day)
        fields = dated.event.fields
        if dated.event.at < self.stated_at:
            return  # history: what it did to the account, the opening has stated
        match dated.event.kind:
            case "opening":
                self._begin_as_stated(dated)
            case "draw" | "charge":
                self.balance = at_most(self.balance + int(fields["amount"]))
                if dated.event.kind == "draw" or self.owed is not None:
                    self.owed = max(self.balance, 0)
            case "balance":
                self.balance = at_most(int(fields["amount"]))
                self.owed = max(self.balance, 0)
                if self.owed == 0:
                    self.reported_days = 0
                self._bound_what_is_ahead()
            case "repay":
                self.balance = at_most(self.balance - int(fields["amount"]))
                self.owed = None if self.owed is None else max(self.balance, 0)
                self.paid_ahead = at_most(self.paid_ahead + self._settle(int(fields["amount"])))
                self._bound_what_is_ahead()
            case "due":
                self._join(business_day(self.terms.business_days, int(fields["due_on"])), int(fields["amount"]))
            case "moratorium" if self.knows_relief:
                self.relief = (max(int(fields["from"]), dated.day), int(fields["until"]))
                self.stood = {day for day in self.stood if day >= self.relief[0]}  # today, if it stood still already
                self._let_today_stand()
            case "delinquency":
                reported = int(fields["days"])
                self.reported_days = min(reported, self.reported_days) if self.in_moratorium else reported
                if reported == 0:
                    self.on_time_streak += 1
                elif not self.in_moratorium:
                    self.on_time_streak = 0
        self._look()

    def _begin_as_stated(self, dated: Dated) -> None:
        fields = dated.event.fields
        self.stated_at, self.balance = dated.event.at, int(fields["balance"])
        days, past_due = int(fields.get("days_past_due", 0)), int(fields.get("past_due", 0))
        self.owed = max(self.balance, 0)
        if past_due > self.terms.tolerance_minor:
            self.dues = [Due(dated.day - days, past_due)]
        if past_due == 0:
            self.reported_days = days

    def _join(self, due_on: int, amount: int) -> None:
        if amount <= self.terms.tolerance_minor:
            return
        due = Due(due_on, amount, set(self.stood))
        if self.terms.prepaid_settles and self.paid_ahead > 0:
            self.dues, before = [due], self.paid_ahead  # no other is unpaid
            self.paid_ahead = self._settle(before)
            if not self.dues:
                return
            self.dues = []
        if self._is_late(due) and self.owed != 0:
            self.on_time_streak = 0
        if len(self.dues) == DUES_KEPT:
            self.dues[-1].unpaid = at_most(self.dues[-1].unpaid + due.unpaid)
        else:
            self.dues = sorted([*self.dues, due], key=lambda one: one.stands_at(self.today))

    def _settle(self, amount: int) -> int:
        """Pays the dues from first to last; what is left."""
        for due in self.dues:
            paid = min(amount, due.unpaid)
            due.unpaid -= paid
            amount -= paid
            if due.unpaid <= self.terms.tolerance_minor and not self._is_late(due):
                self.on_time_streak += 1
        self.dues = [due for due in self.dues if due.unpaid > self.terms.tolerance_minor]
        return amount

    def _bound_what_is_ahead(self) -> None:
        """Who owes nothing has paid all that was borrowed: ahead is only what was paid beyond it."""
        if self.owed == 0:
            self.paid_ahead = min(self.paid_ahead, -self.balance)

    def _look(self) -> None:
        for days in self.late_days:
            if self.days_past_due < days:
                self.late_now.discard(days)
            elif days not in self.late_now:
                self.late_now.add(days)
                self.rises.append((days, self.today))


def write(
    events: Sequence[Dated], late_days: Sequence[int] = (), terms: Dues | None = None, knows_relief: bool = False
) -> Ledger:
    """The ledger after these events; the first of them is `open` or `opening`."""
    ordered = in_time_order(events)
    ledger = Ledger(ordered[0].day, late_days, terms, knows_relief)
    for dated in ordered:
        ledger.take(dated)
    return ledger
