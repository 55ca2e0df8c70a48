"""The policy explains itself: every construct has words in both languages, and no two rules share theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.notice.prose import describe, feature_words, trigger_words
from linekeeper.notice.prose.expression import ExpressionRenderer
from linekeeper.notice.prose.vocabulary import shipped_vocabulary
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.functions import FACTS
from linekeeper.policy.load import load_file, load_text
from linekeeper.texts.language import LANGS, Lang, language

POLICIES = sorted((Path(__file__).parents[2] / "policies").glob("*.yaml"))
POLICY = load_text("""
policy: everything
version: 7
currency: CNY
time_zone: Asia/Shanghai
protected: [age]
events:
  income: {amount: money}
  purchase: {amount: money, category: [food, gambling, other]}
  bureau: {score: count, frozen: flag, channel: [app, web]}
features:
  channel: last(bureau.channel)
  frozen: last(bureau.frozen)
  income: last(income.amount)
  burden: {value: "percent(sum(due.amount, 30d), income)", worse: higher}
  longest: {value: "max(draw.amount, 90d)", worse: lower}
score:
  base: 500
  ability:
    burden: {below 30%: 60, below 60%: 25, otherwise: -20, missing: 0}
    frozen: {is "true": -30, otherwise: 0, missing: 0}
  willingness:
    channel: {is "app": 5, otherwise: 0, missing: 0}
  pd: {below 500: 18%, otherwise: 1.2%}
triggers:
  late: {when: days_past_due >= 30, clear: past_due = 0 CNY, hold: 30d, suspend: yes, cap: 50%, reason: arrears}
  frozen_record: {when: frozen, close: yes, terminal: yes, expires: 5y, reason: fraud}
  heavy: {when: burden > 40% and known(income), cap: 70%, reason: debt_burden}
restoration: {first: 40%, step: 20%, every: 30d, while: days_past_due = 0}
authorise:
  rush: {deny: "amount > 2000 CNY and count(draw, 24h) >= 3", reason: rapid_borrowing}
