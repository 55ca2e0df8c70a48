"""Sends borrowers' lives through the engine, batch by batch, and holds what comes out against oracle and truth."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count as count_from
from pathlib import Path
from random import Random

from linekeeper.connect.event_table import schema_of, table_of
from linekeeper.core.decision import Decision
from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import Event
from linekeeper.decide.canonical import digest_all, read_decision
from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.journal.store import decision_records, open_store
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.corrections.lives import Told, lender, lives
from tests.corrections.truth import Found, against_truth, at_the_end, moments
from tests.engine.lives import ANY_TIME
from tests.oracle.clock import DAY_MS, clock, day_of
from tests.oracle.generate import for_program, policy_text
from tests.oracle.oracle import Ruling, run
from tests.oracle.reader import read
from tests.oracle.streams import make_stream

BATCH_DAYS = 16
AFTER_DAYS = 40


# ------------------------------------------------------------------ batches


@dataclass(frozen=True)
class Batch:
    """Events that are received together; then a review up to the start of `review_day`, if there is one."""

    events: list[Event]
    review_day: int | None = None


@dataclass
class Arrived:
    """One account's events as they reach the oracle, with the day reviewed before the n-th."""

    events: list[Event] = field(default_factory=list)
    reviews: dict[int, int] = field(default_factory=dict)


def in_batches(policy: Policy, told: Iterable[Told], rng: Random) -> list[Batch]:
    """What arrives within two weeks or so comes together; after most batches, a review of the day that has come.

    The last batch brings nothing but a review, some weeks later.
    """
    ordered = sorted(told, key=lambda one: one.arrives)
    batches, end = [], ordered[0].arrives
    while ordered:
        end += rng.randrange(1, BATCH_DAYS) * DAY_MS
        taken = [one.event for one in ordered if one.arrives < end]
        ordered = ordered[len(taken) :]
        batches.append(Batch(taken, day_of(clock(policy.time_zone).hour(end)) if rng.random() < 0.7 else None))
    return [*batches, Batch([], day_of(clock(policy.time_zone).hour(end)) + AFTER_DAYS)]


def each_once(batches: Sequence[Batch], refused: Collection[str]) -> list[Batch]:
    """The same without what was sent before; of what was refused once, each attempt stays, for it may succeed later."""
    seen: set[str] = set()
    rest = []
    for batch in batches:
        fresh = [event for event in batch.events if event.id not in seen or event.id in refused]
        fresh = list({event.id: event for event in fresh}.values())
        seen |= {event.id for event in fresh}
        rest.append(replace(batch, events=fresh))
    return rest


def as_arrived(batches: Sequence[Batch]) -> dict[str, Arrived]:
    """The accounts' events for the oracle: a batch is put in order of time first, and holds each event once."""
    accounts: dict[str, Arrived] = {}
    reviewed = 0
    for batch in batches:
        once = {event.id: event for event in batch.events}
        for event in sorted(once.values(), key=lambda event: event.at):
            one = accounts.setdefault(event.account, Arrived())
            one.reviews[len(one.events)] = reviewed
            one.events.append(event)
        reviewed = max(reviewed, batch.review_day or 0)
    return accounts


# ------------------------------------------------------------------ the engine


def receive(engine: Engine, batches: Sequence[Batch]) -> None:
    """Send them all, in order."""
    schema = schema_of(engine.policy)
    for batch in batches:
        if batch.events:
            engine.receive(table_of(batch.events, schema), "core")
        if batch.review_day is not None:
            engine.review(batch.review_day)


def decided(engine: Engine) -> tuple[dict[str, list[Decision]], str]:
    """What the engine decided, by account, and the digest of it all."""
    with engine.store.reading() as connection:
        records = list(decision_records(connection))
    found: dict[str, list[Decision]] = {}
    for account, _, record, _ in records:
        found.setdefault(account, []).append(read_decision(record))
    return found, digest_all(record for _, _, record, _ in records)


# ------------------------------------------------------------------ against the oracle


def told_by(decision: Decision) -> dict[str, object]:
    """What a decision says, for comparison."""
    before, after = decision.before, decision.after
    return {
        "event": decision.event,
        "action": decision.action,
        "before": (before.limit, before.granted, before.status),
        "after": (after.limit, after.granted, after.status),
        "released": decision.triggers_released,
        "in force": decision.triggers_in_force,
        "values": dict(decision.values),
        "score": (decision.score, dict(decision.sub_scores), decision.pd_ppm),
        "offer": (decision.offer.limit, decision.offer.number) if decision.offer else (None, None),
        "corrects": decision.corrects,
        "reasons": bool(decision.reasons) and decision.action == "correct",
    }


def expected_of(rulings: Sequence[Ruling]) -> Iterator[dict[str, object]]:
    """The same of the oracle's rulings. A correction names the decisions that were wrong, and has no reasons."""
    for ruling in rulings:
        released = tuple(name for name in ruling.set_before if name not in ruling.set_after)
        yield {
            "event": ruling.event,
            "action": ruling.action.name.lower(),
            "before": (ruling.before.limit, ruling.before.granted, ruling.before.status.name.lower()),
            "after": (ruling.after.limit, ruling.after.granted, ruling.after.status.name.lower()),
            "released": released,
            "in force": ruling.set_after,
            "values": dict(ruling.values),
            "score": (ruling.score, dict(ruling.sub_scores), ruling.pd),
            "offer": (ruling.offered, ruling.offer_number),
            "corrects": ruling.corrects,
            "reasons": False,
        }


