"""Training data: features as the kernel itself had them at a date, and what became of the account after it.

There is no second definition of a feature. The label is a condition of the policy language, evaluated whenever the
account is evaluated after the date and up to the horizon; the same kernel runs it as a trigger without effect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import UsageError
from linekeeper.evaluate.event_batch import Batch, Ints, RecordedArrivals, batch_of
from linekeeper.evaluate.replay import replay, snapshots
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.kernel.prelude import month_of, month_start
from linekeeper.lab.policy_variants import with_other_triggers
from linekeeper.policy.model import Policy

LABEL = "label_of_snapshot"
SNAPSHOT_CLASSES = ("good", "bad", "indeterminate")  # the words of a label that has three
_SPAN = r"(?P<length>\d{1,4})(?P<unit>[dm])"
_SHAPE = re.compile(rf"\s*(?P<condition>.+?)\s+within\s+{_SPAN}\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CalendarSpan:
    """So many days, or calendar months (`unit` is d or m)."""

    length: int
    unit: str

    def after(self, day: int) -> int:
        """The day that lies so much after `day`: the same day of a later month, or the last one of a shorter month.

        >>> CalendarSpan(1, "m").after(19_753) - 19_753  # 31 January 2024, and the last of February: a leap year
        29
        """
        if self.unit == "d":
            return day + self.length
        month = month_of(day)
        start, following = month_start(month + self.length), month_start(month + self.length + 1)
        return start + min(day - month_start(month), following - start - 1)


@dataclass(frozen=True, slots=True)
class Label:
    """`condition` holds at some evaluation after the date, within `length` days or months (`unit` is d or m)."""

    condition: str
    length: int
    unit: str

    def end(self, day: int) -> int:
        """The last day that counts for a snapshot of `day`.

        >>> Label("days_past_due >= 60", 12, "m").end(19_723) - 19_723  # 2024-01-01: a leap year
        366
        """
        return CalendarSpan(self.length, self.unit).after(day)


@dataclass(frozen=True)
class Snapshot:
    """`table`: account, at_day, label (where one was asked for), and a column a feature (null: missing).

    The label is 1 for bad and 0 for good; where accounts that are neither were asked for, it is one of the words
    `good`, `bad` and `indeterminate`. Three counts of rows left out, each row in one of them: `short_history`, where
    the account had too short a history before the date; `already`, where the condition held at the date itself; and
    `unseen`, where the events end before the horizon does. The bad among the last are left out as well: nobody can be
    good before the end, so those who have gone bad by then would be the only ones left.
    """

    table: pa.Table
    already: int
    unseen: int
    short_history: int = 0
    indeterminate: int = 0


def read_label(text: str) -> Label:
    """`CONDITION within 12m` (or 90d). Raises UsageError.

    >>> read_label("days_past_due >= 60 within 12m")
    Label(condition='days_past_due >= 60', length=12, unit='m')
    """
    parts = _SHAPE.fullmatch(text)
    if parts is None:
        raise UsageError(
            f"`{text[:80]}` is no label",
            code="label-not-readable",
            way_out="write it like `days_past_due >= 60 within 12m`",
            details={"given": text[:80]},
        )
    return Label(parts["condition"], int(parts["length"]), parts["unit"])


def read_span(text: str) -> CalendarSpan:
    """`6m` or `90d`. Raises UsageError.

    >>> read_span("6m")
    CalendarSpan(length=6, unit='m')
    """
    parts = re.fullmatch(_SPAN, text.strip())
    if parts is None:
        raise UsageError(
            f"`{text[:40]}` is no length of time",
            code="span-not-readable",
            way_out="write it like `6m` or `90d`",
            details={"given": text[:40]},
        )
    return CalendarSpan(int(parts["length"]), parts["unit"])


def take_snapshots(
    policy: Policy,
    table: pa.Table,
    days: list[int],
    label: Label | None = None,
    arrivals: RecordedArrivals | None = None,
    indeterminate: Label | None = None,
    history: CalendarSpan | None = None,
) -> Snapshot:
    """Snapshots of every open account at the start of each day, with labels from after it alone.

    `table`: events in order of time; `days`: since 1970-01-01. Without a `label`: features alone, of every account,
    where what became of it stands in another file. With `arrivals`, the features of a day are of the events that had
    arrived before it; what became of an account follows from all of them. `indeterminate`: who is not bad, but of whom
    this holds, is neither good nor bad. `history`: accounts whose first event is less than this before the day are left
    out.
    """
    kernel = kernel_of(policy)
    batch = batch_of(policy, kernel.calendar, table)
    dates = np.array(sorted(set(days)), dtype=np.int64)
    if arrivals is None:
        account, index, rows = snapshots(kernel, batch, dates)
    else:
        account, index, rows = _as_known(kernel, table, batch, dates, arrivals)
    day = dates[index]
    short_history = _short_history(batch, account, day, history)
    already = unseen = neither = np.zeros(len(account), dtype=bool)
    columns = {}
    if label is not None:
        already, unseen, bad = _labelled(policy, table, label, account, day)
        if indeterminate is not None:
            _, too_late, met = _labelled(policy, table, indeterminate, account, day)
            unseen, neither = (unseen | too_late) & ~already, met & ~bad
    keep = ~short_history & ~already & ~unseen
    if label is not None:
        columns = {"label": _label_column(bad[keep], None if indeterminate is None else neither[keep])}
    names = pa.array([batch.accounts[a] for a in account[keep]], pa.string())
    columns = {"account": names, "at_day": pa.array(day[keep]), **columns}
    for place, feature in enumerate(policy.features):
        values = rows[keep, kernel.shape.values + place]
        columns[feature.name] = pa.array(values, mask=values == MISSING)
    counts = (already & ~short_history, unseen & ~short_history, short_history, neither & keep)
    return Snapshot(pa.table(columns), *(int(mask.sum()) for mask in counts))


def _label_column(bad: Ints, neither: Ints | None) -> pa.Array:
    """1 and 0; or words, where there are more than two classes."""
    if neither is None:
        return pa.array(bad.astype(np.int64))
    words = pa.array(SNAPSHOT_CLASSES)
    return words.take(pa.array(np.where(bad, 1, np.where(neither, 2, 0))))


def _short_history(batch: Batch, account: Ints, day: Ints, history: CalendarSpan | None) -> Ints:
    """For each snapshot: whether the account's first event is too near to its day."""
    short_history = np.zeros(len(account), dtype=bool)
    if history is None or not len(account):
        return short_history
    first_day = np.minimum.reduceat(batch.hour, batch.starts[:-1]) // 24
    long_enough = np.array([history.after(int(first)) for first in first_day], dtype=np.int64)
    short_history |= long_enough[account] > day
    return short_history


