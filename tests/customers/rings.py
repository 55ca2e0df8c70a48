"""Generated rings: accounts that share things, by the oracle and by the program."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pyarrow as pa

from linekeeper.core.dates import date_of
from linekeeper.core.event import Event
from linekeeper.engine.links import linked_in_table
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.model import Policy
from tests.customers.families import FEED, MOVING, both_ways, family_of
from tests.kernel.agree import by_arrival, differences
from tests.oracle import ring
from tests.oracle.generate import for_program
from tests.oracle.nouns import Event as OracleEvent
from tests.oracle.oracle import run
from tests.oracle.policies import Written

TYING = ("link", "unlink")
RING_FEED = pa.schema([*FEED, ("tie", pa.string()), ("key", pa.string()), ("consent", pa.int64())])


def ring_of(written: Written, seed: int, size: int = 4) -> dict[str, list[OracleEvent]]:
    """The events of some accounts that share few things, each in order of time."""
    rng = Random(f"ring {seed}")
    accounts = {}
    for name, events in family_of(written, seed, size).items():
        own = [replace(e, fields={k: v for k, v in e.fields.items() if k != "customer"}) for e in events]
        own = [event for event in own if event.kind not in (*TYING, "linked")]
        times = [event.at for event in own]
        for number in range(rng.randint(1, 5)):
            tie = rng.choice(written.policy.ties).name
            fields: dict[str, int | str] = {"tie": tie, "key": rng.choice("xxy")}
            kind = "link" if number == 0 or rng.random() < 0.7 else "unlink"
            if kind == "link" and rng.random() < 0.8:
                fields["consent"] = int(rng.random() < 0.9)
            at = rng.choice(times) + rng.randrange(5 * 86_400_000)
            own.append(OracleEvent(f"{name}/tie{number}", name, kind, at, fields))
        accounts[name] = sorted(own, key=lambda event: event.at)
    return accounts


def linked_by_program(kernel: Kernel, accounts: dict[str, list[Event]], until_day: int) -> dict[str, list[Event]]:
    """The events of each account with what the program gives it; ids as the oracle has them."""
    moving = [event for events in accounts.values() for event in events if event.kind in (*MOVING, *TYING)]
    heads = ({"id": e.id, "account": e.account, "kind": e.kind, "at": e.at, **e.fields} for e in moving)
    table = pa.Table.from_pylist(list(heads), RING_FEED)
    out = {name: list(events) for name, events in accounts.items()}
    for one in linked_in_table(kernel, table, until_day):
        event, day = one.event, kernel.calendar.day(one.event.at)
        assert one.after_row == -1
        assert event.id == f"linked:{event.account}:{date_of(day)}"
        out[event.account].append(replace(event, id=f"given {event.account} {day}"))
    return {name: sorted(events, key=lambda one: (one.at, one.kind != "linked")) for name, events in out.items()}


def ring_differences(written: Written, policy: Policy, kernel: Kernel, seed: int) -> tuple[list[str], int, int]:
    """What differs between oracle and program for one ring; decisions and given events of the oracle."""
    accounts = ring_of(written, seed)
    mine = {name: for_program(events) for name, events in accounts.items()}
    until = max(kernel.calendar.day(event.at) for events in mine.values() for event in events) + 40
    expected = ring.linked(written.policy, accounts, until)
    made = linked_by_program(kernel, mine, until)
    said, decisions, count = list[str](), 0, 0
    for name, events in expected.items():
        given = [(one.at, dict(one.fields)) for one in events if one.kind == "linked"]
        count += len(given)
        own = [(one.at, dict(one.fields)) for one in made[name] if one.kind == "linked"]
        if own != given:
            first = next((pair for pair in zip(own, given, strict=False) if pair[0] != pair[1]), "one has more")
            said.append(f"{name} is given otherwise: {first}, {len(own)} by the program, {len(given)} by the oracle")
            continue
        outcome = run(written.policy, events, until)
        decisions += len(outcome.rulings)
        for result in (by_arrival(kernel, made[name], until), *both_ways(kernel, made[name], until)):
            said += differences(policy, outcome, *result)
    return said, decisions, count
