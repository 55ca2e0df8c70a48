"""Decision tables: what their rows come to, and what is found where rows leave a gap or overlap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.errors import PolicyError
from linekeeper.policy import expression as ex
from linekeeper.policy.analysis.coverage import CELLS_MAX, Range, coverage_of
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Feature
from tests.oracle.held import parted
from tests.oracle.reader import read
from tests.oracle.values import evaluate
from tests.policy.texts import HEAD, TRIGGERS

DPD = ex.Ref("days_past_due", "days")


def table(hit: str, *rows: str) -> Feature:
    """The feature `it` of a table with these rows, which the oracle reads alike."""
    text = f"{HEAD}tables:\n  it:\n    hit: {hit}\n    rows:\n" + "".join(f"      - {{{row}}}\n" for row in rows)
    policy = load_text(text + TRIGGERS)
    assert parted(read(text + TRIGGERS), policy) == []
    return policy.feature("it")


def worth(hit: str, days: int, *rows: str) -> int | None:
    """What the oracle makes of such a table that many days past due."""
    text = f"{HEAD}tables:\n  it:\n    hit: {hit}\n    rows:\n" + "".join(f"      - {{{row}}}\n" for row in rows)
    (own,) = read(text + TRIGGERS).features
    return evaluate(own.expr, lambda _: days)


ROWS = ("when: days_past_due >= 60, then: 20%", "when: days_past_due >= 30, then: 50%", "then: 100%")


@pytest.mark.parametrize(("days", "share"), [(0, 10_000), (29, 10_000), (30, 5_000), (59, 5_000), (60, 2_000)])
def test_the_first_row_that_holds(days: int, share: int) -> None:
    assert worth("first", days, *ROWS) == share
    assert table("first", *ROWS).unit == "share"


@pytest.mark.parametrize(("days", "share"), [(0, 10_000), (30, 5_000), (60, 2_000)])
def test_the_lowest_of_all_that_hold(days: int, share: int) -> None:
    assert worth("lowest", days, *reversed(ROWS)) == share


@pytest.mark.parametrize(("days", "points"), [(0, 0), (30, 3), (60, 8)])
def test_the_sum_of_all_that_hold(days: int, points: int) -> None:
    assert worth("sum", days, "when: days_past_due >= 60, then: 5", "when: days_past_due >= 30, then: 3") == points


def test_a_table_without_a_gap_needs_no_last_row() -> None:
    rows = ("when: days_past_due < 30, then: 1", "when: days_past_due >= 30, then: 2")
    expected = ex.If(ex.Compare("<", DPD, ex.Literal(30, "days")), ex.Literal(1, "count"), ex.Literal(2, "count"))
    assert table("only", *rows).expr == table("first", *rows).expr == expected


def test_words_are_the_list_of_the_table() -> None:
    made = table("first", "when: days_past_due > 3, then: '\"watch\"'", "then: '\"calm\"'")
    assert (made.unit, made.choices) == ("category", ("watch", "calm"))


def test_a_missing_value_is_a_case_of_its_own() -> None:
    text = f"""{HEAD}events: {{income: {{amount: money}}}}
features: {{income: last(income.amount)}}
tables:
  it:
    hit: first
    rows:
      - {{when: income < 100 CNY, then: 1}}
      - {{when: income >= 100 CNY, then: 2}}
"""
    with pytest.raises(PolicyError, match="`it` has no row for a case like `income` missing; add a last row"):
        load_text(text + TRIGGERS)
    assert (
        load_text(f"{text}      - {{when: not known(income), then: 3}}\n{TRIGGERS}").feature("it").maybe_missing
        is False
    )


def test_too_many_cases_ask_for_a_last_row() -> None:
    facts = ("days_past_due", "on_time_streak", "months_on_book", "days_in_status", "days_observed")
    rows = [f"when: {' and '.join(f'{name} > {10 * n}' for name in facts)}, then: {n}" for n in (4, 3, 2, 1)]
    with pytest.raises(PolicyError, match="`it` has too many cases to see whether its rows cover them all"):
        table("first", *rows)
    assert table("first", *rows, "then: 9").unit == "count"


def test_the_formatter_knows_them() -> None:
    rows = "      - {when: days_past_due>3, then: 1+2}\n      - {then: 2}\n"
    text = f"{HEAD}tables:\n  it:\n    hit: first\n    rows:\n{rows}"
    assert "{when: days_past_due > 3, then: 1 + 2}" in format_text(text + TRIGGERS)


# ------------------------------------------------------------------ the law

_NAMES = ("a", "b")
_COMPARED = st.builds(
    lambda op, name, value: ex.Compare(op, ex.Ref(name, "count"), ex.Literal(value, "count")),
    st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
    st.sampled_from(_NAMES),
    st.integers(0, 6),
)
_CONDITIONS = st.recursive(
    _COMPARED,
    lambda inner: inner.map(ex.Not) | st.lists(inner, min_size=2, max_size=3).map(lambda some: ex.And(tuple(some))),
    max_leaves=4,
)


def holds(expr: ex.Expr, a: int | None, b: int | None) -> bool:
    match expr:
        case ex.Not(item):
            return not holds(item, a, b)
        case ex.And(items):
            return all(holds(item, a, b) for item in items)
        case ex.Compare(op, ex.Ref(name), ex.Literal(value)):
            met = a if name == "a" else b
            if met is None:
                return False
            return {
                "=": met == value,
                "!=": met != value,
                "<": met < value,
                "<=": met <= value,
                ">": met > value,
                ">=": met >= value,
            }[op]
    raise AssertionError(expr)


@given(st.lists(_CONDITIONS, min_size=1, max_size=4))
def test_gaps_and_overlaps_are_those_of_all_values(rows: list[ex.Expr]) -> None:
    """`a` may be missing and goes from 0 to 8, `b` from 0 to 8: every pair is complete, beside what is found."""
    found = coverage_of(rows, lambda atom: Range(0, 8, maybe_missing=atom == ex.Ref("a", "count")))
    held = [[n for n, row in enumerate(rows) if holds(row, a, b)] for a in (None, *range(9)) for b in range(9)]
    assert (found.gap is not None) == any(not some for some in held)
    assert set(found.unreached) == set(range(len(rows))) - {some[0] for some in held if some}
    assert set(found.overlaps) == {(some[0], other) for some in held for other in some[1:]}
    assert found.complete


def test_the_number_of_cases_is_bounded() -> None:
    rows = [ex.Compare(">", ex.Ref(f"f{n}", "count"), ex.Literal(1, "count")) for n in range(40)]
    assert CELLS_MAX < 2**40
    assert coverage_of([ex.And(tuple(rows))], lambda _: Range(0, 9)).complete is False
