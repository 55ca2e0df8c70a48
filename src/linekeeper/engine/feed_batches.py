"""Batches of feeds that have a contract: one that breaks it waits as a whole until a named person rules on it.

A batch is what one run reads of a source, and is known by the hash of its content. The store keeps no event of a batch
that waits: only the hash, the name of the file, the figures, what was broken and what was ruled. The file is given
again once its hash is released. So nothing of a borrower lies in the store before it is taken in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.compute as pc
import rfc8785
from sqlalchemy import Connection, Row, select

from linekeeper.core.characters import one_line
from linekeeper.core.errors import Conflict, NotFound, Refused, UsageError
from linekeeper.core.event import Rejection
from linekeeper.engine.contract import (
    BatchFigures,
    BrokenTerm,
    Contract,
    Parts,
    broken_terms,
    demand_fitting,
    figures_as_json,
    figures_of,
    figures_of_json,
)
from linekeeper.engine.rulings import demand_named
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, demand_keys
from linekeeper.journal.log.entry import Record, RecordKind
from linekeeper.journal.store import Store, insert_many, load_accounts

if TYPE_CHECKING:
    from linekeeper.engine.engine import Engine

BatchRuling = Literal["release", "reject"]
BATCH_COLUMNS = ("source", "content", "name", "figures", "broken", "state", "arrived_at")
RULING_COLUMNS = ("source", "content", "name", "ruling", "by_whom", "why", "at")
STATE_AFTER: Mapping[BatchRuling, str] = {"release": "released", "reject": "rejected"}
BATCH_STATES = ("waiting", "released", "begun", "taken", "rejected")
ENDED = ("taken", "rejected")
CONTENT_MIN = 8  # so many digits of a hash name a batch


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """What was read of a source's file, before any of it is taken in: the events, the rejected rows, the repeats.

    `parts` reads the events, as event tables, once more at each call. `contract` is what the source has to keep,
    `content` the SHA-256 of the file in hex, `name` what the file is called.
    `cut_short`: its last line has no end.
    """

    contract: Contract
    source: str
    content: str
    name: str
    parts: Parts
    rejected: Sequence[Rejection]
    repeats: int
    cut_short: bool


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch as the store knows it. `broken` are the sentences of the terms that it breaks; `arrived_at` is UTC ms.

    `state`: `waiting` for a person; `released`, to be given again; `begun`, which a run began and did not end; `taken`;
    `rejected`. The ruling is the latest, None where there is none.
    """

    source: str
    content: str
    name: str
    events: int
    state: str
    arrived_at: int
    broken: tuple[str, ...]
    ruling: str | None = None
    by: str | None = None
    why: str | None = None
    ruled_at: int | None = None


# ------------------------------------------------------------------ before a batch is taken in


def admit_batch(engine: Engine, batch: ReadBatch, transaction: Connection | None = None) -> None:
    """Let the batch be taken in, or hold it as a whole: it breaks its contract and waits, or was rejected.

    Raises Refused (`batch-waits`, `batch-rejected`). That a batch waits is durable by then; with a `transaction`, once
    its owner commits.
    """
    demand_fitting(batch.contract, engine.policy)
    engine.require_keys()
    broken: list[BrokenTerm] = []
    with engine.store.writing(transaction) as connection:
        row = _row_of(connection, batch.source, batch.content)
        state = None if row is None else row.state
        # What a run began is finished as it was begun, and a content that was taken in before changes nothing.
        if state not in ("begun", "taken", "rejected"):
            broken = _measure(connection, engine, batch, row)
    if state == "rejected":
        raise _rejected(batch.name, batch.source, batch.content)
    if broken:
        raise _waits(batch, broken)


def demand_no_contract(engine: Engine, source: str, transaction: Connection | None = None) -> None:
    """Raises UsageError where batches of that source are measured by a contract: then none goes past it unmeasured."""
    b = t.feed_batches.c
    with engine.store.writing(transaction) if transaction is not None else engine.store.reading() as connection:
        known = connection.execute(select(b.seq).where(b.source == source).limit(1)).first()
    if known is not None:
        raise UsageError(
            f"the batches of `{source}` are measured by a contract, and none was given",
            code="contract-needed",
            way_out="name the file that has it: `--mapping` or `--contract`",
            details={"source": source},
        )


@contextmanager
def taking_in(
    engine: Engine,
    source: str | None,
    batch: ReadBatch | None,
    content: Callable[[], str] | None = None,
    transaction: Connection | None = None,
) -> Iterator[None]:
    """While a file of that source is taken in: it is held before where it has to be, and noted as taken after.

    `batch` is the file where it has a contract; without a `source` the events belong to no feed. `content` gives the
    file's SHA-256, and is asked for where batches of another source wait or were rejected.
    """
    if content is not None:
        # Where the other source has a contract of its own, that says whether the batch waits.
        states = ("waiting", "rejected") if batch is None else ("rejected",)
        demand_not_held(engine, source, content, states, transaction)
    if batch is not None:
        admit_batch(engine, batch, transaction)
    elif source is not None:
        demand_no_contract(engine, source, transaction)
    yield
    if batch is not None:
        note_taken(engine, batch, transaction)


