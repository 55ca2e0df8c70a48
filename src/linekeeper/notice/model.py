"""What a notice holds: plain values, filled by `from_decision` and put into words by `render`, in either language.

Money is in minor units of `currency`, days are local calendar days since 1970-01-01. Nothing here is computed: whoever
fills a notice answers for its facts. `Notice` refuses an adverse decision that would leave the borrower without
reasons, a verified road back (or why there is none), a way to repay or a receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal as OneOf

from linekeeper.core.decision import REASONS_SHOWN_MAX, OwnChoice
from linekeeper.core.errors import NoticeError
from linekeeper.core.line import ADVERSE, Action, Line
from linekeeper.recourse.model import NoRoadBack, RoadBack
from linekeeper.regulation.clock import NoticeClock
from linekeeper.texts.language import Text

DEFAULT_JURISDICTION = "CN"  # where no law is named
FactUnit = OneOf["money", "count", "days", "share", "flag", "category", "points", "pd", "text", "date", "times"]


@dataclass(frozen=True, slots=True)
class BorrowerFact:
    """A fact about the borrower that stands behind a reason, in the unit of the feature that it comes from.

    There are two units beyond those of the policy language: `date` (days since 1970-01-01) and `times` ("3 times").
    `word` is the chosen word of a category. A `value` of None is not known. `label` says what was measured; a fact that
    has a label is shown after the text of the reason, unless the text itself uses it.
    """

    value: int | None
    unit: FactUnit
    word: str = ""
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class NoticeReason:
    """One reason of a decision: a code with wording in `policies/reasons`, and the borrower's own facts that fill it.

    `words` are the words of the rule itself (`prose.trigger_words`, or `prose.feature_words` where the reason is a
    feature of the score). They are shown where the code has no wording. `feature` names that feature; the fact `value`
    is its value.
    """

    code: str
    facts: Mapping[str, BorrowerFact] = field(default_factory=dict)
    words: Text | None = None
    feature: str | None = None


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """An increase that the borrower may take or leave: its number for the consent, the limit, and the last day.

    `name` and `price` are those of the policy, empty where it has none. One that does not need the borrower's consent
    is no offer: the limit is already raised.
    """

    number: int
    proposed_minor: int
    until_day: int
    name: str = ""
    price: str = ""
    needs_consent: bool = True


@dataclass(frozen=True, slots=True)
class ComingChange:
    """What is announced: from which local day on, and how the line will stand when all of it is in effect."""

    first_day: int
    last_day: int
    after: Line


@dataclass(frozen=True, slots=True)
class Change:
    """What changed on the line. `asked_minor` is the amount of a refused draw, `offered` the increase of an offer.

    `price` is the code of a price that holds from now on. `coming` is what is announced; `withdrawn`: something that
    was announced does not come. `own_choice` is what the borrower himself wishes; a wish that loosens it waits for
    `cooling_days`. `by_grant`: the lender grants another amount.
    """

    action: Action
    before: Line
    after: Line
    since_day: int
    asked_minor: int | None = None
    offered: OpenOffer | None = None
    coming: ComingChange | None = None
    withdrawn: bool = False
    price: str = ""
    own_choice: OwnChoice | None = None
    cooling_days: int | None = None  # None: the policy knows no own choice
    by_grant: bool = False


@dataclass(frozen=True, slots=True)
class Lender:
    """The lender as a notice names it, and how to reach it. `repay` holds one sentence for each way to repay.

    `is_example`: no lender was named, so the letter says that it is a specimen and is not to be sent.
    """

    name: Text
    phone: str
    url: str
    hours: Text | None = None
    repay: tuple[Text, ...] = ()
    is_example: bool = False


@dataclass(frozen=True, slots=True)
class Objection:
    """Where and until which day to object. `automated`: no person took part in the decision."""

    url: str
    until_day: int | None = None
    automated: bool = True


@dataclass(frozen=True, slots=True)
class NoticeReceipt:
    """Proof that the record stands in the log: its text, the address where it can be checked, and a QR code.

    `qr_svg` is an `<svg>` of plain shapes; anything else in it is refused when the notice is rendered.
    """

    text: str
    url: str = ""
    qr_svg: str = ""


@dataclass(frozen=True, slots=True)
class CorrectionCause:
    """What showed a decision to be wrong: a record that was wrong then (`wrong`), or a fact that was known late.

    `event_kind` is the kind of the late event, and `on_day` the local day on which it happened.
    """

    wrong: bool
    event_kind: str = ""
    on_day: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """One decision, with all that its notice says. `number` and `account` are as the borrower knows them: masked.

    `lessons` are keys of `policies/lessons`; where it is empty, the first reason that has a lesson chooses it.
    `corrects` names the decisions that a correction shows to have been wrong, `too_long` those that were right and
    whose restriction lasted too long; `cause` says what showed it. `owed_minor`
    is what the account owes; None where that is not known. `legal` holds statutory sentences, word for word. `due` is
    the clock by which the notice must be out. `jurisdiction` chooses whom a lesson names for free help.

    Raises `NoticeError` where a decision is adverse and its notice has no reason, road back, way to repay or receipt.
    """

    number: str
    account: str
    issued_day: int
    currency: str
    exponent: int
    change: Change
    reasons: tuple[NoticeReason, ...]
    road: RoadBack | NoRoadBack | None
    lender: Lender
    objection: Objection
    receipt: NoticeReceipt | None
    jurisdiction: str = DEFAULT_JURISDICTION
    lessons: tuple[str, ...] = ()
    corrects: tuple[str, ...] = ()
    too_long: tuple[str, ...] = ()
    legal: tuple[Text, ...] = ()
    due: NoticeClock | None = None
    owed_minor: int | None = None
    cause: CorrectionCause | None = None

    def __post_init__(self) -> None:
        # INVARIANT: no silence (law 9). Whoever learns of a restriction learns the reason, the road back, the proof.
        adverse = self.change.action in ADVERSE
        grave = adverse or self.change.action in (Action.ANNOUNCE, Action.PRICE)
        explained = grave or self.change.action == Action.REFUSE
        required = (
            (not explained or bool(self.reasons), "reason"),
            (not adverse or self.road is not None, "road back, nor why there is none"),
            (not isinstance(self.road, RoadBack) or self.road.verified, "road back that was verified a second time"),
            (not explained or self.receipt is not None, "receipt"),
            (not grave or bool(self.lender.repay), "way to repay"),
        )
        for is_there, what in required:
            if not is_there:
                raise NoticeError(
                    f"the notice `{self.number}` has no {what}; an adverse decision is never sent without",
                    code="notice-not-complete",
                    details={"notice": self.number},
                )

    @property
    def shown_reasons(self) -> tuple[NoticeReason, ...]:
        """The reasons that are shown, the most important ones first. The notice says how many others there are."""
        return self.reasons[:REASONS_SHOWN_MAX]
