"""What most commands begin with: a store's engine, a file of events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from linekeeper.cli.output import progress_of_share
from linekeeper.cli.settings import tolerance_hours
from linekeeper.core.event import source_of_feed

if TYPE_CHECKING:
    from linekeeper.connect.event_feeds import EventFeed, FeedOrder
    from linekeeper.connect.files import Intake
    from linekeeper.connect.mapping import ColumnMapping
    from linekeeper.engine.clock import Clock
    from linekeeper.engine.engine import Engine
    from linekeeper.engine.outbox import Law
    from linekeeper.policy.model import Policy


def open_engine(
    url: str,
    policy: Policy | None = None,
    keys: Path | None = None,
    brake: bool = False,
    law: Law | None = None,
    signed_by: str | None = None,
    simulate: bool = False,
) -> Engine:
    """The engine over that store; without a policy, under the one that the store holds."""
    from linekeeper.engine.opening import engine_of_store

    return engine_of_store(url, policy, keys, brake, law, signed_by, clock_of(simulate))


def clock_of(simulate: bool) -> Clock:
    """This machine's clock with the tolerance that the settings name, or one that takes any time."""
    from linekeeper.core.bounds import HOUR_MS
    from linekeeper.engine.clock import Clock

    return Clock(tolerance_ms=tolerance_hours() * HOUR_MS, simulated=simulate)


def read_file(path: Path, policy: Policy, columns: ColumnMapping, quiet: bool, clock: Clock) -> Intake:
    """A file as admitted events: an event table of ours, or any file with a mapping of its columns."""
    from linekeeper.connect.files import read_event_file

    with progress_of_share("reading", quiet) as show_share:
        return read_event_file(path, policy, columns, progress=show_share, clock=clock)


@contextmanager
def events_of_file(
    path: Path,
    policy: Policy,
    columns: ColumnMapping,
    quiet: bool,
    clock: Clock,
    order: FeedOrder,
) -> Iterator[EventFeed]:
    """The same as a feed, whose size the memory does not bound."""
    from linekeeper.connect.event_feeds import event_feed

    with ExitStack() as stack:
        with progress_of_share("reading", quiet) as show_share:
            feed = stack.enter_context(event_feed(path, policy, columns, order, clock, show_share))
        yield feed


def columns_of_file(mapping: Path | None, source: str | None = None) -> ColumnMapping:
    """The mapping of that file, or one that leaves columns as they are.

    `source`, where given, is the source that the files are of, whatever the mapping and the files say.
    """
    from linekeeper.connect.mapping import ColumnMapping
    from linekeeper.connect.mapping_file import load_columns

    columns = load_columns(mapping) if mapping else ColumnMapping()
    return columns if source is None else replace(columns, source=source_of_feed(source))
