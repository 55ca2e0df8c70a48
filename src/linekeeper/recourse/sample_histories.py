"""A fixed, numbered spread of borrowers' lives for one policy: some good, most bad, near the policy's own constants.

Nothing here is left to chance: situation 7 of a policy is the same on every machine and every day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from linekeeper.core.bounds import HOUR_MS, MISSING, MONEY_MAX
from linekeeper.evaluate.late_events import Row
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy import model as m
from linekeeper.recourse.actions import fill
from linekeeper.recourse.baseline import MONTH_DAYS, NOON, noons_of
from linekeeper.recourse.dependencies import literals, reads_of_passing
from linekeeper.recourse.reports import candidates

FIRST_DAY = 19_738  # 2024-01-16
MONTHS = 14
USUAL_GRANTED = 1_000_000
T = TypeVar("T")


@dataclass
class Pick:
    """Picks one of several by a fixed sequence of numbers (a linear congruential generator after Knuth)."""

    state: int

    def of(self, options: Sequence[T]) -> T:
        """The next pick."""
        self.state = (self.state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        return options[(self.state >> 33) % len(options)]


def situation(kernel: Kernel, number: int, bills: bool) -> list[Row]:
    """The events of one life, in order of time; `bills`: of a lender that sends dues, else one that reports."""
    pick = Pick(2 * number + bills)
    for _ in range(3):
        pick.of((0, 1))
    policy = kernel.policy
    granted = pick.of([c for c in _constants(policy, m.MONEY) if c >= 100] or [USUAL_GRANTED]) * pick.of((1, 5, 20))
    granted = min(granted, MONEY_MAX // 1_000)
    first = FIRST_DAY + number
    drawn = granted * pick.of((20, 60, 100)) // 100
    made = [(first, 8, "open", {"limit": granted}), (first, 9, "draw", {"amount": drawn})]
    made += _paying(policy, pick, first, granted, drawn) if bills else _reported(policy, pick, first, granted)
    kinds = {kind.name: kind for kind in policy.kinds}
    rows = [_row(policy, kinds[name], day, hour, fill(kinds[name], **fields)) for day, hour, name, fields in made]
    for kind in _own_kinds(policy):
        rows += [_row(policy, kind, day, hour, x) for day, hour, x in _own(policy, kind, pick, first)]
    return sorted(rows, key=lambda row: row.at)


def _row(policy: m.Policy, kind: m.Kind, day: int, hour: int, x: tuple[int, ...]) -> Row:
    at, hours = noons_of(policy.time_zone)
    return Row(int(at[day]) + (hour - NOON) * HOUR_MS, int(hours[day]) + hour - NOON, kind.number, x)


def _own_kinds(policy: m.Policy) -> Iterator[m.Kind]:
    """Kinds that a passing restriction reads, and that are not account arithmetic."""
    arithmetic = {"open", "draw", "charge", "repay", "due", "balance", "delinquency", "consent", "override"}
    for kind in policy.kinds:
        if kind.name in reads_of_passing(policy).kinds and kind.name not in arithmetic:
            yield kind


def _constants(policy: m.Policy, unit: m.Unit) -> list[int]:
    """All constants of a unit in the policy."""
    exprs = [feature.expr for feature in policy.features]
    for trigger in policy.triggers:
        exprs += [trigger.when, *([trigger.clear] if trigger.clear else [])]
    return sorted({node.value for expr in exprs for node in literals(expr, unit)})


# ------------------------------------------------------------------ how they pay

Made = list[tuple[int, int, str, dict[str, int]]]  # day, hour, kind, fields


def _paying(policy: m.Policy, pick: Pick, first: int, granted: int, owed: int) -> Made:
    """Bills as long as something is owed, paid late or no more, and draws between them."""
    made: Made = []
    amount = max(granted * pick.of((5, 15, 50)) // 100, 1)
    late = pick.of([0, *(days + 1 for days in _constants(policy, m.DAYS) if days < 400)])
    stops, from_month = pick.of((0, 3, 6, MONTHS)), pick.of((0, 3))
    for month in range(MONTHS):
        day = first + MONTH_DAYS * month
        drawn = _draws(pick, day, granted)
        owed += sum(fields["amount"] for _, _, _, fields in drawn)
        bill, due_on = min(amount, owed), day + 20
        owed -= bill
        if bill:
            made.append((day + 10, 10, "due", {"amount": bill, "due_on": due_on}))
        if bill and (not stops or month < stops):
            made.append((due_on + (late if month >= from_month else 0), 12, "repay", {"amount": bill}))
        made += drawn
    return made


def _reported(policy: m.Policy, pick: Pick, first: int, granted: int) -> Made:
    """Monthly reports of days past due, rising to a peak, and payments or none."""
    made: Made = []
    peak = pick.of([0, *(days for days in _constants(policy, m.DAYS) if days < 400)])
    from_month, step, share = pick.of((1, 4, 8)), pick.of((15, 30)), pick.of((0, 0, 2, 10))
    for month in range(MONTHS):
        day = first + MONTH_DAYS * month
        days = min(max(month - from_month, 0) * step, peak)
        made.append((day + 29, 21, "delinquency", {"days": days}))
        if share and not days:
            made.append((day + 20, 12, "repay", {"amount": max(granted * share // 100, 1)}))
        made += _draws(pick, day, granted)
    return made


def _draws(pick: Pick, day: int, granted: int) -> Made:
    """None, one, or a burst, at noon or at night."""
    count, hour = pick.of((0, 0, 1, 1, 6)), pick.of((2, 13, 14))
    return [(day + 5 + i // 4, hour, "draw", {"amount": max(granted // 10, 1)}) for i in range(count)]


# ------------------------------------------------------------------ what else happens


def _own(policy: m.Policy, kind: m.Kind, pick: Pick, first: int) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Events of one of the policy's own kinds: none, monthly, until some month, or many at once."""
    habit, turn = pick.of(("none", "monthly", "until", "burst", "both")), pick.of((4, 7, 10))
    values = {item.name: candidates(policy, kind, item) for item in kind.fields}
    hour, offset = pick.of((2, 11)), pick.of((4, 15))
    for month in range(MONTHS):
        monthly = habit in ("monthly", "both") or (habit == "until" and month < turn)
        burst = habit in ("burst", "both") and month >= turn
        for number in range(8 if burst else 1 if monthly else 0):
            x = {name: pick.of(listed) for name, listed in values.items()}
            known = {name: value for name, value in x.items() if value != MISSING}
            yield first + MONTH_DAYS * month + offset + number // 2, hour, fill(kind, **known)
