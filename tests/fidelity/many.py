"""`python -m tests.fidelity.many --decisions 10000 --json`: the fidelity test at length.

Half of the decisions are those of the population under policies/consumer-loan.yaml, half of generated policies.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import count
from pathlib import Path

from linekeeper.connect.event_table import events_of_table
from linekeeper.core.event import Event
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.lab.population import population
from linekeeper.policy.load import load_file, load_text
from tests.fidelity.switch import Adverse, Fidelity, adverse_decisions
from tests.oracle.generate import policy_text, stream

POLICY = Path(__file__).resolve().parents[2] / "policies" / "consumer-loan.yaml"
ACCOUNTS_AT_ONCE = 200
AFTER_DAYS = 40
FROM_ONE_STREAM = 20  # decisions looked at, at most: many policies rather than one again and again


def of_the_population(seed: int, days: int = 730) -> Iterator[tuple[Kernel, Adverse]]:
    """Adverse decisions of borrowers, without end."""
    kernel = kernel_of(load_file(POLICY))
    for number in count(seed):
        events: dict[str, list[Event]] = {}
        for event in events_of_table(population(accounts=ACCOUNTS_AT_ONCE, days=days, seed=number).events):
            events.setdefault(event.account, []).append(event)
        for own in events.values():
            until = kernel.calendar.day(own[-1].at) + AFTER_DAYS
            yield from ((kernel, case) for case in adverse_decisions(kernel, own, until))


def of_generated_policies(seed: int) -> Iterator[tuple[Kernel, Adverse]]:
    """Adverse decisions under generated policies, without end."""
    for number in count(seed):
        policy = load_text(policy_text(number))
        kernel = Kernel(policy)
        events = stream(policy, number)
        until = kernel.calendar.day(events[-1].at) + AFTER_DAYS
        for found, case in enumerate(adverse_decisions(kernel, events, until)):
            if found == FROM_ONE_STREAM:
                break
            yield kernel, case


def measured(cases: Iterator[tuple[Kernel, Adverse]], decisions: int) -> Fidelity:
    """The first so many of the cases."""
    found = Fidelity()
    while found.decisions < decisions:
        found.add(*next(cases))
    return found


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    began = time.perf_counter()
    half = asked.decisions // 2
    found = {
        "population": measured(of_the_population(asked.seed), asked.decisions - half),
        "generated": measured(of_generated_policies(asked.seed), half),
    }
    told = {name: asdict(one) for name, one in found.items()}
    told["seconds"] = round(time.perf_counter() - began, 1)
    sys.stdout.write(json.dumps(told, indent=None if asked.json else 2) + "\n")
    if not all(one.holds for one in found.values()):
        sys.exit(3)


if __name__ == "__main__":
    main()
