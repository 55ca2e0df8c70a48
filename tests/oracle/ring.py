"""Writes policies that read of tied accounts, and works out by itself what each account is given.

Each morning all is looked at anew, from the whole list of events of earlier days: what each account shares, who shares
it with him, and what they come to. An account is given that where it is not what it was given before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

from tests.oracle import tree as t
from tests.oracle.clock import clock, day_of
from tests.oracle.family import PUBLISHED
from tests.oracle.ledger import Dated, write
from tests.oracle.nouns import MONEY_MAX, Event
from tests.oracle.phrases import Said
from tests.oracle.policies import Writer, Written

THINGS_MAX = 10  # of one tie, at a time (section 13)


class RingWriter(Writer):
    """One policy in the making."""

    publish: dict[str, str]
    ties: tuple[t.Tie, ...]
    given: dict[str, t.Field]

    def head(self) -> Iterator[str]:
        yield from super().head()
        names = self.rng.sample(list(PUBLISHED), self.rng.choice((1, 2, 3)))
        self.publish, self.given = {name: PUBLISHED[name] for name in names}, {}
        self.ties = tuple(
            t.Tie(name, "credit", self.chance(0.3), self.rng.choice((2, 3, 20)), self.rng.choice((5, 30, 180)))
            for name in self.rng.sample(("device", "contact", "guarantor", "employer"), self.rng.choice((1, 2)))
        )
        listed = ", ".join(f"{name}: {fact}" for name, fact in self.publish.items())
        yield "links:"
        yield f"  publish: {{{listed}}}"
        yield "  ties:"
        for tie in self.ties:
            needs = ", needs: consent" if tie.needs_consent else ""
            yield f"    {tie.name}: {{purpose: credit{needs}, at_most: {tie.at_most}, fades: {tie.fades_days}d}}"

    def atom(self, unit: str) -> Said:
        """What tied accounts come to, now and then."""
        names = [name for name, fact in self.publish.items() if unit in (t.FACTS[fact], "count")]
        if not names or not self.chance(0.4):
            return super().atom(unit)
        name = self.rng.choice(names)
        fact, how, least, text = self.publish[name], "max", 0, name
        if unit == "count":
            money = t.FACTS[fact] == "money"
            how, least = "count", self.rng.choice(self.ladder) if money else self.rng.choice((1, 3, 30))
            text = f"{name} >= {self.money(least).text if money else least}"
        elif unit == "money" and self.chance(0.6):
            how = "sum"
        tie = self.rng.choice(("any", *(one.name for one in self.ties)))
        measure = t.OfLinked(how, name, fact, tie, least)
        self.given.setdefault(measure.field, t.Field(measure.field, unit, optional=True))
        text = f"links.{how}({text})" if tie == "any" else f'links.{how}({text}, kind = "{tie}")'
        return Said(text, t.Inline(text, measure))


def write_ring(rng: Random) -> Written:
    """A whole policy that reads of tied accounts.

    >>> write_ring(Random(7)) == write_ring(Random(7))
    True
    """
    while True:
        writer = RingWriter(rng)
        text = "\n".join([*writer.head(), *writer.body()]) + "\n"
        built_in = t.built_in_kinds(one.name for one in writer.trigger_trees)
        tied = t.with_links(built_in, (tie.name for tie in writer.ties), tuple(writer.given.values()))
        kinds = t.with_own_kinds(tied, writer.own_kinds)
        fields = [one for kind in kinds for one in kind.fields]
        if not {one.name for one in fields if one.choices} & {one.name for one in fields if not one.choices}:
            break  # a table of events has one column for all fields of a name, of words or of numbers
    return Written(
        text, replace(writer.policy, kinds=kinds, tied_publish=tuple(writer.publish.items()), ties=writer.ties)
    )


def linked(policy: t.Policy, accounts: Mapping[str, Sequence[Event]], until_day: int) -> dict[str, list[Event]]:
    """The events of each account with what it is given, up to the start of a day. All come in order of time."""
    here = clock(policy.time_zone)
    dated = {
        name: [Dated(event, here.hour(event.at), place) for place, event in enumerate(events)]
        for name, events in accounts.items()
    }
    first = min(one.day for events in dated.values() for one in events)
    wanted = sorted(set(_measures(policy)), key=lambda measure: measure.field)
    out, before = {name: list(events) for name, events in accounts.items()}, dict[str, dict[str, int]]()
    for day in range(first, until_day + 1):
        if day_of(here.hour(here.start_of_hour(24 * day))) != day:
            continue
        lives = {name: _lived(events, day) for name, events in dated.items()}
        lives = {name: events for name, events in lives.items() if events}
        values = {name: _published(policy, events, day) for name, events in lives.items()}
        shared = {name: _shared(policy, events, day) for name, events in lives.items()}
        for name in lives:
            fields = {
                one.field: _come_to(one, _tied_to(policy, name, one.tie, lives, shared), values) for one in wanted
            }
            if fields == before.get(name, dict.fromkeys(fields, 0)):
                continue
            before[name] = fields
            out[name].append(Event(f"given {name} {day}", name, "linked", here.start_of_hour(24 * day), fields))
    return {name: sorted(events, key=lambda one: (one.at, one.kind != "linked")) for name, events in out.items()}


def _measures(policy: t.Policy) -> Iterator[t.OfLinked]:
    for value in policy.in_place.values():
        if isinstance(value.expr, t.OfLinked):
            yield value.expr


def _lived(events: Sequence[Dated], day: int) -> list[Dated]:
    """The events of an account of earlier days, from its opening on; none where it was not open for a day."""
    past = [one for one in events if one.day < day]
    opens = next((one for one in past if one.event.kind == "open"), None)
    if opens is None:
        return []
    taken = [one for one in past if one is opens or (one.event.at >= opens.event.at and one.event.kind != "open")]
    return [one for one in taken if one.arrival >= opens.arrival]


def _published(policy: t.Policy, events: Sequence[Dated], day: int) -> dict[str, int]:
    ledger = write(events, (), policy.dues)
    ledger.begin_days(day)
    return {fact: max(int(getattr(ledger, fact)), 0) for fact in PUBLISHED.values()}


def _says(policy: t.Policy, one: Dated) -> tuple[str, str] | None:
    """The tie and the key that an event names; None where it ties nothing and unties nothing."""
    event, fields = one.event, one.event.fields
    if event.kind not in ("link", "unlink") or not fields.get("key"):
        return None
    tie = next(tie for tie in policy.ties if tie.name == fields["tie"])
    if event.kind == "link" and tie.needs_consent and fields.get("consent") != 1:
        return None
    return tie.name, str(fields["key"])


def _shared(policy: t.Policy, events: Sequence[Dated], day: int) -> dict[tuple[str, str], int]:
    """What an account shares on a morning: each thing, with when it said so first."""
    said = [(thing, one) for one in events if (thing := _says(policy, one)) is not None]
    latest = dict(said)
    first: dict[tuple[str, str], int] = {}
    for thing, one in said:
        if one.event.kind == "link":
            first.setdefault(thing, one.event.at)
    shares: dict[tuple[str, str], int] = {}
    for tie in policy.ties:
        own = [
            (one.event.at, thing)
            for thing, one in latest.items()
            if thing[0] == tie.name and one.event.kind == "link" and day - one.day <= tie.fades_days
        ]
        shares |= {thing: first[thing] for _, thing in sorted(own)[-THINGS_MAX:]}
    return shares


def _tied_to(
    policy: t.Policy,
    name: str,
    tie: str,
    lives: Mapping[str, Sequence[Dated]],
    shared: Mapping[str, Mapping[tuple[str, str], int]],
) -> set[str]:
    """The other accounts that share a thing of the tie, among the first that it ties."""
    others: set[str] = set()
    for thing in shared[name]:
        terms = next(one for one in policy.ties if one.name == thing[0])
        queue = sorted((shared[other][thing], other) for other in lives if thing in shared[other])
        joined = [other for _, other in queue[: terms.at_most]]
        if tie in ("any", thing[0]) and name in joined:
            others |= set(joined)
    return others - {name}


def _come_to(measure: t.OfLinked, names: set[str], published: Mapping[str, Mapping[str, int]]) -> int:
    values = [published[name][measure.fact] for name in names]
    if measure.how == "count":
        return sum(value >= measure.least for value in values)
    return min(sum(values), MONEY_MAX) if measure.how == "sum" else max([0, *values])
