"""What a call of the engine is asked for. What it did is in `summaries`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from linekeeper.journal import tables as t
from linekeeper.journal.store import within

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from linekeeper.core.decision import Decision

Progress = Callable[[int], object]  # what a caller does with how many accounts were reviewed
Keep = Callable[["Decision"], object]  # what a caller does with each decision as it is made


@dataclass(frozen=True)
class ReceiveCall:
    """How a batch is received (see `Engine.receive`); of `unreadable` accounts, each with a reason, no new event is."""

    source: str
    allow_other_source: bool = False
    all_or_nothing: bool = False
    begun: bool = False
    keep: Keep | None = None
    transaction: Connection | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)
    given: frozenset[str] = frozenset()  # ids of the events that were derived for accounts of a customer


@dataclass
class ReviewCall:
    """Who hears of a review and of its decisions, the caller's transaction, and the accounts that are passed over."""

    progress: Progress | None = None
    keep: Keep | None = None
    transaction: Connection | None = None
    unreadable: set[str] = field(default_factory=set)

    def is_due(self, connection: Connection, until_day: int) -> ColumnElement[bool]:
        """The condition of the accounts that are due up to that day and not passed over."""
        a = t.accounts.c
        return (a.next_review <= until_day) & ~within(connection, a.account, sorted(self.unreadable))
