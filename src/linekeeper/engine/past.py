"""A past day by what was known then: which events had arrived, and under which version each account was.

The store does not note the hour at which an event reached it. It notes the order of arrival, and after which event
which day was reviewed. An account's now only moves on: to the latest `at` that it has seen, or to the day reviewed
since. An event counts as known from the now of its account on, which for an event in time is its own `at`, and for a
late one lies later. Decisions are dated in the same way, so what is derived here agrees with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from linekeeper.engine.history import Reviews
from linekeeper.evaluate.evaluator import Arrivals
from linekeeper.evaluate.event_batch import Ints
from linekeeper.evaluate.timeline import NO_END, PolicyPeriod
from linekeeper.kernel.calendar import Calendar


def known_days(table: pa.Table, arrivals: Arrivals, reviews: Reviews, clock: Calendar) -> Ints:
    """For each event of a table in order of arrival, the local day on which it became known.

    `table` holds all events of its accounts, up to some arrival number.
    """
    if not table.num_rows:
        return np.zeros(0, dtype=np.int64)
    accounts = table["account"].combine_chunks().dictionary_encode().indices.to_numpy()
    at = table["at"].to_numpy()
    order = np.argsort(accounts, kind="stable")
    # Accounts follow one another, each above the one before: so one running maximum serves all of them.
    above = accounts[order].astype(np.int64) << 44
    latest = np.empty(len(at), dtype=np.int64)
    latest[order] = np.maximum.accumulate(at[order] + above) - above
    days: Ints = np.maximum(clock.hours(latest) // 24, reviews.before(arrivals.numbers))
    return days


def known_by(
    table: pa.Table, arrivals: Arrivals, reviews: Reviews, clock: Calendar, day: int
) -> tuple[pa.Table, Arrivals, set[str]]:
    """The events that were known at the end of a local day, how they arrived, and which accounts had more since.

    Before an event of a later day, an account is evaluated on each day that is due. So those accounts were reviewed up
    to the day, whether or not the store was.
    """
    known = known_days(table, arrivals, reviews, clock) <= day
    rows, gone_on = np.flatnonzero(known), table["account"].take(np.flatnonzero(~known))
    return table.take(rows), replace(arrivals, numbers=arrivals.numbers[rows]), set(gone_on.to_pylist())


def periods_by(periods: Sequence[PolicyPeriod], day: int) -> list[PolicyPeriod]:
    """The policy periods of an account that had begun by the end of a day; the last of them has no end yet."""
    begun = [period for place, period in enumerate(periods) if not place or periods[place - 1].end_day <= day]
    return [*begun[:-1], replace(begun[-1], last_event=NO_END, end_day=NO_END)]
