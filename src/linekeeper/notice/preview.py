"""Every letter that a policy can send, filled with a made-up account, so that a lender reads all of them beforehand.

A case is an action together with what leads to it: a trigger, an offer, a rule that refuses a line, a wish. The account
is made up such that the condition holds, as far as single comparisons can say so; its road back is made up, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from linekeeper.core.bounds import DAY_MS
from linekeeper.core.decision import (
    Announced,
    Announcements,
    Decision,
    LineRecord,
    OfferRecord,
    OwnChoice,
    Reason,
    Treatment,
)
from linekeeper.core.line import Status
from linekeeper.decide.reasons import GRANT, ReasonWriter
from linekeeper.kernel.calendar import calendar
from linekeeper.kernel.prelude import share_of
from linekeeper.notice.from_decision import DecisionContext, LenderProfile, notice_of
from linekeeper.notice.model import Notice
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.recourse.model import (
    Assumption,
    AssumptionKind,
    NoRoadBack,
    PathPoint,
    Plan,
    RoadBack,
    Step,
    StepKind,
)

MADE_UP_ACCOUNT, PREVIEW_DAY = "specimen-0001", 20_790  # 3 December 2026
UNITS_GRANTED = 10_000  # of the currency
RESTRICTING_ACTIONS = ("close", "suspend", "decrease")


@dataclass(frozen=True, slots=True)
class PreviewedNotice:
    """One letter: what its case is called, the action of its decision, and the notice."""

    name: str
    action: str
    notice: Notice


def preview_notices(policy: m.Policy, profile: LenderProfile) -> tuple[PreviewedNotice, ...]:
    """One notice for each case of the policy, in the order of its sections.

    >>> from linekeeper.notice.from_decision import read_lender_profile
    >>> from linekeeper.policy.load import load_text
    >>> policy = load_text('''
    ... policy: tiny
    ... version: 1
    ... currency: CNY
    ... time_zone: Asia/Shanghai
    ... triggers: {late: {when: days_past_due >= 30, suspend: yes, reason: arrears}}
    ... ''')
    >>> [case.name for case in preview_notices(policy, read_lender_profile())]
    ['suspend_late', 'restore', 'correct']
    """
    return tuple(_CaseWriter(policy, profile).cases())


class _CaseWriter:
    def __init__(self, policy: m.Policy, profile: LenderProfile) -> None:
        self.policy, self.profile = policy, profile
        self.granted = UNITS_GRANTED * 10**policy.exponent
        self.at = calendar(policy.time_zone).day_start(PREVIEW_DAY) + DAY_MS // 2
        self.reasons = ReasonWriter(policy)
        self.whole = LineRecord(self.granted, self.granted, "active")

    def cases(self) -> Iterator[PreviewedNotice]:
        """Triggers, what gives back, offers, wishes, first limits, grants."""
        for trigger in self.policy.triggers:
            yield from self._of_trigger(trigger)
        if any(trigger.restricts for trigger in self.policy.triggers):
            low = LineRecord(self.granted // 2, self.granted, "reduced")
            yield self._case("restore", self._decision("restore", low, self.whole))
            wrong = DecisionContext(corrected=(1,))
            yield self._case("correct", self._decision("correct", low, self.whole), wrong)
        for offer in self.policy.offers:
            yield self._of_offer(offer)
        if any(offer.needs_consent for offer in self.policy.offers):
            yield self._case("increase", self._decision("increase", self.whole, self._more(self.granted // 5)))
        yield from self._of_wishes()
        yield from self._of_assign()
        if self.policy.takes_grants:
            given, less = DecisionContext(by_grant=True), self._line(self.granted // 2)
            yield self._case("grant_more", self._decision("increase", self.whole, self._more(self.granted)), given)
            lowered = replace(self._decision("decrease", self.whole, less), reasons=(Reason(GRANT, ""),))
            yield self._case("grant_less", lowered, given)

    # -------------------------------------------------------------- triggers

    def _of_trigger(self, trigger: m.Trigger) -> Iterator[PreviewedNotice]:
        """What it takes away, announced first where it is; and what it does beside that."""
        given, after = trigger.treatments or m.Treatments(), self._restricted(trigger)
        action = next((one for one in RESTRICTING_ACTIONS if self._does(trigger, one)), "")
        if action and trigger.announced:
            day = PREVIEW_DAY + trigger.effective_days
            coming = Announcements((Announced(trigger.name, day),), after.limit)
            announced = self._set("announce", trigger, self.whole)
            yield self._case(f"announce_{trigger.name}", replace(announced, announcements=coming))
            gone = replace(
                self._decision("withdraw", self.whole, self.whole),
                announcements=Announcements(withdrawn=(trigger.name,)),
            )
            yield self._case(f"withdraw_{trigger.name}", gone)
        elif action:
            road = self._road(after) if not trigger.terminal else NoRoadBack("terminal", (trigger.name,))
            yield self._case(f"{action}_{trigger.name}", self._set(action, trigger, after), road=road)
        for kind, code in (("contact", given.contact.code if given.contact else ""), ("price", given.price)):
            if code and not action:
                begun = (Treatment(trigger.name, kind, code, self.at if kind == "contact" else None),)
                yield self._case(
                    f"{kind}_{trigger.name}", replace(self._set(kind, trigger, self.whole), treatments=begun)
                )

    def _does(self, trigger: m.Trigger, action: str) -> bool:
        return {"close": trigger.close, "suspend": trigger.suspend, "decrease": trigger.caps_limit}[action]

    def _restricted(self, trigger: m.Trigger) -> LineRecord:
        """The line with that trigger alone in force; an amount is shown as 60 % of what is granted."""
        cap = share_of(self.granted, trigger.cap_bp)
        limit = 0 if trigger.close else min(cap, self.granted * 6 // 10) if trigger.limit else cap
        status = "closed" if trigger.close else "suspended" if trigger.suspend else "reduced"
        return LineRecord(limit, self.granted, status)

    def _set(self, action: str, trigger: m.Trigger, after: LineRecord) -> Decision:
        """A decision that sets one trigger, with values by which its condition holds."""
        values = {**self._values(), **_values_by_which(trigger.when)}
        decision = replace(
            self._decision(action, self.whole, after),
            values=values,
            triggers_set=(trigger.name,),
            triggers_in_force=(trigger.name,),
        )
        price = (trigger.treatments or m.Treatments()).price
        begun = (Treatment(trigger.name, "price", price),) if price else ()
        return replace(decision, reasons=self.reasons.reasons((trigger,), False, values), treatments=begun)

    def _road(self, after: LineRecord) -> RoadBack:
        """A made-up way back: pay what is overdue, pay two bills on time, then the limit is whole."""
        paid, back = self.granted // 20, PREVIEW_DAY + 60
        steps = (
            Step(StepKind.PAY_OVERDUE, PREVIEW_DAY + 1, amount_minor=paid),
            Step(StepKind.PAY_ON_TIME, PREVIEW_DAY + 28, until_day=PREVIEW_DAY + 58, count=2),
        )
        path = (
            PathPoint(PREVIEW_DAY, after.limit, Status[after.status.upper()]),
            PathPoint(back, self.granted, Status.ACTIVE),
        )
        bills = (Assumption(AssumptionKind.BILLS, PREVIEW_DAY + 28, paid),)
        plan = Plan(steps, bills, path, (), paid, paid * 3, verified=True)
        return RoadBack(PREVIEW_DAY, self.policy.digest, PREVIEW_DAY + max(self.policy.honour_days, 67), plan)

    # -------------------------------------------------------------- what gives

    def _of_offer(self, offer: m.Offer) -> PreviewedNotice:
        name = offer.name or "offer"
        more = max(share_of(self.granted, offer.increase_bp), offer.add_minor, self.granted // 10)
        made = OfferRecord(1, self.granted + more, offer.name)
        action, after = ("offer", self.whole) if offer.needs_consent else ("increase", self._more(more))
        return self._case(f"{action}_{name}", replace(self._decision(action, self.whole, after), offer=made))

    def _of_wishes(self) -> Iterator[PreviewedNotice]:
        if self.policy.own_limit is None:
            return
        day = PREVIEW_DAY + self.policy.own_limit.cooling_days
        wishes = {
            "lower": OwnChoice("lower", self.granted // 2, None, None, None),
            "freeze": OwnChoice("freeze", 0, None, None, None),
            "close": OwnChoice("close", 0, None, None, None),
            "lift": OwnChoice("lower", self.granted // 2, day, "lift", None),
        }
        for name, choice in wishes.items():
            decision = self._decision("own_choice", self.whole, self.whole)
            yield self._case(f"own_choice_{name}", replace(decision, own_choice=choice))

    def _of_assign(self) -> Iterator[PreviewedNotice]:
        if self.policy.assign is None:
            return
        nothing = LineRecord(0, 0, "active")
        yield self._case("assign", self._decision("assign", nothing, self.whole))
        for rule in self.policy.assign.refuse:
            values = {**self._values(), **_values_by_which(rule.when)}
            refused = replace(self._decision("refuse", nothing, nothing), values=values)
            yield self._case(f"refuse_{rule.name}", replace(refused, reasons=(Reason(rule.reason, rule.name),)))

    # -------------------------------------------------------------- the made-up account

    def _more(self, minor: int) -> LineRecord:
        return self._line(self.granted + minor)

    def _line(self, minor: int) -> LineRecord:
        return LineRecord(minor, minor, "active")

    def _values(self) -> dict[str, int | None]:
        """Something of each: a tenth of the line in money, a third as a share, 1 of anything else."""
        by_unit = {"money": self.granted // 10, "share": 3_300, "days": 1, "count": 1}
        return {one.name: by_unit.get(one.unit, 0) for one in self.policy.features}

    def _decision(self, action: str, before: LineRecord, after: LineRecord) -> Decision:
        scored = self.policy.score is not None
        return Decision(
            account=MADE_UP_ACCOUNT,
            number=2,
            at=self.at,
            policy=self.policy.digest,
            model=None,
            event="specimen",
            action=action,
            before=before,
            after=after,
            triggers_set=(),
            triggers_released=(),
            triggers_in_force=(),
            imposed_bp=None,
            values=self._values(),
            score=600 if scored else None,
            sub_scores=dict.fromkeys(self.policy.groups, 0),
            pd_ppm=20_000 if scored else None,
            reasons=(),
            offer=None,
            previous=None,
        )

    def _case(
        self,
        name: str,
        decision: Decision,
        context: DecisionContext | None = None,
        road: RoadBack | NoRoadBack | None = None,
    ) -> PreviewedNotice:
        notice = notice_of(decision, self.policy, self.profile, context=context, road=road)
        return PreviewedNotice(name, decision.action, notice)


def _values_by_which(condition: ex.Expr) -> dict[str, int]:
    """Values of features by which the comparisons of a condition with constants hold; the first of alternatives."""
    match condition:
        case ex.And(items):
            return {name: value for item in items for name, value in _values_by_which(item).items()}
        case ex.Or(items):
            return _values_by_which(items[0])
        case ex.Compare(op, ex.Ref(name), ex.Literal(value)):
            return {name: value + {">": 1, "<": -1, "!=": 1}.get(op, 0)}
        case ex.In(ex.Ref(name), values):
            return {name: values[0]}
        case ex.Ref(name, "flag"):
            return {name: 1}
    return {}