def _as_known(
    kernel: Kernel, table: pa.Table, batch: Batch, dates: Ints, arrivals: RecordedArrivals
) -> tuple[Ints, Ints, Ints]:
    """What `snapshots` gives of a batch, each day of the events alone that had arrived before it."""
    places = {name: place for place, name in enumerate(batch.accounts)}
    none = np.empty(0, dtype=np.int64)
    accounts, indices, rows = [none], [none], [np.empty((0, kernel.shape.width), dtype=np.int64)]
    for index, date in enumerate(dates):
        part = batch_of(kernel.policy, kernel.calendar, table.filter(pa.array(arrivals.reviewed < date)))
        if len(part):
            account, _, features = snapshots(kernel, part, dates[index : index + 1])
            accounts.append(np.array([places[part.accounts[one]] for one in account], dtype=np.int64))
            indices.append(np.full(len(account), index))
            rows.append(features)
    owner, day = np.concatenate(accounts), np.concatenate(indices)
    order = np.lexsort((day, owner))
    return owner[order], day[order], np.concatenate(rows)[order]


def _labelled(policy: Policy, table: pa.Table, label: Label, account: Ints, day: Ints) -> tuple[Ints, Ints, Ints]:
    """For each snapshot: whether the condition held at its day, whether the events end too early, whether it is bad.

    A horizon that the events do not reach makes a row unseen whatever is known of it: see `Snapshot`.
    """
    kernel = kernel_of(_with_label(policy, label.condition))
    batch = batch_of(kernel.policy, kernel.calendar, table)
    last_day = int(batch.hour.max()) // 24 if len(batch) else 0
    spans = _spans(kernel, batch, last_day)
    end = np.array([label.end(int(date)) for date in day], dtype=np.int64)
    already, bad = _meets(spans, account, day, day), _meets(spans, account, day + 1, end)
    return already, (end > last_day) & ~already, bad


def _with_label(policy: Policy, condition: str) -> Policy:
    """The policy with the label as one more trigger, which caps nothing."""
    trigger = {LABEL: {"when": condition, "cap": "100%", "reason": LABEL}}
    return with_other_triggers(policy, lambda triggers: triggers.update(trigger), "the policy with its label")


def _spans(kernel: Kernel, batch: Batch, until: int) -> tuple[Ints, Ints, Ints]:
    """(account, first day, last day) of each stretch of days with an evaluation at which the condition held."""
    outcome = replay(kernel, batch, until)
    bit = np.int64(1) << next(n for n, trigger in enumerate(kernel.policy.triggers) if trigger.name == LABEL)
    before = outcome.rows[:, kernel.shape.place("MASK_BEFORE")] & bit != 0
    after = outcome.rows[:, kernel.shape.place("MASK_AFTER")] & bit != 0
    day = outcome.rows[:, kernel.shape.place("NOW_HOUR")] // 24
    changed = before != after
    account, day, sets = outcome.account[changed], day[changed], after[changed]
    review = outcome.event[changed] < 0
    starts = np.flatnonzero(sets)
    released = np.zeros(len(starts), dtype=bool)
    not_last = starts + 1 < len(account)
    released[not_last] = account[starts[not_last] + 1] == account[starts[not_last]]
    ends = np.full(len(starts), until, dtype=np.int64)
    # A review releases at the start of its day, so the condition held until the day before.
    ends[released] = (day - review)[starts[released] + 1]
    return account[starts], day[starts], ends


def _meets(spans: tuple[Ints, Ints, Ints], account: Ints, first: Ints, last: Ints) -> Ints:
    """Whether some stretch of the account meets [first, last], for each row; all are days.

    The stretches of an account stand side by side, so the n-th of every account is compared at once.
    """
    owner, begins, ends = spans
    met = np.zeros(len(account), dtype=bool)
    low = np.searchsorted(owner, account, side="left")
    high = np.searchsorted(owner, account, side="right")
    for step in range(int((high - low).max()) if len(account) else 0):
        place = np.minimum(low + step, max(len(owner) - 1, 0))
        inside = low + step < high
        met |= inside & (begins[place] <= last) & (ends[place] >= first)
    return met
