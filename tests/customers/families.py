"""Generated families: accounts of one customer, by the oracle and by the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

import pyarrow as pa

from linekeeper.core.dates import date_of
from linekeeper.core.event import Event
from linekeeper.engine.customers import GivenEvent, given_in_table
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.model import Policy
from tests.kernel.agree import by_arrival, differences, in_bulk
from tests.oracle import family
from tests.oracle.generate import for_program
from tests.oracle.nouns import Event as OracleEvent
from tests.oracle.oracle import run
from tests.oracle.policies import Written
from tests.oracle.streams import make_stream
from tests.oracle.tree import Policy as OraclePolicy

# What moves what is published; a policy's own kinds may have fields that no one table can hold.
MOVING = ("open", "draw", "charge", "repay", "due", "balance", "delinquency")
_WORDS, _NUMBERS = ("id", "account", "kind", "customer"), ("at", "limit", "amount", "due_on", "days")
FEED = pa.schema([*((name, pa.string()) for name in _WORDS), *((name, pa.int64()) for name in _NUMBERS)])


def family_of(written: Written, seed: int, size: int = 3) -> dict[str, list[OracleEvent]]:
    """The events of some accounts of one customer, each in order of time; what is given is not among them.

    The lives are brought near each other in time, or they would never meet.
    """
    accounts: dict[str, list[OracleEvent]] = {}
    start = None
    for number in range(size):
        rng = Random(f"family life {seed} {number}")
        events = [e for e in make_stream(written.policy, rng, sizes=(5, 25)) if e.kind not in ("customer", "reversal")]
        first = min(event.at for event in events)
        start = first if start is None else start
        name, shift = f"F{number}", start - first + rng.choice((0, 1, 26, 100)) * 86_400_000
        accounts[name] = [_of_family(event, name, shift) for event in events]
    return accounts


def _of_family(event: OracleEvent, account: str, shift: int) -> OracleEvent:
    fields = dict(event.fields)
    if "due_on" in fields:
        fields["due_on"] = max(int(fields["due_on"]) + shift // 86_400_000, 0)
    if event.kind == "open":
        fields["customer"] = "C"
    return replace(event, id=f"{account}/{event.id}", account=account, at=max(event.at + shift, 0), fields=fields)


class Derivation(NamedTuple):
    """What accounts are given: by events of which `kind`, of which `moving` events of a feed, and who derives it."""

    kind: str
    moving: tuple[str, ...]
    feed: pa.Schema
    by_program: Callable[[Kernel, pa.Table, int], list[GivenEvent]]
    by_oracle: Callable[[OraclePolicy, dict[str, list[OracleEvent]], int], dict[str, list[OracleEvent]]]


CUSTOMERS = Derivation("customer", MOVING, FEED, given_in_table, family.given)


def given_by_program(
    how: Derivation, kernel: Kernel, accounts: dict[str, list[Event]], until_day: int
) -> dict[str, list[Event]]:
    """The events of each account with what the program gives it; ids as the oracle has them."""
    moving = [event for events in accounts.values() for event in events if event.kind in how.moving]
    heads = ({"id": e.id, "account": e.account, "kind": e.kind, "at": e.at, **e.fields} for e in moving)
    table = pa.Table.from_pylist(list(heads), how.feed)
    out = {name: list(events) for name, events in accounts.items()}
    for one in how.by_program(kernel, table, until_day):
        event, day = one.event, kernel.calendar.day(one.event.at)
        assert one.after_row == -1
        assert event.id == f"{how.kind}:{event.account}:{date_of(day)}"
        out[event.account].append(replace(event, id=f"given {event.account} {day}"))
    return {name: sorted(events, key=lambda one: (one.at, one.kind != how.kind)) for name, events in out.items()}


def given_differences(
    how: Derivation, written: Written, policy: Policy, kernel: Kernel, accounts: dict[str, list[OracleEvent]]
) -> tuple[list[str], int, int]:
    """What differs between oracle and program for some accounts; decisions and given events of the oracle."""
    mine = {name: for_program(events) for name, events in accounts.items()}
    until = max(kernel.calendar.day(event.at) for events in mine.values() for event in events) + 40
    expected = how.by_oracle(written.policy, accounts, until)
    made = given_by_program(how, kernel, mine, until)
    said, decisions, count = list[str](), 0, 0
    for name, events in expected.items():
        given = [(one.at, dict(one.fields)) for one in events if one.kind == how.kind]
        count += len(given)
        own = [(one.at, dict(one.fields)) for one in made[name] if one.kind == how.kind]
        if own != given:
            first = next((pair for pair in zip(own, given, strict=False) if pair[0] != pair[1]), "one has more")
            said.append(f"{name} is given otherwise: {first}, {len(own)} by the program, {len(given)} by the oracle")
            continue
        outcome = run(written.policy, events, until)
        decisions += len(outcome.rulings)
        for result in (by_arrival(kernel, made[name], until), *both_ways(kernel, made[name], until)):
            said += differences(policy, outcome, *result)
    return said, decisions, count


def family_differences(written: Written, policy: Policy, kernel: Kernel, seed: int) -> tuple[list[str], int, int]:
    """What differs between oracle and program for one family; decisions and given events of the oracle."""
    return given_differences(CUSTOMERS, written, policy, kernel, family_of(written, seed))


def both_ways(kernel: Kernel, events: Sequence[Event], until: int) -> list[tuple[list, set[str]]]:  # type: ignore[type-arg]
    """What the compiled way says, lazy and not."""
    return [in_bulk(kernel, [list(events)], until, compiled=False, lazy=lazy)[0] for lazy in (True, False)]
