"""Made lives of several customers with one to three accounts each, who borrow, repay late or never, and reverse."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from linekeeper.core.event import Event
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy

POLICY = """
policy: family
version: 1
currency: CNY
time_zone: Asia/Shanghai
customer:
  publish: {owed: balance, late: days_past_due}
features:
  all_owed: {value: customer.sum(owed), worse: higher}
triggers:
  late_3: {when: days_past_due >= 3, clear: past_due = 0 CNY, hold: 10d, cap: 50%, reason: arrears}
  elsewhere: {when: customer.max(late) >= 5 and days_past_due = 0d, cap: 60%, reason: other_product_late}
  two_late: {when: customer.count(late >= 10) >= 2, suspend: yes, reason: other_product_late}
  deep: {when: all_owed > 500 CNY, cap: 80%, reason: exposure}
restoration: {first: 60%, step: 20%, every: 10d}
"""
DAY_MS, FIRST_DAY = 86_400_000, 20_000


def policy() -> Policy:
    """The policy of these lives."""
    return load_text(POLICY)


def customers(seed: int, count: int = 3, reversals: bool = False, days: int = 60) -> list[Event]:
    """Events of all accounts in order of time."""
    rng = Random(f"customers {seed}")
    events: list[Event] = []
    for number in range(count):
        for name in "abc"[: rng.randint(1, 3)]:
            customer = f"C{number}" if rng.random() < 0.9 else None
            events += _life(rng, f"{number}{name}", customer, reversals, days)
    return numbered_in_time(events)


def numbered_in_time(events: list[Event]) -> list[Event]:
    """In order of time, each with the number of its place as its id; what a reversal names is named by its new one."""
    ordered = sorted(events, key=lambda event: event.at)
    new_id = {event.id: f"e{place}" for place, event in enumerate(ordered)}
    made = []
    for event in ordered:
        of = event.fields.get("of")
        fields = event.fields if of is None else {"of": new_id[str(of)]}
        made.append(replace(event, id=new_id[event.id], fields=fields))
    return made


def _life(rng: Random, account: str, customer: str | None, reversals: bool, days: int) -> list[Event]:
    events: list[Event] = []

    def add(day: int, kind: str, **fields: int | str) -> str:
        at = (FIRST_DAY + day) * DAY_MS + rng.randrange(DAY_MS)
        events.append(Event(f"{account}/{len(events)}", account, kind, at, fields))
        return events[-1].id

    opened = rng.randrange(days // 2)
    start = {"limit": 50_000} if customer is None else {"limit": 50_000, "customer": customer}
    events.append(Event(f"{account}/o", account, "open", (FIRST_DAY + opened) * DAY_MS, start))
    for _ in range(rng.randint(1, 4)):
        day, amount = rng.randrange(opened, days), rng.choice((1_000, 20_000, 45_000))
        add(day, "draw", amount=amount)
        add(day, "due", amount=amount // 2, due_on=FIRST_DAY + day + 3)
        if rng.random() < 0.7:
            paid_on = day + rng.choice((1, 5, 9, 15))
            paid = add(paid_on, "repay", amount=amount // 2)
            if reversals and rng.random() < 0.4:
                add(paid_on + rng.choice((1, 3, 8)), "reversal", of=paid)
    return events
