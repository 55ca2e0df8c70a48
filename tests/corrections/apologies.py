"""Every wrong restriction is apologised for, and no other.

`python -m tests.corrections.apologies --lives 10000 --json`

Borrowers' lives, told late, with facts that are missing for a while and facts that are taken back, go through the
engine. The judge is the oracle, run over the facts in order of time. A restriction that this truth supported when it
was decided, and supports no more, must be named by a `correct` decision; what a `correct` decision names must be
something that the truth, as it was known then, does not support. Ends with status 1 where either fails.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from random import Random

from linekeeper.connect.event_table import schema_of, table_of
from linekeeper.core.decision import Decision
from linekeeper.core.event import Event
from linekeeper.engine.engine import Engine
from linekeeper.journal.store import open_store
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.corrections.check import Batch, as_arrived, decided, in_batches
from tests.corrections.lives import lender, lives
from tests.corrections.truth import Found, Moment, moments
from tests.engine.lives import ANY_TIME
from tests.oracle.clock import clock, day_of
from tests.oracle.oracle import in_truth
from tests.oracle.outcome import Outcome
from tests.oracle.reader import read

LIVES_A_CASE = 20


def receive_noting_rejections(engine: Engine, batches: Sequence[Batch]) -> Counter[str]:
    """Send all batches; how often each event was refused."""
    refused: Counter[str] = Counter()
    schema = schema_of(engine.policy)
    for batch in batches:
        if batch.events:
            summary = engine.receive(table_of(batch.events, schema), "core")
            refused.update(one.place.removeprefix("event ") for one in summary.rejected)
        if batch.review_day is not None:
            engine.review(batch.review_day)
    return refused


def set_at(truth: Outcome, decision: Decision) -> frozenset[str]:
    """The triggers that are set in truth at the moment of a decision: at the start of its day, or after its event."""
    morning = decision.event is None
    known = [
        one
        for one in truth.rulings
        if one.at < decision.at or (one.at == decision.at and (one.event is None or not morning))
    ]
    return frozenset(known[-1].set_after) if known else frozenset()


def unsupported(policy: Policy, decision: Decision, facts: Sequence[Event]) -> set[str]:
    """What a decision set, that restricts, and that these facts in order of time would not have set at that moment."""
    restricting = {one.name for one in policy.triggers if one.restricts}.intersection(decision.triggers_set)
    if not restricting:
        return set()
    truth = in_truth(read(policy.source), facts, day_of(clock(policy.time_zone).hour(decision.at)))
    return restricting - set_at(truth, decision)


def known_at(told: Sequence[Moment], decision: Decision) -> list[Event]:
    """The facts that were known when a decision was made."""
    for moment in told:
        if decision.event is not None and moment.event.id == decision.event:
            return moment.facts
    return [moment for moment in told if moment.now <= decision.at][-1].facts


def judged(
    policy: Policy, account: str, told: Sequence[Moment], decisions: Sequence[Decision]
) -> Iterator[tuple[str, str]]:
    """What is to be said of one life: a name to count, and of a fault its words."""
    named = {number: one for one in decisions if one.action == "correct" for number in one.corrects}
    for decision in decisions:
        if not unsupported(policy, decision, told[-1].facts):
            continue
        if decision.number in named:
            yield "wrong and corrected", ""
        elif unsupported(policy, decision, known_at(told, decision)):
            # The line went another way than in truth, for bad news that comes late counts from its arrival on; what
            # followed from that line was right by all that was known, and no later fact bears on it.
            yield "followed from bad news that came late", ""
        else:
            yield "silent", f"{account}#{decision.number} was wrong, and no correction names it"
    for number, correction in named.items():
        if unsupported(policy, decisions[number - 1], known_at(told, correction)):
            yield "apologies", ""
        else:
            yield "not due", f"{account}#{correction.number} names {number}, which the facts support"


def apologies_case(seed: int, count: int = LIVES_A_CASE) -> Found:
    """A lender and that many lives, with reviews in between."""
    rng, found = Random(f"apologies {seed}"), Found()
    policy = load_text(lender(rng))
    batches = in_batches(policy, [one for life in lives(policy, seed, count) for one in life], rng)
    with tempfile.TemporaryDirectory() as name:
        engine = Engine(open_store(str(Path(name) / "store.db")), policy, clock=ANY_TIME)
        refused = receive_noting_rejections(engine, batches)
        by_account, _ = decided(engine)
        engine.store.close()
    for account, arrived in as_arrived(batches).items():
        own = by_account.get(account, [])
        found.counts["lives"] += 1
        found.counts["restrictions"] += sum(bool(one.triggers_set) for one in own)
        found.counts["corrections"] += sum(one.action == "correct" for one in own)
        found.counts["of a line that was whole again"] += sum(
            one.action == "correct" and one.before == one.after for one in own
        )
        told = moments(policy, arrived.events, arrived.reviews, refused, own)
        for what, fault in judged(policy, account, told, own):
            found.counts[what] += 1
            found.wrong += [f"case {seed}: {fault}"] if fault else []
    return found


def main() -> int:
    """Run as many lives as the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.corrections.apologies", description=__doc__)
    parser.add_argument("--lives", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first case")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked, total = parser.parse_args(), Found()
    seeds = range(asked.first, asked.first - (-asked.lives // LIVES_A_CASE))
    with ProcessPoolExecutor(asked.workers) as pool:
        for done, found in enumerate(pool.map(partial(apologies_case, count=LIVES_A_CASE), seeds), 1):
            total.add(found)
            print(f"\r{done} of {len(seeds)} cases, {len(total.wrong)} wrong", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    figures = {**dict(sorted(total.counts.items())), "wrong": len(total.wrong)}
    figures.setdefault("silent", 0)
    figures.setdefault("not due", 0)
    print(json.dumps(figures) if asked.json else "\n".join(f"{name}: {count}" for name, count in figures.items()))
    for fault in total.wrong[:20]:
        print(fault, file=sys.stderr)
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
