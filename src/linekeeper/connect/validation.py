"""Validation: which rows become events, and which are rejected with a reason.

`Validator.admit_one` reads one row strictly, and its answer is final. `Validator.admit_many` reads whole columns: it
admits at once the rows that it can prove valid, and the few others are read by `admit_one`. So the two always agree.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from linekeeper.connect.column_validation import admit_proven, rows_of
from linekeeper.connect.cut_over import contradiction
from linekeeper.connect.event_table import arrived_at, number_columns, schema_of, table_of
from linekeeper.connect.values import (
    ACCOUNT,
    ARRIVAL,
    AT,
    ID,
    FieldRejected,
    FieldSpec,
    named_value,
    read_value,
    spec_of,
)
from linekeeper.core.event import ARRIVED, EVENT_HEAD, Event, Rejection
from linekeeper.engine.clock import Clock
from linekeeper.kernel.calendar import calendar

if TYPE_CHECKING:
    from linekeeper.policy.model import Policy


class Validator:
    """Admits rows as events of one policy.

    `major`: money is written in major units (12.50), or in minor ones; None where nobody said, which is then read as
    minor units, and no decimal point is taken. `written`: every value is text, as in CSV. `clock` says when an event
    can have happened; by default this machine's.

    >>> from linekeeper.policy.model import Field, Kind, Policy
    >>> kinds = (Kind("draw", 1, (Field("amount", "money"),)),)
    >>> validator = Validator(Policy("p", 1, "CNY", 2, "Asia/Shanghai", kinds, (), ()))
    >>> validator.admit_one({"id": "e1", "account": "A", "kind": "draw", "at": 1_700_000_000_000, "amount": -5})
    '`amount` is -5, out of bounds; it may lie from 0 to 10^15'
    """

    def __init__(
        self, policy: Policy, *, major: bool | None = None, written: bool = False, clock: Clock | None = None
    ) -> None:
        digits = policy.exponent if major else None
        self.schema = schema_of(policy)
        self.numbers = number_columns(policy)
        self.written = written
        self.clock = clock or Clock()
        self.policy, self.zone = policy, calendar(policy.time_zone)
        self.specs: dict[str, dict[str, FieldSpec]] = {
            kind.name: {field.name: spec_of(field, digits, units_unknown=major is None) for field in kind.fields}
            | {name: FieldSpec(name, "text", optional=True) for name in kind.text}
            for kind in policy.kinds
        }

    def admit_one(self, row: Mapping[str, Any]) -> Event | str:
        """The row as an event, or why it is rejected. An absent or null value is absent."""
        try:
            return self._event(row)
        except FieldRejected as refused:
            return str(refused)

    def _event(self, row: Mapping[str, Any]) -> Event:
        identity = self._required(ID, row)
        account = self._required(ACCOUNT, row)
        kind = row.get("kind")
        specs = self.specs.get(kind) if isinstance(kind, str) else None
        if specs is None:
            raise FieldRejected(self._unknown_kind(kind))
        at = int(self._required(AT, row))
        if untimely := self.clock.refusal(at):
            raise FieldRejected(untimely)
        fields: dict[str, int | str] = {}
        for name, spec in specs.items():
            value = row.get(name)
            if value is not None:
                fields[name] = read_value(spec, value, self.written)
            elif not spec.optional:
                raise FieldRejected(f"`{name}` is missing; each `{kind}` has one")
        given = row.get(ARRIVED)
        arrived = None if given is None else int(read_value(ARRIVAL, given, self.written))
        if arrived is not None and (untimely := self.clock.refusal_of_arrival(at, arrived)):
            raise FieldRejected(untimely)
        if len(fields) + len(EVENT_HEAD) < len(row):
            self._no_strangers(row, str(kind), specs)
        if kind == "opening" and (reason := contradiction(self.policy, self.zone.day(at), fields)):
            raise FieldRejected(reason)
        return Event(str(identity), str(account), str(kind), at, fields, arrived)

    def _required(self, spec: FieldSpec, row: Mapping[str, Any]) -> int | str:
        value = row.get(spec.name)
        if value is None:
            raise FieldRejected(f"`{spec.name}` is missing; each event has one")
        return read_value(spec, value, self.written)

    def _unknown_kind(self, kind: Any) -> str:
        if kind is None:
            return "`kind` is missing; each event has one"
        if not isinstance(kind, str) or len(kind) > 60:
            return f"{named_value('kind', kind)}, which is no kind of this policy"
        return f"{named_value('kind', kind)}, which is no kind of this policy{_nearest(kind, tuple(self.specs))}"

    @staticmethod
    def _no_strangers(row: Mapping[str, Any], kind: str, specs: Mapping[str, FieldSpec]) -> None:
        known = (*EVENT_HEAD, ARRIVED)
        strangers = [
            name for name, value in row.items() if value is not None and name not in specs and name not in known
        ]
        if strangers:
            name = min(strangers)  # the same one, in whatever order the row has its fields
            raise FieldRejected(f"`{kind}` has no field `{ascii(name)[1:-1][:34]}`{_nearest(name[:60], tuple(specs))}")

    def admit_many(
        self, table: pa.Table, lines: np.ndarray | None = None, place: str = "row"
    ) -> tuple[pa.Table, np.ndarray, list[Rejection]]:
        """The admitted rows as an event table in their order, their numbers in the file, and the rest with reasons.

        `table`: any column types; `lines` (int64, one per row) numbers the rows, from 1 where it is absent.
        """

        # Whole columns first, since nearly all rows are good; the doubtful rest is read a second time, row by row. The
        # reasons of rejections so have one source, and the fast way need not be able to explain anything.
        number = np.arange(1, table.num_rows + 1) if lines is None else lines
        admitted, rows = admit_proven(self, table)
        if untimely := self.clock.untimely(admitted["at"].to_numpy(), arrived_at(admitted)):
            timely = np.setdiff1d(np.arange(len(rows)), untimely, assume_unique=True)
            admitted, rows = admitted.take(timely), rows[timely]
        doubtful = np.setdiff1d(np.arange(table.num_rows), rows, assume_unique=True)
        if not len(doubtful):
            return admitted, number, []
        events: list[Event] = []
        late: list[int] = []
        aside: list[Rejection] = []
        for row, values in zip(doubtful, rows_of(table, doubtful), strict=True):
            answer = self.admit_one(values)
            if isinstance(answer, Event):
                events.append(answer)
                late.append(row)
            else:
                aside.append(Rejection(f"{place} {number[row]}", answer))
        if events:
            admitted = pa.concat_tables([admitted, table_of(events, self.schema)])
            rows = np.concatenate([rows, np.array(late, dtype=np.int64)])
            order = np.argsort(rows, kind="stable")
            admitted, rows = admitted.take(order), rows[order]
        return admitted, number[rows], aside


@lru_cache(maxsize=512)
def _nearest(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
