"""Policies for lenders and lives of borrowers, told the way systems tell them: late, twice, and sometimes wrongly.

A life is a list of `Told`: an event, and when it arrives. Repayments arrive days after they were made, bounce and are
reversed; dues are billed in error and taken back; feeds are sent again. All chance comes from the `Random` handed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from linekeeper.core.event import Event
from linekeeper.policy.model import Policy
from tests.oracle.clock import DAY_MS, HOUR_MS, Clock, clock, date_day

FIRST_DAY = date_day(2024, 1, 10)
ZONES = ("Asia/Shanghai", "America/New_York", "UTC")


class Told(NamedTuple):
    """An event, and when it arrives (UTC ms)."""

    arrives: int
    event: Event


def lender(rng: Random) -> str:
    """A policy on lateness, use and past restrictions, as the text of its file."""
    hold, every = rng.choice((0, 5, 20, 60)), rng.choice(("5d", "15d", "30d"))
    clear = rng.choice(("", "clear: on_time_streak >= 1, ", "clear: past_due = 0 CNY, "))
    expires = rng.choice(("", "", "expires: 45d, "))
    while_ = rng.choice(("", ", while: days_past_due = 0"))
    triggers = [
        f"  overdue: {{when: past_due > 0 CNY, {clear}cap: {rng.choice((60, 80))}%, hold: {hold}d, reason: arrears}}",
        f"  arrears: {{when: days_past_due >= {rng.choice((5, 20))}, {clear}{expires}suspend: yes, "
        f"cap: {rng.choice((30, 50))}%, hold: {rng.choice((0, 10, 40))}d, reason: arrears}}",
        f"  often: {{when: 'late_count({rng.choice((1, 10))}, 6m) >= 2', cap: 70%, reason: arrears}}",
        f"  deep: {{when: utilisation >= {rng.choice((7, 9))}0%, hold: {rng.choice((0, 15))}d, cap: 90%, reason: use}}",
        f"  again: {{when: 'restrictions(90d) >= {rng.choice((2, 4))}', cap: 40%, reason: arrears}}",
        "  lost: {when: days_past_due >= 60, close: yes, reason: arrears}",
        "  bounced: {when: 'count(reversal, 30d) >= 2', cap: 95%, reason: use}",
    ]
    kept = [triggers[0], *rng.sample(triggers[1:], rng.randint(2, 5))]
    offer = "offer: {when: 'on_time_streak >= 2', increase: 20%, up_to: 50000 CNY, every: 40d, valid: 30d}"
    return "\n".join(
        [
            f"policy: lender-{rng.randrange(10**6)}",
            f"version: 1\ncurrency: CNY\ntime_zone: {rng.choice(ZONES)}\ntriggers:",
            *kept,
            f"restoration: {{first: {rng.choice((0, 40))}%, step: {rng.choice((20, 40))}%, every: {every}{while_}}}",
            *([offer] if rng.random() < 0.4 else []),
            "",
        ]
    )


@dataclass
class Borrower:
    """One life in the making, month by month."""

    policy: Policy
    account: str
    rng: Random
    clock: Clock
    made: list[Told] = field(default_factory=list)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def tell(self, kind: str, day: int, delay_days: int = 0, **fields: int | str) -> Event:
        """Something happens at some hour of the day and arrives `delay_days` later; now and then it is sent again."""
        at = self.clock.start_of_hour(24 * day + self.rng.randrange(24)) + self.rng.choice((0, 0, 1, HOUR_MS - 1))
        event = Event(f"{self.account}-{len(self.made)}", self.account, kind, at, fields)
        self.made.append(Told(at + delay_days * DAY_MS + (self.rng.randrange(DAY_MS) if delay_days else 0), event))
        if self.chance(0.06):
            self.made.append(Told(self.made[-1].arrives + self.rng.randrange(20 * DAY_MS), event))
        return event

    def reverse(self, event: Event, day: int) -> None:
        """It did not happen; of a few reversals there is a second one, which is refused."""
        for _ in range(2 if self.chance(0.1) else 1):
            self.tell("reversal", day, self.rng.choice((0, 0, 0, 3)), of=event.id)

    def live(self, months: int) -> list[Told]:
        """The whole life, in order of arrival."""
        day = FIRST_DAY + self.rng.randrange(20)
        opened = self.clock.start_of_hour(24 * day)
        self.made.append(
            Told(opened, Event(f"{self.account}-open", self.account, "open", opened, {"limit": 1_000_000}))
        )
        for _ in range(months):
            self.month(day)
            day += self.rng.choice((28, 30, 31))
        return sorted(self.made, key=lambda told: told.arrives)

    def month(self, day: int) -> None:
        """A draw, a due, and what the borrower and the systems make of it."""
        rng = self.rng
        if self.chance(0.6):
            self.tell("draw", day + rng.randrange(10), self.late(), amount=rng.choice((50_000, 400_000, 900_000)))
        amount, due_on = rng.choice((10_000, 30_000)), day + 20
        due = self.tell("due", day + 1, self.late(), amount=amount, due_on=due_on)
        fate = rng.randrange(10)
        if fate < 5:
            self.pay(due_on - rng.randrange(8), amount)
        elif fate < 7:
            self.pay(due_on + rng.choice((1, 4, 12, 30)), amount)
        elif fate < 9:
            self.reverse(due, due_on + rng.choice((-3, 2, 15, 40)))
        if self.chance(0.1):
            self.tell("delinquency", due_on + 5, self.late(), days=rng.choice((0, 3, 30)))
            self.tell("delinquency", due_on + 25, days=0)
        if self.chance(0.1):
            self.tell("override", due_on, trigger="overdue", until=due_on + rng.choice((5, 40)))
        if self.chance(0.3):
            self.tell("consent", due_on + 5, offer=rng.randint(1, 3))
        if self.chance(0.1):
            self.reverse(rng.choice(self.made).event, day + 25)

    def pay(self, day: int, amount: int) -> None:
        """A repayment, often told late; of some, word comes later that they bounced."""
        payment = self.tell("repay", day, self.rng.choice((0, 0, 0, 2, 9, 25, 50)), amount=amount)
        if self.chance(0.15):
            self.reverse(payment, day + self.rng.choice((2, 5, 60)))

    def late(self) -> int:
        """Days until it is told: mostly none."""
        return self.rng.choice((0, 0, 0, 0, 0, 3, 20))


def lives(policy: Policy, seed: int, count: int) -> Iterator[list[Told]]:
    """That many borrowers' lives, `A0`, `A1`, ..."""
    for number in range(count):
        rng = Random(f"life {seed} {number}")
        yield Borrower(policy, f"A{number}", rng, clock(policy.time_zone)).live(rng.randint(2, 6))
