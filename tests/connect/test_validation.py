"""The door: what is taken, what is refused and why, and that one row and many rows are read alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.connect.column_validation import admit_proven, rows_of
from linekeeper.connect.event_table import events_of_table
from linekeeper.connect.validation import Validator
from linekeeper.core.bounds import AT_END_MS, DAY_MAX, MONEY_MAX, TEXT_MAX
from linekeeper.core.event import Event
from linekeeper.policy.model import Policy
from tests.engine.lives import ANY_TIME

AT = 1_700_000_000_000
AT_BOUNDS = "1970-01-01 to 2099-12-31"
DRAW = {"id": "e1", "account": "A", "kind": "draw", "at": AT, "amount": 500}


def told(policy: Policy, major: bool = False, **changes: Any) -> str:
    """Why the draw with these changes is refused."""
    answer = Validator(policy, major=major).admit_one(DRAW | changes)
    assert isinstance(answer, str), f"admitted: {answer}"
    return answer


def taken(policy: Policy, major: bool = False, written: bool = False, **changes: Any) -> Event:
    answer = Validator(policy, major=major, written=written).admit_one(DRAW | changes)
    assert isinstance(answer, Event), answer
    return answer


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": float("nan")}, "`amount` is nan, which is not a whole number"),
        ({"amount": float("inf")}, "`amount` is inf, which is not a whole number"),
        ({"amount": Decimal("1e400")}, "`amount` is 1E+400, which is not a whole number"),
        ({"amount": 0.5}, "`amount` is 0.5, which is not a whole number"),
        ({"amount": 2.0**60}, "`amount` is 1.152921504606847e+18, which is not a whole number"),
        ({"amount": True}, "`amount` is True, which is not a whole number"),
        ({"amount": "500"}, "`amount` is '500', which is not a whole number"),
        ({"amount": [5]}, "`amount` is [5], which is not a whole number"),
        ({"amount": -1}, "`amount` is -1, out of bounds; it may lie from 0 to 10^15"),
        ({"amount": MONEY_MAX + 1}, "`amount` is 1000000000000001, out of bounds; it may lie from 0 to 10^15"),
        ({"amount": 10**5000}, "`amount` is too large to show, out of bounds; it may lie from 0 to 10^15"),
        ({"amount": None}, "`amount` is missing; each `draw` has one"),
        ({"kind": "drew"}, "`kind` is 'drew', which is no kind of this policy; did you mean `draw`?"),
        ({"kind": "x" * 10**6}, "`kind` is 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..., which is no kind of this policy"),
        ({"kind": None}, "`kind` is missing; each event has one"),
        ({"kind": 7}, "`kind` is 7, which is no kind of this policy"),
        ({"amuont": 5}, "`draw` has no field `amuont`; did you mean `amount`?"),
        ({"category": "food"}, "`draw` has no field `category`"),
        ({"id": ""}, "`id` is empty"),
        ({"id": None}, "`id` is missing; each event has one"),
        ({"account": "A\0B"}, "`account` is 'A\\x00B', with a control character or half a character in it"),
        ({"account": "\ud800"}, "`account` is '\\ud800', with a control character or half a character in it"),
        ({"account": "A\x85"}, "`account` is 'A\\x85', with a control character or half a character in it"),
        ({"id": "\ufeffe1"}, "`id` is '\\ufeffe1', with a control character or half a character in it"),
        ({"id": "e\u200b1"}, "`id` is 'e\\u200b1', with a control character or half a character in it"),
        ({"id": "e\u20281"}, "`id` is 'e\\u20281', with a control character or half a character in it"),
        ({"account": "A "}, "`account` is 'A ', with a blank at its start or end"),
        ({"id": "\u3000e1"}, "`id` is '\\u3000e1', with a blank at its start or end"),
        ({"account": "6.22500E+18"}, "`account` is '6.22500E+18', a number that a program has rewritten; export the "
            "column as text"),
        ({"id": "2.0"}, "`id` is '2.0', a number that a program has rewritten; export the column as text"),
        ({"account": b"\xff"}, "`account` is b'\\xff', which is not UTF-8 text"),
        ({"account": "x" * (TEXT_MAX + 1)}, f"`account` is '{'x' * 30}..., longer than 200 characters"),
        ({"at": AT_END_MS}, "`at` is 4102444800000, out of bounds; it may lie from " + AT_BOUNDS),
        ({"at": "9999-12-31T23:59:59Z"}, "`at` is '9999-12-31T23:59:59Z', out of bounds; it may lie from " + AT_BOUNDS),
        ({"at": -1}, "`at` is -1, out of bounds; it may lie from " + AT_BOUNDS),
        (
            {"at": "2025-03-01T08:00:00"},
            "`at` is '2025-03-01T08:00:00', which is not a time with its UTC offset; "
            "write it as `2025-03-01T08:00:00+08:00` or in UTC milliseconds",
        ),
    ],
)  # fmt: skip
def test_a_bad_row_is_refused_with_its_reason(policy: Policy, changes: dict[str, Any], reason: str) -> None:
    assert told(policy, **changes) == reason


def test_each_field_is_held_to_its_kind(policy: Policy) -> None:
    door = Validator(policy)
    base = {"id": "e", "account": "A", "at": AT}
    purchase = base | {"kind": "purchase", "amount": 1}
    assert door.admit_one(purchase | {"category": "Food"}) == (
        "`category` is 'Food', which is none of `food`, `travel`, `gambling`"
    )
    due = base | {"kind": "due", "amount": 1}
    assert door.admit_one(due | {"due_on": DAY_MAX + 1}) == (
        "`due_on` is 60001, out of bounds; it may lie from 1970-01-01 to 2134-04-11"
    )
    assert door.admit_one(due | {"due_on": "2025-02-29"}) == (
        "`due_on` is '2025-02-29', which is not a date; write it as `2025-03-01`"
    )
    assert door.admit_one(base | {"kind": "bureau", "score": 1, "frozen": 2}) == (
        "`frozen` is 2, out of bounds; it may lie from 0 to 1"
    )
    signed = door.admit_one(base | {"kind": "adjust", "amount": -MONEY_MAX})
    assert isinstance(signed, Event)
    assert signed.fields == {"amount": -MONEY_MAX}


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (AT, AT),
        ("2023-11-14T22:13:20Z", AT),
        ("2023-11-15 06:13:20+08:00", AT),
        ("2023-11-15T06:13:20.000999+0800", AT),
        (datetime(2023, 11, 15, 6, 13, 20, tzinfo=timezone(timedelta(hours=8))), AT),
        (float(AT), AT),
    ],
)
def test_an_instant_may_be_written_in_several_ways(policy: Policy, value: Any, at: int) -> None:
    assert taken(policy, at=value).at == at


@pytest.mark.parametrize(
    ("value", "minor"),
    [("12.5", 1250), ("12.50", 1250), ("12", 1200), (12, 1200), (12.34, 1234), (0.07, 7), (Decimal("12.34"), 1234)],
)
def test_major_units_become_minor_ones_exactly(policy: Policy, value: Any, minor: int) -> None:
    assert taken(policy, major=True, amount=value).fields["amount"] == minor


@pytest.mark.parametrize(
    "value", ["12.345", "1.000", "1.500", "1e3", "", "NaN", 0.001, Decimal("0.005"), Decimal("1." + "0" * 40 + "1")]
)
def test_major_units_that_do_not_fit_are_refused(policy: Policy, value: Any) -> None:
    assert "an amount in major units with at most 2 decimals" in told(policy, major=True, amount=value)


def test_written_numbers_are_digits(policy: Policy) -> None:
    assert taken(policy, written=True, at=str(AT), amount="500").fields == {"amount": 500}
    for odd in ("5.0", "+5", " 5", "5\n", "٥", "0x5", "5_000", "1e3"):
        assert isinstance(Validator(policy, written=True).admit_one(DRAW | {"at": str(AT), "amount": odd}), str), odd


def test_whole_numbers_may_name_an_account_and_dates_a_due(policy: Policy) -> None:
    event = taken(policy, kind="due", account=7, due_on=date(2025, 3, 1))
    assert (event.account, event.fields["due_on"]) == ("7", 20148)


# ------------------------------------------------------------------ one = many

TEXTS = st.sampled_from(
    ["", "A", "é" * 200, "x" * 201, "a\0b", "line\nbreak", "\x7f", "中", "food", "gambling", "Food", "draw", "500",
     "-5", "007", "12.50", "-0.5", "12.345", "1e3", "NaN", " 5", "5 ", "true", "True", "1", "0", "2025-02-29",
     "0001-01-01", "9999-12-31", "2025-03-01T08:00:00+08:00", "2025-03-01 08:00Z", "2025-03-01T08:00:00.123456Z",
     "2025-03-01T25:00:00Z", "2025-13-01T08:00:00Z", "2025-03-01T08:00:00", "9999-12-31T23:59:59Z",
     "1969-12-31T23:59:59.999999Z", "2025-03-01T08:00:00+24:00", "1" * 18, "1" * 19,
     "2025-03-01T08:00:00+08:60", "A\x85", "\ufeffA", "a\u200db", "a\u2028b", "5.0", "-5.00", "1.0",
     "9" * 15 + ".0", "1" * 16 + ".0", "6.22500E+18", "6E+18", "1.000", "1.00", "\u00a0A", "A\u3000", "A "]
)  # fmt: skip
INTS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-2, 3),
    st.sampled_from(
        [MONEY_MAX, MONEY_MAX + 1, -MONEY_MAX, -MONEY_MAX - 1, DAY_MAX, DAY_MAX + 1, AT, AT_END_MS, AT_END_MS - 1]
    ),
    st.sampled_from([MONEY_MAX // 100, MONEY_MAX // 100 + 1]),
)
FLOATS = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 5.0, 12.34, float(AT), 2.0**53, 2.0**53 + 2, 0.07, 1e15]))
DECIMALS = st.decimals(-(10**16), 10**16, places=3).map(lambda value: value.quantize(Decimal("0.001")))
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))
TYPES: list[tuple[Callable[[], pa.DataType], st.SearchStrategy[Any]]] = [
    (pa.string, TEXTS),
    (pa.large_string, TEXTS),
    (lambda: pa.dictionary(pa.int32(), pa.string()), TEXTS),
    (pa.int64, INTS),
    (pa.uint64, st.integers(0, 2**64 - 1)),
    (pa.int32, st.integers(-(2**31), 2**31 - 1)),
    (pa.float64, FLOATS),
    (lambda: pa.decimal128(22, 3), DECIMALS),
    (pa.bool_, st.booleans()),
    (pa.date32, st.dates()),
    (lambda: pa.timestamp("us", "UTC"), TIMES.map(lambda time: time.replace(tzinfo=UTC))),
    (lambda: pa.timestamp("ms", "Asia/Shanghai"), TIMES.map(lambda time: time.replace(microsecond=0, tzinfo=UTC))),
    (lambda: pa.timestamp("us"), TIMES),
    (pa.binary, st.sampled_from([b"\xff", b"A", b""])),
    (lambda: pa.list_(pa.int64()), st.lists(st.integers(0, 3), max_size=2)),
]
GOOD: dict[str, tuple[Callable[[], pa.DataType], st.SearchStrategy[Any]]] = {
    "id": (pa.string, st.sampled_from(["e1", "e2"])),
    "account": (pa.string, st.sampled_from(["A", "B"])),
    "kind": (pa.string, st.just("draw")),
    "at": (pa.int64, st.integers(0, AT_END_MS - 1)),
    "amount": (pa.int64, st.integers(-1, 10**6)),
    "category": (pa.string, st.sampled_from(["food", "travel", "Food"])),
    "due_on": (pa.int64, st.integers(-1, 100)),
    "score": (pa.int64, st.integers(0, 10)),
    "frozen": (pa.bool_, st.booleans()),
    "owed": (pa.int64, st.integers(0, 10)),
    "until": (pa.int64, st.integers(0, 10)),
    "why": (pa.string, TEXTS),
    "strange": (pa.string, TEXTS),
}


FIELDS = {
    "draw": ["amount"],
    "purchase": ["amount", "category"],
    "due": ["amount", "due_on"],
    "bureau": ["score", "frozen", "owed"],
    "adjust": ["amount"],
    "override": ["until", "why"],
    "ping": [],
}
FIXED = ["id", "account", "kind", "at"]


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Tables of any column types whose rows are nearly right: each fills the fields of its kind, most of the time."""
    kinds = draw(st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=5))
    names = sorted({name for kind in kinds for name in FIELDS[kind]})
    strangers = draw(st.sampled_from([[], [], [], ["strange"], ["owed"]]))
    columns = {}
    for name in [*FIXED, *names, *(name for name in strangers if name not in names)]:
        right = draw(st.integers(0, 3)) > 0
        make, values = GOOD[name] if right else draw(st.sampled_from(TYPES))
        cells = []
        for kind in kinds:
            fits = (name in FIXED or name in FIELDS[kind]) is (draw(st.integers(0, 11)) > 0)
            value = kind if right and name == "kind" else draw(values)
            cells.append(value if fits else None)
        made = make()
        plain = pa.array(cells, pa.string() if pa.types.is_dictionary(made) else made)
        columns[name] = plain.cast(made)
    return pa.table(columns)


