"""pending batches list|release|reject: batches that wait for a person because they break a contract."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.opening import clock_of
from linekeeper.cli.options import By, JsonOption, Keys, StoreUrl, Why
from linekeeper.cli.output import counted, data_text, print_answer, print_line
from linekeeper.cli.sections import WholeLines

if TYPE_CHECKING:
    from pathlib import Path

    from linekeeper.cli.answers.events import FeedBatchRecord
    from linekeeper.engine.feed_batches import BatchRecord, BatchRuling

BatchName = Annotated[str, typer.Argument(metavar="HASH", help="The hash of the batch's content, or its first digits.")]
OfSource = Annotated[str | None, typer.Option("--source", help="The source, where several sent the same content.")]
HASH_SHOWN = 12


def add_batches(pending: typer.Typer) -> None:
    """Add the commands below `pending`."""
    about = "Batches of files that wait for a person, since they break the contract of their source."
    batches = typer.Typer(cls=WholeLines, help=about, no_args_is_help=True)
    batches.command(name="list")(list_batches)
    batches.command(name="release")(release_batch)
    batches.command(name="reject")(reject_batch)
    pending.add_typer(batches, name="batches")


def list_batches(
    store: StoreUrl,
    ended: Annotated[bool, typer.Option("--ended", help="Also those that were ruled on and have ended.")] = False,
    json: JsonOption = False,
) -> None:
    """What waits: the batch, since when, what it breaks; and what was released or begun, and is to be given again."""
    from linekeeper.cli.answers.events import PendingBatchesAnswer
    from linekeeper.engine.feed_batches import batch_records
    from linekeeper.journal.store import open_store

    opened = open_store(store, made=True)
    with opened.reading() as connection:
        records = batch_records(connection, ended=ended)
    if json:
        print_answer(PendingBatchesAnswer(batches=[_answer(record) for record in records]))
        return
    waiting = sum(record.state == "waiting" for record in records)
    print_line(f"{counted(waiting, 'batch', 'batches')} waiting for a person")
    for record in records:
        _print_batch(record)


def release_batch(
    batch: BatchName,
    store: StoreUrl,
    by: By,
    why: Why,
    keys: Keys,
    source: OfSource = None,
    json: JsonOption = False,
) -> None:
    """Let a batch that waits be taken in: the same file goes through when it is given again."""
    from linekeeper.cli.answers.events import BatchReleaseAnswer

    record = _ruled(store, keys, batch, "release", by, why, source)
    if json:
        print_answer(BatchReleaseAnswer(batch=_answer(record)))
    else:
        print_line(f"released; give the file again: {data_text(record.name)}")


def reject_batch(
    batch: BatchName,
    store: StoreUrl,
    by: By,
    why: Why,
    keys: Keys,
    source: OfSource = None,
    json: JsonOption = False,
) -> None:
    """Never take a batch in."""
    from linekeeper.cli.answers.events import BatchRejectAnswer

    record = _ruled(store, keys, batch, "reject", by, why, source)
    if json:
        print_answer(BatchRejectAnswer(batch=_answer(record)))
    else:
        print_line(f"rejected for good: {data_text(record.name)}")


# ------------------------------------------------------------------ pieces


def _ruled(
    store: str, keys: Path | None, batch: str, ruling: BatchRuling, by: str, why: str, source: str | None
) -> BatchRecord:
    from linekeeper.engine.feed_batches import rule_on_batch
    from linekeeper.engine.rulings import demand_clock
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.store import open_store

    keeper = open_keeper(keys) if keys is not None else None
    opened, clock = open_store(store, made=True), clock_of(simulate=False)
    demand_clock(opened, clock)
    return rule_on_batch(opened, keeper, batch, ruling, by=by, why=why, at=clock.now_ms(), source=source)


def _print_batch(record: BatchRecord) -> None:
    from linekeeper.face.batches import feed_batch_of

    since = feed_batch_of(record).arrived_at
    about = f"{record.content[:HASH_SHOWN]}  {record.state:<8} since {since:%Y-%m-%d %H:%M} UTC"
    events = counted(record.events, "event", "events")
    print_line(f"  {data_text(f'{about}  {record.source}  {record.name}  {events}')}")
    for sentence in record.broken:
        print_line(f"      {data_text(sentence)}")
    if record.ruling:
        print_line(f"      {data_text(f'{record.state} by {record.by}: {record.why}')}")


def _answer(record: BatchRecord) -> FeedBatchRecord:
    from linekeeper.cli.answers.events import FeedBatchRecord
    from linekeeper.face.batches import feed_batch_of

    batch = feed_batch_of(record)
    return FeedBatchRecord(**(asdict(batch) | {"broken": list(batch.broken)}))
