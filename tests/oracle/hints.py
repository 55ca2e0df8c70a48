"""What a policy is sensitive to: the constants, spans and kinds near which its streams should come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.oracle.tree import (
    DaysSince,
    Expr,
    Last,
    LateCount,
    Literal,
    Policy,
    Restrictions,
    Windowed,
    numbers_of,
    walk,
)


def expressions(policy: Policy) -> Iterator[Expr]:
    """Every expression of the policy, with all that stands inside it, filters too; each measure in place once."""
    roots = [feature.expr for feature in (*policy.features, *policy.in_place.values())]
    for root in (*roots, *policy.conditions()):
        for part in walk(root):
            yield part
            if isinstance(part, Windowed | Last | DaysSince) and part.select.where is not None:
                yield from walk(part.select.where)


@dataclass
class Hints:
    """What the policy is sensitive to: its constants by unit, its spans by tile, the kinds it measures."""

    constants: dict[str, set[int]] = field(default_factory=dict)
    spans: dict[str, set[int]] = field(default_factory=lambda: {"h": {1}, "d": {1}, "m": {1}})
    kinds: list[str] = field(default_factory=list)

    def of(self, unit: str) -> list[int]:
        return sorted(self.constants.get(unit, ()))


def hints(policy: Policy) -> Hints:
    """Read the policy for what its streams should come near to."""
    found = Hints()
    for part in expressions(policy):
        match part:
            case Literal(value, unit):
                found.constants.setdefault(unit, set()).add(value)
            case Windowed(_, select, _, window):
                found.spans[window.unit].add(window.length)
                found.kinds.append(select.kind)
            case Last(select) | DaysSince(select):
                found.kinds.append(select.kind)
            case LateCount(late_days, window):
                found.spans[window.unit].add(window.length)
                found.constants.setdefault("days", set()).add(late_days)
            case Restrictions(window):
                found.spans[window.unit].add(window.length)
    units = {value.name: value.unit for value in (*policy.features, *policy.in_place.values())}
    for bins in policy.score.bins if policy.score else ():
        found.constants.setdefault(units[bins.feature], set()).update(bins.below)
    for forest in policy.score.forests if policy.score else ():
        for fork in forest.forks():
            also = () if fork.counts_as_missing is None else (fork.counts_as_missing,)
            found.constants.setdefault(units[fork.feature], set()).update((fork.cut, *also))
    found.spans["d"].update(found.of("days"), waits(policy))
    return found


def waits(policy: Policy) -> Iterator[int]:
    """The days after which a latch, the restoration or an offer may move."""
    for trigger in policy.triggers:
        yield from (*numbers_of(trigger.hold_days), *numbers_of(trigger.expires_days or 1))
        yield from numbers_of(trigger.effective_days)
    for schedule in policy.schedules:
        yield from numbers_of(schedule.every_days)
    for offer in policy.offers:
        for numbers in (offer.every_days, offer.decline_days, offer.accept_days):
            yield from numbers_of(numbers)
        yield from (days + 1 for days in numbers_of(offer.valid_days))
