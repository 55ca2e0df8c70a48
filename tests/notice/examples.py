"""Notices by hand, as a decision would fill them, for every action that is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from linekeeper.core.dates import epoch_day
from linekeeper.core.line import Action, Line, Status
from linekeeper.notice.model import (
    BorrowerFact,
    Change,
    Lender,
    Notice,
    NoticeReason,
    NoticeReceipt,
    Objection,
    OpenOffer,
)
from linekeeper.recourse.model import Assumption, AssumptionKind, NoRoadBack, PathPoint, Plan, RoadBack, Step, StepKind
from linekeeper.texts.language import Text

QR = (
    '<svg viewBox="0 0 21 21" width="84" height="84"><path fill="#1b2330" d="M0 0h7v7h-7zM1 1v5h5v-5zM2 2h3v3h-3z'
    "M14 0h7v7h-7zM15 1v5h5v-5zM16 2h3v3h-3zM0 14h7v7h-7zM1 15v5h5v-5zM2 16h3v3h-3zM9 1h1v1h-1zM11 2h1v2h-1z"
    'M8 8h2v1h-2zM12 9h2v2h-2zM17 10h3v1h-3zM9 13h2v2h-2zM14 14h2v1h-2zM18 16h2v3h-2zM10 18h3v2h-3z"/></svg>'
)


def day(year: int, month: int, of_month: int) -> int:
    return epoch_day(date(year, month, of_month))


LENDER = Lender(
    name=Text(zh="和顺消费金融", en="Heshun Consumer Finance"),
    phone="400-000-0000",
    url="https://lender.example",
    hours=Text(zh="每天9点到21点", en="9 am to 9 pm every day"),
    repay=(
        Text(zh="手机应用：首页，还款", en="In the app: Home, Repay"),
        Text(zh="银行转账到您的还款账户", en="By bank transfer to your repayment account"),
    ),
)
ARREARS = NoticeReason(
    "arrears",
    {
        "days_past_due": BorrowerFact(3, "days"),
        "due_on": BorrowerFact(day(2026, 5, 2), "date"),
        "past_due": BorrowerFact(86_050, "money"),
    },
)
DRAWS_WEEK = Text(zh="最近7天借款的次数", en="the number of draws in the last 7 days")
DRAWN_WEEK = Text(zh="最近7天借款的金额合计", en="the total amount of draws in the last 7 days")
GAMBLED = Text(
    zh="最近90天消费（仅限其类别等于“博彩”）的金额合计",
    en="the total amount of purchases (only where the category is “gambling”) in the last 90 days",
)
ASKED = Text(zh="最近30天征信查询的次数", en="the number of credit enquiries in the last 30 days")
RAPID = NoticeReason(
    "rapid_borrowing",
    {
        "draws_7d": BorrowerFact(6, "count", label=DRAWS_WEEK),
        "drawn_7d": BorrowerFact(1_240_000, "money", label=DRAWN_WEEK),
    },
)
GAMBLING = NoticeReason("gambling", {"gambling_90d": BorrowerFact(320_000, "money", label=GAMBLED)})
USE = NoticeReason(
    "weak_score",
    {"value": BorrowerFact(9_240, "share")},
    Text(zh="额度使用比例", en="the share of the limit in use"),
    "utilisation",
)
ENQUIRIES = NoticeReason("many_enquiries", {"enquiries_30d": BorrowerFact(5, "count", label=ASKED)})
HELD, HALF = Status.SUSPENDED, 1_000_000
RESTS = (
    Assumption(AssumptionKind.BILLS, day(2026, 6, 2), 120_000),
    Assumption(AssumptionKind.NO_CHARGES, day(2026, 5, 5)),
)


def plan(steps: tuple[Step, ...], path: tuple[PathPoint, ...], early_minor: int, total_minor: int) -> Plan:
    """A plan that was verified; its events do not matter to its words."""
    return Plan(steps, RESTS, path, (), early_minor, total_minor, verified=True)


def rising(*days: int) -> tuple[PathPoint, ...]:
    """Suspended on 5 May, then back in four steps."""
    limits = (1_000_000, 1_400_000, 1_800_000)
    steps = (PathPoint(one, limit, Status.RESTORING) for one, limit in zip(days, limits, strict=False))
    return (PathPoint(day(2026, 5, 5), HALF, HELD), *steps, PathPoint(days[-1], 2_000_000, Status.ACTIVE))


FAST = plan(
    (
        Step(StepKind.PAY_OVERDUE, day(2026, 5, 5), amount_minor=86_050),
        Step(StepKind.PAY_ON_TIME, day(2026, 6, 2), until_day=day(2026, 7, 2), count=2),
        Step(StepKind.NO_DRAWS, day(2026, 5, 5), until_day=day(2026, 9, 30)),
    ),
    rising(day(2026, 7, 2), day(2026, 8, 1), day(2026, 8, 31), day(2026, 9, 30)),
    206_050,
    326_050,
)
LIGHT = plan(
    (
        Step(StepKind.PAY_OVERDUE, day(2026, 5, 5), amount_minor=43_025),
        Step(StepKind.PAY_OVERDUE, day(2026, 6, 4), amount_minor=43_025),
        Step(StepKind.PAY_ON_TIME, day(2026, 7, 2), until_day=day(2026, 8, 2), amount_minor=20_000, count=2),
    ),
    rising(day(2026, 8, 2), day(2026, 9, 1), day(2026, 10, 1), day(2026, 10, 31)),
    163_025,
    326_050,
)
PROVEN = plan(
    (
        Step(StepKind.PAY_OVERDUE, day(2026, 5, 5), amount_minor=86_050),
        Step(StepKind.REPORT, day(2026, 5, 6), day(2026, 7, 6), None, 3, "income", {"amount": 800_000}),
    ),
    rising(day(2026, 5, 20), day(2026, 6, 19), day(2026, 7, 19), day(2026, 8, 18)),
    86_050,
    86_050,
)
ROAD = RoadBack(day(2026, 5, 5), "", day(2026, 11, 7), FAST, LIGHT)
SUSPENDED = Notice(
    number="2026-000412",
    account="•••• 8821",
    issued_day=day(2026, 5, 5),
    currency="CNY",
    exponent=2,
    change=Change(
        Action.SUSPEND, Line(2_000_000, 2_000_000, Status.ACTIVE), Line(HALF, 2_000_000, HELD), day(2026, 5, 5)
    ),
    reasons=(ARREARS, RAPID, USE, GAMBLING, ENQUIRIES),
    road=ROAD,
    lender=LENDER,
    objection=Objection("https://lender.example/object", day(2026, 6, 4)),
    receipt=NoticeReceipt("9f2c41d07ab35e88 / 412 / tree 10482", "https://log.lender.example/r/412", QR),
)
ACTIVE, SHORT = Line(2_000_000, 2_000_000, Status.ACTIVE), Line(1_400_000, 2_000_000, Status.REDUCED)
DECREASED = replace(
    SUSPENDED,
    change=Change(Action.DECREASE, ACTIVE, SHORT, day(2026, 5, 5)),
    reasons=(ENQUIRIES,),
    road=RoadBack(
        day(2026, 5, 5),
        "",
        day(2026, 8, 3),
        plan(
            (Step(StepKind.STOP, day(2026, 5, 5), until_day=day(2026, 6, 4), event_kind="enquiry"),),
            (
                PathPoint(day(2026, 5, 5), 1_400_000, Status.REDUCED),
                PathPoint(day(2026, 6, 4), 2_000_000, Status.ACTIVE),
            ),
            0,
            0,
        ),
    ),
    lessons=("borrowing_elsewhere",),
)
CLOSED = replace(
    SUSPENDED,
    change=Change(Action.CLOSE, ACTIVE, Line(0, 2_000_000, Status.CLOSED), day(2026, 5, 5)),
    reasons=(NoticeReason("fraud", {"fraud_on": BorrowerFact(day(2026, 5, 4), "date")}),),
    road=NoRoadBack("terminal", ("confirmed_fraud",), day(2026, 11, 5)),
)
RESTORED = replace(
    SUSPENDED,
    change=Change(
        Action.RESTORE, Line(HALF, 2_000_000, HELD), Line(1_000_000, 2_000_000, Status.RESTORING), day(2026, 7, 2)
    ),
    issued_day=day(2026, 7, 2),
    reasons=(),
    road=None,
)
RAISED = replace(
    RESTORED,
    change=Change(
        Action.RESTORE,
        Line(1_000_000, 2_000_000, Status.RESTORING),
        Line(1_400_000, 2_000_000, Status.RESTORING),
        day(2026, 8, 1),
    ),
)
OFFERED = replace(
    SUSPENDED,
    change=Change(Action.OFFER, ACTIVE, ACTIVE, day(2026, 5, 5), offered=OpenOffer(1, 2_400_000, day(2026, 6, 4))),
    reasons=(),
    road=None,
)
INCREASED = replace(
    OFFERED,
    change=Change(Action.INCREASE, ACTIVE, Line(2_400_000, 2_400_000, Status.ACTIVE), day(2026, 5, 5)),
)
DENIED = replace(
    SUSPENDED,
    change=Change(Action.DENY, ACTIVE, ACTIVE, day(2026, 5, 5), asked_minor=300_000),
    reasons=(RAPID,),
    road=None,
    receipt=None,
)
CORRECTED = replace(
    SUSPENDED,
    change=Change(Action.CORRECT, Line(HALF, 2_000_000, HELD), ACTIVE, day(2026, 5, 8)),
    issued_day=day(2026, 5, 8),
    reasons=(),
    road=None,
    corrects="2026-000412",
)
LONG = replace(
    SUSPENDED,
    reasons=tuple(
        replace(reason, facts={**reason.facts, "draws": BorrowerFact(7, "count", label=DRAWS_WEEK)})
        for reason in SUSPENDED.reasons
    ),
    road=replace(ROAD, with_report=PROVEN),
    lessons=("borrowing_elsewhere",),
)
ALL = {
    "long": LONG,
    "suspended": SUSPENDED,
    "decreased": DECREASED,
    "closed": CLOSED,
    "restored": RESTORED,
    "raised": RAISED,
    "offered": OFFERED,
    "increased": INCREASED,
    "denied": DENIED,
    "corrected": CORRECTED,
}
