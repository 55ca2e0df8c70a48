"""Writes the section `dues` of a policy, and the days of the calendar that it names: the text, and what it means.

The days of a generated calendar are made up. What a real calendar has is for the program alone to know: the policy's
own text holds the days, and the oracle reads them there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from tests.oracle import tree as t
from tests.oracle.clock import date_day

GRACES = (0, 1, 2, 3, 7)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FIRST_DAY, LAST_DAY = date_day(2020, 1, 1), date_day(2027, 12, 31)


class DuesSection(NamedTuple):
    """Lines of a policy file, and their meaning."""

    lines: list[str]
    dues: t.Dues


def days_looked_for(policy: t.Policy) -> Iterator[int]:
    """The numbers of days past due at which some rule answers otherwise, but for whether there are any at all."""
    late = t.Fact("days_past_due")
    own = {"days_past_due"}
    for _ in policy.features:  # a name may stand for a name
        own |= {one.name for one in policy.features if one.expr in (late, *map(t.Ref, own))}

    def is_late(part: t.Expr) -> bool:
        return part == late or (isinstance(part, t.Ref) and part.name in own)

    roots = [one.expr for one in (*policy.features, *policy.in_place.values())]
    for node in (part for root in (*roots, *policy.conditions()) for part in t.walk(root)):
        match node:
            case t.LateCount(days):
                yield days
            case t.Compare(op, left, right) if is_late(left) or is_late(right):
                exact = op in ("=", "!=")
                numbers = [part.value for part in (left, right) if isinstance(part, t.Literal)]
                yield from (value for value in numbers if value > 1 or (exact and value == 1))
                yield from (value + 1 for value in numbers if value == 1 and not exact)
            case t.In(item, values) if is_late(item):
                yield from (value for value in values if value > 0)
    for bins in policy.score.bins if policy.score else ():
        yield from (cut for cut in bins.below if bins.feature in own and cut > 1)
    for forest in policy.score.forests if policy.score else ():
        for fork in (one for one in forest.forks() if one.feature in own):
            also = () if fork.counts_as_missing is None else (fork.counts_as_missing, fork.counts_as_missing + 1)
            yield from (cut for cut in (fork.cut, *also) if cut > 1)


def write_dues(rng: Random, policy: t.Policy, amounts: Sequence[int], money: Callable[[int], str]) -> DuesSection:
    """A section for a policy that has none; `money` writes an amount of minor units."""
    parts, least = [], min(days_looked_for(policy), default=GRACES[-1] + 1)  # within a grace no rule sees a day
    graces = [days for days in GRACES if days < least]
    grace, tolerance, settles = rng.choice(graces), rng.choice((0, 0, *amounts)), rng.random() < 0.5
    if grace or rng.random() < 0.1:
        parts.append(f"grace: {grace}{rng.choice(('', 'd'))}")
    if tolerance:
        parts.append(f"tolerance: {money(tolerance)}")
    if settles or rng.random() < 0.2:
        parts.append(f"prepaid: {'settles' if settles else 'balance_only'}")
    calendar_lines, days = [], None
    if rng.random() < 0.6:
        text, calendar_lines, days = _holidays(rng)
        parts.append(f"holidays: {text}")
    rng.shuffle(parts)
    lines = [f"dues: {{{', '.join(parts)}}}", *calendar_lines]
    return DuesSection(lines, t.Dues(grace, tolerance, settles, days))


def _holidays(rng: Random) -> tuple[str, list[str], t.BusinessDays]:
    """What stands after `holidays:`, the lines of the calendar, and the business days."""
    weekend, said_weekend = (5, 6), ""
    if rng.random() < 0.4:
        weekend = tuple(sorted(rng.sample(range(7), rng.randint(0, 3))))
        said_weekend = f"weekend: [{', '.join(WEEKDAYS[day] for day in weekend)}]"
    also, other = _some_days(rng), _some_days(rng)
    other = [day for day in other if day not in also]
    parts = [said_weekend] if said_weekend else []
    parts += [f"also: [{_dates(also)}]"] if also else []
    parts += [f"not: [{_dates(other)}]"] if other else []
    holidays: list[int] = []
    workdays: list[int] = []
    lines: list[str] = []
    if rng.random() < 0.5:
        holidays, workdays = _some_days(rng), _some_days(rng)
        name, years = rng.choice(("cn", "tw")), rng.choice(("2020-2027", "2024"))
        parts = [f"calendar: {name}", f"years: {years}", *parts]
        lines = ["calendar:", f"  name: {name}", f"  years: {years}"]
        lines += [f"  holidays: [{_dates(holidays)}]", f"  workdays: [{_dates(workdays)}]"]
    off = (set(holidays) - set(other)) | set(also)
    working = (set(workdays) | set(other)) - set(also)
    days = t.BusinessDays(weekend, tuple(sorted(off)), tuple(sorted(working)))
    return f"{{{', '.join(parts)}}}", lines, days


def _some_days(rng: Random) -> list[int]:
    """None, or days in runs of one to nine, over some years."""
    if rng.random() < 0.4:
        return []
    days: set[int] = set()
    for _ in range(rng.choice((1, 5, 40))):
        first = rng.randint(FIRST_DAY, LAST_DAY)
        days |= set(range(first, min(first + rng.randint(1, 9), LAST_DAY + 1)))
    return sorted(days)


def _dates(days: Sequence[int]) -> str:
    return ", ".join((date(1970, 1, 1) + timedelta(days=day)).isoformat() for day in days)
