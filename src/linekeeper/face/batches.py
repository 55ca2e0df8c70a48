"""Batches of files that wait for a person, with Python's own times."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from linekeeper.engine.engine import Engine
from linekeeper.engine.feed_batches import BatchRecord, BatchRuling, rule_on_batch
from linekeeper.engine.rulings import demand_clock
from linekeeper.face.arguments import given_text, optional_text
from linekeeper.face.times import instant_of

UTC = "UTC"  # a store in which no batch was ever taken in has no time zone yet


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """A batch of a source that has a contract: a file, known by the SHA-256 of its `content`. Instants are in UTC.

    `state`: `waiting` for a person; `released`, to be given again; `begun`, which was begun and did not end; `taken`;
    `rejected`. `broken`: a sentence for each term that it breaks. `ruling`, `by`, `why` and `ruled_at` are None where
    nobody ruled on it.
    """

    source: str
    content: str
    name: str
    events: int
    state: str
    arrived_at: datetime
    broken: tuple[str, ...]
    ruling: str | None
    by: str | None
    why: str | None
    ruled_at: datetime | None


def feed_batch_of(record: BatchRecord) -> FeedBatch:
    """The batch as the store has it, with Python's own times."""
    ruled_at = None if record.ruled_at is None else instant_of(record.ruled_at, UTC)
    return FeedBatch(**(asdict(record) | {"arrived_at": instant_of(record.arrived_at, UTC), "ruled_at": ruled_at}))


def ruled_batch(engine: Engine, content: str, ruling: BatchRuling, by: str, why: str, source: str | None) -> FeedBatch:
    """The batch after a person's ruling on it; see `rule_on_batch`."""
    demand_clock(engine.store, engine.clock)
    record = rule_on_batch(
        engine.store,
        engine.keeper,
        given_text("content", content),
        ruling,
        by=given_text("by", by),
        why=given_text("why", why),
        at=engine.clock.now_ms(),
        source=optional_text("source", source),
    )
    return feed_batch_of(record)
