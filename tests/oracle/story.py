"""Stories that a credit officer can read: a ledger in plain text, and the decisions that must come of it.

    2024-01-01 09:00  open limit=1000.00
    2024-01-05 12:00  due amount=100.00 due_on=2024-01-31
    => 2024-03-01 morning: suspend, 500.00 of 1000.00, suspended [arrears]

Times are local to the policy's zone; of an hour that clocks show twice, the first (`*` after the time: the second).
Events arrive in the order in which they stand.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from linekeeper.policy.load import load_text
from tests.oracle.clock import EPOCH, date_day, day_of, hour_of_day
from tests.oracle.held import parted
from tests.oracle.nouns import Event
from tests.oracle.oracle import Ruling, run
from tests.oracle.reader import read
from tests.oracle.tree import Field, Policy

HEAD = "policy: story\nversion: 1\ncurrency: CNY\n"


def policy_file(text: str, time_zone: str = "UTC") -> str:
    """The whole file, of which `text` is the part that matters to a story."""
    return f"{HEAD}time_zone: {time_zone}\n{text}"


def written(text: str, time_zone: str = "UTC") -> Policy:
    """A policy as the oracle reads it; the program reads the same. The days of a calendar come from the program."""
    program = load_text(policy_file(text, time_zone))
    own = read(program.source)
    assert parted(own, program) == []
    return own


def day(text: str) -> int:
    """A date as days since 1970-01-01.

    >>> day("1970-01-02")
    1
    """
    there = date.fromisoformat(text)
    return date_day(there.year, there.month, there.day)


def moment(policy: Policy, day_text: str, time_text: str) -> int:
    """UTC milliseconds of a local time."""
    local = datetime.fromisoformat(f"{day_text}T{time_text.rstrip('*')}")
    local = local.replace(tzinfo=ZoneInfo(policy.time_zone), fold=int(time_text.endswith("*")))
    return (local - EPOCH) // timedelta(milliseconds=1)


def ledger(policy: Policy, text: str) -> list[Event]:
    """The events of a story; lines that begin with no date are prose or expectations."""
    rows = [line.split() for line in text.splitlines() if line.strip()[:2] in ("19", "20")]
    return [_event(policy, f"e{number}", row) for number, row in enumerate(rows, 1)]


def _event(policy: Policy, name: str, row: list[str]) -> Event:
    day_text, time_text, kind, *pairs = row
    known = {item.name: item for item in policy.kind(kind).fields}
    fields: dict[str, int | str] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        fields[key] = _value(known[key], value) if key in known else value
    return Event(name, "A", kind, moment(policy, day_text, time_text), fields)


def _value(item: Field, text: str) -> int | str:
    if item.unit == "money":
        return int(Decimal(text) * 100)
    if item.unit == "share":
        return int(Decimal(text.removesuffix("%")) * 100)
    if item.unit == "category":
        return text
    return day(text) if item.is_date else int(text)


def sentence(ruling: Ruling) -> str:
    """One decision as the stories write it."""
    when = date(1970, 1, 1) + timedelta(days=day_of(ruling.hour))
    clock = "morning" if ruling.event is None else f"{hour_of_day(ruling.hour):02}h"
    limit, granted = Decimal(ruling.after.limit) / 100, Decimal(ruling.after.granted) / 100
    words = [ruling.action.name.lower(), f"{limit:.2f} of {granted:.2f}", ruling.after.status.name.lower()]
    if ruling.offered is not None:
        words.append(f"offer {ruling.offer_number}: {Decimal(ruling.offered) / 100:.2f}")
    return f"{when} {clock}: {', '.join(words)} [{', '.join(ruling.set_after)}]"


def expected(text: str) -> list[str]:
    """The decisions that a story tells."""
    return [line.strip().removeprefix("=> ") for line in text.splitlines() if line.strip().startswith("=>")]


def story(policy: Policy, until: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Makes a test of a function whose docstring is the story, looked at every morning up to `until`."""

    def tested(told: Callable[[], None]) -> Callable[[], None]:
        text = told.__doc__ or ""

        def test() -> None:
            outcome = run(policy, ledger(policy, text), day(until))
            assert [sentence(ruling) for ruling in outcome.rulings] == expected(text)

        test.__doc__, test.__name__ = text, told.__name__
        return test

    return tested
