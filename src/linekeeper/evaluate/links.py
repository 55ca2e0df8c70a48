"""Links: what ties accounts on each day, and what each is to be given of those that it is tied to. Pure.

As with customers, what an account publishes depends on its own events alone, and so does what it says it shares. What
it is given at the start of a local day comes of both, as they stand by then: it is given as an event of the kind
`linked`, at the first instant of the day, where it is not what it was given before. From nothing given all is 0.

On a day an account is tied by a thing if its latest event of that thing, of an earlier day, is a `link` that is no
older than the tie lasts. Of the things of one tie the `THINGS_MAX` that it linked last count. One thing ties at most so
many accounts as its tie says: those that linked themselves to it first. So neither many things nor many accounts can
make a day's work of one event.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from linekeeper.core.bounds import MISSING
from linekeeper.evaluate.customers import (
    Aggregate,
    Given,
    KnownEvent,
    Publication,
    PublishedFacts,
    publication,
    standing_events,
    start_of,
)
from linekeeper.kernel.calendar import Calendar
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.prelude import NEVER
from linekeeper.policy.links import ANY_TIE, LINKED_FIELD, linked_fields
from linekeeper.policy.model import LINK, UNLINK, Links, Policy

THINGS_MAX = 10  # of one tie, by which an account is tied at a time

Thing = tuple[str, str]  # a tie, and the key of what is shared


class TieChange(NamedTuple):
    """An event by which an account says that it shares a thing, or no longer does."""

    at: int
    day: int
    is_on: bool


@dataclass(frozen=True)
class Tied:
    """What ties one account, by what is known of it: the changes of each thing in order of time."""

    links: Links
    changes: Mapping[Thing, Sequence[TieChange]]
    _known: dict[int, frozenset[Thing]] = field(default_factory=dict, repr=False)

    def on(self, day: int) -> frozenset[Thing]:
        """The things by which it is tied on a day."""
        if day not in self._known:
            self._known[day] = frozenset(self._on(day))
        return self._known[day]

    def _on(self, day: int) -> Iterator[Thing]:
        for tie in self.links.ties:
            latest = []
            for thing, changes in self.changes.items():
                if thing[0] != tie.name:
                    continue
                past = bisect_left(changes, day, key=lambda change: change.day)
                if past and changes[past - 1].is_on and day - changes[past - 1].day <= tie.fades_days:
                    latest.append((changes[past - 1].at, thing))
            yield from (thing for _, thing in sorted(latest, reverse=True)[:THINGS_MAX])

    def first_at(self, thing: Thing) -> int:
        """When (UTC ms) it first said that it shares the thing."""
        return next(change.at for change in self.changes[thing] if change.is_on)

    @cached_property
    def days(self) -> tuple[int, ...]:
        """The days on which it may be tied otherwise than on the day before."""
        fades = {tie.name: tie.fades_days for tie in self.links.ties}
        days = set()
        for (tie, _), changes in self.changes.items():
            for change in changes:
                days.add(change.day + 1)
                if change.is_on:
                    days.add(change.day + fades[tie] + 1)
        return tuple(sorted(days))


def tied_by(facts: Kernel, links: Links, events: Iterable[KnownEvent]) -> Tied:
    """What ties an account; `events` are in order of arrival.

    An event without a key ties nothing, nor one without consent where the tie needs it.
    """
    _, standing = standing_events(facts, events)
    numbers = {facts.policy.kind(LINK).number: True, facts.policy.kind(UNLINK).number: False}
    choices = facts.policy.kind(LINK).fields[0].choices
    needs_consent = {tie.name for tie in links.ties if tie.needs_consent}
    changes: dict[Thing, list[TieChange]] = {}
    for one in standing:
        is_on = numbers.get(one.row.kind)
        if is_on is None or not one.key or one.row.x[0] == MISSING:
            continue
        tie = choices[one.row.x[0]]
        if is_on and tie in needs_consent and one.row.x[1] != 1:
            continue
        changes.setdefault((tie, one.key), []).append(TieChange(one.row.at, one.row.hour // 24, is_on))
    return Tied(links, {thing: own for thing, own in changes.items() if any(change.is_on for change in own)})


class LinkedAggregate(NamedTuple):
    """How one field of the kind `linked` comes of what tied accounts publish: by which tie, and of what."""

    tie: str
    aggregate: Aggregate


def linked_aggregates(policy: Policy) -> tuple[LinkedAggregate, ...]:
    """What a policy reads of tied accounts, by the fields of its kind `linked`."""
    if policy.links is None:
        return ()
    facts, made = dict(policy.links.publish), []
    for one in linked_fields(policy):
        parts = LINKED_FIELD.fullmatch(one.name)
        assert parts is not None
        how, least = ("at_least", int(parts[4])) if parts[4] else (parts[3], 0)
        made.append(LinkedAggregate(parts[1], Aggregate(one.name, how, facts[parts[2]], least)))
    return tuple(made)


class LinkedAccount(NamedTuple):
    """One account by what is known of it: what it publishes up to a day, and what ties it."""

    account: str
    publication: Publication | None
    tied: Tied


def linked_account(facts: Kernel, links: Links, account: str, events: Sequence[KnownEvent], day: int) -> LinkedAccount:
    """The account with what it publishes up to the start of `day`."""
    return LinkedAccount(account, publication(facts, events, day), tied_by(facts, links, events))


@dataclass
class LinkedReader:
    """An account that is given what others publish: `neighbours` are all that ever shared a thing with it.

    `given` has (day, values) in order of day, of each day the latest. Days up to `fixed_until` stand as they are.
    """

    own: LinkedAccount
    neighbours: Sequence[LinkedAccount]
    reads: tuple[LinkedAggregate, ...]
    given: list[tuple[int, Given]] = field(default_factory=list)
    fixed_until: int = 0

    def values_on(self, day: int) -> Given:
        """What the accounts that it is tied to on a day come to, by what they published by its start."""
        tied = {tie: self._tied_to(tie, day) for tie in {one.tie for one in self.reads}}
        return tuple(one.aggregate.of(tied[one.tie]) for one in self.reads)

    def _tied_to(self, tie: str, day: int) -> list[PublishedFacts]:
        names = set()
        for thing in self.own.tied.on(day):
            if tie in (ANY_TIE, thing[0]):
                names |= self._members(thing, day)
        published = [one.publication.at(day) for one in self.neighbours if one.account in names and one.publication]
        return [values for values in published if values is not None]

    def _members(self, thing: Thing, day: int) -> set[str]:
        """The accounts that a thing ties on a day; none where this account is not among them."""
        at_most = next(tie.at_most for tie in self.own.tied.links.ties if tie.name == thing[0])
        ordered = sorted(
            (one.tied.first_at(thing), one.account)
            for one in (self.own, *self.neighbours)
            if thing in one.tied.on(day) and one.publication is not None and one.publication.at(day) is not None
        )
        names = {account for _, account in ordered[:at_most]}
        return names if self.own.account in names else set()

    def due(self, calendar: Calendar, until_day: int) -> list[tuple[int, Given]]:
        """What it is still to be given up to the start of `until_day`, so that each day has what is known now."""
        if self.own.publication is None or not self.reads:
            return []
        first = max(self.own.publication.opened, self.fixed_until) + 1
        before = [values for day, values in self.given if day < first]
        current = before[-1] if before else (0,) * len(self.reads)
        given = {day: values for day, values in self.given if first <= day <= until_day}
        days = {day for day in self._changes() if first < day <= until_day}
        days |= {*given, *([first] if first <= until_day else ())}
        due = []
        for day in sorted({start_of(calendar, day)[1] for day in days}):
            current = given.get(day, current)
            wanted = self.values_on(day)
            if wanted != current:
                due.append((day, wanted))
                current = wanted
        return due

    def _changes(self) -> Iterator[int]:
        """The days on which what it is given may be otherwise."""
        for one in (self.own, *self.neighbours):
            yield from one.tied.days
            if one.publication is not None:
                yield from one.publication.days

    def next_day(self, until_day: int) -> int:
        """The first day after `until_day` on which it may have to be given something."""
        if not self.neighbours or not self.reads:
            return NEVER
        days = [NEVER]
        for one in (self.own, *self.neighbours):
            later = bisect_right(one.tied.days, until_day)
            days += one.tied.days[later : later + 1]
            days.append(until_day + 1 if one.publication is None else one.publication.next_day)
        return min(days)