offer: {when: "score >= 640 and pd < 2% and ability > 10", increase: 20%, up_to: 200_000 CNY, every: 90d, valid: 31d}
brake: {lines: 2%, exposure: 3%}
honour: 60d
""")
WINDOW = ex.Window(7, "d")
NIGHT = ex.Select("purchase", ex.Compare("<", ex.HourOfDay(), ex.Literal(6, ex.COUNT)))
SPENT_ON = ("food", "gambling", "other")
FOOD = ex.Select(
    "purchase", ex.Compare("=", ex.FieldRef("category", ex.CATEGORY, SPENT_ON), ex.Literal(0, ex.CATEGORY, SPENT_ON))
)
LATE = ex.Compare(">=", ex.Ref("days_past_due", ex.DAYS), ex.Literal(30, ex.DAYS))
SAMPLES: tuple[ex.Expr, ...] = (
    ex.Literal(5_000_00, ex.MONEY),
    ex.Ref("burden", ex.SHARE),
    ex.ScoreRef("score"),
    ex.ScoreRef("pd"),
    ex.ScoreRef("willingness"),
    ex.FieldRef("amount", ex.MONEY),
    ex.HourOfDay(),
    ex.DayOfMonth(),
    ex.Weekday(),
    ex.Holiday(),
    ex.Listed(ex.FieldRef("device", ex.TEXT), "blocked_devices"),
    ex.LineBefore("limit"),
    ex.LineBefore("granted"),
    ex.Not(LATE),
    ex.And((LATE, ex.Ref("frozen", ex.FLAG))),
    ex.Or((LATE, ex.Ref("frozen", ex.FLAG))),
    LATE,
    ex.In(ex.Ref("channel", ex.CATEGORY, ("app", "web")), (0, 1)),
    ex.Arithmetic("+", ex.Ref("past_due", ex.MONEY), ex.Literal(1, ex.MONEY)),
    ex.Arithmetic("-", ex.Ref("past_due", ex.MONEY), ex.Literal(1, ex.MONEY)),
    ex.Arithmetic("*", ex.Ref("past_due", ex.MONEY), ex.Literal(2, ex.COUNT)),
    ex.If(LATE, ex.Ref("past_due", ex.MONEY), ex.Literal(0, ex.MONEY)),
    ex.Call("percent", (ex.Ref("past_due", ex.MONEY), ex.Ref("income", ex.MONEY)), ex.SHARE),
    ex.Call("part", (ex.Ref("past_due", ex.MONEY), ex.Literal(3_000, ex.SHARE)), ex.MONEY),
    ex.Call("per", (ex.Ref("past_due", ex.MONEY), ex.Literal(3, ex.COUNT)), ex.MONEY),
    ex.Call("smallest", (ex.Ref("past_due", ex.MONEY), ex.Ref("income", ex.MONEY)), ex.MONEY),
    ex.Call("largest", (ex.Ref("past_due", ex.MONEY), ex.Ref("income", ex.MONEY)), ex.MONEY),
    ex.Call("fallback", (ex.Ref("income", ex.MONEY), ex.Literal(0, ex.MONEY)), ex.MONEY),
    ex.Call("known", (ex.Ref("income", ex.MONEY),), ex.FLAG),
    ex.Windowed("count", ex.Select("draw"), None, WINDOW, ex.COUNT),
    ex.Windowed("count", NIGHT, None, WINDOW, ex.COUNT),
    ex.Windowed("sum", ex.Select("repay"), "amount", WINDOW, ex.MONEY),
    ex.Windowed("max", FOOD, "amount", ex.Window(24, "h"), ex.MONEY),
    ex.Windowed("min", ex.Select("repay"), "amount", WINDOW, ex.MONEY),
    ex.Windowed("average", ex.Select("repay"), "amount", WINDOW, ex.MONEY, 30),
    ex.Windowed("spread", ex.Select("repay"), "amount", WINDOW, ex.MONEY),
    ex.Windowed("active", ex.Select("draw"), None, ex.Window(6, "m"), ex.COUNT, 1),
    ex.Windowed("in_a_row", ex.Select("draw"), None, ex.Window(6, "m"), ex.COUNT),
    ex.Windowed("distinct", FOOD, "category", WINDOW, ex.COUNT),
    ex.Last(ex.Select("income"), "amount", ex.MONEY),
    ex.First(ex.Select("income"), "amount", ex.MONEY),
    ex.DaysSince(ex.Select("income")),
    ex.LateCount(30, ex.Window(12, "m")),
    ex.Restrictions(ex.Window(12, "m")),
    ex.Daily("max", ex.Fact("balance", ex.MONEY), WINDOW, ex.MONEY),
    ex.Daily("min", ex.Fact("balance", ex.MONEY), WINDOW, ex.MONEY),
    ex.Daily("average", ex.Fact("balance", ex.MONEY), WINDOW, ex.MONEY),
    ex.Daily("days_where", ex.Compare(">", ex.Fact("balance", ex.MONEY), ex.Fact("limit", ex.MONEY)), WINDOW, ex.DAYS),
    ex.Arm("trial", ("champion", "gentle")),
    *(ex.Fact(fact.name, fact.unit) for fact in FACTS.values()),
)


def leaves(union: object) -> Iterator[type]:
    """The classes of a union of unions."""
    for part in get_args(union):
        yield from leaves(part) if get_args(part) else (part,)


def rendered(node: ex.Expr, lang: Lang) -> str:
    renderer = ExpressionRenderer(POLICY, language(lang), shipped_vocabulary())
    return renderer.noun(node)


def test_every_node_class_has_a_sample() -> None:
    assert {type(sample) for sample in SAMPLES} == set(leaves(ex.Expr))


@pytest.mark.parametrize("lang", LANGS)
def test_every_construct_has_words_of_its_own(lang: Lang) -> None:
    texts = [rendered(sample, lang) for sample in SAMPLES]
    assert all(texts)
    assert len(set(texts)) == len(texts)


def test_chinese_is_chinese() -> None:
    texts = "".join(rendered(sample, "zh") for sample in SAMPLES)
    assert not [word for word in (" is ", " the ", " of ", "whether", " and ") if word in texts]


# ------------------------------------------------------------------ text and rule cannot drift apart

amounts = st.integers(0, 10**9)
money = st.one_of(
    st.builds(ex.Literal, amounts, st.just(ex.MONEY)),
    st.sampled_from([ex.Ref("past_due", ex.MONEY), ex.Ref("income", ex.MONEY), ex.Ref("longest", ex.MONEY)]),
)
values = st.recursive(
    money,
    lambda inner: st.one_of(
        st.builds(ex.Arithmetic, st.sampled_from("+-"), inner, inner),
        st.builds(lambda a, b: ex.Call("smallest", (a, b), ex.MONEY), inner, inner),
        st.builds(lambda a, b: ex.Call("fallback", (a, b), ex.MONEY), inner, inner),
        st.builds(ex.If, st.just(LATE), inner, inner),
    ),
    max_leaves=6,
)
comparisons = st.builds(ex.Compare, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), values, values)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(ex.Not, inner),
        st.builds(lambda items: ex.And(tuple(items)), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda items: ex.Or(tuple(items)), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)


@given(conditions, conditions, st.sampled_from(LANGS))
def test_different_conditions_have_different_words(one: ex.Expr, other: ex.Expr, lang: Lang) -> None:
    renderer = ExpressionRenderer(POLICY, language(lang), shipped_vocabulary())
    assert (renderer.clause(one) == renderer.clause(other)) == (one == other)


@given(conditions, st.sampled_from(LANGS), st.data())
def test_a_changed_constant_changes_the_words(rule: ex.Expr, lang: Lang, data: st.DataObject) -> None:
    literals = [node for node in ex.nodes_of(rule) if isinstance(node, ex.Literal) and node.unit == ex.MONEY]
    if not literals:
        return
    old = data.draw(st.sampled_from(literals))
    renderer = ExpressionRenderer(POLICY, language(lang), shipped_vocabulary())
    changed = swapped(rule, old, replace(old, value=old.value + 1))
    assert renderer.clause(changed) != renderer.clause(rule)


def swapped(node: ex.Expr, old: ex.Literal, new: ex.Literal) -> ex.Expr:
    """The tree with one literal in the place of another."""
    match node:
        case ex.Literal():
            return new if node == old else node
        case ex.Not(item):
            return ex.Not(swapped(item, old, new))
        case ex.And(items):
            return ex.And(tuple(swapped(item, old, new) for item in items))
        case ex.Or(items):
            return ex.Or(tuple(swapped(item, old, new) for item in items))
        case ex.Compare(op, left, right):
            return ex.Compare(op, swapped(left, old, new), swapped(right, old, new))
        case ex.Arithmetic(op, left, right):
            return ex.Arithmetic(op, swapped(left, old, new), swapped(right, old, new))
        case ex.Call(_, args):
            return replace(node, args=tuple(swapped(arg, old, new) for arg in args))
        case ex.If(test, yes, no):
            return ex.If(swapped(test, old, new), swapped(yes, old, new), swapped(no, old, new))
        case _:
            return node


# ------------------------------------------------------------------ whole policies


def test_each_section_is_told() -> None:
    description = describe(POLICY, "en")
    assert [section.title for section in description.sections] == [
        "Ground",
        "Measurements",
        "Score",
        "Triggers",
        "Restoration",
        "New draws",
        "Offers",
        "Brake",
        "Promises",
    ]
    assert str(description).startswith("Policy everything, version 7\n\nGround\n- Amounts are in CNY.")


SENTENCES = {
    "late": (
        "“late”: when the time past due is at least 30 days, new draws are stopped and the limit is at most 50% of the "
        "granted line. It ends when that is no longer so and also the amount past due is CN¥0, at the earliest 30 days "
        "after it was last so. Reason code: arrears.",
        "“late”：当逾期时间不低于30天时，停止新的借款且额度不超过授予额度的50%。当该情况不再成立，并且逾期金额等于¥0时解除，"
        "最早在该情况最后一次成立的30天之后。原因代码：arrears。",
    ),
    "frozen_record": (
        "“frozen_record”: when the freeze mark of the latest credit report says yes, the line is closed. There is no "
        "way back from it but a person's ruling. It ends 5 years after it began, whatever else. Reason code: fraud.",
        "“frozen_record”：当最近一次征信报告的冻结标记为“是”时，关闭额度。除人工裁定外不可恢复。无论如何，开始5年后解除。"
        "原因代码：fraud。",
    ),
    "heavy": (
        "“heavy”: when “burden” is more than 40% and the amount of the latest income is known, the limit is at most "
        "70% of the granted line. It ends when that is no longer so. Reason code: debt_burden.",
        "“heavy”：当“burden”高于40%且最近一次收入的金额已知时，额度不超过授予额度的70%。当该情况不再成立时解除。"
        "原因代码：debt_burden。",
    ),
}


@pytest.mark.parametrize(("lang", "place"), [("en", 0), ("zh", 1)])
def test_triggers_read_as_sentences(lang: Lang, place: int) -> None:
    lines = describe(POLICY, lang).sections[3].lines
    assert lines == tuple(texts[place] for texts in SENTENCES.values())


@pytest.mark.parametrize(
    "changed",
    [
        replace(POLICY.triggers[0], hold_days=29),
        replace(POLICY.triggers[0], cap_bp=4_999),
        replace(POLICY.triggers[0], suspend=False),
        replace(POLICY.triggers[0], close=True),
        replace(POLICY.triggers[0], terminal=True),
        replace(POLICY.triggers[0], expires_days=400),
        replace(POLICY.triggers[0], clear=None),
        replace(POLICY.triggers[0], reason="other"),
    ],
)
@pytest.mark.parametrize("lang", LANGS)
def test_every_property_of_a_trigger_is_told(changed: m.Trigger, lang: Lang) -> None:
    altered = replace(POLICY, triggers=(changed, *POLICY.triggers[1:]))
    assert describe(altered, lang) != describe(POLICY, lang)


RESTORATION, OFFER = POLICY.restoration, POLICY.offer
assert RESTORATION is not None
assert OFFER is not None


@pytest.mark.parametrize(
    "altered",
    [
        replace(POLICY, honour_days=61),
        replace(POLICY, brake=m.Brake(201, 300)),
        replace(POLICY, brake=m.Brake(200, 301)),
        replace(POLICY, restoration=replace(RESTORATION, first_bp=4_001)),
        replace(POLICY, restoration=replace(RESTORATION, step_bp=2_001)),
        replace(POLICY, restoration=replace(RESTORATION, every_days=31)),
        replace(POLICY, restoration=replace(RESTORATION, condition=None)),
        replace(POLICY, offer=replace(OFFER, increase_bp=2_001)),
        replace(POLICY, offer=replace(OFFER, up_to_minor=1)),
        replace(POLICY, offer=replace(OFFER, every_days=91)),
        replace(POLICY, offer=replace(OFFER, valid_days=32)),
        replace(POLICY, authorise=()),
        replace(POLICY, protected=()),
        replace(POLICY, time_zone="Asia/Taipei"),
        replace(POLICY, dues=m.DueTerms(grace_days=3)),
        replace(POLICY, dues=m.DueTerms(tolerance_minor=1_000)),
        replace(POLICY, dues=m.DueTerms(prepaid_settles=True)),
        replace(POLICY, dues=m.DueTerms(business_days=m.BusinessDays((), (), ()))),
        replace(POLICY, over_limit="flag"),
        replace(POLICY, over_limit="reject"),
    ],
)
@pytest.mark.parametrize("lang", LANGS)
def test_every_part_of_a_policy_is_told(altered: m.Policy, lang: Lang) -> None:
    assert describe(altered, lang) != describe(POLICY, lang)


def test_dues_are_told_in_both_languages() -> None:
    """A due date that moves: by which weekend, whose holidays of which years, and the lender's own days."""
    days = m.BusinessDays((5, 6), (20_454, 20_735), (20_457, 20_738), m.PublicCalendar("cn", 2026, 2026, (20_454,), ()))
    dues = m.DueTerms(grace_days=3, tolerance_minor=1_000, prepaid_settles=True, business_days=days)
    told = {lang: describe(replace(POLICY, dues=dues), lang).sections[1] for lang in LANGS}
    assert told["en"].title == "Dues"
    assert told["en"].lines == (
        "What is paid within 3 days after its due date is paid on time. Later than that, the time past due counts from "
        "the due date.",
        "A bill of which no more than CN¥10 is missing counts as paid in full; what is missing stays owed.",
        "Money paid ahead settles the next bills.",
        "A due date that is no business day moves to the next business day.",
        "The weekend: Saturday and Sunday.",
        "No business days either: the public holidays of China, 2026 to 2026; the working days of weekends that go "
        "with them are business days. The policy holds the list of these days.",
        "The lender's own days without business: 9 October 2026.",
        "The lender's own business days: 4 January 2026 and 12 October 2026.",
    )
    assert told["zh"].title == "账单到期"
    assert told["zh"].lines[:2] == (
        "到期还款日后3天内还款的，视同按时还款（容时）。超过宽限期仍未还清的，逾期时间从到期还款日起算。",
        "应还金额未还部分不超过¥10的，视同全额还款（容差）；未还部分仍计入欠款。",
    )


