"""The line: what a borrower may draw, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Status(IntEnum):
    """How a line stands, from least to most severe."""

    ACTIVE = 0
    RESTORING = 1
    REDUCED = 2
    SUSPENDED = 3
    CLOSED = 4


class Action(IntEnum):
    """What a decision does. `CORRECT` mends an earlier decision.

    `ALLOW` and `DENY` stand for the answer to a draw, which is not recorded as a decision yet. `ANNOUNCE` says of a
    restriction that it comes on a later day, `WITHDRAW` that one that was announced does not come. `CONTACT`, `PRICE`
    and `WATCH` leave the line as it is: a treatment of the borrower begins. `OWN_CHOICE` is what the borrower himself
    asked for: it restricts nobody, and is never adverse. `ASSIGN` and `REFUSE` answer an `open` where the policy sets
    the first limit.
    """

    KEEP = 0
    DECREASE = 1
    SUSPEND = 2
    CLOSE = 3
    RESTORE = 4
    OFFER = 5
    INCREASE = 6
    DENY = 7
    ALLOW = 8
    CORRECT = 9
    ANNOUNCE = 10
    WITHDRAW = 11
    CONTACT = 12
    PRICE = 13
    WATCH = 14
    OWN_CHOICE = 15
    ASSIGN = 16
    REFUSE = 17


ADVERSE = frozenset({Action.DECREASE, Action.SUSPEND, Action.CLOSE})


@dataclass(frozen=True, slots=True)
class Line:
    """A line at one time; money in minor units.

    >>> Line(limit=80_000, granted=100_000, status=Status.REDUCED).status.name
    'REDUCED'
    """

    limit: int
    granted: int
    status: Status
