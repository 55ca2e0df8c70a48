"""Reviews that were made: each says up to which day every account has been looked at, and after which event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, func, select

from linekeeper.evaluate.evaluator import NOT_REVIEWED
from linekeeper.evaluate.event_batch import Ints
from linekeeper.journal import tables as t
from linekeeper.journal.store import insert_many, next_seq


@dataclass(frozen=True)
class Reviews:
    """The reviews of a store: `days[i]` is the day up to which all was looked at after event `afters[i]`."""

    afters: list[int]
    days: list[int]

    @staticmethod
    def of(connection: Connection) -> Reviews:
        """All reviews, in order."""
        r = t.reviews.c
        marks = connection.execute(select(r.after_event, r.until_day).order_by(r.seq)).all()
        return Reviews([int(after) for after, _ in marks], [int(day) for _, day in marks])

    def before(self, events: Ints) -> Ints:
        """The day that had been reviewed before each of these events (arrival numbers) arrived."""
        places = np.searchsorted(np.array(self.afters, dtype=np.int64), events, side="left")
        found: Ints = np.array([NOT_REVIEWED, *self.days], dtype=np.int64)[places]
        return found

    @property
    def last_day(self) -> int:
        """The latest day reviewed."""
        return self.days[-1] if self.days else NOT_REVIEWED


def reviewed_day(connection: Connection) -> int:
    """The day up to which every account has been reviewed; NOT_REVIEWED before the first review."""
    found = connection.execute(select(func.max(t.reviews.c.until_day))).scalar_one()
    return NOT_REVIEWED if found is None else int(found)


def note_review(connection: Connection, until_day: int) -> bool:
    """Note a review that begins now; whether it goes further than those before."""
    if until_day <= reviewed_day(connection):
        return False
    insert_many(connection, t.reviews, ("after_event", "until_day"), [(next_seq(connection, t.events) - 1, until_day)])
    return True
