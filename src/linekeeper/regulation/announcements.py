"""What the law says of restrictions that are to be told before they are in effect, held against a policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from linekeeper.policy.model import Policy, Trigger
from linekeeper.regulation.clock import notice_day
from linekeeper.regulation.records import RegulationRecord, in_force


@dataclass(frozen=True, slots=True)
class TooSoon:
    """A trigger that restricts sooner than the law lets it: `needed_days` are what a record asks for."""

    trigger: str
    action: str
    given_days: int
    needed_days: int
    rule: str


def coming_actions(trigger: Trigger) -> tuple[str, ...]:
    """What a trigger does to a line when it is in effect, as the records name it."""
    does = {"close": trigger.close, "suspend": trigger.suspend, "decrease": trigger.caps_limit}
    return tuple(action for action, so in does.items() if so)


def restrictions_too_soon(
    policy: Policy, records: Iterable[RegulationRecord], jurisdiction: str, product: str, day: int
) -> Iterator[TooSoon]:
    """The triggers that restrict sooner after their notice than a record that is in force on local `day` demands.

    Months are counted from that day. A trigger that suspends and lowers the limit is held to what both ask for.
    """
    periods = [
        (record.id, period)
        for record in in_force(records, jurisdiction, product, day)
        if (period := record.clock) and period.when == "before"
    ]
    for trigger in policy.triggers:
        asked = [
            (notice_day(day, period) - day, rule, action)
            for rule, period in periods
            for action in coming_actions(trigger)
            if action in period.actions
        ]
        needed, rule, action = max(asked, default=(0, "", ""))
        if trigger.effective_days < needed:
            yield TooSoon(trigger.name, action, trigger.effective_days, needed, rule)
