"""Every construct of the language, from its text to the node that the kernel is made from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from linekeeper.policy import model as m
from linekeeper.policy.expression import (
    And,
    Arithmetic,
    Call,
    Compare,
    DaysSince,
    Expr,
    Fact,
    FieldRef,
    HourOfDay,
    If,
    In,
    Last,
    LateCount,
    Literal,
    Not,
    Or,
    Ref,
    Restrictions,
    ScoreRef,
    Select,
    Unit,
    Window,
    Windowed,
    nodes_of,
)
from linekeeper.policy.load import load_file, load_text
from tests.policy.texts import EVENTS, HEAD, TRIGGERS, condition, feature, policy, value

POLICIES = Path(__file__).parents[2] / "policies"
BALANCE, DPD = Ref("balance", "money"), Ref("days_past_due", "days")


def units(expr: Expr) -> list[Unit]:
    """The unit of each node, outermost first; it is no part of what makes two nodes equal."""
    return [node.unit for node in nodes_of(expr)]


@pytest.mark.parametrize(
    ("text", "expected", "unit"),
    [
        ("count(draw, 24h)", Windowed("count", Select("draw"), None, Window(24, "h"), "count"), "count"),
        ("sum(repay.amount, 30d)", Windowed("sum", Select("repay"), "amount", Window(30, "d"), "money"), "money"),
        ("max(purchase.owed, 12m)", Windowed("max", Select("purchase"), "owed", Window(12, "m"), "money"), "money"),
        ("sum(purchase.term, 1d)", Windowed("sum", Select("purchase"), "term", Window(1, "d"), "days"), "days"),
        ("last(income.amount)", Last(Select("income"), "amount", "money"), "money"),
        ("last(purchase.rate)", Last(Select("purchase"), "rate", "share"), "share"),
        ("last(purchase.category)", Last(Select("purchase"), "category", "category"), "category"),
        ("days_since(income)", DaysSince(Select("income")), "days"),
        ("late_count(30, 12m)", LateCount(30, Window(12, "m")), "count"),
        ("restrictions(90d)", Restrictions(Window(90, "d")), "count"),
        ("utilisation", Ref("utilisation", "share"), "share"),
        ("balance + 5 CNY", Arithmetic("+", BALANCE, Literal(500, "money")), "money"),
        ("balance - 0.50 CNY", Arithmetic("-", BALANCE, Literal(50, "money")), "money"),
        ("3 * balance", Arithmetic("*", BALANCE, Literal(3, "count")), "money"),
        ("balance * -2", Arithmetic("*", BALANCE, Literal(-2, "count")), "money"),
        ("percent(balance, limit)", Call("percent", (BALANCE, Ref("limit", "money")), "share"), "share"),
        ("part(limit, 2.5%)", Call("part", (Ref("limit", "money"), Literal(250, "share")), "money"), "money"),
        (
            "per(limit, on_time_streak)",
            Call("per", (Ref("limit", "money"), Ref("on_time_streak", "count")), "money"),
            "money",
        ),
        ("smallest(balance, limit)", Call("smallest", (BALANCE, Ref("limit", "money")), "money"), "money"),
        (
            "largest(days_past_due, 30, 1y)",
            Call("largest", (DPD, Literal(30, "days"), Literal(365, "days")), "days"),
            "days",
        ),
        ("fallback(balance, 1_000 CNY)", Call("fallback", (BALANCE, Literal(100_000, "money")), "money"), "money"),
        ("known(balance)", Call("known", (BALANCE,), "flag"), "flag"),
        (
            "if days_past_due > 3 then 1 else 2",
            If(Compare(">", DPD, Literal(3, "days")), *map(Literal, (1, 2), ("count",) * 2)),
            "count",
        ),
        ("(balance)", BALANCE, "money"),
    ],
)
def test_values(text: str, expected: Expr, unit: str) -> None:
    named = feature(text)
    assert (named.expr, named.unit) == (expected, unit)
    assert units(named.expr) == units(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("days_past_due >= 30", Compare(">=", DPD, Literal(30, "days"))),
        ("days_past_due < 2y", Compare("<", DPD, Literal(730, "days"))),
        ("utilisation != 30%", Compare("!=", Ref("utilisation", "share"), Literal(3_000, "share"))),
        ("30% = utilisation", Compare("=", Literal(3_000, "share"), Ref("utilisation", "share"))),
        ("balance == limit", Compare("=", BALANCE, Ref("limit", "money"))),
        ("balance <= -5 CNY", Compare("<=", BALANCE, Literal(-500, "money"))),
        ("on_time_streak in (1, 3, 2)", In(Ref("on_time_streak", "count"), (1, 2, 3))),
        ("not true", Not(Literal(1, "flag"))),
        ("true and false or true", Or((And((Literal(1, "flag"), Literal(0, "flag"))), Literal(1, "flag")))),
        ("not days_past_due > 3", Not(Compare(">", DPD, Literal(3, "days")))),
        (
            "balance + limit * 2 > 0 CNY",
            Compare(
                ">",
                Arithmetic("+", BALANCE, Arithmetic("*", Ref("limit", "money"), Literal(2, "count"))),
                Literal(0, "money"),
            ),
        ),
    ],
)
def test_conditions(text: str, expected: Expr) -> None:
    assert condition(text) == expected
    assert units(condition(text)) == units(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('category = "gambling"', Compare("=", FieldRef("category", "category"), Literal(1, "category"))),
        ('category in ("gambling", "food")', In(FieldRef("category", "category"), (0, 1))),
        ("hour < 5", Compare("<", HourOfDay(), Literal(5, "count"))),
        (
            "known(owed) and amount > 1 CNY",
            And(
                (
                    Call("known", (FieldRef("owed", "money"),), "flag"),
                    Compare(">", FieldRef("amount", "money"), Literal(100, "money")),
                )
            ),
        ),
        ("count >= 2", Compare(">=", FieldRef("count", "count"), Literal(2, "count"))),
    ],
)
def test_filters(text: str, expected: Expr) -> None:
    assert value(f"count(purchase where {text}, 7d)") == Windowed(
        "count", Select("purchase", expected), None, Window(7, "d"), "count"
    )


def test_a_flag_stands_where_a_condition_does() -> None:
    assert value("count(device where new, 7d)") == Windowed(
        "count", Select("device", FieldRef("new", "flag")), None, Window(7, "d"), "count"
    )
    assert condition("risky", "features:\n  risky: balance > limit\n") == Ref("risky", "flag")


def test_a_category_carries_its_choices() -> None:
    """On the name, on the word that it is compared with, and on what stands for it."""
    words = ("food", "gambling")
    features = "features:\n  spent_on: last(purchase.category)\n"
    test = condition('fallback(spent_on, "food") = "gambling"', features)
    assert [(node.unit, node.choices) for node in nodes_of(test)] == [("flag", ()), *[("category", words)] * 4]
    filtered = value('count(purchase where category = "food", 7d)')
    assert isinstance(filtered, Windowed)
    assert filtered.select.where is not None
    assert [node.choices for node in nodes_of(filtered.select.where)] == [(), words, words]


def test_measures_written_in_place_become_features() -> None:
    loaded = policy("triggers:\n  t: {when: 'count(draw,7d) >= 3', suspend: yes, reason: r}\n")
    assert loaded.triggers[0].when == Compare(">=", Ref("count(draw, 7d)", "count"), Literal(3, "count"))
    assert loaded.feature("count(draw, 7d)") == m.Feature(
        "count(draw, 7d)", Windowed("count", Select("draw"), None, Window(7, "d"), "count"), False, named=False
    )


def test_a_feature_may_have_the_name_of_what_it_measures() -> None:
    """Inside a measure names are kinds and fields, never features: no circle."""
    text = "features:\n  income: last(income.amount)\n  device: count(device, 7d)\n  new: count(device where new, 7d)\n"
    assert [one.name for one in policy(text + TRIGGERS).features if one.named] == ["income", "device", "new"]


def test_features_stand_in_an_order_in_which_each_uses_earlier_ones() -> None:
    loaded = policy("features:\n  c: b * 2\n  b: a + 1\n  a: count(draw, 7d)\n" + TRIGGERS)
    assert [one.name for one in loaded.features if one.named] == ["a", "b", "c"]


def test_what_may_be_missing() -> None:
    missing = ("last(income.amount)", "days_since(draw)", "max(draw.amount, 7d)", "per(limit, on_time_streak)")
    never = ("count(draw, 7d)", "sum(draw.amount, 7d)", "balance")
    assert all(feature(text).maybe_missing for text in missing)
    assert not any(feature(text).maybe_missing for text in never)
    assert not feature("fallback(last(income.amount), 0 CNY)").maybe_missing
    assert feature("last(income.amount) + balance").maybe_missing


def test_events() -> None:
    loaded = policy()
    assert [kind.name for kind in loaded.kinds][-3:] == ["income", "purchase", "device"]
    assert loaded.kind("purchase").fields == (
        m.Field("amount", "money"),
        m.Field("category", "category", ("food", "gambling")),
        m.Field("term", "days"),
        m.Field("rate", "share"),
        m.Field("owed", "money", optional=True, signed=True),
        m.Field("count", "count", optional=True),
    )
    assert [kind.number for kind in loaded.kinds] == list(range(len(loaded.kinds)))


def test_hardship_may_be_given_its_codes() -> None:
    text = HEAD + "events:\n  hardship: {code: [illness, job_loss]}\n" + TRIGGERS
    hardship = load_text(text).kind("hardship")
    assert hardship.fields == (m.Field("code", "category", ("illness", "job_loss")),)
    assert policy().kind("hardship").text == ("code",)


def test_score() -> None:
    text = """score:
  base: 480
  ability:
    utilisation: {below 30%: 60, below 60.5%: 25, otherwise: -20}
  willingness:
    kind_of: {is "gambling": -5, otherwise: 0, missing: 1}
    risky: {is true: -9, is false: 2}
  pd: {below 500: 18%, otherwise: 0.0001%}
