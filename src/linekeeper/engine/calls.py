"""What a call of the engine is asked for. What it did is in `summaries`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

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


@dataclass
class ReviewCall:
    """Who hears of a review and of its decisions, the caller's transaction, and the accounts that are passed over."""

    progress: Progress | None = None
    keep: Keep | None = None
    transaction: Connection | None = None
    unreadable: set[str] = field(default_factory=set)