def test_the_scorecard_is_told_bin_by_bin() -> None:
    lines = describe(POLICY, "en").sections[2].lines
    assert lines[0] == "The score begins at 500 points; the points below are added."
    assert lines[1] == (
        "“burden” (ability to repay): below 30%: 60 points; from 30% to below 60%: 25 points; 60% or more: -20 points; "
        "not known: 0 points."
    )
    assert lines[3].endswith("(willingness to repay): “app”: 5 points; “web”: 0 points; not known: 0 points.")
    assert lines[4].endswith("by score: below 500 points: 18%; 500 points or more: 1.2%.")


def test_a_table_is_told_row_by_row() -> None:
    from linekeeper.scorecard.card import PointsTable, Score

    table = PointsTable("burden", "longest", "ability", (3_000,), (100_00,), ((1, 2, 3), (4, 5, 6), (7, 8, 9)))
    card = Score(0, ("ability",), (), (table,))
    lines = describe(replace(POLICY, score=card), "en").sections[2].lines
    assert len(lines) == 4
    assert lines[1] == (
        "“burden” below 30%, by the largest amount of draws in the last 90 days (ability to repay): below CN¥100: "
        "1 point; CN¥100 or more: 2 points; not known: 3 points."
    )


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
@pytest.mark.parametrize("lang", LANGS)
def test_shipped_policies_explain_themselves(path: Path, lang: Lang) -> None:
    policy = load_file(path)
    text = str(describe(policy, lang))
    assert all(trigger.name in text for trigger in policy.triggers)
    assert "{" not in text


