"""Writes policies that read of all accounts of a customer, and works out by itself what each account is given.

What an account publishes is looked at anew each morning, from the whole list of its events of earlier days; what
another is given is what all others come to that morning, where it is not what it was given before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

from tests.oracle import tree as t
from tests.oracle.clock import clock, day_of
from tests.oracle.ledger import Dated, write
from tests.oracle.nouns import MONEY_MAX, Event
from tests.oracle.phrases import Said
from tests.oracle.policies import Writer, Written

PUBLISHED = {"owed": "balance", "overdue": "past_due", "late": "days_past_due"}


class FamilyWriter(Writer):
    """One policy in the making."""

    publish: dict[str, str]
    given: dict[str, t.Field]

    def head(self) -> Iterator[str]:
        yield from super().head()
        names = self.rng.sample(list(PUBLISHED), self.rng.choice((1, 2, 3)))
        self.publish, self.given = {name: PUBLISHED[name] for name in names}, {}
        listed = ", ".join(f"{name}: {fact}" for name, fact in self.publish.items())
        yield f"customer: {{publish: {{{listed}}}}}"

    def atom(self, unit: str) -> Said:
        """What all accounts of a customer come to, now and then."""
        names = [name for name, fact in self.publish.items() if unit in (t.FACTS[fact], "count")]
        if not names or not self.chance(0.4):
            return super().atom(unit)
        name = self.rng.choice(names)
        fact, how, least, text = self.publish[name], "max", 0, name
        if unit == "count":
            how, least = (
                "count",
                self.rng.choice(self.ladder) if t.FACTS[fact] == "money" else self.rng.choice((1, 3, 30)),
            )
            text = f"{name} >= {self.money(least).text if t.FACTS[fact] == 'money' else least}"
        elif unit == "money" and self.chance(0.6):
            how = "sum"
        measure = t.OfCustomer(how, name, fact, least)
        self.given.setdefault(measure.field, t.Field(measure.field, unit, optional=True))
        text = f"customer.{how}({text})"
        return Said(text, t.Inline(text, measure))


def write_family(rng: Random) -> Written:
    """A whole policy that reads of all accounts of a customer.

    >>> write_family(Random(7)) == write_family(Random(7))
    True
    """
    while True:
        writer = FamilyWriter(rng)
        text = "\n".join([*writer.head(), *writer.body()]) + "\n"
        built_in = t.built_in_kinds(one.name for one in writer.trigger_trees)
        kinds = t.with_own_kinds(t.with_customers(built_in, tuple(writer.given.values())), writer.own_kinds)
        fields = [one for kind in kinds for one in kind.fields]
        if not {one.name for one in fields if one.choices} & {one.name for one in fields if not one.choices}:
            break  # a table of events has one column for all fields of a name, of words or of numbers
    return Written(text, replace(writer.policy, kinds=kinds, publish=tuple(writer.publish.items())))


def given(policy: t.Policy, accounts: Mapping[str, Sequence[Event]], until_day: int) -> dict[str, list[Event]]:
    """The events of each account with what it is given, up to the start of a day. All come in order of time."""
    here = clock(policy.time_zone)
    dated = {
        name: [Dated(event, here.hour(event.at), place) for place, event in enumerate(events)]
        for name, events in accounts.items()
    }
    first = min(one.day for events in dated.values() for one in events)
    wanted = sorted(set(_measures(policy)), key=lambda measure: measure.field)
    out, before = {name: list(events) for name, events in accounts.items()}, dict[str, dict[str, int]]()
    days = [day for day in range(first, until_day + 1) if day_of(here.hour(here.start_of_hour(24 * day))) == day]
    for day in days:
        values = {name: _published(policy, events, day) for name, events in dated.items()}
        for name in accounts:
            others = [one for other, one in values.items() if other != name and one is not None]
            fields = {measure.field: _come_to(measure, others) for measure in wanted}
            if values[name] is None or fields == before.get(name, dict.fromkeys(fields, 0)):
                continue
            before[name] = fields
            out[name].append(Event(f"given {name} {day}", name, "customer", here.start_of_hour(24 * day), fields))
    return {name: sorted(events, key=lambda one: (one.at, one.kind != "customer")) for name, events in out.items()}


def _measures(policy: t.Policy) -> Iterator[t.OfCustomer]:
    for value in policy.in_place.values():
        if isinstance(value.expr, t.OfCustomer):
            yield value.expr


def _published(policy: t.Policy, events: Sequence[Dated], day: int) -> dict[str, int] | None:
    """What an account publishes on a morning; None before the first that it has been open for."""
    past = [one for one in events if one.day < day]
    opens = next((one for one in past if one.event.kind == "open"), None)
    if opens is None:
        return None
    taken = [one for one in past if one is opens or (one.event.at >= opens.event.at and one.event.kind != "open")]
    ledger = write([one for one in taken if one.arrival >= opens.arrival], (), policy.dues)
    ledger.begin_days(day)
    return {fact: max(int(getattr(ledger, fact)), 0) for fact in PUBLISHED.values()}


def _come_to(measure: t.OfCustomer, others: Sequence[Mapping[str, int]]) -> int:
    values = [one[measure.fact] for one in others]
    if measure.how == "count":
        return sum(value >= measure.least for value in values)
    return min(sum(values), MONEY_MAX) if measure.how == "sum" else max([0, *values])
