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
_SHAPE = re.compile(r"\s*(?P<condition>.+?)\s+within\s+(?P<length>\d{1,4})(?P<unit>[dm])\s*", re.DOTALL)


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
        if self.unit == "d":
            return day + self.length
        month = month_of(day)
        return month_start(month + self.length) + min(day - month_start(month), 27)


@dataclass(frozen=True)
class Snapshot:
    """`table`: account, at_day, label (where one was asked for), and a column a feature (null: missing).

    Two counts of rows left out: `already`, where the condition held at the date itself, and `unseen`, where the events
    end before the horizon does.
    """

    table: pa.Table
    already: int
    unseen: int


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


def take_snapshots(
    policy: Policy,
    table: pa.Table,
    days: list[int],
    label: Label | None = None,
    arrivals: RecordedArrivals | None = None,
) -> Snapshot:
    """Snapshots of every open account at the start of each day, with labels from after it alone.

    `table`: events in order of time; `days`: since 1970-01-01. Without a `label`: features alone, of every account,
    where what became of it stands in another file. With `arrivals`, the features of a day are of the events that had
    arrived before it; what became of an account follows from all of them.
    """
    kernel = kernel_of(policy)
    batch = batch_of(policy, kernel.calendar, table)
    dates = np.array(sorted(set(days)), dtype=np.int64)
    if arrivals is None:
        account, index, rows = snapshots(kernel, batch, dates)
    else:
        account, index, rows = _as_known(kernel, table, batch, dates, arrivals)
    day, columns = dates[index], {}
    already = unseen = np.zeros(len(account), dtype=bool)
    if label is not None:
        already, unseen, bad = _labelled(policy, table, label, account, day)
        columns = {"label": pa.array(bad[~already & ~unseen].astype(np.int64))}
    keep = ~already & ~unseen
    names = pa.array([batch.accounts[a] for a in account[keep]], pa.string())
    columns = {"account": names, "at_day": pa.array(day[keep]), **columns}
    for place, feature in enumerate(policy.features):
        values = rows[keep, kernel.shape.values + place]
        columns[feature.name] = pa.array(values, mask=values == MISSING)
    return Snapshot(pa.table(columns), int(already.sum()), int(unseen.sum()))


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
    """For each snapshot: whether the condition held at its day, whether the events end too early, whether it is bad."""
    kernel = kernel_of(_with_label(policy, label.condition))
    batch = batch_of(kernel.policy, kernel.calendar, table)
    last_day = int(batch.hour.max()) // 24 if len(batch) else 0
    spans = _spans(kernel, batch, last_day)
    end = np.array([label.end(int(date)) for date in day], dtype=np.int64)
    already, bad = _meets(spans, account, day, day), _meets(spans, account, day + 1, end)
    return already, (end > last_day) & ~bad & ~already, bad


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
