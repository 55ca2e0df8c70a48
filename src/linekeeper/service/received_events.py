"""Events that a request brings: validated at once, decided on in the writer's transaction, answered again alike."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, select

from linekeeper.cli.answers.accounts import decision_record
from linekeeper.connect.files import read_event_rows, read_few_rows
from linekeeper.connect.validation import Validator
from linekeeper.core.bounds import DAY_MS
from linekeeper.core.decision import Decision
from linekeeper.core.errors import Conflict
from linekeeper.core.event import Event, Rejection, RejectionCode
from linekeeper.decide.canonical import read_decision
from linekeeper.engine.engine import Engine
from linekeeper.engine.inbox import FEW_EVENTS
from linekeeper.journal import tables as t
from linekeeper.journal.store import as_bytes, insert_many, last_number
from linekeeper.service.answers import EventsReceivedAnswer, RejectedEvent
from linekeeper.service.intake import GivenRows

ANSWERS_KEPT_MS = 3 * DAY_MS
AGAIN = "it was rejected when the request came first; its reason stood in that answer"


@dataclass(frozen=True)
class ReadEvents:
    """The events of a request as the engine takes them, and what was rejected before it."""

    events: list[Event] | pa.Table
    rejected: list[Rejection]
    same: int
    count: int
    source: str


@dataclass(frozen=True)
class RequestKey:
    """A key of idempotency: whose it is, the key, and the hash of what was sent with it."""

    holder: str
    key: str
    content: str


def request_key(holder: str, key: str | None, media_type: str, source: str, body: bytes) -> RequestKey | None:
    """The key of a request; None where it has none."""
    if key is None:
        return None
    head = f"{media_type}\n{source}\n".encode()
    return RequestKey(holder, key, sha256(head + body).hexdigest())


def validate_events(given: GivenRows, validator: Validator, source: str) -> ReadEvents:
    """Validate the events of a request."""
    few = read_few_rows(given.rows, validator) if len(given.rows) <= FEW_EVENTS else None
    if few is not None:
        events, aside, same = few[0], few[1], 0
    else:
        intake = read_event_rows(given.rows, validator.policy, clock=validator.clock)
        events, aside, same = intake.table, intake.rejected, intake.same
    places = {f"row {number}": place for number, place in enumerate(given.places, start=1)}
    named = [Rejection(places.get(one.place, one.place), one.reason, one.code) for one in aside]
    return ReadEvents(events, [*given.rejected, *named], same, given.count, source)


def take_in(connection: Connection, engine: Engine, read: ReadEvents, asked: RequestKey | None) -> EventsReceivedAnswer:
    """Decide on the events in a transaction that is open. With a key that came before, the answer of then.

    Raises Conflict where the key came before with something else.
    """
    if asked is not None and (before := _answered(connection, engine, read, asked)) is not None:
        return before
    kept: list[Decision] = []
    summary = engine.receive(read.events, read.source, keep=kept.append, transaction=connection)
    rejected = [*read.rejected, *summary.rejected]
    figures = {
        "events": read.count,
        "repeats": read.same + summary.same,
        "pending": summary.pending,
        "excess_draws": summary.excess_draws,
        "unowed_dues": summary.unowed_dues,
    }
    if asked is not None:
        last = last_number(connection, "changes")
        # Of a rejected event the id may be all that names it, and that may name a person: only its code is kept.
        places = [(one.place if not one.place.startswith("event ") else "", one.code.value) for one in rejected]
        noted = json.dumps({"figures": figures, "rejected": places})
        _note(connection, asked, (last - len(kept) + 1, last), noted, engine.clock.now_ms())
    return _answer(engine, read.source, figures, rejected, kept, replayed=False)


def _answered(
    connection: Connection, engine: Engine, read: ReadEvents, asked: RequestKey
) -> EventsReceivedAnswer | None:
    r, d = t.answered_requests.c, t.decisions.c
    row = connection.execute(
        select(r.content, r.first_seq, r.last_seq, r.figures).where(r.holder == asked.holder, r.key == asked.key)
    ).first()
    if row is None:
        return None
    if row.content != asked.content:
        raise Conflict(
            "this `Idempotency-Key` came before with another body",
            code="idempotency-key-taken",
            way_out="send each request with a key of its own",
        )
    noted = json.loads(row.figures)
    reasons = {(one.place, one.code.value): one.reason for one in read.rejected}
    rejected = [
        Rejection(place, reasons.get((place, code), AGAIN), RejectionCode(code)) for place, code in noted["rejected"]
    ]
    made = connection.execute(select(d.record).where(d.seq.between(row.first_seq, row.last_seq)).order_by(d.seq))
    decisions = [read_decision(as_bytes(record)) for record in made.scalars()]
    return _answer(engine, read.source, noted["figures"], rejected, decisions, replayed=True)


def _note(connection: Connection, asked: RequestKey, made: tuple[int, int], figures: str, now: int) -> None:
    r = t.answered_requests
    connection.execute(r.delete().where(r.c.at < now - ANSWERS_KEPT_MS))
    columns = ("holder", "key", "content", "first_seq", "last_seq", "figures", "at")
    insert_many(connection, r, columns, [(asked.holder, asked.key, asked.content, *made, figures, now)])


def _answer(
    engine: Engine,
    source: str,
    figures: dict[str, Any],
    rejected: list[Rejection],
    decisions: list[Decision],
    replayed: bool,
) -> EventsReceivedAnswer:
    zone = engine.policy.time_zone
    return EventsReceivedAnswer(
        source=source,
        currency=engine.policy.currency,
        conflicts=sum(one.code == RejectionCode.CONFLICT for one in rejected),
        rejected=[RejectedEvent(place=one.place, code=one.code, reason=one.reason) for one in rejected],
        decisions=[decision_record(decision, zone) for decision in decisions],
        replayed=replayed,
        **figures,
    )