@given(tables(), st.booleans(), st.booleans())
def test_one_row_and_many_rows_are_read_alike(policy: Policy, table: pa.Table, major: bool, written: bool) -> None:
    door = Validator(policy, major=major, written=written, clock=ANY_TIME)
    answers = [door.admit_one(row) for row in rows_of(table, np.arange(table.num_rows))]
    admitted, lines, aside = door.admit_many(table)
    assert list(events_of_table(admitted)) == [answer for answer in answers if isinstance(answer, Event)]
    assert lines.tolist() == [row for row, answer in enumerate(answers, 1) if isinstance(answer, Event)]
    assert [(bad.place, bad.reason) for bad in aside] == [
        (f"row {row}", answer) for row, answer in enumerate(answers, 1) if isinstance(answer, str)
    ]
    proven, rows = admit_proven(door, table)
    assert list(events_of_table(proven)) == [answers[row] for row in rows]


def hard_cells() -> list[pa.Array]:
    """Columns of one cell each, on and just beyond every bound."""
    bounds = [0, 1, -1, DAY_MAX, MONEY_MAX, 10**13, AT_END_MS, 2**53, 2**63 - 1, -(2**63)]
    whole = [number + step for number in bounds for step in (-1, 0, 1) if -(2**63) <= number + step < 2**63]
    texts = ["", "x" * 200, "x" * 201, "é" * 200, "\x1f", " ", "food", "draw", "true", "True", "1", "01", "-0", "2.5",
             "2.50", "2.505", "-2.5", "1e3", "5\n", "2025-02-28", "2025-02-29", "2134-04-11", "2134-04-12",
             "0000-01-01", "2025-03-01T08:00:00+08:00", "2025-03-01T08:00:00.1234567Z", "1969-12-31T23:59:59.999999Z",
             "1970-01-01T00:00Z", "2099-12-31T23:59:59.999Z", "2100-01-01T00:00:00Z", "2025-03-01T24:00:00Z",
             "2025-03-01T08:00:60Z", "2025-03-01T08:00:00+23:59", "2025-03-01T08:00:00+24:00"]  # fmt: skip
    cells = [pa.array([number], pa.int64()) for number in whole]
    cells += [pa.array([text]) for text in [*texts, *map(str, whole)]]
    cells += [pa.array([float(number)]) for number in whole] + [pa.array([float("nan")]), pa.array([-0.5])]
    for unit, last in (
        ("s", AT_END_MS // 1000),
        ("ms", AT_END_MS),
        ("us", AT_END_MS * 1000),
        ("ns", AT_END_MS * 10**6),
    ):
        cells += [pa.array([count], pa.timestamp(unit, "UTC")) for count in (-1, 0, last - 1, last)]
    return cells


HOMES: dict[str, dict[str, Any]] = {
    "id": {"kind": "ping"},
    "account": {"kind": "ping"},
    "at": {"kind": "ping"},
    "amount": {"kind": "adjust"},
    "due_on": {"kind": "due", "amount": 1},
    "frozen": {"kind": "bureau", "score": 1},
    "why": {"kind": "override", "until": 1},
    "category": {"kind": "purchase", "amount": 1},
}


@pytest.mark.parametrize("name", HOMES)
def test_on_every_bound_one_row_and_many_agree(policy: Policy, name: str) -> None:
    row = {"id": "1", "account": "A", "at": AT} | HOMES[name]
    taken_in = 0
    for door in (
        Validator(policy, major=major, written=written, clock=ANY_TIME)
        for major in (False, True)
        for written in (False, True)
    ):
        plain = {key: str(value) if door.written else value for key, value in row.items()}
        for cell in hard_cells():
            table = pa.table({key: pa.array([value]) for key, value in plain.items()} | {name: cell})
            (values,) = rows_of(table, np.arange(1))
            one, (proven, _) = door.admit_one(values), admit_proven(door, table)
            assert list(events_of_table(proven)) in ([one], []), f"{cell[0]!r}: {one}"
            taken_in += isinstance(one, Event)
    assert taken_in >= 4


def test_text_that_is_not_utf8_costs_its_row_alone(policy: Policy) -> None:
    raw = pa.array([b"A", b"\xff", b"B"], pa.binary())
    accounts = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    table = pa.table({"id": ["1", "2", "3"], "account": accounts, "kind": ["ping"] * 3, "at": [AT] * 3})
    admitted, lines, aside = Validator(policy).admit_many(table)
    assert admitted["account"].to_pylist() == ["A", "B"]
    assert lines.tolist() == [1, 3]
    assert [(bad.place, bad.reason) for bad in aside] == [("row 2", "`account` is b'\\xff', which is not UTF-8 text")]


def test_clean_columns_are_proven_at_once(policy: Policy) -> None:
    table = pa.table({
        "id": ["1", "2", "3"],
        "account": ["A", "A", "B"],
        "kind": ["due", "purchase", "draw"],
        "at": ["2025-03-01T08:00:00+08:00", "2025-03-01T00:00Z", "2025-03-01 00:00:00.5Z"],
        "amount": ["12.50", "3", "0.07"],
        "category": [None, "food", None],
        "due_on": ["2025-03-20", None, None],
    })  # fmt: skip
    admitted, rows = admit_proven(Validator(policy, major=True, written=True), table)
    assert rows.tolist() == [0, 1, 2]
    assert admitted["amount"].to_pylist() == [1250, 300, 7]
    assert admitted["at"].to_pylist() == [1_740_787_200_000, 1_740_787_200_000, 1_740_787_200_500]
    assert admitted["due_on"].to_pylist() == [20167, None, None]
