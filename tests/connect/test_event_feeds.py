"""Files larger than the memory: read in parts, they lead to what they lead to when they are read at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from linekeeper.connect import event_feeds, parquet_files, text_files
from linekeeper.connect.event_feeds import EventFeed, FeedOrder, event_feed
from linekeeper.connect.extracts import extract_events
from linekeeper.connect.table_output import write_table
from linekeeper.core.bounds import DAY_MS
from linekeeper.core.event import ARRIVED
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import replay_parts, run_parts
from linekeeper.engine.summaries import RunSummary
from linekeeper.engine.verify import verify
from linekeeper.journal.store import open_store
from linekeeper.kernel.kernel import kernel_of
from linekeeper.policy.model import Policy
from tests.engine.lives import ANY_TIME, borrowers, in_time, policy_of, table_for
from tests.extracts.stores import eventful
from tests.kernel.conftest import _kernel_cache as _kernel_cache

SEED = 7
PART_EVENTS = 5


def plain(folder: Path, policy: Policy) -> Path:
    """Events in no order, some twice, some ids for two events, some rows that are none."""
    rng = Random(SEED)
    rows = table_for(policy, in_time(borrowers(policy, 4, reversals=2))).to_pylist()
    rows += rng.sample(rows, 9)
    rows += [row | {"at": row["at"] + DAY_MS} for row in rng.sample(rows, 4)]
    rows += [row | {"id": f"none-{number}", "kind": "nothing"} for number, row in enumerate(rng.sample(rows, 3))]
    rng.shuffle(rows)
    pa_csv.write_csv(pa.Table.from_pylist(rows), folder / "events.csv")
    return folder / "events.csv"


def delayed(folder: Path, policy: Policy) -> Path:
    """Events of which a third were known only days after they happened."""
    rng = Random(SEED)
    table = table_for(policy, in_time(borrowers(policy, 4, reversals=2)))
    late = [at + (rng.randrange(20 * DAY_MS) if rng.random() < 0.3 else 0) for at in table["at"].to_pylist()]
    if ARRIVED in table.column_names:
        table = table.drop_columns([ARRIVED])
    pq.write_table(table.append_column(ARRIVED, pa.array(late, pa.int64())), folder / "events.parquet")
    return folder / "events.parquet"


def exported(folder: Path, policy: Policy) -> Path:
    """What another store gave out: several sources, late events, reviews in between."""
    with closing(open_store(str(folder / "other.db"))) as store:
        write_table(folder / "events.parquet", extract_events(eventful(store, policy, SEED)))
    return folder / "events.parquet"


def ran(feed: EventFeed, policy: Policy, file: Path) -> RunSummary:
    """The run of a feed into a new store, which verifies."""
    with closing(open_store(str(file))) as store:
        engine = Engine(store, policy, clock=ANY_TIME)
        summary = run_parts(engine, feed.parts(), feed.events, "main", feed.last_review)
        assert verify(store).first_difference is None
    return replace(summary, seconds=0)


def replayed(feed: EventFeed, policy: Policy) -> RunSummary:
    """The replay of a feed."""
    kernel = kernel_of(policy)
    until = feed.day_to_review(ANY_TIME, kernel.calendar)
    summary = replay_parts(kernel, feed.parts(), until, compiled=False)
    return replace(summary, seconds=0, rejected=sorted(summary.rejected, key=lambda bad: bad.place))


@pytest.mark.parametrize("write", [plain, delayed, exported])
def test_parts_lead_to_what_the_whole_leads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path, Policy], Path]
) -> None:
    policy = policy_of(SEED)
    file = write(tmp_path, policy)

    def outcomes(name: str) -> tuple[object, ...]:
        with event_feed(file, policy, None, FeedOrder.ARRIVAL, ANY_TIME) as feed:
            head = (feed.events, feed.same, feed.rejected, feed.source, feed.exported, feed.last_review, feed.last_at)
            into_store, parts = ran(feed, policy, tmp_path / f"{name}.db"), len(list(feed.parts()))
        with event_feed(file, policy, None, FeedOrder.ACCOUNT, ANY_TIME) as feed:
            return parts, head, into_store, replayed(feed, policy)

    parts, *at_once = outcomes("at-once")
    assert parts == 1
    for of_parts in ("EVENTS_A_PART_MAX", "BATCH_EVENTS_MAX"):
        monkeypatch.setattr(event_feeds, of_parts, PART_EVENTS)
    monkeypatch.setattr(text_files, "BLOCK_BYTES", 200)
    monkeypatch.setattr(parquet_files, "BATCH_ROWS", 3)
    parts, *in_parts = outcomes("in-parts")
    assert isinstance(parts, int)
    assert parts > 3
    assert in_parts == at_once
    into_store, replay = in_parts[1], in_parts[2]
    assert isinstance(into_store, RunSummary)
    assert isinstance(replay, RunSummary)
    assert into_store.digest == replay.digest


def test_a_part_holds_whole_accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = policy_of(SEED)
    monkeypatch.setattr(event_feeds, "EVENTS_A_PART_MAX", PART_EVENTS)
    with event_feed(delayed(tmp_path, policy), policy, None, FeedOrder.ACCOUNT, ANY_TIME) as feed:
        parts = [part.table["account"].to_pylist() for part in feed.parts()]
    assert len(parts) > 1
    assert sum(map(len, parts)) == feed.events
    whole = [account for part in parts for account in dict.fromkeys(part)]
    assert whole == sorted(set(whole))