def test_shipped_policies_use_known_words() -> None:
    known = shipped_vocabulary().words
    for policy in map(load_file, POLICIES):
        own = [kind for kind in policy.kinds if not kind.built_in]
        assert {kind.name for kind in own} <= set(known["kinds"]) & set(known["plurals"])
        assert {field.name for kind in own for field in kind.fields} <= set(known["fields"])
        assert {choice for kind in own for field in kind.fields for choice in field.choices} <= set(known["choices"])


# ------------------------------------------------------------------ one rule, for a reason without wording


def test_a_rule_is_quoted_in_both_languages() -> None:
    words = trigger_words(POLICY, POLICY.triggers[2])
    assert words.en == (
        "the total amount of bills in the last 30 days as a share of the amount of the latest income is more than 40% "
        "and the amount of the latest income is known"
    )
    assert words.zh == "最近30天应还账单的金额合计占最近一次收入的金额的比例高于40%且最近一次收入的金额已知"
    assert trigger_words(POLICY, POLICY.authorise[0]).en == (
        "the amount asked for is more than CN¥2,000 and the number of draws in the last 24 hours is at least 3"
    )


def test_a_feature_is_told_by_what_it_measures() -> None:
    assert feature_words(POLICY, "longest").en == "the largest amount of draws in the last 90 days"
    assert feature_words(POLICY, "longest").zh == "最近90天借款的最高金额"


def test_a_very_deep_feature_is_told_by_its_name() -> None:
    links = "\n".join(f"  f{i}: f{i - 1} + f{i - 1}" for i in range(1, 60))
    policy = load_text(
        f"policy: deep\nversion: 1\ncurrency: CNY\ntime_zone: UTC\nfeatures:\n  f0: balance\n{links}\n"
        "triggers:\n  t: {when: f59 > 1 CNY, suspend: yes, reason: r}\n"
    )
    assert trigger_words(policy, policy.triggers[0]).en == "“f59” is more than CN¥1"
