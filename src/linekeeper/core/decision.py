"""A decision: what changed on a line and for which reasons, linked to the decision before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from linekeeper.core.line import ADVERSE

FEATURES_JOINED_BY = " and "  # how `Reason.feature` names the two features of a table, whose points are lost together


@dataclass(frozen=True, slots=True)
class LineRecord:
    """The line as a decision records it; money in minor units, status in lower case."""

    limit: int
    granted: int
    status: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a decision. `feature` and `points_lost` are given where the reason is the score."""

    code: str
    trigger: str
    feature: str | None = None
    points_lost: int | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """The features that `feature` names: none, one, or the two of a table.

        >>> Reason("weak_score", "weak", "pace and utilisation", 12).features
        ('pace', 'utilisation')
        """
        return tuple(self.feature.split(FEATURES_JOINED_BY)) if self.feature else ()


@dataclass(frozen=True, slots=True)
class OfferRecord:
    """A proposed increase: its number for `consent`, and the new limit in minor units.

    `name` is that of the offer where the policy has several; empty, and not in the record, where it has one.
    """

    number: int
    limit: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Announced:
    """A trigger that is set, and the local day (since 1970-01-01) from whose start on it restricts the line."""

    trigger: str
    effect_day: int


@dataclass(frozen=True, slots=True)
class Announcements:
    """What is announced when a decision has been made, and what has become of what was.

    `pending` is all that is yet to come; of it `triggers_set` names what is new. `limit` is the most that all of it
    will leave, in minor units, None where nothing is pending. `withdrawn` has been released before its day, and
    `in_effect` restricts from now on.
    """

    pending: tuple[Announced, ...] = ()
    limit: int | None = None
    withdrawn: tuple[str, ...] = ()
    in_effect: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a trigger begins beside restricting: `kind` is watch, contact or price, `code` the lender's own word.

    Of a contact `from_at` is the first instant (UTC ms) at which the borrower may be reached, after quiet hours.
    """

    trigger: str
    kind: str
    code: str
    from_at: int | None = None


@dataclass(frozen=True, slots=True)
class OwnChoice:
    """What the borrower himself wishes for his line: `wish` is `lower`, `freeze` or `close`, None where he lifted it.

    `limit` is the most that it leaves him, in minor units. A wish that waits for the end of the cooling period takes
    its place on local day `next_on`.
    """

    wish: str | None
    limit: int | None
    next_on: int | None = None
    next_wish: str | None = None
    next_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision as it is recorded. `at` is UTC ms; `values` are integers in the units of the policy.

    `number` counts the account's decisions from 1; `event` is the id of the event that led to it, None for a
    review at the start of a day; `previous` is the SHA-256 of the account's decision before, None for the first.
    `announcements`: None where nothing is or was announced, and then not in the record; `triggers_in_force` has what is
    announced too. `treatments` begin with the decision; where there are none, the record has no such key. `reasons` are
    all of them, the most important one first; a notice shows at most four. `corrects` belongs to a correction: the
    numbers of the decisions that set the latches which it releases. `before` and `after` are what the lender allows;
    `own_choice` is what the borrower himself wishes, and is absent where he never wished for anything.
    """

    account: str
    number: int
    at: int
    policy: str
    model: str | None
    event: str | None
    action: str
    before: LineRecord
    after: LineRecord
    triggers_set: tuple[str, ...]
    triggers_released: tuple[str, ...]
    triggers_in_force: tuple[str, ...]
    imposed_bp: int | None
    values: Mapping[str, int | None]
    score: int | None
    sub_scores: Mapping[str, int]
    pd_ppm: int | None
    reasons: tuple[Reason, ...]
    offer: OfferRecord | None
    previous: str | None
    corrects: tuple[int, ...] = ()
    announcements: Announcements | None = None
    treatments: tuple[Treatment, ...] = ()
    own_choice: OwnChoice | None = None  # not in the record where it is None

    @property
    def announces(self) -> tuple[Announced, ...]:
        """What the decision announces: what is pending and newly set."""
        pending = self.announcements.pending if self.announcements else ()
        return tuple(one for one in pending if one.trigger in self.triggers_set)

    @property
    def was_announced(self) -> bool:
        """Whether all that the decision takes away was announced, so that the borrower knows of it."""
        if self.announcements is None or not self.announcements.in_effect:
            return False
        new = set(self.triggers_set) - {one.trigger for one in self.announces}
        return not new and all(reason.trigger for reason in self.reasons)


# Regulation B, comment 9(b)(2): more than four reasons are "not likely to be helpful". All of them are recorded.
REASONS_SHOWN_MAX = 4
CORRECT = "correct"
OWN_CHOICE = "own_choice"
REFUSE = "refuse"
ADVERSE_ACTIONS = frozenset(action.name.lower() for action in ADVERSE)
