"""Expressions of a mapping: what they give, what they refuse, and that a bad cell costs its own row alone."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.connect.notation import DateFormat, FormatError, Notation
from linekeeper.connect.row_expressions import Cells, UnreadableCell, compile_expression
from linekeeper.policy.syntax import Misread

GERMAN = Notation(decimal=",", thousands=".", dates=(DateFormat("%d.%m.%Y"),), zone=ZoneInfo("Europe/Berlin"))
ROW: dict[str, Any] = {
    "paid": "1.250,50", "fee": "10", "none": None, "word": "OPEN", "bad": "x", "day_": "31.01.2025", "Loan No": "L-7",
    "客户": "甲", "yes": "true", "big": "9" * 18, "typed": 12.5, "whole": 30.0, "stamp": datetime(2025, 3, 3, 10),
    "long": "x" * 600,
}  # fmt: skip


def value(text: str, notation: Notation = GERMAN) -> Any:
    cells = Cells({name: [cell] for name, cell in ROW.items()}, notation, [7], "f.csv")
    (one,) = compile_expression(text).values(cells)
    return one


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("paid + fee", Decimal("1260.50")),
        ("paid - fee * 2", Decimal("1230.50")),
        ("-paid", Decimal("-1250.50")),
        ("none + fee", None),
        ("typed + whole", Decimal("42.5")),
        ("word & '-' & [Loan No]", "OPEN-L-7"),
        ("客户 & row() & file()", "甲7f.csv"),
        ("whole & ''", "30"),
        ("day_ + 1m", date(2025, 2, 28)),
        ("day_ - 31d", date(2024, 12, 31)),
        ("day_ + 12h", datetime(2025, 1, 31, 12)),
        ("day_ + 1y", date(2026, 1, 31)),
        ("month_end(day_ + 1m)", date(2025, 2, 28)),
        ("day(day_) - day('2025-01-01')", Decimal(30)),
        ("day_ > day('2025-01-30') and stamp < day('2025-03-04')", True),
        ("word = 'OPEN' or bad > 0", True),
        ("word = 'SHUT' and bad > 0", False),
        ("none > 0 or none = 'x'", False),
        ("not (none > 0)", True),
        ("paid > 1250 and fee in (5, 10)", True),
        ("word in ('A', 'OPEN')", True),
        ("known(none)", False),
        ("first(none, fee)", "10"),
        ("first(none, paid + 0)", Decimal("1250.50")),
        ("if paid > 0 then 'in' else 'out'", "in"),
        ("if yes then paid else fee", "1.250,50"),
        ("abs(0 - fee)", Decimal(10)),
        ("min(paid, fee) + max(paid, fee)", Decimal("1260.50")),
        ("part([Loan No], 3, 9) & lower(word)", "7open"),
        ("trim('  ')", None),
        ("12.50", Decimal("12.50")),
        ("big * big * big", (10**18 - 1) ** 3),
    ],
)
def test_what_expressions_give(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("bad + 1", "`bad` is 'x', which is not a number with the decimal mark `,`"),
        ("bad > 0", "`bad` is 'x', which is not a number with the decimal mark `,`"),
        ("word + 1d", "`word` is 'OPEN', which is no day or time in `%d.%m.%Y`"),
        ("bad or yes = 'no'", "`bad` is 'x', which is not true or false; `values` can say what it means"),
        ("typed and true", "`typed` is 12.5, which is not true or false; `values` can say what it means"),
        ("big * big * big * big * big * big", "the expression gives a number or a day that is out of bounds"),
        ("day_ + 9999y", "the expression gives a number or a day that is out of bounds"),
    ],
)
def test_a_cell_that_cannot_be_read_gives_its_reason(text: str, reason: str) -> None:
    assert value(text) == UnreadableCell(reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("paid +", "ends too early"),
        ("paid ; drop", "`;` has no meaning here"),
        ("open('/etc/passwd')", "there is no function `open`"),
        ("paid.real", "has no meaning here|does not fit here"),
        ("known()", "`known` does not take 0 arguments"),
        ("part(word)", "`part` takes 3 arguments, not 1"),
        ("'a' + 1", "`\\+` needs numbers; `&` joins text"),
        ("7d", "can only be added to a day"),
        ("day_ * 7d", "cannot be multiplied"),
        ("word < 'A'", "text has no order"),
        ("day('soon') + 1d", "`soon` is no day or time"),
        ("if yes then 1 else 'a'", "this gives number or text"),
        ("(" * 60 + "1" + ")" * 60, "nested deeper than"),
        ("1" + " + 1" * 2_000, "at most 4000 characters"),
    ],
)
def test_what_is_no_expression_is_refused_before_any_row_is_read(text: str, reason: str) -> None:
    with pytest.raises(Misread, match=reason):
        compile_expression(text)


def test_a_text_cannot_grow_without_end() -> None:
    assert value("long & long") == UnreadableCell("the expression gives a text of more than 1000 characters")


CELL = st.one_of(
    st.none(), st.text(max_size=8), st.integers(), st.floats(), st.booleans(), st.dates(), st.datetimes(), st.binary(),
    st.lists(st.integers(), max_size=4), st.decimals(),
)  # fmt: skip
TEXTS = st.sampled_from(
    ["a + b", "a - 1m", "a & b", "a = b", "a > 0 and b", "known(a) or not b", "first(a, b)", "day(a) - day(b)",
     "month_end(a) + 5h", "part(a, 2, 3)", "abs(a) * b", "a in (b, 'x')", "if a then b else 1", "lower(trim(a))"]
)  # fmt: skip


@given(TEXTS, st.lists(st.tuples(CELL, CELL), min_size=1, max_size=4))
def test_any_cell_gives_a_value_or_a_reason(text: str, rows: list[tuple[Any, Any]]) -> None:
    """And each row gives what it gives alone: no other row has a say."""
    expression = compile_expression(text)

    def values(these: list[tuple[Any, Any]]) -> list[str]:
        columns = {"a": [row[0] for row in these], "b": [row[1] for row in these]}
        return [repr(each) for each in expression.values(Cells(columns, GERMAN, [1] * len(these)))]

    assert values(rows) == [one for row in rows for one in values([row])]


# ------------------------------------------------------------------ how numbers and days are written


@pytest.mark.parametrize(
    ("notation", "text", "number"),
    [
        (GERMAN, "1.250,50", "1250.50"),
        (GERMAN, "1250,5", "1250.5"),
        (GERMAN, "1.250,50-", "-1250.50"),
        (GERMAN, "(1.250,50)", "-1250.50"),
        (GERMAN, "250.50", None),
        (GERMAN, "1.25", None),
        (GERMAN, "1.2500,0", None),
        (GERMAN, "--5", None),
        (GERMAN, "", None),
        (Notation(), "250.50", "250.50"),
        (Notation(), "250,50", None),
        (Notation(), "1e3", None),
        (Notation(), "٥", None),
        (Notation(decimal=".", thousands=","), "12,34,567.25", "1234567.25"),
        (Notation(decimal=".", thousands=","), "12,34,56", None),
        (Notation(decimal=".", thousands=","), "1,23", None),
        (Notation(decimal=".", thousands="'"), "1'250.50", "1250.50"),
        (Notation(decimal=",", thousands=" "), "1\u202f250,50", "1250.50"),
        (Notation(decimal=".", thousands=",", symbols=("$",)), "$1,250.50", "1250.50"),
        (Notation(decimal=".", thousands=",", symbols=("$",)), "-$1,250.50", "-1250.50"),
        (Notation(decimal=".", thousands=",", symbols=("$",)), "($50.00)", "-50.00"),
        (Notation(decimal=",", symbols=("EUR",)), "12,5 EUR", "12.5"),
    ],
)
def test_numbers_are_read_as_the_mapping_says_or_not_at_all(notation: Notation, text: str, number: str | None) -> None:
    assert notation.number(text) == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    ("form", "text", "moment"),
    [
        ("%d.%m.%Y", "3.3.2025", date(2025, 3, 3)),
        ("%d.%m.%Y", "31.02.2025", None),
        ("%y%m%d", "250303", date(2025, 3, 3)),
        ("%y%m%d", "691231", date(1969, 12, 31)),
        ("%y%m%d", "25033", None),
        ("%Y%m%d", "250303", None),
        ("%Y%m", "202505", date(2025, 5, 1)),
        ("%d-%b-%Y", "03-MAY-2025", date(2025, 5, 3)),
        ("%d %B %Y", "3 March 2025", date(2025, 3, 3)),
        ("%d %B %Y", "3 Marchy 2025", None),
        ("%m/%d/%Y %I:%M %p", "3/3/2025 12:05 AM", datetime(2025, 3, 3, 0, 5)),
        ("%m/%d/%Y %I:%M %p", "3/3/2025 13:05 AM", None),
        ("%Y-%m-%d %H:%M:%S.%f", "2025-03-03 10:00:00.5", datetime(2025, 3, 3, 10, 0, 0, 500_000)),
        ("excel", "45719", date(2025, 3, 3)),
        ("excel", "59", None),
        ("excel", "-1", None),
        ("seconds", "1700000000", datetime.fromisoformat("2023-11-14T22:13:20Z")),
        ("milliseconds", "1700000000000", datetime.fromisoformat("2023-11-14T22:13:20Z")),
        ("%Y-%m-%dT%H:%M:%S%z", "2025-03-03T10:00:00+08:60", None),
    ],
)
def test_days_are_read_in_the_format_that_is_named(form: str, text: str, moment: Any) -> None:
    assert DateFormat(form).read(text) == moment


@pytest.mark.parametrize("form", ["%d.%m", "%Q", "%Y%y%m", "%Y-%m-%d %I", "%Y-%m-%d %M", "%", "plain", "%Y-%m-%d-%d"])
def test_a_format_that_cannot_say_a_day_is_refused(form: str) -> None:
    with pytest.raises(FormatError):
        DateFormat(form)
