"""Sample histories: a fixed, numbered spread of made-up accounts' events, for the search for dead ends.

Some borrowers pay well, most badly, at amounts and delays near the policy's own constants, so that its triggers are
set. Nothing is left to chance: history 7 of a policy is the same on every machine and every day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from linekeeper.core.account_mark import account_mark
from linekeeper.core.bounds import HOUR_MS, MISSING, MONEY_MAX
from linekeeper.evaluate.event_batch import EventRow
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.split_arms import arm_of
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.recourse.actions import kernel_fields
from linekeeper.recourse.baseline import NOON_HOUR, noons
from linekeeper.recourse.candidates import deciding_values
from linekeeper.recourse.dependencies import dependencies_of_releasable, literals
from linekeeper.recourse.own_history import MONTH_DAYS

FIRST_DAY = 19_738  # 2024-01-16
HISTORY_MONTHS = 14
USUAL_GRANTED = 1_000_000
DELAY_DAYS_MAX = 400  # longer delays would not fit into a history
ARITHMETIC_KINDS = frozenset(
    (
        "open",
        "draw",
        "charge",
        "repay",
        "due",
        "balance",
        "delinquency",
        "consent",
        "override",
        "own_limit",
        "grant",
        "moratorium",
    )
)
MARKS_MAX = 20_000
T = TypeVar("T")


@dataclass
class FixedChooser:
    """Chooses by a fixed sequence of numbers (a linear congruential generator after Knuth)."""

    state: int

    def choose(self, options: Sequence[T]) -> T:
        """The next choice among several."""
        self.state = (self.state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        return options[(self.state >> 33) % len(options)]


def sample_history(kernel: Kernel, number: int, sends_dues: bool) -> list[EventRow]:
    """The events of one account, in order of time, with a lender that sends dues; else with one that reports."""
    chooser = FixedChooser(2 * number + sends_dues)
    for _ in range(3):  # the first numbers of neighbouring seeds are much alike
        chooser.choose((0, 1))
    policy = kernel.policy
    amounts = [constant for constant in _constants(policy, ex.MONEY) if constant >= 100] or [USUAL_GRANTED]
    granted = min(chooser.choose(amounts) * chooser.choose((1, 5, 20)), MONEY_MAX // 1_000)
    first_day = FIRST_DAY + number
    drawn = granted * chooser.choose((20, 60, 100)) // 100
    events: SampleEvents = [(first_day, 8, "open", {"limit": granted}), (first_day, 9, "draw", {"amount": drawn})]
    if sends_dues:
        events += _billed(policy, chooser, first_day, granted, drawn)
    else:
        events += _reported(policy, chooser, first_day, granted)
    kinds = {kind.name: kind for kind in policy.kinds}
    rows = [
        _row(policy, kinds[name], day, hour, kernel_fields(kinds[name], **fields)) for day, hour, name, fields in events
    ]
    rows[0] = rows[0]._replace(x=(*rows[0].x, *_mark(policy, number)))
    for kind in _own_kinds(policy):
        rows += [_row(policy, kind, day, hour, x) for day, hour, x in _own_events(policy, kind, chooser, first_day)]
    return sorted(rows, key=lambda row: row.at)


def _row(policy: m.Policy, kind: m.Kind, day: int, hour: int, x: tuple[int, ...]) -> EventRow:
    noon_ms, noon_hours = noons(policy.time_zone)
    from_noon = hour - NOON_HOUR
    return EventRow(int(noon_ms[day]) + from_noon * HOUR_MS, int(noon_hours[day]) + from_noon, kind.number, x)


def _mark(policy: m.Policy, number: int) -> tuple[int, ...]:
    """A mark of an account that is in the wanted arm of each split, so that the histories reach every arm."""
    if not policy.splits:
        return ()
    wanted, rest = [], number
    for split in policy.splits:
        arms = [place for place, arm in enumerate(split.arms) if arm.share_bp]
        wanted.append(arms[rest % len(arms)])
        rest //= len(arms)
    marks = (account_mark(f"sample {number} {attempt}") for attempt in range(MARKS_MAX))
    return (next((mark for mark in marks if [arm_of(split, mark) for split in policy.splits] == wanted), number),)


def _own_kinds(policy: m.Policy) -> Iterator[m.Kind]:
    """Kinds that a releasable trigger depends on, and that are not account arithmetic."""
    for kind in policy.kinds:
        if kind.name in dependencies_of_releasable(policy).kinds and kind.name not in ARITHMETIC_KINDS:
            yield kind


def _constants(policy: m.Policy, unit: ex.Unit) -> list[int]:
    """All constants of a unit in the policy's features and triggers."""
    expressions = [feature.expr for feature in policy.features]
    for trigger in policy.triggers:
        expressions += [trigger.when, *([trigger.clear] if trigger.clear else [])]
    return sorted({node.value for expr in expressions for node in literals(expr, unit)})