"""
    features = "features:\n  kind_of: last(purchase.category)\n  risky: balance > limit\n"
    card = policy(
        features + text + "triggers:\n  t: {when: score < 500 and pd > 2% and ability > -20, suspend: yes, reason: r}\n"
    )
    assert card.score is not None
    ability, kind_of, risky = card.score.bins
    assert (ability.below, ability.points, ability.group) == ((3_000, 6_050), (60, 25, -20), "ability")
    assert (kind_of.by_choice, kind_of.missing) == ((0, -5), 1)
    assert risky.by_choice == (2, -9)
    assert (card.score.base, card.score.pd_below, card.score.pd_ppm) == (480, (500,), (180_000, 1))
    assert card.triggers[0].when == And(
        (
            Compare("<", ScoreRef("score"), Literal(500, "points")),
            Compare(">", ScoreRef("pd"), Literal(20_000, "pd")),
            Compare(">", ScoreRef("ability"), Literal(-20, "points")),
        )
    )


def test_triggers_and_the_rest() -> None:
    text = """protected: [age, sex]
triggers:
  a: {when: true, clear: false, hold: 30d, cap: 33.33%, suspend: yes, close: no, reason: r, expires: 5y}
  b: {when: true, close: yes, terminal: yes, reason: other}
restoration: {first: 0%, step: 0.01%, every: 2y, while: past_due = 0 CNY}
authorise:
  night: {deny: "amount > 2000 CNY and balance > 0 CNY", reason: rapid}
