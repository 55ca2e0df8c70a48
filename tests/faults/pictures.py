"""What a store holds, and its log with it, but for what chance and the clock on the wall decide."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from linekeeper.core.errors import LinekeeperError
from linekeeper.engine.verify import verify
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, open_keeper
from linekeeper.journal.log.entry import Opened, RecordKind
from linekeeper.journal.log.publish import published
from linekeeper.journal.log.read import opened
from linekeeper.journal.log.tables import size_of
from linekeeper.journal.store import Store, open_store
from tests.faults.place import Place

# Columns that hold chance (salts, keys), the machine's clock, or a number that a sequence of PostgreSQL gives.
LEFT_OUT = {
    "events": {"arrived"},
    "feed_batches": {"seq", "arrived_at"},
    "reviews": {"seq"},
    "rejected_events": {"seq"},
    "unfinished_reviews": {"review"},
    "erased_accounts": {"mark"},
    "log_entries": {"entry", "sealed", "key"},
    "log_keys": {"master", "wrapped"},
    "log_heads": {"root", "checkpoint"},
}


def picture_of(place: Place, sound: bool = False) -> dict[str, Any]:
    """The rows of every table, the records of the log, and what is published.

    Where it must be `sound`, also what `verify` and an audit of the log find.
    """
    try:
        store = open_store(place.url, made=True)
    except LinekeeperError as error:
        return {"store": error.code}
    with closing(store):
        keeper = open_keeper(place.keys)
        with store.reading() as connection:
            picture: dict[str, Any] = {table.name: _rows(connection, table.name) for table in t.SCHEMA.sorted_tables}
            picture["log"] = _records(connection, keeper)
            head = published(keeper.folder, keeper.signer.verifier)
            picture["published"] = head and head.checkpoint.size
        picture["masters"] = _masters(store, place.keys)
        if sound:
            picture["verify"] = _verified(store, keeper)
    return picture


def files_left(place: Place) -> str | None:
    """Says so where a file of the log is still beside the place that it was to take."""
    left = [str(path.relative_to(place.folder)) for path in place.folder.rglob(".*.new")]
    return f"left: {', '.join(sorted(left))}" if left else None


def _rows(connection: Connection, name: str) -> list[tuple[Any, ...]]:
    table = t.SCHEMA.tables[name]
    columns = [column for column in table.c if column.name not in LEFT_OUT.get(name, ())]
    return sorted((tuple(row) for row in connection.execute(select(*columns))), key=repr) if columns else []


_OF_THE_CLOCK = {RecordKind.ERASURE: "at", RecordKind.EVENTS: "digest", RecordKind.BATCH: "arrived_at"}


def _records(connection: Connection, keeper: Keeper) -> list[Any]:
    """Each leaf's kind and record, without times of the clock, or a digest of them."""
    records: list[Any] = []
    for position, leaf in opened(connection, t.LOG, keeper.vault, range(size_of(connection, t.LOG))):
        if not isinstance(leaf, Opened):
            records.append((position, "closed"))
        else:
            of_the_clock = _OF_THE_CLOCK.get(leaf.kind)
            content = json.loads(leaf.data)
            records.append((position, leaf.kind.name, {key: content[key] for key in content if key != of_the_clock}))
    return records


def _masters(store: Store, keys: Path) -> Any:
    """Whether the settings name a former master too, and how many masters the data keys are wrapped under.

    A rotation that was killed leaves one more former master; `--finish` names it with the others.
    """
    with store.reading() as connection:
        wrapped = set(connection.execute(select(t.LOG.keys.c.master).distinct()).scalars())
    return len(json.loads((keys / "log.json").read_bytes())["masters"]) > 1, len(wrapped)


def _verified(store: Store, keeper: Keeper) -> str | None:
    try:
        verdict = verify(store, vault=keeper.vault)
        with store.reading() as connection:
            keeper.audit(connection)
    except LinekeeperError as error:
        return str(error)
    return verdict.first_difference
