"""What a notice tells: a plain value, filled from a decision, told by `telling` in either language.

Money is in minor units of `currency`, days are local calendar days since 1970-01-01. Nothing here is computed: the
one who fills a notice answers for its facts, and `Notice` refuses an adverse one that would leave the borrower
without reasons, a verified road back (or why there is none), a way to repay or a receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal as OneOf

from linekeeper.core.errors import LinekeeperError
from linekeeper.core.line import ADVERSE, Action, Line
from linekeeper.decide.road.model import NoRoad, Road
from linekeeper.regulation.clock import NoticeClock
from linekeeper.texts.language import Text

REASONS_SHOWN_MAX = 4  # reasons told; comment 9(b)(2) to Regulation B finds more "not likely to be helpful"
FactUnit = OneOf["money", "count", "days", "share", "flag", "category", "points", "pd", "date", "times"]


class NoticeError(LinekeeperError):
    """A notice that would tell too little, or something that has no words."""


@dataclass(frozen=True, slots=True)
class BorrowerFact:
    """One own fact of the borrower, in the unit of the feature it comes from.

    Beyond the units of the policy language: `date` (days since 1970-01-01) and `times` ("3 times"). `word` is the
    chosen word of a category. `value` None: not known. `label` says what was measured; a fact that has one is told
    after the reason's text where the text itself does not use it.
    """

    value: int | None
    unit: FactUnit
    word: str = ""
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class NoticeReason:
    """Why: a code with wording in `policies/reasons`, and the borrower's own facts that fill it.

    `words` are the rule's own words (`prose.trigger_words`, or `prose.feature_words` where the reason is a feature
    of the score); they are told where the code has no wording. `feature` names that feature; its fact is `value`.
    """

    code: str
    facts: Mapping[str, BorrowerFact] = field(default_factory=dict)
    words: Text | None = None
    feature: str | None = None


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """An increase that the borrower may take or leave."""

    number: int
    proposed_minor: int
    until_day: int


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to the line. `asked_minor` belongs to a refused draw, `offered` to an offer."""

    action: Action
    before: Line
    after: Line
    since_day: int
    asked_minor: int | None = None
    offered: OpenOffer | None = None


@dataclass(frozen=True, slots=True)
class Lender:
    """Who speaks, and how to reach them. `repay` are the ways to repay, a sentence each."""

    name: Text
    phone: str
    url: str
    hours: Text | None = None
    repay: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Objection:
    """Where and until when to object. `automated`: no person took part in the decision."""

    url: str
    until_day: int | None = None
    automated: bool = True


@dataclass(frozen=True, slots=True)
class NoticeReceipt:
    """Proof that the record stands in the log: its text, where it can be checked, and a QR code of that address.

    `qr_svg` is an `<svg>` of plain shapes; anything else in it is refused when the notice is rendered.
    """

    text: str
    url: str = ""
    qr_svg: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """One decision, ready to be told. `number` and `account` are as the borrower knows them (mask the account).

    `lessons` are keys of `policies/lessons`; left empty, the lesson of the first reason that has one is told.
    `corrects` is the number of the decision that a correction mends. `legal` holds statutory sentences, word for
    word. `due` is when the notice must be out, by the regulation pack. `jurisdiction` chooses where free help is.
    """

    number: str
    account: str
    issued_day: int
    currency: str
    exponent: int
    change: Change
    reasons: tuple[NoticeReason, ...]
    road: Road | NoRoad | None
    lender: Lender
    objection: Objection
    receipt: NoticeReceipt | None
    jurisdiction: str = "CN"
    lessons: tuple[str, ...] = ()
    corrects: str | None = None
    legal: tuple[Text, ...] = ()
    due: NoticeClock | None = None

    def __post_init__(self) -> None:
        for missing, what in self._gaps():
            if missing:
                raise NoticeError(
                    f"the notice `{self.number}` has no {what}; an adverse decision is never told without"
                )

    def _gaps(self) -> tuple[tuple[bool, str], ...]:
        adverse = self.change.action in ADVERSE
        return (
            (adverse and not self.reasons, "reason"),
            (adverse and self.road is None, "road back, nor why there is none"),
            (isinstance(self.road, Road) and not self.road.verified, "road back that was verified a second time"),
            (adverse and self.receipt is None, "receipt"),
            (adverse and not self.lender.repay, "way to repay"),
        )

    @property
    def told(self) -> tuple[NoticeReason, ...]:
        """The reasons that are told: the first four."""
        return self.reasons[:REASONS_SHOWN_MAX]
