"""A notice says what changed, why, the way back, what stays, where to object; in both languages, in three forms."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from linekeeper.core.line import Action, Line, Status
from linekeeper.notice.model import BorrowerFact, Change, Notice, NoticeError, NoticeReason, NoticeReceipt
from linekeeper.notice.pictures import plain_shapes
from linekeeper.notice.reasons import shipped_wordings
from linekeeper.notice.render import as_html, as_json, as_text, render_notice
from linekeeper.recourse.model import Assumption, AssumptionKind, NoRoadBack, RoadBack
from linekeeper.texts.language import LANGS, Lang, Text
from tests.notice import examples as made

HEADLINES = {
    "suspended": ("You cannot borrow on this line for now", "这个额度暂时不能借款"),
    "decreased": ("Your credit limit is now CN¥14,000", "您的额度现在是¥14,000"),
    "closed": ("Your credit line is closed", "您的额度已关闭"),
    "restored": ("You can borrow on this line again", "这个额度可以重新借款了"),
    "raised": ("Your credit limit is now CN¥14,000", "您的额度现在是¥14,000"),
    "offered": ("You may choose a higher limit", "您可以选择更高的额度"),
    "increased": ("Your credit limit is now CN¥24,000", "您的额度现在是¥24,000"),
    "denied": ("Your loan of CN¥3,000 was not paid out", "您申请的¥3,000借款没有放款"),
    "corrected": ("We made a mistake and have put it right", "我们出了错，现在已经改正"),
}


@pytest.mark.parametrize("name", HEADLINES)
def test_each_action_has_its_headline(name: str) -> None:
    shown = tuple(render_notice(made.ALL[name], lang).headline for lang in ("en", "zh"))
    assert shown == HEADLINES[name]


def test_the_whole_notice_in_english() -> None:
    assert as_text(made.SUSPENDED, "en") == (Path(__file__).parent / "suspended.en.txt").read_text("utf-8")


def test_the_whole_notice_in_chinese() -> None:
    assert as_text(made.SUSPENDED, "zh") == (Path(__file__).parent / "suspended.zh.txt").read_text("utf-8")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", made.ALL)
def test_the_three_forms_say_the_same(name: str, lang: Lang) -> None:
    notice = made.ALL[name]
    shown = render_notice(notice, lang)
    page = re.sub(r"<[^>]+>", "", as_html(notice, lang)).replace("&#34;", '"').replace("&#39;", "'")
    text, values = as_text(notice, lang), json.loads(as_json(notice, lang))
    sentences = [shown.headline, shown.lead, shown.unaffected, shown.objection, shown.contact]
    sentences += [part for reason in shown.reasons for part in (reason.title, reason.text, *reason.details)]
    sentences += [part for plan in shown.plans for part in (plan.name, plan.goal, *(step.text for step in plan.steps))]
    for sentence in sentences:
        assert sentence in page
        assert sentence in text
    assert values["rendered"]["headline"] == shown.headline
    assert values["notice"]["change"]["action"] == notice.change.action.name.lower()
    assert values["notice"]["change"]["before"]["limit"] == notice.change.before.limit
    assert "{" not in text


def test_at_most_four_reasons_are_shown_and_the_rest_is_said_to_exist() -> None:
    shown = render_notice(made.SUSPENDED, "en")
    assert [reason.code for reason in shown.reasons] == ["arrears", "rapid_borrowing", "weak_score", "gambling"]
    assert shown.further == "1 smaller reason is not listed. You can ask us for it."
    assert render_notice(replace(made.SUSPENDED, reasons=made.SUSPENDED.reasons[:4]), "en").further == ""


def test_steps_stand_in_the_order_of_their_days() -> None:
    days = [step.day for step in render_notice(made.SUSPENDED, "en").plans[0].steps]
    assert days == ["5 May", "5 May", "2 June"]


def test_only_what_changed_stands_in_the_table() -> None:
    def rows(change: Change) -> list[str]:
        return [row.label for row in render_notice(replace(made.SUSPENDED, change=change), "en").rows]

    change = made.SUSPENDED.change
    assert rows(change) == ["Limit", "New loans"]
    assert rows(replace(change, after=Line(2_000_000, 2_000_000, Status.SUSPENDED))) == ["New loans"]
    assert rows(made.DECREASED.change) == ["Limit"]
    assert rows(made.OFFERED.change) == []


@pytest.mark.parametrize(
    ("road", "shown"),
    [
        (
            NoRoadBack("terminal", ()),
            "Under our rules this decision is final. There are no steps that bring the limit back.",
        ),
        (NoRoadBack("person", ()), "A person decided this. Ask us, and a person will tell you what is needed."),
        (
            NoRoadBack("not_found", ()),
            "We have not found steps that bring the limit back yet. We look again when your account changes.",
        ),
    ],
)
def test_where_there_is_no_road_the_notice_says_why(road: NoRoadBack, shown: str) -> None:
    assert render_notice(replace(made.SUSPENDED, road=road), "en").road == (shown,)
    later = replace(made.SUSPENDED, road=replace(road, ask_again_day=made.day(2027, 8, 1)))
    assert render_notice(later, "en").road == (shown, "You can ask again from 1 August 2027.")


def test_what_a_road_assumes_is_shown_once_for_all_its_plans() -> None:
    bills, other = (
        Assumption(AssumptionKind.BILLS, made.day(2026, 6, 2), 90_000),
        Assumption(AssumptionKind.CURRENT, made.day(2026, 6, 2)),
    )
    light = replace(made.LIGHT, assumptions=(bills, other))
    shown = render_notice(replace(made.SUSPENDED, road=replace(made.ROAD, lightest=light)), "en").assumptions
    assert shown == (
        "No bill is above CN¥900.",
        "You pay interest and fees as they come.",
        "Nothing is overdue from 2 June on.",
    )


def test_a_faster_way_that_needs_proof_says_what_proof() -> None:
    proven = render_notice(made.LONG, "en").plans[2]
    assert proven.name == "A faster way, with proof"
    assert proven.steps[1].text == "Send us proof of this: income, amount: CN¥8,000. Do so each month until 6 July."


def test_the_json_of_a_letter_keeps_the_former_keys_of_its_road_for_one_version() -> None:
    road = json.loads(as_json(made.LONG, "en"))["notice"]["road"]
    for kind in ("fastest", "lightest", "with_report"):
        plan = road[kind]
        assert [step["do"] for step in plan["steps"]] == [step["action"] for step in plan["steps"]] != []
        assert [step["kind"] for step in plan["steps"]] == [step["event_kind"] for step in plan["steps"]]
        assert [one["rests"] for one in plan["assumptions"]] == [one["kind"] for one in plan["assumptions"]] != []
        assert [one["kinds"] for one in plan["assumptions"]] == [one["event_kinds"] for one in plan["assumptions"]]
    none = json.loads(as_json(made.CLOSED, "en"))["notice"]["road"]
    assert none == {"why": "terminal", "triggers": ["confirmed_fraud"], "ask_again_day": made.CLOSED.road.ask_again_day}


def test_a_road_that_was_not_verified_is_refused() -> None:
    with pytest.raises(NoticeError, match="has no road back that was verified a second time"):
        replace(made.SUSPENDED, road=replace(made.ROAD, lightest=replace(made.LIGHT, verified=False)))


def test_a_lesson_uses_the_borrowers_own_amounts() -> None:
    lesson = render_notice(made.DECREASED, "en").lesson
    assert lesson is not None
    assert lesson.short.startswith("Borrowing CN¥6,000 for 30 days costs about CN¥118.36 at 24% a year, and CN¥177.53")


def test_the_lesson_of_the_first_reason_is_shown() -> None:
    keys = [
        lesson.key
        for name in ("suspended", "closed", "denied")
        if (lesson := render_notice(made.ALL[name], "zh").lesson)
    ]
    assert keys == ["days_past_due", "account_safety", "budget_check"]


# ------------------------------------------------------------------ law 9: no silence


@pytest.mark.parametrize(
    ("gap", "message"),
    [
        ({"reasons": ()}, "has no reason;"),
        ({"road": None}, "has no road back, nor why there is none;"),
        ({"receipt": None}, "has no receipt;"),
        ({"lender": replace(made.LENDER, repay=())}, "has no way to repay;"),
    ],
)
@pytest.mark.parametrize("notice", [made.SUSPENDED, made.DECREASED, made.CLOSED])
def test_an_adverse_notice_that_leaves_a_gap_is_refused(notice: Notice, gap: dict[str, object], message: str) -> None:
    with pytest.raises(NoticeError, match=f"the notice `2026-000412` {message}"):
        replace(notice, **gap)  # type: ignore[arg-type]


@pytest.mark.parametrize("action", [Action.KEEP, Action.ALLOW])
def test_an_action_without_a_notice_is_refused(action: Action) -> None:
    notice = replace(made.RESTORED, change=replace(made.RESTORED.change, action=action))
    with pytest.raises(NoticeError, match="is no matter for a notice"):
        render_notice(notice, "en")


def test_a_reason_without_wording_is_shown_in_the_words_of_its_rule() -> None:
    words = Text(zh="逾期时间不低于30天", en="the time past due is at least 30 days")
    reason = NoticeReason("made_up_last_week", {"n": BorrowerFact(3, "count", label=made.DRAWS_WEEK)}, words)
    shown = render_notice(replace(made.SUSPENDED, reasons=(reason,)), "en").reasons[0]
    assert shown.text == "This rule applied: the time past due is at least 30 days."
    assert shown.details == ("Loans taken in the last 7 days: 3.",)
    assert (
        render_notice(replace(made.SUSPENDED, reasons=(reason,)), "zh").reasons[0].text
        == "适用的规则是：逾期时间不低于30天。"
    )


def test_a_reason_without_wording_and_without_rule_is_refused() -> None:
    with pytest.raises(NoticeError, match="the reason `nameless` has no wording and no rule to quote"):
        render_notice(replace(made.SUSPENDED, reasons=(NoticeReason("nameless"),)), "en")


def test_a_lesson_that_does_not_exist_is_refused() -> None:
    with pytest.raises(NoticeError, match="the lesson `luck` does not exist"):
        render_notice(replace(made.SUSPENDED, lessons=("luck",)), "en")


# ------------------------------------------------------------------ HTML is only what we mean


def test_a_page_asks_nothing_from_elsewhere() -> None:
    page = as_html(made.SUSPENDED, "en")
    assert not re.findall(r"<(?:script|link|img|iframe|object|embed|form)\b", page)
    assert not re.findall(r"url\(|@import|\bsrc=", page)
    assert "default-src 'none'" in page


def test_text_from_outside_stays_text() -> None:
    evil = "<script>alert(1)</script>"
    lender = replace(made.LENDER, name=Text(zh=evil, en=evil))
    page = as_html(replace(made.SUSPENDED, lender=lender, account=evil, number=evil), "en")
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 4  # title, lender, number, account


@pytest.mark.parametrize(
    "svg",
    [
        "<svg><script>alert(1)</script></svg>",
        '<svg onload="alert(1)"/>',
        '<svg><a href="javascript:alert(1)"><path d="M0 0"/></a></svg>',
        '<svg><path d="M0 0" style="background:url(x)"/></svg>',
        "<svg><style>@import 'x'</style></svg>",
        '<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>',
        "<svg><foreignObject/></svg>",
        '<svg><path d="M0 0" fill="url(https://elsewhere.example)"/></svg>',
        "<svg>" + " " * 200_000 + "</svg>",
        "<svg>",
    ],
)
def test_a_picture_of_more_than_plain_shapes_is_refused(svg: str) -> None:
    notice = replace(made.SUSPENDED, receipt=NoticeReceipt("r", "", svg))
    with pytest.raises(NoticeError, match="the receipt's `qr_svg`"):
        as_html(notice, "en")


def test_the_usual_qr_pictures_are_shown() -> None:
    from io import BytesIO

    import qrcode
    from qrcode.image.svg import SvgPathImage

    stream = BytesIO()
    qrcode.make("https://log.lender.example/r/412", image_factory=SvgPathImage).save(stream)
    shown = plain_shapes(stream.getvalue().decode())
    assert shown.startswith("<svg")
    assert 'aria-hidden="true"' in shown


def test_every_wording_names_lessons_that_exist() -> None:
    from linekeeper.education.lessons import shipped_lessons

    wordings = shipped_wordings()
    named = {key for table in (wordings.codes, wordings.measures) for item in table.values() for key in item.lessons}
    assert named <= set(shipped_lessons("en"))


@pytest.mark.parametrize("lang", LANGS)
def test_a_way_back_on_one_day_has_no_picture(lang: Lang) -> None:
    road = made.SUSPENDED.road
    assert isinstance(road, RoadBack)
    at_once = tuple(replace(point, day=road.day) for point in road.fastest.path)
    today = replace(road, fastest=replace(road.fastest, path=at_once), lightest=None, with_report=None)
    assert 'class="chart"' in as_html(made.SUSPENDED, lang)
    assert 'class="chart"' not in as_html(replace(made.SUSPENDED, road=today), lang)