# ------------------------------------------------------------------ how they pay

SampleEvents = list[tuple[int, int, str, dict[str, int]]]  # day, hour, kind, fields


def _billed(policy: m.Policy, chooser: FixedChooser, first_day: int, granted: int, owed: int) -> SampleEvents:
    """Bills as long as something is owed, paid on time, late or no more, and draws between them."""
    events: SampleEvents = []
    bill_minor = max(granted * chooser.choose((5, 15, 50)) // 100, 1)
    # A day beyond each threshold of the policy, so that a delay of so long sets what waits for it.
    delays = [days + 1 for days in _constants(policy, ex.DAYS) if days < DELAY_DAYS_MAX]
    late_days = chooser.choose([0, *delays])
    paying_months, late_from_month = chooser.choose((0, 3, 6, HISTORY_MONTHS)), chooser.choose((0, 3))
    for month in range(HISTORY_MONTHS):
        day = first_day + MONTH_DAYS * month
        draws = _draws(chooser, day, granted)
        owed += sum(fields["amount"] for _, _, _, fields in draws)
        bill, due_on = min(bill_minor, owed), day + 20
        owed -= bill
        if bill:
            events.append((day + 10, 10, "due", {"amount": bill, "due_on": due_on}))
        if bill and (not paying_months or month < paying_months):
            paid_on = due_on + (late_days if month >= late_from_month else 0)
            events.append((paid_on, 12, "repay", {"amount": bill}))
        events += draws
    return events


def _reported(policy: m.Policy, chooser: FixedChooser, first_day: int, granted: int) -> SampleEvents:
    """Monthly reports of days past due, rising to a peak, and payments or none."""
    events: SampleEvents = []
    peak_days = chooser.choose([0, *(days for days in _constants(policy, ex.DAYS) if days < DELAY_DAYS_MAX)])
    from_month, step_days = chooser.choose((1, 4, 8)), chooser.choose((15, 30))
    paid_percent = chooser.choose((0, 0, 2, 10))
    for month in range(HISTORY_MONTHS):
        day = first_day + MONTH_DAYS * month
        days_past_due = min(max(month - from_month, 0) * step_days, peak_days)
        events.append((day + 29, 21, "delinquency", {"days": days_past_due}))
        if paid_percent and not days_past_due:
            events.append((day + 20, 12, "repay", {"amount": max(granted * paid_percent // 100, 1)}))
        events += _draws(chooser, day, granted)
    return events


def _draws(chooser: FixedChooser, day: int, granted: int) -> SampleEvents:
    """No draw, one, or a burst, at noon or at night."""
    count, hour = chooser.choose((0, 0, 1, 1, 6)), chooser.choose((2, 13, 14))
    return [(day + 5 + i // 4, hour, "draw", {"amount": max(granted // 10, 1)}) for i in range(count)]


# ------------------------------------------------------------------ what else happens


def _own_events(
    policy: m.Policy, kind: m.Kind, chooser: FixedChooser, first_day: int
) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """(day, hour, fields) of one of the policy's own kinds: no events, monthly ones, until some month, or a burst."""
    pattern, turning_month = chooser.choose(("none", "monthly", "until", "burst", "both")), chooser.choose((4, 7, 10))
    values = {item.name: deciding_values(policy, kind, item) for item in kind.fields}
    hour, day_of_month = chooser.choose((2, 11)), chooser.choose((4, 15))
    for month in range(HISTORY_MONTHS):
        monthly = pattern in ("monthly", "both") or (pattern == "until" and month < turning_month)
        burst = pattern in ("burst", "both") and month >= turning_month
        for number in range(8 if burst else 1 if monthly else 0):
            fields = {name: chooser.choose(field_values) for name, field_values in values.items()}
            present = {name: value for name, value in fields.items() if value != MISSING}
            day = first_day + MONTH_DAYS * month + day_of_month + number // 2
            yield day, hour, kernel_fields(kind, **present)
