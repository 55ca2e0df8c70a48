"""A replay of events under a policy: decisions, timelines and features, without a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core import decision as core
from linekeeper.core.dates import date_of
from linekeeper.core.event import Rejection
from linekeeper.engine.clock import Clock
from linekeeper.engine.cut_over import first_line
from linekeeper.engine.run import day_to_review, last_day, replay_table
from linekeeper.evaluate.event_batch import events_of_table, time_of_event
from linekeeper.face.arguments import given_count
from linekeeper.face.decision import Decision, decisions_of_records
from linekeeper.face.events import Columns, EventInput, intake_of
from linekeeper.face.policy import Policy, policy_of
from linekeeper.face.records import Records, html_of_pairs
from linekeeper.face.timeline import LinePoint, Timeline, Timelines, opening_of, point_of
from linekeeper.face.times import day_of, instant_of
from linekeeper.face.training import AccountFeatures, features_of_snapshot
from linekeeper.kernel.kernel import kernel_of
from linekeeper.lab.snapshot import take_snapshots
from linekeeper.policy.kinds import OPENING_KINDS

WORKERS_MAX = 1_024


@dataclass(frozen=True, repr=False)
class ReplayResult:
    """What a replay gave. `rejected` are the rows that were not admitted, `repeats` how many came twice.

    `until` is the day up to whose start every account was reviewed; `digest` is the SHA-256 over all decisions, which
    `linekeeper run` and `linekeeper replay` print for these events too.
    """

    policy: Policy
    decisions: Records[Decision]
    rejected: tuple[Rejection, ...]
    repeats: int
    accounts: int
    events: int
    until: date
    digest: str
    _table: pa.Table = field(repr=False)

    @cached_property
    def timelines(self) -> Timelines:
        """The line of each account over time, in order of their names. The table has one row a point; a notebook
        shows a chart.

        >>> import linekeeper as lk
        >>> result = lk.replay("docs/examples/cash-line.yaml", "docs/examples/cash-line.jsonl")
        >>> [point.limit_minor for point in result.timelines[0].points]
        [1000000, 500000, 600000]
        """
        zone = self.policy.time_zone
        steps = {account: [point] for account, point in _openings(self._table, zone)}
        for decision in self.decisions:
            steps[decision.account].append(point_of(decision))
        lines = (Timeline(name, tuple(points), self.until, self.policy) for name, points in sorted(steps.items()))
        return Timelines(lambda: lines, zone)

    @cached_property
    def features(self) -> Records[AccountFeatures]:
        """The features of each account at the end: at the start of the day after the last event, or of `until`.

        They come from the kernel itself, as in `linekeeper.snapshots`, and are computed when first asked for.
        """
        definition = self.policy.definition
        day = max(day_of(self.until), last_day(kernel_of(definition), self._table) + 1)
        return features_of_snapshot(take_snapshots(definition, self._table, [day]).table)

    def __repr__(self) -> str:
        figures = f"{self.events:,} events of {self.accounts:,} accounts, {len(self.decisions):,} decisions"
        return f"ReplayResult({self.policy.name}: {figures}, {len(self.rejected):,} rejected)"

    def _repr_html_(self) -> str:
        names = ("accounts", "events", "until", "repeats")
        pairs = [*((name, getattr(self, name)) for name in names), ("rejected", len(self.rejected))]
        return html_of_pairs(f"{self.policy.name}, version {self.policy.version}", pairs) + self.decisions._repr_html_()


def replay(
    policy: Policy | str | Path,
    events: EventInput,
    *,
    until: date | str | None = None,
    columns: Columns | None = None,
    workers: int | None = None,
    simulate: bool = False,
) -> ReplayResult:
    """Run events under a policy, on all cores and without a store; the decisions are those of an engine.

    `events` is a table of any library that speaks Arrow (pandas, polars, DuckDB, pyarrow), a file or folder by its
    path, or dictionaries. Each event has an `id`, an `account`, a `kind` and an `at` (an instant with its offset), and
    the fields of its kind; amounts are in minor units. `columns` maps the table's names to these, or to None for a
    column to leave out; or it is the path of a mapping file. Rows that are no valid events are not lost: `rejected`
    says why.

    `until`: every account is reviewed up to the start of this day; by default that of the last event. `workers`:
    threads, by default one a core. `simulate`: times that have not come yet are taken too. Raises
    LinekeeperError where the events cannot be read at all.

    >>> import linekeeper as lk
    >>> result = lk.replay("docs/examples/cash-line.yaml", "docs/examples/cash-line.jsonl", until="2025-12-31")
    >>> result
    ReplayResult(cash-line: 10 events of 1 accounts, 4 decisions, 0 rejected)
    >>> result.decisions.table.select(["account", "action", "limit_minor", "reasons"]).to_pylist()[0]
    {'account': 'A-1001', 'action': 'decrease', 'limit_minor': 500000, 'reasons': 'arrears'}
    """
    policy = policy_of(policy)
    if workers is not None:
        given_count("workers", workers, 1, WORKERS_MAX)
    kernel, clock = kernel_of(policy.definition), Clock(simulated=simulate)
    intake = intake_of(events, policy, columns, clock)
    until_day = None if until is None else day_of(until)
    last_review = None if intake.arrivals is None else intake.arrivals.last_review
    last = day_to_review(clock, kernel.calendar, until_day, last_review, intake.table["at"].to_numpy())
    kept: list[core.Decision] = []
    run = replay_table(
        kernel,
        intake.table,
        last,
        workers,
        compiled=None,
        keep=kept.append,
        clock=clock,
        arrivals=intake.arrivals,
    )
    return ReplayResult(
        policy=policy,
        decisions=decisions_of_records(kept, policy.time_zone),
        rejected=(*intake.rejected, *run.rejected),
        repeats=intake.same,
        accounts=run.accounts,
        events=run.events,
        until=date_of(last),
        digest=run.digest,
        _table=intake.table,
    )


def _openings(table: pa.Table, zone: str) -> Iterator[tuple[str, LinePoint]]:
    """Each account with its line as it was opened; a second opening of an account is refused, so the first counts."""
    opened = table.filter(pc.is_in(table["kind"], pa.array(OPENING_KINDS)))
    in_order = sorted(events_of_table(opened), key=lambda event: (event.account, time_of_event(event)))
    for account, events in groupby(in_order, key=lambda event: event.account):
        first = next(events)
        yield account, opening_of(instant_of(first.at, zone), first_line(first.kind, first.fields))
