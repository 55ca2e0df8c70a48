"""Customers: what each account publishes, and what the other accounts of its customer are to be given of it. Pure.

What an account publishes depends on its own events alone, so it is computed account by account, from the facts in order
of time. What an account is given at the start of a local day is what its siblings, the other accounts of its customer,
have published by then: their events of earlier days. It is given as an event of the kind `customer`, at the first
instant of the day, and only where it is not what the account was given before. From nothing given all is 0.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.core.dates import date_of
from linekeeper.core.event import Event
from linekeeper.evaluate.event_batch import EventRow, time_of
from linekeeper.evaluate.late_events import REVERSAL, lasts
from linekeeper.kernel.arrears import arrears_of
from linekeeper.kernel.calendar import Calendar
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.kernel.prelude import NEVER
from linekeeper.policy.customers import aggregates_of
from linekeeper.policy.kinds import OPENING_KINDS
from linekeeper.policy.model import CUSTOMER, Policy

_FIELD = re.compile(r"(.+)_(sum|max|at_least_(\d+))")

Given = tuple[int, ...]  # what an account is given: a number for each field of the kind `customer`


class PublishedFacts(NamedTuple):
    """What an account publishes at the start of a day: the facts that a policy may name, none below 0."""

    balance: int
    past_due: int
    days_past_due: int


class KnownEvent(NamedTuple):
    """One event of an account: its arrival number, the event, and for a reversal the number of what it names.

    `key`: of an event that ties or unties the account, what it shares.
    """

    number: int
    row: EventRow
    reverses: int | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """What one account published so far: `values[i]` from day `days[i]` on; nothing before.

    It opened on day `opened`. `next_day` is the first day after all that was computed on which it may be otherwise.
    """

    opened: int
    days: list[int]
    values: list[PublishedFacts]
    next_day: int

    def at(self, day: int) -> PublishedFacts | None:
        """What it had published by the start of that day."""
        place = bisect_right(self.days, day)
        return self.values[place - 1] if place else None


def facts_kernel(kernel: Kernel) -> Kernel:
    """The kernel of the facts alone that all accounts under a policy have: quick to make and to run."""
    policy, none = kernel.policy, ()
    bare = Policy(
        policy.name, 1, policy.currency, policy.exponent, policy.time_zone, policy.kinds, none, none, dues=policy.dues
    )
    return kernel_of(bare, kernel.edition, kernel.offsets)


# ------------------------------------------------------------------ what one account publishes


def publication(facts: Kernel, events: Iterable[KnownEvent], until_day: int) -> Publication | None:
    """What an account publishes up to the start of `until_day`; None where it does not open before that day.

    `facts` is a kernel of facts; `events` are in order of arrival. An event that the account refuses counts for
    nothing.
    """
    opening, known = standing_events(facts, events)
    standing = [one.row for one in known]
    if opening is None or opening.hour // 24 >= until_day:
        return None
    run, slots = facts.interpreted, facts.layout.slots
    state, day = facts.new_state(), opening.hour // 24
    made = Publication(day, [], [], NEVER)
    run.begin(state, opening.hour)
    state[slots["OPEN_AT"]] = opening.at
    for row in standing:
        if row.hour // 24 >= until_day:
            break
        if row.hour // 24 > day:
            _publish(facts, state, made, day + 1, row.hour // 24)
            day = row.hour // 24
        run.replay_facts(state, row.at, row.hour, row.kind, row.x)
    following = _publish(facts, state, made, day + 1, until_day)
    if standing[-1].hour // 24 >= until_day:  # what happened on the last day is published on the next
        following = until_day + 1
    return replace(made, next_day=following)


def standing_events(facts: Kernel, events: Iterable[KnownEvent]) -> tuple[EventRow | None, list[KnownEvent]]:
    """The opening of an account, and its events from there on that were not reversed, in order of time."""
    opening: EventRow | None = None
    known: dict[int, KnownEvent] = {}
    kept: set[int] = set()
    for one in events:
        number, row = one.number, one.row
        kind = facts.policy.kind_name(row.kind)
        if kind in OPENING_KINDS:
            if opening is None:
                opening, known[number] = row, one
                kept.add(number)
            continue
        if opening is None or row.at < opening.at:  # not open yet, or history, which moves no arithmetic
            continue
        if kind != REVERSAL:
            known[number] = one
            kept.add(number)
        elif one.reverses in kept and not lasts(facts.policy, known[one.reverses].row.kind):
            kept.discard(one.reverses)
    order = sorted(kept, key=lambda number: (time_of(known[number].row), number))
    return opening, [known[number] for number in order]


def _publish(facts: Kernel, state: list[int], made: Publication, first: int, last: int) -> int:
    """Add what is published from day `first` to day `last`, where it changes; the first later day on which it may."""
    day = first
    while day <= last:
        values, following = _values_of(facts, state, day)
        if not made.values or values != made.values[-1]:
            made.days.append(day)
            made.values.append(values)
        day = following
    return day


def _values_of(facts: Kernel, state: list[int], day: int) -> tuple[PublishedFacts, int]:
    """What a state publishes at the start of a day, and the first later day on which time alone may change it."""
    arrears = arrears_of(facts, state, day)
    balance = max(state[facts.layout.slots["BALANCE"]], 0)
    values = PublishedFacts(balance, arrears.past_due_minor, arrears.days_past_due)
    if arrears.oldest_due_on is not None:
        return values, day + 1
    grace = facts.policy.dues.grace_days
    return values, min((due_on + grace + 1 for due_on, _ in arrears.dues), default=NEVER)


# ------------------------------------------------------------------ what an account is given


@dataclass(frozen=True, slots=True)
class Aggregate:
    """How one field of the kind `customer` comes of what the siblings publish."""

    name: str
    how: str  # sum, max, or at_least
    fact: str
    least: int = 0

    def of(self, published: Sequence[PublishedFacts]) -> int:
        """Its value; nothing published is 0."""
        values = [int(getattr(one, self.fact)) for one in published]
        if self.how == "at_least":
            return sum(value >= self.least for value in values)
        return min(sum(values), MONEY_MAX) if self.how == "sum" else max(values, default=0)


def aggregates(policy: Policy) -> tuple[Aggregate, ...]:
    """What a policy reads of the other accounts, by the fields of its kind `customer`."""
    if policy.customer is None:
        return ()
    facts, made = dict(policy.customer.publish), []
    for one in aggregates_of(policy):
        parts = _FIELD.fullmatch(one.name)
        assert parts is not None
        how, least = ("at_least", int(parts[3])) if parts[3] else (parts[2], 0)
        made.append(Aggregate(one.name, how, facts[parts[1]], least))
    return tuple(made)


@dataclass
class Member:
    """One account of a customer: what it publishes, what it reads, and what it was given so far.

    `given` has (day, values) in order of day, of each day the latest. Days up to `fixed_until` stand as they are.
    """

    account: str
    publication: Publication | None
    reads: tuple[Aggregate, ...]
    given: list[tuple[int, Given]] = field(default_factory=list)
    fixed_until: int = 0


def due_to(calendar: Calendar, member: Member, siblings: Sequence[Member], until_day: int) -> list[tuple[int, Given]]:
    """What the account is still to be given up to the start of `until_day`, so that each day has what is known now."""
    own = member.publication
    if own is None or not member.reads:
        return []
    first = max(own.opened, member.fixed_until) + 1
    others = [one.publication for one in siblings if one is not member and one.publication is not None]
    before = [values for day, values in member.given if day < first]
    current = before[-1] if before else (0,) * len(member.reads)
    given = {day: values for day, values in member.given if first <= day <= until_day}
    days = {day for other in others for day in other.days if first < day <= until_day}
    due = []
    days |= {*given, *([first] if first <= until_day else ())}
    for day in sorted({start_of(calendar, day)[1] for day in days}):
        current = given.get(day, current)
        published = [values for other in others if (values := other.at(day)) is not None]
        wanted = tuple(aggregate.of(published) for aggregate in member.reads)
        if wanted != current:
            due.append((day, wanted))
            current = wanted
    return due


def derived_events(
    calendar: Calendar,
    member: Member,
    due: Sequence[tuple[int, Given]],
    made_before: Mapping[int, int],
    kind: str = CUSTOMER,
) -> Iterator[Event]:
    """What is due to an account as events of a kind. `made_before` counts those that it had before, by day."""
    for day, values in due:
        again = f":{made_before[day] + 1}" if made_before.get(day) else ""
        fields = {aggregate.name: value for aggregate, value in zip(member.reads, values, strict=True)}
        name = f"{kind}:{member.account}:{date_of(day)}{again}"
        yield Event(name, member.account, kind, start_of(calendar, day)[0], fields)


@lru_cache(maxsize=1 << 16)
def start_of(calendar: Calendar, day: int) -> tuple[int, int]:
    """The first instant (UTC ms) of a local day, and the local day of that: the next where a zone leaves it out."""
    at = calendar.day_start(day)
    return at, calendar.day(at)