def differences(account: str, found: Sequence[Decision], rulings: Sequence[Ruling]) -> list[str]:
    """Where the engine's decisions and the oracle's part, in words: the first place of an account."""
    expected = list(expected_of(rulings))
    for number, (mine, theirs) in enumerate(zip(map(told_by, found), expected, strict=False), 1):
        names = [name for name in mine if mine[name] != theirs[name]]
        if names:
            name = names[0]
            return [f"{account}#{number} {name}: the engine says {mine[name]}, the oracle {theirs[name]}"]
    if len(found) != len(expected):
        return [f"{account}: {len(found)} decisions by the engine, {len(expected)} by the oracle"]
    return []


# ------------------------------------------------------------------ one policy, some lives


def check(policy: Policy, batches: Sequence[Batch], truths: int, to_the_end: bool) -> Found:
    """Everything that this package promises, on these batches; `truths` moments of each account against the truth.

    `to_the_end`: nor is anything left, when all has arrived and weeks have passed, that the truth does not support.
    """
    found = Found()
    until = max((batch.review_day or 0 for batch in batches), default=0) or None
    accounts = as_arrived(batches)
    outcomes = {name: run(read(policy.source), one.events, until, one.reviews) for name, one in accounts.items()}
    refused = Counter(one.event for outcome in outcomes.values() for one in outcome.refused)
    by_account, faults = through_engine(policy, batches, refused)
    found.wrong += faults
    for name, arrived in accounts.items():
        own = by_account.get(name, [])
        found.counts.update(decision.action for decision in own)
        found.counts["streams"] += 1
        found.counts["reversals"] += sum(event.kind == "reversal" for event in arrived.events)
        found.wrong += differences(name, own, outcomes[name].rulings)
        told = moments(policy, arrived.events, arrived.reviews, refused, own)
        found.add(against_truth(policy, name, told, own, truths))
        if to_the_end and until is not None:
            found.add(at_the_end(policy, name, told, own, until))
    return found


def through_engine(
    policy: Policy, batches: Sequence[Batch], refused: Collection[str]
) -> tuple[dict[str, list[Decision]], list[str]]:
    """The engine's decisions by account; faults where its journal does not verify, or duplicates change anything."""
    faults = []
    with tempfile.TemporaryDirectory() as name:
        engine, once = (
            Engine(open_store(str(Path(name) / file)), policy, clock=ANY_TIME) for file in ("all.db", "once.db")
        )
        receive(engine, batches)
        by_account, digest = decided(engine)
        verdict = verify(engine.store)
        if verdict.first_difference:
            faults.append(f"verify: {verdict.first_difference}")
        receive(once, each_once(batches, refused))
        if decided(once)[1] != digest:
            faults.append("duplicates make a difference")
        engine.store.close()
        once.store.close()
    return by_account, faults


def lenders_case(seed: int, count: int) -> Found:
    """A lender and some borrowers' lives, with reviews in between."""
    rng = Random(f"lender {seed}")
    policy = load_text(lender(rng))
    told = [one for life in lives(policy, seed, count) for one in life]
    return check(policy, in_batches(policy, told, rng), truths=2, to_the_end=True)


def any_case(seed: int, count: int) -> Found:
    """Any policy of the language, and streams that come close to all that it looks at; no reviews in between."""
    rng = Random(f"any {seed}")
    policy = next(policy for number in count_from(1000 * seed) if has_table(policy := load_text(policy_text(number))))
    own = read(policy.source)
    made = [for_program(make_stream(own, rng, True, 4, (5, 25))) for _ in range(count)]
    streams = [_renamed(stream, f"A{number}") for number, stream in enumerate(made)]
    events = [event for stream in streams for event in _sent_again(stream, rng)]
    step = rng.randint(1, 20)
    chunks = [_chunks(stream, step) for stream in ([e for e in events if e.account == f"A{n}"] for n in range(count))]
    longest = max(map(len, chunks))
    merged = [[event for chunk in chunks if place < len(chunk) for event in chunk[place]] for place in range(longest)]
    return check(policy, [Batch(part) for part in merged], truths=1, to_the_end=False)


def has_table(policy: Policy) -> bool:
    """Whether its events fit one table: no name is a number in one kind and a word in another."""
    try:
        return bool(schema_of(policy))
    except LinekeeperError:
        return False


def _renamed(stream: Sequence[Event], account: str) -> list[Event]:
    """The stream as that account's: ids are the source's, so each account has its own."""
    renamed = []
    for event in stream:
        fields = {**event.fields, "of": f"{account}-{event.fields['of']}"} if "of" in event.fields else event.fields
        renamed.append(Event(f"{account}-{event.id}", account, event.kind, event.at, fields))
    return renamed


def _sent_again(stream: Sequence[Event], rng: Random) -> list[Event]:
    """Some events come a second time, some places later."""
    places = [(place, event) for place, event in enumerate(stream)]
    again = [(place + rng.randint(1, 8), event) for place, event in places if rng.random() < 0.1]
    return [event for _, event in sorted([*places, *again], key=lambda one: one[0])]


def _chunks(stream: Sequence[Event], step: int) -> list[list[Event]]:
    return [list(stream[start : start + step]) for start in range(0, len(stream), step)]