def demand_not_held(
    engine: Engine,
    source: str | None,
    content: Callable[[], str],
    states: tuple[str, ...],
    transaction: Connection | None = None,
) -> None:
    """Raises Refused where a file is in one of these states as a batch of another source."""
    b = t.feed_batches.c
    held = select(b.content, b.source, b.state, b.name).where(b.state.in_(states))
    with engine.store.writing(transaction) if transaction is not None else engine.store.reading() as connection:
        rows = {row.content: row for row in connection.execute(held.where(b.source != (source or "")))}
    row = rows.get(content()) if rows else None
    if row is None:
        return
    if row.state == "rejected":
        raise _rejected(row.name, row.source, row.content)
    raise Refused(
        f"`{row.name}` waits as a batch of `{row.source}`, and none of it is taken in",
        code="batch-waits",
        place=row.name,
        way_out=f"release or reject it: `linekeeper pending batches`; it is batch {row.content[:12]}",
        details={"source": row.source, "content": row.content},
    )


def note_taken(engine: Engine, batch: ReadBatch, transaction: Connection | None = None) -> None:
    """Note that all of the batch is in the store. From here on, its figures count among the accepted ones."""
    b = t.feed_batches
    with engine.store.writing(transaction) as connection:
        of_batch = (b.c.source == batch.source, b.c.content == batch.content, b.c.state == "begun")
        ended = connection.execute(b.update().where(*of_batch).values(state="taken")).rowcount
        if ended and engine.keeper:
            content = {"kind": "batch taken", "source": batch.source, "content": batch.content}
            engine.keeper.seal(connection, [Record(RecordKind.BATCH, "", rfc8785.dumps(content))])


def _measure(connection: Connection, engine: Engine, batch: ReadBatch, row: Row[Any] | None) -> list[BrokenTerm]:
    """Note the batch as begun or as waiting; the terms that it breaks where it has to wait."""
    figures = figures_of(
        batch.parts(),
        engine.policy,
        engine.kernel.calendar,
        engine.clock,
        len(batch.rejected),
        batch.repeats,
        batch.cut_short,
    )
    figures = _with_known_accounts(connection, figures, batch)
    accepted = _accepted(connection, batch.source, batch.contract.batches)
    broken = broken_terms(batch.contract, figures, accepted, batch.parts, batch.rejected, engine.policy)
    # A person released what the file said then. Read by another mapping, it may say something else.
    if row is not None and row.state == "released" and figures_of_json(json.loads(row.figures)) == figures.as_read():
        broken = []
    sentences = json.dumps([each.sentence for each in broken] if broken or row is None else json.loads(row.broken))
    state = "waiting" if broken else "begun"
    written = json.dumps(figures_as_json(figures.as_read()))
    arrived_at = engine.clock.now_ms() if row is None else row.arrived_at
    known = (batch.source, batch.content, batch.name, written, sentences, state, arrived_at)
    note_batch(connection, engine.keeper, known)
    return broken


def note_batch(connection: Connection, keeper: Keeper | None, values: tuple[str | int, ...]) -> None:
    """Write a batch down as `BATCH_COLUMNS`, or anew where it is known; with a `keeper`, in a leaf of the log too."""
    changed = ", ".join(f"{name} = excluded.{name}" for name in ("name", "figures", "broken", "state"))
    tail = f"ON CONFLICT (source, content) DO UPDATE SET {changed}"
    insert_many(connection, t.feed_batches, BATCH_COLUMNS, [values], tail=tail)
    if keeper:
        content: dict[str, str | int] = {"kind": "batch", **dict(zip(BATCH_COLUMNS, values, strict=True))}
        keeper.seal(connection, [Record(RecordKind.BATCH, "", rfc8785.dumps(content))])


def _with_known_accounts(connection: Connection, figures: BatchFigures, batch: ReadBatch) -> BatchFigures:
    """The figures with the share of accounts that the store has or the batch opens."""
    accounts, opened = dict[str, None](), set[str]()
    for table in batch.parts():
        accounts |= dict.fromkeys(table["account"].unique().to_pylist())
        opened |= set(table.filter(pc.equal(table["kind"], "open"))["account"].to_pylist())
    if not accounts:
        return figures
    known = opened | set(load_accounts(connection, [each for each in accounts if each not in opened]))
    share = (Decimal(100 * len(known)) / len(accounts)).quantize(Decimal("0.01"))
    return replace(figures, values={**figures.values, "known_accounts": share})


def _accepted(connection: Connection, source: str, count: int) -> list[BatchFigures]:
    b = t.feed_batches.c
    query = select(b.figures).where(b.source == source, b.state == "taken").order_by(b.seq.desc()).limit(count)
    return [figures_of_json(json.loads(text)) for text in connection.execute(query).scalars()]


class _BrokenContract(Refused):
    has_lines = True


