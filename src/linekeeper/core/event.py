"""What borrowers and systems do: events, as they stand outside the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EVENT_HEAD = ("id", "account", "kind", "at")  # what every event has, whatever its kind
ARRIVED = "arrived"  # a column that a file may have beside these: when the lender knew of the event


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about one account. `at` is UTC milliseconds; `fields` hold minor units, days, words.

    `arrived` (UTC milliseconds) is when the lender knew of it, where a file says so: no part of the fact itself.

    >>> Event("e1", "A", "draw", 1_700_000_000_000, {"amount": 50_000}).kind
    'draw'
    """

    id: str
    account: str
    kind: str
    at: int
    fields: Mapping[str, int | str]
    arrived: int | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejected row: its place in the file, and the reason in one lower-case sentence."""

    place: str
    reason: str
