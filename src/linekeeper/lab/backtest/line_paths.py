"""How the line of each account went, as a replay has it, in arrays: by the day on which each decision could be made."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from linekeeper.core.decision import Decision
from linekeeper.core.line import Status
from linekeeper.evaluate.event_batch import Ints, RecordedArrivals
from linekeeper.kernel.calendar import Calendar
from linekeeper.lab.backtest.dated_labels import Flags
from linekeeper.lab.outcome import GRADES, restriction_grade
from linekeeper.policy.model import Policy

LINE_STATUSES = tuple(status.name.lower() for status in Status)
_GRADE_NUMBERS = {grade: number for number, grade in enumerate(GRADES)}
_STOPPED = (Status.SUSPENDED, Status.CLOSED)
_DAYS = 1 << 24  # more than any day since 1970-01-01
_RECORDED = 6  # numbers of a decision: account, when it was known, status, grade, limit, granted


@dataclass(frozen=True)
class LinePaths:
    """Decisions in order, those of one account side by side; one row a decision, all int64 but where it says else.

    `account` is a place in `accounts`; `day` the local day on which the decision could be made: that of its instant, or
    of the arrival of the event that led to it, where that is later. `usable`: what the line lets the borrower owe in
    all, in minor units: the limit, or 0 where draws are suspended or the line is closed. `in_force`: of each trigger
    that may restrict, whether it is set (bool). `since`: the row where the unbroken restriction began that the row
    belongs to; -1 where it does not restrict. `opened`: of each account, status, limit and granted before its first
    decision (shape: accounts by 3).
    """

    accounts: list[str]
    triggers: tuple[str, ...]
    account: Ints
    day: Ints
    status: Ints
    grade: Ints
    limit: Ints
    granted: Ints
    usable: Ints
    in_force: Flags
    since: Ints
    opened: Ints

    def before(self, accounts: Sequence[str], days: Ints) -> Ints:
        """For each account and day, the row of its last decision before the start of that day; -1 where there is none.

        Shapes: as many rows as days.
        """
        places = {name: place for place, name in enumerate(self.accounts)}
        owner = np.array([places.get(name, -1) for name in accounts], dtype=np.int64)
        row = np.searchsorted(self.account * _DAYS + self.day, owner * _DAYS + days, side="left") - 1
        known = (owner >= 0) & (row >= 0)
        known[known] &= self.account[row[known]] == owner[known]
        return np.where(known, row, -1)

    def caught_by(self, rows: Ints) -> Flags:
        """For each row that restricts, the triggers that were set at some time of its unbroken restriction.

        Shape: rows by triggers; all false where the row is -1 or does not restrict.
        """
        sums = np.vstack([np.zeros((1, len(self.triggers)), dtype=np.int64), np.cumsum(self.in_force, axis=0)])
        restricts = (rows >= 0) & (self.since[rows] >= 0) if len(self.since) else np.zeros(len(rows), dtype=bool)
        caught = np.zeros((len(rows), len(self.triggers)), dtype=bool)
        last = rows[restricts]
        caught[restricts] = sums[last + 1] > sums[self.since[last]]
        return caught


class PathRecorder:
    """Takes decisions in order, account by account, and keeps of each what its path needs: some hundred bytes."""

    def __init__(self, policy: Policy, zone: Calendar, arrived: Mapping[str, int]) -> None:
        """`arrived`: by the id of an event, when it was known (UTC ms)."""
        self._zone, self._arrived = zone, arrived
        self._triggers = tuple(trigger.name for trigger in policy.triggers if trigger.restricts)
        self._column = {name: place for place, name in enumerate(self._triggers)}
        self._places: dict[str, int] = {}
        self._opened = array("q")
        self._numbers = array("q")
        self._in_force = bytearray()

    def add(self, one: Decision) -> None:
        """Take one more decision."""
        if one.account not in self._places:
            self._places[one.account] = len(self._places)
            before = one.before
            self._opened.extend((LINE_STATUSES.index(before.status), before.limit, before.granted))
        known = max(one.at, self._arrived.get(one.event or "", one.at))
        after = one.after
        grade = _GRADE_NUMBERS[restriction_grade(after.status, after.limit, after.granted)]
        status = LINE_STATUSES.index(after.status)
        self._numbers.extend((self._places[one.account], known, status, grade, after.limit, after.granted))
        row = bytearray(len(self._triggers))
        for name in one.triggers_in_force:
            if name in self._column:
                row[self._column[name]] = 1
        self._in_force += row

    def paths(self) -> LinePaths:
        """The paths of what was taken."""
        numbers = np.array(self._numbers, dtype=np.int64).reshape(-1, _RECORDED)
        account, known, status, grade, limit, granted = (np.ascontiguousarray(column) for column in numbers.T)
        in_force = np.frombuffer(bytes(self._in_force), dtype=np.bool_).reshape(len(account), len(self._triggers))
        day = _without_return(account, self._zone.hours(known) // 24)
        usable = np.where(np.isin(status, _STOPPED), 0, limit)
        columns = (account, day, status, grade, limit, granted, usable)
        opened = np.array(self._opened, dtype=np.int64).reshape(-1, 3)
        return LinePaths(list(self._places), self._triggers, *columns, in_force, _since(account, grade > 0), opened)


def _without_return(account: Ints, day: Ints) -> Ints:
    """The days, none before an earlier one of the same account: what follows from a late fact was not known before."""
    return np.maximum.accumulate(account * _DAYS + day) - account * _DAYS if len(day) else day


def _since(account: Ints, restricted: Flags) -> Ints:
    """For each row that restricts, the first row of the unbroken restriction; -1 for the others."""
    rows = np.arange(len(account))
    begins = restricted.copy()
    begins[1:] &= ~(restricted[:-1] & (account[1:] == account[:-1]))
    return np.where(restricted, np.maximum.accumulate(np.where(begins, rows, -1)), -1) if len(rows) else rows


def arrival_times(table: pa.Table, arrivals: RecordedArrivals | None) -> dict[str, int]:
    """When each event was known (UTC ms), where the feed says so."""
    if arrivals is None:
        return {}
    return dict(zip(table["id"].to_pylist(), arrivals.arrived.tolist(), strict=True))