offer: {when: true, increase: 20%, up_to: 200_000 CNY, every: 90d, valid: 30}
brake: {lines: 2%, exposure: 0.5%}
honour: 60d
"""
    loaded = policy(text)
    true, false = Literal(1, "flag"), Literal(0, "flag")
    assert loaded.triggers == (
        m.Trigger("a", true, false, "r", 30, 3_333, suspend=True, expires_days=1_825),
        m.Trigger("b", true, None, "other", close=True, terminal=True),
    )
    assert loaded.restoration == m.Restoration(0, 1, 730, Compare("=", Ref("past_due", "money"), Literal(0, "money")))
    assert loaded.authorise[0].deny == And(
        (
            Compare(">", FieldRef("amount", "money"), Literal(200_000, "money")),
            Compare(">", BALANCE, Literal(0, "money")),
        )
    )
    assert loaded.offer == m.Offer(true, 2_000, 20_000_000, 90, 30)
    assert loaded.brake == m.Brake(200, 50)
    assert (loaded.honour_days, loaded.protected) == (60, ("age", "sex"))


@pytest.mark.parametrize(
    ("currency", "more", "minor"),
    [("CNY", "", 500), ("JPY", "", 5), ("KWD", "", 5_000), ("TWD", "minor_digits: 0\n", 5)],
)
def test_the_currency_fixes_the_minor_unit(currency: str, more: str, minor: int) -> None:
    text = f"policy: p\nversion: 1\ncurrency: {currency}\n{more}time_zone: UTC\n"
    text += f"triggers:\n  t: {{when: balance > 5 {currency}, suspend: yes, reason: r}}\n"
    assert load_text(text).triggers[0].when == Compare(">", BALANCE, Literal(minor, "money"))


def test_the_digest_is_that_of_the_text() -> None:
    loaded = policy()
    assert loaded.source == HEAD + EVENTS + TRIGGERS
    assert loaded.digest == hashlib.sha256(loaded.source.encode()).hexdigest()


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_policies_that_come_with_it(path: Path) -> None:
    loaded = load_file(path)
    assert loaded.name == path.stem
    assert any(isinstance(one.expr, Windowed) for one in loaded.features)


def test_facts_are_features_once_they_are_used() -> None:
    assert policy().feature("days_past_due").expr == Fact("days_past_due", "days")
    assert [one.name for one in policy().features] == ["days_past_due"]
