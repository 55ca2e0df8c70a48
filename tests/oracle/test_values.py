"""Functions, missing values and the score, value by value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.oracle.oracle import authorise
from tests.oracle.story import ledger, moment, written
from tests.oracle.tree import Score, Table
from tests.oracle.values import Value, scored

EVENTS = """events:
  income: {amount: money}
  bureau: {frozen: "flag?", owed: "signed money", grade: [low, middle, high, "?"]}
"""
TELLS = "triggers:\n  never: {when: balance < 0 CNY, suspend: yes, reason: x}\n"
START = "2024-01-01 09:00  open limit=1000\n"


def worth(expression: str, events: str = "") -> Value:
    """The value of a feature after these events; balance is 30.05, limit 1000, and nothing else has happened."""
    policy = written(f"{EVENTS}features:\n  asked: '{expression}'\n{TELLS}")
    text = f"{START}2024-01-01 10:00  draw amount=30.05\n{events}"
    return authorise(policy, ledger(policy, text), moment(policy, "2024-01-02", "00:00"), 0).values["asked"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("percent(balance, limit)", 300),  # 3.005 % of the line, whole basis points
        ("percent(limit, balance)", 332_778),
        ("percent(0 CNY, 0 CNY)", 0),
        ("percent(0.01 CNY, 0 CNY)", 1_000_000),
        ("percent(past_due, limit)", 0),
        ("percent(limit, past_due)", 1_000_000),
        ("percent(1_000_000 CNY, 0.01 CNY)", 1_000_000),
        ("percent(last(bureau.owed), limit)", None),
        ("part(balance, 50%)", 1502),
        ("part(last(income.amount), 50%)", None),
        ("per(balance, 2)", 1502),
        ("per(balance, on_time_streak)", None),
        ("smallest(balance, limit, 5 CNY)", 500),
        ("largest(balance, limit, 5 CNY)", 100_000),
        ("largest(balance, last(income.amount))", None),
        ("fallback(last(income.amount), 7 CNY)", 700),
        ("fallback(balance, 7 CNY)", 3005),
        ("known(last(income.amount))", 0),
        ("known(balance)", 1),
        ("balance - limit", -96_995),
        ("balance * 3", 9015),
        ("balance - last(income.amount)", None),
        ("last(income.amount) >= 0 CNY", 0),
        ("last(income.amount) != 0 CNY", 0),
        ("not (last(income.amount) >= 0 CNY)", 1),
        ("last(bureau.frozen)", None),
        ("not last(bureau.frozen)", 1),
        ("last(bureau.frozen) = false", 0),
        ("if last(bureau.frozen) then 1 CNY else balance", 3005),
        ('last(bureau.grade) in ("low", "high")', 0),
    ],
)
def test_the_functions_and_their_zero_and_missing_rules(expression: str, value: Value) -> None:
    assert worth(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("part(last(bureau.owed), 50%)", -151),  # floor, also below zero
        ("per(last(bureau.owed), 2)", -151),
        ("percent(last(bureau.owed), limit)", 0),
        ("max(bureau.owed, 1d)", None),  # yesterday's
        ("max(bureau.owed, 2d)", -301),
        ("last(bureau.grade)", 2),
        ('last(bureau.grade) in ("low", "high")', 1),
        ("last(bureau.frozen)", 1),
        ("count(bureau where known(frozen), 2d)", 1),
        ("count(bureau where not frozen, 2d)", 1),
    ],
)
def test_an_absent_field_is_passed_over(expression: str, value: Value) -> None:
    events = "2024-01-01 11:00  bureau owed=-3.01 frozen=1 grade=high\n2024-01-01 12:00  bureau owed=-3.01\n"
    assert worth(expression, events) == value


@pytest.mark.parametrize("balance", [10**13, -(10**13)])
def test_a_feature_is_held_to_a_quadrillion_minor_units(balance: int) -> None:
    assert worth("balance * 1000", f"2024-01-01 11:00  balance amount={balance}\n") == balance * 100
    assert worth("balance + 1 CNY", "2024-01-01 11:00  balance amount=10000000000000\n") == 10**15


SCORED = """features:
  burden: {value: "percent(sum(due.amount, 30d), last(income.amount))", worse: higher}
  grade: last(bureau.grade)
score:
  base: 500
  ability:
    burden: {below 30%: 60, below 60%: 25, otherwise: -20, missing: 5}
  willingness:
    grade: {'is "high"': -40, otherwise: 10, missing: 0}
  pd: {below 500: 18%, below 560: 6.5%, otherwise: 0.0001%}
"""


@pytest.mark.parametrize(
    ("income", "grade", "score", "ability", "willingness", "pd"),
    [
        ("0", "", 480, -20, 0, 180_000),  # a due against no income: the ceiling
        ("", "", 505, 5, 0, 65_000),
        ("1000", "low", 535, 25, 10, 65_000),  # 300 of 1000 is 30 %: not below it
        ("1000.34", "", 560, 60, 0, 1),  # 29.99 %
        ("500.01", "high", 485, 25, -40, 180_000),  # 59.99 %
        ("500", "middle", 490, -20, 10, 180_000),
    ],
)
def test_the_score_is_base_and_points_and_its_groups_add_up(
    income: str, grade: str, score: int, ability: int, willingness: int, pd: int
) -> None:
    equals = f"score = {score} and ability = {ability} and willingness = {willingness} and pd = {pd / 10_000:.4f}%"
    rule = f"authorise:\n  as_told: {{deny: '{equals}', reason: x}}\n"
    policy = written(EVENTS + SCORED + TELLS + rule)
    text = START + "2024-01-02 09:00  due amount=300 due_on=2024-01-20\n"
    text += f"2024-01-02 10:00  income amount={income}\n" if income else ""
    text += f"2024-01-02 11:00  bureau owed=0 grade={grade}\n" if grade else ""
    assert authorise(policy, ledger(policy, text), moment(policy, "2024-01-03", "00:00"), 0).denied_by == ("as_told",)


@pytest.mark.parametrize(
    ("row", "column", "score"),
    [(9, 4, 1), (9, 5, 2), (10, 4, 4), (10, 5, 5), (None, 4, 7), (9, None, 3), (None, None, 9)],
)
def test_a_table_gives_points_by_two_features_and_its_last_row_and_column_are_for_missing(
    row: Value, column: Value, score: int
) -> None:
    table = Table("row", "column", "ability", (10,), (5,), ((1, 2, 3), (4, 5, 6), (7, 8, 9)))
    card = Score(0, (), (table,), pd_below=(5,), pd_ppm=(60_000, 10_000))
    found = scored(replace(written(TELLS), score=card), {"row": row, "column": column})
    assert (found.score, found.pd_ppm) == (score, 60_000 if score < 5 else 10_000)
