"""Made lives of accounts that share devices and employers: they link, unlink, borrow, repay late or never."""

from __future__ import annotations

from random import Random

from linekeeper.core.event import Event
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.customers.lives import DAY_MS, FIRST_DAY, numbered_in_time

POLICY = """
policy: ring
version: 1
currency: CNY
time_zone: Asia/Shanghai
links:
  publish: {owed: balance, late: days_past_due}
  ties:
    device: {purpose: fraud, needs: consent, at_most: 3, fades: 20d}
    employer: {purpose: credit}
features:
  ring: {value: 'links.count(late >= 5, kind = "device")', worse: higher}
triggers:
  late_3: {when: days_past_due >= 3, clear: past_due = 0 CNY, hold: 10d, cap: 50%, reason: arrears}
  linked: {when: ring >= 1, suspend: yes, reason: linked_fraud}
  owing: {when: 'links.sum(owed, kind = "employer") > 500 CNY', cap: 80%, reason: linked_late}
  worst: {when: 'links.max(late) >= 9', cap: 70%, reason: linked_late}
restoration: {first: 60%, step: 20%, every: 10d}
"""


def policy() -> Policy:
    """The policy of these lives."""
    return load_text(POLICY)


def linked_accounts(seed: int, count: int = 6, reversals: bool = False, days: int = 60) -> list[Event]:
    """Events of all accounts in order of time."""
    rng = Random(f"links {seed}")
    events: list[Event] = []
    for number in range(count):
        events += _life(rng, f"{number}", reversals, days)
    return numbered_in_time(events)


def _life(rng: Random, account: str, reversals: bool, days: int) -> list[Event]:
    events: list[Event] = []

    def add(day: int, kind: str, **fields: int | str) -> str:
        at = (FIRST_DAY + day) * DAY_MS + rng.randrange(DAY_MS)
        events.append(Event(f"{account}/{len(events)}", account, kind, at, fields))
        return events[-1].id

    opened = rng.randrange(days // 2)
    events.append(Event(f"{account}/o", account, "open", (FIRST_DAY + opened) * DAY_MS, {"limit": 50_000}))
    made = []
    for _ in range(rng.randint(1, 3)):
        tie = rng.choice(("device", "device", "employer"))
        consent = {"consent": int(rng.random() < 0.9)} if tie == "device" else {}
        key = rng.choice(("x", "y")) if tie == "device" else "firm"
        day = rng.randrange(opened, days)
        made.append(add(day, "link", tie=tie, key=key, **consent))
        if rng.random() < 0.3:
            add(day + rng.choice((0, 4, 12)), "unlink", tie=tie, key=key)
    for _ in range(rng.randint(1, 4)):
        day, amount = rng.randrange(opened, days), rng.choice((1_000, 20_000, 45_000))
        add(day, "draw", amount=amount)
        add(day, "due", amount=amount // 2, due_on=FIRST_DAY + day + 3)
        if rng.random() < 0.6:
            made.append(add(day + rng.choice((1, 5, 9, 15)), "repay", amount=amount // 2))
    for name in made if reversals else ():
        if rng.random() < 0.3:
            at = next(event.at for event in events if event.id == name)
            add(at // DAY_MS - FIRST_DAY + rng.choice((1, 3, 8)), "reversal", of=name)
    return events