def _waits(batch: ReadBatch, broken: Sequence[BrokenTerm]) -> Refused:
    lines = "".join(f"  {one_line(each.with_examples)}\n" for each in broken)
    return _BrokenContract(
        f"`{batch.name}` breaks the contract of `{batch.source}`:\n{lines}it waits, and none of it is taken in",
        code="batch-waits",
        place=batch.name,
        way_out=f"mend the feed, or see `linekeeper pending batches`; it is batch {batch.content[:12]}",
        details={
            "source": batch.source,
            "content": batch.content,
            "broken": [
                {"term": each.name, "measured": each.measured, "expected": each.expected, "examples": [*each.examples]}
                for each in broken
            ],
        },
    )


def _rejected(name: str, source: str, content: str) -> Refused:
    return Refused(
        f"`{name}` was rejected as a batch of `{source}`, and is never taken in",
        code="batch-rejected",
        place=name,
        way_out="ask for the right file; `linekeeper pending batches list --ended` says who rejected it and why",
        details={"source": source, "content": content},
    )


# ------------------------------------------------------------------ what persons rule


def batch_records(connection: Connection, *, ended: bool = False) -> list[BatchRecord]:
    """The batches that are not taken in yet, in order of arrival; with `ended`, also those that were or never will be.

    A batch that kept its contract and was taken in is not shown: nobody had to look at it.
    """
    b, r = t.feed_batches.c, t.batch_rulings.c
    query = select(t.feed_batches).order_by(b.seq)
    rulings = {
        (row.source, row.content): row for row in connection.execute(select(t.batch_rulings).order_by(r.seq)).all()
    }
    records = []
    for row in connection.execute(query):
        ruled = rulings.get((row.source, row.content))
        broken = tuple(json.loads(row.broken))
        if (row.state in ENDED and not ended) or (row.state == "taken" and not broken):
            continue
        events = int(figures_of_json(json.loads(row.figures)).values["volume"])
        record = BatchRecord(row.source, row.content, row.name, events, row.state, row.arrived_at, broken)
        if ruled is not None:
            record = replace(record, ruling=ruled.ruling, by=ruled.by_whom, why=ruled.why, ruled_at=ruled.at)
        records.append(record)
    return records


def rule_on_batch(
    store: Store,
    keeper: Keeper | None,
    content: str,
    ruling: BatchRuling,
    *,
    by: str,
    why: str,
    at: int,
    source: str | None = None,
) -> BatchRecord:
    """Release or reject a batch that waits, in a person's name (`at` in UTC ms); the batch as it then is.

    `content` is the hash, or its first digits; where several sources sent the same content, `source` says which is
    meant. The ruling is kept for good, and with a `keeper` it is a leaf of the log. Raises LinekeeperError, with
    nothing done, where no such batch waits, or the name or reason is empty.
    """
    demand_named(by, why)
    with store.writing() as connection:
        demand_keys(connection, keeper)
        batch = _waiting(connection, content, source)
        if batch.state == STATE_AFTER[ruling]:
            raise _not_waiting(batch, "give its file again, or reject it")
        values = (batch.source, batch.content, batch.name, ruling, by, why, at)
        insert_many(connection, t.batch_rulings, RULING_COLUMNS, [values])
        b = t.feed_batches
        of_batch = (b.c.source == batch.source, b.c.content == batch.content)
        connection.execute(b.update().where(*of_batch).values(state=STATE_AFTER[ruling]))
        if keeper:
            keeper.demand_log_of(connection)
            leaf: dict[str, Any] = dict(zip(RULING_COLUMNS, values, strict=True)) | {"broken": list(batch.broken)}
            keeper.seal(connection, [Record(RecordKind.RULING, "", rfc8785.dumps(leaf))])
    return replace(batch, state=STATE_AFTER[ruling], ruling=ruling, by=by, why=why, ruled_at=at)


def _waiting(connection: Connection, content: str, source: str | None) -> BatchRecord:
    """The one batch that waits, or was released and not taken in yet, whose hash begins so."""
    matching = [
        each
        for each in batch_records(connection, ended=True)
        if each.content.startswith(content.lower()) and source in (None, each.source)
    ]
    if len(content) < CONTENT_MIN or not matching:
        raise NotFound(
            f"no batch has the hash `{content[:64]}`",
            code="batch-not-known",
            way_out=f"see `linekeeper pending batches list`; at least {CONTENT_MIN} digits name one",
            details={"content": content[:64]},
        )
    if len(matching) > 1:
        raise UsageError(
            f"`{content[:64]}` names several batches",
            code="batch-name-not-unique",
            way_out="give more digits of the hash, or name the source: `--source`",
            details={"content": content[:64], "sources": [each.source for each in matching]},
        )
    batch = matching[0]
    if batch.state not in ("waiting", "released"):
        raise _not_waiting(batch, "see `linekeeper pending batches list --ended`")
    return batch


def _not_waiting(batch: BatchRecord, way_out: str) -> Conflict:
    return Conflict(
        f"the batch `{batch.name}` does not wait any more; it is {batch.state}",
        code="batch-not-waiting",
        way_out=way_out,
        details={"content": batch.content, "state": batch.state},
    )


def _row_of(connection: Connection, source: str, content: str) -> Row[Any] | None:
    b = t.feed_batches.c
    return connection.execute(select(t.feed_batches).where(b.source == source, b.content == content)).first()
