"""Generated rings: accounts that share things, by the oracle and by the program."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pyarrow as pa

from linekeeper.engine.links import linked_in_table
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.model import Policy
from tests.customers.families import FEED, MOVING, Derivation, family_of, given_differences
from tests.oracle import ring
from tests.oracle.nouns import Event as OracleEvent
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


TIES = Derivation("linked", (*MOVING, *TYING), RING_FEED, linked_in_table, ring.linked)


def ring_differences(written: Written, policy: Policy, kernel: Kernel, seed: int) -> tuple[list[str], int, int]:
    """What differs between oracle and program for one ring; decisions and given events of the oracle."""
    return given_differences(TIES, written, policy, kernel, ring_of(written, seed))
