"""What borrowers and systems do: events, as they stand outside the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EVENT_HEAD = ("id", "account", "kind", "at")  # what every event has, whatever its kind


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about one account. `at` is UTC milliseconds; `fields` hold minor units, days, words.

    >>> Event("e1", "A", "draw", 1_700_000_000_000, {"amount": 50_000}).kind
    'draw'
    """

    id: str
    account: str
    kind: str
    at: int
    fields: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejected row: its place in the file, and the reason in one lower-case sentence."""

    place: str
    reason: str
