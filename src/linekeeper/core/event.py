"""What borrowers and systems do: events, as they stand outside the kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from linekeeper.core.bounds import TEXT_MAX
from linekeeper.core.errors import UsageError

EVENT_HEAD = ("id", "account", "kind", "at")  # what every event has, whatever its kind
ARRIVED = "arrived"  # a column that a file may have beside these: when the lender knew of the event
DEFAULT_SOURCE = "main"  # of events whose feed names no source
PERSON_SOURCE = "person"  # of events that a person enters: rulings and consents
CUSTOMER_SOURCE = "derived:customer"  # of what accounts are given of the others of their customer
LINKED_SOURCE = "derived:linked"  # of what accounts are given of those that they are tied to
DERIVED_SOURCES = {"customer": CUSTOMER_SOURCE, "linked": LINKED_SOURCE}  # by the kind of the events
OWN_SOURCES = (PERSON_SOURCE, *DERIVED_SOURCES.values())


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


def source_of_feed(*named: str | None) -> str:
    """The first source that is named, or the default one. Raises UsageError where it is no name of a feed.

    >>> source_of_feed(None, "core-banking"), source_of_feed(None)
    ('core-banking', 'main')
    """
    source = next((name for name in named if name is not None), DEFAULT_SOURCE)
    if not is_source_name(source):
        raise UsageError(
            f"`{source[:40]}` cannot be the source of a feed",
            code="source-not-usable",
            way_out=f"name it in at most {TEXT_MAX} printable characters, and not `{PERSON_SOURCE}`",
            details={"source": source[:40]},
        )
    return source


def is_source_name(name: str) -> bool:
    """Whether a feed can be called so: `person` is where rulings come from."""
    return 0 < len(name) <= TEXT_MAX and name.isprintable() and name == name.strip() and name not in OWN_SOURCES


class RejectionCode(StrEnum):
    """Why a row was rejected, for programs."""

    NOT_VALID = "not-valid"  # it is no event of the policy, or of a time that cannot be
    CONFLICT = "id-conflict"  # its id came before, in the same source, for another event
    OTHER_SOURCE = "event-of-another-source"  # another source gave the same event before
    REFUSED = "refused-by-account"  # its account cannot take it: not open, or nothing to reverse
    OVER_LIMIT = "draw-over-limit"  # it draws more than is available, and the policy rejects such draws
    ERASED = "account-erased"  # its borrower was erased
    KEY_NOT_READABLE = "data-key-not-readable"  # its borrower's key in the log does not open


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejected row: its place in the file, the reason in one lower-case sentence, and the reason for programs."""

    place: str
    reason: str
    code: RejectionCode = RejectionCode.NOT_VALID


def count_by_code(rejected: Iterable[Rejection]) -> dict[str, int]:
    """How many rows were rejected for each reason, in the order of the codes.

    >>> count_by_code([Rejection("row 1", "", RejectionCode.ERASED), Rejection("row 2", "")])
    {'not-valid': 1, 'account-erased': 1}
    """
    counts = Counter(row.code for row in rejected)
    return {code.value: counts[code] for code in RejectionCode if counts[code]}


def repeat_figures(repeats: int, rejected: Sequence[Rejection]) -> dict[str, Any]:
    """How many events came before, and how many rows were rejected, named as the answers for programs name them.

    >>> repeat_figures(2, [Rejection("row 7", "", RejectionCode.CONFLICT)])
    {'repeats': 2, 'conflicts': 1, 'rejected': 1, 'rejected_by_code': {'id-conflict': 1}}
    """
    by_code = count_by_code(rejected)
    conflicts = by_code.get(RejectionCode.CONFLICT, 0)
    return {"repeats": repeats, "conflicts": conflicts, "rejected": len(rejected), "rejected_by_code": by_code}
