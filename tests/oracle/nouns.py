"""What the page speaks of beside the policy: events, the line, its status, actions, and how large things may be.

Written from docs/reference/policy-language.md; `test_nouns.py` holds names, order and bounds against the program's.

>>> Status.ACTIVE < Status.RESTORING < Status.REDUCED < Status.SUSPENDED < Status.CLOSED
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum

MONEY_MAX = 10**15  # section 1: money and counts either way, and the clamp of each feature
SHARE_CEILING_BP = 1_000_000  # section 4.2: the ceiling of `percent`, 10,000 %
DUES_KEPT = 24  # section 3: unpaid dues
AT_END_MS = 4_102_444_800_000  # section 2: 2100-01-01, where events end


@dataclass(frozen=True, slots=True)
class Event:
    """Section 2: one fact about one account; `at` is UTC milliseconds, a list's word stands as the word.

    The oracle takes any value with these five attributes, so a test may hand it the program's events too.
    """

    id: str
    account: str
    kind: str
    at: int
    fields: Mapping[str, int | str]


class Status(IntEnum):
    """Section 7, by severity."""

    ACTIVE = 1
    RESTORING = 2
    REDUCED = 3
    SUSPENDED = 4
    CLOSED = 5


class Action(Enum):
    """Section 7: what a decision does. `CORRECT` is the second decision for a late event or a reversal."""

    CLOSE = "close"
    SUSPEND = "suspend"
    DECREASE = "decrease"
    INCREASE = "increase"
    RESTORE = "restore"
    OFFER = "offer"
    KEEP = "keep"
    CORRECT = "correct"
    ANNOUNCE = "announce"
    WITHDRAW = "withdraw"
    CONTACT = "contact"
    PRICE = "price"
    WATCH = "watch"
    OWN_CHOICE = "own_choice"
    ASSIGN = "assign"
    REFUSE = "refuse"


ADVERSE = (Action.CLOSE, Action.SUSPEND, Action.DECREASE)


@dataclass(frozen=True, slots=True)
class Line:
    """A line at one moment; money in minor units."""

    limit: int
    granted: int
    status: Status
